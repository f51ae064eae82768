"""A thread that reads one file's frames ahead of their time: goes to where it is wanted (the latest wish wins), reads on.

Knows nothing of Qt. A frame that was wished for is delivered at once through a callback on this thread; frames to come
wait in a short queue until `take` fetches the one that is due. `Decoder` has one feed for a video and one for its proxy.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from annotator.playback.clock import Timeline
from davenet.errors import UserError, one_line

_log = logging.getLogger(__name__)
MAX_WIDTH = 1280  # pixels; nothing on screen is wider, and a larger frame costs time on the GUI thread
_AHEAD_PLAYING, _AHEAD_RESTING = 8, 3  # frames; at rest few, so that the reader still holds those before for steps back
_JUST_BEFORE_S = 2e-3  # shorter than a frame at 240 a second, longer than the rounding of timestamps
_LATE_S = 0.25  # of play: what is read this much too late is passed over, up to now


class Reader(Protocol):
    """What a feed needs of `davenet.media.frames.FrameReader`."""

    def frame_at(self, time_s: float) -> tuple[float, NDArray[np.uint8]]: ...
    def next(self) -> tuple[float, NDArray[np.uint8]] | None: ...
    def until_s(self) -> float: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture at its second, shown until `until_s` where that is known.

    `lap` counts how often the loop has begun again, `ticket` names its wish, `stepped` frames answer a step.
    """

    time_s: float
    rgb: NDArray[np.uint8]
    lap: int
    ticket: int
    stepped: bool = False
    is_proxy: bool = False
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """The frame shown at `time_s`, or the one `n_steps` frames after (below 0: before) that one."""

    ticket: int
    time_s: float
    loop: tuple[float, float] | None = None
    n_steps: int = 0


class Feed:
    """Reads in its own thread until `shutdown`. `deliver` and `fail` (ticket, sentence) are called on that thread."""

    def __init__(
        self,
        *,
        deliver: Callable[[Frame], None],
        fail: Callable[[int, str], None],
        open_reader: Callable[[Path], Reader],
        is_proxy: bool = False,
    ) -> None:
        self._deliver, self._fail, self._open_reader = deliver, fail, open_reader
        self._is_proxy = is_proxy
        self._wake = threading.Condition()
        self._path: Path | None = None
        self._path_changed = False
        self._wish: Wish | None = None
        self._ticket = 0
        self._n_forgotten = 0
        self._ahead: deque[Frame] = deque()
        self._at_end = True
        self._is_playing = False
        self._is_resting = False
        self._now: tuple[Timeline, float] | None = None
        self._closing = False
        # only the thread itself uses the reader; where it is in the loop is under the lock
        self._reader: Reader | None = None
        self._loop: tuple[float, float] | None = None
        self._lap = 0
        self._read_s = 0.0
        self._whole_from_s = 0.0  # no frame is missing from here to the end of the queue
        self._thread = threading.Thread(target=self._run, name="proxy" if is_proxy else "frames", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def held_bytes(self) -> int:
        """What the frames in the queue take."""
        with self._wake:
            return sum(frame.rgb.nbytes for frame in self._ahead)

    def open(self, path: Path | None, wish: Wish) -> None:
        """Leaves the file before, opens this one (None: nothing) and goes to where it is wished."""
        with self._wake:
            self._path, self._path_changed = path, True
        self.wish(wish)

    def wish(self, wish: Wish) -> None:
        """Drops an earlier wish that was not met yet, and what was read ahead unless a step can use it."""
        with self._wake:
            self._wish, self._ticket = wish, wish.ticket
            self._now = None
            self._at_end = self._is_resting = False
            if not wish.n_steps:
                self._forget_ahead()
            self._wake.notify()

    def set_playing(self, is_playing: bool) -> None:
        """Reads further ahead while playing."""
        with self._wake:
            self._is_playing, self._is_resting, self._now = is_playing, False, None
            self._wake.notify()

    def rest(self) -> None:
        """Reads nothing until the next wish: it cannot keep up with what plays."""
        with self._wake:
            self._is_resting = True
            self._forget_ahead()

    def take(self, timeline: Timeline, elapsed_s: float) -> Frame | None:
        """Returns the newest frame due after `elapsed_s` of play, dropping those before it; None if there is none."""
        due = None
        with self._wake:
            self._now = (timeline, elapsed_s)
            while self._ahead and timeline.due(self._ahead[0].time_s, self._ahead[0].lap) <= elapsed_s:
                due = self._ahead.popleft()
            if due is not None:
                self._wake.notify()
        return due

    def begin_lap(self, lap: int) -> None:
        """Counts laps from `lap` on as from 0: play goes on from where it paused within a loop."""
        with self._wake:
            self._ahead = deque(replace(frame, lap=frame.lap - lap) for frame in self._ahead if frame.lap >= lap)
            self._lap = max(0, self._lap - lap)

    def shutdown(self) -> None:
        """Ends the thread and waits for it."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    # -- the thread ------------------------------------------------------------------------------------------------

    def _forget_ahead(self) -> None:
        self._ahead.clear()
        self._n_forgotten += 1  # what is being read now is not to come into the queue either
        self._whole_from_s = float("inf")

    def _has_work(self) -> bool:
        if self._closing or self._path_changed or self._wish is not None:
            return True
        if self._reader is None or self._at_end or self._is_resting:
            return False
        return len(self._ahead) < (_AHEAD_PLAYING if self._is_playing else _AHEAD_RESTING)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work)
                if self._closing:
                    break
                path, path_changed, self._path_changed = self._path, self._path_changed, False
                wish, self._wish = self._wish, None
                ticket, n_forgotten = self._ticket, self._n_forgotten
            try:
                if path_changed:
                    self._close_reader()
                    self._reader = None if path is None else self._open_reader(path)
                if self._reader is None:
                    continue
                if wish is not None:
                    self._fulfil(self._reader, wish)
                else:
                    self._read_ahead(self._reader, n_forgotten)
            except Exception as error:
                if not isinstance(error, UserError | OSError | ValueError):
                    _log.exception("Frames of %s cannot be read", path)  # a bug: keep its traceback
                self._close_reader()
                self._fail(ticket, _sentence(path, error))
        self._close_reader()

    def _fulfil(self, reader: Reader, wish: Wish) -> None:
        frame = self._from_queue(wish) or self._from_reader(reader, wish)
        with self._wake:
            if frame.until_s is not None:  # it came from the reader, which is right behind it now
                self._ahead.clear()
                self._lap = 0
                self._read_s = self._whole_from_s = frame.time_s
            self._loop = wish.loop
            self._at_end = False
        self._deliver(frame)

    def _from_queue(self, wish: Wish) -> Frame | None:
        """Returns the frame that a step on wants where it has been read already, and leaves those after it."""
        if wish.n_steps <= 0:
            return None
        with self._wake:
            following = [frame for frame in self._ahead if frame.time_s > wish.time_s + _JUST_BEFORE_S / 2]
            if len(following) < wish.n_steps or self._whole_from_s > wish.time_s + _JUST_BEFORE_S / 2:
                return None
            wanted = following[wish.n_steps - 1]
            while self._ahead.popleft() is not wanted:
                pass
        return replace(wanted, lap=0, ticket=wish.ticket, stepped=True)

    def _from_reader(self, reader: Reader, wish: Wish) -> Frame:
        found = reader.frame_at(wish.time_s)
        for _ in range(wish.n_steps):
            found = reader.next() or found
        for _ in range(-wish.n_steps):
            found = reader.frame_at(max(0.0, found[0] - _JUST_BEFORE_S))
        return Frame(found[0], fit(found[1]), 0, wish.ticket, wish.n_steps != 0, self._is_proxy, reader.until_s())

    def _read_ahead(self, reader: Reader, n_forgotten: int) -> None:
        with self._wake:
            loop, lap, now = self._loop, self._lap, self._now
        begins_lap = 0
        found = self._catch_up(reader, now, lap)
        passes_over = found is not None
        if passes_over and now is not None:
            begins_lap = now[0].place(now[1])[1] - lap
        else:
            found = reader.next()
            if loop is not None and (found is None or found[0] >= loop[1]):
                found, begins_lap = reader.frame_at(loop[0]), 1
        rgb = None if found is None else fit(found[1])
        with self._wake:
            if n_forgotten != self._n_forgotten:
                return
            if found is None or rgb is None:
                self._at_end = True
                return
            self._lap += begins_lap  # begin_lap may have counted anew while this frame was decoded
            if passes_over:
                self._whole_from_s = found[0]
            self._read_s = found[0]
            self._ahead.append(Frame(found[0], rgb, self._lap, self._ticket, is_proxy=self._is_proxy))

    def _catch_up(
        self, reader: Reader, now: tuple[Timeline, float] | None, lap: int
    ) -> tuple[float, NDArray[np.uint8]] | None:
        """Returns the frame of now where reading on has fallen too far behind it; what lies between is passed over."""
        if now is None or not self._is_playing:
            return None
        timeline, elapsed_s = now
        if timeline.due(self._read_s, lap) > elapsed_s - _LATE_S:
            return None
        found = reader.frame_at(timeline.place(elapsed_s)[0])
        return None if found[0] == self._read_s else found

    def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


def fit(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the frame no wider than MAX_WIDTH, contiguous."""
    height, width = rgb.shape[:2]
    if width <= MAX_WIDTH:
        return np.ascontiguousarray(rgb)
    size = (MAX_WIDTH, max(1, round(height * MAX_WIDTH / width)))
    resized: Any = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(resized)


def _sentence(path: Path | None, error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    name = "The video" if path is None else path.name
    return f"{name} cannot be played ({one_line(error)}); check that the file is whole."
