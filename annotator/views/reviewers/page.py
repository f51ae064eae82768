"""The reviewers' page: how pairs are asked, a row for each reviewer, and the plots of how they do."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.figures import Figure
from annotator.views.reviewers.cards import MatrixCard, PeopleCard
from annotator.views.reviewers.figures import KEYS, TITLES
from annotator.views.reviewers.people import People
from annotator.views.reviewers.settings_card import SettingsCard
from annotator.views.reviewers.summary_table import SummaryTable
from annotator.views.widgets.notice_bar import NoticeBar

_TWO_FROM, _THREE_FROM = 860, 1500  # pixels of width


class ReviewersPage(QWidget):
    """Escape goes back to the pairs."""

    back_requested = Signal()
    adjudicate_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Reviewers")
        self.notice = NoticeBar()
        self.back = QPushButton("Back to the pairs")
        self.back.setToolTip("Back to Review (Escape)")
        self.back.clicked.connect(self.back_requested)
        self._title = QLabel("Reviewers")
        theme.set_role(self._title, "title")
        self._says = QLabel()
        theme.set_role(self._says, "muted")
        self.adjudicate = QPushButton()
        theme.set_role(self.adjudicate, "primary")
        self.adjudicate.setToolTip("Show the pairs on which reviewers differ or are unsure, and settle them")
        self.adjudicate.clicked.connect(self.adjudicate_requested)
        self.adjudicate.hide()
        self.settings = SettingsCard()
        self.table = SummaryTable()
        self.cards: dict[str, PeopleCard] = {
            key: MatrixCard(TITLES[key]) if key == "agreement" else PeopleCard(TITLES[key]) for key in KEYS
        }
        self._columns = 0
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 14, 16, 0)
        head.setSpacing(12)
        head.addWidget(self._title)
        head.addWidget(self._says, 1)
        head.addWidget(self.adjudicate)
        head.addWidget(self.back)
        table_card = QFrame()
        theme.set_role(table_card, "card")
        inside = QVBoxLayout(table_card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        grid_widget = QWidget()
        self._grid = QGridLayout(grid_widget)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 0, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.settings)
        column.addWidget(table_card)
        column.addWidget(grid_widget)
        column.addStretch(1)
        self.scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        self.scroll.setAccessibleName("Figures of the reviewers: the arrows scroll")
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(inner)
        for ground in (self.scroll.viewport(), inner, grid_widget):
            ground.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(12)
        outer.addWidget(self.notice)
        outer.addLayout(head)
        outer.addWidget(self.scroll, 1)
        self._place(2)

    def set_people(self, people: People) -> None:
        """Shows who reviews and how they are asked; the plots come by `draw`."""
        self.settings.set_settings(people.settings)
        self.settings.reviewer.set_name(people.reviewer)
        self.settings.reviewer.set_names(people.names)
        self.settings.reviewer.set_role(people.role)
        self.table.set_people(people)
        n = len(people.names)
        self._says.setText(f"{n} reviewer{'' if n == 1 else 's'} in this project")
        differ = f"{people.n_conflicts} pair{'' if people.n_conflicts == 1 else 's'} to adjudicate"
        self.adjudicate.setText(differ)
        self.adjudicate.setVisible(people.n_conflicts > 0)

    def draw(self, figure: Figure, people: People) -> None:
        card = self.cards[figure.key]
        if isinstance(card, MatrixCard):
            card.set_agreement(people.agreement, figure)
        else:
            card.draw(figure)

    def set_busy(self, text: str) -> None:
        for card in self.cards.values():
            card.set_busy(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.back_requested.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = self.width()
        self._place(3 if width >= _THREE_FROM else 2 if width >= _TWO_FROM else 1)

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for place, key in enumerate(KEYS[:-1]):
            self._grid.addWidget(self.cards[key], place // columns, place % columns)
        self._grid.addWidget(self.cards[KEYS[-1]], (len(KEYS) - 2) // columns + 1, 0, 1, columns)  # has the most rows
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
