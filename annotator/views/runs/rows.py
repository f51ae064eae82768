"""Runs as the workspace shows them: a row of the table, the curves, the right panel, the top bar's text. No widgets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from annotator import verbs
from annotator.jobs.queue import Job
from annotator.store.records import RunRecord
from annotator.views.runs import values
from annotator.views.runs.chart_drawing import Curve
from annotator.views.runs.details_panel import RunDetails
from annotator.views.runs.series import Series
from annotator.views.widgets.table import Cell, Row
from davenet.errors import UserError
from davenet.training.presets import preset

CHANCE = "chance"
Curves = tuple[list[Curve], list[Curve], tuple[str, str, str]]


def row_of(
    run: RunRecord, token: str | None, history: values.RunHistory | None, job: Job | None, evaluating: Job | None
) -> Row:
    audio, visual = values.recalls(run, history)
    intervals = values.recall_intervals(run, history)
    size, chance = values.gallery(run, history)
    pairs = values.n_pairs(run)
    tags = f" · {', '.join(run.tags)}" if run.tags else ""
    dataset = (run.config.get("pairs") or {}).get("dataset")
    name = values.label_of(run) + (f", dataset {dataset}" if dataset else "")
    tip = f"{run.id}{tags}" + (f"\n{run.notes}" if run.notes else "")
    return Row(
        run.id,
        (
            Cell(name + tags, dot=token or "line", tip=tip),
            Cell("–" if pairs is None else values.number_text(pairs)),
            _recall_cell(audio, intervals[0]),
            _recall_cell(visual, intervals[1]),
            _gallery_cell(run, size),
            Cell(values.percent_text(chance), token="muted"),
            _state_cell(run, history, job, evaluating),
        ),
    )


def curves_of(
    drawn: Mapping[str, str],
    runs: Mapping[str, RunRecord],
    histories: Mapping[str, values.RunHistory],
    axis: str,
) -> Curves:
    """Returns the curves of loss and recall of the runs that are drawn, the chosen one's newest values, and a note."""
    chosen: RunRecord | None = None
    loss: list[Curve] = []
    recall: list[Curve] = []
    readouts = ("", "", "")
    for place, (run_id, token) in enumerate(drawn.items()):
        history, run = histories.get(run_id), runs.get(run_id)
        if history is None or run is None:
            continue
        name, n_pairs = values.label_of(run), float(values.n_pairs(run) or 0)
        key = run_id, axis, n_pairs, history.loss.version
        x = _x(history.loss, axis, n_pairs)
        loss.append(Curve(name, token, x, history.loss.column("value"), key=key))
        size, chance = values.gallery(run, history)
        share, x = history.recall.column("value"), _x(history.recall, axis, n_pairs)
        key = run_id, axis, n_pairs, history.recall.version
        if place:
            is_apart = not values.same_gallery(chosen, run)
            apart = f", {values.number_text(size)} pairs" if is_apart and size else ""
            recall.append(Curve(f"{name}{apart}", token, x, 100 * share, is_apart, key=key))
            continue
        chosen = run
        low, high = values.interval_around(share, size or 0)
        recall.append(Curve(name, token, x, 100 * share, False, 100 * low, 100 * high, key=("band", size, *key)))
        last_loss, last_recall = history.loss.last(), history.recall.last()
        readouts = (
            f"{last_loss[1]:.2f} · step {values.number_text(history.step)}" if last_loss else "",
            f"{100 * last_recall[1]:.1f} ± {50 * (high[-1] - low[-1]):.1f} % · epoch {last_recall[0]:.0f}"
            if last_recall
            else "",
            "",
        )
        if chance is not None and len(x):
            recall.append(Curve(CHANCE, "faint", np.array([0.0, max(x[-1], 1e-9)]), np.full(2, 100 * chance), True))
    recall.sort(key=lambda curve: curve.dashed)
    if any(curve.dashed and curve.name != CHANCE for curve in recall):
        readouts = *readouts[:2], "dashed: on another gallery, does not compare"
    return loss, recall, readouts


def details_of(
    run: RunRecord,
    history: values.RunHistory | None,
    job: Job | None,
    *,
    is_evaluating: bool,
    is_compared: bool,
    n_waiting: int,
) -> RunDetails:
    ended_badly = job is None and run.state in ("failed", "crashed")
    is_elsewhere = job is None and run.message == verbs.ELSEWHERE
    is_live = job is not None and job.state in ("running", "stopping")
    silence = values.silence_text(job.silent_s) if job is not None and job.silent_s else ""
    return RunDetails(
        run.id,
        f"Run {values.number_of(run)}",
        run.preset,
        tuple(values.details(run, history, _config(run), is_live=is_live)),
        tuple(values.live_rows(history)) if is_live and history is not None else (),
        frozenset(_actions(run, job, is_evaluating=is_evaluating, n_waiting=n_waiting)),
        silence or (run.message if ended_badly or is_elsewhere else ""),
        tuple(reversed(history.log)) if history else (),
        run.notes,
        run.tags,
        is_compared,
        is_elsewhere,
    )


def status_text(run: RunRecord, job: Job, history: values.RunHistory) -> str:
    """Returns "run 7 · epoch 12 of 30 · 41 pairs/s"."""
    parts = [f"run {values.number_of(run)}"]
    if job.state == "stopping":
        parts.append("stopping")
    elif job.silent_s:
        parts.append("no sign of life")
    elif history.progress is None or not history.progress.note:
        parts.append("starting")
    else:
        parts.append(history.progress.note)
        if (rate := history.rate.per_s()) is not None:
            parts.append(f"{rate:.0f} {history.progress.unit}/s" if rate >= 3 else f"{rate:.1f} pairs/s")
    return " · ".join(parts)


def _actions(run: RunRecord, job: Job | None, *, is_evaluating: bool, n_waiting: int) -> Sequence[str]:
    actions = ["folder", "duplicate", "compare"]
    if run.result.get("best_checkpoint") or run.result.get("checkpoint"):
        actions += ["next_queue", "fine_tune"]
    if is_evaluating or (job is not None and job.state != "stopping"):
        actions.append("cancel")
    if job is not None and job.state == "running":
        actions.append("pause")
    if job is not None and job.state == "queued" and n_waiting > 1:
        actions += ["sooner", "later"]
    if job is None and not is_evaluating:
        actions.append("delete")
        if run.state != "finished":
            actions += ["resume", "command"]
        if run.result.get("best_checkpoint") or run.result.get("checkpoint"):
            actions.append("evaluate")
    return actions


def _gallery_cell(run: RunRecord, size: int | None) -> Cell:
    if size is None:
        return Cell("–", token="muted")
    hash_ = values.gallery_hash(run)
    tip = f"{values.number_text(size)} pairs" + (
        f", gallery {hash_[:8]}: only runs of the same one compare" if hash_ else ""
    )
    return Cell(values.number_text(size) + (f" · {hash_[:4]}" if hash_ else ""), token="muted", tip=tip)


def _recall_cell(share: float | None, interval: tuple[float, float] | None) -> Cell:
    return Cell(
        values.interval_text(share, interval) if share is not None else "–", token="muted" if share is None else "text"
    )


def _state_cell(run: RunRecord, history: values.RunHistory | None, job: Job | None, evaluating: Job | None) -> Cell:
    if job is None:
        if evaluating is not None:
            progress = evaluating.progress
            share = progress.done / progress.total if progress and progress.total else 0.0
            return Cell("evaluating", share=share)
        if run.state in ("failed", "crashed"):
            return Cell(values.state_text(run), token="reject", glyph="warning", glyph_token="reject", tip=run.message)
        if run.message == verbs.ELSEWHERE:
            return Cell("starts elsewhere", token="muted", tip=run.message)
        return Cell(values.state_text(run), tip=run.message)
    if job.state == "queued":
        return Cell("waits for the run before it", token="muted")
    if job.silent_s:
        text = f"no sign of life for {values.duration_text(job.silent_s)}"
        tip = values.silence_text(job.silent_s)
        return Cell(text, token="reject", glyph="warning", glyph_token="reject", tip=tip)
    if job.state == "stopping":
        return Cell("saving, then stops", token="muted")
    progress = history.progress if history else None
    if progress is None or not progress.total:
        return Cell("starting", token="muted")
    left = history.left_s() if history else None
    return Cell("" if left is None else f"{values.duration_text(left)} left", share=progress.done / progress.total)


def _x(series: Series, axis: str, n_pairs: float) -> Any:
    match axis:
        case "step":
            return series.column("step")
        case "time":
            return series.column("time_s")
        case "pairs":
            return series.column("epoch") * n_pairs
        case _:
            return series.column("epoch")


def _config(run: RunRecord) -> Mapping[str, Any]:
    try:
        return preset(run.preset, run.config.get("values")).model_dump()
    except UserError:
        return {}  # a preset of another version; its other facts still show
