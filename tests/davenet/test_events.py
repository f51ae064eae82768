"""The protocol between a job and whoever started it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davenet import events

EXAMPLES = [
    events.Started("extract", 12.0, "s of video", 4242),
    events.Progress(3, 12.0, "s of video", "eggs.mp4"),
    events.Metrics(7, 0.5, {"loss": 0.71}),
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
    assert events.from_line(events.to_line(EXAMPLES[3])[:kept]) is None


def test_an_event_of_another_version_is_not_read() -> None:
    values = json.loads(events.to_line(EXAMPLES[0]))
    assert events.from_line(json.dumps({**values, "v": events.VERSION + 1})) is None


def test_unknown_fields_of_a_later_minor_are_ignored() -> None:
    values = json.loads(events.to_line(EXAMPLES[1]))
    assert events.from_line(json.dumps({**values, "eta": 3})) == EXAMPLES[1]
