"""`auto`: the best food detector that is there, why it, and which one command would bring a better one.

The order: the detector that this project used last; CLIP, where its packages and a model are on this machine.
Looks at files only and imports no model's packages, so that the app may ask.
"""

import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.specs import DetectorOptions

DEFAULT_CLIP = "openai/clip-vit-base-patch32"
BETTER_CLIP = "openai/clip-vit-large-patch14"
CLIP_PACKAGES = ("transformers", "PIL")

_MEMORY = "detector.json"  # in the labels folder: what was used last there


@dataclass(frozen=True, slots=True)
class Choice:
    """The detector to use with its options, the reason, and what would bring a better one ("" where nothing would)."""

    detector: str
    options: DetectorOptions
    reason: str
    better: str = ""

    @property
    def told(self) -> str:
        return f"{self.detector}: {self.reason}." + (f" {self.better}" if self.better else "")


def choose(labels_dir: Path, options: DetectorOptions | None = None) -> Choice:
    """Returns the best detector that is there; raises UserError with the remedies where there is none."""
    given = options or DetectorOptions()
    used = recall(labels_dir)
    if used is not None:
        named, before = used
        return Choice(named, _merged(before, given), "this project used it last")
    if _has_clip_packages():
        models = cached_clip_models()
        if models:
            better = "" if any("large" in m or "huge" in m for m in models) else _clip_command(BETTER_CLIP)
            return Choice(
                f"clip:{models[0]}",
                given,
                "no labeller was used here before, and this CLIP model is on this machine",
                f"A larger one tells foods better apart: {better}" if better else "",
            )
    raise UserError(remedies())


def remedies() -> str:
    """Returns the ways to a food detector for someone who has none, as one line."""
    clip = (
        f"for CLIP, which needs no classes of your own: {install_command()}, then {_clip_command(DEFAULT_CLIP)}"
        if not _has_clip_packages()
        else f"for CLIP, which needs no classes of your own (its model, 0.6 GB, comes over the network once): "
        f"{_clip_command(DEFAULT_CLIP)}"
    )
    return (
        f"No food detector is here yet; {clip}; for a classifier of your own: --with onnx:MODEL --classes FILE; "
        "for what another program saw: --with import:FILE."
    )


def install_command() -> str:
    """Returns the command that installs what CLIP needs into this Python."""
    return f'"{sys.executable}" -m pip install transformers pillow'


def cached_clip_models() -> list[str]:
    """Returns the CLIP models in this machine's cache of models, larger ones first."""
    found: dict[str, int] = {}
    for config in _cache_dir().glob("models--*/snapshots/*/config.json"):
        try:
            values = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue  # a download that was broken off
        weights = [path for kind in ("*.safetensors", "*.bin") for path in config.parent.glob(kind)]
        has_words = any((config.parent / name).exists() for name in ("tokenizer.json", "vocab.json"))
        if isinstance(values, dict) and values.get("model_type") == "clip" and weights and has_words:
            name = config.parent.parent.parent.name.removeprefix("models--").replace("--", "/", 1)
            found[name] = max(path.stat().st_size for path in weights)
    return sorted(found, key=lambda name: (-found[name], name))


def remember(labels_dir: Path, detector: str, options: DetectorOptions) -> None:
    """Notes the detector that was used, for `auto` to take again."""
    values = {"detector": detector, "options": options.model_dump(mode="json", exclude_none=True)}
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    path = labels_dir / _MEMORY
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        write_text_atomically(path, text)


def recall(labels_dir: Path) -> tuple[str, DetectorOptions] | None:
    """Returns the detector that was used last and its options; None where there was none or its files are gone."""
    try:
        values = json.loads((labels_dir / _MEMORY).read_text(encoding="utf-8"))
        options = DetectorOptions.model_validate(values["options"])
        detector = str(values["detector"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None
    name, _, rest = detector.partition(":")
    paths = [options.classes, options.food_classes, options.food_words, options.non_food]
    wanted = [path for path in paths if isinstance(path, Path)] + ([Path(rest)] if name == "onnx" else [])
    if name == "clip" and not _has_clip_packages():
        return None
    return (detector, options) if all(path.exists() for path in wanted) else None


def _merged(before: DetectorOptions, given: DetectorOptions) -> DetectorOptions:
    values = before.model_dump(exclude_none=True) | given.model_dump(exclude_none=True)
    return DetectorOptions.model_validate(values)


def _clip_command(model: str) -> str:
    return f"annotator detect PROJECT --with clip:{model}"


def _has_clip_packages() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in CLIP_PACKAGES)


def _cache_dir() -> Path:
    """Returns where the packages of named models keep them, by their own variables of the environment."""
    if hub := os.environ.get("HF_HUB_CACHE"):
        return Path(hub)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return Path(home) / "hub"
