"""Words of a text whose beginning and end are known: their times by the share of letters, and what counts as a word."""

import unicodedata
from collections.abc import Sequence

from davenet.labels.words import Word

_CLOSING = {"[": "]", "(": ")", "<": ">", "*": "*"}
_LONGEST_NOTE = 8  # words; a bracket that is not closed by then was never a note


def plain(text: str) -> str:
    """Returns a word without the signs around it: " butter," gives butter; "" where no letter or digit is left."""
    first, last = 0, len(text)
    while first < last and not _is_spoken(text[first]):
        first += 1
    while last > first and not _is_spoken(text[last - 1]):
        last -= 1
    return text[first:last]


def plain_words(text: str) -> list[str]:
    """Returns the words of a text that are spoken: "(music) egg, [laughs] white" gives egg, white."""
    parts = text.split()
    return [
        word for part, is_note in zip(parts, notes_among(parts), strict=True) if not is_note and (word := plain(part))
    ]


def notes_among(parts: Sequence[str]) -> list[bool]:
    """Returns for each part of a text whether it is inside of brackets, which hold what is heard but not spoken."""
    are_notes = [False] * len(parts)
    first = 0
    while first < len(parts):
        last = first
        opening = parts[first].strip()[:1]
        if opening in _CLOSING:
            ends = [at for at in range(first, min(first + _LONGEST_NOTE, len(parts))) if _CLOSING[opening] in parts[at]]
            if ends:
                last = ends[0]
                are_notes[first : last + 1] = [True] * (last + 1 - first)
        first = last + 1
    return are_notes


def spread(words: Sequence[str], start: float, end: float, *, confidence: float = 1.0) -> list[Word]:
    """Returns the words one after another from `start` to `end`, each as long as its share of the letters, approximate."""
    letters = [max(1, sum(_is_spoken(sign) for sign in word)) for word in words]
    total = sum(letters)
    spoken, before = [], 0
    for word, n in zip(words, letters, strict=True):
        begins = start + (end - start) * before / total
        before += n
        ends = start + (end - start) * before / total
        spoken.append(Word(word, round(begins, 3), round(max(begins, ends), 3), confidence, approximate=True))
    return spoken


def _is_spoken(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LNM"
