"""Runs the Review workspace: the queue from the store, each verdict into it before the next pair shows, undo and redo.

What takes time (long queries, files, thumbnails) is done in the background; playing a pair is pair_playback's.
"""

import statistics
import time
from collections import OrderedDict
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import (
    DECISIONS,
    PairRecord,
    PairState,
    QueueCounts,
    QueueOrder,
    VerdictRecord,
    VideoRecord,
)
from annotator.views.background import Background
from annotator.views.review import scene as scenes
from annotator.views.review.pair_playback import PairPlayback
from annotator.views.review.question_panel import VerdictLine
from annotator.views.review.queue_loading import Queue, load_queue, matching_uids
from annotator.views.review.scene import Scene
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.widgets.bar import BarRow
from davenet.errors import UserError, one_line
from davenet.matchmap_file import Matchmaps

N_LAST_VERDICTS = 5
_PACE_VERDICTS = 30  # the median is over this many, so that a pause does not count
_KEPT_SCENES = 12


class ReviewPresenter(QObject):
    """`verdict_given` follows every change of verdicts; the requests ask the window for another workspace."""

    verdict_given = Signal()
    data_requested = Signal()
    runs_requested = Signal()

    def __init__(
        self, workspace: ReviewWorkspace, project: Project, player: Player, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.workspace, self.project, self.player = workspace, project, player
        self.background = Background(self)
        self.playback = PairPlayback(workspace, player, self)
        self.autoplay = True
        self._model = workspace.model
        self._state: PairState = "pending"
        self._order: QueueOrder = "mined"
        self._filter = ""
        self._load = 0  # the number of the newest loading of the queue: older results are dropped
        self._queue = Queue.nothing()
        self._counts = self._queue.counts
        self._last: list[VerdictRecord] = []
        self._videos: dict[str, VideoRecord] = {}
        self._current: PairRecord | None = None
        self._shown_at = 0.0
        self._scenes: OrderedDict[str, Scene] = OrderedDict()
        self._on_empty_action = self.data_requested.emit
        self._is_active = False
        self._is_stale = True
        self._reviewer = project.reviewer
        workspace.question.reviewer.set_name(self._reviewer)
        self._connect()

    def _connect(self) -> None:
        workspace, queue = self.workspace, self.workspace.queue
        workspace.decided.connect(self.decide)
        workspace.undo_requested.connect(self.undo)
        workspace.redo_requested.connect(self.redo)
        workspace.play_toggled.connect(self.playback.toggle)
        workspace.replay_requested.connect(self.playback.replay)
        workspace.window_toggled.connect(self.playback.toggle_window)
        workspace.overlay_toggled.connect(self.playback.toggle_overlay)
        workspace.next_requested.connect(lambda: self._go(1))
        workspace.previous_requested.connect(lambda: self._go(-1))
        workspace.empty_action_requested.connect(lambda: self._on_empty_action())
        workspace.axis.seek_requested.connect(self.playback.seek)
        workspace.axis.word_clicked.connect(self._play_word)
        workspace.question.pair_chosen.connect(self.show_pair)
        workspace.question.reviewer_changed.connect(self.set_reviewer)
        queue.pair_chosen.connect(self.show_pair)
        queue.state_chosen.connect(self.set_state)
        queue.filter_changed.connect(self.set_filter)
        queue.order_chosen.connect(self.set_order)
        self._model.records_wanted.connect(self._fetch_records)
        self._model.thumbnails_wanted.connect(self._fetch_thumbnails)
        self.playback.failed.connect(self._say_not_playing)

    # -- the queue -------------------------------------------------------------------------------------------------

    @property
    def current(self) -> PairRecord | None:
        return self._current

    @property
    def counts(self) -> QueueCounts:
        return self._counts

    def activate(self) -> None:
        """The workspace is shown: loads the queue, again where it may have changed meanwhile."""
        self._is_active = True
        self.playback.set_active(True)
        if self._is_stale:
            self.refresh()

    def deactivate(self) -> None:
        """Another workspace is shown."""
        self._is_active = False
        self.playback.set_active(False)

    def invalidate(self) -> None:
        """Pairs were mined or imported, or clips extracted: what is shown is read again, now or when next shown."""
        self._is_stale = True
        if self._is_active:
            self.refresh()

    def shutdown(self) -> None:
        self.playback.set_active(False)
        self.background.shutdown()

    def refresh(self, show: str | None = None) -> None:
        """Loads the queue in the background and shows a pair: this one, else the current, else the first."""
        self._is_stale = False
        self._load += 1
        load, wanted = self._load, show or (self._current.uid if self._current else None)
        store, state, reviewer, order = self.project.store, self._state, self._reviewer, self._order
        self._scenes.clear()
        self.background.run(
            lambda: load_queue(store, state, reviewer=reviewer, order=order, last=_PACE_VERDICTS),
            lambda queue: self._take_queue(queue, wanted) if load == self._load else None,
            self._say_error,
            priority=2,
        )

    def _take_queue(self, queue: Queue, wanted: str | None) -> None:
        self._queue, self._counts, self._last = queue, queue.counts, list(queue.last_verdicts)
        self._videos = queue.videos
        self._model.forget_records()
        self._model.put_records(queue.first_records)
        self._show_numbers()
        if self._filter:
            self._model.set_uids(())
            self._search(wanted)
            return
        self._model.set_uids(queue.uids, queue.rows)
        self._show_wanted(wanted)

    def _show_wanted(self, wanted: str | None) -> None:
        if wanted is not None and self._model.row_of(wanted) is not None:
            self.show_pair(wanted)
        else:
            self._show_row(0)

    def _search(self, wanted: str | None) -> None:
        """Goes through the queue's records in the background; hits come in parts, the first one shows at once."""
        load, store, reviewer = self._load, self.project.store, self._reviewer
        parts = matching_uids(store, self._queue.uids, self._filter, reviewer=reviewer)

        def take(part: list[str] | None) -> None:
            if load != self._load:
                return
            if part is None:
                if self._model.rowCount() == 0:
                    self._show_nothing()
                return
            was_empty = self._model.rowCount() == 0
            self._model.add_uids(part)
            if was_empty and part:
                self._show_wanted(wanted)
            self.background.run(lambda: next(parts, None), take, self._say_error)

        self.background.run(lambda: next(parts, None), take, self._say_error)

    def set_state(self, state: PairState, show: str | None = None) -> None:
        """Lists the pending, the skipped or the done pairs."""
        self._state = state
        self.workspace.queue.set_state(state)
        self.refresh(show)

    def set_order(self, order: QueueOrder) -> None:
        self._order = order
        self.workspace.queue.set_order(order)
        self.refresh()

    def set_filter(self, text: str) -> None:
        if text != self._filter:
            self._filter = text
            self.refresh()

    def set_reviewer(self, name: str) -> None:
        """Whose queue and verdicts these are from now on; kept in the project."""
        try:
            self.project.store.set_setting("reviewer", name)
        except UserError as error:
            self._say_error(error)
            return
        self._reviewer = name
        self.workspace.question.reviewer.set_name(name)
        self.refresh()

    def _fetch_records(self, uids: list[str]) -> None:
        store, reviewer, load = self.project.store, self._reviewer, self._load
        self.background.run(
            lambda: store.pairs(uids, reviewer=reviewer),
            lambda records: self._model.put_records(records) if load == self._load else None,
            self._say_error,
            priority=1,
        )

    def _fetch_thumbnails(self, pairs: list[PairRecord]) -> None:
        def put(pictures: list[tuple[str, object]]) -> None:
            for uid, image in pictures:
                self._model.set_thumbnail(uid, image)  # type: ignore[arg-type]

        self.background.run(lambda: scenes.read_thumbnails(pairs, self.project.clip_path), put)

    # -- the pair --------------------------------------------------------------------------------------------------

    def show_pair(self, uid: str) -> None:
        """Asks about a pair, wherever it stands in the queue."""
        pair = self._model.record(uid)
        if pair is None:
            try:
                pair = self.project.store.pair(uid, reviewer=self._reviewer)
            except UserError as error:
                self._say_error(error)
                return
            self._model.put_records([pair])
        video = self._videos.get(pair.video_uid)
        if video is None:
            video = self._videos[pair.video_uid] = self.project.store.video(pair.video_uid)
        self._current, self._shown_at = pair, time.monotonic()
        self.workspace.show_pair()
        self.workspace.question.set_pair(pair)
        self.workspace.set_video_text(pair.video_title)
        self.workspace.queue.set_current(uid)
        self.playback.show(pair, video, autoplay=self.autoplay and self._is_active)
        known = self._scenes.get(uid)
        if known is not None:
            self._take_scene(known)
        else:
            self._read_scene(pair, video)
        self._read_more(pair, video)
        self._read_ahead(uid)

    def _read_scene(self, pair: PairRecord, video: VideoRecord, *, priority: int = 3) -> None:
        clip, labels = self.project.clip_path(pair.video_uid), self.project.labels_dir

        def take(scene: Scene) -> None:
            self._scenes[pair.uid] = scene
            while len(self._scenes) > _KEPT_SCENES:
                self._scenes.popitem(last=False)
            if self._current is not None and self._current.uid == pair.uid:
                self._take_scene(scene)

        self.background.run(lambda: scenes.read_scene(pair, video, clip, labels), take, priority=priority)

    def _take_scene(self, scene: Scene) -> None:
        pair = self._current
        assert pair is not None
        self.playback.show_scene(scene)
        if scene.detection is not None:
            named = {label.class_name for label in pair.labels[:1]}
            rows = [BarRow(name, value, lit=name in named) for name, value in scene.detection.top]
            self.workspace.question.set_detections(pair.detector, scene.detection.food, rows)
        if scene.notice:
            self.workspace.notice.show_notice(scene.notice, "warning")

    def _read_more(self, pair: PairRecord, video: VideoRecord) -> None:
        """Reads the true peaks and the matchmaps, which may come after the pair is already judged."""
        start, end = scenes.span_of(pair, video.duration_s)

        def is_shown() -> bool:
            return self._current is not None and self._current.uid == pair.uid

        def take_peaks(peaks: np.ndarray) -> None:
            if is_shown() and len(peaks):
                self.workspace.axis.set_waveform(peaks, step_s=scenes.PEAK_STEP_S, start_s=start)

        def take_matchmaps(matchmaps: Matchmaps | None) -> None:
            if is_shown():
                self.playback.show_matchmaps(matchmaps)
                if matchmaps is not None:
                    value = float(np.interp(pair.time_s, matchmaps.times_s, matchmaps.similarity))
                    self.workspace.question.set_model_similarity(value)

        self.workspace.question.set_model_similarity(None)
        cache = self.project.cache_dir
        self.background.run(
            lambda: scenes.read_newest_matchmaps(cache, pair.video_uid), take_matchmaps, self._say_error, priority=1
        )
        # Where the video cannot be read, the envelope from the clip file stays; the player says what is wrong.
        self.background.run(lambda: scenes.read_peaks(video.path, start, end), take_peaks, lambda _error: None)

    def _read_ahead(self, uid: str) -> None:
        row = self._model.row_of(uid)
        following = None if row is None else self._model.uid_at(row + 1)
        pair = None if following is None else self._model.record(following)
        video = None if pair is None else self._videos.get(pair.video_uid)
        if pair is not None and video is not None and pair.uid not in self._scenes:
            self._read_scene(pair, video, priority=-1)

    def _go(self, step: int) -> None:
        row = self._model.row_of(self._current.uid) if self._current else None
        if row is not None and self._model.uid_at(row + step) is not None:
            self._show_row(row + step)

    def _show_row(self, row: int) -> None:
        n_rows = self._model.rowCount()
        uid = self._model.uid_at(row if row < n_rows else 0)
        self.show_pair(uid) if uid is not None else self._show_nothing()

    def _play_word(self, index: int) -> None:
        scene = self._scenes.get(self._current.uid) if self._current else None
        if scene is not None and index < len(scene.words):
            self.playback.seek(max(0.0, scene.words[index].start - 0.1))
            self.player.play()

    def _show_nothing(self) -> None:
        self._current = None
        self.playback.leave()
        self.workspace.queue.set_current(None)
        counts = self._counts
        show = self.workspace.show_empty
        if self._filter:
            self._on_empty_action = self.workspace.queue.filter.clear
            show("Nothing matches the filter", f"No {self._state} pair has “{self._filter}”.", "Clear the filter")
        elif counts.total == 0:
            self._on_empty_action = self.data_requested.emit
            text = "Add videos, extract, transcribe, detect and mine them in Data: the pairs found wait here."
            show("No pairs to review yet", text, "Open Data")
        elif self._state != "pending":
            self._on_empty_action = lambda: self.set_state("pending")
            show(f"No {self._state} pairs", "There is nothing in this list.", "Back to the pending pairs")
        elif counts.skipped:
            self._on_empty_action = lambda: self.set_state("skipped")
            n_skipped = f"{counts.skipped} skipped pair{'s' if counts.skipped != 1 else ''}"
            text = f"{counts.done} verdicts given. {n_skipped} left to come back to."
            show("Every pending pair is done", text, "Review the skipped", is_done=True)
        else:
            self._on_empty_action = self.runs_requested.emit
            text = f"{counts.accepted} of {counts.done} pairs accepted. They are ready to fine-tune a model."
            show("All pairs are reviewed", text, "Open Runs", is_done=True)

    # -- verdicts --------------------------------------------------------------------------------------------------

    def decide(self, decision: str) -> None:
        """Keeps a verdict on the current pair; the next one shows when it is on the disk."""
        pair = self._current
        if pair is None:
            return
        assert decision in DECISIONS
        try:
            verdict = self.project.store.give_verdict(
                pair.uid,
                decision,  # type: ignore[arg-type]
                reviewer=self._reviewer,
                seconds=round(time.monotonic() - self._shown_at, 3),
                window_s=self.playback.window_s,
            )
        except UserError as error:
            self._say_error(error)
            return
        state: PairState = "skipped" if decision == "skip" else "done"
        self._counts = moved(self._counts, pair.decision, decision)
        self._last.insert(0, verdict)
        self._show_numbers()
        self._model.put_records([replace(pair, state=state, decision=decision)])  # type: ignore[arg-type]
        row = self._model.row_of(pair.uid)
        if state != self._state and row is not None:
            self._model.remove(pair.uid)
        elif row is not None:
            row += 1
        self._show_row(row or 0)
        self.verdict_given.emit()

    def undo(self) -> None:
        """Withdraws the last verdict and asks about its pair again."""
        self._step_through_history(self.project.store.undo, "There is no verdict to undo.")

    def redo(self) -> None:
        """Gives the verdict withdrawn last again."""
        self._step_through_history(self.project.store.redo, "There is nothing to redo.")

    def _step_through_history(self, step: object, nothing: str) -> None:
        store, reviewer = self.project.store, self._reviewer
        try:
            uid: str | None = step(reviewer)  # type: ignore[operator]
            if uid is None:
                self.workspace.notice.show_notice(nothing, "info", seconds=3)
                return
            pair = store.pair(uid, reviewer=reviewer)
            self._last = store.last_verdicts(reviewer, _PACE_VERDICTS)
            known = self._model.record(uid)
            before = known.decision if known is not None else None
        except UserError as error:
            self._say_error(error)
            return
        self._counts = moved(self._counts, before, pair.decision)
        self._model.put_records([pair])
        self._show_numbers()
        is_undo = step == store.undo
        if is_undo and pair.state != self._state:
            self.set_state(pair.state, show=uid)
        elif is_undo:
            if self._model.row_of(uid) is None:
                at = self._model.row_of(self._current.uid) if self._current else 0
                self._model.insert(at or 0, uid)
            self.show_pair(uid)
        else:
            row = self._model.row_of(uid) if pair.state == self._state else self._model.remove(uid)
            if row is not None and (self._current is None or self._current.uid == uid):
                self._show_row(row + 1 if pair.state == self._state else row)
        self.verdict_given.emit()

    def _show_numbers(self) -> None:
        del self._last[_PACE_VERDICTS:]
        seconds = [verdict.seconds for verdict in self._last if verdict.decision != "skip" and verdict.seconds > 0]
        median = statistics.median(seconds) if seconds else None
        decided = self._counts.accepted + self._counts.rejected
        self.workspace.queue.set_counts(self._counts)
        self.workspace.verdicts.set_progress(self._counts, median)
        self.workspace.question.set_pace(median, self._counts.accepted / decided if decided else None)
        self.workspace.question.set_last_verdicts(
            [
                VerdictLine(one.pair_uid, one.decision, one.label or "no label", one.seconds, one.reason or "")
                for one in self._last[:N_LAST_VERDICTS]
            ]
        )

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def _say_error(self, error: UserError) -> None:
        self.workspace.notice.show_notice(one_line(error), "error")

    def _say_not_playing(self, sentence: str) -> None:
        scene = self._scenes.get(self._current.uid) if self._current else None
        if scene is not None:
            self.playback.show_scene(scene)
        self.workspace.notice.show_notice(f"{sentence} The extracted frame is shown, without sound.", "warning")


_FIELDS = {"accept": "accepted", "reject": "rejected", "unsure": "unsure", "skip": "skipped", None: "pending"}


def moved(counts: QueueCounts, before: str | None, after: str | None) -> QueueCounts:
    """Returns the counts after a pair's standing verdict changed; None stands for pending."""
    source, target = _FIELDS[before], _FIELDS[after]
    if source == target:
        return counts
    changed = {source: getattr(counts, source) - 1, target: getattr(counts, target) + 1}
    return replace(counts, **changed)
