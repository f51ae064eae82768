"""The curves of a chart as a picture, drawn in turns of bounded work: seven of them hold the window up no more than one.

Each turn thins or draws as many points as it may; the picture is shown when it is whole, the one before it until then.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QByteArray, QDataStream, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPen, QPolygonF

from annotator.views.runs.series import Values, shown
from annotator.views.theme import Tokens

GRID_LINES = 4
LEFT, RIGHT, TOP, BOTTOM = 16, 62, 52, 28  # at the right stand the grid's values
TURN = 8_000  # points that a turn looks at, one curve at least; a drawn one counts as DRAWN of them
DRAWN = 5
_SHARES = (10.0, 20.0, 40.0, 60.0, 80.0, 100.0)  # the tops of a chart of percentages


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Points of (x, value) in a token's colour; the first curve of a chart is the one that is read out."""

    name: str
    token: str
    x: Values
    y: Values
    dashed: bool = False
    low: Values | None = None  # of the 95 % interval around each value, drawn as a band under the first curve
    high: Values | None = None
    key: object = None  # curves of equal keys have the same points; None: it is like no other

    @classmethod
    def of(cls, name: str, token: str, points: Sequence[tuple[float, float]], *, dashed: bool = False) -> "Curve":
        rows = np.array(points, np.float64).reshape(-1, 2)
        return cls(name, token, rows[:, 0], rows[:, 1], dashed)


@dataclass(frozen=True, slots=True, eq=False)
class Thinned:
    """What of a curve its pixels show, (n, 2), and its band there, (n, 2) of low and high."""

    points: Values
    band: Values | None


def round_step(span: float, lines: int = GRID_LINES) -> float:
    """Returns the smallest of 1, 2, 2.5, 5 × 10ⁿ that covers `span` in `lines` − 1 steps."""
    if span <= 0 or not math.isfinite(span):
        return 1.0
    raw = span / (lines - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))


def grid(low: float, high: float, lines: int = GRID_LINES) -> list[float]:
    """Returns `lines` evenly spaced round values with every value of [low, high] between the first and the last."""
    step = round_step(max(high - low, 1e-9 * max(1.0, abs(high))), lines)
    first = math.floor(low / step + 1e-9) * step
    while first + step * (lines - 1) < high - 1e-9 * step:
        step = round_step(step * (lines - 1) * 1.01, lines)
        first = math.floor(low / step + 1e-9) * step
    return [first + step * i for i in range(lines)]


def share_grid(high: float) -> list[float]:
    """Returns five values from 0 to a round percentage over `high`, 100 at most."""
    top = next((top for top in _SHARES if top >= high), 100.0)
    return [top * i / GRID_LINES for i in range(GRID_LINES + 1)]


class Drawing:
    """A picture of curves for one size, in one theme; `advance` takes a turn. Nothing of it is for other threads."""

    def __init__(
        self,
        curves: Sequence[Curve],
        size: QSize,
        ratio: float,
        tokens: Tokens,
        *,
        is_share: bool,
        before: "Drawing | None",
    ) -> None:
        self.curves, self.size, self.tokens = tuple(curves), size, tokens
        self.plot = QRectF(LEFT, TOP, size.width() - LEFT - RIGHT, size.height() - TOP - BOTTOM)
        self.lines: list[float] = []
        self.last_x = 1.0
        self.points_by_turn: list[int] = []  # looked at and drawn: what a test of quickness counts
        self.n_drawn = 0
        self.image = QImage(size * ratio, QImage.Format.Format_ARGB32_Premultiplied)
        self.image.setDevicePixelRatio(ratio)
        self.image.fill(Qt.GlobalColor.transparent)
        self._is_share, self._width = is_share, max(2, int(self.plot.width()))
        self._known = {} if before is None or before._width != self._width else before._kept()
        self._thinned: list[Thinned | None] = [self._known.get(c.key) if c.key is not None else None for c in curves]
        self._steps: list[Callable[[], int]] = [
            (lambda place=place: self._thin(place)) for place, each in enumerate(self._thinned) if each is None
        ]
        self._steps.append(self._scale)
        self._steps += [(lambda place=place: self._draw(place)) for place in reversed(range(len(self.curves)))]

    @property
    def is_whole(self) -> bool:
        return not self._steps

    def advance(self) -> bool:
        """Takes one turn; returns whether the picture is whole now."""
        spent = 0
        while self._steps and spent < TURN:
            spent += self._steps.pop(0)()
        self.points_by_turn.append(spent)
        return self.is_whole

    def thinned(self, place: int) -> Values:
        """Returns the points of a curve that its pixels show, (n, 2); none before it is thinned."""
        found = self._thinned[place]
        return np.empty((0, 2)) if found is None else found.points

    def x_of(self, value: float) -> float:
        return self.plot.left() + self.plot.width() * value / self.last_x

    def y_of(self, value: float) -> float:
        return self.plot.bottom() - self.plot.height() * (value - self.lines[0]) / (self.lines[-1] - self.lines[0])

    def _kept(self) -> dict[object, Thinned]:
        pairs = zip(self.curves, self._thinned, strict=True)
        return {curve.key: found for curve, found in pairs if curve.key is not None and found is not None}

    def _thin(self, place: int) -> int:
        curve = self.curves[place]
        kept = shown(curve.x, curve.y, self._width)
        has_band = curve.low is not None and curve.high is not None and len(curve.x) > 1
        band = np.column_stack([curve.low[kept], curve.high[kept]]) if has_band else None  # type: ignore[index]
        self._thinned[place] = Thinned(np.column_stack([curve.x[kept], curve.y[kept]]), band)
        return len(curve.x)

    def _scale(self) -> int:
        drawn = [each.points for each in self._thinned if each is not None and len(each.points)]
        if not drawn:
            self._steps.clear()
            return 0
        low, high = min(float(each[:, 1].min()) for each in drawn), max(float(each[:, 1].max()) for each in drawn)
        self.lines = share_grid(high) if self._is_share else grid(low, high)
        last = max(float(each[-1, 0]) for each in drawn)
        self.last_x = last if last > 0 else 1.0
        return 0

    def _draw(self, place: int) -> int:
        curve, found = self.curves[place], self._thinned[place]
        if found is None or not len(found.points):
            return 0
        color = self.tokens.color(curve.token)
        painter = QPainter(self.image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        n = len(found.points)
        if place == 0 and found.band is not None:
            ends = np.concatenate([found.band[:, 1], found.band[::-1, 0]])
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.tokens.color(curve.token, 0.16))
            outline = np.concatenate([found.points[:, 0], found.points[::-1, 0]]), np.minimum(ends, self.lines[-1])
            painter.drawPolygon(self._polygon(*outline))
            n *= 3
        style = Qt.PenStyle.DashLine if curve.dashed else Qt.PenStyle.SolidLine
        pen = QPen(color, 1 if curve.dashed else 2, style, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        # smooth joins of thousands of points would take a tenth of a second: there the thinnest pen draws twice
        shifts = (-0.35, 0.35) if len(found.points) > self._width // 2 else (0.0,)
        painter.setPen(pen if len(shifts) == 1 else QPen(color, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        polygon = self._polygon(found.points[:, 0], found.points[:, 1])
        for shift in shifts:
            painter.drawPolyline(polygon.translated(0, shift))
        if place == 0:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(QPointF(self.x_of(found.points[-1, 0]), self.y_of(found.points[-1, 1])), 3, 3)
        painter.end()
        self.n_drawn += len(found.points)
        return DRAWN * n

    def _polygon(self, x: Values, y: Values) -> QPolygonF:
        """Returns the points on the picture; through a stream, as making each of them in Python takes ten times as long."""
        there = np.empty((len(x), 2), "<f8")
        there[:, 0] = self.plot.left() + self.plot.width() * x / self.last_x
        there[:, 1] = self.plot.bottom() - self.plot.height() * (y - self.lines[0]) / (self.lines[-1] - self.lines[0])
        content = QByteArray(np.array(len(x), "<u4").tobytes() + there.tobytes())  # named: the stream only points to it
        stream = QDataStream(content, QIODevice.OpenModeFlag.ReadOnly)
        stream.setByteOrder(QDataStream.ByteOrder.LittleEndian)
        polygon = QPolygonF()
        stream >> polygon
        return polygon
