"""The folder that a release is written to: what may lie there, one export at a time, and the finished one taking its name."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from davenet.errors import UserError
from davenet.files import disk_error
from davenet.release.facts import MANIFEST


def check_target(out: Path, *, force: bool) -> None:
    """Raises UserError where the target may not become a release: a file, other files in it, a release without `force`."""
    try:
        if not out.exists():
            return
        if not out.is_dir():
            raise UserError(f"{out} is a file; choose a folder for the release.")
        is_release, is_empty = (out / MANIFEST).is_file(), next(out.iterdir(), None) is None
    except OSError as error:
        raise UserError(f"{out} cannot be read ({error.strerror}); choose another folder.") from error
    if is_release and not force:
        raise UserError(f"{out} already holds a release; replace it with --force, or choose another folder.")
    if not is_release and not is_empty:
        raise UserError(f"{out} holds other files; choose a new or an empty folder for the release.")


def publish(staging: Path, out: Path) -> None:
    """Gives the finished folder the target's name; an older release steps aside first and goes then."""
    old = _old(out)
    if out.exists():
        out.rename(old)
    staging.rename(out)
    if old.exists():
        shutil.rmtree(old)


def put_back(out: Path) -> None:
    """Undoes a replacement that was cut off between its two renames."""
    old = _old(out)
    if old.exists():
        if out.exists():
            shutil.rmtree(old)
        else:
            old.rename(out)


def _old(out: Path) -> Path:
    return out.with_name(f".{out.name}.old.part")


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keeps other exports away from a target; raises UserError where one is at work."""
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        path = out.with_name(f".{out.name}.lock")
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"{out} is being written by another export; wait until it is done.") from None
        try:
            yield
        finally:
            lock.release()
            path.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns a full disk or a folder that may not be written to into a UserError that names the target."""
    try:
        yield
    except OSError as error:
        told = disk_error(path, error)
        if told is error:
            raise
        raise told from error
