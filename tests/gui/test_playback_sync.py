"""Picture and sound together, heard from a real null sink beside the frames shown: within +15 and -45 ms (ATSC)."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from media_maker import make_video
from pytestqt.qtbot import QtBot

from annotator.playback.player import Player
from benchmarks.sound_rig import Agreement, Recorder, agreement, null_sink, why_no_server

EARLY_S, LATE_S = 0.015, 0.045  # of the sound, against its frame


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("sync") / "beeps.mp4", seconds=12.0, gop=250)


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if why := why_no_server():
        pytest.skip(why)
    sounddevice = pytest.importorskip("sounddevice", reason="PortAudio is not installed", exc_type=OSError)
    with null_sink(tmp_path_factory.mktemp("sink")) as is_up:
        if not is_up:
            pytest.skip("PulseAudio does not start here, so there is no null sound device to play on")
        sounddevice._terminate()
        sounddevice._initialize()  # PortAudio lists devices once: now the null sink is there
        try:
            sounddevice.query_devices(kind="output")
        except sounddevice.PortAudioError:
            pytest.skip("PortAudio does not reach PulseAudio here (ALSA's pulse plugin is missing)")
        yield


@pytest.fixture
def player(sink: None, qtbot: QtBot, video: Path) -> Iterator[Player]:
    player = Player()
    player.open(video, 12.0)
    qtbot.waitUntil(lambda: player.state == "paused")
    yield player
    player.shutdown()


def played(player: Player, qtbot: QtBot, *, start_s: float, n_beeps: int, speed: float) -> Agreement:
    shown: list[tuple[float, float]] = []
    recorder = Recorder()
    try:
        player.frame_shown.connect(lambda _, time_s: shown.append((time.perf_counter(), time_s)))
        player.seek(start_s)
        qtbot.waitUntil(lambda: bool(shown) and abs(shown[-1][1] - start_s) < 0.04)
        shown.clear()
        n_before = player.n_underruns
        player.play()
        qtbot.waitUntil(lambda: player.time_s > start_s + n_beeps, timeout=60_000)
        qtbot.wait(300)
        player.pause()
    finally:
        recorder.stop()
    n_underruns = player.n_underruns - n_before
    return agreement(recorder.onsets(), [entry for entry in shown if entry[1] > start_s], speed, n_underruns)


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5, 2.0])
def test_the_sound_of_a_second_is_heard_with_its_frame_at_every_speed(
    player: Player, qtbot: QtBot, speed: float
) -> None:
    player.set_speed(speed)
    heard = played(player, qtbot, start_s=0.5, n_beeps=round(2 + 2 * speed), speed=speed)
    assert len(heard.late_s) >= round(2 + 2 * speed) - 1
    late_s = sorted(heard.late_s)
    assert -EARLY_S <= late_s[len(late_s) // 2] <= LATE_S  # the middle one: a shared machine may stop for a moment


def test_muted_sound_is_not_heard_and_stays_the_clock(player: Player, qtbot: QtBot) -> None:
    player.set_muted(True)
    heard = played(player, qtbot, start_s=0.5, n_beeps=1, speed=1.0)
    assert player._uses_sound
    assert len(heard.late_s) == 0
    player.set_muted(False)
    assert len(played(player, qtbot, start_s=0.5, n_beeps=1, speed=1.0).late_s) >= 1


def test_a_change_of_speed_in_play_moves_neither_sound_nor_picture_away(player: Player, qtbot: QtBot) -> None:
    times: list[tuple[float, float]] = []
    player.time_changed.connect(lambda time_s: times.append((time.perf_counter(), time_s)))
    player.seek(0.5)
    player.play()
    qtbot.waitUntil(lambda: player.time_s > 1.5, timeout=20_000)
    times.clear()
    player.set_speed(2.0)
    qtbot.waitUntil(lambda: player.time_s > 3.5, timeout=20_000)
    player.pause()
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(times)]
    assert all(-1e-9 <= forth <= 2 * passed + 0.06 for passed, forth in steps)
