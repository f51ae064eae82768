"""Shows and hides what machines and others say, as the blind way to review wants it: matchmap, panel and pill."""

from PySide6.QtCore import QObject

from annotator.store.records import PairRecord
from annotator.views.review.blind import Blind
from annotator.views.review.overlay_view import OverlayView
from annotator.views.review.workspace import ReviewWorkspace


class BlindView(QObject):
    """Keeps what is on screen in step with the states of `blind`."""

    def __init__(
        self, blind: Blind, overlay: OverlayView, workspace: ReviewWorkspace, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._blind, self._overlay, self._workspace = blind, overlay, workspace

    def turn(self, is_blind: bool, pair: PairRecord | None) -> None:
        """Hides evidence until the verdict from now on, or shows it; `pair` is the one on screen."""
        self._blind.turn(is_blind)
        if is_blind and pair is not None and pair.decision is None:
            self._blind.begin()
        self._workspace.controls.set_blind(is_blind)
        self._workspace.question.set_blind(is_blind)
        self._workspace.queue.set_blind(is_blind)
        self.update()

    def peek(self, is_peeking: bool) -> None:
        """While it lasts, a blind reviewer sees the evidence, which is counted; others see the frame without the map."""
        was_hidden = self._blind.stage == "hidden"
        self._blind.peek(is_peeking)
        if not was_hidden:
            self._overlay.peek(is_peeking)
        self.update()

    def reveal(self, decision: str) -> None:
        """A blind verdict was kept: what was hidden shows."""
        self.update()
        self._workspace.question.reveal(decision)

    def update(self) -> None:
        hides, question = self._blind.hides, self._workspace.question
        self._overlay.set_hidden(hides)
        if self._blind.is_on and question.is_hiding != hides:
            question.set_blind(True) if hides else question.reveal(self._blind.first or "")
