"""One checkpoint that listens: its warm job, and the maps of the video and mode that are asked for as they come.

Every answer is taken only where it is of the video and mode asked for now; maps of anything else are never shown. What
lies in the cache whole is shown without a job. Files are read away from the GUI thread, in one thread, in order.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.matchmaps.sources import Checkpoint, check_video, model_config
from davenet import events
from davenet.errors import UserError
from davenet.live import STRETCH_S, LiveMaps, Mode, Playhead, Rest, Show, to_line
from davenet.look import letterbox_crop
from davenet.overlay import Crop
from davenet.specs import LiveSpec

SILENCE_MS = 60_000  # loading and the slowest stretch take less on a machine that does nothing else


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is there of the maps asked for, taken at one moment: intervals in seconds, the range that is drawn as 0..1,
    and each map's mean, which is the similarity of its frame with its sound."""

    intervals: tuple[tuple[float, float], ...]
    floor: float
    scale: float
    times_s: NDArray[np.float64]
    similarity: NDArray[np.float32]


class Listener(QObject):
    """`show` says what is looked at; `changed` follows everything that can be told or drawn of it."""

    changed = Signal()
    stretch_ready = Signal()  # a new part of the video was looked at

    def __init__(self, jobs: Any, checkpoint: Checkpoint, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.checkpoint = checkpoint
        self.crop: Crop | None = None
        self.rate = 0.0  # maps a second that the machine holds; 0 while not known
        self.error = ""
        self._cache_dir = checkpoint.live_dir
        self._jobs, self._job = jobs, None
        self._has_started = False
        self._is_silent = False  # the error is that the job hangs
        self._video: VideoRecord | None = None
        self._mode = Mode()
        self._time_s = 0.0
        self._is_resting = True
        self._maps: LiveMaps | None = None
        self._snapshot: Snapshot | None = None
        self._new: list[int] = []
        self._is_reading = False
        self._background = Background(self, n_threads=1)
        self._is_open = True
        self._silence = QTimer(self, singleShot=True, interval=SILENCE_MS)
        self._silence.timeout.connect(self._tell_silence)

    # -- what is asked ---------------------------------------------------------------------------------------------

    def show(self, video: VideoRecord, mode: Mode, time_s: float) -> None:
        """Asks for this video's maps in this mode from `time_s` on; what was asked before is forgotten."""
        is_same = self._video is not None and (self._video.uid, self._mode) == (video.uid, mode)
        self._time_s, self._is_resting = time_s, False
        if is_same and self._maps is not None and not self.error:
            self._ask()
            return
        self._video, self._mode = video, mode
        self.error, self._is_silent = "", False
        self._maps, self._snapshot, self.crop, self._new = None, None, None, []
        checkpoint, key = self.checkpoint, (video.uid, mode.key)

        def begin() -> tuple[LiveMaps, Snapshot]:
            check_video(video)
            size = (video.width, video.height)
            try:
                config, folder = model_config(checkpoint.path), checkpoint.live_folder()
            except OSError as error:
                why = f"{checkpoint.path} cannot be read ({error.strerror}); choose another checkpoint."
                raise UserError(why) from error
            crop = config.crop_of(*size) if mode.fit == "crop" else letterbox_crop(*size)
            maps = LiveMaps(folder, video.uid, mode, crop).load()
            return maps, _snapshot(maps)

        self._is_reading = True
        self._background.run(begin, lambda begun: self._begun(key, *begun), lambda error: self._refused(key, error))
        self.changed.emit()

    def playhead(self, time_s: float, *, playing: bool) -> None:
        """Says where the window is now."""
        self._time_s = time_s
        self._send(to_line(Playhead(time_s, playing)))

    def rest(self) -> None:
        """Computes nothing until the next `show`; the job stays warm."""
        self._is_resting = True
        self._send(to_line(Rest()))

    def retry(self) -> None:
        """Asks again after a failure."""
        video, self._video = self._video, None
        if self._is_silent:
            self._let_go()
        self.error, self._is_silent = "", False
        if video is not None:
            self.show(video, self._mode, self._time_s)

    def close(self) -> None:
        """Ends the job; nothing comes from here any more."""
        self._is_open = False
        self._silence.stop()
        self._let_go()
        self._background.shutdown()

    # -- what is there ---------------------------------------------------------------------------------------------

    def map_at(self, time_s: float) -> NDArray[np.float32] | None:
        """Returns the map of a moment as it is drawn, in 0..1; None where it is not there yet."""
        return drawn_map(self._maps, self._snapshot, time_s)

    @property
    def maps(self) -> LiveMaps | None:
        """The maps asked for as far as they are read; `load` of another thread's own copy reads all."""
        return self._maps

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def share(self) -> float:
        """How much of the video is ready, 0..1."""
        if self._snapshot is None or self._video is None or self._video.duration_s <= 0:
            return 0.0
        end_s = self._video.duration_s
        ready_s = sum(max(0.0, min(end, end_s) - start) for start, end in self._snapshot.intervals)
        return min(1.0, ready_s / end_s)

    @property
    def is_computing(self) -> bool:
        return self._job is not None and not self.error and not self._is_resting and self.share < 1

    def status(self) -> str:
        """Returns how far it is: "12 maps a second · computing, 40 % of this video ready"."""
        if self.error or self._video is None:
            return ""
        if self.share >= 1:
            return "All of this video is ready"
        ready = f"{self.share:.0%} of this video ready".replace("%", "\u202f%")
        if self._job is None:
            return ready
        if not self._has_started:
            return f"Getting ready to listen · {ready}"
        return f"{self.rate:g} maps a second · computing, {ready}" if self.rate else f"Computing, {ready}"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _begun(self, key: tuple[str, str], maps: LiveMaps, snapshot: Snapshot) -> None:
        self._is_reading = False
        if not self._is_now(key):
            return
        self._maps, self._snapshot, self.crop = maps, snapshot, maps.crop
        self._ask()
        self._read_new()
        self.changed.emit()

    def _refused(self, key: tuple[str, str], error: UserError) -> None:
        if self._is_now(key):
            self._is_reading = False
            self._fail(str(error))

    def _ask(self) -> None:
        """Lets the job compute what is missing; starts it where it does not run."""
        video = self._video
        if video is None or self._is_resting or self._n_ready() >= math.ceil(video.duration_s / STRETCH_S - 1e-9):
            return
        if self._job is None:
            spec = LiveSpec(checkpoint=self.checkpoint.path, cache_dir=self._cache_dir)
            self._has_started = False
            self._job = self._jobs.start(
                spec,
                title=f"Listen with {self.checkpoint.name}",
                on_event=self._take,
                on_finished=self._ended,
            )
        elif self._has_started:
            self._send(to_line(Show(video.uid, str(video.path), self._mode, self._time_s)))
        self._silence.start()

    def _n_ready(self) -> int:
        intervals = () if self._snapshot is None else self._snapshot.intervals
        return round(sum(end - start for start, end in intervals) / STRETCH_S)

    def _send(self, line: str) -> None:
        if self._job is not None and self._has_started:
            self._job.send(line)

    def _take(self, event: events.Event) -> None:
        if not self._is_open:
            return
        if self._is_silent:
            self.error, self._is_silent = "", False
        self._silence.start()
        match event:
            case events.Started():
                self._has_started = True
                self._ask()
                self.changed.emit()
            case events.Ready(uid, part, index, values) if self._is_now((uid, part)):
                self.rate = float(values.get("maps_a_second", self.rate))
                if index >= 0:
                    self._new.append(index)
                    self._read_new()
                self.changed.emit()
            case events.Skipped(item, reason):
                if self._video is not None and item == f"{self._video.uid}/{self._mode.key}":
                    self._fail(reason)
            case _:
                pass

    def _read_new(self) -> None:
        maps, new = self._maps, self._new
        if maps is None or not new or self._is_reading or self._video is None:
            return
        self._is_reading, self._new = True, []
        key = (self._video.uid, self._mode.key)

        def read() -> Snapshot:
            for index in new:
                maps.add(index)
            return _snapshot(maps)

        self._background.run(read, lambda snapshot: self._was_read(key, snapshot))

    def _was_read(self, key: tuple[str, str], snapshot: Snapshot) -> None:
        if not self._is_now(key):
            return
        self._is_reading = False
        self._snapshot = snapshot
        self._read_new()
        self.stretch_ready.emit()
        self.changed.emit()

    def _is_now(self, key: tuple[str, str]) -> bool:
        return self._video is not None and key == (self._video.uid, self._mode.key)

    def _ended(self, outcome: Any) -> None:
        self._job, self._has_started = None, False
        if self._is_open and not outcome.ok:
            self._fail(outcome.message)

    def _let_go(self) -> None:
        """Ends the job, by force where it does not stop when asked; what it still says is not heard."""
        job, self._job, self._has_started = self._job, None, False
        if job is not None:
            job.event_arrived.disconnect(self._take)
            job.finished.disconnect(self._ended)
            job.cancel()

    def _tell_silence(self) -> None:
        """A job that computes says something with each stretch; one that hangs is told, and goes on where it recovers."""
        if self._is_open and self.is_computing:
            sentence = f"The job that listens has said nothing for {SILENCE_MS // 1000} s; start it again, or wait."
            self._fail(sentence, is_silent=True)

    def _fail(self, sentence: str, *, is_silent: bool = False) -> None:
        self._silence.stop()
        self.error, self._is_silent = sentence, is_silent
        self.changed.emit()


def drawn_map(maps: LiveMaps | None, snapshot: Snapshot | None, time_s: float) -> NDArray[np.float32] | None:
    """Returns the map of a moment in the snapshot's range, in 0..1; None where it is not there."""
    if maps is None or snapshot is None or (raw := maps.at(time_s)) is None:
        return None
    drawn: NDArray[np.float32] = np.clip((raw - snapshot.floor) / snapshot.scale, 0, 1)
    return drawn


def _snapshot(maps: LiveMaps) -> Snapshot:
    floor, scale = maps.display_range()
    times_s, similarity = maps.similarities()
    return Snapshot(tuple(maps.intervals()), floor, scale, times_s, similarity)
