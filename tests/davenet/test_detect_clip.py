"""Zero-shot detection by CLIP: end to end with a small model of random weights, and what is told where something is missing."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detecting import found_in, plain, prepare, quiet, spec_of
from tiny_clip import SIDE, write_tiny_clip

from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.food.clip import FOOD_PROMPTS, NON_FOOD_PROMPTS, ClipDetector
from davenet.labels.food.detector import open_detector
from davenet.specs import DetectorOptions

FOODS = ("Onion", "egg", "hot dog")


def noise(seed: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the packages of the extra clip are not installed")
    return write_tiny_clip(tmp_path_factory.mktemp("models") / "tiny")


def test_probabilities_are_those_of_the_model_run_as_its_authors_do(folder: Path) -> None:
    import torch
    from PIL import Image
    from transformers import CLIPModel, CLIPTokenizerFast
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    frames = [noise(1), noise(2, (90, 40)), plain(255, 0, 0)]
    seen = ClipDetector(str(folder), DetectorOptions(classes=FOODS))(frames)

    model, tokens = CLIPModel.from_pretrained(folder).eval(), CLIPTokenizerFast.from_pretrained(folder)
    pixels = CLIPImageProcessorPil.from_pretrained(folder)([Image.fromarray(f) for f in frames], return_tensors="pt")

    def probabilities(texts: list[str]) -> np.ndarray:
        with torch.no_grad():
            given = model(**tokens(texts, padding=True, return_tensors="pt"), pixel_values=pixels["pixel_values"])
        return given.logits_per_image.softmax(dim=1).numpy()

    food = probabilities([*FOOD_PROMPTS, *NON_FOOD_PROMPTS])[:, : len(FOOD_PROMPTS)].sum(axis=1)
    named = probabilities([f"a photo of {name}, a type of food." for name in FOODS])
    np.testing.assert_allclose([each.food for each in seen], food, atol=1e-5)
    for each, food_of, named_F in zip(seen, food, named, strict=True):
        expected = {name: food_of * p for name, p in zip(FOODS, named_F, strict=True)}
        assert dict(each.top) == pytest.approx(expected, abs=1e-5)
        assert [p for _, p in each.top] == sorted(dict(each.top).values(), reverse=True)


def test_the_job_runs_it_and_a_change_of_any_option_detects_again(tmp_path: Path, folder: Path) -> None:
    video = prepare(tmp_path)
    (tmp_path / "no_food.txt").write_text("a photo of a wall.\n")
    for options, outcome in (
        ({}, "detected"),
        ({}, "skipped"),
        ({"prompt": "{}!"}, "detected"),
        ({"prompt": "{}!", "non_food": tmp_path / "no_food.txt"}, "detected"),
        ({"prompt": "{}!", "non_food": tmp_path / "no_food.txt", "food_classes": ("egg", "ham = bacon")}, "detected"),
    ):
        spec = spec_of(tmp_path, video, detector=f"clip:{folder}", classes="egg\nham\nleek\n", **options)
        assert run_job(spec, quiet).result[outcome] == ["a"]
    found = found_in(tmp_path)
    assert found.detector == "clip:tiny"
    assert len(found.detector_version) == 16
    assert found.settings["foods"] == ["egg", "bacon"]
    assert found.settings["non_food_prompts"] == ["a photo of a wall."]
    assert len(found.frames) == 11


def test_without_a_list_it_looks_for_the_food_words(folder: Path) -> None:
    detector = ClipDetector(str(folder), DetectorOptions())
    assert len(detector.settings["foods"]) > 300
    (seen,) = detector([noise(3)])
    assert len(seen.top) == 5


def test_a_settings_file_beside_the_folder_is_followed(folder: Path) -> None:
    settings = folder.with_name("tiny.json")
    settings.write_text(json.dumps({"classes": ["egg", "ham"], "prompt": "some {}"}))
    try:
        assert ClipDetector(str(folder), DetectorOptions()).settings["prompt"] == "some {}"
    finally:
        settings.unlink()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prompt": "food"}, "has no place for the food"),
        ({"classes": ("egg",)}, "2 to 5000 foods, not 1"),
        ({"device": "directml"}, "torch has no directml here"),
        ({"non_food": ("# nothing",)}, "holds no sentences"),
    ],
)
def test_impossible_options_are_told(folder: Path, options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        ClipDetector(str(folder), DetectorOptions(**options))


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"])
def test_a_damaged_folder_is_told_in_one_line(tmp_path: Path, folder: Path, damage: str) -> None:
    for file in folder.iterdir():
        if file.is_file() and file.name not in ("vocab.json", "merges.txt"):
            content = file.read_bytes()
            (tmp_path / file.name).write_bytes(content[: len(content) // 2] if file.name == damage else content)
    with pytest.raises(UserError) as raised:
        ClipDetector(str(tmp_path), DetectorOptions(classes=FOODS))
    assert f"{tmp_path} does not load as a CLIP model" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_of_another_kind_of_model_is_told(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match='is a model of the kind "bert", not CLIP'):
        ClipDetector(str(tmp_path), DetectorOptions(classes=FOODS))


def test_a_named_model_without_a_network_names_the_one_command(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="hf download openai/clip-vit-base-patch32 --local-dir FOLDER"):
        open_detector("clip", DetectorOptions())


def test_the_model_sees_a_centre_square_of_its_own_side(folder: Path) -> None:
    detector = ClipDetector(str(folder), DetectorOptions(classes=FOODS))
    wide = noise(4, (SIDE, 3 * SIDE))
    assert detector([wide]) == detector([wide[:, SIDE : 2 * SIDE]])


# Without the packages -------------------------------------------------------------------------------------------------


def test_missing_packages_name_the_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError) as raised:
        open_detector("clip", DetectorOptions())
    assert str(raised.value).endswith("-m pip install transformers pillow")


def test_a_file_in_place_of_its_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"is a file; give the folder with its config\.json"):
        open_detector(f"clip:{tmp_path / 'model.safetensors'}", DetectorOptions())
