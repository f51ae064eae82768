"""The stages side by side: one checkpoint's, a second one's, and what the second has more than the first."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from annotator.views.widgets.stage import Fractions, Stage


class Stages(QWidget):
    """`first` is always there; `second` and `change` show while two checkpoints listen."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second, self.change = Stage(margin=20), Stage(margin=20), Stage(margin=20)
        self.second.setAccessibleName("Video frame with the second checkpoint")
        self.change.setAccessibleName("Difference of both checkpoints")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for stage in self.all():
            row.addWidget(stage, 1)
            stage.pressed.connect(self.pressed)
            stage.set_crop_visible(True)
        self.show_stages(compares=False, differs=False)

    def all(self) -> Iterator[Stage]:
        yield from (self.first, self.second, self.change)

    def in_view(self) -> list[Stage]:
        return [stage for stage in self.all() if not stage.isHidden()]

    def show_stages(self, *, compares: bool, differs: bool) -> None:
        self.second.setVisible(compares)
        self.change.setVisible(compares and differs)

    def set_frame(self, rgb: NDArray[np.uint8] | None) -> None:
        for stage in self.in_view():
            stage.set_frame(rgb)

    def set_message(self, sentence: str) -> None:
        for stage in self.all():
            stage.set_message(sentence)

    def set_crop(self, crop: Fractions | None) -> None:
        """Says what the model sees; the box of a whole frame is the frame itself."""
        if crop is not None:
            x0, y0, x1, y1 = crop
            crop = (max(0.0, x0), max(0.0, y0), min(1.0, x1), min(1.0, y1))
        for stage in self.all():
            stage.set_crop(crop)

    def set_crop_visible(self, is_visible: bool) -> None:
        for stage in self.all():
            stage.set_crop_visible(is_visible)

    def clear_overlays(self) -> None:
        for stage in self.all():
            stage.set_overlay(None)
