"""For every test of the app: its jobs run at the priority of the tests, which would starve them on a full machine."""

import pytest

from annotator.jobs import launch


@pytest.fixture(autouse=True)
def jobs_at_full_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "PRIORITY", ())
