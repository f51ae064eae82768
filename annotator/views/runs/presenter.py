"""Joins the Runs workspace with the project's runs and the queue: what is shown, and what its buttons do.

Runs are followed through their job's events while they go and read from their folder's metrics.jsonl otherwise. Many
events in a moment become one update of the widgets.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from annotator import verbs
from annotator.jobs.queue import DetachedJob, Job
from annotator.jobs.tail import EVENTS_FILE, read_events
from annotator.store.records import RunRecord
from annotator.views.runs import values
from annotator.views.runs.chart import Curve
from annotator.views.runs.details_panel import RunDetails
from annotator.views.runs.form import Choice, FormChoices, PresetChoice, RunWish
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.widgets.table import Cell, Row
from annotator.views.work import Work
from davenet import events
from davenet.errors import UserError
from davenet.training.presets import PRESETS, TrainConfig, preset

UPDATE_MS = 200
_OTHER_CURVES = ("info", "muted")  # the accent is the chosen run's
_SMALL_CHECKPOINT = Path(__file__).resolve().parents[3] / "resources" / "checkpoint" / "kitchen-small.safetensors"


class RunsPresenter(QObject):
    """One for an open project; it follows the runs of its work."""

    def __init__(self, workspace: RunsWorkspace, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view, self._work = workspace, work
        self._project = work.project
        self._runs: list[RunRecord] = []
        self._histories: dict[str, values.RunHistory] = {}
        self._jobs: dict[str, Job] = {}
        self._evaluating: dict[str, Job] = {}
        self._chosen: str | None = None
        self._update = QTimer(self)
        self._update.setSingleShot(True)
        self._update.setInterval(UPDATE_MS)
        self._update.timeout.connect(self._show)
        work.job_started.connect(self._job_started)
        work.ended.connect(self._job_ended)
        work.refused.connect(self._refused)
        work.collected.connect(lambda verb, _summary: self.refresh() if verb in ("train", "evaluate", "mine") else None)
        view = workspace
        view.new_run_requested.connect(self.open_form)
        view.start_requested.connect(self.start_run)
        view.run_chosen.connect(self.choose_run)
        view.evaluate_requested.connect(self.evaluate_run)
        view.details.cancel_requested.connect(self.cancel_run)
        view.details.resume_requested.connect(self.resume_run)
        view.details.folder_requested.connect(self._open_folder)
        self.refresh()

    def refresh(self) -> None:
        """Reads the runs and the number of accepted pairs again; called when the workspace opens and after a verb."""
        known = {run_id for run_id in self._histories if run_id not in self._jobs}

        def read() -> tuple[list[RunRecord], dict[str, values.RunHistory], int, tuple[int, int, str] | UserError]:
            runs = self._project.store.runs()
            histories = {
                run.id: _read_history(self._project.run_dir(run.id), run)
                for run in runs
                if run.id not in known and run.id not in self._jobs
            }
            try:
                pairs: tuple[int, int, str] | UserError = verbs.accepted_split(self._project)
            except UserError as error:
                pairs = error
            return runs, histories, len(self._project.store.accepted_pairs()), pairs

        self._work.background.run(read, self._take, lambda error: self._refused("train", str(error)))

    def open_form(self) -> None:
        self.refresh()
        self._view.show_form()

    def choose_run(self, run_id: str) -> None:
        self._chosen = run_id
        self._show()

    def start_run(self, wish: RunWish) -> None:
        config: dict[str, object] = {}
        base = PRESETS[wish.preset]
        if wish.epochs != base.epochs:
            config["epochs"] = wish.epochs
        if wish.learning_rate != base.learning_rate:
            config["learning_rate"] = wish.learning_rate
        self._view.form.start.setEnabled(False)
        self._view.notice.clear()
        self._work.start(
            "train",
            f"Train {wish.preset}",
            lambda: verbs.plan_train(
                self._project,
                wish.preset,
                config=config,
                start_from=wish.start_from or None,
                device=wish.device,
            ),
            on_job=self._run_planned,
        )

    def resume_run(self, run_id: str) -> None:
        self._work.start("train", f"Train {run_id}", lambda: verbs.plan_resume(self._project, run_id))

    def evaluate_run(self, run_id: str) -> None:
        def started(job: Job) -> None:
            self._evaluating[run_id] = job
            self._update.start()

        def ended(_outcome: object) -> None:
            self._evaluating.pop(run_id, None)
            self._update.start()

        title = f"Evaluate {run_id}"
        plan = lambda: verbs.plan_evaluate(self._project, run_id)  # noqa: E731
        self._work.start("evaluate", title, plan, on_job=started, on_ended=ended)

    def cancel_run(self, run_id: str) -> None:
        job = self._jobs.get(run_id) or self._evaluating.get(run_id)
        if job is not None:
            job.cancel()
            self._show()

    def close(self) -> None:
        self._update.stop()

    def _run_planned(self, job: Job) -> None:
        self._chosen = _run_id(job)
        self._view.hide_form()
        self.refresh()

    def _job_started(self, job: Job) -> None:
        if not isinstance(job, DetachedJob):
            return
        run_id = _run_id(job)
        self._jobs[run_id] = job
        old = _read_history(self._project.run_dir(run_id), None) if not job.found_again else values.RunHistory()
        self._histories[run_id] = old
        job.event_arrived.connect(lambda event: self._take_event(run_id, event))
        job.changed.connect(lambda _job: self._update.start() if not self._update.isActive() else None)

    def _take_event(self, run_id: str, event: events.Event) -> None:
        self._histories[run_id].take(event, time.monotonic())
        if not self._update.isActive():
            self._update.start()

    def _job_ended(self, job: Job, outcome: Any) -> None:
        if isinstance(job, DetachedJob):
            self._jobs.pop(_run_id(job), None)
            self.refresh()
        if outcome.state in ("failed", "crashed") and job.verb in ("train", "evaluate"):
            self._view.notice.show_notice(outcome.message, "error")

    def _refused(self, verb: str, message: str) -> None:
        if verb in ("train", "evaluate"):
            self._view.notice.show_notice(message, "error")
            self._view.form.start.setEnabled(True)

    def _take(self, read: tuple[list[RunRecord], dict[str, values.RunHistory], int, Any]) -> None:
        self._runs, histories, n_accepted, pairs = read
        for run_id, history in histories.items():
            if run_id not in self._jobs:
                self._histories[run_id] = history
        self._view.set_verified(n_accepted)
        self._view.form.set_choices(_choices(self._runs))
        if isinstance(pairs, UserError):
            self._view.form.set_refused(str(pairs))
        else:
            n_train, n_validation, note = pairs
            shown = "" if note.startswith("the project's splits") else f"Split: {note}."
            self._view.form.set_pairs(n_train, n_validation, shown)
        self._show()

    def _show(self) -> None:
        ids = [run.id for run in self._runs]
        if self._chosen not in ids and self._chosen not in self._jobs:  # a run just planned is read in a moment
            self._chosen = next((run_id for run_id in ids if run_id in self._jobs), ids[0] if ids else None)
        compared = self._compared(ids)
        self._view.set_runs([self._row(run, compared.get(run.id)) for run in self._runs], self._chosen)
        self._show_curves(compared)
        chosen = next((run for run in self._runs if run.id == self._chosen), None)
        self._view.set_details(None if chosen is None else self._details(chosen))

    def _compared(self, ids: list[str]) -> dict[str, str]:
        """Returns the runs whose curves are drawn with their tokens: the chosen one and the two newest others."""
        if self._chosen is None:
            return {}
        others = [r for r in ids if r != self._chosen and r in self._histories and self._histories[r].loss][:2]
        return {self._chosen: "accent", **dict(zip(others, _OTHER_CURVES, strict=False))}

    def _show_curves(self, compared: Mapping[str, str]) -> None:
        by_id = {run.id: run for run in self._runs}
        loss, recall = [], []
        for run_id, token in compared.items():
            history = self._histories.get(run_id)
            if history is None or run_id not in by_id:
                continue
            name = values.label_of(by_id[run_id])
            loss.append(Curve(name, token, tuple(history.loss)))
            recall.append(Curve(name, token, tuple((epoch, 100 * share) for epoch, share in history.recall)))
        chosen = None if self._chosen is None else self._histories.get(self._chosen)
        readouts = ("", "")
        if chosen is not None and self._chosen in by_id:
            step = f"{chosen.loss[-1][1]:.2f} · step {values.number_text(chosen.step)}" if chosen.loss else ""
            best = f"{100 * chosen.recall[-1][1]:.1f} % · epoch {chosen.recall[-1][0]:.0f}" if chosen.recall else ""
            readouts = (step, best)
            _, chance = values.gallery(by_id[self._chosen])
            if chance is not None and chosen.recall:
                ends = ((0.0, 100 * chance), (max(1.0, chosen.recall[-1][0]), 100 * chance))
                recall.append(Curve("chance", "faint", ends, dashed=True))
        self._view.set_curves(loss, recall, readouts)

    def _row(self, run: RunRecord, token: str | None) -> Row:
        history = self._histories.get(run.id)
        audio, visual = values.recalls(run, history)
        size, chance = values.gallery(run)
        pairs = values.n_pairs(run)
        return Row(
            run.id,
            (
                Cell(values.label_of(run), dot=token or "line", tip=run.id),
                Cell("–" if pairs is None else values.number_text(pairs)),
                Cell(values.percent_text(audio), token="muted" if audio is None else "text"),
                Cell(values.percent_text(visual), token="muted" if visual is None else "text"),
                Cell("–" if size is None else values.number_text(size), token="muted"),
                Cell(values.percent_text(chance), token="muted"),
                self._state_cell(run, history),
            ),
        )

    def _state_cell(self, run: RunRecord, history: values.RunHistory | None) -> Cell:
        job = self._jobs.get(run.id)
        if job is None:
            evaluating = self._evaluating.get(run.id)
            if evaluating is not None:
                progress = evaluating.progress
                share = progress.done / progress.total if progress and progress.total else 0.0
                return Cell("evaluating", share=share)
            if run.state in ("failed", "crashed"):
                return Cell(
                    values.state_text(run), token="reject", glyph="warning", glyph_token="reject", tip=run.message
                )
            return Cell(values.state_text(run), tip=run.message)
        if job.state == "queued":
            return Cell("waits for the run before it", token="muted")
        if job.state == "stopping":
            return Cell("saving, then stops", token="muted")
        progress = history.progress if history else None
        if progress is None or not progress.total:
            return Cell("starting", token="muted")
        left = history.left_s() if history else None
        return Cell("" if left is None else f"{values.duration_text(left)} left", share=progress.done / progress.total)

    def _details(self, run: RunRecord) -> RunDetails:
        history = self._histories.get(run.id)
        job = self._jobs.get(run.id)
        actions = {"folder"}
        if run.id in self._evaluating or (job is not None and job.state != "stopping"):
            actions.add("cancel")
        if job is None and run.id not in self._evaluating:
            if run.state != "finished":
                actions.add("resume")
            if run.result.get("best_checkpoint") or run.result.get("checkpoint"):
                actions.add("evaluate")
        ended_badly = job is None and run.state in ("failed", "crashed")
        return RunDetails(
            run.id,
            f"Run {values.number_of(run)}",
            run.preset,
            tuple(values.details(run, history, _config(run))),
            frozenset(actions),
            run.message if ended_badly else "",
            tuple(reversed(history.log)) if history else (),
        )

    def status(self) -> str:
        """Returns the top bar's text: "run 7 · epoch 12 of 30 · 41 pairs/s", '' while no run goes on."""
        for run in self._runs:
            job, history = self._jobs.get(run.id), self._histories.get(run.id)
            if job is None or history is None or job.state not in ("running", "stopping"):
                continue
            parts = [f"run {values.number_of(run)}"]
            if job.state == "stopping":
                parts.append("stopping")
            elif history.progress is None or not history.progress.note:
                parts.append("starting")
            else:
                parts.append(history.progress.note)
                if (rate := history.rate.per_s()) is not None:
                    parts.append(f"{rate:.0f} {history.progress.unit}/s" if rate >= 3 else f"{rate:.1f} pairs/s")
            return " · ".join(parts)
        return ""

    def _open_folder(self, run_id: str) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._project.run_dir(run_id))))


def _run_id(job: Job) -> str:
    return job.folder.name


def _config(run: RunRecord) -> Mapping[str, Any]:
    try:
        return preset(run.preset, run.config.get("values")).model_dump()
    except UserError:
        return {}  # a preset of another version; its other facts still show


def _read_history(folder: Path, run: RunRecord | None) -> values.RunHistory:
    history = values.history_of_metrics(folder / "metrics.jsonl")
    log = values.RunHistory()
    for event in read_events(folder / EVENTS_FILE):
        log.take(event, 0.0)
    if log.log:
        history.log = log.log
    if run is not None and run.message:
        history.log.append(run.message)
    return history


def _choices(runs: list[RunRecord]) -> FormChoices:
    shipped = [Choice(str(_SMALL_CHECKPOINT), "Kitchen demo checkpoint (small)")] if _SMALL_CHECKPOINT.exists() else []
    trained = [
        Choice(run.id, f"Run {values.number_of(run)}, {run.preset}")
        for run in runs
        if run.result.get("checkpoint") or run.result.get("best_checkpoint")
    ]
    presets = tuple(
        PresetChoice(
            name,
            config.description,
            config.epochs,
            config.learning_rate,
            start_from=shipped[0].value if shipped and name == "demo" else "",
        )
        for name, config in sorted(PRESETS.items(), key=lambda item: item[0] != "demo")
    )
    fields = TrainConfig.model_fields
    texts = {name: fields[name].description or "" for name in ("epochs", "learning_rate")}
    texts |= {
        "preset": "A whole configuration by name; what it is for stands below",
        "start_from": "The first weights: random, or those of a checkpoint of the same architecture",
        "device": "Where to train; automatic takes a graphics card where there is one",
    }
    devices = tuple(Choice(v, t) for v, t in (("auto", "Automatic"), ("cpu", "Processor"), ("cuda", "Graphics card")))
    return FormChoices(presets, (*shipped, *trained), devices, texts)
