"""Table 1 of the paper beside one's own: videos and their shortest, longest and mean length for each subset. No torch.

Called by `stats` and by the app's Data workspace; the picture is drawn by davenet/drawing.py.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from davenet.drawing import Drawing


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many videos, and their lengths in seconds."""

    videos: int
    shortest_s: float
    longest_s: float
    mean_s: float


@dataclass(frozen=True, slots=True)
class SubsetRow:
    """A row of Table 1: one's own figures (None without videos) beside the paper's (None where it has no such row)."""

    name: str
    ours: Lengths | None
    paper: Lengths | None


class Measured(Protocol):
    """What is needed of a video; the project's records have it."""

    @property
    def corpus(self) -> str: ...
    @property
    def split(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def duration_s(self) -> float: ...


PAPER: dict[str, Lengths] = {
    "YC2 Train": Lengths(1262, 46.0, 1106.1, 317.7),
    "YC2 Val": Lengths(439, 44.3, 829.4, 308.9),
    "YC2 Test": Lengths(205, 37.8, 722.8, 318.1),
    "YT8 English": Lengths(3535, 119.0, 499.8, 275.5),
}
_SPLITS = {"train": "Train", "validation": "Val", "test": "Test"}
_OWN = ("Own Train", "Own Val", "Own Test")


def table1(videos: Iterable[Measured]) -> list[SubsetRow]:
    """Returns the paper's four rows, then those of other videos that there are: own ones, YouTube-8M not in English."""
    lengths: dict[str, list[float]] = {}
    for video in videos:
        lengths.setdefault(subset_name(video), []).append(video.duration_s)
    names = [*PAPER, *(name for name in ("YT8 other", *_OWN) if name in lengths)]
    return [SubsetRow(name, _measured(lengths.get(name, [])), PAPER.get(name)) for name in names]


def subset_name(video: Measured) -> str:
    """Returns the row that a video counts in."""
    if video.corpus == "youtube8m":
        return "YT8 English" if video.language == "en" else "YT8 other"
    return f"{'YC2' if video.corpus == 'youcook2' else 'Own'} {_SPLITS.get(video.split, 'Train')}"


def table1_values(rows: Sequence[SubsetRow]) -> list[dict[str, Any]]:
    """Returns the rows as JSON values."""
    return [asdict(row) for row in rows]


def table1_csv(rows: Sequence[SubsetRow]) -> str:
    """Returns the rows as CSV, a line a subset, the paper's figures in columns of their own; empty where there are none."""
    text = io.StringIO()
    names = ("videos", "shortest_s", "longest_s", "mean_s")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["subset", *names, *(f"paper_{name}" for name in names)])
    for row in rows:
        cells: list[Any] = [row.name]
        for lengths in (row.ours, row.paper):
            cells += [""] * 4 if lengths is None else [lengths.videos, *(f"{s:.1f}" for s in _seconds(lengths))]
        writer.writerow(cells)
    return text.getvalue()


def table1_picture(rows: Sequence[SubsetRow]) -> Drawing:
    """Returns the rows drawn: for each subset a line from the shortest to the longest with its mean, the paper's below."""
    left, right, top, line = 150, 40, 96, 64
    drawing = Drawing(860, top + line * len(rows) + 48, "Table 1: lengths of the videos, ours and the paper's")
    most_s = max((each.longest_s for row in rows for each in (row.ours, row.paper) if each is not None), default=60.0)
    step_s = next(step for step in (10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 1e9) if most_s / step <= 8)
    end_s = step_s * -(-most_s // step_s)

    def x(seconds: float) -> float:
        return left + (drawing.width - left - right) * seconds / end_s

    drawing.text(16, 30, "Lengths of the videos", size=17)
    for place, (colour, told) in enumerate(((Drawing.OURS, "this project"), (Drawing.OTHER, "the paper (Table 1)"))):
        at = 16.0 + 270 * place
        drawing.line(at, 56, at + 40, 56, colour=colour, width=3)
        drawing.circle(at + 20, 56, 5, colour=colour)
        drawing.text(at + 50, 60, f"{told}: shortest, mean, longest", size=11, colour=Drawing.FAINT_INK)
    bottom = top + line * len(rows)
    for tick in range(round(end_s / step_s) + 1):
        at = x(tick * step_s)
        drawing.line(at, top - 14, at, bottom, colour=Drawing.GRID)
        drawing.text(at, bottom + 20, f"{tick * step_s:g} s", size=11, anchor="middle", colour=Drawing.FAINT_INK)
    for number, row in enumerate(rows):
        y = top + line * number + 10
        drawing.text(16, y + 5, row.name, weight="bold")
        for lengths, colour, at_y in ((row.ours, Drawing.OURS, y), (row.paper, Drawing.OTHER, y + 26)):
            if lengths is None:
                continue
            drawing.line(x(lengths.shortest_s), at_y, x(lengths.longest_s), at_y, colour=colour, width=3)
            drawing.circle(x(lengths.mean_s), at_y, 5, colour=colour)
            drawing.text(left - 12, at_y + 5, f"{lengths.videos:,}", size=11, anchor="end", colour=colour)
    return drawing


def _measured(lengths_s: list[float]) -> Lengths | None:
    if not lengths_s:
        return None
    return Lengths(len(lengths_s), min(lengths_s), max(lengths_s), sum(lengths_s) / len(lengths_s))


def _seconds(lengths: Lengths) -> tuple[float, float, float]:
    return lengths.shortest_s, lengths.longest_s, lengths.mean_s
