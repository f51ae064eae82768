"""The corpora of people's voices: what is said is what is shown, nothing leaks from training to test, figures are right."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks.recipes import digits, voices, words
from benchmarks.recipes.pair_clips import Composed, PairFiles, Shown, Spoken, middle_s, write_part, write_video
from benchmarks.recipes.race import result_path
from davenet.clips import clip_path, open_clip
from davenet.evaluation.gallery import gallery
from davenet.evaluation.localisation import clips_with_truth, namings_of
from davenet.evaluation.recall import ranks
from davenet.media.log_mel import absolute_log_mel
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet
from davenet.model.similarity import Similarity
from davenet.pairs import read_pairs
from davenet.training.dataset import PairReader, Segmenting

TINY = ModelConfig(
    image_branch="small",
    audio_branch="small",
    embedding=16,
    resize=64,
    image_size=64,
    image_widths=(8, 8, 8, 8, 16),
    audio_widths=(8, 8, 16),
)
SMALL_PARTS = {
    "training": digits.Part(64, 1, ("george", "lucas"), range(3, 5), (0.0, 0.7)),
    "validation": digits.Part(4, 2, ("george", "lucas"), range(2), (0.7, 0.8)),
    "test": digits.Part(34, 3, ("jackson",), range(2), (0.8, 1.0)),
}


def composed(number: int) -> Composed:
    """A pair that says and shows two things, at places that only this number has."""
    random = np.random.default_rng(number)
    spoken = (Spoken("one", 0.1 + number / 100, 0.5), Spoken("two", 1.2, 1.9))
    shown = (Shown("one", (number, 2, number + 20, 30)), Shown("two", (60, number, 90, number + 25)))
    picture = random.integers(0, 255, (4, 4, 3)).astype(np.uint8).repeat(32, axis=0).repeat(32, axis=1)
    return Composed(random.normal(0, 0.1, 32_000).astype(np.float32), picture, spoken, shown)


def test_digits_are_heard_when_the_truth_says_so_and_two_different_ones_are_shown(shared_data: Path) -> None:
    part = SMALL_PARTS["test"]
    takes = digits.read_takes(shared_data / "paired" / "fsdd", part)
    written = digits.written_of(part, *digits.read_mnist(shared_data / "paired" / "mnist_t10k"))
    for pair in digits.compose(part, takes, written):
        assert len({word.name for word in pair.spoken}) == 2
        assert {word.name for word in pair.spoken} == {thing.name for thing in pair.shown}
        loud_T = absolute_log_mel(pair.sound)[:, :24].max(axis=1)
        said_T = np.zeros(200, bool)
        for word in pair.spoken:
            own_T = slice(round(100 * word.start_s) + 3, round(100 * word.end_s) - 3)
            assert not said_T[own_T].any()
            said_T[own_T] = True
            assert np.quantile(loud_T[own_T], 0.8) > np.median(loud_T[:9]) + 8  # nobody speaks in the first tenth
        assert np.median(loud_T[said_T]) > np.median(loud_T[~said_T])


def test_what_the_truth_names_is_what_sounds_then_and_stands_there() -> None:
    times_s = np.arange(6400) / 16_000
    tones = [[np.sin(2 * np.pi * 300 * (digit + 1) * times_s).astype(np.float32)] for digit in range(10)]
    bars = [np.zeros((1, 28, 28), np.uint8) for _ in range(10)]
    for digit, bar in enumerate(bars):
        bar[:, 4:24, : 2 * digit + 2] = 255  # a digit's box tells by its shape which one it is
    for pair in digits.compose(digits.Part(40, 9, ("anyone",), range(1), (0.0, 1.0)), {"anyone": tones}, bars):
        for word in pair.spoken:
            heard = pair.sound[round(word.start_s * 16_000) : round(word.end_s * 16_000)]
            peak_hz = np.argmax(np.abs(np.fft.rfft(heard))) * 16_000 / len(heard)
            assert word.name == digits.NAMES[round(peak_hz / 300) - 1]
        for thing in pair.shown:
            x0, y0, x1, y1 = thing.box
            assert thing.name == digits.NAMES[round(10 * (x1 - x0) / (y1 - y0)) - 1]


def test_digits_stand_apart_and_their_boxes_hold_their_ink(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.full((128, 128, 3), 127, np.uint8)
    monkeypatch.setattr(digits, "_clutter", lambda random, written: flat.copy())
    part = SMALL_PARTS["test"]
    takes = digits.read_takes(shared_data / "paired" / "fsdd", part)
    written = digits.written_of(part, *digits.read_mnist(shared_data / "paired" / "mnist_t10k"))
    for pair in digits.compose(part, takes, written):
        ink_HW = (pair.picture_rgb != flat).any(axis=2)
        for thing in pair.shown:
            x0, y0, x1, y1 = thing.box
            assert 0 <= x0 < x1 <= 128 and 0 <= y0 < y1 <= 128 and 26 <= max(x1 - x0, y1 - y0) <= 40
            own_HW = ink_HW[y0:y1, x0:x1]
            assert own_HW[[0, -1]].any(axis=1).all() and own_HW[:, [0, -1]].any(axis=0).all()  # tight on all sides
            ink_HW[y0:y1, x0:x1] = False
            assert not ink_HW[y0 : y1 + 2, x0 : x1 + 2].any()
        assert not ink_HW.any()


def test_pairs_are_the_same_each_time_and_all_different(shared_data: Path) -> None:
    part = SMALL_PARTS["validation"]
    takes = digits.read_takes(shared_data / "paired" / "fsdd", part)
    written = digits.written_of(part, *digits.read_mnist(shared_data / "paired" / "mnist_t10k"))
    first, again = (list(digits.compose(part, takes, written)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.picture_rgb, other.picture_rgb)
        np.testing.assert_array_equal(one.sound, other.sound)
    assert len({pair.picture_rgb.tobytes() for pair in first}) == len({p.sound.tobytes() for p in first}) == len(first)


def test_no_voice_recording_or_written_digit_is_in_two_parts_of_the_digits() -> None:
    training, validation, test = (digits.PARTS[name] for name in ("training", "validation", "test"))
    assert len(test.speakers) == 2 and not set(test.speakers) & {*training.speakers, *validation.speakers}
    assert not set(training.takes) & set(validation.takes)
    images = np.zeros((1000, 28, 28), np.uint8)
    images[:, 0, :2] = np.stack(np.divmod(np.arange(1000), 256), axis=1)  # each tells its number
    labels = (np.arange(1000) % 10).astype(np.uint8)
    numbers = []
    for part in (training, validation, test):
        for digit, own in enumerate(digits.written_of(part, images, labels)):
            of_digit = own[:, 0, 0].astype(int) * 256 + own[:, 0, 1]
            assert (of_digit % 10 == digit).all()
            numbers += of_digit.tolist()
    assert sorted(numbers) == list(range(1000))


def test_truth_of_each_pair_holds_for_its_own_two_seconds_alone(tmp_path: Path) -> None:
    files = PairFiles.under(tmp_path)
    write_part(files, files.test, map(composed, range(33)), with_truth=True)
    namings = [
        naming for clip, truth in clips_with_truth(files.clips, files.truth) for naming in namings_of(clip, truth)
    ]
    assert len(namings) == 2 * 33
    found = {(n.clip.video_uid, n.frame, n.food): (n.start_s, n.end_s, n.boxes) for n in namings}
    for number in range(33):
        video, place = divmod(number, 30)
        for word, thing in zip(composed(number).spoken, composed(number).shown, strict=True):
            start_s, end_s, boxes = found[f"test_{video:03d}", place, word.name]
            assert boxes == (thing.box,)
            assert (start_s, end_s) == pytest.approx((2 * place + word.start_s, 2 * place + word.end_s))


def test_pairs_read_back_their_own_picture_and_sound(tmp_path: Path) -> None:
    pairs = write_video(tmp_path, "video", [composed(number) for number in range(3)])
    clip = open_clip(clip_path(tmp_path, "video"))
    assert [pair.time_s for pair in pairs] == [middle_s(0), middle_s(1), middle_s(2)] == [1, 3, 5]
    assert clip.duration_s == 6 and not any(pair.labels for pair in pairs)
    for number, pair in enumerate(pairs):
        read = clip.frame_rgb(clip.nearest_frame(pair.time_s)).astype(float)
        off = [np.abs(read - composed(other).picture_rgb).mean() for other in range(3)]
        assert np.argmin(off) == number and min(off) < 3
        log_mel, n_steps = clip.segment(pair.sound_s, pair.segment_s)
        own = absolute_log_mel(composed(number).sound)
        assert n_steps == 200
        np.testing.assert_allclose(log_mel.T[2:-2], (own - own.max())[2:-2], atol=1.5)


def test_class_precision_counts_the_shared_digits_of_the_first_hits() -> None:
    has_BC = np.zeros((3, 10), bool)
    for row, of_pair in enumerate([(0, 1, 2), (0, 1, 3), (7, 8, 9)]):
        has_BC[row, of_pair] = True
    similarity_BB = np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    found = digits.class_precision(similarity_BB, has_BC)
    chance = (3 * 3 + 2 * 2) / 27
    assert found["picture"] == pytest.approx(((2 / 3 + 2 / 3 + 1) / 3, chance))  # of the sounds: 1, 0, 2
    similarity_BB[0] = [0.0, 0.0, 0.5]
    found = digits.class_precision(similarity_BB, has_BC)
    assert found["sound"] == pytest.approx(((0 + 2 / 3 + 1) / 3, chance))


@pytest.mark.parametrize("kind", ["sisa", "misa"])
def test_similarities_rank_a_gallery_as_the_evaluation_does(tmp_path: Path, kind: Similarity) -> None:
    files = PairFiles.under(tmp_path)
    write_part(files, files.test, map(composed, range(66)))
    torch.manual_seed(0)
    checkpoint = tmp_path / "model.safetensors"
    metadata = {"training": {"similarity": kind, "segment_s": 2.0, "segment_at": "frame"}}
    model = DAVEnet(TINY).eval()
    save_checkpoint(checkpoint, model, metadata=metadata)
    pairs = list(read_pairs(files.test))
    reader = PairReader(files.clips, TINY, Segmenting(2.0, "frame"))
    expected = gallery(model, reader, pairs, similarity=kind, device=torch.device("cpu"))
    audio, visual = ranks(voices.similarities(checkpoint, files.clips, pairs))
    np.testing.assert_array_equal(audio, expected.audio_ranks_B)
    np.testing.assert_array_equal(visual, expected.visual_ranks_B)


def a_word(name: str = "pear") -> words.Word:
    times_s = np.arange(12_000) / 16_000
    sound = (0.2 * np.sin(2 * np.pi * 440 * times_s)).astype(np.float32)
    drawing = np.full((210, 210, 3), 255, np.uint8)
    cv2.circle(drawing, (80, 120), 60, (20, 160, 40), -1)
    cv2.circle(drawing, (80, 120), 20, (255, 255, 255), -1)  # white inside the drawing is no ground
    return words.Word(name, sound, drawing)


def test_words_of_the_gallery_are_the_originals_and_no_version_is_one() -> None:
    word = a_word()
    original = words.original(word)
    np.testing.assert_array_equal(original.sound[10_000:22_000], word.sound)
    assert not original.sound[:10_000].any() and not original.sound[22_000:].any()
    assert original.picture_rgb[73, 30].tolist() == [20, 160, 40] and original.picture_rgb[0, 0].tolist() == [255] * 3
    versions = [words.changed(word, version) for version in range(8)]
    for version in versions:
        assert version.sound.shape == (32_000,) and version.picture_rgb.shape == (128, 128, 3)
        for start in range(0, 20_000, 400):
            assert np.abs(version.sound[start : start + 12_000] - word.sound).max() > 0.01
        assert np.abs(version.picture_rgb.astype(int) - original.picture_rgb).mean() > 4
    assert len({version.picture_rgb.tobytes() for version in versions}) == 8
    np.testing.assert_array_equal(words.changed(word, 3).sound, versions[3].sound)


def test_ground_of_a_drawing_is_the_white_around_it_alone() -> None:
    outside_HW = words._outside(a_word().drawing_rgb)
    assert outside_HW[5, 5] == 1 and outside_HW[120, 40] == 0 and outside_HW[120, 80] == 0
    glow = np.broadcast_to((255 - np.arange(210))[None, :, None], (210, 210, 3)).astype(np.uint8)
    outside_HW = words._outside(np.ascontiguousarray(glow))
    assert outside_HW[100, 5] == 1 and not outside_HW[100, 20:].any()  # it does not leak along soft edges


def test_words_are_read_with_their_drawings(shared_data: Path) -> None:
    folder = shared_data / "paired" / "art4apps"
    rows = list(words._manifest(folder))
    assert len(rows) == 571 == len({row["word"] for row in rows})
    read = words._picture(folder / rows[0]["image"])
    assert read.shape == (210, 210, 3)


def test_recipes_see_as_many_pairs_and_no_digit_is_mirrored(tmp_path: Path) -> None:
    files = PairFiles.under(tmp_path)
    write_part(files, files.training, map(composed, range(36)))
    for task in voices.TASKS:
        specs = [voices.spec_of(task, voices.RECIPES[name], files, tmp_path, 5) for name in ("paper", "best")]
        assert {spec.config["epochs"] for spec in specs} == {round(voices.TASKS[task].pairs_seen / 36)} and {
            spec.config["seed"] for spec in specs
        } == {5}
        for name, value in voices.TASKS[task].config.items():
            assert [spec.config[name] for spec in specs] == [value, value]
        assert ("flip" in specs[0].config) == (task == "digits") and not specs[0].config.get("flip")
        assert [spec.preset for spec in specs] == ["weak-random", "best"]


def test_run_trains_measures_and_is_not_repeated(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(digits, "PARTS", SMALL_PARTS)
    short = voices.Task(digits.prepare, 64, {**voices.TASKS["digits"].config, "image_size": 64, "precision": "float32"})
    monkeypatch.setattr(voices, "TASKS", {"digits": short})
    result = voices.one(shared_data, tmp_path, "digits-best", 0)
    assert result["pairs_seen"] == 2 * 64 and result["gallery"]["size"] == 34
    assert result["measures"]["audio R@10"]["chance"] == pytest.approx(10 / 34)
    assert all(0 <= figure["value"] <= 1 for figure in result["measures"].values())
    assert {"pointing accuracy", "pointing with another word"} < set(result["measures"])
    result_path(tmp_path, "digits-paper", 0).write_text(json.dumps({**result, "recipe": "paper"}))
    written = result_path(tmp_path, "digits-best", 0).stat().st_mtime_ns
    assert voices.main(["--work", str(tmp_path), "--data", str(shared_data), "--seeds", "0", "--only", "digits"]) == 0
    assert result_path(tmp_path, "digits-best", 0).stat().st_mtime_ns == written
    assert "| mean R@10 | 29.4% |" in capsys.readouterr().out
    assert len((tmp_path / "voices.jsonl").read_text().splitlines()) == 2


def test_pairs_of_training_stand_for_what_a_recogniser_heard(shared_data: Path, tmp_path: Path) -> None:
    part = SMALL_PARTS["training"]
    takes = digits.read_takes(shared_data / "paired" / "fsdd", part)
    heard = digits.recognised(takes)
    named = [(digits.NAMES[d], name) for of in heard.values() for d, names in enumerate(of) for name in names]
    right = sum(truth == name for truth, name in named) / len(named)
    assert 0.5 < right < 1  # real errors of a real recogniser
    written = digits.written_of(part, *digits.read_mnist(shared_data / "paired" / "mnist_t10k"))
    composed_pairs = list(digits.compose(part, takes, written, heard))[:2]
    pairs = write_video(tmp_path, "v", composed_pairs)
    assert [pair.labels[0].class_name for pair in pairs] == [w.heard for c in composed_pairs for w in c.spoken]
    assert [pair.time_s for pair in pairs] == [1.0] * 2 + [3.0] * 2
    assert len({pair.uid for pair in pairs}) == 4
    assert all(abs(pair.labels[0].word_start - pair.time_s) <= 1 for pair in pairs)


def test_table_states_means_deviations_ratios_and_differences() -> None:
    def run(recipe: str, seed: int, recall: float, pointing: float, seconds: float) -> dict[str, object]:
        measures = {"mean R@10": {"value": recall, "chance": 0.02}, "pointing accuracy": {"value": pointing}}
        gallery_of = {"size": 500, "hash": "abc"}
        return {"task": "digits", "recipe": recipe, "seed": seed, "measures": measures, "gallery": gallery_of} | {
            "pairs_seen": 60_000, "seconds": seconds,
        }  # fmt: skip

    results = [run("paper", 0, 0.1, 0.2, 100), run("paper", 1, 0.2, 0.2, 120), run("best", 0, 0.3, 0.4, 220)]
    told = voices.table("digits", "best", json.loads(json.dumps(results)))
    assert "| mean R@10 | 2.0% | 15.0 ± 7.1 % | 30.0 ± 0.0 % | × 2.00 |" in told
    assert "| pointing accuracy |  | 20.0 ± 0.0 % | 40.0 ± 0.0 % | +20.0 points |" in told
    assert "| seconds of training | | 110 ± 14 | 220 ± 0 | × 2.00 |" in told
    assert "1 and 2 seeds" in told
    assert "no results of both recipes" in voices.table("words", "best", results)


@pytest.mark.parametrize("task", ["digits", "words"])
def test_absent_data_is_told_in_one_sentence(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert voices.main(["--work", str(tmp_path / "work"), "--data", str(tmp_path), "--only", task]) == 2
    told = capsys.readouterr().err
    assert "not here" in told and "--data" in told and len(told.splitlines()) == 1
