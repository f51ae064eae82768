"""What is gathered of one video until its clip file can be written, kept on disk: memory does not grow with its length.

The files lie beside the clip file to be, are named as temporary files are (so that a killed process's are cleared away)
and vanish with the `with` block.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.files import disk_error
from davenet.media.log_mel import SUM_BLOCK

_PIECE = 1 << 20  # bytes copied at once


class OutputError(UserError):
    """What is written to, not a video, is at fault: no other video would fare better."""


class Spool:
    """Bytes that are appended, then read back in order; `what` tells the spools of one clip file apart."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path.with_name(f".{path.name}.{what}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "w+b")
        except OSError as error:
            raise self._told(error) from error

    def append(self, content: bytes | memoryview) -> None:
        """Raises OutputError where the disk is full or may not be written to."""
        try:
            self._file.write(content)
        except OSError as error:
            raise self._told(error) from error

    def read(self, first: int, n_bytes: int) -> bytes:
        self._file.seek(first)
        return self._file.read(n_bytes)

    def pieces(self) -> Iterator[bytes]:
        """Yields all that was appended, in pieces."""
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise self._told(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # closing writes what is left, and the disk may be full
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _told(self, error: OSError) -> UserError:
        told = disk_error(self.path, error)
        if isinstance(told, UserError):
            return OutputError(str(told))
        why = error.strerror or str(error)
        return OutputError(f"{self.path} could not be written ({why}); check its disk and run it again.")


class SoundSpool:
    """Mono float32 samples on disk, with the mean that their log-mel needs before its first step."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._block = np.empty(SUM_BLOCK, np.float32)
        self._n_held = 0
        self._sum = 0.0
        self.n_samples = 0

    def extend(self, blocks: list[NDArray[np.float32]]) -> None:
        for samples in blocks:
            taken = 0
            while taken < len(samples):
                n = min(len(samples) - taken, SUM_BLOCK - self._n_held)
                self._block[self._n_held : self._n_held + n] = samples[taken : taken + n]
                taken += n
                self._n_held += n
                if self._n_held == SUM_BLOCK:
                    self._write()
            self.n_samples += len(samples)

    def finish(self) -> float:
        """Writes what is held and returns the mean of all samples."""
        self._write()
        self._spool.flush()
        return self._sum / max(1, self.n_samples)

    def samples(self, first: int, last: int) -> NDArray[np.float32]:
        return np.frombuffer(self._spool.read(4 * first, 4 * (last - first)), np.float32)

    def _write(self) -> None:
        held = self._block[: self._n_held]
        if len(held):
            self._sum += float(np.sum(held, dtype=np.float64))
            self._spool.append(held.data.cast("B"))
        self._n_held = 0
