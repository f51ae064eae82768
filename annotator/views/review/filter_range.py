"""A range of a filter: two handles on a line between the least and the greatest value, with both numbers to type."""

import math

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from annotator.views import theme

_HANDLE = 6  # radius in pixels
Range = tuple[float, float]


class _Line(QWidget):
    """The line with its two handles, moved with the mouse; the numbers beside it are the keyboard's way."""

    moved = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._limits: Range = (0.0, 1.0)
        self._low, self._high = self._limits
        self._held: str = ""

    def sizeHint(self) -> QSize:
        return QSize(60, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(36, 20)

    def set_values(self, limits: Range, low: float, high: float) -> None:
        self._limits, self._low, self._high = limits, low, high
        self.update()

    def x_of(self, value: float) -> float:
        """Returns where a value lies, in this widget's pixels."""
        low, high = self._limits
        share = (value - low) / (high - low) if high > low else 0.0
        return _HANDLE + share * (self.width() - 2 * _HANDLE)

    def _value_at(self, x: float) -> float:
        low, high = self._limits
        share = (x - _HANDLE) / max(1.0, self.width() - 2 * _HANDLE)
        return low + min(1.0, max(0.0, share)) * (high - low)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        to_low, to_high = abs(x - self.x_of(self._low)), abs(x - self.x_of(self._high))
        is_low = to_low < to_high or (to_low == to_high and x < self.x_of(self._low))
        self._held = "low" if is_low else "high"
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        value = self._value_at(event.position().x())
        if self._held == "low":
            self.moved.emit(min(value, self._high), self._high)
        elif self._held == "high":
            self.moved.emit(self._low, max(value, self._low))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = ""

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        painter.setBrush(tokens.color("line"))
        painter.drawRoundedRect(QRectF(_HANDLE, middle - 2, self.width() - 2 * _HANDLE, 4), 2, 2)
        left, right = self.x_of(self._low), self.x_of(self._high)
        is_whole = (self._low, self._high) == self._limits
        painter.setBrush(tokens.color("faint" if is_whole else "accent"))
        painter.drawRoundedRect(QRectF(left, middle - 2, right - left, 4), 2, 2)
        for x in (left, right):
            painter.setPen(QPen(tokens.color("panel"), 2))
            painter.setBrush(tokens.color("muted" if is_whole else "accent"))
            painter.drawEllipse(QRectF(x - _HANDLE, middle - _HANDLE, 2 * _HANDLE, 2 * _HANDLE))


class _Number(QLineEdit):
    """A number with two decimals; ↑ and ↓ step it, Enter or leaving takes what is typed."""

    value_entered = Signal(float)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._value, self._limits, self._step = 0.0, (0.0, 1.0), 0.05
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedWidth(52)
        self.setAccessibleName(name)
        self.setToolTip(f"{name}; ↑ and ↓ change it")
        self.editingFinished.connect(self._take_text)

    def set_limits(self, limits: Range) -> None:
        self._limits, self._step = limits, 0.05 if limits[1] - limits[0] <= 2 else 0.5

    def value(self) -> float:
        return self._value

    def set_value(self, value: float) -> None:
        self._value = round(min(max(value, self._limits[0]), self._limits[1]), 2)
        self.setText(f"{self._value:.2f}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._enter(self._value + (self._step if event.key() == Qt.Key.Key_Up else -self._step))
        else:
            super().keyPressEvent(event)

    def _take_text(self) -> None:
        try:
            self._enter(float(self.text().replace(",", ".")))
        except ValueError:
            self.set_value(self._value)  # what is no number leaves the one before

    def _enter(self, value: float) -> None:
        before = self._value
        self.set_value(value)
        if self._value != before:
            self.value_entered.emit(self._value)


class RangeField(QWidget):
    """Chooses from a least to a greatest value; the whole of the limits is no filter: `range()` is None then."""

    range_changed = Signal()

    def __init__(self, name: str, limits: Range = (0.0, 1.0), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._limits = limits
        self.low, self.high = _Number(f"Least {name.lower()}"), _Number(f"Greatest {name.lower()}")
        self.low.value_entered.connect(lambda value: self._take(value, max(value, self.high.value())))
        self.high.value_entered.connect(lambda value: self._take(min(value, self.low.value()), value))
        self._line = _Line()
        self._line.moved.connect(self._take)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.low)
        row.addWidget(self._line, 1)
        row.addWidget(self.high)
        self.setFocusProxy(self.low)
        self.setAccessibleName(name)
        self._show_limits(limits, None)

    def set_limits(self, limits: Range) -> None:
        """Takes the least and greatest value that there is; a filter set before is kept inside of them."""
        self._show_limits(limits, self.range())

    def _show_limits(self, limits: Range, chosen: Range | None) -> None:
        # outwards, so that the rounded limits leave no pair out
        self._limits = (math.floor(limits[0] * 100) / 100, math.ceil(limits[1] * 100) / 100)
        for number in (self.low, self.high):
            number.set_limits(self._limits)
        self.set_range(chosen)

    def set_range(self, chosen: Range | None) -> None:
        """Shows a range without announcing it; None is the whole."""
        low, high = chosen or self._limits
        self.low.set_value(low)
        self.high.set_value(high)
        self._line.set_values(self._limits, self.low.value(), self.high.value())

    def range(self) -> Range | None:
        chosen = (self.low.value(), self.high.value())
        return None if chosen == self._limits else chosen

    def _take(self, low: float, high: float) -> None:
        self.set_range((low, high))
        self.range_changed.emit()
