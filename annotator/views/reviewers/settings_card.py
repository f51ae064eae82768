"""How a project's pairs are asked: blind or not, the share of second reviews, the share of gold, and who reviews."""

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QSpinBox, QWidget

from annotator.store.records import ReviewSettings
from annotator.views import theme
from annotator.views.review.reviewer_field import ReviewerField
from annotator.views.widgets.flow import FlowLayout

_ROW = 32  # pixels, so that what stands beside one another is on one line
_KEPT_AFTER_MS = 500  # after the last step of a spin box


class SettingsCard(QFrame):
    """Shows the settings; `settings_changed` has them as a whole, some time after the last change."""

    settings_changed = Signal(object)  # ReviewSettings

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._settings = ReviewSettings()
        self._wait = QTimer(self, singleShot=True, interval=_KEPT_AFTER_MS)
        self._wait.timeout.connect(self.flush)
        self.blind = QCheckBox("Review blind first")
        self.blind.setToolTip("Hide what the detector, the model and other reviewers say until the first verdict")
        self.blind.toggled.connect(lambda _on: self._wait.start())
        self.second = _percent("Share of the pairs that two people are asked about", "Second reviews, percent")
        self.gold = _percent("Share of gold pairs among those that each reviewer is asked", "Gold pairs, percent")
        for spin in (self.second, self.gold):
            spin.valueChanged.connect(lambda _value: self._wait.start())
        self.reviewer = ReviewerField()
        row = FlowLayout(spacing=20)
        row.setContentsMargins(16, 10, 16, 10)
        self.setLayout(row)
        self.blind.setMinimumHeight(_ROW)
        row.addWidget(self.blind)
        row.addWidget(_named("second reviews of", self.second, "of the pairs"))
        row.addWidget(_named("gold pairs", self.gold, "of those asked"))
        row.addWidget(self.reviewer)

    def set_settings(self, settings: ReviewSettings) -> None:
        """Shows the settings as they are kept; one that is being changed now is left alone."""
        if self._wait.isActive():
            return
        self._settings = settings
        for widget, value in ((self.second, settings.second_share), (self.gold, settings.gold_share)):
            widget.blockSignals(True)
            widget.setValue(round(100 * value))
            widget.blockSignals(False)
        self.blind.blockSignals(True)
        self.blind.setChecked(settings.blind)
        self.blind.blockSignals(False)

    def settings(self) -> ReviewSettings:
        """Returns the settings as they are shown."""
        return replace(
            self._settings,
            blind=self.blind.isChecked(),
            second_share=_share(self.second.value(), self._settings.second_share),
            gold_share=_share(self.gold.value(), self._settings.gold_share),
        )

    def set_writable(self, is_writable: bool, why_not: str = "") -> None:
        for widget in (self.blind, self.second, self.gold, self.reviewer):
            widget.setEnabled(is_writable)
        self.setToolTip(why_not)

    def flush(self) -> None:
        """Tells of a change at once."""
        self._wait.stop()
        settings = self.settings()
        if settings != self._settings:
            self._settings = settings
            self.settings_changed.emit(settings)


def _share(percent: int, kept: float) -> float:
    """A share that was set more finely elsewhere stays as it is while its percent does."""
    return kept if round(100 * kept) == percent else percent / 100


def _percent(tip: str, name: str) -> QSpinBox:
    spin = QSpinBox(minimum=0, maximum=100, suffix="\u202f%")
    spin.setToolTip(tip)
    spin.setAccessibleName(name)
    spin.setFixedWidth(84)
    return spin


def _named(before: str, spin: QSpinBox, after: str) -> QWidget:
    part = QWidget()
    part.setMinimumHeight(_ROW)
    row = QHBoxLayout(part)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in (QLabel(before), spin, QLabel(after)):
        if isinstance(widget, QLabel):
            theme.set_role(widget, "muted")
        row.addWidget(widget)
    return part
