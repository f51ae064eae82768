"""The events a job prints, one JSON object a line, and their parser: all the app knows of a job comes through here.

Every event carries ``v`` (the protocol's version) and ``event`` (its kind). A final event (finished, cancelled or
failed) precedes the end of the process; a job that ends without one has crashed.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1


@dataclass(frozen=True, slots=True)
class Started:
    """A job has begun; `total` units of work lie ahead (None where unknown)."""

    job: str
    total: float | None = None
    unit: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units; `note` names what is being worked on."""

    done: float
    total: float | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Named numbers at a step of a run, e.g. {"loss": 0.7} or {"audio_recall_at_10": 0.38}."""

    step: int
    epoch: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Learning:
    """What a run learns from at a step: the uids of a few of its `n` pairs, told as often as its numbers."""

    step: int
    pairs: tuple[str, ...]
    n: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """One item could not be used, with the sentence to show; the job goes on."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Something of an item can be read from its file now: its `part` number `index` (-1: it is opened), with `values`."""

    item: str
    part: str
    index: int
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A line for the log."""

    text: str
    level: str = "info"  # info | warning


@dataclass(frozen=True, slots=True)
class Finished:
    """The job is done; `result` is its machine-readable outcome."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job stopped because it was asked to; what it had finished is kept."""

    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """The job could not be done: `message` is the sentence for the user; `bug` tells our fault from the world's."""

    message: str
    bug: bool = False


Event = Started | Progress | Metrics | Learning | Skipped | Ready | Message | Finished | Cancelled | Failed
Emit = Callable[[Event], None]

_KINDS: dict[str, type] = {kind.__name__.lower(): kind for kind in Event.__args__}
FINAL = (Finished, Cancelled, Failed)
_TEXTS = {"job", "unit", "note", "item", "part", "reason", "text", "level", "message"}
_WHOLE = {"pid", "step", "index", "n"}


class Stop(Exception):  # noqa: N818 - no error: a person asked for it
    """Raised inside a job at the first safe place after it was asked to stop."""


def to_line(event: Event) -> str:
    """Returns the event as one line of JSON without its newline."""
    fields = {name: getattr(event, name) for name in (f.name for f in dataclasses.fields(event))}
    return json.dumps({"v": VERSION, "event": type(event).__name__.lower(), **fields}, ensure_ascii=False)


def from_line(line: str) -> Event | None:
    """Returns the event of a line, or None for anything that is not one whole event of this version.

    Every value is of its type then, and what counts progress is finite: files are edited, and pipes carry other things.
    """
    try:
        values = json.loads(line)
        if not isinstance(values, dict) or values.pop("v", None) != VERSION:
            return None
        kind = _KINDS[values.pop("event")]
        known = {f.name for f in dataclasses.fields(kind)}
        event: Event = kind(**{name: _checked(name, value) for name, value in values.items() if name in known})
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return event


def _checked(name: str, value: Any) -> Any:
    """Returns the value of an event's field; raises TypeError or ValueError where it is none of that field."""
    if name in _TEXTS:
        is_right = isinstance(value, str)
    elif name == "pairs":
        is_right = isinstance(value, list) and all(isinstance(uid, str) for uid in value)
        value = tuple(value) if is_right else value
    elif name == "values":
        is_right = isinstance(value, dict) and all(_is_number(each) for each in value.values())
    elif name == "result":
        is_right = isinstance(value, dict)
    elif name == "bug":
        is_right = isinstance(value, bool)
    elif name in _WHOLE:
        is_right = isinstance(value, int) and abs(value) < 2**63
    else:
        is_right = (name == "total" and value is None) or (_is_number(value) and math.isfinite(value))
    if not is_right:
        raise TypeError(f"{name} cannot be {value!r}")
    return value


def _is_number(value: Any) -> bool:
    """Whether a value can be taken as a float64; not a number and infinity are numbers here, as a loss may be one."""
    return isinstance(value, int | float) and float(value) is not None
