"""Joins the Runs workspace with the project's runs and the queue: what is shown, and what its buttons do.

Runs are followed through their job's events while they go and read from their folder's metrics.jsonl otherwise, only
those whose curves are drawn. Many events in a moment become one update of the widgets.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog

from annotator import verbs
from annotator.jobs.queue import DetachedJob, Job
from annotator.jobs.tail import EVENTS_FILE, read_events
from annotator.store.records import RunRecord
from annotator.views.runs import rows, values
from annotator.views.runs.comparing import Comparing
from annotator.views.runs.current_pairs import CurrentPair, read_current_pairs
from annotator.views.runs.starting import Starting
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.widgets.table import Row
from annotator.views.work import Work
from davenet import events

UPDATE_MS = 200


class RunsPresenter(QObject):
    """One for an open project; it follows the runs of its work."""

    review_requested = Signal(str, list)  # the name of a selection, the uids of its pairs
    next_queue_requested = Signal(str)  # a run's id

    def __init__(self, workspace: RunsWorkspace, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._work = workspace, work
        self._project = work.project
        self._runs: list[RunRecord] = []
        self._histories: dict[str, values.RunHistory] = {}
        self._reading: set[str] = set()
        self._meanwhile: dict[str, list[tuple[events.Event, float]]] = {}  # of runs whose history is being read
        self._jobs: dict[str, Job] = {}
        self._evaluating: dict[str, Job] = {}
        self._pausing: set[str] = set()
        self._deleted: list[str] = []
        self._rows: dict[str, tuple[RunRecord, object, Row]] = {}  # of runs that are over, and what they were made from
        self._notice_action: Callable[[], None] = self.undo_delete
        self._chosen: str | None = None
        self._axis = "epoch"
        self._learning: events.Learning | None = None  # whose pairs are shown
        self._is_reading_current = False
        self._update = QTimer(self)
        self._update.setSingleShot(True)
        self._update.setInterval(UPDATE_MS)
        self._update.timeout.connect(self._show)
        self.starting = Starting(workspace.form, work, self)
        self.comparing = Comparing(workspace, work, self)
        self.starting.run_planned.connect(self._run_planned)
        self.starting.said.connect(lambda sentence, kind: workspace.notice.show_notice(sentence, kind))
        self.comparing.evaluation_wished.connect(self.evaluate_run)
        self.comparing.review_requested.connect(self.review_requested)
        self.comparing.run_wished.connect(self._open_form_of)
        self.comparing.changed.connect(self._show)
        work.job_started.connect(self._job_started)
        work.ended.connect(self._job_ended)
        work.refused.connect(self._refused)
        work.collected.connect(lambda verb, _summary: self.refresh() if verb in ("train", "evaluate", "mine") else None)
        view = workspace
        view.new_run_requested.connect(self.open_form)
        view.run_chosen.connect(self.choose_run)
        view.action_requested.connect(self._act)
        view.axis_chosen.connect(self._choose_axis)
        view.undo_requested.connect(self.undo_delete)
        view.folder_wished.connect(self._ask_for_folder)
        view.details.described.connect(self._describe)
        view.notice.action_requested.connect(lambda: self._notice_action())
        view.emptying.clicked.connect(self._ask_to_empty)
        self.refresh()

    def refresh(self) -> None:
        """Reads the runs and the number of accepted pairs again; called when the workspace opens and after a verb."""

        def read() -> tuple[list[RunRecord], int, int]:
            store = self._project.store
            n_accepted = sum(final.decision == "accept" for final in store.final_verdicts().values())
            return store.runs(), n_accepted, len(store.runs(deleted=True))

        self._work.background.run(read, self._take, lambda error: self._refused("train", str(error)))

    def open_form(self) -> None:
        self.starting.open(self._runs, None, self._view.show_form)

    def fine_tune(self, run_id: str = "") -> None:
        """Opens the form for a run on what the verdicts give now, from a run's checkpoint."""
        self.starting.fine_tune(self._run(run_id or (self._chosen or "")), self._runs, self._view.show_form)

    def start_run(self, wish: Any) -> None:
        self._view.notice.clear()
        self.starting.start(wish)

    def choose_run(self, run_id: str) -> None:
        self._chosen = run_id
        self._show()

    def resume_run(self, run_id: str) -> None:
        self._work.start("train", f"Train {run_id}", lambda: verbs.plan_resume(self._project, run_id))

    def evaluate_run(self, run_id: str, on: str = "validation") -> None:
        def started(job: Job) -> None:
            self._evaluating[run_id] = job
            self._update.start()

        def ended(_outcome: object) -> None:
            self._evaluating.pop(run_id, None)
            self._update.start()

        plan = lambda: verbs.plan_evaluate(self._project, run_id, on=on)  # noqa: E731
        self._work.start("evaluate", f"Evaluate {run_id}", plan, on_job=started, on_ended=ended)

    def cancel_run(self, run_id: str) -> None:
        job = self._jobs.get(run_id) or self._evaluating.get(run_id)
        if job is not None:
            job.cancel()
            self._show()

    def pause_run(self, run_id: str) -> None:
        """Lets a run save and stop, to go on later."""
        if run_id in self._jobs:
            self._pausing.add(run_id)
            self.cancel_run(run_id)

    def delete_run(self, run_id: str) -> None:
        """Puts a run away; its folder stays until deleted runs are emptied."""

        def deleted(_run: object) -> None:
            self._deleted.append(run_id)
            self.comparing.forget(run_id)
            self._notice_action = self.undo_delete
            self._view.notice.show_notice(f"Run {run_id} is deleted; its folder stays.", "info", action="Undo")
            self.refresh()

        self._in_background(lambda: self._project.store.describe_run(run_id, deleted=True), deleted)

    def undo_delete(self) -> None:
        """Brings back the run that was deleted last."""
        if self._deleted:
            run_id = self._deleted.pop()
            self._view.notice.clear()
            self._chosen = run_id
            bring_back = lambda: self._project.store.describe_run(run_id, deleted=False)  # noqa: E731
            self._in_background(bring_back, lambda _run: self.refresh())

    def _ask_to_empty(self) -> None:
        self._notice_action = self.empty_deleted
        self._view.notice.show_notice(
            "Remove the deleted runs with their folders? They cannot come back.", "warning", action="Remove"
        )

    def empty_deleted(self) -> None:
        """Removes the deleted runs with their folders for good."""

        def remove() -> int:
            gone = self._project.store.runs(deleted=True)
            for run in gone:
                shutil.rmtree(self._project.run_dir(run.id), ignore_errors=True)
                self._project.store.forget_run(run.id)
            return len(gone)

        def removed(number: int) -> None:
            plural = " was" if number == 1 else "s were"
            self._view.notice.show_notice(f"{number} deleted run{plural} removed for good.", "good", seconds=6)
            self.refresh()

        self._deleted.clear()
        self._in_background(remove, removed)

    def take_in(self, folder: Path) -> None:
        """Takes in the folder of a run that was made elsewhere."""

        def taken(run: RunRecord) -> None:
            self._histories.pop(run.id, None)
            self._chosen = run.id
            self._view.notice.show_notice(f"Run {run.id} was taken in.", "good", seconds=6)
            self.refresh()

        self._in_background(lambda: verbs.take_in_run(self._project, folder), taken)

    def move_in_queue(self, run_id: str, step: int) -> None:
        """Lets a waiting run start sooner (-1) or later (1)."""
        job = self._jobs.get(run_id)
        if job is None:
            return
        self._work.queue.reorder(job, step)
        waiting = [
            each.folder.name for each in self._work.queue.jobs if each.state == "queued" and each.verb == "train"
        ]

        def keep() -> None:
            for place, name in enumerate(waiting):
                self._project.store.describe_run(name, queue_place=float(place))

        self._in_background(keep, lambda _done: self.refresh())

    def status(self) -> str:
        """Returns the top bar's text: "run 7 · epoch 12 of 30 · 41 pairs/s", '' while no run goes on."""
        for run in self._runs:
            job, history = self._jobs.get(run.id), self._histories.get(run.id)
            if job is not None and history is not None and job.state in ("running", "stopping"):
                return rows.status_text(run, job, history)
        return ""

    def histories(self) -> dict[str, values.RunHistory]:
        """Returns the histories that were read: those of the runs whose curves were drawn."""
        return self._histories

    def close(self) -> None:
        self._update.stop()
        self.starting.close()

    # -- what happens ------------------------------------------------------------------------------------------------

    def _act(self, action: str, run_id: str) -> None:
        run = self._run(run_id)
        if run is None:
            return
        match action:
            case "cancel":
                self.cancel_run(run_id)
            case "pause":
                self.pause_run(run_id)
            case "resume":
                self.resume_run(run_id)
            case "evaluate":
                self.evaluate_run(run_id)
            case "next_queue":
                self.next_queue_requested.emit(run_id)
            case "fine_tune":
                self.starting.fine_tune(run, self._runs, self._view.show_form)
            case "duplicate":
                self.starting.duplicate(run, self._runs, self._view.show_form)
            case "compare":
                self.comparing.toggle(run_id)
                self._show()
            case "sooner" | "later":
                self.move_in_queue(run_id, -1 if action == "sooner" else 1)
            case "command":
                self._copy_command(run)
            case "folder":
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._project.run_dir(run_id))))
            case "delete":
                self.delete_run(run_id)

    def _open_form_of(self, preset: str) -> None:
        from annotator.views.data.fields import Wish

        self.starting.open(self._runs, Wish("train", preset), self._view.show_form)

    def _copy_command(self, run: RunRecord) -> None:
        def copied(command: str) -> None:
            QGuiApplication.clipboard().setText(command)
            self._view.notice.show_notice(f"Copied; run it in a copy of the project's folder: {command}", "good")

        self._in_background(lambda: verbs.command_elsewhere(self._project, run), copied)

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._view, "The folder of a run", str(self._project.runs_dir))
        if folder:
            self.take_in(Path(folder))

    def _describe(self, run_id: str, notes: str, tags: list[str]) -> None:
        self._in_background(
            lambda: self._project.store.describe_run(run_id, notes=notes, tags=tags), lambda _run: self.refresh()
        )

    def _in_background(self, function: Any, done: Any) -> None:
        self._work.background.run(function, done, lambda error: self._view.notice.show_notice(str(error), "error"))

    def _run_planned(self, run_id: str) -> None:
        self._chosen = run_id
        self._view.hide_form()
        self.refresh()

    def _job_started(self, job: Job) -> None:
        if not isinstance(job, DetachedJob):
            return
        run_id = job.folder.name
        self._jobs[run_id] = job
        run = self._run(run_id)
        n_pairs = float(values.n_pairs(run) or 0) if run is not None else 0.0
        if job.found_again:
            self._histories[run_id] = values.RunHistory(n_pairs)  # all of its events come, from the first on
        else:
            self._read_before(run_id, n_pairs)
        job.event_arrived.connect(lambda event: self._take_event(run_id, event))
        job.changed.connect(lambda _job: self._update.start() if not self._update.isActive() else None)

    def _read_before(self, run_id: str, n_pairs: float) -> None:
        """Reads in the background what a run did before it is resumed; what comes meanwhile is taken again after it."""
        self._histories.setdefault(run_id, values.RunHistory(n_pairs))
        meanwhile: list[tuple[events.Event, float]] = []
        self._meanwhile[run_id] = meanwhile

        def done(history: values.RunHistory) -> None:
            if self._meanwhile.get(run_id) is not meanwhile:
                return  # resumed once more since
            del self._meanwhile[run_id]
            for event, now_s in meanwhile:
                history.take(event, now_s)
            self._histories[run_id] = history
            self._show()

        self._work.background.run(lambda: read_history(self._project.run_dir(run_id), None, n_pairs), done)

    def _take_event(self, run_id: str, event: events.Event) -> None:
        now_s = time.monotonic()
        self._histories[run_id].take(event, now_s)
        if run_id in self._meanwhile:
            self._meanwhile[run_id].append((event, now_s))
        if not self._update.isActive():
            self._update.start()

    def _job_ended(self, job: Job, outcome: Any) -> None:
        if isinstance(job, DetachedJob):
            run_id = job.folder.name
            self._jobs.pop(run_id, None)
            if run_id in self._pausing:
                self._pausing.discard(run_id)
                if outcome.state == "cancelled":
                    self._in_background(
                        lambda: self._project.store.update_run(run_id, message=values.PAUSED),
                        lambda _run: self.refresh(),
                    )
            self.refresh()
        if outcome.state in ("failed", "crashed") and job.verb in ("train", "evaluate"):
            self._view.notice.show_notice(outcome.message, "error")

    def _refused(self, verb: str, message: str) -> None:
        if verb in ("train", "evaluate"):
            self._view.notice.show_notice(message, "error")
            if not self._view.form.isHidden():
                self._view.form.show_refusal(message)

    # -- what is shown -----------------------------------------------------------------------------------------------

    def _take(self, read: tuple[list[RunRecord], int, int]) -> None:
        self._runs, n_accepted, n_deleted = read
        self._view.set_deleted(n_deleted)
        self._view.set_verified(n_accepted)
        self.comparing.set_runs(self._runs)
        self._show()

    def _show(self) -> None:
        ids = [run.id for run in self._runs]
        if ids and self._chosen not in ids and self._chosen not in self._jobs:  # a run just planned is read in a moment
            self._chosen = next((run_id for run_id in ids if run_id in self._jobs), ids[0] if ids else None)
        drawn = self.comparing.drawn(self._chosen)
        self._read_histories([run_id for run_id in drawn if run_id in ids])
        shown = [self._row(run, drawn.get(run.id)) for run in self._runs]
        self._view.set_runs(shown, self._chosen)
        by_id = {run.id: run for run in self._runs}
        curves = rows.curves_of(drawn, by_id, self._histories, self._axis)
        self._view.set_curves(*curves, axis=self._axis)
        chosen = by_id.get(self._chosen or "")
        self._view.set_details(None if chosen is None else self._details(chosen))
        self._show_current()
        self.comparing.show(chosen)

    def _row(self, run: RunRecord, token: str | None) -> Row:
        """Returns a run's row; of hundreds that are over none is made twice."""
        history, job, evaluating = self._histories.get(run.id), self._jobs.get(run.id), self._evaluating.get(run.id)
        if job is not None or evaluating is not None:
            return rows.row_of(run, token, history, job, evaluating)
        key = token, None if history is None else history.recall.version
        known = self._rows.get(run.id)
        if known is None or known[0] is not run or known[1] != key:
            known = self._rows[run.id] = run, key, rows.row_of(run, token, history, None, None)
        return known[2]

    def _show_current(self) -> None:
        """Shows what the chosen run learns from while it goes; read in the background, one step's pairs at a time."""
        job, history = self._jobs.get(self._chosen or ""), self._histories.get(self._chosen or "")
        learning = history.learning if job is not None and history is not None else None
        if learning is None or self._view.isHidden():
            self._learning = None
            self._view.details.set_current(())
            return
        if self._is_reading_current or learning == self._learning:
            return
        self._learning, self._is_reading_current = learning, True

        def read(pairs: tuple[CurrentPair, ...] = ()) -> None:
            self._is_reading_current = False
            if self._learning == learning:
                self._view.details.set_current(pairs, learning.n)

        self._work.background.run(
            lambda: read_current_pairs(self._project, learning.pairs), read, lambda _error: read(), priority=-1
        )

    def _details(self, run: RunRecord) -> Any:
        return rows.details_of(
            run,
            self._histories.get(run.id),
            self._jobs.get(run.id),
            is_evaluating=run.id in self._evaluating,
            is_compared=self.comparing.has(run.id),
            n_waiting=sum(job.state == "queued" for job in self._jobs.values()),
        )

    def _read_histories(self, wanted: list[str]) -> None:
        """Reads the curves of these runs where they were not yet, in the background."""
        missing = [run_id for run_id in wanted if run_id not in self._histories and run_id not in self._reading]
        if not missing:
            return
        self._reading.update(missing)
        records = [run for run in self._runs if run.id in missing]

        def read() -> dict[str, values.RunHistory]:
            return {
                run.id: read_history(self._project.run_dir(run.id), run, float(values.n_pairs(run) or 0))
                for run in records
            }

        def done(found: dict[str, values.RunHistory]) -> None:
            self._reading.difference_update(missing)
            for run_id, history in found.items():
                self._histories.setdefault(run_id, history)
            self._show()

        self._work.background.run(read, done)

    def _choose_axis(self, axis: str) -> None:
        self._axis = axis
        self._show()

    def _run(self, run_id: str) -> RunRecord | None:
        return next((run for run in self._runs if run.id == run_id), None)


def read_history(folder: Path, run: RunRecord | None, n_pairs: float) -> values.RunHistory:
    """Returns a run's history from its files, whatever of them is there and can be read."""
    history = values.history_of_metrics(folder / "metrics.jsonl", n_pairs)
    log = values.RunHistory()
    try:
        for event in read_events(folder / EVENTS_FILE):
            log.take(event, 0.0)
    except OSError as error:
        log.log.append(f"{folder / EVENTS_FILE} cannot be read ({error.strerror}).")
    if log.log:
        history.log = log.log
    if run is not None and run.message:
        history.log.append(run.message)
    return history
