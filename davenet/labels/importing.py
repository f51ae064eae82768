"""Takes in what another detector saw: JSON lines {"video", "time", "food", "top"}, detections files, answers of IBM Watson
Visual Recognition, or a folder of them; which of them a file is follows from what it holds.

Every line of every file is checked before anything is written: a file with one bad line imports nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from davenet import events
from davenet.clips import clip_path, open_clip
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.labels import label_file
from davenet.labels.detections import FORMAT, Detections, FoodDetection, detections_path, frame_of, write_detections
from davenet.labels.food import watson
from davenet.labels.food.classes import NO_FOOD, class_names, read_food_classes
from davenet.labels.food.frame_names import USUAL, FrameNames, fitting, frame_names
from davenet.labels.food_words import FoodVocabulary, food_words
from davenet.labels.label_file import BadLineError, bad_line, text_of
from davenet.specs import DetectSpec, VideoRef

_REMEDY = "correct the file and import it again; nothing was imported"
_SUFFIXES = (".jsonl", ".json")
_PAST_END_S = 1.0  # a frame may be named by the second that it begins


@dataclass(slots=True)
class _Gathered:
    """The frames of one video by one detector, and in which lines they stand."""

    detections: Detections
    lines: dict[float, str] = field(default_factory=dict)  # time -> "FILE, line N"
    frames: list[FoodDetection] = field(default_factory=list)


class _Import:
    """All that was read so far: one list of frames for each video and detector."""

    def __init__(self, spec: DetectSpec) -> None:
        self.names = _Names(spec.videos)
        self.gathered: dict[tuple[str, str], _Gathered] = {}
        self._allowed = _allowed_classes(spec)
        self._clips_dir = spec.clips_dir
        self._ends_s: dict[str, float | None] = {}

    def add(self, video: VideoRef, frame: FoodDetection, place: str, detections: Callable[[], Detections]) -> None:
        """Adds a frame; raises BadLineError for a time past the video's end or given before, and an unknown class."""
        end_s = self._end_s(video)
        if end_s is not None and frame.time > end_s + _PAST_END_S:
            raise BadLineError(f'{frame.time:g} s lies past the end of "{video.uid}" ({end_s:.1f} s)')
        for name, _ in frame.top:
            if self._allowed is not None and _folded(name) not in self._allowed:
                raise BadLineError(f'the class "{name[:80]}" is none of those given with --classes')
        made = detections()
        found = self.gathered.setdefault((video.uid, made.detector), _Gathered(made))
        if frame.time in found.lines:
            raise BadLineError(
                f"the frame at {frame.time:g} s of this video was given before ({found.lines[frame.time]})"
            )
        found.lines[frame.time] = place
        found.frames.append(frame)

    def _end_s(self, video: VideoRef) -> float | None:
        """Returns the seconds of a video's clip file; None where there is none yet."""
        if video.uid not in self._ends_s:
            path = clip_path(self._clips_dir, video.uid)
            try:
                clip = open_clip(path) if path.is_file() else None
            except UserError:
                clip = None  # its damage is told by who reads it
            self._ends_s[video.uid] = (
                None if clip is None else max([clip.duration_s, *clip.frame_times_s[-1:].tolist()])
            )
        return self._ends_s[video.uid]


def import_detections(spec: DetectSpec, source: Path, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes a detections file for each video that the source speaks of; returns the result of the detect job.

    A line's "video" is the video's uid, its file's name, or that name without suffix; it may be left out in a file
    whose header (the first line of a detections file) names it. Watson's images are found by their file names.
    Raises UserError naming the file and the line or image.
    """
    emit(started("detect", len(spec.videos), "videos"))
    read = _Import(spec)
    answers: list[tuple[Path, Any]] = []
    for path in _files(source):
        if stop():
            raise events.Stop({})
        values = _document(path)
        if watson.is_watson(values):
            answers.append((path, values))
        else:
            _read_lines(path, read)
    if answers:
        _read_watson(spec, source, answers, read, emit)
    if not read.gathered:
        raise UserError(
            f"{source} holds no detections; give JSON lines with video, time, food and top, or Watson's JSON."
        )
    return _write(spec, source, read, emit)


def _write(spec: DetectSpec, source: Path, read: _Import, emit: events.Emit) -> dict[str, Any]:
    result: dict[str, Any] = {"detected": [], "skipped": [], "unusable": [], "frames": 0}
    for found in read.gathered.values():
        frames = tuple(sorted(found.frames, key=lambda frame: frame.time))
        detections = replace(found.detections, frames=frames)
        write_detections(detections_path(spec.labels_dir, detections.video_uid, detections.detector), detections)
        if detections.video_uid not in result["detected"]:
            result["detected"].append(detections.video_uid)
        result["frames"] += len(frames)
        emit(events.Progress(len(result["detected"]), len(spec.videos), "videos", detections.video_uid))
    detected = set(result["detected"])
    for video in spec.videos:
        if video.uid not in detected:
            reason = f"{source} says nothing of this video."
            result["unusable"].append({"uid": video.uid, "path": str(video.path), "reason": reason})
            emit(events.Skipped(video.uid, reason))
    return result


class _Names:
    """Finds the video that a line or a frame's file name speaks of."""

    def __init__(self, videos: list[VideoRef]) -> None:
        self._by_uid = {video.uid: video for video in videos}
        self._by_name: dict[str, list[VideoRef]] = {}
        for video in videos:
            for name in {video.path.name, video.path.stem}:
                self._by_name.setdefault(name, []).append(video)

    def __contains__(self, name: str) -> bool:
        return name in self._by_uid or name in self._by_name

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
    files = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not files:
        raise UserError(f"{source} holds no .jsonl or .json files; give the file or folder that holds the detections.")
    return files


def _document(path: Path) -> Any:
    """Returns the JSON of a file that is one document of several lines or one line; None where it may be JSON lines."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check its name.") from error
    except json.JSONDecodeError as error:
        if path.suffix.lower() == ".json" and error.doc.lstrip().split("\n", 1)[0].strip() in ("{", "["):
            told = BadLineError("it is not JSON from here on; the file may have been cut off")
            raise bad_line(path, error.lineno, told, remedy=_REMEDY) from error
    except (ValueError, RecursionError):
        pass  # what reads it line by line says which line
    return None


# Lines ----------------------------------------------------------------------------------------------------------------


def _read_lines(path: Path, read: _Import) -> None:
    header: Mapping[str, Any] = {}
    version = ""
    for order, (number, values) in enumerate(label_file.read_lines(path, remedy=_REMEDY)):
        try:
            if order == 0 and "format" in values:
                label_file.check_header(values, FORMAT)
                header = values
                continue
            version = version or _version(header, path)
            video = read.names.find(text_of(values if "video" in values else header, "video"))
            read.add(
                video,
                frame_of(values),
                f"{path.name}, line {number}",
                lambda video=video, header=header, version=version: _told_by(header, version, path, video),  # type: ignore[misc]
            )
        except BadLineError as error:
            raise bad_line(path, number, error, remedy=_REMEDY) from error


def _told_by(header: Mapping[str, Any], version: str, path: Path, video: VideoRef) -> Detections:
    detector = text_of(header, "detector") if "detector" in header else f"import:{path.stem}"
    settings = label_file.settings_of(header) | {"imported_from": path.name}
    return Detections(video.uid, detector, version, _source_hash(video), (), settings)


def _version(header: Mapping[str, Any], path: Path) -> str:
    return text_of(header, "detector_version") if "detector_version" in header else content_hash(path)


def _source_hash(video: VideoRef) -> str:
    try:
        return content_hash(video.path)
    except OSError:
        return "unknown"  # the media may lie elsewhere; what was seen in it holds all the same


# Watson ---------------------------------------------------------------------------------------------------------------


def _read_watson(
    spec: DetectSpec, source: Path, answers: Sequence[tuple[Path, Any]], read: _Import, emit: events.Emit
) -> None:
    images: list[tuple[Path, watson.WatsonImage]] = []
    for path, values in answers:
        try:
            images += [(path, image) for image in watson.read_answers(path, values)]
        except BadLineError as error:
            raise UserError(f"{path}, {error}; {_REMEDY}.") from error
    n_images = sum(
        len(answer["images"]) for _, each in answers for answer in (each if isinstance(each, list) else [each])
    )
    if n_images > len(images):
        emit(
            events.Message(
                f"{n_images - len(images)} images that the service could not look at are left out", "warning"
            )
        )
    if not images:
        return
    classifier = watson.choose_classifier([image for _, image in images], spec.classifier, source)
    names = _names_of_frames(spec, source, [image.name for _, image in images], read.names, emit)
    listed = _listed(spec)
    vocabulary = FoodVocabulary(food_words(spec.food_words))
    settings: dict[str, Any] = {"imported_from": source.name, "classifier": classifier, "frame_names": names.pattern}
    settings |= {} if listed is None else {"food_classes": [list(entry) for entry in listed.items()]}
    version = _hash_of([path for path, _ in answers])
    n_silent = 0
    for path, image in images:
        try:
            video, time_s = _place_of(image, names, read.names)
            seen = watson.seen_by(image, classifier, vocabulary, listed)
            n_silent += not image.classifiers.get(classifier)
            frame = FoodDetection(round(time_s, 6), seen.food, seen.top)
            read.add(
                video,
                frame,
                image.place,
                lambda video=video: Detections(  # type: ignore[misc]
                    video.uid, f"watson:{classifier}", version, _source_hash(video), (), settings
                ),
            )
        except BadLineError as error:
            raise UserError(f"{path.parent / image.place}: {error}; {_REMEDY}.") from error
    if n_silent:
        told = f'{n_silent} of {len(images)} images have no class of "{classifier}"; they get P(food) 0'
        emit(events.Message(told, "warning"))


def _names_of_frames(
    spec: DetectSpec, source: Path, paths: Sequence[str], videos: _Names, emit: events.Emit
) -> FrameNames:
    if spec.frame_names is not None:
        return frame_names(spec.frame_names)
    found = fitting(paths, videos.__contains__)
    if found is None:
        raise UserError(
            f'{source} names its images like "{paths[0][-80:]}", which gives no video of the project and no time; say with '
            f'--frame-names how they do, e.g. "{USUAL[0]}.jpg" or "{{video}}/{{frame@25}}.jpg".'
        )
    emit(events.Message(f"Frames are named {found.pattern}; --frame-names says otherwise."))
    return found


def _place_of(image: watson.WatsonImage, names: FrameNames, videos: _Names) -> tuple[VideoRef, float]:
    found = names.video_and_time(image.name)
    if found is None:
        raise BadLineError(f'"{image.name[-80:]}" is not named {names.pattern}')
    return videos.find(found[0]), found[1]


def _listed(spec: DetectSpec) -> dict[str, str | None] | None:
    if spec.food_classes is None:
        return None
    listed = read_food_classes(spec.food_classes)
    return {name.casefold(): None if said == NO_FOOD else said or name for name, said in listed}


def _allowed_classes(spec: DetectSpec) -> set[str] | None:
    if spec.classes is None:
        return None
    names = class_names(spec.classes) if isinstance(spec.classes, Path) else spec.classes
    return {_folded(name) for name in names}


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _hash_of(paths: Iterator[Path] | Sequence[Path]) -> str:
    hashes = "\0".join(content_hash(path) for path in paths)
    return hashlib.blake2b(hashes.encode(), digest_size=8).hexdigest()
