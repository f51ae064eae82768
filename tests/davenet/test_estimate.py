"""The dry run takes real steps of the real model, promises what the run then does, and leaves nothing behind."""

from pathlib import Path

import pytest
from synthetic_clips import write_synthetic_clip

from davenet import jobs
from davenet.errors import UserError
from davenet.pairs import uniform_pairs, write_pairs
from davenet.specs import EstimateSpec, TrainSpec


def _spec(folder: Path, n_clips: int = 1, **config: object) -> TrainSpec:
    for name in ("train", "validation"):
        write_pairs(folder / f"{name}.jsonl", uniform_pairs("kitchen", [2.0 * t + 2 for t in range(9)]))
    if n_clips:
        write_synthetic_clip(folder / "clips", "kitchen", 40, 1, size=(64, 48))
    return TrainSpec(
        run_dir=folder / "run",
        clips_dir=folder / "clips",
        train_pairs=folder / "train.jsonl",
        validation_pairs=folder / "validation.jsonl",
        preset="small",
        config={"batch_size": 4, "epochs": 3, "threads": 1, **config},
        device="cpu",
    )


def test_it_promises_the_steps_that_the_run_then_takes_and_writes_nothing(tmp_path: Path) -> None:
    spec = _spec(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    told = jobs.run_job(EstimateSpec(train=spec)).result
    assert sorted(tmp_path.rglob("*")) == before
    done = jobs.run_job(spec).result
    assert told["steps"] == done["steps"]
    assert told["train_pairs"] == told["validation_pairs"] == 9
    assert told["seconds"] > told["steps"] * told["step_s"] > 0
    written = sum(file.stat().st_size for file in (spec.run_dir / "checkpoints").iterdir())
    assert told["disk_bytes"] == pytest.approx(written, rel=0.05)
    assert told["memory_bytes"] > 50 << 20


def test_a_training_that_could_not_begin_is_told_in_the_same_sentence(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with pytest.raises(UserError, match="0 readable pairs"):
        jobs.run_job(EstimateSpec(train=_spec(tmp_path, n_clips=0)))


def test_one_small_batch_is_measured_as_well(tmp_path: Path) -> None:
    told = jobs.run_job(EstimateSpec(train=_spec(tmp_path, batch_size=32, epochs=2))).result
    assert told["steps"] == 2
    assert told["unreadable_pairs"] == 0
