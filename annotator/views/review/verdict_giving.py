"""What a verdict's key does: what is kept of it, whether it was blind, what shows next, and undo and redo.

The writing itself is verdict_writing's; nothing goes on before the disk has the verdict, and where it could not be
kept the pair stays with what was tried.
"""

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from annotator.store.records import DECISIONS, Decision, PairRecord, PairState, Purpose, VerdictRecord
from annotator.views.review.attention import Attention
from annotator.views.review.blind import Blind
from annotator.views.review.pair_playback import PairPlayback
from annotator.views.review.queue_presenter import PACE_VERDICTS, QueuePresenter
from annotator.views.review.review_options import ReviewOptions
from annotator.views.review.verdict_writing import Attempt, Step, VerdictWriter


class VerdictGiving(QObject):
    """`given` follows every change of verdicts; `revealed` says that evidence may be seen before going on."""

    given = Signal()
    stood = Signal(object)  # the PairRecord as it is now, where the workspace stays on it
    revealed = Signal(str)  # the blind decision
    failed = Signal(object, object)  # Attempt, UserError
    said = Signal(str)  # a sentence that is no error
    step_failed = Signal(object)

    def __init__(
        self,
        queue: QueuePresenter,
        writer: VerdictWriter,
        playback: PairPlayback,
        attention: Attention,
        blind: Blind,
        options: ReviewOptions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._queue, self._writer, self._playback = queue, writer, playback
        self._attention, self._blind, self._options = attention, blind, options
        self._pair: PairRecord | None = None
        self._comment: str | None = None
        self._next_row: int | None = None  # where to go on from a pair that has left the list
        self.why_not: Callable[[], str] = lambda: ""  # why nothing can be written, "" where it can
        writer.given.connect(self._take)
        writer.failed.connect(self.failed)
        writer.stepped.connect(self._take_step)
        writer.step_failed.connect(self.step_failed)
        writer.nothing_to_step.connect(
            lambda is_undo: self.said.emit("There is no verdict to undo." if is_undo else "There is nothing to redo.")
        )

    @property
    def pair(self) -> PairRecord | None:
        return self._pair

    def begin(self, pair: PairRecord | None) -> None:
        """Another pair is shown, or none; from one outside the list `go` leads back to where work was."""
        row_of, row = self._queue.model.row_of, None
        if pair is not None and row_of(pair.uid) is None:
            row = row_of(self._pair.uid) if self._pair is not None else None
            row = self._next_row if row is None else row
        self._pair, self._comment, self._next_row = pair, None, row

    def set_comment(self, text: str) -> None:
        """What was written on the pair goes with its verdict too."""
        self._comment = text

    def decide(self, decision: str, *, label: str | None = None, reason: str | None = None) -> None:
        """Keeps a verdict on the pair; after a reveal the same one again only goes on."""
        pair = self._pair
        if pair is None or self._writer.is_writing:
            return
        assert decision in DECISIONS
        chosen: Decision = decision
        if self._says_why_not():
            return
        sort = self._blind.sort()
        if sort.is_revealed and chosen == self._blind.first and label is None and reason is None:
            self.go_on()
            return
        purpose: Purpose = "first"
        if sort.is_revealed:
            purpose = "revealed"
        elif self._queue.state == "adjudicate":
            purpose = "adjudication"
        self._writer.give(
            Attempt(
                pair,
                chosen,
                self._queue.reviewer,
                seconds=round(self._attention.seconds(), 3),
                window_s=self._playback.window_s,
                label=label,
                reason=reason,
                comment=self._comment,
                is_blind=sort.is_blind,
                replays=self._attention.replays,
                keys=self._attention.keys,
                offset_s=self._playback.nudge_s,
                purpose=purpose,
            )
        )

    def undo(self) -> None:
        """Withdraws the last verdict and asks about its pair again."""
        if not self._says_why_not():
            self._writer.step(self._queue.reviewer, is_undo=True, n_last=PACE_VERDICTS)

    def redo(self) -> None:
        """Gives the verdict withdrawn last again."""
        if not self._says_why_not():
            self._writer.step(self._queue.reviewer, is_undo=False, n_last=PACE_VERDICTS)

    def go_on(self) -> None:
        """Shows what comes after the pair that has its verdict."""
        self.go(1)

    def go(self, step: int) -> None:
        """Goes some rows on or back, also from a pair that has left the list; at the ends nothing happens."""
        pair = self._pair
        if pair is None:
            return
        if self._queue.model.row_of(pair.uid) is not None:
            self._queue.go(pair.uid, step)
        elif self._next_row is not None:
            row = self._next_row + (step - 1 if step > 0 else step)
            if row >= 0:
                self._queue.show_row(row)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _take(self, attempt: Attempt, verdict: VerdictRecord) -> None:
        is_listed = self._queue.model.row_of(attempt.pair.uid) is not None
        row = self._queue.take_verdict(attempt.pair, verdict)
        is_shown = self._pair is not None and self._pair.uid == attempt.pair.uid
        if not is_shown:  # the reviewer has gone on meanwhile
            self.given.emit()
            return
        self._next_row = row if is_listed or self._next_row is None else self._next_row
        if self._blind.decide(attempt.decision):
            self._stand(attempt)
            self.revealed.emit(attempt.decision)
        elif self._options.auto_advance:
            self._queue.show_row(self._next_row)
        else:
            self._stand(attempt)
        self.given.emit()

    def _stand(self, attempt: Attempt) -> None:
        known = self._queue.model.record(attempt.pair.uid)
        state: PairState = "skipped" if attempt.decision == "skip" else "done"
        self._pair = known or replace(attempt.pair, decision=attempt.decision, state=state)
        self._comment = None
        self.stood.emit(self._pair)

    def _take_step(self, step: Step) -> None:
        self._queue.take_change(step.pair, step.last_verdicts, is_undo=step.is_undo)
        self.given.emit()

    def _says_why_not(self) -> bool:
        reason = self.why_not()
        if reason:
            self.said.emit(reason)
        return bool(reason)
