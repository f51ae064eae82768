"""The plots of Data on a small project whose figures are known, drawn, read out and saved."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annotator.project import Project
from annotator.views import theme
from annotator.views.data import figures
from annotator.views.data.figures import Figure
from annotator.views.data.plots_page import PlotsPage
from annotator.views.data.plotting import PlotsPresenter
from davenet.labels.detections import Detections, FoodDetection, detections_path, write_detections
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from tests.annotator.project_maker import make_video_record

N_VIDEOS = 6


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six videos; each says onion at 10 s and egg at 50 s, and shows an onion at 10 s and at 30 s, both surely food."""
    made = Project.create(tmp_path / "project")
    made.store.add_videos([replace(make_video_record(n), duration_s=60.0 + n) for n in range(N_VIDEOS)])
    for video in made.store.videos():
        words = (Word("onion", 9.9, 10.1, 0.9), Word("egg", 49.9, 50.1, 0.9))
        transcript = Transcript(video.uid, "pocketsphinx", "5", video.source_hash, words)
        write_transcript(transcript_path(made.labels_dir, video.uid, "pocketsphinx"), transcript)
        frames = tuple(
            FoodDetection(t, food, (("onion", 0.8),)) for t, food in ((10.0, 0.9), (30.0, 0.8), (40.0, 0.01))
        )
        seen = Detections(video.uid, "simulated", "1", video.source_hash, frames)
        write_detections(detections_path(made.labels_dir, video.uid, "simulated"), seen)
    yield made
    made.close()


def computed(project: Project, **options: object) -> dict[str, Figure]:
    made: dict[str, Figure] = {}
    figures.compute(project, dict(options), lambda figure: made.update({figure.key: figure}))
    return made


def test_every_figure_tells_what_the_labels_hold(project: Project) -> None:
    made = computed(project)
    assert list(made) == list(figures.KEYS)
    assert not any(figure.empty for figure in made.values())
    assert made["table1"].rows[0][5:] == (1262, 46.0, 1106.1, 317.7)  # the paper's, of which none are here
    assert made["table1"].rows[-1][:5] == ("Own Train", 6, 60.0, 65.0, 62.5)
    assert made["food-words"].readout.startswith("mean 2.0 different, 2.0 in all")
    assert set(made["frequent"].rows) == {("onion", 6, 6), ("egg", 6, 6)}
    shares = {row[0]: row[1] for row in made["synchrony"].rows}
    assert (shares[20], shares[39], shares[60]) == (50.0, 50.0, 100.0)  # at 30 s it was said 20 s before
    assert made["classes"].rows[0][:4] == ("onion", 50.0, 12, 6)
    assert {row[0]: row[2] for row in made["offsets"].rows if row[2]} in ({-20.0: 6, 0.0: 6}, {-21.0: 6, -1.0: 6})
    assert sum(row[2] for row in made["probabilities"].rows) == 18
    assert made["probabilities"].readout.startswith("67 % food, 33 % surely none")


def test_options_choose_what_is_counted(project: Project, tmp_path: Path) -> None:
    nouns = tmp_path / "nouns.txt"
    nouns.write_text("egg\n")
    assert set(computed(project, nouns=nouns)["frequent"].rows) == {("egg", 6, 6)}
    project.store.set_split(project.store.videos()[0].uid, "test")
    assert computed(project, split="test")["classes"].rows[0][:4] == ("onion", 50.0, 2, 1)
    assert "P(food) over 0.95" in computed(project, food_threshold=0.95)["synchrony"].empty


def test_what_lacks_says_what_to_do_first(tmp_path: Path) -> None:
    with Project.create(tmp_path / "empty") as project:
        made = computed(project)
        assert {made[key].step for key in figures.KEYS[1:]} == {"import"}
        project.store.add_videos([make_video_record(1)])
        made = computed(project)
    assert (made["food-words"].empty, made["food-words"].step) == (
        "No words yet: transcribe the videos first.",
        "transcribe",
    )
    assert made["probabilities"].step == "detect"


def test_the_page_draws_reads_out_and_saves(project: Project, qtbot: QtBot, tmp_path: Path) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    page = PlotsPage()
    qtbot.addWidget(page)
    page.resize(1200, 700)
    page.show()
    presenter = PlotsPresenter(page, project)
    said: list[str] = []
    presenter.said.connect(lambda text, _kind: said.append(text))
    presenter.open({})
    qtbot.waitUntil(lambda: presenter.is_idle() and page.cards["probabilities"].plot() is not None, timeout=60_000)
    card = page.cards["synchrony"]
    view = card.plot().getPlotItem().vb
    qtbot.waitUntil(lambda: view.sceneBoundingRect().width() > 50)
    card.hover(view.mapViewToScene(QPointF(20.2, 30.0)))
    assert card.readout.text().startswith("T s 20 · share % 50")
    card.leaveEvent(None)
    assert card.readout.text() == card.figure.readout
    for suffix in (".csv", ".svg", ".png"):
        card.save_to(tmp_path / f"out{suffix}")
    qtbot.waitUntil(lambda: len(said) == 3)
    lines = list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))
    assert lines[0][:2] == ["T s", "share %"] and lines[20][:2] == ["20", "50.0"]
    assert "these videos" in (tmp_path / "out.svg").read_text()
    image = QImage(str(tmp_path / "out.png"))
    assert image.width() > 400 and _has(image, "accent")
    before = theme.current().name
    theme.apply_theme(app, "light" if before == "dark" else "dark")
    qtbot.wait(50)
    assert _has(card.plot().grab().toImage(), "panel")  # it has taken on the colours of the other theme
    theme.apply_theme(app, before)
    card.save_to(tmp_path / "no" / "folder" / "out.csv")
    qtbot.waitUntil(lambda: len(said) == 4)
    presenter.close()


def _has(image: QImage, token: str) -> bool:
    """Whether some pixels have a token's colour in the theme in force."""
    wanted = theme.current().color(token)
    small = image.convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(small.constBits(), np.uint8).reshape(small.height(), small.bytesPerLine())
    rgb = pixels[:, : small.width() * 3].reshape(small.height(), small.width(), 3).astype(int)
    return bool((np.abs(rgb - [wanted.red(), wanted.green(), wanted.blue()]).max(axis=2) <= 2).sum() > 20)
