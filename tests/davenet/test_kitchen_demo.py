"""The demo videos in the repository: whole, small enough, as their truth says, with labels of these very files."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from davenet.corpora.kitchen.demo import LEAST_CONFIDENCE
from davenet.files import content_hash
from davenet.labels.detections import read_detections
from davenet.labels.words import read_transcript
from davenet.media.frames import frames_at
from davenet.media.probe import probe

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
VIDEOS = sorted(DEMO.glob("*.mp4"))
MOST_BYTES = 15_000_000

# Hues (OpenCV's 0..179) that a food of one plain colour shows, and no other of these four
HUES = {"broccoli": (40, 75), "lemon": (24, 34), "tomato": (0, 8), "carrot": (8, 20)}


def truth_of(video: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(video.with_suffix(".truth.json").read_text(encoding="utf-8"))
    return truth


def beside(video: Path, kind: str) -> Path:
    return video.with_name(f"{video.stem}.{kind}.jsonl")


def test_there_are_a_dozen_videos_of_many_foods_voices_and_few_bytes() -> None:
    assert len(VIDEOS) >= 12
    assert sum(path.stat().st_size for path in DEMO.iterdir()) <= MOST_BYTES
    truths = [truth_of(video) for video in VIDEOS]
    assert len({stay["food"] for truth in truths for stay in truth["visible"]}) >= 16
    assert len({truth["voice"].split(",")[0] for truth in truths}) >= 4
    assert len({truth["seed"] for truth in truths}) == len(VIDEOS)


@pytest.mark.parametrize("video", VIDEOS, ids=lambda video: video.stem)
def test_each_video_is_what_its_truth_says(video: Path) -> None:
    truth, info = truth_of(video), probe(video)
    assert truth["video"] == video.name
    assert [info.width, info.height] == truth["size"] == [480, 270]
    assert info.duration_s == pytest.approx(truth["duration_s"], abs=0.3)
    assert 40 <= info.duration_s <= 90
    assert (info.video_codec, info.sound_codec) == ("h264", "aac")


@pytest.mark.parametrize("video", VIDEOS, ids=lambda video: video.stem)
def test_each_video_has_simulated_detections_and_recognised_words_of_this_very_file(video: Path) -> None:
    detections, transcript = (
        read_detections(beside(video, "detections")),
        read_transcript(beside(video, "words.pocketsphinx")),
    )
    assert detections.detector == "simulated"
    assert transcript.recogniser == "pocketsphinx" and len(transcript.words) >= 20
    assert detections.source_hash == transcript.source_hash == content_hash(video)
    assert len(detections.frames) >= truth_of(video)["duration_s"] - 1


@pytest.mark.parametrize("video", VIDEOS, ids=lambda video: video.stem)
def test_each_video_has_frames_that_the_detector_is_sure_show_no_food(video: Path) -> None:
    shown = [(stay["start"], stay["end"]) for stay in truth_of(video)["visible"]]
    frames = read_detections(beside(video, "detections")).frames
    empty = [frame for frame in frames if not any(start <= frame.time <= end for start, end in shown)]
    assert len(empty) >= 5
    assert sum(frame.food <= 0.05 for frame in empty) >= 4
    seen = [frame for frame in frames if any(start <= frame.time < end for start, end in shown)]
    assert np.mean([frame.food >= 0.5 for frame in seen]) > 0.75


def test_what_is_said_is_heard_and_what_is_heard_was_said() -> None:
    """The recogniser's food words against the truth: the labels are weak, not worthless."""
    found = named = right = heard = 0
    for video in VIDEOS:
        truth, words = truth_of(video), read_transcript(beside(video, "words.pocketsphinx")).words
        spoken = truth["spoken"]
        named += len(spoken)
        found += sum(
            any(word.word == said["food"] and abs(word.start - said["start"]) < 0.7 for word in words)
            for said in spoken
        )
        foods = {said["food"] for said in spoken}
        for word in (word for word in words if word.word in foods):
            heard += 1
            right += any(word.word == said["food"] and abs(word.start - said["start"]) < 0.7 for said in spoken)
    assert found / named > 0.4
    assert right / heard > 0.8


def test_no_guess_of_the_recogniser_and_no_vulgar_word_greets_a_new_user() -> None:
    for video in VIDEOS:
        transcript = read_transcript(beside(video, "words.pocketsphinx"))
        assert transcript.settings["least_confidence"] == LEAST_CONFIDENCE
        assert min(word.confidence for word in transcript.words) >= LEAST_CONFIDENCE
        assert not {word.word for word in transcript.words} & {"fuck", "fucking", "shit", "bitch"}


def test_foods_of_one_colour_have_it_in_the_box_of_the_truth() -> None:
    shares: dict[str, list[float]] = {food: [] for food in HUES}
    for video in VIDEOS:
        boxes: dict[float, list[tuple[str, list[float]]]] = {}
        for stay in (stay for stay in truth_of(video)["visible"] if stay["food"] in HUES):
            clear = [box for box, seen in zip(stay["boxes"], stay["visible"], strict=True) if seen > 0.9]
            for time, *box in clear[:1]:
                boxes.setdefault(time, []).append((stay["food"], box))
        times = sorted(boxes)[:4]
        for time, (_, picture) in zip(times, frames_at(video, times, None), strict=True):
            for food, box in boxes[time]:
                shares[food].append(share_of_hue(picture, box, HUES[food]))
    measured = {food: float(np.median(values)) for food, values in shares.items() if values}
    assert len(measured) >= 2
    assert all(share > 0.3 for share in measured.values()), measured


def share_of_hue(picture: np.ndarray[Any, Any], box: list[float], hues: tuple[int, int]) -> float:
    x0, y0, x1, y1 = (round(value) for value in box)
    hue, saturation, _ = cv2.split(cv2.cvtColor(picture[y0:y1, x0:x1], cv2.COLOR_RGB2HSV))
    return float(((hue >= hues[0]) & (hue <= hues[1]) & (saturation > 110)).mean())
