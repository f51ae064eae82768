"""The benchmarks of runs, at sizes that take a moment: their logic, so that it is sound where there is a GPU."""

from pathlib import Path

import pytest
from training_runs import write_material

from benchmarks.bench_train import trained
from benchmarks.bench_train_gpu import operations_of_a_pair, throughput
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet
from davenet.pairs import read_pairs

TINY: dict[str, object] = {"image_size": 32, "segment_s": 1.0, "anchor_epochs": 0, "threads": 1}


def test_throughput_is_measured_on_a_whole_run(tmp_path: Path) -> None:
    folder = write_material(tmp_path)
    pairs = list(read_pairs(folder / "train.jsonl"))
    speed, waiting = throughput(folder, pairs, "small", TINY, 16, 192, "cpu")
    assert speed > 0
    assert 0 <= waiting <= 1
    result = trained(folder, pairs, "small", {**TINY, "batch_size": 16, "epochs": 1}, "cpu")
    assert result["steps"] == 4 and len([line for line in result["lines"] if "loss" in line]) == 4
    assert 0 <= result["waiting_share"] <= 1


def test_operations_of_the_papers_model_are_those_of_its_layers() -> None:
    # VGG16's thirteen convolutions take 15.347 billion multiplications at 224 px, the embedder 0.925, the sound 0.743
    image = 15_346_630_656 + 14 * 14 * 512 * 1024 * 9
    sound = 200 * 40 * 128 + 200 * 128 * 256 * 11 + 100 * 256 * 512 * 17 + 50 * 512 * 512 * 17 + 25 * 512 * 1024 * 17
    expected = 6.0 * (image + sound)
    assert operations_of_a_pair(DAVEnet(MODEL_CONFIGS["davenet"]), segment_s=2.0) == pytest.approx(expected, rel=1e-6)
