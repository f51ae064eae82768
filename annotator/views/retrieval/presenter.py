"""Joins the Retrieval workspace with the project: whose gallery (galleries.py), which cases, and what follows from them.

Files and the database are read in the background; a gallery is looked at by a job. Torch never enters this process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from annotator.playback.player import Player
from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.retrieval import matrix
from annotator.views.retrieval.cases import Case, Cases, Listing
from annotator.views.retrieval.fetching import Fetching
from annotator.views.retrieval.galleries import GalleryChoice
from annotator.views.retrieval.judging import Judging
from annotator.views.retrieval.looking import Looking
from annotator.views.retrieval.plane_picture import Points, drawn
from annotator.views.retrieval.plane_shapes import inside
from annotator.views.retrieval.playing import Playing
from annotator.views.retrieval.reading import Loaded
from annotator.views.retrieval.sending import Sending
from annotator.views.retrieval.workspace import RetrievalWorkspace
from annotator.views.work import Work
from davenet.errors import UserError

_NO_POINTS = np.zeros((0, 2), np.float32)


class RetrievalPresenter(QObject):
    """One for an open project. `selection_sent` carries a name and uids for the review queue, `pair_wanted` one uid."""

    selection_sent = Signal(str, object)
    pair_wanted = Signal(str)
    workspace_requested = Signal(str)
    verdict_given = Signal()

    def __init__(
        self, workspace: RetrievalWorkspace, work: Work, player: Player, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._view, self._work = workspace, work
        self._background = Background(self)
        self.galleries = GalleryChoice(workspace, work.project, self._background, self)
        self.looking = Looking(workspace, work, self)
        self.fetching = Fetching(work.project, self._background, self)
        self.playing = Playing(workspace, player, self)
        self.judging = Judging(workspace, work.project, self._background, self)
        self.sending = Sending(workspace, self._background, self)
        self.cases: Cases | None = None
        self.case: Case | None = None
        self._videos: Mapping[str, VideoRecord] = {}
        self._wants_umap = False
        self._list_number = 0
        self._parts: list[Callable[[], object]] = []  # of the window's work, each of which has a turn of its own
        self._turn = QTimer(self, interval=0)
        self._turn.timeout.connect(self._next_part)
        self._connect()

    def _connect(self) -> None:
        view, panel, grid, plane = self._view, self._view.panel, self._view.grid, self._view.plane
        view.shown.connect(self.galleries.refresh)
        view.look_requested.connect(self.look)
        view.projection_chosen.connect(self._project_by)
        panel.wanted_changed.connect(lambda _wanted: self._relist())
        panel.list.case_chosen.connect(self.show_case)
        panel.list.cases.pictures_wanted.connect(self.fetching.want_picture)
        grid.picture_wanted.connect(self.fetching.want_picture)
        plane.opened.connect(self._open_point)
        plane.picture_wanted.connect(self._draw_plane)
        plane.lassoed.connect(self._hold)
        view.matrix.opened.connect(self._open_case)
        view.matrix.picture_wanted.connect(self._scale_matrix)
        view.tables.group_opened.connect(self._open_group)
        self.galleries.loaded.connect(self._put)
        self.looking.looked.connect(self._show_anew)
        self.fetching.fetched.connect(self._show_fetched)
        self.judging.accepted.connect(self._took_verdict)
        self.judging.pair_wanted.connect(self.pair_wanted)
        self.sending.sent.connect(self.selection_sent)
        for part in (self.galleries, self.fetching, self.sending):
            part.failed.connect(self._say)
        self._work.collected.connect(self._run_changed)

    def close(self) -> None:
        self._turn.stop()
        self.fetching.close()
        self.playing.sound.shutdown()
        self._background.shutdown()

    def is_idle(self) -> bool:
        is_waiting = self.fetching.is_waiting() or self._turn.isActive()
        return self._background.is_idle() and not is_waiting and not self.looking.is_busy

    def choose(self, run_id: str) -> None:
        """Shows the gallery of a run."""
        self.galleries.choose_source(run_id)

    # -- a gallery -----------------------------------------------------------------------------------------------------

    def _put(self, loaded: Loaded | None) -> None:
        view = self._view
        self._list_number += 1  # what is being listed is of the gallery before
        self.cases, self.case = (loaded.cases if loaded else None), None
        self._videos = loaded.videos if loaded else {}
        self.fetching.set_cases(self.cases)
        self.judging.forget()
        self.playing.set_videos(self._videos)
        self._set_case(None)
        view.panel.list.cases.pictures = view.grid.pictures = self.fetching.pictures
        view.grid.waves = self.fetching.waves
        view.panel.set_facts(*self._facts())
        view.panel.set_listed(self.cases, None)
        parts: list[Callable[[], object]] = [
            lambda: view.panel.set_cases(self.cases),
            self._relist,
            lambda: view.matrix.set_cases(self.cases, loaded.matrix if loaded else QImage()),
            lambda: view.tables.set_cases(self.cases),
            lambda: self._put_plane("umap" if self._wants_umap and self._has_umap() else "pca"),
            lambda: self.sending.set_cases(self.cases, self.galleries.source),
        ]
        self._parts.clear()
        self._in_turns(parts)
        if loaded is not None:
            view.show_gallery()

    def _in_turns(self, parts: Sequence[Callable[[], object]]) -> None:
        """Lets the window work through these one a turn, so that none holds it up for all of them."""
        self._parts.extend(parts)
        self._turn.start()

    def _next_part(self) -> None:
        self._parts.pop(0)()
        if not self._parts:
            self._turn.stop()

    def _facts(self) -> tuple[str, str]:
        if self.cases is None:
            return "", ""
        found = self.cases.found
        values = found.overall
        audio, visual = 100 * values["audio_recall_at_10"], 100 * values["visual_recall_at_10"]
        lost = f" · {len(found.unreadable)} unreadable" if found.unreadable else ""
        text = f"R@10 {audio:.1f} / {visual:.1f} % · {len(found):,} pairs{lost}".replace(",", "\u202f")
        reasons = "\n".join(reason for _, reason in found.unreadable[:5])
        tip = (
            f"frame → sound {audio:.1f} %, sound → frame {visual:.1f} % (chance {100 * values['chance']:.1f} %)\n"
            f"gallery {found.gallery_hash}, checkpoint {found.checkpoint_hash}, {found.similarity.upper()}"
        )
        return text, f"{tip}\n{reasons}".strip()

    def look(self, with_umap: bool = False) -> None:
        """Starts the job that looks at the chosen gallery; where there is no run, leads to Runs."""
        source = self.galleries.source
        if source is None:
            self.workspace_requested.emit("Runs")
        elif not self.looking.is_busy:
            self._wants_umap = with_umap or self._has_umap()
            self.looking.start(source, self.galleries.gallery, umap=self._wants_umap)

    def _show_anew(self) -> None:
        self.galleries.forget()
        self.galleries.read_place()

    def _run_changed(self, verb: str, summary: object) -> None:
        source = self.galleries.source
        if verb in ("train", "evaluate"):
            self.galleries.forget()  # its weights may be others: read now, or when the workspace is shown next
            if self._view.isVisible():
                self.galleries.refresh()
        elif verb == "retrieve" and not self.looking.is_busy and isinstance(summary, dict):
            is_shown = source is not None and summary.get("run") == source.key
            if is_shown:  # the next queue let it look
                self._show_anew()

    def _say(self, error: UserError) -> None:
        self._view.notice.show_notice(str(error), "error")

    # -- cases ---------------------------------------------------------------------------------------------------------

    def _relist(self, show: int | None = None) -> None:
        """Lists what is wanted, worked out in the background; then shows a case, or the one before, or the first."""
        self._list_number += 1
        number, cases, wanted = self._list_number, self.cases, self._view.panel.wanted
        if cases is None:
            self._view.panel.set_listed(None, None)
            self.sending.count()
            return

        def listed(listing: Listing) -> None:
            if number == self._list_number:
                self._take_listing(listing, show)

        self._background.run(lambda: cases.listing(wanted), listed, self._say, priority=3)

    def _take_listing(self, listing: Listing, show: int | None) -> None:
        panel = self._view.panel
        panel.set_listed(self.cases, listing)
        here = show if show is not None else self.case.place if self.case else None
        if not len(listing.places):
            self.sending.count()
            return
        row = panel.list.cases.row_of(here)
        if row is None and show is not None:
            panel.want(show="all", class_name=None, text="")  # the filters give way to the case that was asked for
            self._relist(show)
            return
        place, number = int(listing.places[row or 0]), self._list_number
        self._in_turns([lambda: self.show_case(place) if number == self._list_number else None])

    def show_case(self, place: int) -> None:
        """Shows a query with its results."""
        cases, view = self.cases, self._view
        if cases is None:
            return
        way = view.panel.wanted.way
        if self.case is None or (self.case.place, self.case.way) != (place, way):
            self._set_case(cases.case(place, way))
        rows = view.panel.list
        if rows.currentIndex().row() != rows.cases.row_of(place):  # else the list is at it: it may be amid a click
            rows.show_case(place)
        self.sending.count()

    def _set_case(self, case: Case | None) -> None:
        cases, view = self.cases, self._view
        self.case = case
        self.playing.set_case(cases, case)
        view.grid.set_case(cases if case else None, case)
        self.judging.set_case(cases, case)
        if case is not None and cases is not None:
            view.query.set_case(cases, case)
            self.fetching.want_picture(case.place)
            self.fetching.want_waves([case.place, *(one.place for one in case.results)])
            self._show_query_picture()

    def _open_case(self, place: int) -> None:
        """Shows a case that may be filtered away: the filters give way."""
        self._view.open_page("cases")
        self._relist(place)

    def _open_point(self, place: int, is_sound: bool) -> None:
        panel = self._view.panel
        panel.wanted = replace(panel.wanted, way="visual" if is_sound else "audio")
        panel.want()
        self._open_case(place)

    def _open_group(self, kind: str, name: str) -> None:
        changes = {"class_name": name, "text": ""} if kind == "class" else {"class_name": None, "text": name}
        self._view.open_page("cases")
        self._view.panel.want(show="all", **changes)

    def _show_fetched(self, places: frozenset[int]) -> None:
        self._view.grid.take_fetched(places)
        self._view.panel.list.take_fetched(places)
        if self.case is not None and self.case.place in places:
            self._show_query_picture()

    def _show_query_picture(self) -> None:
        if self.case is None or self.cases is None:
            return
        asks, place = self._view.query.asks, self.case.place
        asks.image = self.fetching.pictures.get(place)
        asks.wave = self.fetching.waves.get(place, ())
        asks.update()
        if asks.image is not None and asks.image.isNull() and not self._view.notice.text():
            self._view.notice.show_notice(
                f"The clip of {self.cases.title(place)} has gone; extract the video again to see its frames.", "warning"
            )

    def _took_verdict(self, uid: str) -> None:
        if self.cases is not None:
            self.cases = self.cases.with_decision(uid, "accept")
            self._view.plane.take_cases(self.cases)
            self.judging.take_cases(self.cases)
            self.sending.set_cases(self.cases, self.galleries.source)
        self.verdict_given.emit()

    # -- map and matrix ------------------------------------------------------------------------------------------------

    def _has_umap(self) -> bool:
        return self.cases is not None and self.cases.found.arrays.frames_umap_N2 is not None

    def _project_by(self, key: str) -> None:
        self._wants_umap = key == "umap"
        if key == "umap" and not self._has_umap():
            self._view.set_projection("pca")
            self.look(with_umap=True)
        else:
            self._put_plane(key)

    def _put_plane(self, key: str) -> None:
        self._view.set_projection(key)
        if self.cases is None:
            self._view.plane.set_points(None, _NO_POINTS, _NO_POINTS)
            return
        arrays = self.cases.found.arrays
        if key == "umap" and arrays.frames_umap_N2 is not None and arrays.segments_umap_N2 is not None:
            self._view.plane.set_points(self.cases, arrays.frames_umap_N2, arrays.segments_umap_N2)
        else:
            across, up = (100 * share for share in self.cases.found.pca_shares)
            note = f"axes show {across:.0f} % and {up:.0f} % of the variance"
            self._view.plane.set_points(self.cases, arrays.frames_pca_N2, arrays.segments_pca_N2, note)

    def _draw_plane(self, points: Points) -> None:
        take = self._view.plane.take_picture
        self._background.run(lambda: drawn(points), lambda image: take(points.key, image), self._say, priority=1)

    def _scale_matrix(self, wanted: matrix.Wanted) -> None:
        take = self._view.matrix.take_picture
        self._background.run(
            lambda: matrix.scaled(wanted), lambda image: take(wanted.key, image), self._say, priority=1
        )

    def _hold(self, polygon_P2: np.ndarray, adds: bool) -> None:
        plane, screen, found = self._view.plane, self._view.plane.points_at(), self.cases and self.cases.found

        def take(is_held_P: np.ndarray) -> None:
            if self.cases is not None and self.cases.found is found:  # else the points are of another gallery by now
                plane.choose_points(is_held_P, adds=adds)

        self._background.run(lambda: inside(screen, polygon_P2), take, self._say, priority=3)
