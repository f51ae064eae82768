"""One step of learning: micro-batches learn what the whole batch does, and a step that cannot be taken changes nothing."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from training_runs import assert_same_files, ignore, metrics_of, never, spec_of, write_material

from davenet import events
from davenet.errors import UserError
from davenet.model.config import MODEL_CONFIGS, ModelConfig
from davenet.model.davenet import DAVEnet
from davenet.model.image_branches import SmallImageBranch
from davenet.pairs import Pair
from davenet.training import interruption
from davenet.training.dataset import Batch
from davenet.training.distributed import World
from davenet.training.loader import Loaded
from davenet.training.loop import train
from davenet.training.objective import Objective
from davenet.training.presets import TrainConfig
from davenet.training.schedule import optimiser_of
from davenet.training.step import Joint, Learner, NotFiniteError, is_out_of_memory

N_PAIRS = 7


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_material(tmp_path_factory.mktemp("material"))


def a_batch(*, windows: int = 1) -> tuple[Loaded, Joint]:
    chance = torch.Generator().manual_seed(5)
    pairs = tuple(Pair(str(i), f"video-{i}", 1.0, 1.0, "uniform") for i in range(N_PAIRS))
    picture = torch.randint(0, 255, (N_PAIRS, 32, 32, 3), generator=chance, dtype=torch.uint8)
    sound = torch.rand(N_PAIRS * windows, 40, 60, generator=chance) * 60 - 70
    n_steps = torch.tensor([60, 33, 60, 47, 60, 60, 20]).repeat_interleave(windows)
    batch = Batch(pairs, picture, sound, n_steps, ())
    return Loaded(batch, None, is_padded=True, on_device=None), Joint(pairs, (N_PAIRS,))


def tiny_davenet() -> DAVEnet:
    torch.manual_seed(1)
    return DAVEnet(ModelConfig(image_branch="vgg16", audio_branch="davenet", embedding=16, resize=36, image_size=32))


def small() -> DAVEnet:
    torch.manual_seed(1)
    return DAVEnet(MODEL_CONFIGS["small"])


def learner(model: DAVEnet, emit: Callable[[events.Event], None] = ignore, **config: object) -> Learner:
    values: dict[str, object] = {"learning_rate": 1e-4, "momentum": 0.0, "weight_decay": 0.0}
    chosen = TrainConfig.model_validate({**values, **config})
    objective = Objective(chosen, model.config.embedding)
    made = Learner(
        model, objective, optimiser_of(chosen, model, objective), chosen, World(0, 1, torch.device("cpu")), emit
    )
    made.train()
    return made


def gradients_of(model: DAVEnet, **config: object) -> dict[str, Tensor]:
    """Returns the gradient by which a step moves the weights; no statistics are those of a batch."""
    made = learner(model, **config)
    model.eval()
    found: dict[str, Tensor] = {}

    def keep(*_: object) -> None:
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None
            found[name] = parameter.grad.clone()

    made.optimiser.register_step_pre_hook(keep)
    loaded, joint = a_batch(windows=int(str(config.get("mil_windows", 1))))
    made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    return found


@pytest.mark.parametrize(
    "config",
    [
        {"loss": "blend", "similarity": "sisa"},
        {"loss": "info-nce", "similarity": "misa", "clip_norm": 0.5},
        {"loss": "mil-nce", "similarity": "sima", "mil_windows": 3},
    ],
    ids=lambda config: config["loss"],
)
def test_micro_batches_have_the_gradient_of_the_whole_batch(config: dict[str, object]) -> None:
    model = tiny_davenet()
    expected = gradients_of(copy.deepcopy(model), **config)
    found = gradients_of(copy.deepcopy(model), micro_batch=3, **config)
    largest = max(float(value.abs().max()) for value in expected.values())
    for name, value in expected.items():
        assert float(value.abs().max()) > 0
        assert float((found[name] - value).abs().max()) < 1e-5 * largest, name


def test_micro_batches_move_the_running_statistics_once() -> None:
    made = learner(small(), micro_batch=3)
    loaded, joint = a_batch()
    made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    norm = made.model.audio_branch.norm
    assert int(norm.num_batches_tracked) == 3  # of seven pairs, in threes
    assert norm.momentum == 0.1
    seen_once = small().train()
    for part in (slice(0, 2), slice(2, 4), slice(4, 7)):
        seen_once.audio_map(loaded.batch.log_mel_BMT[part], loaded.batch.n_steps_B[part])
    torch.testing.assert_close(norm.running_mean, seen_once.audio_branch.norm.running_mean)
    torch.testing.assert_close(norm.running_var, seen_once.audio_branch.norm.running_var)


class Scarce:
    """An image branch for which `room` pictures are too many to hold at once."""

    def __init__(self, branch: nn.Module, room: int, error: Exception) -> None:
        self.room, self.error = room, error
        self.sizes: list[int] = []
        self._forward = branch.forward
        branch.forward = self  # type: ignore[method-assign, assignment]

    def __call__(self, image_B3HW: Tensor) -> Tensor:
        self.sizes.append(len(image_B3HW))
        if len(image_B3HW) > self.room:
            raise self.error
        found: Tensor = self._forward(image_B3HW)
        return found


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("[enforce fail at CPUAllocator.cpp:79] data. DefaultCPUAllocator: not enough memory: you tried"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["gpu", "linux", "windows", "python"])
def test_step_that_does_not_fit_is_taken_in_halves_and_says_so(error: Exception) -> None:
    seen: list[events.Event] = []
    made = learner(small(), seen.append)
    expected = learner(small(), micro_batch=1)
    branch = Scarce(made.model.image_branch, 1, error)
    loaded, joint = a_batch()
    made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    expected.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    assert branch.sizes[:3] == [7, 2, 1]  # whole, in three parts of at most three, one by one
    assert made.micro_batch == 1
    assert [isinstance(e, events.Message) and e.level for e in seen] == ["warning", "warning"]
    torch.testing.assert_close(made.model.state_dict(), expected.model.state_dict(), rtol=0, atol=0)


def test_memory_that_does_not_suffice_for_one_pair_is_told_and_nothing_has_changed() -> None:
    made = learner(small())
    before = copy.deepcopy(made.model.state_dict())
    Scarce(made.model.image_branch, 0, OUT_OF_MEMORY[0])
    loaded, joint = a_batch()
    with pytest.raises(UserError, match="single pair"):
        made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    torch.testing.assert_close(made.model.state_dict(), before, rtol=0, atol=0)


def test_real_allocation_that_fails_is_known_as_such() -> None:
    with pytest.raises((RuntimeError, MemoryError)) as failed:
        torch.empty(1 << 60)
    assert is_out_of_memory(failed.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_run_that_runs_out_of_memory_goes_on_in_smaller_parts_after_a_stop_too(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = SmallImageBranch.forward

    def scarce(self: SmallImageBranch, image_B3HW: Tensor) -> Tensor:
        if self.training and len(image_B3HW) > 8:
            raise OUT_OF_MEMORY[0]
        return forward(self, image_B3HW)

    monkeypatch.setattr(SmallImageBranch, "forward", scarce)
    spec = spec_of(material, tmp_path / "run", epochs=2)
    seen: list[events.Event] = []
    asked = iter([False] * 4)
    with pytest.raises(events.Stop):
        train(spec, seen.append, lambda: next(asked, True))
    result = train(spec, seen.append, never)
    assert result["steps"] == 8
    warnings = [e for e in seen if isinstance(e, events.Message) and "not enough memory" in e.text]
    assert len(warnings) == 1  # the run that went on knew


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_loss_that_is_no_number_ends_the_run_with_the_last_good_state(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    forward = Objective.forward

    def spoilt(self: Objective, *arguments: object, **more: object) -> Tensor:
        loss = forward(self, *arguments, **more)  # type: ignore[arg-type]
        return loss * (bad if int(more["share_done"] * 8 + 0.5) == 5 else 1.0)  # type: ignore[operator]

    monkeypatch.setattr(Objective, "forward", spoilt)
    with pytest.raises(NotFiniteError, match=r"step 6.*learning rate below 0\.003"):
        train(spec_of(material, tmp_path / "spoilt"), ignore, never)
    monkeypatch.undo()
    asked = iter([False] * 20)
    stopped_at_5 = spec_of(material, tmp_path / "good")

    def at_step_5(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.done == 80:
            list(asked)

    monkeypatch.setattr("davenet.training.loop.REPORT_EVERY_S", 0.0)
    with pytest.raises(events.Stop):
        train(stopped_at_5, at_step_5, lambda: next(asked, True))
    found, expected = (tmp_path / run / "checkpoints" / "state.safetensors" for run in ("spoilt", "good"))
    assert_same_files(found, expected)


def test_gradient_that_is_no_number_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = learner(small())
    before = copy.deepcopy(made.model.state_dict())
    made.model.audio_branch.spectral.bias.register_hook(lambda gradient: gradient * float("inf"))
    loaded, joint = a_batch()
    with pytest.raises(NotFiniteError, match="The gradient was no longer a number"):
        made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    torch.testing.assert_close(made.model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_stop_in_the_midst_of_a_long_step_gives_it_up_and_leaves_everything_as_it_was(
    monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(interruption, "GRACE_S", 0.0)
    monkeypatch.setattr(interruption, "_ASK_EVERY_S", 0.0)
    made = learner(small())
    before = copy.deepcopy(made.model.state_dict())
    done: list[str] = []
    asked_after = 3 if way == "forward" else 40
    watch = interruption.Interruption(lambda: len(done) >= asked_after)
    for layer in made.model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(_noted(done))
    watch.watch(made.model)
    loaded, joint = a_batch()
    with pytest.raises(events.Stop):
        made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    assert len(done) <= asked_after + 1
    torch.testing.assert_close(made.model.state_dict(), before, rtol=0, atol=0)
    assert all(parameter.grad is None for parameter in made.model.parameters())


def _noted(done: list[str]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        done.append("forward")
        if output.requires_grad:
            output.register_hook(lambda gradient: done.append("backward"))

    return note


def test_short_step_is_finished_before_a_stop() -> None:
    watch = interruption.Interruption(lambda: True)
    assert watch()
    watch.check()  # within its grace


@pytest.mark.parametrize("changed", [{"precision": "bfloat16"}, {"channels_last": True}])
def test_other_arithmetic_learns_nearly_the_same(material: Path, tmp_path: Path, changed: dict[str, object]) -> None:
    for name, config in (("plain", {}), ("changed", changed)):
        train(spec_of(material, tmp_path / name, epochs=1, **config), ignore, never)
    plain, other = (
        [line["loss"] for line in metrics_of(tmp_path / name) if "loss" in line] for name in ("plain", "changed")
    )
    assert other[0] == pytest.approx(plain[0], rel=0.02)
    assert other == pytest.approx(plain, rel=0.25)
    assert other != plain


def test_model_that_cannot_be_compiled_is_trained_as_it_is_and_it_is_told(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_compiler(module: nn.Module) -> Callable[[Tensor], Tensor]:
        def fails(*_: object) -> Tensor:
            from torch._dynamo.exc import BackendCompilerFailed

            raise BackendCompilerFailed(lambda: None, RuntimeError("No working C++ compiler was found"), None)

        return fails

    monkeypatch.setattr(torch, "compile", no_compiler)
    seen: list[events.Event] = []
    train(spec_of(material, tmp_path / "run", epochs=1, compile=True), seen.append, never)
    train(spec_of(material, tmp_path / "plain", epochs=1), ignore, never)
    warnings = [e.text for e in seen if isinstance(e, events.Message) and e.level == "warning"]
    assert len(warnings) == 1 and "cannot compile" in warnings[0]
    assert metrics_of(tmp_path / "run") == metrics_of(tmp_path / "plain")


def test_scale_is_learnt_and_not_pulled_to_one() -> None:
    made = learner(small(), loss="info-nce", learn_scale=True, scale=10.0, weight_decay=0.5)
    assert [group["weight_decay"] for group in made.optimiser.param_groups] == [0.5, 0.0]
    before = float(made.objective.log_scale.detach())
    loaded, joint = a_batch()
    made.learn(loaded, joint, epoch=0, step=0, share_done=0.0)
    assert float(made.objective.log_scale.detach()) != before
