"""Matchmaps at 24 a second against the image branch alone on the same pictures: what the sound of a video costs.

Neither side prepares: the pictures lie decoded and cropped in memory, the sound as a log-mel. Ours has the audio branch and
the products beside the image branch; both take uint8 pictures in the same batches and normalise them on the model's device.
In CPU time of one thread: neighbours on the machine then change little.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.figures import Figure
from davenet.evaluation import matchmaps
from davenet.evaluation.matchmaps import Picture, map_times, moment_maps, whole_log_mel
from davenet.media.frames import frames_at
from davenet.model.checkpoint import load_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet, normalised
from davenet.training.dataset import evaluation_crop

_ROOT = Path(__file__).resolve().parent.parent
_VIDEO = _ROOT / "resources/demo/kitchen-2019-003.mp4"
_CHECKPOINT = _ROOT / "resources/checkpoint/kitchen-small.safetensors"
_MAPS_A_SECOND = 24.0
_SEGMENT_S = 2.0
_START_S = 5.0  # so that every segment is whole
_BAR = 1.15


def run() -> list[Figure]:
    torch.manual_seed(0)
    small, _ = load_checkpoint(_CHECKPOINT)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [
            _figure("the small model, 20 s of video", small, 20.0, n_runs=8),
            _figure("VGG16 + DAVEnet, 1 s of video", DAVEnet(MODEL_CONFIGS["davenet"]).eval(), 1.0, n_runs=2),
        ]
    finally:
        torch.set_num_threads(n_threads)


def _figure(name: str, model: DAVEnet, length_s: float, *, n_runs: int) -> Figure:
    times_s = map_times(_START_S + length_s, _MAPS_A_SECOND, start_s=_START_S)
    frames = frames_at(_VIDEO, [float(t) for t in times_s], shorter_side=None)
    pictures = [evaluation_crop(rgb, model.config) for _, rgb in frames]  # all distinct: none is looked at only once
    log_mel_TM = whole_log_mel(_VIDEO)
    device = torch.device("cpu")

    def ours() -> None:
        for _ in moment_maps(model, pictures, log_mel_TM, times_s, segment_s=_SEGMENT_S, device=device):
            pass

    def image_branch_alone() -> None:
        _look(model, pictures)

    with_sound, alone = [], []
    image_branch_alone()
    for _ in range(n_runs):  # in turns, so that both meet the same neighbours
        alone.append(_seconds(image_branch_alone))
        with_sound.append(_seconds(ours))
    n = len(times_s)
    return Figure(
        f"matchmaps at 24 a second, {name}, against its image branch alone",
        min(with_sound) / n * 1000,
        "CPU ms a map",
        min(alone) / n * 1000,
        _BAR,
    )


def _look(model: DAVEnet, pictures: list[Picture]) -> None:
    size = matchmaps.BATCH[model.config.image_branch]
    kept = None  # maps that are freed at once give their memory back each time, which costs a fifth more
    with torch.no_grad():
        for start in range(0, len(pictures), size):
            image_BHW3 = torch.from_numpy(np.stack(pictures[start : start + size]))
            kept = model.image_map(normalised(image_BHW3))
    assert kept is not None


def _seconds(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
