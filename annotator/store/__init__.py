"""A project's database: every query of the app lives here, and only frozen records leave it."""

from pathlib import Path

from annotator.store.opening import database_errors, migrate, open_engine
from annotator.store.pairs import PairQueries
from annotator.store.releases import ReleaseQueries
from annotator.store.runs import RunQueries
from annotator.store.verdicts import VerdictQueries
from annotator.store.videos import VideoQueries

__all__ = ["DATABASE", "Store", "open_store"]

DATABASE = "project.sqlite"


class Store(VideoQueries, PairQueries, VerdictQueries, RunQueries, ReleaseQueries):
    """The one way to a project's database; thread-safe, each call its own short transaction."""


def open_store(project_dir: Path) -> Store:
    """Opens (or begins) the database of a project folder, migrating an older one after a backup.

    Raises UserError where it is no project database, of a newer version, or cannot be written.
    """
    path = project_dir / DATABASE
    engine = open_engine(path)
    try:
        with database_errors(path):
            migrate(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, path)
