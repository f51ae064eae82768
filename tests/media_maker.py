"""Makes the videos that tests decode: each frame draws its own number as binary squares, each second beeps."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

N_BITS = 16
SOUND_RATE = 48_000
BEEP_HZ = 1000.0
BEEP_S = 0.1
_FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".ts": "mpegts", ".webm": "webm", ".avi": "avi"}


def make_video(
    path: Path,
    *,
    seconds: float,
    frame_rate: float = 25,
    size: tuple[int, int] = (320, 180),
    sound: Literal["beeps", "speech", "silence"] | None = "beeps",
    vfr: bool = False,
    gop: int = 25,
    start_s: float = 0.0,
    b_frames: int = 2,
    rotation: int = 0,
    sound_start_s: float = 0.0,
    sound_seconds: float | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    picture: bool = True,
) -> Path:
    """Writes a video whose frame k shows k (read it with `frame_number`), shown from `frame_times(...)[k]` on.

    `size` is (width, height); "beeps" are 0.1 s of 1 kHz at each whole second; `start_s` moves all timestamps;
    `sound_start_s` and `sound_seconds` make the sound start late or be shorter or longer than the picture.
    """
    with av.open(str(path), "w", format=_FORMATS[path.suffix]) as container:
        jobs: list[Iterator[tuple[float, object]]] = []
        if picture:
            video = container.add_stream(codec, rate=Fraction(frame_rate).limit_denominator(1001))
            video.width, video.height, video.pix_fmt = *size, pixel_format
            video.codec_context.time_base = Fraction(1, 90_000)
            if codec == "libx264":
                video.options = {"preset": "ultrafast", "crf": "18", "bf": str(b_frames), "sc_threshold": "0"}
            video.codec_context.gop_size = gop
            if rotation:
                video.set_display_rotation(-rotation)
            jobs.append(_pictures(video, frame_times(seconds, frame_rate, vfr), size, start_s))
        if sound is not None:
            audio = container.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=SOUND_RATE, layout="mono")
            samples = make_sound(sound, seconds if sound_seconds is None else sound_seconds)
            jobs.append(_sounds(audio, samples, start_s + sound_start_s))
        ahead = [(next(job), job) for job in jobs]
        while ahead:  # interleave by time
            ahead.sort(key=lambda item: item[0][0])
            (_, packets), job = ahead.pop(0)
            container.mux(packets)
            following = next(job, None)
            if following is not None:
                ahead.append((following, job))
    return path


def frame_times(seconds: float, frame_rate: float = 25, vfr: bool = False) -> list[float]:
    """Returns when each frame of `make_video` begins to show, in seconds; uneven gaps of 1 to 5 frames with `vfr`."""
    n_ticks = round(seconds * frame_rate)
    if not vfr:
        return [k / frame_rate for k in range(n_ticks)]
    gaps = np.random.default_rng(1).integers(1, 6, n_ticks)
    ticks = np.concatenate([[0], np.cumsum(gaps)])
    return [float(tick) / frame_rate for tick in ticks[ticks < n_ticks]]


def draw_number(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns RGB (height, width, 3): two rows of eight squares, white for 1, lowest bit first, on a moving ground."""
    width, height = size
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[..., 0] = 60
    rgb[..., 1] = (np.arange(width) // 8 * 3 + number * 2) % 120 + 40
    rgb[..., 2] = 90
    for bit in range(N_BITS):
        top, left, side_h, side_w = _square(bit, width, height)
        rgb[top : top + side_h, left : left + side_w] = 255 if number >> bit & 1 else 0
    return rgb


def frame_number(rgb: NDArray[np.uint8]) -> int:
    """Returns the number that a frame of `make_video` shows, at any size and quality."""
    height, width = rgb.shape[:2]
    number = 0
    for bit in range(N_BITS):
        top, left, side_h, side_w = _square(bit, width, height)
        inner = rgb[top + side_h // 4 : top + side_h - side_h // 4, left + side_w // 4 : left + side_w - side_w // 4]
        number |= int(inner.mean() > 127) << bit
    return number


def _square(bit: int, width: int, height: int) -> tuple[int, int, int, int]:
    """Returns (top, left, height, width) of a bit's square, in the middle half of the picture."""
    cell_h, cell_w = height // 4, width // 10
    row, column = divmod(bit, 8)
    return height // 4 + row * cell_h, cell_w + column * cell_w, cell_h, cell_w


def make_sound(kind: Literal["beeps", "speech", "silence"], seconds: float) -> NDArray[np.float32]:
    """Returns float32 (n,) at 48 kHz: beeps each second, a voice-like murmur in syllables, or digital silence."""
    time_s = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    if kind == "silence":
        return np.zeros(len(time_s), np.float32)
    if kind == "beeps":
        return (0.5 * np.sin(2 * np.pi * BEEP_HZ * time_s) * (time_s % 1 < BEEP_S)).astype(np.float32)
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.4 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch) / SOUND_RATE
    voice = np.zeros(len(time_s))
    formants = (500 + 250 * np.sin(2 * np.pi * 1.3 * time_s), 1500 + 500 * np.sin(2 * np.pi * 0.9 * time_s + 1))
    for harmonic in range(1, 30):
        loudness = sum(np.exp(-(((harmonic * pitch - formant) / 120) ** 2)) for formant in formants)
        voice += (loudness + 0.02) * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * time_s), 0, 1) * (time_s % 4 < 3)
    return (0.15 * voice * syllables).astype(np.float32)


def _pictures(stream, times_s: list[float], size: tuple[int, int], start_s: float) -> Iterator[tuple[float, object]]:
    for number, time_s in enumerate(times_s):
        frame = VideoFrame.from_ndarray(draw_number(number, size), format="rgb24")
        frame.time_base = Fraction(1, 90_000)
        frame.pts = round((start_s + time_s) * 90_000)
        yield start_s + time_s, stream.encode(frame)
    yield start_s + times_s[-1], stream.encode(None)


def _sounds(stream, samples: NDArray[np.float32], start_s: float) -> Iterator[tuple[float, object]]:
    block = SOUND_RATE // 10
    for first in range(0, len(samples), block):
        frame = AudioFrame.from_ndarray(samples[None, first : first + block], format="fltp", layout="mono")
        frame.sample_rate = SOUND_RATE
        frame.time_base = Fraction(1, SOUND_RATE)
        frame.pts = first + round(start_s * SOUND_RATE)
        yield start_s + first / SOUND_RATE, stream.encode(frame)
    yield start_s + len(samples) / SOUND_RATE, stream.encode(None)
