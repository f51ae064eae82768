"""The words in NIST's CTM: a line a word, `RECORDING CHANNEL START SECONDS WORD [CONFIDENCE]`; `;;` begins a comment.

A file may hold many recordings. Of alternatives between <ALT_BEGIN> and <ALT_END> the first counts.
"""

import re
from collections.abc import Iterator

from davenet.labels.label_file import BadLineError, checked_number
from davenet.labels.speech.spread import plain
from davenet.labels.words import Word

_SOUND = re.compile(r"^(@|\*+|%.*|<.*>|\[.*\]|\(%.*\))$")  # nothing, hesitations, noises
_NUMBER = re.compile(r"^-?\d+(\.\d*)?(e-?\d+)?$|^-?\.\d+$", re.IGNORECASE)
_LONGEST_S = 1e7


def is_ctm(text: str) -> bool:
    """Returns whether half of the first lines that are no comments are words with two numbers before them."""
    first = [fields for _, fields in _fields(text[:20_000])][:8]
    good = [len(each) >= 5 and all(_NUMBER.match(field) or field == "*" for field in each[2:4]) for each in first]
    return bool(good) and 2 * sum(good) >= len(good)


def words_of_ctm(text: str) -> dict[str, tuple[Word, ...]]:
    """Returns the words by recording, in the order of the file; raises BadLineError naming the line that is wrong."""
    found: dict[str, list[Word]] = {}
    is_other = False
    for number, fields in _fields(text):
        if len(fields) < 5:
            raise BadLineError(
                f"line {number} has {len(fields)} fields in place of RECORDING CHANNEL START SECONDS WORD"
            )
        name, _, start, seconds, word = fields[:5]
        if start == "*" or word in ("<ALT_BEGIN>", "<ALT>", "<ALT_END>"):
            is_other = word == "<ALT>" or (is_other and word not in ("<ALT_END>", "<ALT_BEGIN>"))
            continue
        begins, lasts = (
            _number(value, f"line {number}: {what}") for value, what in ((start, "the start"), (seconds, "the length"))
        )
        if lasts < 0:
            raise BadLineError(f"line {number}: a word cannot last {lasts:g} s")
        spoken = "" if _SOUND.match(word) else plain(word)
        if spoken and not is_other:
            found.setdefault(name, []).append(Word(spoken, begins, begins + lasts, _confidence(fields, number)))
        else:
            found.setdefault(name, [])
    return {name: tuple(words) for name, words in found.items()}


def _fields(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        if fields and not fields[0].startswith((";;", "#")):
            yield number, fields


def _number(value: str, called: str) -> float:
    if not _NUMBER.match(value):
        raise BadLineError(f'{called} must be a number of seconds, not "{value[:40]}"')
    return checked_number(float(value), called, low=-_LONGEST_S, high=_LONGEST_S)


def _confidence(fields: list[str], number: int) -> float:
    if len(fields) < 6 or fields[5].upper() == "NA":
        return 1.0
    value = _number(fields[5], f"line {number}: the confidence")
    return checked_number(value, f"line {number}: the confidence", low=0.0, high=1.0)
