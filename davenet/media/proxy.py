"""Proxies: small copies of videos for playback, in which every place is found in milliseconds.

A proxy has the source's frames at the source's times, 360 lines high, a keyframe each 15 and no sound; so a second shows
the same frame in both, whatever the source's rate, start or rotation. Who plays reads it through `ProxyReader`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from davenet import events
from davenet.errors import UserError, one_line
from davenet.files import atomic_path, content_hash, remove_dead_parts
from davenet.jobs import started
from davenet.media.frames import FrameReader, timed_frames
from davenet.media.picture import Pixels, Scaler, fitted_size, pixel_shape, to_pixels, upright_size
from davenet.media.source import Source, open_media, open_source
from davenet.specs import ProxySpec

LINES = 360  # of the shorter side; smaller videos keep their size
GROUP = 15  # frames from one keyframe to the next
VERSION = 1  # of what a proxy holds: others are made again

_TICKS = 1_000_000  # a second; half a tick is far under the tolerance with which times are compared
_OPTIONS = {"preset": "veryfast", "crf": "26", "tune": "fastdecode", "bf": "0", "x264-params": "scenecut=0:keyint=15"}
_SAID_EACH_S = 5.0  # of video: how often progress is told


def make_proxies(spec: ProxySpec, emit: events.Emit, stop: Callable[[], bool]) -> dict[str, Any]:
    """Makes a proxy of each video that has none yet: {"made": [uid], "skipped": [uid], "unusable": [...]}.

    One bad video never stops the rest. Raises UserError when the disk is full (what is finished stays) and events.Stop
    when asked to stop.
    """
    emit(started("proxy", None, "s of video"))
    remove_dead_parts(spec.out_dir)
    made: list[str] = []
    skipped: list[str] = []
    unusable: list[dict[str, str]] = []
    result: dict[str, Any] = {"made": made, "skipped": skipped, "unusable": unusable}
    total_s = sum(ref.duration_s or 0.0 for ref in spec.videos)
    before_s = 0.0
    for ref in spec.videos:
        path = spec.out_dir / f"{ref.uid}.mp4"
        if stop():
            raise events.Stop(result)
        try:
            if not spec.force and is_proxy_of(path, ref.path):
                skipped.append(ref.uid)
            else:

                def tell(time_s: float, name: str = ref.path.name, before_s: float = before_s) -> None:
                    if stop():
                        raise events.Stop(result)
                    emit(events.Progress(min(before_s + time_s, total_s), total_s or None, "s of video", name))

                write_proxy(ref.path, path, tell)
                made.append(ref.uid)
        except UnusableVideoError as error:
            reason = one_line(error)
            unusable.append({"uid": ref.uid, "path": str(ref.path), "reason": reason})
            emit(events.Skipped(str(ref.path), reason))
        before_s += ref.duration_s or 0.0
    emit(events.Progress(total_s, total_s or None, "s of video"))
    return result


class UnusableVideoError(UserError):
    """A video of which no proxy can be made, with the reason; a fault of the disk is none."""


def write_proxy(video: Path, proxy: Path, tell: Callable[[float], None] = lambda time_s: None) -> None:
    """Writes the proxy of a video, whole or not at all; `tell` is called now and then with the second reached.

    Raises UnusableVideoError where the video cannot be opened or nothing of it decodes, UserError where the disk is full.
    """
    with atomic_path(proxy) as temporary:
        temporary.touch()  # the container would notice only later that it may not write here
        with ExitStack() as stack:
            writer: _Writer | None = None
            told_s = float("-inf")
            for source, time_s, frame in _decoded(video):
                if writer is None:
                    writer = stack.enter_context(closing(_Writer(temporary, source, frame, time_s)))
                writer.write(time_s, frame)
                if time_s - told_s >= _SAID_EACH_S:
                    tell(time_s)
                    told_s = time_s
            if writer is None:
                raise UnusableVideoError(f"Nothing of {video} can be decoded; copy or download it again.")
            writer.finish()


def _decoded(video: Path) -> Iterator[tuple[Source, float, VideoFrame]]:
    """Yields a video's frames with their times; whatever a damaged file raises is an UnusableVideoError."""
    try:
        with open_source(video) as source:
            if source.picture is None:
                raise UnusableVideoError(f"{video} has no picture; choose a video file.")
            for time_s, frame in timed_frames(source):
                yield source, time_s, frame
    except GeneratorExit:
        raise
    except UnusableVideoError:
        raise
    except Exception as error:
        raise UnusableVideoError(one_line(error)) from error


def is_proxy_of(proxy: Path, video: Path) -> bool:
    """Whether a file is the proxy of the video as it is now, made as this version makes them."""
    if not proxy.exists():
        return False
    try:
        told = _notes(proxy)
    except UserError:
        return False
    return told.get("version") == VERSION and told.get("source_hash") == content_hash(video)


class ProxyReader:
    """Random access to a proxy's frames by the times of its source, as `FrameReader` has it for the source."""

    def __init__(self, path: Path) -> None:
        self._first_s = float(_notes(path)["first_s"])
        self._reader = FrameReader(path)

    def frame_at(self, time_s: float) -> tuple[float, Pixels]:
        found_s, pixels = self._reader.frame_at(time_s - self._first_s)
        return found_s + self._first_s, pixels

    def next(self) -> tuple[float, Pixels] | None:
        found = self._reader.next()
        return None if found is None else (found[0] + self._first_s, found[1])

    def until_s(self) -> float:
        return self._reader.until_s() + self._first_s

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Writer:
    """H.264 in MP4 of frames as they are decoded, at their own times."""

    def __init__(self, path: Path, source: Source, first: VideoFrame, first_s: float) -> None:
        assert source.picture is not None
        self._shape = pixel_shape(source.picture)
        width, height = upright_size(first, self._shape)
        width, height = fitted_size(width, height, min(LINES, width, height))
        self._size = max(2, width // 2 * 2), max(2, height // 2 * 2)
        self._first_s = first_s
        self._scaler = Scaler()
        self._colours = VideoReformatter()
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart+use_metadata_tags"})
        notes = {"version": VERSION, "source_hash": content_hash(source.path), "first_s": first_s}
        self._container.metadata["comment"] = json.dumps(notes)
        self._stream = self._add_stream(first)

    def write(self, time_s: float, frame: VideoFrame) -> None:
        small = self._fitted(frame)
        small.pts = round((time_s - self._first_s) * _TICKS)
        small.time_base = Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(small))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        self._container.close()

    def _add_stream(self, first: VideoFrame) -> VideoStream:
        name = next((name for name in ("libx264", "h264") if name in av.codecs_available), None)
        if name is None:
            raise UserError("This installation of PyAV has no H.264 encoder; install the package av from its wheels.")
        stream = self._container.add_stream(name, rate=30, options=dict(_OPTIONS))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = GROUP
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        return stream

    def _fitted(self, frame: VideoFrame) -> VideoFrame:
        # through the pixels that the source shows: the colours of both are then the same, whatever the file says of them
        lines = min(LINES, *upright_size(frame, self._shape))
        pixels = to_pixels(frame, self._shape, lines, scaler=self._scaler)
        rgb = VideoFrame.from_ndarray(pixels, format="rgb24")
        return self._colours.reformat(rgb, *self._size, format="yuv420p")


def _notes(path: Path) -> dict[str, Any]:
    """Returns what a proxy says of itself; raises UserError where the file is none."""
    with open_media(path) as container:
        try:
            told: dict[str, Any] = json.loads(container.metadata.get("comment", ""))
        except ValueError as error:
            raise UserError(f"{path} is no proxy of this program; delete it, and it is made again.") from error
    return told
