"""ONNX classifiers of every kind of input and scores: layouts, pixels, batches, heads, settings files, wrong models."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from detecting import plain
from onnx_models import write_channel_mean_model

from davenet.errors import UserError
from davenet.labels.food.model_file import write_settings_file
from davenet.labels.food.onnx_detector import OnnxDetector
from davenet.labels.food.pixels import Pixels, fit
from davenet.labels.onnx import OnnxModel, kind_of, probabilities
from davenet.specs import DetectorOptions

NCHW = ("n", 3, 8, 6)
FOODS = ("egg", "ham", "pea")


def scores_of(path: Path, frames: list[np.ndarray], **options: Any) -> np.ndarray:
    """Returns the probabilities of the three channels that a detector with all three classes as foods tells."""
    detector = OnnxDetector(str(path), DetectorOptions(classes=FOODS, food_classes=FOODS, **options))
    return np.array([[dict(seen.top).get(name, 0.0) for name in FOODS] for seen in detector(frames)])


def sigmoid(values: Any) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(values, float)))


# Input ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [NCHW, (1, 3, 8, 6), (4, 3, 8, 6), ("n", 8, 6, 3), (2, 8, 6, 3), ("n", 3, "h", "w")])
def test_scores_are_the_same_whatever_the_inputs_layout_and_batch(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", shape, probabilities=True)
    frames = [plain(0, 128, 255), plain(255, 0, 0), plain(10, 20, 30)] * 3
    scaled = np.array([[0, 128, 255], [255, 0, 0], [10, 20, 30]] * 3) / 127.5 - 1
    np.testing.assert_allclose(scores_of(model, frames), sigmoid(scaled), atol=1e-4)


@pytest.mark.parametrize(("layout", "channels_last"), [(None, False), ("NCHW", False), ("NHWC", True)])
def test_a_model_that_leaves_all_sizes_open_is_run_by_the_layout_that_is_said(
    tmp_path: Path, layout: str | None, channels_last: bool
) -> None:
    shape = ("n", "c", "h", "w")
    model = write_channel_mean_model(tmp_path / "m.onnx", shape, probabilities=True, channels_last=channels_last)
    found = scores_of(model, [plain(0, 128, 255)], layout=layout, side=16)
    np.testing.assert_allclose(found, [sigmoid([-1, 0.004, 1])], atol=1e-3)


def test_a_model_of_whole_numbers_gets_pixels_as_they_are(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", ("n", 8, 6, 3), uint8=True)
    found = scores_of(model, [plain(7, 8, 9)])
    np.testing.assert_allclose(found[0] / found[0, 0], np.exp([0.0, 1.0, 2.0]), rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [1.0, -1.0, -0.6]),
        ({"order": "BGR"}, [-0.6, -1.0, 1.0]),
        ({"mean": 0.0, "std": 1.0}, [1.0, 0.0, 0.2]),
        ({"scale": 1.0, "mean": (255.0, 0.0, 1.0), "std": (1.0, 1.0, 10.0)}, [0.0, 0.0, 5.0]),
    ],
)
def test_pixels_are_scaled_as_the_options_say(tmp_path: Path, options: dict[str, Any], expected: list[float]) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    np.testing.assert_allclose(scores_of(model, [plain(255, 0, 51)], **options), [sigmoid(expected)], atol=1e-5)


def test_a_frame_is_squeezed_cropped_or_set_between_bars() -> None:
    frame = np.zeros((40, 80, 3), np.uint8)
    frame[:, 20:60] = 200  # the centre square
    frame[10:30, 30:50] = 100  # its inner half
    assert (
        fit(frame, 20, 20, "squeeze")[:, :, 0].tolist()
        == cv2.resize(frame, (20, 20), interpolation=3)[:, :, 0].tolist()
    )
    assert set(np.unique(fit(frame, 20, 20, "crop"))) == {100, 200}
    assert set(np.unique(fit(frame, 20, 20, "crop", 0.5))) == {100}
    boxed = fit(frame, 20, 20, "letterbox")
    assert boxed.shape == (20, 20, 3)
    assert not boxed[:5].any()
    assert not boxed[15:].any()
    assert boxed[5:15, 5:15].all()


@pytest.mark.parametrize("how", ["squeeze", "crop", "letterbox"])
def test_any_frame_fits_any_input(how: str) -> None:
    for height, width in ((1, 1), (1, 500), (500, 1), (31, 17)):
        frame = np.full((height, width, 3), 9, np.uint8)
        for side in ((224, 224), (8, 6), (1, 9)):
            assert fit(frame, *side, how, 0.3).shape == (*side, 3)


# Scores ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "scores", "expected"),
    [
        ({}, None, np.exp([-1.0, 1.0, 1.0]) / np.exp([-1.0, 1.0, 1.0]).sum()),
        ({}, "sigmoid", sigmoid([-1, 1, 1])),
        ({"probabilities": True}, None, sigmoid([-1, 1, 1])),
        ({"probabilities": True}, "logits", np.exp(sigmoid([-1, 1, 1])) / np.exp(sigmoid([-1, 1, 1])).sum()),
        ({"softmax": True}, None, np.exp([-1.0, 1.0, 1.0]) / np.exp([-1.0, 1.0, 1.0]).sum()),
    ],
)
def test_scores_become_probabilities_by_what_they_are(
    tmp_path: Path, given: dict[str, bool], scores: Any, expected: np.ndarray
) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, **given)
    np.testing.assert_allclose(scores_of(model, [plain(0, 255, 255)], scores=scores), [expected], atol=1e-5)


def test_kinds_of_scores_are_told_by_their_values() -> None:
    def kind(*rows: tuple[float, ...]) -> str:
        return kind_of(np.array(rows, np.float32))

    assert kind((0.2, 0.8), (0.5, 0.5)) == "softmax"
    assert kind((0.2, 0.7), (0.5, 0.5)) == "probabilities"
    assert kind((0.2, 0.8), (-0.5, 1.5)) == "logits"
    assert kind((0.2,), (1.0,)) == "probabilities"
    assert kind((-3.0,), (1.0,)) == "sigmoid"


def test_scores_that_are_no_probabilities_after_all_are_told(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    with pytest.raises(
        UserError, match=r"m\.onnx gives scores from -1 to 1, which are no probabilities; .*--scores logits"
    ):
        scores_of(model, [plain(0, 255, 255)], scores="softmax")
    raw = np.array([[-1000.0, 1000.0]], np.float32)
    np.testing.assert_allclose(probabilities(raw, "sigmoid", model), [[0.0, 1.0]], atol=1e-30)


# Outputs --------------------------------------------------------------------------------------------------------------


def test_a_head_beside_the_classes_gives_p_food(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, softmax=True, head=True)
    detector = OnnxDetector(str(model), DetectorOptions(classes=FOODS, food_classes=FOODS, food_output="head"))
    (seen,) = detector([plain(0, 255, 255)])
    assert seen.food == pytest.approx(sigmoid(1 / 3), abs=1e-5)
    assert [name for name, _ in seen.top] == ["ham", "pea", "egg"]
    assert detector.settings["p_food"] == "output head:0 (probabilities)"


def test_a_column_of_a_head_of_several_must_be_named(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, softmax=True, head=True)
    as_head = DetectorOptions(output="head", food_output="scores:2")
    (seen,) = OnnxDetector(str(model), as_head)([plain(0, 255, 255)])
    assert seen.food == pytest.approx(np.exp(1) / np.exp([-1.0, 1.0, 1.0]).sum(), abs=1e-5)
    for named, told in (
        ("scores", r'"scores" .* has 3 scores; say which is food\'s, e\.g\. --food-output scores:2'),
        ("scores:3", '"3" is none of 0 to 2'),
        ("mouth", r'no output "mouth"; choose one of: "scores" \(3 scores\), "head" \(1 scores\)'),
    ):
        with pytest.raises(UserError, match=told):
            OnnxDetector(str(model), DetectorOptions(output="head", food_output=named))


def test_of_several_outputs_the_one_of_as_many_classes_is_taken(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, softmax=True, head=True)
    detector = OnnxDetector(str(model), DetectorOptions(classes=FOODS, food_classes=FOODS))
    assert detector.settings["output"] == "scores"
    with pytest.raises(UserError, match=r"has several outputs .*; say with --output"):
        OnnxDetector(str(model), DetectorOptions())
    with pytest.raises(UserError, match='has no output "x"'):
        OnnxDetector(str(model), DetectorOptions(output="x"))


def test_a_model_of_one_score_is_p_food_itself(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, head=True)
    (seen,) = OnnxDetector(str(model), DetectorOptions(output="head"))([plain(255, 255, 255)])
    assert seen.food == pytest.approx(sigmoid(1), abs=1e-5)
    assert seen.top == ()


# The settings file beside a model -------------------------------------------------------------------------------------


def test_a_settings_file_beside_the_model_is_followed_and_what_is_typed_comes_first(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "names.txt").write_text("egg\nham\npea\n")
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    told = {"classes": "labels/names.txt", "food_label": "pea", "mean": [0, 0, 0], "std": 1, "order": "BGR"}
    (tmp_path / "m.json").write_text(json.dumps(told))
    (seen,) = OnnxDetector(str(model), DetectorOptions())([plain(255, 0, 51)])
    assert seen.food == pytest.approx(sigmoid(1.0), abs=1e-5)
    (seen,) = OnnxDetector(str(model), DetectorOptions(order="RGB"))([plain(255, 0, 51)])
    assert seen.food == pytest.approx(sigmoid(0.2), abs=1e-5)


def test_saved_settings_give_the_same_detector_again(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("egg\nham\npea\n")
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    options = DetectorOptions(classes=tmp_path / "names.txt", scores="sigmoid", mean=(0.1, 0.2, 0.3), food_label="ham")
    first = OnnxDetector(str(model), options)
    write_settings_file(model, options)
    again = OnnxDetector(str(model), DetectorOptions())
    assert again.settings == first.settings
    assert again([plain(1, 2, 3)]) == first([plain(1, 2, 3)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not the settings"),
        ("[1]", "not a JSON object"),
        ('{"colour": "RGB"}', '"colour": it may hold classes, food_label'),
        ('{"scale": 0}', '"scale"'),
        ('{"mean": [1, 2]}', '"mean"'),
        ('{"scores": "maybe"}', '"scores"'),
        ("[" * 100_000, "not the settings"),
        ("\ud800", "not the settings"),
    ],
)
def test_a_wrong_settings_file_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    (tmp_path / "m.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError) as raised:
        OnnxDetector(str(model), DetectorOptions(classes=FOODS))
    assert str(tmp_path / "m.json") in str(raised.value)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


# Wrong models ---------------------------------------------------------------------------------------------------------


def test_a_model_that_does_not_load_or_takes_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    for path, told in (
        (tmp_path / "none.onnx", "does not exist"),
        (tmp_path / "junk.onnx", "does not load"),
        (write_channel_mean_model(tmp_path / "mono.onnx", ("n", 1, 8, 6)), "no image of 3 channels"),
        (write_channel_mean_model(tmp_path / "flat.onnx", ("n", 3, 8), channels_last=True), "takes .* not one image"),
    ):
        with pytest.raises(UserError, match=told):
            OnnxModel(path)


def test_a_layout_that_a_model_has_not_is_told(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    with pytest.raises(UserError, match="no image of 3 channels"):
        OnnxModel(model, layout="NHWC")


def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    with pytest.raises(UserError, match="has no directml; choose --device"):
        OnnxModel(model, device="directml")


def test_a_deviation_of_0_is_refused() -> None:
    with pytest.raises(ValueError, match="may not be 0"):
        Pixels(std=(1.0, 0.0, 1.0))


# A real model ---------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_labeller_tells_a_burger_from_a_cat(shared_data: Path) -> None:
    models = shared_data / "models" / "food"
    options = DetectorOptions(classes=models / "object_labeler_labels_en.txt")
    detector = OnnxDetector(str(models / "object_labeler_f32.onnx"), options)
    assert detector.settings["scores"] == "probabilities"
    assert detector.settings["p_food"] == "label Food"
    assert "Frying pan" not in detector.settings["food_classes"]
    photos = [
        cv2.imread(str(shared_data / "photos" / f"{name}.jpg"), cv2.IMREAD_COLOR_RGB)
        for name in ("tfls_burger", "cat_720p")
    ]
    burger, cat = detector(photos)
    assert burger.food > 0.9
    assert cat.food < 0.05
    assert [name for name, _ in burger.top][:2] == ["Sandwich", "Hamburger"]
