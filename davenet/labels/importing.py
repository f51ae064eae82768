"""Takes in what another detector saw: JSON lines {"video", "time", "food", "top"}, detections files, a folder of them.

Every line of every file is checked before anything is written: a file with one bad line imports nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.labels import label_file
from davenet.labels.detections import FORMAT, Detections, FoodDetection, detections_path, frame_of, write_detections
from davenet.labels.label_file import BadLineError, bad_line, text_of
from davenet.specs import DetectSpec, VideoRef

_REMEDY = "correct the file and import it again; nothing was imported"


@dataclass(slots=True)
class _Gathered:
    """The frames of one video by one detector, and in which lines they stand."""

    detections: Detections
    lines: dict[float, str] = field(default_factory=dict)  # time -> "FILE, line N"
    frames: list[FoodDetection] = field(default_factory=list)


def import_detections(spec: DetectSpec, source: Path, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes a detections file for each video that the lines speak of; returns the result of the detect job.

    A line's "video" is the video's uid, its file's name, or that name without suffix; it may be left out in a file
    whose header (the first line of a detections file) names it. Raises UserError naming the file and the line.
    """
    emit(started("detect", len(spec.videos), "videos"))
    names = _Names(spec.videos)
    gathered: dict[tuple[str, str], _Gathered] = {}
    for path in _files(source):
        if stop():
            raise events.Stop({})
        _read_file(path, names, gathered)
    if not gathered:
        raise UserError(f"{source} holds no detections; give JSON lines with video, time, food and top.")
    result: dict[str, Any] = {"detected": [], "skipped": [], "unusable": [], "frames": 0}
    for found in gathered.values():
        frames = tuple(sorted(found.frames, key=lambda frame: frame.time))
        detections = replace(found.detections, frames=frames)
        write_detections(detections_path(spec.labels_dir, detections.video_uid, detections.detector), detections)
        result["detected"].append(detections.video_uid)
        result["frames"] += len(frames)
        emit(events.Progress(len(result["detected"]), len(gathered), "videos", detections.video_uid))
    detected = set(result["detected"])
    for video in spec.videos:
        if video.uid not in detected:
            reason = f"{source} says nothing of this video."
            result["unusable"].append({"uid": video.uid, "path": str(video.path), "reason": reason})
            emit(events.Skipped(video.uid, reason))
    return result


class _Names:
    """Finds the video that a line speaks of."""

    def __init__(self, videos: list[VideoRef]) -> None:
        self._by_uid = {video.uid: video for video in videos}
        self._by_name: dict[str, list[VideoRef]] = {}
        for video in videos:
            for name in {video.path.name, video.path.stem}:
                self._by_name.setdefault(name, []).append(video)

    def find(self, name: str) -> VideoRef:
        """Returns the video of this uid, file name or stem; raises BadLineError where none or several have the name."""
        if name in self._by_uid:
            return self._by_uid[name]
        named = self._by_name.get(name, [])
        if len(named) > 1:
            raise BadLineError(f'"{name}" is the name of {len(named)} videos; write the uid, e.g. "{named[0].uid}"')
        if not named:
            raise BadLineError(f'no video of the project is named "{name[:80]}"')
        return named[0]


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(path for path in source.rglob("*.jsonl") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise UserError(f"{source} holds no .jsonl files; give the file or the folder that holds the detections.")
    return files


def _read_file(path: Path, names: _Names, gathered: dict[tuple[str, str], _Gathered]) -> None:
    header: Mapping[str, Any] = {}
    version = ""
    for first, (number, values) in _numbered(path):
        try:
            if first and "format" in values:
                label_file.check_header(values, FORMAT)
                header = values
                continue
            if not version:
                version = _version(header, path)
            video = names.find(text_of(values if "video" in values else header, "video"))
            detector = text_of(header, "detector") if "detector" in header else f"import:{path.stem}"
            key = (video.uid, detector)
            if key not in gathered:
                settings = label_file.settings_of(header) | {"imported_from": path.name}
                gathered[key] = _Gathered(Detections(video.uid, detector, version, _source_hash(video), (), settings))
            _add(gathered[key], frame_of(values), f"{path.name}, line {number}")
        except BadLineError as error:
            raise bad_line(path, number, error, remedy=_REMEDY) from error


def _numbered(path: Path) -> Iterator[tuple[bool, tuple[int, dict[str, Any]]]]:
    for order, line in enumerate(label_file.read_lines(path, remedy=_REMEDY)):
        yield order == 0, line


def _add(found: _Gathered, frame: FoodDetection, line: str) -> None:
    if frame.time in found.lines:
        raise BadLineError(f"the frame at {frame.time:g} s of this video was given before ({found.lines[frame.time]})")
    found.lines[frame.time] = line
    found.frames.append(frame)


def _version(header: Mapping[str, Any], path: Path) -> str:
    return text_of(header, "detector_version") if "detector_version" in header else content_hash(path)


def _source_hash(video: VideoRef) -> str:
    try:
        return content_hash(video.path)
    except OSError:
        return "unknown"  # the media may lie elsewhere; what was seen in it holds all the same
