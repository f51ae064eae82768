"""YouCook2's real annotation files, whole and spoilt: ids, splits, recipe types, sentences, and the videos found by id."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davenet.corpora.splits import SplitBy, seeded_split
from davenet.corpora.youcook2 import PAPER_FOUND, PUBLISHED, read_annotations, read_recipes, read_youcook2
from davenet.errors import UserError

SCRAMBLED = "xHlBWc-7Kwo"
ANNOTATIONS = "youcookii_annotations_trainval.json"


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    return shared_data / "annotations" / "youcook2"


@pytest.fixture
def part(published: Path, tmp_path: Path) -> Path:
    """The real annotation of one video, in a folder of its own."""
    (tmp_path / "a.json").write_bytes((published / f"{SCRAMBLED}.annotation.json").read_bytes())
    return tmp_path / "a.json"


def test_the_published_files_give_the_published_corpus(published: Path, shared_data: Path) -> None:
    corpus = read_youcook2(published / ANNOTATIONS, shared_data / "videos")
    by_split = {split: [e for e in corpus.entries if e.split == split] for split in PUBLISHED}
    assert {split: len(entries) for split, entries in by_split.items()} == {
        "train": 1333,
        "validation": 457,
        "test": 210,
    }
    assert PAPER_FOUND == {"train": 1262, "validation": 439, "test": 205}
    assert len({entry.recipe_type for entry in corpus.entries if entry.segments}) == 89
    assert sum(len(entry.segments) for entry in corpus.entries) == 13829
    assert corpus.splits.startswith("published (train_list.txt, val_list.txt, yc2bb_testing_video_ids.txt of ")
    assert corpus.notes == ()
    found = [entry for entry in corpus.entries if entry.files]
    assert [(e.corpus_id, e.split, e.recipe_type) for e in found] == [(SCRAMBLED, "train", "scrambled eggs")]
    assert found[0].segments[3].sentence.startswith("when the butter melts pour the eggs")
    assert (found[0].segments[3].start_s, found[0].segments[3].end_s) == (42.0, 49.0)


def test_without_lists_the_subset_counts_and_the_lack_of_test_ids_is_told(part: Path, shared_data: Path) -> None:
    corpus = read_youcook2(part, shared_data / "videos")
    assert [(e.split, e.recipe_type) for e in corpus.entries] == [("train", "104")]  # no names of types beside it
    assert corpus.splits == "published, in part or changed (by the subset of the annotations)"
    assert "no test videos; give the folder that holds it" in corpus.notes[0]


def test_own_lists_decide_alone_and_leave_out_the_others(published: Path, tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "test.txt").write_text(f"# mine\n104/{SCRAMBLED}.mp4\n")
    (tmp_path / "val_list.txt").write_text("GLd3aX16zBg\n")
    lists = SplitBy("lists")
    corpus = read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_folder=tmp_path, split_by=lists)
    assert {e.corpus_id: e.split for e in corpus.entries} == {SCRAMBLED: "test", "GLd3aX16zBg": "validation"}
    assert corpus.notes == ("1788 annotated videos are in none of the lists and are left out.",)
    assert corpus.splits == f"lists (test.txt, val_list.txt of {tmp_path})"
    with pytest.raises(UserError, match="need the lists' folder; give it with --splits"):
        read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_by=lists)


def test_a_seeded_split_is_67_23_10_and_stays_when_videos_go(published: Path, part: Path, shared_data: Path) -> None:
    seeded = read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_by=SplitBy("seed", 5))
    shares = [sum(e.split == split for e in seeded.entries) / 2000 for split in ("train", "validation", "test")]
    assert shares == pytest.approx([0.67, 0.23, 0.10], abs=0.03)
    alone = read_youcook2(part, shared_data / "videos", split_by=SplitBy("seed", 5)).entries[0]
    assert alone.split == {e.corpus_id: e.split for e in seeded.entries}[SCRAMBLED] == seeded_split(SCRAMBLED, seed=5)
    assert seeded.splits == "seeded 67-23-10, seed 5, by a hash of each name"
    assert next(e for e in seeded.entries if e.corpus_id == SCRAMBLED).published == "train"


def test_the_recipe_type_of_test_videos_comes_from_the_published_folders(published: Path, tmp_path: Path) -> None:
    file = tmp_path / "videos" / "testing" / "405" / "-rJ5CI0hXHA.mkv"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    corpus = read_youcook2(published / ANNOTATIONS, tmp_path / "videos")
    assert [(e.files, e.split, e.recipe_type) for e in corpus.entries if e.files] == [
        ((file,), "test", "indian lamb curry")
    ]


def _changed(part: Path, **changes: Any) -> Path:
    values = json.loads(part.read_text())
    for name, value in changes.items():
        if value is None:
            del values[SCRAMBLED][name]
        else:
            values[SCRAMBLED][name] = value
    part.write_text(json.dumps({"database": values}))
    return part


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subset": None}, rf"a\.json: database\.{SCRAMBLED}\.subset is wrong \(field required\)"),
        ({"subset": "holdout"}, rf"database\.{SCRAMBLED}\.subset is 'holdout'; it must be"),
        ({"recipe_type": None}, r"recipe_type is wrong \(field required\)"),
        ({"recipe_type": ["104"]}, r"recipe_type is wrong"),
        ({"annotations": None}, r"annotations is wrong \(field required\)"),
        ({"annotations": {}}, r"annotations is wrong \(input should be a valid list\)"),
        ({"annotations": [{"segment": [1, 2]}]}, r"annotations\.0\.sentence is wrong \(field required\)"),
        ({"annotations": [{"segment": [1], "sentence": "a"}]}, r"annotations\.0\.segment"),
        ({"annotations": [{"segment": [1, "x"], "sentence": "a"}]}, r"annotations\.0\.segment\.1 is wrong"),
        ({"annotations": [{"segment": [-1, 2], "sentence": "a"}]}, r"annotations\.0\.segment\.0 is wrong"),
        ({"annotations": [{"segment": [5, 5], "sentence": "a"}]}, r"annotations\.0\.segment must end after it starts"),
        (
            {"annotations": [{"segment": [5, 99], "sentence": "a"}]},
            r"annotations\.0\.segment ends at 99 s, after the end",
        ),
        ({"duration": "long"}, r"duration is wrong"),
    ],
)
def test_a_wrong_field_is_named(part: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        read_annotations(_changed(part, **changes))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, is not whole JSON"),
        ('{"database": {', "line 1, is not whole JSON"),
        ('{"database": []}', "database must be an object"),
        ('{"database": {}}', "database must be an object"),
        ("[]", "the file must be an object"),
        ('{"": {}}', "an empty key is not a video id"),
        ('{"short": {}}', "short is not a video id"),
        ('{"xHlBWc-7Kwo": {}, "xHlBWc-7Kwo": {}}', "xHlBWc-7Kwo is there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "holds a number that is none"),
        ('{"\\ud800": {}}', r"\? is not a video id"),
    ],
)
def test_what_is_no_annotation_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=told):
        read_annotations(tmp_path / "a.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_annotations_in_any_usual_encoding_are_the_same(part: Path, encoding: str) -> None:
    values = json.loads(part.read_text())
    values[SCRAMBLED]["annotations"][0]["sentence"] = "crème brûlée"
    part.write_bytes(json.dumps(values, ensure_ascii=False).encode(encoding))
    assert read_annotations(part)[SCRAMBLED].segments[0].sentence == "crème brûlée"


def test_overlapping_lists_are_refused(published: Path, tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "train_list.txt").write_text(f"104/{SCRAMBLED}\n")
    (tmp_path / "test_list.txt").write_text(f"{SCRAMBLED}\n")
    with pytest.raises(
        UserError, match=r"overlap: xHlBWc-7Kwo is both in .*test_list.txt \(test\) and in .*train_list"
    ):
        read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_folder=tmp_path)
    (tmp_path / "train_list.txt").unlink()
    with pytest.raises(UserError, match=r"overlap: xHlBWc-7Kwo is train in .*annotations.*json and test in"):
        read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_folder=tmp_path)
    (tmp_path / "test_list.txt").write_text("-rJ5CI0hXHA\n-rJ5CI0hXHA\n")
    with pytest.raises(UserError, match=r"test_list\.txt, line 2: -rJ5CI0hXHA is listed twice"):
        read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_folder=tmp_path)
    (tmp_path / "test_list.txt").write_text("not an id\n")
    with pytest.raises(UserError, match=r"test_list\.txt, line 1: 'not an id' is not a video id"):
        read_youcook2(published / ANNOTATIONS, shared_data / "videos", split_folder=tmp_path)


def test_recipe_types_are_110_and_what_is_none_is_told(published: Path, tmp_path: Path) -> None:
    recipes = read_recipes(published / "label_foodtype.csv")
    assert (len(recipes), recipes["104"], recipes["408"]) == (110, "scrambled eggs", "thai red curry chicken")
    (tmp_path / "r.csv").write_text("id;name\n1;pie\n")
    assert read_recipes(tmp_path / "r.csv") == {"1": "pie"}
    for text, told in (
        ("", "no recipe types"),
        ("pie\n", "no recipe type such as"),
        ("1,a\n1,b\n", "1 is there twice"),
    ):
        (tmp_path / "r.csv").write_text(text)
        with pytest.raises(UserError, match=told):
            read_recipes(tmp_path / "r.csv")
    (tmp_path / "r.csv").write_text("101,BLT\n")
    with pytest.raises(UserError, match=r"recipe type \d+ of video \S+ is not in .*r\.csv"):
        read_youcook2(published / ANNOTATIONS, tmp_path, recipes=tmp_path / "r.csv")


@settings(max_examples=200)
@given(data=st.data())
def test_mutated_annotations_give_a_corpus_or_one_sentence(
    data: st.DataObject, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray((published / f"{SCRAMBLED}.annotation.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        match data.draw(st.sampled_from(("set", "cut", "insert", "double", "head"))):
            case "set" if content:
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 200))]
            case "insert":
                content[at:at] = data.draw(
                    st.sampled_from((b'"', b"null", b"-1e999", b"[", b"{}", b"\\ud83d", b"\0", b"NaN"))
                )
            case "double":
                content[at:at] = content[at : at + 80]
            case "head":
                content[:0] = data.draw(st.sampled_from((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0")))
    path = tmp_path_factory.mktemp("mutated") / "a.json"
    path.write_bytes(content)
    try:
        corpus = read_youcook2(path, path.parent, recipes=published / "label_foodtype.csv", split_folder=published)
    except UserError as error:
        assert "\n" not in str(error) and str(error).endswith(".")
        str(error).encode()
    else:
        for entry in corpus.entries:
            assert all(0 <= part.start_s < part.end_s for part in entry.segments)
            json.dumps([part.sentence for part in entry.segments], ensure_ascii=False).encode()


_junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3),
)


@settings(max_examples=150)
@given(path=st.lists(st.integers(0, 30), min_size=1, max_size=5), junk=_junk)
def test_any_value_in_any_place_gives_a_corpus_or_one_sentence(
    path: list[int], junk: Any, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    values: Any = {"database": json.loads((published / f"{SCRAMBLED}.annotation.json").read_text())}
    inside = values
    for depth, step in enumerate(path, 1):
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = keys[step % len(keys)]
        if depth == len(path) or not isinstance(inside[key], dict | list) or not inside[key]:
            inside[key] = junk
            break
        inside = inside[key]
    file = tmp_path_factory.mktemp("junk") / "a.json"
    file.write_text(json.dumps(values))
    try:
        read_annotations(file)
    except UserError as error:
        assert "\n" not in str(error)
