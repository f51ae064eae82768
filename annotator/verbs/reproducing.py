"""Reproducing a table of the paper: its pairs and galleries are frozen from the project once, for the report's life."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.store.records import PairRecord
from annotator.verbs.galleries import freeze
from davenet.errors import UserError
from davenet.evaluation.paper import ROWS, RowName, TableName, galleries_of, rows_of
from davenet.files import write_text_atomically
from davenet.pairs import write_pairs
from davenet.specs import ReproduceSpec
from davenet.training.presets import preset

FROZEN = "frozen.json"  # written last: with it the frozen files beside it are whole
_LEAST_PAIRS = 2


def plan_reproduce(
    project: Project,
    table: TableName,
    *,
    rows: Sequence[RowName] = (),
    config: Mapping[str, object] | None = None,
    image_weights: Path | None = None,
    device: str = "auto",
) -> ReproduceSpec:
    """Freezes what the table's rows learn from and are measured on into runs/reproduce-TABLE, once, and returns its spec.

    Planned again it goes on with what was frozen then, whatever has changed in the project. Raises UserError for
    impossible values and where the project lacks videos, labels or verdicts, naming the step that is missing.
    """
    values = dict(config or {})
    chosen = preset("unsupervised", values).model_dump(mode="json")
    out_dir = project.run_dir(f"reproduce-{table}")
    if not (out_dir / FROZEN).is_file():
        _freeze(project, table, out_dir)
    frozen = json.loads((out_dir / FROZEN).read_text(encoding="utf-8"))
    needs_weak = any(ROWS[name].pairs == "weak" for name in rows_of(table))
    return ReproduceSpec(
        table=table,
        out_dir=out_dir,
        clips_dir=project.clips_dir,
        uniform_pairs=out_dir / "uniform.pairs.jsonl",
        weak_pairs=out_dir / "weak.pairs.jsonl" if needs_weak else None,
        galleries={name: out_dir / f"{name}.pairs.jsonl" for name in galleries_of(table)},
        rows=list(rows),
        config={name: chosen[name] for name in values},  # as the right types, whoever typed them
        image_weights=None if image_weights is None else image_weights.expanduser().absolute(),
        sources=frozen["sources"],
        device=device,
    )


def collect_reproduce(project: Project, spec: ReproduceSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    return {"table": spec.table, **result}


def _freeze(project: Project, table: TableName, out_dir: Path) -> None:
    from davenet.evaluation.galleries import uniform_pairs_of

    videos = project.store.videos()
    training = [video for video in videos if video.split == "train"]
    uniform = uniform_pairs_of(project.clips_dir, [video.uid for video in training])
    if len(uniform) < _LEAST_PAIRS:
        raise UserError(f"No training video of {project.path} is extracted; extract its videos first.")
    used = len({pair.video_uid for pair in uniform})
    sources = {
        "videos": f"{used} training, {sum(video.split == 'validation' for video in videos)} validation, of this project"
    }
    pairs: dict[str, int] = {"uniform": len(uniform)}
    weak: list[PairRecord] = []
    if any(ROWS[name].pairs == "weak" for name in rows_of(table)):
        weak, n_food = _weak_pairs(project)
        pairs |= {"food": n_food, "non_food": len(weak) - n_food}
        validation = project.store.food_pairs("validation")
        n_accepted = sum(pair.kind == "food" for pair in project.store.accepted_pairs("validation"))
        sources["detector"] = ", ".join(sorted({pair.detector for pair in [*weak, *validation]} - {""}))
        sources["verdicts"] = f"{n_accepted} of {len(validation)} food pairs accepted in this project"
    sources["recogniser"] = _recognisers(project, [video.uid for video in videos if video.split == "validation"])
    galleries = {}
    for name in galleries_of(table):
        size, gallery_hash = freeze(project, name, out_dir / f"{name}.pairs.jsonl")
        galleries[name] = {"size": size, "hash": gallery_hash}
    write_pairs(out_dir / "uniform.pairs.jsonl", uniform)
    if weak:
        write_pairs(out_dir / "weak.pairs.jsonl", (pair.to_pair() for pair in weak))
    record = {
        "table": table,
        "frozen_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pairs": pairs,
        "galleries": galleries,
        "sources": sources,
    }
    write_text_atomically(out_dir / FROZEN, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _weak_pairs(project: Project) -> tuple[list[PairRecord], int]:
    """Returns the food pairs of the training videos, unverified as in Section 6, with as many non-food pairs."""
    from davenet.labels.mining import draw

    food = project.store.food_pairs("train")
    if len(food) < _LEAST_PAIRS:
        raise UserError(
            f"The training videos of {project.path} have {len(food) or 'no'} food pair{'' if len(food) == 1 else 's'}; "
            "detect their foods, transcribe them and mine their pairs first."
        )
    records = {pair.uid: pair for pair in project.store.non_food_pairs("train")}
    non_food = draw([record.to_pair() for record in records.values()], len(food), seed=0)
    return [*food, *(records[pair.uid] for pair in non_food)], len(food)


def _recognisers(project: Project, video_uids: Sequence[str]) -> str:
    from davenet.labels.words import newest_transcript, read_transcript_header

    found = set()
    for uid in video_uids:
        path = newest_transcript(project.labels_dir, uid)
        if path is not None:
            transcript = read_transcript_header(path)
            found.add(f"{transcript.recogniser} {transcript.recogniser_version}".strip())
    return ", ".join(sorted(found))
