"""The main window: the top bar with the workspaces, the page below it, and what is remembered of them.

It knows no project and no job: `app.py` gives it the workspaces' widgets and the texts of its pills.
"""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSettings, QSize, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QIcon,
    QKeySequence,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QRadialGradient,
    QShortcut,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.painted_button import PaintedButton
from annotator.views.widgets.painting import draw_focus_ring
from annotator.views.widgets.pill import Pill, TabButton

WORKSPACES = ("Review", "Matchmaps", "Runs", "Data")
TOP_BAR_HEIGHT = 44
_THEMES = ("dark", "light", "system")
_LOGO = ((0.0, "#3b1d5e"), (0.45, "#c2453d"), (1.0, "#f6b13d"))  # inferno, the app's own heat


def paint_logo(painter: QPainter, box: QRectF) -> None:
    """Paints the app's mark: a small square of heat with the place where it is hottest."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    ramp = QLinearGradient(box.topRight(), box.bottomLeft())
    for place, colour in _LOGO:
        ramp.setColorAt(1 - place, colour)
    painter.setBrush(ramp)
    radius = box.width() * 0.22
    painter.drawRoundedRect(box, radius, radius)
    spot = QPointF(box.left() + box.width() * 0.64, box.top() + box.height() * 0.38)
    glow = QRadialGradient(spot, box.width() * 0.34)
    glow.setColorAt(0.0, "#fff3c4")
    glow.setColorAt(1.0, "#00fff3c4")
    painter.setBrush(glow)
    painter.drawEllipse(spot, box.width() * 0.34, box.width() * 0.34)
    painter.restore()


def logo_icon() -> QIcon:
    icon = QIcon()
    for size in (16, 32, 64, 128, 256):
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        inset = size * 0.06
        paint_logo(painter, QRectF(0, 0, size, size).adjusted(inset, inset, -inset, -inset))
        painter.end()
        icon.addPixmap(pixmap)
    return icon


class Logo(QWidget):
    """The mark at a size in pixels."""

    def __init__(self, size: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(size, size)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_logo(QPainter(self), QRectF(self.rect()))


class ThemeButton(PaintedButton):
    """Goes on from dark to light to the system's; a moon, a sun or a half disc says which."""

    theme_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Theme", parent)
        self._choice = "dark"
        self.clicked.connect(lambda: self.theme_chosen.emit(self.next_choice()))
        self.set_choice("dark")

    def choice(self) -> str:
        return self._choice

    def next_choice(self) -> str:
        return _THEMES[(_THEMES.index(self._choice) + 1) % len(_THEMES)]

    def set_choice(self, choice: str) -> None:
        self._choice = choice if choice in _THEMES else "system"
        says = {"dark": "dark", "light": "light", "system": "as the system"}
        self.setToolTip(f"Theme: {says[self._choice]}; next: {says[self.next_choice()]} (Ctrl+Shift+L)")
        self.setAccessibleName(f"Theme: {says[self._choice]}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(30, 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        color = tokens.color("text" if self.underMouse() else "muted")
        middle = QRectF(self.rect()).center()
        disc = QRectF(middle.x() - 5, middle.y() - 5, 10, 10)
        painter.setPen(QPen(color, 1.5, c=Qt.PenCapStyle.RoundCap))
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
            painter.resetTransform()
        else:
            painter.drawEllipse(disc)
            painter.setBrush(color)
            painter.drawChord(disc, 90 * 16, 180 * 16)
        if self.hasFocus():
            draw_focus_ring(painter, QRectF(self.rect()), 6)


class TopBar(QFrame):
    """The mark, the workspaces' tabs, and at the right the project, the running job and the theme."""

    workspace_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(TOP_BAR_HEIGHT)
        theme.set_role(self, "panel-top")
        name = QLabel("Matchmap Annotator")
        theme.set_role(name, "strong")
        self.tabs = {text: TabButton(text, f"^{number}") for number, text in enumerate(WORKSPACES, 1)}
        self.project = Pill("", checkable=False)
        self.project.setToolTip("The open project: close it or show its folder")
        self.job = Pill("", checkable=False)
        self.job.set_state("running")
        self.theme = ThemeButton()
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(Logo(13))
        row.addWidget(name)
        row.addSpacing(12)
        for number, (text, tab) in enumerate(self.tabs.items(), 1):
            tab.setToolTip(f"{text} (Ctrl+{number})")
            tab.clicked.connect(lambda _checked=False, text=text: self.workspace_chosen.emit(text))
            row.addWidget(tab)
        row.addStretch(1)
        for part in (self.project, self.job, self.theme):
            row.addWidget(part)
        self.set_project(None)
        self.set_job(None)

    def set_project(self, name: str | None) -> None:
        """Names the open project; without one there are no workspaces to go to."""
        self.project.setVisible(name is not None)
        self.project.setText(name or "")
        self.project.set_state("menu")
        for tab in self.tabs.values():
            tab.setVisible(name is not None)

    def set_job(self, text: str | None, tip: str = "") -> None:
        self.job.setVisible(text is not None)
        if text is not None and text != self.job.text():
            self.job.setText(text)
        self.job.setToolTip(tip or "What runs now (press to see it)")


class MainWindow(QMainWindow):
    """The window around the start page or an open project's workspaces."""

    workspace_left = Signal(str)  # before the next one is shown: the player is free for it then
    workspace_opened = Signal(str)
    theme_chosen = Signal(str)
    close_project_requested = Signal()
    show_folder_requested = Signal()
    closed = Signal()

    def __init__(self, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._workspaces: dict[str, QWidget] = {}
        self._current = ""
        self.close_question: Callable[[], str] = lambda: ""
        self._close_anyway = False
        self._answer: Callable[[], object] = lambda: None
        self.setWindowTitle("Matchmap Annotator")
        self.setWindowIcon(logo_icon())
        self.setMinimumSize(1024, 640)
        self.top_bar = TopBar()
        self.notice = NoticeBar()
        self.pages = QStackedWidget()
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.top_bar, self.notice):
            column.addWidget(part)
        column.addWidget(self.pages, 1)
        body = QWidget()
        body.setLayout(column)
        self.setCentralWidget(body)
        self.top_bar.workspace_chosen.connect(self.open_workspace)
        self.top_bar.job.clicked.connect(lambda: self.open_workspace(self._job_workspace))
        self.top_bar.theme.theme_chosen.connect(self.theme_chosen)
        self.top_bar.project.clicked.connect(self._show_project_menu)
        self.notice.action_requested.connect(lambda: self._answer())
        self._job_workspace = "Runs"
        for number, text in enumerate(WORKSPACES, 1):
            self._shortcut(f"Ctrl+{number}", lambda text=text: self.open_workspace(text))
        self._shortcut("Ctrl+Shift+L", self.top_bar.theme.click)
        self._shortcut(QKeySequence.StandardKey.Quit, self.close)
        self._restore()

    def set_start_page(self, page: QWidget) -> None:
        self._start = page
        self.pages.addWidget(page)

    def set_workspace(self, name: str, widget: QWidget) -> None:
        """Gives a workspace its widget; an older one is taken down."""
        older = self._workspaces.pop(name, None)
        if older is not None:
            self.pages.removeWidget(older)
            older.deleteLater()
        self._workspaces[name] = widget
        self.pages.addWidget(widget)

    def workspace(self, name: str) -> QWidget | None:
        return self._workspaces.get(name)

    def current_workspace(self) -> str:
        """Returns the open workspace's name, '' on the start page."""
        return self._current

    def show_start(self) -> None:
        """Shows the start page and takes every workspace down."""
        self.top_bar.set_project(None)
        self.top_bar.set_job(None)
        self.setWindowTitle("Matchmap Annotator")
        self.pages.setCurrentWidget(self._start)
        self._start.setFocus(Qt.FocusReason.OtherFocusReason)
        self._current = ""
        for widget in self._workspaces.values():
            self.pages.removeWidget(widget)
            widget.deleteLater()
        self._workspaces.clear()

    def show_project(self, name: str, workspace: str = "Review") -> None:
        self.top_bar.set_project(name)
        self.setWindowTitle(f"{name} · Matchmap Annotator")
        self.open_workspace(workspace)

    def open_workspace(self, name: str) -> None:
        widget = self._workspaces.get(name)
        if widget is None:
            return
        self.top_bar.tabs[name].setChecked(True)
        if self._current not in ("", name):
            self.workspace_left.emit(self._current)
        self.pages.setCurrentWidget(widget)
        widget.setFocus(Qt.FocusReason.OtherFocusReason)
        if self._current != name:
            self._current = name
            self.workspace_opened.emit(name)

    def set_job(self, text: str | None, *, tip: str = "", workspace: str = "Runs") -> None:
        """Shows what runs in the top bar; a press on it opens `workspace`."""
        self._job_workspace = workspace
        self.top_bar.set_job(text, tip)

    def ask(self, question: str, action: str, answer: Callable[[], object]) -> None:
        """Asks in the notice above the work; `answer` is called when its button is pressed."""
        self._answer = answer
        self.notice.show_notice(question, "warning", action=action)

    def closeEvent(self, event: QCloseEvent) -> None:
        question = "" if self._close_anyway else self.close_question()
        if question:
            event.ignore()
            self.ask(question, "Close anyway", self._close_after_all)
            return
        self._settings.setValue("window/geometry", self.saveGeometry())
        self._settings.sync()
        event.accept()
        self.closed.emit()

    def _close_after_all(self) -> None:
        self._close_anyway = True
        self.close()

    def _restore(self) -> None:
        geometry = self._settings.value("window/geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(1440, 900)

    def _show_project_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show its folder").triggered.connect(self.show_folder_requested)
        menu.addAction("Close the project").triggered.connect(self.close_project_requested)
        pill = self.top_bar.project
        menu.popup(pill.mapToGlobal(pill.rect().bottomLeft()))

    def _shortcut(self, keys: str | QKeySequence.StandardKey, call: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.activated.connect(call)
