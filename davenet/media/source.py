"""An opened media file: its picture and sound streams, its clock, and its packets in spite of damage.

Everything of davenet.media that decodes goes through here, so that the clock (seconds since the earlier of the
picture's and the sound's start) and the choice of streams are the same for frames, sound, playback and extraction.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import av
import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from davenet.errors import UserError

# Demuxers that read one file and nothing else. Playlists (hls, concat, dash, imf) are left out on purpose: a text named
# .mp4 could otherwise make FFmpeg open other files.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,obu,ivf,flv,ogg,asf,mxf,nut,rm,dv,wtv,"
    "wav,w64,aiff,au,caf,flac,mp3,aac,ac3,eac3,amr,amrnb,amrwb"
)
_OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_MAX_DEMUX_ERRORS = 16  # in a row; a file whose rest cannot be read ends there
_BOX_NAMES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_MAGIC = (b"\x1aE\xdf\xa3", b"RIFF", b"FLV", b"OggS", b"0&\xb2u")  # Matroska, AVI, FLV, Ogg, ASF

S = TypeVar("S", VideoStream, AudioStream)

PTS_TOLERANCE_S = 1e-5  # rounding in arithmetic, under the ticks of any container


def open_media(path: Path) -> InputContainer:
    """Opens one media file for decoding: local files only, nothing that it refers to.

    Raises UserError where it is missing, unreadable, empty, truncated, a playlist, or not media at all.
    """
    head = _first_bytes(path)
    try:
        return av.open(str(path.absolute()), options=_OPEN_OPTIONS, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        if head.lstrip(b"\xef\xbb\xbf \r\n").startswith((b"#EXTM3U", b"ffconcat")):
            sentence = f"{path} is a playlist that names other files; import the files themselves."
        elif head[4:8] in _BOX_NAMES:
            sentence = (
                f"{path} is truncated or damaged (its index, the 'moov' part, is missing); copy or download it again."
            )
        elif head.startswith(_MAGIC):
            sentence = f"{path} is truncated or damaged and cannot be opened; copy or download it again."
        else:
            sentence = f"{path} is not a video; choose a file such as MP4, MOV, MKV or WebM."
        raise UserError(sentence) from error


def _first_bytes(path: Path) -> bytes:
    try:
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be searched
            raise UserError(f"{path} is a folder; choose a video file in it.")
        with open(path, "rb") as file:
            head = file.read(64)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; check its name and that its drive is connected.") from error
    except PermissionError as error:
        raise UserError(f"No permission to read {path}; change its permissions and try again.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its drive and try again.") from error
    if not head:
        raise UserError(f"{path} is empty (0 bytes); copy or download it again.")
    return head


@dataclass(slots=True)
class Source:
    """An open file with its chosen streams; `start_s` is where its clock begins, in the file's own timestamps."""

    path: Path
    container: InputContainer
    picture: VideoStream | None
    sound: AudioStream | None
    start_s: float
    _bases: dict[int, tuple[int, int]] = field(default_factory=dict)  # of each stream: making a Fraction costs more

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.container.close()

    def clock_s(self, item: "Packet[Any] | VideoFrame | AudioFrame") -> float | None:
        """Returns the time of a packet or a frame on the clock, or None where it carries none."""
        if not isinstance(item, Packet):
            return None if item.time is None else item.time - self.start_s
        if item.pts is None:
            return None
        base = self._bases.get(item.stream.index)
        if base is None:
            if item.time_base is None:
                return None
            base = self._bases[item.stream.index] = item.time_base.numerator, item.time_base.denominator
        return item.pts * base[0] / base[1] - self.start_s


def open_source(path: Path, *, audio_track: int | None = None) -> Source:
    """Opens a file and chooses its streams: the default ones, else the largest; cover pictures are not video.

    `audio_track` chooses another sound, counted from 1. The clock stays that of the default one: the frame of a second
    is the same whatever is heard with it. Raises UserError as `open_media` does, and where there is no such track.
    """
    container = open_media(path)
    picture = _best([s for s in container.streams.video if not s.disposition & Disposition.attached_pic], _picture_size)
    default_sound = _best(list(container.streams.audio), _sound_size)
    try:
        sound = default_sound if audio_track is None else _track(path, container, audio_track)
    except UserError:
        container.close()
        raise
    for stream in container.streams:
        if stream is not picture and stream is not sound:
            stream.discard = Discard.all
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (picture, default_sound)
        if stream is not None and stream.start_time is not None and stream.time_base is not None
    ]
    start_s = min(starts) if starts else (container.start_time or 0) / av.time_base
    return Source(path, container, picture, sound, start_s)


def _best(streams: list[S], size: Callable[[S], int]) -> S | None:
    """Returns the default stream among those that can be decoded, else the largest, else the first."""
    usable = [s for s in streams if s.codec_context is not None and size(s) > 0]
    return max(usable, key=lambda s: (bool(s.disposition & Disposition.default), size(s)), default=None)


def _track(path: Path, container: InputContainer, number: int) -> AudioStream:
    tracks = list(container.streams.audio)
    if not 1 <= number <= len(tracks):
        count = f"{len(tracks)} sound track{'s' if len(tracks) != 1 else ''}" if tracks else "no sound"
        raise UserError(f"{path} has {count}, and no track {number}; choose another --audio-track, or none.")
    if tracks[number - 1].codec_context is None or not _sound_size(tracks[number - 1]):
        raise UserError(f"Sound track {number} of {path} cannot be decoded; choose another --audio-track, or none.")
    return tracks[number - 1]


def _picture_size(stream: VideoStream) -> int:
    if not stream.codec_context.pix_fmt and not stream.frames and not stream.average_rate:
        return 0  # a track that was declared but never written
    return stream.codec_context.width * stream.codec_context.height


def _sound_size(stream: AudioStream) -> int:
    return stream.codec_context.sample_rate


def packets(source: Source, *streams: Stream | None) -> "Iterator[Packet[Any]]":
    """Yields the packets of the streams to the end of what can be read, then an empty one a stream to flush with."""
    wanted = [stream for stream in streams if stream is not None]
    for chosen in (source.picture, source.sound):
        if chosen is not None:
            chosen.discard = Discard.default if chosen in wanted else Discard.all
    n_errors = 0
    demuxed = source.container.demux(*wanted)
    while True:
        try:
            packet = next(demuxed)
        except StopIteration:
            return
        except av.error.FFmpegError:
            n_errors += 1
            if n_errors >= _MAX_DEMUX_ERRORS:
                for stream in wanted:
                    flush = Packet()
                    flush.stream = stream
                    yield flush
                return
            demuxed = source.container.demux(*wanted)
            continue
        n_errors = 0
        yield packet


def decode(packet: "Packet[Any]") -> list[Any]:
    """Returns the frames that a packet completes; damaged data gives none, and the next packet goes on."""
    try:
        return packet.stream.decode(packet)  # type: ignore[no-any-return]
    except av.error.FFmpegError as error:
        if isinstance(error, av.error.MemoryError):
            raise
        return []


def keyframe_times(source: Source) -> list[float]:
    """Returns when keyframes are decoded, on the clock, where the file has a whole index, else nothing."""
    stream = source.picture
    if stream is None or stream.time_base is None or not stream.frames:
        return []
    entries = list(stream.index_entries)
    if len(entries) < 0.9 * stream.frames:
        return []  # Matroska's index is read piece by piece
    return [float(entry.timestamp * stream.time_base) - source.start_s for entry in entries if entry.is_keyframe]
