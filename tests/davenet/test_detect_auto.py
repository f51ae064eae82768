"""`auto`: which detector it takes, why, and what it tells who has none."""

import json
import os
from pathlib import Path

import pytest
from detecting import found_in, prepare, quiet, spec_of
from onnx_models import write_channel_mean_model

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.food import auto
from davenet.specs import DetectorOptions

NCHW = ("n", 3, 8, 6)


def cache_model(cache: Path, name: str, size: int, *, kind: str = "clip", weights: str = "model.safetensors") -> None:
    snapshot = cache / f"models--{name.replace('/', '--')}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps({"model_type": kind}))
    (snapshot / "tokenizer.json").write_text("{}")
    (snapshot / weights).write_bytes(b"0" * size)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(auto, "_has_clip_packages", lambda: True)
    return tmp_path / "cache"


def test_the_labeller_that_the_project_used_last_is_taken_again_with_its_options(tmp_path: Path, cache: Path) -> None:
    cache_model(cache, "openai/clip-vit-base-patch32", 10)
    model = write_channel_mean_model(tmp_path / "m.onnx", NCHW, probabilities=True)
    video = prepare(tmp_path)
    run_job(spec_of(tmp_path, video, detector=f"onnx:{model}", p_food="sum", order="BGR"), quiet)
    first = found_in(tmp_path)
    said: list[events.Event] = []
    final = run_job(spec_of(tmp_path, video, detector="auto", classes=None), said.append)
    assert final.result["skipped"] == ["a"]  # the same detector with the same settings has seen it
    assert f"onnx:{model}: this project used it last." in [e.text for e in said if isinstance(e, events.Message)]
    run_job(spec_of(tmp_path, video, detector="auto", classes=None, order="RGB"), quiet)
    assert found_in(tmp_path).settings == first.settings | {"pixels": {**first.settings["pixels"], "order": "RGB"}}


def test_a_labeller_whose_files_are_gone_is_not_taken(tmp_path: Path, cache: Path) -> None:
    for name in ("m.onnx", "c.txt"):
        (tmp_path / name).write_bytes(b"")
    auto.remember(tmp_path, f"onnx:{tmp_path / 'm.onnx'}", DetectorOptions(classes=tmp_path / "c.txt"))
    assert auto.choose(tmp_path).detector == f"onnx:{tmp_path / 'm.onnx'}"
    (tmp_path / "c.txt").unlink()
    with pytest.raises(UserError, match="No food detector is here yet"):
        auto.choose(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"detector": "onnx:x"}', '{"detector": "x", "options": {"a": 1}}']
)
def test_a_damaged_memory_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "detector.json").write_text(text)
    assert auto.recall(tmp_path) is None


def test_the_largest_clip_model_on_this_machine_is_taken_and_a_better_one_is_named(tmp_path: Path, cache: Path) -> None:
    cache_model(cache, "openai/clip-vit-base-patch32", 10, weights="pytorch_model.bin")
    cache_model(cache, "some/bert", 99, kind="bert")
    choice = auto.choose(tmp_path)
    assert choice.detector == "clip:openai/clip-vit-base-patch32"
    assert choice.told.endswith("annotator detect PROJECT --with clip:openai/clip-vit-large-patch14")
    cache_model(cache, "openai/clip-vit-large-patch14", 20)
    choice = auto.choose(tmp_path)
    assert (choice.detector, choice.better) == ("clip:openai/clip-vit-large-patch14", "")


def test_a_broken_off_download_is_no_model(tmp_path: Path, cache: Path) -> None:
    snapshot = cache / "models--a--b" / "snapshots" / "x"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "clip"}')
    assert auto.cached_clip_models() == []
    (snapshot / "config.json").write_text('{"model_')
    assert auto.cached_clip_models() == []


def test_without_any_model_the_remedies_are_told_in_one_line(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError) as raised:
        run_job(spec_of(tmp_path, prepare(tmp_path), detector="auto", classes=None), quiet)
    told = str(raised.value)
    assert "annotator detect PROJECT --with clip:openai/clip-vit-base-patch32" in told
    assert "--with onnx:MODEL --classes FILE" in told
    assert "--with import:FILE" in told
    assert "pip install" not in told
    assert "\n" not in told
    monkeypatch.setattr(auto, "_has_clip_packages", lambda: False)
    assert "-m pip install transformers pillow, then annotator detect" in auto.remedies()


def test_without_its_packages_clip_is_not_taken_though_it_was_used_before(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_model(cache, "openai/clip-vit-base-patch32", 10)
    auto.remember(tmp_path, "clip:openai/clip-vit-base-patch32", DetectorOptions())
    assert auto.choose(tmp_path).reason == "this project used it last"
    monkeypatch.setattr(auto, "_has_clip_packages", lambda: False)
    with pytest.raises(UserError, match="No food detector"):
        auto.choose(tmp_path)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert auto._cache_dir() == Path.home() / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert auto._cache_dir() == Path(os.fspath(tmp_path)) / "hub"
