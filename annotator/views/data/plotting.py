"""Has the plots made off the GUI thread, one after the other, and saved; a change of the project makes them stale."""

import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from annotator.project import Project
from annotator.views.background import Background
from annotator.views.data import figures
from annotator.views.data.figures import Figure
from annotator.views.data.plots_page import PlotsPage
from davenet import events
from davenet.errors import UserError
from davenet.files import write_text_atomically


class PlotsPresenter(QObject):
    step_requested = Signal(str)  # the verb that would bring what a plot lacks
    said = Signal(str, str)  # a sentence and its kind, for the notice
    _given = Signal(int, object)  # number of the computation, Figure
    _told = Signal(int, str, int, int)

    def __init__(self, page: PlotsPage, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._page, self._project = page, project
        self._background = Background(self, n_threads=1)
        self._number = 0
        self._stop = threading.Event()
        self._is_stale, self._is_library_here = True, False
        self._waiting: list[Figure] = []
        self._given.connect(self._take)
        self._told.connect(self._tell)
        for card in page.cards.values():
            card.step_requested.connect(self.step_requested)
            card.text_to_save.connect(self._save_text)
            card.image_to_save.connect(self._save_image)

    def open(self, options: dict[str, Any]) -> None:
        """The page shows: what is stale is made again."""
        if self._is_stale:
            self.compute(options)

    def set_stale(self) -> None:
        """The project has changed; the page is made again when it shows next."""
        self._is_stale = True

    def compute(self, options: dict[str, Any]) -> None:
        """Makes all figures; each is drawn as soon as it is there. An earlier computation is stopped."""
        self._stop.set()
        stop = self._stop = threading.Event()
        self._number += 1
        number = self._number
        self._is_stale = False
        self._page.set_says("Counting…")
        self._load_library()

        def work() -> None:
            try:
                figures.compute(
                    self._project,
                    options,
                    lambda figure: self._given.emit(number, figure),
                    lambda what, done, total: self._told.emit(number, what, done, total),
                    stop.is_set,
                )
            except events.Stop:
                return

        def done(_nothing: object) -> None:
            if number == self._number:
                self._page.set_says(_made_of(options))

        self._background.run(work, done)

    def is_idle(self) -> bool:
        return self._background.is_idle()

    def close(self) -> None:
        self._stop.set()
        self._background.shutdown()

    def _load_library(self) -> None:
        """Imports the plotting library off the GUI thread, which would stand still meanwhile."""
        if self._is_library_here:
            return

        def load() -> None:
            import pyqtgraph  # noqa: F401

        def loaded(_nothing: object) -> None:
            self._is_library_here = True
            waiting, self._waiting = self._waiting, []
            for figure in waiting:
                self._page.draw(figure)

        self._background.run(load, loaded, priority=1)

    def _take(self, number: int, figure: Figure) -> None:
        if number != self._number:
            return
        if self._is_library_here:
            self._page.draw(figure)
        else:
            self._waiting.append(figure)

    def _tell(self, number: int, what: str, done: int, total: int) -> None:
        if number == self._number:
            self._page.set_says(f"Counting {what}: {done} of {total} videos")

    def _save_text(self, path: Path, text: str) -> None:
        self._save(path, lambda: write_text_atomically(path, text))

    def _save_image(self, path: Path, image: QImage) -> None:
        def write() -> None:
            if not image.save(str(path), "PNG"):
                raise UserError(f"{path} cannot be written; choose another folder.")

        self._save(path, write)

    def _save(self, path: Path, write: Any) -> None:
        self._background.run(
            write,
            lambda _nothing: self.said.emit(f"Saved {path}", "good"),
            lambda error: self.said.emit(str(error), "error"),
        )


def _made_of(options: dict[str, Any]) -> str:
    """Returns in words what the plots are made of."""
    if not options:
        return "All videos, their newest words and detections."
    told = []
    for name, value in options.items():
        shown = Path(value).name if isinstance(value, Path) else "on" if value is True else value
        told.append(f"{name.replace('_', ' ')} {shown}")
    return f"With {', '.join(told)}."
