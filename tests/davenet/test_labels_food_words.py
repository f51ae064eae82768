"""The food words: the list as it ships, and which names count as foods."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davenet.errors import UserError
from davenet.labels.food_words import FoodVocabulary, food_words
from davenet.labels.singulars import singular


def test_the_list_holds_over_350_sorted_lower_case_nouns_once_each() -> None:
    words = food_words()
    assert len(words) >= 350
    assert list(words) == sorted(set(words))
    assert all(word == word.lower() == word.strip() for word in words)


def test_every_food_of_the_youcook2_bb_objects_is_in_the_list(shared_data: Path) -> None:
    lines = (shared_data / "annotations" / "youcook2" / "yc2bb_class_file.csv").read_text().splitlines()
    objects = {line.split(",")[1] for line in lines}
    tools = {"bowl", "pot", "oven", "processor", "cup", "paper", "pan", "lid", "plate", "whisk", "blender", "wok"}
    pronouns = {"it", "them", "that", "they"}
    assert objects - set(food_words()) == tools | pronouns


@pytest.mark.parametrize(
    "name",
    [
        "Onion",
        "ONIONS",
        "tomatoes",
        "Hot dog",
        "hot_dogs",
        "Cherries",
        "leaf",
        "Bell pepper",
        "Chicken curry",
        "eggs benedict",
    ],
)
def test_foods_are_known_in_singular_and_plural_alone_and_in_names(name: str) -> None:
    assert name in FoodVocabulary(food_words())


@pytest.mark.parametrize(
    "name", ["Hat", "Food", "Food processor", "Wine bottle", "Waffle iron", "Salt and pepper shakers", ""]
)
def test_tools_are_no_foods_though_they_name_one(name: str) -> None:
    assert name not in FoodVocabulary(food_words())


@given(st.sampled_from(food_words()))
def test_every_word_and_its_regular_plural_are_foods(word: str) -> None:
    vocabulary = FoodVocabulary(food_words())
    assert word in vocabulary
    assert word.upper() in vocabulary
    if word.endswith("s"):  # a plural already, or a word that has none
        return
    ending = "es" if word.endswith(("x", "ch", "sh", "o")) else "s"
    plural = word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeiou" else word + ending
    assert plural in vocabulary


_STEMS = st.text(alphabet="bdgklmnprtw", min_size=3, max_size=8)  # with endings whose plurals follow the rules


@given(_STEMS, st.sampled_from([("", "s"), ("ch", "ches"), ("sh", "shes"), ("x", "xes"), ("y", "ies"), ("ay", "ays")]))
def test_a_noun_and_its_regular_plural_have_one_form(stem: str, endings: tuple[str, str]) -> None:
    one, several = endings
    assert singular(stem + one) == singular(stem + several)


@given(_STEMS, _STEMS)
def test_nouns_that_differ_keep_forms_that_differ(one: str, other: str) -> None:
    assert (singular(one) == singular(other)) is (one == other)


@given(st.text())
def test_of_any_text_something_is_left_that_is_no_longer_than_a_letter_more(text: str) -> None:
    found = singular(text)
    assert bool(found) is bool(text)
    assert len(found) <= len(text) + 1  # mice, mouse
    assert found[:1] == text[:1] or text == "oxen"


def test_a_list_of_ones_own_is_read_and_an_empty_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\nnatto\n\nume\n", "utf-8")
    assert food_words(path) == ("natto", "ume")
    path.write_text("# nothing\n")
    with pytest.raises(UserError, match="holds no food words"):
        food_words(path)
    with pytest.raises(UserError, match="cannot be read"):
        food_words(tmp_path / "none.txt")
