"""What lives as long as a project is open: the widgets and presenters of its workspaces, and the players they use.

wiring.py imports this module after the first window is on screen: it brings the database, the decoder and every view.
"""

from PySide6.QtCore import QObject, QSettings

from annotator.jobs.queue import JobQueue
from annotator.playback.cache import MediaCache
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views.data.presenter import DataPresenter
from annotator.views.data.workspace import DataWorkspace
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.proxies import Proxies
from annotator.views.review.presenter import ReviewPresenter
from annotator.views.review.review_options import ReviewOptions
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.runs.presenter import RunsPresenter
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.safekeeping import Safekeeping
from annotator.views.window import MainWindow
from annotator.views.work import Work

Players = tuple[Player, Player, Player]


def make_players(parent: QObject, cache: MediaCache) -> Players:
    """Returns the players of Review, Matchmaps and Data: each keeps its video and place, all share the cache."""
    return Player(parent, cache=cache), Player(parent, cache=cache), Player(parent, cache=cache)


class OpenProject(QObject):
    """An open project's workspaces, wired to one another through the window."""

    def __init__(
        self,
        project: Project,
        window: MainWindow,
        queue: JobQueue,
        players: Players,
        settings: QSettings,
        bindings: KeyBindings,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.project = project
        self.players = players
        self.work = Work(project, queue, self)
        self.proxies = Proxies(self.work, self)
        review = ReviewWorkspace(keys=bindings, options=ReviewOptions(settings))
        matchmaps, runs, data = MatchmapsWorkspace(), RunsWorkspace(), DataWorkspace()
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
        self.safekeeping = Safekeeping(project, self)
        self.review.verdict_given.connect(self.safekeeping.count_verdict)

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
        self.safekeeping.close()
        self.project.close()

    def _project_changed(self, verb: str) -> None:
        self.review.invalidate()
        self.matchmaps.refresh()
        if verb == "mine":
            self.runs.refresh()

    def _run_changed(self, verb: str, _summary: object) -> None:
        if verb in ("train", "evaluate"):
            self.matchmaps.refresh()
