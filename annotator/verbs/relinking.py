"""Finding videos again: which are missing or changed where they were linked, and where their content lies now.

A video is known by the hash of its content, so it is found under any name; sizes are compared first, which is quick.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from annotator.project import Project
from annotator.store.records import VideoRecord
from davenet.errors import UserError
from davenet.files import content_hash

Kind = Literal["missing", "changed", "unreadable"]
Progress = Callable[[int, str], None]  # how many files were looked at, the folder or file at hand
_LOOK_EVERY = 50  # files between two calls of progress


@dataclass(frozen=True, slots=True)
class Trouble:
    """A video that is not at its path as it was when it was imported."""

    video: VideoRecord
    kind: Kind
    sentence: str


def examine(project: Project, *, is_cancelled: Callable[[], bool] = lambda: False) -> list[Trouble]:
    """Returns the videos that are missing, changed or unreadable, in the order of titles; reads 3 MiB of each at most."""
    found = []
    for video in project.store.videos():
        if is_cancelled():
            break
        if (trouble := examine_video(video)) is not None:
            found.append(trouble)
    return found


def examine_video(video: VideoRecord) -> Trouble | None:
    """Returns what is wrong with a video's file, None where its content is what was imported."""
    try:
        if not video.path.exists():
            return Trouble(
                video, "missing", f"{video.path} is no longer there; choose the folder that it was moved to."
            )
        if content_hash(video.path) != video.source_hash:
            return Trouble(video, "changed", f"{video.path} has changed since it was imported.")
    except OSError as error:
        return Trouble(video, "unreadable", f"{video.path} cannot be read ({error.strerror}).")
    return None


def search(
    troubles: Iterable[Trouble],
    folder: Path,
    *,
    on_progress: Progress = lambda _number, _place: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Path]:
    """Looks through a folder and those in it for the content of these videos; returns the paths by video uid.

    Stops when all are found or when cancelled, with what it has. Raises UserError where the folder cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; choose the one that the videos were moved to.")
    wanted = {trouble.video.uid: trouble.video for trouble in troubles}
    sizes = {video.size_bytes for video in wanted.values()}
    knows_sizes = 0 not in sizes  # records of old projects and corpora may not say
    found: dict[str, Path] = {}
    for number, path in enumerate(_files(folder)):
        if is_cancelled() or len(found) == len(wanted):
            break
        if number % _LOOK_EVERY == 0:
            on_progress(number, str(path.parent))
        try:
            if knows_sizes and path.stat().st_size not in sizes:
                continue
            here = content_hash(path)
        except OSError:
            continue  # not readable: it cannot be played from there either
        for uid, video in wanted.items():
            if video.source_hash == here:
                found.setdefault(uid, path)
    return found


def relink(project: Project, found: Mapping[str, Path]) -> None:
    """Keeps the new paths of videos; their pairs, labels, clips and verdicts stay theirs."""
    project.store.add_videos([replace(project.store.video(uid), path=path) for uid, path in found.items()])


def what_stays(project: Project, video: VideoRecord) -> str:
    """Returns in words what becomes of a video's work when its file now has other content."""
    verdicts = {verdict.pair_uid for verdict in project.store.verdicts()}
    pairs = project.store.pairs_of_video(video.uid)
    decided = sum(pair.uid in verdicts for pair in pairs)
    made = [name for name, is_there in _made_from(project, video) if is_there]
    old = f"Its {' and '.join(made)} were made from the content it had and stay as they are. " if made else ""
    return (
        f"{old}Its {len(pairs)} pairs ({decided} with verdicts) point at times in the old content: "
        "they fit the new one only where nothing was cut or inserted. Keep the file as it was, or import it as a new video."
    )


def _made_from(project: Project, video: VideoRecord) -> Iterator[tuple[str, bool]]:
    yield "clip file", project.clip_path(video.uid).exists()
    yield "labels", (project.labels_dir / video.uid).is_dir()


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(parent, name)
