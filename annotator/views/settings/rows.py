"""How a section of settings is laid out: a title, cards of rows, each with what it sets, a sentence, its control."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.widgets.section import SectionHead


class SettingRow(QWidget):
    """What is set, one sentence about it, and its control at the right."""

    def __init__(self, text: str, says: str, control: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel(text)
        theme.set_role(title, "strong")
        title.setBuddy(control)
        self.says = QLabel(says, wordWrap=True)
        theme.set_role(self.says, "small")
        self.says.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        if not control.accessibleName():
            control.setAccessibleName(text)
        if not control.toolTip():
            control.setToolTip(says)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(title)
        words.addWidget(self.says)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(24)
        row.addLayout(words, 1)
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)


class SettingCard(QFrame):
    """Rows that belong together, a line between each two, under a head."""

    def __init__(self, head: str, rows: list[QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        card = QFrame()
        theme.set_role(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.setSpacing(0)
        for number, row in enumerate(rows):
            if number:
                line = QFrame()
                line.setFixedHeight(1)
                theme.set_role(line, "line")
                inside.addWidget(line)
            inside.addWidget(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(SectionHead(head))
        column.addWidget(card)
