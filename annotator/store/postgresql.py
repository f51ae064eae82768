"""Databases of projects on a PostgreSQL server: the engine, a project's schema, and what the server's errors mean.

Writers take turns under one advisory lock a project, as they do under SQLite's write lock: the same code then sees the
same world on both, and rows become visible in the order of their numbers, which those who follow changes rely on.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, text

from annotator.store.place import ServerPlace
from davenet.errors import UserError, one_line

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_MS = 5000
_WRITERS = 0x6D6D61  # the first half of the advisory lock's key: this app's, whatever else uses the database


def open_server_engine(place: ServerPlace) -> Engine:
    """Returns an engine whose every connection works in the project's schema; nothing is connected yet.

    Raises UserError where the driver is not installed.
    """
    try:
        engine = create_engine(
            place.url,
            pool_pre_ping=True,  # a server that was restarted meanwhile costs no error
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": f"-c search_path={place.schema} -c lock_timeout={LOCK_TIMEOUT_MS}",
                "application_name": "Matchmap Annotator",
            },
        )
    except ModuleNotFoundError as error:
        raise UserError(
            f"The project's database is {place.name}, and the driver for PostgreSQL is not installed; "
            'run: pip install "matchmap-annotator[postgresql]"'
        ) from error

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writes", False):
            lock = text("SELECT pg_advisory_xact_lock(:app, :project)")
            connection.execute(lock, {"app": _WRITERS, "project": writers_key(place.schema)})

    return engine


def writers_key(schema: str) -> int:
    """Returns the second half of the advisory lock's key, a signed 32-bit number."""
    return zlib.crc32(schema.encode()) - (1 << 31)


def create_schema(engine: Engine, place: ServerPlace, project_name: str) -> None:
    """Makes a new project's schema; one that exists already is left as it is."""
    with server_errors(place.name), engine.begin() as connection:
        quoted = engine.dialect.identifier_preparer.quote(place.schema)
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")
        said = f"Matchmap Annotator: {project_name}".replace("'", "''").replace("%", "%%")
        connection.exec_driver_sql(f"COMMENT ON SCHEMA {quoted} IS '{said}'")


def drop_schema(engine: Engine, place: ServerPlace) -> None:
    """Takes back a schema that was begun and could not be filled."""
    with suppress(exc.DBAPIError), engine.begin() as connection:
        quoted = engine.dialect.identifier_preparer.quote(place.schema)
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quoted} CASCADE")


def role_of(engine: Engine, place: ServerPlace) -> str:
    """Returns the database role that the server knows us by; raises UserError where the schema is not there."""
    with server_errors(place.name), engine.connect() as connection:
        role, schema = connection.exec_driver_sql("SELECT current_user, current_schema()").one()
        there = schema == place.schema or connection.scalar(
            text("SELECT 1 FROM pg_namespace WHERE nspname = :schema"), {"schema": place.schema}
        )
    if not there:
        raise UserError(f"The database {place.name} has no project {place.schema}; check the database's address.")
    if schema != place.schema:  # it is there, but not for us
        raise UserError(_no_rights(place.name, role))
    return str(role)


@contextmanager
def server_errors(name: str) -> Iterator[None]:
    """Turns what the world does to a database server into a UserError; our own mistakes pass through."""
    try:
        yield
    except exc.DBAPIError as error:
        if sentence := server_sentence(name, error):
            raise UserError(sentence) from error
        raise


def server_sentence(name: str, error: exc.DBAPIError) -> str:
    """Returns what an error of the server means and what to do; '' for one that is our own mistake."""
    origin: Any = error.orig
    state = getattr(origin, "sqlstate", None) or ""
    reason = one_line(origin or error)
    if sentence := _BY_STATE.get(state) or _BY_STATE.get(state[:2]):
        return sentence.format(name=name)
    if state == "42501":
        return _no_rights(name, "")
    if state or not isinstance(error, exc.OperationalError):
        return ""
    for fragment, sentence in _BY_TEXT.items():
        if fragment in reason:
            return sentence.format(name=name)
    return f"The database {name} does not answer; check that its server runs and can be reached, then try again."


def _no_rights(name: str, role: str) -> str:
    who = f"The role {role}" if role else "Your role"
    return f"{who} may not use this project in the database {name}; ask its owner to grant the rights."


_PASSWORD = (
    "The database {name} refused the password or the role; "
    "give both in ANNOTATOR_DATABASE_URL, or the password in PGPASSWORD or ~/.pgpass."
)
_BY_STATE = {  # of whole states, then of their classes
    "28": _PASSWORD,
    "3D000": "There is no database {name}; create it with createdb, or correct the address.",
    "25006": "The database {name} only lets itself be read now; connect to the server that takes changes.",
    "53100": "The disk of the database {name} is full; free some space there and try again.",
    "53300": "The database {name} takes no more connections; close another app or try again later.",
    "53": "The server of the database {name} has run out of memory or space; try again later.",
    "55P03": "The database {name} stayed locked by another reviewer for 5 s; try again.",
    "57P": "The server of the database {name} was stopped; try again when it runs.",
    "57P01": "The server of the database {name} was stopped; try again when it runs.",
    "57P02": "The server of the database {name} was stopped; try again when it runs.",
    "57P03": "The server of the database {name} is starting or stopping; try again in a moment.",
    "58": "The server of the database {name} reports an error of its disk; nothing was kept, try again later.",
    "XX": "The server of the database {name} reports that its data are damaged; restore its backup.",
}
_BY_TEXT = {  # connecting fails without a state
    "password": _PASSWORD,
    "authentication failed": _PASSWORD,
    "pg_hba.conf": _PASSWORD,
    "role ": _PASSWORD,
    "too many": _BY_STATE["53300"],
    "database ": _BY_STATE["3D000"],
    "starting up": _BY_STATE["57P03"],
    "shutting down": _BY_STATE["57P03"],
}
