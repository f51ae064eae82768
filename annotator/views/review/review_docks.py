"""The panels around the stage as docks: they can be moved, floated and closed, and stay where they were put.

A dock's title is a thin line whose grip shows when the mouse comes near, so that the workspace stays as calm as one
piece; the menu of the workspace opens and closes docks, and puts them back, without a mouse.
"""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.review.review_options import ReviewOptions

_GRIP = 9  # pixels: the height of a dock's title
_NARROW = 1400  # a window of at most this width gets narrower docks at first
_VERSION = 1


class _Grip(QWidget):
    """The place to take a dock by; its dots show under the mouse."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.SizeAllCursor)
        self.setToolTip(f"{dock.windowTitle()}: drag to move it, press twice to let it float")

    def sizeHint(self) -> QSize:
        return QSize(40, _GRIP if not self._dock.isFloating() else 18)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), tokens.color("panel"))
        if not self.underMouse() and not self._dock.isFloating():
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.color("faint"))
        middle = QRectF(self.rect()).center()
        for place in (-2, -1, 0, 1, 2):
            painter.drawEllipse(QRectF(middle.x() + place * 7 - 1.5, middle.y() - 1.5, 3, 3))

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)


class ReviewDocks(QMainWindow):
    """Holds the centre and the docks; `rearranged` follows what people move. Not a window of its own."""

    rearranged = Signal()

    def __init__(self, centre: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Widget)  # a QMainWindow makes itself a window, whatever its parent
        self.setCentralWidget(centre)
        self.setDockOptions(QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.docks: dict[str, QDockWidget] = {}
        self._areas: dict[str, tuple[Qt.DockWidgetArea, int]] = {}

    def add(self, title: str, widget: QWidget, area: Qt.DockWidgetArea, width: int) -> QDockWidget:
        """Puts a panel into a dock; its title names it in the menu and in what is remembered."""
        dock = QDockWidget(title, self)
        dock.setObjectName(title)
        dock.setTitleBarWidget(_Grip(dock))
        dock.setWidget(widget)
        dock.setAccessibleName(title)
        self.addDockWidget(area, dock)
        self.docks[title] = dock
        self._areas[title] = (area, width)
        return dock

    def actions_of_docks(self) -> list[QAction]:
        """Returns an action a dock that opens or closes it."""
        return [dock.toggleViewAction() for dock in self.docks.values()]

    def restore(self, options: ReviewOptions) -> None:
        """Puts the docks where they were left, or where they belong at first."""
        state = options.layout()
        if state is None or not self.restoreState(state, _VERSION):
            self.arrange()

    def keep(self, options: ReviewOptions) -> None:
        options.keep_layout(self.saveState(_VERSION))

    def arrange(self) -> None:
        """Puts every dock back to where it belongs."""
        is_narrow = self.width() <= _NARROW
        for title, (area, _width) in self._areas.items():
            dock = self.docks[title]
            dock.setFloating(False)
            self.addDockWidget(area, dock)
            dock.show()
        widths = [round(width * 0.88) if is_narrow else width for _area, width in self._areas.values()]
        self.resizeDocks(list(self.docks.values()), widths, Qt.Orientation.Horizontal)
        self.rearranged.emit()
