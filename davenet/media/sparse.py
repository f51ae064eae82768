"""Decodes only what a few wanted frames need: a frame that no other frame refers to is not decoded unless it is wanted.

At one frame a second that spares the decoder most B-frames; what comes out is exact, since timestamps are known before
decoding: the frame of second t is the last with a time ≤ t.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame

from davenet.errors import UserError
from davenet.media.source import PTS_TOLERANCE_S, Source, decode

_LOOK_AHEAD = 40  # packets, both ways: more than any codec reorders

Wanted = Callable[[float, float], bool]  # whether any wanted time t has begin ≤ t < end


class SparseDecoder:
    """Takes a video's picture packets in the file's order and gives the decoded frames with their times, in order.

    Frames that are not wanted may be left out, but never the first: `wanted(begin_s, end_s)` is asked with the time
    that each is shown. Without `wanted` all are decoded, with no look ahead.
    """

    def __init__(self, source: Source, wanted: Wanted | None = None) -> None:
        if source.picture is None:
            raise UserError(f"{source.path} has no picture; choose a video file.")
        if not source.picture.codec_context.is_open:  # after a seek it is
            source.picture.thread_type = "AUTO"
        self._source = source
        self._wanted = wanted
        self._codec = source.picture.codec_context
        self._intra_only = bool(source.picture.codec_context.codec.intra_only)
        self._gap_s = 1 / max(float(source.picture.average_rate or 25), 1.0)
        self._ahead: deque[Packet[Any]] = deque()
        self._passed: deque[float] = deque(maxlen=_LOOK_AHEAD)  # times of packets that left `_ahead`
        self._times_s: list[float] = []  # of both, ascending
        self._last_s = float("-inf")

    def add(self, packet: "Packet[Any]") -> list[tuple[float, VideoFrame]]:
        """Returns the frames that are complete now; an empty packet flushes the rest."""
        if self._wanted is None:
            return self._timed(decode(packet))
        if packet.size:
            self._ahead.append(packet)
            time_s = self._source.clock_s(packet)
            if time_s is not None:
                insort(self._times_s, time_s)
            return self._decode_first() if len(self._ahead) > _LOOK_AHEAD else []
        frames = []
        while self._ahead:
            frames += self._decode_first()
        self._codec.skip_frame = "DEFAULT"
        return frames + self._timed(decode(packet))

    def _decode_first(self) -> list[tuple[float, VideoFrame]]:
        packet = self._ahead.popleft()
        time_s = self._source.clock_s(packet)
        needed = time_s is None or self._last_s == float("-inf") or self._is_wanted(time_s)
        if time_s is not None:
            if len(self._passed) == _LOOK_AHEAD:
                del self._times_s[bisect_left(self._times_s, self._passed[0])]
            self._passed.append(time_s)
        if not needed and self._intra_only:
            return []
        self._codec.skip_frame = "DEFAULT" if needed else "NONREF"
        return self._timed(decode(packet))

    def _is_wanted(self, time_s: float) -> bool:
        following = bisect_left(self._times_s, time_s + PTS_TOLERANCE_S)
        end_s = self._times_s[following] if following < len(self._times_s) else float("inf")
        assert self._wanted is not None
        return self._wanted(time_s - PTS_TOLERANCE_S, end_s - PTS_TOLERANCE_S)

    def _timed(self, frames: list[VideoFrame]) -> list[tuple[float, VideoFrame]]:
        timed = []
        for frame in frames:
            time_s = self._source.clock_s(frame)
            if time_s is None:
                time_s = max(0.0, self._last_s + self._gap_s)
            if time_s > self._last_s:
                self._last_s = time_s
                timed.append((time_s, frame))
        return timed
