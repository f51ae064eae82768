"""What time it is in a video that plays: a timeline (where play began, which part repeats) and the wall clock.

The sound output and the wall clock both only say how many seconds have been heard since play began; the timeline turns
that into the video's own seconds. So a loop, the sound and the frames can never disagree on where they are.
"""

import time
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timeline:
    """Play that begins at `start_s`; with a `loop` (start, end) it repeats that part, else it ends at `end_s`."""

    start_s: float
    end_s: float
    loop: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.loop is not None and not self.loop[0] <= self.start_s < self.loop[1]:
            object.__setattr__(self, "start_s", self.loop[0])

    def place(self, elapsed_s: float) -> tuple[float, int]:
        """Returns the video's time after `elapsed_s` seconds of play, and how many times the loop has begun again."""
        time_s = self.start_s + max(0.0, elapsed_s)
        if self.loop is None:
            return min(time_s, self.end_s), 0
        start_s, end_s = self.loop
        if time_s < end_s:
            return time_s, 0
        laps, into_s = divmod(time_s - end_s, end_s - start_s)
        return start_s + into_s, int(laps) + 1

    def due(self, time_s: float, lap: int) -> float:
        """Returns after how many seconds of play the frame of `time_s` is to be shown in the given lap of the loop."""
        if lap == 0 or self.loop is None:
            return max(0.0, time_s - self.start_s)
        start_s, end_s = self.loop
        lap_begins_s = (end_s - self.start_s) + (lap - 1) * (end_s - start_s)
        return lap_begins_s + max(0.0, time_s - start_s)

    def is_over(self, elapsed_s: float) -> bool:
        return self.loop is None and self.start_s + elapsed_s >= self.end_s


class Clock(Protocol):
    def elapsed(self) -> float:
        """Returns the seconds heard since play began; never less than before."""


class WallClock:
    """Counts by the computer's clock from `elapsed_s` on: for machines without sound."""

    def __init__(self, elapsed_s: float = 0.0) -> None:
        self._began = time.perf_counter() - elapsed_s

    def elapsed(self) -> float:
        return time.perf_counter() - self._began
