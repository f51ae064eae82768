"""Runs the Review workspace: shows a pair, keeps each verdict before the next one shows, undoes and restores.

The queue is queue_presenter's, playing a pair pair_playback's; what takes time is done in the background.
"""

import statistics
import time
from collections import OrderedDict

import numpy as np
from PySide6.QtCore import QObject, Signal

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import DECISIONS, PairRecord, PairState, QueueCounts, QueueOrder, VideoRecord
from annotator.views.background import Background
from annotator.views.review import scene as scenes
from annotator.views.review.pair_playback import PairPlayback
from annotator.views.review.question_panel import VerdictLine
from annotator.views.review.queue_emptiness import emptiness
from annotator.views.review.queue_presenter import PACE_VERDICTS, QueuePresenter
from annotator.views.review.scene import Scene
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.widgets.bar import BarRow
from davenet.errors import UserError, one_line
from davenet.matchmap_file import Matchmaps

N_LAST_VERDICTS = 5
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
        self.queue = QueuePresenter(workspace.queue, project, self.background, self)
        self.playback = PairPlayback(workspace, player, self)
        self.autoplay = True
        self._current: PairRecord | None = None
        self._shown_at = 0.0
        self._scenes: OrderedDict[str, Scene] = OrderedDict()
        self._is_active = False
        self._is_stale = True
        workspace.question.reviewer.set_name(self.queue.reviewer)
        self._connect()

    def _connect(self) -> None:
        workspace, queue = self.workspace, self.queue
        workspace.decided.connect(self.decide)
        workspace.undo_requested.connect(self.undo)
        workspace.redo_requested.connect(self.redo)
        workspace.play_toggled.connect(self.playback.toggle)
        workspace.replay_requested.connect(self.playback.replay)
        workspace.window_toggled.connect(self.playback.toggle_window)
        workspace.overlay_toggled.connect(self.playback.toggle_overlay)
        workspace.next_requested.connect(lambda: self._go(1))
        workspace.previous_requested.connect(lambda: self._go(-1))
        workspace.empty_action_requested.connect(self._leave_emptiness)
        workspace.axis.seek_requested.connect(self.playback.seek)
        workspace.axis.word_clicked.connect(self._play_word)
        workspace.question.pair_chosen.connect(self.show_pair)
        workspace.question.reviewer_changed.connect(self.set_reviewer)
        queue.pair_wanted.connect(self.show_pair)
        queue.emptied.connect(self._show_nothing)
        queue.numbers_changed.connect(self._show_numbers)
        queue.failed.connect(self._say_error)
        queue.said.connect(lambda text: workspace.notice.show_notice(text, "info", seconds=6))
        queue.emptiness_left.connect(self._leave_emptiness)
        self.playback.failed.connect(self._say_not_playing)

    @property
    def current(self) -> PairRecord | None:
        return self._current

    @property
    def counts(self) -> QueueCounts:
        return self.queue.counts

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
        self.queue.shutdown()
        self.background.shutdown()

    def refresh(self, show: str | None = None) -> None:
        """Loads the queue in the background and shows a pair: this one, else the current, else the first."""
        self._is_stale = False
        self._scenes.clear()
        self.queue.refresh(show or (self._current.uid if self._current else None))

    def set_state(self, state: PairState) -> None:
        self.queue.set_state(state)

    def set_order(self, order: QueueOrder) -> None:
        self.queue.set_order(order)

    def set_reviewer(self, name: str) -> None:
        """Whose queue and verdicts these are from now on."""
        try:
            self.queue.set_reviewer(name)
        except UserError as error:
            self._say_error(error)
            return
        self.workspace.question.reviewer.set_name(name)

    # -- the pair --------------------------------------------------------------------------------------------------

    def show_pair(self, uid: str) -> None:
        """Asks about a pair, wherever it stands in the queue."""
        try:
            pair = self.queue.record(uid)
            video = self.queue.video(pair.video_uid)
        except UserError as error:
            self._say_error(error)
            return
        self._current, self._shown_at = pair, time.monotonic()
        self.workspace.show_pair()
        self.workspace.question.set_pair(pair)
        self.workspace.set_video_text(pair.video_title)
        self.queue.set_current(uid)
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
        for pair in self.queue.following(uid, 1):
            if pair.uid not in self._scenes:
                self._read_scene(pair, self.queue.video(pair.video_uid), priority=-1)

    def _go(self, step: int) -> None:
        if self._current is not None:
            self.queue.go(self._current.uid, step)

    def _play_word(self, index: int) -> None:
        scene = self._scenes.get(self._current.uid) if self._current else None
        if scene is not None and index < len(scene.words):
            self.playback.seek(max(0.0, scene.words[index].start - 0.1))
            self.player.play()

    def _show_nothing(self) -> None:
        self._current = None
        self.playback.leave()
        self.queue.set_current(None)
        empty = emptiness(self.queue.counts, self.queue.state, self.queue.filter)
        self.workspace.show_empty(empty.title, empty.text, empty.action, is_done=empty.is_done)

    def _leave_emptiness(self) -> None:
        step = emptiness(self.queue.counts, self.queue.state, self.queue.filter).step
        if step == "clear filter":
            self.queue.clear_filter()
        elif step == "data":
            self.data_requested.emit()
        elif step == "runs":
            self.runs_requested.emit()
        else:
            self.queue.set_state(step)

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
                decision,
                reviewer=self.queue.reviewer,
                seconds=round(time.monotonic() - self._shown_at, 3),
                window_s=self.playback.window_s,
            )
        except UserError as error:
            self._say_error(error)
            return
        self.queue.show_row(self.queue.take_verdict(pair, verdict))
        self.verdict_given.emit()

    def undo(self) -> None:
        """Withdraws the last verdict and asks about its pair again."""
        self._step_through_history(self.project.store.undo, "There is no verdict to undo.")

    def redo(self) -> None:
        """Gives the verdict withdrawn last again."""
        self._step_through_history(self.project.store.redo, "There is nothing to redo.")

    def _step_through_history(self, step: object, nothing: str) -> None:
        store, reviewer = self.project.store, self.queue.reviewer
        try:
            uid: str | None = step(reviewer)  # type: ignore[operator]
            if uid is None:
                self.workspace.notice.show_notice(nothing, "info", seconds=3)
                return
            pair = store.pair(uid, reviewer=reviewer)
            last = store.last_verdicts(reviewer, PACE_VERDICTS)
        except UserError as error:
            self._say_error(error)
            return
        self.queue.take_change(pair, last, is_undo=step == store.undo)
        self.verdict_given.emit()

    def _show_numbers(self) -> None:
        last, counts = self.queue.last_verdicts, self.queue.counts
        seconds = [verdict.seconds for verdict in last if verdict.decision != "skip" and verdict.seconds > 0]
        median = statistics.median(seconds) if seconds else None
        decided = counts.accepted + counts.rejected
        self.workspace.verdicts.set_progress(counts, median)
        self.workspace.question.set_pace(median, counts.accepted / decided if decided else None)
        self.workspace.question.set_last_verdicts(
            [
                VerdictLine(one.pair_uid, one.decision, one.label or "no label", one.seconds, one.reason or "")
                for one in last[:N_LAST_VERDICTS]
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
