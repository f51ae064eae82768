"""The player that a workspace holds: open, play, pause, seek, step, loop, speed; frames and times come as signals.

Sound is the clock and frames follow it; without a sound device the wall clock takes over and `notice` says so. Lives on
the GUI thread and does nothing slow there: decoding and the sound device have threads of their own.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from annotator.playback.cache import MediaCache
from annotator.playback.clock import Clock, Timeline, WallClock
from annotator.playback.decoder import Decoder, Frame, Reader, open_frame_reader
from annotator.playback.prefetch import Prefetcher, Wish
from annotator.playback.sound import DEVICE_LOST, Sound
from annotator.playback.tempo import FASTEST, SLOWEST

__all__ = ["Player", "Reader"]

_TICK_MS = 12
_SHOWN_AHEAD_S = 0.012  # a frame that is due before the next tick is shown now: painting it takes its time too
_RELEASE_MS = 20_000  # a paused player gives the sound device back after this long
_LEAST_LOOP_S = 0.05


class Player(QObject):
    """Plays one video at a time. States: "empty", "opening", "paused", "playing", "error".

    `frame_shown` carries an RGB uint8 array (H, W, 3), at most 1280 wide, and the frame's second; `time_changed` the
    second now heard; `notice` a sentence to show in place.
    """

    frame_shown = Signal(object, float)
    time_changed = Signal(float)
    state_changed = Signal(str)
    notice = Signal(str)
    _decoded = Signal(object)
    _decoding_failed = Signal(int, str)
    _sound_failed = Signal(str)

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        sound: Any = None,
        open_reader: Any = open_frame_reader,
        cache: MediaCache | None = None,
    ) -> None:
        super().__init__(parent)
        self._cache = cache or MediaCache()
        self._state = "empty"
        self._path: Path | None = None
        self._duration_s = 0.0
        self._time_s = 0.0
        self._loop: tuple[float, float] | None = None
        self._frame: Frame | None = None
        self._opened = 0  # the ticket of the video's opening: later failures are this video's
        self._timeline = Timeline(0.0, 0.0)
        self._speed = 1.0
        self._volume, self._is_muted = 1.0, False
        self._clock: Clock = WallClock()
        self._uses_sound = False
        self._lap = 0
        self._closed = False
        self._decoded.connect(self._show_wanted)  # a kept frame at once, one that a thread decodes in its turn
        self._decoding_failed.connect(self._fail, Qt.ConnectionType.QueuedConnection)
        self._sound_failed.connect(self._go_on_without_sound, Qt.ConnectionType.QueuedConnection)
        self._decoder = Decoder(
            deliver=self._decoded.emit, fail=self._decoding_failed.emit, open_reader=open_reader, cache=self._cache
        )
        self._sound: Sound = (
            Sound(failed=self._sound_failed.emit, cache=self._cache)
            if sound is None
            else sound(self._sound_failed.emit)
        )
        self._prefetcher = Prefetcher(self._cache, sound_rate=lambda: self._sound.rate, open_reader=open_reader)
        self._ticks = QTimer(self)
        self._ticks.setTimerType(Qt.TimerType.PreciseTimer)
        self._ticks.setInterval(_TICK_MS)
        self._ticks.timeout.connect(self._tick)
        self._release = QTimer(self)
        self._release.setSingleShot(True)
        self._release.setInterval(_RELEASE_MS)
        self._release.timeout.connect(self._sound.release)

    # -- what is so ------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return self._state

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def duration_s(self) -> float:
        return self._duration_s

    @property
    def time_s(self) -> float:
        """The second now heard (playing) or the one that was sought (paused)."""
        return self._time_s

    @property
    def loop(self) -> tuple[float, float] | None:
        return self._loop

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def volume(self) -> float:
        """The loudness, 0 to 1, whether muted or not."""
        return self._volume

    @property
    def is_muted(self) -> bool:
        return self._is_muted

    @property
    def n_underruns(self) -> int:
        """How often the sound device asked for more than was ready, since the player was made."""
        return self._sound.n_underruns

    def cache_bytes(self) -> int:
        """Returns what decoded frames and sound take now, of all players that share the cache."""
        return self._cache.n_bytes

    def cache_limit(self) -> int:
        """Returns the bound on `cache_bytes`."""
        return self._cache.limit

    @property
    def frame(self) -> NDArray[np.uint8] | None:
        """The frame on screen, RGB (H, W, 3)."""
        return None if self._frame is None else self._frame.rgb

    @property
    def frame_time_s(self) -> float | None:
        return None if self._frame is None else self._frame.time_s

    # -- commands --------------------------------------------------------------------------------------------------

    def open(self, path: Path, duration_s: float) -> None:
        """Shows the video's first frame, paused. A file that does not open gives a notice and the state "error"."""
        self._halt()
        self._path, self._duration_s = Path(path), max(0.0, duration_s)
        self._loop, self._frame, self._time_s, self._lap = None, None, 0.0, 0
        self._set_state("opening")
        self._opened = self._decoder.open(self._path)
        self._sound.open(self._path, self._duration_s)
        self.time_changed.emit(0.0)

    def close(self) -> None:
        """Leaves the video."""
        self._halt()
        self._path, self._duration_s, self._frame, self._loop, self._time_s = None, 0.0, None, None, 0.0
        self._opened = self._decoder.open(None)
        self._sound.open(None)
        self._set_state("empty")

    def shutdown(self) -> None:
        """Ends the threads and waits for them; call it before the player goes."""
        if self._closed:
            return
        self._closed = True
        self._ticks.stop()
        self._release.stop()
        self._prefetcher.shutdown()
        self._sound.shutdown()
        self._decoder.shutdown()

    def play(self) -> None:
        if self._state not in ("paused", "opening"):
            return
        if self._loop is None and self._time_s >= self._duration_s - 1e-3:
            self.seek(0.0)
        elif self._loop is not None and not self._loop[0] <= self._time_s < self._loop[1]:
            self.seek(self._loop[0])
        self._set_state("playing")
        self._decoder.set_playing(True, self._speed)
        self._start_clock()
        self._ticks.start()

    def pause(self) -> None:
        if self._state == "playing":
            self._tick()
        if self._state == "playing":
            self._halt()
            self._set_state("paused")

    def toggle(self) -> None:
        self.pause() if self._state == "playing" else self.play()

    def seek(self, time_s: float) -> None:
        """Goes to a second, and plays on from there if it played. While seeks outrun decoding, the latest wins."""
        if self._path is None or self._state == "error":
            return
        self._time_s = min(max(0.0, time_s), self._duration_s)
        if self._loop is not None and self._state == "playing":
            start_s, end_s = self._loop
            self._time_s = self._time_s if start_s <= self._time_s < end_s else start_s
        self._lap = 0
        self._decoder.seek(self._time_s, self._loop)
        self.time_changed.emit(self._time_s)
        if self._state == "playing":
            self._start_clock()

    def step(self, n_frames: int) -> None:
        """Pauses and goes exactly `n_frames` frames on (or back, below 0)."""
        if self._path is None or self._state == "error":
            return
        self.pause()
        self._decoder.begin_lap(self._lap)
        self._lap = 0
        self._decoder.step(n_frames)

    def set_loop(self, start_s: float | None, end_s: float | None = None) -> None:
        """Repeats the part between two seconds without a gap while playing; None plays on to the end again."""
        loop = None
        if start_s is not None and end_s is not None:
            start_s, end_s = max(0.0, start_s), min(end_s, self._duration_s)
            loop = (start_s, end_s) if end_s - start_s >= _LEAST_LOOP_S else None
        if loop == self._loop:
            return
        if self._state == "playing":
            self._tick()
        self._loop = loop
        self.seek(self._time_s)

    def set_speed(self, speed: float) -> None:
        """Plays at 0.5 to 2 times the speed at the same pitch, from now on and in every video."""
        speed = min(FASTEST, max(SLOWEST, speed))
        if speed == self._speed:
            return
        self._speed = speed
        if self._state != "playing":
            return
        if self._uses_sound:
            self._sound.set_speed(speed)
        else:
            self._timeline = self._timeline.with_speed(speed, self._clock.elapsed())

    def set_volume(self, volume: float) -> None:
        """Sets the loudness, 0 to 1."""
        self._volume = min(1.0, max(0.0, volume))
        self._sound.set_volume(0.0 if self._is_muted else self._volume)

    def set_muted(self, is_muted: bool) -> None:
        """Silences the sound, which stays the clock, or lets it be heard again."""
        self._is_muted = is_muted
        self.set_volume(self._volume)

    def set_proxy(self, path: Path | None) -> None:
        """Names a small copy of the open video (davenet.media.proxy) to seek in; None, or a file not there: none."""
        self._decoder.set_proxy(path if path is not None and path.exists() else None)

    def prefetch(self, wishes: Iterable[tuple[Path, float, tuple[float, float]]]) -> None:
        """Decodes ahead, with low priority, what is likely wanted next: (video, second of a frame, (start, end) heard).

        The list replaces the one before; the first is done first.
        """
        self._prefetcher.want([Wish(Path(path), time_s, span) for path, time_s, span in wishes])

    # -- inside ----------------------------------------------------------------------------------------------------

    def _start_clock(self) -> None:
        self._release.stop()
        self._decoder.begin_lap(self._lap)
        self._lap = 0
        self._timeline = Timeline(self._time_s, self._duration_s, self._loop, ((0.0, self._speed),))
        self._uses_sound = self._sound.available
        if self._uses_sound:
            self._sound.play(self._timeline)
            self._clock = self._sound
        else:
            self._clock = WallClock()
            self._sound.look_for_device()

    def _halt(self) -> None:
        self._ticks.stop()
        self._sound.stop()
        self._decoder.set_playing(False)
        if self._uses_sound:
            self._release.start()

    def _tick(self) -> None:
        if self._uses_sound and self._sound.is_lost():
            self._go_on_without_sound(DEVICE_LOST)
            self._sound.lose()
        if self._uses_sound:
            self._timeline = self._sound.timeline
        elapsed_s = self._clock.elapsed()
        self._time_s, self._lap = self._timeline.place(elapsed_s)
        frame = self._decoder.take(self._timeline, elapsed_s + _SHOWN_AHEAD_S)
        if frame is not None:
            self._show(frame)
        self.time_changed.emit(self._time_s)
        if self._timeline.is_over(elapsed_s) and self._state == "playing":
            self._halt()
            self._set_state("paused")

    def _show(self, frame: Frame) -> None:
        self._frame = frame
        self.frame_shown.emit(frame.rgb, frame.time_s)

    def _show_wanted(self, frame: Frame) -> None:
        if frame.ticket < self._opened or self._closed:
            return  # of a video that was left
        if self._state == "opening":
            self._set_state("paused")
        stepped = frame.stepped and self._state == "paused"
        self._show(frame)
        if stepped:
            self._time_s = frame.time_s
            self.time_changed.emit(self._time_s)

    def _fail(self, ticket: int, sentence: str) -> None:
        if ticket < self._opened or self._state == "error" or self._closed:
            return  # of a video that was left; a seek meanwhile does not make this one open
        self._halt()
        self._set_state("error")
        self.notice.emit(sentence)

    def _go_on_without_sound(self, sentence: str) -> None:
        if self._closed:
            return
        if self._uses_sound:
            self._uses_sound = False
            elapsed_s = self._sound.elapsed()
            self._clock = WallClock(elapsed_s)
            self._timeline = self._sound.timeline
            if self._timeline.speeds[-1][1] != self._speed:  # a change that the device did not live to hear
                self._timeline = self._timeline.with_speed(self._speed, elapsed_s)
        self.notice.emit(sentence)

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)
