"""The queue with real child processes of the real job program; what the jobs do inside is scripted for each test."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from annotator.jobs import job as job_module
from annotator.jobs import tail as tail_module
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import AttachedJob, DetachedJob, Job, JobQueue
from davenet import events, specs
from davenet.heartbeat import process_runs, read_pulse

LONG_MS = 100_000
APART: dict[str, Any] = {"start_new_session": os.name == "posix"}

# The child imports this at its start: the verbs then run these functions in place of the real ones.
SCRIPT = """
import davenet.jobs, os, sys, types
from davenet import events

def act(spec, emit, stop):
    verb = spec.verb
    how = str(spec.paths[0]) if verb == "import" else spec.preset if verb == "train" else spec.recogniser
    print("a library's print")
    emit(davenet.jobs.started(verb, 3, "videos"))
    for i in range(3):
        emit(events.Progress(i + 1, 3, "videos", "ünï"))
    if how == "abort":
        os.abort()
    if how == "bug":
        raise KeyError("lost")
    if how == "wrong":
        from davenet.errors import UserError
        raise UserError("x.mp4 is not a video; choose another file.")
    if how == "exit":
        print("RuntimeError: gone", file=sys.stderr, flush=True)
        os._exit(0)
    if how == "noise":
        emit._protocol.buffer.write(bytes(range(256)) * 9 + b'\\n{"v": 1, "event": "progress", "done": "many"}\\n[[[\\n')
        emit._protocol.buffer.write(b'{"v": 1, "event": "prog')
        emit._protocol.flush()
        emit(events.Message("lost in the noise"))
        emit(events.Message("heard"))
    if how in ("family", "orphan", "stubborn"):
        import signal, subprocess, time
        from pathlib import Path
        child = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"], stdout=-1)
        child.stdout.readline()
        Path(spec.run_dir if verb == "train" else spec.paths[1], "child").write_text(str(child.pid))
        emit(events.Message("has a child"))
        if how == "orphan":
            os._exit(3)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        how = "deaf"
    if how == "hang":
        import signal
        os.kill(os.getpid(), signal.SIGSTOP)
    if how in ("wait", "deaf"):
        import time
        while how == "deaf" or not stop():
            time.sleep(0.01)
        emit(events.Message("saved"))
        raise events.Stop({"kept": 3})
    return {"done": 3, "how": how}

module = types.ModuleType("scripted")
module.act = act
sys.modules["scripted"] = module
davenet.jobs._JOBS = dict.fromkeys(davenet.jobs._JOBS, ("scripted", "act"))
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Iterator[JobQueue]:
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "sitecustomize.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "script"))
    queue = JobQueue()
    yield queue
    left = queue.jobs
    queue.close()
    for job in left:
        if isinstance(job, DetachedJob) and process_runs(job.pid):
            os.kill(job.pid, signal.SIGTERM)


def scripted(how: str) -> specs.Spec:
    return specs.ImportSpec(paths=[Path(how)])


def heavy(how: str) -> specs.Spec:
    return specs.TranscribeSpec(videos=[], labels_dir=Path("labels"), recogniser=how)


def a_run(folder: Path, how: str) -> specs.TrainSpec:
    pairs = folder / "pairs.jsonl"
    return specs.TrainSpec(run_dir=folder, clips_dir=folder, train_pairs=pairs, validation_pairs=pairs, preset=how)


def finish(qtbot: QtBot, job: Job) -> Outcome:
    if job.outcome is None:
        with qtbot.waitSignal(job.finished, timeout=LONG_MS):
            pass
    assert job.outcome is not None
    return job.outcome


def until(qtbot: QtBot, true: Callable[[], bool]) -> None:
    qtbot.waitUntil(true, timeout=LONG_MS)


def test_a_job_tells_its_progress_and_its_result(jobs: JobQueue, qtbot: QtBot) -> None:
    seen: list[events.Event] = []
    job = jobs.start(scripted("well"), title="Import", on_event=seen.append)
    outcome = finish(qtbot, job)
    assert outcome.ok
    assert outcome.result == {"done": 3, "how": "well"}
    assert [type(e).__name__ for e in seen] == ["Started", "Progress", "Progress", "Progress", "Finished"]
    assert job.progress == events.Progress(3, 3, "videos", "ünï")
    assert "a library's print" in outcome.details
    assert jobs.jobs == ()
    assert not job.folder.exists()


def test_a_cancelled_job_stops_at_its_safe_place_and_keeps_what_it_had(jobs: JobQueue, qtbot: QtBot) -> None:
    job = jobs.start(scripted("wait"), title="Import")
    until(qtbot, lambda: job.progress is not None and job.progress.done == 3)
    job.cancel()
    assert job.state == "stopping"
    outcome = finish(qtbot, job)
    assert outcome.state == "cancelled"
    assert outcome.result == {"kept": 3}


def test_a_job_that_does_not_listen_is_ended_after_the_grace_time(
    jobs: JobQueue, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "DEFAULT_GRACE_MS", 50)
    monkeypatch.setattr(job_module, "KILL_MS", 50)
    job = jobs.start(scripted("deaf"), title="Import")
    until(qtbot, lambda: job.progress is not None and job.progress.done == 3)
    job.cancel()
    assert finish(qtbot, job).state == "cancelled"


@pytest.mark.parametrize(
    ("how", "state", "words"),
    [
        ("wrong", "failed", "x.mp4 is not a video; choose another file."),
        ("bug", "crashed", "KeyError: 'lost'"),
        ("exit", "crashed", "RuntimeError: gone"),
        ("abort", "crashed", "Aborted"),
    ],
)
def test_a_job_that_goes_wrong_says_why(jobs: JobQueue, qtbot: QtBot, how: str, state: str, words: str) -> None:
    outcome = finish(qtbot, jobs.start(scripted(how), title="Import"))
    assert outcome.state == state
    assert words in outcome.message
    assert "\n" not in outcome.message


def test_heavy_jobs_run_one_after_the_other_and_light_ones_at_once(jobs: JobQueue, qtbot: QtBot) -> None:
    first = jobs.start(heavy("wait"), title="first")
    second = jobs.start(heavy("well"), title="second")
    light = jobs.start(scripted("well"), title="light")
    assert finish(qtbot, light).ok
    until(qtbot, lambda: first.state == "running")
    assert second.state == "queued"
    first.cancel()
    finish(qtbot, first)
    assert finish(qtbot, second).ok


def test_a_waiting_job_can_be_cancelled_before_it_began(jobs: JobQueue, qtbot: QtBot) -> None:
    first = jobs.start(heavy("wait"), title="first")
    second = jobs.start(heavy("well"), title="second")
    until(qtbot, lambda: first.state == "running")
    second.cancel()
    assert second.outcome is not None
    assert second.outcome.state == "cancelled"
    assert jobs.jobs == (first,)


def test_closing_the_queue_leaves_no_attached_process(jobs: JobQueue, qtbot: QtBot) -> None:
    job = jobs.start(heavy("deaf"), title="first")
    assert isinstance(job, AttachedJob)
    until(qtbot, lambda: job.progress is not None)
    pid = job.pid
    assert jobs.ending_with_window() == [job]
    jobs.close()
    assert not process_runs(pid)
    assert jobs.jobs == ()


def test_a_run_outlives_its_window_and_is_found_again(jobs: JobQueue, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "1"
    spec = a_run(folder, "wait")
    first = jobs.start(spec, title="run 1")
    until(qtbot, lambda: first.progress is not None and first.progress.done == 3)
    assert jobs.ending_with_window() == []
    jobs.close()
    pulse = read_pulse(folder / "heartbeat")
    assert pulse is not None
    assert process_runs(pulse.pid)

    seen: list[events.Event] = []
    again = jobs_of_a_new_window = JobQueue()
    job = jobs_of_a_new_window.find_again(spec, title="run 1", folder=folder, on_event=seen.append)
    until(qtbot, lambda: len(seen) == 4)
    assert isinstance(seen[0], events.Started)
    assert job.state == "running"
    job.cancel()
    outcome = finish(qtbot, job)
    assert outcome.state == "cancelled"
    assert outcome.result == {"kept": 3}
    until(qtbot, lambda: not process_runs(pulse.pid))
    assert not (folder / "cancel").exists()
    assert json.loads((folder / "events.jsonl").read_text(encoding="utf-8").splitlines()[-1])["event"] == "cancelled"
    again.close()


def test_a_run_that_was_killed_while_no_window_was_open_counts_as_crashed(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = tmp_path / "runs" / "1"
    spec = a_run(folder, "deaf")
    first = jobs.start(spec, title="run 1")
    until(qtbot, lambda: first.progress is not None and (folder / "heartbeat").exists())
    pulse = read_pulse(folder / "heartbeat")
    assert pulse is not None
    jobs.close()
    os.kill(pulse.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    until(qtbot, lambda: not process_runs(pulse.pid))
    again = JobQueue()
    outcome = finish(qtbot, again.find_again(spec, title="run 1", folder=folder))
    assert outcome.state == "crashed"
    assert "a library's print" in outcome.message
    again.close()


def test_a_finished_run_that_is_resumed_is_not_over_at_once(jobs: JobQueue, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "1"
    assert finish(qtbot, jobs.start(a_run(folder, "well"), title="run 1")).ok
    seen: list[events.Event] = []
    again = jobs.start(a_run(folder, "bug"), title="run 1", on_event=seen.append)
    assert finish(qtbot, again).state == "crashed"
    assert [type(e).__name__ for e in seen] == ["Started", "Progress", "Progress", "Progress", "Failed"]


def test_a_job_whose_python_is_gone_fails_with_a_sentence(
    jobs: JobQueue, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("annotator.jobs.launch.interpreter", lambda: str(tmp_path / "no-python"))
    outcome = finish(qtbot, jobs.start(scripted("well"), title="Import"))
    assert outcome.state == "failed"
    assert "no-python could not be started" in outcome.message
    run = finish(qtbot, jobs.start(a_run(tmp_path / "runs" / "2", "well"), title="run 2"))
    assert run.state == "failed"
    assert "no-python could not be started" in run.message


_FORGETS = pytest.mark.skipif(sys.platform == "win32", reason="Windows forgets whose children an ended process left")


@pytest.mark.parametrize("how", ["family", pytest.param("orphan", marks=_FORGETS)])
def test_a_job_that_is_over_leaves_no_child_behind(jobs: JobQueue, qtbot: QtBot, tmp_path: Path, how: str) -> None:
    job = jobs.start(specs.ImportSpec(paths=[Path(how), tmp_path]), title="Import")
    until(qtbot, lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
    child = int((tmp_path / "child").read_text())
    if how == "family":
        jobs.close()
    else:
        assert finish(qtbot, job).state == "crashed"
    until(qtbot, lambda: not process_runs(child))


def test_a_run_that_ignores_every_request_is_killed_with_its_children_and_it_is_said(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "GRACE_MS", {"train": 50})
    monkeypatch.setattr(job_module, "KILL_MS", 50)
    folder = tmp_path / "runs" / "1"
    job = jobs.start(a_run(folder, "stubborn"), title="run 1")
    until(qtbot, lambda: (folder / "child").exists() and (folder / "child").read_text() != "")
    child = int((folder / "child").read_text())
    assert isinstance(job, DetachedJob)
    pid = job.pid
    job.cancel()
    outcome = finish(qtbot, job)
    assert (outcome.state, outcome.message) == (
        "cancelled",
        "The train job did not stop when asked and was ended; what was finished is kept.",
    )
    until(qtbot, lambda: not process_runs(pid) and not process_runs(child))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be stopped there")
def test_a_run_that_hangs_is_told_apart_from_one_that_is_gone_and_can_be_ended(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "SILENT_S", 1.0)
    monkeypatch.setattr(job_module, "KILL_MS", 50)
    folder = tmp_path / "runs" / "1"
    spec = a_run(folder, "hang")
    job = jobs.start(spec, title="run 1")
    until(qtbot, lambda: job.silent_s > 1)
    assert job.state == "running"
    jobs.close()
    again = JobQueue()  # another window sees the same
    found = again.find_again(spec, title="run 1", folder=folder)
    until(qtbot, lambda: found.silent_s > 1)
    assert isinstance(found, DetachedJob)
    assert (found.state, process_runs(found.pid)) == ("running", True)
    pid = found.pid
    found.cancel()
    assert finish(qtbot, found).state == "cancelled"
    until(qtbot, lambda: not process_runs(pid))
    again.close()


def test_another_program_with_the_process_id_of_a_run_that_is_gone_is_left_alone(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "SILENT_S", 0.5)
    folder = tmp_path / "runs" / "1"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, **APART) as other:
        (folder / "heartbeat").write_text(f"{other.pid}\n")
        os.utime(folder / "heartbeat", (1_000_000, 1_000_000))
        job = jobs.find_again(a_run(folder, "well"), title="run 1", folder=folder)
        outcome = finish(qtbot, job)
        assert outcome.state == "crashed"
        assert process_runs(other.pid)
        other.communicate(b"\n")
        assert other.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no process waits there for its parent after its end")
def test_a_hung_run_of_another_window_is_over_when_killed_even_where_its_process_id_still_answers(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(pid: int) -> bool:
        try:
            os.kill(pid, 0)  # all that macOS tells: a process whose parent has not noticed its end answers too
        except ProcessLookupError:
            return False
        return True

    monkeypatch.setattr(tail_module, "process_runs", answers)
    monkeypatch.setattr(tail_module, "SILENT_S", 0.5)
    monkeypatch.setattr(job_module, "KILL_MS", 50)
    folder = tmp_path / "runs" / "1"
    folder.mkdir(parents=True)
    program = f"input()  # {folder}{os.sep}"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, **APART) as hung:
        (folder / "heartbeat").write_text(f"{hung.pid}\n")
        job = jobs.find_again(a_run(folder, "well"), title="run 1", folder=folder)
        until(qtbot, lambda: job.silent_s > 1)
        job.cancel()
        assert finish(qtbot, job).state == "cancelled"
        assert hung.returncode is None and answers(hung.pid)


def test_noise_on_the_pipe_costs_no_event_that_can_be_read(jobs: JobQueue, qtbot: QtBot) -> None:
    seen: list[events.Event] = []
    outcome = finish(qtbot, jobs.start(scripted("noise"), title="Import", on_event=seen.append))
    assert outcome.ok
    assert events.Message("heard") in seen
    assert events.Message("lost in the noise") not in seen


def test_a_run_that_dies_before_its_first_event_says_so(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dies").mkdir()
    fault = "import sys, os; print('OSError: no room', file=sys.stderr, flush=True); os._exit(3)"
    (tmp_path / "dies" / "sitecustomize.py").write_text(fault, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "dies"))
    for spec in (a_run(tmp_path / "runs" / "1", "well"), scripted("well")):
        (tmp_path / "runs" / "1").mkdir(parents=True, exist_ok=True)
        outcome = finish(qtbot, jobs.start(spec, title="dies"))
        assert outcome.state == "crashed"
        assert "ended without a last word (exit status 3): OSError: no room; start it again." in outcome.message


def test_a_run_of_which_nothing_more_can_be_written_is_ended_all_the_same(
    jobs: JobQueue, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "GRACE_MS", {"train": 50})
    monkeypatch.setattr(job_module, "KILL_MS", 50)
    folder = tmp_path / "runs" / "1"
    job = jobs.start(a_run(folder, "deaf"), title="run 1")
    until(qtbot, lambda: job.progress is not None and job.progress.done == 3)
    shutil.rmtree(folder)
    assert isinstance(job, DetachedJob)
    pid = job.pid
    job.cancel()
    assert finish(qtbot, job).state == "cancelled"
    until(qtbot, lambda: not process_runs(pid))
