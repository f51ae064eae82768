"""Giving a verdict through the store (durable when it returns) against a bare sqlite3 commit of one row, same disk."""

import sqlite3
import tempfile
import time
from pathlib import Path

from annotator.project import Project
from annotator.store.records import VideoRecord
from benchmarks.figures import Figure
from davenet.pairs import Pair, WeakLabel, pair_uid

_N = 200


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bare = _bare_commits(Path(folder) / "bare.sqlite")
        store = _verdicts(Path(folder) / "project")
    return [
        Figure("verdict to disk, median, against a bare commit", _at(store, 0.5), "ms", _at(bare, 0.5), 5),
        Figure("verdict to disk, p95", _at(store, 0.95), "ms", bar=10),
    ]


def _at(times_s: list[float], share: float) -> float:
    return sorted(times_s)[int(share * (len(times_s) - 1))] * 1000


def _bare_commits(path: Path) -> list[float]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE verdict (pair TEXT, decision TEXT)")
    times = []
    for number in range(_N):
        begun = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO verdict VALUES (?, 'accept')", (str(number),))
        connection.execute("COMMIT")
        times.append(time.perf_counter() - begun)
    connection.close()
    return times


def _verdicts(folder: Path) -> list[float]:
    label = WeakLabel("onion", 0.9, 1, "onion", 1.0, 1.5, 0.8)
    pairs = [Pair(pair_uid("v", float(t), "food"), "v", float(t), 2.0, "food", (label,), 0.9) for t in range(_N)]
    times = []
    with Project.create(folder) as project:
        video = VideoRecord("v", folder / "v.mp4", "v", float(_N), 25.0, 640, 360, "0" * 16)
        project.store.add_videos([video])
        project.store.put_pairs(pairs, {})
        for pair in pairs:
            begun = time.perf_counter()
            project.store.give_verdict(pair.uid, "accept", reviewer="bench", seconds=1.0, window_s=2.0)
            times.append(time.perf_counter() - begun)
    return times
