"""Has the open project's proxies made in the background: after an import, and where an earlier window left off."""

from PySide6.QtCore import QObject, QTimer

from annotator import verbs
from annotator.jobs.queue import Job
from annotator.project import Project
from annotator.verbs.proxies import PROXIES_SETTING
from annotator.views.work import Work
from davenet.specs import Spec

TITLE = "Preparing smooth playback"
_AFTER_OPENING_MS = 5000  # the window has better things to do at first


class Proxies(QObject):
    """One for an open project; its job is in the queue like any other, with progress and cancel."""

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._job: Job | None = None
        self._is_wanted = True  # whether what is being planned may still begin
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._start_if_wanted)
        self._soon.start(_AFTER_OPENING_MS)
        work.collected.connect(self._collected)

    @property
    def is_on(self) -> bool:
        return verbs.wants_proxies(self._work.project)

    def set_on(self, is_on: bool) -> None:
        """Has them made from now on, or not any more: a job that makes them stops, and what is finished stays."""
        self._work.project.store.set_setting(PROXIES_SETTING, is_on)
        self._is_wanted = is_on
        if is_on:
            self._start_if_wanted()
        elif self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """Begins nothing any more; a job under way is the queue's to end, and the next window goes on with it."""
        self._soon.stop()
        self._work.collected.disconnect(self._collected)

    def _collected(self, verb: str, _summary: object) -> None:
        if verb in ("import", "import-corpus"):
            self._soon.start(0)

    def _start_if_wanted(self) -> None:
        project = self._work.project
        if self._job is not None or project.is_read_only:
            return
        self._work.background.run(lambda: _plan(project), self._planned, lambda _error: None)

    def _planned(self, spec: Spec | None) -> None:
        if spec is not None and self._job is None and self._is_wanted:
            self._work.start("proxy", TITLE, lambda: spec, on_job=self._begun)

    def _begun(self, job: Job) -> None:
        self._job = job
        job.finished.connect(self._over)

    def _over(self, _outcome: object) -> None:
        self._job = None


def _plan(project: Project) -> Spec | None:
    wanted = verbs.wants_proxies(project) and verbs.lacks_proxies(project)
    return verbs.plan_proxy(project) if wanted else None
