"""What a form asks for, as plain values: fields made from a spec's own types, what was typed, and what is wrong with it.

No Qt: the widgets are in field_row.py, the forms of each verb in forms.py.
"""

import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import unquote, urlparse

from pydantic import BaseModel

from davenet.errors import UserError

Kind = Literal["text", "int", "float", "numbers", "fraction", "bool", "choice", "file", "folder", "path", "paths"]
PATH_KINDS: tuple[Kind, ...] = ("file", "folder", "path", "paths")
Look = Callable[[Any], str]  # reads what was named and says what is there, or raises UserError

_SEPARATOR = ";"  # between paths: no usual file name has it on any system


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. `default` None stands for what the verb does by itself, told by `blank`.

    `look` reads what is named: it may take its time, so it is called off the GUI thread.
    """

    name: str
    label: str
    kind: Kind = "text"
    default: Any = None
    help: str = ""
    unit: str = ""
    blank: str = ""
    section: str = ""
    choices: tuple[tuple[Any, str], ...] = ()
    low: float | None = None
    high: float | None = None
    low_is_out: bool = False
    file_kinds: str = "All files (*)"
    is_needed: bool = False
    makes_new: bool = False  # a folder that need not be there yet
    look: Look | None = None

    def parsed(self, text: str) -> Any:
        """Returns the value of what was typed, the default for nothing; raises UserError in a sentence of its own."""
        text = text.strip()
        if not text:
            return self.default if self.kind in ("text", "choice") or self.default is None else _refuse("Give a value.")
        match self.kind:
            case "int" | "float":
                return self._number(text)
            case "numbers":
                return _numbers(text)
            case "fraction":
                return _fraction(text)
            case "file" | "folder" | "path":
                return self._path(text)
            case "paths":
                return [self._path(part.strip()) for part in text.split(_SEPARATOR) if part.strip()]
            case _:
                return text

    def shown(self, value: Any) -> str:
        """Returns a value as it stands in the field."""
        if value is None:
            return ""
        if isinstance(value, float):
            return f"{value:g}"
        if isinstance(value, (list, tuple)):
            between = f"{_SEPARATOR} " if self.kind == "paths" else ", "
            return between.join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
        return str(value)

    def told_default(self) -> str:
        """Returns the default in words, for the tooltip of what brings it back."""
        if self.kind == "bool":
            return "on" if self.default else "off"
        if self.kind == "choice":
            return next((label for value, label in self.choices if value == self.default), "")
        return f"{self.shown(self.default)} {self.unit}".strip() if self.default is not None else self.blank or "empty"

    def _number(self, text: str) -> float | int:
        try:
            number: float | int = int(text) if self.kind == "int" else float(text)
        except ValueError:
            _refuse("Give a whole number." if self.kind == "int" else "Give a number, such as 0.5.")
        too_low = self.low is not None and (number <= self.low if self.low_is_out else number < self.low)
        if not too_low and (self.high is None or number <= self.high):  # a nan is in no range
            return number
        return _refuse(f"Give a number {self.bounds()}.")

    def bounds(self) -> str:
        least = "" if self.low is None else f"over {self.low:g}" if self.low_is_out else f"from {self.low:g}"
        most = "" if self.high is None else f"{'and up ' if self.low_is_out else ''}to {self.high:g}"
        return f"{least} {most}".strip()

    def _path(self, text: str) -> Path:
        if text.startswith("file:"):  # dropped from a file manager
            text = unquote(urlparse(text).path)
            text = text.lstrip("/") if os.name == "nt" else text
        try:
            path = Path(text).expanduser().absolute()
            if self.makes_new:
                return path
            if not path.exists():
                _refuse(f"{path} does not exist; check its name.")
            if self.kind == "folder" and not path.is_dir():
                _refuse(f"{path} is a file; choose a folder.")
            if self.kind == "file" and path.is_dir():
                _refuse(f"{path} is a folder; choose a file.")
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"{text} cannot be read ({reason}); check its name and permissions.") from error
        return path


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to do a verb, such as a corpus or a kind of detector, with its fields."""

    key: str
    label: str
    about: str
    fields: tuple[Field, ...]
    warning: str = ""

    def sections(self) -> dict[str, list[Field]]:
        found: dict[str, list[Field]] = {}
        for field in self.fields:
            found.setdefault(field.section, []).append(field)
        return found


@dataclass(frozen=True, slots=True)
class Form:
    """A verb's form: its ways, one of which is chosen."""

    verb: str
    title: str
    action: str
    variants: tuple[Variant, ...]

    def variant(self, key: str) -> Variant:
        return next((variant for variant in self.variants if variant.key == key), self.variants[0])


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for: a verb, the way to do it, and the values that differ from the defaults."""

    verb: str
    variant: str = ""
    values: tuple[tuple[str, Any], ...] = ()

    def given(self) -> dict[str, Any]:
        return dict(self.values)


def field_of(spec: type[BaseModel], name: str, label: str, **others: Any) -> Field:
    """Returns the field of a spec's member: kind, default, limits and help are its own unless they are given."""
    info = spec.model_fields[name]
    kind, choices = _kind_of(info.annotation)
    values: dict[str, Any] = {"kind": kind, "help": _sentence(info.description or "")}
    values["default"] = None if info.is_required() else info.default
    if choices:
        values["choices"] = tuple((choice, choice) for choice in choices)
    for limit in info.metadata:
        for attribute, bound in (("ge", "low"), ("gt", "low"), ("le", "high"), ("lt", "high")):
            if (number := getattr(limit, attribute, None)) is not None:
                values[bound] = number
                values["low_is_out"] = values.get("low_is_out", False) or attribute == "gt"
    values |= others
    if values["kind"] == "choice" and values["default"] is None:
        values["choices"] = ((None, values.get("blank") or "found out"), *values["choices"])
    return Field(name=name, label=label, **values)


def changed(fields: Sequence[Field], values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Returns the values that are not the fields' defaults, in the fields' order."""
    return tuple(
        (field.name, values[field.name])
        for field in fields
        if field.name in values and values[field.name] != field.default
    )


def _kind_of(annotation: Any) -> tuple[Kind, tuple[Any, ...]]:
    options = [annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        options = [each for each in get_args(annotation) if each is not type(None)]
    first = options[0]
    if get_origin(first) is Literal:
        return "choice", get_args(first)
    if len(options) > 1 and first is float:
        return "numbers", ()
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float", Path: "file"}
    return kinds.get(first, "text"), ()


def _numbers(text: str) -> float | tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 3):
        _refuse("Give one number, or three with commas between them.")
    return numbers[0] if len(numbers) == 1 else numbers


def _fraction(text: str) -> float:
    above, _, below = text.partition("/")
    try:
        number = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        number = 0.0
    return number if 0 < number < float("inf") else _refuse("Give a number or a fraction over 0, such as 1/255.")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}" if text else ""


def _refuse(sentence: str) -> Any:
    raise UserError(sentence)
