"""Checkpoints: what comes back is what was saved, and each file that does not load says so in one sentence."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from davenet.errors import UserError
from davenet.model.checkpoint import chosen_device, load_checkpoint, read_metadata, save_checkpoint
from davenet.model.config import MODEL_CONFIGS, ModelConfig
from davenet.model.davenet import DAVEnet

TINY = MODEL_CONFIGS["small"].model_copy(
    update={"embedding": 8, "image_widths": (4, 4, 4, 4, 4), "audio_widths": (4, 4, 4), "image_size": 32, "resize": 32}
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, DAVEnet(TINY), metadata={"training": {"segment_s": 2.0}, "epoch": 3})
    return path


def test_model_and_metadata_come_back_as_saved(tmp_path: Path) -> None:
    model = DAVEnet(TINY).eval()
    save_checkpoint(tmp_path / "a.safetensors", model, metadata={"epoch": 3})
    loaded, metadata = load_checkpoint(tmp_path / "a.safetensors")
    assert metadata == {"epoch": 3}
    assert loaded.config == TINY
    assert not loaded.training
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(loaded.image_map(image), model.image_map(image))


def test_metadata_is_read_without_the_weights(checkpoint: Path) -> None:
    config, metadata = read_metadata(checkpoint)
    assert config.embedding == 8
    assert metadata["training"]["segment_s"] == 2.0


def test_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.safetensors; choose another or train"):
        load_checkpoint(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 200, -10])
def test_truncated_checkpoint_is_refused(checkpoint: Path, kept: int) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:kept])
    with pytest.raises(UserError, match="cut short"):
        load_checkpoint(checkpoint)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.safetensors"
    path.write_text("these are my notes, not weights at all")
    with pytest.raises(UserError, match="not a checkpoint"):
        load_checkpoint(path)


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (Path.touch, (Path("trap-was-sprung"),))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_pickles_are_refused_and_never_run(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.pth"
    if how == "torch":
        torch.save({"trap": Trap()}, path)
    else:
        path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match=r"can run code .* choose a \.safetensors"):
        load_checkpoint(path)
    assert not (tmp_path / "trap-was-sprung").exists()


def test_checkpoint_whose_headers_length_looks_like_a_pickle_loads(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    first_bytes = set()
    for n in range(0, 256, 4):  # the header's length takes every multiple of 8: 0x80 is a pickle's first byte
        save_checkpoint(path, DAVEnet(TINY), metadata={"note": "x" * n})
        first_bytes.add(path.read_bytes()[0])
        load_checkpoint(path)
    assert 0x80 in first_bytes


def test_safetensors_of_another_program_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="not a checkpoint of this program"):
        load_checkpoint(tmp_path / "other.safetensors")


def rewritten(path: Path, **header: str) -> Path:
    model = DAVEnet(TINY)
    values = {
        "format": "matchmap-annotator checkpoint",
        "version": "1",
        "model": TINY.model_dump_json(),
        "metadata": "{}",
        **header,
    }
    save_file(dict(model.state_dict()), path, metadata=values)
    return path


def test_checkpoint_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="version 7"):
        load_checkpoint(rewritten(tmp_path / "a.safetensors", version="7"))


@pytest.mark.parametrize("name", ["davenet", "small"])
def test_configuration_of_version_1_is_read_as_the_branches_that_it_meant(name: str) -> None:
    ours = MODEL_CONFIGS[name]
    theirs = {k: v for k, v in ours.model_dump().items() if k not in ("image_branch", "audio_branch")}
    assert ModelConfig.model_validate_json(json.dumps({"architecture": name, **theirs})) == ours


def test_checkpoint_that_version_1_wrote_loads_and_is_written_anew_with_its_branches(
    tmp_path: Path, repository: Path
) -> None:
    model, metadata = load_checkpoint(repository / "resources" / "checkpoint" / "kitchen-small.safetensors")
    assert (model.config.image_branch, model.config.audio_branch) == ("small", "small")
    save_checkpoint(tmp_path / "again.safetensors", model, metadata=metadata)
    with safe_open(tmp_path / "again.safetensors", framework="pt") as stored:
        header = stored.metadata()
    assert header["version"] == "2"
    written = json.loads(header["model"])
    assert written["image_branch"] == written["audio_branch"] == "small"
    assert "architecture" not in written
    again, _ = load_checkpoint(tmp_path / "again.safetensors")
    picture = torch.randn(1, 3, 96, 96)
    assert torch.equal(again.image_map(picture), model.image_map(picture))


def test_unknown_architecture_is_refused(tmp_path: Path) -> None:
    unknown = json.dumps({**TINY.model_dump(), "architecture": "transformer"})
    with pytest.raises(UserError, match="does not know"):
        load_checkpoint(rewritten(tmp_path / "a.safetensors", model=unknown))


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    wider = TINY.model_copy(update={"embedding": 16}).model_dump_json()
    with pytest.raises(UserError, match="another architecture"):
        load_checkpoint(rewritten(tmp_path / "a.safetensors", model=wider))


def test_device_that_is_not_there_is_a_users_error() -> None:
    assert chosen_device("cpu").type == "cpu"
    with pytest.raises(UserError, match="no device called"):
        chosen_device("toaster")
    if not torch.cuda.is_available():
        with pytest.raises(UserError, match="no GPU"):
            chosen_device("cuda")
