"""Which of a model's classes are foods, what they are called when spoken, and how P(food) comes out of their scores.

A food classes file is plain text, one class a line as the classes file has it; `#` begins a comment line:

    Egg
    Granny Smith = apple        a food that people call otherwise; several classes may have one name
    non-food = -                a class that says that there is no food

Where every line ends in `= -`, the food words decide which of the other classes are foods.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.labels.detections import MAX_TOP
from davenet.labels.food.detector import Seen
from davenet.labels.food_words import FoodVocabulary, food_words

NO_FOOD = "-"
_NON_FOOD = {"non-food", "non food", "nonfood", "not food", "no food"}
Rule = Literal["label", "non-food", "sum", "most"]


@dataclass(frozen=True, slots=True)
class FoodClasses:
    """`called` gives each food class, by its index among the model's classes, the name that it is said by."""

    called: Mapping[int, str]
    rule: Rule
    exclusive: bool  # the scores of all classes sum to one; else each stands for itself
    label: int | None = None  # rule "label": the class whose score is P(food)
    non_food: tuple[int, ...] = ()  # rule "non-food": the classes of frames without food

    def seen(self, scores_C: NDArray[np.float32]) -> Seen:
        """Returns P(food) and the five most probable foods for a frame's probabilities of all classes.

        Classes of one name count together: their sum where the scores are exclusive, else the most probable of them.
        """
        named: dict[str, float] = {}
        for index, name in self.called.items():
            score = float(scores_C[index])
            before = named.get(name, 0.0)
            named[name] = before + score if self.exclusive else max(before, score)
        ranked = sorted(named.items(), key=lambda entry: -entry[1])[:MAX_TOP]
        return Seen(self._food(scores_C), tuple((name, score) for name, score in ranked if score > 0.0))

    def _food(self, scores_C: NDArray[np.float32]) -> float:
        foods_F = scores_C[list(self.called)]
        if self.rule == "label" and self.label is not None:
            return float(scores_C[self.label])
        if self.rule == "non-food":
            others = scores_C[list(self.non_food)]
            return 1.0 - min(1.0, float(others.sum() if self.exclusive else others.max()))
        return min(1.0, float(foods_F.sum() if self.rule == "sum" else foods_F.max()))


def choose_food_classes(
    names: Sequence[str],
    *,
    exclusive: bool,
    food_label: str | None = None,
    food_classes: Path | Sequence[str] | None = None,
    words: Path | None = None,
    p_food: Literal["sum", "most"] | None = None,
) -> FoodClasses:
    """Returns which classes are foods: those that `food_classes` lists, else those that name one of the food words.

    P(food) is, in this order: the score of `food_label` (no food class itself); what `p_food` asks for; one less the
    score of the classes that say that there is no food; the score of a class called "food"; the sum of the foods' scores.
    Raises UserError for a name that the model lacks.
    """
    label = None if food_label is None else _index_of(food_label, names, "The food label")
    listed, non_food = _listed(names, food_classes)
    if not non_food:
        non_food = frozenset(i for i, name in enumerate(names) if _folded(name) in _NON_FOOD)
    if label is None and p_food is None and not non_food:
        label = next((i for i, name in enumerate(names) if _folded(name) == "food"), None)
    vocabulary = FoodVocabulary(food_words(words))
    if listed:
        called = listed
    else:
        called = {i: said_name(name, vocabulary) for i, name in enumerate(names) if is_food(name, vocabulary)}
    called = {i: name for i, name in sorted(called.items()) if i != label and i not in non_food}
    if not called:
        source = food_classes if isinstance(food_classes, Path) and listed else "the food words"
        raise UserError(
            f"None of the model's {len(names)} classes is a food by {source}; list them with --food-classes FILE."
        )
    rule: Rule = "label" if label is not None else p_food or ("non-food" if non_food else "sum")
    return FoodClasses(called, rule, exclusive, label, tuple(sorted(non_food)))


def is_food(name: str, vocabulary: FoodVocabulary) -> bool:
    """Whether a class is a food by the food words. Of a list of synonyms ("hotdog, hot dog") the first decides.

    Another one does where it is nothing but a food word: "platypus, duck-billed platypus" is none, "hare, rabbit" is.
    """
    first, *others = synonyms(name)
    return first in vocabulary or any(vocabulary.is_noun(other) for other in others)


def said_name(name: str, vocabulary: FoodVocabulary) -> str:
    """Returns what people would say for a class: of its synonyms the first that is a food word, else its first."""
    alternatives = synonyms(name)
    return next((each for each in alternatives if vocabulary.is_noun(each)), alternatives[0])


def synonyms(name: str) -> list[str]:
    """Returns the names of one class: "hotdog, hot dog, red hot" has three, as the lists of ImageNet's classes do."""
    return [part.strip() for part in name.replace("_", " ").split(",") if part.strip()] or [name]


def read_class_names(classes: Path | Sequence[str], n_classes: int, model: str) -> tuple[str, ...]:
    """Returns the names in the model's order: one a line, a JSON list, or a JSON object of numbers and names.

    Raises UserError where their number is not the model's.
    """
    names = tuple(classes) if not isinstance(classes, Path) else class_names(classes)
    source = classes if isinstance(classes, Path) else "The list of classes"
    if len(names) != n_classes:
        raise UserError(
            f"{source} names {len(names)} classes and {model} has {n_classes}; give the file that belongs to the model."
        )
    return names


def read_lines(path: Path, what: str) -> tuple[str, ...]:
    """Returns a text file's lines without blanks at their ends; raises UserError where it cannot be read as `what`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as {what}; give a text file with one name a line.") from error
    return tuple(line.strip() for line in text.rstrip("\r\n\t ").split("\n")) if text.strip() else ()


def class_names(path: Path) -> tuple[str, ...]:
    lines = read_lines(path, "class names")
    if not lines or not lines[0].startswith(("[", "{")):
        return lines
    try:
        values = json.loads("\n".join(lines))
        names = [values[str(i)] for i in range(len(values))] if isinstance(values, dict) else values
    except (ValueError, KeyError, RecursionError) as error:
        raise UserError(
            f'{path} is no list of classes; give one name a line, ["name", …] or {{"0": "name", …}}.'
        ) from error
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"{path} names a class by something else than a text; correct it.")
    return tuple(names)


def read_food_classes(food_classes: Path | Sequence[str]) -> list[tuple[str, str]]:
    """Returns each class that a food classes file lists with the name it is said by: "" for its own, "-" for no food.

    Raises UserError where the file cannot be read or lists none.
    """
    lines = read_lines(food_classes, "food classes") if isinstance(food_classes, Path) else tuple(food_classes)
    parts = [line.partition(" = ") for line in lines if line and not line.startswith("#")]
    if not parts:
        raise UserError(f"{_source(food_classes)} lists no classes; give a text file with one name a line.")
    return [(name.strip(), said.strip()) for name, _, said in parts]


def _listed(names: Sequence[str], food_classes: Path | Sequence[str] | None) -> tuple[dict[int, str], frozenset[int]]:
    """Returns the listed foods with the names they are said by, and the classes that say that there is no food."""
    foods: dict[int, str] = {}
    non_food: set[int] = set()
    for name, said in [] if food_classes is None else read_food_classes(food_classes):
        index = _index_of(name, names, f"{_source(food_classes)}: the class")
        # a name that stands twice in the classes file stands for both classes
        same = [i for i, known in enumerate(names) if _folded(known) == _folded(names[index])]
        if said == NO_FOOD:
            non_food.update(same)
        else:
            foods |= dict.fromkeys(same, said or synonyms(names[index])[0])
    return foods, frozenset(non_food)


def _source(food_classes: Path | Sequence[str] | None) -> str:
    return str(food_classes) if isinstance(food_classes, Path) else "The list of food classes"


def _index_of(name: str, names: Sequence[str], what: str) -> int:
    by_folded: dict[str, int] = {}
    for index, known in enumerate(names):
        by_folded.setdefault(_folded(known), index)
    for index, known in enumerate(names):  # a synonym names its class where no class has that very name
        for synonym in synonyms(known):
            by_folded.setdefault(_folded(synonym), index)
    index_found = by_folded.get(_folded(name))
    if index_found is not None:
        return index_found
    close = difflib.get_close_matches(_folded(name), by_folded, n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(names[by_folded[c]] for c in close)}?"
        if close
        else "choose one from the classes file."
    )
    raise UserError(f'{what} "{name}" is none of the model\'s {len(names)} classes; {hint}')


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
