"""The start page: one sentence on what the app does, three ways to begin, the projects opened lately.

Given data through setters; emits what is wanted. A folder dropped on it becomes a new project, or is opened when it
already is one.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from annotator.project_folder import is_project
from annotator.recent import RecentProject
from annotator.views import theme
from annotator.views.logo import Logo
from annotator.views.start.buttons import ChoiceCard, RowButton
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.painting import glyph_icon
from annotator.views.widgets.section import SectionHead

WIDTH = 760
SENTENCE = (
    "Review what machines heard and saw in cooking videos, see where in the picture a model hears it, "
    "and fine-tune it on the pairs that you accepted."
)


class StartPage(QWidget):
    """What is shown while no project is open."""

    open_requested = Signal(object)  # Path of a project
    new_requested = Signal(object, object)  # folder of videos, folder of the project
    demo_requested = Signal()
    guide_requested = Signal()
    forget_requested = Signal(object)  # Path of a project

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._dragging = False
        self.notice = NoticeBar()
        self._answer: Callable[[], object] = lambda: None
        self.notice.action_requested.connect(lambda: self._answer())
        self.new_card = ChoiceCard("New project", "From a folder of videos…", "Ctrl+N", "film")
        self.open_card = ChoiceCard("Open project", "A folder made earlier…", "Ctrl+O", "folder")
        self.demo_card = ChoiceCard("Try the demo", "Generated kitchen videos, ready to review", "", "spark")
        self.new_card.clicked.connect(self.choose_videos)
        self.open_card.clicked.connect(self.choose_project)
        self.demo_card.clicked.connect(self.demo_requested)
        self.guide = QPushButton("New here? Learn it in a minute, on the demo")
        theme.set_role(self.guide, "link")
        self.guide.setToolTip("Give your first verdicts with a guide beside the controls")
        self.guide.clicked.connect(self.guide_requested)
        self.new_form = _NewForm()
        self.new_form.hide()
        self.new_form.accepted.connect(self.new_requested)
        self.busy = QLabel(alignment=Qt.AlignmentFlag.AlignHCenter, wordWrap=True)
        theme.set_role(self.busy, "muted")
        self.busy.hide()
        self._recent = QVBoxLayout()
        self._recent.setSpacing(4)
        self._build()

    def _build(self) -> None:
        title = QLabel("Matchmap Annotator")
        theme.set_role(title, "question")
        sentence = QLabel(SENTENCE, wordWrap=True)
        theme.set_role(sentence, "muted")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(title)
        words.addWidget(sentence)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(Logo(44), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        cards = QHBoxLayout()
        cards.setSpacing(12)
        for card in (self.new_card, self.open_card, self.demo_card):
            cards.addWidget(card, 1)
        inner = QWidget()
        inner.setFixedWidth(WIDTH)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 72, 0, 32)
        column.setSpacing(0)
        column.addLayout(head)
        column.addSpacing(28)
        column.addLayout(cards)
        column.addSpacing(14)
        column.addWidget(self.guide, 0, Qt.AlignmentFlag.AlignRight)
        column.addSpacing(4)
        column.addWidget(self.new_form)
        column.addWidget(self.busy)
        column.addSpacing(20)
        self._recent_head = SectionHead("Recent projects")
        column.addWidget(self._recent_head)
        column.addSpacing(8)
        column.addLayout(self._recent)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True, frameShape=QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.addStretch(1)
        row.addWidget(inner)
        row.addStretch(1)
        scroll.setWidget(middle)
        scroll.viewport().setAutoFillBackground(False)
        middle.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.notice)
        whole.addWidget(scroll, 1)
        self.set_recent([])

    def set_recent(self, projects: Sequence[RecentProject]) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        if not projects:
            empty = QLabel("None yet. Drop a folder of videos here, or try the demo.")
            theme.set_role(empty, "muted")
            self._recent.addWidget(empty)
        for project in projects:
            row = RecentRow(project)
            row.open_requested.connect(self.open_requested)
            row.forget_requested.connect(self.forget_requested)
            self._recent.addWidget(row)

    def show_error(self, sentence: str) -> None:
        self.set_busy("")
        self.notice.show_notice(sentence, "error")

    def ask(self, sentence: str, action: str, answer: Callable[[], object]) -> None:
        """Says what is wrong with a button that mends it; `answer` is called when it is pressed."""
        self.set_busy("")
        self._answer = answer
        self.notice.show_notice(sentence, "error", action=action)

    def set_busy(self, text: str) -> None:
        """Says what is being prepared, and takes no second wish meanwhile."""
        self.busy.setText(text)
        self.busy.setVisible(bool(text))
        for part in (self.new_card, self.open_card, self.demo_card, self.guide, self.new_form):
            part.setEnabled(not text)

    def choose_videos(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The folder of videos", str(Path.home()))
        if folder:
            self.offer_new(Path(folder))

    def choose_project(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "The project's folder", str(Path.home()))
        if folder:
            self.open_requested.emit(Path(folder))

    def offer_new(self, videos: Path) -> None:
        """Opens the form of a new project from these videos."""
        self.notice.clear()
        self.new_form.offer(videos)
        self.new_form.show()
        self.new_form.create.setFocus(Qt.FocusReason.OtherFocusReason)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and any(Path(url.toLocalFile()).exists() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._set_dragging(True)

    def dragLeaveEvent(self, event: object) -> None:
        self._set_dragging(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_dragging(False)
        event.acceptProposedAction()
        self.take_drop([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def take_drop(self, paths: Sequence[Path]) -> None:
        """A dropped project is opened; a folder, or the folder of a dropped video, is offered as a new one."""
        if not paths:
            return
        folder = paths[0] if paths[0].is_dir() else paths[0].parent
        if is_project(folder):
            self.open_requested.emit(folder)
        else:
            self.offer_new(folder)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._dragging:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().color("accent"), 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(12, 12, -12, -12), 8, 8)

    def _set_dragging(self, dragging: bool) -> None:
        self._dragging = dragging
        self.update()


class RecentRow(QFrame):
    """A project opened lately: its name and folder, when, and a cross that takes it off the list."""

    open_requested = Signal(object)
    forget_requested = Signal(object)

    def __init__(self, project: RecentProject, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(48)
        self.button = RowButton(project.path.name, str(project.path), _when(project.opened_at))
        self.button.setEnabled(project.is_present)
        self.button.setToolTip(str(project.path) if project.is_present else f"{project.path} is no longer there")
        self.button.clicked.connect(lambda: self.open_requested.emit(project.path))
        self.forget = QToolButton(toolTip="Take off this list; the project stays")
        self.forget.setAccessibleName(f"Take {project.path.name} off the list")
        self.forget.setIcon(glyph_icon("close", "muted"))
        theme.set_role(self.forget, "plain")
        self.forget.clicked.connect(lambda: self.forget_requested.emit(project.path))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.button, 1)
        row.addWidget(self.forget)


class _NewForm(QFrame):
    """Where the videos are, where the project goes."""

    accepted = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self.videos = QLineEdit()
        self.project = QLineEdit()
        self.create = QPushButton("Create project")
        theme.set_role(self.create, "primary")
        cancel = QPushButton("Cancel")
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 14, 16, 14)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        for number, (text, field, title, tip) in enumerate(
            (
                ("Videos", self.videos, "The folder of videos", "Searched with its subfolders; linked, not copied"),
                ("Project", self.project, "The folder of the project", "Made new; holds what the app adds"),
            )
        ):
            label = QLabel(text)
            theme.set_role(label, "muted")
            label.setBuddy(field)
            field.setToolTip(tip)
            field.setAccessibleName(title)
            browse = QPushButton("Choose…")
            browse.setToolTip(title)
            browse.clicked.connect(lambda _checked=False, field=field, title=title: self._browse(field, title))
            for place, part in enumerate((label, field, browse)):
                grid.addWidget(part, number, place)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.create)
        grid.addLayout(buttons, 2, 0, 1, 3)
        cancel.clicked.connect(self.hide)
        self.create.clicked.connect(self._accept)
        self.project.returnPressed.connect(self._accept)

    def offer(self, videos: Path) -> None:
        self.videos.setText(str(videos))
        self.project.setText(str(_free_folder(videos)))

    def _browse(self, field: QLineEdit, title: str) -> None:
        chosen = QFileDialog.getExistingDirectory(self, title, field.text())
        if chosen:
            field.setText(chosen)

    def _accept(self) -> None:
        if self.videos.text().strip() and self.project.text().strip():
            self.accepted.emit(Path(self.videos.text().strip()), Path(self.project.text().strip()))


def _free_folder(videos: Path) -> Path:
    """Returns a folder beside the videos that does not exist yet."""
    base = videos.parent / f"{videos.name}-matchmaps"
    return next(
        path for number in range(1, 1000) if not (path := base if number == 1 else Path(f"{base}-{number}")).exists()
    )


def _when(opened_at: datetime) -> str:
    days = (datetime.now(UTC).date() - opened_at.astimezone(UTC).date()).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"{days} days ago" if days < 30 else f"{opened_at:%d %b %Y}"
