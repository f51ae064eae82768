"""A small card that floats over the workspace above the verdict buttons, asks for one thing, and leaves with Escape."""

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QVBoxLayout, QWidget

from annotator.views import theme

_GAP = 8  # pixels between the card and what it stands over


class Card(QFrame):
    """Not a window and not modal: a press elsewhere, or another pair, takes it away. `left` follows in every case."""

    left = Signal()

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(title)
        self._title = QLabel(title)
        theme.set_role(self._title, "strong")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(12, 10, 12, 12)
        self.column.setSpacing(6)
        self.column.addWidget(self._title)
        self._over: QWidget | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._follow_focus)
        self.hide()

    def set_title(self, title: str) -> None:
        self._title.setText(title)
        self.setAccessibleName(title)

    def open_over(self, widget: QWidget) -> None:
        """Stands above a widget of the same window, inside the workspace, and takes the keyboard."""
        self._over = widget
        self.place()
        self.show()
        self.raise_()
        self.take_focus()

    def take_focus(self) -> None:
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def leave(self) -> None:
        """Goes away and gives the keyboard back."""
        if self.isHidden():
            return
        had_focus = self.isAncestorOf(QApplication.focusWidget() or self) or self.hasFocus()
        self.hide()
        parent = self.parentWidget()
        if had_focus and parent is not None:
            parent.setFocus(Qt.FocusReason.OtherFocusReason)
        self.left.emit()

    def place(self) -> None:
        """Stands where there is room: over its widget, kept inside the workspace."""
        parent = self.parentWidget()
        if self._over is None or parent is None:
            return
        self.adjustSize()
        at = self._over.mapTo(parent, QPoint(0, 0))
        left = min(max(_GAP, at.x()), max(_GAP, parent.width() - self.width() - _GAP))
        top = max(_GAP, at.y() - self.height() - _GAP)
        self.setGeometry(QRect(left, top, self.width(), self.height()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            event.ignore()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.wants(event):
            event.accept()  # else the workspace's shortcut on this key would have it
            return True
        return super().event(event)

    def wants(self, event: QKeyEvent) -> bool:
        """Returns whether a key is for the card and not for the workspace."""
        return event.key() == Qt.Key.Key_Escape

    def _follow_focus(self, _before: QWidget | None, now: QWidget | None) -> None:
        if self.isVisible() and now is not None and now is not self and not self.isAncestorOf(now):
            self.hide()
            self.left.emit()
