"""The Runs workspace: real training in a child process, runs of other windows, curves, the form, what numbers say."""

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annotator.jobs.queue import JobQueue
from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.views.runs import values
from annotator.views.runs.chart import CurveChart, value_text
from annotator.views.runs.chart_drawing import Curve, grid, share_grid
from annotator.views.runs.presenter import RunsPresenter
from annotator.views.runs.wishes import RunWish
from annotator.views.runs.workspace import RunsWorkspace
from annotator.views.work import Work
from davenet import events
from tests.annotator.project_maker import decide, make_project
from tests.davenet.synthetic_clips import write_synthetic_clip

LONG_MS = 200_000  # only a bound: a child at low priority can starve beside other work


class Runs:
    """A Runs workspace on a project whose pairs have clips, so that training is real."""

    def __init__(self, project: Project, qtbot: QtBot) -> None:
        self.project, self.qtbot, self.is_closed = project, qtbot, False
        self.queue = JobQueue()
        self.work = Work(project, self.queue)
        self.view = RunsWorkspace()
        self.view.resize(1280, 720)
        self.view.show()
        self.presenter = RunsPresenter(self.view, self.work)
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(self.work.background.is_idle, timeout=LONG_MS)

    def until(self, true: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(true, timeout=LONG_MS)

    def cell(self, row: int, column: int) -> str:
        return self.view.table.rows()[row].cells[column].text

    def close(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self.presenter.close()
        self.work.close()
        self.queue.close()
        self.view.close()
        self.view.deleteLater()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made, pairs = make_project(tmp_path / "kitchen", ["train", "train", "validation"], pairs_each=6)
    for number in range(3):
        write_synthetic_clip(made.clips_dir, f"video-{number}", 40, number, size=(64, 48))
    decide(made.store, pairs)
    yield made
    made.close()


@pytest.fixture
def runs(project: Project, qtbot: QtBot) -> Iterator[Runs]:
    made = Runs(project, qtbot)
    yield made
    for job in made.queue.jobs:
        job.cancel()
    made.qtbot.waitUntil(lambda: not made.queue.jobs, timeout=LONG_MS)
    made.settle()
    made.close()


def wish(epochs: int = 1, *, start_from: str = "") -> RunWish:
    return RunWish("small", start_from, {"epochs": epochs, "learning_rate": 0.01}, "cpu")


def test_without_runs_the_page_says_what_a_run_is_and_what_it_would_learn_from(runs: Runs) -> None:
    assert runs.view.empty.isVisible()
    assert runs.view.verified.text() == "18 verified pairs"
    runs.view.empty.action_button().click()
    runs.until(lambda: runs.view.form.isVisible() and runs.view.form.start.isEnabled())
    assert runs.view.form.isVisible()
    assert runs.view.form.pairs.text() == (
        "12 accepted pairs to train on, 12 non-food; 6 to validate, where chance of Recall@10 is 100.0 %: "
        "too few to tell anything."
    )
    runs.qtbot.keyClick(runs.view.form, Qt.Key.Key_Escape)
    assert not runs.view.form.isVisible()


def test_a_run_is_started_followed_and_kept(runs: Runs) -> None:
    runs.presenter.start_run(wish(epochs=2))
    runs.until(lambda: bool(runs.project.store.runs()) and runs.project.store.runs()[0].state == "finished")
    runs.settle()
    run = runs.project.store.runs()[0]
    runs.until(lambda: runs.cell(0, 6).startswith("done"))
    assert runs.cell(0, 0) == "1  small, dataset 1"
    assert float(runs.cell(0, 2).split(" ± ")[0]) == pytest.approx(100 * run.result["audio_recall_at_10"], abs=0.05)
    assert runs.view.details.run_id() == run.id
    assert len(runs.view.recall.curves()[0].x) == 3  # before the first epoch and after each
    assert len(runs.view.loss.curves()[0].x)
    assert run.pid is None
    runs.until(lambda: not runs.view.details.action("evaluate").isHidden())
    assert runs.view.details.action("cancel").isHidden()

    runs.presenter.evaluate_run(run.id)
    runs.until(lambda: "evaluations" in runs.project.store.run(run.id).result)


def test_a_cancelled_run_keeps_its_checkpoint_and_can_be_resumed(runs: Runs) -> None:
    runs.presenter.start_run(wish(epochs=5000))
    runs.until(lambda: "epoch" in runs.presenter.status())
    run = runs.project.store.runs()[0]
    assert runs.presenter.status().startswith("run 1 · epoch ")
    runs.until(lambda: runs.project.store.run(run.id).state == "running")
    assert (runs.project.store.run(run.id).pid or 0) > 0
    runs.view.details.action("cancel").click()
    runs.until(lambda: runs.project.store.run(run.id).state == "cancelled")
    runs.settle()
    assert (runs.project.run_dir(run.id) / "checkpoints" / "last.safetensors").exists()
    runs.until(lambda: not runs.view.details.action("resume").isHidden())
    n_seen = len((runs.project.run_dir(run.id) / "metrics.jsonl").read_text("utf-8").splitlines())
    runs.view.details.action("resume").click()
    runs.until(
        lambda: len((runs.project.run_dir(run.id) / "metrics.jsonl").read_text("utf-8").splitlines()) > n_seen + 2
    )
    runs.until(lambda: runs.project.store.run(run.id).state == "running")


def test_a_run_goes_on_without_its_window_and_is_found_again(runs: Runs) -> None:
    runs.presenter.start_run(wish(epochs=5000))
    runs.until(lambda: "epoch" in runs.presenter.status())
    run_id = runs.project.store.runs()[0].id
    runs.settle()
    runs.close()
    again = Runs(runs.project, runs.qtbot)
    again.work.find_runs_again()
    again.until(lambda: "epoch" in again.presenter.status())
    again.until(lambda: bool(again.view.loss.curves()) and len(again.view.loss.curves()[0].x) > 0)
    again.presenter.cancel_run(run_id)
    again.until(lambda: runs.project.store.run(run_id).state == "cancelled")
    again.settle()
    again.close()


def test_a_run_that_cannot_start_says_why_in_place(runs: Runs, tmp_path: Path) -> None:
    runs.presenter.start_run(wish(start_from=str(tmp_path / "none.safetensors")))
    runs.until(lambda: runs.view.notice.isVisible())
    assert "none.safetensors does not exist" in runs.view.notice.text()
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    runs.presenter.start_run(wish(start_from=str(tmp_path / "bad.safetensors")))
    runs.until(lambda: bool(runs.project.store.runs()) and runs.project.store.runs()[0].state == "failed")
    runs.until(lambda: "bad.safetensors" in runs.view.notice.text())
    runs.until(lambda: "bad.safetensors" in runs.view.details.message.text())


def test_a_run_that_never_began_is_marked_so(runs: Runs) -> None:
    from annotator import verbs

    spec = verbs.plan_train(runs.project, "small")
    runs.work.find_runs_again()
    runs.settle()
    assert runs.project.store.run(spec.run_dir.name).state == "cancelled"


def test_too_few_accepted_pairs_are_told_in_the_form(tmp_path: Path, qtbot: QtBot) -> None:
    project, _ = make_project(tmp_path / "empty", ["train"])
    runs = Runs(project, qtbot)
    runs.presenter.open_form()
    runs.until(lambda: "no accepted pairs" in runs.view.form.pairs.text())
    assert not runs.view.form.start.isEnabled()
    runs.close()
    project.close()


def test_a_history_takes_metrics_from_a_file_and_passes_bad_lines_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [
        json.dumps({"step": 1, "epoch": 0.5, "loss": 2.0}),
        "{broken",
        "[1]",
        json.dumps({"step": 2, "epoch": 1, "audio_recall_at_10": 0.4, "visual_recall_at_10": 0.2}),
    ]
    path.write_text("\n".join(lines))
    history = values.history_of_metrics(path)
    assert history.loss.points() == [(0.5, 2.0)]
    assert history.recall.points() == [(1.0, pytest.approx(0.3))]
    assert not len(values.history_of_metrics(tmp_path / "none").loss)


def test_a_run_that_goes_on_from_its_state_draws_no_line_backwards() -> None:
    history = values.RunHistory()
    for epoch, loss in ((1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (2.0, 1.9), (4.0, 0.9)):
        history.take(events.Metrics(1, epoch, {"loss": loss}), 0.0)
    assert history.loss.points() == [(1.0, 3.0), (2.0, 1.9), (4.0, 0.9)]


def test_the_rate_comes_from_the_last_seconds_and_not_from_a_burst() -> None:
    rate = values.Rate()
    for done in range(100):
        rate.add(done, 0.001 * done / 100)
    assert rate.per_s() is None
    rate.add(140, 1.0)
    assert rate.per_s() == pytest.approx(41.0, rel=0.01)
    rate.add(5, 2.0)  # started again
    assert rate.per_s() is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (89, "89 s"), (120, "2 min"), (4320, "1 h 12 min"), (3599, "1 h 00 min")]
)
def test_a_duration_reads_as_exact_as_is_of_use(seconds: float, text: str) -> None:
    assert values.duration_text(seconds) == text


def test_a_runs_row_names_its_state() -> None:
    started = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)
    run = RunRecord("007-small", "small", "finished", created_at=started, finished_at=started.replace(minute=41))
    assert values.label_of(run) == "7  small"
    assert values.state_text(run) == "done · 41 min"
    assert values.number_of(RunRecord("mine", "small", "planned")) == "mine"


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_the_grid_holds_every_value_between_its_ends(low: float, span: float) -> None:
    lines = grid(low, low + span)
    step = lines[1] - lines[0]
    assert lines[0] <= low + 1e-6 * step
    assert lines[-1] >= low + span - 1e-6 * max(step, abs(low))
    assert all(math.isclose(b - a, step, rel_tol=1e-6) for a, b in pairwise(lines))


def test_grid_lines_are_written_with_the_decimals_they_need() -> None:
    assert [value_text(v, 2.5) for v in (0, 2.5, 5.0)] == ["0.0", "2.5", "5.0"]
    assert value_text(0.3, 0.05) == "0.30"
    assert share_grid(33) == [0, 10, 20, 30, 40]
    assert share_grid(100)[-1] == 100


def test_a_chart_paints_its_curves_and_says_so_when_it_has_none(qtbot: QtBot) -> None:
    chart = CurveChart("Loss")
    qtbot.addWidget(chart)
    chart.resize(400, 220)
    chart.set_curves([], empty="Comes with the first step.")
    blank = chart.grab().toImage()
    points = tuple((float(i), 3.0 / (i + 1)) for i in range(5000))
    chart.set_curves([Curve.of("1 small", "accent", (*points, (5000.0, math.nan)))], "0.1 · step 5")
    assert chart.grab().toImage() != blank
    qtbot.mouseMove(chart, chart.rect().center())
    chart.grab()


def test_a_dry_run_says_what_it_would_take_before_anything_starts(runs: Runs) -> None:
    runs.presenter.open_form()
    form = runs.view.form
    runs.until(lambda: form.isVisible() and form.start.isEnabled())
    form.choose("small")
    form.rows()["epochs"].set_value(3)
    runs.until(form.dry_run.isEnabled)
    form.dry_run.click()
    runs.until(lambda: form.cost.text().startswith("Dry run: "))
    assert "3 steps" in form.cost.text()
    assert "of disk" in form.cost.text()
    assert not runs.project.store.runs()
    assert not list(runs.project.runs_dir.iterdir())


def test_what_verdicts_bought_is_measured_by_one_button(runs: Runs) -> None:
    store = runs.project.store
    for _ in range(2):
        n_before = len(store.runs())
        runs.presenter.start_run(wish())
        runs.until(
            lambda n_before=n_before: (
                [run.state for run in store.runs()][: 1 + n_before] == ["finished"] * (1 + n_before)
            )
        )
        runs.settle()
        for pair in store.accepted_pairs("train")[:2]:
            store.give_verdict(pair.uid, "reject", reviewer="ann", seconds=1.0, window_s=2.0)
    newest = store.runs()[0]
    assert newest.config["pairs"]["dataset"] == 2
    runs.presenter.choose_run(newest.id)
    bought = runs.view.bought
    runs.until(lambda: bought.isVisible() and bought.measure.isVisible())
    bought.measure.click()
    runs.until(bought.gain.isVisible)
    assert bought.verdicts.text().startswith("2 verdicts since")
    assert bought.gain.text().startswith("+0.0 points")  # six pairs are all within the ten
    assert (runs.project.run_dir(newest.id) / "evaluation.of-001-small.ranks.json").is_file()
