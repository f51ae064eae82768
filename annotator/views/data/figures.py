"""What the plots show, as plain layers of numbers: one Figure each, with its table for CSV. No Qt, off the GUI thread."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from annotator.project import Project
from annotator.verbs import analysing
from annotator.views.runs.values import number_text
from davenet.corpora.table1 import SubsetRow, table1
from davenet.errors import UserError, one_line
from davenet.labels.food_word_counts import (
    PAPER_NOUNS,
    PAPER_TOTAL,
    PAPER_UNIQUE,
    FoodWordCounts,
    histogram,
)
from davenet.labels.survey import SurveyedVideo, frames_of_video
from davenet.labels.synchrony import PAPER_SHARE, PAPER_WINDOW_S, Synchrony

Shape = Literal["bars", "rows", "line", "band", "points", "spans"]
_OF_SYNCHRONY = ("food_threshold", "match", "synonyms", "whole_names")
MOST_WORDS, MOST_CLASSES = 15, 15


@dataclass(frozen=True, slots=True)
class Layer:
    """`bars` stand from x to `high`; `rows` lie at y; a `band` is between y and `high`; `spans` go from x to `high`."""

    shape: Shape
    x: tuple[float, ...]
    y: tuple[float, ...]
    token: str = "info"
    name: str = ""
    high: tuple[float, ...] = ()
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the plot at x or at y, with what it says."""

    at: float
    text: str
    is_x: bool = True
    token: str = "accent"


@dataclass(frozen=True, slots=True)
class Figure:
    key: str
    title: str
    readout: str = ""
    x_label: str = ""
    y_label: str = ""
    layers: tuple[Layer, ...] = ()
    marks: tuple[Mark, ...] = ()
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    empty: str = ""  # why there is nothing, and what to do first
    step: str = ""  # the verb that would bring it
    by_y: bool = False  # the rows of the table go with y, not with x
    at: tuple[float, ...] = field(default=())  # where each of the table's rows is on that axis

    def csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([_cell(value) for value in row] for row in self.rows)
        return text.getvalue()

    def near(self, x: float, y: float) -> str:
        """Returns the table's row nearest to a point of the plot, in words."""
        if not self.at or not self.rows:
            return ""
        place = int(np.argmin(np.abs(np.array(self.at) - (y if self.by_y else x))))
        return " · ".join(
            f"{name} {_shown(value)}" for name, value in zip(self.header, self.rows[place], strict=False) if value != ""
        )


KEYS = ("table1", "food-words", "frequent", "synchrony", "classes", "offsets", "probabilities")
TITLES = {
    "table1": "Table 1: lengths of the videos",
    "food-words": "Food words in a video",
    "frequent": "Most frequent food words",
    "synchrony": "Synchrony of what is seen and said",
    "classes": "Synchrony by class",
    "offsets": "When a label is said",
    "probabilities": "P(food) of all frames",
}


def compute(
    project: Project,
    options: dict[str, Any],
    give: Callable[[Figure], None],
    told: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Gives every figure as soon as it is made; one that cannot be made says why and what to do first."""
    records = project.store.videos()
    wanted = options.get("split")
    give(table1_figure(table1(records)))
    videos = [SurveyedVideo(v.uid, v.duration_s) for v in records if wanted is None or v.split == wanted]
    if not videos:
        for key in KEYS[1:]:
            give(Figure(key, TITLES[key], empty="No videos yet: import some first.", step="import"))
        return
    by = {name: options.get(name) for name in ("recogniser", "detector")}

    def words() -> FoodWordCounts:
        named = {"words": options.get("nouns"), "recogniser": by["recogniser"]}
        return analysing.food_words(project, split=wanted, **named, told=tell("food words"), stop=stop)

    def synchrony() -> Synchrony:
        given = {name: options[name] for name in _OF_SYNCHRONY if name in options}
        return analysing.synchrony(project, split=wanted, **by, **given, told=tell("synchrony"), stop=stop)

    def tell(what: str) -> Callable[[int, int], None]:
        return lambda done, total: told(what, done, total)

    _try(words, (food_words_figure, frequent_figure), KEYS[1:3], give)
    _try(synchrony, (synchrony_figure, classes_figure, offsets_figure), KEYS[3:6], give)
    _try(lambda: _probabilities(videos, project, by["detector"], stop), (probabilities_figure,), KEYS[6:], give)


def _try(
    measure: Callable[[], Any],
    make: Sequence[Callable[[Any], Figure]],
    keys: Sequence[str],
    give: Callable[[Figure], None],
) -> None:
    try:
        measured = measure()
    except UserError as error:
        reason = one_line(error)
        step = "transcribe" if "no words" in reason else "detect" if "no food detections" in reason else ""
        told = {
            "transcribe": "No words yet: transcribe the videos first.",
            "detect": "No detections yet: detect the foods first.",
        }.get(step, reason)
        for key in keys:
            give(Figure(key, TITLES[key], empty=told, step=step))
        return
    for maker in make:
        give(maker(measured))


def table1_figure(rows: Sequence[SubsetRow]) -> Figure:
    """Ranges of lengths with their means, the project's above the paper's."""
    ours, paper = _lengths(rows, "ours", 0.16), _lengths(rows, "paper", -0.16)
    layers = [
        layer
        for (spans, means), token, name in ((ours, "accent", "this project"), (paper, "info", "the paper"))
        for layer in (
            Layer("spans", spans[0], spans[1], token, "", spans[2]),
            Layer("points", means[0], means[1], token, name),
        )
        if layer.x
    ]
    n_here = sum(row.ours.videos for row in rows if row.ours)
    names = ("videos", "shortest s", "longest s", "mean s")
    return Figure(
        "table1",
        TITLES["table1"],
        readout=f"{number_text(n_here)} videos here" if n_here else "no videos here yet",
        x_label="shortest, mean and longest, s",
        layers=tuple(layers),
        y_ticks=tuple((float(-place), row.name) for place, row in enumerate(rows)),
        y_range=(-len(rows) + 0.4, 0.6),
        header=("subset", *names, *(f"paper: {name}" for name in names)),
        rows=tuple((row.name, *_figures(row.ours), *_figures(row.paper)) for row in rows),
        by_y=True,
        at=tuple(float(-place) for place in range(len(rows))),
    )


def _lengths(rows: Sequence[SubsetRow], whose: str, shift: float) -> Any:
    found = [(place, getattr(row, whose)) for place, row in enumerate(rows) if getattr(row, whose) is not None]
    ys = tuple(shift - place for place, _ in found)
    starts = tuple(each.shortest_s for _, each in found)
    return (starts, ys, tuple(each.longest_s for _, each in found)), (tuple(each.mean_s for _, each in found), ys)


def _figures(lengths: Any) -> tuple[Any, ...]:
    if lengths is None:
        return ("",) * 4
    return lengths.videos, round(lengths.shortest_s, 1), round(lengths.longest_s, 1), round(lengths.mean_s, 1)


def food_words_figure(counts: FoodWordCounts) -> Figure:
    most = int(counts.total_V.max(initial=0))
    edges, total_B = histogram(counts.total_V, most_bars=30)
    step = int(edges[1] - edges[0]) if len(edges) > 1 else 1
    unique_B = np.histogram(counts.unique_V, edges - 0.5)[0]
    middles = tuple(float(edge + (step - 1) / 2) for edge in edges[:-1])
    listed = "" if counts.n_listed == PAPER_NOUNS else f" of {counts.n_listed} words"
    return Figure(
        "food-words",
        TITLES["food-words"],
        readout=f"mean {counts.mean_unique:.1f} different, {counts.mean_total:.1f} in all{listed} · "
        f"the paper {PAPER_UNIQUE:g} and {PAPER_TOTAL:g}",
        x_label="food words in a video",
        y_label="videos",
        layers=(
            _bars(edges[:-1] - 0.5, edges[:-1] - 0.5 + step / 2, unique_B, "accent", "different"),
            _bars(edges[:-1] - 0.5 + step / 2, edges[1:] - 0.5, total_B, "info", "in all"),
        ),
        marks=(
            Mark(PAPER_UNIQUE, f"paper: {PAPER_UNIQUE:g} different", token="accent"),
            Mark(PAPER_TOTAL, f"paper: {PAPER_TOTAL:g} in all", token="info"),
        ),
        x_range=(-0.5, max(float(most + step), PAPER_TOTAL * 1.3)),
        header=("from", "to", "videos by all", "videos by different"),
        rows=tuple(
            (int(edge), int(edge) + step - 1, int(n_all), int(n_unique))
            for edge, n_all, n_unique in zip(edges[:-1], total_B, unique_B, strict=True)
        ),
        at=middles,
    )


def frequent_figure(counts: FoodWordCounts) -> Figure:
    shown = min(MOST_WORDS, len(counts.nouns))
    places = tuple(float(-place) for place in range(shown))
    return Figure(
        "frequent",
        TITLES["frequent"],
        readout=f"{number_text(len(counts.nouns))} of {number_text(counts.n_listed)} food words are said",
        x_label="times said",
        layers=(Layer("rows", tuple(counts.said_W[:shown].astype(float)), places),),
        y_ticks=tuple(zip(places, counts.nouns[:shown], strict=True)),
        y_range=(-shown + 0.4, 0.6),
        header=("word", "times said", "videos"),
        rows=tuple(
            (noun, int(n), int(v)) for noun, n, v in zip(counts.nouns, counts.said_W, counts.videos_W, strict=True)
        ),
        by_y=True,
        at=tuple(float(-place) for place in range(len(counts.nouns))),
        empty="" if shown else "None of the food words is said in these videos.",
    )


def synchrony_figure(measured: Synchrony) -> Figure:
    windows = tuple(measured.windows_s_T.astype(float))
    share, low, high = measured.at(PAPER_WINDOW_S)
    interval = f" ({100 * low:.1f} to {100 * high:.1f})" if np.isfinite(low) else ""
    layers = [Layer("line", windows, tuple(100 * measured.chance_T), "muted", "by chance", dashed=True)]
    if np.isfinite(low):
        layers.append(
            Layer("band", windows, tuple(100 * measured.low_T), "accent", "95 %", tuple(100 * measured.high_T))
        )
    layers.append(Layer("line", windows, tuple(100 * measured.share_T), "accent", "these videos"))
    layers.append(Layer("points", (float(PAPER_WINDOW_S),), (100 * PAPER_SHARE,), "info", "the paper: nearly 16 %"))
    most = max(
        float(np.nanmax(measured.high_T)) if np.isfinite(low) else 0.0, float(measured.share_T.max()), PAPER_SHARE
    )
    return Figure(
        "synchrony",
        TITLES["synchrony"],
        readout=f"{100 * share:.1f} %{interval} within {PAPER_WINDOW_S} s · {number_text(measured.n_frames)} food frames",
        x_label="window T around the frame, s",
        y_label="frames with a label said, %",
        layers=tuple(layers),
        marks=(Mark(100 * PAPER_SHARE, "", is_x=False, token="info"), Mark(float(PAPER_WINDOW_S), "", token="info")),
        x_range=(0.0, float(measured.windows_s_T.max())),
        y_range=(0.0, min(102.0, 108 * most)),
        header=("T s", "share %", "low %", "high %", "chance %"),
        rows=tuple(
            (int(window), *(round(100 * float(value), 2) for value in of))
            for window, *of in zip(
                measured.windows_s_T, measured.share_T, measured.low_T, measured.high_T, measured.chance_T, strict=True
            )
        ),
        at=windows,
    )


def classes_figure(measured: Synchrony) -> Figure:
    reference = int(np.argmin(np.abs(measured.windows_s_T - PAPER_WINDOW_S)))
    shown = measured.classes[:MOST_CLASSES]
    order = sorted(shown, key=lambda of: -float(of.share_T[reference]))
    places = tuple(float(-place) for place in range(len(order)))
    shares = tuple(100 * float(of.share_T[reference]) for of in order)
    within = [(place, of.interval) for place, of in zip(places, order, strict=True) if np.isfinite(of.interval[0])]
    layers = [Layer("rows", shares, places)]
    if within:
        lows, highs = (tuple(100 * interval[end] for _, interval in within) for end in (0, 1))
        layers.append(Layer("spans", lows, tuple(place for place, _ in within), "text", "95 %", highs))

    def percent(share: float) -> float:
        return round(100 * float(share), 2)

    return Figure(
        "classes",
        TITLES["classes"],
        readout=f"within {PAPER_WINDOW_S} s · the {len(order)} of most frames, of {number_text(len(measured.classes))} classes",
        x_label="frames of the class with it said, %",
        layers=tuple(layers),
        marks=(Mark(100 * PAPER_SHARE, "paper, all", token="info"),),
        y_ticks=tuple((place, f"{of.name} ({of.n_frames})") for place, of in zip(places, order, strict=True)),
        y_range=(-len(order) + 0.4, 0.6),
        x_range=(0.0, max(100 * PAPER_SHARE * 1.2, 1.06 * max((*shares, *(layers[-1].high or ())), default=0.0))),
        header=("class", "share %", "frames", "videos", "low %", "high %"),
        rows=tuple(
            (of.name, percent(of.share_T[reference]), of.n_frames, of.n_videos, *map(percent, of.interval))
            for of in (*order, *measured.classes[MOST_CLASSES:])
        ),
        by_y=True,
        at=tuple(float(-place) for place in range(len(measured.classes))),
        empty="" if order else "No frame has a class with P(food) over the threshold.",
    )


def offsets_figure(measured: Synchrony) -> Figure:
    edges, counts = measured.offset_edges_s, measured.offset_counts_B
    middles = (edges[:-1] + edges[1:]) / 2
    total = int(counts.sum())
    before = float(counts[middles < 0].sum()) / total if total else 0.0
    median = float(np.interp(0.5, np.cumsum(counts) / total, edges[1:])) if total else 0.0
    return Figure(
        "offsets",
        TITLES["offsets"],
        readout=f"{100 * before:.0f} % before it is seen, median {median:+.1f} s · {number_text(total)} times",
        x_label="said before (−) or after (+) the frame, s",
        y_label="times",
        layers=(_bars(edges[:-1], edges[1:], counts),),
        marks=(Mark(0.0, "the frame", token="text"),),
        x_range=(float(edges[0]), float(edges[-1])),
        header=("from s", "to s", "times"),
        rows=tuple((float(a), float(b), int(n)) for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)),
        at=tuple(middles.astype(float)),
        empty="" if total else "No label is said within 30 s of its frame.",
    )


def _probabilities(
    videos: Sequence[SurveyedVideo], project: Project, detector: str | None, stop: Callable[[], bool]
) -> np.ndarray:
    """Returns P(food) of all frames (N,); raises UserError where no video has detections."""
    found: list[np.ndarray] = []
    first_reason = ""
    for video in videos:
        if stop():
            break
        try:
            found.append(frames_of_video(project.labels_dir, video, detector).food_N)
        except UserError as error:
            first_reason = first_reason or str(error)
    if not found:
        raise UserError(first_reason or "There are no food detections; detect the foods first.")
    return np.concatenate(found)


def probabilities_figure(food_N: np.ndarray) -> Figure:
    edges = np.linspace(0, 1, 41)
    counts = np.histogram(food_N, edges)[0]
    food, other = float((food_N >= 0.5).mean()), float((1 - food_N >= 0.95).mean())
    return Figure(
        "probabilities",
        TITLES["probabilities"],
        readout=f"{100 * food:.0f} % food, {100 * other:.0f} % surely none · {number_text(len(food_N))} frames",
        x_label="P(food)",
        y_label="frames",
        layers=(_bars(edges[:-1], edges[1:], counts),),
        marks=(Mark(0.05, "non-food", token="muted"), Mark(0.5, "food", token="accent")),
        x_range=(0.0, 1.0),
        header=("from", "to", "frames"),
        rows=tuple(
            (round(float(a), 3), round(float(b), 3), int(n))
            for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
        ),
        at=tuple((edges[:-1] + edges[1:]) / 2),
    )


def _bars(lefts: np.ndarray, rights: np.ndarray, heights: np.ndarray, token: str = "info", name: str = "") -> Layer:
    edges = (tuple(float(each) for each in ends) for ends in (lefts, rights))
    left, right = edges
    return Layer("bars", left, tuple(float(each) for each in heights), token, name, right)


def _cell(value: Any) -> Any:
    return "" if isinstance(value, float) and not np.isfinite(value) else value


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
