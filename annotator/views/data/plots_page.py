"""The plots of the paper's analyses on one page, with what they are made of; empty ones say what to do first."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.data.figures import KEYS, TITLES, Figure
from annotator.views.data.plot_card import PlotCard
from annotator.views.data.video_table import VideoTable
from annotator.views.widgets.table import Cell, Column, Row

_TWO_FROM = 900  # pixels of width: less has one column
_TABLE = (
    Column("SUBSET", 110, 2),
    *(Column(head, 74, 1, align="right", tip=tip) for head, tip in (
        ("VIDEOS", "Of this project"), ("SHORTEST", "Seconds, of this project"), ("LONGEST", "Seconds, of this project"),
        ("MEAN", "Seconds, of this project"), ("PAPER", "Videos in the paper"), ("SHORTEST", "Seconds, in the paper"),
        ("LONGEST", "Seconds, in the paper"), ("MEAN", "Seconds, in the paper"),
    )),
)  # fmt: skip


class PlotsPage(QWidget):
    options_requested = Signal()
    again_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.says = QLabel()
        theme.set_role(self.says, "muted")
        self.options = QPushButton("Options…")
        self.again = QPushButton("Count again")
        self.again.setToolTip("Make the plots again from the labels as they are now")
        self.cards = {key: PlotCard(TITLES[key]) for key in KEYS}
        self.table = VideoTable(_TABLE, row_height=30)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setAccessibleName("Table 1, this project beside the paper")
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table_card = QFrame()
        theme.set_role(self._table_card, "card")
        inside = QVBoxLayout(self._table_card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.table)
        self._grid_widget = QWidget()
        self._grid = QGridLayout(self._grid_widget)
        self._grid.setContentsMargins(16, 0, 16, 16)
        self._grid.setSpacing(12)
        self._columns = 0
        scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._grid_widget)
        scroll.viewport().setAutoFillBackground(False)
        self._grid_widget.setAutoFillBackground(False)
        self.scroll = scroll
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 16, 0)
        head.setSpacing(8)
        head.addWidget(self.says, 1)
        head.addWidget(self.again)
        head.addWidget(self.options)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        self.options.clicked.connect(self.options_requested)
        self.again.clicked.connect(self.again_requested)
        self._place(2)

    def draw(self, figure: Figure) -> None:
        self.cards[figure.key].draw(figure)
        if figure.key == "table1":
            rows = {str(row[0]): row for row in figure.rows}

            def row_of(key: str) -> Row:
                cells = tuple(
                    Cell(_number(value), token="text" if 0 < place < 5 else "muted", is_strong=place == 0)
                    for place, value in enumerate(rows[key])
                )
                return Row(key, cells)

            self.table.set_videos(list(rows), row_of)
            self._table_card.setFixedHeight(self.table.content_height())

    def set_says(self, text: str) -> None:
        self.says.setText(text)
        for card in self.cards.values():
            card.set_busy(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place(2 if self.width() >= _TWO_FROM else 1)

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        parts: list[tuple[QWidget, int]] = [(self.cards["table1"], columns), (self._table_card, columns)]
        parts += [(self.cards[key], 1) for key in KEYS[1:-1]]
        parts.append((self.cards[KEYS[-1]], 1))
        line = place = 0
        for widget, span in parts:
            if place + span > columns:
                line, place = line + 1, 0
            self._grid.addWidget(widget, line, place, 1, span)
            place += span
        for column in range(2):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)


def _number(value: object) -> str:
    if value == "":
        return "–"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
