"""Pairs a second of the paper's model on a GPU, end to end: JPEGs from clip files, crops, both branches, loss, optimiser.

In bfloat16, channels last, compiled; beside it plain float32 without TF32. The share of peak is the pairs a second times the
floating point operations of a pair over the GPU's dense bfloat16 peak: an operation is a multiplication or an addition of a
convolution (everything else is left out), and the way back takes two convolutions where the way forward takes one, so
2 x 3 x multiplications. One epoch of the paper is 1,169,255 pairs.
"""

import statistics
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.bench_train import trained
from benchmarks.clips import demo_pairs
from benchmarks.figures import Figure, Skip
from davenet.model.config import MODEL_CONFIGS, N_MELS, STEPS_A_SECOND
from davenet.model.davenet import DAVEnet
from davenet.pairs import Pair

_BAR = 3000.0
_WAITING_BAR = 0.03
_QUICK: dict[str, object] = {"precision": "bfloat16", "channels_last": True, "compile": True}
_BATCHES = (100, 256, 1024)
_PLAIN_BATCH = 100
_N_VIDEOS = 14
_PAIRS_SEEN = 60_000  # in a run: half a minute at the bar, the first half of which is not counted
_PEAK = {"H200": 989e12, "H100": 989e12, "GH200": 989e12, "A100": 312e12, "L40": 181e12}  # dense bfloat16, a second


def run() -> list[Figure]:
    if not torch.cuda.is_available():
        raise Skip("torch sees no GPU on this machine")
    name = torch.cuda.get_device_name()
    peak = next((value for key, value in _PEAK.items() if key in name), None)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        pairs = demo_pairs(Path(folder) / "clips", n_videos=_N_VIDEOS, frame_rate=5.0)
        for batch in _BATCHES:
            figures += _figures(Path(folder), pairs, batch, name, peak)
        plain = throughput(Path(folder), pairs, "unsupervised", {}, _PLAIN_BATCH, _PAIRS_SEEN // 10, "cuda")[0]
        figures.append(Figure(f"VGG16 + DAVEnet on {name}, float32 eager, batch {_PLAIN_BATCH}", plain, "pairs/s"))
    return figures


def _figures(folder: Path, pairs: list[Pair], batch: int, name: str, peak: float | None) -> list[Figure]:
    speed, waiting = throughput(folder, pairs, "unsupervised", _QUICK, batch, _PAIRS_SEEN, "cuda")
    title = f"VGG16 + DAVEnet on {name}, bfloat16 compiled, batch {batch}"
    figures = [
        Figure(title, speed, "pairs/s", bar=_BAR, better="higher"),
        Figure(f"{title}: share of time that waits for the loader", waiting, "", bar=_WAITING_BAR),
    ]
    if peak is not None:
        share = speed * operations_of_a_pair(DAVEnet(MODEL_CONFIGS["davenet"]), segment_s=2.0) / peak
        figures.append(Figure(f"{title}: share of {peak / 1e12:.0f} TFLOP/s", share, ""))
    return figures


def throughput(
    folder: Path,
    pairs: list[Pair],
    preset: str,
    config: dict[str, object],
    batch_size: int,
    n_pairs: int,
    device: str,
) -> tuple[float, float]:
    """Returns pairs a second and the share of waiting, medians over the second half of a run that sees `n_pairs` pairs."""
    epochs = max(1, round(n_pairs / len(pairs)))
    values = {**config, "batch_size": batch_size, "epochs": epochs, "save_every_s": 3600.0}
    lines = [line for line in trained(folder, pairs, preset, values, device)["lines"] if "pairs_per_s" in line]
    half = lines[len(lines) // 2 :]
    return statistics.median(line["pairs_per_s"] for line in half), statistics.median(
        line["waiting_share"] for line in half
    )


def operations_of_a_pair(model: DAVEnet, *, segment_s: float) -> float:
    """Returns the floating point operations of a pair's step: those of its convolutions, forward and back."""
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += output.numel() * layer.weight[0].numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model.eval().image_map(torch.zeros(1, 3, model.config.image_size, model.config.image_size))
        model.audio_map(torch.zeros(1, N_MELS, round(segment_s * STEPS_A_SECOND)))
    return 2.0 * 3.0 * total
