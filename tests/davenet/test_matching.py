"""How names are found among words: lemmas, synonyms and other spellings; files as arrays against their plain readers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davenet.errors import UserError
from davenet.labels.columns import Words, checked, frames_of, read_frames, read_words, words_of
from davenet.labels.detections import Detections, FoodDetection, read_detections, write_detections
from davenet.labels.food_words import food_words
from davenet.labels.matching import Heard, Matching, matching_of, normalised, read_synonyms
from davenet.labels.singulars import singular
from davenet.labels.words import Transcript, Word, read_transcript, write_transcript


def heard(text: str, matching: Matching) -> Heard:
    starts = np.arange(len(text.split()), dtype=float)
    return Heard(Words("v", "test", "1", text.split(), starts, starts + 0.5, np.ones(len(starts))), matching)


def is_said(name: str, text: str, matching: Matching) -> bool:
    return bool(len(heard(text, matching).occurrences(matching.phrases(name))))


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("tomato", "tomatoes"),
        ("potato", "potatos"),
        ("leaf", "leaves"),
        ("knife", "knives"),
        ("loaf", "loaves"),
        ("half", "halves"),
        ("olive", "olives"),
        ("clove", "cloves"),
        ("goose", "geese"),
        ("cherry", "cherries"),
        ("cookie", "cookies"),
        ("chili", "chilies"),
        ("chilli", "chillies"),
        ("pierogi", "pierogies"),
        ("fry", "fries"),
        ("pie", "pies"),
        ("radish", "radishes"),
        ("peach", "peaches"),
        ("quiche", "quiches"),
        ("mousse", "mousses"),
        ("cheese", "cheeses"),
        ("box", "boxes"),
        ("glass", "glasses"),
        ("octopus", "octopuses"),
        ("fungus", "fungi"),
        ("veggie", "veggies"),
    ],
)
def test_a_noun_and_its_plural_have_one_form(one: str, several: str) -> None:
    assert singular(one) == singular(several)


def test_different_foods_keep_different_forms() -> None:
    by_form: dict[str, set[str]] = {}
    for word in food_words():
        if " " not in word:
            by_form.setdefault(singular(word), set()).add(word)
    assert [words for words in by_form.values() if len(words) > 1] == []


@pytest.mark.parametrize(
    ("name", "text", "exactly", "by_lemma"),
    [
        ("Egg", "two EGGS please", False, True),
        ("Tomatoes", "a tomato", False, True),
        ("Hot dog", "a hot-dog", True, True),
        ("Hot dog", "hotdogs", False, True),
        ("Hotdog", "some hot dogs", False, True),
        ("Ice cream", "icecream", False, True),
        ("Bay leaf", "bay leaves", False, True),
        ("Chef's salad", "chefs salad", True, True),
        ("Egg", "eggplant", False, False),
        ("Ham", "hamburger", False, False),
        ("Soy sauce", "sauce soy", False, False),
        ("...", "egg", False, False),
    ],
)
def test_what_each_way_of_matching_finds(name: str, text: str, exactly: bool, by_lemma: bool) -> None:
    assert is_said(name, text, Matching("exact")) is exactly
    assert is_said(name, text, Matching("lemma")) is by_lemma


def test_synonyms_hold_both_ways_inside_longer_names_and_in_the_plural(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.csv"
    path.write_text("# mine\nword,synonym,note\naubergine,eggplant,\n\nscallion,spring onions,British\n", "utf-8-sig")
    matching = matching_of("synonyms", path)
    assert is_said("Eggplant", "grill the aubergines", matching)
    assert is_said("Aubergine curry", "an egg plant curry", matching)  # another word, written as two
    assert is_said("Scallions", "chop a spring onion", matching)
    assert is_said("Eggs", "an egg", matching)
    assert not is_said("Eggplant", "spring onion", matching)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b\n", 'must begin with the line "word,synonym"'),
        ("word,synonym\n", "holds no synonyms"),
        ("word,synonym\negg\n", "line 2 must name a word and its synonym"),
        ("word,synonym\negg,!!\n", "line 2 must name a word and its synonym"),
        ('word,synonym\n"egg,ovum\n', "is not CSV"),
        ("word,synonym\negg,eggs\n", "holds no synonyms"),
    ],
)
def test_a_wrong_file_of_synonyms_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "synonyms.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=told) as error:
        read_synonyms(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_synonyms_are_asked_for_and_only_used_where_they_are() -> None:
    with pytest.raises(UserError, match="Which synonyms"):
        matching_of("synonyms")
    with pytest.raises(UserError, match="is not used"):
        matching_of("lemma", Path("synonyms.csv"))
    with pytest.raises(UserError, match="cannot be read"):
        matching_of("synonyms", Path("none.csv"))


def test_any_word_of_a_name_counts_but_not_its_and(tmp_path: Path) -> None:
    matching = Matching("exact")
    assert matching.any_word("Macaroni and cheese") == (("macaroni", "and", "cheese"), ("macaroni",), ("cheese",))
    assert matching.any_word("And") == (("and",),)


VOCABULARY = ["egg", "eggs", "hot", "dog", "dogs", "hotdog", "Tomato", "tomatoes", "soy-sauce", "sauce", "…", "soy"]
NAMES = ["egg", "Eggs", "hot dog", "hotdogs", "soy sauce", "tomato sauce", "sauce"]


def plainly_said(name: str, texts: list[str], mode: str) -> set[tuple[int, int]]:
    """Where a name is said, word by word: the first and last text of each place."""
    words = [(word, place) for place, text in enumerate(texts) for word in normalised(text)]
    own = list(normalised(name))
    spellings = [own]
    if mode == "lemma":
        spellings += [[*own[:i], own[i] + own[i + 1], *own[i + 2 :]] for i in range(len(own) - 1)]
        spellings += [
            [*phrase[:i], word[:cut], word[cut:], *phrase[i + 1 :]]
            for phrase in (own,)
            for i, word in enumerate(phrase)
            for cut in range(3, len(word) - 2)
        ]
    form = singular if mode == "lemma" else str
    return {
        (words[first][1], words[first + len(phrase) - 1][1])
        for phrase in spellings
        for first in range(len(words) - len(phrase) + 1)
        if [form(word) for word, _ in words[first : first + len(phrase)]] == [form(word) for word in phrase]
    }


@given(st.lists(st.sampled_from(VOCABULARY), max_size=25), st.sampled_from(NAMES), st.sampled_from(["exact", "lemma"]))
def test_occurrences_agree_with_a_slow_plain_search(texts: list[str], name: str, mode: str) -> None:
    spoken = [text for text in texts if normalised(text)]
    matching = Matching(mode)  # type: ignore[arg-type]
    found = heard(" ".join(texts), matching).occurrences(matching.phrases(name))
    expected = sorted(plainly_said(name, spoken, mode))
    assert list(zip(found.first_O.tolist(), found.last_O.tolist(), strict=True)) == expected
    starts = [place for place, text in enumerate(texts) if normalised(text)]
    for (first, last), early, late, middle in zip(
        expected, found.early_s_O, found.late_s_O, found.middle_s_O, strict=True
    ):
        assert (early, late) == (starts[first] + 0.25, starts[last] + 0.25)
        assert middle == (starts[first] + starts[last] + 0.5) / 2


@given(st.lists(st.sampled_from(VOCABULARY), max_size=25), st.sampled_from(NAMES))
def test_each_way_of_matching_finds_all_that_the_stricter_one_finds(texts: list[str], name: str) -> None:
    found = []
    for matching in (Matching("exact"), Matching("lemma"), Matching("synonyms", {("egg",): [("sauce",)]})):
        said = heard(" ".join(texts), matching).occurrences(matching.phrases(name))
        found.append(set(zip(said.first_O.tolist(), said.last_O.tolist(), strict=True)))
    assert found[0] <= found[1] <= found[2]


# Files as arrays -----------------------------------------------------------------------------------------------------

texts = st.text(min_size=1).filter(lambda text: text.strip() and text.isprintable())
shares = st.floats(0, 1)
words = st.builds(lambda t, s, d, c: Word(t, s, s + d, c), texts, st.floats(0, 1e4), st.floats(0, 9), shares)
frames = st.builds(
    lambda time, food, top: FoodDetection(time, food, tuple(sorted(top.items(), key=lambda entry: -entry[1]))),
    st.floats(0, 1e4),
    shares,
    st.dictionaries(texts, shares, max_size=5),
)


@given(st.lists(words, max_size=8), st.lists(frames, max_size=8))
def test_files_as_arrays_hold_what_their_plain_readers_give(
    tmp_path_factory: pytest.TempPathFactory, spoken: list[Word], seen: list[FoodDetection]
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    write_transcript(folder / "w.jsonl", Transcript("v", "pocketsphinx", "5", "hash", tuple(spoken)))
    write_detections(folder / "d.jsonl", Detections("v", "onnx", "1", "hash", tuple(seen)))
    found, plain = read_words(folder / "w.jsonl"), words_of(read_transcript(folder / "w.jsonl"))
    assert list(found.texts) == list(plain.texts)
    for name in ("starts_s_N", "ends_s_N", "confidences_N"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    frames_found, frames_plain = read_frames(folder / "d.jsonl"), frames_of(read_detections(folder / "d.jsonl"))
    assert list(frames_found.tops) == list(frames_plain.tops)
    np.testing.assert_array_equal(frames_found.times_s_N, frames_plain.times_s_N)
    np.testing.assert_array_equal(frames_found.food_N, frames_plain.food_N)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"word": "egg", "start": 1, "end": 2, "confi', "line 2: it is not JSON"),  # as a kill leaves it
        ('{"word": "egg", "start": 2, "end": 1, "confidence": 1}', 'line 2: "end"'),
        ('{"word": "egg", "start": -1, "end": 1, "confidence": 1}', 'line 2: "start"'),
        ('{"word": "egg", "start": true, "end": 1, "confidence": 1}', 'line 2: "start"'),
        ('{"word": "egg", "start": 0, "end": 1, "confidence": 2}', 'line 2: "confidence"'),
        ('{"word": " ", "start": 0, "end": 1, "confidence": 1}', 'line 2: "word"'),
        ('{"word": "egg", "start": 0, "end": NaN, "confidence": 1}', 'line 2: "end"'),
        ('{"start": 0, "end": 1, "confidence": 1}', 'line 2: "word" is missing'),
        ('{"word": "a"}, {"word": "b"}', "line 2: it is not JSON"),
        ("[]", "line 2: it is not a JSON object"),
    ],
)
def test_a_wrong_line_of_words_is_told_as_the_plain_reader_tells_it(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "words.jsonl"
    write_transcript(path, Transcript("v", "pocketsphinx", "5", "hash", ()))
    path.write_text(path.read_text("utf-8") + line + "\n", "utf-8")
    with pytest.raises(UserError, match=told):
        read_words(path)


@pytest.mark.parametrize(
    "top", ['"egg"', '[["egg"]]', '[["egg", 2.0]]', '[["egg", 0.5], ["egg", 0.4]]', "[[1, 0.5]]", '[["", 0.5]]', "null"]
)
def test_a_wrong_line_of_detections_is_told_as_the_plain_reader_tells_it(tmp_path: Path, top: str) -> None:
    path = tmp_path / "detections.jsonl"
    write_detections(path, Detections("v", "onnx", "1", "hash", ()))
    path.write_text(path.read_text("utf-8") + f'{{"time": 1.0, "food": 0.5, "top": {top}}}\n', "utf-8")
    with pytest.raises(UserError, match="line 2: "):
        read_frames(path)


def test_files_of_another_version_of_another_video_and_past_the_end_are_told(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    write_transcript(path, Transcript("v", "pocketsphinx", "5", "hash", (Word("egg", 75.0, 75.5, 1.0),)))
    found = read_words(path)
    with pytest.raises(UserError, match=r"word at 75\.0 s, past the end of its video \(70\.4 s\)"):
        checked(found, path, "v", 70.4)
    checked(found, path, "v", 73.5)
    with pytest.raises(UserError, match='belongs to the video "v"'):
        checked(found, path, "w", 100.0)
    header = json.loads(path.read_text("utf-8").split("\n")[0]) | {"version": 99}
    path.write_text(json.dumps(header) + "\n", "utf-8")
    with pytest.raises(UserError, match="format version 99"):
        read_words(path)
    path.write_text("", "utf-8")
    with pytest.raises(UserError, match="is empty"):
        read_words(path)
