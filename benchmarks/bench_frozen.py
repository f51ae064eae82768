"""Fine-tuning VGG16 + DAVEnet with a frozen image branch: its maps from the disk against looking at each picture again.

Whole steps of the training loop (loader, audio branch forward and backward, loss, optimiser) on all cores, with the paper's
similarity (embeddings are cached) and with max-over-space (whole maps are). What the first look costs is not counted.
"""

import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from benchmarks.clips import demo_pairs
from benchmarks.figures import Figure
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet
from davenet.pairs import Pair
from davenet.training.dataset import PairReader, Segmenting
from davenet.training.distributed import World
from davenet.training.image_maps import ImageMaps, freeze_image_branch
from davenet.training.loader import Loader
from davenet.training.objective import Objective
from davenet.training.presets import TrainConfig, preset
from davenet.training.schedule import optimiser_of
from davenet.training.step import Joint, Learner

_BATCH = 32
_BAR = 8.0
_CPU = torch.device("cpu")


def run() -> list[Figure]:
    torch.manual_seed(0)
    model = DAVEnet(MODEL_CONFIGS["davenet"])
    freeze_image_branch(model)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        pairs = demo_pairs(Path(folder) / "clips", n_videos=1, frame_rate=1.0)[:_BATCH]
        for similarity in ("sisa", "misa"):
            config = preset("unsupervised", {"freeze_image": True, "similarity": similarity, "batch_size": _BATCH})
            reader = PairReader(Path(folder) / "clips", model.config, Segmenting(config.segment_s, config.segment_at))
            maps = ImageMaps(Path(folder) / "maps", model, config)
            maps.prepare(reader, pairs, _CPU, lambda event: None, lambda: False)
            cached = min(_step_seconds(model, config, reader, pairs, maps, n_steps=6))
            uncached = min(_step_seconds(model, config, reader, pairs, None, n_steps=2))
            name = f"fine-tune with a frozen VGG16, {similarity.upper()}, batch {_BATCH}: cached maps against none"
            figures.append(Figure(name, _BATCH / cached, "pairs/s", _BATCH / uncached, _BAR, "higher"))
    return figures


def _step_seconds(
    model: DAVEnet,
    config: TrainConfig,
    reader: PairReader,
    pairs: list[Pair],
    maps: ImageMaps | None,
    *,
    n_steps: int,
) -> list[float]:
    """Returns the seconds of each step but the first, loading included."""
    objective = Objective(config, model.config.embedding)
    world = World(0, 1, _CPU)
    learner = Learner(model, objective, optimiser_of(config, model, objective), config, world, lambda event: None)
    learner.train()
    chosen = [np.arange(len(pairs))] * (n_steps + 1)
    seconds = []
    with closing(Loader(reader, config, _CPU, image_maps=maps).batches(pairs, chosen, 0)) as batches:
        began_s = time.perf_counter()
        for step, loaded in enumerate(batches):
            joint = Joint(loaded.batch.pairs, (len(loaded.batch.pairs),))
            learner.learn(loaded, joint, epoch=0, step=step, share_done=0.0)
            seconds.append(time.perf_counter() - began_s)
            began_s = time.perf_counter()
    return seconds[1:]
