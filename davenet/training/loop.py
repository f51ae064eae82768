"""The training loop (Sections 2, 5 and 6): reads pairs, learns from impostors, measures Recall@10, keeps checkpoints.

A run's folder holds config.json, metrics.jsonl, heartbeat, evaluation.json, checkpoints/{last,best,state}.safetensors.
A run that was killed goes on from its state when it is started again; a cancelled one saves before it stops.
"""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.gallery import Gallery, figures, gallery
from davenet.files import content_hash, write_text_atomically
from davenet.heartbeat import Heartbeat
from davenet.jobs import ShouldStop, started
from davenet.model.checkpoint import chosen_device, save_checkpoint
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.first import first_model
from davenet.pairs import Pair, read_pairs
from davenet.specs import TrainSpec
from davenet.training.dataset import (
    Batch,
    Loss,
    PairReader,
    Segmenting,
    Windows,
    augmentation,
    batch_indices,
    batches_ahead,
)
from davenet.training.objective import Maps, Objective
from davenet.training.presets import TrainConfig, preset
from davenet.training.state import Place, load_state, save_state

SAVE_EVERY_S = 60.0  # how much work a kill may cost
REPORT_EVERY_S = 0.5


def train(spec: TrainSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Trains as `spec` says and returns the checkpoints' paths and the last and best Recall@10.

    Raises UserError for pairs without clips, fewer than two pairs, a diverged loss, or a checkpoint that does not fit;
    events.Stop, carrying the same result, when asked to stop.
    """
    config = preset(spec.preset, spec.config)
    if config.threads:
        torch.set_num_threads(config.threads)
    with Heartbeat(spec.run_dir / "heartbeat"):
        return Run(spec, config, emit, stop).run()


class Run:
    """One run: what it was asked, where it stands, and the files that it leaves."""

    def __init__(self, spec: TrainSpec, config: TrainConfig, emit: events.Emit, stop: ShouldStop) -> None:
        self.spec, self.config, self.emit, self.stop = spec, config, emit, stop
        self.device = chosen_device(spec.device)
        self.model = first_model(
            config.built_model(),
            seed=config.seed,
            image_init=config.image_init,
            image_weights=spec.image_weights,
            start_from=spec.start_from,
            device=self.device,
            emit=emit,
            stop=stop,
        )
        self.objective = Objective(config, self.model.config.embedding).to(self.device)
        self.optimiser = _optimiser(config, self.model, self.objective)
        self.total_steps = 0  # of the whole run, known when its pairs are
        self.reader = PairReader(spec.clips_dir, self.model.config, Segmenting(config.segment_s, config.segment_at))
        self.checkpoints = spec.run_dir / "checkpoints"
        self.run_hash = _run_hash(spec, config)
        self.place = Place()
        self._saved_s = self._reported_s = time.monotonic()

    def run(self) -> dict[str, Any]:
        pairs, validation = self._usable_pairs()
        batches_an_epoch = len(self._batches(pairs, 0))
        total = len(pairs) * self.config.epochs
        self.total_steps = batches_an_epoch * self.config.epochs
        self._write_config(len(pairs), len(validation))
        self._go_on_from_state()
        self.emit(started("train", total, "pairs"))
        try:
            if self.place.batch == 0 and self.place.measured < self.place.epoch:  # a stop may have come in between
                self._validate(validation, epoch=self.place.epoch)
            self.model.train()
            for epoch in range(self.place.epoch, self.config.epochs):
                self._train_epoch(epoch, pairs, batches_an_epoch, total)
                self.place.epoch, self.place.batch = epoch + 1, 0
                self._validate(validation, epoch=epoch + 1)
                self._save()
        except events.Stop:
            self._save()
            raise events.Stop(self._result()) from None
        result = self._result()
        write_text_atomically(self.spec.run_dir / "evaluation.json", json.dumps(result, indent=2) + "\n")
        return result

    def _train_epoch(self, epoch: int, pairs: Sequence[Pair], batches_an_epoch: int, total: int) -> None:
        chosen = self._batches(pairs, epoch)
        seen = sum(len(indices) for indices in chosen[: self.place.batch])
        work = [
            ([pairs[i] for i in indices], [augmentation(self.config, epoch, int(i)) for i in indices])
            for indices in chosen[self.place.batch :]
        ]
        windows = Windows(self.config.mil_windows, self.config.mil_spacing_s) if self.config.mil_windows > 1 else None
        for batch in batches_ahead(self.reader, work, windows=windows):
            if self.stop():
                raise events.Stop
            self._note_lost(batch.lost)
            _set_rate(self.optimiser, learning_rate_at(self.config, self.place.step, batches_an_epoch))
            loss = self._step(batch)
            self.place.step += 1
            self.place.batch += 1
            seen += len(batch.pairs) + len(batch.lost)
            self._report(loss, epoch + self.place.batch / batches_an_epoch, epoch * len(pairs) + seen, total)
            if time.monotonic() - self._saved_s > SAVE_EVERY_S:
                self._save()

    def _batches(self, pairs: Sequence[Pair], epoch: int) -> list[NDArray[np.int64]]:
        return batch_indices(
            [pair.video_uid for pair in pairs],
            self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            pairs_a_video=self.config.pairs_a_video,
        )

    def _step(self, batch: Batch) -> float | None:
        """Takes one step and returns its loss; None where fewer than two pairs could be read: none has an impostor."""
        if len(batch.pairs) < 2:
            return None
        n_steps_B = batch.n_steps_B.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            image_BDHW = self.model.image_map(normalised(batch.image_BHW3.to(self.device)))
            audio_BDT = self.model.audio_map(batch.log_mel_BMT.to(self.device), n_steps_B)
        maps = Maps(image_BDHW.float(), audio_BDT.float(), self.model.audio_steps_B(n_steps_B))
        loss: Tensor = self.objective(
            maps,
            batch.pairs,
            epoch=self.place.epoch,
            share_done=self.place.step / max(1, self.total_steps),
            generator=torch.Generator().manual_seed((self.config.seed << 32) + self.place.step),
        )
        value = float(loss.detach())
        if not math.isfinite(value):
            raise UserError(
                f"The loss of {self.spec.run_dir} was no longer a number at step {self.place.step + 1}; start again "
                f"with a learning rate below {self.config.learning_rate:g}."
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.config.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimiser.step()
        return value

    def _validate(self, pairs: Sequence[Pair], *, epoch: int) -> None:
        """Measures Recall@k over the validation pairs, and keeps the weights where they are the best so far."""
        found: Gallery = gallery(
            self.model, self.reader, pairs, similarity=self.config.similarity, device=self.device, stop=self.stop
        )
        self.place.measured = epoch
        self._note_lost(found.lost)
        if len(found.pairs) < 2:  # nothing to choose by: the newest weights are the best
            self.place.best_epoch = epoch
            self._save_checkpoint("best", epoch)
            return
        self.place.figures = {**figures(found), "epoch": epoch}
        if epoch == 0:
            self.place.start_figures = self.place.figures
        recall_10 = (self.place.figures["audio_recall_at_10"] + self.place.figures["visual_recall_at_10"]) / 2
        mean_rank = (self.place.figures["audio_mean_rank"] + self.place.figures["visual_mean_rank"]) / 2
        self._metrics(epoch, {name: value for name, value in self.place.figures.items() if isinstance(value, float)})
        if self.place.best is None or (recall_10, -mean_rank) > self.place.best:
            self.place.best, self.place.best_epoch = (recall_10, -mean_rank), epoch
            self._save_checkpoint("best", epoch)

    def _report(self, loss: float | None, epoch: float, done: int, total: int) -> None:
        now = time.monotonic()
        last = done >= total
        if now - self._reported_s < REPORT_EVERY_S and self.place.step > 1 and not last:
            return
        self._reported_s = now
        self.emit(events.Progress(done, total, "pairs", f"epoch {math.ceil(epoch)} of {self.config.epochs}"))
        if loss is not None:
            rate = float(self.optimiser.param_groups[0]["lr"])
            self._metrics(epoch, {"loss": loss, "learning_rate": rate})

    def _metrics(self, epoch: float, values: dict[str, float]) -> None:
        self.emit(events.Metrics(self.place.step, float(epoch), values))
        with open(self.spec.run_dir / "metrics.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps({"step": self.place.step, "epoch": float(epoch), **values}) + "\n")

    def _note_lost(self, lost: Sequence[Loss]) -> None:
        for loss in lost:
            if loss.pair.uid not in self.place.lost:
                self.place.lost[loss.pair.uid] = loss.reason
                self.emit(events.Skipped(loss.pair.uid, loss.reason))

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        self._save_checkpoint("last", self.place.epoch)
        if not (self.checkpoints / "best.safetensors").exists():
            self._save_checkpoint("best", self.place.epoch)
        state = self.checkpoints / "state.safetensors"
        save_state(state, self.model, self.optimiser, self.place, run_hash=self.run_hash)

    def _save_checkpoint(self, name: str, epoch: int) -> None:
        metadata = {
            "training": self.config.model_dump(),
            "preset": self.spec.preset,
            "epoch": epoch,
            "step": self.place.step,
            "started_from": str(self.spec.start_from.name) if self.spec.start_from else None,
            "figures": {k: v for k, v in self.place.figures.items() if self.place.figures.get("epoch") == epoch},
        }
        save_checkpoint(self.checkpoints / f"{name}.safetensors", self.model, metadata=metadata)

    def _result(self) -> dict[str, Any]:
        last = {name: value for name, value in self.place.figures.items() if name != "epoch"}
        return {
            "checkpoint": str(self.checkpoints / "last.safetensors"),
            "best_checkpoint": str(self.checkpoints / "best.safetensors"),
            **last,
            "best_epoch": self.place.best_epoch,
            "best_recall_at_10": self.place.best[0] if self.place.best else None,
            "start_audio_recall_at_10": self.place.start_figures.get("audio_recall_at_10"),
            "start_visual_recall_at_10": self.place.start_figures.get("visual_recall_at_10"),
            "steps": self.place.step,
            "epochs": self.place.epoch,
            "unreadable_pairs": len(self.place.lost),
        }

    def _usable_pairs(self) -> tuple[list[Pair], list[Pair]]:
        """Reads both files of pairs and leaves out what has no clip; raises UserError where too little remains."""
        pairs = list(read_pairs(self.spec.train_pairs))
        if len(pairs) < 2:
            raise UserError(
                f"{self.spec.train_pairs} has {len(pairs)} pair{'' if len(pairs) == 1 else 's'} to train on, and a "
                "pair needs another as its impostor; accept more pairs first."
            )
        kept, lost = self.reader.usable(pairs)
        self._note_lost(lost)
        if len(kept) < 2:
            raise UserError(
                f"The pairs of {self.spec.train_pairs} and the clips of {self.spec.clips_dir} do not belong together: "
                f"{lost[0].reason}"
            )
        validation, lost = self.reader.usable(list(read_pairs(self.spec.validation_pairs)))
        self._note_lost(lost)
        if len(validation) < 2:
            self.emit(
                events.Message("There are fewer than two validation pairs: no Recall@10 will be measured.", "warning")
            )
        return kept, list(_spread(validation, self.config.evaluation_gallery))

    def _go_on_from_state(self) -> None:
        path = self.checkpoints / "state.safetensors"
        if not self.spec.resume:
            return
        place = load_state(path, self.model, self.optimiser, run_hash=self.run_hash)
        if place is not None:
            self.place = place
            self.emit(
                events.Message(f"Goes on from step {place.step}, epoch {place.epoch + 1} of {self.config.epochs}.")
            )

    def _write_config(self, n_train: int, n_validation: int) -> None:
        values = {
            "preset": self.spec.preset,
            "config": self.config.model_dump(),
            "model": self.model.config.model_dump(),
            "device": str(self.device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "train_pairs": {
                "path": str(self.spec.train_pairs),
                "hash": content_hash(self.spec.train_pairs),
                "usable": n_train,
            },
            "validation_pairs": {
                "path": str(self.spec.validation_pairs),
                "hash": content_hash(self.spec.validation_pairs),
                "usable": n_validation,
            },
            "start_from": None
            if self.spec.start_from is None
            else {"path": str(self.spec.start_from), "hash": content_hash(self.spec.start_from)},
        }
        write_text_atomically(self.spec.run_dir / "config.json", json.dumps(values, indent=2) + "\n")


def learning_rate_at(config: TrainConfig, step: int, batches_an_epoch: int) -> float:
    """Returns the learning rate of a step, counted from 0: warm-up, then divisions or half a cosine."""
    rate = config.learning_rate
    if config.decay == "cosine":
        total = max(1, config.epochs * batches_an_epoch)
        rate *= 0.5 * (1 + math.cos(math.pi * min(step, total) / total))
    else:
        rate *= config.decay_factor ** (step // batches_an_epoch // config.decay_every_epochs)
    if step < config.warm_up_steps:
        rate *= (step + 1) / config.warm_up_steps
    return rate


def _optimiser(config: TrainConfig, model: DAVEnet, objective: Objective) -> torch.optim.Optimizer:
    parameters = [p for p in (*model.parameters(), *objective.parameters()) if p.requires_grad]
    if config.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
    return torch.optim.SGD(
        parameters, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
    )


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _spread(pairs: Sequence[Pair], most: int) -> Iterator[Pair]:
    """Yields at most `most` pairs, evenly over the list: the same ones each time."""
    n = min(len(pairs), most)
    for index in range(n):
        yield pairs[index * len(pairs) // n]


def _run_hash(spec: TrainSpec, config: TrainConfig) -> str:
    """Returns the name of what a state belongs to: the configuration, the pairs and the first weights."""
    parts = [config.model_dump_json(), content_hash_of(spec.train_pairs), content_hash_of(spec.validation_pairs)]
    parts += [content_hash_of(path) for path in (spec.start_from, spec.image_weights) if path is not None]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def content_hash_of(path: Path) -> str:
    """Returns the file's content hash; raises UserError where it does not exist."""
    if not path.is_file():
        raise UserError(f"{path} does not exist; freeze the pairs again.")
    return content_hash(path)
