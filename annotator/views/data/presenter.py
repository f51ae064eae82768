"""Joins the Data workspace with the project's videos and the verbs: a button here is a verb of the command line."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog

from annotator import verbs
from annotator.jobs.queue import Job
from annotator.project import Project, VideoState
from annotator.store.records import Problem
from annotator.views.data import values
from annotator.views.data.detect_form import DetectWish
from annotator.views.data.loading import load_details, load_thumbnail
from annotator.views.data.workspace import COLUMNS, DataWorkspace, VideoDetails
from annotator.views.runs.values import Rate
from annotator.views.widgets.table import Cell, Row
from annotator.views.widgets.time_layout import clock_text
from annotator.views.work import Work
from davenet import events
from davenet.specs import Spec

UPDATE_MS = 120


@dataclass(slots=True)
class _Going:
    job: Job
    rate: Rate


class DataPresenter(QObject):
    """`project_changed` follows every verb that changed the project."""

    project_changed = Signal(str)  # verb

    def __init__(self, workspace: DataWorkspace, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._work = workspace, work
        self._project: Project = work.project
        self._states: list[VideoState] = []
        self._problems: list[Problem] = []
        self._thumbnails: dict[str, QImage] = {}
        self._going: dict[str, _Going] = {}
        self._planning: set[str] = set()
        self._chosen: str | None = None
        self._update = QTimer(self)
        self._update.setSingleShot(True)
        self._update.setInterval(UPDATE_MS)
        self._update.timeout.connect(self._show_going)
        self._ask_files: Callable[[], list[Path]] = self._files_from_dialog
        workspace.start_requested.connect(self.start)
        workspace.cancel_requested.connect(self.cancel)
        workspace.import_requested.connect(self.import_paths)
        workspace.detect_requested.connect(self.detect)
        workspace.video_chosen.connect(self.choose_video)
        work.job_started.connect(self._job_started)
        work.refused.connect(self._refused)
        work.collected.connect(self._collected)
        work.ended.connect(self._ended)
        self.refresh()

    def refresh(self) -> None:
        """Reads what is done for each video again; looks at file names and the database, in the background."""

        def read() -> tuple[list[VideoState], list[Problem]]:
            return self._project.video_states(), self._project.store.problems()

        self._work.background.run(read, self._take)

    def start(self, verb: str) -> None:
        """Starts a verb over all videos; Import asks for files, Detect for a detector first."""
        match verb:
            case "import":
                if paths := self._ask_files():
                    self.import_paths(paths)
            case "detect":
                self._view.show_detect_form()
            case "extract":
                self._start(verb, lambda: verbs.plan_extract(self._project))
            case "transcribe":
                self._start(verb, lambda: verbs.plan_transcribe(self._project))
            case "mine":
                self._start(verb, lambda: verbs.plan_mine(self._project))

    def import_paths(self, paths: Sequence[Path]) -> None:
        self._start("import", lambda: verbs.plan_import(self._project, paths))

    def detect(self, wish: DetectWish) -> None:
        self._start(
            "detect",
            lambda: verbs.plan_detect(
                self._project,
                wish.detector,
                classes=wish.classes,
                food_label=wish.food_label,
                food_classes=wish.food_classes,
            ),
        )

    def cancel(self, verb: str) -> None:
        going = self._going.get(verb)
        if going is not None:
            going.job.cancel()
            self._show_going()

    def choose_video(self, key: str) -> None:
        self._chosen = key
        state = next((state for state in self._states if state.video.uid == key), None)
        if state is None:
            problem = next((problem for problem in self._problems if str(problem.path) == key), None)
            self._view.set_details(None if problem is None else _problem_details(problem))
            return
        problems = [problem for problem in self._problems if problem.video_uid == key]

        def show(details: VideoDetails) -> None:
            if self._chosen == details.uid:
                self._view.set_details(details)

        self._work.background.run(lambda: load_details(self._project, state, problems), show, priority=1)

    def close(self) -> None:
        self._update.stop()

    def _start(self, verb: str, plan: Callable[[], Spec]) -> None:
        if verb in self._going or verb in self._planning:
            return
        self._planning.add(verb)
        self._view.notice.clear()
        self._work.start(verb, values.RUNNING_TITLES[verb], plan)

    def _job_started(self, job: Job) -> None:
        if job.verb not in values.RUNNING_TITLES:
            return
        self._planning.discard(job.verb)
        if job.verb == "detect":
            self._view.hide_detect_form()
        going = _Going(job, Rate())
        self._going[job.verb] = going
        job.event_arrived.connect(lambda event: self._take_event(going, event))
        job.changed.connect(lambda _job: self._update_soon())
        self._show_going()

    def _take_event(self, going: _Going, event: events.Event) -> None:
        if isinstance(event, events.Progress):
            going.rate.add(event.done, time.monotonic())

    def _update_soon(self) -> None:
        if not self._update.isActive():
            self._update.start()

    def _refused(self, verb: str, message: str) -> None:
        if verb in values.RUNNING_TITLES:
            self._planning.discard(verb)
            self._view.notice.show_notice(message, "error")

    def _collected(self, verb: str, summary: dict[str, object]) -> None:
        if verb in values.RUNNING_TITLES:
            unusable = summary.get("unusable")
            self._view.notice.show_notice(
                values.summary_text(verb, summary), "warning" if unusable else "good", seconds=12
            )
            self.refresh()
            self.project_changed.emit(verb)

    def _ended(self, job: Job, outcome: object) -> None:
        if job.verb not in self._going or self._going[job.verb].job is not job:
            return
        del self._going[job.verb]
        self._view.cards[job.verb].set_stopped()  # type: ignore[index]
        self.refresh()
        state, message = getattr(outcome, "state", ""), getattr(outcome, "message", "")
        if state in ("failed", "crashed"):
            self._view.notice.show_notice(message, "error")
        elif state == "cancelled":
            self._view.notice.show_notice(message, "info", seconds=12)
        self._show_going()

    def _take(self, read: tuple[list[VideoState], list[Problem]]) -> None:
        self._states, self._problems = read
        self._view.set_steps(values.step_states(self._states))
        keys = [state.video.uid for state in self._states]
        loose = [str(problem.path) for problem in self._problems if problem.video_uid is None]
        if self._chosen not in (*keys, *loose):
            self._chosen = keys[0] if keys else loose[0] if loose else None
        self._show_rows()
        if self._chosen is None:
            self._view.set_details(None)
        else:
            self.choose_video(self._chosen)
        for state in self._states:
            if state.is_present and state.video.uid not in self._thumbnails:
                self._fetch_thumbnail(state)

    def _fetch_thumbnail(self, state: VideoState) -> None:
        uid = state.video.uid
        self._thumbnails[uid] = QImage()

        def put(image: QImage | None) -> None:
            if image is not None:
                self._thumbnails[uid] = image
                self._show_rows()

        self._work.background.run(lambda: load_thumbnail(self._project, state), put, lambda _error: None, priority=-1)

    def _show_rows(self) -> None:
        rows = [self._row(state) for state in self._states]
        for problem in self._problems:
            if problem.video_uid is None:
                why = problem.reason.removeprefix(str(problem.path)).strip()
                name = Cell(problem.path.name, second=why, glyph="warning", glyph_token="reject", tip=problem.reason)
                rows.append(Row(str(problem.path), (name, *[Cell()] * (len(COLUMNS) - 1)), spans=True))
        self._view.set_videos(rows, len(self._states), self._chosen)

    def _row(self, state: VideoState) -> Row:
        video = state.video
        problem = next((problem.reason for problem in self._problems if problem.video_uid == video.uid), "")
        missing = "" if state.is_present else f"not found at {video.path}"
        sound = values.sound_text(video.sound_rate, video.sound_channels)
        second = missing or problem or f"{video.width}×{video.height} · {values.size_text(video.size_bytes)} · {sound}"
        pairs = state.n_food_pairs
        return Row(
            video.uid,
            (
                Cell(
                    video.title,
                    second=second,
                    image=self._thumbnails.get(video.uid, QImage()),
                    is_strong=True,
                    tip=missing or problem or str(video.path),
                ),
                Cell(clock_text(video.duration_s), token="muted"),
                _done_cell(("yes",) if state.is_extracted else ()),
                _done_cell(state.recognisers),
                _done_cell(state.detectors),
                Cell(str(pairs) if pairs else "–", token="text" if pairs else "muted"),
            ),
        )

    def _show_going(self) -> None:
        for verb, going in self._going.items():
            job, progress = going.job, going.job.progress
            pace = values.pace_texts(progress, going.rate)
            share = progress.done / progress.total if progress is not None and progress.total else None
            waits, stopping = job.state == "queued", job.state == "stopping"
            self._view.cards[verb].set_running(pace, share, waits=waits, stopping=stopping)  # type: ignore[index]

    def _files_from_dialog(self) -> list[Path]:
        dialog = QFileDialog(self._view, "Import videos", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            ["Videos (*.mp4 *.mkv *.webm *.mov *.avi *.m4v *.mpg *.mpeg *.ts *.flv)", "All files (*)"]
        )
        return [Path(name) for name in dialog.selectedFiles()] if dialog.exec() else []


def _done_cell(sources: Sequence[str]) -> Cell:
    if not sources:
        return Cell("–", token="muted")
    name = "" if sources == ("yes",) else sources[-1]
    return Cell(name, glyph="accept", tip=", ".join(sources) if name else "")


def _problem_details(problem: Problem) -> VideoDetails:
    facts = (("file", problem.path.name), ("folder", str(problem.path.parent)))
    return VideoDetails(str(problem.path), problem.path.name, facts, problem=problem.reason)
