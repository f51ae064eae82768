"""Runs the reviewers' page: reads everyone's verdicts off the GUI thread, keeps the settings of review, saves plots."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from annotator.project import Project
from annotator.store.records import ReviewSettings
from annotator.views.background import Background
from annotator.views.data.figures import Figure
from annotator.views.reviewers.figures import GOLD_SHARE, SECOND_SHARE, figures
from annotator.views.reviewers.page import ReviewersPage
from annotator.views.reviewers.people import People, read_people
from davenet.errors import UserError, one_line
from davenet.files import write_text_atomically


class ReviewersPresenter(QObject):
    """`settings_changed` follows a change of how pairs are asked, `reviewer_chosen` one of who reviews here."""

    settings_changed = Signal(object)  # ReviewSettings
    reviewer_chosen = Signal(str)
    pairs_requested = Signal()
    adjudicate_requested = Signal()

    def __init__(self, page: ReviewersPage, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.page, self.project = page, project
        self.background = Background(self, n_threads=1)
        self.people = People()
        self._number = 0
        page.settings.reviewer.set_name(project.reviewer)
        page.back_requested.connect(self.pairs_requested)
        page.adjudicate_requested.connect(self.adjudicate_requested)
        page.settings.settings_changed.connect(self.keep_settings)
        page.settings.reviewer.name_changed.connect(self._choose_reviewer)
        for card in page.cards.values():
            card.step_requested.connect(self._take_step)
            card.text_to_save.connect(self._save_text)
            card.image_to_save.connect(self._save_image)
        if getattr(project, "is_read_only", False):
            page.settings.set_writable(False, getattr(project, "read_only_reason", ""))

    def activate(self) -> None:
        """The page is shown: everything is read again, as verdicts have been given meanwhile."""
        self.refresh()

    def deactivate(self) -> None:
        self.page.settings.flush()

    def shutdown(self) -> None:
        self.page.settings.flush()
        self.background.shutdown()

    def refresh(self) -> None:
        self._number += 1
        number, store, reviewer = self._number, self.project.store, self.project.reviewer
        self.page.set_busy("Counting…")

        def read() -> tuple[People, list[Figure]]:
            import pyqtgraph  # noqa: F401  # here, as the GUI thread would stand still meanwhile

            people = read_people(store, reviewer)
            return people, figures(people)

        def take(read: tuple[People, list[Figure]]) -> None:
            if number != self._number:
                return
            self.people, made = read
            self.page.set_people(self.people)
            for figure in made:
                self.page.draw(figure, self.people)

        self.background.run(read, take, self._say_error)

    def keep_settings(self, settings: ReviewSettings) -> None:
        """Keeps how pairs are asked in the project; the queue follows."""
        store = self.project.store

        def kept(_nothing: object) -> None:
            self.settings_changed.emit(settings)
            self.refresh()

        self.background.run(lambda: store.set_review_settings(settings), kept, self._say_error)

    def _take_step(self, step: str) -> None:
        """Does what an empty plot proposes."""
        settings = self.people.settings
        if step == "second":
            self.keep_settings(replace(settings, second_share=max(settings.second_share, SECOND_SHARE)))
        elif step == "gold":
            self.keep_settings(replace(settings, gold_share=max(settings.gold_share, GOLD_SHARE)))
        elif step == "blind":
            self.keep_settings(replace(settings, blind=True))
        else:
            self.pairs_requested.emit()

    def _choose_reviewer(self, name: str) -> None:
        self.reviewer_chosen.emit(name)
        self.refresh()

    def _save_text(self, path: Path, text: str) -> None:
        self._save(path, lambda: write_text_atomically(path, text))

    def _save_image(self, path: Path, image: QImage) -> None:
        def write() -> None:
            if not image.save(str(path), "PNG"):
                raise UserError(f"{path} cannot be written; choose another folder.")

        self._save(path, write)

    def _save(self, path: Path, write: Any) -> None:
        said = self.page.notice.show_notice
        self.background.run(write, lambda _nothing: said(f"Saved {path}", "good", seconds=6), self._say_error)

    def _say_error(self, error: UserError) -> None:
        self.page.notice.show_notice(one_line(error), "error")
