"""Voice activity: the real model on real speech, on music, noise and silence, and on sound that comes in any blocks."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_maker import make_video

from davenet.errors import UserError
from davenet.labels.speech import voice
from davenet.labels.speech.voice import RATE, STEP, Span, speech_chances, speech_share, speech_spans
from davenet.media.sound import read_sound

SECONDS = np.arange(10 * RATE) / RATE
NOISE = np.random.default_rng(0).normal(0, 0.1, 10 * RATE)


def chances_of(*blocks: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.float32), *speech_chances(np.asarray(b, np.float32) for b in blocks)])


def chords() -> np.ndarray:
    tones = [np.sin(2 * np.pi * hz * k * SECONDS) / k for hz in (220, 277, 330) for k in (1, 2, 3)]
    return np.sum(tones, axis=0) * np.exp(-2 * (SECONDS % 1)) * 0.1


@pytest.mark.parametrize("sound", [np.zeros(10 * RATE), NOISE, np.cumsum(NOISE) / 200, chords()])
def test_silence_noise_and_music_hold_no_speech(sound: np.ndarray) -> None:
    assert list(speech_spans([chances_of(sound)])) == []


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9000), max_size=8))
def test_there_is_a_chance_for_each_step_begun_whatever_the_blocks(lengths: list[int]) -> None:
    sound = NOISE[: sum(lengths)].astype(np.float32)
    blocks = np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []
    chances = chances_of(*blocks)
    assert len(chances) == -(-len(sound) // STEP)
    np.testing.assert_allclose(chances, chances_of(sound), atol=1e-5)


def test_spans_bridge_moments_and_leave_out_clicks() -> None:
    said = [0.0] * 10 + [0.9] * 10 + [0.1] * 2 + [0.6] + [0.4] * 9 + [0.0] * 10 + [0.9] * 5 + [0.0] * 10 + [1.0] * 20
    parts = [np.array(said[:13], np.float32), np.array(said[13:], np.float32)]
    assert list(speech_spans(parts)) == [Span(10 * 0.032, 32 * 0.032), Span(57 * 0.032, 77 * 0.032)]


def test_the_share_of_a_file_that_beeps_is_none(tmp_path: Path) -> None:
    assert speech_share(make_video(tmp_path / "beeps.mp4", seconds=5, frame_rate=2, size=(64, 36))) == 0.0


def test_a_file_that_has_no_sound_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no sound"):
        speech_share(make_video(tmp_path / "mute.mp4", seconds=1, frame_rate=2, size=(64, 36), sound=None))


def test_a_missing_model_is_told_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    voice._session.cache_clear()
    monkeypatch.setattr(voice, "_MODEL", Path("data", "none.onnx"))
    with pytest.raises(UserError, match="pip install"):
        chances_of(NOISE)
    voice._session.cache_clear()


def test_listening_for_speech_loads_no_torch() -> None:
    code = "import sys, numpy; from davenet.labels.speech.voice import speech_chances as c; "
    code += "list(c([numpy.zeros(512, 'f4')])); assert 'torch' not in sys.modules and 'silero_vad' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("speech/harvard.wav", 0.6, 0.9),
        ("speech/ja_japanese.mp3", 0.9, 1.0),
        ("videos/yc2_xHlBWc-7Kwo_scrambled_eggs.mp4", 0.4, 0.7),  # over music; by energy 0.96
        ("hard/silent_black_25s.mp4", 0.0, 0.0),
        ("hard/flir_thermal_vfr_audio_start_0.19.mp4", 0.0, 0.0),  # by energy 0.17, by WebRTC's detector 0.30
        ("hard/vp9_vorbis_5.1.webm", 0.0, 0.0),  # music; by energy 0.99
    ],
)
def test_the_share_of_real_files(shared_data: Path, name: str, least: float, most: float) -> None:
    assert least <= speech_share(shared_data / name) <= most


@pytest.mark.real
def test_the_chances_are_those_of_the_published_model(shared_data: Path) -> None:
    import onnxruntime

    sound = read_sound(shared_data / "speech" / "en_jfk.flac", end_s=4.0)
    sound = np.pad(sound, (0, -len(sound) % STEP))
    model = onnxruntime.InferenceSession(str(shared_data / "models" / "vad" / "silero_vad.onnx"))
    state, context, expected = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32), []
    for step in sound.reshape(-1, 1, STEP):
        feed = {"input": np.concatenate([context, step], axis=1), "state": state, "sr": np.array(RATE, np.int64)}
        chance, state = model.run(None, feed)
        context = step[:, -64:]
        expected.append(chance[0, 0])
    np.testing.assert_allclose(chances_of(sound), expected, atol=1e-3)


@pytest.mark.real
def test_a_long_pause_in_speech_lies_between_two_spans(shared_data: Path) -> None:
    sound = read_sound(shared_data / "speech" / "en_ibm_speech_with_pause.wav")
    spans = list(speech_spans(speech_chances([sound])))
    assert len(spans) >= 2
    assert max(b.start - a.end for a, b in pairwise(spans)) > 0.5
