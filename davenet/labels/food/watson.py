"""Reads what IBM Watson Visual Recognition (v3, the paper's detector) answered: JSON, one answer or many in a file.

Each image of an answer has its classifiers, each with the classes above the asked threshold. The food classifier has a
class "non-food"; P(food) is one less its score, or else the highest score of its foods, a parent's ("fruit") being
never below its child's ("apple"). The general classifier ("default") has foods under "/food" in its type hierarchy.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davenet.errors import UserError
from davenet.labels.detections import MAX_TOP
from davenet.labels.food.detector import Seen
from davenet.labels.food_words import FoodVocabulary
from davenet.labels.label_file import BadLineError, checked_number, checked_text

_NON_FOOD = "non-food"
_PREFERRED = ("food", "default")


@dataclass(frozen=True, slots=True)
class WatsonClass:
    name: str
    score: float
    hierarchy: str  # "/fruit/accessory fruit/apple"; "" for a parent, and for a class without one


@dataclass(frozen=True, slots=True)
class WatsonImage:
    """An image of an answer: where it stands, its name, and each classifier's classes by the classifier's id."""

    place: str  # "response.json, image 3"
    name: str
    classifiers: Mapping[str, tuple[WatsonClass, ...]]


def is_watson(values: Any) -> bool:
    """Whether parsed JSON is an answer of Visual Recognition, or a list of them."""
    if isinstance(values, list):
        return bool(values) and all(is_watson(each) for each in values)
    return isinstance(values, dict) and isinstance(values.get("images"), list)


def read_answers(path: Path, values: Any) -> Iterator[WatsonImage]:
    """Yields the images of the answers of a file, less those that the service could not look at.

    Raises BadLineError naming the image and what is wrong with it.
    """
    number = 0
    for answer in values if isinstance(values, list) else [values]:
        for image in answer["images"]:
            number += 1
            if isinstance(image, dict) and "error" in image and not image.get("classifiers"):
                continue
            try:
                yield _image(image, f"{path.name}, image {number}")
            except BadLineError as error:
                raise BadLineError(f"image {number}: {error}") from error


def choose_classifier(images: Sequence[WatsonImage], asked: str | None, source: Path) -> str:
    """Returns whose classes are taken: those asked for, else "food", else "default", else the only one.

    Raises UserError where that is none or several.
    """
    counts = Counter(name for image in images for name in image.classifiers)
    if asked is not None:
        if asked not in counts:
            raise UserError(f'{source} has no classifier "{asked}"; choose one of: {", ".join(counts) or "none"}.')
        return asked
    preferred = next((name for name in _PREFERRED if name in counts), None)
    if preferred is not None:
        return preferred
    if len(counts) != 1:
        raise UserError(
            f"{source} has {len(counts)} classifiers ({', '.join(counts) or 'none'}); choose with --classifier ID."
        )
    return next(iter(counts))


def seen_by(
    image: WatsonImage,
    classifier: str,
    vocabulary: FoodVocabulary,
    listed: Mapping[str, str | None] | None = None,
) -> Seen:
    """Returns P(food) and the five most probable foods of an image; of equal scores the more special class comes first.

    `listed` gives, by class, the name that it is said by, or None for a class that says that there is no food; without
    it the food classifier's classes are all foods, and others' are those under /food or that the food words name. An image
    of which the classifier says nothing has P(food) 0.
    """
    classes = image.classifiers.get(classifier, ())
    non_food = [c.score for c in classes if _is_non_food(c, listed)]
    foods = {name: c for c in classes if (name := _said(c, classes, classifier, vocabulary, listed)) is not None}
    food = 1.0 - max(non_food) if non_food else max((c.score for c in foods.values()), default=0.0)
    ranked = sorted(foods.items(), key=lambda entry: (-entry[1].score, -entry[1].hierarchy.count("/")))
    top = tuple((name, found.score) for name, found in ranked if name.casefold() != "food")
    return Seen(round(food, 6), top[:MAX_TOP])


def _is_non_food(found: WatsonClass, listed: Mapping[str, str | None] | None) -> bool:
    if listed is not None and found.name.casefold() in listed:
        return listed[found.name.casefold()] is None
    return found.name.casefold() == _NON_FOOD


def _said(
    found: WatsonClass,
    classes: Sequence[WatsonClass],
    classifier: str,
    vocabulary: FoodVocabulary,
    listed: Mapping[str, str | None] | None,
) -> str | None:
    if _is_non_food(found, listed):
        return None
    if listed is not None and any(name is not None for name in listed.values()):
        return listed.get(found.name.casefold())
    if classifier == "food":
        return found.name
    is_under_food = any(
        f"/{found.name}/" in f"{each.hierarchy}/" and each.hierarchy.startswith("/food/") for each in classes
    )
    # the general classifier names colours too: "sage green color" is no sage
    is_named_food = vocabulary.is_noun(found.name) if classifier == "default" else found.name in vocabulary
    return found.name if is_under_food or is_named_food else None


def _image(values: Any, place: str) -> WatsonImage:
    if not isinstance(values, dict):
        raise BadLineError("it is not an object")
    if "classifiers" not in values:
        has_objects = ', it has "objects" of version 4, whose answers hold no classes' if "objects" in values else ""
        raise BadLineError(f'"classifiers" is missing{has_objects}')
    name = next((values[key] for key in ("image", "resolved_url", "source_url") if key in values), None)
    if name is None:
        raise BadLineError('"image" (its file name) is missing')
    if not isinstance(values["classifiers"], list):
        raise BadLineError('"classifiers" must be a list')
    classifiers: dict[str, tuple[WatsonClass, ...]] = {}
    for found in values["classifiers"]:
        if not isinstance(found, dict) or not isinstance(found.get("classes"), list):
            raise BadLineError('each of "classifiers" must have a list of "classes"')
        identity = checked_text(found.get("classifier_id", found.get("name")), '"classifier_id"')
        if identity in classifiers:
            raise BadLineError(f'it has the classifier "{identity[:40]}" twice')
        classifiers[identity] = _classes(found["classes"])
    return WatsonImage(place, checked_text(name, '"image"').partition("?")[0], classifiers)


def _classes(values: Sequence[Any]) -> tuple[WatsonClass, ...]:
    """Returns the classes; one that is told twice (a parent of several) counts once, with its higher score."""
    found: dict[str, WatsonClass] = {}
    for each in values:
        if not isinstance(each, dict):
            raise BadLineError('each of "classes" must be an object with "class" and "score"')
        name = checked_text(each.get("class"), '"class"')
        score = each.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise BadLineError(f'"score" of "{name[:40]}" must be a number')
        score = checked_number(score, f'"score" of "{name[:40]}"', low=0.0, high=1.0)
        hierarchy = each.get("type_hierarchy", "")
        if not isinstance(hierarchy, str):
            raise BadLineError(f'"type_hierarchy" of "{name[:40]}" must be a text')
        if name not in found or score > found[name].score:
            found[name] = WatsonClass(name, score, hierarchy or (found[name].hierarchy if name in found else ""))
    return tuple(found.values())
