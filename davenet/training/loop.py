"""The training loop (Sections 2, 5 and 6): reads pairs, learns from impostors, measures Recall@10, keeps checkpoints.

A run's folder holds what it was asked and with what (see `record`), events.jsonl and log.txt (see `run_log`), metrics.jsonl,
heartbeat, evaluation.json and checkpoints/{last,best,state}.safetensors. A run that was killed goes on from its state when it
is started again, to the same numbers; a cancelled one saves before it stops.
"""

import json
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from davenet import events
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.heartbeat import Heartbeat
from davenet.jobs import ShouldStop, started
from davenet.model.first import first_model
from davenet.model.norms import join_over_ranks
from davenet.run_log import RunLog, is_first_process
from davenet.specs import TrainSpec
from davenet.training.checkpoints import checkpoints_of
from davenet.training.dataset import Loss, PairReader, Segmenting, batch_indices
from davenet.training.distributed import World, world_of
from davenet.training.image_maps import ImageMaps, freeze_image_branch
from davenet.training.interruption import Interruption
from davenet.training.loader import Loaded, Loader
from davenet.training.memory import held
from davenet.training.objective import Objective
from davenet.training.pace import Pace
from davenet.training.presets import TrainConfig, preset
from davenet.training.record import Metrics, write_beginning
from davenet.training.schedule import learning_rate_at, optimiser_of, set_rate
from davenet.training.selection import Selection, maps_folder, prepare_maps, select, select_again
from davenet.training.state import Place, State, restore, seed_chances
from davenet.training.step import Joint, Learner, NotFiniteError
from davenet.training.validation import measured, note

REPORT_EVERY_S = 0.5
TOLD_PAIRS = 6  # of a batch: as many as are looked at while it goes
_MOST_LINES = 20_000  # of metrics.jsonl: longer runs write every second step, or third
_EMPTY_BATCHES = 20  # in a row, after which the clips are gone and not merely damaged


def train(spec: TrainSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Trains as `spec` says and returns the checkpoints' paths and the last and best Recall@10.

    Raises UserError for pairs without clips, fewer than two pairs, a diverged loss, a full disk, or a checkpoint that does
    not fit; events.Stop, carrying the same result, when asked to stop. Under torchrun all processes call it alike.
    """
    config = preset(spec.preset, spec.config)
    if config.threads:
        torch.set_num_threads(config.threads)
    # float32 means float32 on GPUs too, where TF32 keeps ten bits of each factor, and always by the same algorithms;
    # bfloat16 is for speed, so there the quickest for each shape is looked for
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = config.precision == "bfloat16"
    with ExitStack() as stack:
        log = stack.enter_context(RunLog(spec.run_dir, emit)) if is_first_process() else None
        tell = log or _silence
        world = stack.enter_context(world_of(spec.device, stop, tell))
        if world.leads:
            stack.enter_context(Heartbeat(spec.run_dir / "heartbeat"))
        try:
            result = Run(spec, config, world, tell, Interruption(stop)).run()
        except Exception as error:
            lost = world.why_lost(error)
            if lost is not None:
                raise lost from error
            world.leave_word(error)
            raise
        if log is not None:
            log.end(result)
        return result


class Run:
    """One run: what it was asked, where it stands, and the files that it leaves."""

    def __init__(
        self, spec: TrainSpec, config: TrainConfig, world: World, emit: events.Emit, interruption: Interruption
    ) -> None:
        self.spec, self.config, self.world, self.emit, self.interruption = spec, config, world, emit, interruption
        self.checkpoints = checkpoints_of(spec, config)
        seed_chances(config.seed)
        with world.one_after_another():
            self.model = first_model(
                config.built_model(),
                seed=config.seed,
                image_init=config.image_init,
                image_weights=spec.image_weights,
                start_from=spec.start_from,
                device=world.device,
                emit=emit,
                stop=interruption,
            )
        if world.size > 1:
            join_over_ranks(self.model)
            world.same_tensors(list(self.model.state_dict().values()))
        elif world.device.type == "cpu" and not config.compile:
            interruption.watch(self.model)
        self.image_maps = ImageMaps(maps_folder(spec), self.model, config) if config.freeze_image else None
        if config.freeze_image:
            freeze_image_branch(self.model)
        objective = Objective(config, self.model.config.embedding).to(world.device)
        optimiser = optimiser_of(config, self.model, objective)
        self.learner = Learner(self.model, objective, optimiser, config, world, emit)
        self.reader = PairReader(spec.clips_dir, self.model.config, Segmenting(config.segment_s, config.segment_at))
        self.place = Place(micro_batch=config.micro_batch)
        self.without_map: set[str] = set()  # pairs whose frame has become unreadable since the run began
        self.pace = Pace()
        self.metrics: Metrics | None = None  # only the first process has them
        self._saved_s = self._reported_s = time.monotonic()
        self._empty_batches = 0

    def run(self) -> dict[str, Any]:
        state = self._earlier_state()
        selection = self._selection(state)
        self.pairs, self.validation = selection.train, selection.validation
        self.batches_an_epoch = len(self._batches(0))
        self.total_steps = self.batches_an_epoch * self.config.epochs
        self._begin(state, selection)
        self.emit(started("train", len(self.pairs) * self.config.epochs, "pairs"))
        try:
            self._learn_and_measure()
        except events.Stop:
            self._save()
            raise events.Stop(self._result()) from None
        except NotFiniteError:
            self._save()  # the weights are those before the step that failed
            raise
        finally:
            if self.metrics is not None:
                self.metrics.close()
        result = self._result()
        if self.world.leads:
            write_text_atomically(self.spec.run_dir / "evaluation.json", json.dumps(result, indent=2) + "\n")
        return result

    def _earlier_state(self) -> State | None:
        """Returns where the run goes on, the first process's for all; tells where an earlier state is of no use."""
        found = self.checkpoints.earlier_state() if self.world.leads and self.spec.resume else None
        if isinstance(found, str):
            text = f"The state in {self.checkpoints.folder} {found}: the run starts from the beginning."
            self.emit(events.Message(text, "warning"))
            found = None
        return self.world.told(found)

    def _selection(self, state: State | None) -> Selection:
        """Returns the pairs of the run; on the way the maps of a frozen image branch are made."""
        if state is None:
            return select(
                self.spec, self.config, self.reader, self.image_maps, self.world, self.emit, self.interruption
            )
        selection = select_again(self.spec, self.config, state.place.left_out)
        if self.image_maps is not None:
            unseen = prepare_maps(
                self.image_maps, self.reader, selection.train, self.world, self.emit, self.interruption
            )
            self.without_map = {loss.pair.uid for loss in unseen}
        return selection

    def _begin(self, state: State | None, selection: Selection) -> None:
        """Brings model, logs and checkpoints to the state, or all of them to the very beginning."""
        if state is not None:
            restore(state, self.model, self.learner.objective, self.learner.optimiser)
            self.place = state.place
            self.learner.micro_batch = self.place.micro_batch
            self.pace = Pace(trained_s=self.place.trained_s, waited_s=self.place.waited_s)
        if self.world.leads:
            self.metrics = Metrics(self.spec.run_dir, state.place if state else None)
            usable = {"train_pairs": len(self.pairs), "validation_pairs": len(self.validation)}
            write_beginning(self.spec, self.config, self.model.config, self.world, usable)
        if state is None:
            self.place.left_out = selection.left_out
            self._note_lost(selection.lost)
            return
        if self.world.leads:
            self.checkpoints.align(self.learner, self.place)
        self.emit(
            events.Message(
                f"Goes on from step {self.place.step}, epoch {self.place.epoch + 1} of {self.config.epochs}."
            )
        )

    def _learn_and_measure(self) -> None:
        if self.place.batch == 0 and self.place.measured < self.place.epoch:  # a stop may have come in between
            self._validate()
            self._save()
        self.learner.train()
        for epoch in range(self.place.epoch, self.config.epochs):
            self._train_epoch(epoch)
            self.place.epoch, self.place.batch = epoch + 1, 0
            self._validate()
            self._save()

    def _train_epoch(self, epoch: int) -> None:
        chosen = self._batches(epoch)[self.place.batch :]
        own = [indices[self.world.share(len(indices))] for indices in chosen]
        loader = Loader(
            self.reader,
            self.config,
            self.world.device,
            image_maps=self.image_maps,
            without_map=self.without_map,
        )
        self.pace.begin()
        with closing(loader.batches(self.pairs, own, epoch)) as batches:
            for indices, mine, loaded in zip(chosen, own, batches, strict=True):
                with self.world.together():
                    asked_to_stop, joint = self._agreed(indices, mine, loaded)
                    if asked_to_stop:
                        raise events.Stop
                    loss = self._step(loaded, joint)
                self.place.step += 1
                self.place.batch += 1
                self.pace.advance(len(indices), loader.waited_s)
                self._report(loss, epoch + self.place.batch / self.batches_an_epoch, joint)
                if self._is_save_due():
                    self._save()
                    self.pace.begin(loader.waited_s)

    def _agreed(self, indices: NDArray[np.int64], mine: NDArray[np.int64], loaded: Loaded) -> tuple[bool, Joint]:
        """Returns what all processes know alike: whether one was asked to stop, and which pairs could be read."""
        read = {id(pair) for pair in loaded.batch.pairs}
        row = [int(self.interruption()), len(loaded.batch.lost), *(int(id(self.pairs[i]) in read) for i in mine)]
        rows = self.world.exchanged(row, 2 + -(-len(indices) // self.world.size))
        if any(n_lost for _, n_lost, *_ in rows):
            for lost in self.world.everyones(loaded.batch.lost):
                self._note_lost(lost)
        flags = [flag for _, _, *flags in rows for flag in flags if flag >= 0]
        kept = tuple(self.pairs[index] for index, flag in zip(indices, flags, strict=True) if flag)
        return any(asked for asked, *_ in rows), Joint(kept, tuple(row[2:].count(1) for row in rows))

    def _step(self, loaded: Loaded, joint: Joint) -> float | None:
        """Takes one step and returns its loss; None where fewer than two pairs could be read: none has an impostor."""
        self._empty_batches = 0 if joint.pairs else self._empty_batches + 1
        if self._empty_batches >= _EMPTY_BATCHES:
            self._save()
            raise UserError(
                f"The clips of {self.spec.clips_dir} can no longer be read; check the disk and start the run again: it "
                "goes on from its last saved state."
            )
        if len(joint.pairs) < 2:
            return None
        set_rate(self.learner.optimiser, learning_rate_at(self.config, self.place.step, self.batches_an_epoch))
        loss = self.learner.learn(
            loaded,
            joint,
            epoch=self.place.epoch,
            step=self.place.step,
            share_done=self.place.step / max(1, self.total_steps),
        )
        self.place.micro_batch = self.learner.micro_batch
        return loss

    def _batches(self, epoch: int) -> list[NDArray[np.int64]]:
        return batch_indices(
            [pair.video_uid for pair in self.pairs],
            self.config.batch_size,
            seed=self.config.seed,
            epoch=epoch,
            pairs_a_video=self.config.pairs_a_video,
        )

    def _validate(self) -> None:
        found = measured(self.model, self.reader, self.validation, self.config, self.world, self.interruption)
        self.learner.train()
        self.place.measured = self.place.epoch
        if found is None:
            return
        self._note_lost(found.lost)
        if values := note(found, self.place, from_nothing=self.spec.start_from is None):
            self._write_metrics(self.place.epoch, values)
            self.emit(events.Metrics(self.place.step, float(self.place.epoch), values))

    def _report(self, loss: float | None, epoch: float, joint: Joint) -> None:
        is_last = self.place.step == self.total_steps
        now = time.monotonic()
        is_due = now - self._reported_s >= REPORT_EVERY_S or self.place.step == 1 or is_last
        if is_due:
            self._reported_s = now
            self.pace.look()
        rate = float(self.learner.optimiser.param_groups[0]["lr"])
        values = {} if loss is None else {"loss": loss, "learning_rate": rate, **self.pace.values}
        if values and (is_last or self.place.step % max(1, self.total_steps // _MOST_LINES) == 0):
            self._write_metrics(epoch, values)
        if is_due:
            total = len(self.pairs) * self.config.epochs
            done = total if is_last else min(total, round(epoch * len(self.pairs)))
            if values:
                self.emit(events.Metrics(self.place.step, epoch, {**values, **held(self.world.device)}))
            food_first = sorted(joint.pairs, key=lambda pair: pair.kind != "food")
            told = tuple(pair.uid for pair in food_first[:TOLD_PAIRS])
            self.emit(events.Learning(self.place.step, told, len(joint.pairs)))
            self.emit(events.Progress(done, total, "pairs", f"epoch {math.ceil(epoch)} of {self.config.epochs}"))

    def _write_metrics(self, epoch: float, values: dict[str, float]) -> None:
        if self.metrics is not None:
            self.metrics.write(self.place.step, float(epoch), values)

    def _note_lost(self, lost: Sequence[Loss]) -> None:
        for loss in lost:
            if loss.pair.uid not in self.place.lost:
                self.place.lost[loss.pair.uid] = None
                self.emit(events.Skipped(loss.pair.uid, loss.reason))

    def _is_save_due(self) -> bool:
        """Whether to save between two steps: after the very first, then by time; an epoch's end is saved when measured."""
        is_due = self.place.step == 1 or time.monotonic() - self._saved_s > self.config.save_every_s
        return is_due and self.place.batch < self.batches_an_epoch

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        if self.metrics is None:
            return
        if self.place.best_step < 0:  # nothing was measured yet
            self.place.best_step = self.place.step
        self.place.trained_s, self.place.waited_s = self.pace.trained_s, self.pace.waited_s
        self.metrics.settle(self.place)
        self.checkpoints.save(self.learner, self.place)

    def _result(self) -> dict[str, Any]:
        place = self.place
        last = {name: value for name, value in place.figures.items() if name != "epoch"}
        return {
            "checkpoint": str(self.checkpoints.last),
            "best_checkpoint": str(self.checkpoints.best),
            **last,
            "best_epoch": place.best_epoch,
            "best_recall_at_10": place.best[0] if place.best else None,
            "start_audio_recall_at_10": place.start_figures.get("audio_recall_at_10"),
            "start_visual_recall_at_10": place.start_figures.get("visual_recall_at_10"),
            "steps": place.step,
            "epochs": place.epoch,
            "unreadable_pairs": len(place.lost),
            "training_s": self.pace.trained_s,
            "waiting_share": self.pace.waited_s / self.pace.trained_s if self.pace.trained_s else 0.0,
        }


def _silence(event: events.Event) -> None:
    """Stands for the events of every process but the first."""
