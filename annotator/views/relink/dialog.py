"""The dialog that finds videos again: what is missing or changed, a folder to search, and what was found there.

Given its rows through setters; emits what is wanted. `presenter.py` searches in the background.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.table import Cell, CellTable, Column, Row

_COLUMNS = (Column("VIDEO", 200, 2), Column("WHAT IS WRONG", 128, 0), Column("WHERE IT IS NOW", 300, 4))
_WRONG = {
    "missing": ("not there", "reject"),
    "changed": ("changed", "accent"),
    "unreadable": ("not readable", "reject"),
}
SENTENCE = (
    "A video is known by its content, so it is found under any name. Its pairs, labels and verdicts stay as they are."
)


@dataclass(frozen=True, slots=True)
class Lost:
    """One row: a video that is not as it was at its path, and where it was found."""

    uid: str
    title: str
    path: Path
    kind: str  # missing, changed, unreadable
    what_stays: str  # of one that has changed, else ""
    found: Path | None = None


class RelinkDialog(QDialog):
    """Not modal to the app: reviewing goes on beside it."""

    search_requested = Signal(object)  # Path of a folder
    cancel_requested = Signal()
    link_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Find videos again")
        self.setAccessibleName("Find videos again")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(820, 480)
        self.notice = NoticeBar()
        self._title = QLabel("Looking at every video…")
        theme.set_role(self._title, "title")
        sentence = QLabel(SENTENCE, wordWrap=True)
        theme.set_role(sentence, "muted")
        self.table = CellTable(_COLUMNS, row_height=48)
        self.table.setAccessibleName("Videos that are missing or changed")
        self.table.row_chosen.connect(self._show_what_stays)
        self.empty = EmptyState(
            "Every video is where it was", "None has changed since it was imported.", glyph="accept"
        )
        self._middle = QStackedWidget()
        for part in (self.table, self.empty):
            self._middle.addWidget(part)
        self.what_stays = QLabel(wordWrap=True)
        self.what_stays.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        theme.set_role(self.what_stays, "muted")
        self.what_stays.hide()
        self.progress = QProgressBar(textVisible=False, maximum=0)
        self.progress.setFixedHeight(4)
        kept = self.progress.sizePolicy()
        kept.setRetainSizeWhenHidden(True)  # nothing moves when a search begins
        self.progress.setSizePolicy(kept)
        self.progress.setAccessibleName("Searching")
        self.says = QLabel()
        theme.set_role(self.says, "muted")
        self.search = QPushButton("Search a folder…")
        self.search.setToolTip("Looks through the folder and those in it (Enter)")
        self.cancel = QPushButton("Stop searching")
        self.cancel.setToolTip("Keeps what was found so far (Esc)")
        self.link = QPushButton("Link them")
        self.link.setToolTip("Remembers where the videos that were found are now")
        theme.set_role(self.link, "primary")
        self.close_button = QPushButton("Close")
        self.close_button.setToolTip("Nothing is changed (Esc)")
        self.search.clicked.connect(self._choose)
        self.cancel.clicked.connect(self.cancel_requested)
        self.link.clicked.connect(self.link_requested)
        self.close_button.clicked.connect(self.close)
        self._lost: tuple[Lost, ...] = ()
        self._is_searching = False
        self._last_folder = Path.home()
        self._build(sentence)
        self.set_searching(False)
        self.set_lost((), is_known=False)
        self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _build(self, sentence: QLabel) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(4)
        head.addWidget(self._title)
        head.addWidget(sentence)
        under = QVBoxLayout()
        under.setContentsMargins(20, 10, 20, 10)
        under.setSpacing(6)
        under.addWidget(self.what_stays)
        under.addWidget(self.says)
        foot_frame = QFrame()
        theme.set_role(foot_frame, "form-foot")
        foot = QHBoxLayout(foot_frame)
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        foot.addWidget(self.search)
        foot.addWidget(self.cancel)
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        foot.addWidget(self.link)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addLayout(head)
        middle = QVBoxLayout()
        middle.setContentsMargins(10, 0, 10, 0)  # with the cells' own, the text stands under the title's
        middle.addWidget(self._middle)
        column.addLayout(middle, 1)
        column.addWidget(self.progress)
        column.addLayout(under)
        column.addWidget(foot_frame)

    def set_lost(self, lost: Sequence[Lost], *, is_known: bool = True) -> None:
        """Lists the videos; `is_known` is False while they are still being looked at."""
        self._lost = tuple(lost)
        n_found = sum(one.found is not None for one in lost)
        self.table.set_rows([_row(one) for one in lost])
        self._middle.setCurrentWidget(self.empty if is_known and not lost else self.table)
        if is_known and lost:
            one = "1 video is not as it was"
            self._title.setText(one if len(lost) == 1 else f"{len(lost)} videos are not as they were")
        elif is_known:
            self._title.setText("Find videos again")
        self.search.setVisible(not self._is_searching and bool(lost))
        self.link.setVisible(bool(lost))
        self.link.setEnabled(n_found > 0 and not self._is_searching)
        self.link.setText("Link it" if n_found == 1 else f"Link {n_found} videos" if n_found else "Link them")
        self._show_what_stays(self.table.chosen_key())

    def set_searching(self, is_searching: bool, text: str = "") -> None:
        self._is_searching = is_searching
        self.progress.setVisible(is_searching)
        self.cancel.setVisible(is_searching)
        self.search.setVisible(not is_searching and bool(self._lost))
        self.link.setEnabled(not is_searching and any(one.found for one in self._lost))
        self.says.setText(text)

    def say_progress(self, text: str) -> None:
        self.says.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._is_searching:
            self.cancel_requested.emit()
        else:
            super().keyPressEvent(event)

    def _choose(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The folder to search", str(self._last_folder))
        if folder:
            self._last_folder = Path(folder)
            self.search_requested.emit(Path(folder))

    def _show_what_stays(self, key: str | None) -> None:
        said = next((one.what_stays for one in self._lost if one.uid == key), "")
        self.what_stays.setText(said)
        self.what_stays.setVisible(bool(said))


def _row(lost: Lost) -> Row:
    text, token = _WRONG[lost.kind]
    name = Cell(lost.title, second=str(lost.path.parent), is_strong=True, tip=str(lost.path))
    if lost.found is None:
        where = Cell("–", token="muted")
    else:
        where = Cell(lost.found.name, second=str(lost.found.parent), glyph="accept", tip=str(lost.found))
    return Row(lost.uid, (name, Cell(text, token=token), where))
