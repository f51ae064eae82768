"""The loader writes into the batch, reads no more of a clip file than it shows, and holds no more memory as time goes on."""

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_clips import write_synthetic_clip

from davenet.model.config import MODEL_CONFIGS
from davenet.pairs import Pair
from davenet.training.dataset import PairReader, Segmenting, augmentation
from davenet.training.loader import Loader
from davenet.training.presets import TrainConfig

MODEL = MODEL_CONFIGS["small"].model_copy(update={"image_size": 64, "resize": 72})


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    return write_synthetic_clip(tmp_path, "video", 40, 0, size=(227, 128))


@pytest.fixture
def reader(tmp_path: Path) -> PairReader:
    return PairReader(tmp_path, MODEL, Segmenting(1.0, "frame"))


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_pictures_of_a_batch_are_those_read_one_by_one(reader: PairReader, pairs: list[Pair], jitter: float) -> None:
    config = TrainConfig(colour_jitter=jitter)
    choices = [augmentation(config, 0, index) for index in range(len(pairs))]
    assert {choice.flipped for choice in choices} == {True, False}
    found = reader.batch(pairs, choices).image_BHW3.numpy()
    for picture, pair, choice in zip(found, pairs, choices, strict=True):
        np.testing.assert_array_equal(picture, reader.picture(pair, choice))
    plain = reader.batch(pairs).image_BHW3.numpy()
    for picture, pair in zip(plain, pairs, strict=True):
        np.testing.assert_array_equal(picture, reader.picture(pair))


def test_mirrored_crop_is_the_same_crop_from_right_to_left(reader: PairReader, pairs: list[Pair]) -> None:
    choices = [augmentation(TrainConfig(), 0, index) for index in range(20)]
    for choice in choices:
        frame = np.random.default_rng(0).integers(0, 255, (128, 227, 3)).astype(np.uint8)
        mirrored, straight = (type(choice)(**{**_fields(choice), "flipped": flipped}) for flipped in (True, False))
        found, expected = (crop.crop(frame, 64).astype(int) for crop in (mirrored, straight))
        np.testing.assert_allclose(found, expected[:, ::-1], atol=1)  # a level by rounding from the other side


def _fields(choice: object) -> dict[str, object]:
    return {name: getattr(choice, name) for name in choice.__slots__}  # type: ignore[attr-defined]


def test_chances_are_evenly_spread_and_of_their_own() -> None:
    config = TrainConfig(crop_least_share=0.08, sound_shift_s=0.5, colour_jitter=0.4, sound_masks=4, pitch_shift=2)
    drawn = [augmentation(config, 0, index) for index in range(3000)]
    others = [augmentation(config, 1, 0), augmentation(config.model_copy(update={"seed": 1}), 0, 0)]
    assert len({(choice.x, choice.y) for choice in (*drawn, *others)}) == 3002
    values = np.array(
        [
            [c.area_share, np.log(c.aspect), c.x, c.y, c.flipped, c.sound_shift_s, c.pitch_shift, c.masked_bands[1]]
            for c in drawn
        ]
    )
    middle = np.array([0.54, 0, 0.5, 0.5, 0.5, 0, 0, 2])
    spread = np.array([0.92, 2 * np.log(4 / 3), 1, 1, 1, 1, 5, 5])
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - middle), 0.03 * spread)
    correlation = np.corrcoef(values.T) - np.eye(values.shape[1])
    assert np.abs(correlation).max() < 0.1
    assert {int(shift) for shift in values[:, 6]} == {-2, -1, 0, 1, 2}
    assert {int(bands) for bands in values[:, 7]} == {0, 1, 2, 3, 4}


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs a system that tells a process's memory")
def test_memory_stays_steady_over_many_batches(reader: PairReader, pairs: list[Pair]) -> None:
    choices = [augmentation(TrainConfig(), 0, index) for index in range(8)]
    for _ in range(100):
        reader.batch(pairs[:8], choices)
    before = resident_bytes()
    for _ in range(400):
        reader.batch(pairs[:8], choices)
    batch_bytes = 8 * 64 * 64 * 3
    assert resident_bytes() - before < 40 * batch_bytes  # a tenth of what was read


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs a system that tells what a process reads")
def test_no_more_of_a_clip_file_is_read_than_a_pair_shows(tmp_path: Path) -> None:
    pairs = write_synthetic_clip(tmp_path, "long", 300, 0)
    size = (tmp_path / "long.safetensors").stat().st_size
    reader = PairReader(tmp_path, MODEL, Segmenting(1.0, "frame"))
    reader.batch(pairs[:1])

    def read_bytes() -> int:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("rchar")).split()[1])

    before = read_bytes()
    reader.batch(pairs[100:104])
    assert 0 < read_bytes() - before < size / 20


def test_batch_read_in_parts_keeps_each_picture_with_its_pair_where_some_are_lost(tmp_path: Path) -> None:
    config = TrainConfig(batch_size=40)
    pairs = write_synthetic_clip(tmp_path, "whole", 36, 0, size=(227, 128))
    lost = [Pair(f"gone:{index}", "gone", 1.0, 2.0, "food") for index in range(4)]
    mixed = [*pairs[:3], lost[0], *pairs[3:22], *lost[1:], *pairs[22:]]
    reader = PairReader(tmp_path, MODEL, Segmenting(1.0, "frame"))
    loader = Loader(reader, config, torch.device("cpu"), n_threads=2)
    with closing(loader.batches(mixed, [np.arange(len(mixed))], 0)) as batches:
        (batch,) = [loaded.batch for loaded in batches]
    assert batch.pairs == tuple(pairs) and {loss.pair for loss in batch.lost} == set(lost)
    for picture, pair in zip(batch.image_BHW3.numpy(), pairs, strict=True):
        choice = augmentation(config, 0, mixed.index(pair))
        np.testing.assert_array_equal(picture, reader.picture(pair, choice))
