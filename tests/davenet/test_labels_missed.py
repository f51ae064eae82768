"""Which misses of a gallery look like true matches: one video, apart, and the word names what the detector sees."""

from dataclasses import replace

import pytest
from gallery_maker import gallery

from davenet.labels.missed import likely_matches
from davenet.pairs import WeakLabel
from davenet.retrieval_file import Retrieval


def labels_of(found: Retrieval, **others: list[WeakLabel]) -> dict[str, list[WeakLabel]]:
    return {pair.uid: others.get(pair.uid, [label(pair.class_name or "", pair.sound_s)]) for pair in found.pairs}


def label(name: str, at_s: float, probability: float = 0.9, confidence: float = 0.8) -> WeakLabel:
    return WeakLabel(name, probability, 1, name, at_s, at_s + 0.4, confidence)


def test_a_frame_that_missed_its_own_sound_but_found_one_that_names_its_food_is_a_likely_match() -> None:
    found = gallery(20, found={3: [7, 9]})
    (match,) = likely_matches(found, labels_of(found))
    assert (match.frame, match.sound) == (3, 7)  # the nearer of the two, and one a miss
    assert match.looks_right == pytest.approx((1 + 0 + 0.9 + 0.8) / 4)
    assert match.reason == (
        "the run missed the frame's own sound (at 14 of 20) but found this sound at 1; “onion” names what the detector "
        "gives 0.90 here"
    )


def test_a_hit_is_none_whatever_it_found_besides() -> None:
    found = gallery(20, found={3: [3, 7]})
    found.arrays.audio_ranks_N[3] = 10
    assert likely_matches(found, labels_of(found)) == []


@pytest.mark.parametrize(
    "case",
    [
        {"videos": "aaaab" + "b" * 15},  # the sound is of another video: it can be no pair
        {"classes": ["egg" if k == 7 else "onion" for k in range(20)]},  # the sound names what nobody sees in the frame
    ],
)
def test_a_sound_of_another_video_or_of_what_the_frame_does_not_show_is_none(case: dict[str, object]) -> None:
    found = gallery(20, found={3: [7]}, **case)  # type: ignore[arg-type]
    assert likely_matches(found, labels_of(found)) == []


def test_a_food_that_the_detector_sees_beside_the_frames_own_counts() -> None:
    found = gallery(20, found={3: [7]}, classes=["egg" if k == 7 else "onion" for k in range(20)])
    beside = [label("onion", 30.0), label("egg", 30.0, probability=0.4)]
    (match,) = likely_matches(found, labels_of(found, p3=beside))
    assert match.sound == 7 and "gives 0.40 here" in match.reason


def test_a_sound_with_no_label_of_the_project_or_that_overlaps_the_frames_own_is_none() -> None:
    found = gallery(20, found={3: [7]})
    labels = labels_of(found)
    del labels["p7"]
    assert likely_matches(found, labels) == []
    pairs = tuple(replace(pair, sound_s=31.0) if pair.uid == "p7" else pair for pair in found.pairs)
    near = replace(found, pairs=pairs)
    assert likely_matches(near, labels_of(near)) == []


def test_those_that_find_each_other_come_before_those_found_one_way_and_repeats_are_left_out() -> None:
    found = gallery(20, found={3: [9], 5: [12], 6: [12]})
    found.arrays.frames_of_segments_NK[12, 1] = 5
    pairs = tuple(replace(pair, time_s=51.0) if pair.uid == "p6" else pair for pair in found.pairs)
    near = replace(found, pairs=pairs)  # p6 shows what p5 shows
    assert [(match.frame, match.sound) for match in likely_matches(near, labels_of(near))] == [(5, 12), (3, 9)]


def test_a_sound_that_missed_its_own_frame_is_told_as_such() -> None:
    found = gallery(20, found={})
    found.arrays.visual_ranks_N[4] = 15
    found.arrays.frames_of_segments_NK[4] = [8, *[-1] * 9]
    (match,) = likely_matches(found, labels_of(found))
    assert (match.frame, match.sound) == (8, 4)
    assert match.reason.startswith("the run missed the sound's own frame (at 15 of 20) but found this frame at 1")
