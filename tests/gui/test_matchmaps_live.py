"""The Matchmaps workspace with the shipped checkpoint in real jobs: live maps, questions, what is saved, what is broken."""

import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numbered_video import RATE, write_video
from pytestqt.qtbot import QtBot
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from test_player import Silent

from annotator import verbs
from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views.matchmaps import query_sound, sources
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from davenet.contact_sheet import best_and_worst
from davenet.jobs import run_job
from davenet.media.probe import probe

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "resources" / "checkpoint" / "kitchen-small.safetensors"
SLOW_MS = 90_000

Opened = tuple[MatchmapsWorkspace, MatchmapsPresenter, Player]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as project:
        yield project


@pytest.fixture
def demo(tmp_path: Path, project: Project) -> str:
    """The uid of a video of the demo, cut to two stretches."""
    folder = tmp_path / "media"
    folder.mkdir()
    _cut(sorted((REPOSITORY / "resources" / "demo").glob("*.mp4"))[0], folder / "kitchen.mp4", 7.0)
    return _import(project, folder)


@pytest.fixture
def opened(qtbot: QtBot) -> Iterator[Callable[[Project], Opened]]:
    closing: list[Callable[[], None]] = []

    def open_workspace(project: Project) -> Opened:
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


def test_maps_come_from_the_playhead_on_and_catch_up_while_paused(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened]
) -> None:
    workspace, presenter, player = opened(project)
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: player.frame is not None)
    workspace.seek_requested.emit(5.0)
    statuses: list[str] = []
    listener.changed.connect(lambda: statuses.append(workspace.panel.status()))
    order: list[tuple[tuple[float, float], ...]] = []
    listener.stretch_ready.connect(lambda: order.append(listener.snapshot.intervals))  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: listener.share >= 1, timeout=SLOW_MS)
    assert order[-1] == ((0.0, 8.0),)
    assert any("maps a second" in said and "of this video ready" in said for said in statuses)
    assert workspace.panel.status() == "All of this video is ready"
    assert workspace.ready.ready() == (((0.0, 8.0),),)
    assert workspace.stages.first._overlay is not None
    qtbot.waitUntil(lambda: len(workspace.strip.curves()) == 2)
    assert workspace.strip.best() is not None
    _saves(qtbot, workspace, presenter, project)


def _saves(qtbot: QtBot, workspace: MatchmapsWorkspace, presenter: MatchmapsPresenter, project: Project) -> None:
    """What can be saved of a video whose maps are there: a sheet, arrays, a clip of a chosen part, at 24 a second."""
    folder, panel = project.path.parent, workspace.panel
    workspace.ask_path = lambda title, suggested, kind: folder / suggested.name  # type: ignore[method-assign]
    panel.sheet_button.click()
    sheet = folder / "kitchen-best-and-worst.png"
    qtbot.waitUntil(sheet.exists, timeout=SLOW_MS)
    assert cv2.imread(str(sheet)).shape[1] > 800
    panel.arrays_button.click()
    arrays = folder / "kitchen-matchmaps.npz"
    qtbot.waitUntil(arrays.exists, timeout=SLOW_MS)
    saved = np.load(arrays)
    assert saved["maps"].shape[0] == len(saved["times_s"]) == len(saved["similarity"]) and len(saved["crop"]) == 4
    out = folder / "clip.mp4"
    chosen = (out, "24 frames a second (*.mp4)")
    workspace.ask_path_and_kind = lambda title, suggested, kinds: chosen  # type: ignore[method-assign]
    workspace.axis.part_selected.emit(1.0, 3.0)
    assert presenter.asking.choice.kind == "span"
    panel.render_button.click()
    qtbot.waitUntil(lambda: panel.rendering.text().startswith("Saved"), timeout=SLOW_MS)
    info = probe(out)
    assert info.duration_s == pytest.approx(2.0, abs=0.1) and info.has_sound
    with av.open(str(out)) as made:
        assert made.streams.video[0].average_rate == 24
    panel.render_button.click()
    qtbot.waitUntil(lambda: panel.rendering.cancel_button().isVisible())
    out.unlink()
    panel.rendering.cancel_button().click()
    qtbot.waitUntil(lambda: "cancelled" in panel.rendering.text(), timeout=SLOW_MS)
    assert not out.exists() and not list(folder.glob(".*.part"))


@pytest.mark.skipif(query_sound.find_voice() is None, reason="nothing on this machine says words")
def test_a_typed_word_is_said_and_looked_for(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened]
) -> None:
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: player.frame is not None)
    workspace.panel.question.field.setText("onion")
    workspace.panel.question.field.returnPressed.emit()
    qtbot.waitUntil(lambda: presenter.asking.choice.kind == "query", timeout=SLOW_MS)
    listener = presenter.watching.first
    assert listener is not None and listener.mode.kind == "query"
    qtbot.waitUntil(lambda: listener.map_at(0.0) is not None, timeout=SLOW_MS)
    assert workspace.stages.first._caption == "demo checkpoint · “onion”"
    assert workspace.controls.sound.lit() == "ask"


def test_without_a_voice_or_a_microphone_one_sentence_says_so(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, presenter, _ = opened(project)
    question = workspace.panel.question
    monkeypatch.setattr(query_sound, "find_voice", lambda: None)
    question.asked.emit("onion")
    qtbot.waitUntil(lambda: "espeak-ng" in question.told())
    import sounddevice

    def refuses(**_settings: Any) -> None:
        raise sounddevice.PortAudioError("no device")

    monkeypatch.setattr(sounddevice, "check_input_settings", refuses)
    question.say.click()
    qtbot.waitUntil(lambda: "No microphone" in question.told())
    assert question.say.isEnabled() and presenter.asking.choice.kind == "around"


def _pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0]}))


def _cut_short(path: Path) -> None:
    path.write_bytes(SHIPPED.read_bytes()[:100_000])


def _of_another_architecture(path: Path) -> None:
    tensors = load_file(SHIPPED)
    with safe_open(SHIPPED, framework="numpy") as stored:
        header = stored.metadata()
    name = sorted(tensors)[0]
    save_file({**tensors, name: np.zeros((3, 3), np.float32)}, path, metadata=header)


@pytest.mark.parametrize(
    ("breaks", "says"),
    [(_pickled, "pickled"), (_cut_short, "cut short"), (_of_another_architecture, "another architecture")],
)
def test_a_checkpoint_that_cannot_listen_is_told_in_place_and_the_video_plays(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened], breaks: Callable[[Path], None],
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = tmp_path / "broken.safetensors"
    breaks(path)
    monkeypatch.setattr(sources, "DEMO_CHECKPOINT", path)
    workspace, presenter, player = opened(project)
    qtbot.waitUntil(lambda: says in workspace.maps_bar.text(), timeout=SLOW_MS)
    assert str(path) in workspace.maps_bar.text() and "\n" not in workspace.maps_bar.text()
    workspace.play_toggled.emit()
    qtbot.waitUntil(lambda: player.time_s > 0.3)
    assert workspace.stages.first._overlay is None
    shutil.copy(SHIPPED, path)
    workspace.maps_bar.action_button().click()
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener.maps is not None and not listener.error)
    assert workspace.maps_bar.isHidden()


def test_another_file_in_the_place_of_a_video_is_told_and_shows_no_maps(
    qtbot: QtBot, project: Project, tmp_path: Path, opened: Callable[[Project], Opened]
) -> None:
    times = [n / RATE for n in range(2 * RATE)]
    (tmp_path / "silent").mkdir()
    write_video(tmp_path / "silent" / "silent.mp4", times=times)
    _import(project, tmp_path / "silent")
    write_video(tmp_path / "silent" / "silent.mp4", times=times, with_sound=False)  # import would pass it over
    workspace, _, player = opened(project)
    qtbot.waitUntil(lambda: "not the video that was imported" in workspace.maps_bar.text(), timeout=SLOW_MS)
    assert "\n" not in workspace.maps_bar.text()
    qtbot.waitUntil(lambda: player.state == "paused")
    assert workspace.stages.first._overlay is None


def test_a_job_that_is_killed_is_told_and_started_anew_on_demand(
    qtbot: QtBot, project: Project, demo: str, opened: Callable[[Project], Opened]
) -> None:
    workspace, presenter, _ = opened(project)
    listener = presenter.watching.first
    assert listener is not None
    qtbot.waitUntil(lambda: listener._job is not None and listener._job.pid > 0, timeout=SLOW_MS)
    listener._job._process.kill()
    qtbot.waitUntil(lambda: workspace.maps_bar.action_button().isVisible(), timeout=SLOW_MS)
    workspace.maps_bar.action_button().click()
    qtbot.waitUntil(lambda: listener.map_at(0.0) is not None, timeout=SLOW_MS)
    assert workspace.maps_bar.isHidden()


def test_best_and_worst_moments_lie_apart_and_in_order() -> None:
    times = np.arange(0, 10, 0.5)
    similarity = np.sin(times).astype(np.float32)
    best, worst = best_and_worst(times, similarity, 2)
    assert best == [1.5, 8.0] and worst == [4.5]
    assert best_and_worst(times[:1], similarity[:1], 3) == ([0.0], [])


def _import(project: Project, media: Path) -> str:
    spec = verbs.plan_import(project, [media])
    verbs.collect_import(project, spec, run_job(spec, lambda event: None).result)
    return project.store.videos()[0].uid


def _cut(video: Path, out: Path, seconds: float) -> None:
    """Copies the packets of a video's first seconds."""
    with av.open(str(video)) as source, av.open(str(out), "w") as target:
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None and packet.pts * packet.time_base < seconds:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
