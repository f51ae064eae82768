"""A run that is killed (-9) at any instant goes on to the very numbers of one that nobody disturbed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from synthetic_clips import write_synthetic_clip

from davenet import events
from davenet.model.checkpoint import read_metadata
from davenet.pairs import write_pairs
from davenet.specs import TrainSpec

KILLS = 6
OF_TIME = ("pairs_per_s", "waiting_share")  # what no two runs have alike


def material(folder: Path) -> Path:
    (folder / "clips").mkdir()
    pairs = [p for seed in range(4) for p in write_synthetic_clip(folder / "clips", f"video-{seed}", 16, seed)]
    write_pairs(folder / "train.jsonl", pairs)
    write_pairs(folder / "validation.jsonl", write_synthetic_clip(folder / "clips", "unseen", 16, 99))
    return folder


def spec_of(folder: Path, run: str, **config: object) -> Path:
    """Writes the spec of a run whose every kind of chance is on, and returns its file."""
    values: dict[str, object] = {
        "image_size": 48, "batch_size": 12, "epochs": 8, "segment_s": 1.0, "learning_rate": 0.003, "warm_up_steps": 5,
        "anchor_epochs": 0, "threads": 1, "optimiser": "adamw", "loss": "info-nce", "learn_scale": True, "scale": 2.0,
        "colour_jitter": 0.2, "sound_masks": 4, "save_every_s": 0.05,
    }  # fmt: skip
    spec = TrainSpec(
        run_dir=folder / run,
        clips_dir=folder / "clips",
        train_pairs=folder / "train.jsonl",
        validation_pairs=folder / "validation.jsonl",
        preset="small",
        config={**values, **config},
        device="cpu",
    )
    path = folder / f"{run}.json"
    path.write_text(spec.model_dump_json())
    return path


def start(spec: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "davenet", "train", "--spec", str(spec), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def metrics(run_dir: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in OF_TIME} for line in lines]


def progress(run_dir: Path) -> int:
    """Returns the bytes of metrics so far: what tells that a run has come further."""
    path = run_dir / "metrics.jsonl"
    return path.stat().st_size if path.exists() else 0


def kill_in_a_while(process: subprocess.Popen[bytes], run_dir: Path, wait_s: float) -> bool:
    """Kills a process so long after it first wrote metrics; whether it was there still."""
    before = progress(run_dir)
    while process.poll() is None and progress(run_dir) == before:
        time.sleep(0.005)
    time.sleep(wait_s)
    lives = process.poll() is None
    process.kill()
    process.wait()
    return lives


def test_run_killed_at_random_moments_ends_with_the_numbers_of_an_undisturbed_one(tmp_path: Path) -> None:
    folder = material(tmp_path)
    whole = start(spec_of(folder, "whole"))
    assert whole.wait() == 0
    cut = spec_of(folder, "cut")
    chance = random.Random(7)
    n_kills = 0
    while n_kills < KILLS:
        process = start(cut, "--events", str(folder / "cut" / "events.jsonl"))
        if not kill_in_a_while(process, folder / "cut", chance.uniform(0, 0.5)):
            break
        n_kills += 1
        for checkpoint in ("last", "best"):
            path = folder / "cut" / "checkpoints" / f"{checkpoint}.safetensors"
            if path.exists():
                load_file(path)  # never half a file
    assert n_kills == KILLS
    assert start(cut, "--events", str(folder / "cut" / "events.jsonl")).wait() == 0
    assert metrics(folder / "cut") == metrics(folder / "whole")
    for name in ("last", "best", "state"):
        found, expected = (load_file(folder / run / "checkpoints" / f"{name}.safetensors") for run in ("cut", "whole"))
        assert found.keys() == expected.keys()
        for tensor, value in expected.items():
            np.testing.assert_array_equal(found[tensor], value, err_msg=f"{name} {tensor}")
    assert sorted(p.name for p in (folder / "cut" / "checkpoints").iterdir()) == [
        f"{name}.safetensors" for name in ("best", "last", "state")
    ]
    assert_no_step_is_told_twice(folder / "cut")


def assert_no_step_is_told_twice(run_dir: Path) -> None:
    seen = [events.from_line(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    told = [(e.step, "loss" in e.values) for e in seen if isinstance(e, events.Metrics)]
    assert told == sorted(set(told), key=lambda step: (step[0], not step[1]))
    assert sum(isinstance(e, events.Started) for e in seen) >= 2  # each attempt begins anew
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(run_dir / "tensorboard"))
    board.Reload()
    steps = [point.step for point in board.Scalars("train/loss")]
    assert steps == [line["step"] for line in metrics(run_dir) if "loss" in line]
