"""Mining (Section 6) against small exact cases and a slow plain reference, and the job on real files."""

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davenet import events
from davenet.clips import clip_path, write_clip
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.detections import Detections, FoodDetection, detections_path, write_detections
from davenet.labels.matching import normalised
from davenet.labels.mining import Mined, draw, mine
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.pairs import Pair, pair_uid, read_pairs
from davenet.specs import MineSpec, VideoRef

TIMES_S = np.arange(0.0, 61.0)


def said(*words: tuple[str, float]) -> Transcript:
    """A transcript of words of 0.4 s with these middles."""
    heard = tuple(Word(word, middle - 0.2, middle + 0.2, 0.5) for word, middle in words)
    return Transcript("v", "test", "1", "hash", heard)


def seen(*frames: FoodDetection) -> Detections:
    return Detections("v", "test", "1", "hash", frames)


def mined(frame: FoodDetection, *words: tuple[str, float]) -> Mined:
    return mine(seen(frame), said(*words), TIMES_S)


def test_a_food_frame_with_its_class_said_becomes_one_pair_that_keeps_what_was_claimed() -> None:
    frame = FoodDetection(30.0, 0.8, (("Onion", 0.7), ("Garlic", 0.2), ("Leek", 0.1)))
    (pair,) = mined(frame, ("garlic", 25.0), ("onion", 24.0), ("onion", 33.0)).food
    assert (pair.time_s, pair.kind, pair.segment_s, pair.food_probability) == (30.0, "food", 2.0, 0.8)
    assert [(label.class_name, label.rank, label.probability) for label in pair.labels] == [
        ("Onion", 1, 0.7),
        ("Garlic", 2, 0.2),
    ]
    assert (pair.labels[0].word_start, pair.labels[0].word_end) == (32.8, 33.2)
    assert pair.labels[0].word_confidence == 0.5


def test_a_frame_without_its_class_among_the_words_gives_no_pair() -> None:
    assert mined(FoodDetection(30.0, 0.99, (("onion", 0.9),)), ("onions", 30.0), ("union", 31.0)).food == ()


@pytest.mark.parametrize(("middle", "found"), [(20.0, True), (40.0, True), (19.99, False), (40.01, False)])
def test_the_window_is_twenty_seconds_by_the_middles_of_words_and_includes_its_ends(middle: float, found: bool) -> None:
    assert bool(mined(FoodDetection(30.0, 0.9, (("egg", 0.9),)), ("egg", middle)).food) is found


@pytest.mark.parametrize(("food", "food_pair", "non_food"), [(0.5, 1, 0), (0.499, 0, 0), (0.05, 0, 1), (0.051, 0, 0)])
def test_thresholds_include_their_own_value(food: float, food_pair: int, non_food: int) -> None:
    result = mined(FoodDetection(30.0, food, (("egg", 0.9),)), ("egg", 30.0))
    assert (len(result.food), len(result.non_food)) == (food_pair, non_food)


def test_phrases_match_whole_and_in_order_whatever_their_case_and_punctuation() -> None:
    frame = FoodDetection(
        30.0, 0.9, (("Bell-Pepper", 0.9), ("Soy sauce", 0.8), ("Ice cream", 0.5), ("Chef's salad", 0.4))
    )
    words = [
        ("BELL", 29.0),
        ("pepper,", 29.5),
        ("sauce", 31.0),
        ("soy", 31.5),
        ("ice-cream", 32.0),
        ("chefs", 33.0),
        ("salad", 34.0),
    ]
    (pair,) = mined(frame, *words).food
    assert [(label.class_name, label.word) for label in pair.labels] == [
        ("Bell-Pepper", "BELL pepper,"),
        ("Ice cream", "ice-cream"),
        ("Chef's salad", "chefs salad"),
    ]
    assert (pair.labels[0].word_start, pair.labels[0].word_end) == (28.8, 29.7)


def test_a_phrase_interrupted_by_another_word_is_not_said() -> None:
    frame = FoodDetection(30.0, 0.9, (("hot dog", 0.9),))
    assert mined(frame, ("hot", 29.0), ("big", 29.5), ("dog", 30.0)).food == ()


def test_pairs_lie_at_frames_of_the_clip_file_and_other_detections_are_counted() -> None:
    frames = [FoodDetection(t, 0.9, (("egg", 0.9),)) for t in (10.02, 10.3, 20.0, 75.0)]
    result = mine(seen(*frames), said(("egg", 15.0)), TIMES_S)
    assert [pair.time_s for pair in result.food] == [10.0, 20.0]
    assert result.n_off_frames == 1


def test_a_pair_keeps_its_uid_when_it_is_mined_again_with_other_thresholds() -> None:
    frame = FoodDetection(30.0, 0.9, (("egg", 0.9),))
    (first,) = mine(seen(frame), said(("egg", 30.0)), TIMES_S).food
    (again,) = mine(seen(frame), said(("egg", 30.0)), TIMES_S, food_threshold=0.1, window_s=4.0).food
    assert first.uid == again.uid == pair_uid("v", 30.0, "food")


def test_every_word_of_a_phrase_must_lie_in_the_window() -> None:
    frame = FoodDetection(30.0, 0.9, (("hot dog", 0.9),))
    assert mined(frame, ("hot", 39.5), ("dog", 40.0)).food
    assert mined(frame, ("hot", 39.5), ("dog", 40.1)).food == ()  # though the middle of both lies in it


def reference_labels(frame: FoodDetection, words: list[Word], window_s: float) -> list[tuple[str, int, float]]:
    """Section 6, word by word: class, rank and start of the nearest occurrence whose words all lie in the window."""
    words = sorted(words, key=lambda w: w.start)
    found = []
    for rank, (name, _) in enumerate(frame.top, 1):
        phrase = name.lower().split()
        starts = []
        for i in range(len(words)):
            run = words[i : i + len(phrase)]
            inside = all(abs((w.start + w.end) / 2 - frame.time) <= window_s / 2 for w in run)
            if inside and [w.word.lower() for w in run] == phrase:
                starts.append((abs((run[0].start + max(w.end for w in run)) / 2 - frame.time), i, run[0].start))
        if starts:
            found.append((name, rank, min(starts)[2]))
    return found


VOCABULARY = ["red", "onion", "Onion", "egg", "green", "EGG"]
CLASSES = ["onion", "Red Onion", "egg", "green egg", "red red onion", "ham"]
words_strategy = st.lists(
    st.builds(
        lambda word, start, length: Word(word, start / 4, (start + length) / 4, 0.5),
        st.sampled_from(VOCABULARY),
        st.integers(0, 160),
        st.integers(0, 6),
    ),
    max_size=40,
)
frames_strategy = st.lists(
    st.builds(
        lambda time, food, top: FoodDetection(float(time), food / 20, tuple((name, 0.1) for name in top)),
        st.integers(0, 40),
        st.integers(0, 20),
        st.lists(st.sampled_from(CLASSES), max_size=5, unique=True),
    ),
    max_size=12,
    unique_by=lambda frame: frame.time,
)


@given(words_strategy, frames_strategy, st.sampled_from([1.0, 4.0, 20.0]), st.sampled_from([0.0, 0.5, 0.9]))
def test_mining_agrees_with_a_slow_plain_reference(
    words: list[Word], frames: list[FoodDetection], window_s: float, threshold: float
) -> None:
    transcript = Transcript("v", "test", "1", "hash", tuple(words))
    result = mine(seen(*frames), transcript, TIMES_S, food_threshold=threshold, window_s=window_s)
    expected = {}
    for frame in frames:
        labels = reference_labels(frame, words, window_s)
        if frame.food >= threshold and labels:
            expected[frame.time] = labels
    found = {p.time_s: [(label.class_name, label.rank, label.word_start) for label in p.labels] for p in result.food}
    assert found == expected
    assert [p.time_s for p in result.non_food] == sorted(
        f.time for f in frames if f.food < threshold and 1.0 - f.food >= 0.95
    )


@given(st.text())
def test_normalised_words_hold_no_blank_no_case_and_are_normalised_already(text: str) -> None:
    for word in normalised(text):
        assert word
        assert not any(c.isspace() for c in word)
        assert normalised(word) == (word,)


def test_the_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    pairs = [Pair(pair_uid("v", float(t), "non-food"), "v", float(t), 1.0, "non-food") for t in range(200)]
    shuffled = random.Random(1).sample(pairs, len(pairs))
    first = draw(pairs, 50, seed=0)
    assert len(first) == 50
    assert {p.uid for p in first} == {p.uid for p in draw(shuffled, 50, seed=0)}
    assert {p.uid for p in first} != {p.uid for p in draw(pairs, 50, seed=1)}
    assert draw(pairs, 500, seed=0) == pairs
    early = sum(p.time_s < 100 for p in first)
    assert abs(early - 25) < 5 * math.sqrt(50 / 4)  # spread over the video


# The job -------------------------------------------------------------------------------------------------------------


def prepare(folder: Path, uid: str, *, words: bool = True) -> VideoRef:
    jpeg = b"\xff\xd8 not decoded here"
    clip = clip_path(folder / "clips", uid)
    mel = np.zeros((6000, 40), np.float16)
    write_clip(clip, frames_jpeg=[jpeg] * 60, frame_times_s=np.arange(60.0), log_mel=mel, metadata={"video": uid})
    frames = [FoodDetection(float(t), 0.9 if t < 10 else 0.01, (("egg", 0.9),)) for t in range(60)]
    found = Detections(uid, "test", "1", "hash", tuple(frames))
    write_detections(detections_path(folder / "labels", uid, "test"), found)
    if words:
        heard = Transcript(uid, "test", "1", "hash", (Word("egg", 4.8, 5.2, 0.9),))
        write_transcript(transcript_path(folder / "labels", uid, "test"), heard)
    return VideoRef(uid=uid, path=folder / f"{uid}.mp4")


def spec_of(folder: Path, videos: list[VideoRef], **values: object) -> MineSpec:
    return MineSpec(
        videos=videos, clips_dir=folder / "clips", labels_dir=folder / "labels", out=folder / "pairs.jsonl", **values
    )


def test_the_job_writes_as_many_non_food_pairs_as_food_pairs(tmp_path: Path) -> None:
    videos = [prepare(tmp_path, "a"), prepare(tmp_path, "b")]
    result = run_job(spec_of(tmp_path, videos), lambda event: None).result
    pairs = list(read_pairs(tmp_path / "pairs.jsonl"))
    assert result["food"] == result["non_food"] == 20
    assert sum(pair.kind == "food" for pair in pairs) == 20
    assert {pair.segment_s for pair in pairs if pair.kind == "non-food"} == {1.0}
    assert sum(counts["non_food"] for counts in result["by_video"].values()) == 20
    assert result["settings"]["recognisers"] == ["test"]


def test_mining_twice_gives_the_same_file(tmp_path: Path) -> None:
    videos = [prepare(tmp_path, "a"), prepare(tmp_path, "b")]
    first = run_job(spec_of(tmp_path, videos), lambda event: None).result["pairs_hash"]
    again = run_job(spec_of(tmp_path, videos), lambda event: None).result["pairs_hash"]
    assert first == again


def test_a_video_that_was_not_transcribed_is_told_and_the_others_are_mined(tmp_path: Path) -> None:
    told: list[events.Event] = []
    videos = [prepare(tmp_path, "a", words=False), prepare(tmp_path, "b")]
    result = run_job(spec_of(tmp_path, videos), told.append).result
    assert list(result["by_video"]) == ["b"]
    assert [e.reason for e in told if isinstance(e, events.Skipped)] == ["a has no words; transcribe it first."]


def test_mining_nothing_that_can_be_mined_is_a_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="transcribe it first"):
        run_job(spec_of(tmp_path, [prepare(tmp_path, "a", words=False)]), lambda event: None)


def test_labels_of_another_video_are_refused(tmp_path: Path) -> None:
    video = prepare(tmp_path, "a")
    prepare(tmp_path, "b")
    transcript_path(tmp_path / "labels", "a", "test").write_bytes(
        transcript_path(tmp_path / "labels", "b", "test").read_bytes()
    )
    with pytest.raises(UserError, match='belongs to the video "b"'):
        run_job(spec_of(tmp_path, [video]), lambda event: None)


def test_a_stopped_mining_leaves_no_file(tmp_path: Path) -> None:
    final = run_job(spec_of(tmp_path, [prepare(tmp_path, "a")]), lambda event: None, lambda: True)
    assert isinstance(final, events.Cancelled)
    assert not (tmp_path / "pairs.jsonl").exists()


def test_each_split_has_as_many_non_food_pairs_as_food_pairs_of_its_own_videos(tmp_path: Path) -> None:
    videos = [prepare(tmp_path, uid) for uid in ("a", "b", "c")]
    foodless = Transcript("c", "test", "1", "hash", (Word("ham", 4.8, 5.2, 0.9),))
    write_transcript(transcript_path(tmp_path / "labels", "c", "test"), foodless)  # no food pairs, 50 non-food frames
    splits = {"a": "train", "b": "validation", "c": "train"}
    result = run_job(spec_of(tmp_path, videos, splits=splits), lambda event: None).result
    pairs = list(read_pairs(tmp_path / "pairs.jsonl"))
    for split in ("train", "validation"):
        kinds = [pair.kind for pair in pairs if splits[pair.video_uid] == split]
        assert kinds.count("food") == kinds.count("non-food") == 10
    assert {pair.video_uid for pair in pairs if pair.kind == "non-food"} == {"a", "b", "c"}  # over the split's videos
    assert result["by_split"]["train"] == {"food": 10, "non_food": 10, "non_food_candidates": 100}


def test_every_threshold_and_what_labelled_the_pairs_are_kept_with_the_result(tmp_path: Path) -> None:
    synonyms = tmp_path / "synonyms.csv"
    synonyms.write_text("word,synonym\negg,ovum\n")
    rules = {
        "food_threshold": 0.6,
        "non_food_threshold": 0.9,
        "window_s": 8.0,
        "segment_s": 3.0,
        "non_food_segment_s": 1.5,
        "seed": 7,
        "match": "synonyms",
    }
    spec = spec_of(tmp_path, [prepare(tmp_path, "a")], synonyms=synonyms, **rules)
    settings = run_job(spec, lambda event: None).result["settings"]
    assert rules.items() <= settings.items()
    assert settings["synonyms"] == str(synonyms)
    assert len(settings["synonyms_hash"]) == 16
    assert settings["recogniser_versions"] == settings["detector_versions"] == {"test": ["1"]}
    assert {pair.segment_s for pair in read_pairs(tmp_path / "pairs.jsonl")} == {3.0, 1.5}


@pytest.mark.parametrize(("match", "n_food"), [("exact", 0), ("lemma", 10)])
def test_lemmas_mine_pairs_that_exact_names_do_not(tmp_path: Path, match: str, n_food: int) -> None:
    video = prepare(tmp_path, "a")
    heard = Transcript("a", "test", "1", "hash", (Word("Eggs,", 4.8, 5.2, 0.9),))
    write_transcript(transcript_path(tmp_path / "labels", "a", "test"), heard)
    assert run_job(spec_of(tmp_path, [video], match=match), lambda event: None).result["food"] == n_food


def test_labels_cut_by_a_kill_or_past_the_end_pass_their_video_over_and_the_others_are_mined(tmp_path: Path) -> None:
    videos = [prepare(tmp_path, uid) for uid in ("a", "b", "c", "d")]
    cut = detections_path(tmp_path / "labels", "a", "test")
    cut.write_bytes(cut.read_bytes()[:-9])
    late = Transcript("b", "test", "1", "hash", (Word("egg", 70.0, 70.4, 0.9),))
    write_transcript(transcript_path(tmp_path / "labels", "b", "test"), late)
    newer = transcript_path(tmp_path / "labels", "c", "test")
    newer.write_text(newer.read_text("utf-8").replace('"version": 1', '"version": 9', 1), "utf-8")
    told: list[events.Event] = []
    result = run_job(spec_of(tmp_path, videos), told.append).result
    assert list(result["by_video"]) == ["d"]
    reasons = [event.reason for event in told if isinstance(event, events.Skipped)]
    assert [told in reason for told, reason in zip(("is not JSON", "past the end", "version 9"), reasons, strict=True)]
    assert not any("\n" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("word", "rules", "why"),
    [
        ("Eggs", {}, {"n_food_frames": 10, "seen": (("egg", 10),), "said": (("egg", 1),), "by_lemma": 10}),
        ("Eggs", {"food_threshold": 0.95}, {"n_food_frames": 0, "most_food": 0.9, "seen": (), "by_lemma": 0}),
        ("butter", {}, {"n_food_frames": 10, "said": (("butter", 1),), "by_lemma": 0}),
        ("butter", {"match": "lemma"}, {"said": (("butter", 1),), "by_lemma": None}),
        ("whatever", {}, {"said": (), "seen": (("egg", 10),)}),
    ],
)
def test_where_there_is_no_pair_mining_says_what_was_seen_and_said_and_what_plurals_would_give(
    tmp_path: Path, word: str, rules: dict[str, object], why: dict[str, object]
) -> None:
    video = prepare(tmp_path, "a")
    heard = Transcript("a", "test", "1", "hash", (Word(word, 4.8, 5.2, 0.9),))
    write_transcript(transcript_path(tmp_path / "labels", "a", "test"), heard)
    result = run_job(spec_of(tmp_path, [video], **rules), lambda event: None).result
    assert result["food"] == 0
    assert {name: result["no_pair"][name] for name in why} == why


def test_with_pairs_nothing_is_said_of_having_none(tmp_path: Path) -> None:
    assert "no_pair" not in run_job(spec_of(tmp_path, [prepare(tmp_path, "a")]), lambda event: None).result
