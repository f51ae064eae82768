"""Fixtures for every test: where the real data lies, and a display-free Qt."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from postgresql_server import Server, server_programs

settings.register_profile("no seconds", deadline=None)  # machines are shared: a slow example is no failure
settings.load_profile("no seconds")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYTHONHASHSEED", "0")
REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real media beside the checkout; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real media for tests is not here ({SHARED_DATA})")
    return SHARED_DATA


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real PostgreSQL server; tests that need it are skipped where its programs or its driver are not installed."""
    pytest.importorskip("psycopg", reason="the driver for PostgreSQL is not installed")
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed (Debian's package postgresql)")
    server = Server(programs)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def every_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test twice: new projects keep their database in a file, then on a PostgreSQL server."""
    if request.param == "postgresql":
        monkeypatch.setenv("ANNOTATOR_DATABASE_URL", request.getfixturevalue("postgresql").url())
    return str(request.param)
