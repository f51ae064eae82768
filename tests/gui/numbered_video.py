"""Videos whose frames show their own number, so that a test can read which frame is on screen."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 25
N_FRAMES = 150
BITS = 10


def numbered(number: int, width: int = 320, height: int = 96) -> np.ndarray:
    """A frame that shows its number in ten black or white bars."""
    rgb = np.full((height, width, 3), 60, np.uint8)
    for bit in range(BITS):
        rgb[16:80, 8 + bit * 28 : 30 + bit * 28] = 255 if number >> bit & 1 else 0
    return rgb


def number_in(rgb: np.ndarray) -> int:
    scale = rgb.shape[1] / 320
    rows = slice(int(30 * scale), int(66 * scale))
    spots = [rgb[rows, int((12 + bit * 28) * scale) : int((26 + bit * 28) * scale)].mean() for bit in range(BITS)]
    return sum(1 << bit for bit, spot in enumerate(spots) if spot > 128)


def write_video(path: Path, *, times: list[float], width: int = 320, height: int = 96, with_sound: bool = True) -> Path:
    """Writes frames at these seconds, keyframes 60 apart, and a tone whose pitch rises each second."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=RATE, options={"g": "60", "bf": "2", "preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = width, height, "yuv420p"
        picture.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream("aac", rate=44100, layout="mono") if with_sound else None
        for number, time_s in enumerate(times):
            rgb = numbered(number)
            rgb = np.kron(rgb, np.ones((height // 96, width // 320, 1), np.uint8)) if width != 320 else rgb
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        if sound is not None:
            n = int(44100 * (times[-1] + 1 / RATE))
            tone = np.sin(np.cumsum(2 * np.pi * (400 + 100 * (np.arange(n) // 44100)) / 44100)) * 0.3
            samples = av.AudioFrame.from_ndarray(tone.astype(np.float32)[None], format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 44100, 0
            container.mux(sound.encode(samples))
            container.mux(sound.encode(None))
    return path
