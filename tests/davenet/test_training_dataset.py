"""Pairs as the model gets them: what a batch holds, and every chance of it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from training_runs import write_material

from davenet.model.config import MODEL_CONFIGS
from davenet.pairs import Pair, WeakLabel, read_pairs
from davenet.training.dataset import PairReader, Segmenting, Windows, augmentation, batch_indices, evaluation_crop
from davenet.training.presets import PRESETS, TrainConfig


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_material(tmp_path_factory.mktemp("material"))


@pytest.mark.parametrize("pairs_a_video", [1, 4])
def test_every_pair_is_in_one_batch_of_an_epoch_and_no_batch_has_one(pairs_a_video: int) -> None:
    for n in (2, 3, 5, 31, 64, 65):
        videos = [f"video-{i % 7}" for i in range(n)]
        batches = batch_indices(videos, 32, seed=1, epoch=4, pairs_a_video=pairs_a_video)
        assert sorted(int(i) for b in batches for i in b) == list(range(n))
        assert min(len(b) for b in batches) >= 2
    first, second = (batch_indices(videos, 32, seed=1, epoch=e, pairs_a_video=pairs_a_video)[0] for e in (4, 5))
    assert not np.array_equal(first, second)


def test_pairs_of_a_video_stay_together_where_they_should() -> None:
    videos = [f"video-{i % 8}" for i in range(128)]
    for batch in batch_indices(videos, 16, seed=0, epoch=0, pairs_a_video=8):
        assert len({videos[i] for i in batch}) == 2


def test_chances_of_a_pair_follow_from_seed_epoch_and_pair_alone() -> None:
    config = PRESETS["small"]
    assert augmentation(config, 3, 7) == augmentation(config, 3, 7)
    assert augmentation(config, 3, 7) != augmentation(config, 4, 7)
    assert augmentation(config, 3, 7) != augmentation(config, 3, 8)


def test_augmentation_that_is_switched_off_gives_the_largest_square() -> None:
    config = TrainConfig(crop_least_share=1.0, flip=False, model="small")
    frame = np.random.default_rng(0).integers(0, 255, (64, 100, 3)).astype(np.uint8)
    choice = augmentation(config, 0, 0)
    assert choice.sound_shift_s == 0
    np.testing.assert_array_equal(choice.crop(frame, 64), frame[:, 18:82])


def test_disturbed_sound_keeps_its_length_and_falls_silent_only_where_it_is_masked() -> None:
    sound = np.full((40, 50), -10.0, np.float32)
    quiet = TrainConfig(crop_least_share=1.0, flip=False)
    assert augmentation(quiet, 0, 0).disturb(sound, 50) is sound
    loud = TrainConfig(sound_masks=8, pitch_shift=2, colour_jitter=0.2)
    for index in range(30):
        choice = augmentation(loud, 0, index)
        disturbed = choice.disturb(sound, 50)
        assert disturbed.shape == (40, 50)
        assert set(np.unique(disturbed)) <= {-80.0, -10.0}
        assert (disturbed[:, 0] == -80).sum() <= 10 or choice.masked_steps[0] * 50 < 1
        assert (disturbed == -10).mean() > 0.4
    assert (sound == -10).all()


def test_pitch_shift_moves_the_bands_and_leaves_silence_behind() -> None:
    sound = np.repeat(np.arange(40, dtype=np.float32)[:, None], 3, axis=1)
    still = augmentation(TrainConfig(), 0, 0)
    up, down = (dataclasses.replace(still, pitch_shift=by).disturb(sound, 3)[:, 0] for by in (2, -2))
    assert up[:4].tolist() == [-80, -80, 0, 1]
    assert down[-4:].tolist() == [38, 39, -80, -80]


def test_tint_changes_colours_and_never_wraps_around() -> None:
    picture = np.full((4, 4, 3), 250, np.uint8)
    tinted = dataclasses.replace(augmentation(TrainConfig(), 0, 0), gains_rgb=(1.2, 1.0, 0.5)).tint(picture)
    assert tinted[0, 0].tolist() == [255, 250, 125]


@pytest.mark.parametrize("size", [(20, 400), (400, 20), (3, 3), (90, 160)])
def test_random_crops_stay_inside_frames_of_any_shape(size: tuple[int, int]) -> None:
    frame = np.zeros((*size, 3), np.uint8)
    for index in range(50):
        assert augmentation(TrainConfig(), 0, index).crop(frame, 32).shape == (32, 32, 3)


def test_evaluation_crop_takes_the_region_that_the_model_names() -> None:
    frame = np.zeros((270, 480, 3), np.uint8)
    config = MODEL_CONFIGS["davenet"]
    x0, y0, x1, y1 = config.crop_of(480, 270)
    frame[round(y0 * 270) : round(y1 * 270), round(x0 * 480) : round(x1 * 480)] = 255
    picture = evaluation_crop(frame, config)
    assert picture.shape == (224, 224, 3)
    assert (picture == 255).all()


def test_sound_is_centred_on_the_word_where_the_configuration_says_so() -> None:
    label = WeakLabel("onion", 0.9, 1, "onion", 12.0, 12.6, 0.8)
    pair = Pair("a", "v", 10.0, 2.0, "food", (label,), 0.9, sound_offset_s=0.5)
    assert Segmenting(None, "frame").of(pair) == (10.5, 2.0)
    assert Segmenting(4.0, "word").of(pair) == (pytest.approx(12.8), 4.0)
    assert Segmenting(4.0, "word").of(Pair("a", "v", 10.0, 2.0, "uniform"), 0.1) == (10.1, 4.0)


@pytest.mark.parametrize(("time_s", "said_at", "nudged", "heard_at"), [
    (10.0, 40.0, 0.0, 40.0),
    (10.0, 40.0, 0.5, 40.5),
    (10.0, 40.0, -5.0, 35.0),
    (10.0, 13.0, 0.0, 13.0),
    (44.0, 40.0, -0.3, 39.7),
])  # fmt: skip
def test_an_accepted_match_is_heard_where_its_sound_lies(
    time_s: float, said_at: float, nudged: float, heard_at: float
) -> None:
    """The sound of another pair brings its word along: the offset leads to it, and is not to be added to it."""
    onion = WeakLabel("onion", 0.9, 1, "onion", said_at - 0.2, said_at + 0.2, 0.8)
    match = Pair("m", "v", time_s, 2.0, "food", (onion,), 0.9, said_at - time_s + nudged)
    for segmenting in (Segmenting(1.2, "word"), Segmenting(1.2, "frame")):
        assert segmenting.of(match) == (pytest.approx(heard_at), 1.2)


@pytest.mark.parametrize("nudge_s", [-5.0, -0.3, 0.1, 0.6, 5.0])
@pytest.mark.parametrize("word_off_s", [-0.5, 0.0, 0.4])
def test_a_nudge_moves_the_sound_of_a_word_that_is_said_at_its_frame(nudge_s: float, word_off_s: float) -> None:
    said_at = 10 + word_off_s
    onion = WeakLabel("onion", 0.9, 1, "onion", said_at - 0.2, said_at + 0.2, 0.8)
    pair = Pair("n", "v", 10.0, 2.0, "food", (onion,), 0.9, nudge_s)
    assert Segmenting(1.2, "word").of(pair) == (pytest.approx(said_at + nudge_s), 1.2)


def test_reader_cuts_the_sound_that_belongs_to_the_pair(material: Path) -> None:
    pair = next(iter(read_pairs(material / "train.jsonl")))
    reader = PairReader(material / "clips", MODEL_CONFIGS["small"], Segmenting(None, "frame"))
    assert reader.picture(pair).shape == (96, 96, 3)
    ((log_mel, n_steps),) = reader.sounds(pair)
    assert log_mel.shape == (40, 100)
    assert n_steps == 100
    assert log_mel.max() == 0


def test_windows_around_a_pair_lie_at_equal_spaces_and_are_empty_beyond_the_video(material: Path) -> None:
    pair = next(iter(read_pairs(material / "train.jsonl")))  # at 0.5 s, 1 s of sound
    reader = PairReader(material / "clips", MODEL_CONFIGS["small"], Segmenting(None, "frame"))
    before, own, after = reader.sounds(pair, windows=Windows(3, 1.0))
    assert before[1] == 0 and own[1] == after[1] == 100
    np.testing.assert_array_equal(own[0], reader.sounds(pair)[0][0])
    np.testing.assert_array_equal(after[0], reader.sounds(dataclasses.replace(pair, sound_offset_s=1.0))[0][0])
    batch = reader.batch([pair, pair], windows=Windows(3, 1.0))
    assert batch.n_steps_B.tolist() == [0, 100, 100] * 2


def test_light_pitch_and_silenced_bands_reach_the_batch(material: Path) -> None:
    pair = next(iter(read_pairs(material / "train.jsonl")))
    reader = PairReader(material / "clips", MODEL_CONFIGS["small"], Segmenting(None, "frame"))
    config = TrainConfig(model="small", crop_least_share=1.0, flip=False)
    plain = reader.batch([pair], [augmentation(config, 0, 0)])
    for changed in ({"colour_jitter": 0.5}, {"sound_masks": 12}, {"pitch_shift": 3}):
        augmented = [augmentation(config.model_copy(update=changed), epoch, 0) for epoch in range(4)]
        batches = [reader.batch([pair], [one]) for one in augmented]
        pictures_differ = any((b.image_BHW3 != plain.image_BHW3).any() for b in batches)
        sounds_differ = any((b.log_mel_BMT != plain.log_mel_BMT).any() for b in batches)
        assert (pictures_differ, sounds_differ) == (("colour_jitter" in changed), ("colour_jitter" not in changed)), (
            changed
        )
