"""What a run leaves in its folder, the image branch that stays as it is, and the command by which people train."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import assert_same_files, ignore, metrics_of, never, spec_of, write_material

from davenet import __main__ as job_side
from davenet import events
from davenet.commands import train as command
from davenet.pairs import read_pairs
from davenet.run_log import blank_steps
from davenet.specs import TrainSpec
from davenet.training.dataset import PairReader, Segmenting, batch_indices
from davenet.training.environment import git_state
from davenet.training.loader import Loader
from davenet.training.loop import train
from davenet.training.presets import preset


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def finished(material: Path) -> Path:
    """The folder of a run that has finished."""
    train(spec_of(material, material / "finished"), ignore, never)
    return material / "finished"


def test_folder_tells_what_was_trained_on_with_what_and_how_it_went(material: Path, finished: Path) -> None:
    for name in ("train", "validation"):
        frozen = finished / f"{name}.pairs.jsonl"
        assert list(read_pairs(frozen)) == list(read_pairs(material / f"{name}.jsonl"))
    config = json.loads((finished / "config.json").read_text())
    assert config["train_pairs"] == {
        "path": str(material / "train.jsonl"),
        "hash": config["train_pairs"]["hash"],
        "frozen": "train.pairs.jsonl",
        "usable": 64,
    }
    machine = json.loads((finished / "environment.json").read_text())
    assert machine["packages"]["safetensors"] and machine["torch"]["version"] and machine["cores"] >= 1
    assert TrainSpec.model_validate_json((finished / "spec.json").read_text()).run_dir == finished
    seen = [events.from_line(line) for line in (finished / "events.jsonl").read_text().splitlines()]
    assert isinstance(seen[0], events.Started) and isinstance(seen[-1], events.Finished)
    log = (finished / "log.txt").read_text().splitlines()
    assert "Started in process" in log[0] and log[-1].endswith("Finished.")
    assert not (finished / "heartbeat").exists()


def test_tensorboard_shows_every_step_and_every_measurement(finished: Path) -> None:
    board = EventAccumulator(str(finished / "tensorboard"))
    board.Reload()
    lines = metrics_of(finished)
    losses = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    assert [(point.step, pytest.approx(point.value)) for point in board.Scalars("train/loss")] == losses
    recalls = [line["audio_recall_at_10"] for line in lines if "audio_recall_at_10" in line]
    assert [point.value for point in board.Scalars("validation/audio_recall_at_10")] == pytest.approx(recalls)


def test_git_state_is_that_of_a_checkout_and_of_no_folder_inside_of_another(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *who, *arguments], check=True, capture_output=True)

    assert git_state(tmp_path) is None
    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    state = git_state(tmp_path)
    assert state is not None and len(state["commit"]) == 40 and state["dirty"] is False
    (tmp_path / "file").write_text("2")
    assert git_state(tmp_path) == {**state, "dirty": True}
    (tmp_path / "inner").mkdir()
    assert git_state(tmp_path / "inner") is None


def test_blanked_events_keep_the_files_length_and_what_is_no_step(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    kept = events.to_line(events.Metrics(1, 0.1, {"loss": 1.0})) + "\n"
    lines = [
        events.to_line(event) + "\n"
        for event in (
            events.Metrics(2, 0.2, {"loss": 1.0}),
            events.Message("Ein Löffel Öl"),
            events.Progress(1, 2),
            events.Cancelled({}),
        )
    ]
    half = '{"v": 1, "event": "metr'
    path.write_bytes((kept + "".join(lines) + half).encode())
    size = path.stat().st_size
    blank_steps(path, len(kept))
    assert path.stat().st_size == size
    found = [events.from_line(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    assert [type(event).__name__ for event in found] == ["Metrics", "Message", "Cancelled"]


def test_frozen_image_branch_stays_and_its_pictures_are_decoded_once(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    picture = PairReader._picture

    def counted(self: PairReader, *arguments: Any) -> object:
        looked.append("picture")
        return picture(self, *arguments)

    first = train(spec_of(material, tmp_path / "first", epochs=1), ignore, never)
    begin = {"start_from": Path(first["checkpoint"])}
    monkeypatch.setattr(PairReader, "_picture", counted)
    spec = spec_of(material, tmp_path / "run", freeze_image=True, similarity="misa").model_copy(update=begin)
    result = train(spec, ignore, never)
    n_validation = 16 * 3  # a gallery before the first step and after each epoch
    assert len(looked) == n_validation
    before, after = load_file(first["checkpoint"]), load_file(result["checkpoint"])
    for name, value in before.items():
        if name.startswith("image_branch."):
            assert (after[name] == value).all(), name  # running statistics too
    assert any((after[name] != value).any() for name, value in before.items())
    assert (tmp_path / "run" / "image-maps").is_dir()


def test_maps_of_a_project_lie_in_its_cache_where_the_next_run_finds_them(tmp_path: Path) -> None:
    material = write_material(tmp_path)
    (material / "cache").mkdir()
    seen: list[events.Event] = []
    for name in ("one", "two"):
        train(spec_of(material, tmp_path / name, epochs=1, freeze_image=True), seen.append, never)
    said = [e.text for e in seen if isinstance(e, events.Message) and "to be computed" in e.text]
    assert [" 0 are to be computed" in text for text in said] == [False, True]
    assert not (tmp_path / "one" / "image-maps").exists()


def test_frozen_run_goes_on_to_the_numbers_of_an_undisturbed_one(material: Path, tmp_path: Path) -> None:
    train(spec_of(material, tmp_path / "whole", freeze_image=True), ignore, never)
    spec = spec_of(material, tmp_path / "cut", freeze_image=True)
    asked = iter([False] * 20)

    def after_three_steps(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.unit == "pairs":
            list(asked)

    with pytest.raises(events.Stop):
        train(spec, after_three_steps, lambda: next(asked, True))
    train(spec, ignore, never)
    assert metrics_of(tmp_path / "cut") == metrics_of(tmp_path / "whole")
    assert_same_files(*(tmp_path / run / "checkpoints" / "last.safetensors" for run in ("cut", "whole")))


def test_loader_that_is_left_early_ends_its_threads(material: Path) -> None:
    spec = spec_of(material, material / "unused")
    config = preset(spec.preset, spec.config)
    pairs = list(read_pairs(material / "train.jsonl"))
    reader = PairReader(material / "clips", config.built_model(), Segmenting(1.0, "frame"))
    chosen = batch_indices([p.video_uid for p in pairs], 8, seed=0, epoch=0)
    before = threading.active_count()
    batches = Loader(reader, config, torch.device("cpu")).batches(pairs, chosen, 0)
    assert len(next(batches).batch.pairs) == 8
    batches.close()
    assert threading.active_count() == before
    assert sum(len(b.batch.pairs) for b in Loader(reader, config, torch.device("cpu")).batches(pairs, chosen, 0)) == 64


ARGUMENTS = [
    "--preset", "small", "--set", "epochs=1", "--set", "image_size=32", "--set", "batch_size=16", "--set", "segment_s=1.0",
    "--set", "anchor_epochs=0", "--set", "threads=1", "--device", "cpu",
]  # fmt: skip


def arguments_for(material: Path, run_dir: Path, *more: str) -> list[str]:
    files = ["--clips", str(material / "clips"), "--pairs", str(material / "train.jsonl")]
    files += ["--validation", str(material / "validation.jsonl"), "--run", str(run_dir)]
    return [*files, *ARGUMENTS, *more]


@pytest.fixture
def kept_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_people_train_from_files_alone_and_read_how_it_goes(
    material: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kept_signals: None
) -> None:
    assert job_side.main(["train", *arguments_for(material, tmp_path / "run")]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("epoch 0: audio R@10")
    assert any(line.startswith("epoch 1 of 1") and "loss" in line for line in told)
    assert told[-1] == f"Finished: the best checkpoint is {tmp_path / 'run' / 'checkpoints' / 'best.safetensors'}"
    spec = TrainSpec.model_validate_json((tmp_path / "run" / "spec.json").read_text())
    assert (spec.preset, spec.config["epochs"], spec.clips_dir) == ("small", 1, material / "clips")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--set", "epochs"], "--set epochs gives no value"),
        (["--set", "speed=9"], "speed"),
        (["--set", "loss=worst"], "loss"),
        (["--image-weights", "nothing.pth"], "nothing.pth"),
        (["--start-from", "nothing.safetensors"], "nothing.safetensors"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    material: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kept_signals: None,
    more: list[str],
    sentence: str,
) -> None:
    assert command.main(arguments_for(material, tmp_path / "run", *more)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_interrupt_saves_and_the_same_command_goes_on(material: Path, tmp_path: Path) -> None:
    shown = [
        sys.executable,
        "-m",
        "davenet",
        "train",
        *arguments_for(material, tmp_path / "run", "--set", "epochs=300"),
    ]
    with subprocess.Popen(shown, stderr=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line.strip())
            if line.startswith("epoch 1 of") and process.poll() is None:
                os.kill(process.pid, signal.SIGINT)
    assert process.returncode == 130
    assert sum(line.startswith("Stopping: ") for line in lines) == 1
    assert lines[-1] == "Stopped and saved; the same command goes on from here."
    assert (tmp_path / "run" / "checkpoints" / "state.safetensors").is_file()
