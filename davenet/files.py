"""Whole files or none: atomic writing for everything a job leaves behind, and hashes that name a file's content."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from davenet.errors import UserError

HASHED_PART = 1 << 20  # bytes read at the start, the middle and the end of a large file
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FROM_WINDOWS = {5: errno.EACCES, 19: errno.EROFS, 112: errno.ENOSPC}


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`; on success it is fsynced and renamed to `path`, on failure it is removed.

    Raises UserError when the disk is full or the folder cannot be written to; nothing is left at `path` then.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except Exception as error:
        with suppress(OSError):  # a folder that may not be written to may not be searched either
            temporary.unlink(missing_ok=True)
        told = disk_error(path, error)
        if told is error:
            raise
        raise told from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def disk_error(path: Path, error: Exception) -> Exception:
    """Returns what to raise for an error of writing `path`: a UserError where the disk is full or locked, else itself.

    safetensors writes its files by itself, and has the system's number for the error only in its message.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (told := re.search(r"\(os error (\d+)\)", str(error))):
        number = _FROM_WINDOWS.get(int(told[1])) if os.name == "nt" else int(told[1])
    if number in _FULL:
        return UserError(f"The disk is full: {path} could not be written; free some space and run it again.")
    if number == errno.EFBIG:
        return UserError(f"{path} is larger than its disk or this account allows; choose another folder.")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return UserError(f"No permission to write {path}; choose another folder or change its permissions.")
    return error


def write_bytes_atomically(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomically(path: Path, content: str) -> None:
    write_bytes_atomically(path, content.encode("utf-8"))


def content_hash(path: Path) -> str:
    """Returns 16 hex digits over the size and three mebibytes of a file: quick on long videos, whatever its name."""
    digest = hashlib.blake2b(digest_size=8)
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "little"))
    with open(path, "rb") as source:
        for offset in hashed_offsets(size):
            source.seek(offset)
            digest.update(source.read(HASHED_PART))
    return digest.hexdigest()


def hashed_offsets(size: int) -> list[int]:
    """Returns where the parts of a file of `size` bytes begin that `content_hash` reads, `HASHED_PART` bytes each."""
    return sorted({0, max(0, size // 2 - HASHED_PART // 2), max(0, size - HASHED_PART)})


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no handle on a folder; os.replace is durable with the file's own fsync there
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_dead_parts(folder: Path) -> None:
    """Removes the temporary files that killed processes left in a folder; those of running ones stay."""
    for part in folder.glob(".*.part"):
        pid = part.name.split(".")[-2]
        if pid.isdigit() and not _is_running(int(pid)):
            with suppress(OSError):  # Windows refuses while its writer still has it open
                part.unlink()


def _is_running(pid: int) -> bool:
    if pid == os.getpid():
        return False  # this process is not writing yet, so an earlier one had the same number
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
