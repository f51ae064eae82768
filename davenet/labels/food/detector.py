"""The protocol of food detectors, and how one is found by its name: entry points of the group `davenet.detectors`.

`NAME:REST` opens the detector NAME with the text REST. Our own are found by the same steps as those of other packages.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError, one_line
from davenet.labels.detections import MAX_TOP
from davenet.specs import DetectorOptions

GROUP = "davenet.detectors"
Frame = NDArray[np.uint8]

_OWN = (
    EntryPoint("onnx", "davenet.labels.food.onnx_detector:OnnxDetector", GROUP),
    EntryPoint("clip", "davenet.labels.food.clip:ClipDetector", GROUP),
)
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen in one frame: `food` is P(food), `top` up to five (class, probability), the most probable first."""

    food: float
    top: tuple[tuple[str, float], ...] = ()


class Detector(Protocol):
    """Given frames, RGB uint8 (H, W, 3) of any size, it returns what is seen in each."""

    name: str  # as the detections files are named after it, e.g. "onnx:labeller"
    version: str
    settings: dict[str, Any]  # what else its findings depend on, as JSON; a change detects again

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Seen]: ...


Build = Callable[[str, DetectorOptions], Detector]


def detector_names() -> tuple[str, ...]:
    """Returns the names of the detectors that are installed, our own first."""
    return tuple(_installed())


def open_detector(named: str, options: DetectorOptions) -> Detector:
    """Returns the detector that "NAME:REST" names, its model loaded, with P(food) of `options.food_model` if there is one.

    Raises UserError where there is none of the name, or it cannot be used.
    """
    name, _, rest = named.partition(":")
    found = _installed().get(name)
    if found is None:
        known = ", ".join([*(f"{known}:…" for known in _installed()), "import:FILE", "auto"])
        raise UserError(f'There is no food detector "{named}"; choose one of: {known}.')
    try:
        build: Build = found.load()
    except Exception as error:  # whatever the package of another does when it is imported
        raise UserError(
            f'The food detector "{name}" ({found.value}) does not load ({one_line(error)[:160]}); reinstall its package.'
        ) from error
    opened = build(rest, options)
    if options.food_model is None:
        return opened
    device = DetectorOptions(device=options.device)
    return _WithFoodModel(opened, open_detector(options.food_model, device))


def checked(detector: Detector, seen: Sequence[Seen], n_frames: int) -> list[Seen]:
    """Returns what a detector found, rounded and in order; raises UserError where it is no finding of so many frames."""
    if len(seen) != n_frames:
        raise _broken(detector, f"gave {len(seen)} findings for {n_frames} frames")
    return [_checked(detector, each) for each in seen]


def _checked(detector: Detector, seen: Seen) -> Seen:
    top: dict[str, float] = {}
    for name, probability in sorted(seen.top, key=lambda entry: -entry[1]):
        if not isinstance(name, str) or not name.strip():
            raise _broken(detector, f"named a class {ascii(name)[:40]}")
        top.setdefault(name, _probability(detector, probability, name))
    shown = [(name, probability) for name, probability in top.items() if probability > 0.0][:MAX_TOP]
    return Seen(_probability(detector, seen.food, "food"), tuple(shown))


def _probability(detector: Detector, value: float, what: str) -> float:
    number = float(value)
    if not math.isfinite(number) or not -1e-3 <= number <= 1 + 1e-3:
        raise _broken(detector, f"gave {what[:40]} the probability {number:g}")
    return round(min(1.0, max(0.0, number)), _DECIMALS)


def _broken(detector: Detector, what: str) -> UserError:
    return UserError(f'The food detector "{detector.name}" {what}; choose another, or tell who made it.')


def _installed() -> dict[str, EntryPoint]:
    """Returns each name's entry point; another package may not take the place of ours."""
    found = {entry.name: entry for entry in _OWN}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        found.setdefault(entry.name, entry)
    return found


class _WithFoodModel:
    """The classes of one detector with the P(food) of a second."""

    def __init__(self, first: Detector, second: Detector) -> None:
        self._first, self._second = first, second
        self.name = first.name
        self.version = first.version
        self.settings: dict[str, Any] = {
            **first.settings,
            "p_food": "food_model",
            "food_model": {"detector": second.name, "version": second.version, "settings": second.settings},
        }
        self.notes = (
            *getattr(first, "notes", ()),
            *getattr(second, "notes", ()),
            f"P(food) is taken from {second.name}.",
        )

    def __call__(self, frames: Sequence[Frame]) -> list[Seen]:
        classes = checked(self._first, self._first(frames), len(frames))
        foods = checked(self._second, self._second(frames), len(frames))
        return [Seen(food.food, seen.top) for food, seen in zip(foods, classes, strict=True)]
