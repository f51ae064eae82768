"""The words in what IBM Watson Speech to Text answers, which the paper used (Section 3.1): also in an async job's envelope.

Of each result the first alternative counts; speaker labels, other alternatives and results that are not final do not.
"""

from collections.abc import Iterator
from typing import Any

from davenet.labels.label_file import BadLineError
from davenet.labels.speech.fields import confidence_at, list_at, object_at, seconds_at, text_at
from davenet.labels.speech.spread import plain
from davenet.labels.words import Word

_HESITATION = "%"  # "%HESITATION" is a sound, not a word
_RESULT_KEYS = {"alternatives", "results"}


def is_watson(values: Any) -> bool:
    """Returns whether these are recognition results, or a job that will have some."""
    if not isinstance(values, dict):
        return False
    results = values.get("results")
    if isinstance(results, list):
        firsts = [each for each in results if isinstance(each, dict)]
        return "result_index" in values or any(_RESULT_KEYS & each.keys() for each in firsts)
    return {"id", "status", "created"} <= values.keys() or "result_index" in values


def words_of_watson(values: Any) -> tuple[Word, ...]:
    """Returns the words in the order of the results; raises BadLineError naming the field that is wrong."""
    words: list[Word] = []
    for place, result in _results(object_at(values, "the file"), ""):
        if result.get("final") is False:
            continue
        alternatives = list_at(result.get("alternatives"), f"{place}.alternatives")
        if alternatives:
            first = object_at(alternatives[0], f"{place}.alternatives[0]")
            words += _words(first, f"{place}.alternatives[0]")
    return tuple(words)


def _results(values: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each recognition result with its place, out of however many envelopes."""
    results = values.get("results")
    if results is None:
        status = values.get("status")
        why = f'its job is "{status[:40]}"; fetch it when it is completed' if isinstance(status, str) else "ask again"
        raise BadLineError(f'"{at}results" is missing: {why}')
    for number, each in enumerate(list_at(results, f'"{at}results"')):
        place = f"{at}results[{number}]"
        result = object_at(each, place)
        if "results" in result:
            if at.count(".") > 3:
                raise BadLineError(f"{place} nests results too deeply")
            yield from _results(result, f"{place}.")
        else:
            yield place, result


def _words(alternative: dict[str, Any], place: str) -> Iterator[Word]:
    if "timestamps" not in alternative:
        if text_at(alternative.get("transcript", ""), f"{place}.transcript").strip():
            raise BadLineError(f"{place} has a transcript without timestamps; recognise it again with timestamps=true")
        return
    overall = alternative.get("confidence", 1.0)
    sure = confidence_at(overall, f"{place}.confidence")
    timestamps = list_at(alternative["timestamps"], f"{place}.timestamps")
    confidences = _confidences(alternative, timestamps, place)
    for number, entry in enumerate(timestamps):
        at = f"{place}.timestamps[{number}]"
        if len(list_at(entry, at)) != 3:
            raise BadLineError(f"{at} must be [word, start, end]")
        text = text_at(entry[0], f"{at}[0]")
        start, end = seconds_at(entry[1], f"{at}[1]"), seconds_at(entry[2], f"{at}[2]")
        word = "" if text.startswith(_HESITATION) else plain(text)
        if word:
            yield Word(word, start, end, confidences[number] if confidences else sure)


def _confidences(alternative: dict[str, Any], timestamps: list[Any], place: str) -> list[float]:
    """Returns each word's confidence; none where the file has none for each of its words."""
    if "word_confidence" not in alternative:
        return []
    entries = list_at(alternative["word_confidence"], f"{place}.word_confidence")
    found = []
    for number, entry in enumerate(entries):
        at = f"{place}.word_confidence[{number}]"
        if len(list_at(entry, at)) != 2:
            raise BadLineError(f"{at} must be [word, confidence]")
        found.append(confidence_at(entry[1], f"{at}[1]"))
    return found if len(found) == len(timestamps) else []
