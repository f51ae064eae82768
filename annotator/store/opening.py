"""Opens a project's database: engine and durability, the version check, migration after a backup."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from annotator.store.postgresql import server_errors
from davenet.errors import UserError, one_line

MIGRATIONS = Path(__file__).with_name("migrations")
REVISION = "0004"  # the newest revision in migrations/versions: a database that has it opens without loading Alembic
BUSY_TIMEOUT_MS = 5000


class DamagedDatabaseError(UserError):
    """The database's file is no longer whole; its newest good backup can take its place."""

    def __init__(self, sentence: str, path: Path) -> None:
        super().__init__(sentence)
        self.path = path


def open_engine(path: Path) -> Engine:
    """Returns an engine on an SQLite file: WAL, synchronous=FULL (survives power loss), writers wait up to 5 s."""
    engine = create_engine(URL.create("sqlite", database=str(path)))

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver guesses
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            connection.execute("PRAGMA journal_mode=WAL")

    _begin_as_said(engine)
    return engine


def open_engine_to_read(path: Path, *, immutable: bool = False) -> Engine:
    """Returns an engine that SQLite itself lets write nothing: the file is opened for reading only.

    `immutable` is for a folder that cannot be written to, where SQLite could not note who reads; nobody else may write then.
    """
    query = {"mode": "ro", "uri": "true"} | ({"immutable": "1"} if immutable else {})
    engine = create_engine(URL.create("sqlite", database=path.absolute().as_uri(), query=query))

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")

    _begin_as_said(engine)
    return engine


def _begin_as_said(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def database_errors(path: Path, server: str = "") -> Iterator[None]:
    """Turns what the world does to a database into a UserError that names it; our own mistakes pass through.

    `server` names the database where it lies on a server, and not at `path`.
    """
    if server:
        with server_errors(server):
            yield
        return
    try:
        yield
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        reason = one_line(getattr(error, "orig", None) or error).lower()
        for fragment, sentence in _DAMAGES.items():
            if fragment in reason:
                raise DamagedDatabaseError(sentence.format(path=path, folder=path.parent), path) from error
        for fragment, sentence in _SENTENCES.items():
            if fragment in reason:
                raise UserError(sentence.format(path=path, folder=path.parent)) from error
        raise


_DAMAGES = {
    "file is not a database": "{path} is not a project database; restore it with: annotator restore {folder}",
    "malformed": "{path} is damaged; restore its last good backup with: annotator restore {folder}",
}
_SENTENCES = {
    "disk i/o error": "{path} could not be read or written (the disk reports an error); check the disk and try again.",
    "is full": "The disk is full: {path} could not be written; free some space and try again.",
    "readonly": "{folder} cannot be written to; change its permissions or copy the project elsewhere.",
    "read-only": "{folder} cannot be written to; change its permissions or copy the project elsewhere.",
    "unable to open": "{path} cannot be opened; check the permissions of {folder}.",
    "locked": "{path} stayed locked by another program for 5 s; close that program or wait, then try again.",
}


def migrate(
    engine: Engine, path: Path, *, script_folder: Path = MIGRATIONS, newest: str = REVISION, server: str = ""
) -> Path | None:
    """Brings the database to the newest revision and returns the backup made before, or None where none was needed.

    A new, empty database is only filled. Raises UserError, and changes nothing, where the database's revision is not
    known to this version. The migration is one transaction: where it fails, nothing has changed. Of two that migrate at
    once, the second waits for the first and then finds nothing left to do.
    """
    with database_errors(path, server):
        revision, is_empty = _revision(engine)
        if revision == newest:
            return None
        from alembic.script import ScriptDirectory

        where = server or path
        if not is_empty and revision is None:
            raise UserError(f"{where} is not a project database (no version in it); open the folder of a project.")
        known = {script.revision for script in ScriptDirectory(str(script_folder)).walk_revisions()}
        if revision is not None and revision not in known:
            raise UserError(
                f"{where} was made by a newer version of Matchmap Annotator; nothing was changed. "
                "Update Matchmap Annotator to open it."
            )
        backup = None
        if not is_empty and revision is not None:
            reason = f"before-{newest}"
            backup = back_up_server(engine, path, reason, revision) if server else back_up(path, reason)
        upgrade(engine, newest, script_folder=script_folder)
        return backup


def upgrade(engine: Engine, revision: str, *, script_folder: Path = MIGRATIONS) -> None:
    """Runs the migrations up to a revision in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(script_folder).replace("%", "%%"))
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except BaseException:
        engine.dispose()
        raise


def check_revision(engine: Engine, path: Path, *, newest: str = REVISION) -> None:
    """Raises UserError where a database that may only be read is not of this version: it cannot be migrated then."""
    with database_errors(path):
        revision, _ = _revision(engine)
    if revision is None:
        raise UserError(f"{path} is not a project database (no version in it); open the folder of a project.")
    if revision != newest:
        raise UserError(
            f"{path} is of another version of Matchmap Annotator and can only be read here; "
            "open it once where it can be written to."
        )


def back_up(path: Path, reason: str) -> Path:
    """Copies the database as one consistent file into the project's backups folder and returns where it lies."""
    target = _backup_path(path, reason)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def back_up_server(engine: Engine, path: Path, reason: str, revision: str) -> Path | None:
    """Copies a server's database of a revision into an SQLite file among the project's backups, which opens as one.

    None where it is of another revision by now. It takes its turn among the writers: another app that migrates while the
    tables are read would lock them in another order.
    """
    from annotator.store.copying import copy_rows

    with engine.connect().execution_options(writes=True) as source, source.begin():
        if _revision_of(source)[0] != revision:
            return None
        target = _backup_path(path, reason)
        copy = open_engine(target)
        try:
            upgrade(copy, revision)
            with copy.connect().execution_options(writes=True) as sink:
                copy_rows(source, sink)
                sink.commit()
        finally:
            copy.dispose()
    return target


def _backup_path(path: Path, reason: str) -> Path:
    folder = path.parent / "backups"
    folder.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    target = folder / f"{path.stem}-{stamp}-{reason}{path.suffix}"
    while True:
        try:
            target.touch(exist_ok=False)  # ours alone: another app may back up within the same second
            return target
        except FileExistsError:
            target = folder / f"{path.stem}-{stamp}-{reason}-{os.getpid()}-{time.monotonic_ns()}{path.suffix}"


def _revision(engine: Engine) -> tuple[str | None, bool]:
    """Returns the database's revision (None where it has none) and whether it holds no tables at all."""
    with engine.connect() as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> tuple[str | None, bool]:
    names = set(connection.dialect.get_table_names(connection))
    if "alembic_version" not in names:
        return None, not names
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return (None if row is None else str(row[0])), names == {"alembic_version"} and row is None
