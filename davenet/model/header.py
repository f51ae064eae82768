"""The header of a checkpoint, read without torch: which model it holds, and whether it is one of ours at all.

A file that is not one is told in one sentence with its remedy; nothing is ever unpickled.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from davenet.errors import UserError
from davenet.model.config import ModelConfig

FORMAT = "matchmap-annotator checkpoint"
VERSION = 2
_READ = ("1", "2")  # version 1 named both branches in one field, which ModelConfig still reads


def read_metadata(path: Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Returns a checkpoint's configuration and metadata without its weights; raises UserError where it is not one."""
    header = _read_header(path)
    try:
        return ModelConfig.model_validate_json(header["model"]), json.loads(header["metadata"])
    except (KeyError, ValueError, ValidationError) as error:
        raise UserError(
            f"{path} describes a model that this version does not know; use the version that trained it or train again."
        ) from error


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
        with safe_open(path, framework="numpy") as stored:
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
