"""The files of a run's folder that are neither state nor checkpoint: what it was asked, with what, and how it went.

config.json, spec.json, environment.json, the frozen pairs, metrics.jsonl, and the same metrics for TensorBoard. The state says
how much of them belongs to it: a run that goes on cuts off the rest, so that every step stands there once.
"""

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from davenet.files import atomic_path, content_hash, disk_error, write_text_atomically
from davenet.model.config import ModelConfig
from davenet.run_log import EVENTS_FILE, blank_steps
from davenet.specs import TrainSpec
from davenet.training.distributed import World
from davenet.training.environment import environment
from davenet.training.presets import TrainConfig
from davenet.training.state import Place

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
FROZEN = {"train_pairs": "train.pairs.jsonl", "validation_pairs": "validation.pairs.jsonl"}


def write_beginning(
    spec: TrainSpec, config: TrainConfig, model: ModelConfig, world: World, usable: dict[str, int]
) -> None:
    """Writes what the run was asked and with what; `usable` counts the pairs of each file that it uses."""
    pairs: dict[str, Any] = {}
    for name, frozen in FROZEN.items():
        path: Path = getattr(spec, name)
        _freeze(path, spec.run_dir / frozen)
        pairs[name] = {"path": str(path), "hash": content_hash(path), "frozen": frozen, "usable": usable[name]}
    values = {
        "preset": spec.preset,
        "config": config.model_dump(),
        "model": model.model_dump(),
        "device": str(world.device),
        "processes": world.size,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        **pairs,
        "start_from": _named(spec.start_from),
        "image_weights": _named(spec.image_weights),
    }
    _write_json(spec.run_dir / "config.json", values)
    _write_json(spec.run_dir / "environment.json", environment(world.device, world.size))
    write_text_atomically(spec.run_dir / "spec.json", spec.model_dump_json(indent=2) + "\n")


class Metrics:
    """metrics.jsonl and TensorBoard's files: one line and one point for each step that is written."""

    def __init__(self, run_dir: Path, place: Place | None) -> None:
        """Cuts off what lies beyond `place`; None: the run begins, and nothing of an earlier one is kept."""
        self._path, self._events = run_dir / METRICS_FILE, run_dir / EVENTS_FILE
        known = place or Place()
        blank_steps(self._events, known.events_bytes)
        with open(self._path, "ab"):
            pass
        if self._path.stat().st_size > known.metrics_bytes:
            os.truncate(self._path, known.metrics_bytes)
        folder = run_dir / TENSORBOARD_FOLDER
        if place is None:
            shutil.rmtree(folder, ignore_errors=True)
        self._file = open(self._path, "a", encoding="utf-8", newline="\n")
        self._board = _board(folder, known.step + 1 if place else None)

    def write(self, step: int, epoch: float, values: dict[str, float]) -> None:
        try:
            self._file.write(json.dumps({"step": step, "epoch": epoch, **values}) + "\n")
            self._file.flush()
            for name, value in values.items():
                if math.isfinite(value):
                    self._board.add_scalar(_board_name(name), value, step)
        except OSError as error:
            raise disk_error(self._path, error) from error

    def settle(self, place: Place) -> None:
        """Brings everything to the disk and notes in `place` how much of it belongs to it."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._board.flush()
        except OSError as error:
            raise disk_error(self._path, error) from error
        place.metrics_bytes = self._path.stat().st_size
        place.events_bytes = self._events.stat().st_size if self._events.is_file() else 0

    def close(self) -> None:
        for each in (self._file, self._board):
            try:
                each.close()
            except OSError:
                continue  # a full disk was told when a line was written


def _board(folder: Path, purge_step: int | None) -> Any:
    """Returns TensorBoard's writer; what its files hold from `purge_step` on counts no more."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # slow to import: the first process alone needs it

        folder.mkdir(parents=True, exist_ok=True)
        return SummaryWriter(str(folder), purge_step=purge_step, flush_secs=30)
    except OSError as error:
        raise disk_error(folder, error) from error


def _board_name(name: str) -> str:
    """Returns the name with its group: loss and rates under train, everything measured on a gallery under validation."""
    return f"validation/{name}" if name.startswith(("audio_", "visual_", "chance", "gallery")) else f"train/{name}"


def _freeze(path: Path, frozen: Path) -> None:
    """Copies a file of pairs into the run's folder, where it does not lie there already."""
    if frozen.is_file() and (frozen.samefile(path) or frozen.read_bytes() == path.read_bytes()):
        return
    with atomic_path(frozen) as temporary:
        shutil.copyfile(path, temporary)


def _named(path: Path | None) -> dict[str, str] | None:
    return None if path is None else {"path": str(path), "hash": content_hash(path)}


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_text_atomically(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
