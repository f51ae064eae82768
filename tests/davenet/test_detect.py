"""The detect job: labellers of every input shape, the choice of foods, detections read in, and what is told."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_models import write_channel_mean_model

from davenet import events
from davenet.clips import clip_path, write_clip
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.detect import FoodClasses, choose_food_classes
from davenet.labels.detections import Detections, FoodDetection, newest_detections, read_detections, write_detections
from davenet.labels.onnx import OnnxLabeller
from davenet.specs import DetectSpec, VideoRef

CLASSES = "Egg\nFood\nFrying pan\n"
NCHW = ("n", 3, 8, 6)


def quiet(event: events.Event) -> None:
    pass


def plain(red: int, green: int, blue: int, size: tuple[int, int] = (20, 30)) -> np.ndarray:
    return np.full((*size, 3), (red, green, blue), np.uint8)


def prepare(folder: Path, uid: str = "a", n_frames: int = 11) -> VideoRef:
    """A clip of frames that grow redder, on whose green channel nothing is."""
    jpegs = [
        cv2.imencode(".png", plain(round(255 * i / (n_frames - 1)), 0, 255)[..., ::-1])[1].tobytes()
        for i in range(n_frames)
    ]
    mel = np.zeros((100 * n_frames, 40), np.float16)
    metadata = {"video": uid, "source_hash": "h"}
    times_s = np.arange(float(n_frames))
    write_clip(
        clip_path(folder / "clips", uid), frames_jpeg=jpegs, frame_times_s=times_s, log_mel=mel, metadata=metadata
    )
    (folder / f"{uid} film.mp4").write_bytes(b"a video")
    return VideoRef(uid=uid, path=folder / f"{uid} film.mp4")


def spec_of(folder: Path, *videos: VideoRef, detector: str, **values: Any) -> DetectSpec:
    classes = values.pop("classes", CLASSES)
    if classes is not None:
        (folder / "classes.txt").write_text(classes, "utf-8")
        values["classes"] = folder / "classes.txt"
    return DetectSpec(
        videos=list(videos), clips_dir=folder / "clips", labels_dir=folder / "labels", detector=detector, **values
    )


def found_in(folder: Path, uid: str = "a") -> Detections:
    path = newest_detections(folder / "labels", uid)
    assert path is not None
    return read_detections(path)


# The model ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [NCHW, (1, 3, 8, 6), (4, 3, 8, 6), ("n", 8, 6, 3), (2, 8, 6, 3), ("n", 3, "h", "w")])
def test_scores_are_the_same_whatever_the_inputs_layout_and_batch(tmp_path: Path, shape: tuple[int | str, ...]) -> None:
    labeller = OnnxLabeller(write_channel_mean_model(tmp_path / "m.onnx", shape, probabilities=True))
    frames = [plain(0, 128, 255), plain(255, 0, 0), plain(10, 20, 30)] * 3
    scaled = np.array([[0, 128, 255], [255, 0, 0], [10, 20, 30]] * 3) / 127.5 - 1
    np.testing.assert_allclose(labeller.scores(frames), 1 / (1 + np.exp(-scaled)), atol=1e-4)


def test_outputs_that_are_no_probabilities_get_a_softmax(tmp_path: Path) -> None:
    labeller = OnnxLabeller(write_channel_mean_model(tmp_path / "m.onnx", NCHW))
    raw = np.exp([-1.0, 1.0, 1.0])
    np.testing.assert_allclose(labeller.scores([plain(0, 255, 255)]), [raw / raw.sum()], atol=1e-6)


def test_a_model_of_whole_numbers_gets_pixels_as_they_are(tmp_path: Path) -> None:
    labeller = OnnxLabeller(write_channel_mean_model(tmp_path / "m.onnx", ("n", 8, 6, 3), uint8=True))
    scores = labeller.scores([plain(7, 8, 9)])
    np.testing.assert_allclose(scores[0] / scores[0, 0], np.exp([0.0, 1.0, 2.0]), rtol=1e-5)


def test_a_preprocessing_file_beside_the_model_is_followed(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    description = {"mean": [0, 0, 0], "scale": 255, "order": "BGR"}
    (tmp_path / "m.preprocess.json").write_text(json.dumps(description))
    scores = OnnxLabeller(model).scores([plain(255, 0, 51)])
    np.testing.assert_allclose(scores, 1 / (1 + np.exp([[-0.2, 0.0, -1.0]])), atol=1e-6)


@pytest.mark.parametrize(
    "text", ["{", '{"scale": 0}', '{"scale": "x"}', '{"colour": "RGB"}', "[1]", '{"mean": [1, 2]}']
)
def test_a_wrong_preprocessing_file_is_told(tmp_path: Path, text: str) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    (tmp_path / "m.preprocess.json").write_text(text)
    with pytest.raises(UserError, match=r"m\.preprocess\.json"):
        OnnxLabeller(model)


def test_a_model_that_does_not_load_or_takes_no_image_is_told(tmp_path: Path) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"not a model")
    for path, told in (
        (tmp_path / "none.onnx", "does not exist"),
        (tmp_path / "junk.onnx", "does not load"),
        (write_channel_mean_model(tmp_path / "mono.onnx", ("n", 1, 8, 6)), "no image of 3 channels"),
    ):
        with pytest.raises(UserError, match=told):
            OnnxLabeller(path)


# Which classes are foods ----------------------------------------------------------------------------------------------


def test_the_food_label_gives_the_probability_and_is_no_class_itself() -> None:
    classes = choose_food_classes(["Egg", "Food", "Frying pan", "Hot dogs"], "food", None, None)
    detection = classes.detection(1.0, np.array([0.2, 0.7, 0.9, 0.3], np.float32))
    assert detection == FoodDetection(1.0, 0.7, (("Hot dogs", 0.3), ("Egg", 0.2)))


def test_without_a_food_label_the_foods_are_summed_up_to_one() -> None:
    classes = choose_food_classes(["Egg", "Hat", "Ham"], None, None, None)
    assert classes.detection(0.0, np.array([0.25, 0.9, 0.5], np.float32)).food == 0.75
    assert classes.detection(0.0, np.array([0.75, 0.9, 0.5], np.float32)).food == 1.0


def test_only_the_five_most_probable_foods_are_kept_and_a_name_only_once() -> None:
    names = ("ham", "egg", "ham", "pea", "leek", "rice", "corn")
    scores = np.array([0.1, 0.2, 0.3, 0.0, 0.05, 0.6, 0.01], np.float32)
    assert FoodClasses(names, tuple(range(7)), None).detection(0.0, scores).top == (
        ("rice", 0.6), ("ham", 0.3), ("egg", 0.2), ("leek", 0.05), ("corn", 0.01),
    )  # fmt: skip


def test_food_classes_can_be_listed(tmp_path: Path) -> None:
    (tmp_path / "foods.txt").write_text("frying PAN\n")
    assert choose_food_classes(["Egg", "Frying pan"], None, tmp_path / "foods.txt", None).foods == (1,)


def test_an_unknown_name_is_told_with_names_that_are_close(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='"Foods" is none of the model\'s 2 classes; did you mean Food'):
        choose_food_classes(["Egg", "Food"], "Foods", None, None)
    (tmp_path / "foods.txt").write_text("Eggs\n")
    with pytest.raises(UserError, match=r'foods\.txt: the class "Eggs" .* did you mean Egg\?'):
        choose_food_classes(["Egg", "Food"], None, tmp_path / "foods.txt", None)


def test_classes_without_any_food_are_told() -> None:
    with pytest.raises(UserError, match="None of the model's 2 classes is a food"):
        choose_food_classes(["Hat", "Water bottle"], None, None, None)


# The job --------------------------------------------------------------------------------------------------------------


def test_each_frame_of_the_clip_file_gets_its_detection(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    spec = spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}", food_label="Food")
    assert run_job(spec, quiet).result == {"detected": ["a"], "skipped": [], "unusable": [], "frames": 11}
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
    for label, outcome in (("Food", "detected"), ("Food", "skipped"), (None, "detected")):
        spec = spec_of(tmp_path, video, detector=f"onnx:{model}", food_label=label)
        assert run_job(spec, quiet).result[outcome] == ["a"]
    assert run_job(spec.model_copy(update={"force": True}), quiet).result["detected"] == ["a"]


def test_a_classes_file_of_the_wrong_length_is_told_with_both_counts(tmp_path: Path) -> None:
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW)
    spec = spec_of(tmp_path, prepare(tmp_path), detector=f"onnx:{model}", classes="Egg\nHam\n")
    with pytest.raises(UserError, match=r"classes\.txt names 2 classes and .*m\.onnx has 3"):
        run_job(spec, quiet)


@pytest.mark.parametrize(
    ("detector", "told"), [("yolo", "no detector"), ("onnx:", "no detector"), ("onnx:m", "--classes")]
)
def test_a_detector_that_is_not_there_is_told(tmp_path: Path, detector: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        run_job(spec_of(tmp_path, detector=detector, classes=None), quiet)


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


# Detections read in ---------------------------------------------------------------------------------------------------

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


# A real model ---------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_labeller_tells_a_burger_from_a_cat(shared_data: Path) -> None:
    models = shared_data / "models" / "food"
    names = (models / "object_labeler_labels_en.txt").read_text().split("\n")[:631]
    classes = choose_food_classes(names, "Food", None, None)
    assert "Frying pan" not in {names[index] for index in classes.foods}
    labeller = OnnxLabeller(models / "object_labeler_f32.onnx")
    assert labeller.n_classes == 631
    seen = {}
    for photo in ("tfls_burger", "cat_720p"):
        rgb = cv2.imread(str(shared_data / "photos" / f"{photo}.jpg"), cv2.IMREAD_COLOR_RGB)
        seen[photo] = classes.detection(0.0, labeller.scores([rgb])[0])
    assert seen["tfls_burger"].food > 0.5
    assert seen["cat_720p"].food < 0.2
    assert "Hamburger" in dict(seen["tfls_burger"].top)
