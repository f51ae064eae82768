"""How the names of classes are found among words: exactly, whatever their number, or by other words for the same thing.

Section 6 searches for "the exact food class name"; `lemma` and `synonyms` go beyond it, each finding all that the one
before it finds. Called by mining.py and synchrony.py; docs/guide/mining.md tells the file of synonyms.
"""

import csv
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.labels.columns import Words
from davenet.labels.singulars import singular

MatchMode = Literal["exact", "lemma", "synonyms"]
MATCH_MODES: tuple[MatchMode, ...] = ("exact", "lemma", "synonyms")

Phrase = tuple[str, ...]  # normalised words that follow one another
_NOT_TELLING = {"a", "al", "an", "and", "au", "de", "in", "la", "le", "n", "of", "on", "or", "the", "to", "with"}
_SHORTEST_PART = 3  # letters of each half where one written word is heard as two: "hotdog" as "hot dog"


@lru_cache(maxsize=1 << 16)
def normalised(text: str) -> Phrase:
    """Returns the words of a text without case and punctuation: "Hot-dog, Chef's" gives hot, dog, chefs."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = (c for c in folded if c not in "'’ʼ`")
    return tuple("".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in kept).split())


@lru_cache(maxsize=1 << 16)
def lemmas(text: str) -> Phrase:
    """Returns the words of a text as `normalised`, each in the form that its singular and its plural share."""
    return _lemmas(normalised(text))


def _lemmas(phrase: Phrase) -> Phrase:
    return tuple(singular(word) for word in phrase)


class Matching:
    """A way of matching: what a heard word is compared by, and which phrases say a class."""

    def __init__(self, mode: MatchMode = "exact", synonyms: Mapping[Phrase, Sequence[Phrase]] | None = None) -> None:
        self.mode = mode
        self._synonyms = dict(synonyms or {})
        self._words_of = normalised if mode == "exact" else lemmas
        self._known: dict[str, tuple[Phrase, ...]] = {}

    def words_of(self, text: str) -> Phrase:
        """Returns the words of a heard text as phrases have them."""
        return self._words_of(text)

    def phrases(self, name: str) -> tuple[Phrase, ...]:
        """Returns every phrase that says the class, its own name first; none where the name holds no word."""
        if name not in self._known:
            own = normalised(name)
            found = [own] if own else []
            if self.mode == "synonyms" and own:
                found += self._with_synonyms(own)
            if self.mode != "exact":
                found += [other for phrase in tuple(found) for other in _otherwise_written(phrase)]
                found = [_lemmas(phrase) for phrase in found]
            self._known[name] = tuple(dict.fromkeys(found))
        return self._known[name]

    def any_word(self, name: str) -> tuple[Phrase, ...]:
        """Returns the phrases that say at least one word of the class's name (Section 4), or the whole of it.

        Words such as "and" do not count where the name has others.
        """
        words = normalised(name)
        telling = [word for word in words if word not in _NOT_TELLING] or words
        parts = [phrase for word in telling for phrase in self.phrases(word)]
        return tuple(dict.fromkeys([*self.phrases(name), *parts]))

    def _with_synonyms(self, phrase: Phrase) -> list[Phrase]:
        """Returns the phrase with one of its parts, or all of it, said by another word for it."""
        return [
            phrase[:first] + other + phrase[last:]
            for first in range(len(phrase))
            for last in range(first + 1, len(phrase) + 1)
            for other in self._synonyms.get(_lemmas(phrase[first:last]), ())
        ]


def matching_of(mode: MatchMode, synonyms: Path | None = None) -> Matching:
    """Raises UserError where the file of synonyms is missing, is no such file, or is given with another mode."""
    if mode == "synonyms":
        if synonyms is None:
            raise UserError("Which synonyms? Give a file with two columns, word and synonym.")
        return Matching(mode, read_synonyms(synonyms))
    if synonyms is not None:
        raise UserError(f"{synonyms} is not used when matching is {mode}; match by synonyms instead.")
    return Matching(mode)


def read_synonyms(path: Path) -> dict[Phrase, list[Phrase]]:
    """Returns, by the lemmas of a phrase, the others that say the same, both ways; a synonym's own are not followed.

    The file is CSV with the header `word,synonym` (more columns are passed over); lines with # are comments. Raises
    UserError that names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as synonyms; give a CSV file in UTF-8 with word,synonym.") from error
    lines = [("" if line.lstrip().startswith("#") else line) for line in text.splitlines()]
    rows = csv.reader(io.StringIO("\n".join(lines)), strict=True)
    found: dict[Phrase, list[Phrase]] = {}
    columns: tuple[int, int] | None = None
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = _columns(path, [cell.strip().casefold() for cell in row])
                continue
            one, other = (normalised(row[column]) if column < len(row) else () for column in columns)
            if not one or not other:
                raise UserError(f"{path}, line {rows.line_num} must name a word and its synonym; correct it.")
            for key, said in ((_lemmas(one), other), (_lemmas(other), one)):
                if key != _lemmas(said) and said not in found.setdefault(key, []):
                    found[key].append(said)
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num} is not CSV ({error}); correct it.") from error
    if not found:
        raise UserError(f"{path} holds no synonyms; give lines such as aubergine,eggplant under word,synonym.")
    return found


def _columns(path: Path, header: Sequence[str]) -> tuple[int, int]:
    if "word" not in header or "synonym" not in header:
        raise UserError(f'{path} must begin with the line "word,synonym"; add it.')
    return header.index("word"), header.index("synonym")


def _otherwise_written(phrase: Phrase) -> list[Phrase]:
    """Returns the phrase with two of its words written as one ("icecream"), or one of them as two ("hot dog")."""
    joined = [
        (*phrase[:place], phrase[place] + phrase[place + 1], *phrase[place + 2 :]) for place in range(len(phrase) - 1)
    ]
    parted = [
        (*phrase[:place], word[:cut], word[cut:], *phrase[place + 1 :])
        for place, word in enumerate(phrase)
        for cut in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1)
    ]
    return joined + parted


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Where a class is said in a video, in the order of the words: one entry an occurrence.

    `first_O` and `last_O` are the places of its first and last word in the transcript; `middle_s_O` lies half-way between
    the first's start and the latest end; `early_s_O` and `late_s_O` are the outermost of its words' middles.
    """

    first_O: NDArray[np.int64]
    last_O: NDArray[np.int64]
    middle_s_O: NDArray[np.float64]
    early_s_O: NDArray[np.float64]
    late_s_O: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first_O)


class Heard:
    """The words of a video, indexed for phrases. A word of the transcript that holds none ("...") is left out."""

    def __init__(self, words: Words, matching: Matching) -> None:
        spoken = [matching.words_of(text) for text in words.texts]
        kept = [place for place, found in enumerate(spoken) if found]
        self.texts = [words.texts[place] for place in kept]
        self.starts_s_N, self.ends_s_N = words.starts_s_N[kept], words.ends_s_N[kept]
        self.confidences_N = words.confidences_N[kept]
        self.matching = matching
        self._words = [word for place in kept for word in spoken[place]]
        self._entries = [entry for entry, place in enumerate(kept) for _ in spoken[place]]  # the text of each
        self._places: dict[str, list[int]] = {}
        self._found: dict[tuple[Phrase, ...], Occurrences] = {}
        for place, word in enumerate(self._words):
            self._places.setdefault(word, []).append(place)

    def occurrences(self, phrases: tuple[Phrase, ...]) -> Occurrences:
        """Returns where any of the phrases is said; one place that says several of them counts once."""
        if phrases not in self._found:
            self._found[phrases] = self._search(phrases)
        return self._found[phrases]

    def _search(self, phrases: tuple[Phrase, ...]) -> Occurrences:
        spans = {
            (self._entries[place], self._entries[place + len(phrase) - 1])
            for phrase in phrases
            for place in self._places.get(phrase[0], ())
            if len(phrase) == 1 or tuple(self._words[place : place + len(phrase)]) == phrase
        }
        ordered = np.array(sorted(spans), np.int64).reshape(-1, 2)
        first_O, last_O = ordered[:, 0], ordered[:, 1]
        middles_s_N = (self.starts_s_N + self.ends_s_N) / 2
        early_s_O, late_s_O, end_s_O = middles_s_N[first_O], middles_s_N[last_O], self.ends_s_N[last_O]
        for place in np.flatnonzero(last_O > first_O):
            inside = slice(first_O[place], last_O[place] + 1)
            early_s_O[place] = middles_s_N[inside].min()
            late_s_O[place] = middles_s_N[inside].max()
            end_s_O[place] = self.ends_s_N[inside].max()
        return Occurrences(first_O, last_O, (self.starts_s_N[first_O] + end_s_O) / 2, early_s_O, late_s_O)
