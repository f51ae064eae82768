"""One run in several processes (torchrun): who this process is, and everything that the processes tell one another.

Each takes its share of the same joint batch. Maps are joined over all of them, so that every pair is every other's impostor
wherever it was read; the gradients of the weights are summed. Only the first process writes files and events.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from davenet import events
from davenet.errors import UserError, one_line
from davenet.jobs import ShouldStop
from davenet.model.checkpoint import chosen_device

_PATIENCE = timedelta(days=1)  # the first process may validate, or prepare maps, for hours
_WATCH_EVERY_S = 0.5
_STUCK_S = 20.0  # torchrun ends its processes by force 30 s after it asked
_LAST_WORDS = "last words"

Value = TypeVar("Value")


@dataclass(slots=True)
class World:
    """The processes of a run; alone, everything here is the identity."""

    rank: int
    size: int
    device: torch.device
    store: "torch.distributed.distributed_c10d.Store | None" = None
    control: "dist.ProcessGroup | None" = None  # on the CPU, whatever the device
    together_since_s: float | None = None  # when the wait for the others began that is under way

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, n: int) -> slice:
        """Returns this process's part of n rows; the parts follow one another in the order of the ranks."""
        begin, end = (n * rank // self.size for rank in (self.rank, self.rank + 1))
        return slice(begin, end)

    def exchanged(self, row: Sequence[int], length: int) -> list[list[int]]:
        """Returns the rows of numbers of all processes, each filled to `length` with -1."""
        filled = [*row, *[-1] * (length - len(row))]
        if self.size == 1:
            return [filled]
        with self.together():
            rows = [torch.empty(length, dtype=torch.int64) for _ in range(self.size)]
            dist.all_gather(rows, torch.tensor(filled, dtype=torch.int64), group=self.control)
            return [each.tolist() for each in rows]

    def told(self, value: Value) -> Value:
        """Returns the first process's value."""
        if self.size == 1:
            return value
        with self.together():
            values = [value]
            dist.broadcast_object_list(values, src=0, group=self.control)
            return values[0]

    def everyones(self, value: Value) -> list[Value]:
        """Returns every process's value, in the order of the ranks."""
        if self.size == 1:
            return [value]
        with self.together():
            values: list[Any] = [None] * self.size
            dist.all_gather_object(values, value, group=self.control)
            return values

    def joined(self, local: Tensor, counts: Sequence[int]) -> Tensor:
        """Returns the rows of all processes in the order of the ranks; `counts` says how many each has."""
        if self.size == 1:
            return local
        padded = local.new_zeros((max(counts), *local.shape[1:]))
        padded[: len(local)] = local
        everyones = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(everyones, padded)
        return torch.cat([rows[:count] for rows, count in zip(everyones, counts, strict=True)])

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Makes each parameter's gradient the sum of those of all processes."""
        if self.size == 1:
            return
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for parameter, gradient, part in zip(parameters, gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))  # in place: fused optimisers need the weights' order in memory
            parameter.grad = gradient

    def same_tensors(self, tensors: Sequence[Tensor]) -> None:
        """Overwrites these tensors with the first process's, in place."""
        if self.size == 1:
            return
        with torch.no_grad():
            for tensor in tensors:
                whole = tensor.detach().contiguous()
                dist.broadcast(whole, src=0)
                tensor.copy_(whole)

    @contextmanager
    def one_after_another(self) -> Iterator[None]:
        """Lets the first process do something alone before the others do it: fetch a file into a cache, for one."""
        if not self.leads:
            self.told(None)
        yield
        if self.leads:
            self.told(None)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done inside waits for the other processes."""
        before, self.together_since_s = self.together_since_s, time.monotonic()
        yield
        self.together_since_s = before

    def leave_word(self, error: BaseException) -> None:
        """Tells the other processes, which will miss this one, why it ends."""
        if self.store is not None:
            with suppress(RuntimeError):  # the others may have gone first
                self.store.set(_LAST_WORDS, f"{self.rank}\n{one_line(error)}")

    def why_lost(self, error: BaseException) -> UserError | None:
        """Returns what to say where an error means that another process of the run has ended; None for other errors."""
        if self.size == 1 or not _is_lost_connection(error):
            return None
        who, why = "Another process", ""
        with suppress(RuntimeError):
            if self.store is not None and self.store.check([_LAST_WORDS]):
                rank, _, words = self.store.get(_LAST_WORDS).decode().partition("\n")
                who, why = f"Process {rank}", f" ({words.rstrip('.')})"
        return UserError(
            f"{who} of this run has ended{why}; start the run again: it goes on from its last saved state."
        )


@contextmanager
def world_of(device: str, stop: ShouldStop, emit: events.Emit) -> Iterator[World]:
    """Gives the world that torchrun's environment names, this process alone without it; leaves it in the end.

    Raises UserError for a device that is absent, or where the other processes are not found.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, chosen_device(device))
        return
    rank = int(os.environ["RANK"])
    chosen = chosen_device(device)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        torch.cuda.set_device(chosen)
    world = World(rank, size, chosen)
    ended = threading.Event()
    threading.Thread(target=_watch, args=(world, stop, emit, ended), name="watch", daemon=True).start()
    with world.together():
        try:
            world.store, _, _ = next(iter(rendezvous("env://", timeout=timedelta(minutes=10))))
            backend = "nccl" if chosen.type == "cuda" else "gloo"
            dist.init_process_group(backend, store=world.store, rank=rank, world_size=size, timeout=_PATIENCE)
            world.control = dist.new_group(backend="gloo", timeout=_PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"The {size} processes of this run did not find one another: {one_line(error)}") from error
    try:
        try:
            yield world
        except events.Stop:
            world.told(None)
            raise
        world.told(None)  # nobody leaves while another still reads from it
    finally:
        ended.set()
        world.store = world.control = None
        dist.destroy_process_group()


def _watch(world: World, stop: ShouldStop, emit: events.Emit, ended: threading.Event) -> None:
    """Ends this process where it was asked to stop but waits for one that will never answer: no wait can be broken off."""
    asked_s: float | None = None
    while not ended.wait(_WATCH_EVERY_S):
        now = time.monotonic()
        if asked_s is None and stop():
            asked_s = now
        since_s = world.together_since_s
        if asked_s is not None and since_s is not None and now - max(asked_s, since_s) > _STUCK_S:
            emit(
                events.Failed(
                    "Another process of this run no longer answers; start the run again: it goes on from its last saved "
                    "state."
                )
            )
            os._exit(2)


def _is_lost_connection(error: BaseException) -> bool:
    if isinstance(error, dist.DistBackendError | dist.DistNetworkError | dist.DistStoreError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("gloo" in text or "connection closed" in text or "nccl" in text)
