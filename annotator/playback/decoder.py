"""The thread that turns a video into frames ahead of their time: open, seek (the latest wins), step, loop.

Knows nothing of Qt. Frames that were asked for (by seek or step) are delivered at once through a callback on this
thread; frames to come wait in a short queue until `take` fetches the one that is due.
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
FRAMES_AHEAD = 8
MAX_WIDTH = 1280  # pixels; nothing on screen is wider, and a larger frame costs time on the GUI thread
_JUST_BEFORE_S = 2e-3  # shorter than a frame at 240 a second, longer than the rounding of timestamps


class Reader(Protocol):
    """What the decoder needs of `davenet.media.frames.FrameReader`."""

    def frame_at(self, time_s: float) -> tuple[float, NDArray[np.uint8]]: ...
    def next(self) -> tuple[float, NDArray[np.uint8]] | None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture at its second.

    `lap` counts how often the loop has begun again, `ticket` names its seek, `stepped` frames answer a step.
    """

    time_s: float
    rgb: NDArray[np.uint8]
    lap: int
    ticket: int
    stepped: bool = False


def open_frame_reader(path: Path) -> Reader:
    from davenet.media.frames import FrameReader

    reader: Reader = FrameReader(path)
    return reader


class Decoder:
    """Decodes in its own thread until `shutdown`. `deliver` and `fail` are called on that thread."""

    def __init__(
        self,
        *,
        deliver: Callable[[Frame], None],
        fail: Callable[[int, str], None],
        open_reader: Callable[[Path], Reader] = open_frame_reader,
    ) -> None:
        self._deliver = deliver
        self._fail = fail
        self._open_reader = open_reader
        self._wake = threading.Condition()
        self._ticket = 0
        self._path: Path | None = None
        self._path_changed = False
        self._target: tuple[float, tuple[float, float] | None] | None = None
        self._steps = 0
        self._ahead: deque[Frame] = deque()
        self._shown: Frame | None = None
        self._at_end = True
        self._closing = False
        # only the thread itself uses these two
        self._reader: Reader | None = None
        self._position: tuple[tuple[float, float] | None, int] = (None, 0)
        self._thread = threading.Thread(target=self._run, name="frame decoder", daemon=True)
        self._thread.start()

    def open(self, path: Path | None) -> int:
        """Leaves the video before and opens this one (None: nothing) at its first frame; returns the ticket."""
        with self._wake:
            self._path, self._path_changed = path, True
            return self._aim(0.0, None)

    def seek(self, time_s: float, loop: tuple[float, float] | None = None) -> int:
        """Asks for the frame of `time_s`; an earlier wish that was not met yet is dropped. Returns the ticket."""
        with self._wake:
            return self._aim(time_s, loop)

    def step(self, n_frames: int) -> int:
        """Asks for the frame `n_frames` after (or before) the one shown; steps asked for meanwhile add up."""
        with self._wake:
            self._steps += n_frames
            self._wake.notify()
            return self._ticket

    def take(self, timeline: Timeline, elapsed_s: float) -> Frame | None:
        """Returns the newest frame due after `elapsed_s` of play, dropping those before it; None if there is none."""
        due = None
        with self._wake:
            while self._ahead and timeline.due(self._ahead[0].time_s, self._ahead[0].lap) <= elapsed_s:
                due = self._ahead.popleft()
            if due is not None:
                self._shown = due
                self._wake.notify()
        return due

    def begin_lap(self, lap: int) -> None:
        """Counts laps from `lap` on as from 0: play goes on from where it paused within a loop."""
        with self._wake:
            self._ahead = deque(replace(frame, lap=frame.lap - lap) for frame in self._ahead if frame.lap >= lap)
            loop, reader_lap = self._position
            self._position = (loop, max(0, reader_lap - lap))

    def is_reading(self) -> bool:
        """Returns True while more frames are on their way: a queue that is empty now is late, not at its end."""
        with self._wake:
            return not self._at_end and not self._ahead

    def shutdown(self) -> None:
        """Ends the thread and waits for it."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _aim(self, time_s: float, loop: tuple[float, float] | None) -> int:
        self._ticket += 1
        self._target = (time_s, loop)
        self._steps = 0
        self._ahead.clear()
        self._at_end = False
        self._wake.notify()
        return self._ticket

    def _has_work(self) -> bool:
        if self._closing or self._path_changed or self._target is not None or self._steps:
            return True
        return self._reader is not None and not self._at_end and len(self._ahead) < FRAMES_AHEAD

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(self._has_work)
                if self._closing:
                    break
                path, path_changed, self._path_changed = self._path, self._path_changed, False
                target, self._target = self._target, None
                steps, self._steps = self._steps, 0
                ticket = self._ticket
            try:
                if path_changed:
                    self._close_reader()
                    self._reader = None if path is None else self._open_reader(path)
                if self._reader is None:
                    continue
                if target is not None:
                    self._show(ticket, self._reader.frame_at(target[0]), target[1], stepped=False)
                if steps:
                    self._step(ticket, steps)
                elif target is None:
                    self._read_ahead(ticket)
            except Exception as error:
                if not isinstance(error, UserError | OSError | ValueError):
                    _log.exception("The frame decoder failed on %s", path)  # a bug: keep its traceback
                self._close_reader()
                self._fail(ticket, _sentence(path, error))
        self._close_reader()

    def _show(
        self,
        ticket: int,
        found: tuple[float, NDArray[np.uint8]],
        loop: tuple[float, float] | None,
        *,
        stepped: bool,
    ) -> None:
        frame = Frame(found[0], fit(found[1]), 0, ticket, stepped)
        with self._wake:
            if ticket != self._ticket:
                return  # a later seek has been asked for
            self._position = (loop, 0)
            self._ahead.clear()
            self._shown = frame
            self._at_end = False
        self._deliver(frame)

    def _step(self, ticket: int, steps: int) -> None:
        reader, shown = self._reader, self._shown
        if reader is None or shown is None:
            return
        loop = self._position[0]
        found: tuple[float, NDArray[np.uint8]] | None = None
        if steps > 0:
            with self._wake:
                waiting = [frame for frame in self._ahead if frame.time_s > shown.time_s]
            if len(waiting) >= steps:
                self._show_waiting(ticket, waiting[steps - 1])
                return
            found = reader.frame_at(shown.time_s)
            for _ in range(steps):
                found = reader.next() or found
        else:
            time_s = shown.time_s
            for _ in range(-steps):
                found = reader.frame_at(max(0.0, time_s - _JUST_BEFORE_S))
                time_s = found[0]
        if found is not None:
            self._show(ticket, found, loop, stepped=True)

    def _show_waiting(self, ticket: int, frame: Frame) -> None:
        with self._wake:
            if ticket != self._ticket:
                return
            while self._ahead and self._ahead[0] is not frame:
                self._ahead.popleft()
            if self._ahead:
                self._ahead.popleft()
            self._shown = frame = replace(frame, stepped=True)
        self._deliver(frame)

    def _read_ahead(self, ticket: int) -> None:
        assert self._reader is not None
        loop = self._position[0]
        found = self._reader.next()
        begins_lap = loop is not None and (found is None or found[0] >= loop[1])
        if loop is not None and begins_lap:
            found = self._reader.frame_at(loop[0])
        rgb = None if found is None else fit(found[1])
        with self._wake:
            if ticket != self._ticket:
                return
            if found is None or rgb is None:
                self._at_end = True
                return
            lap = self._position[1] + begins_lap  # begin_lap may have counted anew while this frame was decoded
            self._position = (loop, lap)
            self._ahead.append(Frame(found[0], rgb, lap, ticket))

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
