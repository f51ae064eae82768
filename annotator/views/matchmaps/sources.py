"""What the Matchmaps workspace shows, read from the project's files: checkpoints, words and sound."""

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotator.demo.project import CHECKPOINT as DEMO_CHECKPOINT
from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.views.matchmaps.side_panel import WordHere
from davenet.clips import open_clip
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.labels.food_words import FoodVocabulary, food_words
from davenet.labels.words import Word, newest_transcript, read_transcript
from davenet.live import FOLDER as LIVE_FOLDER
from davenet.live import STRETCH_S, Mode
from davenet.media.sound import read_sound
from davenet.model.config import ModelConfig
from davenet.model.header import read_metadata

PEAK_STEP_S = 0.01
_SOUND_RATE = 8000  # enough to see how loud it is
_LONGEST_WORD_S = 3.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that can listen; `stamp` tells one file from another that took its place."""

    name: str
    path: Path
    live_dir: Path
    stamp: tuple[int, int]

    @property
    def key(self) -> str:
        return str(self.path)

    def live_folder(self) -> Path:
        """Returns where its live maps lie, by its content; reads the file: not for the GUI thread."""
        return self.live_dir / content_hash(self.path)


@dataclass(frozen=True, slots=True)
class Heard:
    """The sound and the words of a video; `peaks` each PEAK_STEP_S, `log_mel` of its clip file (None without one)."""

    words: tuple[Word, ...]
    foods: tuple[int, ...]  # which of the words name foods
    peaks: NDArray[np.float32]
    log_mel: NDArray[Any] | None
    why_no_words: str


def find_checkpoints(project: Project) -> list[Checkpoint]:
    """Returns the best checkpoints of the runs, newest first, and the one that comes with the demo."""
    found = []
    for run in project.store.runs():
        try:
            path = project.checkpoint_path(run.id)
            found.append(_checkpoint(project, f"run {run.id}", path))
        except (UserError, OSError):
            continue  # no epoch is done yet, or its folder has gone
    if DEMO_CHECKPOINT.is_file():
        found.append(_checkpoint(project, "demo checkpoint", DEMO_CHECKPOINT))
    return found


def _checkpoint(project: Project, name: str, path: Path) -> Checkpoint:
    found = path.stat()
    return Checkpoint(name, path, live_dir(project), (found.st_mtime_ns, found.st_size))


def open_checkpoint(project: Project, path: Path, names: Collection[str]) -> Checkpoint:
    """Returns the checkpoint of any file, with a name that is not among `names`; raises UserError, one sentence, where
    it is none of ours. Nothing is unpickled; reads the file: not for the GUI thread."""
    path = path.expanduser().absolute()
    try:
        model_config(path)
        name = path.stem if path.stem not in names else f"{path.parent.name}/{path.stem}"
        return _checkpoint(project, name, path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); choose another checkpoint.") from error


def still_there(project: Project, opened: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Returns the opened checkpoints whose files are there, each with the stamp that its file has now."""
    found = []
    for one in opened:
        with suppress(OSError):
            found.append(_checkpoint(project, one.name, one.path))
    return found


def live_dir(project: Project) -> Path:
    """Where live maps are kept."""
    return project.cache_dir / LIVE_FOLDER


def model_config(checkpoint: Path) -> ModelConfig:
    """Returns what model a checkpoint holds; raises UserError, one sentence, where it is none of ours."""
    return read_metadata(checkpoint)[0]


def check_video(video: VideoRecord) -> None:
    """Raises UserError where another file lies in the place of the video that was imported: maps of the one would be
    shown over the other. A file that is missing is the player's to tell."""
    try:
        found = content_hash(video.path)
    except OSError:
        return
    if found != video.source_hash:
        raise UserError(f"{video.path} is not the video that was imported; put that one back, or relink its folder.")


def videos_ready(checkpoint: Checkpoint, mode: Mode, videos: Sequence[VideoRecord]) -> set[str]:
    """Returns the uids of the videos whose maps of a mode are all there; not for the GUI thread."""
    try:
        folder = checkpoint.live_folder() / mode.key
    except OSError:
        return set()
    ready = set()
    for video in videos:
        n_stretches = max(1, math.ceil(video.duration_s / STRETCH_S - 1e-9))
        if sum(1 for _ in (folder / video.uid).glob("*.safetensors")) >= n_stretches:
            ready.add(video.uid)
    return ready


def load_heard(project: Project, video: VideoRecord) -> Heard:
    """Reads what is there of a video's words, waveform and spectrogram; what is missing or damaged is left out."""
    words: tuple[Word, ...] = ()
    why = "This video's words have not been recognised yet: transcribe it in Data."
    newest = newest_transcript(project.labels_dir, video.uid)
    if newest is not None:
        try:
            words = read_transcript(newest).words
            why = "No food is named here."
        except UserError as error:
            why = str(error)
    vocabulary = FoodVocabulary(food_words())
    foods = tuple(index for index, word in enumerate(words) if word.word in vocabulary)
    log_mel: NDArray[Any] | None = None
    clip_path = project.clip_path(video.uid)
    if clip_path.exists():
        try:
            log_mel = open_clip(clip_path).log_mel
        except UserError:
            log_mel = None  # Data says what is wrong with it; the video plays without its spectrogram
    try:
        peaks = sound_peaks(read_sound(video.path, rate=_SOUND_RATE))
    except UserError:
        peaks = np.zeros(0, np.float32)  # the player says why
    return Heard(words, foods, peaks, log_mel, why)


def sound_peaks(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the largest absolute sample of each PEAK_STEP_S of sound (n,) at 8 kHz."""
    n_each = round(_SOUND_RATE * PEAK_STEP_S)
    n_whole = len(sound) // n_each
    peaks: NDArray[np.float32] = np.abs(sound[: n_whole * n_each]).reshape(n_whole, n_each).max(axis=1, initial=0.0)
    return peaks


def words_around(words: Sequence[Word], chosen: Sequence[int], start: float, end: float) -> list[int]:
    """Returns the indices in `chosen` of the words that are said between start and end, in order of time."""
    first = bisect_left(chosen, start - _LONGEST_WORD_S, key=lambda index: words[index].start)
    last = bisect_left(chosen, end, key=lambda index: words[index].start)
    return [index for index in chosen[first:last] if words[index].end > start]


def words_here(
    words: Sequence[Word], foods: Sequence[int], shown: tuple[float, float], heard: tuple[float, float], now_s: float
) -> list[WordHere]:
    """Returns each food word said in the `shown` seconds once, lit where it lies in the `heard` ones.

    A word that is said several times leads to the time nearest to now.
    """
    best: dict[str, WordHere] = {}
    for index in words_around(words, foods, *shown):
        word = words[index]
        middle_s = (word.start + word.end) / 2
        is_now = word.end > heard[0] and word.start < heard[1]
        before = best.get(word.word)
        if before is None or abs(middle_s - now_s) < abs(before.time_s - now_s):
            best[word.word] = WordHere(word.word, middle_s, is_now or (before is not None and before.is_now), index)
        elif is_now and not before.is_now:
            best[word.word] = WordHere(word.word, before.time_s, True, before.index)
    return list(best.values())


def following_range(
    now_s: float, shown: tuple[float, float], duration_s: float, window_s: float
) -> tuple[float, float] | None:
    """Returns the range that brings now back into view by a page, or None while it is well in view."""
    start, end = shown
    span = min(end - start, max(duration_s, 0.05))
    if start <= now_s <= end - 0.05 * span or (now_s >= start and end >= duration_s - 1e-6 and now_s <= end):
        return None
    span = min(window_s, max(duration_s, 0.05)) if span > window_s else span
    is_next_page = start <= now_s <= end + span  # play went on; anything farther was a leap, which is put in the middle
    new_start = min(max(0.0, now_s - (0.15 if is_next_page else 0.5) * span), max(0.0, duration_s - span))
    return new_start, new_start + span
