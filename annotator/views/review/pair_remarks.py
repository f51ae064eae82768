"""Flags and comments on the pair that is shown: kept at once, whatever verdict follows."""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from annotator.store import Store
from annotator.store.records import PairRecord, RemarkRecord
from annotator.views.review.queue_presenter import QueuePresenter
from annotator.views.review.stage_controls import StageControls
from annotator.views.review.verdict_writing import VerdictWriter


class PairRemarks(QObject):
    """`changed` carries the PairRecord as it is after a flag; `commented` the text that was kept."""

    changed = Signal(object)
    commented = Signal(str)

    def __init__(
        self,
        store: Store,
        queue: QueuePresenter,
        writer: VerdictWriter,
        controls: StageControls,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._store, self._queue, self._writer, self._controls = store, queue, writer, controls
        self._pair: PairRecord | None = None

    def begin(self, pair: PairRecord | None) -> None:
        """Another pair is shown, or none."""
        self._pair = pair
        self._controls.set_flagged(pair is not None and pair.flagged)
        self._controls.set_comment("")

    def toggle_flag(self) -> None:
        """Raises the flag of the pair, or takes it back."""
        pair, reviewer = self._pair, self._queue.reviewer
        if pair is None:
            return
        is_on = not pair.flagged

        def write() -> RemarkRecord:
            return self._store.flag(pair.uid, reviewer, is_on)

        def done(_remark: RemarkRecord) -> None:
            counts = self._queue.counts
            counts = replace(counts, flagged=max(0, counts.flagged + (1 if is_on else -1)))
            flagged = replace(self._queue.record(pair.uid), flagged=is_on)
            self._queue.take_record(flagged, counts)
            if self._pair is not None and self._pair.uid == pair.uid:
                self._pair = flagged
                self._controls.set_flagged(is_on)
                self.changed.emit(flagged)

        self._writer.remark(write, done)
        self._controls.set_flagged(pair.flagged)  # a press on the pill has switched it already: it follows the disk

    def comment(self, text: str) -> None:
        """Keeps a comment on the pair."""
        pair, reviewer = self._pair, self._queue.reviewer
        if pair is None:
            return

        def done(_remark: RemarkRecord) -> None:
            if self._pair is not None and self._pair.uid == pair.uid:
                self._controls.set_comment(text)
                self.commented.emit(text)

        self._writer.remark(lambda: self._store.comment(pair.uid, reviewer, text), done)
