"""The small files that people write for detectors: any content is read or told in one line that names the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davenet.errors import UserError
from davenet.labels.food import auto
from davenet.labels.food.classes import choose_food_classes, class_names
from davenet.labels.food.frame_names import frame_names
from davenet.labels.food.model_file import with_settings_file
from davenet.specs import DetectorOptions

READERS: dict[str, tuple[bytes, Callable[[Path], Any]]] = {
    "classes.txt": (b"egg\nham, bacon\n", class_names),
    "classes.json": (b'{"0": "egg", "1": "ham"}', class_names),
    "foods.txt": (
        b"# foods\negg\nham = bacon\nsky = -\n",
        lambda path: choose_food_classes(["egg", "ham", "sky"], exclusive=True, food_classes=path),
    ),
    "m.json": (
        b'{"classes": ["egg", "ham"], "mean": [0.1, 0.2, 0.3], "scale": 1, "food_model": "onnx:b.onnx", "fit": "crop"}',
        lambda path: with_settings_file(path.with_suffix(".onnx"), DetectorOptions()),
    ),
}


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=st.data())
def test_a_file_with_bytes_changed_is_read_or_told_in_one_line(tmp_path: Path, name: str, data: st.DataObject) -> None:
    given_bytes, read = READERS[name]
    content = bytearray(given_bytes)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    (tmp_path / name).write_bytes(bytes(content))
    try:
        read(tmp_path / name)
    except UserError as error:
        assert "\n" not in str(error)
        assert str(tmp_path / name) in str(error) or "by the food words" in str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(content=st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b'{"detector": "x"}', b"[" * 40, b'"x"']))
def test_a_memory_of_the_last_detector_that_is_none_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "detector.json").write_bytes(content)
    assert auto.recall(tmp_path) is None


_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "food_label": st.text(min_size=1, max_size=8),
        "crop_share": st.floats(0.1, 1),
        "side": st.integers(1, 4096),
        "mean": st.tuples(*[st.floats(0, 1)] * 3),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(options=_OPTIONS, cut=st.integers(1, 30))
def test_the_detector_that_was_used_last_is_remembered_whole_or_not_at_all(
    tmp_path: Path, options: dict[str, Any], cut: int
) -> None:
    asked = DetectorOptions(classes=tmp_path / "classes.txt", **options)
    (tmp_path / "classes.txt").write_text("egg\n")
    (tmp_path / "food.onnx").write_text("")
    auto.remember(tmp_path, f"onnx:{tmp_path / 'food.onnx'}", asked)
    assert auto.recall(tmp_path) == (f"onnx:{tmp_path / 'food.onnx'}", asked)
    (tmp_path / "classes.txt").unlink()
    assert auto.recall(tmp_path) is None  # its files are gone
    (tmp_path / "classes.txt").write_text("egg\n")
    memory = tmp_path / "detector.json"
    memory.write_bytes(memory.read_bytes()[:-cut].rstrip(b"\n"))
    assert (auto.recall(tmp_path) is None) is (cut > 1)  # a kill cut it off; the last of it is the line's end


PARTS = st.sampled_from(
    ["{video}", "{second}", "{ms}", "{frame}", "{frame@25,1}", "{frame@0/0}", "/", "_", "(", "\\", "{", "}", "é"]
)


@given(pattern=st.lists(PARTS, max_size=5).map("".join), path=st.text(max_size=20) | st.just("a/12.jpg"))
def test_any_pattern_is_used_or_told_and_gives_a_time_of_at_least_0(pattern: str, path: str) -> None:
    try:
        found = frame_names(pattern).video_and_time(path)
    except UserError as error:
        assert pattern in str(error)
    else:
        assert found is None or found[1] >= 0
