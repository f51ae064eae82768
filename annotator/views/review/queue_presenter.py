"""Runs the queue of the Review workspace: loads it for a reviewer, in an order, filtered; reads rows and thumbnails.

It says which pair to show and keeps the numbers; what is shown of the pair, and verdicts, are presenter.py's.
"""

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from annotator.project import Project
from annotator.store.records import (
    Decision,
    PairRecord,
    PairState,
    QueueCounts,
    QueueOrder,
    VerdictRecord,
    VideoRecord,
)
from annotator.views.background import Background
from annotator.views.review import scene as scenes
from annotator.views.review.queue_loading import Queue, load_queue, matching_uids
from annotator.views.review.queue_panel import QueuePanel

PACE_VERDICTS = 30  # the median is over this many, so that a pause does not count


class QueuePresenter(QObject):
    """`pair_wanted` asks for a pair to be shown, `emptied` says that there is none; `failed` carries a UserError."""

    pair_wanted = Signal(str)
    emptied = Signal()
    numbers_changed = Signal()
    failed = Signal(object)

    def __init__(
        self, panel: QueuePanel, project: Project, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.panel, self.model, self.project = panel, panel.model, project
        self.reviewer = project.reviewer
        self.last_verdicts: list[VerdictRecord] = []
        self.current_uid: str | None = None
        self._background = background
        self._state: PairState = "pending"
        self._order: QueueOrder = "mined"
        self._filter = ""
        self._load = 0  # the number of the newest loading of the queue: older results are dropped
        self._queue = Queue.nothing()
        self._counts = self._queue.counts
        self._videos: dict[str, VideoRecord] = {}
        panel.pair_chosen.connect(self.pair_wanted)
        panel.state_chosen.connect(self.set_state)
        panel.filter_changed.connect(self.set_filter)
        panel.order_chosen.connect(self.set_order)
        self.model.records_wanted.connect(self._fetch_records)
        self.model.thumbnails_wanted.connect(self._fetch_thumbnails)

    @property
    def state(self) -> PairState:
        return self._state

    @property
    def filter(self) -> str:
        return self._filter

    @property
    def counts(self) -> QueueCounts:
        return self._counts

    def clear_filter(self) -> None:
        self.panel.filter.clear()

    # -- loading ---------------------------------------------------------------------------------------------------

    def refresh(self, show: str | None = None) -> None:
        """Loads the queue in the background, then wants a pair shown: this one, or the first where it is not listed."""
        self._load += 1
        load, store, state, reviewer, order = self._load, self.project.store, self._state, self.reviewer, self._order
        self._background.run(
            lambda: load_queue(store, state, reviewer=reviewer, order=order, last=PACE_VERDICTS),
            lambda queue: self._take_queue(queue, show) if load == self._load else None,
            self.failed.emit,
            priority=2,
        )

    def _take_queue(self, queue: Queue, wanted: str | None) -> None:
        self._queue, self._counts, self.last_verdicts = queue, queue.counts, list(queue.last_verdicts)
        self._videos = queue.videos
        self.model.forget_records()
        self.model.put_records(queue.first_records)
        self._show_numbers()
        if self._filter:
            self.model.set_uids(())
            self._search(wanted)
            return
        self.model.set_uids(queue.uids, queue.rows)
        self._want(wanted)

    def _want(self, uid: str | None) -> None:
        if uid is not None and self.model.row_of(uid) is not None:
            self.pair_wanted.emit(uid)
        else:
            self.show_row(0)

    def _search(self, wanted: str | None) -> None:
        """Goes through the queue's records in the background; hits come in parts, the first one shows at once."""
        load, store, reviewer = self._load, self.project.store, self.reviewer
        parts = matching_uids(store, self._queue.uids, self._filter, reviewer=reviewer)

        def take(part: list[str] | None) -> None:
            if load != self._load:
                return
            if part is None:
                if self.model.rowCount() == 0:
                    self.emptied.emit()
                return
            was_empty = self.model.rowCount() == 0
            self.model.add_uids(part)
            if was_empty and part:
                self._want(wanted)
            self._background.run(lambda: next(parts, None), take, self.failed.emit)

        self._background.run(lambda: next(parts, None), take, self.failed.emit)

    def set_state(self, state: PairState, show: str | None = None) -> None:
        """Lists the pending, the skipped or the done pairs."""
        self._state = state
        self.panel.set_state(state)
        self.refresh(show or self.current_uid)

    def set_order(self, order: QueueOrder) -> None:
        self._order = order
        self.panel.set_order(order)
        self.refresh(self.current_uid)

    def set_filter(self, text: str) -> None:
        if text != self._filter:
            self._filter = text
            self.refresh(self.current_uid)

    def set_reviewer(self, name: str) -> None:
        """Whose queue and verdicts these are from now on; kept in the project. Raises UserError as the store does."""
        self.project.store.set_setting("reviewer", name)
        self.reviewer = name
        self.refresh(self.current_uid)

    # -- rows ------------------------------------------------------------------------------------------------------

    def record(self, uid: str) -> PairRecord:
        """Returns a pair, read again where it is not in memory. Raises UserError where the project has none such."""
        pair = self.model.record(uid)
        if pair is None:
            pair = self.project.store.pair(uid, reviewer=self.reviewer)
            self.model.put_records([pair])
        return pair

    def video(self, uid: str) -> VideoRecord:
        """Returns a video of the project. Raises UserError where it has none such."""
        video = self._videos.get(uid)
        if video is None:
            video = self._videos[uid] = self.project.store.video(uid)
        return video

    def set_current(self, uid: str | None) -> None:
        """Marks the pair that is shown."""
        self.current_uid = uid
        self.panel.set_current(uid)

    def following(self, uid: str, n: int) -> list[PairRecord]:
        """Returns up to `n` pairs after one, as far as they are in memory."""
        row = self.model.row_of(uid)
        if row is None:
            return []
        uids = [self.model.uid_at(row + step) for step in range(1, n + 1)]
        records = [self.model.record(one) for one in uids if one is not None]
        return [record for record in records if record is not None]

    def go(self, uid: str, step: int) -> None:
        """Wants the pair shown that is `step` rows after one; at the ends nothing happens."""
        row = self.model.row_of(uid)
        if row is not None and row + step >= 0 and self.model.uid_at(row + step) is not None:
            self.show_row(row + step)

    def show_row(self, row: int) -> None:
        """Wants the pair of a row shown; behind the last one the first, in an empty list nothing."""
        n_rows = self.model.rowCount()
        uid = self.model.uid_at(row if row < n_rows else 0)
        if uid is None:
            self.emptied.emit()
        else:
            self.pair_wanted.emit(uid)

    # -- verdicts --------------------------------------------------------------------------------------------------

    def take_verdict(self, pair: PairRecord, verdict: VerdictRecord) -> int:
        """Takes a verdict into list and numbers; returns the row that comes next."""
        decision: Decision = verdict.decision  # type: ignore[assignment]  # one just given is a decision
        state: PairState = "skipped" if decision == "skip" else "done"
        self._counts = moved(self._counts, pair.decision, decision)
        self.last_verdicts.insert(0, verdict)
        self._show_numbers()
        self.model.put_records([replace(pair, state=state, decision=decision)])
        row = self.model.row_of(pair.uid)
        if row is None:
            return 0
        if state == self._state:
            return row + 1
        self.model.remove(pair.uid)
        return row

    def take_change(self, pair: PairRecord, last_verdicts: list[VerdictRecord], *, is_undo: bool) -> None:
        """Takes in that a verdict on a pair was withdrawn (`is_undo`) or restored, and goes to where work continues."""
        known = self.model.record(pair.uid)
        self._counts = moved(self._counts, known.decision if known is not None else None, pair.decision)
        self.last_verdicts = last_verdicts
        self.model.put_records([pair])
        self._show_numbers()
        current = self.current_uid
        if is_undo and pair.state != self._state:
            self.set_state(pair.state, show=pair.uid)
        elif is_undo:
            if self.model.row_of(pair.uid) is None:
                at = self.model.row_of(current) if current else 0
                self.model.insert(at or 0, pair.uid)
            self.pair_wanted.emit(pair.uid)
        else:
            stays = pair.state == self._state
            row = self.model.row_of(pair.uid) if stays else self.model.remove(pair.uid)
            if row is not None and current in (None, pair.uid):
                self.show_row(row + 1 if stays else row)

    def _show_numbers(self) -> None:
        del self.last_verdicts[PACE_VERDICTS:]
        self.panel.set_counts(self._counts)
        self.numbers_changed.emit()

    # -- what the list asks for ------------------------------------------------------------------------------------

    def _fetch_records(self, uids: list[str]) -> None:
        store, reviewer, load = self.project.store, self.reviewer, self._load
        self._background.run(
            lambda: store.pairs(uids, reviewer=reviewer),
            lambda records: self.model.put_records(records) if load == self._load else None,
            self.failed.emit,
            priority=1,
        )

    def _fetch_thumbnails(self, pairs: list[PairRecord]) -> None:
        def put(pictures: list[tuple[str, object]]) -> None:
            for uid, image in pictures:
                self.model.set_thumbnail(uid, image)  # type: ignore[arg-type]

        self._background.run(lambda: scenes.read_thumbnails(pairs, self.project.clip_path), put)


_FIELDS = {"accept": "accepted", "reject": "rejected", "unsure": "unsure", "skip": "skipped", None: "pending"}


def moved(counts: QueueCounts, before: str | None, after: str | None) -> QueueCounts:
    """Returns the counts after a pair's standing verdict changed; None stands for pending."""
    source, target = _FIELDS[before], _FIELDS[after]
    if source == target:
        return counts
    changed = {source: getattr(counts, source) - 1, target: getattr(counts, target) + 1}
    return replace(counts, **changed)
