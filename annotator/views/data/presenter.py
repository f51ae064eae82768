"""Joins the Data workspace with the project's videos and the verbs: a button here is a verb of the command line."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from annotator.jobs.queue import Job
from annotator.playback.player import Player
from annotator.project import Project, VideoState
from annotator.store.records import Problem
from annotator.views.background import Background
from annotator.views.data import forms, values
from annotator.views.data.fields import Form, Wish
from annotator.views.data.listing import Listed, Listing, matching, not_imported, read_listing, row_of
from annotator.views.data.loading import load_details, load_thumbnail
from annotator.views.data.planning import plan, plan_again
from annotator.views.data.plotting import PlotsPresenter
from annotator.views.data.release_taking import ReleaseTaking
from annotator.views.data.remembered import keep_wish, read_wishes
from annotator.views.data.skipped_page import NotImported
from annotator.views.data.video_page import VideoDetails
from annotator.views.data.video_presenter import VideoPresenter
from annotator.views.data.workspace import DataWorkspace
from annotator.views.runs.values import Rate
from annotator.views.widgets.notice_bar import Kind
from annotator.views.widgets.table import Row
from annotator.views.work import Work
from davenet import events
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.specs import Spec

UPDATE_MS = 120
_NOTES = 6  # of a job, kept at its card


@dataclass(slots=True)
class _Going:
    job: Job
    rate: Rate
    n_skipped: int = 0
    notes: list[str] = field(default_factory=list)


class DataPresenter(QObject):
    """`project_changed` follows every verb that changed the project."""

    project_changed = Signal(str)  # verb
    relink_requested = Signal()  # videos are not where they were

    def __init__(
        self, workspace: DataWorkspace, work: Work, parent: QObject | None = None, *, player: Player | None = None
    ) -> None:
        super().__init__(parent)
        self._view, self._work = workspace, work
        self._project: Project = work.project
        self._listing = Listing((), (), (), ())
        self._n_missing = 0
        self._by_uid: dict[str, Listed] = {}
        self._shown: list[str] = []
        self._thumbnails: dict[str, QImage] = {}
        self._going: dict[str, _Going] = {}
        self._planning: set[str] = set()
        self._wishes: dict[str, Wish] = {}
        self._chosen: str | None = None
        self._looking = Background(self, n_threads=1)  # into files that a form names: never behind a queue of pictures
        self._update = QTimer(self, singleShot=True, interval=UPDATE_MS)
        self._update.timeout.connect(self._show_going)
        self.video = VideoPresenter(workspace.video, work, player, self)
        self.plots = PlotsPresenter(workspace.plots_page, self._project, self)
        self.taking = ReleaseTaking(self._project, work.background, self)
        self.taking.progressed.connect(self._show_taking)
        self.taking.done.connect(self._taken)
        self.taking.refused.connect(self._not_taken)
        workspace.set_runner(self._looking.run)
        self._connect(workspace, work)
        self._work.background.run(lambda: read_wishes(self._project), self._take_wishes)
        self.refresh()

    def _connect(self, workspace: DataWorkspace, work: Work) -> None:
        workspace.notice.action_requested.connect(self.relink_requested)
        workspace.start_requested.connect(self.start)
        workspace.options_requested.connect(self.open_form)
        workspace.wish_made.connect(self.take_wish)
        workspace.form.restored.connect(self.forget_wish)
        workspace.cancel_requested.connect(self.cancel)
        workspace.import_requested.connect(self.import_paths)
        workspace.video_chosen.connect(self.choose_video)
        workspace.video_opened.connect(self.open_video)
        workspace.page_opened.connect(self._page_opened)
        workspace.filter.changed.connect(lambda _filter: self._show_rows())
        workspace.video.neighbour_requested.connect(self._open_neighbour)
        workspace.skips.again_requested.connect(self.try_again)
        workspace.skips.list_saved.connect(self._save_ids)
        workspace.plots_page.options_requested.connect(lambda: self.open_form("analyse"))
        workspace.plots_page.again_requested.connect(lambda: self.plots.compute(self._options()))
        self.plots.step_requested.connect(self._step_from_plot)
        self.plots.said.connect(lambda text, kind: workspace.notice.show_notice(text, kind, seconds=12))
        work.job_started.connect(self._job_started)
        work.refused.connect(self._refused)
        work.collected.connect(self._collected)
        work.ended.connect(self._ended)

    def refresh(self) -> None:
        """Reads what is done for each video again; looks at file names and the database, in the background."""
        self._work.background.run(lambda: read_listing(self._project), self._take)

    def start(self, verb: str) -> None:
        """Starts a verb over all videos with the settings it had last, or its defaults."""
        self._start(self._wishes.get(verb, Wish(verb)))

    def open_form(self, verb: str) -> None:
        """Shows a verb's form, once what it offers has been looked up."""
        states = [listed.state for listed in self._listing.videos]
        chosen = self._by_uid[self._chosen].state.video.title if self._chosen in self._by_uid else ""
        n_shown = len(self._shown)

        def show(form: Form) -> None:
            self._view.show_form(form, self._wishes.get(verb))

        self._looking.run(lambda: forms.build(verb, self._project, states, n_shown, chosen), show, priority=2)

    def take_wish(self, wish: Wish) -> None:
        """Begins what a form asked for; its settings are kept for the next time."""
        self._remember(wish)
        self._keep(wish.verb, wish)
        if wish.verb == "analyse":
            self._view.show_page("plots")
            self.plots.compute(self._options())
        elif (wish.verb, wish.variant) == ("release", "import"):
            self._import_release(wish)
        else:
            self._start(wish)

    def import_paths(self, paths: Sequence[Path]) -> None:
        self._start(Wish("import", "files", (("paths", list(paths)),)))

    def try_again(self, problems: Sequence[Problem]) -> None:
        """Does a step again for what it could not use; of several steps one job each."""
        for verb in dict.fromkeys(problem.verb for problem in problems):
            of_verb = [problem for problem in problems if problem.verb == verb]
            wish = self._wishes.get(verb, Wish(verb))
            self._plan(
                verb, lambda verb=verb, of_verb=of_verb, wish=wish: plan_again(self._project, verb, of_verb, wish)
            )

    def cancel(self, verb: str) -> None:
        if verb == "release" and self.taking.is_running():
            self.taking.cancel()
        for going in self._going.values():
            if values.CARDS.get(going.job.verb) == verb:
                going.job.cancel()
        self._show_going()

    def choose_video(self, key: str) -> None:
        self._chosen = key
        listed = self._by_uid.get(key)
        if listed is None:
            self._view.set_details(None)
            return
        problems = [problem for problem in self._listing.problems if problem.video_uid == key]

        def show(details: VideoDetails) -> None:
            if self._chosen == details.uid:
                self._view.set_details(details)

        self._work.background.run(lambda: load_details(self._project, listed.state, problems), show, priority=1)

    def open_video(self, key: str) -> None:
        """Opens a video's page."""
        listed = self._by_uid.get(key)
        if listed is None:
            return
        self._chosen = key
        self._view.table.choose(key)
        self.video.open(listed.state)
        self._view.show_page("video")
        place = self._shown.index(key) if key in self._shown else -1
        self._view.video.set_neighbours(place > 0, 0 <= place < len(self._shown) - 1)
        self.choose_video(key)

    def deactivate(self) -> None:
        """The workspace is left: nothing plays behind another."""
        self.video.pause()

    def close(self) -> None:
        self._update.stop()
        self.taking.cancel()
        self.plots.close()
        self.video.close()
        self._looking.shutdown()

    def is_idle(self) -> bool:
        """Tells whether all that was asked for in the background is there."""
        return self._looking.is_idle() and self.plots.is_idle() and self._work.background.is_idle()

    def _options(self) -> dict[str, Any]:
        return self._wishes["analyse"].given() if "analyse" in self._wishes else {}

    def forget_wish(self, verb: str) -> None:
        """The form's defaults were brought back: they hold from now on, also for the step's button."""
        self._remember(Wish(verb, self._view.form.variant()))
        self._keep(verb, None)

    def _take_wishes(self, kept: dict[str, Wish]) -> None:
        for verb, wish in kept.items():
            if verb not in self._wishes:
                self._remember(wish)

    def _keep(self, verb: str, wish: Wish | None) -> None:
        """Keeps it for the next session; that it could not be kept is told, but stops nothing."""
        self._work.background.run(
            lambda: keep_wish(self._project, verb, wish),
            lambda _nothing: None,
            lambda error: self._view.notice.show_notice(str(error), "warning", seconds=12),
        )

    def _remember(self, wish: Wish) -> None:
        self._wishes[wish.verb] = wish
        if wish.verb in self._view.cards:
            kept = [name for name, _ in wish.values if name not in ("videos", "paths")]
            self._view.cards[wish.verb].set_changed(len(kept))  # type: ignore[index]

    def _start(self, wish: Wish) -> None:
        which = wish.given().get("videos", forms.ALL) if wish.verb != "import" else forms.ALL
        uids: list[str] | None = None
        if which == forms.SHOWN:
            uids = list(self._shown)
        elif which == forms.CHOSEN and self._chosen is not None:
            uids = [self._chosen]
        self._plan(wish.verb, lambda: plan(self._project, wish, uids))

    def _plan(self, verb: str, make: Callable[[], Spec]) -> None:
        card = values.CARDS.get(verb, verb)
        if card == "release" and self.taking.is_running():
            return
        if card in self._planning or any(values.CARDS.get(going) == card for going in self._going):
            return
        self._planning.add(card)
        self._view.notice.clear()
        self._work.start(verb, values.RUNNING_TITLES[verb], make)

    def _import_release(self, wish: Wish) -> None:
        if "release" in self._planning or self.taking.is_running() or "release" in self._going:
            return
        self._view.notice.clear()
        self._view.show_list()
        self.taking.start(wish.given())

    def _show_taking(self, pace: tuple[str, str], share: float | None) -> None:
        self._view.cards["release"].set_running(pace, share, stopping=self.taking.is_stopping())

    def _taken(self, summary: dict[str, Any]) -> None:
        self._view.cards["release"].set_stopped()
        kind: Kind = "warning" if summary["missing"] or summary["other_files"] else "good"
        self._view.notice.show_notice(values.summary_text("import release", summary), kind, seconds=20)
        self.refresh()
        self.project_changed.emit("import release")

    def _not_taken(self, sentence: str, was_stopped: bool) -> None:
        self._view.cards["release"].set_stopped()
        self._view.notice.show_notice(sentence, "info" if was_stopped else "error", seconds=12 if was_stopped else None)

    def _job_started(self, job: Job) -> None:
        if job.verb not in values.RUNNING_TITLES:
            return
        self._planning.discard(values.CARDS[job.verb])
        if self._view.page() == "form":
            self._view.show_list()
        going = _Going(job, Rate())
        self._going[job.verb] = going
        job.event_arrived.connect(lambda event: self._take_event(going, event))
        job.changed.connect(lambda _job: self._update_soon())
        self._show_going()

    def _take_event(self, going: _Going, event: events.Event) -> None:
        if isinstance(event, events.Progress):
            going.rate.add(event.done, time.monotonic())
        elif isinstance(event, events.Skipped):
            going.n_skipped += 1
        elif isinstance(event, events.Message):
            going.notes = [*going.notes, event.text][-_NOTES:]
            self._view.cards[values.CARDS[going.job.verb]].set_notes(going.notes)
            self._view.notice.show_notice(event.text, "warning" if event.level == "warning" else "info", seconds=20)

    def _update_soon(self) -> None:
        if not self._update.isActive():
            self._update.start()

    def _refused(self, verb: str, message: str) -> None:
        card = values.CARDS.get(verb)
        if card is None:
            return
        self._planning.discard(card)
        form = self._view.form.form()
        if self._view.page() == "form" and form is not None and form.verb == card:
            self._view.form.show_refusal(message)
        else:
            self._view.notice.show_notice(message, "error")

    def _collected(self, verb: str, summary: dict[str, Any]) -> None:
        if verb not in values.RUNNING_TITLES:
            return
        told = values.summary_text(verb, summary)
        has_gaps = any(summary.get(name) for name in ("unusable", "missing", "left_out", "no_pair"))
        stays = "no_pair" in summary  # it says what to do next
        self._view.notice.show_notice(told, "warning" if has_gaps else "good", seconds=None if stays else 20)
        self.plots.set_stale()
        self.refresh()
        if verb != "release":
            self.project_changed.emit(values.CARDS[verb])
        if verb == "import-corpus":
            self._view.skips.set_result(told, summary)
            if has_gaps:
                self._view.skips.open_ids(bool(summary.get("missing") or summary.get("left_out")))
                self._view.show_page("skipped")

    def _ended(self, job: Job, outcome: object) -> None:
        if job.verb not in self._going or self._going[job.verb].job is not job:
            return
        del self._going[job.verb]
        self._view.cards[values.CARDS[job.verb]].set_stopped()
        self.refresh()
        state, message = getattr(outcome, "state", ""), getattr(outcome, "message", "")
        if state in ("failed", "crashed"):
            self._view.notice.show_notice(message, "error")
        elif state == "cancelled":
            self._view.notice.show_notice(message, "info", seconds=12)
        self._show_going()

    def _take(self, listing: Listing) -> None:
        self._listing = listing
        self._by_uid = listing.by_uid()
        self._view.set_steps(listing.steps)
        self._view.set_skipped(len(listing.problems), listing.n_not_imported)
        self._view.skips.set_problems(listing.problems)
        if self._chosen not in self._by_uid:
            self._chosen = listing.videos[0].uid if listing.videos else None
        self._show_rows()
        if self._chosen is None:
            self._view.set_details(None)
        else:
            self.choose_video(self._chosen)
        if self._view.page() == "skipped":
            self._read_ids()
        self._tell_missing(sum(not listed.state.is_present for listed in listing.videos))

    def _tell_missing(self, n_missing: int) -> None:
        """Says once how many videos are not where they were, with the way to find them."""
        if n_missing == self._n_missing:
            return
        self._n_missing = n_missing
        if n_missing and self._view.notice.isHidden():
            text = "1 video is" if n_missing == 1 else f"{n_missing} videos are"
            sentence = f"{text} no longer where they were." if n_missing > 1 else f"{text} no longer where it was."
            action = "" if self._project.is_read_only else "Find videos again…"
            self._view.notice.show_notice(sentence, "warning", action=action)

    def _show_rows(self) -> None:
        videos = self._listing.videos
        self._shown = matching(videos, self._view.filter.filter())
        self._view.set_videos(self._shown, self._row, len(videos), self._chosen)
        self._view.filter.set_counts(self._listing.splits, len(videos), len(self._shown))

    def _row(self, uid: str) -> Row:
        """Makes a row when it comes into view, and asks for its picture then."""
        listed = self._by_uid[uid]
        if uid not in self._thumbnails and listed.state.is_present:
            self._fetch_thumbnail(listed.state)
        return row_of(listed, self._thumbnails.get(uid))

    def _fetch_thumbnail(self, state: VideoState) -> None:
        uid = state.video.uid
        self._thumbnails[uid] = QImage()

        def put(image: QImage | None) -> None:
            if image is not None:
                self._thumbnails[uid] = image
                self._view.table.videos.forget(uid)

        self._work.background.run(lambda: load_thumbnail(self._project, state), put, lambda _error: None, priority=-1)

    def _show_going(self) -> None:
        for verb, going in self._going.items():
            job, progress = going.job, going.job.progress
            far, pace = values.pace_texts(progress, going.rate)
            if going.n_skipped:
                pace = f"{going.n_skipped} skipped" + (f" · {pace}" if pace else "")
            share = progress.done / progress.total if progress is not None and progress.total else None
            waits, stopping = job.state == "queued", job.state == "stopping"
            self._view.cards[values.CARDS[verb]].set_running((far, pace), share, waits=waits, stopping=stopping)

    def _page_opened(self, name: str) -> None:
        if name != "video":
            self.video.pause()
        if name == "plots":
            self.plots.open(self._options())
        elif name == "skipped":
            self._read_ids()

    def _read_ids(self) -> None:
        def read() -> list[NotImported]:
            return [
                NotImported(corpus, row.get("id", ""), row.get("split", ""), row.get("recipe_type", ""), row.get("reason", ""))
                for corpus, rows in not_imported(self._project).items()
                for row in rows
            ]  # fmt: skip

        self._work.background.run(read, self._view.skips.set_not_imported)

    def _save_ids(self, path: Path, ids: Sequence[NotImported]) -> None:
        def write() -> Path:
            import csv
            import io

            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(["id", "corpus", "split", "recipe_type", "reason"])
            writer.writerows([each.corpus_id, each.corpus, each.split, each.recipe_type, each.reason] for each in ids)
            write_text_atomically(path, text.getvalue())
            return path

        def refused(error: UserError) -> None:
            self._view.notice.show_notice(str(error), "error")

        notice = self._view.notice
        self._work.background.run(write, lambda saved: notice.show_notice(f"Saved {saved}", "good", seconds=8), refused)

    def _open_neighbour(self, step: int) -> None:
        if self._chosen in self._shown:
            place = self._shown.index(self._chosen) + step
            if 0 <= place < len(self._shown):
                self.open_video(self._shown[place])

    def _step_from_plot(self, verb: str) -> None:
        self._view.show_list()
        if verb == "import":
            self.open_form(verb)
        else:
            self.start(verb)
