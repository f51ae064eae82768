"""`auto`: the best recogniser that is there, why it, and which one command would bring a better one.

The order: the Whisper model that this project used last; the best Whisper model on this machine; pocketsphinx. Looks at
files only and imports no recogniser, so that the app may ask.
"""

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path

from davenet.errors import UserError
from davenet.files import write_text_atomically

INSTALL = 'pip install "matchmap-annotator[whisper]"'
DOWNLOAD = "--with faster-whisper:small (0.5 GB, over the network once)"

_MEMORY = "recogniser.json"  # in the labels folder: the Whisper model that was used last there
_BEST_FIRST = (
    "large-v3-turbo", "large-v3", "distil-large-v3.5", "distil-large-v3", "large-v2", "distil-large-v2", "large-v1",
    "medium.en", "medium", "distil-medium.en", "small.en", "distil-small.en", "small", "base.en", "base", "tiny.en",
    "tiny",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """The recogniser to use, the reason, and what would bring a better one ("" where nothing would)."""

    recogniser: str
    reason: str
    better: str = ""

    @property
    def told(self) -> str:
        return f"{self.recogniser}: {self.reason}." + (f" {self.better}" if self.better else "")


def choose(labels_dir: Path, language: str = "") -> Choice:
    """Returns the best recogniser that is there; raises UserError with the remedy where none hears the language."""
    installed = has_whisper()
    if installed and (used := recall(labels_dir)) and _hears(used.partition(":")[2], language):
        return Choice(used, "this project used it last")
    models = [name for name in cached_models() if _hears(name, language)] if installed else []
    if models:
        better = "" if models[0].startswith(("large", "distil-large", "medium", "small")) else _better(models[0])
        return Choice(f"faster-whisper:{models[0]}", "it is the best Whisper model on this machine", better)
    command = DOWNLOAD if installed else f"{INSTALL}, then {DOWNLOAD}"
    if language and language.split("-")[0] != "en":
        raise UserError(f'No recogniser here hears the language "{language}"; Whisper does: {command}.')
    reason = "it needs no model of its own; no Whisper model is on this machine"
    if not installed:
        reason = "it needs no model of its own; faster-whisper is not installed"
    return Choice("pocketsphinx", reason, f"Whisper hears far more: {command}.")


def has_whisper() -> bool:
    return importlib.util.find_spec("faster_whisper") is not None


def cached_models() -> list[str]:
    """Returns the Whisper models for faster-whisper in this machine's cache of models, the best first."""
    found = set()
    for model in _cache_dir().glob("models--*/snapshots/*/model.bin"):
        name = model.parents[2].name.rpartition("--")[2]
        for prefix in ("faster-whisper-", "faster-distil-whisper-"):
            if name.startswith(prefix) and (model.parent / "config.json").is_file():
                found.add(("distil-" if "distil" in prefix else "") + name.removeprefix(prefix))
    return [name for name in _BEST_FIRST if name in found]


def remember(labels_dir: Path, recogniser: str) -> None:
    """Notes the Whisper model that was used, for `auto` to take again; other recognisers are not noted."""
    if recogniser.partition(":")[0] == "faster-whisper" and recall(labels_dir) != recogniser:
        write_text_atomically(labels_dir / _MEMORY, json.dumps({"recogniser": recogniser}, ensure_ascii=False) + "\n")


def recall(labels_dir: Path) -> str | None:
    """Returns the Whisper recogniser that was used last; None where there was none or its model is gone."""
    try:
        used = json.loads((labels_dir / _MEMORY).read_text(encoding="utf-8"))["recogniser"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(used, str) or not used.startswith("faster-whisper:"):
        return None
    model = used.partition(":")[2]
    return used if Path(model).is_dir() or model in cached_models() else None


def _hears(model: str, language: str) -> bool:
    return not model.rstrip("/\\").endswith(".en") or not language or language.split("-")[0] == "en"


def _better(model: str) -> str:
    return f"A larger one hears more than {model}: {DOWNLOAD}."


def _cache_dir() -> Path:
    if hub := os.environ.get("HF_HUB_CACHE"):
        return Path(hub)
    home = os.environ.get("HF_HOME")
    return (Path(home) if home else Path.home() / ".cache" / "huggingface") / "hub"
