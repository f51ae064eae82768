"""Which frame is shown, against the number drawn in it: seeks, steps, loops, with a proxy and without, and the cache."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_maker import frame_number, make_video
from numpy.typing import NDArray

from annotator.playback.cache import KeptFrame, MediaCache
from annotator.playback.clock import Timeline
from annotator.playback.decoder import Decoder
from annotator.playback.feed import Frame
from annotator.playback.prefetch import Prefetcher, Wish
from davenet.media.frames import timed_frames
from davenet.media.proxy import write_proxy
from davenet.media.source import open_source

SECONDS = 4.0
KINDS: dict[str, dict[str, object]] = {
    "constant.mp4": {"gop": 250},
    "variable.mkv": {"vfr": True, "gop": 250},
    "transport.ts": {"gop": 50, "start_s": 1.4},
    "edited.mp4": {"start_s": -0.6, "gop": 40},  # written with an edit list that leaves out what lies before 0
    "late.mp4": {"start_s": 5.0, "sound_start_s": -0.3},  # the sound begins before the picture
    "turned.mp4": {"rotation": 90},
    "short-sound.mp4": {"sound_seconds": 1.0},
}


class Clip:
    """A video and its proxy, with (time, number) of each of its frames as one plain pass through it finds them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = make_video(folder / name, seconds=SECONDS, **KINDS[name])  # type: ignore[arg-type]
        self.proxy = folder / f"{name}.proxy.mp4"
        write_proxy(self.path, self.proxy)
        with open_source(self.path) as source:
            decoded = [(time_s, frame.to_ndarray(format="rgb24")) for time_s, frame in timed_frames(source)]
        self.times = [time_s for time_s, _ in decoded]
        self.numbers = [frame_number(rgb) for _, rgb in decoded]

    def number(self, rgb: NDArray[np.uint8]) -> int:
        return frame_number(np.rot90(rgb) if self.path.name == "turned.mp4" else rgb)

    def shown_at(self, time_s: float) -> int:
        """The slow reference: the last frame whose time is not later."""
        return self.numbers[max(0, sum(begin_s <= time_s for begin_s in self.times) - 1)]


class Screen:
    """A decoder of a clip, and what it delivers."""

    def __init__(self, clip: Clip, *, with_proxy: bool, cache: MediaCache | None = None) -> None:
        self.clip = clip
        self.frames: list[Frame] = []
        self.failures: list[str] = []
        self._came = threading.Condition()
        self.decoder = Decoder(deliver=self._take, fail=lambda _, text: self.failures.append(text), cache=cache)
        ticket = self.decoder.open(clip.path)
        if with_proxy:
            self.decoder.set_proxy(clip.proxy)
        self.wait_for(ticket)

    def _take(self, frame: Frame) -> None:
        with self._came:
            self.frames.append(frame)
            self._came.notify_all()

    def wait_for(self, ticket: int) -> list[Frame]:
        """Returns all that was shown for a wish, once the video's own frame is among it."""
        with self._came:
            answered = self._came.wait_for(
                lambda: any(f.ticket == ticket and not f.is_proxy for f in self.frames), timeout=20
            )
            assert answered, self.failures
            return [frame for frame in self.frames if frame.ticket == ticket]


@pytest.fixture(scope="module", params=sorted(KINDS))
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(tmp_path_factory.mktemp("clip"), request.param)


@pytest.fixture(scope="module")
def constant(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(tmp_path_factory.mktemp("constant"), "constant.mp4")


@pytest.fixture(params=[False, True], ids=["alone", "with its proxy"])
def screen(request: pytest.FixtureRequest, clip: Clip) -> Iterator[Screen]:
    screen = Screen(clip, with_proxy=request.param)
    yield screen
    screen.decoder.shutdown()


def test_an_edit_list_leaves_out_the_frames_before_its_begin(tmp_path: Path) -> None:
    assert Clip(tmp_path, "edited.mp4").numbers[0] == 15


def test_every_seek_shows_the_frame_of_its_second(screen: Screen) -> None:
    clip = screen.clip
    for time_s in np.random.default_rng(3).uniform(0, clip.times[-1] + 0.1, 25):
        shown = screen.wait_for(screen.decoder.seek(float(time_s)))
        assert {clip.number(frame.rgb) for frame in shown} == {clip.shown_at(time_s)}
        assert not shown[-1].is_proxy


def test_steps_visit_every_frame_both_ways(screen: Screen) -> None:
    clip = screen.clip
    screen.wait_for(screen.decoder.seek(0.0))
    n_frames = len(clip.times)
    forth, back = [(1, index) for index in range(1, n_frames)], [(-1, index) for index in range(n_frames - 2, -1, -1)]
    for n_steps, index in forth + back:
        shown = screen.wait_for(screen.decoder.step(n_steps))
        assert {clip.number(frame.rgb) for frame in shown} == {clip.numbers[index]}
        assert shown[-1].time_s == pytest.approx(clip.times[index], abs=1e-4)


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_loop_shows_each_of_its_frames_lap_after_lap(constant: Clip, speed: float) -> None:
    screen = Screen(constant, with_proxy=True)
    loop = (1.0, 1.4)
    screen.wait_for(screen.decoder.seek(1.0, loop))
    screen.decoder.set_playing(True, speed)
    timeline = Timeline(1.0, SECONDS, loop, ((0.0, speed),))
    shown = [25]
    for tick in range(round(1.2 / speed / 0.01)):  # three laps, on a clock of its own that waits for the decoder
        time.sleep(0.006)
        frame = screen.decoder.take(timeline, tick * 0.01)
        if frame is not None:
            shown.append(constant.number(frame.rgb))
    screen.decoder.shutdown()
    assert set(shown) == set(range(25, 35))
    following = [(a, b) for a, b in itertools.pairwise(shown) if b not in (a + 1, a + 2, a + 3)]
    assert all(a >= 32 and b <= 27 for a, b in following), shown
    assert len(following) >= 2


def test_what_plays_on_a_lame_machine_comes_from_the_proxy_and_pausing_shows_the_video_itself(constant: Clip) -> None:
    from davenet.media.frames import FrameReader

    class Slow(FrameReader):
        def next(self) -> tuple[float, NDArray[np.uint8]] | None:
            time.sleep(0.12)
            return super().next()

    frames: list[Frame] = []
    decoder = Decoder(deliver=frames.append, fail=lambda _, text: None, open_reader=Slow)
    decoder.open(constant.path)
    decoder.set_proxy(constant.proxy)
    decoder.seek(0.5)
    decoder.set_playing(True)
    begun = time.perf_counter()
    taken: list[tuple[float, Frame]] = []
    while (elapsed_s := time.perf_counter() - begun) < 1.5:
        frame = decoder.take(Timeline(0.5, SECONDS), elapsed_s)
        if frame is not None:
            taken.append((elapsed_s, frame))
        time.sleep(0.005)
    decoder.set_playing(False)
    last = taken[-1][1]
    deadline = time.monotonic() + 20
    while (not frames or frames[-1].is_proxy or frames[-1].time_s < 1.0) and time.monotonic() < deadline:
        time.sleep(0.01)
    decoder.shutdown()
    assert sum(frame.is_proxy for _, frame in taken) > len(taken) / 2
    times = [frame.time_s for _, frame in taken]
    assert times == sorted(set(times))
    assert len(taken) > 20
    assert (frames[-1].time_s, frames[-1].is_proxy) == (pytest.approx(last.time_s, abs=1e-4), False)


def test_what_was_decoded_ahead_is_shown_at_once_with_its_sound(constant: Clip) -> None:
    cache = MediaCache()
    prefetcher = Prefetcher(cache, sound_rate=lambda: 48_000)
    prefetcher.want([Wish(constant.path, 3.0, (2.0, 4.0))])
    deadline = time.monotonic() + 20
    while cache.frame_at(constant.path, 3.0) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    prefetcher.shutdown()
    screen = Screen(constant, with_proxy=False, cache=cache)
    for time_s in (2.0, 3.0):
        screen.decoder.seek(time_s)
        assert constant.number(screen.frames[-1].rgb) == constant.shown_at(time_s)  # before any thread had a say
    screen.decoder.shutdown()
    assert len(cache.run_from(constant.path, 2.0)) >= 8
    block = cache.sound(constant.path, 48_000, 2)
    assert block is not None and np.abs(block[2000:4000]).max() > 0.3  # the beep of its second


def test_frames_of_a_scrub_are_shown_on_the_way_and_never_out_of_turn(constant: Clip) -> None:
    screen = Screen(constant, with_proxy=True)
    tickets = []
    for time_s in np.linspace(0, 3.9, 60):
        tickets.append(screen.decoder.seek(float(time_s)))
        time.sleep(0.01)
    screen.wait_for(tickets[-1])
    screen.decoder.shutdown()
    given = [frame.ticket for frame in screen.frames]
    assert given == sorted(given)
    assert len(set(given) & set(tickets)) > 20


def test_the_cache_stays_within_its_bound_and_drops_what_was_used_longest_ago() -> None:
    cache = MediaCache(limit=10_000)
    path = Path("a.mp4")
    picture = np.zeros((10, 100, 3), np.uint8)  # 3000 bytes
    for number in range(3):
        cache.put_frame(path, KeptFrame(float(number), number + 1.0, picture))
    assert cache.frame_at(path, 0.5) is not None
    cache.put_frame(path, KeptFrame(3.0, 4.0, picture))
    assert cache.n_bytes == 9000
    assert cache.frame_at(path, 1.5) is None
    assert cache.frame_at(path, 0.5) is not None
    assert [frame.time_s for frame in cache.run_from(path, 2.0)] == [2.0, 3.0]
    cache.hold("a queue", 6000)
    assert cache.n_bytes <= 10_000
    assert [cache.frame_at(path, float(number)) is not None for number in range(4)] == [False, False, False, True]
