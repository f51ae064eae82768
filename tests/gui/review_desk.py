"""A small real project and the Review workspace on it, as the tests of reviewing use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import VerdictRecord, VideoRecord
from annotator.views.review.presenter import ReviewPresenter
from annotator.views.review.workspace import ReviewWorkspace
from davenet.clips import write_clip
from davenet.labels.detections import Detections, FoodDetection, detections_path, write_detections
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.media.encode import VideoWriter
from davenet.pairs import Pair, WeakLabel, pair_uid

CLASSES = ("onion", "garlic", "butter", "egg", "pepper", "leek")
DURATION = 12.0
ME = "ada"


def label(name: str, at: float, probability: float = 0.9) -> WeakLabel:
    return WeakLabel(name, probability, 1, name, at, at + 0.4, 0.87)


def add_video(project: Project, uid: str, folder: Path, *, is_there: bool = True) -> None:
    path = folder / f"{uid}.mp4"
    if is_there:
        with VideoWriter(path, 96, 54, 10.0) as writer:
            for number in range(int(DURATION * 10)):
                writer.write(np.full((54, 96, 3), 2 * number, np.uint8))
    video = VideoRecord(uid, path, uid, DURATION, 10.0, 96, 54, f"hash-{uid}")
    project.store.add_videos([video])
    jpegs = [
        cv2.imencode(".jpg", np.full((54, 96, 3), 20 * second, np.uint8))[1].tobytes()
        for second in range(int(DURATION))
    ]
    log_mel = np.random.default_rng(0).normal(-50, 10, (round(DURATION * 100), 40))
    write_clip(
        project.clip_path(uid),
        frames_jpeg=jpegs,
        frame_times_s=np.arange(len(jpegs), dtype=float),
        log_mel=log_mel,
        metadata={"video": uid, "duration_s": str(DURATION)},
    )
    words = tuple(Word(name, 1.0 + index, 1.4 + index, 0.87) for index, name in enumerate(CLASSES))
    write_transcript(
        transcript_path(project.labels_dir, uid, "pocketsphinx"),
        Transcript(uid, "pocketsphinx", "5", f"hash-{uid}", words),
    )
    top = (("onion", 0.93), ("garlic", 0.41))
    frames = tuple(FoodDetection(float(second), 0.98, top) for second in range(int(DURATION)))
    write_detections(
        detections_path(project.labels_dir, uid, "simulated"),
        Detections(uid, "simulated", "1", f"hash-{uid}", frames),
    )


def food_pairs(uid: str) -> list[Pair]:
    return [
        Pair(pair_uid(uid, index + 1.0, "food"), uid, index + 1.0, 2.0, "food", (label(name, index + 1.0),), 0.98)
        for index, name in enumerate(CLASSES)
    ]


@contextmanager
def soup_project(folder: Path) -> Iterator[Project]:
    """A project of one video with a pair a second, asked about six foods, reviewed by ME."""
    with Project.create(folder / "project") as made:
        made.store.set_setting("reviewer", ME)
        add_video(made, "soup", folder)
        made.store.put_pairs(
            food_pairs("soup"), {}, detectors={"soup": "simulated"}, recognisers={"soup": "pocketsphinx"}
        )
        yield made


class Desk:
    """A workspace with its presenter, shown and loaded."""

    def __init__(self, qtbot: QtBot, project: Project) -> None:
        self.qtbot, self.project = qtbot, project
        self.workspace = ReviewWorkspace()
        qtbot.addWidget(self.workspace)
        self.player = Player()
        self.presenter = ReviewPresenter(self.workspace, project, self.player)
        self.workspace.resize(1280, 720)
        self.workspace.show()
        self.workspace.activateWindow()
        self.workspace.setFocus()
        self.presenter.activate()
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(self.presenter.is_idle, timeout=20_000)

    def press(self, *keys: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Presses keys where the keyboard is, each after what the one before it began is done."""
        for key in keys:
            QTest.keyClick(self.focused(), key, modifiers)
            self.settle()

    def focused(self) -> QWidget:
        return QApplication.focusWidget() or self.workspace

    @property
    def asked(self) -> str:
        pair = self.presenter.current
        assert pair is not None and pair.label is not None
        return pair.label.class_name

    def listed(self) -> list[str]:
        return [self.project.store.pair(uid).labels[0].class_name for uid in self.workspace.model.uids()]

    def verdicts(self) -> list[VerdictRecord]:
        """Returns what is on the disk, read by a project of its own."""
        with Project.open(self.project.path) as other:
            return other.store.verdicts()

    def close(self) -> None:
        self.presenter.shutdown()
        self.player.shutdown()
        self.workspace.close()
