"""Counts what a verdict took: seconds spent looking without those idle, the keys pressed, how often it was heard again.

No Qt here: presenter.py tells what happens, tests bring a clock of their own.
"""

import time
from collections.abc import Callable

IDLE_S = 30.0  # without input or playback for longer, the reviewer is not taken to be looking
_MOST_KEYS = 400  # a held key must not make a verdict's row grow without end


class Attention:
    """What one reviewer spends on the pair that is shown; `begin` starts anew with each pair.

    Seconds between two signs of life count in full up to IDLE_S; what is beyond does not. Playback is one long sign.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counted_s = 0.0
        self._since: float | None = None  # the last sign of life; None while nobody looks
        self._is_playing = False
        self._keys: list[str] = []
        self._plays = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """The actions whose keys were pressed, in order; named as in the keymap, since keys can be changed."""
        return tuple(self._keys)

    @property
    def replays(self) -> int:
        """How often the segment was begun again after it was first played."""
        return max(0, self._plays - 1)

    def begin(self) -> None:
        """A pair is shown."""
        self._counted_s, self._keys, self._plays = 0.0, [], 0
        self._since = self._now()

    def leave(self) -> None:
        """Nobody looks: another workspace is shown, or no pair is."""
        self._count()
        self._since = None

    def come_back(self) -> None:
        """The pair is looked at again."""
        if self._since is None:
            self._since = self._now()

    def touch(self) -> None:
        """A key, a click, a move of the mouse."""
        self._count()

    def press(self, action: str) -> None:
        """A key did something."""
        self._count()
        if len(self._keys) < _MOST_KEYS:
            self._keys.append(action)

    def play(self) -> None:
        """The segment begins to be heard."""
        self._count()
        self._plays += 1

    def set_playing(self, is_playing: bool) -> None:
        """Sound and picture run, or rest from now on."""
        self._count()
        self._is_playing = is_playing

    def seconds(self) -> float:
        """Returns the seconds looked at the pair until now, idle time over IDLE_S left out."""
        return self._counted_s + self._open_s()

    def _open_s(self) -> float:
        if self._since is None:
            return 0.0
        passed = max(0.0, self._now() - self._since)
        return passed if self._is_playing else min(passed, IDLE_S)

    def _count(self) -> None:
        if self._since is not None:
            self._counted_s += self._open_s()
            self._since = self._now()
