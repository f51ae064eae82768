"""Sparse decoding gives the frame of each second, to the last bit of its JPEG, whatever the container and codec."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media_maker import frame_number, make_video

from davenet.clips import Clip, clip_path, open_clip
from davenet.media.extract_video import ExtractReport, extract_video
from davenet.media.picture import pixel_shape, to_pixels
from davenet.media.references import Role, role_reader
from davenet.media.sound import read_sound
from davenet.media.source import open_source, packets
from davenet.specs import ExtractSettings, VideoRef

REAL = (
    "videos/pllava_cooking_show_cocoa.mp4",
    "videos/nasa_13013.mp4",
    "videos/decord_flipping_a_pancake.mkv",
    "hard/android_rot90_1.3s.mp4",
    "hard/audio_shorter_than_video.mp4",
    "hard/empty_second_track.mp4",
    "hard/flir_thermal_vfr_audio_start_0.19.mp4",
    "hard/h264_mono_pcm_s16be.mp4",
    "hard/iphone_rot90.mov",
    "hard/mkv_ac3_start_0.067.mkv",
    "hard/no_duration.webm",
    "hard/phone_hdr10_av1_10bit_portrait.mp4",
    "hard/portrait_h264.mp4",
    "hard/rot_180_vfr_mono.mp4",
    "hard/silent_black_25s.mp4",
    "hard/sony_a7_interlaced_start_1.12.mts",
    "hard/vp9_vorbis_5.1.webm",
)


def extracted(path: Path, folder: Path, **settings: object) -> tuple[Clip, ExtractReport]:
    wanted = ExtractSettings(**settings)  # type: ignore[arg-type]
    report = extract_video(VideoRef(uid=path.stem, path=path), wanted, folder, force=True)
    assert report.state == "extracted", report.reason
    return open_clip(clip_path(folder, path.stem)), report


def shown_frames(path: Path, frame_rate: float) -> Iterator[tuple[float, bytes]]:
    """Yields (second, JPEG) of a slow reference: every frame is decoded, the last one at or before a second is its."""
    with open_source(path) as source:
        assert source.picture is not None
        source.picture.thread_type = "NONE"
        shape = pixel_shape(source.picture)
        shown, k = None, None
        last_s, gaps = 0.0, []
        for packet in source.container.demux(source.picture):
            for frame in packet.decode():
                time_s = source.clock_s(frame)
                assert time_s is not None
                if shown is None:
                    k = max(0, round(time_s * frame_rate - 1e-6))
                else:
                    gaps.append(time_s - last_s)
                    while k / frame_rate < time_s - 1e-5:
                        yield k / frame_rate, jpeg_of(shown, shape)
                        k += 1
                shown, last_s = frame, time_s
        assert shown is not None and k is not None
        while k / frame_rate <= last_s + 1e-5:  # what is shown beyond the start of the last frame is not compared
            yield k / frame_rate, jpeg_of(shown, shape)
            k += 1


def jpeg_of(frame: av.VideoFrame, shape: Fraction) -> bytes:
    pixels = to_pixels(frame, shape, 256, order="bgr24")
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def assert_as_shown(path: Path, folder: Path, frame_rate: float) -> None:
    clip, _ = extracted(path, folder, frame_rate=frame_rate)
    expected = list(shown_frames(path, frame_rate))
    assert clip.frame_times_s.tolist()[: len(expected)] == [second for second, _ in expected]
    assert len(expected) <= clip.n_frames <= len(expected) + 1 + frame_rate / 20
    for index, (second, jpeg) in enumerate(expected):
        assert clip.frame_jpeg(index).tobytes() == jpeg, f"another frame at {second} s of {path.name}"


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_every_frame_of_real_videos_is_the_one_shown(shared_data: Path, tmp_path: Path, name: str) -> None:
    assert_as_shown(shared_data / name, tmp_path, 3.3)


@pytest.mark.parametrize("gop", [7, 25, 250])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_what_is_left_undecoded_between_wanted_frames_changes_none(tmp_path: Path, name: str, gop: int) -> None:
    start_s = 7.25 if name == "a.ts" else 0.0
    path = make_video(tmp_path / name, seconds=6, gop=gop, b_frames=3, start_s=start_s, vfr=True)
    for frame_rate in (0.4, 1.0, 10.0):
        assert_as_shown(path, tmp_path / "clips", frame_rate)


@pytest.mark.parametrize(("codec", "name"), [("libx265", "a.mp4"), ("libvpx-vp9", "a.webm")])
def test_other_codecs_give_the_frame_shown_too(tmp_path: Path, codec: str, name: str) -> None:
    path = make_video(tmp_path / name, seconds=3, codec=codec, gop=20)
    for frame_rate in (1.0, 6.0):
        assert_as_shown(path, tmp_path / "clips", frame_rate)


def cut_by_copy(path: Path, out: Path, start_s: float) -> Path:
    """Copies a video's packets from the keyframe before a second on; the file tells players to begin at that second."""
    with av.open(str(path)) as given, av.open(str(out), "w", options={"movflags": "use_metadata_tags"}) as made:
        picture, sound = given.streams.video[0], given.streams.audio[0]
        copies = {stream.index: made.add_stream_from_template(stream) for stream in (picture, sound)}
        given.seek(round(start_s * av.time_base), any_frame=False)
        for packet in given.demux(picture, sound):
            if packet.dts is None:
                continue
            shift = round(Fraction(start_s).limit_denominator(1000) / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copies[packet.stream.index]
            made.mux(packet)
    return out


def test_what_an_edit_list_cuts_away_is_not_shown(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", seconds=8, gop=50, b_frames=2)
    path = cut_by_copy(whole, tmp_path / "cut.mp4", 2.6)
    with open_source(path) as source:
        cut_away = [packet for packet in packets(source, source.picture) if packet.size and packet.is_discard]
    assert len(cut_away) > 5  # else this file tests nothing
    clip, _ = extracted(path, tmp_path / "clips")
    numbers = [frame_number(clip.frame_rgb(index)) for index in range(clip.n_frames)]
    assert numbers == [65 + 25 * second for second in range(clip.n_frames)] and clip.n_frames in (5, 6)
    assert_as_shown(path, tmp_path / "clips", 5.0)


def with_edits(path: Path, out: Path, edits: list[tuple[int, int]]) -> Path:
    """Rewrites the edit list of an MP4's first track, whose index lies at its end: (milliseconds, ticks to begin at)."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") - 4
    old_size = int.from_bytes(content[at : at + 4], "big")
    body = b"elst" + bytes(4) + len(edits).to_bytes(4, "big")
    body += b"".join(struct.pack(">IIHH", length, begin, 1, 0) for length, begin in edits)
    grown = 4 + len(body) - old_size
    for name in (b"moov", b"trak", b"edts"):
        box = content.rindex(name, 0, at) - 4
        size = int.from_bytes(content[box : box + 4], "big") + grown
        content[box : box + 4] = size.to_bytes(4, "big")
    content[at : at + old_size] = (4 + len(body)).to_bytes(4, "big") + body
    out.write_bytes(content)
    return out


def test_of_a_picture_edited_into_several_parts_only_these_are_shown(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", seconds=10, gop=100, b_frames=2)
    with av.open(str(whole)) as container:
        assert container.streams.video[0].time_base.numerator == 1
        second = container.streams.video[0].time_base.denominator
    path = with_edits(whole, tmp_path / "edited.mp4", [(2000, second), (3000, 6 * second)])
    assert_as_shown(path, tmp_path / "clips", 5.0)
    clip, _ = extracted(path, tmp_path / "clips", frame_rate=2.0)
    numbers = [frame_number(clip.frame_rgb(index)) for index in range(clip.n_frames)]
    # in the file's own time, two frames are decoded before the first is shown
    assert numbers[1:4] == pytest.approx([35, 48, 60], abs=1) and numbers[5:9] == pytest.approx(
        [160, 173, 185, 198], abs=1
    )


def roles_of(path: Path) -> list[Role]:
    with open_source(path) as source:
        assert source.picture is not None
        role_of = role_reader(source.picture)
        assert role_of is not None
        return [role_of(packet) for packet in packets(source, source.picture) if packet.size]


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_roles_are_read_in_both_ways_of_laying_units_end_to_end(tmp_path: Path, name: str) -> None:
    roles = roles_of(make_video(tmp_path / name, seconds=4, gop=25, b_frames=2))
    assert roles.count(Role.ANCHOR) == 4 and roles.count(Role.DISPOSABLE) > 30
    assert Role.DISPOSABLE not in roles_of(make_video(tmp_path / f"none-{name}", seconds=1, b_frames=0))


@pytest.mark.real
def test_roles_agree_with_what_the_decoder_skips(shared_data: Path) -> None:
    for name in ("videos/pllava_cooking_show_cocoa.mp4", "hard/torchcodec_hevc_10bit.mp4", "hard/portrait_h264.mp4"):
        n_decoded = {}
        for skipped in ("DEFAULT", "NONREF"):
            with av.open(str(shared_data / name)) as container:
                stream = container.streams.video[0]
                stream.codec_context.skip_frame = skipped
                n_decoded[skipped] = sum(1 for _ in container.decode(stream))
        assert roles_of(shared_data / name).count(Role.DISPOSABLE) == n_decoded["DEFAULT"] - n_decoded["NONREF"] > 0


@pytest.mark.parametrize(("frame_rate", "seconds"), [(6, 20), (25, 6)])
def test_the_nearest_reference_stands_for_a_second_where_one_is_near_else_the_frame_shown(
    tmp_path: Path, frame_rate: int, seconds: int
) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=seconds, frame_rate=frame_rate, gop=45, b_frames=3)
    exact, _ = extracted(path, tmp_path / "exact", frame_rate=5.0)
    near, _ = extracted(path, tmp_path / "near", frame_rate=5.0, nearest_reference=True)
    assert near.frame_times_s.tolist() == exact.frame_times_s.tolist()
    with open_source(path) as source:
        role_of = role_reader(source.picture)
        assert role_of is not None
        reference_s = sorted(
            source.clock_s(packet)
            for packet in packets(source, source.picture)
            if packet.size and role_of(packet) is not Role.DISPOSABLE
        )
    n_near = n_far = 0
    for index, second in enumerate(near.frame_times_s):
        nearest_s = min(reference_s, key=lambda time_s: abs(time_s - second))
        if abs(nearest_s - second) <= 0.1:
            n_near += 1
            assert frame_number(near.frame_rgb(index)) == round(nearest_s * frame_rate)
        else:
            n_far += 1
            assert near.frame_jpeg(index).tobytes() == exact.frame_jpeg(index).tobytes()
    assert n_near > 10 and (n_far > 10 or frame_rate == 25)


def test_where_no_frame_can_be_spared_the_nearest_reference_changes_sound_and_length_in_nothing(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", seconds=5, b_frames=3)
    exact, _ = extracted(path, tmp_path / "exact")
    near, _ = extracted(path, tmp_path / "near", nearest_reference=True)
    assert near.duration_s == exact.duration_s and np.array_equal(near.log_mel, exact.log_mel)
    assert near.frame_times_s.tolist() == exact.frame_times_s.tolist()


def with_two_sounds(path: Path) -> Path:
    """Writes a video whose picture begins at 0.4 s; its first sound is 440 Hz, its second, from 0.5 s on, 2000 Hz."""
    with av.open(str(path), "w") as made:
        video = made.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sounds = [made.add_stream("aac", rate=rate, layout="5.1") for rate in (48_000, 44_100)]
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + 10, Fraction(1, 25)
            made.mux(video.encode(frame))
        made.mux(video.encode(None))
        for stream, hertz, start_s in zip(sounds, (440, 2000), (0.0, 0.5), strict=True):
            times = np.arange(2 * stream.rate) / stream.rate
            tone = np.tile(np.sin(2 * np.pi * hertz * times) * 0.3, (6, 1)).astype(np.float32)
            for first in range(0, tone.shape[1], 1024):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(tone[:, first : first + 1024]), format="fltp", layout="5.1"
                )
                frame.sample_rate, frame.time_base = stream.rate, Fraction(1, stream.rate)
                frame.pts = first + round(start_s * stream.rate)
                made.mux(stream.encode(frame))
            made.mux(stream.encode(None))
    return path


def loudest_hz(sound: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * 16_000 / len(sound))


def test_the_default_sound_is_taken_or_the_one_asked_for_on_the_same_clock(tmp_path: Path) -> None:
    path = with_two_sounds(tmp_path / "a.mp4")
    usual, _ = extracted(path, tmp_path / "usual", frame_rate=10.0)
    first, _ = extracted(path, tmp_path / "first", frame_rate=10.0, audio_track=1)
    second, _ = extracted(path, tmp_path / "second", frame_rate=10.0, audio_track=2)
    assert np.array_equal(usual.log_mel, first.log_mel) and not np.array_equal(
        usual.log_mel[:190], second.log_mel[:190]
    )
    assert loudest_hz(read_sound(path, start_s=0.6, end_s=1.6)) == pytest.approx(440, abs=3)
    assert loudest_hz(read_sound(path, start_s=0.6, end_s=1.6, audio_track=2)) == pytest.approx(2000, abs=3)
    assert not read_sound(path, end_s=0.4, audio_track=2).any()
    assert usual.frame_times_s.tolist() == second.frame_times_s.tolist()
    third = extract_video(VideoRef(uid="a", path=path), ExtractSettings(audio_track=3), tmp_path)
    assert third.state == "unusable" and "2 sound tracks, and no track 3" in third.reason


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 96_000])
def test_sound_of_any_rate_keeps_its_time_and_pitch(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as made:
        stream = made.add_stream("pcm_s16le", rate=rate, layout="stereo")
        tone = np.sin(2 * np.pi * 1000 * np.arange(3 * rate) / rate) * (np.arange(3 * rate) >= rate)
        frame = av.AudioFrame.from_ndarray(
            (tone * 9000).astype(np.int16).repeat(2)[None], format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    sound = read_sound(path)
    assert abs(len(sound) - 48_000) < 64 and loudest_hz(sound[17_000:47_000]) == pytest.approx(1000, abs=1)
    assert np.flatnonzero(np.abs(sound) > 0.05)[0] == pytest.approx(16_000, abs=40)


def test_times_of_frames_of_any_rate_are_k_over_it(tmp_path: Path) -> None:
    clip, _ = extracted(make_video(tmp_path / "a.mp4", seconds=3, vfr=True), tmp_path / "clips", frame_rate=2.5)
    assert all(b - a == pytest.approx(0.4) for a, b in pairwise(clip.frame_times_s))
