"""Jobs that listen and go wrong in mid-work: each is told in place with its remedy, and no map is shown that is not right."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from test_matchmaps_live import SLOW_MS, Opened, demo, opened, project  # noqa: F401  (fixtures)

from annotator.project import Project
from annotator.views.matchmaps import listener as listening
from davenet.errors import UserError
from davenet.gpu_faults import gpu_fault
from davenet.jobs import run_job
from davenet.specs import LiveSpec

# Runs in each job before anything else (sitecustomize): its model breaks as a GPU that is taken away does, once.
_GPU_GOES = """
import sys
if "live" in sys.orig_argv:
    from pathlib import Path
    from davenet.model.davenet import DAVEnet
    marker, image_map, calls = Path({marker!r}), DAVEnet.image_map, []
    def goes(self, *given):
        calls.append(1)
        if len(calls) > 4 and not marker.exists():
            marker.touch()
            raise RuntimeError("CUDA error: unspecified launch failure\\nCUDA kernel errors might be reported later.")
        return image_map(self, *given)
    DAVEnet.image_map = goes
"""
_GARBAGE = """
import os, sys
if "live" in sys.orig_argv:
    os.write(1, os.urandom(100_000) + b"\\n{{}}\\n[1, 2\\n" + b'{{"event": "ready", "values": 3}}\\n')
    print("a library prints")
"""
_DIES = """
import os, sys
if "live" in sys.orig_argv:
    os._exit(3)
"""


@pytest.fixture
def in_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Returns what runs a piece of code at the start of each job."""
    folder = tmp_path / "at-start"
    folder.mkdir()

    def plant(code: str) -> None:
        (folder / "sitecustomize.py").write_text(code.format(marker=str(folder / "gone")), encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))

    yield plant


def test_a_gpu_that_is_taken_away_is_told_and_the_job_is_started_anew_on_demand(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], in_jobs: Callable[[str], None]  # noqa: F811
) -> None:  # fmt: skip
    in_jobs(_GPU_GOES)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: "GPU" in workspace.maps_bar.text(), timeout=SLOW_MS)
    told = workspace.maps_bar.text()
    assert "unspecified launch failure" in told and "\n" not in told and "kernel errors" not in told
    workspace.play_toggled.emit()
    qtbot.waitUntil(lambda: player.time_s > 0.2)
    workspace.maps_bar.action_button().click()
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener.share >= 1, timeout=SLOW_MS)
    assert workspace.maps_bar.isHidden() and not listener.error


def test_a_job_that_dies_at_its_start_is_told_in_one_sentence(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], in_jobs: Callable[[str], None]  # noqa: F811
) -> None:  # fmt: skip
    in_jobs(_DIES)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: "start it again" in workspace.maps_bar.text(), timeout=SLOW_MS)
    assert "exit status 3" in workspace.maps_bar.text() and "\n" not in workspace.maps_bar.text()
    qtbot.waitUntil(lambda: player.frame is not None)
    assert workspace.stages.first._overlay is None


def test_garbage_among_a_jobs_events_is_passed_over(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], in_jobs: Callable[[str], None]  # noqa: F811
) -> None:  # fmt: skip
    in_jobs(_GARBAGE)
    workspace, presenter, _ = opened(project)
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener.share >= 1, timeout=SLOW_MS)
    assert not listener.error and workspace.maps_bar.isHidden()


@pytest.mark.skipif(sys.platform == "win32", reason="a process is stopped by a POSIX signal")
def test_a_job_that_hangs_is_told_and_another_takes_its_place(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(listening, "SILENCE_MS", 1500)
    workspace, presenter, player = opened(project)
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener._job is not None and listener._job.pid > 0, timeout=SLOW_MS)
    hung = listener._job
    os.kill(hung.pid, signal.SIGSTOP)
    qtbot.waitUntil(lambda: "said nothing" in workspace.maps_bar.text(), timeout=SLOW_MS)
    qtbot.waitUntil(lambda: player.frame is not None)
    has_map = listener.map_at(presenter.playing.frame_time_s) is not None
    assert (workspace.stages.first._overlay is not None) == has_map  # no map of what was never listened to
    listener._silence.setInterval(60_000)
    workspace.maps_bar.action_button().click()
    qtbot.waitUntil(lambda: listener.share >= 1, timeout=SLOW_MS)
    assert listener._job is not hung and workspace.maps_bar.isHidden()
    os.kill(hung.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: hung not in listener._jobs.jobs, timeout=SLOW_MS)
    assert not listener.error


@pytest.mark.skipif(sys.platform == "win32", reason="a process is stopped by a POSIX signal")
def test_a_job_that_was_only_slow_goes_on_by_itself(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setattr(listening, "SILENCE_MS", 1500)
    workspace, presenter, _ = opened(project)
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener._job is not None and listener._job.pid > 0, timeout=SLOW_MS)
    os.kill(listener._job.pid, signal.SIGSTOP)
    qtbot.waitUntil(lambda: "said nothing" in workspace.maps_bar.text(), timeout=SLOW_MS)
    listener._silence.setInterval(60_000)
    os.kill(listener._job.pid, signal.SIGCONT)
    qtbot.waitUntil(lambda: listener.share >= 1, timeout=SLOW_MS)
    assert workspace.maps_bar.isHidden() and not listener.error


@pytest.mark.skipif(sys.platform == "win32", reason="a process is stopped by a POSIX signal")
def test_a_hung_job_that_wakes_takes_no_other_error_away(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], monkeypatch: pytest.MonkeyPatch,  # noqa: F811
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr(listening, "SILENCE_MS", 500)
    workspace, presenter, _ = opened(project)
    listener, video = presenter.watching.first, presenter.playing.video
    assert listener is not None and video is not None
    qtbot.waitUntil(lambda: listener._job is not None and listener._job.pid > 0, timeout=SLOW_MS)
    hung = listener._job
    os.kill(hung.pid, signal.SIGSTOP)
    qtbot.waitUntil(lambda: "said nothing" in listener.error, timeout=SLOW_MS)
    listener._silence.setInterval(60_000)
    (tmp_path / "other.mp4").write_bytes(b"another file in the place of a video")
    listener.show(replace(video, uid="other", path=tmp_path / "other.mp4"), listener.mode, 0.0)
    qtbot.waitUntil(lambda: "other.mp4" in listener.error)
    with qtbot.waitSignal(hung.event_arrived, timeout=SLOW_MS):
        os.kill(hung.pid, signal.SIGCONT)
    assert "other.mp4" in listener.error and "other.mp4" in workspace.maps_bar.text()


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (RuntimeError("CUDA error: device-side assert triggered\nmore"), "does not answer"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "too little free memory"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "does not answer"),
        (RuntimeError("shape mismatch"), None),
        (ValueError("a" * 500), None),
    ],
)
def test_what_a_gpu_raises_is_told_apart_from_our_own_faults(error: Exception, says: str | None) -> None:
    told = gpu_fault(error)
    assert (told is None) if says is None else (told is not None and says in told and "\n" not in told)


def test_a_job_whose_gpu_fails_ends_with_that_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from davenet import events
    from davenet.evaluation import live

    def fails(*_given: Any) -> dict[str, Any]:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(live, "serve", fails)
    said: list[events.Event] = []
    spec = LiveSpec(checkpoint=tmp_path / "a.safetensors", cache_dir=tmp_path)
    with pytest.raises(UserError, match="GPU does not answer"):
        run_job(spec, said.append)
    assert isinstance(said[-1], events.Failed) and not said[-1].bug
