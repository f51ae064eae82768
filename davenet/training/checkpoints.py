"""The checkpoints of a run: the state, which is the truth, and beside it last and best, for whoever wants the model.

The state is always written first. A kill between two files therefore leaves a state from which the others can be made: that
is done when the run goes on, so that they never disagree for longer than that.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davenet.errors import UserError
from davenet.files import content_hash, remove_dead_parts
from davenet.model.checkpoint import read_metadata, save_checkpoint
from davenet.specs import TrainSpec
from davenet.training.presets import TrainConfig
from davenet.training.state import Place, State, read_state, save_state
from davenet.training.step import Learner

_CHANGES_NOTHING_LEARNT = {"description", "threads", "save_every_s"}


@dataclass(slots=True)
class Checkpoints:
    """Where a run keeps its weights; `run_hash` names the configuration, the pairs and the first weights."""

    folder: Path
    spec: TrainSpec
    config: TrainConfig
    run_hash: str

    @property
    def last(self) -> Path:
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        return self.folder / "best.safetensors"

    @property
    def state(self) -> Path:
        return self.folder / "state.safetensors"

    def earlier_state(self) -> State | str | None:
        """Returns what this run was when it was last saved; else the end of a sentence that says why it cannot be used."""
        remove_dead_parts(self.folder)
        for part in self.folder.glob(".tmp??????"):  # what safetensors was writing when the run was killed
            part.unlink(missing_ok=True)
        return read_state(self.state, run_hash=self.run_hash)

    def save(self, learner: Learner, place: Place) -> None:
        """Writes the state whole or not at all, then last, and best where these are the best weights so far."""
        save_state(self.state, learner.model, learner.objective, learner.optimiser, place, run_hash=self.run_hash)
        self.align(learner, place)

    def align(self, learner: Learner, place: Place) -> None:
        """Brings last and best into line with a state that was just written or read."""
        for path, step in ((self.last, place.step), (self.best, place.best_step)):
            if step == place.step and self._holds(path) != (place.step, place.measured):
                save_checkpoint(path, learner.model, metadata=self._metadata(place))

    def _holds(self, path: Path) -> tuple[Any, Any] | None:
        """Returns the step and the measurement of a checkpoint of this very run."""
        try:
            metadata = read_metadata(path)[1]
        except UserError:
            return None  # missing or damaged: it is written anew
        return (metadata["step"], metadata["measured"]) if metadata.get("run_hash") == self.run_hash else None

    def _metadata(self, place: Place) -> dict[str, Any]:
        return {
            "training": self.config.model_dump(),
            "preset": self.spec.preset,
            "epoch": place.epoch,
            "step": place.step,
            "measured": place.measured,
            "run_hash": self.run_hash,
            "started_from": str(self.spec.start_from.name) if self.spec.start_from else None,
            "figures": {k: v for k, v in place.figures.items() if place.figures.get("epoch") == place.epoch},
        }


def checkpoints_of(spec: TrainSpec, config: TrainConfig) -> Checkpoints:
    """Returns the checkpoints of a run; raises UserError where a file that it begins with is missing."""
    learnt = config.model_dump_json(exclude=_CHANGES_NOTHING_LEARNT)
    begun = [spec.train_pairs, spec.validation_pairs, spec.start_from, spec.image_weights]
    parts = [learnt, *("" if path is None else _hash_of(path) for path in begun)]
    run_hash = hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
    return Checkpoints(spec.run_dir / "checkpoints", spec, config, run_hash)


def _hash_of(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path} does not exist; freeze the pairs again.")
    if path.suffix != ".jsonl":
        return content_hash(path)
    with open(path, "rb") as pairs:  # one verdict changes a line anywhere in it
        return hashlib.file_digest(pairs, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
