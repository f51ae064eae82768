"""One step of learning: a batch through both branches, the loss over all its pairs, and the weights moved; or nothing at all.

A batch that is too large for the memory goes through in micro-batches. Its impostors stay those of the whole batch: maps are
made without a gradient, the loss gives the gradient of every map, and each micro-batch is then made again and takes its part
back to the weights (gradient caching, Gao et al. 2021). Several processes do the same, each with its share of the pairs.
Shapes: B pairs of this process, N pairs of the joint batch, K windows a pair, D embedding, H W map, T audio-map steps.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from davenet import events
from davenet.errors import UserError, one_line
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import pool_audio, pool_image
from davenet.pairs import Pair
from davenet.training.distributed import World
from davenet.training.image_maps import freeze_image_branch
from davenet.training.loader import Loaded
from davenet.training.objective import Maps, Objective
from davenet.training.presets import TrainConfig


@dataclass(frozen=True, slots=True)
class Joint:
    """The pairs of all processes, in the order of the ranks, and how many of them each has."""

    pairs: tuple[Pair, ...]
    counts: tuple[int, ...]


class NotFiniteError(UserError):
    """The loss or its gradient was no longer a number; the weights are those before the step."""


class Learner:
    """A model, what it learns by, and `learn`: either a whole step is taken or everything is as it was before."""

    def __init__(
        self,
        model: DAVEnet,
        objective: Objective,
        optimiser: torch.optim.Optimizer,
        config: TrainConfig,
        world: World,
        emit: events.Emit,
    ) -> None:
        self.model, self.objective, self.optimiser = model, objective, optimiser
        self.micro_batch = config.micro_batch
        self._config, self._world, self._emit = config, world, emit
        self._weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._image_branch: nn.Module = model.image_branch
        self._audio_branch: nn.Module = model.audio_branch
        if config.channels_last:
            model.image_branch.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if config.compile:
            self._compile()
        # a mean needs no places: they are then neither kept nor sent
        self._pooled = config.similarity == "sisa" and not config.anchor_epochs

    def train(self) -> None:
        """Sets the model to training, but for an image branch that stays as it is."""
        self.model.train()
        if self._config.freeze_image:
            freeze_image_branch(self.model)

    def learn(self, loaded: Loaded, joint: Joint, *, epoch: int, step: int, share_done: float) -> float:
        """Takes one step, in smaller micro-batches where the memory does not suffice, and returns its loss.

        Raises NotFiniteError where loss or gradient are no numbers, UserError where not even single pairs fit, and what
        interrupts it: model and optimiser are then as before.
        """
        while True:
            before = [buffer.clone() for buffer in self.model.buffers()]
            try:
                return self._learn(loaded, joint, epoch, step, share_done)
            except BaseException as error:
                self._undo(before)
                if self._config.compile and _is_of_compiler(error):
                    self._do_without_compiler(error)
                elif is_out_of_memory(error):
                    self._halve(joint, error)
                else:
                    raise
            if self._world.device.type == "cuda":
                torch.cuda.empty_cache()

    def _learn(self, loaded: Loaded, joint: Joint, epoch: int, step: int, share_done: float) -> float:
        parts = _parts(joint.counts[self._world.rank], self._n_parts(joint))
        if len(parts) == 1:
            maps = self._maps(loaded, parts[0])
            gradients, loss = self._of_objective(maps, joint, epoch, step, share_done)
            self._back(maps, gradients, parts[0])
        else:
            with torch.no_grad(), self._statistics_held():
                maps = _concatenated([self._maps(loaded, part) for part in parts])
            gradients, loss = self._of_objective(maps, joint, epoch, step, share_done)
            for part in parts:
                self._back(self._maps(loaded, part), gradients, part)
        self._world.sum_gradients(self._weights)
        if self._config.clip_norm:
            norm = nn.utils.clip_grad_norm_(self._weights, self._config.clip_norm)
        else:
            norm = torch.stack([w.grad.norm() for w in self._weights if w.grad is not None]).norm()
        scale = self.objective.log_scale.grad
        norm = norm if scale is None else norm + scale.abs()
        value, length = torch.stack([loss.detach().float(), norm.float()]).tolist()
        if not (math.isfinite(value) and math.isfinite(length)):
            raise NotFiniteError(
                f"{'The loss' if not math.isfinite(value) else 'The gradient'} was no longer a number at step {step + 1}; "
                f"start again with a learning rate below {self._config.learning_rate:g}."
            )
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return float(value)

    def _of_objective(
        self, own: Maps, joint: Joint, epoch: int, step: int, share_done: float
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Returns the gradients of the joint loss with respect to this process's maps, and the loss."""
        begin = sum(joint.counts[: self._world.rank])
        rows = slice(begin, begin + joint.counts[self._world.rank])
        everyones = self._joined(own, joint)
        image_NDHW = everyones.image_BDHW.detach().requires_grad_()
        audio_NDT = everyones.audio_BDT.detach().requires_grad_()
        loss: Tensor = self.objective(
            Maps(image_NDHW, audio_NDT, everyones.n_audio_steps_B),
            joint.pairs,
            epoch=epoch,
            share_done=share_done,
            generator=torch.Generator().manual_seed((self._config.seed << 32) + step),
        )
        loss.backward()  # type: ignore[no-untyped-call]
        windows = self._config.mil_windows
        n_steps = own.audio_BDT.shape[2]
        image_gradient = _gradient(image_NDHW)[rows]
        audio_gradient = _gradient(audio_NDT)[rows.start * windows : rows.stop * windows, :, :n_steps]
        return (image_gradient, audio_gradient), loss

    def _joined(self, own: Maps, joint: Joint) -> Maps:
        if self._world.size == 1:
            return own
        windows = self._config.mil_windows
        counts = [count * windows for count in joint.counts]
        longest = max(row[0] for row in self._world.exchanged([own.audio_BDT.shape[2]], 1))
        audio_BDT = nn.functional.pad(own.audio_BDT.detach(), (0, longest - own.audio_BDT.shape[2]))
        return Maps(
            self._world.joined(own.image_BDHW.detach(), joint.counts),
            self._world.joined(audio_BDT, counts),
            self._world.joined(own.n_audio_steps_B, counts),
        )

    def _maps(self, loaded: Loaded, part: slice) -> Maps:
        """Returns the maps of some of the batch's pairs; means of them, (B, D, 1, 1) and (B, D, 1), where these suffice."""
        batch, config = loaded.batch, self._config
        sounds = slice(part.start * config.mil_windows, part.stop * config.mil_windows)
        n_steps_B = batch.n_steps_B[sounds]
        with torch.autocast(self._world.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            image_BDHW = self._image_map(loaded, part)
            audio_BDT = self._audio_branch(batch.log_mel_BMT[sounds], n_steps_B if loaded.is_padded else None)
        image_BDHW, audio_BDT = image_BDHW.float(), audio_BDT.float()
        n_audio_steps_B = self.model.audio_steps_B(n_steps_B)
        if not self._pooled:
            return Maps(image_BDHW, audio_BDT, n_audio_steps_B)
        return Maps(
            pool_image(image_BDHW).view(*image_BDHW.shape[:2], 1, 1),
            pool_audio(audio_BDT, n_audio_steps_B).unsqueeze(2),
            n_audio_steps_B.clamp(max=1),
        )

    def _image_map(self, loaded: Loaded, part: slice) -> Tensor:
        if loaded.image_BDHW is not None:
            return loaded.image_BDHW[part]
        image_B3HW = normalised(loaded.batch.image_BHW3[part])
        if self._config.channels_last:
            image_B3HW = image_B3HW.to(memory_format=torch.channels_last)
        image_BDHW: Tensor = self._image_branch(image_B3HW)
        return image_BDHW

    def _back(self, maps: Maps, gradients: tuple[Tensor, Tensor], part: slice) -> None:
        """Takes the gradients of some pairs' maps back to the weights."""
        windows = self._config.mil_windows
        sounds = slice(part.start * windows, part.stop * windows)
        ends = [(maps.image_BDHW, gradients[0][part]), (maps.audio_BDT, gradients[1][sounds])]
        ends = [(end, gradient) for end, gradient in ends if end.requires_grad]
        torch.autograd.backward([end for end, _ in ends], [gradient for _, gradient in ends])

    def _n_parts(self, joint: Joint) -> int:
        """Returns in how many parts the batch goes: as many in every process, whose batch norms wait for one another."""
        return -(-max(joint.counts) // self.micro_batch) if self.micro_batch else 1

    @contextmanager
    def _statistics_held(self) -> Iterator[None]:
        """Inside, the running statistics of batch normalisation stay as they are: the batch will be seen once more."""
        norms = [module for module in self.model.modules() if isinstance(module, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        counted = [norm.num_batches_tracked.clone() for norm in norms if norm.num_batches_tracked is not None]
        for norm in norms:
            norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum
            with torch.no_grad():
                for norm, count in zip(norms, counted, strict=True):
                    assert norm.num_batches_tracked is not None
                    norm.num_batches_tracked.copy_(count)

    def _undo(self, buffers: Sequence[Tensor]) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        with torch.no_grad():
            for buffer, known in zip(self.model.buffers(), buffers, strict=True):
                buffer.copy_(known)

    def _halve(self, joint: Joint, error: BaseException) -> None:
        largest = max(joint.counts)
        tried = min(self.micro_batch or largest, largest)
        if self._world.size > 1:  # the others are in the midst of the same step and wait for this one
            raise UserError(
                f"A process had not enough memory for {tried} pairs at once; start again with micro_batch={max(1, tried // 2)}."
            ) from error
        if tried == 1:
            raise UserError(
                "There is not enough memory for a single pair; close other programs, or choose a smaller model, picture or "
                "batch."
            ) from error
        self.micro_batch = tried // 2
        self._emit(
            events.Message(
                f"There was not enough memory for {tried} pairs at once: from here on {self.micro_batch} go through at a "
                "time and their gradients are summed; the impostors stay those of the whole batch.",
                "warning",
            )
        )

    def _compile(self) -> None:
        self._image_branch = torch.compile(self.model.image_branch)  # type: ignore[assignment]
        self._audio_branch = torch.compile(self.model.audio_branch)  # type: ignore[assignment]

    def _do_without_compiler(self, error: BaseException) -> None:
        if self._image_branch is self.model.image_branch:
            raise error
        self._image_branch, self._audio_branch = self.model.image_branch, self.model.audio_branch
        reason = one_line(error)[:200]
        self._emit(events.Message(f"torch cannot compile the model here, so it goes on as it is: {reason}", "warning"))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the GPU or of this machine did not suffice."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    told = ("not enough memory", "can't allocate memory", "out of memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in told)


def _is_of_compiler(error: BaseException) -> bool:
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def _parts(n: int, n_parts: int) -> list[slice]:
    return [slice(n * index // n_parts, n * (index + 1) // n_parts) for index in range(n_parts)]


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _concatenated(parts: Sequence[Maps]) -> Maps:
    fields: list[Any] = [
        torch.cat([getattr(part, name) for part in parts]) for name in ("image_BDHW", "audio_BDT", "n_audio_steps_B")
    ]
    return Maps(*fields)
