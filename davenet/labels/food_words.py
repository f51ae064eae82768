"""The project's food nouns (Section 4's "350 food nouns"): which classes of a detector are foods, and which words are.

The list is `resources/food_words.txt`, one noun or noun phrase a line, lower case, sorted; lines with # are comments.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from davenet.errors import UserError
from davenet.labels.matching import lemmas

DEFAULT_PATH = Path(__file__).resolve().parent.parent.parent / "resources" / "food_words.txt"

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
