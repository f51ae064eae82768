"""A video's sound and the clock that it gives: made ahead by one background thread, copied out by PortAudio's callback.

Time is that of the sample now leaving the speaker: each callback notes when its first sample will be heard, and
`elapsed` reads these notes. sounddevice is imported in the background thread, where it fails without PortAudio.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.playback import device
from annotator.playback.cache import MediaCache
from annotator.playback.clock import Timeline
from annotator.playback.strip import CHANNELS, Blocks, Strip
from davenet.errors import one_line

_log = logging.getLogger(__name__)
NO_DEVICE = "No sound device: the video plays by the wall clock."
DEVICE_LOST = "The sound device has gone: the video plays on by the wall clock."
_LATENCY_S = 0.05  # at the lowest, PulseAudio stopped serving within seconds; at 0.1 a pair was heard too late
_AHEAD_S = 1.0  # of play, made before it is heard
_FIRST_S = 0.1  # of it made before it begins
_POLL_S = 0.1  # how often what was taken is looked at while playing
_CHANGE_AFTER_S = 0.1  # a new speed begins this much after what was handed over: it must be made by then
_FADE_S = 0.004  # where play begins, jumps or ends: shorter clicks, longer would soften a word's onset
_FIRST_CALLBACK_S = 4.0  # opening a device may take this long
_SILENT_S = 3.0  # a device that has not asked for samples for this long while playing has gone
_TRY_AGAIN_S = 3.0  # between two looks for a device where there was none

Failed = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Heard:
    """The samples of one callback: heard from `at` (perf_counter) on, `elapsed` samples after play began."""

    at: float
    elapsed: int
    n: int
    play: int


class Sound:
    """Plays the open video's sound along a timeline and is its clock. `failed` is called from other threads."""

    def __init__(
        self, *, failed: Failed, streams: Callable[[], Any] | None = None, cache: MediaCache | None = None
    ) -> None:
        self._failed = failed
        self._import_streams = streams or device.sounddevice
        self._cache = cache or MediaCache()
        self._wake = threading.Condition()
        self._wanted: Path | None = None
        self._wanted_changed = False
        self._stream_wanted = False
        self._order: tuple[Timeline, int] | None = None  # a play to begin, and its number
        self._speed_wanted: float | None = None
        self._closing = False
        self._available: bool | None = None
        self._look_at = 0.0  # when a device may be looked for again
        self._gain = np.float32(1.0)
        self._n_plays = 0
        self._is_playing = False
        self._timeline = Timeline(0.0, 0.0)
        self._play_began = 0.0
        self._last_callback = 0.0
        self._strip: tuple[Strip, int] | None = None  # one tuple, replaced whole: what the callback plays
        self._heard: deque[_Heard] = deque(maxlen=64)
        self._elapsed = 0.0
        self.n_underruns = 0  # callbacks that found too little made, or that the device called too late
        # the callback's own
        self._sounding: tuple[Strip, int] | None = None
        self._last_gain = np.float32(1.0)
        # the thread's own
        self._streams: Any = None
        self._stream: Any = None
        self._rate = 0
        self._blocks: Blocks | None = None
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    @property
    def available(self) -> bool:
        """False once it is known that there is no device to play on (True while that is not known yet)."""
        return self._available is not False

    @property
    def rate(self) -> int:
        """Samples a second of the device; 0 while there is none."""
        return self._rate if self._available else 0

    @property
    def timeline(self) -> Timeline:
        """That of the play now heard, with the changes of speed that were made in it."""
        return self._timeline

    def open(self, path: Path | None, duration_s: float = 0.0) -> None:
        """Makes this video's sound the one to play; `duration_s` is for sounds that keep a whole video."""
        self.stop()
        with self._wake:
            self._wanted, self._wanted_changed = path, True
            self._wake.notify()

    def play(self, timeline: Timeline) -> None:
        """Begins to play; `elapsed` counts from 0 when the first sample is heard."""
        with self._wake:
            self._n_plays += 1
            self._elapsed = 0.0
            self._play_began = self._last_callback = time.perf_counter()
            self._timeline = timeline
            self._strip, self._is_playing = None, True
            self._order = (timeline, self._n_plays)
            self._speed_wanted = None
            self._stream_wanted = True
            self._wake.notify()

    def set_speed(self, speed: float) -> None:
        """Lets what plays go on at another speed, from a moment that has not been handed to the device yet."""
        with self._wake:
            if self._order is not None:
                self._timeline = self._timeline.with_speed(speed, 0.0)
                self._order = (self._timeline, self._order[1])
            elif self._is_playing:
                self._speed_wanted = speed
            self._wake.notify()

    def stop(self) -> None:
        """Falls silent; the device stays open until `release`, so that play begins again at once."""
        with self._wake:
            self._strip, self._order, self._is_playing = None, None, False

    def release(self) -> None:
        """Gives the device back."""
        with self._wake:
            self._strip, self._order, self._is_playing = None, None, False
            self._stream_wanted = False
            self._wake.notify()

    def set_volume(self, volume: float) -> None:
        """Sets the loudness, 0 to 1."""
        self._gain = np.float32(min(1.0, max(0.0, volume)))

    def look_for_device(self) -> None:
        """Where there was no device, looks in the background whether there is one now: it serves the next play."""
        with self._wake:
            if self._available is False and self._streams is not None and time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + _TRY_AGAIN_S
                self._wanted_changed = True
                self._wake.notify()

    def elapsed(self) -> float:
        """Returns the seconds heard since `play`: by what has left the speaker, not by what was handed over."""
        strip = self._strip
        if strip is None or not self._rate:
            return self._elapsed
        now = time.perf_counter()
        for heard in reversed(tuple(self._heard)):
            if heard.play == strip[1] and heard.at <= now:
                within = min(now - heard.at, heard.n / self._rate)
                self._elapsed = max(self._elapsed, heard.elapsed / self._rate + within)
                break
        return self._elapsed

    def is_lost(self) -> bool:
        """Returns True where a device that should play has stopped asking for samples."""
        if not self._is_playing:
            return False
        never_called = self._last_callback <= self._play_began
        return time.perf_counter() - self._last_callback > (_FIRST_CALLBACK_S if never_called else _SILENT_S)

    def lose(self) -> None:
        """Gives up the device that stopped; `available` is False until one is found again."""
        self._available = False
        self._look_at = time.monotonic() + _TRY_AGAIN_S
        self.release()

    def shutdown(self) -> None:
        """Closes the device, ends the thread and waits for it."""
        with self._wake:
            self._closing = True
            self._strip = None
            self._wake.notify()
        self._thread.join()

    # -- the background thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            with self._wake:
                if not self._has_work():
                    self._wake.wait(_POLL_S if self._strip is not None else None)
                wanted, changed, self._wanted_changed = self._wanted, self._wanted_changed, False
                order, self._order = self._order, None
                speed, self._speed_wanted = self._speed_wanted, None
            if self._closing:
                break
            if changed:
                self._open_blocks(wanted)
            if order is not None:
                self._begin(*order)
            if self._stream_wanted != (self._stream is not None):
                self._open_stream() if self._stream_wanted else self._close_stream()
            strip = self._strip
            if strip is not None:
                if speed is not None:
                    self._change_speed(strip, speed)
                self._make(strip[0])
        self._blocks = None
        self._close_stream()

    def _has_work(self) -> bool:
        stream_to_change = self._stream_wanted != (self._stream is not None) and self._available is not False
        strip = self._strip
        return (
            self._closing
            or self._wanted_changed
            or self._order is not None
            or self._speed_wanted is not None
            or stream_to_change
            or (strip is not None and strip[0].is_wanting(_AHEAD_S))
        )

    def _open_blocks(self, wanted: Path | None) -> None:
        if self._blocks is not None:
            self._blocks.close()
        self._blocks = None
        if wanted is not None and self._find_device():
            self._blocks = Blocks(wanted, self._rate, self._cache)

    def _begin(self, timeline: Timeline, play: int) -> None:
        if not self._find_device():
            self._stream_wanted = False
            return
        if self._blocks is None and self._wanted is not None:
            self._blocks = Blocks(self._wanted, self._rate, self._cache)
        strip = Strip(timeline, self._rate)
        while strip.is_wanting(_FIRST_S):
            self._make(strip)
        with self._wake:
            if self._is_playing and self._n_plays == play:
                self._strip = (strip, play)

    def _change_speed(self, strip: tuple[Strip, int], speed: float) -> None:
        timeline = strip[0].change_speed(speed, _CHANGE_AFTER_S)
        with self._wake:
            if self._strip is strip:
                self._timeline = timeline

    def _make(self, strip: Strip) -> None:
        try:
            strip.make(self._blocks)
        except Exception as error:  # a video without sound, or one that ends in damage, plays on in silence
            _log.info("No sound: %s", one_line(error))
            self._blocks = None
            strip.make(None)

    def _find_device(self) -> bool:
        """Imports sounddevice and asks for the default output's rate; False, and a notice once, where there is none."""
        if self._rate and self._available:
            return True
        try:
            if self._streams is None:
                self._streams = self._import_streams()
            elif self._available is False and not device.look_again(self._streams):
                return False
            found = self._streams.query_devices(kind="output")
            self._rate = int(found["default_samplerate"]) or 48000
        except Exception as error:  # OSError without the library, PortAudioError without a device
            _log.info("No sound output: %s", one_line(error))
            self._report(NO_DEVICE)
            return False
        self._available = True
        return True

    def _open_stream(self) -> None:
        if not self._find_device():
            self._stream_wanted = False
            return
        try:
            self._stream = device.open_stream(
                self._streams,
                samplerate=self._rate,
                channels=CHANNELS,
                dtype="float32",
                latency=_LATENCY_S,
                callback=self._callback,
            )
        except Exception as error:
            _log.warning("The sound device does not open: %s", one_line(error))
            self._stream_wanted = False
            self._report(NO_DEVICE)

    def _report(self, sentence: str) -> None:
        first_time = self._available is not False
        self._available = False
        self._look_at = time.monotonic() + _TRY_AGAIN_S
        if first_time:
            self._failed(sentence)

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            device.close_stream(stream)
        except Exception as error:  # a device that has gone may fail here; there is nothing left to close
            _log.info("Closing the sound device: %s", one_line(error))

    # -- PortAudio's thread ----------------------------------------------------------------------------------------

    def _callback(self, out: NDArray[np.float32], n: int, at: Any, status: Any) -> None:
        now = self._last_callback = time.perf_counter()
        out.fill(0)
        strip, before = self._strip, self._sounding
        if strip is not None:
            elapsed = strip[0].n_taken
            n_given = strip[0].take(out)
            if n_given:
                delay = at.outputBufferDacTime - at.currentTime
                if delay <= 0:
                    delay = self._stream.latency if self._stream is not None else 0.0
                self._heard.append(_Heard(now + delay, elapsed, n_given, strip[1]))
            if n_given < n or (status and status.output_underflow):
                self.n_underruns += 1
        if strip is not before:
            _cross_fade(out, None if before is None else before[0], round(_FADE_S * self._rate))
            self._sounding = strip
        gain, self._last_gain = self._last_gain, self._gain
        if gain != self._last_gain:
            out *= np.linspace(gain, self._last_gain, n, dtype=np.float32)[:, None]
        elif gain != 1:
            out *= gain


def _cross_fade(out: NDArray[np.float32], before: Strip | None, n_fade: int) -> None:
    """Lets what `out` begins with rise, over the falling rest of what was heard before it."""
    n_fade = min(n_fade, len(out))
    rising = np.linspace(0, 1, n_fade, dtype=np.float32)[:, None]
    out[:n_fade] *= rising
    if before is not None:
        rest = np.zeros((n_fade, CHANNELS), np.float32)
        before.take(rest)
        out[:n_fade] += rest * (1 - rising)
