"""Decodes only what a few wanted frames need; what comes out is exact, since timestamps are known before decoding.

A frame that no other refers to is decoded only where it is wanted, and the rest of a group of pictures not at all after
its last wanted frame. The frame of second t is the last with a time ≤ t.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from davenet.errors import UserError
from davenet.media.references import Role, role_reader, tells_disposable
from davenet.media.source import PTS_TOLERANCE_S, Source, decode

_LOOK_AHEAD = 40  # packets, both ways: more than any codec reorders
_UNKNOWN_ORDER, _PROGRESSIVE = 0, 1  # FFmpeg's numbers; those above tell which field comes first

Wanted = Callable[
    [float, float], Sequence[float]
]  # the wanted times t with begin ≤ t < end; some where end is infinite


@dataclass(slots=True)
class _Ahead:
    """A packet to come, by its number in the file's order."""

    number: int
    packet: "Packet[Any]"
    time_s: float | None
    role: Role


class SparseDecoder:
    """Takes a video's picture packets in the file's order and gives the decoded frames with their times, in order.

    Frames that are not wanted may be left out, but never the first: `wanted(begin_s, end_s)` is asked with the time
    that each is shown. Without `wanted` all are decoded, with no look ahead. With `nearest_s`, a wanted time that has a
    reference frame that near is content with it, and the frame shown then need not be decoded.
    """

    def __init__(
        self, source: Source, wanted: Wanted | None = None, *, nearest_s: float = 0.0, threads: int | None = None
    ) -> None:
        if source.picture is None:
            raise UserError(f"{source.path} has no picture; choose a video file.")
        self._codec = source.picture.codec_context
        if not self._codec.is_open:  # after a seek it is
            source.picture.thread_type = "AUTO" if threads is None or threads > 1 else "NONE"
            self._codec.thread_count = threads or 0
        self._source = source
        # where each of a frame's two fields is a packet of its own, one must not be decoded without the other
        self._wanted = None if _may_have_fields(source.picture) else wanted
        self._intra_only = bool(self._codec.codec.intra_only)
        self._gap_s = 1 / max(float(source.picture.average_rate or 25), 1.0)
        self._role_of = role_reader(source.picture)
        self._tells_disposable = tells_disposable(source.picture)
        self._nearest_s = nearest_s if self._wanted and self._tells_disposable else 0.0
        self._n_read = 0
        self._ahead: deque[_Ahead] = deque()
        self._anchors: deque[int] = deque()  # numbers of those ahead
        self._blocked_to = -1  # no packet up to this number may be dropped: it, or one that follows it, is wanted
        self._passed: deque[float] = deque(maxlen=_LOOK_AHEAD)  # times of packets that left `_ahead`
        self._times_s: list[float] = []  # of both, ascending
        self._references_s: list[float] = []  # those of them that are referred to
        self._chosen_disposable: deque[float] = deque(maxlen=4 * _LOOK_AHEAD)
        self._last_s = float("-inf")
        self.passed_over_s = float("-inf")  # the last time whose frame was left out on purpose

    def is_reference(self, time_s: float) -> bool:
        """Whether a frame that came out is known to be one that others refer to; asked soon after it did."""
        return self._nearest_s > 0 and time_s not in self._chosen_disposable

    def add(self, packet: "Packet[Any]") -> list[tuple[float, VideoFrame]]:
        """Returns the frames that are complete now; an empty packet flushes the rest."""
        if self._wanted is None:
            return self._timed(decode(packet))
        if packet.size:
            self._look_at(packet)
            return self._decode_first() if len(self._ahead) > _LOOK_AHEAD else []
        frames = []
        while self._ahead:
            frames += self._decode_first()
        self._codec.skip_frame = "DEFAULT"
        return frames + self._timed(decode(packet))

    def _look_at(self, packet: "Packet[Any]") -> None:
        # what an edit list cuts away is decoded for what refers to it, and never shown
        time_s = None if packet.is_discard else self._source.clock_s(packet)
        role = self._role_of(packet) if self._role_of is not None else Role.REFERENCE
        if time_s is not None:
            insort(self._times_s, time_s)
            if self._nearest_s and role is not Role.DISPOSABLE:
                insort(self._references_s, time_s)
        if role is Role.ANCHOR:
            self._anchors.append(self._n_read)
        self._ahead.append(_Ahead(self._n_read, packet, time_s, role))
        self._n_read += 1

    def _decode_first(self) -> list[tuple[float, VideoFrame]]:
        needed = self._is_needed(self._ahead[0])
        first = self._ahead[0]
        dropped = not needed and (self._intra_only or first.role is Role.DISPOSABLE or self._leads_nowhere())
        self._ahead.popleft()
        if self._anchors and self._anchors[0] == first.number:
            self._anchors.popleft()
        if first.time_s is not None:
            self._forget_oldest()
            self._passed.append(first.time_s)
            if dropped:
                self.passed_over_s = max(self.passed_over_s, first.time_s)
            elif first.role is Role.DISPOSABLE:
                self._chosen_disposable.append(first.time_s)
        if dropped:
            return []
        # where we know which frames others refer to, the decoder need not guess: it forgets HEVC's temporal layers
        self._codec.skip_frame = "DEFAULT" if needed or self._tells_disposable else "NONREF"
        return self._timed(decode(first.packet))

    def _forget_oldest(self) -> None:
        if len(self._passed) < _LOOK_AHEAD:
            return
        oldest_s = self._passed[0]
        del self._times_s[bisect_left(self._times_s, oldest_s)]
        at = bisect_left(self._references_s, oldest_s)
        if at < len(self._references_s) and self._references_s[at] == oldest_s:
            del self._references_s[at]

    def _is_needed(self, entry: _Ahead) -> bool:
        """Whether a frame is wanted itself: the first, one without a time, or the one shown at a wanted time."""
        if self._last_s == float("-inf"):
            return True
        if entry.time_s is None:
            return not entry.packet.is_discard
        following = bisect_left(self._times_s, entry.time_s + PTS_TOLERANCE_S)
        end_s = self._times_s[following] if following < len(self._times_s) else float("inf")
        assert self._wanted is not None
        wanted_s = self._wanted(entry.time_s - PTS_TOLERANCE_S, end_s - PTS_TOLERANCE_S)
        if self._nearest_s and entry.role is Role.DISPOSABLE:
            return any(not self._has_reference_near(time_s) for time_s in wanted_s)
        if self._nearest_s:
            near_s = self._nearest_s + PTS_TOLERANCE_S
            return bool(wanted_s or self._wanted(entry.time_s - near_s, entry.time_s + near_s))
        return bool(wanted_s)

    def _has_reference_near(self, time_s: float) -> bool:
        at = bisect_right(self._references_s, time_s - self._nearest_s - PTS_TOLERANCE_S)
        return at < len(self._references_s) and self._references_s[at] <= time_s + self._nearest_s + PTS_TOLERANCE_S

    def _leads_nowhere(self) -> bool:
        """Whether the first packet and all that follow it, up to one that refers to none of them, are not wanted."""
        if self._ahead[0].number <= self._blocked_to or not self._anchors:
            return False
        to_anchor = self._anchors[0] - self._ahead[0].number
        if to_anchor == 0:  # an anchor itself: where the next one lies decides
            if len(self._anchors) < 2:
                return False
            to_anchor = self._anchors[1] - self._ahead[0].number
        for place in range(to_anchor - 1, 0, -1):
            if self._is_needed(self._ahead[place]):
                self._blocked_to = self._ahead[place].number
                return False
        return True

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


def _may_have_fields(stream: VideoStream) -> bool:
    return int(stream.codec_context.field_order) not in (_UNKNOWN_ORDER, _PROGRESSIVE)
