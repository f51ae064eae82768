"""Runs the gallery: which frames it shows, their pictures and sound, a verdict on each of the selected, and undo.

A batch is written pair by pair in the background; a cell shows its verdict when the disk has it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import DECISIONS, Decision, PairRecord, QueueFilter, QueueState, VerdictRecord
from annotator.views.background import Background
from annotator.views.review.attention import Attention
from annotator.views.review.gallery_panel import GalleryPanel, Scope
from annotator.views.review.gallery_sound import GallerySound
from annotator.views.review.queue_presenter import PACE_VERDICTS, QueuePresenter
from annotator.views.review.scene import read_thumbnails
from davenet.errors import UserError

PICTURE_WIDTH = 320  # pixels: sharp at the widest cell but one
_PART = 24  # pictures read at a time, so that the first ones show soon


class GalleryPresenter(QObject):
    """`left` asks for the pair to be shown again; `given` follows every change of verdicts; `failed` is a UserError."""

    left = Signal(str)
    given = Signal()
    failed = Signal(object)
    said = Signal(str)
    looked_at = Signal(object)  # the PairRecord that the keyboard is on
    _written = Signal(object, object)  # PairRecord, VerdictRecord
    _undone = Signal(str)

    def __init__(
        self,
        panel: GalleryPanel,
        queue: QueuePresenter,
        project: Project,
        player: Player,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.panel, self.queue, self.project = panel, queue, project
        self.sound = GallerySound(player, self)
        self._reading = Background(self, n_threads=1)
        self._writing = Background(self, n_threads=1)  # in order: an undo waits for the batch before it
        self.attention = Attention()
        self._is_open = self._is_blind = False
        self._came_from: str | None = None
        self._came_row: int | None = None  # where it stood, in case it has its verdict on coming back
        self._scope: Scope = "list"
        self._class = ""
        self._load = 0
        self._n_left = 0
        self._decided: set[str] = set()  # since it was opened
        self._batch: list[str] = []  # uids of the pairs decided together last, in the order written
        self._connect()

    def _connect(self) -> None:
        panel, grid = self.panel, self.panel.grid
        panel.decided.connect(self.decide)
        panel.scope_chosen.connect(self._choose_scope)
        panel.class_chosen.connect(self._choose_class)
        panel.undecided_chosen.connect(lambda _is_on: self._list())
        panel.undo_batch_requested.connect(self.undo_batch)
        panel.left.connect(self.close)
        panel.model.records_wanted.connect(self._fetch_records)
        panel.model.thumbnails_wanted.connect(self._fetch_pictures)
        grid.hovered.connect(self._hear_hovered)
        grid.opened.connect(self._open_pair)
        grid.current_moved.connect(self._look_at)
        self.sound.heard.connect(self._show_heard)
        self.sound.failed.connect(self.said)
        self.queue.chosen_by_hand.connect(self._open_pair)
        self.queue.model.modelReset.connect(self._follow_list)
        self._written.connect(self._take_verdict)
        self._undone.connect(self._take_undo)

    @property
    def is_open(self) -> bool:
        return self._is_open

    def is_idle(self) -> bool:
        return self._reading.is_idle() and self._writing.is_idle()

    def seconds_spent(self) -> float:
        """Returns the seconds looked at the gallery since it was opened or the last verdicts were given."""
        return self.attention.seconds()

    def shutdown(self) -> None:
        """Waits for the verdicts that were given."""
        self.sound.stop()
        self._reading.shutdown()
        self._writing.shutdown()

    # -- coming and going ------------------------------------------------------------------------------------------

    def open(self, pair: PairRecord | None, *, is_blind: bool = False) -> None:
        """Shows the frames of the queue's list, with the keyboard on the pair that was shown.

        A blind reviewer sees no machine's numbers here either.
        """
        self._is_open, self._is_blind = True, is_blind
        self.panel.cell.set_blind(is_blind)
        self._came_row = self.queue.model.row_of(pair.uid) if pair is not None else None
        self._came_from = pair.uid if pair is not None else None
        if pair is not None and pair.label is not None:
            self._class = pair.label.class_name
        self._decided.clear()
        self.queue.hold_back(True)
        self.attention.begin()
        reason = self.project.read_only_reason
        self.panel.set_enabled(not reason, reason)
        self._set_batch([])
        self._read_classes()
        self._list(self._came_from)
        self.panel.grid.setFocus()

    def leave_for(self, uid: str) -> None:
        """Goes to a pair that is asked for, whatever was decided here."""
        self._is_open = False
        self.sound.stop()
        self.attention.leave()
        self.queue.hold_back(False)
        self.left.emit(uid)

    def close(self) -> None:
        """Goes back to the pair that was shown, or to what comes next where that has its verdict now."""
        if not self._is_open:
            return
        uid, model = self._came_from, self.queue.model
        if uid is not None and uid in self._decided and model.row_of(uid) is None:
            uid = model.uid_at(self._came_row or 0)
        self.leave_for(uid or "")

    def rest(self) -> None:
        """Another workspace is shown: falls silent."""
        self.sound.stop()
        self.attention.leave()

    def _open_pair(self, uid: str) -> None:
        self._came_from = uid
        self.close()

    # -- what is shown ---------------------------------------------------------------------------------------------

    def _choose_scope(self, scope: Scope) -> None:
        record = self.panel.model.record(self.panel.current_uid() or "")
        if scope == "class" and record is not None and record.label is not None:
            self._class = record.label.class_name
        self._scope = scope
        self._list()
        self.panel.grid.setFocus()

    def _choose_class(self, name: str) -> None:
        self._class = name
        self._list()

    def _follow_list(self) -> None:
        if self._is_open and self._scope == "list":
            self._list()

    def _list(self, current: str | None = None) -> None:
        """Shows the frames of the scope, with the keyboard on a pair: this one, else where it was."""
        self._load += 1
        load, current = self._load, current or self.panel.current_uid() or self._came_from
        self.panel.set_scope(self._scope, self._class)
        if self._scope == "list":
            why = f"fits {self.queue.filter}" if self.queue.filter else "is in this list"
            self.panel.set_empty("No frames here", f"No pair {why}. Choose another list or one class.")
            self.panel.set_uids(self.queue.model.listed(), current=current)
            return
        store, reviewer, request = self.project.store, self.queue.reviewer, self.queue.request
        state: QueueState = "pending" if self.panel.undecided.isChecked() else "all"
        wanted = QueueFilter(classes=(self._class,))
        left = "left undecided" if state == "pending" else "mined"
        self.panel.set_empty(f"No frame of {self._class}", f"No pair of this class is {left}. Choose another class.")
        self._reading.run(
            lambda: store.queue_uids(state, reviewer=reviewer, order=request.order, filter=wanted, seed=request.seed),
            lambda uids: self.panel.set_uids(uids, current=current) if load == self._load else None,
            self.failed.emit,
            priority=2,
        )

    def _read_classes(self) -> None:
        store, reviewer = self.project.store, self.queue.reviewer
        self._reading.run(
            lambda: store.filter_facets(reviewer).classes,
            lambda classes: self.panel.set_classes(classes, self._class),
            self.failed.emit,
        )

    def _fetch_records(self, uids: list[str]) -> None:
        store, reviewer = self.project.store, self.queue.reviewer
        self._reading.run(
            lambda: store.pairs(uids, reviewer=reviewer), self.panel.model.put_records, self.failed.emit, priority=1
        )

    def _fetch_pictures(self, pairs: list[PairRecord]) -> None:
        model = self.panel.model
        for first in range(0, len(pairs), _PART):
            part = pairs[first : first + _PART]

            def read(part: list[PairRecord] = part) -> tuple[list[str], list[tuple[str, QImage]]]:
                seen = self.panel.grid.seen_uids  # scrolled past meanwhile: what is in view comes first
                passed = [pair.uid for pair in part if pair.uid not in seen]
                wanted = [pair for pair in part if pair.uid in seen]
                return passed, read_thumbnails(wanted, self.project.clip_path, PICTURE_WIDTH)

            def put(found: tuple[list[str], list[tuple[str, QImage]]]) -> None:
                model.forget_asked(found[0])
                for uid, image in found[1]:
                    model.set_thumbnail(uid, image)

            self._reading.run(read, put)

    def _look_at(self, uid: str) -> None:
        self.attention.touch()
        record = self.panel.model.record(uid)
        if record is not None:
            self.looked_at.emit(record)

    # -- sound -----------------------------------------------------------------------------------------------------

    def hear_current(self) -> None:
        """Plays the frame that the keyboard is on."""
        self.attention.touch()
        self._hear(self.panel.current_uid() or "")

    def _hear_hovered(self, uid: str) -> None:
        self.attention.touch()
        self._hear(uid)

    def _hear(self, uid: str) -> None:
        pair = self.panel.model.record(uid)
        if not self._is_open or pair is None:
            self.sound.stop()
            return
        try:
            self.sound.play(pair, self.queue.video(pair.video_uid))
        except UserError as error:
            self.failed.emit(error)

    def _show_heard(self, uid: str, share: float) -> None:
        self.panel.cell.set_heard(uid, share)
        self.panel.grid.viewport().update()

    # -- verdicts --------------------------------------------------------------------------------------------------

    def decide(self, decision: str, *, reason: str | None = None) -> None:
        """Gives each selected pair a verdict of its own; the time spent is shared out evenly among them."""
        uids = self.panel.chosen_uids()
        if not self._is_open or not uids or self._says_why_not():
            return
        assert decision in DECISIONS
        chosen: Decision = decision
        seconds = round(self.seconds_spent() / len(uids), 3)
        self.attention.begin()
        store, reviewer, is_blind = self.project.store, self.queue.reviewer, self._is_blind
        purpose = "adjudication" if self.queue.state == "adjudicate" and self._scope == "list" else "first"
        self._set_batch([])
        self._n_left += len(uids)
        self.panel.set_writing(self._n_left)

        def write() -> None:
            for pair in store.pairs(uids, reviewer=reviewer):
                verdict = store.give_verdict(
                    pair.uid,
                    chosen,
                    reviewer=reviewer,
                    seconds=seconds,
                    window_s=pair.segment_s,
                    reason=reason,
                    blind=is_blind,
                    purpose=purpose,  # type: ignore[arg-type]
                )
                self._written.emit(pair, verdict)

        self._go_on_from(uids)
        self._writing.run(write, lambda _done: self._wrote(), self._could_not_write)

    def _go_on_from(self, uids: Sequence[str]) -> None:
        """Selects nothing and puts the keyboard on the first frame after the batch that is not in it."""
        model, batch = self.panel.model, set(uids)
        last = model.row_of(uids[-1]) or 0
        following = next((uid for uid in model.uids_from(last + 1) if uid not in batch), uids[-1])
        self.panel.clear_selection()
        self.panel.put_current(following)

    def _take_verdict(self, pair: PairRecord, verdict: VerdictRecord) -> None:
        decision = cast(Decision, verdict.decision)
        state = "skipped" if decision == "skip" else "done"
        self._n_left -= 1
        self._batch.append(pair.uid)
        self._decided.add(pair.uid)
        self.panel.model.put_records([replace(pair, state=state, decision=decision)])  # type: ignore[arg-type]
        self.queue.take_verdict(pair, verdict)
        self.panel.set_writing(self._n_left)

    def _wrote(self) -> None:
        self._set_batch(self._batch)
        self.given.emit()

    def _could_not_write(self, error: UserError) -> None:
        self._n_left = 0
        self.panel.set_writing(0)
        self._set_batch(self._batch)
        self.failed.emit(error)
        self.given.emit()

    def undo(self) -> None:
        """Withdraws the reviewer's last verdict alone."""
        self._undo(1)

    def undo_batch(self) -> None:
        """Withdraws every verdict of the last batch, the newest first."""
        if self._batch:
            self._undo(len(self._batch))

    def redo(self) -> None:
        """Gives the verdict withdrawn last again."""
        store, reviewer = self.project.store, self.queue.reviewer
        if not self._says_why_not():
            self._step(lambda: self._emit_undone(store.redo(reviewer)), "There is nothing to redo.")

    def _undo(self, n_verdicts: int) -> None:
        store, reviewer = self.project.store, self.queue.reviewer
        if self._says_why_not():
            return

        def withdraw() -> bool:
            found = False
            for _verdict in range(n_verdicts):
                if not self._emit_undone(store.undo(reviewer)):
                    break
                found = True
            return found

        self._step(withdraw, "There is no verdict to undo.")

    def _emit_undone(self, uid: str | None) -> bool:
        if uid is not None:
            self._undone.emit(uid)
        return uid is not None

    def _step(self, step: Callable[[], bool], nothing: str) -> None:
        def done(found: bool) -> None:
            if not found:
                self.said.emit(nothing)
            self._set_batch(self._batch)
            self.given.emit()

        self._writing.run(step, done, self.failed.emit)

    def _take_undo(self, uid: str) -> None:
        """Takes in that a verdict on a pair was withdrawn or restored."""
        store, reviewer = self.project.store, self.queue.reviewer
        self._decided.discard(uid)
        if uid in self._batch:
            self._batch.remove(uid)

        def read() -> tuple[PairRecord, list[VerdictRecord]]:
            return store.pair(uid, reviewer=reviewer), store.last_verdicts(reviewer, PACE_VERDICTS)

        def take(found: tuple[PairRecord, list[VerdictRecord]]) -> None:
            pair, last = found
            self.queue.take_change(pair, last, is_undo=True)
            self.panel.model.put_records([pair])
            self.panel.put_current(uid)

        self._writing.run(read, take, self.failed.emit)

    def _set_batch(self, uids: list[str]) -> None:
        self._batch = uids
        self.panel.set_batch(len(uids))

    def _says_why_not(self) -> bool:
        reason = self.project.read_only_reason
        if reason:
            self.said.emit(reason)
        return bool(reason)
