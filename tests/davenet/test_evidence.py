"""What a checkpoint makes of weak labels: each figure against a plain calculation over whole matrices."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_clips import write_synthetic_clip

from davenet.errors import UserError
from davenet.evaluation.evidence import evidence_of
from davenet.jobs import run_job
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, similarity_matrix
from davenet.pairs import Pair, WeakLabel, write_pairs
from davenet.specs import EvidenceSpec
from davenet.training.dataset import PairReader, Segmenting

CONFIG = MODEL_CONFIGS["small"].model_copy(update={"image_size": 32, "resize": 32})
CPU = torch.device("cpu")
FOODS = ("onion", "leek", "egg")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> DAVEnet:
    torch.manual_seed(1)
    return DAVEnet(CONFIG).eval()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Pair]]:
    folder = tmp_path_factory.mktemp("clips")
    pairs = [pair for seed in range(4) for pair in write_synthetic_clip(folder, f"video-{seed}", 12, seed)]
    return folder, [labelled(pair, FOODS[number % 3]) for number, pair in enumerate(pairs)]


def labelled(pair: Pair, food: str) -> Pair:
    label = WeakLabel(food, 0.8, 1, food, pair.time_s, pair.time_s + 0.4, 0.7)
    return replace(pair, kind="food", labels=(label,))


def fits(similarity_C: np.ndarray, name: str, others: Sequence[Pair], video_uid: str) -> float:
    means = {
        food: np.mean([
            similarity_C[at] for at, other in enumerate(others)
            if other.labels[0].class_name == food and other.video_uid != video_uid
        ])
        for food in FOODS
    }  # fmt: skip
    return sum(means[food] < means[name] for food in FOODS if food != name) / 2


@pytest.mark.parametrize("kind", ["sisa", "misa", "sima"])
def test_a_label_is_placed_among_the_classes_of_other_videos(
    model: DAVEnet, clips: tuple[Path, list[Pair]], kind: Similarity
) -> None:
    folder, pairs = clips
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    batch = reader.batch(pairs)
    with torch.no_grad():
        whole_BB = similarity_matrix(
            model.image_map(normalised(batch.image_BHW3)),
            model.audio_map(batch.log_mel_BMT, batch.n_steps_B),
            model.audio_steps_B(batch.n_steps_B),
            kind=kind,
        ).numpy()
    found = evidence_of(model, reader, pairs, similarity=kind, device=CPU)
    frames = whole_BB - whole_BB.mean(axis=0, keepdims=True)  # a frame against sounds that differ in loudness of match
    sounds = whole_BB - whole_BB.mean(axis=1, keepdims=True)
    for at, (one, pair) in enumerate(zip(found, pairs, strict=True)):
        name = pair.labels[0].class_name
        assert one.uid == pair.uid and one.class_name == name and one.n == len(pairs)
        assert one.frame_fits == fits(frames[at], name, pairs, pair.video_uid)
        assert one.sound_fits == fits(sounds[:, at], name, pairs, pair.video_uid)
        assert one.rank == 1 + sum(
            whole_BB[at, other] >= whole_BB[at, at] for other in range(len(pairs)) if other != at
        )
    assert {one.sound_fits for one in found} == {0.0, 0.5, 1.0}


def test_a_class_of_a_single_video_is_not_compared_with_its_own_kitchen(
    model: DAVEnet, clips: tuple[Path, list[Pair]]
) -> None:
    folder, pairs = clips
    alone = [labelled(pairs[0], "cheese"), *pairs[1:]]
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    found = evidence_of(model, reader, alone, similarity="sisa", device=CPU)
    assert found[0].sound_fits is None and found[0].frame_fits is None and found[0].rank is not None
    assert all(one.sound_fits is not None for one in found[1:])


def test_the_job_writes_a_line_a_pair_and_leaves_out_what_has_no_label(
    model: DAVEnet, clips: tuple[Path, list[Pair]], tmp_path: Path
) -> None:
    folder, pairs = clips
    checkpoint, given = tmp_path / "m.safetensors", tmp_path / "pairs.jsonl"
    save_checkpoint(checkpoint, model, metadata={})
    write_pairs(given, [*pairs, replace(pairs[0], uid="plain", kind="non-food", labels=())])
    spec = EvidenceSpec(checkpoint=checkpoint, clips_dir=folder, pairs=given, out=tmp_path / "evidence.jsonl")
    result = run_job(spec).result  # type: ignore[union-attr]
    lines = [json.loads(line) for line in spec.out.read_text("utf-8").splitlines()]
    assert [line["uid"] for line in lines] == [pair.uid for pair in pairs]
    assert result["pairs"] == len(pairs) and result["classes"] == 3


def test_one_class_is_too_few_and_says_what_to_do(
    model: DAVEnet, clips: tuple[Path, list[Pair]], tmp_path: Path
) -> None:
    folder, pairs = clips
    checkpoint, given = tmp_path / "m.safetensors", tmp_path / "pairs.jsonl"
    save_checkpoint(checkpoint, model, metadata={})
    write_pairs(given, [labelled(pair, "egg") for pair in pairs])
    spec = EvidenceSpec(checkpoint=checkpoint, clips_dir=folder, pairs=given, out=tmp_path / "evidence.jsonl")
    with pytest.raises(UserError, match=r"pairs\.jsonl names 1 classes .* mine more"):
        run_job(spec)
    assert not spec.out.exists()
