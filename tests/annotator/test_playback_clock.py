"""The timeline against counting sample by sample, and the sound that the callback hands out against plain slicing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.playback.clock import Timeline
from annotator.playback.sound import _Source, copy_samples

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


def ramp_source(duration_s: float = 2.0) -> _Source:
    source = _Source(Path("ramp.wav"), duration_s, RATE)
    source.samples[:] = np.arange(len(source.samples), dtype=np.float32)[:, None]
    return source


@given(blocks=st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_the_callback_hands_out_a_loop_without_a_gap(blocks: list[int]) -> None:
    source = ramp_source()
    timeline = Timeline(0.25, 2.0, (0.2, 0.5))
    given_out = []
    elapsed = 0
    for n in blocks:
        out = np.full((n, 2), np.nan, np.float32)
        copy_samples(out, source, timeline, elapsed, RATE, np.float32(1))
        given_out.append(out)
        elapsed += n
    heard = np.concatenate(given_out)
    expected = np.asarray(counted(timeline, elapsed), np.float32)
    assert np.array_equal(heard[:, 0], heard[:, 1])
    wrong = np.flatnonzero(heard[:, 0] != expected)
    assert all({int(heard[i, 0]), int(expected[i])} == {200, 500} for i in wrong)


def test_the_callback_is_silent_after_the_end_and_follows_the_volume() -> None:
    source = ramp_source(1.0)
    out = np.full((400, 2), np.nan, np.float32)
    copy_samples(out, source, Timeline(1.9, 2.0), 0, RATE, np.float32(0.5))
    assert np.array_equal(out[:100, 0], np.arange(1900, 2000, dtype=np.float32) / 2)
    assert not out[100:].any()


def test_a_very_long_video_is_kept_at_a_lower_rate_within_the_memory_that_is_allowed() -> None:
    source = _Source(Path("long.mp4"), 4 * 3600.0, 48000)
    assert source.samples.nbytes < 1.1 * (512 << 20)
    assert source.rate * source.step == 48000
    source.samples[: source.rate] = np.arange(source.rate, dtype=np.float32)[:, None]
    out = np.zeros((96, 2), np.float32)
    copy_samples(out, source, Timeline(0.0, 100.0), 0, 48000, np.float32(1))
    assert np.array_equal(out[:, 0], np.repeat(np.arange(96 // source.step), source.step).astype(np.float32))
