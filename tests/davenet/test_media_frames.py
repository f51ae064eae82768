"""Frames by time against the number drawn in each frame, on the kinds of files where other readers go wrong."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from media_maker import frame_number, frame_times, make_video
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.media.frames import FrameReader, frames_at, timed_frames
from davenet.media.probe import probe
from davenet.media.source import open_source

SECONDS = 12.0
KINDS: dict[str, dict[str, object]] = {
    "cfr.mp4": {},
    "vfr.mp4": {"vfr": True},
    "vfr.mkv": {"vfr": True, "gop": 250},
    "long-gop.mp4": {"gop": 250, "b_frames": 3},
    "transport.ts": {"gop": 50, "start_s": 1.4, "sound": None},
    "late-start.mp4": {"start_s": 5.0, "sound": None},
    "no-b-frames.mp4": {"b_frames": 0},
    "turned.mp4": {"rotation": 90},
    "intra.avi": {"codec": "mjpeg", "sound": None},
    "ntsc.mp4": {"frame_rate": 30000 / 1001},
}


@pytest.fixture(scope="module", params=sorted(KINDS))
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A video and when each of its frames begins, on its clock."""
    options = dict(KINDS[request.param])
    if options.get("codec") == "mjpeg":
        options["pixel_format"] = "yuvj420p"
    path = make_video(tmp_path_factory.mktemp("frames") / request.param, seconds=SECONDS, **options)  # type: ignore[arg-type]
    times = frame_times(SECONDS, float(options.get("frame_rate", 25)), bool(options.get("vfr")))  # type: ignore[arg-type]
    return path, times


def upright(path: Path, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turns a frame of turned.mp4 back, so that its number can be read as it was drawn."""
    return np.rot90(rgb) if path.name == "turned.mp4" else rgb


def shown_at(times: list[float], time_s: float) -> int:
    """The slow reference: the last frame whose time is not later."""
    number = 0
    for candidate, begin_s in enumerate(times):
        if begin_s <= time_s:
            number = candidate
    return number


def test_every_seek_shows_the_right_frame(video: tuple[Path, list[float]]) -> None:
    path, times = video
    middles = [(a + b) / 2 for a, b in zip(times, [*times[1:], times[-1] + 0.03], strict=True)]
    order = np.random.default_rng(7).permutation(len(times))[:50]
    with FrameReader(path) as reader:
        for number in order:
            time_s, rgb = reader.frame_at(middles[number])
            assert frame_number(upright(path, rgb)) == number
            assert time_s == pytest.approx(times[number], abs=0.002)


def test_small_steps_forth_and_back_show_the_right_frame(video: tuple[Path, list[float]]) -> None:
    path, times = video
    with FrameReader(path) as reader:
        for number in [40, 41, 42, 41, 40, 39, 38, 37, 36, 30, 31, 55, 54]:
            _, rgb = reader.frame_at(times[number] + 0.005)
            assert frame_number(upright(path, rgb)) == number


def test_next_follows_the_frame_last_returned(video: tuple[Path, list[float]]) -> None:
    path, times = video
    with FrameReader(path) as reader:
        reader.frame_at(times[-4] + 0.005)
        numbers = []
        while (following := reader.next()) is not None:
            numbers.append(frame_number(upright(path, following[1])))
    assert numbers == [len(times) - 3, len(times) - 2, len(times) - 1]


def test_times_outside_the_video_show_its_first_and_last_frame(video: tuple[Path, list[float]]) -> None:
    path, times = video
    with FrameReader(path) as reader:
        assert frame_number(upright(path, reader.frame_at(1000.0)[1])) == len(times) - 1
        assert frame_number(upright(path, reader.frame_at(-3.0)[1])) == 0
        assert frame_number(upright(path, reader.frame_at(6.001)[1])) == shown_at(times, 6.001)


def test_one_pass_agrees_with_the_slow_reference(video: tuple[Path, list[float]]) -> None:
    path, times = video
    asked = [-1.0, 0.0, 0.001, 0.5, 1.003, 1.004, 2.303, 5.013, 7.777, 9.001, 11.903, 40.0]
    found = list(frames_at(path, asked, None))
    assert [time_s for time_s, _ in found] == asked
    assert [frame_number(upright(path, rgb)) for _, rgb in found] == [shown_at(times, time_s) for time_s in asked]


def test_decoding_only_what_is_wanted_gives_the_same_pixels(video: tuple[Path, list[float]]) -> None:
    path, times = video
    with open_source(path) as source:
        every = [(time_s, frame.to_ndarray(format="rgb24")) for time_s, frame in timed_frames(source)]
    assert len(every) == len(times)
    for asked, rgb in frames_at(path, [0.301, 3.333, 8.123], None):
        reference = next(pixels for time_s, pixels in reversed(every) if time_s <= asked)
        assert np.array_equal(upright(path, rgb), reference)


def test_a_turned_video_comes_out_upright(tmp_path: Path) -> None:
    for rotation, turns in ((90, 1), (180, 2), (270, 3)):
        path = make_video(tmp_path / f"{rotation}.mp4", seconds=1, rotation=rotation)
        info = probe(path)
        assert info.rotation == rotation
        _, rgb = next(frames_at(path, [0.2], None))
        assert rgb.shape == (info.height, info.width, 3)
        assert frame_number(np.rot90(rgb, turns)) == 5  # drawn before the clockwise turn


def test_the_shorter_side_is_resized_whatever_the_shape(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1, size=(320, 180))
    turned = make_video(tmp_path / "b.mp4", seconds=1, size=(320, 180), rotation=90)
    assert next(frames_at(path, [0], 90))[1].shape == (90, 160, 3)
    assert next(frames_at(path, [0], 256))[1].shape == (256, 455, 3)
    assert next(frames_at(turned, [0], 90))[1].shape == (160, 90, 3)


def test_a_damaged_stretch_is_skipped_and_the_rest_is_right(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", seconds=8, sound=None)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)
    with FrameReader(path) as reader:
        assert frame_number(reader.frame_at(1.001)[1]) == 25
        assert frame_number(reader.frame_at(7.501)[1]) == 187


def test_frames_of_a_file_without_picture_are_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1, picture=False)
    with pytest.raises(UserError, match="no picture"):
        FrameReader(path)
    with pytest.raises(UserError, match="no picture"):
        next(frames_at(path, [0.0], None))


@pytest.mark.real
def test_the_clock_burned_into_a_real_video_agrees_with_the_frames_times(shared_data: Path) -> None:
    """Reads the white digits of 01:00:SS:FF with the digits of the clock's own first ten seconds as templates."""
    path = shared_data / "videos" / "autoeditor_example_banana_at_40s.mp4"
    asked = [float(second) for second in range(43)]
    clocks = [_digits(rgb) for _, rgb in frames_at(path, asked, None)]
    zero, one = clocks[0][0], clocks[0][1]  # the hour, 01, never changes
    templates = [clocks[second][5] for second in range(10)]
    assert _nearest(zero, templates) == 0 and _nearest(one, templates) == 1
    for second, clock in enumerate(clocks):
        assert [_nearest(glyph, templates) for glyph in clock] == [0, 1, 0, 0, *divmod(second, 10), 0, 0]
    with FrameReader(path) as reader:
        for time_s in (40.0, 3.5, 33.0 + 7 / 30):
            clock = _digits(reader.frame_at(time_s + 0.01)[1])
            frame = round(time_s % 1 * 30)
            expected = [0, 1, 0, 0, *divmod(int(time_s), 10), *divmod(frame, 10)]
            assert [_nearest(glyph, templates) for glyph in clock] == expected


def _digits(rgb: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Returns the eight white digits of the clock, from left to right, each at 24 × 36 pixels."""
    white = (rgb.min(axis=2) > 170).astype(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(white)
    tall = sorted(box for box in boxes[1:].tolist() if box[3] > 20)
    assert len(tall) == 8, tall
    return [cv2.resize(rgb[y : y + h, x : x + w].min(axis=2), (24, 36)) for x, y, w, h, _ in tall]


def _nearest(glyph: NDArray[np.uint8], templates: list[NDArray[np.uint8]]) -> int:
    return int(np.argmin([np.abs(glyph.astype(float) - template).mean() for template in templates]))
