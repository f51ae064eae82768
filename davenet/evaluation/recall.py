"""Recall@k both ways over a gallery (Section 5), with ties counted against the model. Only numpy.

S is (n, n): rows are frames, columns are audio segments, the diagonal are the true pairs.
Audio recall asks a frame for its segment (along a row), visual recall asks a segment for its frame (along a column).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KS = (1, 5, 10)
_BOOTSTRAPS = 1000
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Recall:
    """One way's outcome over a gallery; shares in 0..1, ranks from 1."""

    at: dict[int, float]
    interval_95: dict[int, tuple[float, float]]
    median_rank: float
    mean_rank: float


def ranks(similarity_BB: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the audio rank of each frame and the visual rank of each segment, from 1.

    A rank is one more than the number of others at least as similar as the true one: ties and NaN count against.
    """
    n = similarity_BB.shape[0]
    if similarity_BB.ndim != 2 or similarity_BB.shape[1] != n:
        raise ValueError(f"similarities must be square, not {similarity_BB.shape}")
    true_B = np.diagonal(similarity_BB).copy()
    audio = np.empty(n, np.int64)
    visual = np.zeros(n, np.int64)
    for start in range(0, n, _ROWS_AT_ONCE):
        rows = similarity_BB[start : start + _ROWS_AT_ONCE]
        # not (other < true): true for ties and for NaN on either side; the true pair itself is counted once
        audio[start : start + len(rows)] = (~(rows < true_B[start : start + len(rows), None])).sum(axis=1)
        visual += (~(rows < true_B[None, :])).sum(axis=0)
    return audio, visual


def recall_at_k(similarity_BB: NDArray[np.floating], k: int) -> tuple[float, float]:
    """Returns audio and visual Recall@k, in 0..1."""
    audio, visual = ranks(similarity_BB)
    return float((audio <= k).mean()), float((visual <= k).mean())


def recall_of_ranks(ranks_B: NDArray[np.int64], *, seed: int = 0) -> Recall:
    """Returns the recalls at 1, 5 and 10 with 95 % bootstrap intervals over the pairs, and the ranks' middle."""
    random = np.random.default_rng(seed)
    n = len(ranks_B)
    at, interval = {}, {}
    for k in KS:
        share = float((ranks_B <= k).mean())
        at[k] = share
        # resampling n pairs with replacement makes the number of hits binomial
        resampled = random.binomial(n, share, _BOOTSTRAPS) / n
        low, high = np.quantile(resampled, [0.025, 0.975])
        interval[k] = (float(low), float(high))
    return Recall(at, interval, float(np.median(ranks_B)), float(ranks_B.mean()))


def chance_at_k(gallery_size: int, k: int) -> float:
    """Returns the Recall@k of a blind guess."""
    return min(1.0, k / gallery_size) if gallery_size else 0.0
