"""Tasks over a Ray cluster: handed out as there is room, run again where a machine or a process was lost.

What a task returns comes back in any order. Ray is imported on use; it is the extra `cluster`.
"""

import contextlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar

from davenet.errors import UserError, one_line

T = TypeVar("T")
R = TypeVar("R")
Tick = Callable[[float], None]

INSTALL = f"{sys.executable} -m pip install ray fsspec"
_TRIES = 3  # of a task whose process dies, or that finds no video would fare better
_MACHINES = 20  # that may be lost under one task: those that are lent come and go
_AHEAD = 2  # tasks beyond those that run, so that no machine waits for the next
_WAIT_S = 0.5
_COUNT_EVERY_S = 5.0  # the cluster's processors
_TICK_EVERY_S = 1.0
_ENDS_IN_S = 5.0  # a task that is told to stop, or a cluster that is to answer
_OBJECT_STORE = 500_000_000  # bytes, of a cluster that is this machine alone


@dataclass(frozen=True, slots=True)
class Lost(Generic[T]):
    """A task that could not be run: its process died each time, its machines were lost, or each met the same `fault`."""

    task: T
    why: Literal["crashed", "machines", "fault"]
    fault: str = ""


@dataclass(slots=True)
class _Try(Generic[T]):
    task: T
    number: int
    n_crashes: int = 0
    n_faults: int = 0
    n_machines: int = 0


class RayEngine:
    """A connection to a cluster, for the length of a `with` block; without an address the one that is found.

    Where none is found it is this machine, with `n_cores` tasks at once. `n_gpus` is what each task needs.
    """

    def __init__(self, address: str | None, *, n_cores: int, n_gpus: int = 0, warn: Callable[[str], None]) -> None:
        """Raises UserError where Ray is not installed."""
        missing = [name for name in ("ray", "fsspec") if importlib.util.find_spec(name) is None]
        if missing:
            raise UserError(f"--engine ray needs {' and '.join(missing)}; install with: {INSTALL}")
        self._address, self._n_cores, self._n_gpus, self._warn = address, n_cores, n_gpus, warn
        self._is_ours = False
        self._counted_at = -_COUNT_EVERY_S
        self._n_slots = 0

    def __enter__(self) -> Self:
        """Raises UserError where no cluster answers at the address."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what users do is theirs
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray

        self._ray = ray
        if not ray.is_initialized():
            with _own_signals():
                self._connect()
            self._is_ours = True
        self._board = self._put_up_board()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._board)
        if self._is_ours:
            self._ray.shutdown()

    def map(
        self,
        function: Callable[[T, Tick], R],
        tasks: Iterable[T],
        *,
        ticked: Callable[[T, float], None],
        stop: Callable[[], bool],
    ) -> Generator[R | Lost[T], None, None]:
        """Yields what the function returns for each task, as it comes, until all are done or `stop` says so.

        The tasks are taken as there is room for them. `ticked` is told what the function tells its tick. Tasks under way
        are ended when the iterator is closed. Raises what the function raises, other than a UserError.
        """
        remote = self._ray.remote(_run).options(num_cpus=1, num_gpus=self._n_gpus, max_retries=0)
        coming, again = iter(tasks), deque[_Try[T]]()
        running: dict[Any, _Try[T]] = {}
        n_given = 0
        try:
            while not stop():
                while len(running) < self._room():
                    if again:
                        taken = again.popleft()
                    elif (task := next(coming, None)) is not None:
                        taken = _Try(task, n_given)
                        n_given += 1
                    else:
                        break
                    running[remote.remote(function, taken.task, self._board, taken.number)] = taken
                if not running:
                    return
                ready, _ = self._ray.wait(list(running), num_returns=1, timeout=_WAIT_S)
                self._read_board({each.number: each.task for each in running.values()}, ticked)
                for reference in ready:
                    taken = running.pop(reference)
                    came = self._result(reference, taken)
                    if isinstance(came, _Try):
                        again.append(came)
                    else:
                        yield came
        finally:
            self._end(running)

    def _result(self, reference: Any, taken: _Try[T]) -> Any:
        """Returns what a task returned, the task for another try, or Lost after the last."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, UserError):
                taken.n_faults += 1
                return taken if taken.n_faults < _TRIES else Lost(taken.task, "fault", one_line(cause))
            if isinstance(cause, ImportError):
                raise UserError(
                    f"A machine of the cluster lacks a part of this program ({one_line(cause)}); install the same "
                    "version of it, with its packages, on all of them."
                ) from error
            raise
        except errors.WorkerCrashedError:
            taken.n_crashes += 1
            return taken if taken.n_crashes < _TRIES else Lost(taken.task, "crashed")
        except errors.OutOfMemoryError:
            taken.n_crashes += 1
            return taken if taken.n_crashes < _TRIES else Lost(taken.task, "crashed")
        except (errors.NodeDiedError, errors.ObjectLostError, errors.LocalRayletDiedError) as error:
            taken.n_machines += 1
            self._warn(f"A machine of the cluster was lost; its videos are worked on again ({type(error).__name__}).")
            self._counted_at = -_COUNT_EVERY_S
            return taken if taken.n_machines < _MACHINES else Lost(taken.task, "machines")
        except errors.RayError as error:
            raise UserError(
                f"The cluster could not run a task ({one_line(error)[:200]}); see to it and go on."
            ) from error

    def _room(self) -> int:
        if time.monotonic() - self._counted_at >= _COUNT_EVERY_S:
            self._counted_at = time.monotonic()
            n_slots = int(self._ray.cluster_resources().get("CPU", 0))
            if not n_slots and self._n_slots:
                self._warn("No machine of the cluster is left; waiting for one.")
            self._n_slots = n_slots
        return self._n_slots + _AHEAD

    def _connect(self) -> None:
        ray = self._ray
        quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        try:
            if self._address is not None:
                _knock(self._address)
                ray.init(address=self._address, **quiet)
                return
            try:
                ray.init(address="auto", **quiet)
            except ConnectionError:
                ray.init(
                    address="local",
                    num_cpus=self._n_cores,
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE,
                    **quiet,
                )
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            where = f"at {self._address}" if self._address else "here"
            raise UserError(
                f"No Ray cluster answers {where} ({one_line(error)[:160]}); start one with: ray start --head, "
                "and give its address with --address HOST:6379."
            ) from error

    def _put_up_board(self) -> Any:
        """Starts the actor that tasks tell how far they are: here, not on a machine that may be lost."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(self._ray.get_runtime_context().get_node_id(), soft=True)
        return self._ray.remote(_Board).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()

    def _read_board(self, tasks: dict[int, T], ticked: Callable[[T, float], None]) -> None:
        try:
            told: dict[int, float] = self._ray.get(self._board.read.remote(), timeout=_WAIT_S)
        except self._ray.exceptions.RayError:  # the board is slow or starts again: it is only for progress
            return
        for number, done in told.items():
            if number in tasks:
                ticked(tasks[number], done)

    def _end(self, running: dict[Any, _Try[T]]) -> None:
        """Has the tasks under way stop and clear up after themselves; those that do not are ended where they are."""
        if not running:
            return
        references = list(running)
        with contextlib.suppress(self._ray.exceptions.RayError):
            for reference in references:
                self._ray.cancel(reference, force=False)
            _, left = self._ray.wait(references, num_returns=len(references), timeout=_ENDS_IN_S)
            for reference in left:
                self._ray.cancel(reference, force=True)


def _knock(address: str) -> None:
    """Raises OSError where nothing listens at HOST:PORT: Ray itself would wait for minutes before it says so."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ENDS_IN_S).close()


class _Board:
    """Where tasks write how far they are, by number; reading it wipes it."""

    def __init__(self) -> None:
        self._told: dict[int, float] = {}

    def tell(self, number: int, done: float) -> None:
        self._told[number] = done

    def read(self) -> dict[int, float]:
        told, self._told = self._told, {}
        return told


def _run(function: Callable[[T, Tick], R], task: T, board: Any, number: int) -> R:
    """Runs on a machine of the cluster."""
    told_at = time.monotonic()

    def tick(done: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TICK_EVERY_S:
            told_at = time.monotonic()
            board.tell.remote(number, done)

    return function(task, tick)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps what our signals do: connecting sets handlers that end the process where it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
