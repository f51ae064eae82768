"""A measured figure: its value beside a reference taken in the same run, because machines are shared and noisy."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` against `reference` in the same `unit`; their ratio must keep to `bar` (None: reported only)."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    bar: float | None = None
    better: Literal["lower", "higher"] = "lower"

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference if self.reference else None

    @property
    def holds(self) -> bool | None:
        """Whether the ratio (or the value, where there is no reference) keeps to the bar; None without a bar."""
        if self.bar is None:
            return None
        judged = self.value if self.ratio is None else self.ratio
        return bool(judged <= self.bar if self.better == "lower" else judged >= self.bar)  # numpy's own is no JSON


class Skip(Exception):  # noqa: N818 - no error: it says that a benchmark cannot run here
    """A benchmark that cannot run on this machine, with the plain reason."""
