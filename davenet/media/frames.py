"""Frames of a video by time: in one forward pass (`frames_at`) or by exact random access (`FrameReader`, for review).

The frame of second t is the last one with a time ≤ t, as a player shows it; before the first frame it is the first.
Only the file's own timestamps are used, never a frame rate.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av.error
from av.video.frame import VideoFrame

from davenet.errors import UserError
from davenet.media.picture import Pixels, pixel_shape, to_pixels
from davenet.media.source import PTS_TOLERANCE_S, Source, keyframe_times, open_source, packets
from davenet.media.sparse import SparseDecoder, Wanted

_FORWARD_S = 1.5  # a frame this little ahead is reached by decoding on, which is cheaper than a seek
_FORWARD_IN_GOP_S = 20.0  # so is any frame before the next keyframe, where the file's index tells where that is
_FIRST_STEP_BACK_S = 0.5
_KEPT_FRAMES = 8  # decoded frames behind the current one, for steps back


def timed_frames(source: Source, wanted: Wanted | None = None) -> Iterator[tuple[float, VideoFrame]]:
    """Yields the decoded pictures with their times on the clock, in order; damaged and unwanted ones are left out."""
    decoder = SparseDecoder(source, wanted)
    for packet in packets(source, source.picture):
        yield from decoder.add(packet)


def frames_at(path: Path, times_s: Iterable[float], shorter_side: int | None) -> Iterator[tuple[float, Pixels]]:
    """Yields (time asked for, RGB uint8 (H, W, 3)) for each of the ascending times in one forward pass.

    Raises UserError where the file cannot be opened, has no picture, or nothing of it decodes.
    """
    wanted_s = [float(time_s) for time_s in times_s]
    if not wanted_s:
        return

    def wanted(begin_s: float, end_s: float) -> list[float]:
        return wanted_s[bisect_left(wanted_s, begin_s) : bisect_left(wanted_s, end_s)]

    with open_source(path) as source:
        decoder_frames = timed_frames(source, wanted)
        shape = pixel_shape(source.picture) if source.picture is not None else Fraction(1)
        n_given = 0
        shown: VideoFrame | None = None
        for time_s, frame in decoder_frames:
            n_due = bisect_left(wanted_s, time_s - PTS_TOLERANCE_S)
            if shown is not None and n_given < n_due:
                pixels = to_pixels(shown, shape, shorter_side)
                for target_s in wanted_s[n_given:n_due]:
                    yield target_s, pixels
                n_given = n_due
            if n_given == len(wanted_s):
                return
            shown = frame
        if shown is None:
            raise UserError(f"Nothing of {path} can be decoded; copy or download it again.")
        pixels = to_pixels(shown, shape, shorter_side)
        for target_s in wanted_s[n_given:]:
            yield target_s, pixels


class FrameReader:
    """Exact random access to a video's frames; keeps its place, so that frames shortly ahead or behind are quick."""

    def __init__(self, path: Path) -> None:
        self._source = open_source(path)
        self._frames: Iterator[tuple[float, VideoFrame]] = timed_frames(self._source)
        self._returned_s = float("-inf")
        self._recent: deque[tuple[float, VideoFrame]] = deque(maxlen=_KEPT_FRAMES)  # the last one is the current frame
        self._ahead: tuple[float, VideoFrame] | None = None  # decoded to know that the current frame is the right one
        if self._source.picture is None:
            self.close()
            raise UserError(f"{path} has no picture; choose a video file.")
        self._shape = pixel_shape(self._source.picture)
        self._keyframes_s = keyframe_times(self._source)

    def frame_at(self, time_s: float) -> tuple[float, Pixels]:
        """Returns (its time on the clock, RGB uint8 (H, W, 3)) of the frame shown at `time_s`.

        Raises UserError where nothing of the video can be decoded.
        """
        if not self._is_near(time_s):
            self._seek(time_s)
        self._advance_to(time_s)
        for frame_s, frame in reversed(self._recent):
            if frame_s <= time_s + PTS_TOLERANCE_S:
                return self._returned(frame_s, frame)
        return self._returned(*self._recent[0])  # before the first frame

    def next(self) -> tuple[float, Pixels] | None:
        """Returns the frame that follows the one last returned, or None at the end."""
        for frame_s, frame in self._recent:
            if frame_s > self._returned_s:  # a frame behind the newest was asked for before
                return self._returned(frame_s, frame)
        if self._ahead is None:
            self._ahead = self._decode_one()
        if self._ahead is None:
            return None
        self._recent.append(self._ahead)
        self._ahead = None
        return self._returned(*self._recent[-1])

    def until_s(self) -> float:
        """Returns when the frame last returned gives way to the next one; infinite for the last of the video."""
        for frame_s, _ in self._recent:
            if frame_s > self._returned_s:
                return frame_s
        if self._ahead is None:
            self._ahead = self._decode_one()
        return float("inf") if self._ahead is None else self._ahead[0]

    def close(self) -> None:
        self._recent.clear()
        self._ahead = None
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _returned(self, frame_s: float, frame: VideoFrame) -> tuple[float, Pixels]:
        self._returned_s = frame_s
        return frame_s, to_pixels(frame, self._shape)

    def _is_near(self, time_s: float) -> bool:
        if not self._recent:
            return False
        if self._recent[0][0] > time_s + PTS_TOLERANCE_S:
            return False
        newest_s = self._recent[-1][0]
        if time_s <= newest_s + _FORWARD_S:
            return True
        next_key = bisect_right(self._keyframes_s, newest_s)
        return (
            time_s <= newest_s + _FORWARD_IN_GOP_S
            and next_key < len(self._keyframes_s)
            and time_s < self._keyframes_s[next_key]
        )

    def _decode_one(self) -> tuple[float, VideoFrame] | None:
        return next(self._frames, None)

    def _advance_to(self, time_s: float) -> None:
        """Decodes until the frame after `time_s` is known."""
        while True:
            if self._ahead is None:
                self._ahead = self._decode_one()
            if self._ahead is None or (self._recent and self._ahead[0] > time_s + PTS_TOLERANCE_S):
                break
            self._recent.append(self._ahead)
            self._ahead = None
        if not self._recent:
            raise UserError(f"Nothing of {self._source.path} can be decoded; copy or download it again.")

    def _seek(self, time_s: float) -> None:
        """Puts the first decoded frame at or before `time_s`: further back each time a keyframe turns out too late."""
        back_s = 0.0
        while True:
            to_s = time_s - back_s
            self._restart(max(0.0, to_s))
            self._ahead = self._decode_one()
            if self._ahead is not None and self._ahead[0] <= time_s + PTS_TOLERANCE_S:
                return
            if to_s <= 0:
                break
            back_s = max(_FIRST_STEP_BACK_S, back_s * 2)
        self._reopen()  # `time_s` lies before the first frame, or a seek to the start missed it (MPEG-TS)

    def _restart(self, time_s: float) -> None:
        source = self._source
        assert source.picture is not None and source.picture.time_base is not None
        self._recent.clear()
        self._ahead = None
        offset = int((time_s + source.start_s + PTS_TOLERANCE_S) / source.picture.time_base)
        try:
            source.container.seek(offset, stream=source.picture)
            self._frames = timed_frames(source)
        except av.error.FFmpegError:  # a file that cannot seek there is read from its start
            self._reopen()

    def _reopen(self) -> None:
        path = self._source.path
        self._source.close()
        self._source = open_source(path)
        self._frames = timed_frames(self._source)
        self._recent.clear()
        self._ahead = None
