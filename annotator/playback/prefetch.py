"""Decodes what is likely wanted next, in a thread of low priority: frames and sound of the next pairs into the cache.

Knows nothing of Qt. A new list of wishes replaces the one before between two frames, so a change of mind costs little.
"""

import ctypes
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotator.playback.cache import KeptFrame, MediaCache
from annotator.playback.decoder import Reader, fit, open_frame_reader
from annotator.playback.strip import BLOCK_S, Blocks
from davenet.errors import UserError, one_line

_log = logging.getLogger(__name__)
_N_FRAMES = 10  # from where the sound begins: by the end of these a decoder has found its place in the file


@dataclass(frozen=True, slots=True)
class Wish:
    """The frame of `time_s`, and the frames and sound with which playing `span` (start, end) begins."""

    path: Path
    time_s: float
    span: tuple[float, float]


class Prefetcher:
    """`sound_rate` tells the device's samples a second, 0 while there is none."""

    def __init__(
        self,
        cache: MediaCache,
        *,
        sound_rate: Callable[[], int],
        open_reader: Callable[[Path], Reader] = open_frame_reader,
    ) -> None:
        self._cache = cache
        self._sound_rate = sound_rate
        self._open_reader = open_reader
        self._wake = threading.Condition()
        self._wishes: list[Wish] = []
        self._changed = False
        self._closing = False
        self._reader: tuple[Path, Reader] | None = None
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def want(self, wishes: list[Wish]) -> None:
        with self._wake:
            if wishes != self._wishes:
                self._wishes, self._changed = wishes, True
                self._wake.notify()

    def shutdown(self) -> None:
        """Ends the thread and waits for it."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        _yield_to_others()
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._changed or self._closing)
                if self._closing:
                    break
                wishes, self._changed = self._wishes, False
            for wish in wishes:
                try:
                    self._fulfil(wish)
                except (UserError, OSError, ValueError) as error:  # who opens the video is told
                    _log.info("Not decoded ahead: %s", one_line(error))
                if self._is_stale():
                    break
        self._close_reader()

    def _is_stale(self) -> bool:
        return self._changed or self._closing

    def _fulfil(self, wish: Wish) -> None:
        self._frames(wish.path, wish.span[0], _N_FRAMES)
        self._sound(wish)
        self._frames(wish.path, wish.time_s, 1)

    def _frames(self, path: Path, time_s: float, n_frames: int) -> None:
        if len(self._cache.run_from(path, time_s)) >= n_frames or self._is_stale():
            return
        reader = self._opened(path)
        found: tuple[float, object] | None = reader.frame_at(time_s)
        for _ in range(n_frames):
            if found is None or self._is_stale():
                return
            following = reader.next()
            until_s = float("inf") if following is None else following[0]
            self._cache.put_frame(path, KeptFrame(found[0], until_s, fit(found[1])))  # type: ignore[arg-type]
            found = following

    def _sound(self, wish: Wish) -> None:
        rate = self._sound_rate()
        if not rate or self._is_stale():
            return
        blocks = Blocks(wish.path, rate, self._cache)
        for number in range(int(wish.span[0] // BLOCK_S), int(wish.span[1] // BLOCK_S) + 1):
            if self._is_stale():
                return
            blocks.block(number)

    def _opened(self, path: Path) -> Reader:
        if self._reader is None or self._reader[0] != path:
            self._close_reader()
            self._reader = (path, self._open_reader(path))
        return self._reader[1]

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader[1].close()
            self._reader = None


def _yield_to_others() -> None:
    """Lowers this thread's priority where the system lets a thread have its own."""
    if sys.platform == "win32":
        below_normal = -1
        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), below_normal)
    elif sys.platform == "linux":  # elsewhere it would slow the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
