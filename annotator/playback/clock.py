"""What time it is in a video that plays: a timeline (where play began, how fast, which part repeats) and the wall clock.

The sound output and the wall clock both only say how many seconds have been heard since play began; the timeline turns
that into the video's own seconds. So a loop, the speed, the sound and the frames can never disagree on where they are.
"""

import time
from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timeline:
    """Play that begins at `start_s`; with a `loop` (start, end) it repeats that part, else it ends at `end_s`.

    `speeds` are (seconds of play, the speed from then on), ascending, the first at 0.
    """

    start_s: float
    end_s: float
    loop: tuple[float, float] | None = None
    speeds: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    def __post_init__(self) -> None:
        if self.loop is not None and not self.loop[0] <= self.start_s < self.loop[1]:
            object.__setattr__(self, "start_s", self.loop[0])

    def with_speed(self, speed: float, from_s: float) -> "Timeline":
        """Returns the same play, but at `speed` from `from_s` seconds of play on."""
        kept = tuple(entry for entry in self.speeds if entry[0] < from_s)
        return replace(self, speeds=(*kept, (max(0.0, from_s), speed)) if kept else ((0.0, speed),))

    def passed(self, elapsed_s: float) -> float:
        """Returns how many of the video's seconds have been played, laps and all, after `elapsed_s` of play."""
        passed_s, since_s, speed = 0.0, 0.0, self.speeds[0][1]
        for from_s, next_speed in self.speeds[1:]:
            if from_s >= elapsed_s:
                break
            passed_s += (from_s - since_s) * speed
            since_s, speed = from_s, next_speed
        return passed_s + max(0.0, elapsed_s - since_s) * speed

    def place(self, elapsed_s: float) -> tuple[float, int]:
        """Returns the video's time after `elapsed_s` seconds of play, and how many times the loop has begun again."""
        time_s = self.start_s + self.passed(max(0.0, elapsed_s))
        if self.loop is None:
            return min(time_s, self.end_s), 0
        start_s, end_s = self.loop
        if time_s < end_s:
            return time_s, 0
        laps, into_s = divmod(time_s - end_s, end_s - start_s)
        return start_s + into_s, int(laps) + 1

    def lap_begins(self, lap: int) -> float:
        """Returns how many of the video's seconds are played before the given lap of the loop begins."""
        if lap == 0 or self.loop is None:
            return 0.0
        start_s, end_s = self.loop
        return (end_s - self.start_s) + (lap - 1) * (end_s - start_s)

    def due(self, time_s: float, lap: int) -> float:
        """Returns after how many seconds of play the frame of `time_s` is to be shown in the given lap of the loop."""
        into_s = time_s - (self.start_s if lap == 0 or self.loop is None else self.loop[0])
        return self._elapsed_at(self.lap_begins(lap) + max(0.0, into_s))

    def is_over(self, elapsed_s: float) -> bool:
        return self.loop is None and self.start_s + self.passed(elapsed_s) >= self.end_s

    def _elapsed_at(self, passed_s: float) -> float:
        """The inverse of `passed`."""
        since_s, speed = 0.0, self.speeds[0][1]
        for from_s, next_speed in self.speeds[1:]:
            if (from_s - since_s) * speed >= passed_s:
                break
            passed_s -= (from_s - since_s) * speed
            since_s, speed = from_s, next_speed
        return since_s + passed_s / speed


class Clock(Protocol):
    def elapsed(self) -> float:
        """Returns the seconds heard since play began; never less than before."""


class WallClock:
    """Counts by the computer's clock from `elapsed_s` on: for machines without sound."""

    def __init__(self, elapsed_s: float = 0.0) -> None:
        self._began = time.perf_counter() - elapsed_s

    def elapsed(self) -> float:
        return time.perf_counter() - self._began
