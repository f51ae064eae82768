"""Writes a video of given frames with a stretch of another video's sound: H.264 and AAC in MP4, whole or not at all."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from davenet.errors import UserError
from davenet.files import atomic_path
from davenet.media.picture import Pixels
from davenet.media.sound import Samples, stream_sound

SOUND_RATE = 48_000  # Hz
_SOUND_BLOCK_S = 0.5
_VIDEO_CODECS = ("libx264", "h264")
_QUALITY = {"crf": "20", "preset": "veryfast"}


class VideoWriter:
    """A context manager: frames are written in order, and the file appears under its name when the block ends well.

    `sound` is the file whose [start_s, end_s] is heard beside the frames, the first of which is at `start_s`; sizes are
    made even by cutting a row or a column. Raises UserError when the disk is full or the folder cannot be written to.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        frame_rate: float,
        sound: Path | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> None:
        self._path = path
        self._width, self._height = width // 2 * 2, height // 2 * 2
        if self._width < 2 or self._height < 2:
            raise ValueError(f"{width} × {height} is too small for a video")
        self._rate = Fraction(frame_rate).limit_denominator(1001)
        self._sound_range = (sound, start_s, end_s)
        self._n_frames = 0
        self._n_samples = 0
        self._audio: AudioStream | None = None
        self._blocks: Iterator[Samples] = iter(())
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self._path))
            temporary.touch()  # the container would notice only later that it may not write here
            sound, start_s, end_s = self._sound_range
            self._container = av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"})
            stack.callback(self._container.close)
            self._video = self._add_video()
            if sound is not None:
                self._audio = self._container.add_stream("aac", rate=SOUND_RATE, layout="stereo", bit_rate=160_000)
                self._blocks = stream_sound(sound, SOUND_RATE, _SOUND_BLOCK_S, channels=2, start_s=start_s, end_s=end_s)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._stack.callback(self._finish)
        self._stack.__exit__(kind, error, trace)

    def write(self, rgb: Pixels) -> None:
        """Adds the next frame, uint8 (H, W, 3), and the sound that belongs beside it."""
        pixels = np.ascontiguousarray(rgb[: self._height, : self._width])
        if pixels.shape != (self._height, self._width, 3):
            raise ValueError(f"a frame of {rgb.shape} in a video of {self._width} × {self._height}")
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = self._n_frames
        frame.time_base = 1 / self._rate
        self._n_frames += 1
        self._container.mux(self._video.encode(frame))
        self._write_sound(until_s=float(self._n_frames / self._rate))

    def _add_video(self) -> VideoStream:
        codec = next((name for name in _VIDEO_CODECS if name in av.codecs_available), None)
        if codec is None:
            raise UserError("This installation of PyAV has no H.264 encoder; install the package av from its wheels.")
        stream = self._container.add_stream(codec, rate=self._rate, options=dict(_QUALITY))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = self._width, self._height, "yuv420p"
        stream.codec_context.time_base = 1 / self._rate
        return stream

    def _write_sound(self, until_s: float) -> None:
        """Encodes the sound up to a time of the new video, so that both are interleaved in the file."""
        while self._audio is not None and self._n_samples < until_s * SOUND_RATE:
            block = next(self._blocks, None)
            if block is None:
                return
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout="stereo")
            frame.sample_rate = SOUND_RATE
            frame.time_base = Fraction(1, SOUND_RATE)
            frame.pts = self._n_samples
            self._n_samples += len(block)
            self._container.mux(self._audio.encode(frame))

    def _finish(self) -> None:
        if self._n_frames == 0:
            raise ValueError("a video needs at least one frame")
        self._write_sound(until_s=float("inf"))
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
