"""What a run goes on from: whose it is, that a stop writes it, and that every generator of chances is in it."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from training_runs import ignore, never, spec_of, write_material

from davenet import events
from davenet.evaluation.gallery import Gallery
from davenet.pairs import Pair
from davenet.specs import TrainSpec
from davenet.training.loop import train
from davenet.training.state import Place, read_state, restore, save_state, seed_chances
from davenet.training.validation import note


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_material(tmp_path_factory.mktemp("material"))


class StopAtStep:
    """Asks to stop once the run has told of this step."""

    def __init__(self, step: int) -> None:
        self.step, self.asks = step, False

    def hear(self, event: events.Event) -> None:
        self.asks |= isinstance(event, events.Metrics) and event.step >= self.step

    def __call__(self) -> bool:
        return self.asks


@pytest.mark.parametrize("step", [2, 3, 6])  # of 4 an epoch: none of them is saved by itself
def test_stop_between_two_saves_writes_the_step_it_came_to(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr("davenet.training.loop.REPORT_EVERY_S", 0.0)
    stop = StopAtStep(step)
    with pytest.raises(events.Stop) as stopped:
        train(spec_of(material, tmp_path / "run"), stop.hear, stop)
    with safe_open(tmp_path / "run" / "checkpoints" / "state.safetensors", framework="np") as state:
        assert json.loads(state.metadata()["place"])["step"] == step == stopped.value.args[0]["steps"]


def _more_pairs(spec: TrainSpec, folder: Path) -> TrainSpec:
    lines = spec.train_pairs.read_text("utf-8").splitlines(keepends=True)
    fewer = folder / "fewer.jsonl"
    fewer.write_text("".join(lines[:-1]), "utf-8")
    return spec.model_copy(update={"train_pairs": fewer})


@pytest.mark.parametrize(
    "changed",
    [
        lambda spec, folder: spec.model_copy(update={"config": {**spec.config, "learning_rate": 0.001}}),
        _more_pairs,
    ],
    ids=["another rate", "a pair less"],
)
def test_run_of_another_configuration_or_other_pairs_says_so_and_begins_anew(
    material: Path, tmp_path: Path, changed: Callable[[TrainSpec, Path], TrainSpec]
) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=1)
    train(spec, ignore, never)
    seen: list[events.Event] = []
    result = train(changed(spec, tmp_path), seen.append, never)
    told = [event.text for event in seen if isinstance(event, events.Message)]
    assert any("belongs to another configuration, other pairs or another start" in text for text in told)
    assert result["steps"] == 4 and any(isinstance(event, events.Metrics) and event.step == 1 for event in seen)


@pytest.mark.parametrize(("from_nothing", "best_epoch", "best_step"), [(True, 2, 8), (False, 0, 0)])
def test_random_start_that_seems_the_best_is_not_kept_and_a_trained_one_is(
    from_nothing: bool, best_epoch: int, best_step: int
) -> None:
    pairs = tuple(Pair(f"v:{index}", "v", float(index), 2.0, "food") for index in range(40))
    place = Place()
    for epoch, rank in enumerate((3, 30, 20, 25)):  # the start has luck, then the second epoch is the best
        place.epoch, place.step = epoch, 4 * epoch
        ranks_B = np.full(40, rank, np.int64)
        note(Gallery(pairs, ranks_B, ranks_B, ()), place, from_nothing=from_nothing)
    assert (place.best_epoch, place.best_step) == (best_epoch, best_step)


def _drawn() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


def test_every_generator_goes_on_where_it_was(tmp_path: Path) -> None:
    model, objective = torch.nn.Linear(2, 2), torch.nn.Linear(1, 1)
    optimiser = torch.optim.SGD([*model.parameters()], lr=0.1, momentum=0.9)
    seed_chances(5)
    _drawn()
    save_state(tmp_path / "state", model, objective, optimiser, Place(), run_hash="a")
    expected = _drawn()
    seed_chances(6)
    state = read_state(tmp_path / "state", run_hash="a")
    assert state is not None and not isinstance(state, str)
    restore(state, model, objective, optimiser)
    assert _drawn() == expected
