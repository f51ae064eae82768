"""Wires the app: window, settings and keys, queue of jobs and, for the open project, its workspaces.

Nothing else connects these. Signals of presenters come up here, calls go down; siblings do not know one another.
What a project needs (database, decoder, the workspaces' views) is imported when the first one is opened: the first
window needs none of it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from annotator import recent
from annotator.collecting import look_at_all_again, spare_present_objects
from annotator.keymap import Keymap
from annotator.views import theme
from annotator.views.background import Background
from annotator.views.go_to import GoTo
from annotator.views.key_bindings import KeyBindings
from annotator.views.palette import Palette
from annotator.views.settings.preferences import TEXT_SIZES, Preferences
from annotator.views.start.page import StartPage
from annotator.views.window import MainWindow
from davenet.errors import UserError

if TYPE_CHECKING:
    from annotator.jobs.queue import JobQueue
    from annotator.playback.cache import MediaCache
    from annotator.project import Project
    from annotator.views.safekeeping import Safekeeping
    from annotator.views.settings.page import SettingsPage
    from annotator.views.settings.presenter import SettingsPresenter
    from annotator.workspaces import OpenProject, Players

SETTINGS_FILE = "app.ini"


class Wiring(QObject):
    """The app of one window. `project_opened` and `project_closed` tell those who drive it from outside (the demo)."""

    project_opened = Signal(object)  # Project
    project_closed = Signal()
    _demo_said = Signal(str)

    def __init__(self, app: QApplication, project_dir: Path | None = None) -> None:
        super().__init__(app)
        self._app = app
        self.settings = QSettings(str(recent.config_dir() / SETTINGS_FILE), QSettings.Format.IniFormat)
        self.preferences = Preferences(self.settings, self)
        theme.apply_theme(app, self.preferences.theme, text_scale=TEXT_SIZES[self.preferences.text_size])
        self.bindings = KeyBindings(Keymap.load(), self)
        self.window = MainWindow(self.settings, self.bindings)
        self.window.top_bar.theme.set_choice(self.preferences.theme)
        self.background = Background(self, n_threads=1)
        self.open: OpenProject | None = None
        self._queue: JobQueue | None = None
        self._players: Players | None = None
        self._cache: MediaCache | None = None
        self.start = StartPage()
        self.window.set_start_page(self.start)
        window = self.window
        self.palette = Palette(window.body, self.bindings, window.open_workspace, window.current_workspace)
        self.go_to = GoTo(window.body)
        self._settings_presenter: SettingsPresenter | None = None
        self.window.settings_page = self._make_settings
        self._connect()
        self.close_project()
        if project_dir is not None:
            self.open_project(project_dir)

    def _connect(self) -> None:
        window, start = self.window, self.start
        window.wiring = self  # type: ignore[attr-defined]  # the window keeps it alive, and the demo finds it there
        window.palette_requested.connect(self.palette.open_palette)
        window.resized.connect(self.palette.finder.follow_window)
        window.resized.connect(self.go_to.finder.follow_window)
        window.theme_chosen.connect(lambda choice: self.preferences.set("theme", choice))
        self.preferences.changed.connect(self._apply)
        window.workspace_opened.connect(self._workspace_opened)
        window.workspace_left.connect(self._workspace_left)
        window.close_project_requested.connect(self._ask_to_close_project)
        window.show_folder_requested.connect(self._show_folder)
        window.close_question = self._close_question
        window.closed.connect(self.shutdown)
        start.open_requested.connect(self.open_project)
        start.new_requested.connect(self.new_project)
        start.demo_requested.connect(self.open_demo)
        start.guide_requested.connect(self.open_guide)
        start.forget_requested.connect(self._forget)
        self._demo_said.connect(start.set_busy)
        self.bindings.bind(
            window,
            {"app.close_project": self._ask_to_close_project, "app.go_to": self.go_to.open_go_to},
            possible=lambda _id: self.open is not None,
        )
        self.bindings.bind(
            window,
            {"app.tour": self.open_guide},
            possible=lambda _id: self.open is None or self.open.guide.is_possible,
        )
        self.bindings.bind(
            window,
            {
                "app.palette": self.palette.open_palette,
                "app.mute": lambda: self.preferences.set("is_muted", not self.preferences.is_muted),
                "app.quieter": lambda: self._change_volume(-5),
                "app.louder": lambda: self._change_volume(5),
            },
        )

    @property
    def queue(self) -> "JobQueue":
        """The jobs of this window; made with the first project."""
        if self._queue is None:
            from annotator.jobs.queue import JobQueue

            self._queue = JobQueue(self)
            self._queue.job_changed.connect(lambda _job: self._show_job())
            self._queue.job_finished.connect(lambda _job, _outcome: self._show_job())
        return self._queue

    @property
    def players(self) -> "Players":
        """The players of Review, Matchmaps and Data; made with the first project."""
        if self._players is None:
            from annotator.playback.cache import MediaCache
            from annotator.workspaces import make_players

            self._cache = MediaCache(self.preferences.cache_limit_mb << 20)
            self._players = make_players(self, self._cache)
            self._apply_volume()
        return self._players

    def open_project(self, folder: Path) -> bool:
        """Opens a project in the window; where it cannot be, the start page says why. Returns whether it was opened."""
        from annotator.project import Project

        try:
            project = Project.open(folder, write_lock=True)
        except UserError as error:
            self.close_project()
            self.start.show_error(str(error))
            self._offer_backup(folder, error)
            self.start.set_recent(recent.recent_projects())
            return False
        self._show_project(project)
        return True

    def _offer_backup(self, folder: Path, error: UserError) -> None:
        """Offers the last good backup on the start page where a project's database is damaged."""
        from annotator.store.backups import Backup, newest_good
        from annotator.store.opening import DamagedDatabaseError

        if not isinstance(error, DamagedDatabaseError):
            return
        sentence, damaged = str(error), error.path

        def offer(backup: Backup | None) -> None:
            if backup is not None:
                self.start.ask(sentence, f"Restore the backup of {backup}", lambda: self.restore_project(folder))

        self.background.run(lambda: newest_good(damaged), offer)

    def restore_project(self, folder: Path) -> None:
        """Puts a project's last good backup in the place of its damaged database and opens it."""
        from annotator.project import Project

        def restored(kept: Path) -> None:
            if self.open_project(folder):
                self.window.notice.show_notice(f"The backup was restored; the damaged file is kept in {kept}.", "good")

        self.close_project()
        self.start.notice.clear()
        self.start.set_busy("Restoring the backup…")
        self.background.run(
            lambda: Project.restore(folder)[1], restored, lambda error: self.start.show_error(str(error))
        )

    def new_project(self, videos: Path, folder: Path) -> None:
        """Makes a project and starts to import the videos."""
        from annotator.project import Project

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

    def open_demo(self, *, guides: bool = False) -> None:
        """Makes what is missing of the demo project in the background, then opens it, for the first time guided."""
        from annotator.demo.project import DEFAULT_PROJECT, prepare

        def failed(error: UserError) -> None:
            self.start.show_error(str(error))

        self.start.notice.clear()
        self.start.set_busy("Preparing the demo…")
        self.background.run(
            lambda: prepare(DEFAULT_PROJECT, lambda text: self._demo_said.emit(f"{text}…")),
            lambda _counts: self._demo_ready(DEFAULT_PROJECT, guides=guides),
            failed,
        )

    def warm_up(self) -> None:
        """Reads the modules of a project in the background: the first one then opens at once."""
        self.background.run(_import_workspaces, lambda _done: None)

    def start_with(self, folder: Path, *, guides: bool = False) -> None:
        """Opens a project as soon as its modules are read, in the background: the window answers meanwhile."""
        self.start.set_busy(f"Opening {folder.name}…")

        def opened(_done: object) -> None:
            if self.open_project(folder) and guides:
                self.offer_guide()

        self.background.run(_import_workspaces, opened)

    def open_guide(self) -> None:
        """Begins the guide on the open project, or on the demo where none is open."""
        if self.open is None:
            self.open_demo(guides=True)
            return
        self.preferences.set("tour_seen", True)
        self.open.guide.begin()

    def offer_guide(self) -> None:
        """Begins the guide where it was never seen: nobody is shown it twice unasked."""
        if not self.preferences.tour_seen:
            self.open_guide()

    def _demo_ready(self, folder: Path, *, guides: bool) -> None:
        if self.open_project(folder):
            self.open_guide() if guides else self.offer_guide()

    def close_project(self) -> None:
        """Goes back to the start page; runs go on, other jobs are ended."""
        if self.open is not None:
            self.queue.end_with_window()
            for player in self.players:
                player.close()
            self.open.close()
            self.open.deleteLater()
            self.open = None
            look_at_all_again()
            self._tell_settings()
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
        if self._queue is not None:
            self._queue.close()
        for player in self._players or ():
            player.shutdown()
        self.background.shutdown()
        self.settings.sync()

    def _show_project(self, project: "Project", workspace: str = "") -> None:
        from annotator.workspaces import OpenProject

        if self.open is not None:
            self.close_project()
        recent.remember_project(project.path)
        self.start.set_busy("")
        self.start.notice.clear()
        self.start.new_form.hide()
        self.open = OpenProject(
            project, self.window, self.queue, self.players, self.settings, self.bindings, self.go_to, self
        )
        if not workspace:
            remembered = str(self.settings.value(f"workspace/{project.name}", "Review"))
            workspace = remembered if project.store.videos() else "Data"
        self.window.show_project(project.name, workspace if self.window.workspace(workspace) else "Review")
        if project.is_read_only:
            self.window.ask(project.read_only_reason, "Try again", lambda: self.open_project(project.path))
        else:
            self.open.work.find_runs_again(self.open.runs.refresh)
            self._keep_safe(self.open.safekeeping)
        self._tell_settings()
        self.project_opened.emit(project)
        spare_present_objects()

    def _keep_safe(self, safekeeping: "Safekeeping") -> None:
        """Starts the open project's backups and shows what they find."""
        folder = safekeeping.project.path
        notice = self.window.notice
        safekeeping.failed.connect(lambda sentence: notice.show_notice(sentence, "warning"))
        safekeeping.recovered.connect(lambda sentence: notice.clear() if notice.text() == sentence else None)
        safekeeping.damaged.connect(
            lambda sentence: self.window.ask(sentence, "Close and restore", lambda: self.restore_project(folder))
        )
        safekeeping.start()

    def _workspace_opened(self, name: str) -> None:
        if self.open is not None:
            self.open.open_workspace(name)

    def _workspace_left(self, name: str) -> None:
        if self.open is not None:
            self.open.leave_workspace(name)

    def _show_job(self) -> None:
        from annotator.jobs.queue import DetachedJob

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
            where = {
                "matchmaps": "Matchmaps",
                "render": "Matchmaps",
                "evaluate": "Runs",
                "score": "Runs",
                "evidence": "Runs",
                "estimate": "Runs",
                "retrieve": "Retrieval",
            }.get(job.verb, "Data")
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

    # -- settings --------------------------------------------------------------------------------------------------

    def _make_settings(self) -> "SettingsPage":
        """Makes the settings page when it is first asked for."""
        from annotator.views.settings.page import SettingsPage
        from annotator.views.settings.presenter import SettingsPresenter

        page = SettingsPage(self.bindings)
        shown = self._settings_presenter = SettingsPresenter(page, self.preferences, self.bindings, page)
        page.left.connect(self.window.hide_settings)
        self.window.settings_shown.connect(shown.show)
        self.window.settings_hidden.connect(shown.hide)
        shown.reviewer_changed.connect(lambda name: self.open.review.set_reviewer(name) if self.open else None)
        shown.proxies_changed.connect(lambda on: self.open.proxies.set_on(on) if self.open else None)
        self._tell_settings()
        return page

    def _tell_settings(self) -> None:
        if self._settings_presenter is not None and self.open is not None:
            self._settings_presenter.set_project(self.open.project, self.players)
        elif self._settings_presenter is not None:
            self._settings_presenter.set_project(None)

    def _apply(self, name: str) -> None:
        """A setting was changed: it takes effect now."""
        if name in ("theme", "text_size"):
            chosen = self.preferences.theme
            theme.apply_theme(self._app, chosen, text_scale=TEXT_SIZES[self.preferences.text_size])
            self.window.top_bar.theme.set_choice(chosen)
        elif name in ("volume", "is_muted"):
            self._apply_volume()
        elif name == "cache_limit_mb" and self._cache is not None:
            self._cache.limit = self.preferences.cache_limit_mb << 20

    def _change_volume(self, by: int) -> None:
        self.preferences.set("volume", min(100, max(0, self.preferences.volume + by)))

    def _apply_volume(self) -> None:
        for player in self._players or ():
            player.set_volume(self.preferences.volume / 100)
            player.set_muted(self.preferences.is_muted)


def _import_workspaces() -> None:
    import numpy.ma  # noqa: F401  # numpy itself reads it with the first percentile, which would be while a pair shows

    import annotator.workspaces  # noqa: F401
