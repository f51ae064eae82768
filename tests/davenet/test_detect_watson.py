"""Answers of IBM Watson Visual Recognition, the paper's detector: real ones, their frames' names, and wrong ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from detecting import found_in, prepare, quiet, spec_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.food.frame_names import fitting, frame_names
from davenet.specs import VideoRef

APPLE = [
    {"class": "fruit", "score": 0.8},
    {"class": "accessory fruit", "score": 0.57},
    {"class": "apple", "score": 0.57, "type_hierarchy": "/fruit/accessory fruit/apple"},
]
NO_FOOD = [{"class": "non-food", "score": 0.998}]


def image(name: str, classes: Any, classifier: str = "food") -> dict[str, Any]:
    return {"image": name, "classifiers": [{"classifier_id": classifier, "name": classifier, "classes": classes}]}


def answer(*images: Any) -> dict[str, Any]:
    return {"images": list(images), "images_processed": len(images), "custom_classes": 0}


def import_answers(folder: Path, values: Any, said: events.Emit = quiet, **options: Any) -> dict[str, Any]:
    source = folder / "answer.json"
    source.write_text(values if isinstance(values, str) else json.dumps(values, indent=2), "utf-8")
    videos = [prepare(folder, "a"), prepare(folder, "b")]
    options.setdefault("classes", None)
    return dict(run_job(spec_of(folder, *videos, detector=f"import:{source}", **options), said).result)


def test_foods_come_with_the_special_before_the_general_and_non_food_gives_p_food(tmp_path: Path) -> None:
    result = import_answers(tmp_path, answer(image("frames.zip/a/000003.jpg", APPLE), image("x/a/1.jpg", NO_FOOD)))
    assert (result["detected"], result["frames"]) == (["a"], 2)
    found = found_in(tmp_path)
    assert found.detector == "watson:food"
    assert found.settings == {"imported_from": "answer.json", "classifier": "food", "frame_names": "{video}/{second}"}
    assert [(frame.time, frame.food) for frame in found.frames] == [(1.0, 0.002), (3.0, 0.8)]
    assert found.frames[0].top == ()
    assert found.frames[1].top == (("fruit", 0.8), ("apple", 0.57), ("accessory fruit", 0.57))


def test_the_general_classifier_has_its_foods_under_food(tmp_path: Path) -> None:
    classes = [
        {"class": "gray color", "score": 0.9},
        {"class": "sage green color", "score": 0.93},
        {"class": "food", "score": 0.78},
        {"class": "skim milk", "score": 0.6, "type_hierarchy": "/food/beverage/milk/skim milk"},
        {"class": "beverage", "score": 0.61},
        {"class": "lemon", "score": 0.55},
        {"class": "shelf", "score": 0.7, "type_hierarchy": "/furniture/shelf"},
    ]
    import_answers(tmp_path, answer(image("a/1", classes, "default")))
    (frame,) = found_in(tmp_path).frames
    assert frame.food == 0.78
    assert frame.top == (("beverage", 0.61), ("skim milk", 0.6), ("lemon", 0.55))


def test_a_custom_classifier_is_chosen_and_its_foods_are_listed(tmp_path: Path) -> None:
    classes = [{"class": "T1", "score": 0.7}, {"class": "T2", "score": 0.6}, {"class": "Nothing", "score": 0.1}]
    both = image("a/1.jpg", APPLE)
    both["classifiers"] += image("", classes, "mine_1")["classifiers"]
    mapping = ("T1 = tomato", "T2 = tomato paste", "Nothing = -")
    import_answers(tmp_path, answer(both), classifier="mine_1", food_classes=mapping)
    found = found_in(tmp_path)
    assert found.detector == "watson:mine_1"
    assert (found.frames[0].food, found.frames[0].top) == (0.9, (("tomato", 0.7), ("tomato paste", 0.6)))


def test_images_that_the_service_could_not_see_are_counted_and_left_out(tmp_path: Path) -> None:
    said: list[events.Event] = []
    broken = {"image": "a/2.jpg", "error": {"code": 400, "description": "Invalid image"}}
    result = import_answers(
        tmp_path, [answer(image("a/1.jpg", APPLE), broken), answer(image("a/3.jpg", []))], said.append
    )
    assert result["frames"] == 2
    warnings = [event.text for event in said if isinstance(event, events.Message) and event.level == "warning"]
    assert warnings == [
        "1 images that the service could not look at are left out",
        '1 of 2 images have no class of "food"; they get P(food) 0',
    ]


def test_a_folder_of_answers_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    for second in range(3):
        (folder / f"{second}.json").write_text(json.dumps(answer(image(f"b/{second}.jpg", APPLE))))
    video = prepare(tmp_path, "b")
    result = run_job(spec_of(tmp_path, video, detector=f"import:{folder}", classes=None), quiet).result
    assert result["frames"] == 3


# File names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{video}/{second}", "frames.zip/a b/000012.jpg", ("a b", 12.0)),
        ("{video}_{second}", "x/a_b_12.5.png", ("a_b", 12.5)),
        ("{video}_{second}", "a_12.0", ("a", 12.0)),
        ("{video}_{ms}.png", "a_12040.png", ("a", 12.04)),
        ("{video}/{frame}.jpg", "a/0012.jpg", ("a", 12.0)),
        ("{video}/{frame@25}.jpg", "a/0050.jpg", ("a", 2.0)),
        ("{video}/{frame@25,1}.jpg", "a/0051.jpg", ("a", 2.0)),
        ("{video}/f{frame@30000/1001}.jpg", "C:\\frames\\a\\f300.jpg", ("a", 10.01)),
        ("{second}-{video}.jpg", "7-a.jpg", ("a", 7.0)),
        ("{video}/{frame@25,1}.jpg", "a/0.jpg", None),
        ("{video}/{second}.jpg", "a/12.png", None),
        ("{video}/{second}", "a12.png", None),
    ],
)
def test_a_pattern_gives_video_and_time(pattern: str, path: str, expected: tuple[str, float] | None) -> None:
    assert frame_names(pattern).video_and_time(path) == expected


IMPOSSIBLE = (
    *("", "{video}", "{second}", "{video}{video}", "{video}/{second}/{ms}", "{video}/{x}", "{video}/{second"),
    *("{video}/{frame@0}", "{video}/{frame@1/0}", "{video}/{second@2}"),
)


@pytest.mark.parametrize("pattern", IMPOSSIBLE)
def test_an_impossible_pattern_is_told(pattern: str) -> None:
    with pytest.raises(UserError, match=r"correct it|does not say where|only \{frame\}"):
        frame_names(pattern)


def test_the_usual_pattern_that_fits_most_known_videos_is_found() -> None:
    known = {"a", "b_1"}.__contains__
    found = fitting(["z.zip/a_1.jpg", "z.zip/b_1_2.jpg", "other.jpg"], known)
    assert found is not None
    assert found.pattern == "{video}_{second}"
    assert fitting(["photo.jpg", "c/1.jpg"], known) is None


def test_frame_numbers_read_as_seconds_lie_past_the_end_and_are_told(tmp_path: Path) -> None:
    frames = answer(*(image(f"a/{25 * second}.jpg", APPLE) for second in range(3)))
    with pytest.raises(UserError, match=r'answer\.json, image 2: 25 s lies past the end of "a" \(11\.0 s\)'):
        import_answers(tmp_path, frames)
    assert import_answers(tmp_path, frames, frame_names="{video}/{frame@25}")["frames"] == 3
    assert [frame.time for frame in found_in(tmp_path).frames] == [0.0, 1.0, 2.0]


# Bad answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (image("a/2.jpg", [{"class": "egg", "score": 1.2}]), 'image 2: "score" of "egg" must be a number from 0 to 1'),
        (image("a/2.jpg", [{"class": "egg"}]), 'image 2: "score" of "egg" must be a number'),
        (image("a/2.jpg", [{"class": 3, "score": 0.5}]), 'image 2: "class" must be a text'),
        (image("a/2.jpg", "egg"), 'must have a list of "classes"'),
        (image("a/2.jpg", [{"class": "egg", "score": 0.5, "type_hierarchy": 1}]), '"type_hierarchy" of "egg"'),
        ({"image": "a/2.jpg"}, '"classifiers" is missing'),
        ({"source": {}, "objects": {}}, '"objects" of version 4'),
        ({"classifiers": []}, '"image" (its file name) is missing'),
        (image("a/1.jpg", APPLE), "image 2: the frame at 1 s of this video was given before (answer.json, image 1)"),
        (image("c/2.jpg", APPLE), 'image 2: no video of the project is named "c"'),
        (image("photo.jpg", APPLE), 'image 2: "photo.jpg" is not named {video}/{second}'),
        (7, "image 2: it is not an object"),
    ],
)
def test_one_wrong_image_imports_nothing_and_is_told(tmp_path: Path, bad: Any, told: str) -> None:
    with pytest.raises(UserError) as raised:
        import_answers(tmp_path, answer(image("a/1.jpg", APPLE), bad))
    assert told in str(raised.value)
    assert "answer.json" in str(raised.value)
    assert not (tmp_path / "labels").exists()


def test_names_that_say_nothing_name_the_option(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'"photos\.zip/img_3a\.jpg", which gives no video .* --frame-names'):
        import_answers(tmp_path, answer(image("photos.zip/img_3a.jpg", APPLE)))


def test_several_classifiers_of_ones_own_must_be_chosen_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has 2 classifiers \(x, y\); choose with --classifier"):
        import_answers(tmp_path, answer(image("a/1", APPLE, "x"), image("a/2", APPLE, "y")))
    with pytest.raises(UserError, match='no classifier "z"; choose one of: x'):
        import_answers(tmp_path, answer(image("a/1", APPLE, "x")), classifier="z")


def test_an_answer_that_was_cut_off_is_told_with_its_line(tmp_path: Path) -> None:
    text = json.dumps(answer(image("a/1.jpg", APPLE)), indent=2)
    with pytest.raises(
        UserError, match=r"answer\.json, line \d+: it is not JSON from here on; the file may have been cut"
    ):
        import_answers(tmp_path, text[: len(text) // 2])


def test_a_class_that_is_none_of_those_given_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='image 1: the class "accessory fruit" is none of those given with --classes'):
        import_answers(tmp_path, answer(image("a/1.jpg", APPLE)), classes="Apple\nfruit\n")


# Real answers ---------------------------------------------------------------------------------------------------------

REAL = tuple(f"food_classifier_{name}" for name in ("fruitbowl", "hotdog", "nonfood_multi", "pizza_plus_custom"))


def renamed(values: dict[str, Any]) -> dict[str, Any]:
    """Returns a real answer whose images are named as frames of the video a."""
    for number, each in enumerate(values["images"]):
        for key in ("source_url", "resolved_url"):
            each.pop(key, None)
        each["image"] = f"images.zip/a/{number:06d}.jpg"
    return values


@pytest.mark.real
def test_the_real_food_answers_are_read(tmp_path: Path, shared_data: Path) -> None:
    seen = {}
    for name in REAL:
        values = renamed(json.loads((shared_data / "annotations" / "watson_vr" / f"{name}.json").read_text()))
        import_answers(tmp_path, values)
        (seen[name],) = found_in(tmp_path).frames
    assert [seen[name].food for name in REAL] == [0.805, 0.722, 0.002, 1.0]
    assert [name for name, _ in seen[REAL[0]].top] == ["fruit", "apple", "accessory fruit", "banana"]
    assert [name for name, _ in seen[REAL[1]].top] == ["hotdog", "sandwich", "snack food", "frankfurter bun", "bun"]
    assert seen[REAL[2]].top == ()
    assert [name for name, _ in seen[REAL[3]].top] == ["pizza", "pepperoni pizza", "cheese pizza", "sausage pizza"]


@pytest.mark.real
def test_the_real_answer_over_a_zip_is_read(tmp_path: Path, shared_data: Path) -> None:
    source = shared_data / "annotations" / "watson_vr" / "nofoodwaste_response_default.json"
    values = renamed(json.loads(source.read_text()))
    values["images"] = values["images"][:11]
    import_answers(tmp_path, values)
    found = found_in(tmp_path)
    assert found.detector == "watson:default"
    assert len(found.frames) == 11
    assert found.frames[3].food == 0.908
    assert found.frames[3].top[:2] == (("beverage", 0.908), ("milk", 0.907))
    assert found.frames[0] == type(found.frames[0])(0.0, 0.0, ())  # a computer


@pytest.mark.real
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(data=st.data())
def test_real_answers_with_bytes_changed_are_imported_or_told_in_one_line(
    tmp_path: Path, shared_data: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(REAL))
    values = renamed(json.loads((shared_data / "annotations" / "watson_vr" / f"{name}.json").read_text()))
    content = bytearray(json.dumps(values, indent=data.draw(st.sampled_from([None, 1]))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    imported_or_told(tmp_path, bytes(content))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["class", "score", "image"]), each, max_size=3)
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_any_value_in_any_place_of_an_answer_is_imported_or_told(tmp_path: Path, data: st.DataObject) -> None:
    values = answer(image("a/1.jpg", APPLE), image("a/2.jpg", NO_FOOD))
    place: Any = values
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        inner = place[key]
        if not isinstance(inner, dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = inner
    imported_or_told(tmp_path, json.dumps(values).encode())


def imported_or_told(folder: Path, content: bytes) -> None:
    source = folder / "answer.json"
    source.write_bytes(content)
    video = VideoRef(uid="a", path=folder / "a.mp4")
    labels = folder / "labels"
    before = sorted(path.stat().st_mtime_ns for path in labels.rglob("*.jsonl"))
    try:
        run_job(spec_of(folder, video, detector=f"import:{source}", classes=None), quiet)
    except UserError as error:
        assert str(source) in str(error)
        assert "\n" not in str(error)
        assert sorted(path.stat().st_mtime_ns for path in labels.rglob("*.jsonl")) == before
