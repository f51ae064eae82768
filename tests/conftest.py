"""Fixtures for every test: where the real data lies, and a display-free Qt."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

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
