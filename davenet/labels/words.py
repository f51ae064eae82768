"""Words that a recogniser heard in a video, with their times on the video's clock, and the file that holds them.

Written by transcribe.py, read by mining.py and the app (Section 3.1). The first line of a file is its header.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from davenet.errors import UserError
from davenet.labels import label_file
from davenet.labels.label_file import BadLineError, bad_line, number_of, settings_of, text_of

_FORMAT = "words"
_REMEDY = "transcribe the video again"


@dataclass(frozen=True, slots=True)
class Word:
    """A word as heard, from `start` to `end` seconds; `confidence` in 0..1, 1 where a format gives none.

    `approximate` times are spread over a caption or a sentence, not heard.
    """

    word: str
    start: float
    end: float
    confidence: float
    approximate: bool = False

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(frozen=True, slots=True)
class Transcript:
    """The words of one video in the order of their starts, and what heard them with which settings."""

    video_uid: str
    recogniser: str
    recogniser_version: str
    source_hash: str
    words: tuple[Word, ...]
    settings: dict[str, Any] = field(default_factory=dict)


def transcript_path(labels_dir: Path, video_uid: str, recogniser: str) -> Path:
    return label_file.label_path(labels_dir, video_uid, _FORMAT, recogniser)


def newest_transcript(labels_dir: Path, video_uid: str, recogniser: str | None = None) -> Path | None:
    """Returns the file of this recogniser's words, or of whichever was written last; None where there is none."""
    return label_file.newest_label_file(labels_dir, video_uid, _FORMAT, recogniser)


def adopt_transcript(source: Path, video_uid: str, labels_dir: Path) -> Path:
    """Writes the words of a file that came with a video under the video's uid here; returns where they lie."""
    made = replace(read_transcript(source), video_uid=video_uid)
    target = transcript_path(labels_dir, video_uid, made.recogniser)
    write_transcript(target, made)
    return target


def write_transcript(path: Path, transcript: Transcript) -> None:
    """Writes the file atomically; raises UserError when the disk is full."""
    header = {
        "format": _FORMAT,
        "version": label_file.FORMAT_VERSION,
        "video": transcript.video_uid,
        "recogniser": transcript.recogniser,
        "recogniser_version": transcript.recogniser_version,
        "settings": transcript.settings,
        "source_hash": transcript.source_hash,
        "n_words": len(transcript.words),
    }
    label_file.write_lines(path, header, (_line(word) for word in transcript.words))


def read_transcript(path: Path) -> Transcript:
    """Returns the file's words, sorted by start; raises UserError naming the file and the line that is wrong.

    A file that ends before its last word, as a broken copy does, is wrong too.
    """
    header: Transcript | None = None
    words: list[Word] = []
    n_words: int | None = None
    for number, values in label_file.read_lines(path, remedy=_REMEDY):
        try:
            if header is None:
                header, n_words = _header(values), _n_words(values)
            else:
                words.append(_word(values))
        except BadLineError as error:
            raise bad_line(path, number, error, remedy=_REMEDY) from error
    if header is None:
        raise label_file.empty_file(path, remedy=_REMEDY)
    if n_words is not None and n_words != len(words):
        raise UserError(f"{path} holds {len(words)} of its {n_words} words; {_REMEDY}.")
    return replace(header, words=tuple(sorted(words, key=lambda word: word.start)))


def read_transcript_header(path: Path) -> Transcript:
    """Returns the transcript without its words, from the first line alone; raises UserError as `read_transcript`."""
    for number, values in label_file.read_lines(path, remedy=_REMEDY):
        try:
            return _header(values)
        except BadLineError as error:
            raise bad_line(path, number, error, remedy=_REMEDY) from error
    raise label_file.empty_file(path, remedy=_REMEDY)


def _header(values: Mapping[str, Any]) -> Transcript:
    label_file.check_header(values, _FORMAT)
    return Transcript(
        video_uid=text_of(values, "video"),
        recogniser=text_of(values, "recogniser"),
        recogniser_version=text_of(values, "recogniser_version"),
        source_hash=text_of(values, "source_hash"),
        settings=settings_of(values),
        words=(),
    )


def _n_words(values: Mapping[str, Any]) -> int | None:
    """Returns how many words the header promises; None where an older version wrote it."""
    return int(number_of(values, "n_words", low=0.0)) if "n_words" in values else None


def _line(word: Word) -> dict[str, Any]:
    values = asdict(word)
    if not word.approximate:
        del values["approximate"]
    return values


def _word(values: Mapping[str, Any]) -> Word:
    start = number_of(values, "start", low=0.0)
    end = number_of(values, "end", low=0.0)
    if end < start:
        raise BadLineError(f'"end" ({end:g}) lies before "start" ({start:g})')
    confidence = number_of(values, "confidence", low=0.0, high=1.0)
    approximate = values.get("approximate", False)
    if not isinstance(approximate, bool):
        raise BadLineError('"approximate" must be true or false')
    return Word(text_of(values, "word"), start, end, confidence, approximate)


def clipped_confidence(value: float) -> float:
    """Returns a recogniser's posterior as a confidence in 0..1; what is not a number counts as 0."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0
