"""Questions that are spoken: recorded from a real sound server's source, without the silence around the word."""

import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from annotator.views.matchmaps.query_sound import spoken
from benchmarks.figures import Skip
from benchmarks.window.desk import desk

_RATE = 16_000
_REPOSITORY = Path(__file__).resolve().parents[2]
_RECORD = """
import sys
from pathlib import Path
from annotator.views.matchmaps.query_sound import record
from davenet.errors import UserError
try:
    print(record(Path(sys.argv[1]), 2.0).path)
except UserError as error:
    print(error)
"""


def tone(seconds: float, loudness: float = 9000.0) -> np.ndarray:
    return (loudness * np.sin(2 * np.pi * 440 * np.arange(round(seconds * _RATE)) / _RATE)).astype(np.int16)


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert file.getframerate() == _RATE and file.getnchannels() == 1
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def test_the_silence_around_a_word_is_cut_away_and_the_word_is_whole() -> None:
    word = tone(0.5)
    hiss = np.random.default_rng(0).integers(-60, 60, 2 * _RATE).astype(np.int16)
    kept = spoken(np.concatenate([hiss[:_RATE], word, hiss]))
    assert 0.5 <= len(kept) / _RATE <= 0.75
    assert np.abs(kept).max() == np.abs(word).max()
    assert len(spoken(tone(1.0))) == _RATE
    assert len(spoken(np.zeros(_RATE, np.int16))) == _RATE


@pytest.mark.skipif(shutil.which("pacat") is None, reason="there is no PulseAudio here")
def test_a_word_is_recorded_from_a_real_source_and_a_silent_one_is_told(tmp_path: Path) -> None:
    try:
        with desk((320, 240)) as environment:
            if "PULSE_SERVER" not in environment:
                pytest.skip("PulseAudio did not start")
            command = [sys.executable, "-c", _RECORD, str(tmp_path)]
            shared = {"env": environment, "cwd": _REPOSITORY, "text": True, "encoding": "utf-8"}
            silent = subprocess.run(command, capture_output=True, timeout=60, **shared)  # type: ignore[call-overload]
            assert "heard nothing at all" in silent.stdout, silent.stderr
            playing = ["pacat", "--rate=16000", "--channels=1", "--format=s16le", "--latency-msec=50"]
            player = subprocess.Popen(playing, stdin=subprocess.PIPE, env=environment)
            assert player.stdin is not None
            recorder = subprocess.Popen(command, stdout=subprocess.PIPE, **shared)  # type: ignore[call-overload]
            for _ in range(400):  # a word of 0.3 s each 0.6 s until the recording is over
                if recorder.poll() is not None:
                    break
                player.stdin.write(np.concatenate([tone(0.3), np.zeros(round(0.3 * _RATE), np.int16)]).tobytes())
                player.stdin.flush()
            heard = recorder.communicate(timeout=60)[0].strip()
            player.kill()
            player.communicate()
    except Skip as skipped:
        pytest.skip(str(skipped))
    sound = read(Path(heard)).astype(float)
    strength = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(len(sound), 1 / _RATE)[strength.argmax()] == pytest.approx(440, abs=10)
