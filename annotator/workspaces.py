"""What lives as long as a project is open: the widgets and presenters of its workspaces, and the players they use.

wiring.py imports this module after the first window is on screen: it brings the database, the decoder and every view.
"""

from PySide6.QtCore import QObject, QSettings

from annotator import verbs
from annotator.going import Going
from annotator.guide import Guide
from annotator.jobs.queue import JobQueue
from annotator.playback.cache import MediaCache
from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import ReviewSettings
from annotator.views.data.presenter import DataPresenter
from annotator.views.data.workspace import DataWorkspace
from annotator.views.go_to import GoTo
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.next_queue import NextQueue
from annotator.views.proxies import Proxies
from annotator.views.relink.presenter import RelinkPresenter
from annotator.views.retrieval.presenter import RetrievalPresenter
from annotator.views.retrieval.workspace import RetrievalWorkspace
from annotator.views.review.presenter import ReviewPresenter
from annotator.views.review.review_options import ReviewOptions
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.reviewers.page import ReviewersPage
from annotator.views.reviewers.presenter import ReviewersPresenter
from annotator.views.runs.presenter import RunsPresenter
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.safekeeping import Safekeeping
from annotator.views.window import WORKSPACES, MainWindow
from annotator.views.work import Work

Players = tuple[Player, Player, Player, Player]


def make_players(parent: QObject, cache: MediaCache) -> Players:
    """Returns the players of Review, Matchmaps, Data and Retrieval: each keeps its video and place, all share the cache."""
    return (
        Player(parent, cache=cache),
        Player(parent, cache=cache),
        Player(parent, cache=cache),
        Player(parent, cache=cache),
    )


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
        go_to: GoTo,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.project = project
        self.window, self.players = window, players
        self.work = Work(project, queue, self)
        self.proxies = Proxies(self.work, self)
        review = ReviewWorkspace(keys=bindings, options=ReviewOptions(settings))
        matchmaps, runs = MatchmapsWorkspace(keys=bindings), RunsWorkspace(keys=bindings)
        data, reviewers = DataWorkspace(keys=bindings), ReviewersPage()
        retrieval = RetrievalWorkspace(keys=bindings)
        for name, widget in zip(WORKSPACES, (review, matchmaps, retrieval, runs, data, reviewers), strict=True):
            window.set_workspace(name, widget)
        self._matchmaps_view = matchmaps
        self.review = ReviewPresenter(review, project, players[0], self)
        self.matchmaps = MatchmapsPresenter(matchmaps, project, players[1], queue, self)
        self.reviewers = ReviewersPresenter(reviewers, project, self)
        self.runs = RunsPresenter(runs, self.work, self)
        self.retrieval = RetrievalPresenter(retrieval, self.work, players[3], self)
        self.data = DataPresenter(data, self.work, self, player=players[2])
        self.review.data_requested.connect(lambda: window.open_workspace("Data"))
        self.runs.review_requested.connect(self._review_moved)
        self.next_queue = NextQueue(self.work, self)
        self.runs.next_queue_requested.connect(self.next_queue.make)
        self.next_queue.made.connect(self._review_next)
        self.next_queue.failed.connect(lambda why: runs.notice.show_notice(why, "error"))
        self.review.runs_requested.connect(lambda: window.open_workspace("Runs"))
        self._connect_people(review, window)
        matchmaps.workspace_requested.connect(window.open_workspace)
        self.data.project_changed.connect(self._project_changed)
        self.work.collected.connect(self._run_changed)
        self.relink = RelinkPresenter(project, window, self)
        self.relink.relinked.connect(self._videos_relinked)
        for presenter in (self.review, self.data):
            presenter.relink_requested.connect(self.relink.open)
        self.safekeeping = Safekeeping(project, self)
        self.review.verdict_given.connect(self.safekeeping.count_verdict)
        self._connect_retrieval(window)
        self.going = Going(self, window, go_to)
        self.guide = Guide(self, window)

    def _connect_retrieval(self, window: MainWindow) -> None:
        self.retrieval.workspace_requested.connect(window.open_workspace)
        self.retrieval.selection_sent.connect(self._review_selection)
        self.retrieval.pair_wanted.connect(self._review_pair)
        self.retrieval.verdict_given.connect(self.safekeeping.count_verdict)
        self.retrieval.verdict_given.connect(self.review.invalidate)

    def _review_selection(self, name: str, uids: list[str]) -> None:
        self.window.open_workspace("Review")
        self.review.queue.show_selection(name, uids)

    def _review_pair(self, uid: str) -> None:
        self.window.open_workspace("Review")
        self.review.show_pair(uid)

    def _connect_people(self, review: ReviewWorkspace, window: MainWindow) -> None:
        self.review.reviewers_requested.connect(lambda: window.open_workspace("Reviewers"))
        self.reviewers.pairs_requested.connect(lambda: window.open_workspace("Review"))
        self.reviewers.reviewer_chosen.connect(self.review.set_reviewer)
        self.reviewers.settings_changed.connect(self._review_settings_changed)
        self.reviewers.adjudicate_requested.connect(lambda: self._adjudicate(window))
        review.question.score_requested.connect(self.score)

    def score(self, run_id: str) -> None:
        """Lets a run's model score the project's pairs, in the background."""
        if not any(job.verb == "score" for job in self.work.queue.jobs):
            self.work.start("score", f"Score the pairs with {run_id}", lambda: verbs.plan_score(self.project, run_id))

    def _review_next(self, name: str, n_pairs: int) -> None:
        self.window.open_workspace("Review")
        self.review.list_selection(name, n_pairs)

    def _review_moved(self, name: str, uids: list[str]) -> None:
        self.review.show_selection(name, uids)
        self.window.open_workspace("Review")

    def _adjudicate(self, window: MainWindow) -> None:
        self.review.queue.set_state("adjudicate")
        window.open_workspace("Review")

    def _review_settings_changed(self, settings: ReviewSettings) -> None:
        self.review.set_blind(settings.blind)
        self.review.invalidate()

    def open_workspace(self, name: str) -> None:
        """Lets the presenter of the workspace in view work."""
        if name == "Review":
            self.review.activate()
        elif name == "Reviewers":
            self.reviewers.activate()
        elif name == "Runs":
            self.runs.refresh()
        elif name == "Data":
            self.data.refresh()

    def leave_workspace(self, name: str) -> None:
        if name == "Review":
            self.review.deactivate()
        elif name == "Reviewers":
            self.reviewers.deactivate()
        elif name == "Data":
            self.data.deactivate()

    # -- going to places -------------------------------------------------------------------------------------------

    def player_in_view(self) -> Player | None:
        """Returns the player of the workspace in view, None where none is there."""
        places = {"Review": 0, "Matchmaps": 1, "Data": 2, "Retrieval": 3}
        place = places.get(self.window.current_workspace())
        return None if place is None else self.players[place]

    def seek(self, time_s: float) -> None:
        """Goes to a second of the video in view."""
        match self.window.current_workspace():
            case "Review":
                self.review.playback.seek(time_s)
            case "Matchmaps":
                self._matchmaps_view.seek_requested.emit(time_s)
            case "Data":
                self.data.video.seek(time_s)

    def show_video(self, uid: str) -> None:
        """Opens a video: in Matchmaps where that is in view, else its page in Data."""
        if self.window.current_workspace() == "Matchmaps":
            self.matchmaps.show_video(uid)
        else:
            self.window.open_workspace("Data")
            self.data.open_video(uid)

    # -- what follows what -----------------------------------------------------------------------------------------

    def close(self) -> None:
        self.guide.close()
        self.going.close()
        self.proxies.close()
        self.reviewers.shutdown()
        self.review.shutdown()
        self.matchmaps.shutdown()
        self.retrieval.close()
        self.runs.close()
        self.data.close()
        self.work.close()
        self.safekeeping.close()
        self.relink.close()
        self.project.close()

    def _videos_relinked(self) -> None:
        self.review.workspace.notice.clear()
        self.review.invalidate()
        self.matchmaps.refresh()
        self.data.refresh()

    def _project_changed(self, verb: str) -> None:
        self.review.invalidate()
        self.matchmaps.refresh()
        if verb == "mine":
            self.runs.refresh()

    def _run_changed(self, verb: str, summary: object) -> None:
        if verb in ("train", "evaluate"):
            self.matchmaps.refresh()
        if verb == "evaluate" and isinstance(summary, dict):
            self.score(str(summary["run"]))  # what was measured over a gallery shows beside each pair as well
        elif verb == "score":
            self.review.people.refresh()
