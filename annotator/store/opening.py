"""Opens a project's database: engine and durability, the version check, migration after a backup."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc

from davenet.errors import UserError, one_line

MIGRATIONS = Path(__file__).with_name("migrations")
REVISION = "0002"  # the newest revision in migrations/versions: a database that has it opens without loading Alembic
BUSY_TIMEOUT_MS = 5000


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

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turns what the world does to a database file into a UserError that names it; our own mistakes pass through."""
    try:
        yield
    except (exc.DatabaseError, sqlite3.DatabaseError) as error:
        reason = one_line(getattr(error, "orig", None) or error).lower()
        for fragment, sentence in _SENTENCES.items():
            if fragment in reason:
                raise UserError(sentence.format(path=path, folder=path.parent)) from error
        raise


_SENTENCES = {
    "file is not a database": "{path} is not a project database; restore it from a copy in {folder}/backups.",
    "malformed": "{path} is damaged; restore it from a copy in {folder}/backups.",
    "disk i/o error": "{path} could not be read or written (the disk reports an error); check the disk and try again.",
    "is full": "The disk is full: {path} could not be written; free some space and try again.",
    "readonly": "{folder} cannot be written to; change its permissions or copy the project elsewhere.",
    "read-only": "{folder} cannot be written to; change its permissions or copy the project elsewhere.",
    "unable to open": "{path} cannot be opened; check the permissions of {folder}.",
    "locked": "{path} stayed locked by another program for 5 s; close that program or wait, then try again.",
}


def migrate(engine: Engine, path: Path, *, script_folder: Path = MIGRATIONS, newest: str = REVISION) -> Path | None:
    """Brings the database to the newest revision and returns the backup made before, or None where none was needed.

    A new, empty database is only filled. Raises UserError, and changes nothing, where the database's revision is not
    known to this version. The migration is one transaction: where it fails, nothing has changed.
    """
    with database_errors(path):
        revision, is_empty = _revision(engine)
        if revision == newest:
            return None
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(script_folder).replace("%", "%%"))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if not is_empty and revision is None:
            raise UserError(f"{path} is not a project database (no version in it); open the folder of a project.")
        if revision is not None and revision not in known:
            raise UserError(
                f"{path} was made by a newer version of Matchmap Annotator; nothing was changed. "
                "Update Matchmap Annotator to open it."
            )
        backup = None if is_empty else back_up(path, f"before-{newest}")
        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, newest)
        except BaseException:
            engine.dispose()
            raise
        return backup


def back_up(path: Path, reason: str) -> Path:
    """Copies the database as one consistent file into the project's backups folder and returns where it lies."""
    folder = path.parent / "backups"
    folder.mkdir(exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    target = folder / f"{path.stem}-{stamp}-{reason}{path.suffix}"
    if target.exists():
        target = target.with_stem(f"{target.stem}-{time.monotonic_ns()}")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def _revision(engine: Engine) -> tuple[str | None, bool]:
    """Returns the database's revision (None where it has none) and whether it holds no tables at all."""
    with engine.connect() as connection:
        names = set(connection.dialect.get_table_names(connection))
        if "alembic_version" not in names:
            return None, not names
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
        return (None if row is None else str(row[0])), names == {"alembic_version"} and row is None
