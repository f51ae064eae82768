"""Short transactions on a project's database: what the store's queries by subject have in common."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from annotator.store.opening import database_errors
from davenet.errors import UserError

BATCH = 500  # values in one IN (...): well under every database's limit on parameters


def in_batches(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(values), BATCH):
        yield values[first : first + BATCH]


class Database:
    """An engine with the two ways to use it; each call of the store is one transaction, from any thread.

    `path` is the database's file in the project's folder, or where it would be if it did not lie on a server; `server`
    names it then, and `role` is who we are there. With a `read_only_reason` every writing is refused with it.
    """

    def __init__(
        self, engine: Engine, path: Path, *, read_only_reason: str = "", server: str = "", role: str = ""
    ) -> None:
        self._engine = engine
        self._reading_engine = engine
        if server:  # as SQLite's readers, who see one state from their first look to their last
            self._reading_engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.path = path
        self.read_only_reason = read_only_reason
        self.server = server
        self.role = role
        self.when_closed: Callable[[], None] = lambda: None

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with database_errors(self.path, self.server), Session(self._reading_engine) as session:
            yield session

    @contextmanager
    def _writing(self, prepare: Callable[[Connection], None] | None = None) -> Iterator[Session]:
        """Takes the write lock at once: a transaction never fails half-way because another wrote after it had read.

        What `prepare` puts into temporary tables is put there before, while others may still write.
        """
        if self.read_only_reason:
            raise UserError(self.read_only_reason)
        with database_errors(self.path, self.server), self._engine.connect() as connection:
            if prepare is not None:
                connection.detach()  # from the pool: the temporary tables end with it
                prepare(connection)
                connection.commit()
            with Session(connection.execution_options(writes=True), expire_on_commit=False) as session:
                yield session
                session.commit()

    def close(self) -> None:
        self._engine.dispose()
        self.when_closed()
