"""The points of the plane as a picture: drawn off the GUI thread, as 100,000 pairs are 200,000 points.

Frames are discs and sounds squares; past twenty thousand points both are squares of pixels, laid over one another by numpy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

_MANY = 20_000  # points, past which single ones are not told apart


@dataclass(frozen=True, slots=True)
class Points:
    """What is drawn of P points: where on a picture of so many pixels, and in which colour; `key` tells requests apart."""

    key: object
    width: int
    height: int
    ratio: float
    at_P2: NDArray[np.float32]
    of_P: NDArray[np.int64]  # the place of its colour
    colours: tuple[QColor, ...]
    is_shown_P: NDArray[np.bool_]
    is_chosen_P: NDArray[np.bool_]

    @property
    def size_px(self) -> float:
        n = len(self.at_P2) // 2
        return 7.0 if n <= 500 else 5.0 if n <= 3000 else 3.0

    def alpha(self, is_chosen: bool) -> float:
        return 0.9 if is_chosen else 0.22 if self.is_chosen_P.any() else 0.75


def drawn(points: Points) -> QImage:
    """Returns the picture, transparent where no point is; safe off the GUI thread."""
    image = _laid(points) if len(points.at_P2) > _MANY else _painted(points)
    image.setDevicePixelRatio(points.ratio)
    return image


def _painted(points: Points) -> QImage:
    image = QImage(
        round(points.width * points.ratio),
        round(points.height * points.ratio),
        QImage.Format.Format_ARGB32_Premultiplied,
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.scale(points.ratio, points.ratio)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    is_frame_P = np.arange(len(points.at_P2)) < len(points.at_P2) // 2
    for is_chosen in (False, True):
        for row, colour in enumerate(points.colours):
            shade = QColor(colour)
            shade.setAlphaF(points.alpha(is_chosen))
            of = points.is_shown_P & (points.of_P == row) & (points.is_chosen_P == is_chosen)
            for frames in (True, False):
                cap = Qt.PenCapStyle.RoundCap if frames else Qt.PenCapStyle.SquareCap
                width = (points.size_px if frames else points.size_px - 1) + 2 * is_chosen
                painter.setPen(QPen(shade, width, c=cap))
                painter.drawPoints([QPointF(x, y) for x, y in points.at_P2[of & (is_frame_P == frames)].tolist()])
    painter.end()
    return image


def _laid(points: Points) -> QImage:
    width, height = round(points.width * points.ratio), round(points.height * points.ratio)
    sheet = np.zeros((height, width, 4), np.float32)  # premultiplied
    for is_chosen in (False, True):
        reach = round((points.size_px + 2 * is_chosen) * points.ratio / 2)
        for row, colour in enumerate(points.colours):
            of = points.is_shown_P & (points.of_P == row) & (points.is_chosen_P == is_chosen)
            if not of.any():
                continue
            covered = np.zeros((height, width), bool)
            x, y = (points.at_P2[of] * points.ratio).astype(np.int64).T
            for down in range(-reach, reach + 1):
                for across in range(-reach, reach + 1):
                    covered[np.clip(y + down, 0, height - 1), np.clip(x + across, 0, width - 1)] = True
            alpha = np.float32(points.alpha(is_chosen))
            over = np.array([colour.redF(), colour.greenF(), colour.blueF(), 1.0], np.float32) * alpha
            sheet[covered] = over + sheet[covered] * (1 - alpha)
    pixels = np.ascontiguousarray((sheet * 255).round().astype(np.uint8))
    image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)  # a copy, as the window paints them
