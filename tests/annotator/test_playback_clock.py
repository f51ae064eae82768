"""The timeline against counting sample by sample, and the sound that the callback hands out against plain slicing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.playback.cache import MediaCache
from annotator.playback.clock import Timeline
from annotator.playback.strip import Blocks, Strip

RATE = 1000


def counted(timeline: Timeline, n_samples: int) -> list[int]:
    """The place of each sample of play, counted one by one."""
    places = []
    at = round(timeline.start_s * RATE)
    for _ in range(n_samples):
        if timeline.loop is not None and at >= round(timeline.loop[1] * RATE):
            at = round(timeline.loop[0] * RATE)
        places.append(at)
        at += 1
    return places


@given(start=st.integers(0, 900), begin=st.integers(0, 400), length=st.integers(50, 500))
def test_a_loop_repeats_each_sample_in_its_turn(start: int, begin: int, length: int) -> None:
    loop = (begin / RATE, (begin + length) / RATE)
    timeline = Timeline(start / RATE, 1.0, loop)
    heard = [round(timeline.place(n / RATE)[0] * RATE) for n in range(1500)]
    expected = counted(timeline, 1500)
    # the end of the loop is its begin: a sample may round to either name of the same place
    assert all(a == b or {a, b} == {begin, begin + length} for a, b in zip(heard, expected, strict=True))


def test_a_frame_is_due_when_its_second_is_heard_in_every_lap() -> None:
    timeline = Timeline(2.5, 10.0, (2.0, 4.0))
    for elapsed_s in (0.0, 0.7, 1.4, 1.6, 3.0, 5.2):
        time_s, lap = timeline.place(elapsed_s)
        assert timeline.due(time_s, lap) == pytest.approx(elapsed_s)


def test_play_without_a_loop_ends_at_the_end() -> None:
    timeline = Timeline(8.0, 10.0)
    assert not timeline.is_over(1.9)
    assert timeline.is_over(2.0)
    assert timeline.place(5.0) == (10.0, 0)


def test_play_that_begins_outside_its_loop_begins_at_the_loops_start() -> None:
    assert Timeline(9.0, 10.0, (2.0, 4.0)).start_s == 2.0


class Ramp(Blocks):
    """Sound whose every sample is its own number, for two seconds."""

    def __init__(self, duration_s: float = 2.0) -> None:
        super().__init__(Path("ramp.wav"), RATE, MediaCache())
        n = round(duration_s * RATE)
        for number in range(5):
            block = np.arange(number * RATE, max(number * RATE, min(n, (number + 1) * RATE)), dtype=np.float32)
            self._cache.put_sound(self.path, RATE, number, np.repeat(block[:, None], 2, axis=1))


def heard(timeline: Timeline, blocks: Blocks, sizes: list[int]) -> np.ndarray:
    """What the device is given when it asks for so many samples at a time."""
    strip = Strip(timeline, RATE)
    given_out = []
    for n in sizes:
        while strip.is_wanting((n + 1) / RATE):
            strip.make(blocks)
        out = np.full((n, 2), np.nan, np.float32)
        assert strip.take(out) == n
        given_out.append(out)
    return np.concatenate(given_out)


@given(blocks=st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_the_callback_hands_out_a_loop_without_a_gap(blocks: list[int]) -> None:
    timeline = Timeline(0.25, 2.0, (0.2, 0.5))
    samples = heard(timeline, Ramp(), blocks)
    expected = np.asarray(counted(timeline, len(samples)), np.float32)
    assert np.array_equal(samples[:, 0], samples[:, 1])
    assert np.array_equal(samples[:, 0], expected)


def test_the_sound_is_silent_after_the_end() -> None:
    samples = heard(Timeline(1.9, 2.0), Ramp(), [400])
    assert np.array_equal(samples[:100, 0], np.arange(1900, 2000, dtype=np.float32))
    assert not samples[100:].any()


def test_a_sound_shorter_than_the_picture_ends_in_silence_while_play_goes_on() -> None:
    samples = heard(Timeline(0.9, 4.0), Ramp(1.0), [700, 700])
    assert np.array_equal(samples[:100, 0], np.arange(900, 1000, dtype=np.float32))
    assert not samples[100:].any()
