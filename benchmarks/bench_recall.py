"""Recall@k of 100,000 pairs, exact: memory against the bound of 1 GiB, and time against the bare matrix products."""

import json
import subprocess
import sys
import time

import numpy as np

from benchmarks.figures import Figure, Skip
from davenet.evaluation.recall import TILE

_PAIRS = 100_000
_BOUND_MIB = 1024

_MEASURED = """if True:
    import json, resource, sys, time
    from pathlib import Path
    import numpy as np
    from davenet.evaluation.recall import ranks_of_embeddings
    n, d = int(sys.argv[1]), int(sys.argv[2])
    image = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    audio = np.random.default_rng(1).standard_normal((n, d), dtype=np.float32)
    begun = time.perf_counter()
    ranks_of_embeddings(image, audio)
    taken = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    if sys.platform == "linux":  # the figure above begins with that of the process that started this one
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
    print(json.dumps([taken, peak]))
"""


def _measured(n_pairs: int, embedding: int) -> tuple[float, float]:
    """Returns seconds and the process's highest memory in MiB."""
    command = [sys.executable, "-c", _MEASURED, str(n_pairs), str(embedding)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, peak = json.loads(ran.stdout)
    return taken, peak


def _products_s(embedding: int) -> float:
    """Returns the seconds of the matrix products alone, from some of their tiles."""
    one = np.random.default_rng(0).standard_normal((TILE, embedding))
    other = one.T.copy()
    best = float("inf")
    for _ in range(20):
        begun = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - begun)
    return best * (_PAIRS / TILE) ** 2


def run() -> list[Figure]:
    if sys.platform == "win32":
        raise Skip("Windows does not tell a process its highest memory this way")
    small_s, small_mib = _measured(_PAIRS, 64)
    return [
        Figure("Recall@k of 100,000 pairs, D = 64: highest memory", small_mib, "MiB", bar=_BOUND_MIB),
        Figure(
            "Recall@k of 100,000 pairs, D = 64: seconds, beside the matrix products'", small_s, "s", _products_s(64)
        ),
    ]
