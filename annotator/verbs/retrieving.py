"""A gallery one case at a time: planned as a job, its file found again, and a right result that was no pair made one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from annotator.project import Project
from annotator.store.records import PairRecord, VerdictRecord
from annotator.verbs.galleries import freeze as freeze_gallery
from annotator.verbs.training import resolve_run
from davenet.errors import UserError
from davenet.evaluation.paper import GalleryName
from davenet.evaluation.projection import require_umap
from davenet.files import content_hash
from davenet.pairs import Pair, WeakLabel, matched_uid, write_pairs
from davenet.retrieval_file import GroupRow, read_head
from davenet.retrieved_pairs import RetrievedPair
from davenet.specs import RetrieveSpec

Gallery = Literal["validation", "test", "mined"] | GalleryName
GALLERIES: tuple[str, ...] = ("validation", "test", "mined", *get_args(GalleryName))
_FOLDER = "retrieval"
_LEAST_PAIRS = 2  # a rank needs another


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A gallery that was looked at: its file, and whether the checkpoint is still the one that looked."""

    gallery: str
    path: Path
    is_current: bool


def plan_retrieve(
    project: Project, source: str | Path, *, on: Gallery = "validation", umap: bool = False, device: str = "auto"
) -> RetrieveSpec:
    """Looks at a gallery through a run's checkpoint (by its id), or through a checkpoint's file.

    "validation" is the run's own pairs, "mined" the project's food pairs as they are now; the others are those that
    `evaluate` freezes. Raises UserError where the project has no such run, the run no checkpoint, the gallery no pairs.
    """
    if umap:
        require_umap()
    checkpoint, folder = _place(project, source)
    pairs = folder / f"{on}.pairs.jsonl"
    if on == "mined":
        food = project.store.food_pairs()
        if len(food) < _LEAST_PAIRS:
            raise UserError(f"{project.path} has {len(food) or 'no'} food pairs and a rank needs two; mine them first.")
        write_pairs(pairs, (pair.to_pair() for pair in food))
    elif not pairs.is_file():
        if on not in get_args(GalleryName):
            raise UserError(f"{pairs} does not exist; choose another gallery, or evaluate the run on it first.")
        freeze_gallery(project, cast(GalleryName, on), pairs)
    return RetrieveSpec(
        checkpoint=checkpoint,
        clips_dir=project.clips_dir,
        pairs=pairs,
        out_dir=folder / _FOLDER,
        gallery=on,
        splits={video.uid: video.split for video in project.store.videos()},
        umap=umap,
        device=device,
    )


def collect_retrieve(project: Project, spec: RetrieveSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    is_run = spec.out_dir.parent.parent == project.runs_dir
    return {"run": spec.out_dir.parent.name if is_run else "", "gallery": spec.gallery, **result}


def galleries_of(project: Project, source: str | Path) -> tuple[str, ...]:
    """Returns the galleries that can be looked at: those that lie frozen, a run's own in front, and the mined pairs."""
    folder = project.run_dir(source) if isinstance(source, str) else _place(project, source)[1]
    frozen = {path.name.removesuffix(".pairs.jsonl") for path in folder.glob("*.pairs.jsonl")} | {"mined"}
    return tuple(name for name in GALLERIES if name in frozen)


def looked_at(project: Project, source: str | Path) -> list[LookedAt]:
    """Returns what was looked at, the newest first; what is damaged is left for the reading of it to tell."""
    try:
        checkpoint, folder = _place(project, source)
        current = content_hash(checkpoint)
    except UserError:
        current = ""
        folder = project.run_dir(str(source))
    found = []
    files = [path for path in (folder / _FOLDER).glob("*.safetensors") if path.is_file()]
    for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            said = read_head(path)
            found.append(LookedAt(str(said["gallery"]), path, said["checkpoint_hash"] == current))
        except (UserError, KeyError):
            found.append(LookedAt("", path, False))
    return found


def accept_result(
    project: Project, frame: RetrievedPair, sound: RetrievedPair, *, seconds: float
) -> tuple[Pair, VerdictRecord]:
    """Makes a pair of a frame and a sound that a model put together, and accepts it as the project's reviewer.

    Where both are one pair of the project, that pair is accepted. Raises UserError, and changes nothing, where they lie
    in two videos (a pair's sound is of its frame's video), where the sound has no label, or nothing can be written.
    """
    project.require_writable()
    store, reviewer = project.store, project.reviewer
    if frame.video_uid != sound.video_uid:
        other = store.video(sound.video_uid).title
        raise UserError(
            f"This sound is of another video ({other}), and a pair's frame and sound are of one: it cannot become a pair. "
            "Send it to review instead."
        )
    if frame.uid == sound.uid and (own := store.pairs([frame.uid], reviewer=reviewer)):
        pair = own[0].to_pair()
        return pair, _accept(project, pair, seconds)
    known = {record.uid: record for record in store.pairs([frame.uid, sound.uid], reviewer="")}
    pair = paired(known, frame, sound)
    store.add_pair(pair, like=(sound.uid, frame.uid))
    return pair, _accept(project, pair, seconds)


def _accept(project: Project, pair: Pair, seconds: float) -> VerdictRecord:
    return project.store.give_verdict(
        pair.uid, "accept", reviewer=project.reviewer, seconds=seconds, window_s=pair.segment_s
    )


def paired(known: Mapping[str, PairRecord], frame: RetrievedPair, sound: RetrievedPair) -> Pair:
    """Returns the pair of a frame and a sound of one video, its sound so many seconds from its frame.

    The sound is centred on its word where that was heard in it: so it is the same whatever a run trains around. Its label
    is the sound's, with what the detector claimed of it in the frame (0 where nothing). `known` holds the
    project's pairs by uid, those of frame and sound among them; raises UserError where the sound has no label there.
    """
    heard = known[sound.uid].label if sound.uid in known else None
    if heard is None:
        raise UserError("This sound has no label of the project, so there is nothing to accept; mine its video first.")
    seen = known[frame.uid].labels if frame.uid in known else ()
    claim = next((label.probability for label in seen if label.class_name == heard.class_name), 0.0)
    label = WeakLabel(heard.class_name, claim, 1, heard.word, heard.word_start, heard.word_end, heard.word_confidence)
    word_s = (heard.word_start + heard.word_end) / 2
    centre_s = word_s if abs(word_s - sound.sound_s) <= sound.segment_s / 2 else sound.sound_s
    offset_s = round(centre_s - frame.time_s, 3)
    uid = matched_uid(frame.video_uid, frame.time_s, "food", heard.class_name, offset_s)
    probability = known[frame.uid].food_probability if frame.uid in known else None
    return Pair(uid, frame.video_uid, frame.time_s, sound.segment_s, "food", (label,), probability, offset_s)


def _place(project: Project, source: str | Path) -> tuple[Path, Path]:
    """Returns the checkpoint that a run's id or a file means, and the folder of what was looked at with it."""
    if isinstance(source, str):
        run = resolve_run(project, source)
        return project.checkpoint_path(run.id), project.run_dir(run.id)
    if not source.is_file():
        raise UserError(f"{source} does not exist; choose a run, or another checkpoint.")
    return source, project.cache_dir / _FOLDER / content_hash(source)


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
