"""The clip file: all that was extracted from one video, in one safetensors file, of which only what is asked for is read.

`frames_jpeg` (uint8: all JPEGs joined), `frame_offsets` (int64, N + 1), `frame_times_s` (float64, N) and `log_mel`
(float16, steps × 40, absolute dB); the video's uid, its source's hash and the settings are in the metadata.
"""

import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from davenet.errors import UserError
from davenet.files import atomic_path
from davenet.media.log_mel import HOP_S, N_MELS, RELATIVE_FLOOR_DB, relative

FORMAT = "clip"
VERSION = 1
SUFFIX = ".safetensors"

_DTYPES = {"F64": np.float64, "I64": np.int64, "F16": np.float16, "U8": np.uint8}
_ARRAYS = {"frame_offsets": "I64", "frame_times_s": "F64", "log_mel": "F16", "frames_jpeg": "U8"}
_MAX_HEADER = 1 << 20  # bytes


def clip_path(clips_dir: Path, video_uid: str) -> Path:
    return clips_dir / f"{video_uid}{SUFFIX}"


def write_clip(
    path: Path, *, frames_jpeg: list[bytes], frame_times_s: ArrayLike, log_mel: ArrayLike, metadata: Mapping[str, str]
) -> None:
    """Writes a clip file atomically; `log_mel` is (steps, 40) in absolute dB, `metadata` names at least the "video".

    Raises UserError when the disk is full or the folder cannot be written to.
    """
    times, mel = np.asarray(frame_times_s, np.float64), np.asarray(log_mel)
    if times.shape != (len(frames_jpeg),) or mel.ndim != 2 or mel.shape[1] != N_MELS:
        raise ValueError(f"{times.shape} times for {len(frames_jpeg)} frames, log-mel of shape {mel.shape}")
    with atomic_path(path) as temporary:
        write_clip_parts(
            temporary,
            jpeg_sizes=np.array([len(jpeg) for jpeg in frames_jpeg], np.int64),
            frame_times_s=times,
            n_steps=len(mel),
            log_mel=[mel],
            frames_jpeg=frames_jpeg,
            metadata=metadata,
        )


def write_clip_parts(
    path: Path,
    *,
    jpeg_sizes: NDArray[np.int64],
    frame_times_s: NDArray[np.float64],
    n_steps: int,
    log_mel: Iterable[NDArray[np.floating]],
    frames_jpeg: Iterable[bytes],
    metadata: Mapping[str, str],
) -> None:
    """Writes a clip file's content, not atomically, of parts that need not be in memory at once.

    `log_mel` comes in blocks of rows, `n_steps` in all; `frames_jpeg` in any pieces, of `jpeg_sizes` bytes in all.
    """
    offsets = np.concatenate([[0], np.cumsum(jpeg_sizes, dtype=np.int64)])
    header: dict[str, Any] = {"__metadata__": {"format": FORMAT, "version": str(VERSION), **metadata}}
    end = 0
    for name, shape in (
        ("frame_offsets", offsets.shape),
        ("frame_times_s", frame_times_s.shape),
        ("log_mel", (n_steps, N_MELS)),
        ("frames_jpeg", (int(offsets[-1]),)),
    ):
        kind = _ARRAYS[name]
        begin, end = end, end + int(np.prod(shape, dtype=np.int64)) * np.dtype(_DTYPES[kind]).itemsize
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [begin, end]}
    encoded = json.dumps(header, ensure_ascii=False).encode("utf-8")
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(encoded)))
        out.write(encoded)
        out.write(offsets.astype("<i8").tobytes())
        out.write(frame_times_s.astype("<f8").tobytes())
        for block in log_mel:
            out.write(block.astype("<f2").tobytes())
        for piece in frames_jpeg:
            out.write(piece)
        written = out.tell()
    if written != 8 + len(encoded) + end:
        raise ValueError(f"{written} bytes written of {8 + len(encoded) + end}")


def open_clip(path: Path) -> "Clip":
    """Returns a clip file, open to be read; raises UserError where it is missing, damaged or not a clip file we know."""
    return Clip(path)


class Clip:
    """One video's frames and log-mel, for random access; times are seconds on the video's clock.

    It holds no handle and maps nothing: thousands may be open, and a file that is cut short or taken away while a run reads
    from it is an error in a sentence, where a memory map would end the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        metadata, places, version = _read_header(path)
        self.metadata: dict[str, str] = metadata
        self._places = places
        self._version = version
        self.frame_times_s: NDArray[np.float64] = self._rows("frame_times_s")  # (N,), ascending
        self._offsets: NDArray[np.int64] = self._rows("frame_offsets")
        mel_shape = places["log_mel"].shape
        if (
            self._offsets.shape != (len(self.frame_times_s) + 1,)
            or len(mel_shape) != 2
            or mel_shape[1] != N_MELS
            or self._offsets[0] != 0
            or places["frames_jpeg"].shape != (self._offsets[-1],)
            or (np.diff(self._offsets) < 0).any()
        ):
            raise UserError(f"{path} is damaged; extract its video again.")

    def is_current(self) -> bool:
        """Whether the file is still the one that was opened."""
        try:
            return _version_of(self.path.stat()) == self._version
        except OSError:
            return False

    @cached_property
    def log_mel(self) -> NDArray[np.float16]:
        """Returns the log-mel of the whole video (steps, 40) in absolute dB, memory-mapped."""
        place = self._places["log_mel"]
        if not place.shape[0]:  # nothing can be mapped of no bytes
            return np.empty(place.shape, place.kind)
        return np.memmap(self.path, place.kind, "r", offset=place.begin, shape=place.shape)

    @property
    def jpeg_sizes(self) -> NDArray[np.int64]:
        """Returns the bytes of each frame's JPEG (N,)."""
        return np.diff(self._offsets)

    @property
    def video_uid(self) -> str:
        return self.metadata["video"]

    @property
    def duration_s(self) -> float:
        """Returns the video's length: of picture or sound, whichever is longer."""
        return float(self.metadata.get("duration_s") or self._places["log_mel"].shape[0] * HOP_S)

    @property
    def n_frames(self) -> int:
        return len(self.frame_times_s)

    def opened(self) -> BinaryIO:
        """Returns the file open, for several readings of it at once; raises UserError where it has changed or gone."""
        try:
            file = open(self.path, "rb", buffering=0)
        except FileNotFoundError as error:
            raise UserError(f"{self.path} was removed while it was in use; extract its video again.") from error
        except OSError as error:
            raise self._unreadable(error) from error
        if _version_of(os.fstat(file.fileno())) != self._version:
            file.close()
            raise UserError(f"{self.path} was changed while it was in use; extract its video again.")
        return file

    def frame_jpeg(self, index: int, file: BinaryIO | None = None) -> NDArray[np.uint8]:
        """Returns a frame's JPEG as uint8 (bytes,); raises UserError where the file can no longer be read."""
        if not 0 <= index < self.n_frames:
            raise IndexError(f"frame {index} of {self.n_frames}")
        return self._rows("frames_jpeg", int(self._offsets[index]), int(self._offsets[index + 1]), file)

    def frame_rgb(self, index: int, file: BinaryIO | None = None) -> NDArray[np.uint8]:
        """Returns a frame as RGB uint8 (H, W, 3); raises UserError where its JPEG is damaged."""
        jpeg = self.frame_jpeg(index, file)
        pixels: Any = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB) if len(jpeg) else None
        if pixels is None:
            raise UserError(f"Frame {index} of {self.path} is damaged; extract its video again.")
        rgb: NDArray[np.uint8] = pixels
        return rgb

    def nearest_frame(self, time_s: float) -> int:
        """Returns the index of the frame whose time is nearest."""
        if not self.n_frames:
            raise UserError(f"{self.path} holds no frames; extract its video again.")
        after = int(self.frame_times_s.searchsorted(time_s))
        if after == 0:
            return 0
        if after == self.n_frames:
            return after - 1
        before_s, after_s = self.frame_times_s[after - 1], self.frame_times_s[after]
        return after - 1 if time_s - before_s <= after_s - time_s else after

    def segment(
        self, center_s: float, duration_s: float, file: BinaryIO | None = None
    ) -> tuple[NDArray[np.float32], int]:
        """Returns (float32 (40, steps) in dB relative to the segment's maximum, number of steps that are real).

        The part of [center − duration/2, center + duration/2] inside the sound lies at the left; −80 fills the rest.
        """
        n_steps = round(duration_s / HOP_S)
        begin = round((center_s - duration_s / 2) / HOP_S)
        n_known = self._places["log_mel"].shape[0]
        first, last = max(0, begin), min(n_known, begin + n_steps)
        segment = np.full((N_MELS, n_steps), RELATIVE_FLOOR_DB, np.float32)
        n_valid = max(0, last - first)
        if n_valid:
            segment[:, :n_valid] = relative(self._rows("log_mel", first, last, file)).T
        return segment, n_valid

    def _rows(self, name: str, first: int = 0, last: int | None = None, file: BinaryIO | None = None) -> NDArray[Any]:
        """Returns rows of one of the file's arrays, read now; raises UserError where the file has changed since."""
        if file is None:
            with self.opened() as own:
                return self._rows(name, first, last, own)
        place = self._places[name]
        last = place.shape[0] if last is None else last
        row_bytes = place.kind.itemsize * math.prod(place.shape[1:])
        try:
            file.seek(place.begin + first * row_bytes)
            content = file.read((last - first) * row_bytes)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(content) != (last - first) * row_bytes:
            raise UserError(f"{self.path} was cut short while it was in use; extract its video again.")
        return np.frombuffer(content, place.kind).reshape(last - first, *place.shape[1:])

    def _unreadable(self, error: OSError) -> UserError:
        return UserError(f"{self.path} can no longer be read ({error.strerror or error}); check its disk.")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one of the file's arrays lies: its first byte, its type and its shape."""

    begin: int
    kind: np.dtype[Any]
    shape: tuple[int, ...]


def _version_of(status: os.stat_result) -> tuple[int, int, int]:
    """Returns what changes when a file is replaced or written to."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read_header(path: Path) -> tuple[dict[str, str], dict[str, _Place], tuple[int, int, int]]:
    try:
        with open(path, "rb") as file:
            version = _version_of(os.fstat(file.fileno()))
            size = version[1]
            (n_header,) = struct.unpack("<Q", file.read(8))
            if n_header > min(_MAX_HEADER, size):
                raise ValueError("header too long")
            header = json.loads(file.read(n_header))
        metadata = header.pop("__metadata__", {})
        if metadata.get("format") != FORMAT or "video" not in metadata:
            raise UserError(f"{path} is not a clip file; extract its video again.")
        if int(metadata["version"]) > VERSION:
            raise UserError(f"{path} was written by a newer version; update the program, or extract its video again.")
        places = {name: _place(header[name], kind, 8 + n_header, size) for name, kind in _ARRAYS.items()}
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; extract its video first.") from error
    except PermissionError as error:
        raise UserError(f"No permission to read {path}; change its permissions.") from error
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged or not a clip file; extract its video again.") from error
    return metadata, places, version


def _place(entry: Mapping[str, Any], kind: str, data_begin: int, size: int) -> _Place:
    begin, end = entry["data_offsets"]
    shape, dtype = tuple(int(side) for side in entry["shape"]), np.dtype(_DTYPES[kind]).newbyteorder("<")
    n_bytes = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if entry["dtype"] != kind or not shape or min(shape) < 0 or begin < 0 or end - begin != n_bytes:
        raise ValueError("sizes that contradict one another")
    if data_begin + end > size:
        raise ValueError("the file is shorter than its header says")
    return _Place(data_begin + begin, dtype, shape)
