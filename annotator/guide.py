"""The first minute in Review, told by the tour: which steps there are, and what tells that each was done."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from annotator.store.records import PairRecord
from annotator.views.tour import Step, Tour
from annotator.views.window import MainWindow

if TYPE_CHECKING:
    from annotator.workspaces import OpenProject

_WAIT_MS = 200  # the queue is read in the background: the guide begins with the first pair on screen
_MOST_WAITS = 150
_LOOKED_AT = 50  # pairs after the one on screen among which a plain one is looked for
_DONE_BY_KEY = {"review.replay": "hear", "review.play": "look", "review.undo": "undo"}


def plain_pair(pairs: Iterable[PairRecord]) -> PairRecord | None:
    """Returns the first pair that is easy to learn on: its word is heard within the sound that plays, both are likely."""
    for pair in pairs:
        label, half_s = pair.label, pair.segment_s / 2
        if label is None or label.probability < 0.8 or label.word_confidence < 0.5:
            continue
        if pair.sound_s - half_s <= label.word_start and label.word_end <= pair.sound_s + half_s:
            return pair
    return None


class Guide(QObject):
    """One for an open project; `ended` follows however it was left."""

    ended = Signal()

    def __init__(self, opened: "OpenProject", window: MainWindow) -> None:
        super().__init__(opened)
        self._review, self._window = opened.review, window
        self._project = opened.project
        self.tour = Tour(window.body, self._steps())
        self.tour.is_covered = self._is_covered
        self.tour.ended.connect(lambda _is_finished: self._ended())
        self._waits = 0
        self._waiting = QTimer(self, interval=_WAIT_MS)
        self._waiting.timeout.connect(self._look_for_pair)
        window.bindings.used.connect(self._used)
        review, workspace = opened.review, opened.review.workspace
        workspace.action_requested.connect(self._used)
        review.giving.given.connect(self._given)
        workspace.queue.search_changed.connect(lambda text: self.tour.did("filter") if text else None)

    @property
    def is_possible(self) -> bool:
        """Whether there is a pair to learn on, and verdicts can be given."""
        return self._review.current is not None and not self._project.is_read_only

    def begin(self) -> None:
        """Starts as soon as a pair is on screen; where none comes, not at all."""
        self._window.open_workspace("Review")
        self._waits = 0
        self._waiting.start()

    def close(self) -> None:
        self._waiting.stop()
        self.tour.leave()
        for part in (self.tour.coach, self.tour.ring, self.tour):
            part.deleteLater()

    def _look_for_pair(self) -> None:
        self._waits += 1
        if self.is_possible:
            self._waiting.stop()
            self._go_to_plain_pair()
            self.tour.begin()
        elif self._waits > _MOST_WAITS:
            self._waiting.stop()

    def _go_to_plain_pair(self) -> None:
        """Leaves a pair whose word is not heard around the frame: nobody could say yet what it is about."""
        pair = self._review.current
        if pair is not None:
            plain = plain_pair([pair, *self._review.queue.following(pair.uid, _LOOKED_AT)])
            if plain is not None and plain.uid != pair.uid:
                self._review.show_pair(plain.uid)

    def _used(self, id: str) -> None:
        if id in _DONE_BY_KEY:
            self.tour.did(_DONE_BY_KEY[id])

    def _given(self) -> None:
        last = self._review.queue.last_verdicts
        if last and last[0].decision == "accept":
            self.tour.did("accept")
        elif last and last[0].decision == "reject" and last[0].reason:
            self.tour.did("reject")

    def _ended(self) -> None:
        if self._window.current_workspace() == "Review" and not self._window.is_settings_shown():
            self._review.workspace.queue.filter.clear()  # the search was an exercise
            self._review.workspace.setFocus()
        self.ended.emit()

    def _is_covered(self) -> bool:
        workspace, window = self._review.workspace, self._window
        cards: tuple[QWidget, ...] = (workspace.reasons, workspace.labels, workspace.comments, window.keys_card)
        return any(card.isVisible() for card in cards) or window.is_finding()

    def _steps(self) -> list[Step]:
        workspace, bindings, bar = self._review.workspace, self._window.bindings, self._window.top_bar
        verdicts = workspace.verdicts

        def keys(id: str) -> tuple[str, ...]:
            return bindings.shown_keys(id)

        return [
            Step(
                "Hear it again",
                "Each pair is one frame and the sound around it. The bracket shows what you hear.",
                lambda: workspace.axis,
                lambda: keys("review.replay"),
                "hear",
            ),
            Step(
                "Look, and let it play on",
                "The question is always the same: is it seen and said? Beside it stands what machines made of it.",
                lambda: workspace.stage,
                lambda: keys("review.play"),
                "look",
            ),
            Step(
                "Accept what is seen and said",
                f"Is it so here? If not, go to another pair first ({bindings.text('review.next')}).",
                lambda: verdicts.buttons["accept"],
                lambda: keys("review.accept"),
                "accept",
            ),
            Step(
                "Reject, and say why",
                f"Find one that is wrong ({bindings.text('review.next')} goes on), or try it: it can be taken back.",
                lambda: verdicts.reasons,
                lambda: keys("review.reject_reason"),
                "reject",
                "then a number from 1 to 6",
            ),
            Step(
                "Take it back",
                "Nothing is ever lost: each verdict can be undone, and done again, even tomorrow.",
                lambda: verdicts.progress,
                lambda: keys("review.undo"),
                "undo",
            ),
            Step(
                "Find a food",
                "Go to the search, then type what you look for. Escape clears it.",
                lambda: workspace.queue.filter,
                lambda: keys("review.filter"),
                "filter",
                "then type a food",
            ),
            Step(
                "That is all it takes",
                f"{bindings.text('app.keys')} shows every key, and here is every command. Your verdicts are kept already.",
                lambda: bar.commands,
                lambda: keys("app.palette"),
                "",
            ),
        ]
