"""The queue with real child processes of the real job program; what the jobs do inside is scripted for each test."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from annotator.jobs import queue as queue_module
from annotator.jobs.outcome import Outcome
from annotator.jobs.queue import AttachedJob, DetachedJob, Job, JobQueue
from davenet import events, specs
from davenet.heartbeat import process_runs, read_pulse

LONG_MS = 100_000

# The child imports this at its start: the verbs then run these functions in place of the real ones.
SCRIPT = """
import davenet.jobs, sys, types
from davenet import events

def act(spec, emit, stop):
    verb = spec.verb
    how = str(spec.paths[0]) if verb == "import" else spec.preset if verb == "train" else spec.recogniser
    print("a library's print")
    emit(davenet.jobs.started(verb, 3, "videos"))
    for i in range(3):
        emit(events.Progress(i + 1, 3, "videos", "ünï"))
    if how == "abort":
        import os
        os.abort()
    if how == "bug":
        raise KeyError("lost")
    if how == "wrong":
        from davenet.errors import UserError
        raise UserError("x.mp4 is not a video; choose another file.")
    if how == "exit":
        import os
        print("RuntimeError: gone", file=sys.stderr, flush=True)
        os._exit(0)
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
    monkeypatch.setattr(queue_module, "DEFAULT_GRACE_MS", 50)
    monkeypatch.setattr(queue_module, "KILL_MS", 50)
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
