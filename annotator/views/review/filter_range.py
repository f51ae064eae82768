"""A range of a filter: two handles on a line between the least and the greatest value, with both numbers to type."""

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QWidget

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


class RangeField(QWidget):
    """Chooses from `low` to `high`; the whole of the limits is no filter: `range()` is None then."""

    range_changed = Signal()

    def __init__(self, name: str, limits: Range = (0.0, 1.0), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._limits = limits
        self._low, self._high = self._number(f"Least {name.lower()}"), self._number(f"Greatest {name.lower()}")
        self._line = _Line()
        self._line.moved.connect(self._set_from_line)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._low)
        row.addWidget(self._line, 1)
        row.addWidget(self._high)
        self.setFocusProxy(self._low)
        self.setAccessibleName(name)
        self._show_limits(limits, None)

    def _number(self, name: str) -> QDoubleSpinBox:
        field = QDoubleSpinBox(decimals=2, singleStep=0.05)
        field.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        field.setAlignment(Qt.AlignmentFlag.AlignCenter)
        field.setFixedWidth(54)
        field.setAccessibleName(name)
        field.setToolTip(f"{name}; ↑ and ↓ change it")
        field.valueChanged.connect(self._take_numbers)
        return field

    def set_limits(self, limits: Range) -> None:
        """Takes the least and greatest value that there is; a filter set before is kept inside of them."""
        self._show_limits(limits, self.range())

    def _show_limits(self, limits: Range, chosen: Range | None) -> None:
        self._limits = (round(limits[0], 2), round(limits[1], 2))
        with QSignalBlocker(self._low), QSignalBlocker(self._high):
            for field in (self._low, self._high):
                field.setRange(*self._limits)
                field.setSingleStep(0.05 if self._limits[1] - self._limits[0] <= 2 else 0.5)
        self.set_range(chosen)

    def set_range(self, chosen: Range | None) -> None:
        """Shows a range without announcing it; None is the whole."""
        low, high = chosen or self._limits
        with QSignalBlocker(self._low), QSignalBlocker(self._high):
            self._low.setValue(low)
            self._high.setValue(high)
        self._show()

    def range(self) -> Range | None:
        low, high = self._low.value(), self._high.value()
        return None if (low, high) == self._limits else (low, high)

    def _take_numbers(self) -> None:
        if self._low.value() > self._high.value():  # the field being changed pushes the other one along
            other = self._high if self._low.hasFocus() else self._low
            with QSignalBlocker(other):
                other.setValue(self._low.value() if other is self._high else self._high.value())
        self._show()
        self.range_changed.emit()

    def _set_from_line(self, low: float, high: float) -> None:
        with QSignalBlocker(self._low), QSignalBlocker(self._high):
            self._low.setValue(low)
            self._high.setValue(high)
        self._show()
        self.range_changed.emit()

    def _show(self) -> None:
        self._line.set_values(self._limits, self._low.value(), self._high.value())
