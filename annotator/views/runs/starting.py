"""Joins the form of a new run with the project: what it offers, what its pairs would be, the dry run, and the start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from annotator import datasets, results, verbs
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import Job
from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.views.data.fields import Wish
from annotator.views.runs import values
from annotator.views.runs.form import RunForm
from annotator.views.runs.wishes import VERB, Choice, FormFacts, RunWish, filled_from
from annotator.views.work import Work
from davenet.errors import UserError
from davenet.specs import TrainSpec

_SMALL_CHECKPOINT = Path(__file__).resolve().parents[3] / "resources" / "checkpoint" / "kitchen-small.safetensors"


class Starting(QObject):
    """Plans happen off the GUI thread; each run that it starts freezes its dataset first."""

    run_planned = Signal(str)  # a run's id
    said = Signal(str, str)  # a sentence, and its kind

    def __init__(self, form: RunForm, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._form, self._work, self._project = form, work, work.project
        self._asked = 0
        self._estimating: Job | None = None
        form.set_runner(work.background.run)
        form.run_requested.connect(self.start)
        form.estimate_requested.connect(self.estimate)
        form.elsewhere_requested.connect(self.start_elsewhere)
        form.pairs_requested.connect(self._count_pairs)

    def open(self, runs: list[RunRecord], filled: Wish | None, show: Callable[[], None]) -> None:
        """Reads what the form offers, fills it in and lets it be shown."""

        def read() -> FormFacts:
            return facts_of(self._project, runs)

        def ready(facts: FormFacts) -> None:
            self._form.set_facts(facts)
            self._form.fill(filled)
            show()

        self._work.background.run(read, ready, lambda error: self.said.emit(str(error), "error"))

    def duplicate(self, run: RunRecord, runs: list[RunRecord], show: Callable[[], None]) -> None:
        self.open(runs, filled_from(run), show)

    def fine_tune(self, run: RunRecord | None, runs: list[RunRecord], show: Callable[[], None]) -> None:
        """Fills the form in for a run on what the verdicts give now, from a run's checkpoint where there is one."""
        given = (("start_from", run.id),) if run is not None else ()
        self.open(runs, Wish(VERB, "demo" if run is None else run.preset, given), show)

    def start(self, wish: RunWish) -> None:
        self._form.show_busy("The pairs are being frozen…")
        self._work.start("train", f"Train {wish.preset}", lambda: plan(self._project, wish), on_job=self._planned)

    def start_elsewhere(self, wish: RunWish) -> None:
        """Freezes a run that another machine trains, and copies the command line for it."""

        def done(found: tuple[str, str]) -> None:
            run_id, command = found
            QGuiApplication.clipboard().setText(command)
            self.said.emit(f"Copied; run it in a copy of the project's folder: {command}", "good")
            self.run_planned.emit(run_id)

        def planned() -> tuple[str, str]:
            spec = plan(self._project, wish, waits=False)
            return spec.run_dir.name, verbs.plan_elsewhere(self._project, spec)

        self._work.background.run(planned, done, lambda error: self._form.show_refusal(str(error)))

    def estimate(self, wish: RunWish) -> None:
        """Starts the dry run; its answer comes into the form."""
        self._stop_estimating()

        def started(job: Job) -> None:
            self._estimating = job
            job.finished.connect(lambda outcome: self._estimated(job, outcome))

        def not_planned(outcome: Outcome) -> None:
            if self._estimating is None and outcome.state == "failed":
                self._form.show_cost(outcome.message, is_bad=True)

        self._work.start(
            "estimate",
            f"Dry run of {wish.preset}",
            lambda: verbs.plan_estimate(
                self._project,
                wish.preset,
                config=wish.config,
                start_from=wish.start_from or None,
                image_weights=wish.image_weights,
                device=wish.device,
                selection=wish.selection,
                dataset=wish.dataset,
            ),
            on_job=started,
            on_ended=not_planned,
        )

    def close(self) -> None:
        self._stop_estimating()

    def _stop_estimating(self) -> None:
        if self._estimating is not None:
            self._estimating.cancel()
            self._estimating = None

    def _estimated(self, job: Job, outcome: Outcome) -> None:
        if self._estimating is not job:
            return  # another was asked for since
        self._estimating = None
        if outcome.ok:
            self._form.show_cost(cost_text(outcome.result), is_bad=_is_too_much(outcome.result))
        else:
            self._form.show_cost(outcome.message, is_bad=True)

    def _planned(self, job: Job) -> None:
        self.run_planned.emit(job.folder.name)

    def _count_pairs(self, wish: RunWish) -> None:
        self._asked += 1
        number = self._asked

        def counts() -> dict[str, Any]:
            if wish.dataset is not None:
                return dict(datasets.version(self._project, wish.dataset).counts)
            return datasets.preview(self._project, wish.selection)

        def told(found: dict[str, Any]) -> None:
            if number == self._asked:
                self._form.set_pairs(pairs_text(found), datasets.leak_warning(found))

        def refused(error: UserError) -> None:
            if number == self._asked:
                self._form.set_refused(str(error))

        self._work.background.run(counts, told, refused)


def plan(project: Project, wish: RunWish, *, waits: bool = True) -> TrainSpec:
    """Freezes the dataset of a wish, where it is not a frozen one, and plans its run; raises UserError."""
    project.require_writable()
    number = wish.dataset if wish.dataset is not None else datasets.freeze(project, wish.selection).id
    return verbs.plan_train(
        project,
        wish.preset,
        config=wish.config,
        start_from=wish.start_from or None,
        image_weights=wish.image_weights,
        device=wish.device,
        dataset=number,
        waits=waits,
    )


def facts_of(project: Project, runs: list[RunRecord]) -> FormFacts:
    """Returns what the form offers: datasets, who reviewed, and the checkpoints to begin from."""
    shipped = [Choice(str(_SMALL_CHECKPOINT), "kitchen demo checkpoint (small)")] if _SMALL_CHECKPOINT.exists() else []
    trained = [
        Choice(run.id, f"run {values.number_of(run)}, {run.preset}")
        for run in runs
        if run.result.get("checkpoint") or run.result.get("best_checkpoint")
    ]
    starts = {"demo": shipped[0].value} if shipped else {}
    learnt = [run.id for run in runs if run.preset == "unsupervised" and any(run.id == each.value for each in trained)]
    if learnt:
        starts["weak-unsupervised"] = learnt[0]
    reviewers = dict.fromkeys(judgement.reviewer for judgement in project.store.judgements())
    return FormFacts(tuple(datasets.versions(project)), tuple(reviewers), (*shipped, *trained), starts)


def pairs_text(counts: dict[str, Any]) -> str:
    """Returns what a run would learn from and be measured on, and what chance would reach there."""
    number = values.number_text
    unjudged = f", {number(counts['train_unjudged'])} that nobody judged" if counts.get("train_unjudged") else ""
    non_food = f", {number(counts['train_non_food'])} non-food" if counts.get("train_non_food") else ""
    n_validation = int(counts["validation"])
    chance = values.percent_text(min(1.0, 10 / n_validation) if n_validation else None)
    how = str(counts.get("how", ""))
    split = "" if how.startswith("the project's splits") else f" Split: {how}."
    applied = [f"{counts[name]} {name}" for name in ("corrected", "nudged") if counts.get(name)]
    return (
        f"{number(counts['train_accepted'])} accepted pairs to train on{unjudged}{non_food}; "
        f"{number(n_validation)} to validate, where chance of Recall@10 is {chance} %"
        + (": too few to tell anything." if n_validation <= results.K else ".")
        + (f" {', '.join(applied)} by reviewers." if applied else "")
        + split
    )


def cost_text(found: Any) -> str:
    """Returns what the dry run measured, in a sentence."""
    parts = [
        f"{values.number_text(found['steps'])} steps",
        f"about {values.duration_text(found['seconds'])} ({found['pairs_per_s']:.3g} pairs/s on {found['device']})",
    ]
    if found.get("memory_bytes"):
        parts.append(f"{values.bytes_text(found['memory_bytes'])} of memory")
    if found.get("gpu_bytes"):
        parts.append(f"{values.bytes_text(found['gpu_bytes'])} of the graphics card's")
    parts.append(
        f"{values.bytes_text(found['disk_bytes'])} of disk ({values.bytes_text(found['disk_free_bytes'])} free)"
    )
    lost = f"; {found['unreadable_pairs']} pairs cannot be read" if found.get("unreadable_pairs") else ""
    lack = " That is more than the disk has." if _is_too_much(found) else ""
    return f"Dry run: {', '.join(parts)}{lost}.{lack}"


def _is_too_much(found: Any) -> bool:
    return bool(found["disk_bytes"] > found["disk_free_bytes"])
