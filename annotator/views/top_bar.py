"""The bar above every page: the mark, the workspaces' tabs, and at the right the project, the running job, the theme."""

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from annotator.views import theme
from annotator.views.logo import Logo
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring, draw_key_cap, key_cap_width
from annotator.views.widgets.pill import Pill, TabButton

WORKSPACES = ("Review", "Matchmaps", "Retrieval", "Runs", "Data", "Reviewers")
HEIGHT = 44
_NAMED = 1400  # pixels from which there is room for the app's name beside its mark
THEMES = ("dark", "light", "system")
_SAYS = {"dark": "dark", "light": "light", "system": "as the system"}
_SHORT = (("Ctrl+", "^"), ("Shift+", "⇧"), ("Meta+", "⌘"))


def short_key(key: str) -> str:
    """Returns a key as it fits a small cap: "^1" for Ctrl+1."""
    for long, short in _SHORT:
        key = key.replace(long, short)
    return key


class _BarButton(PaintedButton):
    """A bare 30 px button of the bar; a raised ground says that the pointer is over it."""

    def sizeHint(self) -> QSize:
        return QSize(30, 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self.isChecked():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setPen(QPen(tokens.color(self._token()), 1.5, c=Qt.PenCapStyle.RoundCap))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.save()
        self.draw(painter)
        painter.restore()
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)

    def _token(self) -> str:
        return "text" if self.underMouse() or self.isChecked() else "muted"

    def draw(self, painter: QPainter) -> None:
        """Paints what is on the button with the pen that is set."""
        raise NotImplementedError


class ThemeButton(_BarButton):
    """Goes on from dark to light to the system's; a moon, a sun or a half disc says which."""

    theme_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Theme", parent)
        self._choice, self._keys = "dark", ""
        self.clicked.connect(lambda: self.theme_chosen.emit(self.next_choice()))
        self.set_choice("dark")

    def choice(self) -> str:
        return self._choice

    def next_choice(self) -> str:
        return THEMES[(THEMES.index(self._choice) + 1) % len(THEMES)]

    def set_choice(self, choice: str) -> None:
        self._choice = choice if choice in THEMES else "system"
        keys = f" ({self._keys})" if self._keys else ""
        self.setToolTip(f"Theme: {_SAYS[self._choice]}; next: {_SAYS[self.next_choice()]}{keys}")
        self.setAccessibleName(f"Theme: {_SAYS[self._choice]}")
        self.update()

    def set_keys(self, keys: str) -> None:
        self._keys = keys
        self.set_choice(self._choice)

    def draw(self, painter: QPainter) -> None:
        middle = QRectF(self.rect()).center()
        disc = QRectF(middle.x() - 5, middle.y() - 5, 10, 10)
        if self._choice == "dark":
            outer, bite = QPainterPath(), QPainterPath()
            outer.addEllipse(disc.adjusted(-1, -1, 1, 1))
            bite.addEllipse(disc.adjusted(3, -3, 4, -2))
            painter.drawPath(outer.subtracted(bite))
        elif self._choice == "light":
            painter.drawEllipse(disc.adjusted(1.5, 1.5, -1.5, -1.5))
            painter.translate(middle)
            for _ in range(8):
                painter.drawLine(QPointF(0, 6), QPointF(0, 7.5))
                painter.rotate(45)
        else:
            painter.drawEllipse(disc)
            painter.setBrush(theme.current().color(self._token()))
            painter.drawChord(disc, 90 * 16, 180 * 16)


class SettingsButton(_BarButton):
    """Two sliders: what can be set."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Settings", parent)
        self.setCheckable(True)

    def draw(self, painter: QPainter) -> None:
        middle = QRectF(self.rect()).center()
        for y, knob in ((-3.5, 2.5), (3.5, -2.5)):
            place = QPointF(middle.x() + knob, middle.y() + y)
            painter.drawLine(QPointF(middle.x() - 7, place.y()), QPointF(place.x() - 2.5, place.y()))
            painter.drawLine(QPointF(place.x() + 2.5, place.y()), QPointF(middle.x() + 7, place.y()))
            painter.drawEllipse(place, 2.2, 2.2)


class CommandsButton(_BarButton):
    """The key of the palette in its cap: pressing it opens the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("All commands", parent)
        self._cap = "^K"

    def set_cap(self, cap: str) -> None:
        self._cap = cap or "…"
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(int(key_cap_width(self._cap)) + 12, 30)

    def draw(self, painter: QPainter) -> None:
        draw_key_cap(painter, self.width() - 6, self.height() / 2, self._cap)


class TopBar(QFrame):
    """Says which workspace, command or setting was asked for."""

    workspace_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        theme.set_role(self, "panel-top")
        self._name = QLabel("Matchmap Annotator")
        theme.set_role(self._name, "strong")
        self.tabs = {text: TabButton(text, f"^{number}") for number, text in enumerate(WORKSPACES, 1)}
        self.project = Pill("", checkable=False)
        self.project.setToolTip("The open project: close it or show its folder")
        self.notice = Pill("", checkable=False)  # what is so as long as this project is open: that it is read-only
        self.job = Pill("", checkable=False)
        self.job.set_state("running")
        self.commands = CommandsButton()
        self.settings = SettingsButton()
        self.theme = ThemeButton()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(Logo(13))
        row.addWidget(self._name)
        row.addSpacing(12)
        for text, tab in self.tabs.items():
            tab.clicked.connect(lambda _checked=False, text=text: self.workspace_chosen.emit(text))
            row.addWidget(tab)
        row.addStretch(1)
        for part in (self.notice, self.project, self.job):
            row.addWidget(part)
        for part in (self.commands, self.settings, self.theme):
            row.addWidget(part)
        self.set_project(None)
        self.set_job(None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._name.setVisible(self.width() >= _NAMED)  # its mark stays; the tabs and what runs need the room

    def set_project(self, name: str | None, workspaces: Iterable[str] = WORKSPACES) -> None:
        """Names the open project and shows the tabs of its workspaces; without one there are none to go to."""
        self.project.setVisible(name is not None)
        self.project.setText(name or "")
        self.project.set_state("menu")
        shown = set(workspaces) if name is not None else set()
        for text, tab in self.tabs.items():
            tab.setVisible(text in shown)
        self.set_notice("")

    def set_notice(self, text: str, tip: str = "") -> None:
        self.notice.setText(text)
        self.notice.setToolTip(tip)
        self.notice.setVisible(bool(text))

    def set_job(self, text: str | None, tip: str = "") -> None:
        self.job.setVisible(text is not None)
        if text is not None and text != self.job.text():
            self.job.setText(text)
        self.job.setToolTip(tip or "What runs now (press to see it)")

    def set_keys(self, what: str, tip: str, cap: str) -> None:
        """Writes a control's live key into its tooltip and its cap; `what` is a workspace, "commands" or "settings"."""
        if what in self.tabs:
            self.tabs[what].setToolTip(tip)
            self.tabs[what].set_key(short_key(cap))
        elif what == "commands":
            self.commands.setToolTip(tip)
            self.commands.set_cap(short_key(cap))
        else:
            self.settings.setToolTip(tip)
