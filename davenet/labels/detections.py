"""What a food detector saw in a video's frames: P(food) and the five most probable food classes, and their file.

Written by detect.py, read by mining.py and the app (Section 3.1). The first line of a file is its header.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from davenet.labels import label_file
from davenet.labels.label_file import (
    BadLineError,
    bad_line,
    checked_number,
    checked_text,
    number_of,
    settings_of,
    text_of,
)

MAX_TOP = 5
FORMAT = "detections"
_REMEDY = "detect the video's foods again"


@dataclass(frozen=True, slots=True)
class FoodDetection:
    """A frame at `time` seconds: `food` is P(food), `top` up to five (class, probability), the most probable first."""

    time: float
    food: float
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Detections:
    """The frames of one video in the order of time, and what saw them with which settings."""

    video_uid: str
    detector: str
    detector_version: str
    source_hash: str
    frames: tuple[FoodDetection, ...]
    settings: dict[str, Any] = field(default_factory=dict)


def detections_path(labels_dir: Path, video_uid: str, detector: str) -> Path:
    return label_file.label_path(labels_dir, video_uid, FORMAT, detector)


def newest_detections(labels_dir: Path, video_uid: str, detector: str | None = None) -> Path | None:
    """Returns the file of this detector's frames, or of whichever was written last; None where there is none."""
    return label_file.newest_label_file(labels_dir, video_uid, FORMAT, detector)


def adopt_detections(source: Path, video_uid: str, labels_dir: Path) -> Path:
    """Writes the detections of a file that came with a video under the video's uid here; returns where they lie."""
    made = replace(read_detections(source), video_uid=video_uid)
    target = detections_path(labels_dir, video_uid, made.detector)
    write_detections(target, made)
    return target


def write_detections(path: Path, detections: Detections) -> None:
    """Writes the file atomically; raises UserError when the disk is full."""
    header = {
        "format": FORMAT,
        "version": label_file.FORMAT_VERSION,
        "video": detections.video_uid,
        "detector": detections.detector,
        "detector_version": detections.detector_version,
        "settings": detections.settings,
        "source_hash": detections.source_hash,
    }
    lines = (
        {"time": frame.time, "food": frame.food, "top": [[name, score] for name, score in frame.top]}
        for frame in detections.frames
    )
    label_file.write_lines(path, header, lines)


def read_detections(path: Path) -> Detections:
    """Returns the file's frames, sorted by time; raises UserError naming the file and the line that is wrong."""
    header: Detections | None = None
    frames: list[FoodDetection] = []
    for number, values in label_file.read_lines(path, remedy=_REMEDY):
        try:
            if header is None:
                header = _header(values)
            else:
                frames.append(frame_of(values))
        except BadLineError as error:
            raise bad_line(path, number, error, remedy=_REMEDY) from error
    if header is None:
        raise label_file.empty_file(path, remedy=_REMEDY)
    return replace(header, frames=tuple(sorted(frames, key=lambda frame: frame.time)))


def read_detections_header(path: Path) -> Detections:
    """Returns the detections without frames, from the first line alone; raises UserError as `read_detections`."""
    for number, values in label_file.read_lines(path, remedy=_REMEDY):
        try:
            return _header(values)
        except BadLineError as error:
            raise bad_line(path, number, error, remedy=_REMEDY) from error
    raise label_file.empty_file(path, remedy=_REMEDY)


def frame_of(values: Mapping[str, Any]) -> FoodDetection:
    """Returns the frame of one line; raises BadLineError where a value is missing or out of its range."""
    time = number_of(values, "time", low=0.0)
    food = number_of(values, "food", low=0.0, high=1.0)
    top = values.get("top")
    if not isinstance(top, list):
        raise BadLineError('"top" must be a list of [class, probability]' if "top" in values else '"top" is missing')
    if len(top) > MAX_TOP:
        raise BadLineError(f'"top" holds {len(top)} classes and may hold {MAX_TOP} at most')
    classes = [_class_of(entry) for entry in top]
    if len({name for name, _ in classes}) < len(classes):
        raise BadLineError('"top" names a class twice')
    return FoodDetection(time, food, tuple(sorted(classes, key=lambda entry: -entry[1])))


def _class_of(entry: Any) -> tuple[str, float]:
    if not isinstance(entry, list) or len(entry) != 2:
        raise BadLineError('each entry of "top" must be [class, probability]')
    name, probability = entry
    if isinstance(probability, bool) or not isinstance(probability, int | float):
        raise BadLineError('a probability in "top" must be a number')
    named = checked_text(name, 'a class in "top"')
    return named, checked_number(probability, f'the probability of "{named}"', low=0.0, high=1.0)


def _header(values: Mapping[str, Any]) -> Detections:
    label_file.check_header(values, FORMAT)
    return Detections(
        video_uid=text_of(values, "video"),
        detector=text_of(values, "detector"),
        detector_version=text_of(values, "detector_version"),
        source_hash=text_of(values, "source_hash"),
        settings=settings_of(values),
        frames=(),
    )
