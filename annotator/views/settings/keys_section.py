"""The Keys section: search, presets, the list of actions, and under it what can be done with the chosen one."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from annotator.keymap import ACTIONS, PRESETS
from annotator.views import theme
from annotator.views.key_bindings import KeyBindings, shown_key
from annotator.views.settings.key_capture import KeyCapture
from annotator.views.settings.key_list import PLACES, KeyList
from annotator.views.widgets.pill import Pill
from davenet.errors import UserError

_PRESET_TEXTS = {"default": "Default", "Prodigy": "Prodigy", "mpv": "mpv", "left hand": "Left hand"}


class KeysSection(QWidget):
    """Changes the keymap through the bindings; every change is in force and kept at once."""

    failed = Signal(str)  # the sentence why it could not be kept

    def __init__(self, bindings: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bindings = bindings
        self._adds = False
        self.search = QLineEdit(placeholderText="Search: an action or a key", clearButtonEnabled=True)
        self.search.setAccessibleName("Search the keys")
        self.search.setToolTip("Words of what the key does, or the key itself")
        self.conflicts = Pill("Conflicts")
        self.conflicts.setToolTip("Only keys that do two things in one place")
        self.preset = QComboBox()
        self.preset.setAccessibleName("Preset of keys")
        self.preset.setToolTip("All keys at once as another program has them; your own changes are given up")
        for name in PRESETS:
            self.preset.addItem(_PRESET_TEXTS[name], name)
        self.reset_all = QPushButton("Reset all")
        self.list = KeyList(bindings)
        self._what, self._where, self._met = QLabel(), QLabel(), QLabel()
        self.capture = KeyCapture()
        self.change = QPushButton("Change")
        self.add = QPushButton("Add a key")
        self.clear = QPushButton("No key")
        self.reset = QPushButton("Reset")
        self.resolve = QPushButton()
        for button, tip in (
            (self.reset_all, "Give every action the preset's keys again"),
            (self.change, "Press a new key in place of these (Enter)"),
            (self.add, "Press one more key (+)"),
            (self.clear, "Take its keys away (Delete)"),
            (self.reset, "Give it the preset's keys again"),
            (self.resolve, "Take the key from the other action"),
        ):
            button.setToolTip(tip)
        self._build()
        self._connect()
        self._show()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        self.search.setMinimumWidth(240)
        head.addWidget(self.search, 1)
        head.addWidget(self.conflicts)
        label = QLabel("Preset")
        theme.set_role(label, "muted")
        label.setBuddy(self.preset)
        head.addSpacing(8)
        head.addWidget(label)
        head.addWidget(self.preset)
        head.addWidget(self.reset_all)
        card = QFrame()
        theme.set_role(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.list)
        theme.set_role(self._what, "strong")
        theme.set_role(self._where, "small")
        theme.set_role(self._met, "field-bad")
        theme.set_role(self.resolve, "primary")
        words = QVBoxLayout()
        words.setSpacing(1)
        for label in (self._what, self._where, self._met):
            words.addWidget(label)
        foot = QHBoxLayout()
        foot.setContentsMargins(4, 0, 0, 0)
        foot.setSpacing(8)
        foot.addLayout(words, 1)
        foot.addWidget(self.capture, 1)
        for button in (self.resolve, self.change, self.add, self.clear, self.reset):
            foot.addWidget(button)
        below = QFrame()
        below.setLayout(foot)
        below.setFixedHeight(64)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(head)
        column.addWidget(card, 1)
        column.addWidget(below)

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _text: self._search())
        self.conflicts.toggled.connect(lambda _on: self._search())
        self.preset.activated.connect(lambda _index: self._do(self._take_preset))
        self.reset_all.clicked.connect(lambda: self._do(self._bindings.keymap.reset_all))
        self.list.chosen.connect(lambda _id: self._show_chosen())
        self.list.change_requested.connect(lambda: self._begin(adds=False))
        self.list.add_requested.connect(lambda: self._begin(adds=True))
        self.list.clear_requested.connect(lambda: self._set(()))
        self.change.clicked.connect(lambda: self._begin(adds=False))
        self.add.clicked.connect(lambda: self._begin(adds=True))
        self.clear.clicked.connect(lambda: self._set(()))
        self.reset.clicked.connect(lambda: self._do(lambda: self._bindings.keymap.reset(self.list.chosen_id())))
        self.resolve.clicked.connect(self._resolve)
        self.capture.captured.connect(self._take)
        self.capture.cancelled.connect(self._show_chosen)
        self._bindings.changed.connect(self._show)

    def _take_preset(self) -> None:
        self._bindings.keymap.use_preset(self.preset.currentData())

    def _search(self) -> None:
        chosen = self.list.chosen_id()
        self.list.keys.search(self.search.text(), only_conflicts=self.conflicts.isChecked())
        self.list.choose(chosen)

    def _begin(self, *, adds: bool) -> None:
        id = self.list.chosen_id()
        if id:
            self._adds = adds
            for part in (self.change, self.add, self.clear, self.reset, self.resolve):
                part.hide()
            self.capture.begin(
                f"Press {'one more key' if adds else 'the key'} for “{ACTIONS[id].text}” · Esc leaves it"
            )

    def _take(self, key: str) -> None:
        id = self.list.chosen_id()
        before = self._bindings.keymap.keys_of(id) if self._adds else ()
        self._set((*before, key))
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def _set(self, keys: tuple[str, ...]) -> None:
        id = self.list.chosen_id()
        if id:
            self._do(lambda: self._bindings.keymap.set_keys(id, keys))

    def _resolve(self) -> None:
        id = self.list.chosen_id()
        key = self.list.keys.conflicts_of(id)[0][0]
        self._do(lambda: self._bindings.keymap.keep_key(key, id))

    def _do(self, change: Callable[[], None]) -> None:
        change()
        try:
            self._bindings.follow()
        except UserError as error:
            self.failed.emit(str(error))

    def _show(self) -> None:
        keymap, chosen = self._bindings.keymap, self.list.chosen_id()
        self.preset.setCurrentIndex(self.preset.findData(keymap.preset))
        self.reset_all.setEnabled(keymap.n_changes > 0)
        self.list.keys.refresh()
        n_conflicts = self.list.keys.n_conflicts()
        self.conflicts.setVisible(n_conflicts > 0 or self.conflicts.isChecked())
        self.conflicts.set_count(n_conflicts)
        self.list.choose(chosen)
        self._show_chosen()

    def _show_chosen(self) -> None:
        id = self.list.chosen_id()
        keys = self._bindings.keymap.keys_of(id) if id else ()
        self._what.setText(ACTIONS[id].text if id else "Nothing fits the search")
        where = PLACES[ACTIONS[id].workspace] if id else ""
        named = " or ".join(shown_key(key) for key in keys) or "no key"
        self._where.setText(f"{named} · {where}" if id else "Search for other words, or for a key as it is written.")
        met = self.list.keys.conflicts_of(id)
        self._met.setText(self.list.keys.conflict_text(id))
        self._met.setVisible(bool(met))
        self.resolve.setVisible(bool(met))
        if met:
            self.resolve.setText(f"Keep {shown_key(met[0][0])} only here")
        for button in (self.change, self.add, self.clear, self.reset):
            button.show()
        for button in (self.change, self.add):
            button.setEnabled(bool(id))
        self.add.setEnabled(bool(keys))
        self.clear.setEnabled(bool(keys))
        self.reset.setEnabled(bool(id) and self._bindings.keymap.is_changed(id))
