"""How far reviewers agree who judged the same pairs: the share of equal decisions, and Cohen's κ for each two of them."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from davenet.agreement import cohens_kappa


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
        return [_between(first, second, counted) for (first, second), counted in sorted(self._decisions.items())]


def _between(first: str, second: str, counted: Counter[tuple[str, str]]) -> Agreement:
    """Returns two reviewers' agreement by how often they gave which two decisions; NaN ends where κ is undefined."""
    firsts, seconds = zip(*counted.elements(), strict=True)
    kappa = cohens_kappa(firsts, seconds)
    observed = sum(number for (one, other), number in counted.items() if one == other) / counted.total()
    ends = (math.nan, math.nan) if kappa.low is None or kappa.high is None else (kappa.low, kappa.high)
    return Agreement(first, second, counted.total(), observed, kappa.value, ends)
