"""Backups of a project whose database is a file: made again and again, checked before they count, old ones removed.

A backup is a whole project database. Nothing here runs on the GUI thread: a long history takes seconds to copy and check.
"""

import contextlib
import os
import re
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from annotator.store.opening import DamagedDatabaseError, database_errors
from davenet.errors import UserError
from davenet.files import atomic_path

EVERY_VERDICTS = 50
EVERY_S = 600.0
KEPT_NEWEST = 5
KEPT_DAYS = 7  # one a day
FOLDER = "backups"
QUICK_CHECK_BYTES = 32 << 20  # a database of this size is checked whole while it opens (under 0.1 s)
_NAME = re.compile(r"^(?P<stem>.+)-(?P<at>\d{8}T\d{6}Z)-(?P<verdicts>\d+)-verdicts\.sqlite$")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database that was whole when it was made; `n_verdicts` are the rows of its history."""

    path: Path
    at: datetime
    n_verdicts: int

    def __str__(self) -> str:
        """As people are told: "22 Nov 14:05, 412 verdicts"."""
        return f"{self.at.astimezone():%d %b %H:%M}, {self.n_verdicts} verdicts".lstrip("0")


def backups(database: Path) -> list[Backup]:
    """Returns the rolling backups of a database, the newest first; looks at names only."""
    found = []
    for path in (database.parent / FOLDER).glob(f"{database.stem}-*-verdicts.sqlite"):
        if name := _NAME.match(path.name):
            at = datetime.strptime(name["at"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            found.append(Backup(path, at, int(name["verdicts"])))
    return sorted(found, key=lambda backup: (backup.at, backup.n_verdicts), reverse=True)


def make_backup(database: Path, *, now: datetime | None = None) -> Backup | None:
    """Copies and checks the database, then removes what is old; None where nothing has changed since the last backup.

    Others may write meanwhile. Raises DamagedDatabaseError where the copy is not whole (it is not kept, and no older
    backup is removed), UserError where it cannot be written.
    """
    before = backups(database)
    if before and not _has_changed(database, before[0]):
        return None
    at = (now or datetime.now(UTC)).replace(microsecond=0)
    folder = database.parent / FOLDER
    copied = folder / f".{database.stem}-{os.getpid()}-{threading.get_ident()}.copy"
    try:
        with database_errors(database):
            try:
                folder.mkdir(exist_ok=True)
                with closing(_open_to_read(database)) as source, closing(sqlite3.connect(copied)) as copy:
                    source.backup(copy)  # one state of it: what others write meanwhile comes into the next
                    copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
                    n_verdicts = _check(copy, database)
                target = folder / f"{database.stem}-{at:%Y%m%dT%H%M%SZ}-{n_verdicts}-verdicts.sqlite"
                with atomic_path(target) as temporary:
                    copied.replace(temporary)
            except OSError as error:
                raise UserError(
                    f"{folder} takes no backups ({error.strerror}); check its disk and permissions."
                ) from error
    finally:
        with contextlib.suppress(OSError):
            copied.unlink(missing_ok=True)
    made = Backup(target, at, n_verdicts)
    for old in outdated([made, *before]):
        with contextlib.suppress(OSError):  # it goes with the next one
            old.path.unlink(missing_ok=True)
    return made


def outdated(found: list[Backup]) -> list[Backup]:
    """Returns which of these backups (the newest first) need not be kept: all but the newest few and one a day."""
    kept = found[:KEPT_NEWEST]
    if found:
        oldest = found[0].at.date() - timedelta(days=KEPT_DAYS)
        days: dict[date, Backup] = {}
        for backup in found:
            days.setdefault(backup.at.date(), backup)  # the last of its day
        kept = [*kept, *(backup for day, backup in days.items() if day > oldest)]
    return [backup for backup in found if backup not in kept]


def check_whole(database: Path) -> None:
    """Raises DamagedDatabaseError where the file is not whole; a large one is left to the next backup's check."""
    if database.stat().st_size > QUICK_CHECK_BYTES:
        return
    with database_errors(database), closing(_open_to_read(database)) as connection:
        _check(connection, database, pragma="quick_check")


def newest_good(database: Path) -> Backup | None:
    """Returns the newest backup that is still whole: it is read through now."""
    for backup in backups(database):
        try:
            with closing(_open_to_read(backup.path)) as connection:
                _check(connection, backup.path)
        except (UserError, sqlite3.Error, OSError):
            continue
        return backup
    return None


def restore(database: Path, backup: Backup) -> Path:
    """Puts a backup in the place of the database and returns the folder where the damaged file is kept.

    The database must not be open, here or elsewhere. Raises UserError where the files cannot be moved.
    """
    aside = database.parent / FOLDER / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    try:
        aside.mkdir(parents=True)
        with atomic_path(database.with_name(f"{database.name}.restored")) as temporary:
            shutil.copyfile(backup.path, temporary)
        for name in (f"{database.name}-wal", f"{database.name}-shm", database.name):
            if (database.parent / name).exists():
                (database.parent / name).replace(aside / name)
        database.with_name(f"{database.name}.restored").replace(database)
    except OSError as error:
        raise UserError(f"{database} cannot be restored ({error.strerror}); check the permissions there.") from error
    return aside


class RollingBackups:
    """When the next backup is due: at once, then after so many verdicts or so long. For use from any thread."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._n_verdicts = 0
        self._last_s: float | None = None

    def count_verdict(self) -> None:
        with self._lock:
            self._n_verdicts += 1

    def is_due(self) -> bool:
        with self._lock:
            if self._last_s is None or self._n_verdicts >= EVERY_VERDICTS:
                return True
            return time.monotonic() - self._last_s >= EVERY_S

    def back_up(self) -> Backup | None:
        """Makes the backup now, off the GUI thread, and counts anew; raises as `make_backup` does."""
        with self._lock:
            self._n_verdicts, self._last_s = 0, time.monotonic()
        return make_backup(self._database)


def _has_changed(database: Path, backup: Backup) -> bool:
    wal = database.with_name(f"{database.name}-wal")  # merely reading leaves an empty one
    files = [database, *([wal] if wal.exists() and wal.stat().st_size else [])]
    return max(file.stat().st_mtime for file in files) > backup.at.timestamp()


def _open_to_read(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    connection.execute("PRAGMA busy_timeout=5000")
    return connection


def _check(connection: sqlite3.Connection, database: Path, *, pragma: str = "integrity_check") -> int:
    """Reads a database through and returns how many verdicts it has; raises DamagedDatabaseError where it is not whole."""
    try:
        answer = connection.execute(f"PRAGMA {pragma}(1)").fetchone()[0]
        if answer == "ok":
            return int(connection.execute("SELECT count(*) FROM verdict").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such table" not in str(error):
            raise
    raise DamagedDatabaseError(
        f"{database} is damaged; restore its last good backup with: annotator restore {database.parent}", database
    )
