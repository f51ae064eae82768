"""The detect job: what a food detector sees in each frame of the clip files, one detections file a video (Section 3.1).

`onnx:MODEL` runs a labeller here; `import:FILE_OR_FOLDER` takes what another detector saw (davenet.labels.importing).
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.clips import Clip, clip_path, open_clip
from davenet.errors import UserError, one_line
from davenet.jobs import ShouldStop, started
from davenet.labels.detections import (
    MAX_TOP,
    Detections,
    FoodDetection,
    detections_path,
    read_detections_header,
    write_detections,
)
from davenet.labels.food_words import FoodVocabulary, food_words
from davenet.labels.importing import import_detections
from davenet.labels.onnx import OnnxLabeller
from davenet.specs import DetectSpec

_BATCH = 8  # frames between two looks at whether to stop
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class FoodClasses:
    """Which of a labeller's classes are foods, and how P(food) comes out of its scores."""

    names: tuple[str, ...]  # of all classes, in the model's order
    foods: tuple[int, ...]
    food_label: int | None  # the class whose score is P(food); None: the sum over the foods

    def detection(self, time_s: float, scores_C: NDArray[np.float32]) -> FoodDetection:
        """Returns a frame's P(food) and its five most probable food classes; a name that occurs twice counts once."""
        food = float(scores_C[list(self.foods)].sum() if self.food_label is None else scores_C[self.food_label])
        ranked = sorted(self.foods, key=lambda index: (-scores_C[index], index))
        top: dict[str, float] = {}
        for index in ranked:
            probability = round(float(scores_C[index]), _DECIMALS)
            if len(top) == MAX_TOP or probability == 0.0:
                break
            top.setdefault(self.names[index], probability)
        return FoodDetection(float(time_s), round(min(1.0, food), _DECIMALS), tuple(top.items()))


def detect_foods(spec: DetectSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Returns {"detected": uids, "skipped": uids (already done), "unusable": [{"uid", "path", "reason"}], "frames": n}.

    Raises UserError where the detector itself cannot be used, Stop with what was finished when asked to stop.
    """
    kind, _, rest = spec.detector.partition(":")
    if kind == "import" and rest:
        return import_detections(spec, Path(rest), emit, stop)
    if kind != "onnx" or not rest:
        raise UserError(f'There is no detector "{spec.detector}"; give onnx:MODEL or import:FILE.')
    return _detect_with_onnx(spec, Path(rest), emit, stop)


def _detect_with_onnx(spec: DetectSpec, model: Path, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    if spec.classes is None:
        raise UserError(
            f"The names of {model}'s classes are missing; give a file with one name a line (--classes FILE)."
        )
    labeller = OnnxLabeller(model)
    names = read_class_names(spec.classes, labeller.n_classes, model)
    classes = choose_food_classes(names, spec.food_label, spec.food_classes, spec.food_words)
    detector = f"onnx:{labeller.name}"
    settings = {
        **labeller.settings,
        "classes": spec.classes.name,
        "food_label": spec.food_label,
        "food_classes": [classes.names[index] for index in classes.foods],
    }
    clips, result = _open_clips(spec, emit)
    n_total = sum(clip.n_frames for clip in clips)
    n_before = 0
    emit(started("detect", n_total, "frames"))
    for clip in clips:
        path = detections_path(spec.labels_dir, clip.video_uid, detector)
        source_hash = clip.metadata.get("source_hash") or "unknown"
        if stop():
            raise events.Stop(result)
        if not spec.force and _is_done(path, labeller.version, settings, source_hash):
            result["skipped"].append(clip.video_uid)
        else:
            frames: list[FoodDetection] = []
            try:
                for times_s, scores_NC in _scores(clip, labeller):
                    frames += [classes.detection(t, scores_C) for t, scores_C in zip(times_s, scores_NC, strict=True)]
                    if stop():
                        raise events.Stop(result)
                    emit(events.Progress(n_before + len(frames), n_total, "frames", clip.video_uid))
            except UserError as error:
                _refuse(result, clip.video_uid, clip.path, error, emit)
            else:
                found = Detections(
                    clip.video_uid, detector, labeller.version, source_hash, tuple(frames), settings=settings
                )
                write_detections(path, found)
                result["detected"].append(clip.video_uid)
                result["frames"] += len(frames)
        n_before += clip.n_frames
        emit(events.Progress(n_before, n_total, "frames", clip.video_uid))
    return result


def _open_clips(spec: DetectSpec, emit: events.Emit) -> tuple[list[Clip], dict[str, Any]]:
    clips: list[Clip] = []
    result: dict[str, Any] = {"detected": [], "skipped": [], "unusable": [], "frames": 0}
    for video in spec.videos:
        try:
            clips.append(open_clip(clip_path(spec.clips_dir, video.uid)))
        except UserError as error:
            _refuse(result, video.uid, video.path, error, emit)
    return clips, result


def _refuse(result: dict[str, Any], uid: str, path: Path, error: UserError, emit: events.Emit) -> None:
    result["unusable"].append({"uid": uid, "path": str(path), "reason": one_line(error)})
    emit(events.Skipped(uid, one_line(error)))


def _scores(clip: Clip, labeller: OnnxLabeller) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    for first in range(0, clip.n_frames, _BATCH):
        indices = range(first, min(first + _BATCH, clip.n_frames))
        yield clip.frame_times_s[first : first + _BATCH], labeller.scores([clip.frame_rgb(i) for i in indices])


def _is_done(path: Path, version: str, settings: dict[str, Any], source_hash: str) -> bool:
    if not path.is_file():
        return False
    try:
        done = read_detections_header(path)
    except UserError:
        return False  # damaged or of another version: it is written anew
    return done.detector_version == version and done.settings == settings and done.source_hash == source_hash


def read_class_names(path: Path, n_classes: int, model: Path) -> tuple[str, ...]:
    """Returns the names, one a line in the model's order; raises UserError where their number is not the model's."""
    names = _lines(path, "class names")
    if len(names) != n_classes:
        raise UserError(
            f"{path} names {len(names)} classes and {model} has {n_classes}; give the file that belongs to the model."
        )
    return names


def choose_food_classes(
    names: Sequence[str], food_label: str | None, food_classes: Path | None, words: Path | None
) -> FoodClasses:
    """Returns which classes are foods: those listed in `food_classes`, else those that name one of the food words.

    The class `food_label` gives P(food) and is no food class itself. Raises UserError for a name that the model lacks.
    """
    label = None if food_label is None else _index_of(food_label, names, "The food label")
    if food_classes is not None:
        listed = [
            _index_of(name, names, f"{food_classes}: the class")
            for name in _lines(food_classes, "food classes")
            if name
        ]
        chosen = set(listed)
        source = str(food_classes)
    else:
        vocabulary = FoodVocabulary(food_words(words))
        chosen = {index for index, name in enumerate(names) if name in vocabulary}
        source = "the food words"
    # a name that stands twice in the classes file stands for both classes
    folded = {_folded(names[index]) for index in chosen}
    foods = tuple(i for i, name in enumerate(names) if _folded(name) in folded and i != label)
    if not foods:
        raise UserError(
            f"None of the model's {len(names)} classes is a food by {source}; list them with --food-classes FILE."
        )
    return FoodClasses(tuple(names), foods, label)


def _index_of(name: str, names: Sequence[str], what: str) -> int:
    by_folded = {_folded(known): index for index, known in reversed(list(enumerate(names)))}
    index = by_folded.get(_folded(name))
    if index is not None:
        return index
    close = difflib.get_close_matches(_folded(name), by_folded, n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(names[by_folded[c]] for c in close)}?"
        if close
        else "choose one from the classes file."
    )
    raise UserError(f'{what} "{name}" is none of the model\'s {len(names)} classes; {hint}')


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())


def _lines(path: Path, what: str) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as {what}; give a text file with one name a line.") from error
    return tuple(line.strip() for line in text.rstrip("\r\n\t ").split("\n")) if text.strip() else ()
