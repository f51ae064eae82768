"""The pictures of the paper's analyses (Section 4): food words a video, and synchrony by the window's width."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from davenet.drawing import Drawing
from davenet.labels.food_word_counts import PAPER_TOTAL, PAPER_UNIQUE, FoodWordCounts, histogram
from davenet.labels.synchrony import PAPER_SHARE, PAPER_WINDOW_S, Synchrony

_WIDTH, _LEFT, _RIGHT = 860, 70, 30  # pixels
_PLOT_HEIGHT, _GAP, _TOP = 190, 84, 52
_MOST_SAID = 25
_BAND = "#cfe3ec"

Place = Callable[[float], float]


def food_words_picture(counts: FoodWordCounts) -> Drawing:
    """Returns the histograms of different and of all food words a video, with the means, and the words said most."""
    nouns = counts.nouns[:_MOST_SAID]
    height = _TOP + 2 * (_PLOT_HEIGHT + _GAP) + 18 * len(nouns) + 60
    picture = Drawing(_WIDTH, height, "Food words that videos say")
    picture.text(16, 28, f"Food words in {len(counts.video_uids):,} videos", size=17, weight="bold")
    top = float(_TOP)
    for values, mean, paper, what in (
        (counts.unique_V, counts.mean_unique, PAPER_UNIQUE, "different food words"),
        (counts.total_V, counts.mean_total, PAPER_TOTAL, "food words in all"),
    ):
        edges, bars = histogram(values)
        middled = edges.astype(np.float64) - 0.5  # a bar of one number stands over that number
        ends = (-0.5, max(float(middled[-1]), paper * 1.1))
        x, y = _axes(picture, top, ends, float(bars.max()), what, "videos")
        _bars(picture, x, y, middled, bars)
        for value, colour in ((mean, Drawing.INK), (paper, Drawing.OTHER)):
            picture.line(x(value), y(0), x(value), top, colour=colour, width=2)
        picture.text(_WIDTH - 190, top - 8, f"mean {mean:.1f}", size=12, anchor="end")
        picture.text(
            _WIDTH - _RIGHT, top - 8, f"the paper's mean {paper:g}", size=12, colour=Drawing.OTHER, anchor="end"
        )
        top += _PLOT_HEIGHT + _GAP
    picture.text(16, top + 14, "Said most (times, videos)", weight="bold")
    most = int(counts.said_W.max(initial=1))
    for place, noun in enumerate(nouns):
        foot = top + 38 + 18 * place
        width = 480 * int(counts.said_W[place]) / most
        picture.text(150, foot, noun, anchor="end", size=12)
        picture.box(160, foot - 10, width, 12, colour=Drawing.OURS)
        told = f"{counts.said_W[place]:,}, {counts.videos_W[place]:,}"
        picture.text(168 + width, foot, told, size=11, colour=Drawing.FAINT_INK)
    return picture


def synchrony_picture(found: Synchrony) -> Drawing:
    """Returns the share by the window's width, with its interval, chance and the paper's point; and the offsets."""
    picture = Drawing(_WIDTH, _TOP + 2 * (_PLOT_HEIGHT + _GAP) + 20, "Synchrony of what is seen and what is said")
    title = f"Labels said near their frame ({found.n_frames:,} frames, {len(found.video_uids):,} videos)"
    picture.text(16, 28, title, size=17, weight="bold")
    highest = np.nanmax([*found.share_T, *found.high_T, *found.chance_T, PAPER_SHARE]) * 100
    windows = found.windows_s_T.astype(float)
    x, y = _axes(
        picture, _TOP, (0, float(windows.max())), float(highest), "seconds around the frame (T)", "% of frames"
    )
    for window, low, high in zip(windows, found.low_T * 100, found.high_T * 100, strict=True):
        if np.isfinite(low):
            picture.box(x(window - 0.5), y(high), x(1) - x(0), y(low) - y(high), colour=_BAND)
    _curve(picture, x, y, windows, found.chance_T * 100, Drawing.FAINT_INK)
    _curve(picture, x, y, windows, found.share_T * 100, Drawing.OURS)
    picture.circle(x(PAPER_WINDOW_S), y(100 * PAPER_SHARE), 5, colour=Drawing.OTHER)
    _legend(
        picture,
        _TOP + 14,
        (
            (Drawing.OURS, "said within T seconds, with its 95 % interval"),
            (Drawing.FAINT_INK, "chance: frames moved elsewhere in their video"),
            (Drawing.OTHER, "the paper: nearly 16 % at 20 s"),
        ),
    )
    edges, bars = found.offset_edges_s, found.offset_counts_B
    what = "seconds from the frame to the word: said before it is seen on the left, after it on the right"
    x, y = _axes(picture, _TOP + _PLOT_HEIGHT + _GAP, (edges[0], edges[-1]), float(bars.max()), what, "times said")
    _bars(picture, x, y, edges, bars)
    picture.line(x(0), y(0), x(0), y(max(1.0, float(bars.max()))), colour=Drawing.INK)
    return picture


def _axes(
    picture: Drawing, top: float, ends: tuple[float, float], highest: float, below: str, beside: str
) -> tuple[Place, Place]:
    """Draws a plot's axes and returns where a value lies across and up."""
    low, high = ends
    highest = max(highest, 1.0)

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value - low) / max(high - low, 1e-9)

    def y(value: float) -> float:
        return top + _PLOT_HEIGHT * (1 - value / highest)

    for value in _ticks(0, highest, 5):
        picture.line(_LEFT, y(value), _WIDTH - _RIGHT, y(value), colour=Drawing.GRID)
        picture.text(_LEFT - 8, y(value) + 4, f"{value:g}", size=11, anchor="end", colour=Drawing.FAINT_INK)
    for value in _ticks(low, high, 12):
        picture.line(x(value), y(0), x(value), y(0) + 5, colour=Drawing.FAINT_INK)
        picture.text(x(value), y(0) + 18, f"{value:g}", size=11, anchor="middle", colour=Drawing.FAINT_INK)
    picture.text((_LEFT + _WIDTH - _RIGHT) / 2, y(0) + 36, below, size=12, anchor="middle")
    picture.text(16, top - 8, beside, size=12)
    return x, y


def _ticks(low: float, high: float, most: int) -> NDArray[np.float64]:
    """Returns round numbers from low to high, at most about `most`."""
    rough = max((high - low) / most, 1e-9)
    scale = 10.0 ** np.floor(np.log10(rough))
    step = next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough)
    ticks: NDArray[np.float64] = np.round(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, 6)
    return ticks


def _bars(picture: Drawing, x: Place, y: Place, edges: NDArray[np.float64], bars: NDArray[np.int64]) -> None:
    for left, right, count in zip(edges[:-1].tolist(), edges[1:].tolist(), bars.tolist(), strict=True):
        if count:
            picture.box(x(left) + 0.5, y(count), x(right) - x(left) - 1, y(0) - y(count), colour=Drawing.OURS)


def _curve(
    picture: Drawing, x: Place, y: Place, across: NDArray[np.float64], up: NDArray[np.float64], colour: str
) -> None:
    points = list(zip(across.tolist(), up.tolist(), strict=True))
    for (x1, y1), (x2, y2) in pairwise(points):
        picture.line(x(x1), y(y1), x(x2), y(y2), colour=colour, width=2)


def _legend(picture: Drawing, top: float, entries: Sequence[tuple[str, str]]) -> None:
    for place, (colour, told) in enumerate(entries):
        picture.circle(_LEFT + 16, top + 17 * place - 4, 4, colour=colour)
        picture.text(_LEFT + 26, top + 17 * place, told, size=11)
