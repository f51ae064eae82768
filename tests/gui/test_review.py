"""The Review workspace on a real project: real keys, a real database, clip files and a video that plays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import CLASSES, DURATION, ME, Desk, add_video, food_pairs, label, soup_project

from annotator.project import Project
from annotator.store.records import PairRecord
from annotator.views import theme
from annotator.views.review.progress import time_left
from annotator.views.review.question_panel import detector_head, said_text
from annotator.views.review.queue_model import QueueModel
from annotator.views.review.queue_panel import QueuePanel
from annotator.views.review.scene import matched_words, read_scene, read_thumbnails, segment_of, span_of
from davenet.labels.words import Word
from davenet.pairs import WeakLabel


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "settings"))
    with soup_project(tmp_path) as made:
        yield made


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Desk]:
    theme.apply_theme(qapp, "dark")
    made = Desk(qtbot, project)
    yield made
    made.close()


def test_the_first_pair_is_asked_with_its_class_and_the_detectors_name(desk: Desk) -> None:
    question = desk.workspace.question
    assert question.question() == "Is onion seen and said?"
    assert question.shown_detector() == "Simulated detector, food 0.98"
    assert desk.listed() == list(CLASSES)
    placed = {desk.workspace.axis.placed_words()[0].text: desk.workspace.axis.placed_words()[0].index}
    assert placed == {"onion": 0}


def test_each_key_keeps_its_verdict_on_the_disk_before_the_next_pair_shows(desk: Desk) -> None:
    shown_when_kept: list[str] = []
    give = desk.project.store.give_verdict

    def watched(*args: object, **options: object) -> object:
        kept = give(*args, **options)  # type: ignore[arg-type]
        shown_when_kept.append(desk.asked)
        return kept

    desk.project.store.give_verdict = watched  # type: ignore[method-assign]
    desk.press(Qt.Key.Key_A, Qt.Key.Key_X, Qt.Key.Key_U, Qt.Key.Key_S)
    assert shown_when_kept == ["onion", "garlic", "butter", "egg"]
    assert desk.asked == "pepper"
    kept = {one.label: one for one in Project.open(desk.project.path).store.verdicts()}
    assert {name: one.decision for name, one in kept.items()} == {
        "onion": "accept",
        "garlic": "reject",
        "butter": "unsure",
        "egg": "skip",
    }
    assert kept["onion"].reviewer == ME and kept["onion"].window_s == 2.0 and kept["onion"].seconds >= 0
    counts = desk.presenter.counts
    assert (counts.pending, counts.skipped, counts.done, counts.total) == (2, 1, 3, 6)
    assert counts == desk.project.store.counts(ME)


def test_the_number_keys_and_the_buttons_decide_as_well(desk: Desk) -> None:
    desk.press(Qt.Key.Key_1, Qt.Key.Key_0)
    desk.qtbot.mouseClick(desk.workspace.verdicts.buttons["unsure"], Qt.MouseButton.LeftButton)
    desk.settle()
    decisions = [one.decision for one in desk.project.store.verdicts()]
    assert decisions == ["accept", "reject", "unsure"]
    assert [one.decision for one in desk.workspace.question.verdict_lines()] == ["unsure", "reject", "accept"]
    assert "accepted 50.0\u202f% (9.5–90.5)" in desk.workspace.verdicts.progress.accessibleName()


def test_undo_goes_back_to_the_pair_and_redo_gives_the_verdict_again(desk: Desk) -> None:
    desk.press(Qt.Key.Key_A, Qt.Key.Key_X)
    desk.press(Qt.Key.Key_Backspace)
    assert desk.asked == "garlic"
    assert [one.label for one in desk.project.store.verdicts()] == ["onion"]
    desk.press(Qt.Key.Key_Z, modifiers=Qt.KeyboardModifier.ControlModifier)
    assert desk.asked == "onion"
    assert desk.listed() == list(CLASSES)
    assert desk.presenter.counts == desk.project.store.counts(ME)
    redo = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    desk.press(Qt.Key.Key_Z, modifiers=redo)
    desk.press(Qt.Key.Key_Z, modifiers=redo)
    assert desk.asked == "butter"
    assert {one.label: one.decision for one in desk.project.store.verdicts()} == {"onion": "accept", "garlic": "reject"}
    assert desk.presenter.counts == desk.project.store.counts(ME)


def test_a_queue_of_two_hundred_thousand_reads_only_what_is_in_view(qtbot: QtBot, qapp: QApplication) -> None:
    model = QueueModel()
    panel = QueuePanel(model)
    qtbot.addWidget(panel)
    asked: list[str] = []
    model.records_wanted.connect(asked.extend)
    model.set_uids([f"{number:06d}" for number in range(200_000)])
    panel.resize(264, 700)
    panel.show()
    qtbot.waitUntil(lambda: bool(asked))
    for uid in ("000000", "000001", "150000"):
        assert model.remove(uid) is not None
    assert model.row_of("000002") == 0 and model.row_of("150001") == 149_998 and model.row_of("150000") is None
    model.insert(5, "150000")
    assert model.row_of("150000") == 5 and model.row_of("199999") == 199_997
    panel.set_current("199999")
    qtbot.waitUntil(lambda: "199999" in asked)
    assert len(asked) < 500


def test_undo_with_nothing_to_undo_says_so_and_changes_nothing(desk: Desk) -> None:
    desk.press(Qt.Key.Key_Backspace)
    assert desk.workspace.notice.text() == "There is no verdict to undo."
    assert desk.asked == "onion"


def test_the_keys_are_dead_while_typing_in_a_field(desk: Desk) -> None:
    desk.press(Qt.Key.Key_Slash)
    field = desk.workspace.queue.filter
    assert field.hasFocus()
    desk.qtbot.keyClicks(field, "axu 10")
    desk.qtbot.keyClick(field, Qt.Key.Key_Backspace)
    desk.qtbot.keyClick(field, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert desk.project.store.verdicts() == []
    desk.qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "" and not field.hasFocus()
    desk.press(Qt.Key.Key_A)
    assert len(desk.project.store.verdicts()) == 1


def test_the_filter_shows_only_what_matches_and_says_so_when_nothing_does(desk: Desk) -> None:
    desk.workspace.queue.filter.setText("gar")
    desk.qtbot.waitUntil(lambda: desk.listed() == ["garlic"])
    desk.settle()
    assert desk.asked == "garlic"
    desk.workspace.queue.filter.setText("no such food")
    desk.qtbot.waitUntil(lambda: not desk.workspace.is_pair_shown())
    assert desk.workspace.empty.title() == "Nothing matches the filter"
    desk.workspace.empty.action_requested.emit()
    desk.qtbot.waitUntil(lambda: len(desk.listed()) == len(CLASSES))


def test_skipped_and_done_pairs_can_be_listed_and_decided_again(desk: Desk) -> None:
    desk.press(Qt.Key.Key_S, Qt.Key.Key_A)
    desk.presenter.set_state("skipped")
    desk.settle()
    assert desk.listed() == ["onion"] and desk.asked == "onion"
    desk.press(Qt.Key.Key_X)
    assert desk.workspace.empty.title() == "Nothing is skipped"
    desk.presenter.set_state("done")
    desk.settle()
    assert sorted(desk.listed()) == ["garlic", "onion"]
    desk.presenter.show_pair(desk.workspace.model.uids()[0])
    desk.press(Qt.Key.Key_U)
    assert desk.presenter.counts == desk.project.store.counts(ME)
    assert desk.presenter.counts.unsure == 1


def test_the_next_and_previous_keys_move_without_deciding(desk: Desk) -> None:
    desk.press(Qt.Key.Key_J, Qt.Key.Key_J, Qt.Key.Key_K)
    assert desk.asked == "garlic"
    assert desk.project.store.verdicts() == []


def test_the_window_key_widens_the_sound_and_the_verdict_remembers_it(desk: Desk) -> None:
    desk.press(Qt.Key.Key_W)
    desk.press(Qt.Key.Key_A)
    desk.press(Qt.Key.Key_A)
    assert [one.window_s for one in desk.project.store.verdicts()] == [20.0, 2.0]


def test_a_segment_is_played_once_and_then_its_frame_is_shown(desk: Desk) -> None:
    pair = desk.presenter.current
    assert pair is not None
    desk.qtbot.waitUntil(lambda: desk.player.state == "playing" or desk.player.time_s == pair.time_s)
    desk.qtbot.waitUntil(lambda: desk.player.state == "paused", timeout=20_000)
    assert desk.player.time_s == pytest.approx(pair.time_s)
    assert desk.workspace.axis.now() == pytest.approx(pair.time_s)


def test_when_all_is_done_it_says_so_and_points_to_runs(desk: Desk) -> None:
    desk.press(*[Qt.Key.Key_A] * len(CLASSES))
    assert desk.workspace.empty.title() == "All pairs are reviewed"
    with desk.qtbot.waitSignal(desk.presenter.runs_requested):
        desk.workspace.empty.action_requested.emit()
    desk.press(Qt.Key.Key_A)  # there is nothing to decide on
    assert len(desk.project.store.verdicts()) == len(CLASSES)
    desk.press(Qt.Key.Key_Backspace)
    assert desk.workspace.is_pair_shown() and desk.asked == "leek"


def test_another_reviewer_goes_on_where_the_first_one_stopped(desk: Desk) -> None:
    desk.press(Qt.Key.Key_A, Qt.Key.Key_S)
    desk.workspace.question.reviewer_changed.emit("grace")
    desk.settle()
    assert desk.listed() == list(CLASSES[1:])  # what is decided is asked of nobody else, what was skipped is
    assert desk.project.reviewer == "grace"


def test_a_missing_video_leaves_the_extracted_frame_and_a_clear_notice(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path
) -> None:
    with Project.create(tmp_path / "project") as project:
        add_video(project, "gone", tmp_path, is_there=False)
        project.store.put_pairs(food_pairs("gone"), {}, detectors={"gone": "simulated"})
        desk = Desk(qtbot, project)
        qtbot.waitUntil(lambda: "gone.mp4" in desk.workspace.notice.text())
        assert "The extracted frame is shown" in desk.workspace.notice.text()
        assert not desk.workspace.stage.frame_rect().isEmpty()
        desk.press(Qt.Key.Key_A)
        assert len(project.store.verdicts()) == 1
        desk.close()


def test_a_project_without_pairs_sends_to_data(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        desk = Desk(qtbot, project)
        assert desk.workspace.empty.title() == "No pairs to review yet"
        with qtbot.waitSignal(desk.presenter.data_requested):
            desk.workspace.empty.action_requested.emit()
        desk.close()


def test_a_scene_has_the_frame_the_words_and_the_detections_of_its_second(project: Project) -> None:
    pair = project.store.queue("pending", reviewer=ME)[2]
    video = project.store.video("soup")
    scene = read_scene(pair, video, project.clip_path("soup"), project.labels_dir)
    assert scene.frame_rgb is not None and abs(int(scene.frame_rgb.mean()) - 60) <= 2  # second 3 of the clip
    assert [scene.words[index].word for index in scene.matched] == ["butter"]
    assert scene.detection is not None and scene.detection.time == 3.0
    assert len(scene.envelope) == len(scene.log_mel) == round(DURATION * 100)
    assert [uid for uid, _ in read_thumbnails([pair], project.clip_path)] == [pair.uid]


def test_a_damaged_clip_file_leaves_the_rest_of_the_scene(project: Project) -> None:
    project.clip_path("soup").write_bytes(b"not a clip file")
    pair = project.store.queue("pending", reviewer=ME)[0]
    scene = read_scene(pair, project.store.video("soup"), project.clip_path("soup"), project.labels_dir)
    assert scene.frame_rgb is None and "soup" in scene.notice
    assert scene.matched and scene.detection is not None
    assert read_thumbnails([pair], project.clip_path) == []


def record(time_s: float, *labels: WeakLabel) -> PairRecord:
    return PairRecord(
        "p", "v", "Soup", time_s, 2.0, "food", labels, 0.9, 0.0, True, 0, "simulated", "", 1, "pending", None
    )


def test_the_span_stays_inside_the_video_and_the_segment_is_cut_at_its_ends() -> None:
    assert span_of(record(30), 100) == (19, 41)
    assert span_of(record(2), 100) == (0, 22)
    assert span_of(record(99), 100) == (78, 100)
    assert span_of(record(2), 6.5) == (0, 6.5)
    assert segment_of(record(0.5), 2.0, 100) == (0, 1.5)
    assert segment_of(record(99.5), 20.0, 100) == (89.5, 100)


def test_when_the_word_was_said_is_told_from_the_frame() -> None:
    assert said_text(label("onion", 8.2), 10.0) == "said 1.4 s before the frame, confidence\u00a00.87"
    assert said_text(label("onion", 12.0), 10.0) == "said 2.0 s after the frame, confidence\u00a00.87"
    assert said_text(label("onion", 9.9), 10.0) == "said at the frame, confidence\u00a00.87"


def test_a_simulated_detector_is_called_simulated() -> None:
    assert detector_head("simulated", 0.98) == "Simulated detector, food 0.98"
    assert detector_head("onnx:object_labeler", None) == "Detector object_labeler"


def test_only_the_words_that_a_label_was_found_in_are_lit() -> None:
    words = [Word("red", 1.0, 1.3, 1), Word("onion", 1.3, 1.8, 1), Word("and", 1.8, 2.0, 1)]
    assert matched_words(words, [WeakLabel("red onion", 0.9, 1, "red onion", 1.0, 1.8, 1.0)]) == (0, 1)


@pytest.mark.parametrize(
    ("pending", "pace", "text"),
    [
        (0, 3.0, "all done"),
        (9, None, "9 left"),
        (10, 3.0, "30 s left"),
        (222, 3.8, "14 min left"),
        (9000, 3.0, "7.5 h left"),
    ],
)
def test_the_time_left_reads_as_a_person_would_say_it(pending: int, pace: float | None, text: str) -> None:
    assert time_left(pending, pace) == text
