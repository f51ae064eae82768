"""The form of Detect: the best detector that is here, a model with its classes, or detections that were made elsewhere."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.widgets.pill import Pill


@dataclass(frozen=True, slots=True)
class DetectWish:
    """`detector` is "auto", "onnx:FILE" or "import:FILE"; the other values are for a model only."""

    detector: str
    classes: Path | None = None
    food_label: str | None = None
    food_classes: Path | None = None


class DetectForm(QFrame):
    start_requested = Signal(object)  # DetectWish
    put_away = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self.with_best = Pill("The best that is here")
        self.with_model = Pill("A model (ONNX)")
        self.with_file = Pill("Detections from a file")
        self.with_best.setChecked(True)
        for pill in (self.with_best, self.with_model, self.with_file):
            pill.setAutoExclusive(True)
            pill.toggled.connect(lambda _on: self._show_fields())
        self.model = _FileField("Model", "An image classifier as .onnx", "Models (*.onnx);;All files (*)")
        self.classes = _FileField("Classes", "A text file, one class a line, or a JSON list", "All files (*)")
        self.classes.path.setPlaceholderText("those of MODEL.json beside it")
        self.food_label = QLineEdit(placeholderText="the sum of its foods")
        self.food_label.setToolTip("The class whose score is P(food), where the model has one")
        self.food_label.setAccessibleName("Food label")
        self.food_classes = _FileField("Food classes", "Which classes are foods, one a line", "All files (*)")
        self.food_classes.path.setPlaceholderText("those among the food words")
        self.lines = _FileField(
            "File",
            "JSON lines of detections, as another program wrote them",
            "JSON lines (*.jsonl *.json);;All files (*)",
        )
        self.start = QPushButton("Detect")
        self.start.setToolTip("Start (Enter)")
        theme.set_role(self.start, "primary")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Put the form away (Esc)")
        self._build()
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self.put_away)
        for field in (self.model, self.lines):
            field.path.textChanged.connect(lambda _text: self._update_start())
        self._show_fields()

    def _build(self) -> None:
        pills = QHBoxLayout()
        pills.setSpacing(8)
        pills.addWidget(self.with_best)
        pills.addWidget(self.with_model)
        pills.addWidget(self.with_file)
        pills.addStretch(1)
        label = QLabel("Food label")
        theme.set_role(label, "small")
        food_label = QWidget()
        inside = QVBoxLayout(food_label)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(4)
        inside.addWidget(label)
        inside.addWidget(self.food_label)
        self._of_model = QWidget()
        fields = QHBoxLayout(self._of_model)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(12)
        for part, stretch in ((self.model, 4), (self.classes, 4), (food_label, 3), (self.food_classes, 4)):
            fields.addWidget(part, stretch)
        self.says = QLabel(wordWrap=True)
        theme.set_role(self.says, "small")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.says, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.start)
        column_ = QVBoxLayout(self)
        column_.setContentsMargins(16, 12, 16, 14)
        column_.setSpacing(10)
        column_.addLayout(pills)
        column_.addWidget(self._of_model)
        column_.addWidget(self.lines)
        column_.addLayout(buttons)

    def wish(self) -> DetectWish:
        if self.with_best.isChecked():
            return DetectWish("auto")
        if self.with_file.isChecked():
            return DetectWish(f"import:{self.lines.path.text().strip()}")
        return DetectWish(
            f"onnx:{self.model.path.text().strip()}",
            Path(text) if (text := self.classes.path.text().strip()) else None,
            self.food_label.text().strip() or None,
            Path(text) if (text := self.food_classes.path.text().strip()) else None,
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.put_away.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._start()
        else:
            super().keyPressEvent(event)

    def _show_fields(self) -> None:
        self._of_model.setVisible(self.with_model.isChecked())
        self.lines.setVisible(self.with_file.isChecked())
        if self.with_best.isChecked():
            said = (
                "The model that this project used last, or else CLIP where it is installed; the job says which and why."
            )
        elif self.with_model.isChecked():
            said = (
                "Each extracted frame goes through the model; its food classes are looked for in the words when mining."
            )
        else:
            said = (
                "JSON lines with video, time, food (its probability) and top, a list of [class, probability]; "
                "or what IBM Watson Visual Recognition answered."
            )
        self.says.setText(said)
        self._update_start()

    def _update_start(self) -> None:
        wanted = {self.with_model: self.model, self.with_file: self.lines}
        self.start.setEnabled(all(field.path.text().strip() for pill, field in wanted.items() if pill.isChecked()))

    def _start(self) -> None:
        if self.start.isEnabled():
            self.start_requested.emit(self.wish())


class _FileField(QWidget):
    """A labelled line for a file's path with a button that chooses one."""

    def __init__(self, text: str, tip: str, kinds: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._kinds = text, kinds
        label = QLabel(text)
        theme.set_role(label, "small")
        self.path = QLineEdit()
        self.path.setToolTip(tip)
        self.path.setAccessibleName(text)
        self.path.setMinimumWidth(80)
        choose = QPushButton("…")
        choose.setFixedWidth(34)
        choose.setToolTip(f"Choose: {tip}")
        choose.setAccessibleName(f"Choose {text}")
        choose.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.path, 1)
        row.addWidget(choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(label)
        column.addLayout(row)

    def _choose(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self._text, self.path.text() or str(Path.home()), self._kinds)
        if path:
            self.path.setText(path)
