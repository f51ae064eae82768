"""What the pictures of a video are to one another, read from the head of a packet's first slice before it is decoded.

H.264 and HEVC say which pictures no other one refers to, and they, VP8 and VP9 say where all before may be forgotten;
of other codecs nothing is assumed.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from av.packet import Packet
from av.video.stream import VideoStream

_HEAD = 4096  # bytes searched for the first slice: parameter sets and messages that lie before it are short


class Role(Enum):
    """A picture's role; ANCHOR also promises that nothing from it on, in the file's order, refers to what lies before."""

    ANCHOR = "anchor"
    REFERENCE = "reference"
    DISPOSABLE = "disposable"


RoleOf = Callable[["Packet[Any]"], Role]


def role_reader(stream: VideoStream) -> RoleOf | None:
    """Returns a function from a packet of the stream to its picture's role, or None where the codec does not tell."""
    codec = stream.codec_context.name
    if codec in ("h264", "hevc"):
        return _SliceRoles(codec, stream.codec_context.extradata or b"")
    if codec in ("vp8", "libvpx"):
        return lambda packet: Role.ANCHOR if not memoryview(packet)[0] & 1 else Role.REFERENCE
    if codec in ("vp9", "libvpx-vp9"):
        return _vp9_role
    return None


def tells_disposable(stream: VideoStream) -> bool:
    """Whether `role_reader` finds the stream's disposable pictures."""
    return stream.codec_context.name in ("h264", "hevc")


def _vp9_role(packet: "Packet[Any]") -> Role:
    first = memoryview(packet)[0]
    bit = 1 if first & 0b0011_0000 == 0b0011_0000 else 2  # profile 3 has a reserved bit more
    shows_again, is_inter = first >> (bit + 1) & 1, first >> bit & 1
    return Role.REFERENCE if shows_again or is_inter else Role.ANCHOR


class _SliceRoles:
    """Reads the type of the first slice's NAL unit, in either of the two ways that units are laid end to end."""

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._is_hevc = codec == "hevc"
        at = 21 if self._is_hevc else 4
        has_lengths = len(extradata) > at and extradata[0] == 1
        self._length_bytes = (extradata[at] & 3) + 1 if has_lengths else 0  # 0: start codes
        self._has_layers = self._is_hevc and has_lengths and extradata[at] >> 3 & 7 > 1

    def __call__(self, packet: "Packet[Any]") -> Role:
        data = memoryview(packet)
        for first, second in self._with_lengths(data) if self._length_bytes else _with_start_codes(data):
            role = self._hevc_role(first, second) if self._is_hevc else _h264_role(first)
            if role is not None:
                return role
        return Role.REFERENCE

    def _with_lengths(self, data: memoryview) -> Iterator[tuple[int, int]]:
        at, n = 0, self._length_bytes
        while at + n + 2 <= len(data):
            yield data[at + n], data[at + n + 1]
            at += n + int.from_bytes(data[at : at + n], "big")

    def _hevc_role(self, first: int, second: int) -> Role | None:
        """A picture that its own temporal layer does not refer to may still be referred to by a higher layer."""
        kind = first >> 1 & 63
        if kind >= 32:
            return None
        self._has_layers = self._has_layers or second & 7 > 1
        if kind in (19, 20):
            return Role.ANCHOR
        return Role.DISPOSABLE if kind <= 14 and not kind & 1 and not self._has_layers else Role.REFERENCE


def _h264_role(first: int) -> Role | None:
    kind = first & 31
    if kind not in (1, 2, 5):
        return None
    if kind == 5:
        return Role.ANCHOR
    return Role.REFERENCE if first >> 5 & 3 else Role.DISPOSABLE


def _with_start_codes(data: memoryview) -> Iterator[tuple[int, int]]:
    head = bytes(data[:_HEAD])
    at = head.find(b"\0\0\1")
    while 0 <= at < len(head) - 4:
        yield head[at + 3], head[at + 4]
        at = head.find(b"\0\0\1", at + 3)
