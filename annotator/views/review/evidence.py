"""What the right panel shows beside a pair's own labels: words, scores, remarks, others' verdicts, the video's pairs.

Plain records without Qt; question_evidence.py reads them from the store off the GUI thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from annotator.store.records import PairRecord
from davenet.labels.words import Word
from davenet.pairs import SEARCH_WINDOW_S, WeakLabel


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word that speaks for the pair; `class_name` is what it names, `is_asked` that the question is about it."""

    word: str
    start_s: float
    end_s: float
    confidence: float
    class_name: str
    is_asked: bool


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """What a run's model says of a pair; `rank` of its own segment among those of `n` pairs, from 1."""

    run: str
    similarity: float
    rank: int | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class RemarkLine:
    """A comment, or a flag that stands ("flag", its text may be empty)."""

    reviewer: str
    kind: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OtherVerdict:
    """Another reviewer's standing verdict on the pair."""

    reviewer: str
    decision: str
    label: str = ""
    reason: str = ""
    comment: str = ""
    seconds: float = 0.0
    is_blind: bool = False


@dataclass(frozen=True, slots=True)
class VideoPairLine:
    """Another pair of the same video; `decision` is the reviewer's own, "" while it is pending."""

    pair_uid: str
    class_name: str
    time_s: float
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """`gold` is the right answer that the reviewer set; `scorable_run` could score the pair where none has.

    `chosen_because` is why the loop asks for the pair, "" where it does not.
    """

    pair_uid: str
    scores: tuple[ScoreLine, ...] = ()
    remarks: tuple[RemarkLine, ...] = ()
    others: tuple[OtherVerdict, ...] = ()
    video_pairs: tuple[VideoPairLine, ...] = ()
    gold: str = ""
    scorable_run: str = ""
    chosen_because: str = ""


def said_text(label: WeakLabel, frame_s: float) -> str:
    """Returns when the word was said, seen from the frame, and how sure the recogniser was; it breaks between the two."""
    when = when_text(label.word_start, label.word_end, frame_s)
    return f"said {when}, confidence\u00a0{label.word_confidence:.2f}"


def when_text(start_s: float, end_s: float, frame_s: float) -> str:
    """Returns how far a word is from the frame, in words."""
    if start_s <= frame_s <= end_s:
        return "at the frame"
    away = start_s - frame_s if start_s > frame_s else frame_s - end_s
    return f"{away:.1f} s {'after' if start_s > frame_s else 'before'} the frame"


def heard_words(pair: PairRecord, words: Sequence[Word] = ()) -> list[HeardWord]:
    """Returns every word that the pair's labels were found in, by time, with its other occurrences among `words`.

    Mining keeps the nearest occurrence of a class; the others in the window it searched are evidence as well.
    """
    asked = pair.label
    found = {
        (round(label.word_start, 3), label.word.casefold()): HeardWord(
            label.word, label.word_start, label.word_end, label.word_confidence, label.class_name, label is asked
        )
        for label in reversed(pair.labels)  # where two classes share a word, the better one names it
    }
    named = {label.word.casefold(): label.class_name for label in reversed(pair.labels)}
    for word in words:
        name = named.get(word.word.casefold())
        is_near = abs(word.middle - pair.sound_s) <= SEARCH_WINDOW_S / 2
        if name is not None and is_near:
            heard = HeardWord(word.word, word.start, word.end, word.confidence, name, False)
            found.setdefault((round(word.start, 3), word.word.casefold()), heard)
    return sorted(found.values(), key=lambda heard: heard.start_s)
