"""The job that looks at a gallery: started, followed in the work bar, and said where it failed."""

from typing import Any, cast

from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import Job
from annotator.views.retrieval.reading import Source
from annotator.views.retrieval.workspace import RetrievalWorkspace
from annotator.views.work import Work


class Looking(QObject):
    """One look at a time; `looked` comes when it has found something."""

    looked = Signal()

    def __init__(self, view: RetrievalWorkspace, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._work = view, work
        self._job: Job | None = None
        self.is_busy = False  # from the key to the end, planning and collecting among it
        view.cancel_requested.connect(self._cancel)
        work.refused.connect(self._refused)

    def start(self, source: Source, gallery: str, *, umap: bool) -> None:
        if self.is_busy:
            return
        self._set_busy(True)
        self._view.notice.clear()
        project, what = self._work.project, source.source
        self._work.start(
            "retrieve",
            f"Look with {source.name}",
            lambda: verbs.plan_retrieve(project, what, on=cast(Any, gallery), umap=umap),
            on_job=self._follow,
            on_ended=self._ended,
        )

    def _set_busy(self, on: bool) -> None:
        self.is_busy = on
        for button in (self._view.look, self._view.empty.action_button()):
            button.setEnabled(not on)

    def _cancel(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _follow(self, job: Job) -> None:
        self._job = job
        job.changed.connect(lambda _job: self._show())
        self._show()

    def _show(self) -> None:
        job, bar = self._job, self._view.work
        if job is None or job.state == "over":
            return
        if job.state == "queued":
            bar.show_progress("Waits for its turn", None)
        elif job.state == "stopping":
            bar.show_progress("Stopping…", None, can_cancel=False)
        elif job.progress is None or not job.progress.total:
            bar.show_progress(f"{job.title}: starting", None)
        else:
            done, total = job.progress.done, job.progress.total
            bar.show_progress(f"{job.title}: {done:g} of {total:g} pairs", done / total)

    def _ended(self, outcome: Outcome) -> None:
        self._job = None
        self._set_busy(False)
        if outcome.state == "finished":
            self._view.work.hide()
            self.looked.emit()
        elif outcome.state == "cancelled":
            self._view.work.hide()
            self._view.notice.show_notice("Stopped; nothing was changed.", "info", seconds=6)
        else:
            self._view.work.offer(outcome.message, "Look again", is_error=True)

    def _refused(self, verb: str, sentence: str) -> None:
        if verb == "retrieve" and self.is_busy:
            self._view.work.offer(sentence, "", is_error=True)
