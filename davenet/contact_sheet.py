"""A sheet of the frames of a video that fit their sound best and worst, as they look on the stage (the paper's Figure 1
keeps only what is heard).

No torch: the maps are there already.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.beside import plain
from davenet.look import Look, Map, painted
from davenet.media.frames import FrameReader
from davenet.overlay import Crop

_WIDTH, _GAP, _LINE, _HEAD = 400, 12, 26, 34  # pixels: a frame, between frames, a caption, a row's head
_GROUND, _INK = (17, 20, 26), (226, 230, 236)


def best_and_worst(
    times_s: NDArray[np.float64], similarity: NDArray[np.float32], n: int, apart_s: float = 2.0
) -> tuple[list[float], list[float]]:
    """Returns the moments, at most `n` each, of highest and of lowest similarity, `apart_s` from one another."""

    def chosen(order: NDArray[np.int64], taken: Sequence[float]) -> list[float]:
        found: list[float] = []
        for index in order.tolist():
            time_s = float(times_s[index])
            if len(found) < n and all(abs(time_s - other) >= apart_s for other in (*found, *taken)):
                found.append(time_s)
        return found

    order = np.argsort(-similarity, kind="stable")
    best = chosen(order, ())
    return best, chosen(order[::-1], best)


@dataclass(frozen=True, slots=True)
class Row:
    """Frames of one checkpoint under a head: `moments` are (seconds, caption), `map_at` gives their maps in 0..1."""

    head: str
    moments: Sequence[tuple[float, str]]
    map_at: Callable[[float], Map | None]
    crop: Crop


def contact_sheet(
    video: Path,
    rows: Sequence[Row],
    look: Look,
) -> NDArray[np.uint8]:
    """Returns RGB pixels: each row's head and frames; raises UserError where the video cannot be read."""
    reader = FrameReader(video)
    try:
        drawn = [
            (
                row.head,
                [
                    (_small(painted(reader.frame_at(at)[1], row.map_at(at), look, row.crop)), told)
                    for at, told in row.moments
                ],
            )
            for row in rows
        ]
    finally:
        reader.close()
    height = max((cell.shape[0] for _, cells in drawn for cell, _ in cells), default=_WIDTH * 9 // 16)
    columns = max((len(cells) for _, cells in drawn), default=1)
    row_height = _HEAD + height + _LINE + _GAP
    sheet = np.empty((len(drawn) * row_height + _GAP, columns * (_WIDTH + _GAP) + _GAP, 3), np.uint8)
    sheet[:] = _GROUND
    for number, (head, cells) in enumerate(drawn):
        top = number * row_height + _GAP
        _write(sheet, head, _GAP, top + 20, 0.62)
        for place, (cell, told) in enumerate(cells):
            left = _GAP + place * (_WIDTH + _GAP)
            sheet[top + _HEAD : top + _HEAD + cell.shape[0], left : left + _WIDTH] = cell
            _write(sheet, told, left, top + _HEAD + height + 18, 0.46)
    return sheet


def _small(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height = max(1, round(_WIDTH * frame.shape[0] / frame.shape[1]))
    return np.asarray(cv2.resize(frame, (_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def _write(sheet: NDArray[np.uint8], text: str, x: int, y: int, size: float) -> None:
    cv2.putText(sheet, plain(text), (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
