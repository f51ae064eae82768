"""What tests of runs share: a folder with clips and pairs, the spec of a quick run on them, and how to read what it left."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from synthetic_clips import write_synthetic_clip

from davenet.pairs import write_pairs
from davenet.specs import TrainSpec

torch.set_num_threads(1)  # tests run side by side, one to a core
OF_TIME = ("pairs_per_s", "waiting_share")  # what no two runs have alike


def write_material(folder: Path) -> Path:
    """Writes clips/, train.jsonl (64 pairs of 4 videos) and validation.jsonl (16 pairs of another); returns the folder."""
    (folder / "clips").mkdir()
    pairs = [p for seed in range(4) for p in write_synthetic_clip(folder / "clips", f"video-{seed}", 16, seed)]
    write_pairs(folder / "train.jsonl", pairs)
    write_pairs(folder / "validation.jsonl", write_synthetic_clip(folder / "clips", "unseen", 16, 99))
    return folder


def spec_of(folder: Path, run_dir: Path, **config: object) -> TrainSpec:
    """Returns the spec of a run of the small model on the material of a folder: 4 steps an epoch, 2 epochs."""
    values: dict[str, object] = {
        "image_size": 32, "batch_size": 16, "epochs": 2, "segment_s": 1.0, "learning_rate": 0.003, "warm_up_steps": 0,
        "anchor_epochs": 0, "threads": 1, "optimiser": "adamw",
    }  # fmt: skip
    return TrainSpec(
        run_dir=run_dir,
        clips_dir=folder / "clips",
        train_pairs=folder / "train.jsonl",
        validation_pairs=folder / "validation.jsonl",
        preset="small",
        config={**values, **config},
        device="cpu",
    )


def metrics_of(run_dir: Path) -> list[dict[str, float]]:
    """Returns the lines of metrics.jsonl without what depends on the time."""
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in OF_TIME} for line in lines]


def assert_same_files(found: Path, expected: Path) -> None:
    """Asserts that two safetensors files hold the same numbers under the same names."""
    these, those = load_file(found), load_file(expected)
    assert these.keys() == those.keys()
    for name, value in those.items():
        np.testing.assert_array_equal(these[name], value, err_msg=f"{found.name} {name}")


def never() -> bool:
    return False


def ignore(event: object) -> None:
    """Stands for whoever listens to a run."""
