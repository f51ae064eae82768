"""Agreement of reviewers beyond chance: Cohen's kappa of two, Krippendorff's alpha of any number, for decisions without order.

Cohen 1960; Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability". Intervals are bootstraps over the units.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_DRAWS = 1000
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Agreed:
    """A measure of agreement with its interval of 95 %; None where it is not defined, as when all say the same."""

    value: float | None
    low: float | None
    high: float | None
    n_units: int


def agreed_figures(of: Agreed) -> tuple[str, str]:
    """Returns the value and its interval as they are written: "0.71" and "0.62 to 0.80"; "" for what is not defined."""
    value, *ends = ("" if one is None else f"{round(one, 2) + 0.0:.2f}" for one in (of.value, of.low, of.high))
    return value, " to ".join(ends) if all(ends) else ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa of each two reviewers that share pairs, and Krippendorff's alpha of all."""

    reviewers: tuple[str, ...]
    kappa: Mapping[tuple[str, str], Agreed]  # the reviewers in their order
    alpha: Agreed


def cohens_kappa(first: Sequence[Hashable], second: Sequence[Hashable], *, seed: int = 0) -> Agreed:
    """Returns Cohen's kappa of two reviewers' decisions on the same units, in the same order."""
    codes = _codes([*first, *second])
    n, n_kinds = len(first), int(codes.max(initial=-1)) + 1
    if len(second) != n:
        raise ValueError("Both reviewers decide on the same units.")
    both = codes[:n] * n_kinds + codes[n:]  # a cell of the table of decisions a unit

    def kappa(counted: NDArray[np.int64]) -> NDArray[np.float64]:
        """Takes tables (draws, kinds · kinds)."""
        table = counted.reshape(-1, n_kinds, n_kinds) / np.maximum(counted.sum(1), 1)[:, None, None]
        observed = np.trace(table, axis1=1, axis2=2)
        by_chance = (table.sum(2) * table.sum(1)).sum(1)
        return _beyond_chance(1 - observed, 1 - by_chance)

    return _with_interval(both, n_kinds * n_kinds, n, kappa, seed)


def krippendorffs_alpha(units: Sequence[Sequence[Hashable]], *, seed: int = 0) -> Agreed:
    """Returns the nominal alpha; each unit holds what its reviewers decided, and counts where there are two or more."""
    several = [unit for unit in units if len(unit) > 1]
    codes = _codes([value for unit in several for value in unit])
    n_kinds = int(codes.max(initial=-1)) + 1
    counts = np.zeros((len(several), n_kinds), np.int64)
    np.add.at(counts, (np.repeat(np.arange(len(several)), [len(unit) for unit in several]), codes), 1)
    patterns, of_unit = np.unique(counts, axis=0, return_inverse=True) if len(several) else (counts, codes)
    values = patterns.sum(1)
    apart = (values**2 - (patterns**2).sum(1)) / np.maximum(values - 1, 1)  # pairs of values that differ, of a unit

    def alpha(counted: NDArray[np.int64]) -> NDArray[np.float64]:
        """Takes how often each pattern of a unit occurs (draws, patterns)."""
        of_kind = counted @ patterns
        total = of_kind.sum(1)
        expected = (total**2 - (of_kind**2).sum(1)) / np.maximum(total - 1, 1)
        return _beyond_chance(counted @ apart, expected)

    return _with_interval(of_unit.reshape(-1), len(patterns), len(several), alpha, seed)


def agreement(decisions: Mapping[str, Mapping[str, Hashable]], *, seed: int = 0) -> Agreement:
    """Returns how far reviewers agree, from each one's decisions by unit."""
    names = tuple(sorted(decisions))
    kappa = {}
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            shared = sorted(decisions[one].keys() & decisions[other].keys())
            if shared:
                first, second = ([decisions[name][unit] for unit in shared] for name in (one, other))
                kappa[one, other] = cohens_kappa(first, second, seed=seed)
    units: dict[str, list[Hashable]] = {}
    for name in names:
        for unit, decision in decisions[name].items():
            units.setdefault(unit, []).append(decision)
    return Agreement(names, kappa, krippendorffs_alpha([units[unit] for unit in sorted(units)], seed=seed))


def _codes(values: Sequence[Hashable]) -> NDArray[np.int64]:
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(value, len(number)) for value in values], np.int64)


def _beyond_chance(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns 1 − observed ÷ expected disagreement, not a number where none is expected."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 1e-12, 1 - observed / expected, np.nan)


def _with_interval(
    cells: NDArray[np.int64],
    n_cells: int,
    n_units: int,
    measure: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    seed: int,
) -> Agreed:
    """Returns the measure of how often each cell occurs, with the middle 95 % of it over units drawn again and again."""
    if n_units == 0:
        return Agreed(None, None, None, 0)
    counted = np.bincount(cells, minlength=n_cells)
    value = float(measure(counted[None])[0])
    if np.isnan(value):
        return Agreed(None, None, None, n_units)
    drawn = np.random.default_rng(seed).multinomial(n_units, counted / n_units, size=N_DRAWS)
    found = measure(drawn)
    tail = 100 * (1 - _LEVEL) / 2
    low, high = np.percentile(found[~np.isnan(found)], [tail, 100 - tail])
    return Agreed(value, float(low), float(high), n_units)
