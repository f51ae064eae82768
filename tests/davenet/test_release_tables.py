"""The tables, counts and manifest of a release: exact Parquet, safe CSV, no paths, κ by hand."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from davenet.pairs import WeakLabel
from davenet.release.agreement import Agreement, AgreementCount
from davenet.release.columns import LABEL_FIELDS, TABLES, schema
from davenet.release.facts import without_paths
from davenet.release.tables import TableWriter, csv_text, read_rows, table_path, text_of_csv, write_csv

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["=1+1", "+49", "-", "@SUM(A1)", "\t=1", "\r\n=1", "'=1", "''-1", "a\0b", 'say "onion",\nsay', "🧅", "", " ", "＝1"]
)


def _agreement(judged: Iterable[tuple[str, str]]) -> Agreement:
    count = AgreementCount()
    for first, second in judged:
        count.add({"ann": first, "bo": second})
    return count.agreements()[0]


def _verdict(comment: str | None, number: int = 0) -> dict[str, object]:
    return {
        "verdict_id": f"{number:032x}",
        "pair_id": "p",
        "video_id": "v",
        "reviewer": "ann",
        "decision": "accept",
        "label": "onion",
        "reason": None,
        "comment": comment,
        "given_at": datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC),
        "seconds": 0.1 + 0.2,
        "window_s": 2.0,
        "blind": False,
        "purpose": "first",
        "offset_s": 0.25,
        "replays": 3,
        "keys": ["R", "A"],
        "labels": [],
        "app_version": "0.1.0",
    }


@given(text=_TEXT)
def test_no_text_of_a_csv_file_is_a_formula_and_each_can_be_had_back(text: str) -> None:
    written = csv_text(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert text_of_csv(written) == text


@settings(max_examples=30)
@given(comments=st.lists(st.none() | _TEXT, min_size=1, max_size=4))
def test_any_comment_comes_back_from_parquet_and_from_csv(
    tmp_path_factory: pytest.TempPathFactory, comments: list[str | None]
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    rows = [_verdict(comment, number) for number, comment in enumerate(comments)]
    with TableWriter(folder, "verdicts") as writer:
        for row in rows:
            writer.add("test", row)
    assert list(read_rows(folder, "verdicts", "test")) == rows
    write_csv(folder, "verdicts", "test")
    text = table_path(folder, "verdicts", "test", ".csv").read_bytes().decode("utf-8")
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [text_of_csv(row["comment"]) for row in read] == [comment or "" for comment in comments]
    assert {row["seconds"] for row in read} == {"0.30000000000000004"}
    assert {row["given_at"] for row in read} == {"2026-03-01T12:30:00.123456Z"}


def test_a_table_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), TableWriter(tmp_path, "verdicts") as writer:
        for number in range(5000):
            writer.add("train", _verdict(None, number))
        raise RuntimeError
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_split_without_rows_has_no_file(tmp_path: Path) -> None:
    with TableWriter(tmp_path, "verdicts") as writer:
        writer.add("test", _verdict(None))
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["test.parquet"]
    assert list(read_rows(tmp_path, "verdicts", "train")) == []


def test_the_tables_have_every_field_of_a_weak_label() -> None:
    assert tuple(field.name for field in LABEL_FIELDS) == WeakLabel.__slots__


def test_every_column_is_explained() -> None:
    for table, columns in TABLES.items():
        assert schema(table).names == [column.name for column in columns]
        assert all(column.meaning for column in columns)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("import:/home/ann/words.json", "import:words.json"),
        ("/home/Ann Smith/food model.onnx", "food model.onnx"),
        ("onnx:C:\\Users\\ann\\food.onnx", "onnx:food.onnx"),
        ("C:/Users/ann/food.onnx", "food.onnx"),
        ("\\\\server\\share\\food.onnx", "food.onnx"),
        ("~/food.onnx", "food.onnx"),
        ("../food.onnx", "food.onnx"),
        ("file:///home/ann/x.json", "x.json"),
        ("openai/clip-vit-base-patch32", "openai/clip-vit-base-patch32"),
        ("clip:openai/clip-vit", "clip:openai/clip-vit"),
        ("a photo of {}", "a photo of {}"),
        ("NCHW", "NCHW"),
        ({"model": ["/a/b.onnx", 1, None], "/a/c.txt": 0.5}, {"model": ["b.onnx", 1, None], "c.txt": 0.5}),
    ],
)
def test_a_release_keeps_names_of_files_and_no_folders(value: object, expected: object) -> None:
    assert without_paths(value) == expected


def test_kappa_is_that_of_the_textbook() -> None:
    """Cohen's own shape of example: 20 + 15 of 50 agree, the marginals are 25 : 25 and 30 : 20."""
    counted = Counter(
        {("accept", "accept"): 20, ("accept", "reject"): 5, ("reject", "accept"): 10, ("reject", "reject"): 15}
    )
    found = _agreement(counted.elements())
    assert (found.observed, found.kappa) == (pytest.approx(0.7), pytest.approx(0.4))
    low, high = found.interval
    assert 0.1 < low < 0.4 < high < 0.7


def test_where_both_always_say_the_same_there_is_no_kappa_and_no_interval() -> None:
    found = _agreement([("accept", "accept")] * 4)
    assert found.observed == 1.0 and found.kappa is None
    assert all(math.isnan(end) for end in found.interval)


@settings(max_examples=30)
@given(
    judged=st.lists(
        st.tuples(st.sampled_from(["accept", "reject", "unsure"]), st.sampled_from(["accept", "reject", "unsure"])),
        min_size=1,
        max_size=12,
    )
)
def test_kappa_is_scikit_learns(judged: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    kappa = _agreement(judged).kappa
    if kappa is None:
        assert len({decision for both in judged for decision in both}) == 1
    else:
        expected = metrics.cohen_kappa_score([first for first, _ in judged], [second for _, second in judged])
        assert kappa == pytest.approx(expected, abs=1e-12)


def test_agreement_counts_each_two_reviewers_on_what_both_judged() -> None:
    counted = AgreementCount()
    for decisions in (
        {"ann": "accept"},
        {"ann": "accept", "bo": "reject"},
        {"ann": "reject", "bo": "reject", "cy": "reject"},
    ):
        counted.add(decisions)
    found = {(each.first, each.second): (each.n_pairs, each.observed) for each in counted.agreements()}
    assert found == {("ann", "bo"): (2, 0.5), ("ann", "cy"): (1, 1.0), ("bo", "cy"): (1, 1.0)}
    assert (counted.n_judged, counted.n_by_several, counted.n_in_disagreement) == (3, 2, 1)
