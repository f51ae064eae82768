"""The Matchmaps workspace over a real project, a real player, real jobs in child processes, and maps in a real file."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numbered_video import N_FRAMES, RATE, number_in, write_video
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from test_player import Silent

from annotator import verbs
from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views.matchmaps import sources
from annotator.views.matchmaps.look import Look, overlay, painted
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.sources import following_range, sound_peaks, words_here
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from davenet.jobs import run_job
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.matchmap_file import Matchmaps, write_matchmaps

DURATION = N_FRAMES / RATE
CROP = (0.25, 0.1, 0.75, 0.9)


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
    """A file in the place of the demo's checkpoint; nothing here loads it."""
    path = tmp_path / "demo.safetensors"
    path.write_bytes(b"weights")
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


def write_maps(project: Project, uid: str, checkpoint: Path) -> Matchmaps:
    """Maps with one bright cell that walks along the diagonal, and a similarity that peaks at 4 s."""
    times = np.arange(0, DURATION, 0.25)
    maps = np.zeros((len(times), 7, 7), np.float16)
    for index in range(len(times)):
        maps[index, index % 7, index % 7] = 1.0
    similarity = np.exp(-((times - 4.0) ** 2)).astype(np.float32)
    made = Matchmaps(maps, times, similarity, uid, "hash", CROP, 0.0, 1.0, 2.0)
    write_matchmaps(project.matchmaps_path(uid, checkpoint), made, metadata={})
    return made


def write_words(project: Project, uid: str) -> None:
    words = (
        Word("take", 0.4, 0.7, 0.9),
        Word("onions", 1.0, 1.5, 0.8),
        Word("and", 2.0, 2.1, 0.9),
        Word("butter", 4.2, 4.8, 0.7),
    )
    write_transcript(transcript_path(project.labels_dir, uid, "test"), Transcript(uid, "test", "1", "hash", words))


def overlay_alpha(workspace: MatchmapsWorkspace) -> np.ndarray:
    """The opacity that the stage's overlay has now."""
    image = workspace.stage._overlay
    assert image is not None
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[..., 3].copy()


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
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None and workspace.maps_bar.isHidden())
    for index in (0, 3, 9, 20):
        workspace.seek_requested.emit(index * 0.25)
        qtbot.waitUntil(
            lambda index=index: player.frame_time_s == pytest.approx(int(index * 0.25 * RATE + 1e-6) / RATE)
        )
        alpha = overlay_alpha(workspace)
        row, column = np.unravel_index(int(alpha.argmax()), alpha.shape)
        cell = index % 7
        assert (int(row * 7 / alpha.shape[0]), int(column * 7 / alpha.shape[1])) == (cell, cell)
        assert (alpha == 0).mean() > 0.5
    assert workspace.stage.crop() == CROP


def test_between_two_maps_both_are_seen_weaker(qtbot: QtBot, project: Project, media: Path, checkpoint: Path) -> None:
    maps = write_maps(project, "any", checkpoint)
    halfway = maps.at(0.125)
    assert halfway[0, 0] == pytest.approx(0.5)
    assert halfway[1, 1] == pytest.approx(0.5)


def test_keys_play_move_and_change_the_overlay(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: player.state == "paused" and workspace.maps_bar.isHidden())
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
    before = workspace.controls.look
    press(Qt.Key.Key_Equal)
    press(Qt.Key.Key_BracketRight)
    press(Qt.Key.Key_V)
    look = workspace.controls.look
    assert look.alpha == pytest.approx(before.alpha + 0.05)
    assert look.threshold == pytest.approx(before.threshold + 0.05)
    assert look.colour_map != before.colour_map
    press(Qt.Key.Key_M)
    assert workspace.stage._overlay is None
    press(Qt.Key.Key_M)
    assert workspace.stage._overlay is not None
    press(Qt.Key.Key_Space)
    assert player.state == "playing"
    press(Qt.Key.Key_Space)
    assert player.state == "paused"


def test_a_slider_with_the_focus_keeps_its_arrow_keys(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_maps(project, uid, checkpoint)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: player.state == "paused" and workspace.maps_bar.isHidden())
    workspace.activateWindow()
    slider = workspace.controls.alpha._slider
    slider.setFocus()
    qtbot.waitUntil(slider.hasFocus)
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert slider.value() == 61
    assert player.time_s == 0.0


def test_words_here_lead_to_where_they_are_said_and_light_up_there(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    write_words(project, uid)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: [pill.text() for pill in workspace.panel.pills()] == ["onions", "butter"])
    qtbot.waitUntil(lambda: player.state == "paused")
    workspace.panel.pills()[1].click()
    assert player.time_s == pytest.approx(4.5)
    assert [pill.isChecked() for pill in workspace.panel.pills()] == [False, True]


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


def test_damaged_maps_say_so_and_can_be_made_again(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    uid = import_videos(project, media)[0]
    path = project.matchmaps_path(uid, checkpoint)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut short")
    workspace, _, _ = opened(project)
    qtbot.waitUntil(lambda: "damaged" in workspace.maps_bar.text())
    assert workspace.maps_bar.action_button().text() == "Compute matchmaps"


def test_a_checkpoint_that_does_not_load_is_told_in_place(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any
) -> None:
    import_videos(project, media)
    workspace, _, _ = opened(project)
    qtbot.waitUntil(lambda: workspace.maps_bar.action_button().isVisible())
    workspace.maps_bar.action_button().click()
    qtbot.waitUntil(lambda: checkpoint.name in workspace.maps_bar.text(), timeout=60_000)
    assert workspace.maps_bar.action_button().isVisible()


def test_maps_are_computed_in_place_cancelled_and_rendered_by_child_processes(
    qtbot: QtBot, project: Project, checkpoint: Path, opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "short").mkdir()
    write_video(tmp_path / "short" / "short.mp4", times=[n / RATE for n in range(RATE)])
    make = (
        "import sys, torch; from pathlib import Path; from davenet.model.checkpoint import save_checkpoint;"
        "from davenet.model.config import MODEL_CONFIGS as models; from davenet.model.davenet import DAVEnet;"
        "torch.manual_seed(0); save_checkpoint(Path(sys.argv[1]), DAVEnet(models['small']), metadata={})"
    )
    subprocess.run([sys.executable, "-c", make, str(checkpoint)], check=True, cwd=Path(__file__).parents[2])
    uid = import_videos(project, tmp_path / "short")[0]
    workspace, _, _ = opened(project)
    bar = workspace.maps_bar
    qtbot.waitUntil(lambda: bar.action_button().isVisible())
    bar.action_button().click()
    qtbot.waitUntil(lambda: bar.cancel_button().isVisible())
    bar.cancel_button().click()
    qtbot.waitUntil(lambda: bar.action_button().isVisible(), timeout=60_000)
    assert not project.matchmaps_path(uid, checkpoint).exists()
    bar.action_button().click()
    qtbot.waitUntil(bar.isHidden, timeout=120_000)
    assert project.matchmaps_path(uid, checkpoint).exists()
    assert "maps ready" in workspace.panel.facts()
    out = tmp_path / "rendered.mp4"
    monkeypatch.setattr(workspace, "ask_path", lambda title, suggested, kind: out)
    workspace.panel.render_button.click()
    qtbot.waitUntil(lambda: workspace.panel.rendering.text().startswith("Saved"), timeout=120_000)
    assert out.stat().st_size > 1000
    assert workspace.panel.render_button.isEnabled()
    assert "torch" not in sys.modules or "torch" in _imported_before


_imported_before = set(sys.modules)


def test_a_saved_frame_is_what_the_stage_shows(
    qtbot: QtBot, project: Project, media: Path, checkpoint: Path, opened: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    uid = import_videos(project, media)[0]
    maps = write_maps(project, uid, checkpoint)
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None and workspace.maps_bar.isHidden())
    workspace.seek_requested.emit(1.0)
    qtbot.waitUntil(lambda: player.frame_time_s == pytest.approx(1.0))
    monkeypatch.setattr(workspace, "ask_path", lambda title, suggested, kind: tmp_path / "frame")
    workspace.panel.save_button.click()
    saved = tmp_path / "frame.png"
    qtbot.waitUntil(saved.exists)
    assert player.frame is not None
    expected = painted(player.frame, maps.at(1.0), workspace.controls.look, CROP)
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
