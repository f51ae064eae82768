"""The time axis's geometry as pure functions: ticks, where words go, what lies under a point, what a sound shows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)

_LOWER_ROW_COST = 10.0  # pixels of shift that a word takes before it goes one row down


class SpokenWord(Protocol):
    """What is painted of a word (davenet.labels.words.Word has it)."""

    @property
    def word(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def confidence(self) -> float: ...


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word's box in the words lane: `x` its left edge, `row` from 0, `index` its place among the words."""

    index: int
    x: float
    width: float
    row: int
    text: str


def clock_text(time_s: float, *, decimals: int = 0) -> str:
    """Returns a time as m:ss, h:mm:ss from an hour on, with `decimals` digits of a second."""
    scale = 10**decimals
    units = round(abs(time_s) * scale)
    seconds, part = divmod(units, scale)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
    if decimals:
        text += f".{part:0{decimals}d}"
    return f"−{text}" if time_s < 0 and units else text


def tick_step(span_s: float, width: float, min_gap: float = 70.0) -> float:
    """Returns the smallest round step in seconds whose ticks lie `min_gap` pixels apart."""
    wanted = span_s * min_gap / max(width, 1.0)
    return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1] * max(1.0, np.ceil(wanted / _STEPS_S[-1])))


def ticks(start: float, end: float, width: float, min_gap: float = 70.0) -> list[float]:
    """Returns the times of the ticks in [start, end], multiples of a round step."""
    if end <= start or width <= 0:
        return []
    step = tick_step(end - start, width, min_gap)
    first, last = int(np.ceil(start / step - 1e-9)), int(np.floor(end / step + 1e-9))
    return [index * step for index in range(first, last + 1)]


def place_words(
    words: Sequence[SpokenWord],
    matched: Collection[int],
    *,
    start: float,
    end: float,
    width: float,
    text_width: Callable[[str], float],
    rows: int = 2,
    padding: float = 4.0,
    max_shift: float = 12.0,
) -> list[PlacedWord]:
    """Returns boxes for the words that fit, without overlap: matched words first, then in order of time, row by row.

    A word may move `max_shift` pixels from under its sound; one that still does not fit is left out, unless it is
    matched: matched words are always there. Boxes are kept inside [0, width].
    """
    if end <= start or width <= 0:
        return []
    scale = width / (end - start)
    visible = [index for index, word in enumerate(words) if word.end > start and word.start < end]
    order = [index for index in visible if index in matched] + [index for index in visible if index not in matched]
    taken: list[list[tuple[float, float]]] = [[] for _ in range(rows)]
    placed: list[PlacedWord] = []
    for index in order:
        word = words[index]
        is_matched = index in matched
        box_width = min(width, text_width(word.word) + 2 * (padding + (3.0 if is_matched else 0.0)))
        centre = ((word.start + word.end) / 2 - start) * scale
        wanted = min(max(0.0, centre - box_width / 2), width - box_width)
        found = _free_place(taken, wanted, box_width, width, max_shift * (6 if is_matched else 1))
        if found is None and is_matched:
            found = (0, wanted)
        if found is None:
            continue
        row, x = found
        taken[row].append((x, x + box_width))
        placed.append(PlacedWord(index, x, box_width, row, word.word))
    return sorted(placed, key=lambda box: box.index)


def _free_place(
    taken: list[list[tuple[float, float]]], wanted: float, box_width: float, width: float, max_shift: float
) -> tuple[int, float] | None:
    """Returns the row and left edge that cost least in shift and rows down; None where there is no room."""
    best: tuple[float, int, float] | None = None  # cost, row, left edge
    for row, boxes in enumerate(taken):
        edges = [wanted] + [right for _, right in boxes] + [left - box_width for left, _ in boxes]
        for x in edges:
            shift = abs(x - wanted)
            if shift > max_shift or x < 0 or x + box_width > width:
                continue
            if any(x < right - 1e-6 and x + box_width > left + 1e-6 for left, right in boxes):
                continue
            cost = shift + row * _LOWER_ROW_COST
            if best is None or cost < best[0]:
                best = (cost, row, x)
    return (best[1], best[2]) if best else None


def word_at(placed: Sequence[PlacedWord], x: float, row: int) -> int | None:
    """Returns the index of the word under a point of the words lane."""
    return next((box.index for box in placed if box.row == row and box.x <= x < box.x + box.width), None)


def columns(
    n_values: int, first_s: float, step_s: float, start: float, end: float, width: int
) -> tuple[np.ndarray, int, int]:
    """Returns which values to draw for pixels of [start, end] and the pixel span [left, right) that they cover.

    At most one value a pixel: long sounds are sampled, never read whole.
    """
    span = end - start
    if n_values == 0 or span <= 0 or width <= 0:
        return np.zeros(0, np.int64), 0, 0
    left = max(0, int(np.floor((first_s - start) / span * width)))
    right = min(width, int(np.ceil((first_s + n_values * step_s - start) / span * width)))
    if right <= left:
        return np.zeros(0, np.int64), 0, 0
    times = start + (np.arange(left, right) + 0.5) / width * span
    return np.clip(((times - first_s) / step_s).astype(np.int64), 0, n_values - 1), left, right


def bar_heights(peaks: np.ndarray, first_s: float, step_s: float, start: float, end: float, n_bars: int) -> np.ndarray:
    """Returns the largest peak (0..1) under each of n_bars equal parts of [start, end]; 0 where there is no sound."""
    heights = np.zeros(n_bars, np.float32)
    if len(peaks) == 0 or end <= start:
        return heights
    edges = (start + np.arange(n_bars + 1) / n_bars * (end - start) - first_s) / step_s
    low = np.floor(edges[:-1]).astype(np.int64)
    high = np.maximum(np.ceil(edges[1:]).astype(np.int64), low + 1)
    is_heard = (high > 0) & (low < len(peaks))
    low, high = np.clip(low, 0, len(peaks)), np.clip(high, 0, len(peaks))
    stride = max(1, int((high - low).max(initial=1)) // 64)  # of very long spans a sample of the peaks is read
    for offset in range(0, int((high - low).max(initial=0)), stride):
        at = low + offset
        inside = is_heard & (at < high)
        heights[inside] = np.maximum(heights[inside], peaks[at[inside]])
    return heights


def zoomed(
    start: float, end: float, around: float, factor: float, low: float, high: float, *, shortest: float = 1.0
) -> tuple[float, float]:
    """Returns the range after zooming by `factor` (below 1: in) around a time, kept inside [low, high]."""
    span = min(max((end - start) * factor, shortest), high - low)
    share = (around - start) / (end - start)
    new_start = min(max(around - share * span, low), high - span)
    return new_start, new_start + span
