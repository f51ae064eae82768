"""Runs the dialog that finds videos again: examines and searches in the background, links what the person accepts."""

import threading
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from annotator.project import Project
from annotator.verbs import relinking
from annotator.verbs.relinking import Trouble
from annotator.views.background import Background
from annotator.views.relink.dialog import Lost, RelinkDialog
from davenet.errors import UserError


class RelinkPresenter(QObject):
    """One for an open project; `relinked` tells that videos have other paths now."""

    relinked = Signal()
    _progressed = Signal(str)

    def __init__(self, project: Project, window: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._window = project, window
        self.background = Background(self, n_threads=1)
        self.dialog: RelinkDialog | None = None
        self._stop = threading.Event()
        self._troubles: list[Trouble] = []
        self._stays: dict[str, str] = {}
        self._found: dict[str, Path] = {}

    def open(self) -> None:
        """Shows the dialog and looks at every video."""
        if self.dialog is not None:
            self.dialog.raise_()
            self.dialog.activateWindow()
            return
        self.dialog = dialog = RelinkDialog(self._window)
        dialog.search_requested.connect(self.search)
        dialog.cancel_requested.connect(lambda: self._stop.set())
        dialog.link_requested.connect(self.link)
        dialog.destroyed.connect(self._forget)
        self._progressed.connect(dialog.say_progress)
        dialog.show()
        self._examine()

    def search(self, folder: Path) -> None:
        """Looks through a folder for what is missing; what was found before stays found."""
        stop = self._stop = threading.Event()
        wanted = [trouble for trouble in self._troubles if trouble.video.uid not in self._found]
        if self.dialog is not None:
            self.dialog.notice.clear()
            self.dialog.set_searching(True, f"Searching {folder}…")

        def progress(number: int, place: str) -> None:
            self._progressed.emit(f"{number:,} files looked at · {place}")

        def found(paths: dict[str, Path]) -> None:
            self._found |= paths
            if self.dialog is not None:
                stopped = " before it was stopped" if stop.is_set() else ""
                self.dialog.set_searching(False, f"{len(paths)} of {len(wanted)} found in {folder}{stopped}.")
            self._show()

        self.background.run(
            lambda: relinking.search(wanted, folder, on_progress=progress, is_cancelled=stop.is_set),
            found,
            self._say_error,
        )

    def link(self) -> None:
        """Keeps the new paths of the videos that were found."""
        found = dict(self._found)

        def linked(_nothing: None) -> None:
            self.relinked.emit()
            if self.dialog is not None:
                told = "1 video is linked anew." if len(found) == 1 else f"{len(found)} videos are linked anew."
                self.dialog.notice.show_notice(told, "good", seconds=12)
                self._examine()

        self.background.run(lambda: relinking.relink(self._project, found), linked, self._say_error)

    def close(self) -> None:
        """Stops what is searched and takes the dialog down."""
        self._stop.set()
        self.background.shutdown()
        if self.dialog is not None:
            self.dialog.close()

    def _examine(self) -> None:
        stop = self._stop = threading.Event()
        if self.dialog is not None:
            self.dialog.set_searching(True, "Looking at every video…")

        def examine() -> tuple[list[Trouble], dict[str, str]]:
            troubles = relinking.examine(self._project, is_cancelled=stop.is_set)
            changed = [trouble.video for trouble in troubles if trouble.kind == "changed"]
            return troubles, {video.uid: relinking.what_stays(self._project, video) for video in changed}

        def examined(answer: tuple[list[Trouble], dict[str, str]]) -> None:
            self._troubles, self._stays = answer
            self._found = {}
            if self.dialog is not None:
                self.dialog.set_searching(False)
            self._show()

        self.background.run(examine, examined, self._say_error)

    def _show(self) -> None:
        if self.dialog is None:
            return
        lost = [
            Lost(
                trouble.video.uid,
                trouble.video.title,
                trouble.video.path,
                trouble.kind,
                self._stays.get(trouble.video.uid, ""),
                self._found.get(trouble.video.uid),
            )
            for trouble in self._troubles
        ]
        self.dialog.set_lost(lost)

    def _say_error(self, error: UserError) -> None:
        if self.dialog is not None:
            self.dialog.set_searching(False)
            self.dialog.notice.show_notice(str(error), "error")

    def _forget(self) -> None:
        self._stop.set()
        self.dialog = None
        self._found = {}
