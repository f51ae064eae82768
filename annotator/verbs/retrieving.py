"""A run's gallery one case at a time: planned as a job, its file found and read again, a hit that was no pair made one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.verbs.galleries import freeze as freeze_gallery
from annotator.verbs.training import resolve_run
from davenet.errors import UserError
from davenet.evaluation.paper import GalleryName
from davenet.files import content_hash
from davenet.retrieval_file import FORMAT, GroupRow
from davenet.specs import RetrieveSpec

_FOLDER = "retrieval"


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A gallery of a run that was looked at: its file, and whether its checkpoint is still the run's."""

    run_id: str
    gallery: str
    path: Path
    n: int
    checkpoint_hash: str
    is_current: bool


def plan_retrieve(
    project: Project,
    run_id: str,
    *,
    on: Literal["validation", "test"] | GalleryName = "validation",
    umap: bool = False,
    device: str = "auto",
) -> RetrieveSpec:
    """Looks at a gallery through a run's checkpoint: its own validation pairs, or one of those `evaluate` freezes.

    Raises UserError where the project has no such run, the run no checkpoint, or the gallery no pairs.
    """
    run = resolve_run(project, run_id)
    checkpoint = project.checkpoint_path(run.id)
    pairs = project.run_dir(run.id) / f"{on}.pairs.jsonl"
    if not pairs.is_file():
        if on not in get_args(GalleryName):
            raise UserError(f"{pairs} does not exist; evaluate the run on {on} first, or choose another gallery.")
        freeze_gallery(project, cast(GalleryName, on), pairs)
    return RetrieveSpec(
        checkpoint=checkpoint,
        clips_dir=project.clips_dir,
        pairs=pairs,
        out_dir=project.run_dir(run.id) / _FOLDER,
        gallery=on,
        splits={video.uid: video.split for video in project.store.videos()},
        umap=umap,
        device=device,
    )


def collect_retrieve(project: Project, spec: RetrieveSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    return {"run": spec.out_dir.parent.name, **result}


def frozen_galleries(project: Project, run: RunRecord) -> list[str]:
    """Returns the galleries whose pairs lie frozen in a run's folder, its own validation first."""
    names = [path.name.removesuffix(".pairs.jsonl") for path in project.run_dir(run.id).glob("*.pairs.jsonl")]
    return [name for name in ("validation", "test", *get_args(GalleryName)) if name in names]


def looked_at(project: Project, run_id: str) -> list[LookedAt]:
    """Returns what was looked at with a run, the newest first; damaged files are left for the reading to tell of."""
    folder = project.run_dir(run_id) / _FOLDER
    try:
        current = content_hash(project.checkpoint_path(run_id))
    except UserError:
        current = ""
    found = []
    for path in sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            said = json.loads(path.with_suffix(".json").read_text("utf-8"))
            if said["format"] != FORMAT:
                raise ValueError(said["format"])
            gallery, used, n = str(said["gallery"]), str(said["checkpoint_hash"]), len(said["pairs"])
        except (OSError, ValueError, KeyError, TypeError):
            gallery, used, n = path.stem, "", 0
        found.append(LookedAt(run_id, gallery, path, n, used, used == current))
    return found


def table_lines(rows: Sequence[GroupRow], head: str) -> list[str]:
    """Returns a table of classes or words in lines for people; per cent, with 95 % intervals."""
    width = max([len(head), *(len(row.name) for row in rows)])
    lines = [f"{head:<{width}}  pairs        audio R@10 %       visual R@10 %    F1 %"]
    for row in rows:
        lines.append(
            f"{row.name:<{width}}  {row.n:>5}  {_share(row.audio, row.audio_interval_95)}  "
            f"{_share(row.visual, row.visual_interval_95)}  {100 * row.f1:>6.1f}"
        )
    return lines


def _share(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:>5.1f} ({100 * interval[0]:>4.1f} to {100 * interval[1]:>5.1f})"
