"""The shape that words and detections files share: a header and then one JSON object a line, checked line by line.

Also their names: `<labels folder>/<video uid>/<kind>.<source>.jsonl`. Called by words.py and detections.py.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from davenet.errors import UserError, one_line
from davenet.files import atomic_path

FORMAT_VERSION = 1


class BadLineError(ValueError):
    """What is wrong with one line, in words that can follow "line 3:"."""


def write_lines(path: Path, header: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> None:
    """Writes the header and the lines atomically; numbers must be finite."""
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as out:
        for values in (header, *lines):
            out.write(json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n")


def read_lines(path: Path, *, remedy: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields each line's number (from 1) and JSON object; empty lines are passed over.

    Raises UserError that names the file, the line and the remedy where a line is no JSON object or cannot be read.
    """
    try:
        with open(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield number, _object(line)
                except BadLineError as error:
                    raise bad_line(path, number, error, remedy=remedy) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or one_line(error)}); {remedy}.") from error


def empty_file(path: Path, *, remedy: str) -> UserError:
    return UserError(f"{path} is empty; {remedy}.")


def check_header(values: Mapping[str, Any], file_format: str) -> None:
    """Raises BadLineError unless `values` is the header of a file of this format that this version can read."""
    if values.get("format") != file_format:
        raise BadLineError(f'it is not the header of a {file_format} file ("format": "{file_format}" is missing)')
    version = values.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadLineError('"version" must be a whole number')
    if version > FORMAT_VERSION:
        raise BadLineError(f"it is of format version {version} and this program reads up to {FORMAT_VERSION}")


def bad_line(path: Path, number: int, error: BadLineError, *, remedy: str) -> UserError:
    return UserError(f"{path}, line {number}: {one_line(error)}; {remedy}.")


def number_of(values: Mapping[str, Any], name: str, *, low: float, high: float = math.inf) -> float:
    """Returns a finite number of a line, low ≤ number ≤ high; raises BadLineError otherwise."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadLineError(f'"{name}" must be a number' if name in values else f'"{name}" is missing')
    return checked_number(value, f'"{name}"', low=low, high=high)


def checked_number(value: float, called: str, *, low: float, high: float = math.inf) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or not low <= number <= high:
        bounds = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise BadLineError(f"{called} must be a number {bounds}, not {_shown(value)}")
    return number


def text_of(values: Mapping[str, Any], name: str) -> str:
    """Returns a text of a line that holds more than blanks; raises BadLineError otherwise."""
    return checked_text(values[name], f'"{name}"') if name in values else _missing(name)


def checked_text(value: Any, called: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadLineError(f"{called} must be a text, not {_shown(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadLineError(f"{called} holds half a character") from error
    return value


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    settings = values.get("settings", {})
    if not isinstance(settings, dict):
        raise BadLineError('"settings" must be an object')
    return settings


def source_slug(source: str) -> str:
    """Returns a recogniser's or detector's name as it stands in file names: "onnx:food v2" gives "onnx-food-v2"."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source).strip("-.") or "unnamed"


def label_path(labels_dir: Path, video_uid: str, kind: str, source: str) -> Path:
    return labels_dir / video_uid / f"{kind}.{source_slug(source)}.jsonl"


def newest_label_file(labels_dir: Path, video_uid: str, kind: str, source: str | None) -> Path | None:
    """Returns the file of this source, or with None the one written last; None where there is no such file."""
    if source is not None:
        path = label_path(labels_dir, video_uid, kind, source)
        return path if path.is_file() else None
    found = [path for path in (labels_dir / video_uid).glob(f"{kind}.*.jsonl") if path.is_file()]
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def _missing(name: str) -> str:
    raise BadLineError(f'"{name}" is missing')


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**30:
        return "a whole number of over 30 digits"
    text = ascii(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _object(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLineError("it is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise BadLineError("it is not JSON") from error
    if not isinstance(values, dict):
        raise BadLineError("it is not a JSON object")
    return values
