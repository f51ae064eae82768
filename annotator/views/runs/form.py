"""The form of a new run: inline above the charts, with what each choice means beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDoubleValidator, QIntValidator, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.runs.values import number_text, percent_text

_CHOOSE = "choose"


@dataclass(frozen=True, slots=True)
class PresetChoice:
    """A preset with the values that the form starts from; `start_from` is the checkpoint that suits it, '' none."""

    name: str
    description: str
    epochs: int
    learning_rate: float
    start_from: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FormChoices:
    """What the form offers, with the help of each field as the training configuration states it."""

    presets: tuple[PresetChoice, ...]
    checkpoints: tuple[Choice, ...]
    devices: tuple[Choice, ...]
    help: dict[str, str] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunWish:
    """What a person asked for; `start_from` is a run's id, a checkpoint file or '' for random weights."""

    preset: str
    start_from: str
    epochs: int
    learning_rate: float
    device: str


class NewRunForm(QFrame):
    """Emits the wish; Escape or Cancel puts it away."""

    start_requested = Signal(object)  # RunWish
    put_away = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self.preset = QComboBox()
        self.start_from = QComboBox()
        self.epochs = QLineEdit()
        self.epochs.setValidator(QIntValidator(1, 10_000, self.epochs))
        self.learning_rate = QLineEdit()
        validator = QDoubleValidator(1e-7, 10.0, 10, self.learning_rate)
        validator.setLocale(validator.locale().c())
        self.learning_rate.setValidator(validator)
        self.device = QComboBox()
        self.start = QPushButton("Start run")
        theme.set_role(self.start, "primary")
        self.start.setToolTip("Freeze the accepted pairs and start (Enter)")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Put the form away (Esc)")
        self.description = QLabel(wordWrap=True)
        theme.set_role(self.description, "small")
        self.pairs = QLabel(wordWrap=True)
        theme.set_role(self.pairs, "muted")
        self._choices = FormChoices((), (), ())
        self._is_ready = False
        self._build()
        self.preset.currentIndexChanged.connect(self._preset_chosen)
        self.start_from.activated.connect(self._start_chosen)
        for field in (self.epochs, self.learning_rate):
            field.textChanged.connect(lambda _text: self._update_start())
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self.put_away)

    def _build(self) -> None:
        fields: Sequence[tuple[str, str, QWidget, int]] = (
            ("preset", "Preset", self.preset, 3),
            ("start_from", "Start from", self.start_from, 4),
            ("epochs", "Epochs", self.epochs, 2),
            ("learning_rate", "Learning rate", self.learning_rate, 2),
            ("device", "Device", self.device, 2),
        )
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for column, (name, text, widget, stretch) in enumerate(fields):
            label = QLabel(text)
            theme.set_role(label, "small")
            label.setBuddy(widget)
            widget.setObjectName(name)
            widget.setAccessibleName(text)
            widget.setMinimumWidth(96)
            grid.addWidget(label, 0, column)
            grid.addWidget(widget, 1, column)
            grid.setColumnStretch(column, stretch)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.pairs, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.start)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(16, 12, 16, 14)
        column_.setSpacing(8)
        column_.addLayout(grid)
        column_.addWidget(self.description)
        column_.addLayout(buttons)

    def set_choices(self, choices: FormChoices) -> None:
        """Takes what can be chosen, and keeps what was chosen where it is still there."""
        chosen = self.preset.currentData()
        self._choices = choices
        for box, offered in (
            (self.preset, [Choice(preset.name, preset.name) for preset in choices.presets]),
            (self.start_from, [Choice("", "Random weights"), *choices.checkpoints, Choice(_CHOOSE, "Choose a file…")]),
            (self.device, list(choices.devices)),
        ):
            before = box.currentData()
            box.blockSignals(True)
            box.clear()
            for choice in offered:
                box.addItem(choice.label, choice.value)
            box.setCurrentIndex(max(0, box.findData(before)))
            box.blockSignals(False)
        for name, text in choices.help.items():
            widget = self.findChild(QWidget, name)
            if widget is not None:
                widget.setToolTip(text)
        if chosen is None:
            self._preset_chosen()

    def set_pairs(self, n_train: int, n_validation: int, note: str = "") -> None:
        """Says what the run would learn from and be measured on, with what chance would reach there."""
        chance = min(1.0, 10 / n_validation) if n_validation else None
        text = f"{number_text(n_train)} accepted pairs to train on, {number_text(n_validation)} to validate"
        self.pairs.setText(
            f"{text}; chance of Recall@10 there is {percent_text(chance)} %." + (f" {note}" if note else "")
        )
        self._is_ready = True
        self._update_start()

    def set_refused(self, reason: str) -> None:
        """Says why no run can be started yet."""
        self.pairs.setText(reason)
        self._is_ready = False
        self._update_start()

    def choose_preset(self, name: str) -> None:
        index = self.preset.findData(name)
        if index >= 0:
            self.preset.setCurrentIndex(index)

    def wish(self) -> RunWish:
        return RunWish(
            self.preset.currentData(),
            self.start_from.currentData() or "",
            int(self.epochs.text()),
            float(self.learning_rate.text()),
            self.device.currentData() or "auto",
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.put_away.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.start.isEnabled():
            self._start()
        else:
            super().keyPressEvent(event)

    def _preset_chosen(self) -> None:
        preset = next((p for p in self._choices.presets if p.name == self.preset.currentData()), None)
        if preset is None:
            return
        self.description.setText(preset.description)
        self.epochs.setText(str(preset.epochs))
        self.learning_rate.setText(f"{preset.learning_rate:g}")
        self.start_from.setCurrentIndex(max(0, self.start_from.findData(preset.start_from)))

    def _start_chosen(self) -> None:
        if self.start_from.currentData() != _CHOOSE:
            return
        path, _ = QFileDialog.getOpenFileName(self, "A checkpoint", "", "Checkpoints (*.safetensors)")
        self.start_from.setCurrentIndex(0)
        if path:
            self.start_from.insertItem(1, path, path)
            self.start_from.setCurrentIndex(1)

    def _update_start(self) -> None:
        is_filled = self.epochs.hasAcceptableInput() and self.learning_rate.hasAcceptableInput()
        self.start.setEnabled(self._is_ready and is_filled)

    def _start(self) -> None:
        if self.start.isEnabled():
            self.start_requested.emit(self.wish())
