"""The state from which a run goes on after a kill: one safetensors file, written whole or not at all.

Weights, optimiser, objective, every generator of chances, and the place. The order of pairs, their crops and their impostors
follow from the seed and the place. It is the run's only truth: the checkpoints and logs beside it are brought into line.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from davenet.files import atomic_path

VERSION = 2


@dataclass(slots=True)
class Place:
    """How far a run has come, and what it has seen on the way."""

    epoch: int = 0  # the epoch under way, from 0
    batch: int = 0  # batches of it that are done
    step: int = 0  # batches done in all
    measured: int = -1  # epochs that were done when Recall@10 was last measured
    best: tuple[float, float] | None = None  # mean Recall@10 and minus the mean rank of the best epoch
    best_epoch: int = 0
    best_step: int = -1  # whose weights are in the best checkpoint
    micro_batch: int = 0  # what the memory was found to hold; 0: whole batches
    left_out: list[str] = field(default_factory=list)  # pairs that were unreadable at the start, so in no batch
    lost: dict[str, None] = field(default_factory=dict)  # pairs that could not be read, each told once
    figures: dict[str, Any] = field(default_factory=dict)  # the newest validation
    start_figures: dict[str, Any] = field(default_factory=dict)  # validation before the first step
    trained_s: float = 0.0  # seconds of the steps alone, and of them those that were waited for the loader
    waited_s: float = 0.0
    metrics_bytes: int = 0  # of metrics.jsonl that belong to this place
    events_bytes: int = 0  # of events.jsonl likewise


@dataclass(frozen=True, slots=True)
class State:
    """A state as it was read: every tensor by its name, and the place."""

    tensors: Mapping[str, Tensor]
    place: Place


def save_state(
    path: Path,
    model: nn.Module,
    objective: nn.Module,
    optimiser: torch.optim.Optimizer,
    place: Place,
    *,
    run_hash: str,
) -> None:
    """Writes the state whole or not at all; `run_hash` names the configuration and pairs that it belongs to."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"objective.{name}": value for name, value in objective.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": v for name, v in values.items() if isinstance(v, Tensor)}
    tensors |= {f"chance.{name}": value for name, value in _chances().items()}
    header = {"version": str(VERSION), "run_hash": run_hash, "place": json.dumps(asdict(place))}
    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(kept, temporary, metadata=header)


def read_state(path: Path, *, run_hash: str) -> State | str | None:
    """Returns the state, a sentence's end that says why it cannot be used, or None where there is none."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            header = stored.metadata() or {}
            if header.get("version") != str(VERSION):
                return f"is of version {header.get('version')}, and this program goes on from version {VERSION} only"
            if header.get("run_hash") != run_hash:
                return "belongs to another configuration, other pairs or another start"
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  (not a mapping)
        place = Place(**json.loads(header["place"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        return "is damaged"
    place.best = (place.best[0], place.best[1]) if place.best else None
    return State(tensors, place)


def restore(state: State, model: nn.Module, objective: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Brings model, objective, optimiser and every generator of chances to a state."""
    model.load_state_dict(_named(state.tensors, "model."))
    objective.load_state_dict(_named(state.tensors, "objective."))
    values: dict[int, dict[str, Tensor]] = {}
    for name, value in _named(state.tensors, "optimiser.").items():
        index, _, key = name.partition(".")
        values.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({"state": values, "param_groups": optimiser.state_dict()["param_groups"]})
    _lay_out_as_weights(optimiser)
    _set_chances(_named(state.tensors, "chance."))


def seed_chances(seed: int) -> None:
    """Begins every generator that a library may draw from anew; the run's own chances follow from the seed by themselves."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _lay_out_as_weights(optimiser: torch.optim.Optimizer) -> None:
    """Gives each momentum its weight's order in memory: fused optimisers go through both by address, and look at neither.

    With channels last the weights have another order than the file.
    """
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                values[name] = torch.empty_like(parameter).copy_(value)


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _chances() -> dict[str, Tensor]:
    """Returns the states of the generators of `seed_chances`."""
    _, numpy_keys, numpy_place, *_ = np.random.get_state(legacy=True)
    chances = {
        "torch": torch.get_rng_state(),
        "python": torch.tensor(random.getstate()[1], dtype=torch.int64),
        "numpy": torch.tensor([*np.asarray(numpy_keys).tolist(), int(numpy_place)], dtype=torch.int64),
    }
    if torch.cuda.is_available():
        chances |= {f"cuda.{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    return chances


def _set_chances(chances: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(chances["torch"])
    random.setstate((3, tuple(chances["python"].tolist()), None))
    *keys, place = chances["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(keys, np.uint32), place, 0, 0.0))
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        if f"cuda.{index}" in chances:
            torch.cuda.set_rng_state(chances[f"cuda.{index}"], index)
