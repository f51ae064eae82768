"""The detect job: what a food detector sees in each frame of the clip files, one detections file a video (Section 3.1).

`NAME:REST` opens an adapter (davenet.labels.food.detector), `import:FILE_OR_FOLDER` takes what another detector saw
(davenet.labels.importing), `auto` the best that is there (davenet.labels.food.auto).
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.clips import Clip, clip_path, open_clip
from davenet.errors import UserError, one_line
from davenet.files import remove_dead_parts
from davenet.jobs import ShouldStop, started
from davenet.labels.detections import (
    MAX_TOP,
    Detections,
    FoodDetection,
    detections_path,
    read_detections,
    write_detections,
)
from davenet.labels.food import auto
from davenet.labels.food.detector import Detector, Frame, checked, open_detector
from davenet.labels.food.model_file import write_settings_file
from davenet.labels.importing import import_detections
from davenet.specs import DetectSpec

_BATCH = 8  # frames between two looks at whether to stop
_FOOD = 0.5  # Section 6's threshold, for what is told at the end


def detect_foods(spec: DetectSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Returns {"detected": uids, "skipped": uids (already done), "unusable": [{"uid", "path", "reason"}], "frames": n,
    "detector": its name}.

    Raises UserError where the detector itself cannot be used, Stop with what was finished when asked to stop.
    """
    kind, _, rest = spec.detector.partition(":")
    if kind == "import":
        if not rest:
            raise UserError("Which detections? Give them as import:FILE or import:FOLDER.")
        return import_detections(spec, Path(rest), emit, stop)
    named, options = spec.detector, spec.options()
    if named == "auto":
        choice = auto.choose(spec.labels_dir, options)
        emit(events.Message(choice.told))
        named, options = choice.detector, choice.options
    detector = open_detector(named, options)
    for note in getattr(detector, "notes", ()):
        emit(events.Message(note))
    if spec.save_settings:
        written = write_settings_file(_model_of(named), options)
        emit(events.Message(f"The model's settings lie in {written}."))
    seen: Counter[str] = Counter()
    result = detect_with(detector, spec, emit, stop, seen)
    if result["frames"]:
        emit(events.Message(told(seen, result["frames"])))
    if result["detected"] or result["skipped"]:
        auto.remember(spec.labels_dir, named, options)
    return result


def _model_of(named: str) -> Path:
    kind, _, rest = named.partition(":")
    if kind != "onnx":
        raise UserError(f"Only the settings of onnx: models can be saved beside them, not those of {named}.")
    return Path(rest)


def told(seen: Counter[str], n_frames: int) -> str:
    """Returns the sentence on what was seen over all; `seen` as `detect_with` counts it."""
    foods = [name for name, _ in seen.most_common() if name][:MAX_TOP]
    often = f"; the most probable there are most often {', '.join(foods)}" if foods else ""
    return f"Food is seen (P ≥ {_FOOD:g}) in {seen.total()} of {n_frames} frames{often}."


def detect_with(
    detector: Detector, spec: DetectSpec, emit: events.Emit, stop: ShouldStop, seen: Counter[str]
) -> dict[str, Any]:
    """Detects in a spec's videos with a detector that is open; as `detect_foods`, on any machine.

    `seen` counts the frames with food by their most probable food.
    """
    clips, result = _open_clips(spec, emit)
    result["detector"] = detector.name
    n_total = sum(clip.n_frames for clip in clips)
    n_before = 0
    emit(started("detect", n_total, "frames"))
    for clip in clips:
        path = detections_path(spec.labels_dir, clip.video_uid, detector.name)
        source_hash = clip.metadata.get("source_hash") or "unknown"
        if stop():
            raise events.Stop(result)
        remove_dead_parts(path.parent)
        if not spec.force and is_detected(clip, detector, spec.labels_dir):
            result["skipped"].append(clip.video_uid)
        else:
            frames: list[FoodDetection] = []
            try:
                for times_s, pictures in _pictures(clip):
                    given = checked(detector, detector(pictures), len(pictures))
                    frames += [FoodDetection(float(t), s.food, s.top) for t, s in zip(times_s, given, strict=True)]
                    if stop():
                        raise events.Stop(result)
                    emit(events.Progress(n_before + len(frames), n_total, "frames", clip.video_uid))
            except UserError as error:
                _refuse(result, clip.video_uid, clip.path, error, emit)
            else:
                found = Detections(
                    clip.video_uid, detector.name, detector.version, source_hash, tuple(frames), detector.settings
                )
                write_detections(path, found)
                result["detected"].append(clip.video_uid)
                result["frames"] += len(frames)
                seen.update(frame.top[0][0] if frame.top else "" for frame in frames if frame.food >= _FOOD)
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


def _pictures(clip: Clip) -> Iterator[tuple[NDArray[np.float64], list[Frame]]]:
    for first in range(0, clip.n_frames, _BATCH):
        indices = range(first, min(first + _BATCH, clip.n_frames))
        yield clip.frame_times_s[first : first + _BATCH], [clip.frame_rgb(i) for i in indices]


def is_detected(clip: Clip, detector: Detector, labels_dir: Path) -> bool:
    """Whether a whole file of this detector's findings lies there; it is read to its end, as a disk may have cut it."""
    path = detections_path(labels_dir, clip.video_uid, detector.name)
    source_hash = clip.metadata.get("source_hash") or "unknown"
    if not path.is_file():
        return False
    try:
        done = read_detections(path)
    except UserError:
        return False  # damaged or of another version: it is written anew
    was = (done.detector_version, done.settings, done.source_hash, len(done.frames))
    return was == (detector.version, _as_read(detector.settings), source_hash, clip.n_frames)


def _as_read(settings: dict[str, Any]) -> Any:
    """Returns settings as a file gives them back: tuples as lists."""
    return json.loads(json.dumps(settings))
