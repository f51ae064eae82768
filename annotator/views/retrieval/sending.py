"""What leaves the workspace: a selection as a queue of Review, and a table as CSV."""

from datetime import datetime
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from annotator.views.background import Background
from annotator.views.retrieval.cases import Cases, Places, table_csv
from annotator.views.retrieval.reading import Source
from annotator.views.retrieval.workspace import RetrievalWorkspace
from davenet.files import write_text_atomically

_NOTHING = (
    "None of these is a pair with a label of this project (uniform ones have none), so there is nothing to judge."
)


class Sending(QObject):
    """`sent` carries a name and uids for the review queue."""

    sent = Signal(str, object)
    failed = Signal(object)  # UserError

    def __init__(self, view: RetrievalWorkspace, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._background = view, background
        self._cases: Cases | None = None
        self._source: Source | None = None
        view.send_requested.connect(self._send)
        view.csv_requested.connect(self._save_csv)
        view.page_changed.connect(lambda _page: self.count())
        view.panel.list.selection_moved.connect(self.count)
        view.plane.selected.connect(lambda _places: self.count())
        view.matrix.selected.connect(lambda _places: self.count())
        view.tables.group_chosen.connect(self.count)
        view.set_send(0)

    def set_cases(self, cases: Cases | None, source: Source | None) -> None:
        self._cases, self._source = cases, source
        self.count()

    def selected(self) -> Places:
        """Returns the places that would be sent: several rows, what map, matrix or table have selected, else the list."""
        cases, view = self._cases, self._view
        if cases is None:
            return np.zeros(0, np.int64)
        match view.page():
            case "map":
                return view.plane.selection()
            case "matrix":
                return view.matrix.selection()
            case "tables":
                return cases.of_groups(view.tables.kind, view.tables.chosen())
        chosen = view.panel.list.selected_places()
        return chosen if len(chosen) > 1 else view.panel.list.cases.places

    def count(self) -> None:
        self._view.set_send(len(self.selected()))

    def _name(self) -> str:
        match self._view.page():
            case "map":
                what = "from the map"
            case "matrix":
                what = self._view.matrix.selection_words()
            case "tables":
                what = ", ".join(self._view.tables.chosen())
            case _:
                what = self._view.panel.wanted.show
        if len(what) > 40:
            what = what[:39].rstrip(", ") + "…"
        return f"{self._source.name if self._source else ''}, {what} {datetime.now():%H:%M}"

    def _send(self) -> None:
        cases, places, name = self._cases, self.selected(), self._name()
        if cases is None or not len(places):
            return

        def found(uids: list[str]) -> None:
            if uids:
                self.sent.emit(name, uids)
            else:
                self._view.notice.show_notice(_NOTHING, "warning")

        self._background.run(lambda: cases.reviewable(places), found, self.failed.emit, priority=3)

    def _save_csv(self) -> None:
        cases, kind = self._cases, self._view.tables.kind
        if cases is None:
            return
        name = f"{self._source.key if self._source else 'run'}-{cases.found.gallery}-{kind}.csv"
        path = self._view.ask_path("Save the table", Path.home() / name, "CSV (*.csv)")
        if path is not None:
            text = table_csv(cases, kind)
            self._background.run(
                lambda: write_text_atomically(path, text),
                lambda _done: self._view.notice.show_notice(f"Saved {path}.", "good", seconds=6),
                self.failed.emit,
            )
