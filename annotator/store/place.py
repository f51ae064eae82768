"""Where a project's database lies: a file in the project's folder, or a schema of its own on a PostgreSQL server.

A project on a server has a small file instead of the database, which never holds a password.
"""

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from annotator.project_folder import PLACE
from davenet.errors import UserError
from davenet.files import write_text_atomically

URL_VARIABLE = "ANNOTATOR_DATABASE_URL"
_DRIVER = "postgresql+psycopg"


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """A schema of a PostgreSQL database; the URL has a password only where it was just given."""

    url: URL
    schema: str

    @property
    def name(self) -> str:
        """The database as people speak of it."""
        return f"{self.url.database or self.url.username or 'PostgreSQL'} on {self.url.host or 'this machine'}"


def new_place(url: str) -> ServerPlace:
    """Returns a place for a new project on a server; raises UserError for an address of something else."""
    return ServerPlace(server_url(url), f"annotator_{uuid.uuid4().hex[:12]}")


def read_place(folder: Path) -> ServerPlace | None:
    """Returns where a project's database lies on a server, or None where it is a file in the folder.

    ANNOTATOR_DATABASE_URL says how to reach the server in place of what the folder remembers: it may have a password.
    """
    file = folder / PLACE
    if not file.exists():
        return None
    try:
        values = json.loads(file.read_text("utf-8"))
        url, schema = str(values["database"]), str(values["schema"])
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); change its permissions.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} does not say where the project's database is; copy it from another reviewer."
        ) from error
    return ServerPlace(server_url(os.environ.get(URL_VARIABLE) or url), schema)


def write_place(folder: Path, place: ServerPlace) -> None:
    """Remembers the place in the project's folder, without any password."""
    open_query = {name: value for name, value in place.url.query.items() if name not in ("password", "passfile")}
    # set() keeps a password that it is given None for
    url = URL.create(
        place.url.drivername,
        username=place.url.username,
        host=place.url.host,
        port=place.url.port,
        database=place.url.database,
        query=open_query,
    )
    values = {"database": url.render_as_string(hide_password=False), "schema": place.schema}
    write_text_atomically(folder / PLACE, json.dumps(values, indent=1) + "\n")


def server_url(text: str) -> URL:
    """Raises UserError for anything but the address of a PostgreSQL database; the text itself may hold a password."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise UserError(
            "The database's address is not PostgreSQL's; give one like postgresql+psycopg://USER@HOST/DATABASE."
        )
    return url.set(drivername=_DRIVER)
