"""Checkpoints: weights in safetensors with the model's configuration as JSON in the metadata; nothing is unpickled.

Only this module and its header's know the format; a file that does not load is told in one sentence with its remedy.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from davenet.errors import UserError
from davenet.files import atomic_path
from davenet.model.davenet import DAVEnet
from davenet.model.header import FORMAT, VERSION
from davenet.model.header import read_metadata as read_metadata


def save_checkpoint(path: Path, model: DAVEnet, *, metadata: Mapping[str, Any]) -> None:
    """Writes weights, configuration and `metadata` (JSON values) to one file, whole or not at all."""
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "model": model.config.model_dump_json(),
        "metadata": json.dumps(dict(metadata), sort_keys=True),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def load_checkpoint(path: Path, *, device: str | torch.device = "cpu") -> tuple[DAVEnet, dict[str, Any]]:
    """Returns the model in evaluation mode on `device`, and the checkpoint's metadata.

    Raises UserError where the file is missing, truncated, of another format or version, or of another architecture.
    """
    config, metadata = read_metadata(path)
    with torch.device("meta"):  # no values are drawn that the checkpoint's would replace
        model = DAVEnet(config)
    try:
        with safe_open(path, framework="pt") as stored:
            # copies: a mapped file could not be replaced on Windows
            tensors = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118  (not a mapping)
        model.load_state_dict(tensors, assign=True)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged or cut short; copy it again or train again.") from error
    except RuntimeError as error:
        raise UserError(
            f"{path} holds weights of another architecture than its configuration names; train again or choose another."
        ) from error
    return model.to(device).eval(), metadata


def chosen_device(name: str) -> torch.device:
    """Returns the device of a spec: "auto" is the GPU where there is one. Raises UserError for one that is absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"There is no device called {name}; choose auto, cpu or cuda.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError("This machine has no GPU that torch can use; choose the device auto or cpu.")
    return device
