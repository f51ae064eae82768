"""The Data workspace with real verbs in real child processes on generated videos."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from annotator.jobs.queue import JobQueue
from annotator.project import Project, VideoState
from annotator.views.data import values
from annotator.views.data.fields import Wish
from annotator.views.data.presenter import DataPresenter
from annotator.views.data.verb_form import VerbForm
from annotator.views.data.workspace import DataWorkspace
from annotator.views.runs.values import Rate
from annotator.views.work import Work
from davenet import events
from davenet.clips import open_clip
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from tests.annotator.project_maker import make_video_record
from tests.media_maker import make_video

LONG_MS = 200_000  # only a bound: a child at low priority can starve beside other work


class Data:
    def __init__(self, project: Project, qtbot: QtBot) -> None:
        self.project, self.qtbot = project, qtbot
        self.queue = JobQueue()
        self.work = Work(project, self.queue)
        self.view = DataWorkspace()
        self.view.resize(1280, 720)
        self.view.show()
        self.presenter = DataPresenter(self.view, self.work)
        self.changed: list[str] = []
        self.presenter.project_changed.connect(self.changed.append)
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(self.presenter.is_idle, timeout=LONG_MS)

    def form(self, verb: str, variant: str = "") -> VerbForm:
        """Opens a verb's form and chooses a way to do it."""
        self.view.options_requested.emit(verb)
        self.until(lambda: self.view.page() == "form" and self.view.form.form().verb == verb)
        if variant:
            self.view.form.choose(variant)
        self.view.form.rows()  # all of them: they are made a few at a time
        return self.view.form

    def until(self, true: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(true, timeout=LONG_MS)

    def do(self, verb: str, start: Callable[[], None]) -> None:
        """Starts a verb and waits until its result is in the project and on the page."""
        n = self.changed.count(verb)
        start()
        self.until(lambda: self.changed.count(verb) > n and not self.view.running_cards())
        self.settle()

    def texts(self, row: int) -> list[str]:
        return [cell.text for cell in self.view.table.rows()[row].cells]

    def next_step(self) -> list[str]:
        return [verb for verb, card in self.view.cards.items() if card.button.property("role") == "primary"]


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    make_video(folder / "soup.mp4", seconds=6, frame_rate=10, size=(96, 64))
    make_video(folder / "cake.mp4", seconds=4, frame_rate=10, size=(96, 64))
    (folder / "broken.mp4").write_text("not a video")
    return folder


@pytest.fixture
def data(tmp_path: Path, qtbot: QtBot) -> Iterator[Data]:
    project = Project.create(tmp_path / "project")
    made = Data(project, qtbot)
    yield made
    made.presenter.close()
    made.work.close()
    made.queue.close()
    made.view.close()
    made.view.deleteLater()
    project.close()


def test_an_empty_project_says_what_to_do_first(data: Data) -> None:
    assert data.view.empty.isVisible()
    assert data.next_step() == ["import"]
    assert not data.view.cards["extract"].button.isEnabled()
    assert data.view.cards["extract"].button.toolTip() == "Import videos first"


def test_a_person_without_a_terminal_goes_from_videos_to_pairs(data: Data, videos: Path, tmp_path: Path) -> None:
    form = data.form("import")
    assert not form.start.isEnabled()
    form.rows()["paths"].input.setText(str(videos))
    data.do("import", form.start.click)
    assert data.view.page() == "list"
    assert data.view.count.text() == "2 videos"
    assert [row[0] for row in map(data.texts, range(2))] == ["cake", "soup"]
    assert data.view.notice.text() == "Imported 2 videos. 1 could not be used: see Skipped."
    assert data.view.skipped.shown_text() == "Skipped 1"
    assert data.next_step() == ["extract"]

    data.do("extract", data.view.cards["extract"].button.click)
    assert data.view.cards["extract"].says.text() == "2 of 2 videos"
    assert data.next_step() == ["transcribe"]

    for video in data.project.store.videos():
        words = (Word("onion", 1.0, 1.5, 0.9), Word("butter", 2.0, 2.4, 0.8))
        transcript = Transcript(video.uid, "pocketsphinx", "5", video.source_hash, words)
        write_transcript(transcript_path(data.project.labels_dir, video.uid, "pocketsphinx"), transcript)
    data.presenter.refresh()
    data.settle()
    assert data.next_step() == ["detect"]

    lines = [
        {"video": name, "time": float(t), "food": 0.9, "top": [["onion", 0.8], ["egg", 0.1]]}
        for name in ("soup", "cake")
        for t in range(4)
    ]
    file = tmp_path / "seen.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    form = data.form("detect", "import")
    form.rows()["source"].input.setText(str(file))
    data.do("detect", form.start.click)
    assert data.view.page() == "list"
    assert data.next_step() == ["mine"]

    data.do("mine", data.view.cards["mine"].button.click)
    assert data.next_step() == []
    assert sum(state.n_food_pairs for state in data.project.video_states()) == 8
    assert data.texts(1)[-1] == "4"
    assert "8 food and 0 non-food pairs, 8 of them new" in data.view.notice.text()

    data.view.table.row_opened.emit(data.project.find_video("soup").uid)
    data.settle()
    assert data.view.page() == "video"
    assert data.view.title.text().replace("\u200b", "") == "soup"
    facts = dict(data.view.facts.rows())
    assert facts["length"] == "0:06"
    assert facts["words"] == "2 by pocketsphinx"
    page = data.view.video
    assert page.strip.frame_under(page.axis.x_of(2.0)) is not None
    assert [span.text for span in page.pairs.spans()] == ["onion"] * 4
    assert page.details().matched == {0}


def test_the_keys_open_forms_and_start_the_steps(data: Data, videos: Path) -> None:
    data.view.setFocus()
    data.qtbot.keyClick(data.view, Qt.Key.Key_I)
    data.until(lambda: data.view.page() == "form")
    paths = data.view.form.rows()["paths"].input
    assert paths.hasFocus()
    data.qtbot.keyClicks(paths, str(videos / "soup.mp4"))  # its letters are keys of steps elsewhere
    data.do("import", lambda: data.qtbot.keyClick(paths, Qt.Key.Key_Return))
    data.do("extract", lambda: data.qtbot.keyClick(data.view, Qt.Key.Key_X))
    assert data.view.cards["extract"].says.text() == "1 of 1 videos"
    data.qtbot.keyClick(data.view, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    data.until(lambda: data.view.page() == "form")
    data.qtbot.keyClick(data.view.form, Qt.Key.Key_Escape)
    assert data.view.page() == "list"


def test_cancel_stops_a_step_and_keeps_what_is_done(data: Data, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    first = make_video(folder / "video-0.mp4", seconds=30, frame_rate=25, size=(320, 180))
    for number in range(1, 40):
        (folder / f"video-{number}.mp4").write_bytes(first.read_bytes() + bytes([number]))
    data.do("import", lambda: data.presenter.import_paths([folder]))
    data.view.cards["extract"].button.click()
    data.until(lambda: any(state.is_extracted for state in data.project.video_states()))
    assert data.view.cards["extract"].button.text() == "Cancel"
    data.view.cards["extract"].button.click()
    data.until(lambda: not data.view.running_cards())
    data.settle()
    done = sum(state.is_extracted for state in data.project.video_states())
    assert 0 < done < len(data.project.store.videos())
    assert data.view.notice.text().startswith("Cancelled")
    assert data.view.cards["extract"].button.text() == "Extract"


def test_what_cannot_be_planned_is_told_in_place(data: Data, tmp_path: Path) -> None:
    data.presenter.import_paths([tmp_path / "nowhere"])
    data.until(lambda: data.view.notice.isVisible())
    assert "nowhere does not exist" in data.view.notice.text()
    data.presenter.start("extract")
    data.until(lambda: "import some first" in data.view.notice.text())
    form = data.form("detect", "auto")
    form.start.click()
    data.until(lambda: "no videos" in form.says.text())
    assert data.view.page() == "form"
    assert form.says.property("role") == "field-bad"


def test_a_video_that_went_away_is_told_with_what_to_do(data: Data, videos: Path) -> None:
    data.do("import", lambda: data.presenter.import_paths([videos / "soup.mp4"]))
    (videos / "soup.mp4").unlink()
    data.presenter.refresh()
    data.settle()
    assert data.view.table.rows()[0].cells[0].second.startswith("not found at")
    assert "import it from where it is now" in data.view.problem.text().replace("\u200b", "")


def test_what_was_skipped_is_told_with_its_remedy_and_tried_again(data: Data, videos: Path) -> None:
    data.do("import", lambda: data.presenter.import_paths([videos]))
    data.view.skipped.click()
    data.settle()
    assert data.view.page() == "skipped"
    (row,) = data.view.skips.table.rows()
    assert row.cells[0].text == "broken.mp4"
    assert row.cells[1].text == "import"
    assert str(videos) not in row.cells[2].text and "is not a video" in row.cells[2].text
    assert row.cells[2].second.startswith("Choose a file such as MP4")
    make_video(videos / "broken.mp4", seconds=2, frame_rate=10, size=(96, 64))
    data.do("import", data.view.skips.again.click)
    assert len(data.project.store.videos()) == 3
    assert data.view.skips.table.rows() == ()
    assert not data.view.skipped.isVisible()


def test_settings_stay_with_their_step_and_are_marked(data: Data, videos: Path) -> None:
    data.do("import", lambda: data.presenter.import_paths([videos / "soup.mp4"]))
    form = data.form("extract")
    form.rows()["frame_rate"].input.setText("2")
    assert form.rows()["frame_rate"].label.is_changed()
    data.do("extract", form.start.click)
    assert data.view.cards["extract"].options.is_marked()
    uid = data.project.store.videos()[0].uid
    assert len(open_clip(data.project.clip_path(uid)).frame_times_s) == 12
    form = data.form("extract")
    assert form.wish() == Wish("extract", "extract", (("frame_rate", 2.0),))
    form.restore.click()
    assert form.wish() == Wish("extract", "extract", ())


def test_settings_are_there_in_the_next_session_until_the_defaults_are_brought_back(
    data: Data, videos: Path, qtbot: QtBot
) -> None:
    data.do("import", lambda: data.presenter.import_paths([videos / "soup.mp4"]))
    form = data.form("extract")
    form.rows()["frame_rate"].input.setText("2")
    data.do("extract", form.start.click)
    later = Data(data.project, qtbot)
    try:
        assert later.view.cards["extract"].options.is_marked()
        form = later.form("extract")
        assert form.rows()["frame_rate"].text() == "2"
        form.restore.click()
        later.settle()
        assert not later.view.cards["extract"].options.is_marked()
        assert "extract" not in data.project.store.setting("forms")
    finally:
        later.presenter.close()
        later.work.close()
        later.queue.close()
        later.view.close()
        later.view.deleteLater()


def test_a_filter_keeps_what_is_asked_for(data: Data, videos: Path) -> None:
    data.do("import", lambda: data.presenter.import_paths([videos / "soup.mp4", videos / "cake.mp4"]))
    data.project.store.set_split(data.project.find_video("soup").uid, "validation")
    data.project.store.set_split(data.project.find_video("cake").uid, "train")
    data.presenter.refresh()
    data.settle()
    bar = data.view.filter
    bar.splits["validation"].click()
    assert [row.cells[0].text for row in data.view.table.rows()] == ["soup"]
    assert bar.shown.text() == "1 shown"
    bar.text.setText("CAKE")
    data.until(lambda: data.view.none_left.isVisible())
    bar.clear()
    bar.text.setText("cake")
    data.until(lambda: [row.cells[0].text for row in data.view.table.rows()] == ["cake"])
    form = data.form("extract")
    form.rows()["videos"].set_value("shown")
    data.do("extract", form.start.click)
    assert [state.is_extracted for state in data.project.video_states()] == [True, False]


def test_the_next_step_is_the_first_that_lacks_something() -> None:
    def state(**values_: object) -> VideoState:
        blank = VideoState(replace(make_video_record(1), sound_rate=48_000), True, False, (), (), 0, 0)
        return replace(blank, **values_)  # type: ignore[arg-type]

    def upcoming(*states: VideoState) -> list[str]:
        return [step.verb for step in values.step_states(states) if step.is_next]

    extracted = state(is_extracted=True)
    spoken = replace(extracted, recognisers=("pocketsphinx",))
    detected = replace(spoken, detectors=("simulated",))
    mined = replace(detected, n_food_pairs=3)
    assert upcoming() == ["import"]
    assert upcoming(state(), extracted) == ["extract"]
    assert upcoming(extracted, spoken) == ["transcribe"]
    assert upcoming(spoken, spoken) == ["detect"]
    assert upcoming(detected, spoken) == ["mine"]
    assert upcoming(mined) == []
    assert upcoming(state(is_present=False)) == []


def test_a_jobs_pace_says_how_far_how_fast_and_how_long() -> None:
    rate = Rate()
    rate.add(0, 0.0)
    rate.add(3, 2.0)
    assert values.pace_texts(events.Progress(3, 12, "videos"), rate) == ("3 of 12 videos", "1.5 videos/s · 6 s left")
    assert values.pace_texts(None, Rate()) == ("starting", "")
    assert values.pace_texts(events.Progress(3, None, "files"), Rate()) == ("3 files", "")
    assert values.size_text(14_230_000) == "14.2 MB"
