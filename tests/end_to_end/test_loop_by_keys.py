"""The whole loop in a real window by keys alone: a miss is found, twenty pairs are judged, a run learns from the verdicts."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from annotator import datasets, verbs
from annotator.demo import project as demo_project
from annotator.demo.project import CHECKPOINT, prepare, run_in_child
from annotator.project import Project

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        shutil.which("Xvfb") is None or shutil.which("xdotool") is None,
        reason="Xvfb or xdotool is not installed (Debian: sudo apt install xvfb xdotool)",
    ),
]
ME = "ann"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo with verdicts on every third pair of each video, and a run that learnt from them yesterday."""
    monkeypatch.setattr(demo_project, "_MAPPED_AT_ONCE", 0)
    folder = tmp_path / "demo"
    prepare(folder, lambda _text: None)
    with Project.open(folder) as project:
        project.store.set_setting("proxies", False)
        project.store.set_setting("reviewer", ME)
        for pair in project.store.food_pairs()[::3]:
            project.store.give_verdict(pair.uid, "accept", reviewer=ME, seconds=1.0, window_s=2.0)
        frozen = datasets.freeze(project, datasets.Selection())
        spec = verbs.plan_train(project, "demo", config={"epochs": 1}, start_from=CHECKPOINT, dataset=frozen.id)
        verbs.collect(project, spec, run_in_child(spec))
    return folder


def test_a_miss_twenty_pairs_their_verdicts_a_fine_tune_and_what_they_bought_all_by_keys(
    demo: Path, repository: Path
) -> None:
    from benchmarks.window.desk import desk

    with desk((1280, 720)) as environment:
        command = [sys.executable, str(Path(__file__).with_name("loop_walk.py")), str(demo)]
        environment = {**environment, "PYTHONPATH": str(repository)}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=repository, timeout=500)
    assert ran.returncode == 0, ran.stderr[-3000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["miss"]["source"] == told["before"] and told["miss"]["is_hit"] is False
    assert told["miss"]["says"].startswith("✕")
    assert len(set(told["sent"])) == 20
    assert sorted(uid for uid, _ in told["given"]) == sorted(told["sent"])
    assert {decision for _, decision in told["given"]} == {"accept", "reject"}
    assert "points" in told["bought"]["gain"] and "against run 1" in told["bought"]["how"]
    assert told["bought"]["verdicts"].startswith("20 verdicts since")
    with Project.open(demo) as project:
        run = project.store.run(told["run"])
        assert run.state == "finished", run.message
        newest, older = datasets.versions(project)[:2]
        assert newest.parent == older.id and datasets.verdicts_since(project, newest) == 20
        learnt = {each.pair.uid for each in datasets.read(newest)}
        rejected = {uid for uid, decision in told["given"] if decision == "reject"}
        assert learnt.isdisjoint(rejected) and learnt & (set(told["sent"]) - rejected)
