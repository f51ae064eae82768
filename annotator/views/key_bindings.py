"""Makes shortcuts of the keymap: each widget says which slot an action has, and the keys follow the settings live.

Keys are dead while a text field has the focus, but for those of the app itself. Where two widgets bind one action and
one lies in the other, the inner one has it while the focus is in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from annotator.keymap import ACTIONS, EVERYWHERE, Keymap

SIGNS = {
    "Down": "↓",
    "Up": "↑",
    "Left": "←",
    "Right": "→",
    "Backspace": "⌫",
    "-": "−",
    "Return": "Enter",
}
_PRESS = ("Space", "Return", "Enter")
_MOVE = ("Left", "Right", "Up", "Down", "Home", "End", "PgUp", "PgDown")

Slot = Callable[[], object]


@dataclass(slots=True)
class _Binding:
    widget: QWidget
    id: str
    slot: Slot
    released: Slot | None
    possible: Callable[[], bool]

    def is_alive(self) -> bool:
        return isValid(self.widget)


def shown_key(key: str) -> str:
    """Returns a key as it is written on this system's keyboards, arrows as arrows: "Ctrl+Z", "Shift+←", "⌫"."""
    native = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    head, plus, last = native.rpartition("+")
    return head + plus + SIGNS.get(last, last) if last else native


def _always() -> bool:
    return True


class KeyBindings(QObject):
    """The shortcuts of one window; `changed` follows every change of the keys, for tooltips and caps."""

    changed = Signal()
    used = Signal(str)  # an action's id, after its slot was called by a key or by `run`

    def __init__(self, keymap: Keymap | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.keymap = keymap or Keymap()
        self._bindings: list[_Binding] = []
        self._let_go = (0, 0)  # the key that was released last, and when
        self._is_repeat = False  # whether the key pressed last was never let go
        self._shortcuts: dict[tuple[int, str], QShortcut] = {}
        self._held: tuple[_Binding, Qt.Key] | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._app = app
        app.focusChanged.connect(self._focus_changed)

    def bind(
        self,
        widget: QWidget,
        slots: Mapping[str, Slot],
        *,
        possible: Callable[[str], bool] | None = None,
    ) -> None:
        """Gives actions their slots while the focus is in `widget` (anywhere in its window for a window's own).

        `possible(id)` is asked before a slot is called and by the palette; without it an action always is.
        """
        for id, slot in slots.items():
            self._add(widget, id, slot, None, partial(possible, id) if possible else _always)

    def bind_held(self, widget: QWidget, id: str, pressed: Slot, released: Slot) -> None:
        """Gives an action that lasts as long as its key is held."""
        self._add(widget, id, pressed, released, _always)

    def text(self, id: str) -> str:
        """Returns an action's keys for a tooltip ("A or 1"), '' where it has none."""
        return " or ".join(self.shown_keys(id))

    def shown_keys(self, id: str) -> tuple[str, ...]:
        """Returns an action's keys as they are written on caps."""
        return tuple(dict.fromkeys(shown_key(key) for key in self.keymap.keys_of(id)))

    def tip(self, id: str, text: str = "") -> str:
        """Returns a tooltip: what the action does (or `text`) with its live keys."""
        keys = self.text(id)
        text = text or ACTIONS[id].text
        return f"{text} ({keys})" if keys else text

    def is_bound(self, id: str) -> bool:
        return any(binding.id == id and binding.is_alive() for binding in self._bindings)

    def is_possible(self, id: str) -> bool:
        """Returns whether the action would do something now; a workspace that is not in view may be opened for it."""
        return any(binding.id == id and binding.is_alive() and binding.possible() for binding in self._bindings)

    def run(self, id: str) -> bool:
        """Does what the action's key would do now; returns whether it could."""
        return self._call([binding for binding in self._bindings if binding.id == id])

    def set_keys(self, id: str, keys: tuple[str, ...]) -> None:
        """Changes an action's keys, at once and for good."""
        self.keymap.set_keys(id, keys)
        self.follow()

    def follow(self) -> None:
        """Takes up what was changed in the keymap, and keeps it."""
        self.keymap.save()
        for shortcut in filter(isValid, self._shortcuts.values()):
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts.clear()
        for binding in self._bindings:
            if binding.is_alive():
                self._make_shortcuts(binding)
        self._focus_changed(None, self._app.focusWidget())
        self.changed.emit()

    def _add(self, widget: QWidget, id: str, slot: Slot, released: Slot | None, possible: Callable[[], bool]) -> None:
        ACTIONS[id]  # an id that nobody knows is a bug of the caller
        self._bindings = [kept for kept in self._bindings if kept.is_alive()]
        self._shortcuts = {place: kept for place, kept in self._shortcuts.items() if isValid(kept)}
        binding = _Binding(widget, id, slot, released, possible)
        self._bindings.append(binding)
        self._make_shortcuts(binding)

    def _make_shortcuts(self, binding: _Binding) -> None:
        for key in self.keymap.keys_of(binding.id):
            place = (id(binding.widget), key)
            if place in self._shortcuts:
                continue
            shortcut = QShortcut(QKeySequence(key), binding.widget)
            is_window = binding.widget.isWindow() and binding.id.startswith(f"{EVERYWHERE}.")
            context = Qt.ShortcutContext
            shortcut.setContext(context.WindowShortcut if is_window else context.WidgetWithChildrenShortcut)
            shortcut.setAutoRepeat(ACTIONS[binding.id].repeats)
            shortcut.activated.connect(lambda key=key: self._pressed(key))
            shortcut.activatedAmbiguously.connect(lambda key=key: self._pressed(key))
            self._shortcuts[place] = shortcut

    def _pressed(self, key: str) -> None:
        found = [binding for binding in self._bindings if key in self.keymap.keys_of(binding.id)]
        if self._is_repeat:
            found = [binding for binding in found if ACTIONS[binding.id].repeats or binding.released is not None]
        self._call(found, key)

    def _call(self, bindings: list[_Binding], key: str = "") -> bool:
        """Calls the innermost binding that is in view and possible."""
        focus = self._app.focusWidget()
        found = [binding for binding in bindings if binding.is_alive() and binding.widget.isVisible()]
        if key and focus is not None:
            found = [b for b in found if b.widget is focus or b.widget.isAncestorOf(focus) or b.widget.isWindow()]
        found = [binding for binding in found if binding.possible()]
        if not found:
            return False
        chosen = max(found, key=lambda binding: _depth(binding.widget))
        chosen.slot()
        if chosen.released is not None and key:
            self._hold(chosen, key)
        self.used.emit(chosen.id)
        return True

    # -- a key that is held ------------------------------------------------------------------------------------------

    def _hold(self, binding: _Binding, key: str) -> None:
        self._held = (binding, QKeySequence(key)[0].key())  # type: ignore[index]
        self._app.installEventFilter(self)  # only while it is held: a filter on the application sees every event

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent):
            self._look_for_repeat(event)
        if self._held is not None and self._ends_hold(event):
            binding, self._held = self._held[0], None
            self._app.removeEventFilter(self)
            if binding.is_alive() and binding.released is not None:
                binding.released()
        return False

    def _ends_hold(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.ApplicationDeactivate, QEvent.Type.WindowDeactivate):
            return True
        assert self._held is not None
        return (
            event.type() == QEvent.Type.KeyRelease
            and isinstance(event, QKeyEvent)
            and not event.isAutoRepeat()
            and event.key() == self._held[1]
        )

    def _look_for_repeat(self, event: QKeyEvent) -> None:
        """A held key comes from an X server as releases and presses of one moment, and Qt does not always see that."""
        if event.type() == QEvent.Type.KeyRelease:
            self._let_go = (event.key(), event.timestamp())
        elif event.type() == QEvent.Type.ShortcutOverride:  # comes before the shortcut
            self._is_repeat = event.timestamp() > 0 and self._let_go == (event.key(), event.timestamp())

    # -- keys that belong to what has the focus ----------------------------------------------------------------------

    def _focus_changed(self, before: QWidget | None, now: QWidget | None) -> None:
        if before is not None:
            before.removeEventFilter(self)
        if now is not None:
            now.installEventFilter(self)
        own = _keys_of_widget(now)
        for (_, key), shortcut in self._shortcuts.items():
            if not isValid(shortcut):
                continue
            is_everywhere = shortcut.context() == Qt.ShortcutContext.WindowShortcut and _is_command(key)
            is_live = is_everywhere or (own is not None and key not in own)
            if shortcut.isEnabled() != is_live:
                shortcut.setEnabled(is_live)


def is_text_field(widget: QWidget | None) -> bool:
    """Returns whether keys are typed into this widget."""
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox)


def _is_command(key: str) -> bool:
    """Returns whether a key types nothing, so that it may work from within a text field."""
    return any(part in key for part in ("Ctrl+", "Alt+", "Meta+"))


def _keys_of_widget(widget: QWidget | None) -> tuple[str, ...] | None:
    """Returns the keys that a widget needs itself while it has the focus; None where that is all of them."""
    if is_text_field(widget):
        return None
    if isinstance(widget, QAbstractButton):
        return _PRESS
    if isinstance(widget, QComboBox):
        return _PRESS + _MOVE
    return _MOVE if isinstance(widget, QAbstractSlider) else ()


def _depth(widget: QWidget) -> int:
    depth, parent = 0, widget.parentWidget()
    while parent is not None:
        depth, parent = depth + 1, parent.parentWidget()
    return depth
