"""Small clip files whose pictures and sounds belong together: a square of one of six colours and a band of mel."""

from pathlib import Path

import cv2
import numpy as np

from davenet.clips import write_clip
from davenet.pairs import Pair, uniform_pairs

COLOURS = [(220, 40, 40), (40, 200, 40), (50, 60, 230), (230, 220, 40), (200, 50, 210), (60, 220, 220)]
WIDTH, HEIGHT = 160, 90
SQUARE = 34


def write_synthetic_clip(
    folder: Path, uid: str, n_frames: int, seed: int, *, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> list[Pair]:
    """Writes a clip of `n_frames` seconds whose colour changes each two seconds with its sound; returns its pairs."""
    random = np.random.default_rng(seed)
    width, height = size
    log_mel = random.uniform(-70, -60, (n_frames * 100, 40)).astype(np.float32)
    jpegs = []
    for second in range(n_frames):
        if second % 2 == 0:
            kind = int(random.integers(len(COLOURS)))
            x = int(random.integers(width // 2 - height // 2, width // 2 + height // 2 - SQUARE))
            y = int(random.integers(0, height - SQUARE))
        picture = random.integers(90, 130, (height, width, 3)).astype(np.uint8)
        picture[y : y + SQUARE, x : x + SQUARE] = COLOURS[kind]
        jpegs.append(cv2.imencode(".jpg", picture[..., ::-1])[1].tobytes())
        log_mel[second * 100 : second * 100 + 100, 6 * kind : 6 * kind + 5] = random.uniform(-22, -18, (100, 5))
    times_s = np.arange(n_frames, dtype=np.float64) + 0.5
    metadata = {"video": uid, "duration_s": str(float(n_frames))}
    write_clip(
        folder / f"{uid}.safetensors", frames_jpeg=jpegs, frame_times_s=times_s, log_mel=log_mel, metadata=metadata
    )
    return uniform_pairs(uid, [float(t) for t in times_s], segment_s=1.0)
