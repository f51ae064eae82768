"""The protocol between a job and whoever started it."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davenet import events

EXAMPLES: list[events.Event] = [
    events.Started("extract", 12.0, "s of video", 4242),
    events.Progress(3, 12.0, "s of video", "eggs.mp4"),
    events.Metrics(7, 0.5, {"loss": 0.71}),
    events.Learning(7, ("a1", "b2"), 40),
    events.Skipped("eggs.mp4", "eggs.mp4 has no sound; export it with its sound track."),
    events.Message("torch 2.13 on 2 threads"),
    events.Finished({"extracted": ["a", "b"]}),
    events.Cancelled({}),
    events.Failed("The disk is full.", bug=False),
]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_event_survives_its_line(event: events.Event) -> None:
    line = events.to_line(event)
    assert "\n" not in line
    assert events.from_line(line) == event


@given(st.text())
def test_anything_else_on_the_pipe_is_no_event(text: str) -> None:
    assert events.from_line(text) is None


@given(st.integers(min_value=0, max_value=60))
def test_a_line_cut_short_is_no_event(kept: int) -> None:
    assert events.from_line(events.to_line(EXAMPLES[4])[:kept]) is None


def test_an_event_of_another_version_is_not_read() -> None:
    values = json.loads(events.to_line(EXAMPLES[0]))
    assert events.from_line(json.dumps({**values, "v": events.VERSION + 1})) is None


def test_unknown_fields_of_a_later_minor_are_ignored() -> None:
    values = json.loads(events.to_line(EXAMPLES[1]))
    assert events.from_line(json.dumps({**values, "eta": 3})) == EXAMPLES[1]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(EXAMPLES), st.data())
def test_an_edited_event_is_none_or_has_every_value_of_its_type(event: events.Event, data: st.DataObject) -> None:
    values = json.loads(events.to_line(event))
    name = data.draw(st.sampled_from(sorted(set(values) - {"v", "event"})))
    read = events.from_line(json.dumps({**values, name: data.draw(_json)}))
    if read is None:
        return
    again = events.from_line(events.to_line(read))
    assert again is not None
    match read:
        case events.Progress():
            assert math.isfinite(read.done + 0.0)
            assert read.total is None or math.isfinite(read.total)
            assert f"{read.unit}{read.note}" == read.unit + read.note
        case events.Metrics():
            assert all(isinstance(float(value), float) for value in read.values.values())
            assert read.step + read.epoch is not None
        case events.Learning():
            assert all(isinstance(uid, str) for uid in read.pairs)
        case events.Finished() | events.Cancelled():
            assert isinstance(dict(read.result), dict)


@pytest.mark.parametrize("done", ["NaN", "Infinity", "1e400", '"3"', "null", "[]", "1" + "0" * 400])
def test_progress_that_is_no_number_is_no_event(done: str) -> None:
    assert events.from_line(f'{{"v": 1, "event": "progress", "done": {done}}}') is None
    assert events.from_line('{"v": 1, "event": "progress", "done": 3}') == events.Progress(3)


def test_brackets_without_end_are_no_event() -> None:
    assert events.from_line("[" * 100_000) is None
