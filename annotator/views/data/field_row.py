"""A field of a form: its label with a mark where it is changed, what it is typed into, and its help or what is wrong."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.data.fields import PATH_KINDS, Field
from annotator.views.widgets.painting import draw_glyph
from davenet.errors import UserError

_CHANGED_DOT = 14


class FieldRow(QWidget):
    """`edited` follows every change; what the file holds is told from outside with `set_seen`."""

    edited = Signal(object)  # itself

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._seen, self._trouble = "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.label = _Label("" if field.kind == "bool" else field.label)
        self.back = QPushButton("default", toolTip=f"Back to the default: {field.told_default()}")
        self.back.setAccessibleName(f"{field.label}: back to the default")
        theme.set_role(self.back, "link")
        self.back.clicked.connect(self.restore)
        keep = self.back.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.back.setSizePolicy(keep)
        self.says = QLabel(wordWrap=True)
        self._role = ""
        self._is_made = False
        self._choose: QPushButton | None = None
        self.input = self._make_input()
        self.label.setBuddy(self.input)
        self.input.setObjectName(field.name)
        self.input.setAccessibleName(f"{field.label} {field.unit}".strip())
        self.input.setAccessibleDescription(field.help)
        self.input.setToolTip(_tooltip(field))
        self._build()
        self._is_made = True
        self.set_value(field.default)

    def _make_input(self) -> QLineEdit | QComboBox | QCheckBox:
        field = self.field
        if field.kind == "bool":
            box = QCheckBox(field.label)
            box.toggled.connect(lambda _on: self._edited())
            return box
        if field.kind == "choice":
            combo = QComboBox()
            for value, label in field.choices:
                combo.addItem(label, value)
            combo.currentIndexChanged.connect(lambda _index: self._edited())
            return combo
        if field.choices:  # suggestions
            combo = QComboBox(editable=True)
            combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            combo.addItems([label for _, label in field.choices])
            edit = combo.lineEdit()
            assert edit is not None
            edit.setPlaceholderText(field.blank)
            combo.editTextChanged.connect(lambda _text: self._edited())
            return combo
        edit = QLineEdit(placeholderText=field.blank)
        edit.textChanged.connect(lambda _text: self._edited())
        return edit

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.label, 1)
        head.addWidget(self.back)
        line = QHBoxLayout()
        line.setSpacing(6)
        self.input.setMinimumWidth(96)
        line.addWidget(self.input, 1)
        if self.field.unit:
            unit = QLabel(self.field.unit)
            theme.set_role(unit, "muted")
            line.addWidget(unit)
        if self.field.kind in PATH_KINDS:
            self._choose = self._chooser()
            line.addWidget(self._choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addLayout(line)
        column.addWidget(self.says)

    def _chooser(self) -> QPushButton:
        button = QPushButton("…")
        button.setFixedWidth(36)
        button.setToolTip(f"Choose: {self.field.label}")
        button.setAccessibleName(f"Choose {self.field.label}")
        if self.field.kind in ("path", "paths"):
            menu = QMenu(button)
            files = "Files…" if self.field.kind == "paths" else "File…"
            menu.addAction(files).triggered.connect(self._choose_files)
            menu.addAction("Folder…").triggered.connect(self._choose_folder)
            button.clicked.connect(lambda: menu.popup(button.mapToGlobal(button.rect().bottomLeft())))
        else:
            button.clicked.connect(self._choose_folder if self.field.kind == "folder" else self._choose_files)
        return button

    def stops(self) -> list[QWidget]:
        """Returns what the focus stops at, in the order of reading: the field before the way back to its default."""
        return [self.input, *([self._choose] if self._choose is not None else []), self.back]

    def text(self) -> str:
        if isinstance(self.input, QComboBox):
            return self.input.currentText()
        return self.input.text() if isinstance(self.input, QLineEdit) else ""

    def value(self) -> Any:
        """Returns what was filled in; raises UserError where it cannot be."""
        if isinstance(self.input, QCheckBox):
            return self.input.isChecked()
        if self.field.kind == "choice":
            assert isinstance(self.input, QComboBox)
            return self.input.currentData()
        return self.field.parsed(self.text())

    def set_value(self, value: Any) -> None:
        if isinstance(self.input, QCheckBox):
            self.input.setChecked(bool(value))
        elif self.field.kind == "choice":
            assert isinstance(self.input, QComboBox)
            self.input.setCurrentIndex(max(0, self.input.findData(value)))
        elif isinstance(self.input, QComboBox):
            self.input.setCurrentText(self.field.shown(value))
        else:
            self.input.setText(self.field.shown(value))
        if not self._role:
            self._edited()

    def restore(self) -> None:
        self.set_value(self.field.default)
        self.input.setFocus(Qt.FocusReason.OtherFocusReason)

    def is_changed(self) -> bool:
        try:
            return bool(self.value() != self.field.default)
        except UserError:
            return True

    def is_missing(self) -> bool:
        return self.field.is_needed and not self.text().strip()

    def trouble(self) -> str:
        """Returns what is wrong with what was filled in, '' where nothing is."""
        return self._trouble

    def set_seen(self, seen: str, trouble: str = "") -> None:
        """Says what lies in what was named, or why it cannot be used."""
        self._seen, self._trouble = seen, trouble
        self._show()

    def _edited(self) -> None:
        if not self._is_made:
            return
        self._seen, self._trouble = "", ""
        try:
            self.value()
        except UserError as error:
            self._trouble = str(error)
        self._show()
        self.edited.emit(self)

    def _show(self) -> None:
        changed = self.is_changed()
        self.label.set_changed(changed)
        self.back.setVisible(changed and not self.field.is_needed)
        text = self._trouble or self._seen or self.field.help
        self.says.setText(text)
        self.says.setToolTip(text)
        role = "field-bad" if self._trouble else "field-good" if self._seen else "small"
        if role != self._role:  # polishing costs more than all the rest
            self._role = role
            theme.set_role(self.says, role)

    def _choose_files(self) -> None:
        start = str(Path(self.text().split(";")[0].strip() or Path.home()))
        if self.field.kind == "paths":
            kinds = "Videos (*.mp4 *.mkv *.webm *.mov *.avi *.m4v *.mpg *.mpeg *.ts *.flv);;All files (*)"
            chosen, _ = QFileDialog.getOpenFileNames(
                self, self.field.label, start, kinds if self.field.name == "paths" else self.field.file_kinds
            )
            if chosen:
                self._add(chosen)
            return
        path, _ = QFileDialog.getOpenFileName(self, self.field.label, start, self.field.file_kinds)
        if path:
            self.set_value(path)

    def _choose_folder(self) -> None:
        start = self.text().split(";")[0].strip() or str(Path.home())
        path = QFileDialog.getExistingDirectory(self, self.field.label, start)
        if path:
            self._add([path]) if self.field.kind == "paths" else self.set_value(path)

    def _add(self, paths: list[str]) -> None:
        before = [part.strip() for part in self.text().split(";") if part.strip()]
        self.set_value(list(dict.fromkeys([*before, *paths])))


class _Label(QLabel):
    """A small label; the accent's dot before it says that the value is not the default."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._changed = False
        theme.set_role(self, "small")
        self.setMinimumHeight(20)

    def set_changed(self, changed: bool) -> None:
        if changed == self._changed:
            return
        self._changed = changed
        self.setContentsMargins(_CHANGED_DOT if changed else 0, 0, 0, 0)
        self.setAccessibleDescription("changed" if changed else "")
        self.update()

    def is_changed(self) -> bool:
        return self._changed

    def minimumSizeHint(self) -> QSize:
        return QSize(20, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._changed:
            painter = QPainter(self)
            square = QRectF(0, self.height() / 2 - 5, 10, 10)
            draw_glyph(painter, "dot", square, theme.current().color("accent"))


def _tooltip(field: Field) -> str:
    parts = [field.help]
    if field.kind in ("int", "float") and (field.low is not None or field.high is not None):
        parts.append(f"A number {field.bounds()}{f' {field.unit}' if field.unit else ''}.")
    if not field.is_needed:
        parts.append(f"Default: {field.told_default()}.")
    return "\n".join(part for part in parts if part)
