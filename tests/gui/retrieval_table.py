"""A small real project whose run has looked at its pairs, and the Retrieval workspace on it, as its tests use them."""

import shutil
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot
from review_desk import ME, add_video, food_pairs

from annotator import verbs
from annotator.demo.project import CHECKPOINT, run_in_child
from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import RunRecord
from annotator.views.retrieval.presenter import RetrievalPresenter
from annotator.views.retrieval.workspace import RetrievalWorkspace
from annotator.views.work import Work
from davenet.pairs import write_pairs

RUN = "001-small"
Key = Qt.Key


def kitchen_in(folder: Path) -> Path:
    """Makes a project of two videos with six pairs each, and a run whose checkpoint is the shipped one."""
    with Project.create(folder / "project") as made:
        made.store.set_setting("reviewer", ME)
        for uid in ("soup", "stew"):
            add_video(made, uid, folder)
        pairs = [*food_pairs("soup"), *food_pairs("stew")]
        made.store.put_pairs(pairs, {}, detectors={"soup": "simulated"}, recognisers={"soup": "pocketsphinx"})
        run = made.run_dir(RUN)
        (run / "checkpoints").mkdir(parents=True)
        (run / "checkpoints" / "best.safetensors").write_bytes(CHECKPOINT.read_bytes())
        write_pairs(run / "validation.pairs.jsonl", pairs)
        made.store.add_run(RunRecord(RUN, "small", "finished", {}))
    return folder / "project"


def looked_at_in(kitchen: Path, folder: Path) -> Path:
    """Copies the project and lets a child process look at the run's validation pairs."""
    with copied(kitchen, folder) as project:
        spec = verbs.plan_retrieve(project, RUN)
        verbs.collect(project, spec, run_in_child(spec))
    return folder


def copied(folder: Path, to: Path) -> Project:
    shutil.copytree(folder, to)
    return Project.open(to)


class Table:
    """The workspace with its presenter, shown and loaded."""

    def __init__(self, qtbot: QtBot, project: Project) -> None:
        self.qtbot, self.project = qtbot, project
        self.queue, self.player = JobQueue(), Player()
        self.work = Work(project, self.queue)
        self.view = RetrievalWorkspace()
        qtbot.addWidget(self.view)
        self.presenter = RetrievalPresenter(self.view, self.work, self.player)
        self.sent: list[tuple[str, list[str]]] = []
        self.presenter.selection_sent.connect(lambda name, uids: self.sent.append((name, uids)))
        self.view.resize(1280, 720)
        self.view.show()
        self.view.activateWindow()
        self.settle()
        self.view.setFocus()

    def settle(self) -> None:
        def is_quiet() -> bool:
            return self.presenter.is_idle() and self.work.background.is_idle() and not self.queue.jobs

        self.qtbot.waitUntil(is_quiet, timeout=90_000)
        self.qtbot.wait(20)
        self.qtbot.waitUntil(is_quiet, timeout=90_000)

    def press(self, *keys: Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        for key in keys:
            QTest.keyClick(self.focused(), key, modifiers)
            self.settle()

    def focused(self) -> QWidget:
        return QApplication.focusWidget() or self.view

    def listed(self) -> list[int]:
        return list(self.view.panel.list.cases.places.tolist())

    def selected(self) -> list[int]:
        return list(self.presenter.sending.selected().tolist())

    def close(self) -> None:
        self.presenter.close()
        self.work.close()
        self.queue.close()
        self.player.shutdown()
        self.view.close()
