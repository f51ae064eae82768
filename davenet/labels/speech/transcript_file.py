"""What another program heard, read from its file: the format is found by content, and every word is checked.

IBM Watson Speech to Text JSON, Whisper's JSON in its dialects, WebVTT, SRT, CTM, and the words files of this program.
Called by importing.py; each format has a module of its own beside this one.
"""

import json
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from davenet.errors import UserError, one_line
from davenet.labels.label_file import BadLineError
from davenet.labels.speech import captions, ctm, watson_stt, whisper_json
from davenet.labels.words import Transcript, Word, read_transcript

REMEDY = "correct the file or take it away; nothing was imported"
_LARGEST = 256 << 20  # bytes; a transcript of 24 hours has some 20 MB
_AHEAD_S = 0.05  # of zero: rounding

KNOWN = "IBM Watson's or Whisper's JSON, WebVTT, SRT, CTM, or a words file of this program"


@dataclass(frozen=True, slots=True)
class Heard:
    """The words of one recording, in the order of their starts; `named` is what the file calls it, "" where nothing."""

    format: str
    words: tuple[Word, ...]
    named: str = ""
    notes: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    own: Transcript | None = None  # the header of a words file of this program


class UnknownFormatError(UserError):
    """The file is no transcript that this program knows; in a folder it is passed over."""


def read_transcripts(path: Path) -> list[Heard]:
    """Returns what the file holds, one recording or, in CTM, several.

    Raises UnknownFormatError where it is no transcript, and UserError naming the file and the place where it is a damaged
    one, without word times, or with times that cannot be.
    """
    text, encoding = _text(path)
    try:
        found = _read(path, text)
    except BadLineError as error:
        raise UserError(f"{path}: {one_line(error)}; {REMEDY}.") from error
    notes = () if encoding.startswith("utf") else (f"{path.name} is not UTF-8 and was read as {encoding}",)
    return [_checked(path, replace(heard, notes=(*heard.notes, *notes))) for heard in found]


def _read(path: Path, text: str) -> list[Heard]:
    head = text.lstrip()[:4096]
    if head.startswith(("{", "[")):
        return _read_json(path, text)
    if captions.is_webvtt(head):
        return [Heard("webvtt", captions.words_of_webvtt(text))]
    if captions.is_srt(text):
        return [Heard("srt", captions.words_of_srt(text))]
    if ctm.is_ctm(text):
        return [Heard("ctm", words, named) for named, words in ctm.words_of_ctm(text).items()]
    raise UnknownFormatError(f"{path} is no transcript that is known here ({KNOWN}); choose another file.")


def _read_json(path: Path, text: str) -> list[Heard]:
    first_line = text.lstrip().partition("\n")[0]
    if '"format"' in first_line and '"words"' in first_line and '"recogniser"' in first_line:
        own = read_transcript(path)
        return [Heard("words", own.words, own.video_uid, own=own)]
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(f"{path} is not whole JSON{where}; copy or download it again; nothing was imported.") from error
    if watson_stt.is_watson(values):
        return [Heard("watson-stt", watson_stt.words_of_watson(values))]
    if whisper_json.is_whisper(values):
        return [Heard(whisper_json.dialect(values), whisper_json.words_of_whisper(values))]
    raise UnknownFormatError(f"{path} is JSON, but no transcript that is known here ({KNOWN}); choose another file.")


def _text(path: Path) -> tuple[str, str]:
    """Returns the file's text and its encoding: UTF-8 or UTF-16 by its signs, else Windows-1252."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is too large for a transcript (over 256 MB); choose another file.")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or one_line(error)}); check its name.") from error
    if not content.strip(b" \t\r\n\0"):
        raise UserError(f"{path} is empty; copy or download it again; nothing was imported.")
    for encoding in _encodings(content):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise UnknownFormatError(f"{path} is no text; choose a transcript: {KNOWN}.")


def _encodings(content: bytes) -> tuple[str, ...]:
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return ("utf-32",)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    head = content[:64]
    if head[1::2].count(0) > len(head) // 4:
        return ("utf-16-le",)
    if head[::2].count(0) > len(head) // 4:
        return ("utf-16-be",)
    return ("utf-8-sig",) if b"\0" in content else ("utf-8-sig", "cp1252")


def _checked(path: Path, heard: Heard) -> Heard:
    """Returns the words sorted, a hair before zero moved to it; raises UserError for times that cannot be."""
    words = []
    for number, word in enumerate(heard.words, 1):
        what = f'word {number} ("{word.word[:40]}")'
        if word.start < -_AHEAD_S:
            raise UserError(f"{path}: {what} begins at {word.start:g} s, before the beginning; {REMEDY}.")
        if word.end < word.start:
            raise UserError(f"{path}: {what} ends at {word.end:g} s, before it begins ({word.start:g} s); {REMEDY}.")
        words.append(replace(word, start=max(0.0, word.start), end=max(0.0, word.end)))
    n_back = sum(b.start < a.start for a, b in pairwise(words))
    notes = heard.notes
    if n_back:
        times = "once" if n_back == 1 else f"{n_back} times"
        notes = (*notes, f"{path.name}: the times go back {times}; its words were sorted")
    return replace(heard, words=tuple(sorted(words, key=lambda word: word.start)), notes=notes)
