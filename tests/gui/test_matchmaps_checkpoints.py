"""Choosing which checkpoint listens: any file can be opened, and one that cannot listen is refused where it was chosen."""

import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numbered_video import N_FRAMES, RATE, write_video
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from test_matchmaps import SHIPPED, import_videos
from test_player import Silent

from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.workspace import MatchmapsWorkspace

SLOW_MS = 90_000
Opened = tuple[MatchmapsWorkspace, MatchmapsPresenter]


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Opened]:
    """The workspace on a project of one short video, with the shipped checkpoint."""
    (tmp_path / "media").mkdir()
    write_video(tmp_path / "media" / "one.mp4", times=[n / RATE for n in range(N_FRAMES)])
    with Project.create(tmp_path / "project") as project:
        import_videos(project, tmp_path / "media")
        workspace, player, jobs = MatchmapsWorkspace(), Player(sound=Silent), JobQueue()
        qtbot.addWidget(workspace)
        presenter = MatchmapsPresenter(workspace, project, player, jobs)
        workspace.resize(1280, 720)
        workspace.show()
        qtbot.waitUntil(lambda: player.frame is not None)
        yield workspace, presenter
        presenter.shutdown()
        player.shutdown()
        jobs.close()


def choose_line(box: Any, text: str) -> None:
    """Takes a line of a chooser as a press in its open list does."""
    row = box.findText(text)
    assert row >= 0, [box.itemText(n) for n in range(box.count())]
    box.setCurrentIndex(row)
    box.activated.emit(row)


def test_any_checkpoint_file_can_be_opened_and_listens(qtbot: QtBot, desk: Opened, tmp_path: Path) -> None:
    workspace, presenter = desk
    mine = tmp_path / "elsewhere" / "mine.safetensors"
    mine.parent.mkdir()
    shutil.copy(SHIPPED, mine)
    workspace.ask_checkpoint = lambda folder: mine  # type: ignore[method-assign]
    panel = workspace.panel
    choose_line(panel.checkpoints, "Open a checkpoint file…")
    qtbot.waitUntil(lambda: presenter.watching.first.checkpoint.path == mine)  # type: ignore[union-attr]
    assert panel.checkpoints.currentText() == "mine" and workspace.notice.isHidden()
    assert [panel.seconds.itemText(row) for row in range(2)] == ["No second checkpoint", "demo checkpoint"]
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener.map_at(0.0) is not None, timeout=SLOW_MS)
    presenter.refresh()
    assert panel.checkpoints.currentText() == "mine"
    mine.unlink()
    presenter.refresh()
    assert panel.checkpoints.currentText() == "demo checkpoint" and panel.checkpoints.findText("mine") < 0


def test_a_file_can_be_opened_beside_the_checkpoint_that_listens(qtbot: QtBot, desk: Opened, tmp_path: Path) -> None:
    workspace, presenter = desk
    mine = tmp_path / "demo checkpoint.safetensors"
    shutil.copy(SHIPPED, mine)
    workspace.ask_checkpoint = lambda folder: mine  # type: ignore[method-assign]
    choose_line(workspace.panel.seconds, "Open a checkpoint file…")
    qtbot.waitUntil(lambda: presenter.watching.second is not None)
    assert presenter.watching.first.checkpoint.name == "demo checkpoint"  # type: ignore[union-attr]
    assert workspace.panel.seconds.currentText() == f"{tmp_path.name}/demo checkpoint"  # no two of one name
    assert workspace.stages.second.isVisible()


def _with_code(path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(path.parent / "it-ran"),)

    path.write_bytes(pickle.dumps(Evil()))


def _zipped_with_code(path: Path) -> None:
    import zipfile

    pickled = path.with_name("data.pkl")
    _with_code(pickled)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(pickled, "archive/data.pkl")


def _cut_short(path: Path) -> None:
    path.write_bytes(SHIPPED.read_bytes()[:100_000])


def _other_tensors(path: Path) -> None:
    save_file({"weight": np.zeros((2, 2), np.float32)}, path)


def _unknown_model(path: Path) -> None:
    with safe_open(SHIPPED, framework="numpy") as stored:
        header = dict(stored.metadata())
    save_file(load_file(SHIPPED), path, metadata=header | {"model": '{"image_branch": "transformer"}'})


def _empty(path: Path) -> None:
    path.touch()


def _missing(path: Path) -> None:
    pass


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("makes", "says"),
    [
        (_with_code, "pickled"), (_zipped_with_code, "pickled"), (_cut_short, "cut short"), (_empty, "cut short"),
        (_other_tensors, "not a checkpoint of this program"), (_unknown_model, "does not know"),
        (_missing, "There is no checkpoint"), (_folder, "There is no checkpoint"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_listen_is_refused_in_one_sentence_and_what_listens_goes_on(
    qtbot: QtBot, desk: Opened, tmp_path: Path, makes: Callable[[Path], None], says: str
) -> None:
    workspace, presenter = desk
    path = tmp_path / "best.pth"
    makes(path)
    before = presenter.watching.first
    workspace.ask_checkpoint = lambda folder: path  # type: ignore[method-assign]
    choose_line(workspace.panel.checkpoints, "Open a checkpoint file…")
    assert workspace.panel.checkpoints.currentText() == "demo checkpoint"
    qtbot.waitUntil(lambda: says in workspace.notice.text())
    told = workspace.notice.text()
    assert str(path) in told and "\n" not in told and told.count(".  ") == 0
    assert presenter.watching.first is before and workspace.panel.checkpoints.currentText() == "demo checkpoint"
    assert not (tmp_path / "it-ran").exists()


def test_arrow_keys_and_the_wheel_pass_over_no_checkpoint_by_accident(qtbot: QtBot, desk: Opened) -> None:
    workspace, _ = desk
    workspace.ask_checkpoint = lambda folder: None  # type: ignore[method-assign]
    asked: list[bool] = []
    workspace.panel.open_requested.connect(asked.append)
    box = workspace.panel.checkpoints
    box.setFocus()
    middle = QPointF(box.rect().center())
    wheel = QWheelEvent(
        middle, box.mapToGlobal(middle), QPoint(0, -120), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, wheel)
    assert box.currentText() == "demo checkpoint" and not asked
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.view().isVisible() and not asked
    box.hidePopup()


def test_the_choosers_open_by_key(qtbot: QtBot, desk: Opened) -> None:
    workspace, _ = desk
    workspace.ask_checkpoint = lambda folder: None  # type: ignore[method-assign]
    for action, box in (
        ("matchmaps.video", workspace.panel.videos),
        ("matchmaps.checkpoint", workspace.panel.checkpoints),
        ("matchmaps.compare", workspace.panel.seconds),
    ):
        QTest.keySequence(workspace, workspace.keys.text(action))
        assert box.view().isVisible(), action
        box.hidePopup()
    with qtbot.waitSignal(workspace.panel.open_requested):
        QTest.keySequence(workspace, workspace.keys.text("matchmaps.open_checkpoint"))
