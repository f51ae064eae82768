"""The whole app in one window: starting, opening and refusing projects, closing without a trace."""

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annotator import app as app_module
from annotator import recent
from annotator.app import build_window, window_trouble
from annotator.project import Project
from annotator.views import theme
from annotator.views.window import WORKSPACES, MainWindow
from annotator.wiring import Wiring
from davenet import specs
from tests.annotator.project_maker import decide, make_project

LONG_MS = 30_000
Open = Callable[[Path | None], Wiring]


@pytest.fixture
def opened(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens windows of the real app, whose settings lie in a folder of the test; closes them afterwards."""
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    windows: list[MainWindow] = []

    def open_(folder: Path | None = None) -> Wiring:
        window = build_window(folder)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=LONG_MS)
        return window.wiring  # type: ignore[attr-defined, no-any-return]

    yield open_
    for window in windows:
        window.close_question = lambda: ""
        window.close()
        window.deleteLater()
    QApplication.processEvents()
    gc.collect()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made, pairs = make_project(tmp_path / "kitchen", ["train", "train", "validation"])
    decide(made.store, pairs[:12])
    made.close()
    return made.path


def test_the_app_and_its_window_never_import_torch() -> None:
    code = (
        "import sys\nfrom annotator.app import build_window\nwindow = build_window(None)\nwindow.show()\n"
        "print(sorted(n for n in ('torch', 'numba', 'onnxruntime', 'librosa') if n in sys.modules))\nwindow.close()"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there a display can be missing")
def test_without_a_display_the_app_says_so_in_one_line_and_exits_with_2() -> None:
    environment = {n: v for n, v in os.environ.items() if n not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    code = "import sys; from annotator.app import run_app; sys.exit(run_app(None))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert ran.returncode == 2
    assert ran.stderr.startswith("There is no display")
    assert ran.stderr.count("\n") == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there a display can be missing")
def test_a_display_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    trouble = window_trouble()
    assert ":987 does not answer" in trouble or "sudo apt install" in trouble


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names the packages of that system")
def test_a_missing_system_library_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")

    def missing(_name: str) -> None:
        raise OSError("libxcb-cursor.so.0: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(app_module.ctypes, "CDLL", missing)
    assert window_trouble().startswith("Qt cannot open a window: the system library libxcb-cursor.so.0 is missing")
    assert "sudo apt install" in window_trouble()


def test_without_a_project_the_start_page_shows(opened: Open) -> None:
    wiring = opened(None)
    assert wiring.window.pages.currentWidget() is wiring.start
    assert wiring.window.current_workspace() == ""
    assert not wiring.window.top_bar.tabs["Review"].isVisible()


def test_a_project_opens_in_its_workspaces_and_is_remembered(opened: Open, project: Path, qtbot: QtBot) -> None:
    wiring = opened(project)
    window = wiring.window
    assert window.current_workspace() == "Review"
    assert window.windowTitle() == "kitchen · Matchmap Annotator"
    for number, name in enumerate(WORKSPACES, 1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda name=name: window.current_workspace() == name, timeout=LONG_MS)
        assert window.top_bar.tabs[name].isChecked()
    assert [entry.path for entry in recent.recent_projects()] == [project]


def test_the_workspace_and_the_theme_are_there_again_next_time(opened: Open, project: Path) -> None:
    first = opened(project)
    first.window.open_workspace("Runs")
    first.window.theme_chosen.emit("light")
    assert theme.current().name == "light"
    first.window.close()
    again = opened(project)
    assert again.window.current_workspace() == "Runs"
    assert again.window.top_bar.theme.choice() == "light"
    assert theme.current().name == "light"
    again.window.theme_chosen.emit("dark")


def test_a_second_app_on_the_project_is_told_who_has_it(opened: Open, project: Path) -> None:
    opened(project)
    second = opened(project)
    assert second.open is not None and second.open.project.is_read_only
    assert str(os.getpid()) in second.open.project.read_only_reason
    assert second.open.project.read_only_reason in second.window.notice.text()


def test_a_folder_that_is_no_project_is_told_in_place(opened: Open, tmp_path: Path) -> None:
    wiring = opened(tmp_path)
    assert "is not a project" in wiring.start.notice.text()
    assert wiring.window.pages.currentWidget() is wiring.start


def test_closing_the_project_frees_it_for_another_app(opened: Open, project: Path) -> None:
    wiring = opened(project)
    wiring.window.close_project_requested.emit()
    assert wiring.open is None
    assert wiring.window.pages.currentWidget() is wiring.start
    with Project.open(project, write_lock=True):
        pass
    assert wiring.open_project(project)


def test_a_job_that_would_be_cut_short_is_asked_about_before_closing(opened: Open, project: Path, qtbot: QtBot) -> None:
    wiring = opened(project)
    job = wiring.queue.start(specs.ImportSpec(paths=[Path("/dev/null")]), title="Importing videos")
    assert not wiring.window.close()
    assert wiring.window.isVisible()
    assert wiring.window.notice.text().startswith("Not done yet: Importing videos. Closing stops this")
    wiring.window.notice.action_requested.emit()
    assert not wiring.window.isVisible()
    assert job not in wiring.queue.jobs


def test_closing_leaves_no_thread_process_timer_or_lock(opened: Open, project: Path, qtbot: QtBot) -> None:
    before = set(threading.enumerate())
    wiring = opened(project)
    for name in WORKSPACES:
        wiring.window.open_workspace(name)
    qtbot.waitUntil(wiring.open.work.background.is_idle, timeout=LONG_MS)  # type: ignore[union-attr]
    wiring.window.close()
    assert wiring.queue.jobs == ()
    assert not [(timer.parent(), timer.interval()) for timer in wiring.findChildren(QTimer) if timer.isActive()]
    assert {thread for thread in threading.enumerate() if thread.is_alive()} <= before
    with Project.open(project, write_lock=True):
        pass


def test_every_control_says_what_it_does_and_its_key(opened: Open, project: Path) -> None:
    wiring = opened(project)
    bar = wiring.window.top_bar
    for number, name in enumerate(WORKSPACES, 1):
        assert bar.tabs[name].toolTip() == f"{name} (Ctrl+{number})"
    for name in ("Runs", "Data"):
        page = wiring.window.workspace(name)
        assert page is not None
        buttons = [w for w in page.findChildren(QWidget) if type(w).__name__ in ("QPushButton", "HeadButton", "Pill")]
        assert buttons
        unnamed = [w for w in buttons if not w.toolTip() and w.isVisibleTo(page)]
        assert [getattr(w, "text", str)() for w in unnamed] == []
