"""Words of a text whose beginning and end are known: their times by the share of letters, and what counts as a word."""

import unicodedata
from collections.abc import Sequence

from davenet.labels.words import Word


def plain(text: str) -> str:
    """Returns a word without the signs around it: " butter," gives butter; "" where no letter or digit is left."""
    first, last = 0, len(text)
    while first < last and not _is_spoken(text[first]):
        first += 1
    while last > first and not _is_spoken(text[last - 1]):
        last -= 1
    return text[first:last]


def plain_words(text: str) -> list[str]:
    return [word for part in text.split() if (word := plain(part))]


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
