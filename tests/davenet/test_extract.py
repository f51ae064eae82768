"""Extraction: the right frames and sound in one clip file a video, whatever stops or fails on the way."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from media_maker import frame_number, frame_times, make_video

from davenet import events
from davenet.clips import open_clip
from davenet.media.extract import extract_videos
from davenet.media.log_mel import absolute_log_mel
from davenet.media.sound import read_sound
from davenet.specs import ExtractSpec, VideoRef


def extract(spec: ExtractSpec, emitted: list[events.Event] | None = None) -> dict[str, list[object]]:
    return extract_videos(spec, (emitted if emitted is not None else []).append, lambda: False)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def spec_of(folder: Path, *paths: Path, **options: object) -> ExtractSpec:
    videos = [VideoRef(uid=path.stem, path=path) for path in paths]
    return ExtractSpec(videos=videos, clips_dir=folder / "clips", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("vfr", [False, True])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_each_second_has_the_frame_shown_then_and_all_sound_is_there(tmp_path: Path, name: str, vfr: bool) -> None:
    path = make_video(tmp_path / name, seconds=6, vfr=vfr, gop=250)
    assert extract(spec_of(tmp_path, path))["extracted"] == ["a"]
    clip = open_clip(tmp_path / "clips" / "a.safetensors")
    times = frame_times(6, 25, vfr)
    assert clip.frame_times_s.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    for index, second in enumerate(clip.frame_times_s):
        shown = max(number for number, begin_s in enumerate(times) if begin_s <= second)
        assert frame_number(clip.frame_rgb(index)) == shown
        assert clip.frame_rgb(index).shape == (256, 455, 3)
    expected = absolute_log_mel(read_sound(path))
    assert clip.log_mel.shape == expected.shape
    assert np.abs(clip.log_mel.astype(np.float32) - expected).max() < 0.07  # float16
    beep = np.flatnonzero(clip.log_mel[:, 12] > clip.log_mel[:, 12].max() - 20)
    assert {round(step / 100) for step in beep.tolist() if step % 100 < 5} == {0, 1, 2, 3, 4, 5}


def test_other_rates_and_sizes_are_kept_to(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=3)
    extract(spec_of(tmp_path, path, frame_rate=4.0, shorter_side=90))
    clip = open_clip(tmp_path / "clips" / "a.safetensors")
    assert clip.frame_times_s.tolist() == [k / 4 for k in range(12)]
    assert [frame_number(clip.frame_rgb(k)) for k in range(12)] == [int(k / 4 * 25) for k in range(12)]
    assert clip.frame_rgb(0).shape == (90, 160, 3)


def test_what_is_done_is_skipped_until_settings_or_source_change(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=2)
    spec = spec_of(tmp_path, path)
    clip = tmp_path / "clips" / "a.safetensors"
    assert extract(spec)["extracted"] == ["a"]
    first = clip.stat().st_mtime_ns
    assert extract(spec) == {"extracted": [], "skipped": ["a"], "unusable": []}
    assert clip.stat().st_mtime_ns == first
    assert extract(spec_of(tmp_path, path, shorter_side=128))["extracted"] == ["a"]
    make_video(path, seconds=3)
    assert extract(spec_of(tmp_path, path, shorter_side=128))["extracted"] == ["a"]
    assert extract(spec_of(tmp_path, path, shorter_side=128, force=True))["extracted"] == ["a"]
    clip.write_bytes(clip.read_bytes()[:500])
    assert extract(spec_of(tmp_path, path, shorter_side=128))["extracted"] == ["a"]


def test_one_bad_video_never_stops_the_rest(tmp_path: Path) -> None:
    good = make_video(tmp_path / "good.mp4", seconds=1)
    silent = make_video(tmp_path / "silent.mp4", seconds=1, sound=None)
    (tmp_path / "text.mp4").write_text("nothing to see")
    emitted: list[events.Event] = []
    bad = [silent, tmp_path / "text.mp4", tmp_path / "gone.mp4"]
    result = extract(spec_of(tmp_path, *bad, good), emitted)
    assert result["extracted"] == ["good"]
    reasons = {item["uid"]: item["reason"] for item in result["unusable"]}  # type: ignore[index, call-overload]
    assert "has no sound" in reasons["silent"] and "not a video" in reasons["text"]
    assert "does not exist" in reasons["gone"]
    assert {event.item for event in emitted if isinstance(event, events.Skipped)} == {"silent", "text", "gone"}
    assert names_in(tmp_path / "clips") == ["extract-report.csv", "good.safetensors"]
    with open(tmp_path / "clips" / "extract-report.csv", encoding="utf-8", newline="") as file:
        rows = {row["video"]: row for row in csv.DictReader(file)}
    assert {uid: row["state"] for uid, row in rows.items()} == dict.fromkeys(reasons, "unusable") | {
        "good": "extracted"
    }
    assert {uid: rows[uid]["reason"] for uid in reasons} == reasons


def test_progress_counts_seconds_of_video_up_to_all_of_them(tmp_path: Path) -> None:
    paths = [make_video(tmp_path / f"{name}.mp4", seconds=2) for name in "ab"]
    emitted: list[events.Event] = []
    extract(spec_of(tmp_path, *paths), emitted)
    assert isinstance(emitted[0], events.Started) and emitted[0].unit == "s of video"
    progress = [event for event in emitted if isinstance(event, events.Progress) and event.total is not None]
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert progress[-1].done == progress[-1].total == pytest.approx(4.0)
    assert {"a.mp4", "b.mp4"} <= {event.note for event in progress}


def test_a_stopped_extraction_keeps_the_finished_clips_and_nothing_else(tmp_path: Path) -> None:
    paths = [make_video(tmp_path / f"{name}.mp4", seconds=2) for name in "ab"]
    clips = tmp_path / "clips"
    with pytest.raises(events.Stop) as stopped:
        extract_videos(spec_of(tmp_path, *paths, jobs=1), lambda event: None, (clips / "a.safetensors").exists)
    assert stopped.value.args[0]["extracted"] == ["a"]
    assert names_in(clips) == ["a.safetensors", "extract-report.csv"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX only")
def test_a_killed_extraction_leaves_whole_files_only_and_the_next_one_finishes(tmp_path: Path) -> None:
    first = make_video(tmp_path / "v0.mp4", seconds=20)
    paths = [first] + [Path(shutil.copy(first, tmp_path / f"v{k}.mp4")) for k in range(1, 12)]
    spec = spec_of(tmp_path, *paths)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "davenet", "extract", "--spec", str(tmp_path / "spec.json")]
    for n_finished in (1, 3):
        job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(list(spec.clips_dir.glob("*.safetensors"))) < n_finished and job.poll() is None:
            time.sleep(0.005)
        job.send_signal(signal.SIGKILL)
        job.wait()
        for path in spec.clips_dir.glob("*.safetensors"):
            assert open_clip(path).n_frames == 20
    dead = spec.clips_dir / f".v3.safetensors.{job.pid}.part"
    dead.write_bytes(b"half a clip")
    alive = spec.clips_dir / f".v4.safetensors.{os.getppid()}.part"
    alive.write_bytes(b"another job is writing this")
    result = extract(spec)
    assert len(result["extracted"]) + len(result["skipped"]) == 12 and len(result["skipped"]) >= 3
    assert not dead.exists() and alive.exists()


@pytest.mark.skipif(os.name != "posix", reason="limits on the size of files are POSIX only")
@pytest.mark.parametrize("names", ["b", "abc"])
def test_a_disk_that_takes_no_more_ends_the_job_with_a_sentence_and_keeps_what_is_finished(
    tmp_path: Path, names: str
) -> None:
    small = make_video(tmp_path / "a.mp4", seconds=2)
    paths = [small, *(make_video(tmp_path / f"{name}.mp4", seconds=20) for name in "bc")]
    spec = spec_of(tmp_path, *(path for path in paths if path.stem in names), jobs=1)
    extract(spec_of(tmp_path, small))
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    limited = f"ulimit -f 400; exec {sys.executable} -m davenet extract --spec {tmp_path / 'spec.json'}"
    ran = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert ran.returncode == 2, ran.stderr
    last = events.from_line(ran.stdout.splitlines()[-1])
    assert isinstance(last, events.Failed) and not last.bug
    assert re.search(r"(b|c)\.safetensors.* is larger than its disk or this account allows", last.message)
    assert [name for name in names_in(spec.clips_dir) if name != "extract-report.csv"] == ["a.safetensors"]


def test_the_job_runs_as_a_process_and_prints_events_only(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, make_video(tmp_path / "a.mp4", seconds=1))
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "davenet", "extract", "--spec", str(tmp_path / "spec.json")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [events.from_line(line) for line in ran.stdout.splitlines()]
    assert None not in lines
    assert lines[-1] == events.Finished({"extracted": ["a"], "skipped": [], "unusable": []})


@pytest.mark.real
def test_real_videos_give_clips_of_their_length(shared_data: Path, tmp_path: Path) -> None:
    names = {  # frames, steps
        "videos/pllava_cooking_show_cocoa.mp4": (7, 640),
        "videos/decord_flipping_a_pancake.mkv": (11, 1036),
        "hard/iphone_rot90.mov": (5, 401),
        "hard/flir_thermal_vfr_audio_start_0.19.mp4": (12, 1126),
        "hard/audio_shorter_than_video.mp4": (2, 76),
        "hard/no_duration.webm": (5, 487),
        "hard/sony_a7_interlaced_start_1.12.mts": (1, 54),
        "hard/phone_hdr10_av1_10bit_portrait.mp4": (5, 420),
        "hard/mkv_ac3_start_0.067.mkv": (2, 107),
        "hard/rot_180_vfr_mono.mp4": (3, 241),
    }
    spec = spec_of(tmp_path, *(shared_data / name for name in names))
    assert len(extract(spec)["extracted"]) == len(names)
    for video, (n_frames, n_steps) in zip(spec.videos, names.values(), strict=True):
        clip = open_clip(spec.clips_dir / f"{video.uid}.safetensors")
        assert (clip.n_frames, len(clip.log_mel)) == (n_frames, n_steps), video.uid
        assert min(clip.frame_rgb(n_frames - 1).shape[:2]) == 256
        assert json.loads(clip.metadata["settings"])["jpeg_quality"] == 90


@pytest.mark.real
def test_a_silent_black_video_has_silence_at_the_floor(shared_data: Path, tmp_path: Path) -> None:
    extract(spec_of(tmp_path, shared_data / "hard" / "silent_black_25s.mp4"))
    clip = open_clip(tmp_path / "clips" / "silent_black_25s.safetensors")
    segment, n_valid = clip.segment(12.0, 2.0)
    assert n_valid == 200 and np.unique(segment).tolist() == [-80.0]
    assert clip.n_frames == 25 and clip.frame_rgb(10).max() < 8
