"""The dry run: what a training would take, measured on two steps of it, before anything is started or written.

A job of its own, so that the window never loads torch; the real model, pairs and loader take the steps, in a folder that
is thrown away.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.gallery import gallery
from davenet.jobs import ShouldStop, started
from davenet.pairs import read_pairs, write_pairs
from davenet.specs import EstimateSpec, TrainSpec
from davenet.training.dataset import PairReader, Segmenting, batch_indices
from davenet.training.distributed import world_of
from davenet.training.interruption import Interruption
from davenet.training.loader import Loader
from davenet.training.loop import Run
from davenet.training.memory import held
from davenet.training.presets import TrainConfig, preset

MEASURED_STEPS = 2  # after one that warms everything up
_GALLERY = 64  # validation pairs that are measured; the time grows with their number


def estimate(spec: EstimateSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Returns steps, seconds, bytes of memory and of disk that `spec.train` would take, and what is free.

    Raises UserError as the training would: pairs without clips, too few pairs, a checkpoint that does not fit.
    """
    config = preset(spec.train.preset, spec.train.config)
    if config.threads:
        torch.set_num_threads(config.threads)
    emit(started("estimate", MEASURED_STEPS + 1, "steps"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="matchmap-dry-run-")))
        world = stack.enter_context(world_of(spec.train.device, stop, emit))
        few, n_train, n_validation, n_lost = _some_pairs(spec.train, config, folder)
        run = Run(few, config, world, emit, Interruption(stop))
        selection = run._selection(None)
        run.pairs, run.validation = selection.train, selection.validation
        run.batches_an_epoch = len(run._batches(0))
        run.total_steps = run.batches_an_epoch * config.epochs
        run.place.epoch = min(config.anchor_epochs, config.epochs - 1)  # where frames meet sounds
        step_s = _measured_step(run, emit, stop)
        gallery_s = _measured_gallery(run, stop)
        weights = sum(value.numel() * value.element_size() for value in run.model.state_dict().values())
        n_floats = sum(parameter.numel() for parameter in run.model.parameters() if parameter.requires_grad)
        memory = held(world.device)
        device = str(world.device)
    steps = _n_steps(n_train, config) * config.epochs
    measured_pairs = min(n_validation, config.evaluation_gallery)
    seconds = step_s * steps + gallery_s * measured_pairs * (config.epochs + 1)
    moments = 2 if config.optimiser == "adamw" else 1 if config.momentum else 0
    disk = 3 * weights + 4 * moments * n_floats  # the last and the best checkpoint, and the state to go on from
    return {
        "steps": steps,
        "train_pairs": n_train,
        "validation_pairs": n_validation,
        "unreadable_pairs": n_lost,
        "step_s": step_s,
        "pairs_per_s": min(n_train, config.batch_size) / step_s if step_s else 0.0,
        "seconds": seconds,
        "memory_bytes": memory.get("memory_bytes", 0.0),
        "gpu_bytes": memory.get("gpu_bytes", 0.0),
        "disk_bytes": disk,
        "disk_free_bytes": shutil.disk_usage(_existing(spec.train.run_dir)).free,
        "device": device,
    }


def _some_pairs(spec: TrainSpec, config: TrainConfig, folder: Path) -> tuple[TrainSpec, int, int, int]:
    """Returns the spec of the dry run on as many pairs as its steps need, and how many pairs the training would have."""
    reader = PairReader(spec.clips_dir, config.built_model(), Segmenting(config.segment_s, config.segment_at))
    train, lost = reader.usable(list(read_pairs(spec.train_pairs)))
    validation, lost_too = reader.usable(list(read_pairs(spec.validation_pairs)))
    if len(train) < 2:
        reason = f" {lost[0].reason}" if lost else ""
        raise UserError(f"{spec.train_pairs} has {len(train)} readable pairs to train on and two are needed.{reason}")
    wanted = config.batch_size * (MEASURED_STEPS + 1)
    paths = folder / "train.pairs.jsonl", folder / "validation.pairs.jsonl"
    write_pairs(paths[0], train[:wanted])
    write_pairs(paths[1], validation[:_GALLERY])
    changes = {"run_dir": folder, "train_pairs": paths[0], "validation_pairs": paths[1], "resume": False}
    return spec.model_copy(update=changes), len(train), len(validation), len(lost) + len(lost_too)


def _measured_step(run: Run, emit: events.Emit, stop: ShouldStop) -> float:
    """Takes a step to warm up and then the measured ones; returns the seconds of one of these."""
    run.learner.train()
    took: list[float] = []
    for epoch in _epochs(run):
        chosen = run._batches(epoch)
        loader = Loader(
            run.reader, run.config, run.world.device, image_maps=run.image_maps, without_map=run.without_map
        )
        with closing(loader.batches(run.pairs, chosen, epoch)) as batches:
            before = time.monotonic()
            for indices, loaded in zip(chosen, batches, strict=True):
                if stop():
                    raise events.Stop
                _, joint = run._agreed(indices, indices, loaded)
                run._step(loaded, joint)
                if run.world.device.type == "cuda":
                    torch.cuda.synchronize(run.world.device)
                took.append(time.monotonic() - before)
                emit(events.Progress(len(took), MEASURED_STEPS + 1, "steps"))
                if len(took) > MEASURED_STEPS:
                    return sum(took[1:]) / MEASURED_STEPS
                before = time.monotonic()
    raise AssertionError("the epochs never end")


def _epochs(run: Run) -> Iterator[int]:
    epoch = 0
    while True:
        yield epoch
        epoch += 1


def _measured_gallery(run: Run, stop: ShouldStop) -> float:
    """Returns the seconds that a validation pair takes, 0 where there are fewer than two."""
    if len(run.validation) < 2:
        return 0.0
    before = time.monotonic()
    gallery(run.model, run.reader, run.validation, similarity=run.config.similarity, device=run.world.device, stop=stop)
    return (time.monotonic() - before) / len(run.validation)


def _n_steps(n_train: int, config: TrainConfig) -> int:
    """Returns the steps of an epoch, as the loop cuts its batches."""
    one_video = ["" for _ in range(n_train)]
    batches: list[NDArray[np.int64]] = batch_indices(
        one_video, config.batch_size, seed=config.seed, epoch=0, pairs_a_video=config.pairs_a_video
    )
    return len(batches)


def _existing(path: Path) -> Path:
    return next((each for each in (path, *path.parents) if each.exists()), Path.cwd())
