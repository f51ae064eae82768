"""Frames of a video as they are wanted: at once from the cache, soon from its proxy, in full from the video itself.

Knows nothing of Qt. Two feeds read in threads of their own, one the video and one its proxy, whose frames have the same
times; here is decided which of their frames is shown. A wish gets the first answer that is there, and a better one for
it when that comes, as long as nothing plays. What plays comes from the video while that keeps up, else from the proxy.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from annotator.playback.cache import KeptFrame, MediaCache
from annotator.playback.clock import Timeline
from annotator.playback.feed import MAX_WIDTH, Feed, Frame, Reader, Wish, fit

__all__ = ["MAX_WIDTH", "Decoder", "Frame", "Reader", "fit", "open_frame_reader"]

_log = logging.getLogger(__name__)
_STEP_GRACE_S = 0.06  # a step shows the proxy's frame only where the video's own takes longer
_MAX_FALLS = 4  # how often the video may fall behind its proxy before the proxy alone is played


def open_frame_reader(path: Path) -> Reader:
    from davenet.media.frames import FrameReader

    reader: Reader = FrameReader(path)
    return reader


def open_proxy_reader(path: Path) -> Reader:
    from davenet.media.proxy import ProxyReader

    reader: Reader = ProxyReader(path)
    return reader


class Decoder:
    """Works until `shutdown`. `deliver` and `fail` (ticket, sentence) are called on the feeds' threads."""

    def __init__(
        self,
        *,
        deliver: Callable[[Frame], None],
        fail: Callable[[int, str], None],
        open_reader: Callable[[Path], Reader] = open_frame_reader,
        cache: MediaCache | None = None,
    ) -> None:
        self._deliver_frame = deliver
        self._cache = cache or MediaCache()
        self._lock = threading.Condition()
        self._path: Path | None = None
        self._wish = Wish(0, 0.0)
        self._is_met = True  # the wish was answered, if only by the proxy
        self._shown: Frame | None = None
        self._is_playing = False
        self._run: deque[Frame] = deque()  # kept frames that follow the one wished for
        self._follows_video = True  # what was last taken came from the video, not from its proxy
        self._n_falls = 0
        self._speed = 1.0
        self._taken_s = float("-inf")  # of play: when the frame that was last taken was due
        self._slow_from: dict[Path, float] = {}  # the speed from which on a video falls behind
        self._video = Feed(deliver=self._deliver, fail=fail, open_reader=open_reader)
        self._proxy = Feed(deliver=self._deliver, fail=self._lose_proxy, open_reader=open_proxy_reader, is_proxy=True)

    def open(self, path: Path | None) -> int:
        """Leaves the video before and opens this one (None: nothing) at its first frame; returns the ticket."""
        with self._lock:
            self._path, self._shown = path, None
            wish = self._new_wish(0.0, None)
        self._proxy.open(None, wish)
        self._video.open(path, wish)
        return wish.ticket

    def set_proxy(self, path: Path | None) -> None:
        """Reads the open video's frames from this proxy too, from now on."""
        if path != self._proxy.path:
            self._proxy.open(path, self._wish)

    def seek(self, time_s: float, loop: tuple[float, float] | None = None) -> int:
        """Asks for the frame of `time_s`; an earlier wish that was not met yet is dropped. Returns the ticket."""
        kept = [] if self._path is None else self._cache.run_from(self._path, time_s, loop[1] if loop else float("inf"))
        with self._lock:
            wish = self._new_wish(time_s, loop)
            frames = [Frame(found.time_s, found.rgb, 0, wish.ticket) for found in kept]
            self._run.extend(frames[1:])
        if frames:
            self._deliver(frames[0])
        self._proxy.wish(wish)
        self._video.wish(wish)
        return wish.ticket

    def step(self, n_frames: int) -> int:
        """Asks for the frame `n_frames` after (or before) the one shown; steps asked for meanwhile add up."""
        with self._lock:
            shown, before = self._shown, self._wish
            if self._is_met and shown is not None:
                time_s, n_steps = shown.time_s, n_frames
            else:
                time_s, n_steps = before.time_s, before.n_steps + n_frames
            wish = self._new_wish(time_s, before.loop, n_steps)
        self._proxy.wish(wish)
        self._video.wish(wish)
        return wish.ticket

    def set_playing(self, is_playing: bool, speed: float = 1.0) -> None:
        """While playing, frames are taken, and better ones for the last wish are not delivered any more."""
        with self._lock:
            self._is_playing = is_playing
            self._n_falls = 0
            self._follows_video = False
            self._taken_s = float("-inf")
            shown, wish = self._shown, self._wish
            is_slow = self._path is not None and self._slow_from.get(self._path, float("inf")) <= speed
            self._speed = speed
        self._video.set_playing(is_playing)
        self._proxy.set_playing(is_playing)
        if is_playing and is_slow and self._proxy.path is not None:
            self._video.rest()
        if not is_playing and shown is not None and shown.is_proxy:
            with self._lock:
                better = self._new_wish(shown.time_s, wish.loop)
                self._is_met = True
            self._video.wish(better)

    def take(self, timeline: Timeline, elapsed_s: float) -> Frame | None:
        """Returns the newest frame due after `elapsed_s` of play, dropping those before it; None if there is none."""
        kept = None
        with self._lock:
            while self._run and timeline.due(self._run[0].time_s, 0) <= elapsed_s:
                kept = self._run.popleft()
            keeps_more = bool(self._run)
        video, proxy = self._video.take(timeline, elapsed_s), self._proxy.take(timeline, elapsed_s)
        self._count_held()
        best = max(
            (frame for frame in (proxy, video, kept) if frame is not None),
            key=lambda frame: (timeline.due(frame.time_s, frame.lap), not frame.is_proxy),
            default=None,
        )
        if best is None:
            return None
        if best.is_proxy and not keeps_more and self._follows_video:
            self._fall_behind()
        due_s = timeline.due(best.time_s, best.lap)
        with self._lock:
            if due_s <= self._taken_s:
                return None  # the other feed's frame of this moment, or of one before, has been shown
            self._follows_video = not best.is_proxy
            self._taken_s = due_s
            self._shown = replace(best, ticket=self._wish.ticket)
        return best

    def begin_lap(self, lap: int) -> None:
        """Counts laps from `lap` on as from 0: play goes on from where it paused within a loop."""
        with self._lock:
            if lap:
                self._run.clear()
        self._video.begin_lap(lap)
        self._proxy.begin_lap(lap)

    def shutdown(self) -> None:
        """Ends the threads and waits for them."""
        with self._lock:
            self._wish = Wish(self._wish.ticket + 1, 0.0)
            self._lock.notify_all()
        self._video.shutdown()
        self._proxy.shutdown()
        self._cache.hold(self, 0)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _new_wish(self, time_s: float, loop: tuple[float, float] | None, n_steps: int = 0) -> Wish:
        self._wish = Wish(self._wish.ticket + 1, time_s, loop, n_steps)
        self._is_met = False
        self._run.clear()
        self._follows_video = False
        self._taken_s = float("-inf")
        self._lock.notify_all()
        return self._wish

    def _deliver(self, frame: Frame) -> None:
        """Passes on what answers the newest wish, or an earlier one that nothing has been shown for since."""
        with self._lock:
            if frame.stepped and frame.is_proxy:
                self._lock.wait_for(lambda: self._is_met or frame.ticket != self._wish.ticket, _STEP_GRACE_S)
            shown = self._shown
            if shown is not None and (
                frame.ticket < shown.ticket
                or (frame.ticket == shown.ticket and (self._is_playing or not self._is_better(frame, shown)))
                or (frame.ticket < self._wish.ticket and self._is_playing)
            ):
                return
            self._shown = frame
            if frame.ticket == self._wish.ticket:
                self._is_met = True
                self._lock.notify_all()
            path = self._path
            self._deliver_frame(frame)
        self._count_held()
        if path is not None and frame.until_s is not None and not frame.is_proxy and not self._is_playing:
            self._cache.put_frame(path, KeptFrame(frame.time_s, frame.until_s, frame.rgb))

    @staticmethod
    def _is_better(frame: Frame, shown: Frame) -> bool:
        return shown.is_proxy and not frame.is_proxy

    def _fall_behind(self) -> None:
        """Counts a frame that the proxy had and the video had not: with too many, the proxy alone is played."""
        self._n_falls += 1
        if self._n_falls >= _MAX_FALLS and self._path is not None:
            self._slow_from[self._path] = min(self._speed, self._slow_from.get(self._path, float("inf")))
            self._video.rest()

    def _lose_proxy(self, _ticket: int, sentence: str) -> None:
        _log.warning("Played without its proxy: %s", sentence)

    def _count_held(self) -> None:
        self._cache.hold(self, self._video.held_bytes + self._proxy.held_bytes)
