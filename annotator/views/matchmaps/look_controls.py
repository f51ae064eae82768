"""The half of the row under the stage that says how the overlay looks; it holds the Look."""

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.share_slider import ShareSlider
from annotator.views.widgets.pill import Pill
from davenet.look import Look, next_colour_map
from davenet.overlay import COLOUR_MAPS

_STEP = 0.05


class LookControls(QWidget):
    look_changed = Signal(object)
    crop_toggled = Signal(bool)
    fit_toggled = Signal(bool)  # whether the model sees the whole frame

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.look = Look()
        self.overlay, self.contour = Pill("matchmap"), Pill("contour")
        self.overlay.setChecked(True)
        self.crop, self.fit, self.heard = Pill("crop box"), Pill("whole frame"), Pill("keep only what is heard")
        self.crop.setChecked(True)
        self.colours = Pill(self.look.colour_map, checkable=False)
        self.colours.set_state("menu")
        self.colours.clicked.connect(self._choose_colours)
        self.alpha = ShareSlider("alpha", self.look.alpha, "How strong the overlay is (- and =)")
        self.threshold = ShareSlider("threshold", self.look.threshold, "What is below it does not show ([ and ])")
        self.overlay.toggled.connect(lambda on: self._change(is_shown=on))
        self.heard.toggled.connect(lambda on: self._change(heard_only=on))
        self.contour.toggled.connect(lambda on: self._change(contour=on))
        self.alpha.changed.connect(lambda value: self._change(alpha=value))
        self.threshold.changed.connect(lambda value: self._change(threshold=value))
        self.crop.toggled.connect(self.crop_toggled)
        self.fit.toggled.connect(self.fit_toggled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part in (self.overlay, self.colours, self.alpha, self.threshold, self.contour, self.heard):
            row.addWidget(part)
        row.addSpacing(6)
        row.addWidget(self.crop)
        row.addWidget(self.fit)

    def show_keys(self, keys: KeyBindings) -> None:
        """Writes the live keys into the tooltips."""
        for name in ("overlay", "crop", "fit", "heard", "contour", "colours"):
            getattr(self, name).setToolTip(keys.tip(f"matchmaps.{name}"))
        for slider, says, less, more in (
            (self.alpha, "How strong the overlay is", "less_alpha", "more_alpha"),
            (self.threshold, "What is below it does not show", "lower_threshold", "higher_threshold"),
        ):
            pair = [keys.text(f"matchmaps.{name}") for name in (less, more)]
            slider.setToolTip(f"{says} ({' and '.join(pair)})" if all(pair) else says)

    def set_enabled(self, is_enabled: bool) -> None:
        """Greys out what changes the overlay while no checkpoint listens."""
        for part in (self.overlay, self.colours, self.alpha, self.threshold, self.heard, self.contour, self.fit):
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
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.colours.mapToGlobal(self.colours.rect().bottomLeft()))

    def _set_colours(self, name: Any) -> None:
        self.colours.setText(name)
        self._change(colour_map=name)

    def _change(self, **choices: Any) -> None:
        self.look = replace(self.look, **choices)
        self.look_changed.emit(self.look)
