"""What a media file holds, and whether pairs can be made from it: every reason against it is one clear sentence."""

import re
import unicodedata
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.stream import Stream
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.files import content_hash
from davenet.media.picture import pixel_shape, rotation, upright_size
from davenet.media.source import Source, decode, open_media, open_source, packets

__all__ = ["MediaInfo", "open_media", "probe", "video_uid"]

MEDIA_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in "3g2 3gp asf avi f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogv ts vob webm wmv".split(" ")  # noqa: SIM905
)
_MAX_SLUG = 40
_JITTER = 0.2  # of a frame's duration: containers round times


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One media file. Sizes are as shown (upright, square pixels); `rotation` is the clockwise turn that made it so."""

    path: Path
    duration_s: float  # of what can be read, from the clock's 0 to the end of the longer of picture and sound
    frame_rate: float  # average, frames a second
    width: int
    height: int
    rotation: int
    has_video: bool
    has_sound: bool
    sound_rate: int | None
    sound_channels: int | None
    video_codec: str
    sound_codec: str | None
    size_bytes: int
    source_hash: str
    start_s: float  # where the clock begins, in the file's own timestamps
    variable_rate: bool | None  # None where it cannot be told without reading the whole file
    declared_s: float  # what the file claims to last; longer than `duration_s` where it was cut off


def probe(
    path: Path, *, need_picture: bool = True, need_sound: bool = True, audio_track: int | None = None
) -> MediaInfo:
    """Returns what a file holds, having decoded a first frame and a first bit of sound (of a track counted from 1).

    Raises UserError where it is missing, unreadable, not a video, truncated, without picture or sound, or of no length.
    """
    with open_source(path, audio_track=audio_track) as source:
        _check_streams(source, need_picture, need_sound)
        times = _PacketTimes(source)
        duration_s = times.readable_s()
        declared_s = times.declared_s() or duration_s
        variable_rate = times.is_variable()
        frame_rate = times.frame_rate()
    if duration_s <= 0:
        raise UserError(f"{path} has zero length; copy or download it again.")
    with open_source(path, audio_track=audio_track) as source:  # afresh: counting packets may have read to the end
        width, height, turn, video_codec = _first_picture(source) if source.picture else (0, 0, 0, "")
        rate, channels, sound_codec = _first_sound(source) if source.sound else (None, None, None)
        start_s = source.start_s
    if need_sound and rate is None:
        raise UserError(f"The sound of {path} cannot be decoded; convert it to MP4 with H.264 and AAC.")
    return MediaInfo(
        path=path,
        duration_s=duration_s,
        frame_rate=frame_rate,
        width=width,
        height=height,
        rotation=turn,
        has_video=width > 0,
        has_sound=rate is not None,
        sound_rate=rate,
        sound_channels=channels,
        video_codec=video_codec,
        sound_codec=sound_codec,
        size_bytes=path.stat().st_size,
        source_hash=content_hash(path),
        start_s=start_s,
        variable_rate=variable_rate,
        declared_s=max(declared_s, duration_s),
    )


def video_uid(path: Path, source_hash: str) -> str:
    """Returns the video's name in a project: its file's name in plain letters, and 8 hex digits of its content."""
    plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_MAX_SLUG].strip("-") or "video"
    return f"{slug}-{source_hash[:8]}"


def _check_streams(source: Source, need_picture: bool, need_sound: bool) -> None:
    path = source.path
    if source.picture is None and source.sound is None:
        raise UserError(f"{path} is not a video (it has neither picture nor sound); choose a file such as MP4 or MKV.")
    if need_picture and source.picture is None:
        raise UserError(f"{path} has sound but no picture; choose the video that it belongs to.")
    if need_sound and source.sound is None:
        raise UserError(f"{path} has no sound, so it has nothing to pair its frames with; choose a version with sound.")


def _first_picture(source: Source) -> tuple[int, int, int, str]:
    """Returns (width, height, rotation, codec) of the first picture that decodes; zeros where none does."""
    assert source.picture is not None
    codec = source.picture.codec_context.name
    for packet in packets(source, source.picture):
        for frame in decode(packet):
            return *upright_size(frame, pixel_shape(source.picture)), rotation(frame), codec
    raise UserError(f"Nothing of the picture of {source.path} can be decoded; copy or download it again.")


def _first_sound(source: Source) -> tuple[int | None, int | None, str | None]:
    """Returns (rate, channels, codec) of the first sound that decodes; None where none does."""
    assert source.sound is not None
    for packet in packets(source, source.sound):
        for frame in decode(packet):
            return frame.sample_rate, frame.layout.nb_channels, source.sound.codec_context.name
    return None, None, None


_Times = NDArray[np.float64]  # seconds on the clock, ascending; arrays, as a day's packets are millions


class _PacketTimes:
    """Durations and the evenness of frame times, from the file's index or, where it has none, from its packets."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._indexed: dict[int, _Times] = {}
        self._scanned: dict[int, _Times] | None = None
        self._size = source.path.stat().st_size

    def declared_s(self) -> float | None:
        """Returns the length by the file's own word: the longer of picture and sound, else the container's."""
        ends = [
            float((stream.duration + (stream.start_time or 0)) * stream.time_base) - self._source.start_s
            for stream in self._streams()
            if stream.duration and stream.time_base is not None
        ]
        if len(ends) == len(self._streams()):
            return max(ends)
        length = self._source.container.duration
        return length / 1_000_000 if length and length > 0 else (max(ends) if ends else None)

    def readable_s(self) -> float:
        """Returns the length of what the file really holds: less than it claims where it was cut off."""
        declared = self.declared_s()
        ends = [end for stream in self._streams() if (end := self._indexed_end_s(stream)) is not None]
        if declared is not None and len(ends) == len(self._streams()):
            return min(declared, max(ends))
        if declared is not None:
            return declared
        scanned = self._scan()
        return max((float(times[-1]) + self._gap_s(times) for times in scanned.values() if len(times)), default=0.0)

    def frame_rate(self) -> float:
        picture = self._source.picture
        if picture is None:
            return 0.0
        declared = float(picture.average_rate or 0)
        times = self._picture_times()
        if len(times) > 1 and times[-1] > times[0]:
            measured = (len(times) - 1) / (times[-1] - times[0])
            if declared <= 0 or declared > 1.25 * measured:
                return float(measured)  # Matroska's time base of a millisecond is sometimes given as a rate of 1000
        return declared

    def is_variable(self) -> bool | None:
        times = self._picture_times()
        gaps = np.diff(times)
        if len(gaps) < 2:
            return None
        usual = np.partition(gaps, len(gaps) // 2)[len(gaps) // 2]
        return bool((np.abs(gaps[:-1] - usual) > _JITTER * usual + 0.002).any())

    def _streams(self) -> list[Stream]:
        return [stream for stream in (self._source.picture, self._source.sound) if stream is not None]

    def _picture_times(self) -> _Times:
        picture = self._source.picture
        if picture is None:
            return np.empty(0)
        indexed = self._index(picture)
        # Matroska's index lists keyframes only, MPEG-TS has none
        if len(indexed) > 1 and picture.frames and len(indexed) >= 0.9 * picture.frames:
            return indexed
        return self._scan().get(picture.index, np.empty(0))

    def _index(self, stream: Stream) -> _Times:
        """Returns the decoding times of the packets that lie wholly inside the file."""
        if stream.index not in self._indexed and stream.time_base is not None:
            ticks = np.fromiter(
                (entry.timestamp for entry in stream.index_entries if entry.pos + entry.size <= self._size), np.float64
            )
            base = stream.time_base
            self._indexed[stream.index] = np.sort(ticks * base.numerator / base.denominator - self._source.start_s)
        return self._indexed.get(stream.index, np.empty(0))

    def _indexed_end_s(self, stream: Stream) -> float | None:
        """Returns where a stream ends: earlier than it says where its index lists packets beyond the file's end."""
        if stream.time_base is None or not stream.duration or len(stream.index_entries) < 2:
            return None
        times = self._index(stream)
        if len(times) == len(stream.index_entries):
            return float((stream.duration + (stream.start_time or 0)) * stream.time_base) - self._source.start_s
        return float(times[-1]) + self._gap_s(times) if len(times) else 0.0

    def _scan(self) -> dict[int, _Times]:
        """Reads packets without decoding: a few seconds of them where the file states its length, else all."""
        if self._scanned is None:
            limit_s = 20.0 if self.declared_s() is not None else float("inf")
            found: dict[int, array[float]] = {}
            for packet in packets(self._source, *self._streams()):
                time_s = self._source.clock_s(packet)
                if time_s is None:
                    continue
                if time_s > limit_s:
                    break
                found.setdefault(packet.stream.index, array("d")).append(time_s)
            self._scanned = {index: np.sort(np.frombuffer(times)) for index, times in found.items()}
        return self._scanned

    @staticmethod
    def _gap_s(times: _Times) -> float:
        return float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
