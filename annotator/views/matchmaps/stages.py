"""The stages side by side: one checkpoint's, a second one's, and what the second has more than the first."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from annotator.views.widgets.stage import Fractions, Stage, resampled

MARGIN = 20


class Stages(QWidget):
    """`first` is always there; `second` and `change` show while two checkpoints listen."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first, self.second, self.change = (Stage(margin=MARGIN) for _ in range(3))
        self.second.setAccessibleName("Video frame with the second checkpoint")
        self.change.setAccessibleName("Difference of both checkpoints")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for stage in self.all():
            row.addWidget(stage, 1)
            stage.pressed.connect(self.pressed)
            stage.set_crop_visible(True)
        self._rgb: NDArray[np.uint8] | None = None
        self.show_stages(compares=False, differs=False)

    def all(self) -> Iterator[Stage]:
        yield from (self.first, self.second, self.change)

    def in_view(self) -> list[Stage]:
        return [stage for stage in self.all() if not stage.isHidden()]

    def show_stages(self, *, compares: bool, differs: bool) -> None:
        self.second.setVisible(compares)
        self.change.setVisible(compares and differs)

    def set_frame(self, rgb: NDArray[np.uint8] | None) -> None:
        self._rgb = rgb
        in_view = self.in_view()
        shown = self._shrunk(rgb, len(in_view)) if rgb is not None and len(in_view) > 1 else rgb
        for stage in in_view:
            stage.set_frame(shown)

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if len(self.in_view()) > 1:
            self.set_frame(self._rgb)  # at its new size

    def _shrunk(self, rgb: NDArray[np.uint8], n_stages: int) -> NDArray[np.uint8]:
        """Returns the frame in the stages' size where that is much smaller: averaged once, not once for each of them."""
        height, width = rgb.shape[:2]
        room = self.width() / n_stages - 2 * MARGIN, self.height() - 2 * MARGIN
        share = min(room[0] / width, room[1] / height) * self.devicePixelRatioF()
        if not 0 < share < 0.5:
            return rgb
        size = math.ceil(width * share), math.ceil(height * share)
        return np.asarray(resampled(rgb, size), np.uint8)
