"""The first minute: a coach beside the real controls says one thing at a time and waits until it was done.

Nothing is played through: each verdict that it asks for is a real one. Escape leaves it at any step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QPainter, QPainterPath, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.key_bindings import is_text_field
from annotator.views.widgets.painting import draw_key_cap, key_cap_width

_WIDTH = 316
_ARROW = 9
_GAP = 6
_MARGIN = 10
_FOLLOW_MS = 150  # notices come and go, docks are moved: the coach stays beside its control


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: where, what it is about, the key that does it, and what its being done is called."""

    title: str
    text: str
    anchor: Callable[[], QWidget | None]
    keys: Callable[[], Sequence[str]]
    done_by: str  # what `Tour.did` is told; "" is left by its button
    then: str = ""  # said beside the keys: "then 1 to 6"


class _Caps(QWidget):
    """Keys as caps, a little larger than on buttons."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys: tuple[str, ...] = ()
        self._then = ""

    def set_keys(self, keys: Sequence[str], then: str) -> None:
        self._keys, self._then = tuple(keys), then
        self.setVisible(bool(keys))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_PX))
        x = 0.0
        for number, key in enumerate(self._keys):
            if number:
                painter.setPen(theme.current().color("muted"))
                painter.drawText(QRectF(x, 0, 30, 22), Qt.AlignmentFlag.AlignVCenter, "or")
                x += 18
            x += key_cap_width(key)
            draw_key_cap(painter, x, 11, key)
            x += 6
        painter.setPen(theme.current().color("text"))
        painter.drawText(QRectF(x + 2, 0, self.width() - x, 22), Qt.AlignmentFlag.AlignVCenter, self._then)


class Coach(QWidget):
    """The bubble with its arrow. It never takes the keyboard: that stays with what it explains."""

    left = Signal()
    went_on = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._points_down = False
        self._arrow_x = 40.0
        self._title, self._text, self._number = QLabel(), QLabel(wordWrap=True), QLabel()
        theme.set_role(self._title, "strong")
        theme.set_role(self._number, "small")
        self._caps = _Caps()
        self._leave = QPushButton("Leave")
        theme.set_role(self._leave, "link")
        self._leave.setToolTip("Leave the guide; it is found again under All commands (Esc)")
        self._on = QPushButton("Begin to review")
        theme.set_role(self._on, "primary")
        self._on.setToolTip("The guide is over")
        for button in (self._leave, self._on):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        foot = QHBoxLayout()
        foot.addWidget(self._number)
        foot.addStretch(1)
        foot.addWidget(self._leave)
        foot.addWidget(self._on)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12 + _ARROW, 16, 12 + _ARROW)
        column.setSpacing(6)
        for part in (self._title, self._text, self._caps):
            column.addWidget(part)
        column.addSpacing(2)
        column.addLayout(foot)
        self._leave.clicked.connect(self.left)
        self._on.clicked.connect(self.went_on)
        self.setFixedWidth(_WIDTH)
        self.hide()

    def say(self, step: Step, number: int, n_steps: int) -> None:
        keys = step.keys()
        self._title.setText(step.title)
        self._text.setText(step.text)
        self._caps.set_keys(keys, step.then)
        self._number.setText(f"{number} of {n_steps}")
        self._leave.setVisible(bool(step.done_by))
        self._on.setVisible(not step.done_by)
        spoken = f"{step.title}. {step.text} {' or '.join(keys)} {step.then}"
        self.setAccessibleName(spoken.strip())
        self.adjustSize()

    def point_at(self, target: QRect) -> None:
        """Stands under or over a rectangle of its parent, whichever has room, its arrow at the rectangle."""
        parent = self.parentWidget()
        assert parent is not None
        height = self.heightForWidth(_WIDTH) if self.hasHeightForWidth() else self.sizeHint().height()
        self.setFixedHeight(height)
        over = target.top() - height - _GAP
        under = target.bottom() + _GAP
        inside = target.bottom() - height - 24
        self._points_down = over >= _MARGIN
        y = (
            over
            if self._points_down
            else under
            if under + height <= parent.height() - _MARGIN
            else max(_MARGIN, inside)
        )
        x = min(max(_MARGIN, target.center().x() - _WIDTH // 2), parent.width() - _WIDTH - _MARGIN)
        self._arrow_x = float(min(max(24, target.center().x() - x), _WIDTH - 24))
        self.move(x, y)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, _ARROW, -1, -_ARROW)
        path = QPainterPath()
        path.addRoundedRect(box, 8, 8)
        base, tip = (box.bottom(), self.height() - 1.0) if self._points_down else (box.top(), 1.0)
        arrow = QPainterPath(QPointF(self._arrow_x - _ARROW, base))
        arrow.lineTo(self._arrow_x, tip)
        arrow.lineTo(self._arrow_x + _ARROW, base)
        arrow.closeSubpath()
        painter.setPen(QPen(tokens.color("accent"), 1.5))
        painter.setBrush(tokens.color("panel"))
        painter.drawPath(path.united(arrow))


class _Ring(QWidget):
    """The ring around what the coach speaks of; presses go through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().color("accent"), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)


class Tour(QObject):
    """Goes through the steps; `ended` says whether it came to the last one."""

    ended = Signal(bool)

    def __init__(self, body: QWidget, steps: Sequence[Step]) -> None:
        super().__init__(body)
        self._steps, self._at, self._body = tuple(steps), -1, body
        self.is_covered: Callable[[], bool] = lambda: False  # something lies over the work: the coach waits below it
        self.ring, self.coach = _Ring(body), Coach(body)
        self.coach.left.connect(self.leave)
        self.coach.went_on.connect(self._next)
        self._escape = QShortcut(QKeySequence("Esc"), body)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self.leave)
        self._escape.setEnabled(False)
        self._follow = QTimer(self, interval=_FOLLOW_MS)
        self._follow.timeout.connect(self._place)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._focus_changed)

    def is_on(self) -> bool:
        return self._at >= 0

    def step(self) -> Step | None:
        """Returns the step that is waited for."""
        return self._steps[self._at] if self.is_on() else None

    def begin(self) -> None:
        self._at = -1
        self._escape.setEnabled(True)
        self._follow.start()
        self._next()

    def did(self, what: str) -> None:
        """Something was done: the step that waits for it is over, with those before it that were passed over."""
        waiting = range(self._at, len(self._steps)) if self.is_on() else range(0)
        place = next((place for place in waiting if what and self._steps[place].done_by == what), None)
        if place is not None:
            self._at = place
            self._next()

    def leave(self) -> None:
        """Ends it where it is."""
        if self.is_on():
            self._end(is_finished=False)

    def _next(self) -> None:
        self._at += 1
        if self._at >= len(self._steps):
            self._end(is_finished=True)
            return
        self.coach.say(self._steps[self._at], self._at + 1, len(self._steps))
        self._place()

    def _end(self, *, is_finished: bool) -> None:
        self._at = -1
        self._escape.setEnabled(False)
        self._follow.stop()
        self.ring.hide()
        self.coach.hide()
        self.ended.emit(is_finished)

    def _place(self) -> None:
        step = self.step()
        anchor = step.anchor() if step is not None else None
        if anchor is None or not anchor.isVisible() or self.is_covered():
            self.ring.hide()
            self.coach.hide()  # the person is elsewhere: it waits
            return
        corner = anchor.mapTo(self._body, QPoint(0, 0)) if self._body.isAncestorOf(anchor) else QPoint(0, 0)
        target = QRect(corner, anchor.size())
        self.ring.setGeometry(target.adjusted(-3, -3, 3, 3))
        self.coach.point_at(target)
        for part in (self.ring, self.coach):
            part.show()
            part.raise_()

    def _focus_changed(self, _before: QWidget | None, now: QWidget | None) -> None:
        self._escape.setEnabled(self.is_on() and not is_text_field(now))  # there Escape clears what was typed
