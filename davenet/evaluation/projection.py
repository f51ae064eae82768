"""Embeddings of frames and segments in one plane, to be looked at. Only numpy; UMAP is an extra."""

import importlib.util
import warnings

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError

Plane = tuple[NDArray[np.float32], NDArray[np.float32]]  # frames (n, 2) and segments (n, 2)
_ROWS = 4096  # embeddings that are in float64 at a time
_SEED = 0
_FEW = 10  # points, up to which the graph has too few eigenvectors to begin from


def pca_2d(frames_ND: NDArray[np.float32], segments_ND: NDArray[np.float32]) -> tuple[Plane, tuple[float, float]]:
    """Returns both in the plane of most variance, and the share of the variance that each of its axes shows.

    Frames and segments are each taken about their own mean first: what sets the two kinds apart would fill the plane. An
    axis points to where its largest part is positive, so that it is the same on every machine. NaN counts as 0.
    """
    sides = [np.nan_to_num(side, nan=0.0, posinf=0.0, neginf=0.0) for side in (frames_ND, segments_ND)]
    means = [side.mean(axis=0, dtype=np.float64) for side in sides]
    n_channels = frames_ND.shape[1]
    scatter_DD = np.zeros((n_channels, n_channels))
    for side, mean in zip(sides, means, strict=True):
        for start in range(0, len(side), _ROWS):
            some = side[start : start + _ROWS].astype(np.float64) - mean
            scatter_DD += some.T @ some
    values, vectors_DD = np.linalg.eigh(scatter_DD)
    axes_D2 = np.zeros((n_channels, 2))
    axes_D2[:, : min(2, n_channels)] = vectors_DD[:, ::-1][:, :2]
    largest = np.abs(axes_D2).argmax(axis=0)
    axes_D2 *= np.where(axes_D2[largest, [0, 1]] < 0, -1.0, 1.0)
    total = float(values.clip(0).sum())
    shares = [float(max(value, 0.0) / total) if total > 0 else 0.0 for value in values[::-1][:2]] + [0.0]
    frames, segments = (
        np.asarray((side - mean) @ axes_D2, np.float32) for side, mean in zip(sides, means, strict=True)
    )
    return (frames, segments), (shares[0], shares[1])


def has_umap() -> bool:
    return importlib.util.find_spec("umap") is not None


def require_umap() -> None:
    """Raises UserError where umap-learn is not installed."""
    if not has_umap():
        raise UserError(
            "UMAP is not installed; install the extra with pip install 'matchmap-annotator[umap]', or look at PCA."
        )


def umap_2d(frames_ND: NDArray[np.float32], segments_ND: NDArray[np.float32]) -> Plane:
    """Returns both in UMAP's plane by cosine distance, each about its own mean first; the same each time (seeded)."""
    require_umap()
    n = len(frames_ND)
    together = np.nan_to_num(np.concatenate([side - side.mean(axis=0) for side in (frames_ND, segments_ND)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it could do besides, and that a seed costs it its threads
        import umap

        reducer = umap.UMAP(
            n_neighbors=min(15, 2 * n - 1),
            metric="cosine",
            init="spectral" if 2 * n > _FEW else "random",
            random_state=_SEED,
            n_jobs=1,
        )
        placed = np.asarray(reducer.fit_transform(together), np.float32)
    return placed[:n], placed[n:]
