"""Extraction against ffmpeg on the same real H.264, CPU seconds of whole processes: frames at 1 fps, mono sound at 16 kHz.

Short files are laid end to end by stream copy into videos of minutes, so that starting a process does not count.
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import av

from benchmarks.figures import Figure, Skip

_ROOT = Path(__file__).resolve().parent.parent
_DATA = _ROOT.parent / "shared" / "data"
_SECONDS = 720
_N_RUNS = 2  # the least of each counts: others share the machine
_VIDEOS = ("videos/pllava_cooking_show_cocoa.mp4", "videos/autoeditor_example_banana_at_40s.mp4",
           "videos/yc2_xHlBWc-7Kwo_scrambled_eggs.mp4", "hard/long_362s_video_360s_audio.mp4")  # fmt: skip
_WITH_DISPOSABLE = ("pllava_cooking_show_cocoa", "autoeditor_example_banana_at_40s", "x264_defaults")

_EXTRACT = """
import sys
from pathlib import Path
from davenet.media.extract import extract_videos
from davenet.specs import ExtractSpec, VideoRef
if __name__ == "__main__":
    out, jobs, nearest, *videos = sys.argv[1:]
    refs = [VideoRef(uid=f"v{number}", path=Path(path)) for number, path in enumerate(videos)]
    spec = ExtractSpec(videos=refs, clips_dir=Path(out), jobs=int(jobs), nearest_reference=nearest == "yes", force=True)
    result = extract_videos(spec, lambda event: None, lambda: False)
    assert len(result["extracted"]) == len(videos), result
"""


@dataclass(frozen=True, slots=True)
class _Times:
    cpu_s: float
    wall_s: float


def run() -> list[Figure]:
    """Returns CPU seconds a minute of video, exact and with nearest references, and what a second job gains."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise Skip("ffmpeg, the reference, is not installed")
    if not _DATA.is_dir():
        raise Skip(f"the real videos are not here ({_DATA})")
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = [_looped(ffmpeg, _DATA / video, folder) for video in _VIDEOS]
        videos.append(_as_x264_makes_it(ffmpeg, _DATA / _VIDEOS[2], folder))
        theirs, exact, nearest = [], [], []
        for video in videos:
            found = _measured(ffmpeg, video, folder)
            theirs.append(found[0])
            exact.append(found[1])
            nearest.append(found[2])
            figures.append(_figure(f"extract {video.stem}", found[1], found[0], None))
            if video.stem in _WITH_DISPOSABLE:
                figures.append(_figure(f"extract, nearest, {video.stem}", found[2], found[0], 0.7))
        figures.insert(0, _figure("extract, exact, all five", sum(exact), sum(theirs), 1.1))
        alone_s, together_s = _two_jobs(videos[0], folder)
    figures.append(Figure("extract, 2 jobs against 1", 1 / together_s, "x", 1 / alone_s, 1.7, "higher"))
    return figures


def _figure(name: str, ours_s: float, theirs_s: float, bar: float | None) -> Figure:
    return Figure(name, ours_s, "CPU s a minute", theirs_s, bar)


def _measured(ffmpeg: str, video: Path, folder: Path) -> tuple[float, float, float]:
    """Returns CPU seconds a minute of video: ffmpeg's, ours exact, ours with nearest references; in turns."""
    picture = ["-vf", "fps=1,scale=-2:256", "-q:v", "3", str(folder / "%04d.jpg")]
    sound = ["-ac", "1", "-ar", "16000", str(folder / "sound.wav")]
    commands = [
        [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(video), *picture, *sound],
        _extract(folder, "1", "no", video),
        _extract(folder, "1", "yes", video),
    ]
    least = [math.inf] * len(commands)
    for _ in range(_N_RUNS):
        for place, command in enumerate(commands):
            least[place] = min(least[place], _times(command).cpu_s)
    minutes = _length_s(video) / 60
    return least[0] / minutes, least[1] / minutes, least[2] / minutes


def _two_jobs(video: Path, folder: Path) -> tuple[float, float]:
    """Returns wall seconds of four videos by one job and by two, each the least of some runs in turns."""
    copies = [Path(shutil.copy(video, folder / f"copy{number}.mp4")) for number in range(4)]
    alone_s = together_s = math.inf
    for _ in range(_N_RUNS):
        alone_s = min(alone_s, _times(_extract(folder, "1", "no", *copies)).wall_s)
        together_s = min(together_s, _times(_extract(folder, "2", "no", *copies)).wall_s)
    return alone_s, together_s


def _extract(folder: Path, jobs: str, nearest: str, *videos: Path) -> list[str]:
    return [sys.executable, "-c", _EXTRACT, str(folder / "clips"), jobs, nearest, *map(str, videos)]


def _times(command: list[str]) -> _Times:
    """Returns the CPU seconds (of it and its children) and the wall seconds of a process."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    before, begun = os.times(), time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    wall_s = time.perf_counter() - begun
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return _Times(cpu_s, wall_s)


def _looped(ffmpeg: str, video: Path, folder: Path) -> Path:
    """Writes a real video as often as it takes to fill some minutes, without coding it again."""
    path = folder / f"{video.stem}.mp4"
    n_more = max(0, round(_SECONDS / _length_s(video)) - 1)
    streams = ["-map", "0:V:0", "-map", "0:a:0", "-c", "copy"]
    _run([ffmpeg, "-nostdin", "-v", "error", "-y", "-stream_loop", str(n_more), "-i", str(video), *streams, str(path)])
    return path


def _as_x264_makes_it(ffmpeg: str, video: Path, folder: Path) -> Path:
    """Writes a minute of real picture coded anew with x264's defaults, which has frames no other refers to; looped."""
    (folder / "coded").mkdir()
    coded = folder / "coded" / "x264_defaults.mp4"
    coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "copy"]
    _run([ffmpeg, "-nostdin", "-v", "error", "-y", "-t", "60", "-i", str(video), *coding, str(coded)])
    return _looped(ffmpeg, coded, folder)


def _length_s(video: Path) -> float:
    with av.open(str(video)) as container:
        return (container.duration or 0) / 1_000_000


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
