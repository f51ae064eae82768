"""What is said of each media file, good or bad: on generated files and on the real ones beside the checkout."""

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from media_maker import draw_number, make_video

from davenet import events
from davenet.errors import UserError
from davenet.media.encode import VideoWriter
from davenet.media.importing import import_videos
from davenet.media.probe import probe, video_uid
from davenet.specs import ImportSpec

NO_SOUND, NO_PICTURE = "has no sound", "has sound but no picture"

# file -> the reason against it, or (duration, shown size, clockwise rotation, uneven frame times)
HARD: dict[str, str | tuple[float, tuple[int, int], int, bool]] = {
    "ac3_5.1_plus_aac_two_tracks.mp4": NO_PICTURE,
    "amr_8k_audio_only.3gp": NO_PICTURE,
    "android_rot90_1.3s.mp4": (1.32, (720, 1280), 90, False),
    "audio_only_named_recipe.mp4": NO_PICTURE,
    "audio_shorter_than_video.mp4": (1.2, (320, 240), 0, False),
    "broken_no_moov.mp4": "truncated or damaged",
    "decord_corrupted.mp4": NO_SOUND,
    "decord_rot_180.mov": NO_SOUND,
    "decord_rot_90.mov": NO_SOUND,
    "empty_second_track.mp4": (1.07, (1080, 720), 0, False),
    "flir_thermal_vfr_audio_start_0.19.mp4": (11.35, (1080, 1440), 0, True),
    "h264_mono_pcm_s16be.mp4": (1.09, (1080, 720), 0, False),
    "iphone_rot90.mov": (4.0, (320, 568), 90, False),
    "long_362s_video_360s_audio.mp4": (362.77, (1920, 1080), 0, False),
    "mkv_ac3_start_0.067.mkv": (1.07, (1080, 720), 0, False),
    "no_duration.webm": (4.94, (1280, 720), 0, False),
    "phone_hdr10_av1_10bit_portrait.mp4": (4.24, (720, 1280), 0, False),
    "portrait_h264.mp4": (1.09, (720, 1080), 0, False),
    "rot_180_vfr_mono.mp4": (2.38, (1280, 720), 180, False),
    "silent_black_25s.mp4": (25.0, (320, 240), 0, False),
    "sony_a7_interlaced_start_1.12.mts": (0.54, (1920, 1080), 0, False),
    "torchcodec_av1.mkv": NO_SOUND,
    "torchcodec_h264_10bit.mp4": NO_SOUND,
    "torchcodec_hevc_10bit.mp4": NO_SOUND,
    "truehd_7.1_no_video.mp4": NO_PICTURE,
    "vfr_1080p_no_audio.mp4": NO_SOUND,
    "vp9_10bit.webm": NO_SOUND,
    "vp9_invalid_bitstream.webm": NO_SOUND,
    "vp9_vorbis_5.1.webm": (1.01, (960, 540), 0, False),
}


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(HARD))
def test_each_hard_file_is_described_or_refused_with_its_reason(shared_data: Path, name: str) -> None:
    expected = HARD[name]
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected) as refused:
            probe(shared_data / "hard" / name)
        assert name in str(refused.value) and "\n" not in str(refused.value)
        return
    info = probe(shared_data / "hard" / name)
    duration_s, size, rotation, _ = expected
    assert info.duration_s == pytest.approx(duration_s, abs=0.02)
    assert ((info.width, info.height), info.rotation) == (size, rotation)
    assert info.has_video and info.has_sound


@pytest.mark.real
def test_no_hard_file_is_left_out_of_the_table(shared_data: Path) -> None:
    assert {path.name for path in (shared_data / "hard").iterdir()} <= set(HARD)


@pytest.mark.real
def test_uneven_frame_times_are_noticed_in_a_real_video(shared_data: Path) -> None:
    assert probe(shared_data / "hard" / "flir_thermal_vfr_audio_start_0.19.mp4").variable_rate is True
    assert probe(shared_data / "videos" / "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4").variable_rate is False


@pytest.mark.real
def test_a_picture_of_which_nothing_decodes_is_refused_as_such(shared_data: Path) -> None:
    with pytest.raises(UserError, match="Nothing of the picture"):
        probe(shared_data / "hard" / "vp9_invalid_bitstream.webm", need_sound=False)


@pytest.mark.real
def test_every_real_video_can_be_used(shared_data: Path) -> None:
    result = import_videos(ImportSpec(paths=[shared_data / "videos"]), lambda event: None, lambda: False)
    assert len(result["videos"]) == 5 and result["unusable"] == []
    nasa = next(video for video in result["videos"] if video["uid"].startswith("nasa"))
    assert (nasa["width"], nasa["height"], nasa["sound_rate"]) == (480, 270, 16000)  # the larger of two default streams
    assert nasa["duration_s"] == pytest.approx(13.056)  # its subtitles, which go on, are not counted


def test_an_ordinary_video_is_described(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=3, rotation=90)
    info = probe(path)
    assert dataclasses.replace(info, source_hash="", size_bytes=0, frame_rate=round(info.frame_rate, 3)) == (
        dataclasses.replace(
            info,
            duration_s=3.0,
            frame_rate=25.0,
            width=180,
            height=320,
            rotation=90,
            sound_rate=48000,
            sound_channels=1,
            video_codec="h264",
            sound_codec="aac",
            start_s=0.0,
            variable_rate=False,
            declared_s=3.0,
            source_hash="",
            size_bytes=0,
        )
    )


def test_uneven_frame_times_are_noticed(tmp_path: Path) -> None:
    assert probe(make_video(tmp_path / "a.mp4", seconds=4, vfr=True)).variable_rate is True
    assert probe(make_video(tmp_path / "b.mkv", seconds=4, vfr=True)).variable_rate is True
    assert probe(make_video(tmp_path / "c.mkv", seconds=4)).variable_rate is False


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp4", b"", "is empty"),
        ("letter.mp4", b"Dear cook, this is no video at all.\n" * 40, "is not a video"),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:10,\nsecret.ts\n#EXT-X-ENDLIST\n", "is a playlist"),
        ("concat.mp4", b"ffconcat version 1.0\nfile secret.ts\n", "is a playlist"),
    ],
)
def test_a_file_that_is_no_video_gets_its_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=reason):
        probe(tmp_path / name)


def test_a_playlist_named_mp4_never_opens_the_file_that_it_names(tmp_path: Path) -> None:
    make_video(tmp_path / "secret.ts", seconds=1)
    for text in (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{tmp_path / 'secret.ts'}'\n",
        f'<?xml version="1.0"?><MPD><BaseURL>{tmp_path / "secret.ts"}</BaseURL></MPD>',
    ):
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(UserError):
            probe(tmp_path / "list.mp4")


def test_a_missing_file_and_a_folder_get_their_reasons(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.mp4 does not exist"):
        probe(tmp_path / "nowhere.mp4")
    with pytest.raises(UserError, match="is a folder"):
        probe(tmp_path)


def test_a_file_cut_before_its_index_is_called_truncated(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", seconds=2)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(UserError, match="truncated"):
        probe(cut)


def test_a_matroska_file_cut_in_the_middle_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mkv", seconds=6)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert probe(cut).width == 320


def test_sound_without_picture_and_picture_without_sound_are_told_apart(tmp_path: Path) -> None:
    silent = make_video(tmp_path / "silent.mp4", seconds=1, sound=None)
    with pytest.raises(UserError, match=NO_SOUND):
        probe(silent)
    assert probe(silent, need_sound=False).sound_rate is None
    heard = make_video(tmp_path / "heard.mp4", seconds=1, picture=False)
    with pytest.raises(UserError, match=NO_PICTURE):
        probe(heard)
    assert probe(heard, need_picture=False).has_video is False


def test_uids_are_plain_and_follow_the_content() -> None:
    assert video_uid(Path("Crème brûlée (1).mp4"), "0123456789abcdef") == "creme-brulee-1-01234567"
    assert video_uid(Path("料理.mp4"), "0123456789abcdef") == "video-01234567"
    assert len(video_uid(Path("x" * 300 + ".mp4"), "0" * 16)) <= 49


def test_import_searches_folders_and_one_bad_file_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    make_video(tmp_path / "deep" / "er" / "good.MP4".lower(), seconds=1)
    (tmp_path / "deep" / "bad.mov").write_text("no")
    (tmp_path / "deep" / "notes.txt").write_text("not looked at")
    emitted: list[events.Event] = []
    missing = tmp_path / "missing.mp4"
    result = import_videos(ImportSpec(paths=[tmp_path / "deep", missing]), emitted.append, lambda: False)
    assert [Path(video["path"]).name for video in result["videos"]] == ["good.mp4"]
    assert [Path(item["path"]).name for item in result["unusable"]] == ["bad.mov", "missing.mp4"]
    assert isinstance(emitted[0], events.Started)
    assert sum(isinstance(event, events.Skipped) for event in emitted) == 2


def test_content_that_is_known_is_not_imported_twice(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1)
    first = import_videos(ImportSpec(paths=[path]), lambda event: None, lambda: False)
    uid = first["videos"][0]["uid"]
    (tmp_path / "renamed.mp4").write_bytes(path.read_bytes())
    again = import_videos(ImportSpec(paths=[tmp_path], known={uid: path}), lambda event: None, lambda: False)
    assert (again["videos"], again["known"]) == ([], [uid])


def test_a_folder_without_videos_is_said_so(tmp_path: Path) -> None:
    result = import_videos(ImportSpec(paths=[tmp_path]), lambda event: None, lambda: False)
    assert "holds no video files" in result["unusable"][0]["reason"]


def test_a_stopped_import_keeps_what_it_found(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        make_video(tmp_path / name, seconds=1, sound="beeps" if name == "a.mp4" else "speech")
    asked = iter([False, True])
    with pytest.raises(events.Stop) as stopped:
        import_videos(ImportSpec(paths=[tmp_path]), lambda event: None, lambda: next(asked))
    assert len(stopped.value.args[0]["videos"]) == 1


def test_a_truncated_file_with_its_index_in_front_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "whole.mp4", 320, 180, 25, make_video(tmp_path / "source.mp4", seconds=10)) as writer:
        for number in range(250):
            writer.write(draw_number(number, (320, 180)))
    whole = (tmp_path / "whole.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    emitted: list[events.Event] = []
    (video,) = import_videos(ImportSpec(paths=[cut]), emitted.append, lambda: False)["videos"]
    assert 2 < video["duration_s"] < 8 and video["declared_s"] == pytest.approx(10, abs=0.1)
    assert any(isinstance(event, events.Message) and "is cut off after" in event.text for event in emitted)


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder with a locked file, a locked folder and a folder that is read-only, for a user who is not root."""
    if os.name != "posix":
        pytest.skip("permission bits are POSIX only")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_video(folder / "locked.mp4", seconds=1).chmod(0)
        (folder / "locked").mkdir()
        make_video(folder / "locked" / "hidden.mp4", seconds=1)
        (folder / "locked").chmod(0)
        (folder / "readonly").mkdir(mode=0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            (folder / "locked").chmod(0o755)


def test_unreadable_files_and_folders_get_their_reasons(locked_folder: Path) -> None:
    with pytest.raises(UserError, match="No permission to read"):
        probe(locked_folder / "locked.mp4")
    paths = [locked_folder / "locked.mp4", locked_folder / "locked", locked_folder / "locked" / "hidden.mp4"]
    result = import_videos(ImportSpec(paths=paths), lambda event: None, lambda: False)
    by_path = {Path(item["path"]).name: item["reason"] for item in result["unusable"]}
    assert "No permission to read" in by_path["locked.mp4"] and "No permission to read" in by_path["hidden.mp4"]
    assert any(said in by_path["locked"] for said in ("cannot be read", "No permission to read"))


def test_a_video_is_not_written_into_a_folder_without_permission(locked_folder: Path) -> None:
    for folder in ("readonly", "locked"):
        with (
            pytest.raises(UserError, match="No permission to write"),
            VideoWriter(locked_folder / folder / "out.mp4", 320, 180, 25) as writer,
        ):
            writer.write(draw_number(0, (320, 180)))
