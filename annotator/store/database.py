"""Short transactions on a project's database: what the store's queries by subject have in common."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from annotator.store.opening import database_errors

BATCH = 500  # values in one IN (...): well under every database's limit on parameters


def in_batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), BATCH):
        yield values[first : first + BATCH]


class Database:
    """An engine with the two ways to use it; each call of the store is one transaction, from any thread."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self.path = path

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with database_errors(self.path), Session(self._engine) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """Takes the write lock at once: a transaction never fails half-way because another wrote after it had read."""
        with (
            database_errors(self.path),
            self._engine.connect().execution_options(writes=True) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.commit()

    def close(self) -> None:
        self._engine.dispose()
