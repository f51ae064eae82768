"""The words in Whisper's JSON and its dialects: openai-whisper, whisper-timestamped, faster-whisper, whisperX,
whisper.cpp, the pipelines of transformers; and Gentle's, whose words look alike.

Where a segment has no word times, its words are spread over it in proportion to their letters.
"""

import math
from collections.abc import Iterator
from typing import Any

from davenet.labels.label_file import BadLineError
from davenet.labels.speech.fields import confidence_at, list_at, object_at, seconds_at, text_at
from davenet.labels.speech.spread import notes_among, plain, plain_words, spread
from davenet.labels.words import Word

_CONFIDENCES = ("probability", "confidence", "score", "p")
_NOT_FOUND = "not-found-in-audio"


def is_whisper(values: Any) -> bool:
    if isinstance(values, list):
        return bool(values) and isinstance(values[0], dict) and {"start", "end", "text"} <= values[0].keys()
    return isinstance(values, dict) and any(
        isinstance(values.get(key), list) for key in ("segments", "words", "transcription", "chunks")
    )


def dialect(values: Any) -> str:
    """Returns what to call these words by: "gentle", "words-json" for a bare list of words, else "whisper"."""
    words = values.get("words") if isinstance(values, dict) else None
    if not isinstance(words, list) or "segments" in values:
        return "whisper"
    if any(isinstance(each, dict) and "alignedWord" in each for each in words):
        return "gentle"
    return "whisper" if "text" in values else "words-json"


def words_of_whisper(values: Any) -> tuple[Word, ...]:
    """Returns the words in the order of the file; raises BadLineError naming the field that is wrong."""
    if isinstance(values, list):
        return tuple(_of_segments(values, "segments"))
    if isinstance(values.get("segments"), list) and (values["segments"] or "words" not in values):
        has_words = any(isinstance(each, dict) and each.get("words") for each in values["segments"])
        if has_words or not isinstance(values.get("words"), list):
            return tuple(_of_segments(values["segments"], "segments"))
    if isinstance(values.get("words"), list):
        return tuple(_of_words(values["words"], "words", None, None))
    if isinstance(values.get("transcription"), list):
        return tuple(_of_cpp(values["transcription"]))
    return tuple(_of_chunks(list_at(values.get("chunks"), "chunks")))


def _of_segments(segments: list[Any], at: str) -> Iterator[Word]:
    for number, each in enumerate(segments):
        place = f"{at}[{number}]"
        segment = object_at(each, place)
        start = seconds_at(segment.get("start"), f"{place}.start")
        end = seconds_at(segment.get("end"), f"{place}.end")
        if end < start:
            raise BadLineError(f"{place} ends at {end:g} s, before it begins ({start:g} s)")
        if segment.get("words"):
            yield from _of_words(list_at(segment["words"], f"{place}.words"), f"{place}.words", start, end)
        else:
            text = text_at(segment.get("text", ""), f"{place}.text")
            yield from spread(plain_words(text), start, end, confidence=_segment_confidence(segment))


def _of_words(words: list[Any], at: str, first_s: float | None, last_s: float | None) -> Iterator[Word]:
    """Yields a segment's words; those without times (whisperX leaves numbers out) lie between their neighbours."""
    timed: list[tuple[str, float, float, float] | None] = []
    texts: list[str] = []
    entries = [object_at(each, f"{at}[{number}]") for number, each in enumerate(words)]
    said = [text_at(each.get("word", each.get("text")), f"{at}[{n}].word") for n, each in enumerate(entries)]
    for number, (word, is_note) in enumerate(zip(entries, notes_among(said), strict=True)):
        place = f"{at}[{number}]"
        text = plain(said[number])
        if is_note or not text or word.get("case") == _NOT_FOUND:
            continue
        texts.append(text)
        if word.get("start") is None and word.get("end") is None:
            timed.append(None)
            continue
        start, end = (seconds_at(word.get(key), f"{place}.{key}") for key in ("start", "end"))
        timed.append((text, start, end, _confidence(word, place)))
    for number, known in enumerate(timed):
        if known is not None:
            text, start, end, confidence = known
            yield Word(text, start, end, confidence)
        elif number == 0 or timed[number - 1] is not None:
            yield from _between(timed, texts, number, first_s, last_s, at)


def _between(
    timed: list[tuple[str, float, float, float] | None],
    texts: list[str],
    first: int,
    first_s: float | None,
    last_s: float | None,
    at: str,
) -> Iterator[Word]:
    last = first
    while last < len(timed) and timed[last] is None:
        last += 1
    before, after = timed[first - 1] if first else None, timed[last] if last < len(timed) else None
    start = before[2] if before is not None else first_s
    end = after[1] if after is not None else last_s
    if start is None or end is None:
        raise BadLineError(f'{at}: "{texts[first][:40]}" has no times, nor what stands around it')
    yield from spread(texts[first:last], start, max(start, end))


def _confidence(word: dict[str, Any], place: str) -> float:
    for key in _CONFIDENCES:
        if word.get(key) is not None:
            return confidence_at(word[key], f"{place}.{key}")
    return 1.0


def _segment_confidence(segment: dict[str, Any]) -> float:
    chance = segment.get("confidence")
    if isinstance(chance, int | float) and 0 <= chance <= 1:
        return float(chance)
    logarithm = segment.get("avg_logprob")
    if isinstance(logarithm, int | float) and math.isfinite(logarithm) and logarithm <= 0:
        return round(math.exp(logarithm), 4)
    return 1.0


def _of_cpp(entries: list[Any]) -> Iterator[Word]:
    """Yields whisper.cpp's words, whose offsets are milliseconds."""
    for number, each in enumerate(entries):
        place = f"transcription[{number}]"
        entry = object_at(each, place)
        offsets = object_at(entry.get("offsets"), f"{place}.offsets")
        start, end = (seconds_at(offsets.get(key), f"{place}.offsets.{key}") / 1000 for key in ("from", "to"))
        yield from spread(plain_words(text_at(entry.get("text", ""), f"{place}.text")), start, end)


def _of_chunks(chunks: list[Any]) -> Iterator[Word]:
    """Yields the words of a transformers pipeline: chunks of a word or of a sentence, the last maybe without an end."""
    for number, each in enumerate(chunks):
        place = f"chunks[{number}]"
        chunk = object_at(each, place)
        times = list_at(chunk.get("timestamp"), f"{place}.timestamp")
        if len(times) != 2:
            raise BadLineError(f"{place}.timestamp must be [start, end]")
        start = seconds_at(times[0], f"{place}.timestamp[0]")
        end = start if times[1] is None else seconds_at(times[1], f"{place}.timestamp[1]")
        words = plain_words(text_at(chunk.get("text"), f"{place}.text"))
        if len(words) == 1 and times[1] is not None:
            yield Word(words[0], start, end, 1.0)
        else:
            yield from spread(words, start, end)
