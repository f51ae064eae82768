"""Verdicts from here: a result that is right accepted on the spot as a pair, and the query judged in Review."""

import time
from typing import Any

from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.project import Project
from annotator.views.background import Background
from annotator.views.retrieval.cases import Case, Cases
from annotator.views.retrieval.workspace import RetrievalWorkspace
from davenet.errors import UserError


class Judging(QObject):
    """`accepted` carries a pair's uid; what was accepted shows beside its query while the gallery is open."""

    accepted = Signal(str)
    pair_wanted = Signal(str)

    def __init__(
        self, view: RetrievalWorkspace, project: Project, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._view, self._project, self._background = view, project, background
        self._cases: Cases | None = None
        self._case: Case | None = None
        self._accepted: dict[tuple[int, str], set[int]] = {}
        self._shown_at = time.monotonic()
        self._refusal = ""
        view.accept_requested.connect(self._accept)
        view.review_requested.connect(self._review)
        view.grid.chosen_moved.connect(lambda _n: self.show())

    def forget(self) -> None:
        """Another gallery is shown."""
        self._accepted = {}

    def set_case(self, cases: Cases | None, case: Case | None) -> None:
        self._cases, self._case = cases, case
        self._shown_at = time.monotonic()
        if self._refusal and self._view.notice.text() == self._refusal:
            self._view.notice.clear()  # it was about another case
        self._refusal = ""
        if case is not None:
            self._view.grid.set_accepted(frozenset(self._accepted.get((case.place, case.way), ())))
        self.show()

    def take_cases(self, cases: Cases) -> None:
        """Takes new verdicts on the same pairs."""
        self._cases = cases
        self.show()

    def show(self) -> None:
        """Says what accepting would make of the chosen result."""
        case, cases, button = self._case, self._cases, self._view.query.accept
        results = case.results if case else ()
        chosen = self._view.grid.chosen()
        is_possible = chosen < len(results) and not self._project.is_read_only
        button.setEnabled(is_possible)
        own = is_possible and results[chosen].is_true
        button.setText("Accept the true pair" if own else f"Accept result {chosen + 1} as a pair")
        can_review = case is not None and cases is not None and bool(cases.is_ours_N[case.place])
        self._view.query.review.setEnabled(can_review)

    def _accept(self) -> None:
        case, cases, number = self._case, self._cases, self._view.grid.chosen()
        if case is None or cases is None or number >= len(case.results):
            return
        query, result = cases.pair(case.place), cases.pair(case.results[number].place)
        frame, sound = (query, result) if case.way == "audio" else (result, query)
        seconds = time.monotonic() - self._shown_at
        key, accepted = (case.place, case.way), self._accepted

        def done(made: tuple[Any, Any]) -> None:
            pair, _ = made
            accepted.setdefault(key, set()).add(number)
            is_same = accepted is self._accepted  # else another gallery is shown by now
            if is_same and self._case is not None and (self._case.place, self._case.way) == key:
                self._view.grid.set_accepted(frozenset(accepted[key]))
            what = pair.labels[0].class_name if pair.labels else "pair"
            where = f"{cases.titles.get(pair.video_uid, pair.video_uid)} at {pair.time_s:.1f} s"
            offset = f", sound {pair.sound_offset_s:+.1f} s from it".replace("-", "−") if pair.sound_offset_s else ""
            self._view.notice.show_notice(f"Accepted as a pair: {what}, {where}{offset}.", "good", seconds=6)
            self.accepted.emit(pair.uid)

        self._background.run(
            lambda: verbs.accept_result(self._project, frame, sound, seconds=seconds),
            done,
            self._refused,
            priority=3,
        )

    def _refused(self, error: UserError) -> None:
        self._refusal = str(error)
        self._view.notice.show_notice(self._refusal, "warning")

    def _review(self) -> None:
        if self._case is not None and self._cases is not None:
            self.pair_wanted.emit(self._cases.pair(self._case.place).uid)
