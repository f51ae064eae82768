"""What runs reached, side by side: figures by gallery, paired differences, config differences, Table 3, what verdicts bought.

Two recalls are compared only over the same gallery, by its hash; nothing here mixes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.verbs.training import OF_RUN
from davenet.errors import UserError
from davenet.evaluation.paper import GALLERY_SIZES, TABLES, Cell
from davenet.evaluation.rank_file import RankFile, ranks_path, read_ranks
from davenet.evaluation.recall import Share, paired_difference
from davenet.intervals import wilson_interval
from davenet.training.presets import preset

K = 10
TELLS_NOTHING = "among ten pairs or fewer it is always 100 % and tells nothing"
VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Result:
    """A run's Recall@10 on a gallery; intervals are Wilson's of 95 %, (low, high) in 0..1, whatever the file kept."""

    run_id: str
    gallery: str
    gallery_hash: str
    size: int
    audio: float
    visual: float
    audio_interval: tuple[float, float]
    visual_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Recall@10 (mean of both ways) of one run less another's over the same pairs, and which of them moved."""

    share: Share
    moved_in: tuple[str, ...]
    moved_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bought:
    """What the verdicts between two datasets were worth: a run on the newer one against its predecessor."""

    run: RunRecord
    before: RunRecord
    dataset: int
    n_verdicts: int
    gallery: str  # the predecessor's, frozen before these verdicts
    difference: Difference | None
    size: int = 0  # of that gallery, in pairs; 0 where it is not measured yet
    missing: tuple[tuple[str, str], ...] = ()  # runs and galleries that have to be measured first


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the paper's table: its own numbers, and the run of this project that fills it, if any."""

    cell: Cell
    run: RunRecord | None
    result: Result | None
    note: str = ""  # why it does not compare with the others


def results_of(run: RunRecord) -> list[Result]:
    """Returns a run's results: of each evaluation, else what it measured while it trained."""
    found = []
    evaluations: Mapping[str, Any] = run.result.get("evaluations") or {}
    if VALIDATION not in evaluations and run.result.get("audio_recall_at_10") is not None:
        evaluations = {VALIDATION: run.result, **evaluations}
    for name, figures in evaluations.items():
        try:
            size = int(figures["gallery_size"])
            audio, visual = float(figures["audio_recall_at_10"]), float(figures["visual_recall_at_10"])
            ways = wilson_interval(audio * size, size), wilson_interval(visual * size, size)
            found.append(Result(run.id, name, str(figures.get("gallery_hash", "")), size, audio, visual, *ways))
        except (KeyError, TypeError, ValueError):
            continue  # of another version, or written by hand: it is not shown rather than shown wrong
    return found


def ranks_of(project: Project, run_id: str, gallery: str) -> RankFile:
    """Returns the ranks of an evaluation; raises UserError where it was not made, or by an older version."""
    return read_ranks(ranks_path(evaluation_path(project, run_id, gallery)))


def evaluation_path(project: Project, run_id: str, gallery: str) -> Path:
    return project.run_dir(run_id) / f"evaluation.{gallery.replace(' ', '-')}.json"


def difference(one: RankFile, other: RankFile) -> Difference:
    """Returns Recall@10 of one less the other's; raises UserError where they are not of the same pairs."""
    if one.gallery_hash != other.gallery_hash or set(one.uids) != set(other.uids):
        raise UserError("The two runs were measured on different galleries; measure both on the same one.")
    place = {uid: i for i, uid in enumerate(other.uids)}
    order = [place[uid] for uid in one.uids]
    a_2B = np.stack([one.audio_B, one.visual_B])
    b_2B = np.stack([other.audio_B[order], other.visual_B[order]])
    gained_B = (a_2B <= K).sum(axis=0) - (b_2B <= K).sum(axis=0)
    return Difference(
        paired_difference(a_2B, b_2B, K),
        tuple(uid for uid, gained in zip(one.uids, gained_B, strict=True) if gained > 0),
        tuple(uid for uid, gained in zip(one.uids, gained_B, strict=True) if gained < 0),
    )


def common_gallery(runs: Sequence[RunRecord]) -> str | None:
    """Returns the hash of the gallery that most of the runs were measured on, the newest run's where several were."""
    seen: dict[str, set[str]] = {}
    for run in runs:
        for result in results_of(run):
            if result.gallery_hash:
                seen.setdefault(result.gallery_hash, set()).add(run.id)
    return max(seen, key=lambda name: len(seen[name])) if seen else None


def result_on(run: RunRecord, gallery_hash: str | None) -> Result | None:
    """Returns a run's result on a gallery: of an evaluation, which kept its ranks, before what it measured as it trained."""
    found = [result for result in results_of(run) if gallery_hash and result.gallery_hash == gallery_hash]
    evaluated = run.result.get("evaluations") or {}
    return next((result for result in found if result.gallery in evaluated), next(iter(found), None))


def differing_values(runs: Sequence[RunRecord]) -> list[tuple[str, tuple[str, ...]]]:
    """Returns the names of what the runs were asked differently, with each run's value."""
    asked = [_asked(run) for run in runs]
    names = dict.fromkeys(name for values in asked for name in values)
    rows = [(name, tuple(values.get(name, "–") for values in asked)) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def predecessor(run: RunRecord, runs: Sequence[RunRecord]) -> RunRecord | None:
    """Returns the run that this one is to be measured against: on an older dataset, the one it began from, else its preset's.

    Runs of other presets are none: what they differ by is not what verdicts bought.
    """
    number = _dataset(run)
    if number is None:
        return None
    older = [each for each in runs if (_dataset(each) or number) < number and _has_checkpoint(each)]
    begun_from = next((each for each in older if each.id == run.config.get("start_from_run")), None)
    return begun_from or next((each for each in older if each.preset == run.preset), None)


def bought(project: Project, run: RunRecord, runs: Sequence[RunRecord]) -> Bought | None:
    """Returns what the verdicts since the predecessor's dataset bought; None where a run has no predecessor."""
    before, number = predecessor(run, runs), _dataset(run)
    if before is None or number is None or not _has_checkpoint(run):
        return None
    older = _dataset(before)
    assert older is not None
    since, until = project.store.dataset(older).at, project.store.dataset(number).at
    n_verdicts = project.store.verdicts_between(since, until)
    gallery = f"{OF_RUN}{before.id}"
    wanted = ((before.id, VALIDATION), (run.id, gallery))
    found: list[RankFile] = []
    missing: list[tuple[str, str]] = []
    for run_id, name in wanted:
        try:
            found.append(ranks_of(project, run_id, name))
        except UserError:
            missing.append((run_id, name))
    if not missing and found[0].gallery_hash != found[1].gallery_hash:
        missing = list(wanted)
    told = None if missing else difference(found[1], found[0])
    return Bought(run, before, number, n_verdicts, gallery, told, 0 if told is None else told.share.n, tuple(missing))


def table3(runs: Sequence[RunRecord]) -> tuple[list[TableRow], str | None]:
    """Returns the rows of Table 3, each with the newest run that fills it, and the hash of the gallery they share.

    A row measured on another gallery than most keeps its numbers and says so; none is left out or mixed in silently.
    """
    chosen: dict[str, RunRecord] = {}
    for run in runs:  # the newest first
        known = chosen.get(run.preset)
        if known is None or (not _verified(known) and _verified(run)):
            chosen[run.preset] = run
    filled = [chosen[cell.row] for cell in TABLES["table3"] if cell.row in chosen]
    hashes = [result.gallery_hash for run in filled if (result := _verified(run)) is not None]
    shared = max(hashes, key=hashes.count) if hashes else None
    rows = []
    for cell in TABLES["table3"]:
        found = chosen.get(cell.row)
        result = None if found is None else _verified(found)
        note = ""
        if found is not None and result is None:
            note = "verified gallery: not measured yet"
        elif result is not None and result.gallery_hash != shared:
            note = "another gallery: does not compare"
        elif result is not None and result.size != GALLERY_SIZES[cell.gallery]:
            note = f"{result.size:,} pairs, the paper's had {GALLERY_SIZES[cell.gallery]:,}"
        rows.append(TableRow(cell, found, result, note))
    return rows, shared


def _verified(run: RunRecord) -> Result | None:
    return next((result for result in results_of(run) if result.gallery == "verified"), None)


def _asked(run: RunRecord) -> dict[str, str]:
    try:
        values = preset(run.preset, run.config.get("values")).model_dump(exclude={"description"})
    except UserError:
        values = dict(run.config.get("values") or {})
    pairs = run.config.get("pairs") or {}
    start = run.config.get("start_from_run") or run.config.get("start_from")
    first = {
        "preset": run.preset,
        "dataset": f"{pairs['dataset']} ({str(pairs.get('dataset_hash'))[:4]})" if pairs.get("dataset") else "–",
        "pairs": f"{(pairs.get('train_food') or 0) + (pairs.get('train_non_food') or 0):,}".replace(",", "\u202f"),
        "start from": Path(str(start)).name if start else "–",
        "device": str(run.config.get("device", "")),
    }
    return first | {name: _told(value) for name, value in values.items()}


def _told(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _dataset(run: RunRecord) -> int | None:
    number = (run.config.get("pairs") or {}).get("dataset")
    return int(number) if isinstance(number, int) else None


def _has_checkpoint(run: RunRecord) -> bool:
    return bool(run.result.get("best_checkpoint") or run.result.get("checkpoint"))
