"""The transcribe job: runs a recogniser over the sound of each video and leaves its words in a file (Section 3.1).

Sound is streamed and cut at pauses, so memory is bounded, progress is shown and a stop is heeded within one piece.
Recognisers register in `_TRANSCRIBERS`; one bad video never stops the rest.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from davenet import events
from davenet.errors import UserError, one_line
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.labels.pieces import LONGEST_PIECE_S, SHORTEST_PIECE_S, Sound, cut_at_pauses, is_silent
from davenet.labels.words import Transcript, Word, read_transcript_header, transcript_path, write_transcript
from davenet.media.sound import stream_sound
from davenet.media.source import open_source
from davenet.specs import TranscribeSpec, VideoRef

_BLOCK_S = 5.0


class Transcriber(Protocol):
    """A recogniser: given a piece of sound it returns the words in it, with times from the piece's beginning."""

    name: str
    version: str
    rate: int  # Hz of the sound it wants
    settings: dict[str, Any]  # what else its words depend on; a change makes it transcribe again

    def __call__(self, sound: Sound, rate: int) -> list[Word]: ...


# name -> (module, class); imported on use, since each brings its model
_TRANSCRIBERS = {
    "pocketsphinx": ("davenet.labels.pocketsphinx", "PocketsphinxTranscriber"),
    "pocketsphinx-keywords": ("davenet.labels.pocketsphinx_keywords", "KeywordTranscriber"),
}


def transcriber_names() -> tuple[str, ...]:
    return tuple(_TRANSCRIBERS)


def transcriber(name: str) -> Transcriber:
    """Returns the recogniser of this name, its model loaded; raises UserError where there is none or it cannot load."""
    if name not in _TRANSCRIBERS:
        known = ", ".join(_TRANSCRIBERS)
        raise UserError(f'There is no recogniser named "{name}"; choose one of: {known}.')
    module, kind = _TRANSCRIBERS[name]
    build: Callable[[], Transcriber] = getattr(importlib.import_module(module), kind)
    return build()


def transcribe_videos(spec: TranscribeSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Returns {"transcribed": [uid], "skipped": [uid], "unusable": [{"uid", "path", "reason"}], "words": number}.

    Raises Stop with what was finished when asked to stop; a video half heard leaves no file.
    """
    recognise = transcriber(spec.recogniser)
    lengths_s = [_length_s(video.path) for video in spec.videos]
    total_s = sum(lengths_s)
    result: dict[str, Any] = {"transcribed": [], "skipped": [], "unusable": [], "words": 0}
    emit(started("transcribe", total_s, "s of sound"))
    before_s = 0.0
    for video, length_s in zip(spec.videos, lengths_s, strict=True):

        def heard(seconds: float, before_s: float = before_s, length_s: float = length_s, uid: str = video.uid) -> None:
            if stop():
                raise events.Stop(result)
            emit(events.Progress(before_s + min(seconds, length_s), total_s, "s of sound", uid))

        heard(0.0)
        transcript: Transcript | None = None
        try:
            if not spec.force and _is_done(video, spec.labels_dir, recognise):
                result["skipped"].append(video.uid)
            else:
                transcript = transcribe(video, recognise, heard)
        except UserError as error:
            result["unusable"].append({"uid": video.uid, "path": str(video.path), "reason": one_line(error)})
            emit(events.Skipped(video.uid, one_line(error)))
        if transcript is not None:  # outside of the try: a full disk ends the job
            write_transcript(transcript_path(spec.labels_dir, video.uid, recognise.name), transcript)
            result["transcribed"].append(video.uid)
            result["words"] += len(transcript.words)
        before_s += length_s
        emit(events.Progress(before_s, total_s, "s of sound", video.uid))
    return result


def transcribe(video: VideoRef, recognise: Transcriber, heard: Callable[[float], None]) -> Transcript:
    """Returns the words of one video; `heard` is told after each piece up to which second the sound was worked through.

    Raises UserError where the file cannot be read or has no sound.
    """
    source_hash = _source_hash(video.path)
    words: list[Word] = []
    blocks = stream_sound(video.path, recognise.rate, _BLOCK_S)
    for piece in cut_at_pauses(blocks, recognise.rate):
        if not is_silent(piece.sound, recognise.rate):
            words += [_shifted(word, piece.start_s) for word in recognise(piece.sound, recognise.rate)]
        heard(piece.start_s + len(piece.sound) / recognise.rate)
    return Transcript(
        video_uid=video.uid,
        recogniser=recognise.name,
        recogniser_version=recognise.version,
        source_hash=source_hash,
        settings=_settings(recognise),
        words=tuple(sorted(words, key=lambda word: word.start)),
    )


def _settings(recognise: Transcriber) -> dict[str, Any]:
    return {**recognise.settings, "pieces_s": [SHORTEST_PIECE_S, LONGEST_PIECE_S]}


def _shifted(word: Word, start_s: float) -> Word:
    return Word(word.word, round(start_s + word.start, 3), round(start_s + word.end, 3), round(word.confidence, 4))


def _is_done(video: VideoRef, labels_dir: Path, recognise: Transcriber) -> bool:
    path = transcript_path(labels_dir, video.uid, recognise.name)
    if not path.is_file():
        return False
    try:
        done = read_transcript_header(path)
    except UserError:
        return False  # damaged or of another version: it is written anew
    return (
        done.recogniser_version == recognise.version
        and done.settings == _settings(recognise)
        and done.source_hash == _source_hash(video.path)
    )


def _source_hash(path: Path) -> str:
    try:
        return content_hash(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); put it back or import it again.") from error


def _length_s(path: Path) -> float:
    """Returns the seconds that a file says it lasts, 0 where it does not say or cannot be opened: for progress only."""
    try:
        with open_source(path) as source:
            return (source.container.duration or 0) / 1_000_000
    except UserError:
        return 0.0
