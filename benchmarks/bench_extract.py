"""Extraction against ffmpeg on the same video: frames at 1 fps with a shorter side of 256, and mono sound at 16 kHz."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, Skip

_ROOT = Path(__file__).resolve().parent.parent
_SECONDS = 150
_N_RUNS = 3  # the quickest counts: others share the machine

_EXTRACT = """
import sys
from pathlib import Path
from davenet.media.extract import extract_videos
from davenet.specs import ExtractSpec, VideoRef
video, out = map(Path, sys.argv[1:])
spec = ExtractSpec(videos=[VideoRef(uid="video", path=video)], clips_dir=out, force=True)
result = extract_videos(spec, lambda event: None, lambda: False)
assert result["extracted"] == ["video"], result
"""


def run() -> list[Figure]:
    """Returns the CPU and wall seconds of whole processes for a minute of 360p H.264, ffmpeg's beside them."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise Skip("ffmpeg, the reference, is not installed")
    with tempfile.TemporaryDirectory() as folder:
        video = _make_video(ffmpeg, Path(folder) / "video.mp4")
        ours = [sys.executable, "-c", _EXTRACT, str(video), str(Path(folder) / "clips")]
        picture = ["-vf", "fps=1,scale=-2:256:flags=area", "-q:v", "3", str(Path(folder) / "%04d.jpg")]
        sound = ["-ac", "1", "-ar", "16000", str(Path(folder) / "sound.wav")]
        theirs = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(video), *picture, *sound]
        own, reference = [], []
        for _ in range(_N_RUNS):  # in turns, so that both meet the same neighbours
            own.append(_times(ours))
            reference.append(_times(theirs))
    own_cpu, own_wall = (min(column) * 60 / _SECONDS for column in zip(*own, strict=True))
    ffmpeg_cpu, ffmpeg_wall = (min(column) * 60 / _SECONDS for column in zip(*reference, strict=True))
    unit = "s a minute of 360p video"
    return [
        Figure("extract CPU time", own_cpu, f"CPU {unit}", ffmpeg_cpu, 1.25, "lower"),
        Figure("extract wall time", own_wall, unit, ffmpeg_wall, 1.5, "lower"),
    ]


def _times(command: list[str]) -> tuple[float, float]:
    """Returns (CPU seconds, wall seconds) of a process from its start to its end."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    before, begun = os.times(), time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    wall_s = time.perf_counter() - begun
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu_s, wall_s


def _make_video(ffmpeg: str, path: Path) -> Path:
    """Writes moving detail and a tone, encoded as a video site does: H.264 with B-frames, GOP of 5 s, AAC."""
    picture = f"testsrc2=size=640x360:rate=25:duration={_SECONDS}"
    sound = f"sine=frequency=300:duration={_SECONDS}:sample_rate=44100"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-bf", "3", "-g", "125", "-pix_fmt", "yuv420p"]
    subprocess.run(
        [ffmpeg, "-nostdin", "-v", "error", "-y", *inputs, *coding, "-c:a", "aac", "-ac", "2", str(path)], check=True
    )
    return path
