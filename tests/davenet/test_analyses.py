"""Food words and synchrony (Section 4) against slow plain loops over the same files, and their pictures."""

import math
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from davenet import events
from davenet.errors import UserError
from davenet.labels.analysis_pictures import food_words_picture, synchrony_picture
from davenet.labels.detections import Detections, FoodDetection, detections_path, write_detections
from davenet.labels.food_word_counts import FoodNouns, count_food_words, histogram
from davenet.labels.food_words import food_nouns
from davenet.labels.matching import normalised
from davenet.labels.singulars import singular
from davenet.labels.survey import SurveyedVideo, resampled_intervals
from davenet.labels.synchrony import measure_synchrony
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript

CLASSES = ["Egg", "Hot dog", "Macaroni and cheese", "Onion", "Leek", "Soup"]
SPOKEN = ["egg", "eggs", "hot", "dog", "cheese", "and", "onion", "stir", "the", "pan", "leeks", "soup"]


def say(labels_dir: Path, uid: str, *words: Word) -> None:
    path = transcript_path(labels_dir, uid, "pocketsphinx")
    write_transcript(path, Transcript(uid, "pocketsphinx", "5", "hash", words))


def see(labels_dir: Path, uid: str, *frames: FoodDetection) -> None:
    path = detections_path(labels_dir, uid, "onnx")
    write_detections(path, Detections(uid, "onnx", "1", "hash", frames))


def kitchen(labels_dir: Path, seed: int = 0, n_videos: int = 8) -> list[SurveyedVideo]:
    chance = random.Random(seed)
    for number in range(n_videos):
        spoken = (chance.choice(SPOKEN) for _ in range(40))
        words = [Word(word, start := chance.uniform(0, 89), start + chance.uniform(0, 0.6), 0.9) for word in spoken]
        say(labels_dir, f"v{number}", *words)
        tops = (chance.sample(CLASSES, chance.randint(0, 5)) for _ in range(90))
        frames = [
            FoodDetection(float(t), chance.choice([0.2, 0.5, 0.9]), tuple((name, 0.1) for name in top))
            for t, top in enumerate(tops)
        ]
        see(labels_dir, f"v{number}", *frames)
    return [SurveyedVideo(f"v{number}", 90.0) for number in range(n_videos)]


def read_back(labels_dir: Path, uid: str) -> tuple[list[FoodDetection], list[Word]]:
    from davenet.labels.detections import read_detections
    from davenet.labels.words import read_transcript

    frames = read_detections(detections_path(labels_dir, uid, "onnx")).frames
    return list(frames), list(read_transcript(transcript_path(labels_dir, uid, "pocketsphinx")).words)


def plain_share(labels_dir: Path, videos: list[SurveyedVideo], window_s: float, *, whole: bool) -> float:
    """Section 4, frame by frame and word by word."""
    n_frames = n_spoken = 0
    for video in videos:
        frames, words = read_back(labels_dir, video.uid)
        for frame in (frame for frame in frames if frame.food > 0.5):
            n_frames += 1
            near = [word.word for word in words if abs((word.start + word.end) / 2 - frame.time) <= window_s / 2]
            names = [name.lower().split() for name, _ in frame.top]
            if whole:
                order = [(word.word, abs((word.start + word.end) / 2 - frame.time) <= window_s / 2) for word in words]
                n_spoken += any(
                    [word for word, _ in order[first : first + len(name)]] == name
                    and all(inside for _, inside in order[first : first + len(name)])
                    for name in names
                    for first in range(len(order))
                )
            else:
                n_spoken += any(part in near for name in names for part in name if part != "and")
    return n_spoken / n_frames


@pytest.mark.parametrize("whole", [False, True])
def test_synchrony_agrees_with_a_plain_loop_over_frames_and_words(tmp_path: Path, whole: bool) -> None:
    videos = kitchen(tmp_path)
    found = measure_synchrony(videos, tmp_path, whole_names=whole)
    for window in (1, 2, 5, 20, 60):
        assert found.at(window)[0] == pytest.approx(plain_share(tmp_path, videos, window, whole=whole), abs=1e-12)
    assert (np.diff(found.share_T) >= 0).all()
    assert (found.low_T <= found.share_T).all()
    assert (found.share_T <= found.high_T).all()
    assert found.frames_V.sum() == sum(f.food > 0.5 for v in videos for f in read_back(tmp_path, v.uid)[0])


def test_synchrony_by_class_counts_the_frames_that_have_the_class_among_their_five(tmp_path: Path) -> None:
    say(tmp_path, "v", Word("egg", 10.0, 10.4, 0.9), Word("leek", 50.0, 50.4, 0.9))
    see(
        tmp_path,
        "v",
        FoodDetection(9.0, 0.9, (("Egg", 0.6), ("Leek", 0.2))),
        FoodDetection(30.0, 0.9, (("Egg", 0.6),)),
        FoodDetection(31.0, 0.5, (("Egg", 0.6),)),  # not over the threshold
    )
    found = measure_synchrony([SurveyedVideo("v", 60.0)], tmp_path)
    by_class = {of.name: (of.n_frames, of.share_T[19].item(), of.share_T[59].item()) for of in found.classes}
    assert by_class == {"Egg": (2, 0.5, 1.0), "Leek": (1, 0.0, 0.0)}
    assert found.at(2)[0] == 0.0  # 1.2 s away
    assert found.at(3)[0] == 0.5
    assert math.isnan(found.at(3)[1])  # one video has no interval


def test_offsets_count_each_word_once_a_frame_before_or_after_it(tmp_path: Path) -> None:
    say(tmp_path, "v", Word("egg", 8.3, 8.3, 0.9), Word("egg", 12.6, 12.6, 0.9), Word("egg", 45.0, 45.0, 0.9))
    see(tmp_path, "v", FoodDetection(10.0, 0.9, (("Egg", 0.6), ("Egg salad", 0.2))))
    found = measure_synchrony([SurveyedVideo("v", 60.0)], tmp_path)
    counted = {float(e): int(n) for e, n in zip(found.offset_edges_s[:-1], found.offset_counts_B, strict=True) if n}
    assert counted == {-2.0: 1, 2.0: 1}


def test_chance_is_what_remains_when_frames_lie_elsewhere_in_their_video(tmp_path: Path) -> None:
    for number in range(6):  # said where it is seen, once
        say(tmp_path, f"v{number}", Word("egg", 50.0, 50.2, 0.9))
        see(tmp_path, f"v{number}", *(FoodDetection(float(t), 0.9, (("Egg", 0.6),)) for t in range(48, 53)))
    found = measure_synchrony([SurveyedVideo(f"v{number}", 200.0) for number in range(6)], tmp_path)
    assert found.at(20) == (1.0, 1.0, 1.0)
    assert found.chance_T[19] == 0.0


def test_lemmas_find_what_exact_words_do_not(tmp_path: Path) -> None:
    say(tmp_path, "v", Word("eggs", 10.0, 10.4, 0.9))
    see(tmp_path, "v", FoodDetection(10.0, 0.9, (("Egg", 0.6),)))
    videos = [SurveyedVideo("v", 60.0)]
    assert measure_synchrony(videos, tmp_path).at(20)[0] == 0.0
    assert measure_synchrony(videos, tmp_path, match="lemma").at(20)[0] == 1.0


def test_food_words_agree_with_a_plain_count(tmp_path: Path) -> None:
    videos = kitchen(tmp_path)
    counts = count_food_words(videos, tmp_path)
    nouns = {singular(noun) for noun in food_nouns()}
    for uid, unique, total in zip(counts.video_uids, counts.unique_V, counts.total_V, strict=True):
        said = [singular(part) for word in read_back(tmp_path, uid)[1] for part in normalised(word.word)]
        said = [word for word in said if word in nouns]
        assert (unique, total) == (len(set(said)), len(said))
    assert counts.said_W.sum() == counts.total_V.sum()
    assert counts.videos_W.sum() == counts.unique_V.sum()
    assert list(counts.said_W) == sorted(counts.said_W, reverse=True)
    assert counts.unique_interval[0] <= counts.mean_unique <= counts.unique_interval[1]


def test_phrases_of_a_list_of_ones_own_are_the_longest_that_fit(tmp_path: Path) -> None:
    path = tmp_path / "foods.txt"
    path.write_text("olive oil\noil\nspring onion\nonion\n")
    listed = FoodNouns(food_nouns(path))
    texts = ["Olive", "oils", "oil", "spring-onions", "spring", "onion", "onions"]
    assert listed.counted(texts) == {"olive oil": 1, "oil": 1, "spring onion": 2, "onion": 1}


def test_the_list_holds_350_different_sorted_nouns() -> None:
    nouns = food_nouns()
    assert len(nouns) == len({singular(noun) for noun in nouns}) == 350
    assert list(nouns) == sorted(nouns)
    assert all(normalised(noun) == (noun,) for noun in nouns)


def test_damaged_and_missing_labels_are_passed_over_and_the_others_counted(tmp_path: Path) -> None:
    videos = kitchen(tmp_path, n_videos=4)
    cut = transcript_path(tmp_path, "v0", "pocketsphinx")
    cut.write_bytes(cut.read_bytes()[:-20])
    transcript_path(tmp_path, "v1", "pocketsphinx").unlink()
    say(tmp_path, "v2", Word("egg", 500.0, 501.0, 0.9))
    counts = count_food_words(videos, tmp_path)
    assert counts.video_uids == ("v3",)
    reasons = {video.uid: video.reason for video in counts.passed_over}
    assert "is not JSON" in reasons["v0"]
    assert reasons["v1"] == "v1 has no words; transcribe it first."
    assert "past the end" in reasons["v2"]
    assert measure_synchrony(videos, tmp_path).video_uids == ("v3",)
    with pytest.raises(UserError, match=r"is not JSON.*3 videos cannot be used"):
        count_food_words(videos[:3], tmp_path)
    with pytest.raises(UserError, match=r"P\(food\) over 0\.95"):
        measure_synchrony(videos, tmp_path, food_threshold=0.95)
    with pytest.raises(events.Stop):
        count_food_words(videos, tmp_path, stop=lambda: True)


def test_intervals_over_videos_are_wider_than_over_frames() -> None:
    hits = np.array([[100.0], [0.0]] * 50)  # videos that are all or nothing
    low, high = resampled_intervals(hits, np.full((100, 1), 100.0))
    assert low[0] == pytest.approx(0.4, abs=0.03)
    assert high[0] == pytest.approx(0.6, abs=0.03)
    frames = np.array([[1.0], [10.0], [100.0]] * 20)  # long videos count by their frames
    assert resampled_intervals(frames / 4, frames) == (pytest.approx([0.25]), pytest.approx([0.25]))
    assert np.isnan(resampled_intervals(hits[:4], np.ones((4, 1)))[0]).all()


def test_histograms_have_whole_numbers_a_bar_and_lose_no_video() -> None:
    values = np.array([0, 1, 1, 7, 39, 400])
    edges, bars = histogram(values)
    assert bars.sum() == len(values)
    assert len(bars) <= 40
    assert edges[0] == 0
    edges, bars = histogram(np.array([0, 1, 1, 3]))
    assert (edges.tolist(), bars.tolist()) == ([0, 1, 2, 3, 4], [1, 2, 0, 1])


def test_pictures_are_drawn_of_many_videos_and_of_one(tmp_path: Path) -> None:
    videos = kitchen(tmp_path)
    for some in (videos, videos[:1]):
        for picture in (
            food_words_picture(count_food_words(some, tmp_path)),
            synchrony_picture(measure_synchrony(some, tmp_path)),
        ):
            assert picture.svg().startswith("<svg")
            assert "nan" not in picture.svg().lower()
            assert picture.png().startswith(b"\x89PNG")


def test_the_analyses_need_neither_torch_nor_qt() -> None:
    code = (
        "import sys, annotator.verbs.analysing, davenet.labels.analysis_pictures; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'PySide6')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
