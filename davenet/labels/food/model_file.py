"""The settings file beside a model: `MODEL.json` holds what would else be typed each time (DetectorOptions' names).

A path in it is looked for beside it; classes may stand in it as a list. What is typed all the same comes first.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from davenet.errors import UserError, one_line
from davenet.files import write_text_atomically
from davenet.specs import DetectorOptions

_PATHS = ("classes", "food_classes", "food_words", "non_food")
_NOT_OF_A_MODEL = {"classifier", "frame_names", "device"}


def settings_file(model: Path) -> Path:
    """Returns where the settings of a model lie: `m.json` beside `m.onnx`, `clip.json` beside the folder `clip`."""
    return model.with_name(f"{model.stem if model.suffix == '.onnx' else model.name}.json")


def with_settings_file(model: Path, options: DetectorOptions) -> DetectorOptions:
    """Returns the options with what they leave open taken from the model's settings file, where there is one.

    Raises UserError naming that file and the field where it is wrong.
    """
    path = settings_file(model)
    if not path.is_file():
        return options
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        told = DetectorOptions.model_validate(_beside(path, values))
    except ValidationError as error:
        first = error.errors()[0]
        field = first["loc"][0] if first["loc"] else "?"
        allowed = ", ".join(name for name in DetectorOptions.model_fields if name not in _NOT_OF_A_MODEL)
        reason = f"it may hold {allowed}" if first["type"] == "extra_forbidden" else first["msg"]
        raise UserError(
            f'{path} is not the settings of a model ("{field}": {one_line(ValueError(reason))}); correct or remove it.'
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not the settings of a model ({one_line(error)[:120]}); correct or remove it."
        ) from error
    typed = options.model_dump(exclude_none=True)
    return DetectorOptions.model_validate(told.model_dump(exclude_none=True) | typed)


def write_settings_file(model: Path, options: DetectorOptions) -> Path:
    """Writes the options beside the model, paths as whole paths; returns where. Raises UserError where it may not."""
    path = settings_file(model)
    values = options.model_dump(mode="json", exclude_none=True, exclude=_NOT_OF_A_MODEL)
    write_text_atomically(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    return path


def _beside(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    found = dict(values)
    for name in _PATHS:
        if isinstance(found.get(name), str):
            found[name] = str(path.parent / Path(found[name]).expanduser())
    named = found.get("food_model")
    if isinstance(named, str) and named.startswith("onnx:"):
        found["food_model"] = f"onnx:{path.parent / Path(named.removeprefix('onnx:')).expanduser()}"
    return found
