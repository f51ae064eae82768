"""Recall@k both ways over a gallery (Section 5), exact, with ties counted against the model. Only numpy.

S is (n, n): rows are frames, columns are audio segments, the diagonal are the true pairs; it is looked at tile by tile
and never held whole, as the S of 100,000 pairs has 40 GB. Audio recall asks a frame for its segment (along a row),
visual recall asks a segment for its frame (along a column).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davenet.intervals import wilson_interval

KS = (1, 5, 10)
TILE = 1024  # rows and columns of S at a time: 4 MiB of float32
_RESAMPLES = 1000

Ranks = NDArray[np.int64]
Tile = Callable[[slice, slice], NDArray[np.floating]]  # rows, columns -> that part of S


@dataclass(frozen=True, slots=True)
class Recall:
    """One way's outcome over a gallery; shares in 0..1, ranks from 1."""

    at: dict[int, float]
    interval_95: dict[int, tuple[float, float]]
    median_rank: float
    mean_rank: float


@dataclass(frozen=True, slots=True)
class Share:
    """A mean of 0..1 over `n` pairs with its Wilson interval, or a difference of -1..1 with its paired bootstrap's; 95 %."""

    value: float
    interval_95: tuple[float, float]
    n: int


def ranks(similarity_BB: NDArray[np.floating]) -> tuple[Ranks, Ranks]:
    """Returns the audio rank of each frame and the visual rank of each segment, from 1.

    A rank is one more than the number of others at least as similar as the true one: ties and NaN count against.
    """
    n = similarity_BB.shape[0]
    if similarity_BB.ndim != 2 or similarity_BB.shape[1] != n:
        raise ValueError(f"similarities must be square, not {similarity_BB.shape}")
    return ranks_by_tiles(n, lambda rows, columns: similarity_BB[rows, columns])


def ranks_of_embeddings(image_BD: NDArray[np.float32], audio_BD: NDArray[np.float32]) -> tuple[Ranks, Ranks]:
    """Returns what `ranks` does of the dot products of frames and segments, in a few tens of MiB beside the embeddings."""
    return ranks_by_tiles(len(image_BD), tile_of_embeddings(image_BD, audio_BD))


def tile_of_embeddings(image_BD: NDArray[np.float32], audio_BD: NDArray[np.float32]) -> Tile:
    """Returns what gives the parts of the dot products of frames and segments.

    Sums are taken in float64 and rounded to float32, so that they come out the same wherever in a matrix product they
    stand: equal embeddings tie, and a model that gives the same to all finds nothing.
    """
    if image_BD.ndim != 2 or image_BD.shape != audio_BD.shape:
        raise ValueError(f"embeddings must be two equal (n, D), not {image_BD.shape} and {audio_BD.shape}")

    def tile(rows: slice, columns: slice) -> NDArray[np.float32]:
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity count against, no more
            product_BB = image_BD[rows].astype(np.float64) @ audio_BD[columns].astype(np.float64).T
            return product_BB.astype(np.float32)

    return tile


def ranks_by_tiles(
    n: int, tile: Tile, *, size: int = TILE, seen: Callable[[slice, slice, NDArray[np.floating]], None] | None = None
) -> tuple[Ranks, Ranks]:
    """Returns what `ranks` does of the S whose parts `tile` gives, at most `size` rows and columns of it at a time.

    The tiles on the diagonal are asked for twice: first for the true similarities, then with all the others. `seen` is
    given each part of S once, for whoever wants more of it than ranks.
    """
    true_B: NDArray[np.floating] | None = None
    for rows in _slices(n, size):
        diagonal = np.diagonal(tile(rows, rows))
        if true_B is None:
            true_B = np.empty(n, diagonal.dtype)
        true_B[rows] = diagonal
    # counted are the others that are less than the true one: neither ties nor NaN, on either side, are
    audio_beaten, visual_beaten = np.zeros(n, np.int64), np.zeros(n, np.int64)
    if true_B is None:
        return audio_beaten, visual_beaten
    for rows in _slices(n, size):
        for columns in _slices(n, size):
            part = tile(rows, columns)
            if seen is not None:
                seen(rows, columns, part)
            for true, beaten, along in (
                (true_B[rows, None], audio_beaten[rows], 1),
                (true_B[None, columns], visual_beaten[columns], 0),
            ):
                less = np.less(part, true, order="C")
                if rows == columns:
                    np.fill_diagonal(less, False)  # the true pair is no other, however its product rounds
                beaten += _count(less, along)
    return n - audio_beaten, n - visual_beaten


def recall_at_k(similarity_BB: NDArray[np.floating], k: int) -> tuple[float, float]:
    """Returns audio and visual Recall@k, in 0..1."""
    audio, visual = ranks(similarity_BB)
    return float((audio <= k).mean()), float((visual <= k).mean())


def recall_of_ranks(ranks_B: Ranks) -> Recall:
    """Returns the recalls at 1, 5 and 10 with 95 % Wilson intervals over the pairs, and the ranks' middle."""
    found = {k: _share(ranks_B <= k) for k in KS}
    return Recall(
        {k: share.value for k, share in found.items()},
        {k: share.interval_95 for k, share in found.items()},
        float(np.median(ranks_B)),
        float(ranks_B.mean()),
    )


def mean_recall(audio_ranks_B: Ranks, visual_ranks_B: Ranks, k: int) -> Share:
    """Returns the mean of audio and visual Recall@k; a pair's two hits go together as far as they do in the gallery."""
    return _share(((audio_ranks_B <= k).astype(float) + (visual_ranks_B <= k)) / 2)


def paired_difference(ranks_a_B: Ranks, ranks_b_B: Ranks, k: int, *, seed: int = 0) -> Share:
    """Returns Recall@k of model A less that of model B over the same pairs in the same order.

    The pairs are resampled, each with both models' outcomes: what makes a pair easy for both drops out. Where none gains
    or loses there is nothing to resample: the interval is what so many equal pairs leave open, either way. Ranks may be
    (B) of one way or (2, B) of both ways, whose mean recall is then compared.
    """
    if ranks_a_B.shape != ranks_b_B.shape:
        raise ValueError(f"ranks of the same pairs are compared, not {ranks_a_B.shape} with {ranks_b_B.shape}")
    gained = (ranks_a_B <= k).astype(float) - (ranks_b_B <= k)
    gained_B = gained if gained.ndim == 1 else gained.mean(axis=0)
    if not gained_B.any():
        bound = wilson_interval(0, len(gained_B))[1]
        return Share(0.0, (-bound, bound), len(gained_B))
    return _resampled(gained_B, seed)


def recall_by_class(ranks_B: Ranks, classes: Sequence[str | None], k: int) -> dict[str, Share]:
    """Returns Recall@k over the pairs of each class, the commonest class first; pairs without a class are left out.

    The ranks stay those in the whole gallery.
    """
    places: dict[str, list[int]] = {}
    for place, name in enumerate(classes):
        if name is not None:
            places.setdefault(name, []).append(place)
    in_order = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: _share(ranks_B[indices] <= k) for name, indices in in_order}


def chance_at_k(gallery_size: int, k: int) -> float:
    """Returns the Recall@k of a blind guess."""
    return min(1.0, k / gallery_size) if gallery_size else 0.0


def _share(values_B: NDArray[np.generic]) -> Share:
    """Returns the mean of values of 0, ½ or 1 with Wilson's interval, which is wide where few pairs all agree.

    It is that of as many independent trials as vary like these pairs: one a pair, up to two where each was asked both ways.
    """
    n, mean = len(values_B), float(values_B.mean(dtype=np.float64))
    varies = float(values_B.var(dtype=np.float64))
    trials = n if varies == 0 else n * min(2.0, max(1.0, mean * (1 - mean) / varies))
    return Share(mean, wilson_interval(mean * trials, trials), n)


def _resampled(values_B: NDArray[np.generic], seed: int) -> Share:
    """Returns the mean of the pairs' values and the middle 95 % of its means over 1000 resamples of the pairs.

    Drawing n pairs with replacement and counting how often each value came is one multinomial draw: for hits and misses
    the binomial, exactly. So a resample costs as much for 100,000 pairs as for ten.
    """
    values, counts = np.unique(values_B.astype(np.float64), return_counts=True)
    n = len(values_B)
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, _RESAMPLES) @ values / n
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Share(float(values_B.mean(dtype=np.float64)), (float(low), float(high)), n)


def _slices(n: int, size: int) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _count(is_less: NDArray[np.bool_], along: int) -> NDArray[np.integer]:
    """Returns how many are true, as `sum` does; a fifth of its time on whole tiles."""
    if along == 0:
        down: NDArray[np.uint32] = is_less.view(np.uint8).sum(axis=0, dtype=np.uint32)
        return down
    if is_less.shape[1] % 8 or is_less.shape[1] > 8 * 255:
        return np.asarray(is_less.sum(axis=1), np.int64)
    eight_sums = is_less.view(np.uint64).sum(axis=1)  # each byte of it counts every eighth column, up to 255
    across: NDArray[np.uint32] = eight_sums.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.uint32)
    return across
