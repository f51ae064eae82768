"""Small copies for smooth seeking, made behind an open project: when they begin, how they are switched off, how they end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import soup_project

from annotator import verbs
from annotator.cli import main
from annotator.jobs.queue import JobQueue
from annotator.project import Project
from annotator.views.proxies import Proxies
from annotator.views.work import Work
from davenet.media.proxy import is_proxy_of

LONG_MS = 60_000


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with soup_project(tmp_path) as made:
        yield made


@pytest.fixture
def work(qtbot: QtBot, project: Project) -> Iterator[Work]:
    queue = JobQueue()
    made = Work(project, queue)
    yield made
    made.close()
    queue.close()
    QApplication.processEvents()


def _settle(qtbot: QtBot, work: Work) -> None:
    qtbot.waitUntil(lambda: work.background.is_idle() and not work.queue.jobs, timeout=LONG_MS)


def _proxy_job(work: Work) -> list[str]:
    return [job.verb for job in work.queue.jobs]


def test_after_an_import_a_copy_of_every_video_is_made_with_progress(
    qtbot: QtBot, work: Work, project: Project
) -> None:
    proxies = Proxies(work, work)
    titles: list[str] = []
    work.job_started.connect(lambda job: titles.append(job.title))
    with qtbot.waitSignal(work.ended, timeout=LONG_MS):
        work.collected.emit("import", {})
    assert titles == ["Preparing smooth playback"]
    assert is_proxy_of(project.proxy_path("soup"), project.store.video("soup").path)
    assert not verbs.lacks_proxies(project)
    proxies.close()


def test_what_an_earlier_window_left_undone_begins_some_time_after_opening(qtbot: QtBot, work: Work) -> None:
    proxies = Proxies(work, work)
    (soon,) = proxies.findChildren(QTimer)
    assert soon.isActive() and soon.isSingleShot()
    soon.start(0)
    qtbot.waitUntil(lambda: _proxy_job(work) == ["proxy"], timeout=LONG_MS)
    proxies.close()


def test_switched_off_none_are_made_after_an_import_and_switched_on_they_are(
    qtbot: QtBot, work: Work, project: Project
) -> None:
    proxies = Proxies(work, work)
    proxies.set_on(False)
    assert not proxies.is_on
    work.collected.emit("import", {})
    qtbot.wait(50)
    _settle(qtbot, work)
    assert not project.proxy_path("soup").exists()
    with qtbot.waitSignal(work.ended, timeout=LONG_MS):
        proxies.set_on(True)
    assert project.proxy_path("soup").exists()
    proxies.close()


def test_switching_off_ends_what_is_being_made_and_what_is_about_to_be(
    qtbot: QtBot, work: Work, project: Project
) -> None:
    proxies = Proxies(work, work)
    with qtbot.waitSignal(work.job_started, timeout=LONG_MS):
        proxies.set_on(True)
    proxies.set_on(False)
    _settle(qtbot, work)
    project.proxy_path("soup").unlink(missing_ok=True)
    proxies.set_on(True)
    proxies.set_on(False)  # before it is planned
    _settle(qtbot, work)
    qtbot.wait(50)
    assert _proxy_job(work) == [] and not project.proxy_path("soup").exists()
    proxies.close()


def test_closed_it_begins_nothing_any_more(qtbot: QtBot, work: Work, project: Project) -> None:
    proxies = Proxies(work, work)
    proxies.close()
    assert not any(timer.isActive() for timer in proxies.findChildren(QTimer))
    work.collected.emit("import", {})
    qtbot.wait(50)
    _settle(qtbot, work)
    assert not project.proxy_path("soup").exists()


def test_the_verb_makes_them_skips_what_is_done_and_sets_the_switch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with soup_project(tmp_path) as made:
        folder, proxy = made.path, made.proxy_path("soup")
    assert main(["proxies", str(folder), "--no-automatic"]) == 0
    assert "by itself" in capsys.readouterr().out
    with Project.open(folder) as opened:
        assert not verbs.wants_proxies(opened)
    assert main(["proxies", str(folder)]) == 0  # asked for, it makes them all the same
    assert proxy.exists()
    written = proxy.stat().st_mtime_ns
    assert main(["proxies", str(folder)]) == 0
    assert proxy.stat().st_mtime_ns == written
    assert main(["proxies", str(folder), "--automatic"]) == 0
    with Project.open(folder) as opened:
        assert verbs.wants_proxies(opened)
