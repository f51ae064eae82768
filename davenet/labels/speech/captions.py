"""The words in captions: WebVTT and SRT. YouTube's automatic ones carry a time for each word, which is taken as it is.

Elsewhere words are spread over their cue in proportion to their letters. A line that rolls on from one cue into the next,
as automatic captions do, is counted once; what is said to be heard but not spoken, such as [Music], is left out.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from davenet.labels.label_file import BadLineError
from davenet.labels.speech.spread import plain_words, spread
from davenet.labels.words import Word

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*(-?){_TIME}\s*-->\s*(-?){_TIME}(?:\s.*)?$")
_WORD_TIME = re.compile(rf"<{_TIME}>")
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_NOT_SPOKEN = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|♪[^♪]*♪?|^[A-Z][A-Z .'-]{1,30}:\s")  # notes, songs, who speaks
_CONTIGUOUS_S = 0.1  # between cues of which one rolls on into the other
_LONGEST_WORD_S = 2.0  # the last word of a line lasts no longer, whatever its cue does


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption on the screen from `start` to `end` seconds; its lines with their tags; `line` is where it stands."""

    start: float
    end: float
    lines: tuple[str, ...]
    line: int


def is_webvtt(head: str) -> bool:
    return head.startswith("WEBVTT")


def is_srt(text: str) -> bool:
    """Returns whether the file has cues: a time, an arrow and a time; WebVTT without its first line passes as well."""
    return any(_TIMING.match(line) for line in text[:20_000].splitlines())


def words_of_webvtt(text: str) -> tuple[Word, ...]:
    """Returns the words in the order of their cues; raises BadLineError naming the line that is wrong."""
    return _words(list(_cues(text)))


words_of_srt = words_of_webvtt  # SRT's cues differ in a comma and in their numbers, which are passed over


def _cues(text: str) -> Iterator[Cue]:
    """Yields what stands under each line of times, up to an empty line or the next times; notes and styles have none."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = 0
    while at < len(lines):
        if "-->" not in lines[at]:
            at += 1
            continue
        timing = _TIMING.match(lines[at])
        if timing is None:
            raise BadLineError(f'line {at + 1} has no times around its "-->"')
        fields = timing.groups()
        start, end = _seconds(fields[1:5], fields[0]), _seconds(fields[6:10], fields[5])
        if end < start:
            raise BadLineError(f"line {at + 1}: the caption ends at {end:g} s, before it begins ({start:g} s)")
        first = at + 1
        at = first
        while at < len(lines) and "-->" not in lines[at] and (lines[at].strip() or _goes_on(lines, at)):
            at += 1
        yield Cue(start, end, tuple(line for line in lines[first:at] if line.strip()), first)


def _goes_on(lines: list[str], at: int) -> bool:
    """Returns whether a line of blanks lies inside a cue: YouTube writes a space where a line is still empty."""
    return lines[at] != "" and lines[at].isspace()


def _seconds(fields: tuple[str | None, ...], sign: str) -> float:
    hours, minutes, seconds, fraction = (field or "0" for field in fields)
    value = int(hours[:9]) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000
    return -value if sign else float(value)


def _words(cues: list[Cue]) -> tuple[Word, ...]:
    words: list[Word] = []
    shown: set[str] = set()
    shown_until = float("-inf")
    for number, cue in enumerate(cues):
        if cue.start < 0:
            raise BadLineError(f"line {cue.line}: the caption begins at {cue.start:g} s, before the beginning")
        rolls_on = shown if shown_until - _CONTIGUOUS_S <= cue.start <= shown_until + _CONTIGUOUS_S else set()
        overlaps = [each.start for each in cues[number + 1 : number + 3] if cue.start < each.start < cue.end]
        end = min([cue.end, *overlaps])
        texts = {text: line for line in cue.lines if (text := _text_of(line))}
        new = [line for text, line in texts.items() if text not in rolls_on]
        words += _of_lines(new, cue.start, end)
        shown, shown_until = set(texts), cue.end
    return tuple(words)


def _of_lines(lines: list[str], start: float, end: float) -> Iterator[Word]:
    """Yields the words of a cue's new lines: by their own times where they have some, else spread."""
    timed = [line for line in lines if _WORD_TIME.search(line)]
    untimed = [word for line in lines if line not in timed for word in plain_words(_spoken(line))]
    if untimed:
        first_timed = min((_first_time(line) for line in timed), default=end)
        yield from spread(untimed, start, min(end, max(start, first_timed)))
    for line in timed:
        yield from _of_timed_line(line, start, end)


def _first_time(line: str) -> float:
    found = _WORD_TIME.search(line)
    assert found is not None
    return _seconds(found.groups(), "")


def _of_timed_line(line: str, start: float, end: float) -> Iterator[Word]:
    """Yields the words of "egg<00:00:01.200><c> white</c>": each lasts to the next one's time."""
    parts = _WORD_TIME.split(line)  # text, then four fields of a time and a text for each time
    texts = [parts[0], *parts[5::5]]
    starts = [start, *(_seconds(tuple(parts[at : at + 4]), "") for at in range(1, len(parts) - 1, 5))]
    for number, (text, begins) in enumerate(zip(texts, starts, strict=True)):
        following = starts[number + 1] if number + 1 < len(starts) else max(begins, end)
        if following < begins:
            raise BadLineError(f'the time of a word goes back from {begins:g} to {following:g} s in "{line[:60]}"')
        words = plain_words(_spoken(text))
        ends = min(following, begins + _LONGEST_WORD_S * max(1, len(words)))
        if len(words) == 1:
            yield Word(words[0], round(begins, 3), round(ends, 3), 1.0)
        else:
            yield from spread(words, begins, ends)


def _text_of(line: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", line)).split())


def _spoken(line: str) -> str:
    return _NOT_SPOKEN.sub(" ", html.unescape(_TAG.sub("", line)))
