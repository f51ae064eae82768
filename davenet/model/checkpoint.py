"""Checkpoints: weights in safetensors with the model's configuration as JSON in the metadata; nothing is unpickled.

Only this module knows the format; a file that does not load is told in one sentence with its remedy.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from davenet.errors import UserError
from davenet.files import atomic_path
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet

FORMAT = "matchmap-annotator checkpoint"
VERSION = 2
_READ = ("1", "2")  # version 1 named both branches in one field, which ModelConfig still reads


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


def read_metadata(path: Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Returns a checkpoint's configuration and metadata without its weights; raises UserError where it is not one."""
    header = _read_header(path)
    try:
        return ModelConfig.model_validate_json(header["model"]), json.loads(header["metadata"])
    except (KeyError, ValueError, ValidationError) as error:
        raise UserError(
            f"{path} describes a model that this version does not know; use the version that trained it or train again."
        ) from error


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


def _read_header(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise UserError(f"There is no checkpoint {path}; choose another or train one first.")
    with open(path, "rb") as file:
        start = file.read(9)
    # a safetensors file begins with its header's length in 8 bytes, of any value, and the header's brace
    if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise UserError(
            f"{path} is a pickled torch file, which can run code when it is opened; choose a .safetensors checkpoint, or "
            "make one of published weights with: python -m davenet convert."
        )
    try:
        with safe_open(path, framework="pt") as stored:
            header: dict[str, str] | None = stored.metadata()
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a checkpoint or is cut short; copy it again or train again.") from error
    if not header or header.get("format") != FORMAT:
        raise UserError(f"{path} is a safetensors file but not a checkpoint of this program; choose another.")
    if header.get("version") not in _READ:
        raise UserError(
            f"{path} is a checkpoint of version {header.get('version')}, this program reads up to version {VERSION}; "
            "update the program."
        )
    return header
