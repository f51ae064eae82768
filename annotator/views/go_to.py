"""Go to: a pair by its number, uid or class, a video, a time, a workspace or a run, by a few letters or digits."""

import re
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from annotator.fuzzy import match
from annotator.views.finder import Entry, Finder

Kind = Literal["workspace", "pair", "number", "class", "video", "run", "time"]
_MOST = 60
_NAMES: dict[Kind, str] = {
    "workspace": "workspace",
    "pair": "pair",
    "number": "pair of this queue",
    "class": "first open pair",
    "video": "video",
    "run": "run",
    "time": "of this video",
}
_TIME = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{2}(?:\.\d+)?)$")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to go: `value` is a name, a uid, a number from 1 on, or a second as text."""

    kind: Kind
    text: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Places:
    """What can be gone to now."""

    destinations: tuple[Destination, ...] = ()
    n_pairs: int = 0  # of the queue in view
    video: str = ""  # the title of the video in view, '' for none
    duration_s: float = 0.0


def time_of(text: str) -> float | None:
    """Returns the second that "4:20", "1:04:20" or "4:20.5" is, None for what is no time."""
    found = _TIME.match(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def fits(text: str, places: Places) -> list[Destination]:
    """Returns the destinations that a text means, the likeliest first."""
    text = text.strip()
    found: list[Destination] = []
    second = time_of(text)
    if second is not None and places.video and second <= places.duration_s:
        found.append(Destination("time", f"{text} in {places.video}", str(second)))
    digits = text.removeprefix("#")
    if digits.isdigit() and 1 <= int(digits) <= places.n_pairs:
        found.append(Destination("number", f"Pair {int(digits)} of {places.n_pairs}", digits))
    scored = []
    for number, one in enumerate(places.destinations):
        fit = match(text, one.text)
        if fit is not None:
            scored.append((-round(fit[0], 1) if text else 0.0, number, one))
    return [*found, *(one for _, _, one in sorted(scored, key=lambda row: row[:2]))][:_MOST]


class GoTo(QObject):
    """`places_wanted` asks for what can be gone to when it opens, `pairs_wanted` for pairs whose uid begins so."""

    places_wanted = Signal()
    pairs_wanted = Signal(str)
    destination_chosen = Signal(object)  # Destination

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._places = Places()
        self._pairs: tuple[str, tuple[Destination, ...]] = ("", ())
        self.finder = Finder("Go to", "A pair by number, uid or class, a video, a time as 4:20, a run", parent)
        self.finder.typed.connect(self._find)
        self.finder.chosen.connect(self.destination_chosen)

    def open_go_to(self) -> None:
        self._pairs = ("", ())
        self.finder.open_finder()
        self.places_wanted.emit()

    def set_places(self, places: Places) -> None:
        """Shows what can be gone to; it may have been read in the background."""
        self._places = places
        if self.finder.isVisible():
            self._find(self.finder.field.text())

    def set_pairs(self, text: str, pairs: tuple[Destination, ...]) -> None:
        """Adds the pairs that were found for a text, if it still stands there."""
        if self.finder.isVisible() and text == self.finder.field.text().strip():
            self._pairs = (text, pairs)
            self._find(text)

    def _find(self, text: str) -> None:
        text = text.strip()
        found = fits(text, self._places)
        if self._pairs[0] == text:
            found = [*found, *self._pairs[1]]
        elif len(text) >= 4:
            self.pairs_wanted.emit(text)
        entries = [Entry(one.text, one.detail or _NAMES[one.kind], one, lit=_lit(text, one)) for one in found]
        says = "" if entries else "Nothing is called so here."
        self.finder.set_entries(entries, says)


def _lit(text: str, one: Destination) -> tuple[int, ...]:
    if one.kind in ("time", "number"):
        return ()
    fit = match(text, one.text)
    return fit[1] if fit is not None else ()
