"""A curve's points as they come, and what of a million of them a chart of a thousand pixels can show. Only numpy.

Each pixel's column keeps its first, least, greatest and last point: a spike of one step is never thinned away.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
COLUMNS = ("epoch", "step", "time_s", "value")
KEPT = 2048  # points from which a series is thinned: finer than any screen


class Series:
    """Points of (epoch, step, seconds trained, value) in the order of their epochs."""

    def __init__(self) -> None:
        self._rows = np.empty((64, len(COLUMNS)))
        self._n = 0
        self.version = 0  # grows with each point

    def __len__(self) -> int:
        return self._n

    def add(self, epoch: float, step: int, time_s: float, value: float) -> None:
        """Adds a point; what lies ahead of it is dropped: a run that was killed goes on from its last saved state."""
        self.version += 1
        if self._n and self._rows[self._n - 1, 0] >= epoch:
            self._n = int(np.searchsorted(self._rows[: self._n, 0], epoch, side="left"))
        if self._n == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[self._n] = epoch, step, time_s, value
        self._n += 1
        if self._n >= 4 * KEPT:
            self._thin()

    def column(self, name: str) -> Values:
        return self._rows[: self._n, COLUMNS.index(name)].copy()

    def last(self) -> tuple[float, float] | None:
        """Returns the newest point's epoch and value."""
        return None if not self._n else (float(self._rows[self._n - 1, 0]), float(self._rows[self._n - 1, 3]))

    def points(self) -> list[tuple[float, float]]:
        """Returns (epoch, value) of every point."""
        return [(float(row[0]), float(row[3])) for row in self._rows[: self._n]]

    def _thin(self) -> None:
        kept = shown(self._rows[: self._n, 0], self._rows[: self._n, 3], KEPT // 2)
        self._rows[: len(kept)] = self._rows[kept]
        self._n = len(kept)


def shown(x: Values, y: Values, n_columns: int) -> NDArray[np.int64]:
    """Returns the places of the points that `n_columns` columns of equal width show, at most four a column, in order.

    `x` must not fall; values that are no numbers are left out.
    """
    finite = np.flatnonzero(np.isfinite(y) & np.isfinite(x))
    if len(finite) <= 4 * n_columns:
        return finite
    x, y = x[finite], y[finite]
    span = x[-1] - x[0]
    column = (
        np.minimum((x - x[0]) / span * n_columns, n_columns - 1).astype(np.int64) if span > 0 else np.zeros(len(x), int)
    )
    begins = np.flatnonzero(np.r_[True, column[1:] != column[:-1]])
    ends = np.r_[begins[1:], len(x)] - 1
    in_column = np.repeat(np.arange(len(begins)), ends - begins + 1)
    by_value = np.lexsort((y, in_column))  # within each column from its least to its greatest
    kept = np.unique(np.concatenate([begins, ends, by_value[begins], by_value[ends]]))
    found: NDArray[np.int64] = finite[kept]
    return found
