"""The cache of a frozen image branch: right, complete after a stop, never another model's, rebuilt where it is damaged."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from synthetic_clips import write_synthetic_clip

from davenet import events
from davenet.clips import open_clip, write_clip
from davenet.errors import UserError
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import similarity_matrix
from davenet.pairs import Pair
from davenet.training.dataset import PairReader, Segmenting
from davenet.training.image_maps import ImageMaps, freeze_image_branch
from davenet.training.presets import TrainConfig

CONFIG = ModelConfig(
    image_branch="small",
    audio_branch="small",
    embedding=16,
    image_size=32,
    resize=32,
    image_widths=(4, 4, 4, 4, 4),
    audio_widths=(8, 8, 8),
)
CPU = torch.device("cpu")
MISA, SISA = TrainConfig(similarity="misa"), TrainConfig(similarity="sisa")
ROW_BYTES = 16 * 4 * 4 * 2


@pytest.fixture
def model() -> DAVEnet:
    """A model whose batch norms have seen pictures, as after a training."""
    torch.manual_seed(0)
    model = DAVEnet(CONFIG).train()
    with torch.no_grad():
        for _ in range(20):
            model.image_map(torch.randn(8, 3, 32, 32))
    return model.eval()


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    (tmp_path / "clips").mkdir()
    return [p for seed in range(2) for p in write_synthetic_clip(tmp_path / "clips", f"video-{seed}", 20, seed)]


@pytest.fixture
def reader(tmp_path: Path, pairs: list[Pair]) -> PairReader:
    return PairReader(tmp_path / "clips", CONFIG, Segmenting(1.0, "frame"))


class Told:
    """Collects the events of a job and stops it after some batches."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.events: list[events.Event] = []
        self._stop_after = stop_after

    def emit(self, event: events.Event) -> None:
        self.events.append(event)

    def stop(self) -> bool:
        n_batches = sum(isinstance(event, events.Progress) for event in self.events)
        return self._stop_after is not None and n_batches >= self._stop_after

    def computed(self) -> float:
        """Returns how many frames were looked at."""
        return max((event.done for event in self.events if isinstance(event, events.Progress)), default=0)

    def warnings(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, events.Message) and e.level == "warning"]


def prepared(maps: ImageMaps, reader: PairReader, pairs: list[Pair], stop_after: int | None = None) -> Told:
    told = Told(stop_after)
    assert maps.prepare(reader, pairs, CPU, told.emit, told.stop) == []
    return told


def looked_at(model: DAVEnet, reader: PairReader, pairs: list[Pair]) -> torch.Tensor:
    with torch.no_grad():
        return model.image_map(normalised(reader.batch(pairs).image_BHW3))


def test_cached_maps_are_what_the_image_branch_gives_to_half_precision(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    prepared(maps, reader, pairs)
    chosen = [pairs[i] for i in (25, 3, 39, 3, 0)]
    expected_BDHW = looked_at(model, reader, chosen)
    found_BDHW = maps.batch(chosen)
    assert found_BDHW.dtype == torch.float32
    assert found_BDHW.shape == (5, 16, 4, 4)
    np.testing.assert_allclose(found_BDHW, expected_BDHW, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(found_BDHW[0], found_BDHW[1], atol=1e-2)


def test_only_embeddings_are_kept_where_the_similarity_uses_no_more(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    maps = ImageMaps(tmp_path / "maps", model, SISA)
    prepared(maps, reader, pairs)
    image_BDHW = looked_at(model, reader, pairs)
    audio_BDT = torch.randn(40, 16, 7)
    steps_B = torch.full((40,), 7)
    expected_BB = similarity_matrix(image_BDHW, audio_BDT, steps_B, kind="sisa")
    found_BB = similarity_matrix(maps.batch(pairs), audio_BDT, steps_B, kind="sisa")
    np.testing.assert_allclose(found_BB, expected_BB, atol=2e-3 * float(expected_BB.abs().max()))
    assert maps.bytes_a_frame == 2 * 16
    assert maps.folder != ImageMaps(tmp_path / "maps", model, MISA).folder


def test_frames_that_are_cached_are_not_looked_at_again(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    first = prepared(ImageMaps(tmp_path / "maps", model, MISA), reader, pairs[7:25])
    assert first.computed() == 18
    again = ImageMaps(tmp_path / "maps", model, MISA)
    assert prepared(again, reader, pairs[7:25]).computed() == 0
    assert prepared(again, reader, pairs).computed() == 22
    np.testing.assert_allclose(again.batch(pairs), looked_at(model, reader, pairs), rtol=1e-3, atol=1e-4)


def test_files_are_safetensors_whose_size_was_announced(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    told = prepared(maps, reader, pairs)
    text = next(event.text for event in told.events if isinstance(event, events.Message))
    assert f"40 frames × D × H × W × 2 = {ROW_BYTES} bytes" in text
    assert "0.0 MB" in text and "40 are to be computed" in text
    files = sorted(maps.folder.iterdir())
    assert [file.name for file in files] == ["video-0.safetensors", "video-1.safetensors"]
    assert files[0].stat().st_size == 1024 + 20 * (ROW_BYTES + 16)
    with safe_open(files[0], framework="numpy") as stored:
        assert stored.get_tensor("maps").shape == (20, 16, 4, 4)
        assert stored.get_tensor("maps").dtype == np.float16
        assert stored.get_tensor("frames").tolist() == list(range(20))


def test_other_weights_or_another_crop_never_meet_a_cache_that_is_not_theirs(tmp_path: Path, model: DAVEnet) -> None:
    folder = ImageMaps(tmp_path / "maps", model, MISA).folder
    with torch.no_grad():
        model.audio_branch.get_parameter("spectral.weight").add_(1)  # the sound has no part in it
    assert ImageMaps(tmp_path / "maps", model, MISA).folder == folder
    wider = DAVEnet(CONFIG.model_copy(update={"resize": 40})).eval()
    wider.load_state_dict(model.state_dict())
    assert ImageMaps(tmp_path / "maps", wider, MISA).folder != folder
    with torch.no_grad():
        next(iter(model.image_branch.parameters())).view(-1)[0] += 1e-6
    assert ImageMaps(tmp_path / "maps", model, MISA).folder != folder


def test_statistics_of_batch_norms_are_part_of_the_weights(tmp_path: Path, model: DAVEnet) -> None:
    folder = ImageMaps(tmp_path / "maps", model, MISA).folder
    model.train()
    model.image_map(torch.randn(4, 3, 32, 32))
    assert ImageMaps(tmp_path / "maps", model, MISA).folder != folder


def test_stopped_preparation_keeps_what_it_computed_and_goes_on_from_there(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    told = Told(stop_after=1)
    with pytest.raises(events.Stop):
        ImageMaps(tmp_path / "maps", model, MISA).prepare(reader, pairs, CPU, told.emit, told.stop)
    assert told.computed() == 8
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    assert prepared(maps, reader, pairs).computed() == 32
    np.testing.assert_allclose(maps.batch(pairs), looked_at(model, reader, pairs), rtol=1e-3, atol=1e-4)
    assert all(not file.name.endswith(".part") for file in maps.folder.iterdir())


@pytest.mark.parametrize("damage", ["cut", "emptied", "changed", "header"])
def test_damaged_file_is_named_and_computed_again(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair], damage: str
) -> None:
    first = ImageMaps(tmp_path / "maps", model, MISA)
    prepared(first, reader, pairs)
    path = first.folder / "video-1.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "changed":
        content[1024 + 5 * ROW_BYTES + 100] ^= 0xFF
    elif damage == "header":
        content[20:60] = b"x" * 40
    path.write_bytes({"cut": content[:3000], "emptied": b""}.get(damage, content))
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    told = prepared(maps, reader, pairs)
    assert [str(path) in warning for warning in told.warnings()] == [True]
    assert told.computed() == 20
    np.testing.assert_allclose(maps.batch(pairs), looked_at(model, reader, pairs), rtol=1e-3, atol=1e-4)


def test_file_that_is_cut_short_in_mid_run_is_an_error_in_a_sentence(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    prepared(maps, reader, pairs)
    os.truncate(maps.folder / "video-0.safetensors", 1024 + 3 * ROW_BYTES)
    maps.batch(pairs[:3])
    with pytest.raises(UserError, match=r"video-0\.safetensors was changed while it was in use"):
        maps.batch(pairs[3:5])


def test_clip_that_was_extracted_anew_is_looked_at_again(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    prepared(ImageMaps(tmp_path / "maps", model, MISA), reader, pairs)
    write_synthetic_clip(tmp_path / "clips", "video-0", 20, 77)
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    told = prepared(maps, reader, pairs)
    assert told.computed() == 20
    assert told.warnings() == []
    np.testing.assert_allclose(maps.batch(pairs), looked_at(model, reader, pairs), rtol=1e-3, atol=1e-4)


def test_pairs_whose_frame_or_clip_cannot_be_read_are_returned_with_the_reason(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    clip = open_clip(tmp_path / "clips" / "video-0.safetensors")
    jpegs = [clip.frame_jpeg(index).tobytes() for index in range(clip.n_frames)]
    jpegs[4] = b"no picture"
    write_clip(
        tmp_path / "clips" / "video-0.safetensors",
        frames_jpeg=jpegs,
        frame_times_s=clip.frame_times_s,
        log_mel=np.array(clip.log_mel),
        metadata=clip.metadata,
    )
    absent = Pair("absent", "video-9", 1.0, 1.0, "uniform")
    for _ in range(2):  # computed, and from the cache
        maps = ImageMaps(tmp_path / "maps", model, MISA)
        told = Told()
        lost = maps.prepare(reader, [*pairs, absent], CPU, told.emit, told.stop)
        assert [loss.pair.uid for loss in lost] == ["absent", pairs[4].uid]
        assert "video-9" in lost[0].reason
        assert "4.5 s of video-0 cannot be read" in lost[1].reason
        good = [pair for pair in pairs if pair.uid != pairs[4].uid]
        assert torch.isfinite(maps.batch(good)).all()


def test_disk_without_room_is_told_before_anything_is_computed(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 40 * ROW_BYTES - 1))
    told = Told()
    maps = ImageMaps(tmp_path / "maps", model, MISA)
    with pytest.raises(UserError, match="free some space"):
        maps.prepare(reader, pairs, CPU, told.emit, told.stop)
    assert told.computed() == 0
    assert list(maps.folder.iterdir()) == []


def test_values_beyond_half_precision_are_refused(
    tmp_path: Path, model: DAVEnet, reader: PairReader, pairs: list[Pair]
) -> None:
    with torch.no_grad():
        model.image_branch.get_parameter("embedding_norm.weight").fill_(1e6)
    told = Told()
    with pytest.raises(UserError, match="half precision"):
        ImageMaps(tmp_path / "maps", model, MISA).prepare(reader, pairs, CPU, told.emit, told.stop)


def test_frozen_branch_learns_nothing_and_keeps_its_statistics(model: DAVEnet) -> None:
    model.train()
    freeze_image_branch(model)
    before = {name: value.clone() for name, value in model.image_branch.state_dict().items()}
    image_BDHW = model.image_map(torch.randn(4, 3, 32, 32))
    assert not image_BDHW.requires_grad
    model.audio_map(torch.randn(4, 40, 50)).sum().backward()
    assert all(parameter.grad is None for parameter in model.image_branch.parameters())
    for name, value in model.image_branch.state_dict().items():
        assert torch.equal(value, before[name])
    assert model.audio_branch.training
