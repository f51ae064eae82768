"""Cards of the reviewers' page: plots whose empty state has the control that would fill it, and the agreement matrix."""

from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.data.figures import Figure
from annotator.views.data.plot_card import PlotCard
from annotator.views.reviewers.figures import GOLD_SHARE, PERCENT, SECOND_SHARE
from annotator.views.reviewers.people import NOBODY
from davenet.agreement import Agreed, Agreement, agreed_figures

ACTIONS = {  # a figure's step -> what its button says
    "second": f"Ask for second reviews of {SECOND_SHARE * 100:.0f}{PERCENT}",
    "gold": f"Make {GOLD_SHARE * 100:.0f}{PERCENT} of the pairs asked gold",
    "blind": "Review blind from now on",
    "review": "Go to the pairs",
}
_LABELS = (64, 150)  # pixels for the names at the left, least and most
_HEADS = 26
_LARGEST_CELL = (132, 62)


class PeopleCard(PlotCard):
    """A plot of people; `step_requested` asks for what its empty state proposes (a key of ACTIONS)."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.save.hide()

    def draw(self, figure: Figure) -> None:
        super().draw(figure)
        self.save.setVisible(not figure.empty)
        if figure.empty:
            self.empty.set_content("Nothing to show yet", figure.empty, ACTIONS.get(figure.step, ""))


class MatrixCard(PeopleCard):
    """Cohen's kappa of each two reviewers with its interval below the diagonal, how many pairs they share above it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._agreement = NOBODY

    def set_agreement(self, agreement: Agreement, figure: Figure) -> None:
        self._agreement = agreement
        self.draw(figure)

    def _make_plot(self) -> Any:
        made = MatrixPlot(self)
        made.hovered.connect(self._read_out)
        return made

    def _fill(self) -> None:
        self._plot.set_agreement(self._agreement)

    def _paint_plot(self, painter: QPainter, target: QRectF) -> None:
        self._plot.paint(painter, target)

    def _read_out(self, text: str) -> None:
        if self.figure is not None:
            self.readout.setText(text or self.figure.readout)


class MatrixPlot(QWidget):
    """Paints the matrix; says in words what lies under the pointer."""

    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._agreement = NOBODY
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_agreement(self, agreement: Agreement) -> None:
        self._agreement = agreement
        said = "; ".join(agreed_text(one, other, of) for (one, other), of in agreement.kappa.items())
        self.setAccessibleName(f"Cohen's kappa: {said}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 220)

    def cell(self, row: int, column: int, target: QRectF) -> QRectF:
        """Returns where the cell of two reviewers lies, in a target's pixels."""
        names = self._agreement.reviewers
        metrics = QFontMetrics(theme.font(theme.SMALL_PX))
        longest = max((metrics.horizontalAdvance(name) for name in names), default=0) + 12
        left = target.left() + 16 + min(_LABELS[1], max(_LABELS[0], longest))
        top = target.top() + _HEADS
        n = max(1, len(names))
        width = min(_LARGEST_CELL[0], (target.right() - 16 - left) / n)
        height = min(_LARGEST_CELL[1], (target.bottom() - 8 - top) / n)
        return QRectF(left + column * width, top + row * height, width, height)

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Paints the whole matrix into a rectangle: the widget's own, or that of a saved picture."""
        tokens, names = theme.current(), self._agreement.reviewers
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        painter.setPen(tokens.color("muted"))
        for place, name in enumerate(names):
            head, own = self.cell(0, place, target), self.cell(place, 0, target)
            above = QRectF(head.left() + 4, target.top(), head.width() - 8, _HEADS)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(above.width()))
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter, shown)
            beside = QRectF(target.left() + 16, own.top(), own.left() - target.left() - 24, own.height())
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(beside.width()))
            painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                box = self.cell(row, column, target).adjusted(1.5, 1.5, -1.5, -1.5)
                if row == column:
                    painter.setPen(Qt.PenStyle.NoPen)
                    painter.setBrush(tokens.color("raised"))
                    painter.drawRoundedRect(box, 4, 4)
                else:
                    self._paint_cell(painter, box, self._of(one, other), is_below=row > column)

    def _paint_cell(self, painter: QPainter, box: QRectF, agreed: Agreed | None, *, is_below: bool) -> None:
        tokens = theme.current()
        value = None if agreed is None else agreed.value
        painter.setPen(Qt.PenStyle.NoPen)
        if value is None:
            painter.setBrush(tokens.color("line", 0.35))
        else:
            painter.setBrush(tokens.color("info" if value >= 0 else "reject", 0.06 + 0.44 * min(1.0, abs(value))))
        painter.drawRoundedRect(box, 4, 4)
        centre = Qt.AlignmentFlag.AlignCenter
        if not is_below or agreed is None or value is None:
            n_units = 0 if agreed is None else agreed.n_units
            painter.setFont(theme.font(theme.SMALL_PX))
            painter.setPen(tokens.color("text" if n_units else "muted"))
            wide = box.width() > 76
            text = f"{n_units}{' pairs' if wide else ''}" if n_units else ("no pairs" if wide else "–")
            painter.drawText(box, centre, text)
            return
        has_room = box.height() > 36 and box.width() > 84 and agreed.low is not None
        painter.setFont(theme.font(theme.TITLE_PX if has_room else theme.BASE_PX, QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        upper = box.adjusted(0, 0, 0, -box.height() * 0.36) if has_room else box
        figure, interval = agreed_figures(agreed)
        painter.drawText(upper, centre, figure)
        if has_room:
            painter.setFont(theme.font(theme.SECTION_PX))
            lower = box.adjusted(0, box.height() * 0.5, 0, 0)
            painter.drawText(lower, centre, interval)

    def _of(self, one: str, other: str) -> Agreed | None:
        return self._agreement.kappa.get((one, other)) or self._agreement.kappa.get((other, one))

    def paintEvent(self, event: QPaintEvent) -> None:
        self.paint(QPainter(self), QRectF(self.rect()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        target, names = QRectF(self.rect()), self._agreement.reviewers
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                if row != column and self.cell(row, column, target).contains(event.position()):
                    agreed = self._of(one, other)
                    self.hovered.emit(
                        agreed_text(one, other, agreed) if agreed else f"{one} and {other} share no judged pair"
                    )
                    return
        self.hovered.emit("")

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit("")


def agreed_text(one: str, other: str, agreed: Agreed) -> str:
    """Returns the agreement of two reviewers in words."""
    pairs = f"{agreed.n_units} pair{'' if agreed.n_units == 1 else 's'}"
    if agreed.value is None:
        return f"{one} and {other}: {pairs}, all with the same verdict, so that κ is not defined"
    figure, interval = agreed_figures(agreed)
    return f"{one} and {other}: κ {figure}{f' ({interval})' if interval else ''} on {pairs}"
