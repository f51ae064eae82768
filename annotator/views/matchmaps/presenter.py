"""Fills the Matchmaps workspace from the project, the player and the jobs, and answers what it emits.

The maps of a video are made by a job (a child process) and read here as a small file; torch never enters this process.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from annotator import verbs
from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.matchmaps import sources
from annotator.views.matchmaps.look import Look, overlay, painted
from annotator.views.matchmaps.map_jobs import MapJobs, RenderJob
from annotator.views.matchmaps.side_panel import Choice
from annotator.views.matchmaps.sources import Checkpoint, Heard
from annotator.views.matchmaps.workspace import WINDOW_S, MatchmapsWorkspace
from annotator.views.widgets.time_axis import Bracket
from annotator.views.widgets.time_layout import clock_text
from davenet.errors import UserError
from davenet.files import write_bytes_atomically
from davenet.matchmap_file import Matchmaps
from davenet.pairs import DEFAULT_SEGMENT_S

_NO_VIDEOS = (
    "No videos in this project yet",
    "Add a folder of cooking videos in Data; each can be played here with what the model hears in it.",
    "Go to Data",
)


class MatchmapsPresenter(QObject):
    """One for an open project. The player may be shared: it is used only while the workspace is in view."""

    def __init__(
        self, workspace: MatchmapsWorkspace, project: Project, player: Player, jobs: Any, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._project, self._player = workspace, project, player
        self._background = Background(self)
        self._videos: dict[str, VideoRecord] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._video: VideoRecord | None = None
        self._checkpoint: Checkpoint | None = None
        self._maps: Matchmaps | None = None
        self._maps_error = ""
        self._maps_wanted: Path | None = None
        self._heard: Heard | None = None
        self._left_at: dict[str, float] = {}  # where each video was left, in seconds
        self._lit: frozenset[int] = frozenset()
        self._bracket: Bracket | None = None
        self._is_open = True
        self._map_jobs = MapJobs(project, jobs, self)
        self._render = RenderJob(project, jobs, workspace.panel.rendering, self)
        self._connections: list[tuple[Any, Callable[..., Any]]] = []
        self._connect_all()
        self.refresh()

    def _connect_all(self) -> None:
        workspace, player, panel = self._workspace, self._player, self._workspace.panel
        for signal, slot in (
            (workspace.shown, self._take_player),
            (workspace.hidden, self._leave_player),
            (workspace.play_toggled, self._toggle),
            (workspace.moved, self._move),
            (workspace.stepped, self._step),
            (workspace.seek_requested, self._seek),
            (workspace.word_clicked, self._seek_word),
            (workspace.whole_toggled, self._show_whole),
            (workspace.loudest_requested, self._seek_loudest),
            (workspace.controls.look_changed, self._repaint),
            (workspace.controls.segment_toggled, self._show_bracket),
            (workspace.maps_bar.started, self._start_maps),
            (workspace.maps_bar.cancelled, self._cancel_maps),
            (panel.video_chosen, self.show_video),
            (panel.checkpoint_chosen, self._choose_checkpoint),
            (panel.save_requested, self._save_frame),
            (panel.render_requested, self._render_video),
            (player.frame_shown, self._show_frame),
            (player.time_changed, self._show_time),
            (player.state_changed, self._show_state),
            (player.notice, self._show_notice),
            (self._map_jobs.changed, self._show_maps_state),
            (self._render.ended, self._show_maps_state),
            (self._map_jobs.made, self._maps_made),
        ):
            signal.connect(slot)
            self._connections.append((signal, slot))

    def shutdown(self) -> None:
        """Leaves the workspace and the player to whoever comes next; jobs go on without it."""
        if not self._is_open:
            return
        self._is_open = False
        for signal, slot in self._connections:
            signal.disconnect(slot)
        self._map_jobs.shutdown()
        self._render.shutdown()
        self._background.shutdown()

    # -- what there is to show -----------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the videos and checkpoints anew: after an import, a run, or maps made elsewhere."""
        self._videos = {video.uid: video for video in self._project.store.videos()}
        self._checkpoints = {found.key: found for found in sources.find_checkpoints(self._project)}
        if self._checkpoint is None or self._checkpoint.key not in self._checkpoints:
            self._checkpoint = self._first_checkpoint()
        else:
            self._checkpoint = self._checkpoints[self._checkpoint.key]
        self._fill_choosers()
        if not self._videos:
            self._video = None
            title, text, action = _NO_VIDEOS
            self._workspace.show_empty(title, text, action, leads_to="Data")
            self._workspace.panel.set_video_facts("")
            self._workspace.panel.set_words((), missing="")
            return
        self._workspace.show_video()
        if self._video is None or self._video.uid not in self._videos:
            ready = set() if self._checkpoint is None else self._checkpoint.ready()
            self.show_video(next((uid for uid in self._videos if uid in ready), next(iter(self._videos))))
        else:
            self._load_maps()

    def show_video(self, uid: str) -> None:
        """Opens a video of the project where it was left, paused."""
        video = self._videos.get(uid)
        if video is None:
            return
        self._leave_player()
        self._video, self._heard, self._maps, self._lit, self._bracket = video, None, None, frozenset(), None
        workspace = self._workspace
        workspace.show_video()
        workspace.notice.clear()
        workspace.stage.set_frame(None)
        workspace.stage.set_message("")
        workspace.axis.clear()
        workspace.axis.set_zoom_limits(0.0, video.duration_s)
        workspace.strip.set_curve(None, None)
        workspace.controls.set_segment(DEFAULT_SEGMENT_S)
        self._show_whole(workspace.whole.isChecked())
        self._fill_choosers()
        workspace.panel.set_words((), missing="")
        workspace.set_time(self._left_at.get(uid, 0.0), video.duration_s)
        self._background.run(
            lambda: sources.load_heard(self._project, video), lambda heard: self._put_heard(uid, heard)
        )
        self._load_maps()
        if workspace.isVisible():
            self._take_player()

    def _first_checkpoint(self) -> Checkpoint | None:
        """The newest with maps of some video, else the newest: what can be seen at once comes first."""
        found = list(self._checkpoints.values())
        return next((one for one in found if one.ready()), found[0] if found else None)

    def _fill_choosers(self) -> None:
        ready = set() if self._checkpoint is None else self._checkpoint.ready()
        videos = [Choice(v.uid, v.title, v.uid in ready) for v in self._videos.values()]
        self._workspace.panel.set_videos(videos, None if self._video is None else self._video.uid)
        checkpoints = [Choice(one.key, one.name) for one in self._checkpoints.values()]
        self._workspace.panel.set_checkpoints(checkpoints, None if self._checkpoint is None else self._checkpoint.key)
        video = self._video
        if video is not None:
            facts = f"{clock_text(video.duration_s)} · {video.width}×{video.height}"
            state = "maps ready" if video.uid in ready else "no maps yet"
            self._workspace.panel.set_video_facts(f"{facts} · {state}" if self._checkpoint else facts)

    def _choose_checkpoint(self, key: str) -> None:
        self._checkpoint = self._checkpoints.get(key, self._checkpoint)
        self._fill_choosers()
        self._load_maps()

    def _put_heard(self, uid: str, heard: Heard) -> None:
        if self._video is None or self._video.uid != uid:
            return
        self._heard = heard
        axis = self._workspace.axis
        axis.set_waveform(heard.peaks, step_s=sources.PEAK_STEP_S)
        axis.set_spectrogram(heard.log_mel)
        axis.set_words(heard.words)
        self._lit = frozenset()
        self._show_words(self._time_s())

    # -- the maps ------------------------------------------------------------------------------------------------

    def _load_maps(self) -> None:
        if self._video is None or self._checkpoint is None:
            self._put_maps(None)
            return
        path = self._maps_wanted = self._checkpoint.maps_path(self._video.uid)
        self._maps_error = ""

        def loaded(maps: Matchmaps | None) -> None:
            if path == self._maps_wanted:
                self._put_maps(maps)

        def failed(error: UserError) -> None:
            if path == self._maps_wanted:
                self._maps_error = str(error)
                self._put_maps(None)

        self._background.run(lambda: sources.load_maps(path), loaded, failed, priority=1)

    def _put_maps(self, maps: Matchmaps | None) -> None:
        self._maps = maps if maps is not None and len(maps.times_s) else None
        workspace = self._workspace
        if self._maps is None:
            workspace.stage.set_crop(None)
            workspace.strip.set_curve(None, None)
            workspace.set_loudest("")
            workspace.set_similarity(None)
        else:
            maps = self._maps
            workspace.stage.set_crop(maps.crop)
            workspace.controls.set_segment(maps.segment_s)
            workspace.strip.set_curve(maps.times_s, maps.similarity)
            loudest_s = float(maps.times_s[int(np.argmax(maps.similarity))])
            workspace.set_loudest(
                f"highest {float(maps.similarity.max()):.2f} at {clock_text(loudest_s)}".replace("-", "−")
            )
        workspace.controls.set_enabled(self._maps is not None)
        self._fill_choosers()
        self._show_maps_state()
        self._repaint()
        self._show_time(self._time_s())

    def _show_maps_state(self) -> None:
        bar, video, checkpoint = self._workspace.maps_bar, self._video, self._checkpoint
        is_possible = video is not None and checkpoint is not None
        self._workspace.panel.render_button.setEnabled(is_possible and not self._render.is_running)
        self._workspace.panel.save_button.setEnabled(self._player.frame is not None and video is not None)
        if video is None:
            bar.hide()
        elif checkpoint is None:
            bar.offer("No checkpoint listens yet: a fine-tune makes one from the pairs you accepted.", "Go to Runs")
        elif (progress := self._map_jobs.progress(video.uid, checkpoint.key)) is not None:
            bar.show_progress(*progress)
        elif self._maps is not None:
            bar.hide()
        elif failure := self._map_jobs.failure(video.uid, checkpoint.key) or self._maps_error:
            bar.offer(failure, "Compute matchmaps", is_error=True)
        else:
            bar.offer(f"No matchmaps of this video with {checkpoint.name} yet.", "Compute matchmaps")

    def _start_maps(self) -> None:
        if self._checkpoint is None:
            self._workspace.workspace_requested.emit("Runs")
        elif self._video is not None:
            self._map_jobs.start(self._video, self._checkpoint)

    def _cancel_maps(self) -> None:
        if self._video is not None and self._checkpoint is not None:
            self._map_jobs.cancel(self._video.uid, self._checkpoint.key)

    def _maps_made(self, uid: str, key: str) -> None:
        self._fill_choosers()
        video, checkpoint = self._video, self._checkpoint
        if video is not None and checkpoint is not None and (uid, key) == (video.uid, checkpoint.key):
            self._load_maps()

    # -- playing -------------------------------------------------------------------------------------------------

    def _is_mine(self) -> bool:
        return self._video is not None and self._player.path == self._video.path and self._workspace.isVisible()

    def _time_s(self) -> float:
        if self._is_mine():
            return self._player.time_s
        return 0.0 if self._video is None else self._left_at.get(self._video.uid, 0.0)

    def _take_player(self) -> None:
        video = self._video
        if video is None or (self._player.path == video.path and self._player.frame is not None and self._is_mine()):
            return
        self._player.open(video.path, video.duration_s)
        self._player.set_proxy(self._project.proxy_path(video.uid))
        if video.uid in self._left_at:
            self._player.seek(self._left_at[video.uid])

    def _leave_player(self) -> None:
        if self._video is not None and self._player.path == self._video.path:
            self._player.pause()
            self._left_at[self._video.uid] = self._player.time_s

    def _toggle(self) -> None:
        if self._is_mine():
            self._player.toggle()

    def _move(self, seconds: float) -> None:
        if self._is_mine():
            self._player.seek(self._player.time_s + seconds)

    def _step(self, n_frames: int) -> None:
        if self._is_mine():
            self._player.step(n_frames)

    def _seek(self, time_s: float) -> None:
        if self._is_mine():
            self._player.seek(time_s)

    def _seek_word(self, index: int) -> None:
        if self._heard is not None:
            word = self._heard.words[index]
            self._seek((word.start + word.end) / 2)

    def _seek_loudest(self) -> None:
        if self._maps is not None:
            self._seek(float(self._maps.times_s[int(np.argmax(self._maps.similarity))]))

    def _show_state(self, state: str) -> None:
        if self._is_mine():
            self._workspace.controls.play.set_playing(state == "playing")

    def _show_notice(self, sentence: str) -> None:
        if not self._workspace.isVisible():
            return
        if self._player.state == "error":
            self._workspace.stage.set_frame(None)
            self._workspace.stage.set_message(sentence)
        else:
            self._workspace.notice.show_notice(sentence, "info")

    def _show_frame(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        if not self._is_mine():
            return
        self._workspace.stage.set_frame(rgb)
        self._lay_overlay(rgb, time_s)
        self._workspace.panel.save_button.setEnabled(True)

    def _repaint(self, _look: Look | None = None) -> None:
        frame, time_s = self._player.frame, self._player.frame_time_s
        if frame is not None and time_s is not None and self._is_mine():
            self._lay_overlay(frame, time_s)
        else:
            self._workspace.stage.set_overlay(None)

    def _lay_overlay(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        laid = None
        if self._maps is not None:
            size = (rgb.shape[1], rgb.shape[0])
            laid = overlay(self._maps.at(time_s), self._workspace.controls.look, self._maps.crop, size)
        self._workspace.stage.set_overlay(*(laid or (None,)))

    def _show_time(self, time_s: float) -> None:
        video = self._video
        if video is None or (self._workspace.isVisible() and not self._is_mine()):
            return
        workspace = self._workspace
        if not workspace.whole.isChecked():
            shown = sources.following_range(time_s, workspace.axis.range(), video.duration_s, WINDOW_S)
            if shown is not None:
                workspace.set_range(*shown)
        workspace.set_time(time_s, video.duration_s)
        if self._maps is not None:
            workspace.set_similarity(float(np.interp(time_s, self._maps.times_s, self._maps.similarity)))
        self._show_bracket()
        self._show_words(time_s)

    def _segment(self, time_s: float) -> tuple[float, float]:
        half_s = (DEFAULT_SEGMENT_S if self._maps is None else self._maps.segment_s) / 2
        return max(0.0, time_s - half_s), time_s + half_s

    def _show_bracket(self, _is_shown: bool = True) -> None:
        """Brackets the sound of the nearest map, not of now: each move paints the axis anew."""
        bracket = None
        if self._maps is not None and self._workspace.controls.segment.isChecked():
            nearest = int(np.argmin(np.abs(self._maps.times_s - self._time_s())))
            start, end = self._segment(float(self._maps.times_s[nearest]))
            bracket = Bracket(start, end, f"{self._maps.segment_s:g} s")
        if bracket != self._bracket:
            self._bracket = bracket
            self._workspace.axis.set_brackets(() if bracket is None else (bracket,))

    def _show_words(self, time_s: float) -> None:
        heard, workspace = self._heard, self._workspace
        if heard is None:
            return
        segment = self._segment(time_s)
        lit = frozenset(sources.words_around(heard.words, heard.foods, *segment))
        if lit != self._lit:
            self._lit = lit
            workspace.axis.set_words(heard.words, lit)
        here = sources.words_here(heard.words, heard.foods, workspace.axis.range(), segment, time_s)
        workspace.panel.set_words(here, missing=heard.why_no_words)

    def _show_whole(self, is_whole: bool) -> None:
        if self._video is None:
            return
        duration_s = max(self._video.duration_s, 0.05)
        if is_whole:
            self._workspace.set_range(0.0, duration_s)
        else:
            span = min(WINDOW_S, duration_s)
            start = min(max(0.0, self._time_s() - span / 2), duration_s - span)
            self._workspace.set_range(start, start + span)
        self._show_words(self._time_s())

    # -- saving --------------------------------------------------------------------------------------------------

    def _save_frame(self) -> None:
        frame, time_s, video, maps = self._player.frame, self._player.frame_time_s, self._video, self._maps
        if frame is None or time_s is None or video is None or not self._is_mine():
            return
        look = self._workspace.controls.look
        name = f"{video.path.stem}-{clock_text(time_s, decimals=1).replace(':', 'm')}s.png"
        path = self._workspace.ask_path("Save frame", Path.home() / name, "PNG picture (*.png)")
        if path is None:
            return
        target = path if path.suffix.lower() == ".png" else path.with_name(path.name + ".png")

        def save() -> Path:
            pixels = frame if maps is None else painted(frame, maps.at(time_s), look, maps.crop)
            encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes()
            try:
                write_bytes_atomically(target, encoded)
            except OSError as error:
                raise UserError(f"{target} could not be saved ({error.strerror}); choose another place.") from error
            return target

        notice = self._workspace.notice
        self._background.run(
            save,
            lambda saved: notice.show_notice(f"Saved {saved}", "good", seconds=8),
            lambda error: notice.show_notice(str(error), "error"),
        )

    def _render_video(self) -> None:
        video, checkpoint = self._video, self._checkpoint
        if video is None or checkpoint is None:
            return
        suggested = Path.home() / f"{video.path.stem}-matchmaps.mp4"
        path = self._workspace.ask_path("Render video", suggested, "MP4 video (*.mp4)")
        if path is None:
            return
        target = path if path.suffix.lower() == ".mp4" else path.with_name(path.name + ".mp4")
        look = self._workspace.controls.look
        segment_s = DEFAULT_SEGMENT_S if self._maps is None else self._maps.segment_s
        try:
            spec = verbs.plan_render(
                self._project, video.uid, checkpoint.path, target, segment_s=segment_s,
                colour_map=look.colour_map, alpha=look.alpha, threshold=look.threshold,
            )  # fmt: skip
        except UserError as error:
            self._workspace.notice.show_notice(str(error), "error")
            return
        self._render.start(spec, video.title)
        self._show_maps_state()
