"""The main window: the top bar with the workspaces, the page below it, and what is remembered of them.

It knows no project and no job: `wiring.py` gives it the workspaces' widgets and the texts of its pills.
"""

from collections.abc import Callable

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget

from annotator.views.finder import Finder
from annotator.views.key_bindings import KeyBindings
from annotator.views.keys_card import KeysCard
from annotator.views.logo import logo_icon
from annotator.views.top_bar import WORKSPACES, TopBar
from annotator.views.widgets.notice_bar import NoticeBar

__all__ = ["WORKSPACES", "MainWindow"]


class MainWindow(QMainWindow):
    """The window around the start page, the settings or an open project's workspaces."""

    workspace_left = Signal(str)  # before another page is shown: the player is free for it then
    workspace_opened = Signal(str)
    theme_chosen = Signal(str)
    palette_requested = Signal()
    close_project_requested = Signal()
    show_folder_requested = Signal()
    settings_shown = Signal()
    settings_hidden = Signal()
    resized = Signal()
    closed = Signal()

    def __init__(self, settings: QSettings, bindings: KeyBindings | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.bindings = bindings or KeyBindings(parent=self)
        self._workspaces: dict[str, QWidget] = {}
        self._current = ""
        self.settings_page: Callable[[], QWidget] | None = None  # makes the page when it is first wanted
        self._settings_page: QWidget | None = None
        self.close_question: Callable[[], str] = lambda: ""
        self._close_anyway = False
        self._answer: Callable[[], object] = lambda: None
        self.setWindowTitle("Matchmap Annotator")
        self.setWindowIcon(logo_icon())
        self.setMinimumSize(1024, 640)
        self.top_bar = TopBar()
        self.notice = NoticeBar()
        self.pages = QStackedWidget()
        self._lay_out()
        self.keys_card = KeysCard(self.bindings, self.body)
        self._job_workspace = "Runs"
        self._connect()
        self._bind_keys()
        self._restore()

    def _lay_out(self) -> None:
        self.body = QWidget()
        column = QVBoxLayout(self.body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.top_bar, self.notice):
            column.addWidget(part)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(self.body)

    def _connect(self) -> None:
        bar = self.top_bar
        bar.workspace_chosen.connect(self.open_workspace)
        bar.job.clicked.connect(lambda: self.open_workspace(self._job_workspace))
        bar.theme.theme_chosen.connect(self.theme_chosen)
        bar.project.clicked.connect(self._show_project_menu)
        bar.commands.clicked.connect(self.palette_requested)
        bar.settings.clicked.connect(self.toggle_settings)
        self.notice.action_requested.connect(lambda: self._answer())
        self.bindings.changed.connect(self._show_keys)

    def _bind_keys(self) -> None:
        slots: dict[str, Callable[[], object]] = {
            "app.keys": lambda: self.keys_card.toggle("" if self.is_settings_shown() else self._current),
            "app.settings": self.toggle_settings,
            "app.theme": self.top_bar.theme.click,
            "app.quit": self.close,
        }
        self.bindings.bind(self, slots)
        self.bindings.bind(
            self,
            {f"app.{name.lower()}": lambda name=name: self.open_workspace(name) for name in WORKSPACES},
            possible=lambda id: id.partition(".")[2].capitalize() in self._workspaces,
        )
        self._show_keys()

    def _show_keys(self) -> None:
        bar, bindings = self.top_bar, self.bindings
        for what in (*WORKSPACES, "commands", "settings"):
            id = "app.palette" if what == "commands" else f"app.{what.lower()}"
            keys = bindings.shown_keys(id)
            bar.set_keys(what, bindings.tip(id), keys[0] if keys else "")
        bar.theme.set_keys(bindings.text("app.theme"))

    # -- pages -----------------------------------------------------------------------------------------------------

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
        """Returns the open workspace's name, '' on the start page; the settings lie over it."""
        return self._current

    def show_start(self) -> None:
        """Shows the start page and takes every workspace down."""
        self.top_bar.set_project(None)
        self.top_bar.set_job(None)
        self.top_bar.settings.setChecked(False)
        self.setWindowTitle("Matchmap Annotator")
        self.pages.setCurrentWidget(self._start)
        self._start.setFocus(Qt.FocusReason.OtherFocusReason)
        self._current = ""
        for widget in self._workspaces.values():
            self.pages.removeWidget(widget)
            widget.deleteLater()
        self._workspaces.clear()

    def show_project(self, name: str, workspace: str = "Review") -> None:
        self.top_bar.set_project(name, self._workspaces)
        self.setWindowTitle(f"{name} · Matchmap Annotator")
        self.open_workspace(workspace)

    def open_workspace(self, name: str) -> None:
        widget = self._workspaces.get(name)
        if widget is None:
            return
        self.top_bar.tabs[name].setChecked(True)
        was_over = self.is_settings_shown()
        if not was_over and self._current not in ("", name):
            self.workspace_left.emit(self._current)
        self.top_bar.settings.setChecked(False)
        self.pages.setCurrentWidget(widget)
        widget.setFocus(Qt.FocusReason.OtherFocusReason)
        if was_over:
            self.settings_hidden.emit()
        if self._current != name or was_over:
            self._current = name
            self.workspace_opened.emit(name)

    def is_settings_shown(self) -> bool:
        return self._settings_page is not None and self.pages.currentWidget() is self._settings_page

    def toggle_settings(self) -> None:
        """Lays the settings over the page, or takes them away."""
        if self.is_settings_shown():
            self.hide_settings()
            return
        if self._settings_page is None:
            if self.settings_page is None:
                return
            self._settings_page = self.settings_page()
            self.pages.addWidget(self._settings_page)
        if self._current:
            self.workspace_left.emit(self._current)
        self.pages.setCurrentWidget(self._settings_page)
        self._settings_page.setFocus(Qt.FocusReason.OtherFocusReason)
        self.top_bar.settings.setChecked(True)
        self.settings_shown.emit()

    def hide_settings(self) -> None:
        """Goes back to what the settings lay over."""
        if not self.is_settings_shown():
            return
        if self._current:
            self.open_workspace(self._current)
        else:
            self.top_bar.settings.setChecked(False)
            self.pages.setCurrentWidget(self._start)
            self._start.setFocus(Qt.FocusReason.OtherFocusReason)
            self.settings_hidden.emit()

    def is_finding(self) -> bool:
        """Returns whether the palette or Go to lies over the page."""
        return any(finder.isVisible() for finder in self.body.findChildren(Finder))

    # -- what is said around them ----------------------------------------------------------------------------------

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.keys_card.setGeometry(self.body.rect())
        self.resized.emit()

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
