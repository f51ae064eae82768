"""Scores of a run's model: frozen, made by a real child process, taken into the database, and shown by pair."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from annotator import verbs
from annotator.cli import main
from annotator.demo.project import run_in_child
from annotator.project import Project
from annotator.store.records import PairScore, RunRecord, VideoRecord
from annotator.verbs.scoring import read_scores
from davenet.errors import UserError
from davenet.pairs import Pair, WeakLabel

DAVENET_TESTS = Path(__file__).resolve().parents[1] / "davenet"
MAKE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
from synthetic_clips import write_synthetic_clip
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet
torch.manual_seed(1)
write_synthetic_clip(Path(sys.argv[2]), "soup", 12, 0)
config = MODEL_CONFIGS["small"].model_copy(update={"image_size": 32, "resize": 32})
save_checkpoint(Path(sys.argv[3]), DAVEnet(config), metadata={})
"""


def food_pair(second: int) -> Pair:
    said = WeakLabel("onion", 0.9, 1, "onion", second + 0.1, second + 0.5, 0.8)
    return Pair(f"pair-{second}", "soup", second + 0.5, 1.0, "food", (said,), 0.9)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run 001 has a checkpoint, scored once by a child process."""
    folder = tmp_path_factory.mktemp("scored") / "project"
    with Project.create(folder) as project:
        project.store.add_videos([VideoRecord("soup", folder / "soup.mp4", "soup", 12.0, 10.0, 160, 90, "hash")])
        project.store.put_pairs([food_pair(second) for second in range(11)], {})
        project.store.add_run(RunRecord("001-small", "small", "finished"))
        checkpoint = project.run_dir("001-small") / "checkpoints" / "best.safetensors"
        checkpoint.parent.mkdir(parents=True)
        command = [sys.executable, "-c", MAKE, str(DAVENET_TESTS), str(project.clips_dir), str(checkpoint)]
        subprocess.run(command, check=True)
        spec = verbs.plan_score(project, "latest", device="cpu")
        summary = verbs.collect(project, spec, run_in_child(spec))
        assert (summary["run"], summary["scored"], summary["unreadable"]) == ("001-small", 11, 0)
    return folder


def test_every_pair_has_the_score_that_the_jobs_file_holds(scored: Path) -> None:
    with Project.open(scored) as project:
        lines = (project.run_dir("001-small") / "scores.jsonl").read_text().splitlines()
        kept = project.store.scores("001-small")
        assert len(lines) == 11 and {one.n for one in kept.values()} == {11}
        for values in map(json.loads, lines):
            score = PairScore(values["pair"], values["similarity"], values["rank"], values["n"])
            assert kept[values["pair"]] == score
            assert project.store.scores_of_pair(values["pair"]) == [("001-small", score)]
        assert len({one.rank for one in kept.values()}) > 3
        assert project.store.pair("pair-3").rank == kept["pair-3"].rank


def test_scoring_again_takes_the_place_of_the_older_scores(scored: Path) -> None:
    with Project.open(scored) as project:
        spec = verbs.plan_score(project, "1", device="cpu")
        before = project.store.scores("001-small")
        lines = spec.out.read_text().splitlines()
        spec.out.write_text("\n".join(lines[:4]) + "\n")
        verbs.collect(project, spec, {"scored": 4})
        assert set(project.store.scores("001-small")) == {json.loads(line)["pair"] for line in lines[:4]}
        spec.out.write_text("\n".join(lines) + "\n")
        verbs.collect(project, spec, {"scored": 11})
        assert project.store.scores("001-small") == before


def test_a_line_that_is_no_score_is_named_and_nothing_is_taken(scored: Path) -> None:
    with Project.open(scored) as project:
        spec = verbs.plan_score(project, "1")
        before, text = project.store.scores("001-small"), spec.out.read_text()
        spec.out.write_text(text + '{"pair": "pair-1", "similarity": "much"}\n')
        with pytest.raises(UserError, match=r"scores\.jsonl, line 12 is not a score"):
            verbs.collect(project, spec, {})
        spec.out.write_text(text)
        assert project.store.scores("001-small") == before
    with pytest.raises(UserError, match="cannot be read"):
        list(read_scores(scored / "no-such.jsonl"))


def test_a_project_without_pairs_or_runs_is_told_what_to_do(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Project.create(tmp_path / "project") as project:
        project.store.add_run(RunRecord("001-small", "small", "finished"))
        checkpoint = project.run_dir("001-small") / "checkpoints" / "best.safetensors"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_bytes(b"")
        with pytest.raises(UserError, match="has no food pairs and a place needs two"):
            verbs.plan_score(project, "001-small")
    assert main(["score", str(tmp_path / "project"), "007"]) == 2
    assert "007" in capfd.readouterr().err


def test_the_command_line_says_how_people_agree_and_how_pairs_are_asked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "project"
    with Project.create(folder) as project:
        project.store.add_videos([VideoRecord("soup", folder / "soup.mp4", "soup", 12.0, 10.0, 160, 90, "hash")])
        project.store.put_pairs([food_pair(second) for second in range(4)], {})
        assert main(["review", "agreement", str(folder)]) == 0
        assert "--second 10" in capfd.readouterr().out
        for second, (ada, grace) in enumerate(("ar", "aa", "rr", "aa")):
            for reviewer, letter in (("ada", ada), ("grace", grace)):
                decision = "accept" if letter == "a" else "reject"
                project.store.give_verdict(f"pair-{second}", decision, reviewer=reviewer, seconds=2.0, window_s=2.0)
        project.store.set_gold("pair-0", "reject", set_by="tom")
    assert main(["review", "agreement", str(folder), "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["kappa"][0]["reviewers"] == ["ada", "grace"]
    assert told["kappa"][0]["value"] == pytest.approx(0.5) and told["kappa"][0]["n_units"] == 4
    assert main(["review", "stats", str(folder), "--json"]) == 0
    people = json.loads(capfd.readouterr().out)["people"]
    assert (people["ada"]["gold_right"], people["grace"]["gold_right"]) == (0, 1)
    assert people["grace"]["second_reviews"] + people["grace"]["gold_asked"] >= 1
    assert main(["review", "settings", str(folder), "--second", "10", "--blind"]) == 0
    assert "second reviews of 10 %" in capfd.readouterr().out
    with Project.open(folder) as project:
        asked = project.store.review_settings()
        assert (asked.second_share, asked.gold_share, asked.blind) == (0.1, 0.0, True)
    assert main(["review", "settings", str(folder), "--second", "101"]) == 2
