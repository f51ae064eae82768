"""Which of a video's frames stands for each second (or part of one): the one shown then, or a reference frame near it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from av.video.frame import VideoFrame

from davenet.media.source import PTS_TOLERANCE_S

NEAREST_S = 0.1  # how far from a second its frame may lie, where a reference frame may stand for the one shown


@dataclass(frozen=True, slots=True)
class _Timed:
    time_s: float
    frame: VideoFrame
    is_reference: bool


class Stills:
    """Takes decoded frames in order and gives, for each k / frame_rate from the first frame to the last, its frame.

    That is the last one with a time ≤ t; with `nearest_s`, the nearest reference frame at most that far from t instead.
    """

    def __init__(self, frame_rate: float, nearest_s: float = 0.0) -> None:
        self._frame_rate = frame_rate
        self._nearest_s = nearest_s
        self._recent: deque[_Timed] = deque()
        self._n_given = 0
        self._target: int | None = None  # the next frame to give is that of second _target / frame_rate

    def wanted(self, begin_s: float, end_s: float) -> list[float]:
        """Returns the seconds k / frame_rate in [begin_s, end_s), none below 0; the first one where there is no end."""
        first = max(0, _ceil(begin_s * self._frame_rate))
        last = first + 1 if end_s == float("inf") else _ceil(end_s * self._frame_rate)
        return [k / self._frame_rate for k in range(first, last)]

    @property
    def shown_s(self) -> float | None:
        """Returns the time of the last frame that came."""
        return self._recent[-1].time_s if self._recent else None

    def add(self, time_s: float, frame: VideoFrame, is_reference: bool) -> Iterator[tuple[float, VideoFrame]]:
        """Yields (second, frame) for the seconds whose frame is known now that the one of `time_s` has come."""
        if self._target is None:  # no frame is shown before the first: begin with the second nearest to it
            self._target = max(0, round(time_s * self._frame_rate - 1e-6))
        self._recent.append(_Timed(time_s, frame, is_reference))
        settled_s = time_s - (0.0 if is_reference else self._nearest_s) - PTS_TOLERANCE_S
        yield from self._until(settled_s)
        self._forget()

    def finish(self, end_s: float) -> Iterator[tuple[float, VideoFrame]]:
        """Yields what is left before the end of the picture: at least one, where any frame came."""
        if not self._recent or self._target is None:
            return
        yield from self._until(end_s - PTS_TOLERANCE_S)
        if not self._n_given:
            yield from self._until(self._target / self._frame_rate + PTS_TOLERANCE_S)

    def _until(self, end_s: float) -> Iterator[tuple[float, VideoFrame]]:
        assert self._target is not None
        while (target_s := self._target / self._frame_rate) < end_s:
            yield target_s, self._frame_of(target_s)
            self._target += 1
            self._n_given += 1

    def _frame_of(self, target_s: float) -> VideoFrame:
        near = [
            each
            for each in self._recent
            if each.is_reference and abs(each.time_s - target_s) <= self._nearest_s + PTS_TOLERANCE_S
        ]
        if near:
            return min(near, key=lambda each: abs(each.time_s - target_s)).frame
        shown = self._recent[0]  # before the first frame it is the first
        for each in self._recent:
            if each.time_s <= target_s + PTS_TOLERANCE_S:
                shown = each
        return shown.frame

    def _forget(self) -> None:
        """Lets go of the frames that no second to come can have."""
        assert self._target is not None
        target_s = self._target / self._frame_rate
        while (
            len(self._recent) > 1
            and self._recent[1].time_s <= target_s + PTS_TOLERANCE_S
            and self._recent[0].time_s < target_s - self._nearest_s - PTS_TOLERANCE_S
        ):
            self._recent.popleft()


def _ceil(value: float) -> int:
    return -int(-value // 1)
