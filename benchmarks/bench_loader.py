"""The training loader against OpenCV's bare decoding of the same JPEGs, and its memory over 10,000 batches.

The loader reads each pair's JPEG and sound from its clip file, decodes, crops at random to 224, flips, cuts the log-mel, makes
it relative and collates. The reference decodes JPEGs that lie in memory. Both by as many threads; CPU time, and time that
passes. What is read of clip files whole is nothing: tests/davenet/test_loader_cost.py.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.clips import demo_pairs
from benchmarks.figures import Figure
from davenet.model.config import MODEL_CONFIGS
from davenet.pairs import Pair
from davenet.training.dataset import PairReader, Segmenting
from davenet.training.loader import Loader
from davenet.training.presets import TrainConfig, preset

_N_VIDEOS = 5
_FRAME_RATE = 5.0  # 1,360 pairs
_BATCH = 100
_N_RUNS = 5
_N_TINY = 10_000
_BAR = 1.5
_CPU = torch.device("cpu")


def run() -> list[Figure]:
    config = preset("unsupervised", {"batch_size": _BATCH})
    n_threads = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        pairs = demo_pairs(Path(folder), n_videos=_N_VIDEOS, frame_rate=_FRAME_RATE)
        order = np.random.default_rng(0).permutation(len(pairs))
        reader = PairReader(Path(folder), MODEL_CONFIGS["davenet"], Segmenting(2.0, "frame"))
        jpegs = [_jpeg(reader, pairs[index]) for index in order]
        loader = Loader(reader, config, _CPU, n_threads=n_threads)
        chosen = np.array_split(order, len(pairs) // _BATCH)

        def load() -> None:
            with closing(loader.batches(pairs, chosen, 0)) as batches:
                for _ in batches:
                    pass

        def decode() -> None:
            with ThreadPoolExecutor(n_threads) as pool:
                for _ in pool.map(_decoded, np.array_split(np.array(jpegs, object), len(pairs) // _BATCH)):
                    pass

        own, bare = [], []
        for _ in range(_N_RUNS):  # in turns, so that both meet the same neighbours
            bare.append(_times(decode))
            own.append(_times(load))
        growth = _growth_over_tiny_batches(reader, pairs, config)
    n = len(pairs) / 1000
    (own_cpu, own_wall), (bare_cpu, bare_wall) = (np.min(times, axis=0) / n for times in (own, bare))
    name = f"loader, {len(pairs):,} pairs, {n_threads} threads"
    return [
        Figure(f"{name}: CPU time against bare decoding", own_cpu, "CPU ms a pair", bare_cpu, _BAR),
        Figure(f"{name}: time against bare decoding", own_wall, "ms a pair", bare_wall, _BAR),
        Figure(f"loader, memory that {_N_TINY:,} batches leave behind", growth, "MiB", bar=32),
    ]


def _jpeg(reader: PairReader, pair: Pair) -> NDArray[np.uint8]:
    clip = reader.clip(pair.video_uid)
    return clip.frame_jpeg(clip.nearest_frame(pair.time_s))


def _decoded(jpegs: Iterable[NDArray[np.uint8]]) -> None:
    for jpeg in jpegs:
        cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


def _growth_over_tiny_batches(reader: PairReader, pairs: list[Pair], config: TrainConfig) -> float:
    """Returns by how many MiB the process is larger after 10,000 batches of one pair than after the first thousand."""
    random = np.random.default_rng(1)
    after = []
    for n_batches in (1000, _N_TINY):
        chosen = [random.integers(0, len(pairs), 1) for _ in range(n_batches)]
        with closing(Loader(reader, config, _CPU, n_threads=1).batches(pairs, chosen, 0)) as batches:
            for _ in batches:
                pass
        after.append(_resident_bytes())
    return (after[1] - after[0]) / 2**20


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # only Linux tells it so
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _times(work: Callable[[], None]) -> tuple[float, float]:
    """Returns CPU seconds of all threads, and the seconds that passed."""
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu_s, time.perf_counter() - wall_s
