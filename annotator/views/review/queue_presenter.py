"""Runs the queue of the Review workspace: loads it for a reviewer, in an order, filtered; reads rows and thumbnails.

It says which pair to show and keeps the numbers; what is shown of the pair, and verdicts, are presenter.py's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import QObject, Signal

from annotator.project import Project
from annotator.store.records import (
    Decision,
    PairRecord,
    PairState,
    QueueCounts,
    QueueFilter,
    QueueOrder,
    QueueState,
    VerdictRecord,
    VideoRecord,
)
from annotator.views.background import Background
from annotator.views.review import scene as scenes
from annotator.views.review.filter_chips import FilterPart, parts_of
from annotator.views.review.queue_filters import QueueFilters
from annotator.views.review.queue_following import QueueFollowing
from annotator.views.review.queue_leases import QueueLeases
from annotator.views.review.queue_loading import (
    QueueChange,
    QueueNumbers,
    QueueRequest,
    QueueRows,
    load_numbers,
    load_rows,
    moved,
    no_counts,
)
from annotator.views.review.queue_panel import QueuePanel

PACE_VERDICTS = 30  # the median is over this many, so that a pause does not count
_ORDER_SETTING = "queue order"


class QueuePresenter(QObject):
    """`pair_wanted` asks for a pair to be shown, `emptied` says that there is none; `failed` carries a UserError."""

    pair_wanted = Signal(str)
    emptied = Signal()
    numbers_changed = Signal()
    failed = Signal(object)
    said = Signal(str)  # a sentence about others' work
    emptiness_left = Signal()
    chosen_by_hand = Signal(str)  # while pairs are held back

    def __init__(
        self, panel: QueuePanel, project: Project, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.panel, self.model, self.project = panel, panel.model, project
        self.last_verdicts: list[VerdictRecord] = []
        self.current_uid: str | None = None
        self._background = background
        kept = project.store.setting(_ORDER_SETTING, {})
        self._request = QueueRequest(project.reviewer, order=kept.get("order", "mined"), seed=int(kept.get("seed", 0)))
        self._holds_back = False
        self._load = 0  # the number of the newest loading of the list: older results are dropped
        self._counts = no_counts()
        self._videos: dict[str, VideoRecord] = {}
        self.leases = QueueLeases(
            project.store, is_shared=bool(project.store.server) and not project.is_read_only, parent=self
        )
        self.leases.set_reviewer(project.reviewer)
        self.filters = QueueFilters(self, panel, background)
        self.others = QueueFollowing(self, background)
        panel.set_order(self._request.order)
        self._connect()

    def _connect(self) -> None:
        panel = self.panel
        panel.pair_chosen.connect(self._choose_pair)
        panel.state_chosen.connect(self.set_state)
        panel.search_changed.connect(self.set_search)
        panel.filter_chosen.connect(self.set_filter)
        panel.order_chosen.connect(self.set_order)
        panel.empty_action_requested.connect(self.emptiness_left)
        self.model.records_wanted.connect(self._fetch_records)
        self.model.thumbnails_wanted.connect(self._fetch_thumbnails)
        self.leases.failed.connect(self.failed)

    # -- what is listed --------------------------------------------------------------------------------------------

    @property
    def reviewer(self) -> str:
        return self._request.reviewer

    @property
    def request(self) -> QueueRequest:
        return self._request

    @property
    def state(self) -> QueueState:
        return self._request.state

    @property
    def filter(self) -> str:
        """What narrows the list, as it is said in a sentence; "" where nothing does."""
        if self._request.selection:
            return f"the selection “{self._request.selection}”"
        text = self._request.filter.text.strip()
        parts = [*([f"“{text}”"] if text else []), *(part.text for part in self._parts()[:3])]
        return " and ".join(parts) if self._request.is_whole is False else ""

    @property
    def counts(self) -> QueueCounts:
        return self._counts

    def titles(self) -> dict[str, str]:
        return {uid: video.title for uid, video in self._videos.items()}

    def _parts(self) -> list[FilterPart]:
        return parts_of(self._request.filter, self.titles())

    def clear_filter(self) -> None:
        """Takes away all that narrows the list."""
        self.filters.leave_selection(refreshes=False)
        self.panel.filter.clear()
        self.set_filter(QueueFilter(), always=True)

    # -- loading ---------------------------------------------------------------------------------------------------

    def refresh(self, show: str | None = None) -> None:
        """Loads list and numbers in the background, then wants a pair shown: this one, else the first of the list."""
        store, reviewer = self.project.store, self.reviewer
        self._background.run(
            lambda: load_numbers(store, reviewer, PACE_VERDICTS),
            lambda numbers: self._take_numbers(numbers) if reviewer == self.reviewer else None,
            self.failed.emit,
            priority=2,
        )
        self.model.forget_records()
        self.relist(show)

    def relist(self, show: str | None = None) -> None:
        """Loads the list alone: another state, order or filter changes no number."""
        self._load += 1
        load, store, request = self._load, self.project.store, self._request
        self._show_filter()
        self._background.run(
            lambda: load_rows(store, request),
            lambda rows: self._take_rows(rows, show) if load == self._load else None,
            self.failed.emit,
            priority=2,
        )

    def _take_numbers(self, numbers: QueueNumbers) -> None:
        self._counts, self.last_verdicts = numbers.counts, list(numbers.last_verdicts)
        self._videos = numbers.videos
        self.others.begin(numbers.marker)
        self._show_filter()
        self._show_numbers()

    def _take_rows(self, rows: QueueRows, wanted: str | None) -> None:
        self.model.put_records(rows.first_records)
        self.model.set_uids(rows.uids)
        if wanted is not None and self.model.row_of(wanted) is not None:
            self._ask_for(wanted)
            self.leases.hold(wanted)
        else:
            self.show_row(0)

    def _show_filter(self) -> None:
        selection = self._request.selection
        self.panel.set_filter(self._request.filter, self._parts(), self.filter, selection=selection)

    def set_state(self, state: QueueState, show: str | None = None) -> None:
        """Lists the pending, skipped, flagged, disputed or decided pairs."""
        self._request = replace(self._request, state=state)
        self.panel.set_state(state)
        self.relist(show or self.current_uid)

    def set_order(self, order: QueueOrder) -> None:
        """Orders the list; "shuffled" chosen again draws another order. Kept in the project."""
        seed = self._request.seed + (1 if order == self._request.order == "shuffled" else 0)
        self._request = replace(self._request, order=order, seed=seed)
        self.panel.set_order(order)
        if not self.project.is_read_only:
            store, kept = self.project.store, {"order": order, "seed": seed}
            self._background.run(lambda: store.set_setting(_ORDER_SETTING, kept), lambda _done: None, self.failed.emit)
        self.relist(self.current_uid)

    def set_search(self, text: str) -> None:
        self.set_filter(replace(self._request.filter, text=text))

    def set_filter(self, chosen: QueueFilter, *, always: bool = False) -> None:
        """Lists only what passes a filter."""
        if chosen != self._request.filter or always:
            self._request = replace(self._request, filter=chosen)
            self.relist(self.current_uid)

    def set_selection(self, name: str, state: QueueState) -> None:
        """Lists only the pairs of a selection kept in the project; "" for all again."""
        self._request = replace(self._request, selection=name, state=state)
        self.panel.set_state(state)

    def list_selection(self, name: str) -> None:
        """Lists all pairs of a selection and shows its first: it has an order, and its sender means its beginning."""
        self.set_selection(name, "all")
        self._request = replace(self._request, filter=replace(self._request.filter, text=""))
        self.relist()

    def set_reviewer(self, name: str) -> None:
        """Whose queue and verdicts these are from now on; kept in the project. Raises UserError as the store does."""
        self.project.set_reviewer(name)
        self._request = replace(self._request, reviewer=name)
        self.leases.set_reviewer(name)
        self.refresh(self.current_uid)

    def show_selection(self, name: str, uids: Sequence[str]) -> None:
        """Keeps a named selection of pairs in the project and lists it, decided pairs among them."""
        self.filters.send(name, uids)

    def shutdown(self) -> None:
        """Stops following others and gives back what is held."""
        self.others.stop()
        self.leases.shutdown()

    def hold_back(self, is_on: bool) -> None:
        """Asks for no pair to be shown while many are (in the gallery), whatever changes in the list."""
        self._holds_back = is_on

    def _ask_for(self, uid: str) -> None:
        if not self._holds_back:
            self.pair_wanted.emit(uid)

    def _say_empty(self) -> None:
        if not self._holds_back:
            self.emptied.emit()

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
        if self.current_uid is not None and uid != self.current_uid:
            self.leases.release(self.current_uid)
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
            self._want(row + step)

    def show_row(self, row: int) -> None:
        """Wants the pair of a row shown; behind the last one the first, in an empty list nothing."""
        n_rows = self.model.rowCount()
        self._want(row if row < n_rows else 0)

    def _want(self, row: int) -> None:
        """Wants the first pair from a row on that is before nobody else."""
        load = self._load

        def show(uid: str | None) -> None:
            if load != self._load:
                return
            if uid is not None:
                self._ask_for(uid)
            elif row > 0 and self.model.rowCount():
                self._want(0)
            else:
                self._say_empty()

        asks = self.state in ("pending", "skipped")
        if asks and self.leases.is_shared:
            self.leases.next_free(self.model.uids_from(row), show)
        else:
            show(self.model.uid_at(row))

    def _choose_pair(self, uid: str) -> None:
        if self._holds_back:
            self.chosen_by_hand.emit(uid)
            return
        other = self.leases.taken.get(uid)
        if other and self.leases.is_shared:
            self.said.emit(f"{other} is looking at this pair too.")
        else:
            self.leases.hold(uid)
        self._ask_for(uid)

    # -- verdicts --------------------------------------------------------------------------------------------------

    def take_verdict(self, pair: PairRecord, verdict: VerdictRecord) -> int:
        """Takes a verdict into list and numbers; returns the row that comes next."""
        decision = cast(Decision, verdict.decision)
        state: PairState = "skipped" if decision == "skip" else "done"
        self._counts = moved(self._counts, pair.decision, decision)
        self.last_verdicts.insert(0, verdict)
        self._show_numbers()
        decided = replace(pair, state=state, decision=decision)
        self.model.put_records([decided])
        self.leases.release(pair.uid)
        self.others.note_own(pair.uid)
        row = self.model.row_of(pair.uid)
        if row is None:
            return 0
        if self._is_listed(decided):
            return row + 1
        self.model.remove(pair.uid)
        return row

    def take_change(self, pair: PairRecord, last_verdicts: list[VerdictRecord], *, is_undo: bool) -> None:
        """Takes in that a verdict on a pair was withdrawn (`is_undo`) or restored, and goes to where work continues."""
        self._counts = moved(self._counts, self._decision_before(pair.uid), pair.decision)
        self.others.note_own(pair.uid)
        self.last_verdicts = last_verdicts
        self.model.put_records([pair])
        self._show_numbers()
        current, stays = self.current_uid, self._is_listed(pair)
        if is_undo and not stays and not self._holds_back:
            self.set_state(pair.state, show=pair.uid)
        elif is_undo and stays:
            if self.model.row_of(pair.uid) is None:
                at = self.model.row_of(current) if current else 0
                self.model.insert(at or 0, pair.uid)
            self._ask_for(pair.uid)
        else:
            row = self.model.row_of(pair.uid) if stays else self.model.remove(pair.uid)
            if current not in (None, pair.uid):
                self._ask_for(pair.uid)  # the list stays as it is, and the next key leads back to it
            elif row is not None:
                self.show_row(row + 1 if stays else row)

    def _decision_before(self, uid: str) -> str | None:
        """Returns what stood on a pair until now, as far as it is in memory."""
        known = self.model.record(uid)
        if known is not None:
            return known.decision
        return next((verdict.decision for verdict in self.last_verdicts[:1] if verdict.pair_uid == uid), None)

    def take_record(self, pair: PairRecord, counts: QueueCounts | None = None) -> None:
        """Takes a pair read again (flagged, say), and the counts where they changed with it; what is shown stays."""
        self.model.put_records([pair])
        if counts is not None:
            self._counts = counts
            self._show_numbers()

    def take_others_work(self, change: QueueChange) -> None:
        """Takes what others decided into list and numbers; the pair that is shown stays until it is left."""
        self._counts = change.counts
        self.model.put_records(change.records)
        leaving = [uid for uid in change.leaving if uid != self.current_uid]
        entering = [(row, uid) for row, uid in change.entering if self.model.row_of(uid) is None]
        if self.model.edit(leaving, entering):
            self.panel.set_current(self.current_uid)  # else the list stays where it was scrolled to
        self._show_numbers()
        if self.current_uid is None and self.model.rowCount():
            self.show_row(0)

    def _is_listed(self, pair: PairRecord) -> bool:
        """Tells whether a pair belongs in this list with its verdict of now."""
        if self.state == "adjudicate":
            return pair.decision in (None, "skip", "unsure")
        return self.state in ("all", "flagged") or self.state == pair.state

    def _show_numbers(self) -> None:
        del self.last_verdicts[PACE_VERDICTS:]
        self.panel.set_counts(self._counts)
        self.numbers_changed.emit()

    # -- what the list asks for ------------------------------------------------------------------------------------

    def _fetch_records(self, uids: list[str]) -> None:
        store, reviewer = self.project.store, self.reviewer
        self._background.run(
            lambda: store.pairs(uids, reviewer=reviewer),
            lambda records: self.model.put_records(records) if reviewer == self.reviewer else None,
            self.failed.emit,
            priority=1,
        )

    def _fetch_thumbnails(self, pairs: list[PairRecord]) -> None:
        def put(pictures: list[tuple[str, object]]) -> None:
            for uid, image in pictures:
                self.model.set_thumbnail(uid, image)  # type: ignore[arg-type]

        self._background.run(lambda: scenes.read_thumbnails(pairs, self.project.clip_path), put)
