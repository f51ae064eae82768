"""A video's sound and the clock that it gives: decoded in one background thread, copied out by PortAudio's callback.

Time is that of the sample now leaving the speaker: each callback notes when its first sample will be heard, and
`elapsed` reads these notes. sounddevice is imported in the background thread, where it fails without PortAudio.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.playback.clock import Timeline
from davenet.errors import UserError, one_line

_log = logging.getLogger(__name__)
NO_DEVICE = "No sound device: the video plays by the wall clock."
DEVICE_LOST = "The sound device has gone: the video plays on by the wall clock."
CHANNELS = 2
_LATENCY_S = 0.1  # at PortAudio's lowest, PulseAudio stopped serving within seconds; the clock allows for it
_BLOCK_S = 2.0
_AHEAD_S = 30.0  # decoded at once where play begins beyond what the pass through the file has reached
_BUFFER_BYTES = 512 << 20  # 23 minutes of stereo at 48 kHz; longer videos play in mono and at a lower rate
_LOWEST_RATE = 8000
_FIRST_CALLBACK_S = 4.0  # opening a device may take this long
_SILENT_S = 3.0  # a device that has not asked for samples for this long while playing has gone

Failed = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Heard:
    """The samples of one callback: heard from `at` (perf_counter) on, `elapsed` samples after play began."""

    at: float
    elapsed: int
    n: int
    play: int


class _Source:
    """The decoded samples of one video, float32 (n, channels); zeros where nothing has been decoded yet."""

    def __init__(self, path: Path, duration_s: float, device_rate: int) -> None:
        self.path = path
        fits = _BUFFER_BYTES / (4 * max(duration_s, 1.0))  # mono samples a second
        self.channels = CHANNELS if device_rate * CHANNELS <= fits else 1
        self.step = max(1, math.ceil(device_rate * self.channels / max(fits, _LOWEST_RATE)))
        self.rate = device_rate // self.step  # each sample is played `step` times
        self.samples = np.zeros((math.ceil((duration_s + 1.0) * self.rate), self.channels), np.float32)
        self.n_decoded = 0
        self.ahead = (0, 0)  # a part decoded out of turn

    def put(self, start: int, block: NDArray[np.float32]) -> int:
        """Copies a block to `start` and returns where it ends; what lies beyond the video's end is dropped."""
        stereo = block if block.ndim == 2 else block[:, None]
        end = min(len(self.samples), start + len(stereo))
        if end > start:
            self.samples[start:end] = stereo[: end - start]
        return max(start, end)


class Sound:
    """Plays the open video's sound along a timeline and is its clock. `failed` is called from other threads."""

    def __init__(self, *, failed: Failed, streams: Callable[[], Any] | None = None) -> None:
        self._failed = failed
        self._import_streams = streams or _sounddevice
        self._wake = threading.Condition()
        self._wanted: tuple[Path, float] | None = None
        self._wanted_changed = False
        self._stream_wanted = False
        self._seek_s: float | None = None
        self._closing = False
        self._available: bool | None = None
        self._volume = np.float32(1.0)
        # one tuple, replaced whole: what the callback plays (source, timeline, number of this play)
        self._playing: tuple[_Source | None, Timeline, int] | None = None
        self._n_plays = 0
        self._play_began = 0.0
        self._last_callback = 0.0
        self._cursor = (0, 0)  # callback only: the play it belongs to, and samples given out for it
        self._heard: deque[_Heard] = deque(maxlen=64)
        self._elapsed = 0.0
        # the thread's own
        self._streams: Any = None
        self._stream: Any = None
        self._rate = 0
        self._source: _Source | None = None
        self._blocks: Iterator[NDArray[np.float32]] | None = None
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)
        self._thread.start()

    @property
    def available(self) -> bool:
        """False once it is known that there is no device to play on (True while that is not known yet)."""
        return self._available is not False

    def open(self, path: Path | None, duration_s: float = 0.0) -> None:
        """Begins to decode the video's sound, of which up to `duration_s` seconds are kept."""
        self.stop()
        with self._wake:
            self._wanted = None if path is None else (path, duration_s)
            self._wanted_changed = True
            self._source = None
            self._wake.notify()

    def play(self, timeline: Timeline) -> None:
        """Begins to play; `elapsed` counts from 0 when the first sample is heard."""
        with self._wake:
            self._n_plays += 1
            self._elapsed = 0.0
            self._play_began = self._last_callback = time.perf_counter()
            self._playing = (self._source, timeline, self._n_plays)
            self._seek_s = timeline.start_s
            self._stream_wanted = True
            self._wake.notify()

    def stop(self) -> None:
        """Falls silent; the device stays open until `release`, so that play begins again at once."""
        self._playing = None

    def release(self) -> None:
        """Gives the device back."""
        with self._wake:
            self._playing = None
            self._stream_wanted = False
            self._wake.notify()

    def set_volume(self, volume: float) -> None:
        """Sets the loudness, 0 to 1."""
        self._volume = np.float32(min(1.0, max(0.0, volume)))

    def elapsed(self) -> float:
        """Returns the seconds heard since `play`: by what has left the speaker, not by what was handed over."""
        playing = self._playing
        if playing is None or not self._rate:
            return self._elapsed
        now = time.perf_counter()
        for heard in reversed(tuple(self._heard)):
            if heard.play == playing[2] and heard.at <= now:
                within = min(now - heard.at, heard.n / self._rate)
                self._elapsed = max(self._elapsed, heard.elapsed / self._rate + within)
                break
        return self._elapsed

    def is_lost(self) -> bool:
        """Returns True where a device that should play has stopped asking for samples."""
        if self._playing is None:
            return False
        never_called = self._last_callback <= self._play_began
        return time.perf_counter() - self._last_callback > (_FIRST_CALLBACK_S if never_called else _SILENT_S)

    def lose(self) -> None:
        """Gives up the device that stopped; `available` is False from now on, until another video is opened."""
        self._available = False
        self.release()

    def shutdown(self) -> None:
        """Closes the device, ends the thread and waits for it."""
        with self._wake:
            self._closing = True
            self._playing = None
            self._wake.notify()
        self._thread.join()

    # -- the background thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work)
                if self._closing:
                    break
                wanted, changed, self._wanted_changed = self._wanted, self._wanted_changed, False
                seek_s, self._seek_s = self._seek_s, None
            if changed:
                self._blocks = None
                self._open_source(wanted)
            if self._stream_wanted != (self._stream is not None):
                self._open_stream() if self._stream_wanted else self._close_stream()
            if self._source is not None and self._rate:
                self._decode(self._source, seek_s)
        self._blocks = None
        self._close_stream()

    def _has_work(self) -> bool:
        stream_to_change = self._stream_wanted != (self._stream is not None) and self._available is not False
        return (
            self._closing
            or self._wanted_changed
            or stream_to_change
            or self._blocks is not None
            or (self._seek_s is not None)
        )

    def _open_source(self, wanted: tuple[Path, float] | None) -> None:
        if wanted is None or not self._find_device():
            return
        source = _Source(wanted[0], wanted[1], self._rate)
        try:
            self._blocks = stream_blocks(source, _BLOCK_S)
        except UserError as error:
            _log.info("No sound: %s", error)
        with self._wake:
            if self._wanted_changed:
                return
            self._source = source
            if self._playing is not None and self._playing[0] is None:
                self._playing = (source, *self._playing[1:])

    def _find_device(self) -> bool:
        """Imports sounddevice and asks for the default output's rate; False, and a notice once, where there is none."""
        if self._rate and self._available:
            return True
        try:
            self._streams = self._streams or self._import_streams()
            device = self._streams.query_devices(kind="output")
            self._rate = int(device["default_samplerate"]) or 48000
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
            self._stream = self._streams.OutputStream(
                samplerate=self._rate, channels=CHANNELS, dtype="float32", latency=_LATENCY_S, callback=self._callback
            )
            self._stream.start()
        except Exception as error:
            _log.warning("The sound device does not open: %s", one_line(error))
            self._close_stream()
            self._stream_wanted = False
            self._report(NO_DEVICE)

    def _report(self, sentence: str) -> None:
        first_time = self._available is not False
        self._available = False
        if first_time:
            self._failed(sentence)

    def _close_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            stream.close(ignore_errors=True)
        except Exception as error:  # a device that has gone may fail here; there is nothing left to close
            _log.info("Closing the sound device: %s", one_line(error))

    def _decode(self, source: _Source, seek_s: float | None) -> None:
        """Decodes the next block, or first the part around `seek_s` where the pass has not come that far."""
        try:
            if seek_s is not None:
                start = int(seek_s * source.rate)
                covered = start < source.n_decoded or source.ahead[0] <= start < source.ahead[1] - source.rate
                if not covered and start < len(source.samples):
                    part = read_part(source, seek_s, seek_s + _AHEAD_S)
                    source.ahead = (start, source.put(start, part))
            if self._blocks is None:
                return
            block = next(self._blocks, None)
            if block is None or source.n_decoded >= len(source.samples):
                self._blocks = None
                return
            source.n_decoded = source.put(source.n_decoded, block)
        except Exception as error:
            _log.warning("The sound of %s cannot be decoded further: %s", source.path.name, one_line(error))
            self._blocks = None

    # -- PortAudio's thread ----------------------------------------------------------------------------------------

    def _callback(self, out: NDArray[np.float32], n: int, at: Any, status: Any) -> None:
        now = self._last_callback = time.perf_counter()
        playing = self._playing
        source = None if playing is None else playing[0]
        if playing is None or source is None:
            out.fill(0)
            return
        timeline, play = playing[1:]
        elapsed = self._cursor[1] if self._cursor[0] == play else 0
        delay = at.outputBufferDacTime - at.currentTime
        if delay <= 0:
            delay = self._stream.latency if self._stream is not None else 0.0
        self._heard.append(_Heard(now + delay, elapsed, n, play))
        self._cursor = (play, elapsed + n)
        copy_samples(out, source, timeline, elapsed, self._rate, self._volume)


def copy_samples(
    out: NDArray[np.float32], source: _Source, timeline: Timeline, elapsed: int, rate: int, volume: np.float32
) -> None:
    """Fills `out` with what the timeline has from `elapsed` samples on, across loop ends without a gap."""
    done = 0
    loop_end = None if timeline.loop is None else round(timeline.loop[1] * source.rate)
    while done < len(out):
        time_s, _ = timeline.place((elapsed + done) / rate)
        start = round(time_s * source.rate)
        n = -(-(len(out) - done) // source.step)
        if loop_end is not None:
            n = max(1, min(n, loop_end - start))
        part = source.samples[start : start + n]
        if source.step > 1:
            part = np.repeat(part, source.step, axis=0)
        part = part[: len(out) - done]
        if loop_end is None and len(part) < len(out) - done:
            np.multiply(part, volume, out=out[done : done + len(part)])
            out[done + len(part) :] = 0
            return
        if not len(part):
            out[done:] = 0
            return
        np.multiply(part, volume, out=out[done : done + len(part)])
        done += len(part)


def stream_blocks(source: _Source, block_s: float) -> Iterator[NDArray[np.float32]]:
    from davenet.media.sound import stream_sound

    blocks: Iterator[NDArray[np.float32]] = stream_sound(source.path, source.rate, block_s, channels=source.channels)
    return blocks


def read_part(source: _Source, start_s: float, end_s: float) -> NDArray[np.float32]:
    from davenet.media.sound import read_sound

    part: NDArray[np.float32] = read_sound(
        source.path, rate=source.rate, start_s=start_s, end_s=end_s, channels=source.channels
    )
    return part


def _sounddevice() -> Any:
    import sounddevice

    return sounddevice
