"""Plays a pair: its segment once through the player, then rests on its frame; paints frames, now line and overlay."""

from PySide6.QtCore import QObject, Signal

from annotator.playback.player import Player
from annotator.store.records import PairRecord, VideoRecord
from annotator.views.review.scene import Scene, segment_of, span_of
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.widgets.time_axis import Bracket
from davenet.matchmap_file import Matchmaps
from davenet.overlay import colour_rgba
from davenet.pairs import SEARCH_WINDOW_S

_OVERLAY_PX = 256  # the overlay is painted small and smoothly enlarged
_END_S = 0.03  # within this of its end a segment counts as played


class PairPlayback(QObject):
    """Owns the window (2 s or 20 s) and what is heard; `failed` says why a video does not play."""

    failed = Signal(str)

    def __init__(self, workspace: ReviewWorkspace, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._player = workspace, player
        self._pair: PairRecord | None = None
        self._video: VideoRecord | None = None
        self._is_wide = False
        self._stop_at: float | None = None
        self._matchmaps: Matchmaps | None = None
        self._shows_overlay = True
        self._frame_time_s = 0.0
        self._is_active = True
        self._last_notice = ""
        self._is_failing = False
        player.frame_shown.connect(self._show_frame)
        player.time_changed.connect(self._show_time)
        player.state_changed.connect(self._show_state)
        player.notice.connect(self._notice)

    @property
    def window_s(self) -> float:
        """Seconds of sound played around the frame."""
        if self._is_wide or self._pair is None:
            return SEARCH_WINDOW_S
        return self._pair.segment_s

    def show(self, pair: PairRecord, video: VideoRecord, *, autoplay: bool) -> None:
        """Goes to a pair; the video stays open when it is the same one."""
        self._pair, self._video = pair, video
        self._is_wide = False
        self._matchmaps = None
        self._workspace.stage.set_overlay(None)
        self._workspace.set_overlay_available(False)
        self._lay_out_axis()
        if self._player.path != video.path or self._player.state in ("empty", "error"):
            self._workspace.stage.set_frame(None)
            self._workspace.stage.set_message("Opening the video …")
            self._player.open(video.path, video.duration_s)
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

    def show_matchmaps(self, matchmaps: Matchmaps | None) -> None:
        self._matchmaps = matchmaps
        self._workspace.set_overlay_available(matchmaps is not None)
        self._workspace.set_overlay_shown(self._shows_overlay and matchmaps is not None)
        self._workspace.stage.set_crop(matchmaps.crop if matchmaps is not None else None)
        self._paint_overlay()

    def toggle_overlay(self) -> None:
        if self._matchmaps is not None:
            self._shows_overlay = not self._shows_overlay
            self._workspace.set_overlay_shown(self._shows_overlay)
            self._paint_overlay()

    def toggle_window(self) -> None:
        """Changes between the pair's own seconds and the searched window, and plays it."""
        if self._pair is not None:
            self._is_wide = not self._is_wide
            self._lay_out_axis()
            self.replay()

    def replay(self) -> None:
        """Plays the segment from its start; at its end the frame that is asked about is shown again."""
        if self._pair is None or self._video is None:
            return
        start, end = segment_of(self._pair, self.window_s, self._video.duration_s)
        self._stop_at = end
        self._player.seek(start)
        self._player.play()

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

    def seek(self, time_s: float) -> None:
        """Goes to a second; playing from there ends with the segment, or with the axis outside of it."""
        if self._pair is None or self._video is None:
            return
        start, end = segment_of(self._pair, self.window_s, self._video.duration_s)
        self._stop_at = end if start <= time_s < end - _END_S else self._workspace.axis.range()[1]
        self._player.seek(time_s)

    def set_active(self, is_active: bool) -> None:
        """Stops painting and sound while another workspace is shown."""
        self._is_active = is_active
        if not is_active:
            self._player.pause()

    def leave(self) -> None:
        """Shows no pair any more."""
        self._pair = self._video = self._matchmaps = None
        self._player.pause()

    def _rest(self) -> None:
        self._stop_at = None
        if self._pair is not None:
            self._player.seek(self._pair.time_s)

    def _lay_out_axis(self) -> None:
        assert self._pair is not None and self._video is not None
        axis = self._workspace.axis
        axis.clear() if axis.range() != span_of(self._pair, self._video.duration_s) else None
        axis.set_range(*span_of(self._pair, self._video.duration_s))
        narrow = segment_of(self._pair, self._pair.segment_s, self._video.duration_s)
        wide = segment_of(self._pair, SEARCH_WINDOW_S, self._video.duration_s)
        axis.set_brackets(
            [
                Bracket(*wide, f"{SEARCH_WINDOW_S:g} s", lit=self._is_wide),
                Bracket(*narrow, f"{self._pair.segment_s:g} s", lit=not self._is_wide),
            ]
        )
        self._workspace.set_window(self.window_s)

    def _show_frame(self, rgb: object, time_s: float) -> None:
        if self._is_active and self._video is not None and self._player.path == self._video.path:
            self._frame_time_s = time_s
            self._workspace.stage.set_frame(rgb)  # type: ignore[arg-type]
            self._paint_overlay()

    def _show_time(self, time_s: float) -> None:
        if not self._is_active or self._video is None:
            return
        self._workspace.set_time(time_s, self._video.duration_s)
        if self._stop_at is not None and self._player.state == "playing" and time_s >= self._stop_at - 1e-3:
            self._stop_at = None  # before pausing, which tells the time once more
            self._player.pause()
            self._rest()

    def _show_state(self, state: str) -> None:
        if not self._is_active:
            return
        self._is_failing = state == "error"
        self._workspace.set_playing(state == "playing")
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

    def _paint_overlay(self) -> None:
        if self._matchmaps is None or not self._shows_overlay:
            self._workspace.stage.set_overlay(None)
            return
        matchmap = self._matchmaps.at(self._frame_time_s)
        size = (_OVERLAY_PX, _OVERLAY_PX)
        rgba = colour_rgba(matchmap, size, colour_map="inferno", alpha=0.6, threshold=0.25)
        self._workspace.stage.set_overlay(rgba, self._matchmaps.crop)
