"""Sound of a video as samples on its clock: sample 0 lies at second 0, silence fills what the stream leaves out."""

import math
from collections.abc import Iterator
from pathlib import Path

import av.error
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.media.source import Source, decode, open_source, packets

Samples = NDArray[np.float32]

_GAP_S = 0.05  # timestamps of a continuous sound jitter by less; beyond it, sound is missing or doubled
_PREROLL_S = 0.5  # decoded and thrown away after a seek: the first frames of most codecs lean on those before
_RESAMPLED_AT_ONCE = 16384  # samples
_MAX_LEAD = 4096  # samples
_MAX_GAP_S = 3600.0  # a wilder timestamp is damage, not silence


class SoundClock:
    """Resamples decoded sound and places it on the clock, from `first_sample` (in the output's rate) on."""

    def __init__(self, source: Source, rate: int, channels: int = 1, first_sample: int = 0) -> None:
        self._source = source
        self._rate = rate
        self._channels = channels
        self._resampler: AudioResampler | None = None
        self._held = AudioFifo()  # decoded frames are short, and each call of the resampler costs
        self._setup: tuple[str, str, int] | None = None
        self._first = first_sample
        self._position: int | None = None  # of the next sample that comes out; None before the first
        self._in_s = first_sample / rate  # where the next decoded frame should begin, if the sound goes on

    def add(self, frame: AudioFrame) -> list[Samples]:
        """Returns the samples, shape (n,) or (n, channels), that follow those returned before."""
        out: list[Samples] = []
        time_s = self._source.clock_s(frame)
        if time_s is None or abs(time_s - self._in_s) > _MAX_GAP_S:
            time_s = self._in_s
        setup = (frame.format.name, frame.layout.name, frame.sample_rate)
        jumps = self._position is None or abs(time_s - self._in_s) > _GAP_S
        if self._resampler is None or setup != self._setup or jumps:
            out += self.flush()
            layout = "mono" if self._channels == 1 else "stereo"
            self._resampler = AudioResampler(format="flt", layout=layout, rate=self._rate)
            self._setup = setup
            lead, first_s = self._lead(frame, time_s)
            out += self._move_to(round(first_s * self._rate))
            self._in_s = time_s
            for resampled in self._resampler.resample(lead) if lead is not None else ():
                out += self._place(resampled)
        self._in_s += frame.samples / frame.sample_rate
        frame.pts = None  # gaps are handled here, where they can be bounded
        self._held.write(frame)
        if self._held.samples >= _RESAMPLED_AT_ONCE:
            out += self._resample_held()
        return out

    def _resample_held(self) -> list[Samples]:
        held = self._held.read(0)
        if held is None or self._resampler is None:
            return []
        held.pts = None
        return [samples for resampled in self._resampler.resample(held) for samples in self._place(resampled)]

    def flush(self) -> list[Samples]:
        """Returns what the resampler still holds."""
        if self._resampler is None:
            return []
        out = self._resample_held()
        out += [samples for resampled in self._resampler.resample(None) for samples in self._place(resampled)]
        self._resampler = None
        self._held = AudioFifo()
        return out

    def _lead(self, frame: AudioFrame, time_s: float) -> tuple[AudioFrame | None, float]:
        """Returns silence to resample before a first frame, and when it begins: on a sample of both rates.

        Wherever reading starts, the resampler then gives the same samples.
        """
        period = frame.sample_rate // math.gcd(frame.sample_rate, self._rate)
        n_lead = round(time_s * frame.sample_rate) % period
        if not 0 < n_lead <= _MAX_LEAD:
            return None, time_s
        lead = AudioFrame(format=frame.format.name, layout=frame.layout.name, samples=n_lead)
        lead.sample_rate = frame.sample_rate
        silence = b"\x80" if frame.format.name.startswith("u8") else b"\0"
        for plane in lead.planes:
            plane.update(silence * plane.buffer_size)
        return lead, time_s - n_lead / frame.sample_rate

    def _move_to(self, position: int) -> list[Samples]:
        """Fills with silence up to `position`, or marks what is to come as already there."""
        now = self._first if self._position is None else self._position
        self._position = position
        n_missing = position - max(now, self._first)
        if n_missing <= 0:
            self._skip_until = max(now, self._first)
            return []
        self._skip_until = position
        shape = (n_missing,) if self._channels == 1 else (n_missing, self._channels)
        return [np.zeros(shape, np.float32)]

    def _place(self, frame: AudioFrame) -> list[Samples]:
        samples: Samples = frame.to_ndarray().astype(np.float32, copy=False).reshape(-1, self._channels)
        assert self._position is not None
        n_early = min(len(samples), max(0, self._skip_until - self._position))
        self._position += len(samples)
        samples = samples[n_early:]
        return [samples[:, 0] if self._channels == 1 else samples] if len(samples) else []


def _decoded(
    path: Path, rate: int, channels: int, start_s: float, end_s: float | None, audio_track: int | None
) -> Iterator[Samples]:
    with open_source(path, audio_track=audio_track) as source:
        if source.sound is None or source.sound.time_base is None:
            raise UserError(f"{path} has no sound; choose a file that has.")
        if start_s > _PREROLL_S:
            offset = int((start_s - _PREROLL_S + source.start_s) / source.sound.time_base)
            try:
                source.container.seek(offset, stream=source.sound)
            except av.error.FFmpegError:
                source.container.seek(0)
        clock = SoundClock(source, rate, channels, round(start_s * rate))
        for packet in packets(source, source.sound):
            for frame in decode(packet):
                time_s = source.clock_s(frame)
                if end_s is not None and time_s is not None and time_s >= end_s + _GAP_S:
                    yield from clock.flush()
                    return
                yield from clock.add(frame)
        yield from clock.flush()


def stream_sound(
    path: Path,
    rate: int,
    block_s: float,
    *,
    channels: int = 1,
    start_s: float = 0.0,
    end_s: float | None = None,
    audio_track: int | None = None,
) -> Iterator[Samples]:
    """Yields float32 blocks of `block_s` seconds (the last is shorter), shape (n,) mono or (n, 2), from `start_s` on.

    `audio_track` is a sound of the file counted from 1, without it the default one. Ends where the sound ends, or at
    `end_s`. Raises UserError where the file cannot be opened or has no such sound.
    """
    n_block = max(1, round(block_s * rate))
    n_left = None if end_s is None else max(0, round(end_s * rate) - round(start_s * rate))
    held: list[Samples] = []
    n_held = 0
    for samples in _decoded(path, rate, channels, start_s, end_s, audio_track):
        if n_left is not None:
            samples = samples[:n_left]
            n_left -= len(samples)
        held.append(samples)
        n_held += len(samples)
        if n_held >= n_block:
            joined = np.concatenate(held)
            n_whole = len(joined) // n_block * n_block
            for start in range(0, n_whole, n_block):
                yield joined[start : start + n_block]
            held, n_held = [joined[n_whole:]], len(joined) - n_whole
        if n_left == 0:
            break
    if n_held:
        yield np.concatenate(held)


def read_sound(
    path: Path,
    *,
    rate: int = 16000,
    start_s: float = 0.0,
    end_s: float | None = None,
    channels: int = 1,
    audio_track: int | None = None,
) -> Samples:
    """Returns float32 (n,) mono or (n, 2) of [start_s, end_s) on the video's clock; shorter where the sound ends first.

    Raises UserError where the file cannot be opened or has no sound.
    """
    blocks = list(
        stream_sound(path, rate, 10.0, channels=channels, start_s=start_s, end_s=end_s, audio_track=audio_track)
    )
    return np.concatenate(blocks) if blocks else np.zeros((0,) if channels == 1 else (0, channels), np.float32)
