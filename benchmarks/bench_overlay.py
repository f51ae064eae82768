"""Painting a matchmap over a 1280×720 frame: colours and blending against the 8 ms that the GUI thread has."""

import time

import numpy as np

from benchmarks.figures import Figure
from davenet.overlay import blend, colour_rgba


def run() -> list[Figure]:
    random = np.random.default_rng(0)
    frame = random.integers(0, 255, (720, 1280, 3), dtype=np.uint8)
    matchmap = random.random((14, 14), dtype=np.float32)

    def best_ms(work: object) -> float:
        times = []
        for _ in range(30):
            begun = time.perf_counter()
            work()  # type: ignore[operator]
            times.append(time.perf_counter() - begun)
        return float(np.mean(sorted(times)[:15])) * 1000

    colours = best_ms(lambda: colour_rgba(matchmap, (360, 360), colour_map="inferno", alpha=0.6, threshold=0.3))
    crop = (0.21875, 0.0, 0.78125, 1.0)
    blended = best_ms(lambda: blend(frame, matchmap, crop=crop, colour_map="inferno", alpha=0.6, threshold=0.3))
    copied = best_ms(lambda: (frame[:, 280:1000].astype(np.float32) + 0.5).astype(np.uint8))
    return [
        Figure("overlay colours for the stage", colours, "ms", bar=8),
        Figure(
            "overlay blended into a 720p frame, against converting its crop to float and back",
            blended,
            "ms",
            copied,
            12,
        ),
    ]
