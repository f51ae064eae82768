"""The plain parts of the jobs package: lines from pieces, what an end means, following a file, telling life."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotator.jobs.lines import LastLines, LineSplitter
from annotator.jobs.outcome import outcome_of
from annotator.jobs.tail import EventTail, Liveness, final_event, last_errors, read_events
from davenet import events
from davenet.heartbeat import SILENT_S, Heartbeat, process_runs, read_pulse


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
def test_lines_are_the_same_however_the_bytes_are_cut(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(line + "\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    splitter = LineSplitter()
    found = [line for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) for line in splitter.feed(whole[a:b])]
    assert found == lines
    assert splitter.rest() == ""


def test_a_last_line_without_its_newline_is_kept_as_the_rest() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\r\ntw") == ["one"]
    assert splitter.rest() == "tw"
    assert splitter.rest() == ""


def test_only_the_end_of_a_long_error_output_is_kept() -> None:
    kept = LastLines(limit_bytes=10)
    kept.feed(b"x" * 100)
    kept.feed(b"\nthe end\n")
    assert kept.text() == "xx\nthe end"[1:]


def test_a_finished_event_gives_its_result() -> None:
    outcome = outcome_of(events.Finished({"n": 3}), verb="extract", exit_code=0)
    assert outcome.ok
    assert outcome.result == {"n": 3}


def test_a_users_error_is_shown_as_it_is_and_a_bug_counts_as_a_crash() -> None:
    failed = outcome_of(events.Failed("No such file."), verb="extract", exit_code=2)
    assert (failed.state, failed.message) == ("failed", "No such file.")
    assert outcome_of(events.Failed("KeyError: 'x'", bug=True), verb="extract", exit_code=1).state == "crashed"


def test_no_final_event_is_a_crash_even_with_exit_status_zero() -> None:
    outcome = outcome_of(None, verb="extract", exit_code=0, details="Traceback\nValueError: odd width")
    assert outcome.state == "crashed"
    assert outcome.message == (
        "The extract job ended without a last word (exit status 0): ValueError: odd width; start it again."
    )


def test_a_fault_report_is_named_by_its_first_line() -> None:
    outcome = outcome_of(
        None, verb="train", exit_code=6, killed=True, details="Fatal Python error: Aborted\n\nThread 0x1:\n  File x"
    )
    assert outcome.message == "The train job crashed (SIGABRT): Fatal Python error: Aborted; start it again."


def test_a_killed_job_names_memory_unless_it_was_asked_to_stop() -> None:
    killed = outcome_of(None, verb="train", exit_code=9, killed=True)
    assert "memory ran out" in killed.message
    assert outcome_of(None, verb="train", exit_code=9, killed=True, asked_to_stop=True).state == "cancelled"


def test_a_growing_file_gives_each_event_once_and_only_when_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = EventTail(path)
    assert tail.read() == []
    line = events.to_line(events.Message("säure"))
    with open(path, "ab") as out:
        out.write(line.encode()[:40])
        out.flush()
        assert tail.read() == []
        out.write(line.encode()[40:] + b"\nnot an event\n")
        out.flush()
        assert tail.read() == [events.Message("säure")]
    assert tail.read() == []
    assert EventTail(path, from_end=True).read() == []
    assert read_events(path) == [events.Message("säure")]


def test_an_end_counts_no_more_once_the_run_has_started_again() -> None:
    first = [events.Started("train"), events.Cancelled()]
    assert final_event(first) == events.Cancelled()
    assert final_event([*first, events.Started("train"), events.Progress(1)]) is None
    assert final_event([]) is None


def test_a_heartbeat_lives_as_long_as_its_block(tmp_path: Path) -> None:
    path = tmp_path / "run" / "heartbeat"
    with Heartbeat(path):
        pulse = read_pulse(path)
        assert pulse is not None
        assert pulse.pid == os.getpid()
        assert pulse.alive()
        assert not pulse.alive(now_s=time.time() + SILENT_S + 5)
    assert read_pulse(path) is None


def test_an_inner_heartbeat_leaves_the_outer_one_beating(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    with Heartbeat(path):
        with Heartbeat(path):
            pass
        assert read_pulse(path) is not None
    assert not path.exists()


def test_a_process_that_ended_does_not_run_even_before_its_parent_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_runs(child.pid)
    child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 20
    while process_runs(child.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not process_runs(child.pid)
    child.communicate()
    assert not process_runs(child.pid)
    assert not process_runs(0)


def test_a_run_without_pulse_or_process_is_not_alive(tmp_path: Path) -> None:
    assert not Liveness(tmp_path).alive()
    (tmp_path / "heartbeat").write_text("not a number")
    assert not Liveness(tmp_path).alive()
    (tmp_path / "heartbeat").write_text(f"{os.getpid()}\n")
    assert Liveness(tmp_path).alive()


def test_an_old_pulse_gets_only_a_few_beats_to_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = tmp_path / "heartbeat"
    pulse.write_text(f"{os.getpid()}\n")
    os.utime(pulse, (1_000_000, 1_000_000))
    liveness = Liveness(tmp_path)
    assert liveness.alive()
    start = time.monotonic()
    monkeypatch.setattr("annotator.jobs.tail.time.monotonic", lambda: start + 15)
    assert not liveness.alive()
    os.utime(pulse)
    assert liveness.alive()


def test_the_end_of_the_error_file_is_read(tmp_path: Path) -> None:
    assert last_errors(tmp_path) == ""
    (tmp_path / "stderr.log").write_text("a" * 20_000 + "\nthe reason\n")
    assert last_errors(tmp_path).endswith("the reason")
    assert len(last_errors(tmp_path)) <= 8192
