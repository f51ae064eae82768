"""What a release says of itself beside its tables: minings with their thresholds, sources, splits; and its manifest.

Nothing here may hold a path of the machine that it was made on: `without_paths` keeps a file's name only.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from davenet.errors import UserError, one_line
from davenet.files import write_text_atomically
from davenet.release.columns import FORMAT_VERSION

FORMAT = "matchmap release"
MANIFEST = "release.json"
FACTS = "facts.json"
DEFAULT_TITLE = "Weakly labelled pairs of frames and speech"
_FULL_PATH = re.compile(
    r"((?!file:)[A-Za-z][\w.-]+:)?(?:[A-Za-z]:[\\/]|\\\\|/|~[\\/]|\.{1,2}[\\/]|file://).*", re.DOTALL
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MiningFacts(_Model):
    """A mining: pairs name it by `number`."""

    number: int = Field(ge=1)
    at: datetime
    settings: dict[str, Any]


class SourceFacts(_Model):
    """A recogniser or detector in one version, with the settings that all its files share."""

    name: str
    version: str
    settings: dict[str, Any] = Field(default_factory=dict)


class Facts(_Model):
    """What the tables do not say."""

    title: str = DEFAULT_TITLE
    licence: str = "unknown"
    made_with: str
    anonymous: bool = False
    splits: dict[str, str] = Field(description="where the splits of each corpus come from")
    minings: list[MiningFacts]
    detectors: list[SourceFacts]
    recognisers: list[SourceFacts]


class FileFacts(_Model):
    """A file of the release, which must be this long and have this hash; `rows` of a table, pairs of a shard."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int = Field(ge=0)


class MediaFacts(_Model):
    """What `--with-media` added."""

    pairs: int
    pairs_without: int
    videos_without: list[str]


class Manifest(_Model):
    format: str
    version: int
    facts: Facts
    media: MediaFacts | None = None
    files: dict[str, FileFacts]


def write_facts(folder: Path, facts: Facts) -> None:
    write_text_atomically(folder / FACTS, facts.model_dump_json(indent=1) + "\n")


def read_facts(folder: Path) -> Facts:
    return Facts.model_validate_json((folder / FACTS).read_bytes())


def read_manifest(folder: Path) -> Manifest:
    """Raises UserError where the folder holds no release, a damaged one, or one of a newer version."""
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{folder} is not a release (no {MANIFEST} in it); give the folder that holds it.") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or one_line(error)}); check its permissions."
        ) from error
    try:
        begin = _Beginning.model_validate_json(content)
        if begin.format != FORMAT:
            raise UserError(f"{path} is not the manifest of a release; give the folder that holds one.")
        if begin.version > FORMAT_VERSION:
            raise UserError(f"{path} was written by a newer version; update the program to import it.")
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its JSON"
        raise UserError(f"{path} is damaged ({place}: {one_line_of(first['msg'])}); get the release again.") from error


class _Beginning(BaseModel):
    format: str = ""
    version: int = 0


def one_line_of(text: str) -> str:
    return " ".join(text.split())


def without_paths(value: Any) -> Any:
    """Returns a JSON value in which each text that is a path of this machine is its file's name alone.

    "import:/home/ann/words.json" becomes "import:words.json"; names such as "openai/clip-vit" stay.
    """
    if isinstance(value, dict):
        return {without_paths(key): without_paths(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(each) for each in value]
    if isinstance(value, str) and (found := _FULL_PATH.fullmatch(value)):
        return (found[1] or "") + re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return value
