"""The player on real files: a video that draws its frame number, real decoding threads, and a null sound device."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numbered_video import N_FRAMES, RATE, number_in, write_video
from pytestqt.qtbot import QtBot

from annotator.playback.decoder import MAX_WIDTH, Decoder, Frame
from annotator.playback.player import Player
from annotator.playback.sound import NO_DEVICE, Sound


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("player") / "numbers.mp4", times=[n / RATE for n in range(N_FRAMES)])


class Silent(Sound):
    """A machine without a sound device."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        def no_library() -> None:
            raise OSError("PortAudio library not found")

        super().__init__(failed=failed, streams=no_library)


class Shown:
    """What the player has shown: (moment, second of the frame, number drawn in it)."""

    def __init__(self, player: Player) -> None:
        self.frames: list[tuple[float, float, int]] = []
        self.times: list[float] = []
        self.notices: list[str] = []
        player.frame_shown.connect(
            lambda rgb, time_s: self.frames.append((time.perf_counter(), time_s, number_in(rgb)))
        )
        player.time_changed.connect(self.times.append)
        player.notice.connect(self.notices.append)

    @property
    def numbers(self) -> list[int]:
        return [number for _, _, number in self.frames]


@pytest.fixture
def player(qtbot: QtBot) -> Iterator[Player]:
    before = set(threading.enumerate())
    player = Player(sound=Silent)
    yield player
    player.shutdown()
    assert set(threading.enumerate()) <= before, "the player left a thread behind"


def opened(player: Player, qtbot: QtBot, video: Path, duration_s: float = N_FRAMES / RATE) -> Shown:
    shown = Shown(player)
    player.open(video, duration_s)
    qtbot.waitUntil(lambda: player.state == "paused" and bool(shown.frames))
    return shown


def test_every_seek_shows_the_frame_of_its_second(player: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(player, qtbot, video)
    assert shown.numbers == [0]
    for number in (149, 0, 61, 60, 59, 120, 3, 4, 90, 89):
        shown.frames.clear()
        player.seek(number / RATE + 0.015)
        qtbot.waitUntil(lambda: bool(shown.frames))
        assert shown.numbers == [number]
        assert player.time_s == pytest.approx(number / RATE + 0.015)


def test_every_seek_is_right_where_the_frame_rate_varies(player: Player, qtbot: QtBot, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    times = np.round(np.cumsum(rng.uniform(0.02, 0.3, 80)) - 0.02, 3).tolist()
    times[0] = 0.0
    shown = opened(player, qtbot, write_video(tmp_path / "variable.mp4", times=times), times[-1] + 0.1)
    for time_s in rng.uniform(0, times[-1], 25):
        shown.frames.clear()
        player.seek(float(time_s))
        qtbot.waitUntil(lambda: bool(shown.frames))
        assert shown.numbers == [int(np.searchsorted(times, time_s + 1e-6, side="right")) - 1]


def test_while_seeks_outrun_decoding_the_latest_wins(player: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(player, qtbot, video)
    shown.frames.clear()
    for number in range(140):
        player.seek(number / RATE)
    qtbot.waitUntil(lambda: 139 in shown.numbers)
    qtbot.wait(50)
    assert shown.numbers[-1] == 139
    assert len(shown.frames) < 20


def test_steps_are_single_frames_and_add_up(player: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(player, qtbot, video)
    player.seek(62 / RATE)
    qtbot.waitUntil(lambda: shown.numbers[-1] == 62)
    for step, expected in ((1, 63), (1, 64), (-1, 63), (-1, 62), (-1, 61), (-1, 60), (-1, 59), (1, 60), (1, 61)):
        player.step(step)
        qtbot.waitUntil(lambda expected=expected: shown.numbers[-1] == expected)
        assert player.time_s == pytest.approx(expected / RATE)
    for _ in range(4):
        player.step(-1)
    qtbot.waitUntil(lambda: shown.numbers[-1] == 57)
    for _ in range(12):
        player.step(1)
    qtbot.waitUntil(lambda: shown.numbers[-1] == 69)


def test_a_step_beyond_either_end_stays_there(player: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(player, qtbot, video)
    player.step(-1)
    qtbot.waitUntil(lambda: len(shown.frames) == 2)
    assert shown.numbers[-1] == 0
    player.seek(100.0)
    qtbot.waitUntil(lambda: shown.numbers[-1] == N_FRAMES - 1)
    player.step(1)
    qtbot.waitUntil(lambda: len(shown.frames) == 4)
    assert shown.numbers[-1] == N_FRAMES - 1


def test_without_a_sound_device_it_plays_by_the_wall_clock_and_says_so_once(
    player: Player, qtbot: QtBot, video: Path
) -> None:
    shown = opened(player, qtbot, video)
    player.play()
    qtbot.waitUntil(lambda: player.time_s > 1.5)
    player.pause()
    assert shown.notices == [NO_DEVICE]
    moments, seconds, numbers = (np.asarray(column) for column in zip(*shown.frames[5:], strict=True))
    assert np.array_equal(numbers, np.round(seconds * RATE))
    pace = np.polyfit(moments - moments[0], seconds, 1)[0]
    assert 0.9 < pace < 1.1
    assert (np.diff(seconds) > 0).all()


def test_play_ends_at_the_end_and_begins_again(player: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(player, qtbot, video)
    player.seek(N_FRAMES / RATE - 0.3)
    player.play()
    qtbot.waitUntil(lambda: player.state == "paused")
    assert player.time_s == pytest.approx(N_FRAMES / RATE)
    assert shown.numbers[-1] == N_FRAMES - 1
    shown.frames.clear()
    player.toggle()
    qtbot.waitUntil(lambda: len(shown.frames) > 3)
    assert shown.numbers[0] == 0


def test_a_loop_shows_its_frames_and_no_other(player: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(player, qtbot, video)
    player.set_loop(2.0, 2.4)
    player.seek(2.0)
    qtbot.waitUntil(lambda: shown.numbers[-1] == 50)
    shown.frames.clear()
    player.play()
    qtbot.waitUntil(lambda: shown.numbers.count(50) >= 3)
    player.pause()
    first = shown.numbers.index(50)
    assert set(shown.numbers[first:]) <= set(range(50, 60))
    player.play()  # from within a lap
    qtbot.waitUntil(lambda: shown.numbers.count(50) >= 5)
    assert set(shown.numbers[first:]) <= set(range(50, 60))
    player.set_loop(None)
    qtbot.waitUntil(lambda: shown.numbers[-1] > 62)


def test_a_file_that_does_not_open_is_a_notice_and_the_next_one_plays(
    player: Player, qtbot: QtBot, video: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a video at all")
    shown = Shown(player)
    for bad in (tmp_path / "missing.mp4", broken):
        player.open(bad, 5.0)
        qtbot.waitUntil(lambda: player.state == "error")
        assert any(bad.name in notice for notice in shown.notices)
        player.play()
        player.seek(1.0)
        player.step(1)
        assert player.state == "error"
    player.open(video, N_FRAMES / RATE)
    qtbot.waitUntil(lambda: player.state == "paused")
    player.close()
    assert player.state == "empty"


def test_frames_wider_than_a_screen_needs_come_scaled(player: Player, qtbot: QtBot, tmp_path: Path) -> None:
    big = write_video(tmp_path / "big.mp4", times=[n / RATE for n in range(5)], width=1920, height=576)
    opened(player, qtbot, big, 0.2)
    assert player.frame is not None
    assert player.frame.shape == (MAX_WIDTH * 576 // 1920, MAX_WIDTH, 3)


def test_a_video_without_sound_plays(player: Player, qtbot: QtBot, tmp_path: Path) -> None:
    path = write_video(tmp_path / "mute.mp4", times=[n / RATE for n in range(50)], with_sound=False)
    shown = opened(player, qtbot, path, 2.0)
    player.play()
    qtbot.waitUntil(lambda: shown.numbers[-1] > 5)


def test_a_bug_in_reading_keeps_its_traceback_and_ends_nothing(caplog: pytest.LogCaptureFixture, video: Path) -> None:
    class Faulty:
        def frame_at(self, time_s: float) -> tuple[float, np.ndarray]:
            raise ZeroDivisionError("a bug")

        def next(self) -> None:
            return None

        def close(self) -> None:
            pass

    failed = threading.Event()
    decoder = Decoder(
        deliver=lambda frame: None, fail=lambda ticket, text: failed.set(), open_reader=lambda path: Faulty()
    )
    decoder.open(video)
    assert failed.wait(10)
    decoder.shutdown()
    assert "ZeroDivisionError" in caplog.text


def test_frames_of_an_earlier_seek_are_never_delivered_after_a_later_one(video: Path) -> None:
    delivered: list[Frame] = []
    decoder = Decoder(deliver=delivered.append, fail=lambda ticket, text: None)
    tickets = [decoder.open(video)] + [decoder.seek(n / RATE) for n in range(0, 140, 7)]
    deadline = time.monotonic() + 20
    while (not delivered or delivered[-1].ticket != tickets[-1]) and time.monotonic() < deadline:
        time.sleep(0.01)
    decoder.shutdown()
    given = [frame.ticket for frame in delivered]
    assert given == sorted(given)
    assert given[-1] == tickets[-1]
    assert number_in(delivered[-1].rgb) == 133


# -- with a sound device ---------------------------------------------------------------------------------------------


@pytest.fixture
def null_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A PulseAudio server of our own whose only sink is a null sink; it consumes sound at the right pace."""
    if not shutil.which("pulseaudio") or not shutil.which("pactl"):
        pytest.skip("PulseAudio is not installed, so there is no null sound device to play on")
    for name in ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "pulse"))
    (tmp_path / "pulse").mkdir(mode=0o700)
    arguments = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disallow-module-loading"]
    modules = ["--load=module-null-sink sink_name=null", "--load=module-native-protocol-unix"]
    with subprocess.Popen(
        ["pulseaudio", *arguments, *modules], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        for _ in range(100):
            if subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
        else:
            server.kill()
            pytest.skip("PulseAudio does not start here, so there is no null sound device to play on")
        yield server
        server.terminate()


@pytest.fixture
def sounding(null_sink: subprocess.Popen[bytes], qtbot: QtBot) -> Iterator[Player]:
    sounddevice = pytest.importorskip("sounddevice", reason="PortAudio is not installed", exc_type=OSError)
    sounddevice._terminate()
    sounddevice._initialize()  # PortAudio lists devices once: now the null sink is there
    try:
        sounddevice.query_devices(kind="output")
    except sounddevice.PortAudioError:
        pytest.skip("PortAudio does not reach PulseAudio here (ALSA's pulse plugin is missing)")
    player = Player()
    yield player
    player.shutdown()


def test_sound_is_the_clock_and_frames_follow_it(sounding: Player, qtbot: QtBot, video: Path) -> None:
    shown = opened(sounding, qtbot, video)
    sounding.play()
    qtbot.waitUntil(lambda: sounding.time_s > 2.0, timeout=20_000)
    assert sounding._uses_sound, shown.notices
    sounding.pause()
    assert shown.notices == []
    frames = [frame for frame in shown.frames if frame[1] > 0.3]
    moments, seconds, numbers = (np.asarray(column) for column in zip(*frames, strict=True))
    assert np.array_equal(numbers, np.round(seconds * RATE))
    assert 0.9 < np.polyfit(moments - moments[0], seconds, 1)[0] < 1.1
    paused_at = sounding.time_s
    qtbot.wait(100)
    assert sounding.time_s == paused_at


def test_a_sound_device_that_vanishes_leaves_the_video_playing(
    sounding: Player, null_sink: subprocess.Popen[bytes], qtbot: QtBot, video: Path
) -> None:
    shown = opened(sounding, qtbot, video)
    sounding.set_loop(0.0, 5.0)
    sounding.play()
    qtbot.waitUntil(lambda: sounding.time_s > 0.5, timeout=20_000)
    null_sink.kill()
    qtbot.waitUntil(lambda: bool(shown.notices), timeout=20_000)
    assert "wall clock" in shown.notices[0]
    seen = len(shown.frames)
    qtbot.waitUntil(lambda: len(shown.frames) > seen + 10)
    assert sounding.state == "playing"


def test_a_sound_device_that_comes_later_is_found_without_a_new_start(
    sounding: Player, null_sink: subprocess.Popen[bytes], qtbot: QtBot, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotator.playback.sound._TRY_AGAIN_S", 0.0)
    shown = opened(sounding, qtbot, video)
    sounding.set_loop(0.0, 5.0)
    sounding.play()
    qtbot.waitUntil(lambda: sounding.time_s > 0.3, timeout=20_000)
    null_sink.kill()
    null_sink.wait()
    qtbot.waitUntil(lambda: bool(shown.notices), timeout=20_000)
    with subprocess.Popen(null_sink.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as again:

        def plays_with_sound() -> bool:
            sounding.pause()
            sounding.play()
            qtbot.wait(500)
            return sounding._uses_sound

        qtbot.waitUntil(plays_with_sound, timeout=30_000)
        begun_s = sounding.time_s
        qtbot.waitUntil(lambda: sounding.time_s != begun_s, timeout=10_000)
        sounding.pause()
        again.terminate()
