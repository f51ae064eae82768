"""Verbs without their jobs: what training freezes, how validation is chosen, what planning refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_maker import decide, fill_store, make_project

from annotator import verbs
from annotator.project import Project
from davenet.errors import UserError
from davenet.heartbeat import Heartbeat
from davenet.pairs import Pair, read_pairs
from davenet.specs import ImportSpec, TrainSpec


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "kitchen") as made:
        yield made


def _frozen(spec: TrainSpec) -> tuple[list[Pair], list[Pair]]:
    return list(read_pairs(spec.train_pairs)), list(read_pairs(spec.validation_pairs))


def _chosen(project: Project, spec: TrainSpec) -> str:
    record = json.loads((spec.run_dir / "run.json").read_text())
    assert record == project.store.run(spec.run_dir.name).config
    return str(record["pairs"]["validation_chosen"])


def test_training_freezes_the_accepted_pairs_of_the_splits_and_as_many_non_food(project: Project) -> None:
    pairs = fill_store(project.store, ["train", "validation", "test"])
    decide(project.store, pairs[:4] + pairs[5:8] + pairs[10:12])
    decide(project.store, [pairs[4]], "reject")
    train, validation = _frozen(spec := verbs.plan_train(project, "small"))
    assert [pair for pair in train if pair.kind == "food"] == pairs[:4]
    assert sum(pair.kind == "non-food" for pair in train) == 4
    assert {pair.video_uid for pair in train} == {"video-0"}
    assert validation == pairs[5:8]
    assert _chosen(project, spec) == "the project's splits by video"


def test_a_project_without_validation_videos_holds_out_whole_videos(project: Project) -> None:
    pairs = fill_store(project.store, ["train"] * 6)
    decide(project.store, pairs)
    train, validation = _frozen(spec := verbs.plan_train(project, "small", with_non_food=False))
    videos_of_train, videos_held = {p.video_uid for p in train}, {p.video_uid for p in validation}
    assert videos_held
    assert not videos_of_train & videos_held
    assert {*train, *validation} == set(pairs)
    assert "whole videos held out" in _chosen(project, spec)


def test_a_single_video_holds_out_its_end(project: Project) -> None:
    pairs = fill_store(project.store, ["train"], pairs_each=8)
    decide(project.store, pairs)
    train, validation = _frozen(spec := verbs.plan_train(project, "small", with_non_food=False))
    assert (train, validation) == (pairs[:6], pairs[6:])
    assert "latest quarter" in _chosen(project, spec)


def test_two_accepted_pairs_are_enough_to_train(project: Project) -> None:
    pairs = fill_store(project.store, ["test"])
    decide(project.store, pairs[:2])
    train, validation = _frozen(spec := verbs.plan_train(project, "small", with_non_food=False))
    assert train == validation == pairs[:2]
    assert "training pairs themselves" in _chosen(project, spec)


@pytest.mark.parametrize("splits", [["train"] * 3, ["test"] * 3, ["validation", "test", "train"], ["train", "test"]])
@pytest.mark.parametrize("n_accepted", [2, 3, 4, 6, 9])
def test_however_small_the_project_training_and_validation_have_two_pairs(
    project: Project, splits: list[str], n_accepted: int
) -> None:
    decide(project.store, fill_store(project.store, splits)[:n_accepted])
    train, validation = _frozen(verbs.plan_train(project, "small"))
    assert len(train) >= 2
    assert len(validation) >= 2
    assert all(pair.kind == "food" for pair in validation)


def test_fewer_than_two_accepted_pairs_are_told_and_nothing_is_made(project: Project) -> None:
    decide(project.store, fill_store(project.store, ["train"])[:1])
    with pytest.raises(UserError, match=r"1 accepted pair and .* accept pairs in Review first"):
        verbs.plan_train(project, "small")
    assert list(project.runs_dir.iterdir()) == []
    assert project.store.runs() == []


def test_impossible_training_values_are_told_before_anything_is_made(project: Project) -> None:
    decide(project.store, fill_store(project.store, ["train"]))
    for preset, config, start_from, message in (
        ("none-such", {}, None, "no preset called none-such"),
        ("small", {"epochs": 0}, None, "epochs"),
        ("small", {"colour": "red"}, None, "colour"),
        ("small", {}, Path("/nowhere/model.safetensors"), "does not exist"),
        ("small", {}, "042", "no run 042"),
    ):
        with pytest.raises(UserError, match=message):
            verbs.plan_train(project, preset, config=config, start_from=start_from)
    assert list(project.runs_dir.iterdir()) == []


def test_runs_are_numbered_and_found_by_number_or_as_the_latest(project: Project) -> None:
    decide(project.store, fill_store(project.store, ["train"]))
    names = [verbs.plan_train(project, preset).run_dir.name for preset in ("small", "demo")]
    assert names == ["001-small", "002-demo"]
    assert verbs.resolve_run(project, "2").id == "002-demo"
    assert verbs.resolve_run(project, "latest").id == "002-demo"
    with pytest.raises(UserError, match="already has a run mine"):
        for _ in range(2):
            verbs.plan_train(project, "small", run_id="mine")
    with pytest.raises(UserError, match="cannot name a run"):
        verbs.plan_train(project, "small", run_id="../outside")


def test_a_stopped_run_is_planned_again_where_the_project_now_lies(tmp_path: Path) -> None:
    project, pairs = make_project(tmp_path / "kitchen", ["train"])
    decide(project.store, pairs)
    spec = verbs.plan_train(project, "small", config={"epochs": "3"})
    verbs.run_started(project, spec, 1234)
    verbs.run_ended(project, spec, "cancelled", result={"steps": 5})
    project.close()
    (tmp_path / "kitchen").rename(tmp_path / "moved")
    with Project.open(tmp_path / "moved") as moved:
        again = verbs.plan_resume(moved, spec.run_dir.name)
        assert again.run_dir == moved.run_dir(spec.run_dir.name)
        assert again.train_pairs.exists()
        assert again.config == {"epochs": 3}
        run = moved.store.run(spec.run_dir.name)
        assert (run.state, run.pid, run.result) == ("cancelled", None, {"steps": 5})


def test_a_run_that_still_trains_is_not_started_again(project: Project) -> None:
    decide(project.store, fill_store(project.store, ["train"]))
    spec = verbs.plan_train(project, "small")
    with Heartbeat(spec.run_dir / "heartbeat"), pytest.raises(UserError, match="still trains"):
        verbs.plan_resume(project, spec.run_dir.name)
    assert verbs.plan_resume(project, spec.run_dir.name).run_dir == spec.run_dir


def test_importing_keeps_reasons_and_relinks_a_moved_file(project: Project, tmp_path: Path) -> None:
    media = {"duration_s": 3.0, "frame_rate": 25.0, "width": 64, "height": 48, "source_hash": "abc", "has_video": True}
    spec = ImportSpec(paths=[tmp_path])
    bad = {"path": str(tmp_path / "b.mp4"), "reason": "It is cut off."}
    summary = verbs.collect(
        project, spec, {"videos": [{"uid": "a-1", "path": str(tmp_path / "a.mp4"), **media}], "unusable": [bad]}
    )
    assert (summary["imported"], summary["unusable"]) == (["a-1"], [bad])
    assert [problem.reason for problem in project.store.problems()] == ["It is cut off."]
    assert verbs.plan_import(project, [tmp_path]).known == {}  # a.mp4 is not where it was: it is looked for again
    summary = verbs.collect(
        project, spec, {"videos": [{"uid": "new-1", "path": str(tmp_path / "new.mp4"), **media}], "unusable": []}
    )
    assert (summary["imported"], summary["known"]) == ([], ["a-1"])
    assert project.store.video("a-1").path == tmp_path / "new.mp4"


def test_verbs_say_which_step_is_missing(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="import some first"):
        verbs.plan_extract(project)
    fill_store(project.store, ["train"])
    model = tmp_path / "model.onnx"
    model.write_bytes(b"")
    for plan, message in (
        (lambda: verbs.plan_detect(project, f"onnx:{model}", classes=model), "extract first"),
        (lambda: verbs.plan_detect(project, "guess"), "no food detector"),
        (lambda: verbs.plan_detect(project, "onnx:"), "names no model"),
        (lambda: verbs.plan_detect(project, "import:/nowhere.jsonl"), "does not exist"),
        (lambda: verbs.plan_mine(project), "detect its foods first"),
        (lambda: verbs.plan_evaluate(project, "latest"), "no run latest"),
        (lambda: verbs.plan_import(project, [tmp_path / "none.mp4"]), "does not exist"),
        (lambda: verbs.plan_render(project, "video-0", model, tmp_path / "a.avi"), "must end in .mp4"),
        (lambda: verbs.plan_render(project, "video-0", model, tmp_path / "a.mp4", start_s=99.0), "lasts 60.0 s"),
        (lambda: verbs.plan_render(project, "video-0", model, tmp_path / "a.mp4", end_s=0.0), "must lie after"),
        (lambda: verbs.plan_render(project, "video-0", model, tmp_path / "a.mp4", alpha=2.0), "alpha"),
    ):
        with pytest.raises(UserError, match=message):
            plan()  # type: ignore[no-untyped-call]
