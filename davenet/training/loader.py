"""Batches on the device before they are needed: read in parts by several threads, joined and sent ahead by one more.

On a GPU they are copied from pinned memory on a stream of their own, while the step before them is computed. How long the
loop had to wait is counted: it should be next to nothing.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Collection, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Full, Queue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet.model.config import N_MELS
from davenet.pairs import Pair
from davenet.training.dataset import FLOOR_DB, Batch, Loss, PairReader, Windows, augmentation
from davenet.training.image_maps import ImageMaps
from davenet.training.presets import TrainConfig

_READ_AHEAD = 2  # batches that are being read
_SENT_AHEAD = 2  # batches that wait on the device
_LEAST_PART = 8  # pairs that one thread reads at a time
_MOST_THREADS = 32
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Loaded:
    """A batch on the device; with a frozen image branch its maps are there instead of its pictures."""

    batch: Batch
    image_BDHW: Tensor | None
    is_padded: bool  # whether any sound is shorter than the longest
    on_device: "torch.cuda.Event | None"  # when the copy is over


@dataclass(frozen=True, slots=True)
class _Reading:
    """A batch that is being read in parts, and the memory for its pictures."""

    parts: list[Future[Batch]]
    image_BHW3: NDArray[np.uint8] | None


class Loader:
    """Reads the batches of an epoch; `waited_s` is how long their reader had to wait for them in all."""

    def __init__(
        self,
        reader: PairReader,
        config: TrainConfig,
        device: torch.device,
        *,
        image_maps: ImageMaps | None = None,
        without_map: Collection[str] = (),
        n_threads: int | None = None,
    ) -> None:
        """`without_map` are the uids of pairs that `image_maps` lacks, as their frame cannot be read."""
        self._without_map = without_map
        self._reader, self._config, self._device, self._image_maps = reader, config, device, image_maps
        self._windows = Windows(config.mil_windows, config.mil_spacing_s) if config.mil_windows > 1 else None
        self._n_threads = n_threads or loader_threads(device)
        self.waited_s = 0.0

    def batches(self, pairs: Sequence[Pair], chosen: Sequence[NDArray[np.int64]], epoch: int) -> Generator[Loaded]:
        """Yields the batches whose pairs are `chosen`, in order; reads ahead until it is closed."""
        ready: Queue[Loaded | BaseException | None] = Queue(_SENT_AHEAD)
        ended = threading.Event()
        sender = threading.Thread(target=self._send, args=(pairs, chosen, epoch, ready, ended), name="loader")
        sender.start()
        try:
            while True:
                began_s = time.monotonic()
                found = ready.get()
                self.waited_s += time.monotonic() - began_s
                if found is None:
                    return
                if isinstance(found, BaseException):
                    raise found
                if found.on_device is not None:
                    self._arrive(found)
                yield found
        finally:
            ended.set()
            sender.join()

    def _send(
        self,
        pairs: Sequence[Pair],
        chosen: Sequence[NDArray[np.int64]],
        epoch: int,
        ready: "Queue[Loaded | BaseException | None]",
        ended: threading.Event,
    ) -> None:
        """Runs in a thread of its own: keeps the readers busy, joins the parts of a batch and sends it to the device."""
        on_gpu = self._device.type == "cuda"
        stream = torch.cuda.Stream(self._device) if on_gpu else None  # type: ignore[no-untyped-call]
        reading: deque[_Reading] = deque()
        coming = iter(chosen)
        with ThreadPoolExecutor(self._n_threads, thread_name_prefix="pairs") as pool:
            try:
                while not ended.is_set():
                    while len(reading) <= _READ_AHEAD and (indices := next(coming, None)) is not None:
                        reading.append(self._begun(pool, pairs, indices, epoch))
                    if not reading:
                        _put(ready, None, ended)
                        return
                    begun = reading.popleft()
                    parts = [future.result() for future in begun.parts]
                    _put(ready, self._sent(joined(parts, begun.image_BHW3), stream), ended)
            except BaseException as error:
                _put(ready, error, ended)
            finally:
                pool.shutdown(cancel_futures=True)

    def _begun(
        self, pool: ThreadPoolExecutor, pairs: Sequence[Pair], indices: NDArray[np.int64], epoch: int
    ) -> "_Reading":
        """Has the threads read a batch's parts, each into its own rows of the batch."""
        n_parts = max(1, min(self._n_threads, len(indices) // _LEAST_PART))
        image_BHW3 = self._reader.room(len(indices)) if self._image_maps is None else None
        rooms = [None] * n_parts if image_BHW3 is None else np.array_split(image_BHW3, n_parts)
        parts = zip(np.array_split(indices, n_parts), rooms, strict=True)
        return _Reading([pool.submit(self._read, pairs, part, epoch, room) for part, room in parts], image_BHW3)

    def _read(
        self, pairs: Sequence[Pair], indices: NDArray[np.int64], epoch: int, out_BHW3: NDArray[np.uint8] | None
    ) -> Batch:
        seen = [index for index in indices if pairs[index].uid not in self._without_map]
        batch = self._reader.batch(
            [pairs[index] for index in seen],
            [augmentation(self._config, epoch, int(index)) for index in seen],
            windows=self._windows,
            with_pictures=self._image_maps is None,
            out_BHW3=out_BHW3,
        )
        unseen = [pairs[index] for index in indices if pairs[index].uid in self._without_map]
        lost = [Loss(pair, f"The frame at {pair.time_s:.1f} s of {pair.video_uid} has no map.") for pair in unseen]
        return replace(batch, lost=(*batch.lost, *lost)) if lost else batch

    def _sent(self, batch: Batch, stream: "torch.cuda.Stream | None") -> Loaded:
        is_padded = bool((batch.n_steps_B < batch.log_mel_BMT.shape[2]).any())
        image_BDHW = self._image_maps.batch(batch.pairs) if self._image_maps is not None else None
        if stream is None:
            return Loaded(batch, image_BDHW, is_padded, None)
        with torch.cuda.stream(stream):
            batch = replace(
                batch,
                image_BHW3=self._copied(batch.image_BHW3),
                log_mel_BMT=self._copied(batch.log_mel_BMT),
                n_steps_B=self._copied(batch.n_steps_B),
            )
            image_BDHW = None if image_BDHW is None else self._copied(image_BDHW)
            copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            copied.record(stream)
        return Loaded(batch, image_BDHW, is_padded, copied)

    def _copied(self, tensor: Tensor) -> Tensor:
        return tensor.pin_memory().to(self._device, non_blocking=True)

    def _arrive(self, loaded: Loaded) -> None:
        """Has the step's stream wait for the copy, and the memory wait for the step."""
        stream = torch.cuda.current_stream(self._device)
        assert loaded.on_device is not None
        stream.wait_event(loaded.on_device)
        batch = loaded.batch
        for tensor in (batch.image_BHW3, batch.log_mel_BMT, batch.n_steps_B, loaded.image_BDHW):
            if tensor is not None:
                tensor.record_stream(stream)


def loader_threads(device: torch.device) -> int:
    """Returns how many threads read: beside a GPU all cores of this process, else half, for the other half computes."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS do not tell
        cores = os.cpu_count() or 1
    cores //= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(_MOST_THREADS, cores if device.type == "cuda" else cores // 2))


def joined(parts: Sequence[Batch], image_BHW3: NDArray[np.uint8] | None = None) -> Batch:
    """Returns batches one after the other as one, their sounds padded to the longest.

    `image_BHW3` is where the parts' pictures were written, one part after the other: nothing is copied where none was lost.
    """
    if len(parts) == 1:
        return parts[0]
    sounds = [part.log_mel_BMT.numpy() for part in parts]
    log_mel_BMT = np.full((sum(map(len, sounds)), N_MELS, max(s.shape[2] for s in sounds)), FLOOR_DB, np.float32)
    row = 0
    for sound in sounds:
        log_mel_BMT[row : row + len(sound), :, : sound.shape[2]] = sound
        row += len(sound)
    pairs = tuple(pair for part in parts for pair in part.pairs)
    # by numpy: torch would wake a team of threads for this one, which then spins beside those that read
    if image_BHW3 is None or len(image_BHW3) != len(pairs):
        image_BHW3 = np.concatenate([part.image_BHW3.numpy() for part in parts])
    return Batch(
        pairs,
        torch.from_numpy(image_BHW3),
        torch.from_numpy(log_mel_BMT),
        torch.from_numpy(np.concatenate([part.n_steps_B.numpy() for part in parts])),
        tuple(loss for part in parts for loss in part.lost),
    )


def _put(
    ready: "Queue[Loaded | BaseException | None]", found: Loaded | BaseException | None, ended: threading.Event
) -> None:
    """Waits for room, but not for a reader that has gone."""
    while not ended.is_set():
        try:
            ready.put(found, timeout=_LOOK_S)
            return
        except Full:
            continue
