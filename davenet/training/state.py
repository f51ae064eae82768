"""The state from which a run goes on after a kill: weights, optimiser and place in the epoch, in one safetensors file.

The order of pairs, the crops and the impostors follow from the seed and the place, so no more is kept of them.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from davenet.files import atomic_path
from davenet.model.davenet import DAVEnet

VERSION = 1


@dataclass(slots=True)
class Place:
    """How far a run has come, and what it has seen on the way."""

    epoch: int = 0  # the epoch under way, from 0
    batch: int = 0  # batches of it that are done
    step: int = 0  # batches done in all
    measured: int = -1  # epochs that were done when Recall@10 was last measured
    best: tuple[float, float] | None = None  # mean Recall@10 and minus the mean rank of the best epoch
    best_epoch: int = 0
    lost: dict[str, str] = field(default_factory=dict)  # unreadable pairs with their reasons
    figures: dict[str, Any] = field(default_factory=dict)  # the newest validation
    start_figures: dict[str, Any] = field(default_factory=dict)  # validation before the first step


def save_state(path: Path, model: DAVEnet, optimiser: torch.optim.Optimizer, place: Place, *, run_hash: str) -> None:
    """Writes the state whole or not at all; `run_hash` names the configuration and pairs that it belongs to."""
    tensors = {f"model.{name}": value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimiser.{index}.{name}"] = value.detach().cpu().contiguous()
    header = {"version": str(VERSION), "run_hash": run_hash, "place": json.dumps(asdict(place))}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def load_state(path: Path, model: DAVEnet, optimiser: torch.optim.Optimizer, *, run_hash: str) -> Place | None:
    """Brings model and optimiser to the saved state and returns its place; None where this run has none."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            header = stored.metadata() or {}
            if header.get("version") != str(VERSION) or header.get("run_hash") != run_hash:
                return None
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  (not a mapping)
        place = Place(**json.loads(header["place"]))
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None  # a damaged state costs the work since the start, never the run
    weights = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    model.load_state_dict(weights)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    place.best = tuple(place.best) if place.best else None  # type: ignore[assignment]
    return place
