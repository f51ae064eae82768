"""Writes verdicts, withdrawals, flags and comments, one after another and off the GUI thread.

A database may be far away, locked or on a full disk: the window stays alive, and nothing is acknowledged before the
disk has it. What is asked for while a write is under way is dropped: it was asked before the answer could be seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from annotator.store import Store
from annotator.store.records import Decision, PairRecord, Purpose, VerdictRecord
from annotator.views.background import Background
from davenet.errors import UserError

_SLOW_MS = 400


@dataclass(frozen=True, slots=True)
class Attempt:
    """A verdict as it is to be kept; stays on screen where it could not be."""

    pair: PairRecord
    decision: Decision
    reviewer: str
    seconds: float
    window_s: float
    label: str | None = None
    reason: str | None = None
    comment: str | None = None
    is_blind: bool = False
    replays: int = 0
    keys: tuple[str, ...] = field(default=())
    offset_s: float = 0.0
    purpose: Purpose = "first"


@dataclass(frozen=True, slots=True)
class Step:
    """What undo or redo changed: the pair as it stands now, and the reviewer's last verdicts."""

    pair: PairRecord
    last_verdicts: list[VerdictRecord]
    is_undo: bool


class VerdictWriter(QObject):
    """`given` carries the Attempt and its VerdictRecord; `failed` the Attempt and a UserError."""

    given = Signal(object, object)
    failed = Signal(object, object)
    stepped = Signal(object)  # Step
    nothing_to_step = Signal(bool)  # whether it was undo
    step_failed = Signal(object)  # UserError
    slow = Signal(bool)  # a write takes long, or is over

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._thread = Background(self, n_threads=1)  # of its own: nothing that is read is waited for
        self._is_writing = False
        self._patience = QTimer(self, singleShot=True, interval=_SLOW_MS)
        self._patience.timeout.connect(lambda: self.slow.emit(True))

    @property
    def is_writing(self) -> bool:
        return self._is_writing

    def is_idle(self) -> bool:
        return self._thread.is_idle()

    def shutdown(self) -> None:
        """Waits for what is being written."""
        self._thread.shutdown()

    def give(self, attempt: Attempt) -> bool:
        """Begins to keep a verdict; returns False, and does nothing, while something else is being written."""

        def write() -> VerdictRecord:
            return self._store.give_verdict(
                attempt.pair.uid,
                attempt.decision,
                reviewer=attempt.reviewer,
                seconds=attempt.seconds,
                window_s=attempt.window_s,
                label=attempt.label,
                reason=attempt.reason,
                comment=attempt.comment,
                blind=attempt.is_blind,
                replays=attempt.replays,
                keys=attempt.keys,
                offset_s=attempt.offset_s,
                purpose=attempt.purpose,
            )

        return self._write(
            write,
            lambda verdict: self.given.emit(attempt, verdict),
            lambda error: self.failed.emit(attempt, error),
        )

    def step(self, reviewer: str, *, is_undo: bool, n_last: int) -> bool:
        """Withdraws the reviewer's last verdict, or restores the one withdrawn last."""

        def write() -> Step | None:
            uid = self._store.undo(reviewer) if is_undo else self._store.redo(reviewer)
            if uid is None:
                return None
            pair = self._store.pair(uid, reviewer=reviewer)
            return Step(pair, self._store.last_verdicts(reviewer, n_last), is_undo)

        def done(step: Step | None) -> None:
            self.nothing_to_step.emit(is_undo) if step is None else self.stepped.emit(step)

        return self._write(write, done, self.step_failed.emit)

    def remark(self, write: Callable[[], Any], done: Callable[[Any], None]) -> bool:
        """Writes a flag or a comment; `done` gets what `write` returned."""
        return self._write(write, done, self.step_failed.emit)

    def _write(
        self, write: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[UserError], None]
    ) -> bool:
        if self._is_writing:
            return False
        self._is_writing = True
        self._patience.start()

        def guarded() -> Any:
            try:
                return write()
            except UserError:
                raise
            except BaseException:  # a bug of ours: it is seen, and the keys live on
                self._is_writing = False
                raise

        def finish(answer: Callable[[Any], None]) -> Callable[[Any], None]:
            def answered(result: Any) -> None:
                self._is_writing = False
                self._patience.stop()
                self.slow.emit(False)
                answer(result)

            return answered

        self._thread.run(guarded, finish(done), finish(failed))
        return True
