"""The clip file: what is written comes back, other readers understand it, and damage is told in one sentence."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from davenet.clips import Clip, open_clip, write_clip
from davenet.errors import UserError


def jpeg(value: int) -> bytes:
    """A plain grey JPEG."""
    return cv2.imencode(".jpg", np.full((16, 24, 3), value, np.uint8))[1].tobytes()


def make_clip(path: Path, *, n_frames: int = 3, n_steps: int = 500) -> Path:
    log_mel = np.linspace(-90, 0, n_steps)[:, None] + np.zeros((1, 40))
    times = np.arange(n_frames) * 1.0
    metadata = {"video": "pan-01234567", "duration_s": "5.25", "note": "crème"}
    write_clip(
        path,
        frames_jpeg=[jpeg(40 * k) for k in range(n_frames)],
        frame_times_s=times,
        log_mel=log_mel,
        metadata=metadata,
    )
    return path


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "pan.safetensors"))
    assert (clip.video_uid, clip.duration_s, clip.n_frames, clip.metadata["note"]) == ("pan-01234567", 5.25, 3, "crème")
    assert clip.frame_times_s.tolist() == [0.0, 1.0, 2.0] and clip.frame_times_s.dtype == np.float64
    assert clip.log_mel.shape == (500, 40) and clip.log_mel.dtype == np.float16
    assert bytes(clip.frame_jpeg(1)) == jpeg(40)
    assert clip.frame_rgb(2).shape == (16, 24, 3) and abs(int(clip.frame_rgb(2)[0, 0, 0]) - 80) <= 2
    with pytest.raises(IndexError):
        clip.frame_jpeg(3)


def test_safetensors_reads_the_same_arrays(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "pan.safetensors")
    clip = open_clip(path)
    with safe_open(path, framework="np") as other:
        assert set(other.keys()) == {"frames_jpeg", "frame_offsets", "frame_times_s", "log_mel"}
        assert other.metadata()["video"] == "pan-01234567"
        assert np.array_equal(other.get_tensor("log_mel"), clip.log_mel)
        assert np.array_equal(other.get_tensor("frame_times_s"), clip.frame_times_s)
        joined, offsets = other.get_tensor("frames_jpeg"), other.get_tensor("frame_offsets")
        assert bytes(joined[offsets[2] : offsets[3]]) == jpeg(80)


def test_the_nearest_frame_is_found(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "pan.safetensors"))
    assert [clip.nearest_frame(time_s) for time_s in (-5.0, 0.4, 0.6, 1.0, 1.51, 99.0)] == [0, 0, 1, 1, 2, 2]


def test_a_segment_is_relative_to_its_own_maximum_and_padded_with_silence(tmp_path: Path) -> None:
    clip = open_clip(make_clip(tmp_path / "pan.safetensors"))
    segment, n_valid = clip.segment(2.0, 2.0)
    assert segment.shape == (40, 200) and segment.dtype == np.float32 and n_valid == 200
    assert segment.max() == 0.0
    assert np.allclose(
        segment[7], clip.log_mel[100:300, 7].astype(np.float32) - np.float32(clip.log_mel[299, 7]), atol=1e-6
    )
    at_start, n_at_start = clip.segment(0.5, 2.0)
    assert n_at_start == 150 and (at_start[:, 150:] == -80).all() and at_start[0, 149] == 0.0
    at_end, n_at_end = clip.segment(5.0, 2.0)
    assert n_at_end == 100 and (at_end[:, 100:] == -80).all() and at_end[0, 99] == 0.0
    outside, n_outside = clip.segment(50.0, 2.0)
    assert n_outside == 0 and (outside == -80).all()


def test_a_missing_foreign_or_newer_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        open_clip(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello, this is no clip file")
    with pytest.raises(UserError, match="not a clip file"):
        open_clip(tmp_path / "text.safetensors")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="damaged"):
        open_clip(tmp_path / "empty.safetensors")
    newer = make_clip(tmp_path / "newer.safetensors")
    newer.write_bytes(newer.read_bytes().replace(b'"version": "1"', b'"version": "9"'))
    with pytest.raises(UserError, match="newer version"):
        open_clip(newer)


@settings(deadline=None, max_examples=60)
@given(position=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_never_escapes_as_anything_but_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, position: float, value: int, cut: bool
) -> None:
    path = make_clip(tmp_path_factory.getbasetemp() / "damaged.safetensors", n_steps=20)
    data = bytearray(path.read_bytes())
    where = int(position * min(len(data), 700))  # the header and the small arrays
    if cut:
        del data[where:]
    else:
        data[where] = value
    path.write_bytes(data)
    try:
        clip = Clip(path)
        for index in range(clip.n_frames):
            clip.frame_rgb(index)
        clip.segment(1.0, 2.0)
    except UserError as error:
        assert "damaged.safetensors" in str(error)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_a_user_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pan.safetensors"
    (tmp_path / f".{path.name}.{os.getpid()}.part").symlink_to("/dev/full")  # where the temporary file will be written
    with pytest.raises(UserError, match="disk is full"):
        make_clip(path, n_steps=20_000)
    assert list(tmp_path.iterdir()) == []
