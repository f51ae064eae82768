"""The transcribe job: runs a recogniser over the sound of each video and leaves its words in a file (Section 3.1).

`NAME[:MODEL]` opens an adapter (davenet.labels.speech.transcriber), `import:FILE_OR_FOLDER` takes what another program
heard (davenet.labels.speech.importing), `auto` the best that is there (davenet.labels.speech.auto). Sound is streamed and
cut at pauses, so memory is bounded, progress is shown and a stop is heeded soon; one bad video never stops the rest.
"""

import importlib.metadata
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError, one_line
from davenet.files import content_hash, remove_dead_parts
from davenet.jobs import ShouldStop, started
from davenet.labels.pieces import STEP_S, Piece, cut_at_pauses, is_silent
from davenet.labels.speech import auto
from davenet.labels.speech.hearing import Hear, hearing, n_processes, words_of
from davenet.labels.speech.importing import import_transcripts
from davenet.labels.speech.transcriber import Transcriber, checked, open_transcriber, pieces_s, wants_all_sound
from davenet.labels.speech.voice import RATE as VOICE_RATE
from davenet.labels.speech.voice import chances_each, has_speech
from davenet.labels.words import (
    Transcript,
    Word,
    read_transcript,
    transcript_path,
    write_transcript,
)
from davenet.media.sound import stream_sound
from davenet.media.source import open_source
from davenet.specs import TranscribeSpec, VideoRef

_BLOCK_S = 5.0
_AHEAD = 2  # pieces a process that wait to be heard
_UNIT = "s of sound"


def transcribe_videos(spec: TranscribeSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Returns {"transcribed": [uid], "skipped": [uid], "unusable": [{"uid", "path", "reason"}], "words": number,
    "recogniser": its name}.

    Raises UserError where the recogniser itself cannot be used, Stop with what was finished when asked to stop; a video
    half heard leaves no file.
    """
    kind, _, rest = spec.recogniser.partition(":")
    if kind == "import":
        if not rest:
            raise UserError("Which transcripts? Give them as import:FILE or import:FOLDER.")
        return import_transcripts(spec, Path(rest), emit, stop)
    named = spec.recogniser
    if named == "auto":
        choice = auto.choose(spec.labels_dir, spec.language)
        emit(events.Message(choice.told))
        named = choice.recogniser
    recognise = open_transcriber(named, spec.options())
    for note in getattr(recognise, "notes", ()):
        emit(events.Message(note))
    result = transcribe_with(recognise, named, spec, emit, stop)
    auto.remember(spec.labels_dir, named)
    return result


def transcribe_with(
    recognise: Transcriber, named: str, spec: TranscribeSpec, emit: events.Emit, stop: ShouldStop
) -> dict[str, Any]:
    """Transcribes a spec's videos with a recogniser that is open; as `transcribe_videos`, on any machine."""
    job = _Job(spec, recognise, emit, stop)
    with hearing(recognise, named, spec.options(), job.processes) as hear:
        job.run(hear)
    return job.result


def is_transcribed(
    video: VideoRef, recognise: Transcriber, labels_dir: Path, *, audio_track: int | None = None
) -> bool:
    """Returns whether a whole file of this recogniser's words of the same content and sound is there already."""
    path = transcript_path(labels_dir, video.uid, recognise.name)
    return path.is_file() and _is_done(path, recognise, _source_hash(video.path), audio_track)


@dataclass(slots=True)
class _Open:
    """A video whose sound is being heard: its pieces that were sent, in order, and the words of those come back."""

    video: VideoRef
    end_s: float  # of its sound among that of all videos
    length_s: float
    source_hash: str = ""
    sent: "deque[tuple[Piece, Future[list[Word]] | None]]" = field(default_factory=deque)
    words: list[Word] = field(default_factory=list)
    is_sent: bool = False
    was_done: bool = False
    error: UserError | None = None


class _Job:
    """Sends the pieces of video after video to be heard, and writes each video's words when all have come back."""

    def __init__(self, spec: TranscribeSpec, recognise: Transcriber, emit: events.Emit, stop: ShouldStop) -> None:
        self._spec, self._recognise, self._emit, self._stop = spec, recognise, emit, stop
        self._lengths_s = [_length_s(video.path) for video in spec.videos]
        self._total_s = sum(self._lengths_s)
        self.processes = n_processes(spec.jobs, recognise, self._total_s)
        self._n_ahead = _AHEAD * self.processes if self.processes > 1 else 0
        self._open: deque[_Open] = deque()
        self.result: dict[str, Any] = {
            "transcribed": [], "skipped": [], "unusable": [], "words": 0, "recogniser": recognise.name
        }  # fmt: skip

    def run(self, hear: Hear) -> None:
        """Raises UserError where the recogniser breaks or the disk is full, Stop when asked to stop."""
        self._emit(started("transcribe", self._total_s, _UNIT))
        end_s = 0.0
        for video, length_s in zip(self._spec.videos, self._lengths_s, strict=True):
            self._check_stop()
            end_s += length_s
            opened = _Open(video, end_s, length_s)
            self._open.append(opened)
            if len(self._open) == 1:
                self._progress(end_s - length_s, video.uid)
            for piece in self._pieces_to_hear(opened):
                opened.sent.append((piece, hear(piece.sound) if _may_hold_words(piece, self._recognise) else None))
                self._take(self._n_ahead)
            opened.is_sent = True
            self._take(self._n_ahead)
        self._take(0)

    def _pieces_to_hear(self, opened: _Open) -> Iterator[Piece]:
        """Yields a video's pieces; none where it was transcribed before, no more where it cannot be read further."""
        video = opened.video
        try:
            remove_dead_parts(self._path(video).parent)
            opened.source_hash = _source_hash(video.path)
            path = self._path(video)
            track = self._spec.audio_track
            opened.was_done = not self._spec.force and _is_done(path, self._recognise, opened.source_hash, track)
            if not opened.was_done:
                yield from _pieces(video.path, self._recognise, track)
        except UserError as error:
            opened.error = error
            opened.sent.clear()

    def _take(self, n_ahead: int) -> None:
        """Takes words back, in order, until so many pieces are still to be heard; finishes videos whose last came."""
        while self._open:
            first = self._open[0]
            if first.sent and sum(len(each.sent) for each in self._open) > n_ahead:
                piece, heard = first.sent.popleft()
                seconds = len(piece.sound) / self._recognise.rate
                if heard is not None:
                    words = checked(self._recognise, words_of(heard, self._check_stop), seconds)
                    first.words += [_shifted(word, piece.start_s) for word in words]
                self._check_stop()
                begin_s = first.end_s - first.length_s
                self._progress(min(begin_s + piece.start_s + seconds, first.end_s), first.video.uid)
            elif first.is_sent and not first.sent:
                self._open.popleft()
                self._finish(first)
                self._progress(first.end_s, first.video.uid)
            else:
                return

    def _finish(self, heard: _Open) -> None:
        video = heard.video
        if heard.was_done:
            self.result["skipped"].append(video.uid)
            return
        if heard.error is not None:
            reason = one_line(heard.error)
            self.result["unusable"].append({"uid": video.uid, "path": str(video.path), "reason": reason})
            self._emit(events.Skipped(video.uid, reason))
            return
        transcript = Transcript(
            video_uid=video.uid,
            recogniser=self._recognise.name,
            recogniser_version=self._recognise.version,
            source_hash=heard.source_hash,
            settings=_settings(self._recognise, self._spec.audio_track),
            words=tuple(sorted(heard.words, key=lambda word: word.start)),
        )
        write_transcript(self._path(video), transcript)
        self.result["transcribed"].append(video.uid)
        self.result["words"] += len(transcript.words)

    def _path(self, video: VideoRef) -> Path:
        return transcript_path(self._spec.labels_dir, video.uid, self._recognise.name)

    def _progress(self, seconds: float, note: str) -> None:
        self._emit(events.Progress(seconds, self._total_s, _UNIT, note))

    def _check_stop(self) -> None:
        if self._stop():
            raise events.Stop(self.result)


def _is_done(path: Path, recognise: Transcriber, source_hash: str, audio_track: int | None) -> bool:
    if not path.is_file():
        return False
    try:
        done = read_transcript(path)
    except UserError:
        return False  # damaged, cut off or of another version: it is written anew
    return (
        done.recogniser_version == recognise.version
        and done.settings == _settings(recognise, audio_track)
        and done.source_hash == source_hash
    )


def _pieces(path: Path, recognise: Transcriber, audio_track: int | None) -> Iterator[Piece]:
    shortest_s, longest_s = pieces_s(recognise)
    blocks = stream_sound(path, recognise.rate, _BLOCK_S, audio_track=audio_track)
    voice = (lambda sound: chances_each(sound, STEP_S)) if recognise.rate == VOICE_RATE else None
    return cut_at_pauses(blocks, recognise.rate, shortest_s=shortest_s, longest_s=longest_s, voice=voice)


def _may_hold_words(piece: Piece, recognise: Transcriber) -> bool:
    if wants_all_sound(recognise):
        return True
    return not is_silent(piece.sound, recognise.rate) and (recognise.rate != VOICE_RATE or has_speech(piece.sound))


def _settings(recognise: Transcriber, audio_track: int | None) -> dict[str, Any]:
    voice = f"silero-vad {importlib.metadata.version('silero-vad')}" if recognise.rate == VOICE_RATE else "loudness"
    settings = {**recognise.settings, "pieces_s": list(pieces_s(recognise)), "voice": voice}
    return settings if audio_track is None else {**settings, "audio_track": audio_track}


def _shifted(word: Word, start_s: float) -> Word:
    start, end = round(start_s + word.start, 3), round(start_s + word.end, 3)
    return Word(word.word, start, end, round(word.confidence, 4), word.approximate)


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
