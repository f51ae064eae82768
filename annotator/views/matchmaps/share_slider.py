"""A slider of 0..1 with its name and value before it; it keeps the arrow keys to itself while it has the focus."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QWidget

from annotator.views import theme

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class ArrowSlider(QSlider):
    """The workspace's shortcuts would take its arrows."""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in _ARROWS:
            event.accept()
            return True
        return super().event(event)


class ShareSlider(QWidget):
    changed = Signal(float)

    def __init__(self, name: str, value: float, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._label = QLabel()
        theme.set_role(self._label, "small")
        self._slider = ArrowSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 100)
        self._slider.setPageStep(10)
        self._slider.setFixedWidth(72)
        self._slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._slider.setAccessibleName(name)
        self.setToolTip(tooltip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._label)
        row.addWidget(self._slider)
        self.set_value(value)
        self._label.setMinimumWidth(self._label.fontMetrics().horizontalAdvance(f"{name} 0.00"))
        self._slider.valueChanged.connect(self._moved)

    def value(self) -> float:
        return self._slider.value() / 100

    def set_value(self, value: float) -> None:
        self._slider.setValue(round(100 * min(1.0, max(0.0, value))))
        self._label.setText(f"{self._name} {self.value():.2f}")

    def _moved(self) -> None:
        self._label.setText(f"{self._name} {self.value():.2f}")
        self.changed.emit(self.value())
