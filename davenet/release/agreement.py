"""How far reviewers agree who judged the same pairs: the share of equal decisions, and Cohen's κ for each two of them."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

N_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two reviewers on the pairs that both judged. `kappa` is None where chance alone would agree on all."""

    first: str
    second: str
    n_pairs: int
    observed: float  # share of equal decisions
    kappa: float | None
    interval: tuple[float, float]  # of 95 %, by drawing the pairs again; NaN without a kappa


class AgreementCount:
    """Counts decisions pair by pair, in memory that grows with the reviewers only."""

    def __init__(self) -> None:
        self._decisions: dict[tuple[str, str], Counter[tuple[str, str]]] = {}
        self.n_judged = 0
        self.n_by_several = 0
        self.n_in_disagreement = 0

    def add(self, decisions: Mapping[str, str]) -> None:
        """Takes the decisions on one pair, by reviewer."""
        self.n_judged += bool(decisions)
        self.n_by_several += len(decisions) > 1
        self.n_in_disagreement += len(set(decisions.values())) > 1
        for first, second in combinations(sorted(decisions), 2):
            counted = self._decisions.setdefault((first, second), Counter())
            counted[decisions[first], decisions[second]] += 1

    def agreements(self) -> list[Agreement]:
        """Returns each two reviewers with pairs in common, by their names."""
        return [
            Agreement(first, second, counted.total(), *cohen_kappa(counted), kappa_interval(counted))
            for (first, second), counted in sorted(self._decisions.items())
        ]


def cohen_kappa(counted: Mapping[tuple[str, str], int]) -> tuple[float, float | None]:
    """Returns (observed agreement, κ) of how often two reviewers gave which two decisions; κ is None where undefined."""
    total = sum(counted.values())
    observed = sum(number for (first, second), number in counted.items() if first == second) / total
    firsts = _marginal((first, number) for (first, _), number in counted.items())
    seconds = _marginal((second, number) for (_, second), number in counted.items())
    by_chance = sum(number * seconds[decision] for decision, number in firsts.items()) / total**2
    return observed, None if by_chance == 1.0 else (observed - by_chance) / (1.0 - by_chance)


def kappa_interval(counted: Mapping[tuple[str, str], int], *, seed: int = 0) -> tuple[float, float]:
    """Returns the middle 95 % of κ over the pairs drawn again with a seed; NaN where κ is undefined.

    Draws in which both give one decision only have no κ and are left out.
    """
    if cohen_kappa(counted)[1] is None:
        return math.nan, math.nan
    cells, total = sorted(counted), sum(counted.values())
    shares = np.array([counted[cell] for cell in cells]) / total
    drawn = np.random.default_rng(seed).multinomial(total, shares, size=N_DRAWS)
    kappas = [
        kappa
        for numbers in drawn.tolist()
        if (kappa := cohen_kappa({cell: n for cell, n in zip(cells, numbers, strict=True) if n})[1]) is not None
    ]
    low, high = np.percentile(kappas, [2.5, 97.5])
    return float(low), float(high)


def _marginal(entries: Iterable[tuple[str, int]]) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for decision, number in entries:
        numbers[decision] += number
    return numbers
