"""Carries out Go to in an open project: reads what can be gone to in the background, and goes there."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from annotator.project import Project
from annotator.store.records import QueueFilter
from annotator.views.background import Background
from annotator.views.go_to import Destination, GoTo, Places
from annotator.views.widgets.time_layout import clock_text
from annotator.views.window import MainWindow
from davenet.errors import UserError

if TYPE_CHECKING:
    from annotator.workspaces import OpenProject

_N_CLASSES = 200


class Going(QObject):
    """One for an open project."""

    def __init__(self, opened: "OpenProject", window: MainWindow, go_to: GoTo) -> None:
        super().__init__(opened)
        self._opened, self._window, self._go_to = opened, window, go_to
        self._background = Background(self, n_threads=1)
        go_to.places_wanted.connect(self._read_places)
        go_to.pairs_wanted.connect(self._find_pair)
        go_to.destination_chosen.connect(self.go)

    def close(self) -> None:
        self._go_to.finder.close_finder()
        self._background.shutdown()
        for signal in (self._go_to.places_wanted, self._go_to.pairs_wanted, self._go_to.destination_chosen):
            signal.disconnect()

    def _read_places(self) -> None:
        workspaces = tuple(
            Destination("workspace", name, name) for name in self._window.top_bar.tabs if self._window.workspace(name)
        )
        n_pairs, (title, duration_s) = self._opened.review.workspace.model.rowCount(), self._video_in_view()
        project, reviewer = self._opened.project, self._opened.review.queue.reviewer
        self._go_to.set_places(Places(workspaces, n_pairs, title, duration_s))
        self._background.run(
            lambda: Places((*workspaces, *_destinations(project, reviewer)), n_pairs, title, duration_s),
            self._go_to.set_places,
            self._say,
        )

    def _find_pair(self, text: str) -> None:
        """A whole uid, as exports and messages have it."""
        store, reviewer = self._opened.project.store, self._opened.review.queue.reviewer

        def find() -> tuple[Destination, ...]:
            try:
                pair = store.pair(text, reviewer=reviewer)
            except UserError:
                return ()
            name = pair.label.class_name if pair.label else "no label"
            where = f"{pair.video_title} · {clock_text(pair.time_s)}"
            return (Destination("pair", f"{name}, {where}", pair.uid, pair.uid),)

        self._background.run(find, lambda found: self._go_to.set_pairs(text, found), self._say)

    def _video_in_view(self) -> tuple[str, float]:
        """Returns the title and the length of the video of the workspace in view, ('', 0) where there is none."""
        player = self._opened.player_in_view()
        if player is None or player.path is None:
            return "", 0.0
        return player.path.stem, player.duration_s

    def go(self, destination: Destination) -> None:
        """Brings a destination into view."""
        value, review = destination.value, self._opened.review
        match destination.kind:
            case "workspace":
                self._window.open_workspace(value)
            case "time":
                self._opened.seek(float(value))
            case "number":
                self._window.open_workspace("Review")
                review.queue.show_row(int(value) - 1)
            case "pair":
                self._show_pair(value)
            case "class":
                self._show_class(value)
            case "video":
                self._opened.show_video(value)
            case "run":
                self._window.open_workspace("Runs")
                self._opened.runs.choose_run(value)

    def _show_pair(self, uid: str) -> None:
        self._window.open_workspace("Review")
        self._opened.review.show_pair(uid)

    def _show_class(self, name: str) -> None:
        store, reviewer = self._opened.project.store, self._opened.review.queue.reviewer

        def find() -> str:
            one = QueueFilter(classes=(name,))
            found = store.queue_uids("open", reviewer=reviewer, filter=one, limit=1)
            found = found or store.queue_uids("all", reviewer=reviewer, filter=one, limit=1)
            if not found:
                raise UserError(f"No pair has the class {name} any more; open Go to again.")
            return found[0]

        self._background.run(find, self._show_pair, self._say)

    def _say(self, error: UserError) -> None:
        self._window.notice.show_notice(str(error), "error")


def _destinations(project: Project, reviewer: str) -> tuple[Destination, ...]:
    store = project.store
    classes = store.filter_facets(reviewer).classes
    videos = [Destination("video", video.title, video.uid) for video in store.videos()]
    runs = [Destination("run", run.id, run.id, f"run, {run.state}") for run in store.runs()]
    foods = [Destination("class", name, name, f"first of {number:,} pairs") for name, number in classes if name]
    return (*foods[:_N_CLASSES], *videos, *runs)
