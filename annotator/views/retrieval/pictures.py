"""Frames scaled and rounded once for the place where they are painted, so that a repaint only copies them.

Scaling one takes about a millisecond, so that a turn of the window scales few: the others follow in the turns after it.
"""

from collections import OrderedDict
from collections.abc import Callable

from PySide6.QtCore import QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPixmap

from annotator.views import theme
from annotator.views.widgets.stage import fit

_MOST = 400  # pictures that are kept
_A_TURN = 1  # pictures that are scaled in one


class PaintedPictures:
    """Pictures by the key of their image (QImage.cacheKey) and size, those used last.

    `again` is asked to repaint a part of the widget whose picture did not come to be scaled in this turn; without it all
    are scaled at once.
    """

    def __init__(self, again: Callable[[QRect], None] | None = None) -> None:
        self._kept: OrderedDict[tuple[int, int, int, float], QPixmap] = OrderedDict()
        self._again = again
        self._left_out: list[QRect] = []
        self._n_scaled = 0
        self._turn = QTimer(singleShot=True, interval=0)
        self._turn.timeout.connect(self._next_turn)

    def paint(self, painter: QPainter, box: QRectF, image: QImage | None, *, radius: float) -> None:
        """Paints a frame that fills `box` with round corners; quiet ground while it is not there."""
        clip = QPainterPath()
        if image is None or image.isNull():
            clip.addRoundedRect(box, radius, radius)
            painter.fillPath(clip, theme.current().color("line"))
            return
        ratio = painter.device().devicePixelRatio()
        size = QSize(round(box.width()), round(box.height()))
        key = (image.cacheKey(), size.width(), size.height(), ratio)
        pixmap = self._kept.get(key)
        if pixmap is None:
            self._turn.start()
            if self._n_scaled >= _A_TURN and self._again is not None:
                self._left_out.append(box.toAlignedRect())
                clip.addRoundedRect(box, radius, radius)
                painter.fillPath(clip, theme.current().color("line"))
                return
            self._n_scaled += 1
            pixmap = self._kept[key] = _rounded(image, size, radius, ratio)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        painter.drawPixmap(round(box.left()), round(box.top()), pixmap)

    def _next_turn(self) -> None:
        self._n_scaled = 0
        left_out, self._left_out = self._left_out, []
        for rect in left_out:
            if self._again is not None:
                self._again(rect)


def _rounded(image: QImage, size: QSize, radius: float, ratio: float) -> QPixmap:
    pixmap = QPixmap(size * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    box, clip = QRectF(0, 0, size.width(), size.height()), QPainterPath()
    clip.addRoundedRect(box, radius, radius)
    painter.setClipPath(clip)
    painter.drawImage(box, image, fit(size.width(), size.height(), QRectF(image.rect())))
    painter.end()
    return pixmap
