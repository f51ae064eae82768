"""Sound on the video's clock, and its log-mel against librosa's."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from media_maker import make_sound, make_video
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.media.log_mel import absolute_log_mel, mel_filterbank, relative
from davenet.media.sound import read_sound, stream_sound

RATE = 16_000


def first_loud_s(sound: NDArray[np.float32], after_s: float = 0.0) -> float:
    """Returns when the sound first becomes loud, at or after a time."""
    skipped = round(after_s * RATE)
    return float(np.flatnonzero(np.abs(sound[skipped:]) > 0.1)[0] + skipped) / RATE


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
def test_beeps_lie_at_whole_seconds_after_the_first_picture(tmp_path: Path, name: str) -> None:
    sound = read_sound(make_video(tmp_path / name, seconds=5, start_s=1.5 if name == "a.ts" else 0.0))
    lead_s = 0.0213 if name == "a.ts" else 0.0  # there the encoder's priming is part of the sound and begins the clock
    for second in range(5):
        assert first_loud_s(sound, second + lead_s - 0.01 if second else 0.0) == pytest.approx(
            second + lead_s, abs=0.003
        )


def test_a_late_sound_is_led_in_by_silence(tmp_path: Path) -> None:
    sound = read_sound(make_video(tmp_path / "a.mp4", seconds=4, sound_start_s=1.25, sound_seconds=2.0))
    assert first_loud_s(sound) == pytest.approx(1.25, abs=0.002)
    assert len(sound) / RATE == pytest.approx(3.25, abs=0.05)
    assert not sound[: round(1.2 * RATE)].any()


@pytest.mark.parametrize("sound_start_s", [0.0, 0.1234])
def test_any_part_is_the_same_as_that_part_of_the_whole(tmp_path: Path, sound_start_s: float) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=8, sound="speech", sound_start_s=sound_start_s)
    whole = read_sound(path)
    for start_s, end_s in ((0.0, 1.0), (0.3, 2.0), (3.3, 5.8), (6.9, 8.0)):
        part = read_sound(path, start_s=start_s, end_s=end_s)
        expected = whole[round(start_s * RATE) : round(end_s * RATE)]
        assert len(part) == len(expected)
        assert np.abs(part - expected).max() < 1e-3
    assert len(read_sound(path, start_s=20.0, end_s=21.0)) == 0


def test_blocks_join_to_the_whole(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", seconds=5, sound="speech")
    blocks = list(stream_sound(path, RATE, 0.7))
    assert [len(block) for block in blocks[:-1]] == [11_200] * (len(blocks) - 1)
    assert np.array_equal(np.concatenate(blocks), read_sound(path))


def test_stereo_keeps_two_channels_at_the_rate_asked_for(tmp_path: Path) -> None:
    sound = read_sound(make_video(tmp_path / "a.mp4", seconds=2), rate=44_100, channels=2)
    assert sound.shape[1] == 2 and abs(len(sound) - 88_200) < 1024  # AAC ends with a whole block
    assert np.allclose(sound[:, 0], sound[:, 1])


def test_sound_of_a_silent_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no sound"):
        read_sound(make_video(tmp_path / "a.mp4", seconds=1, sound=None))


@pytest.mark.real
def test_late_and_short_sounds_of_real_files_keep_their_place(shared_data: Path) -> None:
    late = read_sound(shared_data / "hard" / "flir_thermal_vfr_audio_start_0.19.mp4")
    assert not late[: round(0.187 * RATE)].any() and late[round(0.187 * RATE) : round(0.4 * RATE)].any()
    assert len(late) / RATE == pytest.approx(0.188 + 11.12, abs=0.05)
    assert len(read_sound(shared_data / "hard" / "audio_shorter_than_video.mp4")) / RATE == pytest.approx(
        0.766, abs=0.01
    )
    surround = read_sound(shared_data / "hard" / "vp9_vorbis_5.1.webm")
    assert len(surround) / RATE == pytest.approx(1.0, abs=0.05) and surround.any()


def librosas_log_mel(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """The recipe of the reference DAVEnet, step by step with librosa: (n_steps, 40) in absolute dB."""
    centred = sound - sound.mean()
    emphasised = np.append(centred[0], centred[1:] - 0.97 * centred[:-1])
    power = librosa.feature.melspectrogram(
        y=emphasised, sr=RATE, n_fft=400, hop_length=160, window="hamming", n_mels=40, fmin=20, fmax=8000, power=2.0
    )
    decibels = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)
    return np.asarray(decibels.T[: len(sound) // 160], np.float32)


def test_mel_bands_equal_librosas() -> None:
    bands = librosa.filters.mel(sr=RATE, n_fft=400, n_mels=40, fmin=20, fmax=8000)
    assert np.abs(mel_filterbank() - bands).max() < 1e-7


@pytest.mark.parametrize("seconds", [0.5, 2.0, 41.3])
def test_log_mel_equals_librosas(seconds: float) -> None:
    sound = make_sound("speech", seconds)[::3] + np.random.default_rng(0).normal(0, 1e-3, round(seconds * RATE))
    sound = sound.astype(np.float32)
    assert np.abs(absolute_log_mel(sound) - librosas_log_mel(sound)).max() < 0.01


@pytest.mark.real
def test_log_mel_of_real_speech_equals_librosas(shared_data: Path) -> None:
    sound = read_sound(shared_data / "speech" / "en_jfk.flac")
    assert np.abs(absolute_log_mel(sound) - librosas_log_mel(sound)).max() < 0.01


def test_two_seconds_give_two_hundred_steps_relative_to_the_loudest() -> None:
    segment = relative(absolute_log_mel(make_sound("speech", 2.0)[::3].copy()))
    assert segment.shape == (200, 40) and segment.dtype == np.float32
    assert segment.max() == 0.0 and segment.min() >= -80.0


def test_digital_silence_is_the_floor_throughout_and_never_the_maximum() -> None:
    assert np.unique(relative(absolute_log_mel(np.zeros(32_000, np.float32)))).tolist() == [-80.0]
    # a mean that is not zero elsewhere in the video must not turn silence into sound
    sound = np.zeros(64_000, np.float32)
    sound[:16_000] = make_sound("speech", 1.0)[::3] + 0.05
    log_mel = absolute_log_mel(sound)
    assert np.unique(relative(log_mel[200:400])).tolist() == [-80.0]
    assert np.unique(relative(absolute_log_mel(np.full(32_000, 0.25, np.float32)))[2:-2]).tolist() == [-80.0]


def test_a_sound_shorter_than_a_window_has_no_or_few_steps() -> None:
    assert absolute_log_mel(np.zeros(0, np.float32)).shape == (0, 40)
    assert absolute_log_mel(np.zeros(159, np.float32)).shape == (0, 40)
    assert np.isfinite(absolute_log_mel(np.ones(170, np.float32))).all()
