"""The pages of Runs: the form and its pairs, many runs and points, the queue, notes, deletion, comparison, Table 3."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from annotator import datasets, verbs
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import DetachedJob, Job
from annotator.project import Project
from annotator.results import evaluation_path
from annotator.store.records import RunRecord
from annotator.views import theme
from annotator.views.data.verb_form import FIELDS_A_TURN
from annotator.views.runs.chart import CurveChart
from annotator.views.runs.chart_drawing import DRAWN, TURN, Curve
from annotator.views.runs.comparing import comparison_of
from annotator.views.runs.comparison_page import Comparison
from annotator.views.runs.presenter import read_history
from annotator.views.runs.series import Series, shown
from annotator.views.runs.training_fields import GROUPS, OTHERS, training_fields
from annotator.views.runs.values import PAUSED, RunHistory
from annotator.views.runs.wishes import RunWish
from davenet import events
from davenet.evaluation.rank_file import RankFile, ranks_path, write_ranks
from davenet.specs import TrainSpec
from davenet.training.presets import PRESETS, TrainConfig
from tests.annotator.project_maker import decide, make_project
from tests.gui.test_runs import Runs


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made, pairs = make_project(tmp_path / "kitchen", ["train", "train", "validation"], pairs_each=6)
    decide(made.store, pairs)
    yield made
    made.close()


@pytest.fixture
def runs(project: Project, qtbot: QtBot) -> Iterator[Runs]:
    made = Runs(project, qtbot)
    yield made
    made.settle()
    made.close()


def _add_run(project: Project, name: str, preset: str = "small", **result: Any) -> Path:
    folder = project.run_dir(name)
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text(
        "".join(
            json.dumps({"step": s, "epoch": s / 10, "loss": 1 / s, "pairs_per_s": 20.0}) + "\n" for s in range(1, 31)
        )
    )
    config = {"preset": preset, "values": {}, "pairs": {"train_food": 40, "validation": 6}}
    project.store.add_run(RunRecord(name, preset, "planned", config))
    project.store.update_run(name, state="finished", result={"best_checkpoint": "best", "epochs": 3, **result})
    return folder


def _refresh(runs: Runs) -> None:
    runs.presenter.refresh()
    runs.settle()


def _open_form(runs: Runs) -> None:
    runs.presenter.open_form()
    runs.until(lambda: runs.view.form.isVisible() and runs.view.form.start.isEnabled())


# -- the form ------------------------------------------------------------------------------------------------------------


def test_every_value_of_the_configuration_has_a_field_with_its_own_limits() -> None:
    fields = {field.name: field for field in training_fields(PRESETS["best"])}
    assert set(fields) == set(TrainConfig.model_fields) - {"description"}
    assert (fields["batch_size"].low, fields["batch_size"].high, fields["batch_size"].unit) == (2, 4096, "pairs")
    assert {value for value, _ in fields["optimiser"].choices} == {"sgd", "adamw"}
    assert all(field.help for field in fields.values())
    assert all(field.section != OTHERS for field in fields.values())
    assert fields["epochs"].default == PRESETS["best"].epochs
    assert len([name for names in GROUPS.values() for name in names]) == len(fields)


def test_a_changed_value_is_marked_goes_back_and_is_all_that_the_wish_holds(runs: Runs) -> None:
    _open_form(runs)
    form = runs.view.form
    form.choose("weak-random")
    row = form.rows()["epochs"]
    row.set_value(7)
    assert row.label.is_changed()
    assert form.run_wish().config == {"epochs": 7}
    assert form.run_wish().preset == "weak-random"
    row.back.click()
    assert form.run_wish().config == {}
    assert "13.4 / 14.6" in form.about.text()
    row.set_value(0)
    assert not form.start.isEnabled()
    assert "from 1" in row.trouble()


def test_fields_are_looked_for_by_name_or_meaning(runs: Runs) -> None:
    _open_form(runs)
    form = runs.view.form
    form.rows()["seed"].set_value(3)
    form.search.setText("impostor label")
    seen = {name for name, row in form.rows().items() if not row.isHidden()}
    assert "mask_same_label" in seen
    assert "threads" not in seen
    form.search.clear()
    form.only_changed.click()
    assert [name for name, row in form.rows().items() if not row.isHidden()] == ["seed"]


def test_the_form_is_made_in_turns_and_its_pairs_are_told_before(runs: Runs) -> None:
    runs.presenter.open_form()
    runs.until(runs.view.form.isVisible)
    page = runs.view.form._pages[runs.view.form.variant()]
    assert not page.is_made()
    assert FIELDS_A_TURN == 1
    runs.until(lambda: "12 accepted pairs" in runs.view.form.pairs.text())


def test_the_keys_of_the_form_work_after_a_click_on_a_preset(runs: Runs) -> None:
    _open_form(runs)
    form = runs.view.form
    runs.view.activateWindow()
    runs.qtbot.mouseClick(form.pills["best"], Qt.MouseButton.LeftButton)
    runs.until(lambda: form.variant() == "best" and form.start.isEnabled())
    focus = runs.view.focusWidget()
    assert focus is form or form.isAncestorOf(focus)
    runs.qtbot.keyClick(focus, Qt.Key.Key_Escape)
    assert not form.isVisible()


def test_other_pairs_are_counted_anew_and_stay_with_another_preset(runs: Runs) -> None:
    _open_form(runs)
    form = runs.view.form
    form.rows()["accepted_by"].set_value("these")
    form.rows()["reviewers"].set_value("ben")
    runs.until(lambda: "no accepted pairs" in form.pairs.text())
    assert not form.start.isEnabled()
    form.rows()["reviewers"].set_value("ann")
    runs.until(form.start.isEnabled)
    form.choose("best")
    assert form.rows()["reviewers"].value() == "ann"
    assert form.run_wish().selection == datasets.Selection("these", ("ann",))


def test_start_elsewhere_freezes_the_run_and_copies_its_command(runs: Runs) -> None:
    _open_form(runs)
    runs.view.form.elsewhere.click()
    runs.until(lambda: bool(runs.project.store.runs()) and runs.view.notice.isVisible())
    assert QGuiApplication.clipboard().text().startswith("torchrun ")
    runs.work.find_runs_again()
    runs.settle()
    (run,) = runs.project.store.runs()
    assert (run.state, run.message) == ("planned", verbs.ELSEWHERE)
    assert not runs.queue.jobs


# -- many runs, many points ----------------------------------------------------------------------------------------------


def test_of_a_million_points_a_curve_draws_four_a_pixel_and_keeps_every_spike(qtbot: QtBot) -> None:
    y = np.random.default_rng(0).normal(size=1_000_000)
    y[123_456], y[765_432] = 50.0, -50.0
    y[5] = np.nan
    chart = CurveChart("Loss")
    qtbot.addWidget(chart)
    chart.resize(600, 240)
    chart.set_curves([Curve("1", "accent", np.linspace(0, 30, len(y)), y)])
    chart.grab()
    qtbot.waitUntil(chart.is_drawn)
    assert chart.drawing is not None
    assert 0 < chart.drawing.n_drawn <= 4 * 600
    places = shown(np.arange(len(y), dtype=float), y, 568)
    assert {0, 123_456, 765_432, len(y) - 1} <= set(places.tolist())
    assert (np.diff(places) > 0).all()


def test_seven_long_curves_are_drawn_in_turns_and_only_what_is_new_is_thinned_again(qtbot: QtBot) -> None:
    x, random = np.linspace(0, 30, 8192), np.random.default_rng(0)
    curves = [Curve(str(n), "info", x, random.normal(size=len(x)), key=n) for n in range(7)]
    chart = CurveChart("Loss")
    qtbot.addWidget(chart)
    chart.resize(480, 240)
    chart.set_curves(curves)
    chart.grab()
    assert not chart.is_drawn()  # the first turn was one of many
    qtbot.waitUntil(chart.is_drawn)
    assert chart.drawing is not None
    a_curve = max(len(x), DRAWN * 4 * 480)
    assert max(chart.drawing.points_by_turn) < TURN + a_curve
    assert sum(chart.drawing.points_by_turn) > 7 * len(x)
    picture = chart.grab().toImage()
    ink = theme.current().color("info").rgb()
    assert sum(picture.pixel(x, y) == ink for x in range(480) for y in range(60, 200)) > 5000

    chart.set_curves([Curve("0", "info", x, random.normal(size=len(x)), key="new"), *curves[1:]])
    assert chart.grab().toImage() == picture  # the whole one stays until the new one is whole
    qtbot.waitUntil(chart.is_drawn)
    looked = sum(chart.drawing.points_by_turn) - DRAWN * chart.drawing.n_drawn
    assert looked == len(x)
    assert chart.grab().toImage() != picture


def test_a_series_that_grows_without_end_stays_small_and_keeps_its_ends() -> None:
    series = Series()
    for step in range(100_000):
        series.add(step / 100, step, step / 10, 99.0 if step == 777 else 1.0)
    assert len(series) < 40_000
    assert series.points()[0] == (0.0, 1.0)
    assert series.last() == (999.99, 1.0)
    assert series.column("value").max() == 99.0


def test_of_500_runs_only_those_that_are_drawn_are_read(project: Project, qtbot: QtBot) -> None:
    for number in range(1, 501):
        name = f"{number:03d}-small"
        project.store.add_run(RunRecord(name, "small", "finished", result={"audio_recall_at_10": 0.1}))
    runs = Runs(project, qtbot)
    runs.settle()
    assert len(runs.view.table.rows()) == 500
    assert len(runs.presenter.histories()) == 3
    before = runs.view.table.rows()
    runs.presenter.choose_run("100-small")
    runs.settle()
    made_anew = [row.key for row, old in zip(runs.view.table.rows(), before, strict=True) if row is not old]
    assert set(made_anew) == {"500-small", "499-small", "498-small", "100-small"}  # only whose colour or curve changed
    runs.close()


# -- what is done with runs ----------------------------------------------------------------------------------------------


def test_curves_go_over_epochs_steps_pairs_and_time(runs: Runs) -> None:
    _add_run(runs.project, "001-small")
    _refresh(runs)
    runs.until(lambda: bool(runs.view.loss.curves()))
    ends = []
    for _ in range(4):
        ends.append(float(runs.view.loss.curves()[0].x[-1]))
        runs.qtbot.keyClick(runs.view, Qt.Key.Key_X)
    assert ends == pytest.approx([3.0, 30.0, 120.0, 6.0])  # 3 epochs of 40 pairs at 20 a second


def test_notes_and_tags_are_kept_with_the_run(runs: Runs) -> None:
    _add_run(runs.project, "001-small")
    _refresh(runs)
    runs.qtbot.keyClicks(runs.view.details.notes, "warmer start")
    runs.qtbot.keyClicks(runs.view.details.tags, "kitchen, loop")
    runs.qtbot.keyClick(runs.view.details.tags, Qt.Key.Key_Return)
    runs.until(lambda: runs.project.store.run("001-small").tags == ("kitchen", "loop"))
    assert runs.project.store.run("001-small").notes == "warmer start"


def test_a_deleted_run_comes_back_and_its_folder_goes_only_when_emptied(runs: Runs) -> None:
    folder = _add_run(runs.project, "001-small")
    _refresh(runs)
    runs.qtbot.keyClick(runs.view, Qt.Key.Key_Delete)
    runs.until(lambda: not runs.view.table.rows())
    assert folder.is_dir()
    runs.view.notice.action_requested.emit()
    runs.until(lambda: len(runs.view.table.rows()) == 1)
    runs.presenter.delete_run("001-small")
    runs.until(lambda: not runs.view.table.rows())
    runs.until(runs.view.emptying.isVisible)
    runs.view.emptying.click()
    assert folder.is_dir()  # it asks first
    runs.view.notice.action_requested.emit()
    runs.until(lambda: not folder.exists())
    runs.settle()
    assert not runs.project.store.runs(deleted=True)


def test_a_run_is_duplicated_with_what_was_asked_of_it(runs: Runs) -> None:
    dataset = datasets.freeze(runs.project, datasets.Selection()).id
    spec = verbs.plan_train(runs.project, "best", config={"epochs": 5}, dataset=dataset, device="cpu")
    runs.project.store.update_run(spec.run_dir.name, state="cancelled", message=PAUSED, result={"epochs": 2})
    _refresh(runs)
    assert runs.cell(0, 6) == "paused at epoch 2"
    runs.view.details.action("duplicate").click()
    runs.until(lambda: runs.view.form.isVisible() and runs.view.form.start.isEnabled())
    assert runs.view.form.run_wish() == RunWish("best", "", {"epochs": 5}, "cpu", dataset=dataset)


def test_runs_are_compared_pair_by_pair_and_another_gallery_is_greyed(runs: Runs) -> None:
    uids = tuple(f"pair-{n}" for n in range(40))
    for name, gallery, found in (("001-small", "g", 10), ("002-small", "g", 30), ("003-small", "other", 40)):
        figures = {
            "gallery_hash": gallery,
            "gallery_size": 40,
            "audio_recall_at_10": found / 40,
            "visual_recall_at_10": 0.5,
        }
        _add_run(runs.project, name, evaluations={"validation": figures})
        ranks = np.where(np.arange(40) < found, 1, 30)
        write_ranks(
            ranks_path(evaluation_path(runs.project, name, "validation")), RankFile(gallery, uids, ranks, ranks)
        )
    _refresh(runs)
    for name in ("001-small", "002-small", "003-small"):
        runs.presenter.choose_run(name)
        runs.view.details.action("compare").click()
    runs.qtbot.keyClick(runs.view, Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
    page = runs.view.comparison
    runs.until(lambda: len(page.results.rows()) == 3)
    first, second, third = (row.cells for row in page.results.rows())
    assert second[3].text.startswith("+50.0 (")
    assert second[3].token == "accept"
    assert third[4].text == "gallery other: does not compare"
    assert (third[1].token, first[1].token) == ("muted", "text")
    assert len(runs.view.loss.curves()) == 3


def test_table_3_opens_the_form_of_a_row_that_has_no_run(runs: Runs) -> None:
    _add_run(runs.project, "001-weak-random", "weak-random")
    _refresh(runs)
    runs.qtbot.keyClick(runs.view, Qt.Key.Key_T)
    table = runs.view.table3.table
    assert [row.cells[4].text for row in table.rows()] == ["21.9 / 22.1", "13.4 / 14.6", "39.1 / 38.1", "27.2 / 23.3"]
    assert table.rows()[1].cells[5].second == "verified gallery: not measured yet"
    there = table.visualRect(table.model().index(1, 0)).center()
    runs.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=there)
    assert runs.view.table3.fill.text() == "Measure this row"
    runs.qtbot.keyClick(table, Qt.Key.Key_Up)
    assert runs.view.table3.fill.text() == "Start this row…"
    table.choose("weak-imagenet")
    runs.view.table3._chosen("weak-imagenet")
    runs.view.table3.fill.click()
    runs.until(runs.view.form.isVisible)
    assert runs.view.form.variant() == "weak-imagenet"


def test_fine_tuning_a_run_fills_the_form_with_its_model_and_the_pairs_of_now(runs: Runs) -> None:
    _add_run(runs.project, "001-small")
    _refresh(runs)
    runs.view.details.action("fine_tune").click()
    runs.until(lambda: runs.view.form.isVisible() and runs.view.form.start.isEnabled())
    assert runs.view.form.run_wish() == RunWish("small", "001-small")


def test_recall_has_the_same_interval_in_the_curve_and_in_the_table(runs: Runs) -> None:
    few = {"audio_recall_at_10": 1.0, "visual_recall_at_10": 1.0, "gallery_size": 4}
    without = {f"{way}_recall_at_10_interval_95": [1.0, 1.0] for way in ("audio", "visual")}  # as a bootstrap had it
    folder = _add_run(runs.project, "001-small", **few, **without)
    with open(folder / "metrics.jsonl", "a") as out:
        out.write(json.dumps({"step": 40, "epoch": 4.0, **few}) + "\n")
    _refresh(runs)
    runs.until(lambda: bool(runs.view.recall.curves()))
    curve = runs.view.recall.curves()[0]
    assert curve.low is not None and curve.high is not None
    assert (round(curve.low[0], 1), curve.high[0]) == (51.0, 100.0)
    assert runs.cell(0, 2) == runs.cell(0, 3) == "100.0 ± 24.5"


def test_a_run_that_goes_on_shows_what_it_learns_from_and_what_it_takes(runs: Runs) -> None:
    spec = verbs.plan_train(runs.project, "small", dataset=datasets.freeze(runs.project, datasets.Selection()).id)
    _refresh(runs)
    job = DetachedJob(spec, title="Train", folder=spec.run_dir, parent=runs.queue)
    runs.presenter._job_started(job)
    job.state = "running"
    pairs = [line["uid"] for line in map(json.loads, spec.train_pairs.read_text("utf-8").splitlines())]
    told: tuple[events.Event, ...] = (
        events.Metrics(1, 0.5, {"loss": 1.0, "memory_bytes": 8e8, "gpu_bytes": 3.4e9, "gpu_total_bytes": 80e9}),
        events.Learning(1, (pairs[0], pairs[1], "of another project"), 40),
    )
    for event in told:
        job.event_arrived.emit(event)
    runs.until(lambda: len(runs.view.details.current.pairs()) == 2)
    facts = dict(runs.view.details.live.rows())
    assert (facts["memory"], facts["GPU memory"]) == ("800 MB", "3.4 GB of 80.0 GB")
    assert facts["GPU"] == "not told (nvidia-ml-py)"
    job.event_arrived.emit(events.Metrics(2, 0.6, {"gpu_busy": 0.87}))
    runs.until(lambda: dict(runs.view.details.live.rows())["GPU"] == "87 % busy")
    assert not runs.view.details.current.isHidden()

    job.silent_s = 125.0
    job.changed.emit(job)
    runs.until(lambda: runs.cell(0, 6) == "no sign of life for 2 min")
    assert "Cancel ends it" in runs.view.details.message.text()
    job.silent_s = 0.0
    job._finish(Outcome("cancelled"))
    runs.presenter._job_ended(job, Outcome("cancelled"))
    runs.until(lambda: runs.view.details.current.isHidden() or not runs.view.details.current.pairs())


def test_a_curve_on_another_gallery_is_dashed_and_says_so(runs: Runs) -> None:
    for name, gallery, size in (("001-small", "f00d", 40), ("002-small", "cafe", 9), ("003-small", "f00d", 40)):
        figures = {"audio_recall_at_10": 0.5, "visual_recall_at_10": 0.5, "gallery_size": size}
        folder = _add_run(runs.project, name, gallery_hash=gallery, **figures)
        with open(folder / "metrics.jsonl", "a") as out:
            out.write(json.dumps({"step": 40, "epoch": 4.0, **figures}) + "\n")
    _refresh(runs)
    runs.until(lambda: len(runs.view.recall.curves()) == 4)
    dashed = {curve.name: curve.dashed for curve in runs.view.recall.curves()}
    assert dashed == {"3  small": False, "1  small": False, "2  small, 9 pairs": True, "chance": True}
    assert "another gallery" in runs.view.recall.accessibleDescription()
    assert [runs.cell(row, 4) for row in range(3)] == ["40 · f00d", "9 · cafe", "40 · f00d"]


def test_differences_are_to_the_first_run_that_was_measured_on_the_gallery_of_most(runs: Runs) -> None:
    uids = tuple(f"pair-{n}" for n in range(40))
    for name, gallery, found in (("001-small", "other", 40), ("002-small", "g", 10), ("003-small", "g", 30)):
        share = found / 40
        figures = {
            "gallery_hash": gallery,
            "gallery_size": 40,
            "audio_recall_at_10": share,
            "visual_recall_at_10": share,
        }
        _add_run(runs.project, name, evaluations={"validation": figures})
        ranks = np.where(np.arange(40) < found, 1, 30)
        write_ranks(
            ranks_path(evaluation_path(runs.project, name, "validation")), RankFile(gallery, uids, ranks, ranks)
        )
    _refresh(runs)
    runs.view.show_page("comparison")
    page = runs.view.comparison
    assert page.empty.isVisible()
    for name in ("001-small", "002-small", "003-small"):
        runs.presenter.choose_run(name)
        runs.view.details.action("compare").click()
    runs.until(lambda: len(page.results.rows()) == 3 and page.results.rows()[2].cells[3].text.startswith("+50.0"))
    assert page.says.text() == "Recall@10 on gallery g, 40 pairs; differences are to 2  small."
    assert page.results.rows()[0].cells[4].text == "gallery other: does not compare"
    page.newest_requested.emit()
    runs.until(lambda: [row.key for row in page.results.rows()] == ["003-small", "002-small", "001-small"])


def test_a_comparison_that_comes_late_does_not_bring_back_a_run_that_was_taken_out(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def of_two_is_late(project: Project, chosen: list[RunRecord]) -> Comparison:
        if len(chosen) == 2:
            go_on.wait(20)
        return comparison_of(project, chosen)

    monkeypatch.setattr("annotator.views.runs.comparing.comparison_of", of_two_is_late)
    for name in ("001-small", "002-small"):
        _add_run(runs.project, name)
    _refresh(runs)
    runs.view.show_page("comparison")
    for name in ("001-small", "002-small", "002-small"):
        runs.presenter.comparing.toggle(name)
    page = runs.view.comparison
    runs.until(lambda: [row.key for row in page.results.rows()] == ["001-small"])
    go_on.set()
    runs.settle()
    assert [row.key for row in page.results.rows()] == ["001-small"]


def test_the_comparison_names_the_key_that_is_in_force(runs: Runs) -> None:
    _add_run(runs.project, "001-small")
    _refresh(runs)
    runs.view.show_page("comparison")
    page = runs.view.comparison
    assert "press Compare (C) on" in page.empty.accessibleName()
    runs.view.keys.set_keys("runs.compare", ("K",))
    assert "press Compare (K) on" in page.empty.accessibleName()
    runs.presenter.comparing.toggle("001-small")
    runs.until(lambda: page.says.text() == "Press Compare (K) on another run: two are needed.")
    runs.view.keys.set_keys("runs.compare", ())
    assert page.says.text() == "Press Compare on another run: two are needed."
    assert "press Compare on" in page.empty.accessibleName()


def test_a_resumed_run_goes_on_from_its_history_which_is_read_beside_the_window(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def late(*given: Any) -> RunHistory:
        assert threading.current_thread() is not threading.main_thread()
        assert go_on.wait(20)
        return read_history(*given)

    spec = verbs.plan_train(runs.project, "small", dataset=datasets.freeze(runs.project, datasets.Selection()).id)
    lines = [json.dumps({"step": step, "epoch": step / 10, "loss": 1.0}) for step in range(1, 31)]
    (spec.run_dir / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr("annotator.views.runs.presenter.read_history", late)
    job = DetachedJob(spec, title="Train", folder=spec.run_dir, parent=runs.queue)
    runs.presenter._job_started(job)
    for step in (26, 27):  # what the run had saved is a little before what it had done
        job.event_arrived.emit(events.Metrics(step, step / 10, {"loss": 0.5}))
    go_on.set()
    runs.settle()
    job.event_arrived.emit(events.Metrics(28, 2.8, {"loss": 0.5}))
    loss = runs.presenter.histories()[spec.run_dir.name].loss
    assert loss.column("step").tolist() == list(range(1, 29))
    assert loss.column("value").tolist() == [1.0] * 25 + [0.5] * 3


# -- runs that are found again -------------------------------------------------------------------------------------------


def test_a_run_whose_folder_is_gone_keeps_its_record_and_says_so(runs: Runs) -> None:
    folder = _running(runs.project, "001-small")
    folder.rename(folder.with_name("moved away"))
    _find_again(runs)
    run = runs.project.store.run("001-small")
    assert run.state == "failed"
    assert "is gone; bring it back" in run.message
    assert run.config["preset"] == "small"


def test_a_run_of_a_newer_version_is_left_as_it_is(runs: Runs) -> None:
    folder = _running(runs.project, "001-small", warp=9)
    (folder / "events.jsonl").write_text('{"v": 2, "event": "begun"}\n')
    _find_again(runs)
    assert "another version" in runs.project.store.run("001-small").message
    assert (folder / "events.jsonl").read_text() == '{"v": 2, "event": "begun"}\n'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"v": 1, "event": "progress", "do',
        b"\x00\xff\xfe" * 999,
        b'{"v": 1, "event": "progress", "done": 3}\n' * 3,
    ],
    ids=["nothing", "cut in mid-line", "binary noise", "no beginning"],
)
def test_a_run_that_died_with_odd_events_is_told_in_one_sentence(runs: Runs, content: bytes) -> None:
    folder = _running(runs.project, "001-small")
    (folder / "events.jsonl").write_bytes(content)
    (folder / "metrics.jsonl").write_bytes(content + b"\n[1, 2]\n")
    _find_again(runs)
    runs.until(lambda: runs.project.store.run("001-small").state == "crashed")
    assert "ended without a last word" in runs.project.store.run("001-small").message
    runs.settle()
    runs.until(lambda: not runs.view.details.action("resume").isHidden())


def test_events_out_of_order_end_with_the_end_of_the_newest_attempt(runs: Runs) -> None:
    folder = _running(runs.project, "001-small")
    given = (
        events.Cancelled({"epochs": 1}),
        events.Metrics(9, 9.0, {"loss": 1.0}),
        events.Started("train"),
        events.Metrics(2, 2.0, {"loss": 2.0}),
        events.Finished({"epochs": 3}),
    )
    lines = [events.to_line(event) for event in given]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    _find_again(runs)
    runs.until(lambda: runs.project.store.run("001-small").state == "finished")
    assert runs.project.store.run("001-small").result == {"epochs": 3}


def test_a_run_that_waited_when_the_window_closed_waits_again(runs: Runs) -> None:
    dataset = datasets.freeze(runs.project, datasets.Selection()).id
    for _ in range(2):
        verbs.plan_train(runs.project, "small", dataset=dataset, waits=True)
    runs.project.store.describe_run("002-small", queue_place=0.5)  # it was moved to the front
    held = _hold(runs)
    _find_again(runs)
    runs.until(lambda: len(runs.queue.jobs) == 3)
    assert [job.folder.name for job in runs.queue.jobs if job is not held] == ["002-small", "001-small"]
    runs.presenter.move_in_queue("001-small", -1)
    assert [job.folder.name for job in runs.queue.jobs if job is not held] == ["001-small", "002-small"]
    runs.until(lambda: (runs.project.store.run("001-small").queue_place or 0) < 1)
    for job in runs.queue.jobs:
        job.cancel() if job is not held else job._finish(Outcome("cancelled"))
    runs.until(lambda: not runs.queue.jobs)


def _hold(runs: Runs) -> Job:
    """Returns a job that keeps the lane of runs busy without any process."""
    spec = TrainSpec.model_validate(_spec_of(runs.project.run_dir("held")))
    job = DetachedJob(spec, title="Held", folder=runs.project.run_dir("held"), parent=runs.queue)
    job.state = "running"
    runs.queue._jobs.append(job)
    job.over.connect(runs.queue._over)
    return job


def _spec_of(folder: Path, **more: Any) -> dict[str, Any]:
    names = {"run_dir": folder, "clips_dir": folder, "train_pairs": folder / "t", "validation_pairs": folder / "v"}
    return {"verb": "train", "preset": "small", **{name: str(path) for name, path in names.items()}, **more}


def _running(project: Project, name: str, **more: Any) -> Path:
    folder = project.run_dir(name)
    folder.mkdir(parents=True)
    config = {"preset": "small", "values": {}, "pairs": {}, "spec": _spec_of(folder, **more)}
    project.store.add_run(RunRecord(name, "small", "running", config, pid=0))
    return folder


def _find_again(runs: Runs) -> None:
    runs.work.find_runs_again(runs.presenter.refresh)
    runs.settle()
