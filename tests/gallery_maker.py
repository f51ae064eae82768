"""Makes galleries that were looked at, with chosen misses and nothing else in them."""

import numpy as np

from davenet.retrieval_file import Arrays, Retrieval
from davenet.retrieved_pairs import RetrievedPair


def gallery(n: int, *, found: dict[int, list[int]], videos: str = "", classes: list[str] | None = None) -> Retrieval:
    """Pairs every ten seconds; frame k of `found` misses and finds these sounds, all others find their own first."""
    names = classes or ["onion"] * n
    pairs = tuple(
        RetrievedPair(f"p{k}", (videos or "v" * n)[k], 10.0 * k, 10.0 * k, 2.0, names[k], names[k]) for k in range(n)
    )
    places = np.full((n, 10), -1, np.int32)
    places[:, 0] = np.arange(n)
    for k, others in found.items():
        places[k] = [*others, *[-1] * (10 - len(others))]
    ranks = np.array([11 + k if k in found else 1 for k in range(n)])
    backwards = np.full((n, 10), -1, np.int32)
    backwards[:, 0] = np.arange(n)
    zeros_N, zeros_N2, zeros_NK = np.zeros(n, np.float32), np.zeros((n, 2), np.float32), np.zeros((n, 10), np.float32)
    arrays = Arrays(
        np.zeros((n, 4), np.float16), np.zeros((n, 4), np.float16), ranks, np.ones(n, np.int64), zeros_N, places,
        zeros_NK, backwards, zeros_NK, zeros_N2, zeros_N2, np.arange(n, dtype=np.int32), np.zeros((n, n), np.float16),
    )  # fmt: skip
    return Retrieval(arrays, pairs, (), (), {}, "validation", "g", "c", "sisa", 1, (0.5, 0.2))
