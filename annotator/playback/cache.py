"""Decoded frames and sound that may be wanted again, within one bound on the memory of all players together.

Knows nothing of Qt. Used by several threads. What was used longest ago goes first; what a player must hold in any case
(frames on their way to the screen) is counted as held and lessens what may be kept.
"""

import threading
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CACHE_LIMIT = 256 << 20  # bytes
_TOLERANCE_S = 1e-5  # rounding in arithmetic, as davenet.media.source has it


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A picture, RGB uint8 (H, W, 3), that is shown from `time_s` until `until_s`."""

    time_s: float
    until_s: float
    rgb: NDArray[np.uint8]


class MediaCache:
    """Frames by (path, time) and blocks of sound by (path, rate, number), `limit` bytes in all."""

    def __init__(self, limit: int = CACHE_LIMIT) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], tuple[Any, int]] = OrderedDict()
        self._frame_times: dict[Path, list[float]] = {}
        self._n_kept = 0
        self._held: dict[object, int] = {}

    @property
    def n_bytes(self) -> int:
        """What is kept and what is held, together."""
        with self._lock:
            return self._n_kept + sum(self._held.values())

    def hold(self, owner: object, n_bytes: int) -> None:
        """Counts what an owner holds beside the cache; 0 forgets the owner."""
        with self._lock:
            if n_bytes:
                self._held[owner] = n_bytes
                self._make_room()
            else:
                self._held.pop(owner, None)

    def put_frame(self, path: Path, frame: KeptFrame) -> None:
        with self._lock:
            self._put(("frame", path, frame.time_s), frame, frame.rgb.nbytes)
            times = self._frame_times.setdefault(path, [])
            at = bisect_left(times, frame.time_s)
            if at == len(times) or times[at] != frame.time_s:
                insort(times, frame.time_s)
            self._make_room()

    def frame_at(self, path: Path, time_s: float) -> KeptFrame | None:
        """Returns the frame that is shown at `time_s`, if it is kept."""
        with self._lock:
            times = self._frame_times.get(path, [])
            at = bisect_right(times, time_s + _TOLERANCE_S) - 1
            if at < 0:
                return None
            frame: KeptFrame = self._get(("frame", path, times[at]))
            return frame if time_s + _TOLERANCE_S < frame.until_s else None

    def run_from(self, path: Path, time_s: float, limit_s: float = float("inf")) -> list[KeptFrame]:
        """Returns the frame of `time_s` and those that follow it without a gap, as far as they are kept."""
        run: list[KeptFrame] = []
        frame = self.frame_at(path, time_s)
        while frame is not None and frame.time_s < limit_s:
            run.append(frame)
            if frame.until_s == float("inf"):
                break
            frame = self.frame_at(path, frame.until_s)
        return run

    def put_sound(self, path: Path, rate: int, number: int, block: NDArray[np.float32]) -> None:
        with self._lock:
            self._put(("sound", path, rate, number), block, block.nbytes)
            self._make_room()

    def sound(self, path: Path, rate: int, number: int) -> NDArray[np.float32] | None:
        with self._lock:
            key = ("sound", path, rate, number)
            found: NDArray[np.float32] | None = self._get(key) if key in self._kept else None
            return found

    def _get(self, key: tuple[Any, ...]) -> Any:
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def _put(self, key: tuple[Any, ...], value: Any, n_bytes: int) -> None:
        before = self._kept.pop(key, None)
        self._n_kept += n_bytes - (before[1] if before else 0)
        self._kept[key] = (value, n_bytes)

    def _make_room(self) -> None:
        room = self.limit - sum(self._held.values())
        while self._kept and self._n_kept > room:
            key, (_, n_bytes) = self._kept.popitem(last=False)
            self._n_kept -= n_bytes
            if key[0] == "frame":
                times = self._frame_times[key[1]]
                del times[bisect_left(times, key[2])]
                if not times:
                    del self._frame_times[key[1]]
