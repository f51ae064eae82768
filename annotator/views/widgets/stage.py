"""The stage: a video frame letterboxed on a ground darker than the window, with the model's crop and an overlay.

It is given pixels and paints them; who decodes and when is not its business.
"""

import cv2
import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.widgets.painting import rgb_image

Fractions = tuple[float, float, float, float]  # x0, y0, x1, y1 of the displayed frame, each 0..1
CROP_SHARE = 224 / 256  # of the shorter side: resized to 256, the centre 224 of it is what the model sees
CORNER = 6
WHOLE: Fractions = (0.0, 0.0, 1.0, 1.0)


def centre_crop(width: int, height: int, share: float = CROP_SHARE) -> Fractions:
    """Returns the centre square that the model sees, `share` of the shorter side, as fractions of the frame."""
    side = min(width, height) * share
    x, y = side / width / 2, side / height / 2
    return 0.5 - x, 0.5 - y, 0.5 + x, 0.5 + y


def fit(width: int, height: int, within: QRectF) -> QRectF:
    """Returns the largest rectangle of the frame's shape in the middle of `within`."""
    if width <= 0 or height <= 0:
        return QRectF()
    scale = min(within.width() / width, within.height() / height)
    size_x, size_y = width * scale, height * scale
    return QRectF(within.center().x() - size_x / 2, within.center().y() - size_y / 2, size_x, size_y)


def crop_rect(frame: QRectF, crop: Fractions) -> QRectF:
    """Returns where a crop lies on a painted frame."""
    x0, y0, x1, y1 = crop
    return QRectF(
        frame.x() + x0 * frame.width(),
        frame.y() + y0 * frame.height(),
        (x1 - x0) * frame.width(),
        (y1 - y0) * frame.height(),
    )


def resampled(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns pixels of another size (width, height), smooth: halved while that is too large, which averages, then
    blended. OpenCV's averaging of areas looks the same and costs eight times as much at 720p, 3 ms."""
    while pixels.shape[1] >= 2 * size[0] and pixels.shape[0] >= 2 * size[1]:
        half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)


class Stage(QWidget):
    """Shows one frame; `pressed` is a click on it (to play or pause)."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None, *, margin: int = 24) -> None:
        super().__init__(parent)
        self._margin = margin
        self._frame: np.ndarray | None = None
        self._scaled: QImage | None = None
        self._scaled_pixels: np.ndarray | None = None  # the memory of that image
        self._overlay: QImage | None = None
        self._overlay_crop: Fractions = WHOLE
        self._crop: Fractions | None = None
        self._is_crop_visible = False
        self._message = ""
        self._caption = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Video frame")

    def set_frame(self, frame: np.ndarray | QImage | None) -> None:
        """Shows RGB uint8 (H, W, 3) pixels, a QImage, or nothing."""
        if isinstance(frame, QImage):
            frame = _pixels(frame)
        self._frame = frame
        self._scaled = None
        self.update()

    def set_overlay(self, rgba: np.ndarray | None, crop: Fractions | None = None) -> None:
        """Lays straight-alpha RGBA uint8 (h, w, 4) over the crop (fractions of the frame; the model's crop if None)."""
        self._overlay = None if rgba is None else rgb_image(rgba)
        self._overlay_crop = crop if crop is not None else self.crop()
        self.update()

    def set_crop(self, crop: Fractions | None) -> None:
        """Says what the model sees; None: the centre square of a resize to 256 and crop of 224."""
        self._crop = crop
        self.update()

    def set_crop_visible(self, is_visible: bool) -> None:
        self._is_crop_visible = is_visible
        self.update()

    def is_crop_visible(self) -> bool:
        return self._is_crop_visible

    def set_message(self, message: str) -> None:
        """Says in the stage's middle why there is no frame; shown only while there is none."""
        self._message = message
        self.setAccessibleDescription(message)
        self.update()

    def set_caption(self, caption: str) -> None:
        """Writes a small line in the frame's upper left corner, such as "before · run 3"."""
        self._caption = caption
        self.update()

    def crop(self) -> Fractions:
        if self._crop is not None:
            return self._crop
        if self._frame is None:
            return WHOLE
        return centre_crop(self._frame.shape[1], self._frame.shape[0])

    def frame_rect(self) -> QRectF:
        """Returns where the frame is painted, aligned to device pixels; empty while there is none."""
        if self._frame is None:
            return QRectF()
        room = QRectF(self.rect()).adjusted(self._margin, self._margin, -self._margin, -self._margin)
        target = fit(self._frame.shape[1], self._frame.shape[0], room)
        ratio = self.devicePixelRatioF()
        left, top = round(target.x() * ratio) / ratio, round(target.y() * ratio) / ratio
        return QRectF(
            left, top, max(1, round(target.width() * ratio)) / ratio, max(1, round(target.height() * ratio)) / ratio
        )

    def sizeHint(self) -> QSize:
        return QSize(854, 520)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 160)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens.color("stage"))
        if self._frame is None:
            painter.setPen(tokens.color("muted"))
            painter.setFont(theme.font())
            room = self.rect().adjusted(32, 32, -32, -32)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
            return
        target = self.frame_rect()
        painter.drawImage(target, self._device_image(target))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._overlay is not None:
            painter.drawImage(crop_rect(target, self._overlay_crop), self._overlay)
        self._round_corners(painter, target, tokens.color("stage"))
        if self._is_crop_visible:
            self._draw_crop(painter, crop_rect(target, self.crop()))
        if self._caption:
            self._draw_caption(painter, target)

    def _device_image(self, target: QRectF) -> QImage:
        """Returns the frame resampled once to device pixels."""
        ratio = self.devicePixelRatioF()
        size = (max(1, round(target.width() * ratio)), max(1, round(target.height() * ratio)))
        if self._scaled is None or (self._scaled.width(), self._scaled.height()) != size:
            assert self._frame is not None
            # shown where it lies: a copy of each frame is half a millisecond
            pixels = self._scaled_pixels = np.ascontiguousarray(resampled(self._frame, size))
            self._scaled = QImage(pixels.data, size[0], size[1], 3 * size[0], QImage.Format.Format_RGB888)
        return self._scaled

    def _round_corners(self, painter: QPainter, target: QRectF, ground: QColor) -> None:
        # Clipping is not antialiased: the corners are covered by the stage's colour instead.
        outside, rounded = QPainterPath(), QPainterPath()
        outside.addRect(target.adjusted(-1, -1, 1, 1))
        rounded.addRoundedRect(target, CORNER, CORNER)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawPath(outside.subtracted(rounded))

    def _draw_crop(self, painter: QPainter, rect: QRectF) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        box = QRectF(round(rect.x()) + 0.5, round(rect.y()) + 0.5, round(rect.width()) - 1, round(rect.height()) - 1)
        painter.setPen(QPen(QColor(0, 0, 0, 90), 1))
        painter.drawRect(box)
        dashes = QPen(QColor(255, 255, 255, 190), 1)
        dashes.setDashPattern([4, 4])
        painter.setPen(dashes)
        painter.drawRect(box)

    def _draw_caption(self, painter: QPainter, target: QRectF) -> None:
        painter.setFont(theme.font(theme.SMALL_PX, QFont.Weight.Medium))
        width = QFontMetrics(painter.font()).horizontalAdvance(self._caption) + 20
        box = QRectF(target.x() + 10, target.y() + 10, width, 24)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(9, 11, 14, 190))
        painter.drawRoundedRect(box, 12, 12)
        painter.setPen(QColor("#e8ebf0"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._caption)


def _pixels(image: QImage) -> np.ndarray | None:
    if image.isNull():
        return None
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : rgb.width() * 3].reshape(rgb.height(), rgb.width(), 3).copy()
