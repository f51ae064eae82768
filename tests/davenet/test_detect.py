"""The detect job: one detections file a video, what is done before, what is told, and detectors of other packages."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from detecting import found_in, prepare, quiet, spec_of
from onnx_models import write_channel_mean_model

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.detections import detections_path, newest_detections
from davenet.labels.food.detector import detector_names, open_detector
from davenet.specs import DetectorOptions, VideoRef

NCHW = ("n", 3, 8, 6)


def test_each_frame_of_the_clip_file_gets_its_detection(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    spec = spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}", food_label="Food")
    result = run_job(spec, quiet).result
    assert result == {"detected": ["a"], "skipped": [], "unusable": [], "frames": 11, "detector": "onnx:m"}
    found = found_in(tmp_path)
    assert [frame.time for frame in found.frames] == [float(t) for t in range(11)]
    assert found.detector == "onnx:m"
    assert all(frame.food == pytest.approx(1 / (1 + np.e), abs=1e-4) for frame in found.frames)
    reds = [dict(frame.top)["Egg"] for frame in found.frames]
    assert reds == sorted(reds)
    assert reds[-1] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-4)


def test_what_is_done_is_skipped_until_a_setting_changes(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    video = prepare(tmp_path)
    for options, outcome in (
        ({}, "detected"),
        ({}, "skipped"),
        ({"p_food": "sum"}, "detected"),
        ({"p_food": "sum", "fit": "letterbox"}, "detected"),
        ({"p_food": "sum", "fit": "letterbox", "device": "cpu"}, "skipped"),  # where it runs changes nothing
    ):
        spec = spec_of(tmp_path, video, detector=f"onnx:{model}", **options)
        assert run_job(spec, quiet).result[outcome] == ["a"]
    assert run_job(spec.model_copy(update={"force": True}), quiet).result["detected"] == ["a"]


def test_a_classes_file_of_the_wrong_length_is_told_with_both_counts(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    spec = spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}", classes="Egg\nHam\n")
    with pytest.raises(UserError, match=r"classes\.txt names 2 classes and .*m\.onnx has 3"):
        run_job(spec, quiet)


@pytest.mark.parametrize(
    ("detector", "told"),
    [("yolo", "no food detector"), ("onnx:", "Which model"), ("import:", "Which detections"), ("onnx:m", "not exist")],
)
def test_a_detector_that_is_not_there_is_told(tmp_path: Path, detector: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        run_job(spec_of(tmp_path, detector=detector, classes=None), quiet)


def test_a_model_without_its_classes_names_the_option_and_the_file_that_may_hold_them(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    with pytest.raises(UserError, match=r"m\.onnx gives 3 scores, .*--classes FILE, or \"classes\" in m\.json beside"):
        run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}", classes=None), quiet)


def test_a_video_without_its_clip_file_does_not_stop_the_rest(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    missing = VideoRef(uid="gone", path=tmp_path / "gone.mp4")
    result = run_job(spec_of(tmp_path, missing, prepare(tmp_path), detector=f"onnx:{model}"), quiet).result
    assert result["detected"] == ["a"]
    assert [entry["uid"] for entry in result["unusable"]] == ["gone"]


def test_a_stopped_detection_leaves_no_half_file(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    asked = iter([False, False, True])
    final = run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}"), quiet, lambda: next(asked))
    assert isinstance(final, events.Cancelled)
    assert newest_detections(tmp_path / "labels", "a") is None


def test_a_file_that_lost_its_end_is_detected_again(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    spec = spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}")
    run_job(spec, quiet)
    path = detections_path(tmp_path / "labels", "a", "onnx:m")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in (b"".join(lines[:-1]), whole[:-9], lines[0]):
        path.write_bytes(cut)
        assert run_job(spec, quiet).result["detected"] == ["a"]
        assert path.read_bytes() == whole


def test_the_part_that_a_killed_job_left_is_removed_and_never_read(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    path = detections_path(tmp_path / "labels", "a", "onnx:m")
    path.parent.mkdir(parents=True)
    part = path.with_name(f".{path.name}.999999999.part")
    part.write_text('{"format": "detec')
    assert newest_detections(tmp_path / "labels", "a") is None
    run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}"), quiet)
    assert not part.exists()


def test_another_detector_leaves_the_first_ones_file(tmp_path: Path) -> None:
    video = prepare(tmp_path)
    for name in ("m", "other"):
        model = write_channel_mean_model(tmp_path / f"{name}.onnx", NCHW, probabilities=True)
        run_job(spec_of(tmp_path, video, detector=f"onnx:{model}"), quiet)
    names = sorted(path.name for path in (tmp_path / "labels" / "a").iterdir())
    assert names == ["detections.onnx-m.jsonl", "detections.onnx-other.jsonl"]


def test_models_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    video = prepare(tmp_path)
    for folder in ("small", "large"):
        (tmp_path / folder).mkdir()
        model = write_channel_mean_model(tmp_path / folder / "model.onnx", NCHW, probabilities=True)
        run_job(spec_of(tmp_path, video, detector=f"onnx:{model}"), quiet)
    names = sorted(path.name for path in (tmp_path / "labels" / "a").iterdir())
    assert names == ["detections.onnx-large-model.jsonl", "detections.onnx-small-model.jsonl"]


def test_the_files_header_names_detector_version_settings_and_source(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}", mean=0.4, order="BGR"), quiet)
    found = found_in(tmp_path)
    assert (found.detector, found.source_hash) == ("onnx:m", "h")
    assert len(found.detector_version) == 16
    assert found.settings == {
        "pixels": {"fit": "crop", "crop_share": 1.0, "order": "BGR", "scale": 1 / 255, "mean": 0.4, "std": 0.5},
        "size": [8, 6],
        "output": "scores",
        "scores": "probabilities",
        "p_food": "label Food",
        "classes": "classes.txt",
        "food_classes": ["Egg"],
    }


def test_what_was_found_out_of_a_model_is_said(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    said: list[events.Event] = []
    run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}"), said.append)
    told = " ".join(event.text for event in said if isinstance(event, events.Message))
    assert "3 scores are logits, of which a softmax makes probabilities, as its scores of test pictures look" in told
    assert '1 of 3 classes are foods by the food words; P(food) is the score of "Food"' in told


# A second model for P(food) -------------------------------------------------------------------------------------------


def test_p_food_comes_from_a_second_model_by_its_settings_file(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, softmax=True)
    food = write_channel_mean_model(tmp_path / "food.onnx", NCHW, probabilities=True)
    (tmp_path / "food.json").write_text(
        json.dumps({"classes": ["soup", "x", "y"], "scale": 1.0, "mean": 0, "std": 255})
    )
    video = prepare(tmp_path)
    run_job(spec_of(tmp_path, video, detector=f"onnx:{model}", food_model=f"onnx:{food}"), quiet)
    found = found_in(tmp_path)
    assert [frame.food for frame in found.frames][::10] == pytest.approx([0.5, 0.731059], abs=1e-6)  # of red alone
    assert {name for frame in found.frames for name, _ in frame.top} == {"Egg"}
    assert found.settings["food_model"]["detector"] == "onnx:food"
    (tmp_path / "food.json").write_text(
        json.dumps({"classes": ["x", "y", "soup"], "scale": 1.0, "mean": 0, "std": 255})
    )
    run_job(spec_of(tmp_path, video, detector=f"onnx:{model}", food_model=f"onnx:{food}"), quiet)
    assert found_in(tmp_path).frames[0].food == pytest.approx(0.731059, abs=1e-6)  # of blue


# Detectors of other packages ------------------------------------------------------------------------------------------

PACKAGE = """
from davenet.labels.food.detector import Seen

class Reds:
    name, version, settings = "reds", "1", {"gain": 2}

    def __init__(self, rest, options):
        self.rest = rest

    def __call__(self, frames):
        if self.rest == "short":
            return []
        if self.rest == "wild":
            return [Seen(1.5) for frame in frames]
        if self.rest == "unnamed":
            return [Seen(1.0, ((" ", 0.5),)) for frame in frames]
        return [Seen(frame[:, :, 0].mean() / 255, (("pea", 0.1), ("beet", 0.9), ("pea", 0.05))) for frame in frames]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that brings the detectors "reds" and "broken", and would like to be "onnx"."""
    site = tmp_path / "site"
    (site / "reds-1.0.dist-info").mkdir(parents=True)
    (site / "reds-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: reds\nVersion: 1.0\n")
    (site / "reds-1.0.dist-info" / "entry_points.txt").write_text(
        "[davenet.detectors]\nreds = red_foods:Reds\nbroken = red_foods:Blues\nonnx = red_foods:Reds\n"
    )
    (site / "red_foods.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "red_foods", raising=False)


@pytest.mark.usefixtures("package")
def test_a_package_brings_a_detector_by_an_entry_point(tmp_path: Path) -> None:
    assert detector_names()[:2] == ("onnx", "clip")
    assert "reds" in detector_names()
    result = run_job(spec_of(tmp_path, prepare(tmp_path), detector="reds", classes=None), quiet).result
    assert (result["detected"], result["detector"]) == (["a"], "reds")
    found = found_in(tmp_path)
    assert (found.detector, found.detector_version, found.settings) == ("reds", "1", {"gain": 2})
    assert found.frames[10].food == 1.0
    assert found.frames[0].top == (("beet", 0.9), ("pea", 0.1))
    assert run_job(spec_of(tmp_path, prepare(tmp_path), detector="reds", classes=None), quiet).result["skipped"] == [
        "a"
    ]


@pytest.mark.usefixtures("package")
def test_a_package_does_not_take_the_place_of_our_own_detector() -> None:
    with pytest.raises(UserError, match="Which model"):
        open_detector("onnx:", DetectorOptions())


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("rest", "told"),
    [("short", "0 findings for 8 frames"), ("wild", "food the probability 1.5"), ("unnamed", "a class ' '")],
)
def test_findings_that_cannot_be_are_told_with_the_detectors_name(tmp_path: Path, rest: str, told: str) -> None:
    result = run_job(spec_of(tmp_path, prepare(tmp_path), detector=f"reds:{rest}", classes=None), quiet).result
    assert 'The food detector "reds" ' in result["unusable"][0]["reason"]
    assert told in result["unusable"][0]["reason"]
    assert newest_detections(tmp_path / "labels", "a") is None


@pytest.mark.usefixtures("package")
def test_a_package_that_does_not_import_is_told() -> None:
    with pytest.raises(UserError, match=r'"broken" \(red_foods:Blues\) does not load .*reinstall its package'):
        open_detector("broken", DetectorOptions())
