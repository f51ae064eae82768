"""Written videos, decoded back: each frame, both tracks' lengths, and the sound in its place."""

import os
from pathlib import Path

import numpy as np
import pytest
from media_maker import draw_number, frame_number, make_video

from davenet.errors import UserError
from davenet.media.encode import VideoWriter
from davenet.media.frames import FrameReader, timed_frames
from davenet.media.probe import probe
from davenet.media.sound import read_sound
from davenet.media.source import open_source

SIZE = (320, 180)


def write(
    path: Path, n_frames: int, frame_rate: float, sound: Path | None, start_s: float, end_s: float | None
) -> None:
    with VideoWriter(path, *SIZE, frame_rate, sound, start_s, end_s) as writer:
        for number in range(n_frames):
            writer.write(draw_number(number, SIZE))


@pytest.mark.parametrize(("frame_rate", "start_s", "end_s"), [(25, 2.5, 6.0), (24, 0.0, 3.0), (30000 / 1001, 1.3, 4.3)])
def test_frames_and_sound_come_back_in_their_places(
    tmp_path: Path, frame_rate: float, start_s: float, end_s: float
) -> None:
    source = make_video(tmp_path / "source.mp4", seconds=8)
    n_frames = round((end_s - start_s) * frame_rate)
    out = tmp_path / "out.mp4"
    write(out, n_frames, frame_rate, source, start_s, end_s)
    with open_source(out) as made:
        shown = [(time_s, frame_number(frame.to_ndarray(format="rgb24"))) for time_s, frame in timed_frames(made)]
    assert [number for _, number in shown] == list(range(n_frames))
    assert [time_s for time_s, _ in shown] == pytest.approx([k / frame_rate for k in range(n_frames)], abs=1e-3)
    info = probe(out)
    assert (info.video_codec, info.sound_codec, info.width, info.height) == ("h264", "aac", *SIZE)
    assert info.duration_s == pytest.approx(end_s - start_s, abs=0.05)
    sound = read_sound(out)
    assert len(sound) / 16_000 == pytest.approx(end_s - start_s, abs=0.05)
    first_beep = np.flatnonzero(np.abs(sound[160:]) > 0.1)[0] / 16_000 + 0.01 if start_s % 1 else 0.0
    assert first_beep == pytest.approx(-start_s % 1, abs=0.003)


def test_odd_sizes_are_made_even_and_silent_videos_can_be_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 321, 181, 10) as writer:
        for number in range(5):
            writer.write(draw_number(number, (321, 181)))
    info = probe(tmp_path / "out.mp4", need_sound=False)
    assert (info.width, info.height, info.has_sound) == (320, 180, False)
    with FrameReader(tmp_path / "out.mp4") as reader:
        assert frame_number(reader.frame_at(0.41)[1]) == 4


def test_nothing_appears_when_the_writing_fails(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no more frames"), VideoWriter(tmp_path / "out.mp4", *SIZE, 25) as writer:
        writer.write(draw_number(0, SIZE))
        assert not (tmp_path / "out.mp4").exists()
        raise RuntimeError("no more frames")
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_sound_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", seconds=1, sound=None)
    with pytest.raises(UserError, match="has no sound"):
        write(tmp_path / "out.mp4", 5, 25, source, 0.0, None)
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / f".out.mp4.{os.getpid()}.part").symlink_to("/dev/full")
    noise = np.random.default_rng(0)
    with pytest.raises(UserError, match="disk is full"), VideoWriter(tmp_path / "out.mp4", *SIZE, 25) as writer:
        for _ in range(60):
            writer.write(noise.integers(0, 255, (180, 320, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
