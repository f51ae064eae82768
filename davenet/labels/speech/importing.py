"""`import:FILE_OR_FOLDER`: takes in what other programs heard, and finds the video that each transcript belongs to.

Every word of every file is checked before anything is written: with one bad transcript nothing is imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError
from davenet.files import content_hash, remove_dead_parts
from davenet.jobs import ShouldStop, started
from davenet.labels.speech.naming import VideoNames, languages_in
from davenet.labels.speech.transcript_file import REMEDY, Heard, UnknownFormatError, read_transcripts
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.media.probe import probe
from davenet.specs import TranscribeSpec, VideoRef

_SUFFIXES = {".json", ".jsonl", ".vtt", ".srt", ".ctm", ".txt"}
_BEYOND_S = 1.0  # of a video's end: recognisers and captions round, and pad


@dataclass(frozen=True, slots=True)
class _Found:
    """A transcript with its video, ready to be written."""

    path: Path
    video: VideoRef
    transcript: Transcript


def import_transcripts(spec: TranscribeSpec, source: Path, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes a words file for each video that a transcript belongs to; returns the result of the transcribe job.

    A transcript belongs to a video by the video's uid, its file's name with or without suffix, or its YouTube id, in the
    transcript's own file name or (CTM, words files) in what it says of itself. Raises UserError naming the file.
    """
    files = _files(source)
    names = VideoNames(spec.videos, spec.names)
    emit(started("transcribe", len(files), "files"))
    found: dict[tuple[str, str], _Found] = {}
    strangers: list[Path] = []
    for number, path in enumerate(files):
        if stop():
            raise events.Stop({"transcribed": [], "skipped": [], "unusable": [], "words": 0})
        emit(events.Progress(number, len(files), "files", path.name))
        taken = _take_file(spec, path, names, source.is_dir(), emit)
        if taken is None:
            strangers.append(path)
            continue
        for each in taken:
            _add(found, each, spec.language)
    if not found:
        raise UserError(_nothing_found(source, files, strangers, spec.videos))
    if strangers:
        emit(
            events.Message(
                f"Passed over {_many(len(strangers), 'file')} of {source}, no transcript of a video here: {_named(strangers)}."
            )
        )
    result = _write(spec, list(found.values()), source, emit)
    emit(events.Progress(len(files), len(files), "files"))
    return result


def _write(spec: TranscribeSpec, found: list[_Found], source: Path, emit: events.Emit) -> dict[str, Any]:
    result: dict[str, Any] = {"transcribed": [], "skipped": [], "unusable": [], "words": 0}
    for each in found:
        path = transcript_path(spec.labels_dir, each.video.uid, each.transcript.recogniser)
        remove_dead_parts(path.parent)
        write_transcript(path, each.transcript)
        if each.video.uid not in result["transcribed"]:
            result["transcribed"].append(each.video.uid)
        result["words"] += len(each.transcript.words)
    result["recogniser"] = ", ".join(sorted({each.transcript.recogniser for each in found}))
    n_without = len({video.uid for video in spec.videos} - set(result["transcribed"]))
    if n_without:
        emit(events.Message(f"{source} has no transcript of {_many(n_without, 'other video')} of the project."))
    return result


def _take_file(
    spec: TranscribeSpec, path: Path, names: VideoNames, in_folder: bool, emit: events.Emit
) -> list[_Found] | None:
    """Returns the transcripts of a file that belong to videos; None where it is none, or belongs to none, in a folder.

    A single file that is given for a single video belongs to it whatever its name.
    """
    by_name = names.find(path)
    try:
        read = read_transcripts(path) if not in_folder or by_name or path.suffix.lower() in (".ctm", ".jsonl") else []
    except UnknownFormatError:
        if in_folder:
            return None
        raise
    taken = []
    for heard in read:
        video = names.named(heard.named, path) or by_name
        if video is None and not in_folder and len(spec.videos) == 1 and len(read) == 1:
            video = spec.videos[0]
        if video is None:
            continue
        words = _on_video(path, video, heard.words)
        for note in heard.notes:
            emit(events.Message(f"{note}.", "warning"))
        taken.append(_Found(path, video, _transcript(spec, path, video, replace(heard, words=words))))
    return taken or None


def _transcript(spec: TranscribeSpec, path: Path, video: VideoRef, heard: Heard) -> Transcript:
    recogniser = f"import:{spec.imported_as or heard.format}"
    version = content_hash(path)
    settings: dict[str, Any] = {"format": heard.format, "imported_from": path.name}
    if heard.own is not None:
        recogniser = recogniser if spec.imported_as else heard.own.recogniser
        version, settings = heard.own.recogniser_version, {**heard.own.settings, "imported_from": path.name}
    return Transcript(video.uid, recogniser, version, _source_hash(video), heard.words, settings)


def _on_video(path: Path, video: VideoRef, words: Sequence[Word]) -> tuple[Word, ...]:
    """Returns the words within the video's length; raises UserError where one begins after its end."""
    length_s = _length_s(video)
    if length_s is None:
        return tuple(words)
    for number, word in enumerate(words, 1):
        if word.start > length_s + _BEYOND_S:
            raise UserError(
                f'{path}: word {number} ("{word.word[:40]}") begins at {word.start:g} s, but {video.path.name} ends at '
                f"{length_s:.1f} s; is it the transcript of another video? {REMEDY[0].upper()}{REMEDY[1:]}."
            )
    return tuple(
        replace(word, end=round(max(word.start, min(word.end, length_s)), 3)) if word.end > length_s else word
        for word in words
    )


def _add(found: dict[tuple[str, str], _Found], each: _Found, language: str) -> None:
    """Keeps one transcript a video and recogniser: of captions in several languages the one that was asked for."""
    key = (each.video.uid, each.transcript.recogniser)
    other = found.get(key)
    wanted = language.split("-")[0]
    if other is not None:
        ranks = [wanted in languages_in(kept.path) if wanted else False for kept in (other, each)]
        if ranks[0] == ranks[1]:
            raise UserError(
                f"{other.path} and {each.path} both are {each.transcript.recogniser.removeprefix('import:')} transcripts "
                f"of {each.video.uid}; choose one by --language, or take one away; nothing was imported."
            )
        if ranks[0]:
            return
    found[key] = each


def _files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    files = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not files:
        raise UserError(
            f"{source} holds no transcripts (.json, .vtt, .srt, .ctm or .jsonl); give the folder that does."
        )
    return files


def _nothing_found(source: Path, files: list[Path], strangers: list[Path], videos: list[VideoRef]) -> str:
    if len(files) == 1 and not source.is_dir():
        example = f", such as {videos[0].path.stem}{source.suffix}" if videos else ""
        return (
            f"{source} belongs to no video of the project by its name; rename it to a video's name or uid{example}, "
            "or choose the video with --video."
        )
    return (
        f"None of the {_many(len(files), 'file')} of {source} is a transcript of a video of the project "
        f"({_named(strangers)}); they are told by a video's file name, uid or YouTube id in their own name."
    )


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _named(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths[:3]) + (", …" if len(paths) > 3 else "")


def _length_s(video: VideoRef) -> float | None:
    """Returns how long the video lasts; None where its file cannot be opened now: its words hold all the same."""
    try:
        return probe(video.path, need_picture=False, need_sound=False).duration_s
    except UserError:
        return None


def _source_hash(video: VideoRef) -> str:
    try:
        return content_hash(video.path)
    except OSError:
        return "unknown"
