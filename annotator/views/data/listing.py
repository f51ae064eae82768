"""The list of videos as plain values: what is shown of each, and which a filter keeps. Made off the GUI thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QImage

from annotator.project import Project, VideoState
from annotator.store.records import Problem
from annotator.views.data import values
from annotator.views.widgets.table import Cell, Row
from annotator.views.widgets.time_layout import clock_text

Lack = Literal["", "clip", "words", "detections", "pairs", "file", "skipped"]
LACKS: tuple[tuple[Lack, str], ...] = (
    ("", "Any state"),
    ("clip", "Not extracted"),
    ("words", "Without words"),
    ("detections", "Without detections"),
    ("pairs", "Without pairs"),
    ("skipped", "Skipped by a step"),
    ("file", "File not found"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A video with what a filter looks into, in lower case, and why a step could not use it."""

    state: VideoState
    text: str
    problem: str = ""

    @property
    def uid(self) -> str:
        return self.state.video.uid


@dataclass(frozen=True, slots=True)
class Listing:
    """The whole project at one moment."""

    videos: tuple[Listed, ...]
    problems: tuple[Problem, ...]
    steps: tuple[values.StepState, ...]
    splits: tuple[tuple[str, int], ...]  # with how many videos
    n_not_imported: int = 0

    def by_uid(self) -> dict[str, Listed]:
        return {listed.uid: listed for listed in self.videos}


@dataclass(frozen=True, slots=True)
class Filter:
    text: str = ""
    split: str = ""
    lack: Lack = ""

    def is_on(self) -> bool:
        return self != Filter()


def read_listing(project: Project) -> Listing:
    """Reads the database and the names of files; quick for thousands of videos, but not for the GUI thread."""
    states = project.video_states()
    problems = project.store.problems()
    why: dict[str, str] = {}
    for problem in problems:
        if problem.video_uid is not None:
            why.setdefault(problem.video_uid, problem.reason)
    videos = tuple(Listed(state, _searched(state), why.get(state.video.uid, "")) for state in states)
    counted = {split: sum(state.video.split == split for state in states) for split in ("train", "validation", "test")}
    n_not_imported = sum(len(each) for each in not_imported(project).values())
    counts = project.store.counts(project.reviewer)
    steps = (*values.step_states(states), values.release_state(counts))
    return Listing(videos, tuple(problems), steps, tuple(counted.items()), n_not_imported)


def not_imported(project: Project) -> dict[str, list[dict[str, str]]]:
    """Returns by corpus the ids that did not come in with the last import: id, split, recipe_type, reason, path."""
    import csv

    from annotator.verbs.known_ids import not_imported_path
    from davenet.corpora.entries import CORPORA

    found: dict[str, list[dict[str, str]]] = {}
    for corpus in CORPORA:
        path = not_imported_path(project, corpus)
        if path.is_file():
            with open(path, encoding="utf-8", newline="") as lines:
                found[corpus] = list(csv.DictReader(lines))
    return found


def matching(videos: Sequence[Listed], wanted: Filter) -> list[str]:
    """Returns the uids of the videos that a filter keeps, in order."""
    words = wanted.text.lower().split()
    return [
        listed.uid
        for listed in videos
        if (not wanted.split or listed.state.video.split == wanted.split)
        and (not wanted.lack or lacks(listed, wanted.lack))
        and all(word in listed.text for word in words)
    ]


def lacks(listed: Listed, what: Lack) -> bool:
    state = listed.state
    match what:
        case "clip":
            return not state.is_extracted
        case "words":
            return not state.recognisers
        case "detections":
            return not state.detectors
        case "pairs":
            return not state.n_food_pairs
        case "file":
            return not state.is_present
        case "skipped":
            return bool(listed.problem)
        case _:
            return True


def row_of(listed: Listed, thumbnail: QImage | None) -> Row:
    """Returns the table's row of a video."""
    state, video = listed.state, listed.state.video
    missing = "" if state.is_present else f"not found at {video.path}"
    trouble = missing or listed.problem.removeprefix(str(video.path)).strip()
    silent = "" if video.sound_rate else " · no sound"
    second = trouble or f"{video.width}×{video.height} · {values.size_text(video.size_bytes)}{silent}"
    name = Cell(
        video.title,
        second=second,
        image=thumbnail if thumbnail is not None else QImage(),
        is_strong=True,
        tip=missing or listed.problem or f"{video.path}\nEnter or a double click opens its page",
    )
    return Row(
        video.uid,
        (
            name,
            Cell(video.split, token="text" if video.split == "train" else "info"),
            _said(video.recipe_type),
            _said(video.language),
            Cell(clock_text(video.duration_s), token="muted"),
            _done(("",) if state.is_extracted else ()),
            _done(state.recognisers),
            _done(state.detectors),
            Cell(values.number_text(state.n_food_pairs) if state.n_food_pairs else "–",
                 token="text" if state.n_food_pairs else "muted"),
        ),
    )  # fmt: skip


def _said(text: str) -> Cell:
    return Cell(text or "–", token="text" if text else "muted", tip=text)


def _done(sources: Sequence[str]) -> Cell:
    if not sources:
        return Cell("–", token="muted")
    return Cell(sources[-1], glyph="accept", tip=", ".join(source for source in sources if source))


def _searched(state: VideoState) -> str:
    video = state.video
    parts = (video.title, video.corpus_id, video.recipe_type, video.language, video.corpus, video.path.name)
    return " ".join((*parts, *state.recognisers, *state.detectors)).lower()
