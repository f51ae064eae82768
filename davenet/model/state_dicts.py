"""Reads the weights of other programs: torch's files by its restricted unpickler, or safetensors; code is never run."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from davenet.errors import UserError

_WRAPPERS = ("state_dict", "model", "net")  # under which training programs keep a state dict beside other things
_UNREADABLE = "{} is no file of weights or is cut short; copy it again."


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a .pth or .safetensors file by name, on the CPU; what is no tensor is left out.

    The `module.` that torch's DataParallel puts before each name stays. Raises UserError where the file is missing, cut
    short, holds no state dict, or is a pickle that carries code.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path} with weights; check its name.")
    loaded = _loaded(path)
    for name in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    tensors = {}
    if isinstance(loaded, Mapping):
        tensors = {str(name): value.detach() for name, value in loaded.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UserError(f"{path} holds no weights by name; give the file that a model's state_dict was saved to.")
    return tensors


def bare_name(name: str) -> str:
    """Returns a tensor's name without the `module.` of torch's DataParallel."""
    return name.removeprefix("module.")


def _loaded(path: Path) -> Any:
    try:
        with open(path, "rb") as file:
            start = file.read(9)
        if start[8:] == b"{":  # safetensors: its header's length in 8 bytes, then the header
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on pickle protocols: the file loads or is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if start[:1] == b"\x80" or start[:2] == b"PK" or "GLOBAL" in str(error):
            raise UserError(
                f"{path} carries more than tensors, which could run code when it is opened, and was not read; "
                "have it saved again as its state_dict alone."
            ) from error
        raise UserError(_UNREADABLE.format(path)) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(_UNREADABLE.format(path)) from error
