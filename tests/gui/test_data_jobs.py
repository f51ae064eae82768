"""The forms of Data that take the longest way: filled in, started, waited for, cancelled, with real jobs and real files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from annotator.project import Project
from annotator.views.data.verb_form import VerbForm
from davenet.labels.detections import newest_detections, read_detections
from davenet.labels.food import auto as food_auto
from davenet.labels.speech import auto as speech_auto
from tests.annotator.project_maker import decide, fill_store, make_video_record
from tests.davenet.onnx_models import write_channel_mean_model
from tests.gui.test_data import Data
from tests.media_maker import make_video


def opened(project: Project, qtbot: QtBot) -> Iterator[Data]:
    made = Data(project, qtbot)
    yield made
    made.presenter.close()
    made.work.close()
    made.queue.close()
    made.view.close()
    made.view.deleteLater()
    project.close()


@pytest.fixture
def data(tmp_path: Path, qtbot: QtBot) -> Iterator[Data]:
    """An empty project."""
    yield from opened(Project.create(tmp_path / "project"), qtbot)


@pytest.fixture
def reviewed(tmp_path: Path, qtbot: QtBot) -> Iterator[Data]:
    """A project with pairs of two videos, five of them accepted."""
    project = Project.create(tmp_path / "reviewed")
    decide(project.store, fill_store(project.store, ["train", "validation"], pairs_each=700)[:5])
    yield from opened(project, qtbot)


@pytest.fixture
def fresh(tmp_path: Path, qtbot: QtBot) -> Iterator[Data]:
    """A project with the same videos and nothing else."""
    project = Project.create(tmp_path / "fresh")
    project.store.add_videos([make_video_record(number) for number in range(2)])
    yield from opened(project, qtbot)


def fill(form: VerbForm, **values: Any) -> None:
    for name, value in values.items():
        form.rows()[name].set_value(value)


def export(data: Data, out: Path) -> None:
    form = data.form("release", "export")
    fill(form, out=out, licence="cc-by-4.0")
    form.start.click()
    data.until(lambda: out.is_dir() and not data.view.running_cards())
    data.settle()


def test_an_onnx_model_is_asked_by_its_form(data: Data, tmp_path: Path) -> None:
    make_video(tmp_path / "soup.mp4", seconds=3, frame_rate=10, size=(96, 64))
    data.do("import", lambda: data.presenter.import_paths([tmp_path / "soup.mp4"]))
    data.do("extract", data.view.cards["extract"].button.click)
    model = write_channel_mean_model(tmp_path / "food.onnx", ("n", 3, 32, 32), probabilities=True)
    (tmp_path / "classes.txt").write_text("Food\nEgg\nButter\n")
    form = data.form("detect", "onnx")
    fill(form, model=model)
    data.until(lambda: form.rows()["model"].says.text().startswith("Takes n × 3 × 32 × 32"))
    fill(form, classes=tmp_path / "classes.txt", food_label="Food", scores="probabilities")
    data.do("detect", form.start.click)
    assert data.view.page() == "list"
    assert data.view.notice.text().startswith("Detected the foods of 1 video")
    video = data.project.store.videos()[0]
    path = newest_detections(data.project.labels_dir, video.uid)
    assert path is not None
    frames = read_detections(path).frames
    assert len(frames) == 3
    assert {name for frame in frames for name, _ in frame.top} == {"Egg", "Butter"}
    assert data.texts(0)[7].startswith("onnx")


def test_what_is_wrong_with_a_model_is_told_in_the_form(data: Data, tmp_path: Path) -> None:
    form = data.form("detect", "onnx")
    (tmp_path / "no.onnx").write_text("no model")
    fill(form, model=tmp_path / "no.onnx")
    data.until(lambda: "cannot be used as a model" in form.rows()["model"].says.text())
    assert not form.start.isEnabled()
    assert form.says.text() == "To be corrected: Model."


def test_a_release_goes_out_by_its_form_and_into_another_project_by_another(
    reviewed: Data, fresh: Data, tmp_path: Path
) -> None:
    export(reviewed, tmp_path / "release")
    assert (tmp_path / "release" / "README.md").is_file()
    assert "2800 pairs with 5 verdicts" in reviewed.view.notice.text().replace("\u202f", "").replace("\u2009", "")
    form = fresh.form("release", "import")
    fill(form, folder=tmp_path / "release")
    fresh.until(lambda: form.rows()["folder"].says.text() == "2 videos in the release.")
    told: list[str] = []
    fresh.presenter.taking.progressed.connect(lambda pace, share: told.append(pace[0]))
    fresh.do("import release", form.start.click)
    assert fresh.view.page() == "list"
    assert "Took in 2800 new pairs" in fresh.view.notice.text().replace("\u202f", "").replace("\u2009", "")
    assert {text.split()[0] for text in told} == {"reading", "writing"}
    assert fresh.view.cards["release"].button.text() == "Release…"
    assert fresh.project.store.statistics().overall.accepted == 5


def test_a_release_that_is_cancelled_while_it_is_taken_in_changes_nothing(
    reviewed: Data, fresh: Data, tmp_path: Path
) -> None:
    export(reviewed, tmp_path / "release")
    form = fresh.form("release", "import")
    fill(form, folder=tmp_path / "release")
    form.start.click()
    card = fresh.view.cards["release"]
    assert card.button.text() == "Cancel"
    card.button.click()
    fresh.until(lambda: not fresh.presenter.taking.is_running())
    fresh.settle()
    assert fresh.view.notice.text() == "Cancelled; nothing was imported."
    assert fresh.project.store.counts("ann").total == 0
    assert card.button.text() == "Release…"


def test_a_damaged_release_is_told_and_changes_nothing(reviewed: Data, fresh: Data, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "release")
    (card := tmp_path / "release" / "pairs" / "train.parquet").write_bytes(card.read_bytes()[:-20])
    form = fresh.form("release", "import")
    fill(form, folder=tmp_path / "release")
    fresh.until(lambda: "train.parquet is cut short" in form.rows()["folder"].says.text())
    assert not form.start.isEnabled()


def test_an_export_that_is_cancelled_leaves_no_release(reviewed: Data, tmp_path: Path) -> None:
    out = tmp_path / "release"
    form = reviewed.form("release", "export")
    fill(form, out=out)
    form.start.click()
    card = reviewed.view.cards["release"]
    reviewed.until(card.is_running)
    card.button.click()
    reviewed.until(lambda: not reviewed.view.running_cards())
    reviewed.settle()
    assert reviewed.view.notice.text().startswith("Cancelled")
    assert not out.exists()


def test_youtube_8m_comes_in_by_its_form_with_what_was_left_out_listed(
    data: Data, shared_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "videos").mkdir()
    make_video(tmp_path / "videos" / "AAAAAAAAAAA.mp4", seconds=3, frame_rate=10, size=(96, 64))
    vocabulary = shared_data / "annotations" / "youtube8m" / "label_names_2018.csv"
    food = next(line.split(",")[0] for line in vocabulary.read_text("utf-8").splitlines() if line.endswith(",Food"))
    (tmp_path / "labels.csv").write_text(f"id,labels\nAAAAAAAAAAA,{food}\nBBBBBBBBBBB,{food}\n")
    form = data.form("import", "youtube8m")
    fill(form, records=[tmp_path / "labels.csv"], vocabulary=vocabulary, videos=tmp_path / "videos")
    fill(form, language="any", least_speech=0.0)
    data.until(lambda: form.rows()["vocabulary"].says.text().startswith("Knows all"))
    data.do("import", form.start.click)
    assert [(video.corpus, video.corpus_id) for video in data.project.store.videos()] == [("youtube8m", "AAAAAAAAAAA")]
    assert data.view.page() == "skipped"  # one id has no file
    assert "Imported 1 video. 1 was not found." in data.view.notice.text()


@pytest.mark.parametrize(
    ("verb", "variant", "told"),
    [("detect", "clip", "CLIP's packages are not installed"), ("transcribe", "faster-whisper", "is not installed")],
)
def test_where_an_extra_is_missing_its_form_says_which_command_brings_it(
    data: Data, monkeypatch: pytest.MonkeyPatch, verb: str, variant: str, told: str
) -> None:
    monkeypatch.setattr(food_auto, "CLIP_PACKAGES", ("a_package_that_is_not_here",))
    monkeypatch.setattr(speech_auto, "has_whisper", lambda: False)
    form = data.form(verb, variant)
    assert form.warning.isVisible()
    assert told in form.warning.text() and "install" in form.warning.text()
