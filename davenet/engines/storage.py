"""Files at an address: a folder that machines share, s3://…, gs://…, and whatever else fsspec opens. Whole or not at all.

An object store shows an upload only when all of it is there. Elsewhere a file is written under another name, its length
is compared, and then it is moved into its place. What the network spoils is tried again a few times.
"""

import importlib.util
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from davenet.errors import UserError, one_line
from davenet.files import HASHED_PART, atomic_path, hashed_offsets

T = TypeVar("T")

_WHOLE_ONLY = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci", "memory"}  # an upload is seen when it is whole
_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
}
_TRIES = 3
_WAIT_S = 1.0  # before the second try; four times as long before the third
_HEAD = (
    1 << 20
)  # bytes of a clip file's head, at least: beside its header 16 a frame, whose JPEG has a thousand or more
_COPIED = 1 << 20


class StorageError(UserError):
    """An address that cannot be read or written, with what to do about it."""


class Store:
    """The files below an address; names have "/" between their parts."""

    def __init__(self, url: str) -> None:
        """Raises UserError where the address is of no known kind or its package is not installed."""
        self.url = url.rstrip("/")
        self._fs, self._root = _opened(self.url)
        protocol = self._fs.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)

    def address(self, name: str) -> str:
        return f"{self.url}/{name}"

    def size(self, name: str) -> int | None:
        """Returns the length of a file in bytes, None where there is none."""

        def look() -> int | None:
            self._fs.invalidate_cache()  # another machine may have written since
            try:
                return int(self._fs.size(self._path(name)))
            except FileNotFoundError:
                return None

        return self._tried(look, "read", name)

    def put(self, path: Path, name: str) -> None:
        """Copies a file there: afterwards it is there whole, or nothing has changed."""
        n_bytes = path.stat().st_size
        self._tried(lambda: self._put(path, self._path(name), n_bytes), "written", name)

    def fetch(self, name: str, path: Path) -> None:
        """Copies a file from there; raises StorageError where it is not there or cannot be read."""

        def copy() -> None:
            with atomic_path(path) as temporary:
                self._fs.get_file(self._path(name), str(temporary))
                expected = self._fs.size(self._path(name))
                if expected is not None and temporary.stat().st_size != expected:
                    raise OSError(f"{temporary.stat().st_size} of {expected} bytes came")

        self._tried(copy, "read", name)

    def fetch_head(self, name: str, path: Path) -> None:
        """Leaves a file of the length of that one, of which only the head was copied: enough to open a clip file."""
        self._fetch_parts(name, path, lambda size: [(0, max(_HEAD, size // 32))])

    def fetch_hashed(self, name: str, path: Path) -> None:
        """Leaves a file of the length of that one, of which only what `content_hash` reads was copied."""
        self._fetch_parts(name, path, lambda size: [(offset, HASHED_PART) for offset in hashed_offsets(size)])

    def check(self) -> None:
        """Raises StorageError unless a file can be written there, read and removed."""
        name = f".{uuid.uuid4().hex}.part"

        def probe() -> None:
            self._make_folder(self._path(name))
            self._fs.pipe_file(self._path(name), b"?")
            self._fs.rm_file(self._path(name))

        self._tried(probe, "written", "")

    def _put(self, path: Path, there: str, n_bytes: int) -> None:
        self._make_folder(there)
        if self._protocols & {"file", "local"}:
            with atomic_path(Path(there)) as temporary:
                _copy(path, temporary)
            return
        if self._protocols & _WHOLE_ONLY:
            self._fs.put_file(str(path), there)
            self._compare(there, n_bytes)
            return
        folder, _, last = there.rpartition("/")
        part = f"{folder}/.{last}.{uuid.uuid4().hex}.part"
        try:
            self._fs.put_file(str(path), part)
            self._compare(part, n_bytes)
            self._fs.mv(part, there)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(part)
            raise

    def _compare(self, there: str, n_bytes: int) -> None:
        self._fs.invalidate_cache()
        found = self._fs.size(there)
        if found != n_bytes:
            with suppress(Exception):
                self._fs.rm_file(there)
            raise OSError(f"{found} of {n_bytes} bytes arrived")

    def _fetch_parts(self, name: str, path: Path, parts: Callable[[int], Iterable[tuple[int, int]]]) -> None:
        def copy() -> None:
            size = int(self._fs.size(self._path(name)))
            with atomic_path(path) as temporary, open(temporary, "wb") as out:
                for first, n_bytes in parts(size):
                    out.seek(first)
                    out.write(self._fs.cat_file(self._path(name), start=first, end=min(first + n_bytes, size)))
                out.truncate(size)

        self._tried(copy, "read", name)

    def _make_folder(self, there: str) -> None:
        if self._protocols & _WHOLE_ONLY:
            return  # they have none, and would make a bucket that is only misspelt
        with suppress(FileExistsError):
            self._fs.makedirs(there.rpartition("/")[0], exist_ok=True)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    def _tried(self, act: Callable[[], T], done: str, name: str) -> T:
        """Returns what `act` returns, at the third try if need be; what is not there is not tried again."""
        address = self.address(name) if name else self.url
        for number in range(_TRIES):
            try:
                return act()
            except UserError:
                raise
            except FileNotFoundError as error:
                if done == "read":
                    raise StorageError(f"{address} does not exist; check its name.") from error
                last: Exception = error
            except Exception as error:  # each kind of store has errors of its own
                last = error
            if number < _TRIES - 1:
                time.sleep(_WAIT_S * 4**number)
        told = f"{type(last).__name__}: {one_line(last)[:200]}"
        raise StorageError(
            f"{address} could not be {done} ({told}); check the address and the rights to it, and run it again."
        ) from last


def split_address(url: str) -> tuple[str, str]:
    """Returns the address of a file's folder and its name there, e.g. for a `Store`."""
    folder, _, name = url.rpartition("/")
    if not folder or not name:
        raise UserError(f'"{url}" is no address of a file; give one such as s3://bucket/videos/a.mp4.')
    return folder, name


def is_address(text: str) -> bool:
    """Returns whether a text has a protocol, as in s3://bucket; Windows' C:\\ has none."""
    return "://" in text


def _opened(url: str) -> tuple[Any, str]:
    if importlib.util.find_spec("fsspec") is None:
        raise UserError(f"Addresses need one more package; install it with: {sys.executable} -m pip install fsspec")
    import fsspec

    protocol = url.partition("://")[0] if is_address(url) else "file"
    try:
        filesystem, root = fsspec.core.url_to_fs(url if is_address(url) else str(Path(url).expanduser().absolute()))
    except ImportError as error:
        package = _PACKAGES.get(protocol)
        remedy = f"install it with: {sys.executable} -m pip install {package}" if package else one_line(error)
        raise UserError(f"{protocol}:// needs one more package; {remedy}") from error
    except ValueError as error:
        raise UserError(f'"{url}" is of no kind of store that is known ({one_line(error)}); check it.') from error
    return filesystem, str(root)


def _copy(source: Path, target: Path) -> None:
    with open(source, "rb") as given, open(target, "wb") as out:
        while piece := given.read(_COPIED):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
