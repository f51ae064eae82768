"""Runs from elsewhere: the command line that trains one there, and folders that are moved, cut, edited or of the future."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from annotator import datasets, verbs
from annotator.project import Project
from annotator.store.records import RunRecord
from davenet import events
from davenet.commands.train import _spec
from davenet.errors import UserError
from davenet.training.presets import preset
from tests.annotator.project_maker import decide, make_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made, pairs = make_project(tmp_path / "kitchen", ["train", "train", "validation"], pairs_each=6)
    decide(made.store, pairs)
    yield made
    made.close()


DONE = events.Finished({"audio_recall_at_10": 0.5})


def _folder(place: Path, *, final: events.Event | None = DONE) -> Path:
    (place / "checkpoints").mkdir(parents=True)
    (place / "checkpoints" / "best.safetensors").write_bytes(b"weights")
    config = preset("small", {"epochs": 3}).model_dump(mode="json")
    values = {"preset": "small", "config": config, "train_pairs": {"usable": 40}, "validation_pairs": {"usable": 12}}
    (place / "config.json").write_text(json.dumps(values))
    lines = [events.to_line(events.Started("train", 10.0, "pairs"))]
    lines += [events.to_line(final)] if final is not None else []
    (place / "events.jsonl").write_text("\n".join(lines) + "\n")
    return place


def test_the_command_for_elsewhere_asks_for_the_very_run_that_was_planned(project: Project, tmp_path: Path) -> None:
    start = tmp_path / "it's a start.safetensors"
    start.write_bytes(b"weights")
    images = project.path / "vgg16.pth"
    images.write_bytes(b"of images")
    spec = verbs.plan_train(
        project,
        "small",
        config={"epochs": 3, "model": "light", "flip": False},
        start_from=start,
        image_weights=images,
        dataset=_frozen(project),
    )
    command = verbs.plan_elsewhere(project, spec)
    words = shlex.split(command)
    assert words[0] == "torchrun"
    passed_on = get_args_parser().parse_args(words[1:])  # as torchrun itself reads it
    assert (passed_on.training_script, passed_on.training_script_args[0]) == ("davenet", "train")
    understood = _spec(passed_on.training_script_args[1:])
    assert understood.config == spec.config
    assert understood.preset == "small"
    copied = Path("runs") / spec.run_dir.name / "start-from.safetensors"  # it lay outside of the project
    assert (understood.start_from, understood.image_weights) == (Path.cwd() / copied, Path.cwd() / "vgg16.pth")
    assert (project.path / copied).read_bytes() == b"weights"
    assert understood.train_pairs == Path.cwd() / "runs" / spec.run_dir.name / "train.pairs.jsonl"
    assert project.store.run(spec.run_dir.name).message == verbs.ELSEWHERE


def _frozen(project: Project) -> int:
    return datasets.freeze(project, datasets.Selection()).id


def test_a_folder_that_comes_back_fills_the_run_that_waits_for_it(project: Project, tmp_path: Path) -> None:
    spec = verbs.plan_train(project, "small", dataset=_frozen(project))
    verbs.plan_elsewhere(project, spec)
    run = verbs.take_in_run(project, _folder(tmp_path / "usb" / spec.run_dir.name))
    assert (run.state, run.message) == ("finished", "")
    assert run.result["best_checkpoint"] == str(spec.run_dir / "checkpoints" / "best.safetensors")
    assert run.config["pairs"]["dataset"] == 1  # what it was asked is still known


def test_a_run_made_elsewhere_is_taken_in_with_what_it_was_asked(project: Project, tmp_path: Path) -> None:
    run = verbs.take_in_run(project, _folder(tmp_path / "first"))
    assert (run.id, run.preset, run.state) == ("first", "small", "finished")
    assert run.config["values"] == {"epochs": 3}
    assert run.result["audio_recall_at_10"] == 0.5
    with pytest.raises(UserError, match="already has a run first"):
        verbs.take_in_run(project, tmp_path / "first")
    stopped = verbs.take_in_run(project, _folder(tmp_path / "second", final=None))
    assert stopped.state == "cancelled"
    assert "resume" in stopped.message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "is no run's folder"),
        ('{"preset": "small", "conf', "is half-written"),
        ("[]", "is half-written"),
        ('{"preset": "small", "config": 3}', "is half-written"),
        ('{"preset": "of-the-future", "config": {}}', "newer version"),
        ('{"preset": "small", "config": {"warp": 9}}', "newer version"),
    ],
)
def test_what_is_no_run_is_told_in_one_sentence_and_changes_nothing(
    project: Project, tmp_path: Path, content: str | None, told: str
) -> None:
    folder = _folder(tmp_path / "odd")
    (folder / "config.json").unlink()
    if content is not None:
        (folder / "config.json").write_text(content)
    with pytest.raises(UserError, match=told) as error:
        verbs.take_in_run(project, folder)
    assert "\n" not in str(error.value)
    assert not project.store.runs()
    assert not project.run_dir("odd").exists()


@pytest.mark.parametrize(
    "garbage",
    [b'{"v": 1, "event": "finis', b"\x00\xff\xfe\x80" * 400 + b"\n", b'{"v": 99, "event": "finished", "result": {}}\n'],
    ids=["cut in mid-line", "binary noise", "of another version"],
)
def test_garbage_among_the_events_costs_no_run(project: Project, tmp_path: Path, garbage: bytes) -> None:
    folder = _folder(tmp_path / "noisy", final=None)
    with open(folder / "events.jsonl", "ab") as out:
        out.write(garbage)
    assert verbs.take_in_run(project, folder).state == "cancelled"


def test_a_run_of_another_version_has_no_command_and_says_so(project: Project) -> None:
    project.store.add_run(RunRecord("old", "small", "planned", {"spec": {"verb": "train", "warp": 9}}))
    with pytest.raises(UserError, match="another version"):
        verbs.command_elsewhere(project, project.store.run("old"))


def test_weights_that_are_gone_are_told_and_no_command_is_given(project: Project, tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    start.write_bytes(b"weights")
    spec = verbs.plan_train(project, "small", start_from=start, dataset=_frozen(project))
    start.unlink()
    with pytest.raises(UserError, match=r"cannot be copied.*bring it back"):
        verbs.plan_elsewhere(project, spec)
    with pytest.raises(UserError, match=r"no-weights\.pth does not exist"):
        verbs.plan_train(project, "small", image_weights=tmp_path / "no-weights.pth", dataset=_frozen(project))
