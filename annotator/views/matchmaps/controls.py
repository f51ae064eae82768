"""The row under the stage: play, time, and how the overlay looks."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QSlider, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.look import Look, next_colour_map
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.play_button import PlayButton
from annotator.views.widgets.time_layout import clock_text
from davenet.overlay import COLOUR_MAPS

_STEP = 0.05
_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down)


class ArrowSlider(QSlider):
    """Keeps the arrow keys to itself while it has the focus; the workspace's shortcuts would take them."""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in _ARROWS:
            event.accept()
            return True
        return super().event(event)


class ShareSlider(QWidget):
    """A slider of 0..1 with its name and value before it."""

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


class Controls(QFrame):
    """Holds the Look and says when it changed; play is only asked for."""

    play_toggled = Signal()
    look_changed = Signal(object)
    crop_toggled = Signal(bool)
    segment_toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look = Look()
        theme.set_role(self, "panel-bottom")
        self.play = PlayButton()
        self.play.clicked.connect(self.play_toggled)
        self._time = QLabel()
        theme.set_role(self._time, "muted")
        self.overlay, self.segment = _pill("matchmap", checked=True), _pill("T = 2 s", checked=True)
        self.crop, self.heard = _pill("crop", checked=True), _pill("keep only what is heard")
        self.colours = Pill(self.look.colour_map, checkable=False)
        self.colours.set_state("menu")
        self.colours.clicked.connect(self._choose_colours)
        self.alpha = ShareSlider("alpha", self.look.alpha, "How strong the overlay is (- and =)")
        self.threshold = ShareSlider("threshold", self.look.threshold, "What is below it does not show ([ and ])")
        self.overlay.toggled.connect(lambda on: self._change(is_shown=on))
        self.heard.toggled.connect(lambda on: self._change(heard_only=on))
        self.alpha.changed.connect(lambda value: self._change(alpha=value))
        self.threshold.changed.connect(lambda value: self._change(threshold=value))
        self.crop.toggled.connect(self.crop_toggled)
        self.segment.toggled.connect(self.segment_toggled)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addStretch(1)
        for part, space in (
            (self.play, 4),
            (self._time, 6),
            (self.overlay, 0),
            (self.segment, 0),
            (self.colours, 4),
            (self.alpha, 6),
            (self.threshold, 4),
            (self.crop, 0),
            (self.heard, 0),
        ):
            row.addWidget(part)
            row.addSpacing(space)
        row.addStretch(1)
        self.set_time(0.0, 0.0)

    def show_keys(self, keys: KeyBindings) -> None:
        """Writes the live keys into the tooltips."""
        for name in ("overlay", "crop", "heard", "segment", "colours"):
            getattr(self, name).setToolTip(keys.tip(f"matchmaps.{name}"))
        for slider, says, less, more in (
            (self.alpha, "How strong the overlay is", "less_alpha", "more_alpha"),
            (self.threshold, "What is below it does not show", "lower_threshold", "higher_threshold"),
        ):
            pair = [keys.text(f"matchmaps.{name}") for name in (less, more)]
            slider.setToolTip(f"{says} ({' and '.join(pair)})" if all(pair) else says)

    def set_time(self, time_s: float, duration_s: float) -> None:
        text = f"{clock_text(time_s, decimals=1)} / {clock_text(duration_s, decimals=1)}"
        if text != self._time.text():
            self._time.setText(text)
            widest = self._time.fontMetrics().horizontalAdvance("0" * len(text))
            self._time.setMinimumWidth(max(self._time.minimumWidth(), widest))

    def set_segment(self, segment_s: float) -> None:
        self.segment.setText(f"T = {segment_s:g} s")

    def set_enabled(self, is_enabled: bool) -> None:
        """Greys out what changes the overlay while there are no maps; playing goes on."""
        for part in (self.overlay, self.segment, self.colours, self.alpha, self.threshold, self.heard):
            part.setEnabled(is_enabled)

    def nudge(self, name: str, n_steps: int) -> None:
        """Moves alpha or threshold by steps of 0.05."""
        slider: ShareSlider = {"alpha": self.alpha, "threshold": self.threshold}[name]
        if slider.isEnabled():
            slider.set_value(slider.value() + n_steps * _STEP)

    def next_colours(self) -> None:
        self._set_colours(next_colour_map(self.look.colour_map))

    def _choose_colours(self) -> None:
        menu = QMenu(self)
        for name in COLOUR_MAPS:
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name == self.look.colour_map)
            action.triggered.connect(lambda _checked=False, chosen=name: self._set_colours(chosen))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.colours.mapToGlobal(self.colours.rect().bottomLeft()))

    def _set_colours(self, name: Any) -> None:
        self.colours.setText(name)
        self._change(colour_map=name)

    def _change(self, **choices: Any) -> None:
        self.look = replace(self.look, **choices)
        self.look_changed.emit(self.look)


def _pill(text: str, *, checked: bool = False) -> Pill:
    pill = Pill(text)
    pill.setChecked(checked)
    return pill
