"""How much of its time a run waits for its loader, on this machine: whole runs on real JPEGs, as people start them.

The paper's model for a few steps, and the small one, whose steps are so short that the loader has little time.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.clips import demo_pairs
from benchmarks.figures import Figure
from davenet.pairs import Pair, write_pairs
from davenet.specs import TrainSpec
from davenet.training.loop import train

_BAR = 0.03
_PAPER = {"batch_size": 8, "epochs": 1, "save_every_s": 3600.0}
_SMALL = {"batch_size": 32, "epochs": 2, "anchor_epochs": 0, "segment_s": 2.0, "save_every_s": 3600.0}


def run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = demo_pairs(folder / "clips", n_videos=4, frame_rate=5.0)
        small = trained(folder, pairs[:960], "small", _SMALL, "cpu")
        paper = trained(folder, pairs[:32], "unsupervised", _PAPER, "cpu")
    return [
        Figure("share of a run that waits for its loader, VGG16 + DAVEnet", paper["waiting_share"], "", bar=_BAR),
        Figure("share of a run that waits for its loader, small model", small["waiting_share"], "", bar=_BAR),
    ]


def trained(folder: Path, pairs: list[Pair], preset: str, config: dict[str, object], device: str) -> dict[str, Any]:
    """Trains on pairs of `folder`/clips, without validation, and returns the run's result with `steps` lines of metrics."""
    write_pairs(folder / "pairs.jsonl", pairs)
    write_pairs(folder / "none.jsonl", [])
    run_dir = Path(tempfile.mkdtemp(dir=folder))
    spec = TrainSpec(
        run_dir=run_dir,
        clips_dir=folder / "clips",
        train_pairs=folder / "pairs.jsonl",
        validation_pairs=folder / "none.jsonl",
        preset=preset,
        config=config,
        device=device,
    )
    result = train(spec, lambda event: None, lambda: False)
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {**result, "lines": lines}
