"""Extraction at corpus scale: many videos at once, killed anywhere, in memory that does not grow with a video's length."""

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_maker import make_sound, make_video

from davenet import events
from davenet.clips import open_clip
from davenet.media import workers
from davenet.media.extract import REPORT_NAME, extract_videos
from davenet.media.extract_video import ExtractReport, extract_video
from davenet.media.log_mel import absolute_log_mel, log_mel_blocks
from davenet.media.sound import read_sound
from davenet.media.spool import SoundSpool, Spool
from davenet.specs import ExtractSettings, ExtractSpec, VideoRef


def spec_of(folder: Path, paths: list[Path], **options: object) -> ExtractSpec:
    refs = [VideoRef(uid=path.stem, path=path) for path in paths]
    return ExtractSpec(videos=refs, clips_dir=folder, **options)  # type: ignore[arg-type]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != REPORT_NAME}


def copies(path: Path, n_copies: int) -> list[Path]:
    return [Path(shutil.copy(path, path.with_name(f"v{k}{path.suffix}"))) for k in range(n_copies)]


def test_two_at_once_write_what_one_by_one_writes(tmp_path: Path) -> None:
    paths = [make_video(tmp_path / f"{k}.mp4", seconds=2 + k, gop=20 + k) for k in range(4)]
    for path in paths:
        report = extract_video(VideoRef(uid=path.stem, path=path), ExtractSettings(), tmp_path / "alone", threads=3)
        assert report.state == "extracted" and report.n_frames == 2 + int(path.stem)
    result = extract_videos(spec_of(tmp_path / "jobs", paths, jobs=2), lambda event: None, lambda: False)
    assert sorted(result["extracted"]) == ["0", "1", "2", "3"]
    assert contents(tmp_path / "jobs") == contents(tmp_path / "alone")


def test_progress_tells_videos_hours_and_the_longest_go_first(tmp_path: Path) -> None:
    paths = [make_video(tmp_path / f"{seconds}.mp4", seconds=seconds) for seconds in (1, 4, 2)]
    emitted: list[events.Event] = []
    result = extract_videos(spec_of(tmp_path / "clips", paths, jobs=1), emitted.append, lambda: False)
    assert result["extracted"] == ["4", "2", "1"]
    progress = [event for event in emitted if isinstance(event, events.Progress) and event.total]
    assert progress[-1].note == "3 of 3 videos, 0.0 of 0.0 h"
    assert progress[-1].done == progress[-1].total == pytest.approx(7.0, abs=0.1)


def test_a_known_length_spares_opening_the_file_before(tmp_path: Path) -> None:
    refs = [VideoRef(uid=uid, path=tmp_path / "gone.mp4", duration_s=50.0) for uid in "ab"]
    emitted: list[events.Event] = []
    spec = ExtractSpec(videos=refs, clips_dir=tmp_path / "clips", jobs=2)
    assert len(extract_videos(spec, emitted.append, lambda: False)["unusable"]) == 2
    progress = [event for event in emitted if isinstance(event, events.Progress)]
    assert {event.total for event in progress} == {100.0} and "looking" not in str(progress)


def test_the_function_and_all_it_takes_and_gives_can_be_sent_to_another_process(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1)
    task = pickle.dumps((extract_video, VideoRef(uid="a", path=path), ExtractSettings(audio_track=1), tmp_path))
    function, *arguments = pickle.loads(task)
    report = pickle.loads(pickle.dumps(function(*arguments)))
    assert report == ExtractReport("a", path, "extracted", "", report.duration_s, 1, report.n_steps)
    assert function(*arguments).state == "skipped"


CRASHES = """
import os, sys, time
import davenet.media.workers as workers
real = workers.extract_video
def extract_video(ref, *arguments, **options):
    if ref.path.name == "crash.mp4":
        os.kill(os.getpid(), {signal})
    return real(ref, *arguments, **options)
workers.extract_video = extract_video
sys.exit(workers.main())
"""


@pytest.mark.skipif(os.name != "posix", reason="ends a process by a signal")
@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGSEGV, "makes the decoder crash"), (signal.SIGKILL, "fewer --jobs")]
)
def test_a_decoder_that_crashes_takes_one_video_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    crash = make_video(tmp_path / "crash.mp4", seconds=3)
    paths = [crash, *(make_video(tmp_path / f"{name}.mp4", seconds=1) for name in "ab")]
    start = subprocess.Popen

    def start_crashing(command: list[str], **options: object) -> object:
        return start([sys.executable, "-c", CRASHES.format(signal=int(number))], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(workers.subprocess, "Popen", start_crashing)
    result = extract_videos(spec_of(tmp_path / "clips", paths, jobs=1), lambda event: None, lambda: False)
    assert sorted(result["extracted"]) == ["a", "b"]
    assert [(entry["uid"], reason in entry["reason"]) for entry in result["unusable"]] == [("crash", True)]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX only")
def test_killed_at_any_moment_it_goes_on_to_the_same_files_bit_for_bit(tmp_path: Path) -> None:
    paths = copies(make_video(tmp_path / "v.mp4", seconds=15, size=(640, 360)), 6)
    whole = spec_of(tmp_path / "whole", paths, jobs=2)
    extract_videos(whole, lambda event: None, lambda: False)
    spec = spec_of(tmp_path / "clips", paths, jobs=2)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "davenet", "extract", "--spec", str(tmp_path / "spec.json")]
    moments = random.Random(4)
    seen_parts = 0
    for _ in range(4):
        job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not list(spec.clips_dir.glob(".*.part")) and job.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.3))
        seen_parts += len(list(spec.clips_dir.glob(".*.part")))
        job.send_signal(signal.SIGKILL)
        job.wait()
        for path in spec.clips_dir.glob("*.safetensors"):
            assert path.read_bytes() == (whole.clips_dir / path.name).read_bytes()
        wait_for_orphans(spec.clips_dir)
    assert seen_parts  # else no kill came in the midst of work
    result = extract_videos(spec, lambda event: None, lambda: False)
    assert len(result["extracted"]) + len(result["skipped"]) == len(paths)
    assert contents(spec.clips_dir) == contents(whole.clips_dir)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX only")
def test_the_children_of_a_killed_job_end_soon_and_leave_nothing_behind(tmp_path: Path) -> None:
    minute = make_video(tmp_path / "minute.mp4", seconds=60, size=(64, 48), frame_rate=2, gop=40)
    paths = copies(looped(minute, tmp_path / "long.mkv", 60), 2)
    spec = spec_of(tmp_path / "clips", paths, jobs=2)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "davenet", "extract", "--spec", str(tmp_path / "spec.json")]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(spec.clips_dir.glob(".*.part"))) < 4 and job.poll() is None:
        time.sleep(0.002)
    job.send_signal(signal.SIGKILL)
    job.wait()
    wait_for_orphans(spec.clips_dir)
    assert not list(spec.clips_dir.iterdir())  # neither finished after all nor left half done


def wait_for_orphans(clips_dir: Path) -> None:
    """Waits until no process writes there: the children of a killed parent end with the next thing they would tell it."""
    ended_s = time.monotonic() + 30
    while any(is_running(int(part.name.split(".")[-2])) for part in clips_dir.glob(".*.part")):
        assert time.monotonic() < ended_s, "a child outlived its parent"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX only")
def test_temporary_files_of_killed_processes_are_cleared_away(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "clips").mkdir()
    for what in ("frames.", "sound.", ""):
        (tmp_path / "clips" / f".a.safetensors.{what}{ended.pid}.part").write_bytes(b"left over")
    extract_videos(spec_of(tmp_path / "clips", [path]), lambda event: None, lambda: False)
    assert list(contents(tmp_path / "clips")) == ["a.safetensors"]


@pytest.mark.parametrize("seconds", [0.3, 40.97, 90.0])
def test_the_log_mel_of_sound_on_disk_is_that_of_the_whole_to_the_last_bit(tmp_path: Path, seconds: float) -> None:
    sound = make_sound("speech", seconds)[::3].copy() + np.float32(0.02)
    sound[len(sound) // 2 : len(sound) // 2 + 3000] = 0
    pieces = np.split(sound, sorted(random.Random(1).sample(range(1, len(sound)), 40)))
    with Spool(tmp_path / "a", "sound") as spool:
        spooled = SoundSpool(spool)
        for piece in pieces:
            spooled.extend([piece])
        mean = spooled.finish()
        blocks = list(log_mel_blocks(spooled.samples, spooled.n_samples, mean))
    assert np.array_equal(np.concatenate(blocks), absolute_log_mel(sound))
    assert mean == pytest.approx(float(sound.mean(dtype=np.float64)), rel=1e-12)
    assert not list(tmp_path.iterdir())


def test_a_clip_holds_the_log_mel_of_its_whole_sound(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=50, size=(64, 48), frame_rate=5, sound="speech")
    extract_video(VideoRef(uid="a", path=path), ExtractSettings(), tmp_path / "clips")
    expected = absolute_log_mel(read_sound(path)).astype(np.float16)
    assert np.array_equal(open_clip(tmp_path / "clips" / "a.safetensors").log_mel, expected)


def looped(path: Path, out: Path, n_times: int) -> Path:
    """Copies the packets of a video so many times one after the other."""
    with av.open(str(out), "w") as made:
        copies: dict[int, av.stream.Stream] = {}
        for time in range(n_times):
            with av.open(str(path)) as given:
                copies = copies or {stream.index: made.add_stream_from_template(stream) for stream in given.streams}
                for packet in given.demux():
                    if packet.dts is None:
                        continue
                    shift = round(Fraction(61 * time) / packet.time_base)  # the sound is longer than its minute
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = copies[packet.stream.index]
                    made.mux(packet)
    return out


PEAK = """
import json, re, sys
from pathlib import Path
from davenet.media.extract_video import extract_video
from davenet.specs import ExtractSettings, VideoRef
path = Path(sys.argv[1])
report = extract_video(VideoRef(uid=path.stem, path=path), ExtractSettings(shorter_side=128), path.parent / "clips")
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])  # since exec, not the parent's
print(json.dumps([report.state, report.n_frames, report.n_steps, peak]))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to tell the most memory that was held")
def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path: Path) -> None:
    minute = make_video(tmp_path / "minute.mp4", seconds=60, size=(64, 48), frame_rate=2, gop=40)
    peaks = []
    for n_minutes in (2, 20):
        path = looped(minute, tmp_path / f"{n_minutes}.mkv", n_minutes)
        ran = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        state, n_frames, n_steps, peak = json.loads(ran.stdout)
        assert state == "extracted" and abs(n_frames - 61 * n_minutes) <= 1 and abs(n_steps - 6100 * n_minutes) <= 150
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 16 << 20, peaks  # 18 minutes of sound alone are 69 MB
