"""Words and detections files: what is written is read again, and what is damaged is told with its file and line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from davenet.errors import UserError
from davenet.labels.detections import Detections, FoodDetection, detections_path, read_detections, write_detections
from davenet.labels.words import (
    Transcript,
    Word,
    newest_transcript,
    read_transcript,
    read_transcript_header,
    transcript_path,
    write_transcript,
)

TRANSCRIPT = Transcript(
    "v-1", "test", "1.0", "abc", (Word("crème", 0.5, 0.9, 0.25), Word("brûlée", 0.9, 1.5, 1.0)), {"a": 1}
)
DETECTIONS = Detections("v-1", "onnx:food v2", "1", "abc", (FoodDetection(0.0, 0.5, (("egg", 0.4), ("ham", 0.1))),))
SLOW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_a_transcript_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = transcript_path(tmp_path, "v-1", "test")
    write_transcript(path, TRANSCRIPT)
    assert read_transcript(path) == TRANSCRIPT
    assert read_transcript_header(path).words == ()
    assert json.loads(path.read_text("utf-8").splitlines()[0])["format"] == "words"


def test_detections_are_read_as_they_were_written_under_a_name_that_every_system_takes(tmp_path: Path) -> None:
    path = detections_path(tmp_path, "v-1", DETECTIONS.detector)
    assert path.name == "detections.onnx-food-v2.jsonl"
    write_detections(path, DETECTIONS)
    assert read_detections(path) == DETECTIONS


def test_words_come_sorted_by_their_starts(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    write_transcript(path, Transcript("v", "t", "1", "h", (Word("b", 2, 3, 1), Word("a", 0, 1, 1))))
    assert [word.word for word in read_transcript(path).words] == ["a", "b"]


def test_the_newest_transcript_is_the_one_written_last_or_that_of_a_named_recogniser(tmp_path: Path) -> None:
    assert newest_transcript(tmp_path, "v-1") is None
    for age, recogniser in enumerate(["b", "a"]):
        path = transcript_path(tmp_path, "v-1", recogniser)
        write_transcript(path, TRANSCRIPT)
        os.utime(path, (1000 - age, 1000 - age))
    assert newest_transcript(tmp_path, "v-1") == transcript_path(tmp_path, "v-1", "b")
    assert newest_transcript(tmp_path, "v-1", "a") == transcript_path(tmp_path, "v-1", "a")
    assert newest_transcript(tmp_path, "v-1", "c") is None


HEADER: dict[str, Any] = {
    "format": "words", "version": 1, "video": "v", "recogniser": "t", "recogniser_version": "1",
    "settings": {}, "source_hash": "h",
}  # fmt: skip
WORD: dict[str, Any] = {"word": "egg", "start": 1.0, "end": 2.0, "confidence": 0.5}


@pytest.mark.parametrize(
    ("lines", "line", "told"),
    [
        ([HEADER, WORD | {"confidence": 1.5}], 2, '"confidence" must be a number from 0 to 1, not 1.5'),
        ([HEADER, WORD | {"end": 0.5}], 2, '"end" (0.5) lies before "start" (1)'),
        ([HEADER, WORD, {"word": "egg"}], 3, '"start" is missing'),
        ([HEADER, WORD | {"start": True}], 2, '"start" must be a number'),
        ([HEADER, WORD | {"start": float("nan")}], 2, '"start" must be a number of at least 0'),
        ([HEADER, WORD | {"end": 10**400}], 2, '"end" must be a number'),
        ([HEADER, WORD | {"word": "\ud800"}], 2, "half a character"),
        ([HEADER, [1]], 2, "not a JSON object"),
        ([WORD], 1, "not the header of a words file"),
        ([HEADER | {"version": 2}], 1, "format version 2"),
        ([HEADER | {"settings": 3}], 1, '"settings" must be an object'),
    ],
)
def test_a_wrong_line_is_told_with_its_file_and_number(tmp_path: Path, lines: list[Any], line: int, told: str) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text("".join(json.dumps(values) + "\n" for values in lines), "utf-8")
    with pytest.raises(UserError) as raised:
        read_transcript(path)
    assert f"{path}, line {line}: " in str(raised.value)
    assert told in str(raised.value)
    assert str(raised.value).endswith("transcribe the video again.")


def test_an_empty_and_a_missing_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    for name, told in (("empty.jsonl", "is empty"), ("none.jsonl", "cannot be read")):
        with pytest.raises(UserError, match=told):
            read_transcript(tmp_path / name)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda v: st.lists(v, max_size=6), max_leaves=8
)
FRAME: dict[str, Any] = {"time": 1.0, "food": 0.5, "top": [["egg", 0.5]]}


def assert_read_or_told(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for read in (read_transcript, read_detections):
        try:
            read(path)
        except UserError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)


@SLOW
@given(st.sampled_from(sorted(WORD)), json_values)
@example("start", 10**5000)
def test_any_value_in_a_word_is_read_or_told_in_one_line(tmp_path: Path, name: str, value: Any) -> None:
    try:
        line = json.dumps(WORD | {name: value})
    except ValueError:  # a whole number too long to write
        line = '{"start": 1' + "0" * 5000 + "}"
    assert_read_or_told(tmp_path / "x.jsonl", f"{json.dumps(HEADER)}\n{line}\n".encode())


@SLOW
@given(st.sampled_from(sorted(FRAME)), json_values)
def test_any_value_in_a_detection_is_read_or_told_in_one_line(tmp_path: Path, name: str, value: Any) -> None:
    header = HEADER | {"format": "detections", "detector": "d", "detector_version": "1"}
    line = json.dumps(FRAME | {name: value})
    assert_read_or_told(tmp_path / "x.jsonl", f"{json.dumps(header)}\n{line}\n".encode())


@SLOW
@given(st.data())
def test_bytes_changed_anywhere_are_read_or_told_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(f"{json.dumps(HEADER)}\n{json.dumps(WORD)}\n{json.dumps(WORD)}\n".encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    assert_read_or_told(tmp_path / "x.jsonl", bytes(content))


def test_deeply_nested_json_is_told_and_not_a_crash(tmp_path: Path) -> None:
    assert_read_or_told(tmp_path / "x.jsonl", b"[" * 200_000)
