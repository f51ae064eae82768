"""Which of a model's classes are foods, what they are called, and P(food) out of their scores."""

import re
from pathlib import Path

import numpy as np
import pytest

from davenet.errors import UserError
from davenet.labels.food.classes import choose_food_classes, class_names
from davenet.labels.food.detector import Seen


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def rounded(seen: Seen) -> Seen:
    return Seen(round(seen.food, 6), tuple((name, round(probability, 6)) for name, probability in seen.top))


def test_the_food_label_gives_the_probability_and_is_no_class_itself() -> None:
    classes = choose_food_classes(["Egg", "Food", "Frying pan", "Hot dogs"], exclusive=False, food_label="food")
    assert rounded(classes.seen(scores(0.2, 0.7, 0.9, 0.3))) == Seen(0.7, (("Hot dogs", 0.3), ("Egg", 0.2)))


def test_without_a_food_label_the_foods_are_summed_up_to_one() -> None:
    classes = choose_food_classes(["Egg", "Hat", "Ham"], exclusive=True)
    assert classes.seen(scores(0.25, 0.9, 0.5)).food == 0.75
    assert classes.seen(scores(0.75, 0.9, 0.5)).food == 1.0


def test_the_most_probable_food_may_stand_for_them_all() -> None:
    classes = choose_food_classes(["Egg", "Hat", "Ham", "Food"], exclusive=False, p_food="most")
    assert classes.seen(scores(0.25, 0.9, 0.5, 0.125)).food == 0.5


def test_a_class_called_food_or_non_food_gives_p_food_unasked() -> None:
    assert choose_food_classes(["Egg", "food"], exclusive=False).seen(scores(0.75, 0.25)).food == 0.25
    classes = choose_food_classes(["Egg", "Non-Food", "Food"], exclusive=True)
    assert classes.seen(scores(0.25, 0.125, 0.5)) == Seen(0.875, (("Egg", 0.25),))


def test_only_the_five_most_probable_foods_are_kept_and_a_name_only_once() -> None:
    names = ("ham", "egg", "ham", "pea", "leek", "rice", "corn")
    given = scores(0.1, 0.2, 0.3, 0.0, 0.05, 0.6, 0.01)
    rest = (("rice", 0.6), ("egg", 0.2), ("leek", 0.05), ("corn", 0.01))
    apart = rounded(choose_food_classes(names, exclusive=False).seen(given))
    assert apart.top == (rest[0], ("ham", 0.3), *rest[1:])  # independent scores: the higher of the two hams
    together = rounded(choose_food_classes(names, exclusive=True).seen(given))
    assert together.top == (rest[0], ("ham", 0.4), *rest[1:])  # of a softmax, hams are as probable as both together


def test_food_classes_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / "foods.txt").write_text("frying PAN\n")
    classes = choose_food_classes(["Egg", "Frying pan"], exclusive=True, food_classes=tmp_path / "foods.txt")
    assert classes.called == {1: "Frying pan"}


def test_a_listed_class_may_be_said_otherwise_or_say_that_there_is_no_food(tmp_path: Path) -> None:
    (tmp_path / "foods.txt").write_text(
        "# of an orchard\nGranny Smith = apple\nFuji = apple\n\npear\nsky = -\nsea = -\n"
    )
    names = ["Fuji", "pear", "sky", "Granny Smith", "sea", "egg"]
    classes = choose_food_classes(names, exclusive=True, food_classes=tmp_path / "foods.txt")
    assert classes.called == {0: "apple", 1: "pear", 3: "apple"}
    assert rounded(classes.seen(scores(0.1, 0.25, 0.05, 0.3, 0.1, 0.2))) == Seen(0.85, (("apple", 0.4), ("pear", 0.25)))


def test_a_list_of_non_foods_alone_leaves_the_foods_to_the_food_words() -> None:
    classes = choose_food_classes(["Egg", "sky", "Hat"], exclusive=False, food_classes=("sky = -",))
    assert (classes.called, classes.rule, classes.non_food) == ({0: "Egg"}, "non-food", (1,))


def test_a_class_of_several_synonyms_is_a_food_by_its_first_and_is_called_as_people_say() -> None:
    names = [
        "hotdog, hot dog, red hot",
        "platypus, duck-billed platypus",
        "frank, sausage",
        "apple_pie",
        "zucchini, courgette",
    ]
    classes = choose_food_classes(names, exclusive=True)
    assert classes.called == {0: "hotdog", 2: "sausage", 3: "apple pie", 4: "zucchini"}


def test_classes_are_read_from_lines_or_json(tmp_path: Path) -> None:
    for text in ("egg\nham\n", '["egg", "ham"]', '{"0": "egg", "1": "ham"}', "\ufeffegg\r\nham\r\n"):
        (tmp_path / "c").write_bytes(text.encode())
        assert class_names(tmp_path / "c") == ("egg", "ham")
    for text in ('["egg", 1]', '{"0": "egg", "2": "ham"}', "[", '{"a": '):
        (tmp_path / "c").write_text(text)
        with pytest.raises(UserError, match=re.escape(str(tmp_path / "c"))):
            class_names(tmp_path / "c")


def test_an_unknown_name_is_told_with_names_that_are_close(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='"Foods" is none of the model\'s 2 classes; did you mean Food'):
        choose_food_classes(["Egg", "Food"], exclusive=True, food_label="Foods")
    (tmp_path / "foods.txt").write_text("Eggs\n")
    with pytest.raises(UserError, match=r'foods\.txt: the class "Eggs" .* did you mean Egg\?'):
        choose_food_classes(["Egg", "Food"], exclusive=True, food_classes=tmp_path / "foods.txt")


def test_classes_without_any_food_are_told() -> None:
    with pytest.raises(UserError, match="None of the model's 2 classes is a food"):
        choose_food_classes(["Hat", "Water bottle"], exclusive=True)
