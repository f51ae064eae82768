"""What the Retrieval workspace shows, read from the project away from the GUI thread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtGui import QImage

from annotator import verbs
from annotator.demo.project import CHECKPOINT
from annotator.project import Project
from annotator.store.records import PairRecord, VideoRecord
from annotator.verbs.retrieving import LookedAt
from annotator.views.retrieval.cases import Cases
from annotator.views.retrieval.matrix import coloured
from annotator.views.review.scene import envelope_of, read_thumbnails
from davenet.clips import open_clip
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.media.log_mel import HOP_S
from davenet.pairs import Pair, read_pairs
from davenet.retrieval_file import Retrieval, read_retrieval
from davenet.retrieved_pairs import RetrievedPair, RetrievedPairs

PICTURE_WIDTH = 320  # pixels of a result's frame
N_BARS = 60  # of a segment's loudness


@dataclass(frozen=True, slots=True)
class Source:
    """What can look at a gallery: a run (by its id), or the checkpoint that comes with the app."""

    key: str
    name: str
    source: str | Path


@dataclass(frozen=True, slots=True)
class Place:
    """What one source has looked at, and could."""

    galleries: tuple[str, ...]
    looked_at: tuple[LookedAt, ...]
    why_not: str  # one sentence where it cannot look at anything: it has no checkpoint


@dataclass(frozen=True, slots=True)
class Loaded:
    """A gallery with all that is worked out of it before it is shown; `changed` says where its pairs are others by now."""

    cases: Cases
    matrix: QImage
    videos: dict[str, VideoRecord]
    changed: str


def sources(project: Project) -> tuple[list[Source], str]:
    """Returns the runs, newest first, and the shipped checkpoint; and the key of the newest that has looked already."""
    found = [Source(run.id, f"run {run.id}", run.id) for run in project.store.runs()]
    if CHECKPOINT.is_file():
        found.append(Source("demo", "demo checkpoint", CHECKPOINT))
    for one in found:
        if isinstance(one.source, str) and any((project.run_dir(one.source) / "retrieval").glob("*.jsonl")):
            return found, one.key
    for one in found:
        try:
            if isinstance(one.source, str):
                project.checkpoint_path(one.source)
            return found, one.key
        except UserError:
            continue  # no epoch is done yet, or its folder has gone
    return found, ""


def place_of(project: Project, source: Source) -> Place:
    why_not = ""
    try:
        if isinstance(source.source, str):
            project.checkpoint_path(source.source)
    except UserError as error:
        why_not = str(error)
    galleries = verbs.galleries_of(project, source.source)
    return Place(galleries, tuple(verbs.looked_at(project, source.source)), why_not)


def load(project: Project, path: Path, gallery: str) -> Loaded:
    """Reads a gallery that was looked at, and what the project knows of its pairs; raises UserError for a damaged file."""
    found = read_retrieval(path, embeddings=False)
    pairs = found.pairs
    uids = pairs.uids_N.tolist() if isinstance(pairs, RetrievedPairs) else [pair.uid for pair in pairs]
    videos = {video.uid: video for video in project.store.videos()}
    titles = {uid: video.title for uid, video in videos.items()}
    decisions = project.store.decisions(uids, kind="food", reviewer=project.reviewer)
    changed = _changed(project, path.parent.parent / f"{gallery}.pairs.jsonl", found)
    return Loaded(Cases.of(found, titles, decisions), coloured(found.arrays.picture_MM), videos, changed)


def _changed(project: Project, pairs: Path, found: Retrieval) -> str:
    """Returns a sentence where the gallery's pairs are no longer those that were looked at, "" where they are."""
    try:
        if content_hash(pairs) != found.pairs_file_hash:
            return "This gallery's pairs were changed since it was looked at; look again to see it as it is now."
        if found.gallery != "mined":
            return ""
        before, now = _mined(read_pairs(pairs)), _mined(project.store.food_pairs())
    except (OSError, UserError):
        return ""  # the gallery itself has gone; what was looked at can still be read
    n = [(len(now - before), "more"), (len(before - now), "gone")]
    what = " and ".join(f"{number} {word}" for number, word in n if number)
    return (
        f"The pairs were mined anew since this was looked at ({what}); look again to see it as it is now."
        if what
        else ""
    )


def _mined(pairs: Iterable[Pair | PairRecord]) -> set[str]:
    """Returns the uids of the pairs that mining found: one whose sound lies elsewhere is a result that was accepted."""
    return {pair.uid for pair in pairs if not pair.sound_offset_s}


def read_pictures(project: Project, pairs: Sequence[tuple[int, RetrievedPair]]) -> dict[int, QImage]:
    """Returns the frames by place of the gallery; an empty picture where a clip has gone."""
    found = {place: QImage() for place, _ in pairs}
    for place, pair in pairs:
        for _, image in read_thumbnails([pair], project.clip_path, PICTURE_WIDTH):  # type: ignore[list-item]
            found[place] = image
    return found


def read_waves(project: Project, pairs: Sequence[tuple[int, RetrievedPair]]) -> dict[int, list[float]]:
    """Returns the loudness over each segment, 0 to 1 in N_BARS parts; empty where a clip has gone."""
    found: dict[int, list[float]] = {}
    for place, pair in pairs:
        try:
            clip = open_clip(project.clip_path(pair.video_uid))
        except UserError:
            found[place] = []
            continue
        first = max(0, round((pair.sound_s - pair.segment_s / 2) / HOP_S))
        loud = envelope_of(np.array(clip.log_mel[first : first + max(1, round(pair.segment_s / HOP_S))]))
        parts = np.array_split(loud, N_BARS) if len(loud) >= N_BARS else [loud]
        found[place] = [float(part.max()) for part in parts if len(part)]
    return found
