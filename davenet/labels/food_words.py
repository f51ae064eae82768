"""Which names and words are foods: two lists in `resources/`, one noun or noun phrase a line; lines with # are comments.

`food_words.txt` is wide, phrases included: by it a detector's classes are told to be foods. `food_nouns.txt` are the 350
single nouns that Section 4 counts in what videos say, and that make a pair one of the gallery food-val-1000.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from davenet.errors import UserError
from davenet.labels.matching import lemmas

_RESOURCES = Path(__file__).resolve().parent.parent.parent / "resources"
DEFAULT_PATH = _RESOURCES / "food_words.txt"
NOUNS_PATH = _RESOURCES / "food_nouns.txt"

# A name that ends with one of these is no food, whatever food it also names: "wine bottle", "waffle iron", "bean bag".
_NOT_FOOD_HEAD = re.compile(
    "bag|basket|beater|board|bottle|bowl|box|bucket|can|carton|cart|cooker|cooler|cup|cutter|dispenser|fork|fryer|garden|"
    "glass|grater|grill|grinder|holder|iron|jar|jug|knife|machine|maker|market|masher|mill|mixer|mug|opener|oven|pan|"
    "peeler|plant|plantation|plate|pot|press|processor|rack|roller|scale|seller|shaker|shark|shop|slicer|snake|spoon|"
    "stand|store|stove|table|tank|tin|toaster|tong|tray|tree|truck|whisk"
)


def food_words(path: Path | None = None) -> tuple[str, ...]:
    """Returns the nouns in the file's order; raises UserError where the file cannot be read or holds none."""
    path = DEFAULT_PATH if path is None else path
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read as a list of food words; give a text file with one word a line."
        ) from error
    words = tuple(line.strip() for line in text.split("\n") if line.strip() and not line.startswith("#"))
    if not words:
        raise UserError(f"{path} holds no food words; give a text file with one word a line.")
    return words


def food_nouns(path: Path | None = None) -> tuple[str, ...]:
    """Returns the 350 nouns of Section 4, or those of another file; raises UserError as `food_words` does."""
    return food_words(NOUNS_PATH if path is None else path)


class FoodVocabulary:
    """Tells whether a name is a food's: one of the nouns is in it, singular or plural, and it is no tool for it."""

    def __init__(self, words: Iterable[str]) -> None:
        self._phrases = {phrase for phrase in (lemmas(word) for word in words) if phrase}
        self._longest = max((len(phrase) for phrase in self._phrases), default=0)

    def __contains__(self, name: str) -> bool:
        words = lemmas(name)
        if words in self._phrases:
            return True
        if words and _NOT_FOOD_HEAD.fullmatch(words[-1]):
            return False
        return self._holds(words)

    def is_noun(self, name: str) -> bool:
        """Whether a name is one of the nouns itself, singular or plural."""
        return lemmas(name) in self._phrases

    def is_said_in(self, text: str) -> bool:
        """Whether one of the nouns is among the words of a text, singular or plural, whatever follows it there."""
        return self._holds(lemmas(text))

    def _holds(self, words: tuple[str, ...]) -> bool:
        return any(
            words[first : first + length] in self._phrases
            for length in range(1, self._longest + 1)
            for first in range(len(words) - length + 1)
        )
