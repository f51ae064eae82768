"""Detections that another program made: JSON lines, detections files, folders of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from detecting import found_in, prepare, quiet, spec_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.detections import Detections, FoodDetection, write_detections
from davenet.specs import VideoRef

LINE: dict[str, Any] = {"video": "a", "time": 3.0, "food": 0.9, "top": [["egg", 0.8], ["ham", 0.1]]}


def import_lines(folder: Path, *lines: object, name: str = "seen.jsonl") -> dict[str, Any]:
    text = "".join(line + "\n" if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    (folder / name).write_text(text, "utf-8")
    videos = [prepare(folder, "a"), prepare(folder, "b")]
    return dict(run_job(spec_of(folder, *videos, detector=f"import:{folder / name}", classes=None), quiet).result)


@pytest.mark.parametrize("name", ["a", "a film.mp4", "a film"])
def test_lines_name_a_video_by_uid_file_name_or_stem(tmp_path: Path, name: str) -> None:
    result = import_lines(tmp_path, LINE | {"video": name, "time": 5.0}, LINE | {"video": name})
    assert result["detected"] == ["a"]
    assert found_in(tmp_path).detector == "import:seen"
    assert [frame.time for frame in found_in(tmp_path).frames] == [3.0, 5.0]
    assert found_in(tmp_path).frames[0].top == (("egg", 0.8), ("ham", 0.1))


def test_a_header_names_the_detector_and_may_name_the_video(tmp_path: Path) -> None:
    header = {"format": "detections", "version": 1, "detector": "simulated", "video": "b"}
    frame = {name: value for name, value in LINE.items() if name != "video"}
    import_lines(tmp_path, header, frame)
    assert found_in(tmp_path, "b").detector == "simulated"


def test_a_folder_of_detections_files_is_read_whole(tmp_path: Path) -> None:
    videos = [prepare(tmp_path, "a"), prepare(tmp_path, "b")]
    for uid in "ab":
        seen = Detections(uid, "other", "7", "h", (FoodDetection(1.0, 0.5, ()),))
        write_detections(tmp_path / "from" / f"{uid}.jsonl", seen)
    result = run_job(spec_of(tmp_path, *videos, detector=f"import:{tmp_path / 'from'}", classes=None), quiet).result
    assert sorted(result["detected"]) == ["a", "b"]
    assert found_in(tmp_path, "b").detector_version == "7"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (LINE | {"food": 1.01}, '"food" must be a number from 0 to 1'),
        (LINE | {"top": [["egg", 0.1]] * 6}, "6 classes and may hold 5"),
        (LINE | {"top": [["egg", -0.1]]}, 'the probability of "egg"'),
        (LINE | {"top": [["egg", 0.1], ["egg", 0.2]]}, "a class twice"),
        (LINE | {"top": "egg"}, '"top" must be a list'),
        (LINE | {"video": "c"}, 'no video of the project is named "c"'),
        ({"time": 1.0, "food": 0.5, "top": []}, '"video" is missing'),
        (LINE | {"time": 3.5}, "was given before"),
        ("{", "it is not JSON"),
        ({"format": "words", "version": 1}, '"video" is missing'),
    ],
)
def test_one_wrong_line_imports_nothing_and_is_told_with_its_number(tmp_path: Path, line: object, told: str) -> None:
    with pytest.raises(UserError) as raised:
        import_lines(tmp_path, LINE | {"video": "b"}, LINE | {"time": 3.5}, line)
    assert f"{tmp_path / 'seen.jsonl'}, line 3: " in str(raised.value)
    assert told in str(raised.value)
    assert "nothing was imported" in str(raised.value)
    assert not (tmp_path / "labels").exists()


def test_a_name_that_two_videos_share_is_told(tmp_path: Path) -> None:
    videos = [VideoRef(uid=uid, path=tmp_path / uid / "same.mp4") for uid in ("x", "y")]
    (tmp_path / "seen.jsonl").write_text(json.dumps(LINE | {"video": "same"}))
    with pytest.raises(UserError, match='"same" is the name of 2 videos; write the uid'):
        run_job(spec_of(tmp_path, *videos, detector=f"import:{tmp_path / 'seen.jsonl'}", classes=None), quiet)


@pytest.mark.parametrize("make", ["missing", "empty", "folder"])
def test_a_source_without_detections_is_told(tmp_path: Path, make: str) -> None:
    source = tmp_path / "source"
    if make == "empty":
        source.write_bytes(b"")
    elif make == "folder":
        source.mkdir()
    with pytest.raises(UserError, match="source"):
        run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"import:{source}", classes=None), quiet)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_bytes_changed_anywhere_are_imported_or_told_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(f"{json.dumps(LINE)}\n{json.dumps(LINE | {'time': 4.0})}\n".encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    source = tmp_path / "seen.jsonl"
    source.write_bytes(bytes(content))
    video = VideoRef(uid="a", path=tmp_path / "a.mp4")
    try:
        run_job(spec_of(tmp_path, video, detector=f"import:{source}", classes=None), quiet)
    except UserError as error:
        assert str(source) in str(error)
        assert "\n" not in str(error)
