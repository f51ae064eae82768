"""The blind way to review, as states: what the machines say is hidden until the first verdict, then may change it.

No Qt and no store here: the presenter asks what a verdict is now, and what to show.
"""

from dataclasses import dataclass
from typing import Literal

from annotator.store.records import Decision

Stage = Literal["open", "hidden", "revealed"]


@dataclass(frozen=True, slots=True)
class Sort:
    """What kind of verdict is given now: whether blind, and after the reveal of a blind one."""

    is_blind: bool
    is_revealed: bool


class Blind:
    """One pair's way: "open" (not blind), or "hidden" until a verdict, then "revealed" until the reviewer goes on."""

    def __init__(self) -> None:
        self.is_on = False
        self._stage: Stage = "open"
        self._first: Decision | None = None
        self._n_peeks = 0
        self._is_peeking = False

    @property
    def stage(self) -> Stage:
        return self._stage

    @property
    def first(self) -> Decision | None:
        """The blind verdict whose evidence is revealed now."""
        return self._first

    @property
    def n_peeks(self) -> int:
        return self._n_peeks

    @property
    def hides(self) -> bool:
        """Whether evidence must not be seen now."""
        return self._stage == "hidden" and not self._is_peeking

    def begin(self, *, can_hide: bool = True) -> None:
        """A pair is shown; who settles a conflict sees all (`can_hide` False)."""
        self._stage = "hidden" if self.is_on and can_hide else "open"
        self._first, self._n_peeks, self._is_peeking = None, 0, False

    def turn(self, is_on: bool) -> None:
        """Blind or not from now on; a pair whose evidence was seen is no longer blind."""
        self.is_on = is_on
        if not is_on:
            self._stage, self._first = "open", None

    def peek(self, is_peeking: bool) -> None:
        """The evidence is looked at while a key is held."""
        if is_peeking and self._stage == "hidden":
            self._n_peeks += 1
        self._is_peeking = is_peeking

    def sort(self) -> Sort:
        """Returns what a verdict given now is. Whoever has peeked no longer decides blind."""
        return Sort(self._stage == "hidden" and self._n_peeks == 0, self._stage == "revealed")

    def decide(self, decision: Decision) -> bool:
        """Takes a verdict that was kept; returns whether its evidence is to be revealed before the next pair."""
        is_reveal = self.sort().is_blind and decision != "skip"
        if is_reveal:
            self._stage, self._first = "revealed", decision
        elif self._stage == "hidden" and decision != "skip":
            self._stage = "open"  # whoever has peeked may see it all now
        return is_reveal
