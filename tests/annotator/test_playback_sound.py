"""What is heard, sample by sample, of a video that beeps each second: at every speed, across loops and changes."""

from pathlib import Path

import numpy as np
import pytest
from media_maker import BEEP_S, make_video
from numpy.typing import NDArray

from annotator.playback.cache import MediaCache
from annotator.playback.clock import Timeline
from annotator.playback.strip import Blocks, Strip

RATE = 48_000
SPEEDS = (0.5, 0.75, 1.25, 1.5, 2.0)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("sound") / "beeps.mp4", seconds=8.0, frame_rate=5, size=(64, 36))


class Tone(Blocks):
    """A tone without end."""

    def __init__(self, hertz: float) -> None:
        super().__init__(Path("tone.wav"), RATE, MediaCache())
        self._hertz = hertz

    def block(self, number: int) -> NDArray[np.float32]:
        at = np.arange(number * RATE, (number + 1) * RATE)
        return np.repeat(np.sin(2 * np.pi * self._hertz * at / RATE)[:, None], 2, axis=1).astype(np.float32)


def made(strip: Strip, blocks: Blocks, n: int) -> NDArray[np.float32]:
    while strip.is_wanting(n / RATE):
        strip.make(blocks)
    out = np.zeros((n, 2), np.float32)
    assert strip.take(out) == n
    return out[:, 0]


def onsets(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """When beeps begin, in seconds."""
    loud = np.flatnonzero(np.abs(samples) > 0.08)
    return loud[np.diff(loud, prepend=-RATE) > 0.15 * RATE] / RATE


@pytest.mark.parametrize("speed", SPEEDS)
def test_beeps_are_heard_at_their_seconds_at_every_speed(video: Path, speed: float) -> None:
    strip = Strip(Timeline(0.5, 8.0, None, ((0.0, speed),)), RATE)
    heard = onsets(made(strip, Blocks(video, RATE, MediaCache()), int(7.4 / speed * RATE)))
    expected = (np.arange(1, 1 + len(heard)) - 0.5) / speed
    assert len(heard) == 7
    assert np.abs(heard - expected).max() < 0.015


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_tone_keeps_its_pitch(speed: float) -> None:
    samples = made(Strip(Timeline(0.0, 60.0, None, ((0.0, speed),)), RATE), Tone(440), 2 * RATE)[RATE // 2 :]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * RATE / len(samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("speed", [1.0, *SPEEDS])
def test_a_loop_comes_round_on_time_and_without_a_gap_at_every_speed(video: Path, speed: float) -> None:
    loop = (1.7, 3.2)  # the beeps of 2 and 3
    strip = Strip(Timeline(1.7, 8.0, loop, ((0.0, speed),)), RATE)
    heard = onsets(made(strip, Blocks(video, RATE, MediaCache()), int(40 * 1.5 / speed * RATE)))
    expected = np.concatenate([(np.asarray([0.3, 1.3]) + 1.5 * lap) / speed for lap in range(40)])
    assert len(heard) == 80
    assert np.abs(heard - expected).max() < 0.015
    assert abs(np.mean((heard - expected)[-8:] - (heard - expected)[:8])) < 0.004  # nothing adds up
    tone = made(Strip(Timeline(1.0, 60.0, (1.0, 2.0), ((0.0, speed),)), RATE), Tone(440), 6 * RATE)
    loudness = np.sqrt(np.convolve(tone[RATE // 5 :] ** 2, np.ones(480) / 480, "valid"))
    assert loudness.min() > 0.3  # of 0.7: in no hundredth of a second is anything missing


@pytest.mark.parametrize(("before", "after"), [(1.0, 2.0), (2.0, 0.5), (0.5, 1.0), (1.0, 1.5)])
def test_a_change_of_speed_in_play_leaves_neither_a_gap_nor_a_click_nor_a_jump(before: float, after: float) -> None:
    tone = Tone(200)
    strip = Strip(Timeline(0.0, 60.0, None, ((0.0, before),)), RATE)
    first = made(strip, tone, RATE)
    while strip.is_wanting(1.0):
        strip.make(tone)
    timeline = strip.change_speed(after, 0.1)
    samples = np.concatenate([first, made(strip, tone, RATE)])[RATE // 2 :]
    steepest = 2 * np.pi * 200 / RATE
    assert np.abs(np.diff(samples)).max() < 1.6 * steepest
    loudness = np.sqrt(np.convolve(samples**2, np.ones(480) / 480, "valid"))
    assert loudness.min() > 0.3
    assert timeline.passed(1.1) == pytest.approx(1.1 * before)
    assert timeline.passed(2.1) == pytest.approx(1.1 * before + after)
    assert timeline.due(timeline.place(1.7)[0], 0) == pytest.approx(1.7)


def test_beeps_after_a_change_of_speed_are_heard_where_the_timeline_says(video: Path) -> None:
    blocks = Blocks(video, RATE, MediaCache())
    strip = Strip(Timeline(0.5, 8.0), RATE)
    parts = [made(strip, blocks, RATE)]
    timeline = strip.change_speed(0.5, 0.05)
    parts.append(made(strip, blocks, 3 * RATE))
    timeline = strip.change_speed(2.0, 0.05)
    parts.append(made(strip, blocks, 2 * RATE))
    heard = onsets(np.concatenate(parts))
    expected = [timeline.due(float(second), 0) for second in range(1, 1 + len(heard))]
    assert len(heard) >= 6
    assert np.abs(heard - expected).max() < 0.02


def test_the_sound_of_a_long_video_takes_no_more_than_the_cache_may(video: Path) -> None:
    cache = MediaCache(limit=4 * RATE * 2 * 4)
    blocks = Blocks(video, RATE, cache)
    sound = made(Strip(Timeline(0.0, 8.0), RATE), blocks, 8 * RATE)
    assert cache.n_bytes <= cache.limit
    assert cache.sound(video, RATE, 0) is None
    again = made(Strip(Timeline(0.0, 8.0), RATE), blocks, RATE)  # what was dropped is decoded once more, the same
    assert np.array_equal(again, sound[:RATE])
    assert np.abs(sound[: round(BEEP_S * RATE)]).max() > 0.3
