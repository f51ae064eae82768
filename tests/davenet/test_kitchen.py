"""The generated kitchen: foods drawn and spoken where and when the truth says, and a detector that errs as stated."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from davenet.corpora.kitchen import detector, talk
from davenet.corpora.kitchen.foods import DRAWINGS, FOODS, LOOKALIKES, sprite
from davenet.corpora.kitchen.plan import Plan, make_plan
from davenet.corpora.kitchen.scene import HEIGHT, WIDTH, Painter, SeenFood
from davenet.corpora.kitchen.video import FAST, make_video
from davenet.corpora.kitchen.voice import Voice, say
from davenet.errors import UserError
from davenet.labels.detections import read_detections
from davenet.labels.food_words import food_words
from davenet.media.frames import frames_at
from davenet.media.probe import probe
from davenet.media.sound import read_sound

SEED, DURATION_S = 31, 26.0
needs_drawing = pytest.mark.skipif(
    find_spec("resvg_py") is None, reason="resvg-py, which draws the kitchen, is not here"
)
needs_voices = pytest.mark.skipif(
    shutil.which("flite") is None or shutil.which("espeak-ng") is None or find_spec("resvg_py") is None,
    reason="flite, espeak-ng or resvg-py, which make the videos, are not here",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kitchen") / "kitchen-test"
    make_video(path, SEED, DURATION_S, FAST)
    return path


def truth_of(path: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(path.with_suffix(".truth.json").read_text(encoding="utf-8"))
    return truth


def test_a_seed_gives_one_plan_and_another_seed_another() -> None:
    assert make_plan(5, 60.0) == make_plan(5, 60.0)
    assert make_plan(5, 60.0) != make_plan(6, 60.0)


@pytest.mark.parametrize("seed", range(40))
def test_shots_follow_one_another_to_the_end_with_a_long_one_of_the_cook_alone(seed: int) -> None:
    plan = make_plan(seed, 50.0)
    assert plan.shots[0].start == 0 and plan.shots[-1].end == 50.0
    assert all(before.end == after.start for before, after in pairwise(plan.shots))
    without_food = [shot for shot in plan.shots if not any(thing.is_food for thing in shot.things)]
    assert any(shot.end - shot.start >= 6 for shot in without_food)
    for shot in plan.shots:
        foods = [thing for thing in shot.things if thing.is_food]
        assert not foods or 2 <= len(foods) <= 5
        assert all(shot.start <= thing.start < thing.end <= shot.end for thing in foods)


@needs_drawing
@pytest.mark.parametrize("drawing", sorted(path.stem for path in DRAWINGS.glob("*.svg")))
def test_each_drawing_rasterises_and_stands_free_of_its_background(drawing: str) -> None:
    alpha = sprite(drawing)[..., 3]
    covered = np.count_nonzero(alpha > 127) / alpha.size
    assert 0.03 < covered < 0.97


def test_each_food_has_a_drawing_lookalikes_and_is_a_food_word() -> None:
    assert len(FOODS) >= 16
    assert all((DRAWINGS / f"{food}.svg").is_file() for food in FOODS)
    assert set(LOOKALIKES) == set(FOODS)
    assert {other for others in LOOKALIKES.values() for other in others} <= set(FOODS)
    assert set(FOODS) <= set(food_words())


@needs_drawing
def test_without_its_drawing_a_food_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"kohlrabi\.svg does not exist"):
        sprite("kohlrabi")


@needs_drawing
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_taking_a_food_out_changes_the_picture_within_its_box_only(seed: int) -> None:
    plan = make_plan(seed, 30.0)
    t = next(shot.start + 3.0 for shot in plan.shots if any(thing.is_food for thing in shot.things))
    for food in Painter(plan).foods_seen(t):
        if food.visible < 0.5:
            continue
        changed = np.abs(drawn(plan, t) - drawn(without(plan, food.name), t)).max(axis=2) > 24
        x0, y0, x1, y1 = (round(v) for v in food.box)
        inside = np.count_nonzero(changed[y0:y1, x0:x1])
        around = np.count_nonzero(changed[max(y0 - 2, 0) : y1 + 7, max(x0 - 2, 0) : x1 + 6])  # with its shadow
        assert around == np.count_nonzero(changed), food
        assert inside > 0.25 * food.visible * (x1 - x0) * (y1 - y0), food


@needs_voices
def test_the_decoded_frames_show_each_food_in_the_box_of_the_truth(made: Path) -> None:
    plan = make_plan(SEED, DURATION_S)
    truth = truth_of(made)
    checked = 0
    for stay in truth["visible"]:
        boxes = {box[0]: (box[1:], seen) for box, seen in zip(stay["boxes"], stay["visible"], strict=True)}
        whole_seconds = [t for t, (_, seen) in boxes.items() if t % 1 == 0 and seen > 0.6][:2]
        for t, (_, picture) in zip(
            whole_seconds, frames_at(made.with_suffix(".mp4"), whole_seconds, None), strict=True
        ):
            changed = np.abs(picture.astype(np.float32) - drawn(without(plan, stay["food"]), t)).mean(axis=2) > 30
            x0, y0, x1, y1 = (round(v) for v in boxes[t][0])
            inside = np.count_nonzero(changed[max(y0 - 2, 0) : y1 + 7, max(x0 - 2, 0) : x1 + 6])
            assert inside > 0.85 * np.count_nonzero(changed), (stay["food"], t)
            assert inside > 0.15 * (x1 - x0) * (y1 - y0), (stay["food"], t)
            checked += 1
    assert checked >= 6


@needs_voices
def test_the_truth_is_whole_and_the_same_for_a_seed(made: Path, tmp_path: Path) -> None:
    again = tmp_path / made.name
    make_video(again, SEED, DURATION_S, FAST)
    truth = truth_of(made)
    assert truth == truth_of(again)
    assert truth["size"] == [WIDTH, HEIGHT] and truth["duration_s"] == DURATION_S
    for stay in truth["visible"]:
        times = [box[0] for box in stay["boxes"]]
        assert all(later - earlier <= 0.5 for earlier, later in pairwise(times))
        assert all(0 <= x0 < x1 <= WIDTH and 0 <= y0 < y1 <= HEIGHT for _, x0, y0, x1, y1 in stay["boxes"])
        assert all(0 < seen <= 1 for seen in stay["visible"])
    said = " ".join(sentence["text"] for sentence in truth["sentences"]).split()
    assert all(said.count(word["food"]) >= 1 for word in truth["spoken"])


@needs_voices
def test_the_video_has_the_size_length_and_sound_that_were_asked_for(made: Path) -> None:
    info = probe(made.with_suffix(".mp4"))
    assert (info.width, info.height, info.video_codec, info.sound_codec) == (WIDTH, HEIGHT, "h264", "aac")
    assert info.frame_rate == pytest.approx(FAST.frame_rate)
    assert info.duration_s == pytest.approx(DURATION_S, abs=0.3)


@needs_voices
def test_a_food_is_loud_while_the_truth_says_that_it_is_spoken(made: Path) -> None:
    sound = read_sound(made.with_suffix(".mp4"), rate=16_000)
    blocks = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    level_db = 10 * np.log10((blocks**2).mean(axis=1) + 1e-10)
    background_db = np.percentile(level_db, 5)
    spoken = truth_of(made)["spoken"]
    assert len(spoken) >= 3
    for word in spoken:
        during_db = level_db[round(word["start"] * 50) : round(word["end"] * 50)]
        assert np.percentile(during_db, 75) > background_db + 20, word
        assert 0.15 < word["end"] - word["start"] < 1.6, word


@needs_voices
def test_a_food_said_to_be_in_view_is_in_view_when_it_is_spoken(made: Path) -> None:
    truth = truth_of(made)
    for word in truth["spoken"]:
        middle = (word["start"] + word["end"]) / 2
        stays = [stay for stay in truth["visible"] if stay["food"] == word["food"]]
        near = any(stay["start"] - 0.5 <= middle <= stay["end"] + 0.5 for stay in stays)
        assert near or not word["in_view"], word


@needs_voices
def test_the_detections_are_called_simulated_and_come_each_second(made: Path) -> None:
    detections = read_detections(made.with_name(f"{made.name}.detections.jsonl"))
    assert detections.detector == "simulated" and detections.video_uid == made.name
    assert [frame.time for frame in detections.frames][:20] == [float(t) for t in range(20)]


@needs_voices
def test_the_command_makes_what_is_missing_and_leaves_what_is_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "davenet.corpora.kitchen", "--out", str(tmp_path), "--count", "2", "--seed", "4"]
    command += ["--seconds-min", "8", "--seconds-max", "9", "--fast"]
    subprocess.run(command, check=True, capture_output=True)
    first = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(first) == 6
    removed = sorted(tmp_path.glob("*.detections.jsonl"))[1]
    removed.unlink()  # as if stopped before the second was finished
    subprocess.run(command, check=True, capture_output=True)
    second = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert set(second) == set(first)
    kept = removed.name.removesuffix(".detections.jsonl")
    assert all(second[name] == first[name] for name in first if not name.startswith(kept))
    assert second[removed.name] > first[removed.name]


@pytest.mark.parametrize("program", ["flite", "espeak-ng"])
def test_a_missing_voice_names_the_program_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=f"{program}, which is not installed.*apt-get install flite espeak-ng"):
        say("onion", Voice(program, "slt", 1.0, 0))


@needs_voices
@pytest.mark.parametrize("voice", [Voice("flite", "rms", 1.0, 0), Voice("espeak-ng", "en-us+klatt4", 1.0, 40)])
def test_a_voice_is_trimmed_to_what_is_heard_and_slows_down_when_asked(voice: Voice) -> None:
    usual, slow = say("strawberry", voice), say("strawberry", replace(voice, speed=0.7))
    assert len(slow) > 1.2 * len(usual)
    assert np.abs(usual).max() == pytest.approx(0.5, abs=0.01)
    assert np.abs(usual[:200]).max() > 0.005 and np.abs(usual[-800:]).max() > 0.005


def test_foods_are_named_near_what_is_seen_and_about_one_in_eight_is_not_there() -> None:
    random = np.random.default_rng(1)
    named = absent = chatter = 0
    for seed in range(120):
        plan = make_plan(seed, 60.0)
        for t in np.arange(1.0, 58.0, 4.0):
            sentence = talk.next_sentence(plan, random, float(t))
            near = set(talk.foods_near(plan, float(t)))
            chatter += not sentence.foods
            named += len(sentence.foods)
            absent += sum(food not in near for food in sentence.foods)
            assert all(food in sentence.pieces for food in sentence.foods)
    assert 0.08 < absent / named < 0.18
    assert 0.25 < chatter / (120 * 15) < 0.55


def test_the_detector_is_sure_of_large_foods_and_of_their_absence() -> None:
    random = np.random.default_rng(2)
    large = SeenFood("onion", (100.0, 60.0, 200.0, 160.0), 1.0, 0.4)
    with_food = np.array([detector.detect([large], random)[0] for _ in range(2000)])
    without_food = np.array([detector.detect([], random)[0] for _ in range(2000)])
    assert (with_food >= 0.5).mean() > 0.9
    assert (without_food <= 0.05).mean() > 0.75
    assert abs((without_food >= 0.5).mean() - detector.FALSE_ALARM) < 0.015


def test_the_detector_misses_and_confuses_foods_as_often_as_it_states() -> None:
    random = np.random.default_rng(3)
    large = SeenFood("tomato", (100.0, 60.0, 200.0, 160.0), 1.0, 0.4)
    first = [detector.detect([large], random)[1][0][0] for _ in range(3000)]
    right = first.count("tomato") / 3000
    confused = sum(name in LOOKALIKES["tomato"] for name in first) / 3000
    assert abs(right - (1 - detector.MISS) * (1 - detector.CONFUSION)) < 0.05
    assert abs(confused - (1 - detector.MISS) * detector.CONFUSION) < 0.04


def test_the_detector_gives_five_different_foods_the_likeliest_first() -> None:
    random = np.random.default_rng(4)
    foods = [SeenFood(food, (0.0, 0.0, 90.0, 90.0), 0.9, 0.33) for food in ("lemon", "garlic", "shrimp")]
    for _ in range(200):
        probability, top = detector.detect(foods, random)
        assert 0 <= probability <= 1
        assert len({name for name, _ in top}) == 5 and {name for name, _ in top} <= set(FOODS)
        assert [score for _, score in top] == sorted((score for _, score in top), reverse=True)


def drawn(plan: Plan, t: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return Painter(plan).frame(t).astype(np.float32)


def without(plan: Plan, food: str) -> Plan:
    shots = (replace(shot, things=tuple(thing for thing in shot.things if thing.name != food)) for shot in plan.shots)
    return replace(plan, shots=tuple(shots))
