"""The reproduce job: trains each row of a table of the paper, measures it on the paper's galleries, writes a report.

A row that is finished is not trained again and one that was cut off goes on, so that the job can be stopped, killed and
started again with the same spec until its report is whole. A row's folder is a run's, with row.json once it is finished.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from davenet import events
from davenet.errors import UserError, one_line
from davenet.evaluation import paper, report
from davenet.evaluation.evaluate import measured
from davenet.evaluation.gallery import Gallery
from davenet.files import content_hash, write_text_atomically
from davenet.heartbeat import Heartbeat, read_pulse
from davenet.jobs import ShouldStop, started
from davenet.model.checkpoint import read_metadata
from davenet.pairs import read_pairs
from davenet.specs import ReproduceSpec, TrainSpec
from davenet.training.loop import train
from davenet.training.presets import preset

ROW_FILE = "row.json"
_TELLS_ROWS_APART = ("image_init",)
_CHANGES_NOTHING_LEARNT = ("description", "threads", "save_every_s")


def reproduce(spec: ReproduceSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes report.md, .csv, .json and .svg into `spec.out_dir` and returns their paths and the rows' figures.

    A row that cannot be trained is told in the report with its reason and the others go on. Raises UserError where none
    can, where finished rows were trained otherwise than asked now, or where the same table still runs; events.Stop,
    after a report on what is finished, when asked to stop.
    """
    pulse = read_pulse(spec.out_dir / "heartbeat")
    if pulse is not None and pulse.alive():
        raise UserError(
            f"{spec.out_dir} is still worked on by process {pulse.pid}; stop it first, or wait for its end."
        )
    with Heartbeat(spec.out_dir / "heartbeat"):
        return Reproduction(spec, emit, stop).run()


class Reproduction:
    """One table on its way: which rows are asked for, what each has come to."""

    def __init__(self, spec: ReproduceSpec, emit: events.Emit, stop: ShouldStop) -> None:
        self.spec, self.emit, self.stop = spec, emit, stop
        _check(spec)
        self.rows = [paper.ROWS[name] for name in paper.rows_of(spec.table) if not spec.rows or name in spec.rows]
        self.finished: dict[paper.RowName, dict[str, Any]] = {}
        self.reasons: dict[paper.RowName, str] = {}  # why a row is not there

    def run(self) -> dict[str, Any]:
        for name in paper.rows_of(self.spec.table):
            self._find_finished(paper.ROWS[name])
        ahead = {row.name: self._pairs_ahead(row) for row in self.rows if row.name not in self.finished}
        total = sum(ahead.values())
        self.emit(started("reproduce", total, "pairs"))
        done = 0
        first_error: UserError | None = None
        try:
            for row in self.rows:
                if row.name in self.finished:
                    self.emit(events.Message(f"Row {row.name} is finished; it is not trained again."))
                    continue
                try:
                    self._work_on(row, _RowEvents(self.emit, row.name, done, total))
                except UserError as error:
                    first_error = first_error or error
                    self.reasons[row.name] = one_line(error)
                    self.emit(events.Skipped(row.name, one_line(error)))
                done += ahead[row.name]
        except events.Stop:
            raise events.Stop(self._report()) from None
        if first_error is not None and not self.finished:
            raise first_error
        return self._report()

    def _work_on(self, row: paper.Row, emit: events.Emit) -> None:
        """Trains a row, or goes on training it, and measures it; its file is written last."""
        spec = self._train_spec(row)
        emit(events.Message(f"Row {row.name} of {self.spec.table} of the paper:"))
        result = train(spec, emit, self.stop)
        identity = self._identity(row, spec)
        checkpoint = Path(result["best_checkpoint"])
        cells: dict[str, Any] = {}
        for cell in paper.TABLES[self.spec.table]:
            if cell.row == row.name:
                figures, found = measured(
                    checkpoint,
                    self.spec.clips_dir,
                    self.spec.galleries[cell.gallery],
                    gallery_name=cell.gallery,
                    device=self.spec.device,
                    stop=self.stop,
                )
                cells[cell.gallery] = {"figures": figures, "ranks": _ranks_by_uid(found)}
        values = {"identity": identity, "trained": self._trained(row, spec, result), "cells": cells}
        write_text_atomically(self.spec.out_dir / row.name / ROW_FILE, json.dumps(values, indent=1) + "\n")
        self.finished[row.name] = values

    def _train_spec(self, row: paper.Row) -> TrainSpec:
        start_from = None
        if row.begins_with is not None:
            if row.begins_with not in self.finished:
                reason = self.reasons.get(row.begins_with)
                raise UserError(
                    f"The row {row.name} begins with the checkpoint of the row {row.begins_with}, which "
                    + (f"could not be trained: {reason}" if reason else "is not trained yet; add it to --rows.")
                )
            start_from = self._best_checkpoint(row.begins_with)
        return TrainSpec(
            run_dir=self.spec.out_dir / row.name,
            clips_dir=self.spec.clips_dir,
            train_pairs=self._pairs_of(row),
            validation_pairs=self.spec.galleries[row.chosen_on],
            preset=row.name,
            config=self.spec.config,
            start_from=start_from,
            image_weights=self.spec.image_weights if row.needs_image_weights else None,
            device=self.spec.device,
        )

    def _find_finished(self, row: paper.Row) -> None:
        """Notes a row that is finished; raises UserError where it was trained otherwise than is asked now."""
        path = self.spec.out_dir / row.name / ROW_FILE
        if not path.is_file() or (row.begins_with is not None and row.begins_with not in self.finished):
            return  # what it began with is trained first, and then tells
        try:
            values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            before = _flat(values["identity"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} cannot be read; remove it and the row is measured again.") from error
        now = _flat(self._identity(row, self._train_spec(row)))
        other = [name for name in before if now.get(name, before[name]) != before[name]]
        if other:
            told = ", ".join(f"{name} {before[name]} instead of {now[name]}" for name in other[:3])
            raise UserError(
                f"The row {row.name} in {self.spec.out_dir} was trained with {told}; give the same options to go on "
                "with that report, or rename its folder to begin another."
            )
        self.finished[row.name] = values

    def _identity(self, row: paper.Row, spec: TrainSpec) -> dict[str, Any]:
        """Returns all that decides what a row comes to, but for the machine."""
        config = preset(spec.preset, spec.config).model_dump(mode="json")
        return {
            "config": {name: value for name, value in config.items() if name not in _CHANGES_NOTHING_LEARNT},
            "train_pairs": content_hash(spec.train_pairs),
            "validation_pairs": content_hash(spec.validation_pairs),
            "galleries": {
                cell.gallery: content_hash(self.spec.galleries[cell.gallery])
                for cell in paper.TABLES[self.spec.table]
                if cell.row == row.name
            },
            "start_from": None if spec.start_from is None else content_hash(spec.start_from),
            "image_weights": None if spec.image_weights is None else content_hash(spec.image_weights),
        }

    def _trained(self, row: paper.Row, spec: TrainSpec, result: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what the report tells of a row's training."""
        kinds = [pair.kind for pair in read_pairs(spec.train_pairs)]
        checkpoint = Path(result["best_checkpoint"])
        model, _ = read_metadata(checkpoint)
        config = preset(spec.preset, spec.config)
        return {
            "pairs": len(kinds),
            "food_pairs": kinds.count("food"),
            "non_food_pairs": kinds.count("non-food"),
            "unreadable_pairs": result["unreadable_pairs"],
            "epochs": result["epochs"],
            "best_epoch": result["best_epoch"],
            "steps": result["steps"],
            "batch_size": config.batch_size,
            "learning_rate": config.learning_rate,
            "chosen_on": row.chosen_on,
            "begins_with": row.begins_with,
            "image_weights": self._image_weights_name(row),
            "model": model.model_dump(mode="json"),
            "checkpoint": str(checkpoint.relative_to(self.spec.out_dir)),
            "torch": torch.__version__,
        }

    def _image_weights_name(self, row: paper.Row) -> str | None:
        if not row.needs_image_weights:
            return None
        return self.spec.image_weights.name if self.spec.image_weights else "the published weights"

    def _pairs_of(self, row: paper.Row) -> Path:
        if row.pairs == "uniform":
            return self.spec.uniform_pairs
        if self.spec.weak_pairs is None:
            raise UserError(f"The row {row.name} needs food and non-food pairs; mine the project's pairs first.")
        return self.spec.weak_pairs

    def _pairs_ahead(self, row: paper.Row) -> int:
        epochs = preset(row.name, self.spec.config).epochs
        return epochs * sum(1 for _ in read_pairs(self._pairs_of(row)))

    def _best_checkpoint(self, row: paper.RowName) -> Path:
        return self.spec.out_dir / str(self.finished[row]["trained"]["checkpoint"])

    def _report(self) -> dict[str, Any]:
        written = report.written(
            self.spec.out_dir,
            self.spec.table,
            finished=self.finished,
            reasons=self.reasons,
            changed=self.spec.config,
            sources=self.spec.sources,
        )
        self.emit(events.Message(f"The report on {len(self.finished)} rows: {written['report']}"))
        return written


class _RowEvents:
    """Passes on a row's events as part of the whole table's work."""

    def __init__(self, emit: events.Emit, row: str, done_before: int, total: int) -> None:
        self._emit, self._row, self._done_before, self._total = emit, row, done_before, total

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Started():
                return
            case events.Progress():
                done = min(self._done_before + event.done, self._total)
                self._emit(events.Progress(done, self._total, "pairs", f"{self._row}, {event.note}"))
            case _:
                self._emit(event)


def _check(spec: ReproduceSpec) -> None:
    """Raises UserError for what no row could be trained with."""
    known = paper.rows_of(spec.table)
    for row in spec.rows:
        if row not in known:
            raise UserError(f"{spec.table} has no row {row}; its rows are {', '.join(known)}.")
    for name in _TELLS_ROWS_APART:
        if name in spec.config:
            raise UserError(f"{name} is what tells the rows of {spec.table} apart; leave it to them.")
    for known_row in known:
        preset(known_row, spec.config)
    for gallery in paper.galleries_of(spec.table):
        if gallery not in spec.galleries:
            raise UserError(
                f"{spec.table} is measured on the gallery {gallery}, which was not frozen; freeze it first."
            )
    if spec.image_weights is not None and not spec.image_weights.is_file():
        raise UserError(f"There is no file {spec.image_weights} with ImageNet weights; check --image-weights.")


def _ranks_by_uid(found: Gallery) -> dict[str, list[int]]:
    return {
        pair.uid: [int(audio), int(visual)]
        for pair, audio, visual in zip(found.pairs, found.audio_ranks_B, found.visual_ranks_B, strict=True)
    }


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of mappings inside under their own names, which are told apart well enough."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat.update({name: value} if not isinstance(value, dict) else value)
    return flat
