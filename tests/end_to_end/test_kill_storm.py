"""The app is killed at random moments under a stream of verdicts: `kill_storm.py 500` does the same at length."""

import os
from pathlib import Path

import kill_storm
import pytest

KILLS = 12


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked, which this system cannot do")
def test_killing_the_window_loses_no_acknowledged_verdict_and_it_reopens_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    project = kill_storm.make_project(tmp_path, n_pairs=400)
    found = kill_storm.in_a_process_of_its_own(project, KILLS)
    assert found.faults == []
    assert found.kills == KILLS
    assert found.acknowledged
    assert found.reopened["at the same pair"] > 0
