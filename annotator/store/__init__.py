"""A project's database: every query of the app lives here, and only frozen records leave it."""

import os
import shutil
import tempfile
from pathlib import Path

from annotator.project_folder import DATABASE, is_project
from annotator.store.copying import copy_rows, count_rows
from annotator.store.datasets import DatasetQueries
from annotator.store.finals import FinalQueries
from annotator.store.leases import LeaseQueries
from annotator.store.opening import back_up, check_revision, database_errors, migrate, open_engine, open_engine_to_read
from annotator.store.people import PeopleQueries
from annotator.store.place import URL_VARIABLE, ServerPlace, new_place, read_place, write_place
from annotator.store.postgresql import create_schema, drop_schema, open_server_engine, role_of
from annotator.store.queue_filters import FilterQueries
from annotator.store.releases import ReleaseQueries
from annotator.store.remarks import RemarkQueries
from annotator.store.runs import RunQueries
from annotator.store.scores import ScoreQueries
from annotator.store.videos import VideoQueries
from davenet.errors import UserError

__all__ = ["DATABASE", "Store", "begin_store", "is_project", "move_store", "open_store", "open_store_to_read"]


class Store(
    VideoQueries,
    LeaseQueries,
    FilterQueries,
    PeopleQueries,
    FinalQueries,
    RemarkQueries,
    ScoreQueries,
    RunQueries,
    DatasetQueries,
    ReleaseQueries,
):
    """The one way to a project's database; thread-safe, each call its own short transaction."""


def open_store(project_dir: Path) -> Store:
    """Opens (or begins) the database of a project folder, migrating an older one after a backup.

    Raises UserError where it is no project database, of a newer version, or cannot be written; DamagedDatabaseError
    where its file is no longer whole.
    """
    if not is_project(project_dir):
        return begin_store(project_dir, os.environ.get(URL_VARIABLE))
    place = read_place(project_dir)
    return _open_file(project_dir / DATABASE) if place is None else _open_on_server(project_dir, place)


def begin_store(project_dir: Path, url: str | None = None) -> Store:
    """Begins the database of a new project: in its folder, or in a schema of its own where `url` leads.

    The folder remembers the URL without its password. Raises UserError as `open_store` does.
    """
    if not url:
        return _open_file(project_dir / DATABASE)
    place = new_place(url)
    engine = open_server_engine(place)
    try:
        create_schema(engine, place, project_dir.name)
    finally:
        engine.dispose()
    store = _open_on_server(project_dir, place)
    write_place(project_dir, place)
    return store


def open_store_to_read(project_dir: Path, reason: str) -> Store:
    """Opens the database of a project folder so that nothing can be written; `reason` is said to whoever tries.

    Raises UserError where it is no project database of this version.
    """
    path = project_dir / DATABASE
    wal = path.with_name(f"{DATABASE}-wal")
    if os.access(project_dir, os.W_OK):
        return _open_to_read(path, path, reason)
    if not (wal.exists() and wal.stat().st_size):
        return _open_to_read(path, path, reason, immutable=True)
    # What was written last lies in the log beside the file, which SQLite cannot take in without writing there
    folder = tempfile.TemporaryDirectory(prefix="annotator-")
    try:
        for file in (path, wal):
            shutil.copyfile(file, Path(folder.name) / file.name)
        store = _open_to_read(Path(folder.name) / DATABASE, path, reason)
    except BaseException:
        folder.cleanup()
        raise
    store.when_closed = folder.cleanup
    return store


def _open_file(path: Path) -> Store:
    engine = open_engine(path)
    try:
        migrate(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, path)


def _open_to_read(file: Path, path: Path, reason: str, *, immutable: bool = False) -> Store:
    engine = open_engine_to_read(file, immutable=immutable)
    try:
        check_revision(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, path, read_only_reason=reason)


def _open_on_server(project_dir: Path, place: ServerPlace) -> Store:
    path = project_dir / DATABASE
    engine = open_server_engine(place)
    try:
        with database_errors(path, place.name):
            role = role_of(engine, place)
            migrate(engine, path, server=place.name)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, path, server=place.name, role=role)


def move_store(project_dir: Path, url: str) -> tuple[str, dict[str, int], Path]:
    """Moves a database from its file in the folder to a server; nobody else may have it open.

    Returns the server's name, how many rows each table has there, and where the file is kept. Where anything fails, the
    project stays as it was.
    """
    path = project_dir / DATABASE
    _open_file(path).close()  # of the newest revision, as the server's will be
    place = new_place(url)
    engine, source = open_server_engine(place), open_engine(path)
    try:
        with database_errors(path, place.name):
            create_schema(engine, place, project_dir.name)
            migrate(engine, path, server=place.name)
            with source.connect() as rows, engine.connect().execution_options(writes=True) as target:
                copied = copy_rows(rows, target)
                if count_rows(target) != copied:
                    raise UserError(f"{place.name} did not take every row of {path}; the project was left as it is.")
                target.commit()
        kept = back_up(path, "before-move")
    except BaseException:
        drop_schema(engine, place)
        raise
    finally:
        engine.dispose()
        source.dispose()
    write_place(project_dir, place)
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (project_dir / name).unlink(missing_ok=True)
    return place.name, copied, kept
