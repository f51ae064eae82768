"""Plays a pair: its segment once or in a loop through the player, then rests on its frame; steps, speed and nudges."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from annotator.playback.player import Player
from annotator.store.records import PairRecord, VideoRecord
from annotator.views.review.overlay_view import OverlayView
from annotator.views.review.review_options import SPEEDS
from annotator.views.review.scene import Scene, segment_of, span_of
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.widgets.time_axis import Bracket, Marker
from davenet.pairs import MOST_NUDGE_S, SEARCH_WINDOW_S

NUDGE_S = 0.1
_AFTER_NUDGE_MS = 350  # heard again when the keys rest
_END_S = 0.03  # within this of its end a segment counts as played


class PairPlayback(QObject):
    """Owns the window (2 s or 20 s), the loop, the nudge and what is heard; `failed` says why a video does not play."""

    failed = Signal(str)
    began = Signal()  # the segment from its start
    playing_changed = Signal(bool)

    def __init__(
        self, workspace: ReviewWorkspace, player: Player, overlay: OverlayView, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._player, self._overlay = workspace, player, overlay
        self.proxy_of: Callable[[str], Path | None] = lambda _video_uid: None  # the small copy to seek in
        self._pair: PairRecord | None = None
        self._video: VideoRecord | None = None
        self._is_wide = False
        self._is_looping = False
        self._chosen: tuple[float, float] | None = None  # what was dragged on the axis to be looped
        self._nudge_s = 0.0
        self._speed = 1.0
        self._stop_at: float | None = None
        self._is_active = True
        self._last_notice = ""
        self._is_failing = False
        self._after_nudge = QTimer(self, singleShot=True, interval=_AFTER_NUDGE_MS)
        self._after_nudge.timeout.connect(self.replay)
        player.frame_shown.connect(self._show_frame)
        player.time_changed.connect(self._show_time)
        player.state_changed.connect(self._show_state)
        player.notice.connect(self._notice)

    # -- what is so ------------------------------------------------------------------------------------------------

    @property
    def window_s(self) -> float:
        """Seconds of sound played around the frame."""
        if self._is_wide or self._pair is None:
            return SEARCH_WINDOW_S
        return self._pair.segment_s

    @property
    def nudge_s(self) -> float:
        """How far the reviewer moved the sound against the frame, in seconds; stored with the verdict."""
        return self._nudge_s

    @property
    def loop(self) -> tuple[float, float] | None:
        """The seconds that are played again and again, None while nothing is."""
        return self._player.loop

    @property
    def speed(self) -> float:
        return self._speed

    def segment(self) -> tuple[float, float]:
        """Returns the seconds that are heard: the window around the nudged sound, inside the video."""
        assert self._pair is not None and self._video is not None
        return segment_of(self._nudged(), self.window_s, self._video.duration_s)

    def wish(self, pair: PairRecord, video: VideoRecord) -> tuple[Path, float, tuple[float, float]]:
        """Returns what of a pair is worth decoding ahead: its video, its frame's second, and what will be heard."""
        return video.path, pair.time_s, segment_of(pair, pair.segment_s, video.duration_s)

    # -- the pair --------------------------------------------------------------------------------------------------

    def show(self, pair: PairRecord, video: VideoRecord, *, autoplay: bool) -> None:
        """Goes to a pair; the video stays open when it is the same one."""
        self._after_nudge.stop()
        self._pair, self._video = pair, video
        self._is_wide, self._chosen, self._nudge_s = False, None, 0.0
        self._overlay.clear()
        self._lay_out_axis()
        if self._player.path != video.path or self._player.state in ("empty", "error"):
            self._workspace.stage.set_frame(None)
            self._workspace.stage.set_message("Opening the video …")
            self._player.open(video.path, video.duration_s)
        self._player.set_proxy(self.proxy_of(video.uid))  # each time: proxies are made while people review
        self._set_player_loop()
        if autoplay:
            self.replay()
        else:
            self._player.pause()
            self._rest()

    def show_scene(self, scene: Scene) -> None:
        """Paints what the files gave; the extracted frame fills in where the video does not play."""
        axis = self._workspace.axis
        axis.set_spectrogram(scene.log_mel, start_s=scene.start_s)
        axis.set_waveform(scene.envelope, step_s=0.01, start_s=scene.start_s)
        axis.set_words(scene.words, scene.matched)
        if self._player.state in ("opening", "error", "empty"):
            self._workspace.stage.set_frame(scene.frame_rgb)
            self._workspace.stage.set_message("There is no frame of this pair: extract its video again in Data.")

    def leave(self) -> None:
        """Shows no pair any more."""
        self._after_nudge.stop()
        self._pair = self._video = None
        self._overlay.clear()
        self._player.pause()

    def set_active(self, is_active: bool) -> None:
        """Stops painting and sound while another workspace is shown."""
        self._is_active = is_active
        if not is_active:
            self._after_nudge.stop()
            self._player.pause()

    # -- commands --------------------------------------------------------------------------------------------------

    def toggle_window(self) -> None:
        """Changes between the pair's own seconds and the searched window, and plays it."""
        if self._pair is not None:
            self._is_wide = not self._is_wide
            self._chosen = None
            self._lay_out_axis()
            self._set_player_loop()
            self.replay()

    def replay(self) -> None:
        """Plays the segment from its start; at its end the frame that is asked about is shown again."""
        if self._pair is None or self._video is None or not self._is_active:
            return
        start, end = self._chosen if self._is_looping and self._chosen else self.segment()
        self._stop_at = end
        self._player.seek(start)
        self._player.play()
        self.began.emit()

    def toggle(self) -> None:
        """Pauses, goes on from where it was paused, or plays the segment again once it has rested."""
        if self._pair is None:
            return
        if self._player.state == "playing":
            self._player.pause()
        elif self._stop_at is None:
            self.replay()
        else:
            self._player.play()

    def toggle_loop(self) -> None:
        """Plays the segment again and again, or only once from now on."""
        if self._pair is None:
            return
        self._is_looping = not self._is_looping
        self._chosen = None
        self._workspace.axis.set_selection(None)
        self._set_player_loop()
        if self._is_looping:
            self.replay()

    def loop_part(self, start_s: float, end_s: float) -> None:
        """Loops a part that was chosen on the axis."""
        if self._pair is not None:
            self._is_looping, self._chosen = True, (start_s, end_s)
            self._set_player_loop()
            self.replay()

    def seek(self, time_s: float) -> None:
        """Goes to a second; playing from there ends with the segment, or with the axis outside of it."""
        if self._pair is None or self._video is None:
            return
        start, end = self.segment()
        self._stop_at = end if start <= time_s < end - _END_S else self._workspace.axis.range()[1]
        self._player.seek(time_s)

    def hear(self, start_s: float, end_s: float) -> None:
        """Plays a word's seconds with a little air, once."""
        if self._pair is not None:
            self._set_player_loop(is_off=True)
            self._player.seek(max(0.0, start_s - 0.1))
            self._stop_at = end_s + 0.15
            self._player.play()

    def skip_by(self, seconds: float) -> None:
        """Goes some seconds on or back from where it is, inside the axis."""
        if self._pair is not None:
            low, high = self._workspace.axis.range()
            self.seek(min(max(low, self._player.time_s + seconds), high))

    def step(self, n_frames: int) -> None:
        """Pauses and goes exactly so many frames on, or back below 0."""
        if self._pair is not None:
            self._stop_at = self._stop_at or self.segment()[1]
            self._player.step(n_frames)

    def change_speed(self, steps: int) -> None:
        """Plays slower or faster at the same pitch; 0 is normal speed."""
        at = SPEEDS.index(self._speed) + steps if steps else SPEEDS.index(1.0)
        self._speed = SPEEDS[min(max(0, at), len(SPEEDS) - 1)]
        self._player.set_speed(self._speed)
        self._workspace.controls.set_speed(self._speed)

    def nudge(self, steps: int) -> None:
        """Moves the sound against the frame by steps of NUDGE_S and lets it be heard when the keys rest."""
        if self._pair is None:
            return
        wanted = round(self._nudge_s + steps * NUDGE_S, 3)
        self._nudge_s = min(max(-MOST_NUDGE_S, wanted), MOST_NUDGE_S)
        self._chosen = None
        self._lay_out_axis()
        self._set_player_loop()
        self._after_nudge.start()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _nudged(self) -> PairRecord:
        assert self._pair is not None
        return replace(self._pair, sound_offset_s=self._pair.sound_offset_s + self._nudge_s)

    def _set_player_loop(self, *, is_off: bool = False) -> None:
        loop = None
        if self._is_looping and not is_off and self._pair is not None:
            loop = self._chosen or self.segment()
        self._player.set_loop(*loop) if loop else self._player.set_loop(None)
        self._workspace.controls.set_loop(self._is_looping)

    def _rest(self) -> None:
        self._stop_at = None
        if self._pair is not None:
            self._set_player_loop()
            self._player.seek(self._pair.time_s)

    def _lay_out_axis(self) -> None:
        assert self._pair is not None and self._video is not None
        axis, pair, duration_s = self._workspace.axis, self._nudged(), self._video.duration_s
        span = span_of(self._pair, duration_s)
        if axis.range() != span:
            axis.clear()
        axis.set_range(*span)
        axis.set_selection(self._chosen)
        nudge = f" · {self._nudge_s:+.1f} s".replace("-", "−") if self._nudge_s else ""
        narrow, wide = (segment_of(pair, seconds, duration_s) for seconds in (pair.segment_s, SEARCH_WINDOW_S))
        axis.set_brackets(
            [
                Bracket(*wide, f"{SEARCH_WINDOW_S:g} s{nudge if self._is_wide else ''}", lit=self._is_wide),
                Bracket(*narrow, f"{pair.segment_s:g} s{'' if self._is_wide else nudge}", lit=not self._is_wide),
            ]
        )
        axis.set_markers([Marker(pair.time_s, "accent", "The frame that is asked about")])
        self._workspace.controls.set_window(self.window_s)

    def _show_frame(self, rgb: object, time_s: float) -> None:
        if self._is_active and self._video is not None and self._player.path == self._video.path:
            self._workspace.stage.set_frame(rgb)  # type: ignore[arg-type]
            self._overlay.set_time(time_s)

    def _show_time(self, time_s: float) -> None:
        if not self._is_active or self._video is None:
            return
        self._workspace.set_time(time_s, self._video.duration_s)
        is_over = self._stop_at is not None and self._player.loop is None
        if is_over and self._player.state == "playing" and time_s >= (self._stop_at or 0.0) - 1e-3:
            self._stop_at = None  # before pausing, which tells the time once more
            self._player.pause()
            self._rest()

    def _show_state(self, state: str) -> None:
        if not self._is_active:
            return
        self._is_failing = state == "error"
        self._workspace.controls.set_playing(state == "playing")
        self.playing_changed.emit(state == "playing")
        if state == "paused" and self._video is not None and self._player.time_s >= self._video.duration_s - _END_S:
            self._rest()

    def _notice(self, sentence: str) -> None:
        if not self._is_active:
            return
        if self._player.state == "error":
            if self._is_failing:  # the first sentence is why; that there is no sound either adds nothing
                self._is_failing = False
                self.failed.emit(sentence)
        elif sentence != self._last_notice:  # said once, not with every pair
            self._last_notice = sentence
            self._workspace.notice.show_notice(sentence, "warning", seconds=12)
