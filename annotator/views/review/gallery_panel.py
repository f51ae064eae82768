"""The gallery in place of the stage: a head that says whose frames these are, the grid, verdicts on what is selected."""

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.store.records import DECISIONS
from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.review.gallery_cell import GalleryCell
from annotator.views.review.gallery_grid import GalleryGrid
from annotator.views.review.queue_model import QueueModel, UidRole
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.key_button import KeyButton
from annotator.views.widgets.painting import Glyph
from annotator.views.widgets.pill import Pill

Scope = Literal["list", "class"]
PICTURE_BYTES = 48 * 2**20
_SIZES = (130, 180, 250, 340)  # least widths of a cell in pixels
_LOOKS: dict[str, tuple[str, str, Glyph | None]] = {
    "accept": ("Accept", "accept", "accept"),
    "reject": ("Reject", "reject", "reject"),
    "unsure": ("Unsure", "unsure", "unsure"),
    "skip": ("Skip", "muted", None),
}


class GalleryPanel(QFrame):
    """Emits what is wanted of the selected frames; gallery_presenter.py answers."""

    decided = Signal(str)
    scope_chosen = Signal(str)
    class_chosen = Signal(str)
    undecided_chosen = Signal(bool)
    undo_batch_requested = Signal()
    left = Signal()

    def __init__(self, keys: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "stage")
        self.setAccessibleName("Gallery")
        self._keys = keys
        self.model = QueueModel(self, thumbnail_bytes=PICTURE_BYTES)
        self.grid = GalleryGrid(self.model)
        self.cell = GalleryCell(self.grid)
        self.grid.setItemDelegate(self.cell)
        self.empty = EmptyState()
        self._middle = QStackedWidget()
        self._middle.addWidget(self.grid)
        self._middle.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_head())
        column.addWidget(self._middle, 1)
        column.addWidget(self._make_foot())
        self.grid.selectionModel().selectionChanged.connect(lambda _new, _old: self._show_selected())
        for signal in (self.model.modelReset, self.model.rowsInserted, self.model.rowsRemoved):
            signal.connect(self._show_number)
        keys.changed.connect(self._write_keys)
        self._write_keys()
        self._show_number()
        self._show_selected()

    def _make_head(self) -> QWidget:
        head = QFrame()
        theme.set_role(head, "panel-top")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 9, 12, 9)
        row.setSpacing(8)
        title = QLabel("Gallery")
        theme.set_role(title, "title")
        self.scopes = {"list": Pill("this list"), "class": Pill("one class")}
        self.scopes["list"].setToolTip("The frames of the queue as it is filtered now")
        self.scopes["class"].setToolTip("All frames of one class")
        for scope, pill in self.scopes.items():
            pill.setAutoExclusive(True)
            pill.clicked.connect(lambda _checked=False, chosen=scope: self.scope_chosen.emit(chosen))
        self.scopes["list"].setChecked(True)
        self.classes = QComboBox(editable=True)
        self.classes.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.classes.setAccessibleName("Class of the frames")
        self.classes.setToolTip("The class whose frames are shown; type to find it")
        self.classes.setMinimumWidth(130)
        completer = QCompleter(self.classes.model(), self.classes)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.classes.setCompleter(completer)
        self.classes.activated.connect(self._choose_class)
        self.undecided = Pill("undecided only")
        self.undecided.setToolTip("Leave out the frames that have a verdict")
        self.undecided.clicked.connect(self.undecided_chosen)
        self._number = QLabel()
        theme.set_role(self._number, "small")
        self.sizes = QSlider(Qt.Orientation.Horizontal)
        self.sizes.setRange(0, len(_SIZES) - 1)
        self.sizes.setPageStep(1)
        self.sizes.setFixedWidth(76)
        self.sizes.setAccessibleName("Size of the frames")
        self.sizes.setToolTip("Size of the frames (← →)")
        self.sizes.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.sizes.valueChanged.connect(lambda place: self.grid.set_cell_width(_SIZES[place]))
        self.sizes.setValue(1)
        back = QPushButton("Back to the pair")
        back.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        back.clicked.connect(self.left)
        self._back = back
        for widget in (title, *self.scopes.values(), self.classes, self.undecided):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self._number)
        row.addWidget(self.sizes)
        row.addWidget(back)
        return head

    def _make_foot(self) -> QWidget:
        foot = QFrame()
        theme.set_role(foot, "panel-bottom")
        row = QHBoxLayout(foot)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(8)
        self.buttons: dict[str, KeyButton] = {}
        for decision in DECISIONS:
            text, token, glyph = _LOOKS[decision]
            button = KeyButton(text, "", token=token, glyph=glyph)
            button.setMaximumWidth(136 if decision != "skip" else 96)
            button.clicked.connect(lambda _checked=False, chosen=decision: self.decided.emit(chosen))
            self.buttons[decision] = button
            row.addWidget(button, 4 if decision != "skip" else 3)
        row.addSpacing(8)
        words = QVBoxLayout()
        words.setSpacing(0)
        self._selected, self._hint = QLabel(), QLabel()
        theme.set_role(self._selected, "strong")
        theme.set_role(self._hint, "small")
        for label in (self._selected, self._hint):
            label.setSizePolicy(
                QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
            )  # cut, never widening the page
            words.addWidget(label)
        row.addLayout(words, 8)
        self.undo_batch = QPushButton("Undo the batch")
        self.undo_batch.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.undo_batch.clicked.connect(self.undo_batch_requested)
        self.undo_batch.hide()
        row.addWidget(self.undo_batch)
        return foot

    # -- what is shown ---------------------------------------------------------------------------------------------

    def set_scope(self, scope: Scope, class_name: str) -> None:
        """Shows whose frames are listed."""
        self.scopes[scope].setChecked(True)
        self.undecided.setVisible(scope == "class")
        self.classes.setVisible(scope == "class")
        self._show_class(class_name)

    def set_classes(self, classes: Sequence[tuple[str, int]], chosen: str) -> None:
        """Takes the classes that there are, with the number of their pairs."""
        with QSignalBlocker(self.classes):
            self.classes.clear()
            for name, count in classes:
                self.classes.addItem(f"{name} ({count})", name)
        self._show_class(chosen)

    def _show_class(self, name: str) -> None:
        with QSignalBlocker(self.classes):
            self.classes.setCurrentIndex(self.classes.findData(name))

    def set_uids(self, uids: Sequence[str], *, current: str | None) -> None:
        """Shows these pairs with the keyboard on one of them."""
        self.model.forget_records()
        self.model.set_uids(uids)
        self._show_selected()  # a model that begins anew says nothing of the selection that went with it
        self.grid.updateGeometries()
        self.put_current(current if current is not None and self.model.row_of(current) is not None else None)

    def put_current(self, uid: str | None) -> None:
        """Puts the keyboard on a pair's frame, or on the first."""
        row = self.model.row_of(uid) if uid is not None else 0
        if row is not None and row < self.model.rowCount():
            selection = self.grid.selectionModel()
            selection.setCurrentIndex(self.model.index(row), selection.SelectionFlag.NoUpdate)

    def set_empty(self, title: str, text: str) -> None:
        self.empty.set_content(title, text, "")

    def set_batch(self, n_verdicts: int) -> None:
        """Offers to undo the last batch, while there is one."""
        self.undo_batch.setText(f"Undo {n_verdicts} verdicts" if n_verdicts > 1 else "Undo the verdict")
        self.undo_batch.setVisible(n_verdicts > 0)

    def set_writing(self, n_left: int) -> None:
        """Says how many verdicts of a batch are still to be written."""
        if n_left:
            self._hint.setText(f"Writing {n_left} more…")
        else:
            self._show_selected()

    def set_enabled(self, is_enabled: bool, why_not: str) -> None:
        for button in self.buttons.values():
            button.setEnabled(is_enabled)
            button.setToolTip(why_not or button.toolTip())

    # -- what is selected ------------------------------------------------------------------------------------------

    def chosen_uids(self) -> list[str]:
        """Returns the selected pairs in the order of the grid; the current one where none is selected."""
        rows = sorted(index.row() for index in self.grid.selectionModel().selectedRows())
        if not rows and self.grid.currentIndex().isValid():
            rows = [self.grid.currentIndex().row()]
        return [uid for row in rows if (uid := self.model.uid_at(row)) is not None]

    def current_uid(self) -> str | None:
        index = self.grid.currentIndex()
        return index.data(UidRole) if index.isValid() else None

    def clear_selection(self) -> None:
        self.grid.clearSelection()

    def focusInEvent(self, event: object) -> None:
        self.grid.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        is_override = event.type() == QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def _choose_class(self, place: int) -> None:
        self.class_chosen.emit(self.classes.itemData(place))
        self.grid.setFocus()

    def _show_number(self) -> None:
        count = self.model.rowCount()
        shown = f"{count:,}".replace(",", "\u202f")
        self._number.setText(f"{shown} frame" if count == 1 else f"{shown} frames")
        self._middle.setCurrentWidget(self.grid if count else self.empty)

    def _show_selected(self) -> None:
        number = len(self.grid.selectionModel().selectedRows())
        self._selected.setText(f"{number} selected" if number else "The current frame")
        key = next(iter(self._keys.shown_keys("review.replay")), "")
        hear = f"; {key} to hear" if key else ""
        self._hint.setText("one verdict each" if number else f"Space selects more{hear}")
        press = f", or press {key}," if key else ""
        self._hint.setToolTip(f"Space, Shift and Ctrl select several frames; hover over one{press} to hear it")

    def _write_keys(self) -> None:
        for decision, button in self.buttons.items():
            keys = self._keys.shown_keys(f"review.{decision}")
            button.set_key(keys[0] if keys else "")
            button.setToolTip(self._keys.tip(f"review.{decision}", f"{button.text()} all selected frames"))
        self._back.setToolTip(self._keys.tip("review.gallery", "Back to the pair that was shown; Escape too"))
        self.undo_batch.setToolTip(self._keys.tip("review.undo_batch"))
        self._show_selected()
