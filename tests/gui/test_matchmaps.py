"""The Matchmaps workspace over a real project, a real player, and maps that lie in its cache; no job is needed for them."""

import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numbered_video import N_FRAMES, RATE, number_in, write_video
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QComboBox, QLineEdit, QScrollBar
from pytestqt.qtbot import QtBot
from test_player import Silent

from annotator import verbs
from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views.matchmaps import sources
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.similarity_strip import unbroken
from annotator.views.matchmaps.sources import following_range, sound_peaks, words_here
from annotator.views.matchmaps.stages import Stages
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.widgets.stage import Stage
from davenet.files import content_hash
from davenet.jobs import run_job
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.live import FOLDER, STRETCH_S, LiveMaps, Mode, stretch_path, write_arrays
from davenet.look import WHOLE, Look, letterbox_crop, overlay, painted

DURATION = N_FRAMES / RATE
CROP = (0.25, 0.1, 0.75, 0.9)
AROUND = Mode("around", "mean", 2.0)
SHIPPED = Path(__file__).resolve().parents[2] / "resources" / "checkpoint" / "kitchen-small.safetensors"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for name, n_frames in (("first", N_FRAMES), ("second", N_FRAMES + 5)):
        write_video(folder / f"{name}.mp4", times=[n / RATE for n in range(n_frames)])
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as project:
        yield project


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint that comes with the app, in a place of the test's own."""
    path = tmp_path / "demo.safetensors"
    shutil.copy(SHIPPED, path)
    monkeypatch.setattr(sources, "DEMO_CHECKPOINT", path)
    return path


@pytest.fixture
def opened(qtbot: QtBot) -> Iterator[Callable[[Project], tuple[MatchmapsWorkspace, MatchmapsPresenter, Player]]]:
    closing: list[Callable[[], None]] = []

    def open_workspace(project: Project) -> tuple[MatchmapsWorkspace, MatchmapsPresenter, Player]:
        workspace, player, jobs = MatchmapsWorkspace(), Player(sound=Silent), JobQueue()
        qtbot.addWidget(workspace)
        presenter = MatchmapsPresenter(workspace, project, player, jobs)
        closing.extend((presenter.shutdown, player.shutdown, jobs.close))
        workspace.resize(1280, 720)
        workspace.show()
        return workspace, presenter, player

    yield open_workspace
    for close in closing:
        close()


def import_videos(project: Project, media: Path) -> list[str]:
    spec = verbs.plan_import(project, [media])
    verbs.collect_import(project, spec, run_job(spec, lambda event: None).result)
    return [video.uid for video in project.store.videos()]


def write_maps(project: Project, uid: str, checkpoint: Path, mode: Mode = AROUND, *, shift: int = 0) -> LiveMaps:
    """Every stretch of the video: maps with one bright cell that walks along the diagonal, four a second."""
    folder = project.cache_dir / FOLDER / content_hash(checkpoint)
    for stretch in range(math.ceil(DURATION / STRETCH_S)):
        times = np.arange(stretch * STRETCH_S, min((stretch + 1) * STRETCH_S, DURATION), 0.25)
        maps = np.zeros((len(times), 7, 7), np.float16)
        for place, time_s in enumerate(times):
            cell = (round(time_s * 4) + shift) % 7
            maps[place, cell, cell] = 1.0
        write_arrays(stretch_path(folder, mode.key, uid, stretch), {"maps": maps, "times_s": times})
    return LiveMaps(folder, uid, mode, (0.0, 0.0, 1.0, 1.0)).load()


def write_words(project: Project, uid: str) -> None:
    words = (
        Word("take", 0.4, 0.7, 0.9),
        Word("onions", 1.0, 1.5, 0.8),
        Word("and", 2.0, 2.1, 0.9),
        Word("butter", 4.2, 4.8, 0.7),
    )
    write_transcript(transcript_path(project.labels_dir, uid, "test"), Transcript(uid, "test", "1", "hash", words))


def overlay_alpha(stage: Stage) -> np.ndarray:
    """The opacity that a stage's overlay has now."""
    image = stage._overlay
    assert image is not None
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[..., 3].copy()


def brightest_cell(stage: Stage) -> tuple[int, int]:
    alpha = overlay_alpha(stage)
    row, column = np.unravel_index(int(alpha.argmax()), alpha.shape)
    return int(row * 7 / alpha.shape[0]), int(column * 7 / alpha.shape[1])


def maps_are_there(presenter: MatchmapsPresenter) -> Callable[[], bool]:
    return lambda: presenter.watching.first is not None and presenter.watching.first.share >= 1


def test_a_project_without_videos_says_where_to_get_them(
    qtbot: QtBot, project: Project, checkpoint: Path, opened: Any
) -> None:
    workspace, _, _ = opened(project)
    assert not workspace.is_video_shown()
    with qtbot.waitSignal(workspace.workspace_requested) as asked:
        workspace.empty.action_button().click()
    assert asked.args == ["Data"]
    assert not workspace.panel.render_button.isEnabled()


def test_without_a_checkpoint_the_video_plays_and_runs_is_named(
    qtbot: QtBot, project: Project, media: Path, opened: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sources, "DEMO_CHECKPOINT", tmp_path / "none")
    import_videos(project, media)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None)
    with qtbot.waitSignal(workspace.workspace_requested) as asked:
        workspace.maps_bar.action_button().click()
    assert asked.args == ["Runs"]
    workspace.play_toggled.emit()
    qtbot.waitUntil(lambda: player.time_s > 0.3)


def test_the_overlay_is_the_map_of_the_frame_on_screen(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None and maps_are_there(presenter)())
    for index in (0, 3, 9, 20):
        workspace.seek_requested.emit(index * 0.25)
        qtbot.waitUntil(
            lambda index=index: player.frame_time_s == pytest.approx(int(index * 0.25 * RATE + 1e-6) / RATE)
        )
        assert brightest_cell(workspace.stages.first) == (index % 7, index % 7)
        assert (overlay_alpha(workspace.stages.first) == 0).mean() > 0.5
    assert workspace.ready.ready() == (((0.0, math.ceil(DURATION / STRETCH_S) * STRETCH_S),),)


def test_what_lies_in_the_cache_is_shown_without_a_job(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    _, presenter, _ = opened(project)
    qtbot.waitUntil(maps_are_there(presenter))
    assert presenter.watching.first._jobs.jobs == ()


def test_maps_of_other_weights_under_the_same_name_are_never_shown(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: workspace.stages.first._overlay is not None)
    data = bytearray(checkpoint.read_bytes())
    data[-1] ^= 1
    checkpoint.write_bytes(bytes(data))
    presenter.refresh()
    assert workspace.stages.first._overlay is None
    qtbot.waitUntil(lambda: presenter.watching.first.maps is not None)
    assert presenter.watching.first.map_at(0.0) is None and player.frame is not None


def test_another_mode_or_video_takes_the_old_map_away_at_once(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    first, second = import_videos(project, media)
    write_maps(project, first, checkpoint)
    write_maps(project, first, checkpoint, Mode("moment"), shift=3)
    write_maps(project, second, checkpoint, Mode("moment"), shift=5)
    workspace, presenter, _ = opened(project)
    qtbot.waitUntil(lambda: workspace.stages.first._overlay is not None)
    assert brightest_cell(workspace.stages.first) == (0, 0)
    workspace.controls.sound.modes["moment"].click()
    assert workspace.stages.first._overlay is None
    qtbot.waitUntil(lambda: workspace.stages.first._overlay is not None)
    assert brightest_cell(workspace.stages.first) == (3, 3)
    assert workspace.controls.sound.lit() == "moment"
    presenter.show_video(second)
    assert workspace.stages.first._overlay is None
    qtbot.waitUntil(lambda: workspace.stages.first._overlay is not None)
    assert brightest_cell(workspace.stages.first) == (5, 5)


def test_two_checkpoints_show_side_by_side_with_their_difference(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    other = tmp_path / "other.safetensors"
    data = bytearray(checkpoint.read_bytes())
    data[-1] ^= 1
    other.write_bytes(bytes(data))
    find = sources.find_checkpoints
    monkeypatch.setattr(
        sources, "find_checkpoints", lambda project: [*find(project), sources._checkpoint(project, "run 7", other)]
    )
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    write_maps(project, uid, other, shift=2)
    workspace, _, _ = opened(project)
    stages, panel = workspace.stages, workspace.panel
    assert stages.in_view() == [stages.first]
    panel.second_chosen.emit(str(other))
    panel.difference.click()
    assert stages.in_view() == [stages.first, stages.second, stages.change]
    qtbot.waitUntil(lambda: stages.change._overlay is not None)
    assert brightest_cell(stages.first) == (0, 0)
    assert brightest_cell(stages.second) == (2, 2)
    image = stages.change._overlay.copy()
    side = image.width() / 7
    less, more = (image.pixelColor(int((cell + 0.5) * side), int((cell + 0.5) * side)) for cell in (0, 2))
    assert less.blue() > less.red() and more.red() > more.blue()
    assert less.alpha() > 100 and more.alpha() > 100
    assert len(workspace.ready.ready()) == 2 and panel.legend.isVisible()
    panel.second_chosen.emit("")
    assert stages.in_view() == [stages.first] and not panel.legend.isVisible()


def test_keys_play_move_and_change_the_overlay(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.state == "paused" and maps_are_there(presenter)())
    qtbot.waitExposed(workspace)
    workspace.activateWindow()
    qtbot.waitUntil(workspace.isActiveWindow)

    def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(workspace, key, modifier)

    press(Qt.Key.Key_Right)
    assert player.time_s == 1.0
    press(Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert player.time_s == pytest.approx(DURATION)
    press(Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert player.time_s == pytest.approx(DURATION - 5)
    qtbot.waitUntil(lambda: player.frame_time_s == pytest.approx(DURATION - 5))
    press(Qt.Key.Key_Period)
    qtbot.waitUntil(lambda: player.frame is not None and number_in(player.frame) == N_FRAMES - 5 * RATE + 1)
    press(Qt.Key.Key_Comma)
    qtbot.waitUntil(lambda: player.frame is not None and number_in(player.frame) == N_FRAMES - 5 * RATE)
    before = workspace.controls.look.look
    press(Qt.Key.Key_Equal)
    press(Qt.Key.Key_BracketRight)
    press(Qt.Key.Key_V)
    look = workspace.controls.look.look
    assert look.alpha == pytest.approx(before.alpha + 0.05)
    assert look.threshold == pytest.approx(before.threshold + 0.05)
    assert look.colour_map != before.colour_map
    press(Qt.Key.Key_M)
    assert workspace.stages.first._overlay is None
    press(Qt.Key.Key_M)
    assert workspace.stages.first._overlay is not None
    press(Qt.Key.Key_Space)
    assert player.state == "playing"
    press(Qt.Key.Key_Space)
    assert player.state == "paused"


def test_a_slider_with_the_focus_keeps_its_arrow_keys(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.state == "paused" and maps_are_there(presenter)())
    workspace.activateWindow()
    slider = workspace.controls.look.alpha._slider
    slider.setFocus()
    qtbot.waitUntil(slider.hasFocus)
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 61
    assert player.time_s == 0.0


def test_a_word_is_chosen_in_the_lane_or_beside_and_let_go_again(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    write_maps(project, uid, checkpoint, Mode("span", video_uid=uid, start_s=4.2, end_s=4.8), shift=4)
    write_words(project, uid)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: [pill.text() for pill in workspace.panel.pills()] == ["onions", "butter"])
    qtbot.waitUntil(lambda: workspace.stages.first._overlay is not None)
    workspace.panel.pills()[1].click()
    assert presenter.asking.choice.mode == Mode("span", video_uid=uid, start_s=4.2, end_s=4.8)
    assert workspace.controls.sound.lit() == "word" and player.time_s == 0.0
    assert [pill.isChecked() for pill in workspace.panel.pills()] == [False, True]
    qtbot.waitUntil(lambda: workspace.stages.first._overlay is not None)
    assert brightest_cell(workspace.stages.first) == (4, 4)
    workspace.word_clicked.emit(3)
    assert presenter.asking.choice.mode == AROUND
    workspace.word_moved.emit(1)
    assert presenter.asking.choice.text == "take"
    workspace.word_moved.emit(1)
    assert presenter.asking.choice.text == "onions"


def test_a_part_is_chosen_by_dragging_or_by_two_keys_and_gone_with_the_video(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid, second = import_videos(project, media)
    write_maps(project, uid, checkpoint)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.state == "paused")
    workspace.axis.part_selected.emit(1.0, 2.5)
    assert presenter.asking.choice.mode == Mode("span", video_uid=uid, start_s=1.0, end_s=2.5)
    assert workspace.axis.selection() == (1.0, 2.5) and workspace.controls.sound.lit() == "span"
    workspace.seek_requested.emit(3.0)
    workspace.span_marked.emit("from")
    workspace.seek_requested.emit(2.0)
    workspace.span_marked.emit("to")
    assert (presenter.asking.choice.start_s, presenter.asking.choice.end_s) == (2.0, 3.0)
    presenter.show_video(second)
    assert presenter.asking.choice.mode == AROUND and workspace.axis.selection() is None


def test_a_video_is_found_again_where_it_was_left(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    first, second = import_videos(project, media)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.state == "paused")
    workspace.seek_requested.emit(3.0)
    workspace.panel.video_chosen.emit(second)
    qtbot.waitUntil(lambda: player.state == "paused")
    assert player.time_s == 0.0
    presenter.show_video(first)
    qtbot.waitUntil(lambda: player.frame is not None and number_in(player.frame) == 3 * RATE)
    assert player.time_s == 3.0


def test_a_player_that_another_workspace_uses_is_left_alone(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    import_videos(project, media)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None)
    workspace.seek_requested.emit(2.0)
    workspace.play_toggled.emit()
    workspace.hide()
    assert player.state == "paused"
    player.open(media / "second.mp4", DURATION)
    qtbot.waitUntil(lambda: player.state == "paused")
    player.seek(5.0)
    workspace.seek_requested.emit(1.0)
    assert player.time_s == 5.0
    workspace.show()
    qtbot.waitUntil(lambda: player.path == media / "first.mp4" and player.frame is not None)
    assert player.time_s == pytest.approx(2.0, abs=0.5)


def test_a_saved_frame_is_what_the_stage_shows(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    uid = import_videos(project, media)[0]
    maps = write_maps(project, uid, checkpoint)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None and maps_are_there(presenter)())
    workspace.seek_requested.emit(1.0)
    qtbot.waitUntil(lambda: player.frame_time_s == pytest.approx(1.0))
    monkeypatch.setattr(workspace, "ask_path", lambda title, suggested, kind: tmp_path / "frame")
    workspace.panel.save_button.click()
    saved = tmp_path / "frame.png"
    qtbot.waitUntil(saved.exists)
    assert player.frame is not None
    crop = sources.model_config(checkpoint).crop_of(player.frame.shape[1], player.frame.shape[0])
    expected = painted(player.frame, maps.shown(1.0), workspace.controls.look.look, crop)
    assert np.array_equal(cv2.imread(str(saved))[..., ::-1], expected)
    assert (expected != player.frame).any()


def test_keeping_only_what_is_heard_darkens_the_rest_and_the_frame_outside_the_crop() -> None:
    matchmap = np.zeros((4, 4), np.float32)
    matchmap[1:3, 1:3] = 1.0
    look = Look(heard_only=True)
    frame = np.full((100, 200, 3), 200, np.uint8)
    seen = painted(frame, matchmap, look, CROP)
    assert seen[50, 100].min() == 200
    assert seen[50, 10].max() < 60
    assert seen[15, 60].max() < 60
    laid = overlay(matchmap, look, CROP, (200, 100))
    assert laid is not None
    assert laid[1] == (0.0, 0.0, 1.0, 1.0)
    assert overlay(matchmap, Look(is_shown=False), CROP, (200, 100)) is None


def test_a_whole_frame_s_map_is_cut_to_the_frame_and_never_stretched() -> None:
    matchmap = np.zeros((14, 14), np.float32)
    matchmap[0] = 1.0  # above a frame of 2:1, in the black
    matchmap[6:8, 3:5] = 1.0
    crop = letterbox_crop(200, 100)
    assert crop == (0.0, -0.5, 1.0, 1.5)
    seen = painted(np.zeros((100, 200, 3), np.uint8), matchmap, Look(alpha=1.0, threshold=0.5), crop)
    rows, columns = np.nonzero(seen.any(axis=2))
    assert rows.mean() == pytest.approx(50, abs=2)
    assert columns.mean() == pytest.approx(200 * 4 / 14, abs=2)
    laid = overlay(matchmap, Look(), crop, (200, 100))
    assert laid is not None and laid[1] == (0.0, 0.0, 1.0, 1.0) and laid[0].shape[1] == 2 * laid[0].shape[0]


def test_a_contour_runs_where_the_threshold_is_crossed() -> None:
    ramp = np.tile(np.linspace(0, 1, 14, dtype=np.float32), (14, 1))
    seen = painted(np.zeros((140, 140, 3), np.uint8), ramp, Look(alpha=0.0, threshold=0.5, contour=True), WHOLE)
    bright = np.nonzero((seen > 100).all(axis=2))[1]
    assert len(bright) and abs(bright - 69.5).max() <= 3


def test_the_range_turns_a_page_in_play_and_centres_after_a_leap() -> None:
    assert following_range(10.0, (0.0, 20.0), 70.0, 20.0) is None
    assert following_range(19.5, (0.0, 20.0), 70.0, 20.0) == (16.5, 36.5)
    assert following_range(60.0, (0.0, 20.0), 70.0, 20.0) == (50.0, 70.0)
    assert following_range(69.9, (50.0, 70.0), 70.0, 20.0) is None
    assert following_range(5.0, (0.0, 8.0), 8.0, 20.0) is None
    assert following_range(30.0, (50.0, 70.0), 70.0, 20.0) == (20.0, 40.0)


def test_a_word_said_often_leads_to_its_nearest_time() -> None:
    words = [Word("egg", 1.0, 1.4, 1.0), Word("pan", 3.0, 3.4, 1.0), Word("egg", 9.0, 9.4, 1.0)]
    found = words_here(words, [0, 1, 2], (0.0, 20.0), (7.0, 9.2), 8.0)
    assert [(word.text, round(word.time_s, 1), word.is_now) for word in found] == [
        ("egg", 9.2, True),
        ("pan", 3.2, False),
    ]
    assert words_here(words, [0, 1, 2], (4.0, 8.0), (5.0, 7.0), 6.0) == []


def test_peaks_are_the_loudest_sample_of_each_hundredth() -> None:
    sound = np.random.default_rng(0).normal(size=805).astype(np.float32)
    expected = [max(abs(float(v)) for v in sound[start : start + 80]) for start in range(0, 800, 80)]
    assert sound_peaks(sound) == pytest.approx(expected)


def test_a_curve_has_no_line_where_nothing_is_computed() -> None:
    times_s = np.concatenate([np.arange(0, 4, 0.25), np.arange(12, 16, 0.25)])
    assert unbroken(times_s) == [(0, 16), (16, 32)]
    assert unbroken(times_s[:16]) == [(0, 16)] and unbroken(times_s[:0]) == [] and unbroken(times_s[:1]) == [(0, 1)]
    assert unbroken(np.arange(0, 3600, 5.0)) == [(0, 720)]  # thinned for a whole long video


def test_no_panel_stands_beside_an_empty_project_and_it_comes_with_the_first_video(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    workspace, presenter, _ = opened(project)
    assert workspace.panel.isHidden()
    import_videos(project, media)
    presenter.refresh()
    assert workspace.panel.isVisible() and workspace.panel.videos.count() == 2


def test_every_control_has_a_name_a_tooltip_and_its_place_in_the_order_of_tabs(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    import_videos(project, media)
    workspace, _, _ = opened(project)
    controls = [
        widget
        for kind in (QAbstractButton, QComboBox, QLineEdit, QAbstractSlider)
        for widget in workspace.findChildren(kind)
        if widget.isVisible() and not isinstance(widget, QScrollBar)
    ]
    assert len(controls) > 20
    for control in controls:
        named = control.accessibleName() or getattr(control, "text", str)()
        assert named, control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, named
        assert control.toolTip() or control.parentWidget().toolTip(), named


def test_stages_side_by_side_are_as_sharp_as_one_after_any_change_of_size(qtbot: QtBot) -> None:
    stages = Stages()
    qtbot.addWidget(stages)
    stages.resize(900, 300)
    stages.show_stages(compares=True, differs=True)
    stages.show()
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[:, ::2] = 255
    stages.set_frame(frame)
    for width, differs in ((900, True), (1500, True), (1500, False), (600, True)):
        stages.resize(width, 300)
        stages.show_stages(compares=True, differs=differs)
        stages.set_frame(frame)
        qtbot.wait(1)
        for stage in stages.in_view():
            painted_width = stage.frame_rect().width()
            assert stage._frame is not None and painted_width - 1 <= stage._frame.shape[1] <= 1280
    stages.set_frame(frame)
    stages.resize(2600, 900)
    qtbot.waitUntil(lambda: stages.second.frame_rect().width() > 800)
    assert all(stage._frame is frame for stage in stages.in_view())
