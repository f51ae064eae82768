"""The Retrieval workspace's widget: the queries at the left; cases, plane, picture of S or tables in the centre."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.work_bar import WorkBar
from annotator.views.retrieval.case_panel import CasePanel
from annotator.views.retrieval.matrix import Matrix
from annotator.views.retrieval.plane import Plane
from annotator.views.retrieval.plane_groups import BYS, By
from annotator.views.retrieval.query_card import QueryCard
from annotator.views.retrieval.result_grid import ResultGrid
from annotator.views.retrieval.tables import TablesPage
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill

PAGES = ("cases", "map", "matrix", "tables")


class RetrievalWorkspace(QWidget):
    """Emits intentions; `workspace_requested` names the workspace that an empty state leads to."""

    look_requested = Signal(bool)  # with UMAP
    cancel_requested = Signal()
    query_played = Signal()
    result_played = Signal(int)
    accept_requested = Signal()
    review_requested = Signal()
    send_requested = Signal()
    csv_requested = Signal()
    projection_chosen = Signal(str)
    page_changed = Signal(str)
    shown = Signal()
    hidden = Signal()

    def __init__(self, parent: QWidget | None = None, *, keys: KeyBindings | None = None) -> None:
        super().__init__(parent)
        self.keys = keys if keys is not None else KeyBindings(parent=self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Retrieval workspace")
        self.notice, self.work = NoticeBar(), WorkBar()
        theme.set_role(self.work, "panel-bottom")
        self.panel = CasePanel()
        self.query, self.grid = QueryCard(), ResultGrid()
        self.plane, self.matrix, self.tables = Plane(), Matrix(), TablesPage()
        self.empty = EmptyState()
        self.tabs = {page: Pill(page) for page in PAGES}
        self.send, self.look = QPushButton("Send to review"), QPushButton("Look again")
        self.projections = {"pca": Pill("PCA"), "umap": Pill("UMAP")}
        self.bys: dict[By, Pill] = {by: Pill(f"by {by}") for by in BYS}
        self.frames, self.sounds, self.box = Pill("● frames"), Pill("■ sounds"), Pill("box")
        self._plane_told, self._matrix_told = QLabel(), QLabel()
        self._pages, self._centre = QStackedWidget(), QStackedWidget()
        self._lay_out()
        self._connect()
        self._bind_keys()
        self.keys.changed.connect(self._show_keys)
        self._show_keys()
        self.open_page("cases")

    def sizeHint(self) -> QSize:
        return QSize(1440, 856)

    # -- layout --------------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 10, 16, 6)
        head.setSpacing(6)
        for pill in self.tabs.values():
            head.addWidget(pill)
        head.addStretch(1)
        for button in (self.look, self.send):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            head.addWidget(button)
        theme.set_role(self.send, "primary")
        for page in (self._cases_page(), self._plane_page(), self._matrix_page(), self.tables):
            self._pages.addWidget(page)
        full = QWidget()
        column = QVBoxLayout(full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self._pages, 1)
        self._centre.addWidget(full)
        self._centre.addWidget(self.empty)
        right = QWidget()
        right_column = QVBoxLayout(right)
        right_column.setContentsMargins(0, 0, 0, 0)
        right_column.setSpacing(0)
        right_column.addWidget(self.notice)
        right_column.addWidget(self._centre, 1)
        right_column.addWidget(self.work)
        self.panel.setMinimumWidth(264)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(1)
        split.addWidget(self.panel)
        split.addWidget(right)
        split.setStretchFactor(0, 0)
        split.setStretchFactor(1, 1)
        split.setSizes([312, 1128])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)

    def _cases_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.query)
        grid = QHBoxLayout()
        grid.setContentsMargins(16, 0, 16, 14)
        grid.addWidget(self.grid)
        column.addLayout(grid, 1)
        return page

    def _plane_page(self) -> QWidget:
        row = QHBoxLayout()
        row.setContentsMargins(16, 4, 16, 0)
        row.setSpacing(6)
        for pill in (*self.projections.values(), *self.bys.values(), self.frames, self.sounds, self.box):
            if pill in (self.bys["class"], self.frames, self.box):
                row.addSpacing(10)
            row.addWidget(pill)
        row.addSpacing(10)
        row.addWidget(self._told(self._plane_told), 1)
        for pill in (self.projections["pca"], self.bys["class"], self.frames, self.sounds):
            pill.setChecked(True)
        return _page(row, self.plane)

    def _matrix_page(self) -> QWidget:
        row = QHBoxLayout()
        row.setContentsMargins(16, 4, 16, 0)
        said = QLabel("frames down, sounds across, by class")
        theme.set_role(said, "muted")
        row.addWidget(said)
        row.addSpacing(16)
        row.addWidget(self._told(self._matrix_told), 1)
        return _page(row, self.matrix)

    def _told(self, label: QLabel) -> QLabel:
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        label.setMinimumHeight(26)
        return label

    # -- signals and keys ----------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        for page, pill in self.tabs.items():
            pill.clicked.connect(lambda _checked=False, page=page: self.open_page(page))
        self.send.clicked.connect(self.send_requested)
        self.look.clicked.connect(lambda: self.look_requested.emit(False))
        self.empty.action_requested.connect(lambda: self.look_requested.emit(False))
        self.work.started.connect(lambda: self.look_requested.emit(False))
        self.work.cancelled.connect(self.cancel_requested)
        self.query.played.connect(self.query_played)
        self.query.accept_requested.connect(self.accept_requested)
        self.query.review_requested.connect(self.review_requested)
        self.grid.played.connect(self.result_played)
        for key, pill in self.projections.items():
            pill.clicked.connect(lambda _checked=False, key=key: self.projection_chosen.emit(key))
        for by, pill in self.bys.items():
            pill.clicked.connect(lambda _checked=False, by=by: self.colour_by(by))
        for pill in (self.frames, self.sounds):
            pill.clicked.connect(self._show_kinds)
        self.plane.pointed.connect(self._plane_told.setText)
        self.plane.box_shown.connect(self.box.setChecked)
        self.box.clicked.connect(self._turn_box)
        self.matrix.pointed.connect(self._matrix_told.setText)
        self.tables.csv_requested.connect(self.csv_requested)

    def _bind_keys(self) -> None:
        slots: dict[str, Callable[[], object]] = {
            "next": lambda: self.panel.list.step(1),
            "previous": lambda: self.panel.list.step(-1),
            "turn": self.panel.turn,
            "show": self.panel.show_next,
            "filter": lambda: self.panel.search.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "send": self.send.click,
            "tables_csv": self.csv_requested.emit,
            **{page: (lambda page=page: self.open_page(page)) for page in PAGES},  # type: ignore[misc]
        }
        self._bind(slots, lambda: self.is_full())
        on_cases: dict[str, Callable[[], object]] = {
            "play": self.query_played.emit,
            "play_result": lambda: self.result_played.emit(self.grid.chosen()),
            "result_on": lambda: self.grid.step(1),
            "result_back": lambda: self.grid.step(-1),
            "accept": self.query.accept.click,
            "review": self.query.review.click,
        }
        self._bind(on_cases, lambda: self.is_full() and self.page() == "cases")
        on_map: dict[str, Callable[[], object]] = {
            "projection": lambda: self.projection_chosen.emit("umap" if self.projections["pca"].isChecked() else "pca"),
            "colours": self._next_colours,
            "box": self._turn_box,
        }
        self._bind(on_map, lambda: self.is_full() and self.page() == "map")
        on_tables: dict[str, Callable[[], object]] = {
            "kind": lambda: self.tables.set_kind("word" if self.tables.kind == "class" else "class"),
            "sort": self.tables.sort_by_next,
        }
        self._bind(on_tables, lambda: self.is_full() and self.page() == "tables")
        self._bind({"look": lambda: self.look_requested.emit(False)}, lambda: True)

    def _bind(self, slots: dict[str, Callable[[], object]], possible: Callable[[], bool]) -> None:
        self.keys.bind(
            self, {f"retrieval.{name}": slot for name, slot in slots.items()}, possible=lambda _id: possible()
        )

    def _show_keys(self) -> None:
        tip = self.keys.tip
        for page, pill in self.tabs.items():
            pill.setToolTip(tip(f"retrieval.{page}"))
        self.send.setToolTip(tip("retrieval.send"))
        self.look.setToolTip(tip("retrieval.look"))
        self.empty.action_button().setToolTip(tip("retrieval.look"))
        self.work.action_button().setToolTip(tip("retrieval.look"))
        self.query.accept.setToolTip(tip("retrieval.accept"))
        self.query.review.setToolTip(tip("retrieval.review"))
        self.panel.search.setToolTip(tip("retrieval.filter"))
        for pill in self.panel.ways.values():
            pill.setToolTip(tip("retrieval.turn"))
        for pill in self.panel.shows.values():
            pill.setToolTip(tip("retrieval.show"))
        for pill in self.projections.values():
            pill.setToolTip(tip("retrieval.projection"))
        for pill in self.bys.values():
            pill.setToolTip(tip("retrieval.colours"))
        for pill, what in ((self.frames, "frames"), (self.sounds, "sounds")):
            pill.setToolTip(f"Show the {what} on the map")
            pill.setAccessibleName(f"Show the {what}")
        self.box.setToolTip(tip("retrieval.box"))
        self.tables.csv.setToolTip(tip("retrieval.tables_csv"))
        for pill in (self.tables.by_class, self.tables.by_word):
            pill.setToolTip(tip("retrieval.kind"))
        self.plane.setToolTip(
            "Draw around points, or press a name of the legend, to select them; Shift adds. Up, Down and Enter choose a name, "
            "Ctrl+Enter or a double click opens a case"
        )
        self.matrix.setToolTip(
            "A click or Space selects a block's pairs, Shift adds. Arrows move the cross, Shift ten at a time; Enter or a "
            "double click opens the case"
        )

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.shown.emit()

    def hideEvent(self, event: object) -> None:
        super().hideEvent(event)  # type: ignore[arg-type]
        self.hidden.emit()

    # -- setters -------------------------------------------------------------------------------------------------------

    def page(self) -> str:
        return PAGES[self._pages.currentIndex()]

    def open_page(self, page: str) -> None:
        self._pages.setCurrentIndex(PAGES.index(page))
        for name, pill in self.tabs.items():
            pill.setChecked(name == page)
        focus = {"cases": self.grid, "map": self.plane, "matrix": self.matrix, "tables": self.tables.table}[page]
        if self.isVisible() and self.is_full():
            focus.setFocus(Qt.FocusReason.OtherFocusReason)
        self.page_changed.emit(page)

    def is_full(self) -> bool:
        """Returns whether a gallery is shown, not an empty state."""
        return self._centre.currentIndex() == 0

    def show_gallery(self) -> None:
        self._centre.setCurrentIndex(0)

    def show_empty(self, title: str, text: str, action: str = "") -> None:
        self.empty.set_content(title, text, action)
        self._show_keys()
        self._centre.setCurrentIndex(1)

    def set_send(self, n: int) -> None:
        """Says how many pairs would be sent."""
        self.send.setText(f"Send {n:,} to review".replace(",", "\u202f") if n else "Send to review")
        self.send.setEnabled(n > 0)

    def set_projection(self, key: str) -> None:
        for name, pill in self.projections.items():
            pill.setChecked(name == key)

    def colour_by(self, by: By) -> None:
        for name, pill in self.bys.items():
            pill.setChecked(name == by)
        self.plane.set_by(by)

    def _next_colours(self) -> None:
        now = next(by for by, pill in self.bys.items() if pill.isChecked())
        self.colour_by(BYS[(BYS.index(now) + 1) % len(BYS)])

    def _turn_box(self) -> None:
        self.plane.show_box(self.plane.box is None)
        self.plane.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_kinds(self) -> None:
        self.plane.set_shown(frames=self.frames.isChecked(), sounds=self.sounds.isChecked())

    def ask_path(self, title: str, suggested: Path, kind: str) -> Path | None:
        """Asks where to save; None where the person changed their mind."""
        chosen, _ = QFileDialog.getSaveFileName(self, title, str(suggested), kind)
        return Path(chosen) if chosen else None


def _page(row: QHBoxLayout, widget: QWidget) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    column.addLayout(row)
    inner = QHBoxLayout()
    inner.setContentsMargins(8, 0, 8, 8)
    inner.addWidget(widget)
    column.addLayout(inner, 1)
    return page
