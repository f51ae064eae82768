"""Joins the Retrieval workspace with the project: which gallery is shown, what is played, accepted and sent to review.

Files and the database are read in the background; a gallery is looked at by a job. Torch never enters this process.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from annotator import verbs
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import Job
from annotator.playback.player import Player
from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.retrieval import reading
from annotator.views.retrieval.cases import Case, Cases, Wanted, table_csv
from annotator.views.retrieval.plane import Plane
from annotator.views.retrieval.reading import Loaded, Place, Source
from annotator.views.retrieval.sound import QUERY, SegmentSound
from annotator.views.retrieval.workspace import RetrievalWorkspace
from annotator.views.work import Work
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.retrieval_file import RetrievedPair

_NO_RUN = "No run has been looked at yet"


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
        self._view, self._work, self._project = workspace, work, work.project
        self._background = Background(self)
        self._sound = SegmentSound(player, self)
        self._sources: dict[str, Source] = {}
        self._source: Source | None = None
        self._place: Place | None = None
        self._gallery = ""
        self.cases: Cases | None = None
        self.case: Case | None = None
        self._videos: dict[str, VideoRecord] = {}
        self._pictures: dict[int, QImage] = {}
        self._waves: dict[int, list[float]] = {}
        self._asked_pictures: set[int] = set()
        self._wanted_pictures: list[int] = []
        self._job: Job | None = None
        self._is_looking = False  # from the key to the end, planning and collecting among it
        self._wants_umap = False
        self._load_number = 0
        self._shown_at = time.monotonic()
        self._accepted: dict[tuple[int, str], set[int]] = {}
        self._fetch = QTimer(self, singleShot=True, interval=0)
        self._fetch.timeout.connect(self._fetch_pictures)
        self._connect()
        self._view.set_send(0)

    def _connect(self) -> None:
        view, panel, grid = self._view, self._view.panel, self._view.grid
        view.shown.connect(self.refresh)
        view.hidden.connect(self._sound.stop)
        view.look_requested.connect(self.look)
        view.cancel_requested.connect(lambda: self._job.cancel() if self._job else None)
        view.query_played.connect(self._play_query)
        view.result_played.connect(self._play_result)
        view.accept_requested.connect(self._accept)
        view.review_requested.connect(self._review)
        view.send_requested.connect(self._send)
        view.csv_requested.connect(self._save_csv)
        view.projection_chosen.connect(self._project_by)
        view.page_changed.connect(lambda _page: self._count_send())
        panel.source_chosen.connect(self._choose_source)
        panel.gallery_chosen.connect(self._choose_gallery)
        panel.wanted_changed.connect(self._relist)
        panel.list.case_chosen.connect(self.show_case)
        panel.list.selection_moved.connect(self._count_send)
        panel.list.cases.pictures_wanted.connect(self._want_picture)
        grid.picture_wanted.connect(self._want_picture)
        grid.chosen_moved.connect(lambda _n: self._show_accept())
        view.plane.selected.connect(lambda _places: self._count_send())
        view.plane.opened.connect(self._open_point)
        view.matrix.opened.connect(self._open_case)
        view.tables.group_opened.connect(self._open_group)
        view.tables.group_chosen.connect(self._count_send)
        self._sound.heard.connect(self._show_heard)
        self._sound.ended.connect(self._show_silence)
        self._sound.failed.connect(lambda sentence: view.notice.show_notice(sentence, "error"))
        self._work.refused.connect(self._refused)
        self._work.collected.connect(lambda verb, _summary: self._run_changed(verb))

    def close(self) -> None:
        self._fetch.stop()
        self._sound.shutdown()
        self._background.shutdown()

    def is_idle(self) -> bool:
        return self._background.is_idle() and not self._fetch.isActive() and not self._is_looking

    # -- whose gallery -------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the runs again; what is shown stays while its run is there."""
        self._background.run(lambda: reading.sources(self._project), self._take_sources, self._say, priority=2)

    def _take_sources(self, found: tuple[list[Source], str]) -> None:
        sources, first = found
        self._sources = {one.key: one for one in sources}
        chosen = self._source.key if self._source and self._source.key in self._sources else first
        self._view.panel.set_sources([(one.key, one.name) for one in sources], chosen)
        if not chosen:
            self._source = None
            self._put(None)
            self._view.show_empty("No runs yet", "A run trains the model that is looked at here.", "Go to Runs")
            return
        is_new = self._source is None or self._source.key != chosen
        self._source = self._sources[chosen]
        if is_new or self.cases is None:
            self._read_place()

    def _choose_source(self, key: str) -> None:
        self._source, self._gallery = self._sources[key], ""
        self._read_place()

    def choose(self, run_id: str) -> None:
        """Shows the gallery of a run."""
        if run_id in self._sources:
            self._choose_source(run_id)

    def _choose_gallery(self, name: str) -> None:
        self._gallery = name
        self._show_place()

    def _read_place(self) -> None:
        source = self._source
        if source is None:
            return

        def took(place: Place) -> None:
            if source is self._source:
                self._place = place
                self._show_place()

        self._background.run(lambda: reading.place_of(self._project, source), took, self._say, priority=2)

    def _show_place(self) -> None:
        place, source = self._place, self._source
        if place is None or source is None:
            return
        known = [one.gallery for one in place.looked_at if one.gallery in place.galleries]
        if self._gallery not in place.galleries:
            self._gallery = known[0] if known else place.galleries[0]
        self._view.panel.set_sources([(one.key, one.name) for one in self._sources.values()], source.key)
        self._view.panel.set_galleries(place.galleries, self._gallery)
        found = next((one for one in place.looked_at if one.gallery == self._gallery), None)
        if found is None:
            found = next((one for one in place.looked_at if not one.gallery), None) if not known else None
        self._view.notice.clear()
        if found is None:
            self._put(None)
            self._show_not_looked(place, source)
            return
        if place.why_not:
            self._view.notice.show_notice(place.why_not, "warning")
        elif not found.is_current:
            self._view.notice.show_notice(
                f"{source.name} was trained on since this was looked at; look again to see it as it is now.", "warning"
            )
        self._load(found.path)

    def _show_not_looked(self, place: Place, source: Source) -> None:
        if place.why_not:
            self._view.show_empty(f"{source.name} cannot look".capitalize(), place.why_not)
            return
        key = self._view.keys.text("retrieval.look")
        self._view.show_empty(
            _NO_RUN if not place.looked_at else "This gallery has not been looked at yet",
            "Choose a run and a gallery at the left and press "
            f"{key or 'the button'}: for each frame its ten most similar sounds, and the reverse.",
            f"Look with {source.name}",
        )

    def _load(self, path: Path) -> None:
        self._load_number += 1
        number = self._load_number

        def failed(error: UserError) -> None:
            if number == self._load_number:
                self._put(None)
                self._view.show_empty("This file cannot be read", str(error), "Look again")

        self._background.run(
            lambda: reading.load(self._project, path),
            lambda loaded: self._put(loaded) if number == self._load_number else None,
            failed,
            priority=2,
        )

    def _put(self, loaded: Loaded | None) -> None:
        view = self._view
        self._sound.stop()
        self._load_number += loaded is None
        self.cases, self.case = (loaded.cases if loaded else None), None
        self._videos = loaded.videos if loaded else {}
        self._pictures, self._waves, self._asked_pictures, self._accepted = {}, {}, set(), {}
        view.panel.list.cases.pictures = view.grid.pictures = self._pictures
        view.grid.waves = self._waves
        view.panel.set_facts(*self._facts())
        view.panel.set_cases(self.cases)
        view.matrix.set_cases(self.cases, loaded.matrix if loaded else QImage())
        view.tables.set_cases(self.cases)
        view.grid.set_case(None, None)
        self._put_plane("umap" if self._wants_umap and self._has_umap() else "pca")
        self._relist(view.panel.wanted)
        if loaded is not None:
            view.show_gallery()

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

    # -- cases ---------------------------------------------------------------------------------------------------------

    def _relist(self, wanted: Wanted) -> None:
        cases, panel = self.cases, self._view.panel
        places = cases.listed(wanted) if cases else []
        panel.set_listed(cases, places)
        here = self.case.place if self.case else None
        if places:
            self.show_case(here if here in places else places[0])
        else:
            self._count_send()

    def show_case(self, place: int) -> None:
        """Shows a query with its results."""
        cases, view = self.cases, self._view
        if cases is None:
            return
        way = view.panel.wanted.way
        if self.case is not None and (self.case.place, self.case.way) == (place, way):
            view.panel.list.show_case(place) if not view.panel.list.selected_places() else None
            return
        self._sound.stop()
        self.case = cases.case(place, way)
        self._shown_at = time.monotonic()
        view.query.set_case(cases, self.case)
        view.grid.set_case(cases, self.case)
        view.grid.accepted = frozenset(self._accepted.get((place, way), ()))
        if place not in view.panel.list.selected_places():
            view.panel.list.show_case(place)
        self._want_picture(place)
        self._show_query_picture()
        self._fetch_waves([place, *(one.place for one in self.case.results)])
        self._show_accept()
        self._count_send()

    def _open_case(self, place: int) -> None:
        """Shows a case that may be filtered away: the filters give way."""
        panel = self._view.panel
        self._view.open_page("cases")
        if self.cases is not None and place not in self.cases.listed(panel.wanted):
            panel.want(show="all", class_name=None, text="")
        self.show_case(place)
        panel.list.show_case(place)

    def _open_point(self, place: int, is_sound: bool) -> None:
        self._view.panel.want(way="visual" if is_sound else "audio")
        self._open_case(place)

    def _open_group(self, kind: str, name: str) -> None:
        changes = {"class_name": name, "text": ""} if kind == "class" else {"class_name": None, "text": name}
        self._view.open_page("cases")
        self._view.panel.want(show="all", **changes)

    def _want_picture(self, place: int) -> None:
        if place not in self._asked_pictures:
            self._asked_pictures.add(place)
            self._wanted_pictures.append(place)
            self._fetch.start()

    def _fetch_pictures(self) -> None:
        cases, places = self.cases, self._wanted_pictures
        self._wanted_pictures = []
        if cases is None or not places:
            return
        pairs = [(place, cases.pair(place)) for place in places if place < len(cases.found)]
        kept = self._pictures

        def put(found: dict[int, QImage]) -> None:
            kept.update(found)
            if kept is self._pictures:
                self._view.grid.update()
                self._view.panel.list.viewport().update()
                self._show_query_picture()

        self._background.run(lambda: reading.read_pictures(self._project, pairs), put, self._say, priority=1)

    def _fetch_waves(self, places: Sequence[int]) -> None:
        cases, kept = self.cases, self._waves
        missing = [place for place in places if place not in kept]
        if cases is None or not missing:
            self._show_query_picture()
            return
        pairs = [(place, cases.pair(place)) for place in missing]

        def put(found: dict[int, list[float]]) -> None:
            kept.update(found)
            if kept is self._waves:
                self._view.grid.update()
                self._show_query_picture()

        self._background.run(lambda: reading.read_waves(self._project, pairs), put, self._say, priority=1)

    def _show_query_picture(self) -> None:
        if self.case is not None:
            asks = self._view.query.asks
            asks.image = self._pictures.get(self.case.place)
            asks.wave = self._waves.get(self.case.place, ())
            asks.update()
            if asks.image is not None and asks.image.isNull() and not self._view.notice.text():
                uid = self.cases.pair(self.case.place).video_uid if self.cases else ""
                self._view.notice.show_notice(
                    f"The clip of {self._title(uid)} has gone; extract the video again to see its frames.", "warning"
                )

    def _title(self, video_uid: str) -> str:
        video = self._videos.get(video_uid)
        return video.title if video else video_uid

    # -- sound ---------------------------------------------------------------------------------------------------------

    def _play_query(self) -> None:
        if self.case is not None and self.cases is not None:
            self._play(QUERY, self.cases.pair(self.case.place))

    def _play_result(self, number: int) -> None:
        if self.case is not None and self.cases is not None and number < len(self.case.results):
            self._play(number, self.cases.pair(self.case.results[number].place))

    def _play(self, key: int, pair: RetrievedPair) -> None:
        if self._sound.key == key:
            self._sound.stop()
            return
        video = self._videos.get(pair.video_uid)
        if video is None or not video.path.exists():
            where = f"of {video.title} ({video.path})" if video else f"{pair.video_uid}"
            self._view.notice.show_notice(f"The video {where} is not there; relink it in Data to hear it.", "error")
            return
        half = pair.segment_s / 2
        self._show_silence()
        self._sound.play(key, video.path, video.duration_s, pair.sound_s - half, pair.sound_s + half)

    def _show_heard(self, key: int, share: float) -> None:
        view = self._view
        view.query.asks.share = share if key == QUERY else None
        view.query.asks.update()
        view.grid.set_heard(key, share)

    def _show_silence(self) -> None:
        self._view.query.asks.share = None
        self._view.query.asks.update()
        self._view.grid.set_heard(-1, 0.0)

    # -- verdicts and review -------------------------------------------------------------------------------------------

    def _show_accept(self) -> None:
        """Says what accepting would make of the chosen result."""
        case, button = self.case, self._view.query.accept
        results = case.results if case else ()
        chosen = self._view.grid.chosen()
        is_possible = chosen < len(results) and not self._project.is_read_only
        button.setEnabled(is_possible)
        own = is_possible and results[chosen].is_true
        button.setText("Accept the true pair" if own else f"Accept result {chosen + 1} as a pair")
        self._view.query.review.setEnabled(
            case is not None and self.cases is not None and self.cases.pair(case.place).uid in self.cases.ours
        )

    def _accept(self) -> None:
        case, cases, number = self.case, self.cases, self._view.grid.chosen()
        if case is None or cases is None or number >= len(case.results):
            return
        query, result = cases.pair(case.place), cases.pair(case.results[number].place)
        frame, sound = (query, result) if case.way == "audio" else (result, query)
        seconds = time.monotonic() - self._shown_at
        key = (case.place, case.way)

        def done(made: tuple[Any, Any]) -> None:
            pair, _ = made
            self._accepted.setdefault(key, set()).add(number)
            if self.cases is not None:
                self.cases = self.cases.with_decision(pair.uid, "accept")
                self._view.plane.take_cases(self.cases)
            if self.case is not None and (self.case.place, self.case.way) == key:
                self._view.grid.accepted = frozenset(self._accepted[key])
                self._view.grid.update()
            what = pair.labels[0].class_name if pair.labels else "pair"
            where = f"{self._title(pair.video_uid)} at {pair.time_s:.1f} s"
            offset = f", sound {pair.sound_offset_s:+.1f} s from it".replace("-", "−") if pair.sound_offset_s else ""
            self._view.notice.show_notice(f"Accepted as a pair: {what}, {where}{offset}.", "good", seconds=6)
            self.verdict_given.emit()

        self._background.run(
            lambda: verbs.accept_result(self._project, frame, sound, seconds=seconds), done, self._say, priority=3
        )

    def _review(self) -> None:
        if self.case is not None and self.cases is not None:
            self.pair_wanted.emit(self.cases.pair(self.case.place).uid)

    def selected(self) -> list[int]:
        """Returns the places that would be sent: several rows, what the lasso holds, a row of the table, else the list."""
        cases, view = self.cases, self._view
        if cases is None:
            return []
        page = view.page()
        if page == "map":
            return view.plane.selection()
        if page == "tables":
            name = view.tables.chosen()
            return cases.of_group(view.tables.kind, name) if name is not None else []
        chosen = view.panel.list.selected_places()
        return chosen if len(chosen) > 1 else list(view.panel.list.cases.places)

    def _count_send(self) -> None:
        self._view.set_send(len(self.selected()))

    def _send(self) -> None:
        cases, source = self.cases, self._source
        places = self.selected()
        if cases is None or source is None or not places:
            return
        uids = cases.reviewable(places)
        if not uids:
            self._view.notice.show_notice(
                "None of these is a pair with a label of this project (uniform ones have none), so there is nothing to judge.",
                "warning",
            )
            return
        what = {"map": "from the map", "tables": self._view.tables.chosen() or ""}.get(
            self._view.page(), self._view.panel.wanted.show
        )
        name = f"{source.name}, {what} {datetime.now():%H:%M}"
        self.selection_sent.emit(name, uids)

    # -- plane and tables ----------------------------------------------------------------------------------------------

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
        plane: Plane = self._view.plane
        self._view.set_projection(key)
        if self.cases is None:
            import numpy as np

            plane.set_points(None, np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))
            return
        arrays = self.cases.found.arrays
        if key == "umap" and arrays.frames_umap_N2 is not None and arrays.segments_umap_N2 is not None:
            plane.set_points(self.cases, arrays.frames_umap_N2, arrays.segments_umap_N2)
        else:
            plane.set_points(self.cases, arrays.frames_pca_N2, arrays.segments_pca_N2)

    def _save_csv(self) -> None:
        cases, kind = self.cases, self._view.tables.kind
        if cases is None:
            return
        name = f"{self._source.key if self._source else 'run'}-{cases.found.gallery}-{kind}.csv"
        path = self._view.ask_path("Save the table", Path.home() / name, "CSV (*.csv)")
        if path is not None:
            text = table_csv(cases, cast(Literal["class", "word"], kind))
            self._background.run(
                lambda: write_text_atomically(path, text),
                lambda _done: self._view.notice.show_notice(f"Saved {path}.", "good", seconds=6),
                self._say,
            )

    # -- the job -------------------------------------------------------------------------------------------------------

    def look(self, with_umap: bool = False) -> None:
        """Starts the job that looks at the chosen gallery; where there is no run, leads to Runs."""
        source, gallery = self._source, self._gallery
        if source is None:
            self.workspace_requested.emit("Runs")
            return
        if self._is_looking:
            return
        self._is_looking = True
        self._wants_umap = with_umap or self._has_umap()
        umap = self._wants_umap
        self._view.notice.clear()
        self._work.start(
            "retrieve",
            f"Look with {source.name}",
            lambda: verbs.plan_retrieve(self._project, source.source, on=cast(Any, gallery), umap=umap),
            on_job=self._follow,
            on_ended=self._ended,
        )

    def _follow(self, job: Job) -> None:
        self._job = job
        job.changed.connect(lambda _job: self._show_job())
        self._show_job()

    def _show_job(self) -> None:
        job = self._job
        if job is None or job.state == "over":
            return
        if job.state == "queued":
            self._view.work.show_progress("Waits for its turn", None)
        elif job.state == "stopping":
            self._view.work.show_progress("Stopping…", None, can_cancel=False)
        elif job.progress is None or not job.progress.total:
            self._view.work.show_progress(f"{job.title}: starting", None)
        else:
            done, total = job.progress.done, job.progress.total
            self._view.work.show_progress(f"{job.title}: {done:g} of {total:g} pairs", done / total)

    def _ended(self, outcome: Outcome) -> None:
        self._job, self._is_looking = None, False
        if outcome.state == "finished":
            self._view.work.hide()
            self.cases = None
            self._read_place()
        elif outcome.state == "cancelled":
            self._view.work.hide()
            self._view.notice.show_notice("Stopped; nothing was changed.", "info", seconds=6)
        else:
            self._view.work.offer(outcome.message, "Look again", is_error=True)

    def _refused(self, verb: str, sentence: str) -> None:
        if verb == "retrieve":
            self._view.work.offer(sentence, "", is_error=True)

    def _run_changed(self, verb: str) -> None:
        if verb in ("train", "evaluate"):
            self._place = None
            if self._view.isVisible():
                self.refresh()
                self._read_place()

    def _say(self, error: UserError) -> None:
        self._view.notice.show_notice(str(error), "error")
