"""Intervals for shares: what few trials leave open."""

from math import sqrt

_Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson_interval(successes: float, trials: float, *, z: float = _Z_95) -> tuple[float, float]:
    """Returns Wilson's interval for a share, by default of 95 %; (0, 1) without trials.

    Both may be fractions, for a mean of shares that go together.
    """
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, z * z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return max(0.0, low), min(1.0, high)
