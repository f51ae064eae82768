"""Wires the app: window, players, queue of jobs and, for the open project, the presenters of its four workspaces.

Nothing else connects these. Signals of presenters come up here, calls go down; siblings do not know one another.
"""

from pathlib import Path

from PySide6.QtCore import QObject, QSettings, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from annotator import recent
from annotator.jobs.queue import DetachedJob, JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views import theme
from annotator.views.background import Background
from annotator.views.data.presenter import DataPresenter
from annotator.views.data.workspace import DataWorkspace
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.review.presenter import ReviewPresenter
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.runs.presenter import RunsPresenter
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.start.page import StartPage
from annotator.views.window import MainWindow
from annotator.views.work import Work
from davenet.errors import UserError

SETTINGS_FILE = "app.ini"


class _OpenProject(QObject):
    """What lives as long as a project is open."""

    def __init__(
        self,
        project: Project,
        window: MainWindow,
        queue: JobQueue,
        players: tuple[Player, Player, Player],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.project = project
        self.work = Work(project, queue, self)
        review, matchmaps, runs, data = ReviewWorkspace(), MatchmapsWorkspace(), RunsWorkspace(), DataWorkspace()
        for name, widget in (("Review", review), ("Matchmaps", matchmaps), ("Runs", runs), ("Data", data)):
            window.set_workspace(name, widget)
        self.review = ReviewPresenter(review, project, players[0], self)
        self.matchmaps = MatchmapsPresenter(matchmaps, project, players[1], queue, self)
        self.runs = RunsPresenter(runs, self.work, self)
        self.data = DataPresenter(data, self.work, self, player=players[2])
        self.review.data_requested.connect(lambda: window.open_workspace("Data"))
        self.review.runs_requested.connect(lambda: window.open_workspace("Runs"))
        matchmaps.workspace_requested.connect(window.open_workspace)
        self.data.project_changed.connect(self._project_changed)
        self.work.collected.connect(self._run_changed)

    def open_workspace(self, name: str) -> None:
        """Lets the presenter of the workspace in view work."""
        if name == "Review":
            self.review.activate()
        elif name == "Runs":
            self.runs.refresh()
        elif name == "Data":
            self.data.refresh()

    def leave_workspace(self, name: str) -> None:
        if name == "Review":
            self.review.deactivate()
        elif name == "Data":
            self.data.deactivate()

    def close(self) -> None:
        self.review.shutdown()
        self.matchmaps.shutdown()
        self.runs.close()
        self.data.close()
        self.work.close()
        self.project.close()

    def _project_changed(self, verb: str) -> None:
        self.review.invalidate()
        self.matchmaps.refresh()
        if verb == "mine":
            self.runs.refresh()

    def _run_changed(self, verb: str, _summary: object) -> None:
        if verb in ("train", "evaluate"):
            self.matchmaps.refresh()


class Wiring(QObject):
    """The app of one window. `project_opened` and `project_closed` tell those who drive it from outside (the demo)."""

    project_opened = Signal(object)  # Project
    project_closed = Signal()
    _demo_said = Signal(str)

    def __init__(self, app: QApplication, project_dir: Path | None = None) -> None:
        super().__init__(app)
        self._app = app
        self.settings = QSettings(str(recent.config_dir() / SETTINGS_FILE), QSettings.Format.IniFormat)
        self.window = MainWindow(self.settings)
        self.queue = JobQueue(self)
        self.players = (
            Player(self),
            Player(self),
            Player(self),
        )  # Review, Matchmaps and Data each keep their video and place
        self.background = Background(self, n_threads=1)
        self.open: _OpenProject | None = None
        self.start = StartPage()
        self.window.set_start_page(self.start)
        self._set_theme(str(self.settings.value("theme", "system")))
        self._connect()
        self.close_project()
        if project_dir is not None:
            self.open_project(project_dir)

    def _connect(self) -> None:
        window, start = self.window, self.start
        window.wiring = self  # type: ignore[attr-defined]  # the window keeps it alive, and the demo finds it there
        window.theme_chosen.connect(self._set_theme)
        window.workspace_opened.connect(self._workspace_opened)
        window.workspace_left.connect(self._workspace_left)
        window.close_project_requested.connect(self._ask_to_close_project)
        window.show_folder_requested.connect(self._show_folder)
        window.close_question = self._close_question
        window.closed.connect(self.shutdown)
        start.open_requested.connect(self.open_project)
        start.new_requested.connect(self.new_project)
        start.demo_requested.connect(self.open_demo)
        start.forget_requested.connect(self._forget)
        self._demo_said.connect(start.set_busy)
        self.queue.job_changed.connect(lambda _job: self._show_job())
        self.queue.job_finished.connect(lambda _job, _outcome: self._show_job())

    def open_project(self, folder: Path) -> bool:
        """Opens a project in the window; where it cannot be, the start page says why. Returns whether it was opened."""
        try:
            project = Project.open(folder, write_lock=True)
        except UserError as error:
            self.start.show_error(str(error))
            self.start.set_recent(recent.recent_projects())
            return False
        self._show_project(project)
        return True

    def new_project(self, videos: Path, folder: Path) -> None:
        """Makes a project and starts to import the videos."""
        try:
            if not videos.is_dir():
                raise UserError(f"{videos} is not a folder; choose the folder of the videos.")
            project = Project.create(folder, write_lock=True)
        except UserError as error:
            self.start.show_error(str(error))
            return
        self._show_project(project, "Data")
        assert self.open is not None
        self.open.data.import_paths([videos])

    def open_demo(self) -> None:
        """Makes what is missing of the demo project in the background, then opens it."""
        from annotator.demo.project import DEFAULT_PROJECT, prepare

        def failed(error: UserError) -> None:
            self.start.show_error(str(error))

        self.start.notice.clear()
        self.start.set_busy("Preparing the demo…")
        self.background.run(
            lambda: prepare(DEFAULT_PROJECT, lambda text: self._demo_said.emit(f"{text}…")),
            lambda _counts: self.open_project(DEFAULT_PROJECT),
            failed,
        )

    def close_project(self) -> None:
        """Goes back to the start page; runs go on, other jobs are ended."""
        if self.open is not None:
            self.queue.end_with_window()
            for player in self.players:
                player.close()
            self.open.close()
            self.open.deleteLater()
            self.open = None
            self.project_closed.emit()
        self.start.set_busy("")
        self.start.set_recent(recent.recent_projects())
        self.window.notice.clear()
        self.window.show_start()

    def shutdown(self) -> None:
        """Ends everything that runs in this process: the window is closed."""
        if self.open is not None:
            self.settings.setValue(f"workspace/{self.open.project.name}", self.window.current_workspace())
            self.open.close()
            self.open = None
        self.queue.close()
        for player in self.players:
            player.shutdown()
        self.background.shutdown()
        self.settings.sync()

    def _show_project(self, project: Project, workspace: str = "") -> None:
        if self.open is not None:
            self.close_project()
        recent.remember_project(project.path)
        self.start.set_busy("")
        self.start.notice.clear()
        self.start.new_form.hide()
        self.open = _OpenProject(project, self.window, self.queue, self.players, self)
        if not workspace:
            remembered = str(self.settings.value(f"workspace/{project.name}", "Review"))
            workspace = remembered if project.store.videos() else "Data"
        self.window.show_project(project.name, workspace if self.window.workspace(workspace) else "Review")
        self.open.work.find_runs_again(self.open.runs.refresh)
        self.project_opened.emit(project)

    def _workspace_opened(self, name: str) -> None:
        if self.open is not None:
            self.open.open_workspace(name)

    def _workspace_left(self, name: str) -> None:
        if self.open is not None:
            self.open.leave_workspace(name)

    def _show_job(self) -> None:
        job = self.queue.running()
        if job is None or self.open is None:
            self.window.set_job(None)
            return
        if isinstance(job, DetachedJob):
            text = self.open.runs.status() or job.title
            where = "Runs"
        else:
            progress = job.progress
            share = f" · {progress.done / progress.total:.0%}".replace("%", " %") if progress and progress.total else ""
            text = job.title + share
            where = {"matchmaps": "Matchmaps", "render": "Matchmaps", "evaluate": "Runs"}.get(job.verb, "Data")
        others = len(self.queue.jobs) - 1
        tip = f"{job.title}; {others} more" if others else job.title
        self.window.set_job(text, tip=f"{tip} (press to see it)", workspace=where)

    def _close_question(self) -> str:
        """Returns what closing the window would cut short, '' where nothing is lost."""
        ending = self.queue.ending_with_window()
        if not ending:
            return ""
        titles = ", ".join(job.title for job in ending[:3])
        return f"Not done yet: {titles}. Closing stops this; what is finished is kept."

    def _ask_to_close_project(self) -> None:
        question = self._close_question()
        if not question:
            self.close_project()
            return
        self.window.ask(question, "Close the project", self.close_project)

    def _show_folder(self) -> None:
        if self.open is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.open.project.path)))

    def _forget(self, folder: Path) -> None:
        recent.forget_project(folder)
        self.start.set_recent(recent.recent_projects())

    def _set_theme(self, choice: str) -> None:
        theme.apply_theme(self._app, choice)
        self.window.top_bar.theme.set_choice(choice)
        self.settings.setValue("theme", choice)
