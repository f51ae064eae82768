"""Live matchmaps in a real window at 720p: overlay, dropped frames, sound while maps are computed; rendering's speed.

The window is that of the app, on a desk (benchmarks/window) with a null sink for its sound; LIVE_S says how many seconds
are played each time (20 unless set).
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, Skip
from benchmarks.window import projects
from benchmarks.window.desk import desk

_REPOSITORY = Path(__file__).resolve().parent.parent
_REAL_720P = _REPOSITORY.parent / "shared/data/videos/autoeditor_example_banana_at_40s.mp4"
_CHECKPOINT = _REPOSITORY / "resources/checkpoint/kitchen-small.safetensors"
_RENDERED_S = 30.0


def run() -> list[Figure]:
    if not _REAL_720P.exists():
        raise Skip(f"the real video is not here ({_REAL_720P})")
    seconds = float(os.environ.get("LIVE_S", "20"))
    with projects.scratch() as scratch:
        folder = Path(scratch)
        with desk((1680, 1280)) as environment:
            project = projects.of_video(folder / "real", _REAL_720P)
            computing = _at_desk(environment, project, seconds)
            cached = _at_desk(environment, project, seconds, "--cached")
        return [*_painting(cached), *_frames(cached, seconds), *_sound(computing), *_rendering(folder, project)]


def _at_desk(environment: dict[str, str], project: Path, seconds: float, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.window.matchmaps", str(project), "--seconds", str(seconds), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", cwd=_REPOSITORY)
    if done.returncode:
        raise RuntimeError(f"the session ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _painting(cached: dict[str, Any]) -> list[Figure]:
    seen, times = cached["played"], cached["painting"]
    width, height = seen["frame"]
    size = f"{width:.0f}×{height:.0f}"
    overlay = times["made"] + max(0.0, times["with"] - times["without"])
    return [
        Figure(f"overlay made and painted in a real window at {size}, mean", overlay, "ms", bar=8),
        Figure(f"frame painted at {size} without it, mean", times["without"], "ms"),
        Figure("frames played that had their overlay", 100 * seen["with_overlay"], "%"),
    ]


def _frames(cached: dict[str, Any], seconds: float) -> list[Figure]:
    from davenet.media.frames import FrameReader

    shown = np.array(cached["played"]["shown_s"])
    reader = FrameReader(_REAL_720P)
    due: set[float] = set()
    try:
        for time_s in np.arange(float(shown[0]), float(shown[-1]), 1 / 240):
            due.add(round(reader.frame_at(float(time_s))[0], 4))
    finally:
        reader.close()
    missing = len(due - {round(float(time_s), 4) for time_s in shown})
    rate = len(due) / max(float(shown[-1] - shown[0]), 1e-6)
    return [
        Figure(
            f"dropped frames at 720p, {rate:.0f} a second, maps from the cache", 100 * missing / len(due), "%", bar=1
        )
    ]


def _sound(computing: dict[str, Any]) -> list[Figure]:
    seen = computing["played"]
    where = "" if seen["uses_sound"] else " (no sound device: by the wall clock)"
    return [
        Figure(f"underruns of the sound while maps are computed{where}", float(seen["underruns"]), "times", bar=0),
        Figure("of the video's maps ready after that", 100 * seen["share"], "%"),
    ]


def _rendering(folder: Path, project: Path) -> list[Figure]:
    """A clip with its overlay, its maps in the cache, against the same frames and sound encoded without."""
    from annotator.project import Project
    from davenet.evaluation.render import render_video
    from davenet.live import FOLDER, Mode
    from davenet.media.encode import VideoWriter
    from davenet.media.frames import frames_at
    from davenet.media.probe import probe
    from davenet.specs import RenderSpec, VideoRef

    with Project.open(project) as opened:
        video = opened.store.videos()[0]
    spec = RenderSpec(
        checkpoint=_CHECKPOINT,
        video=VideoRef(uid=video.uid, path=video.path),
        out=folder / "drawn.mp4",
        live_dir=project / "cache" / FOLDER,
        mode=Mode(),
        end_s=_RENDERED_S,
    )
    info = probe(video.path)
    times_s = [float(time_s) for time_s in np.arange(round(_RENDERED_S * info.frame_rate)) / info.frame_rate]

    def plain() -> None:
        out = folder / "plain.mp4"
        with VideoWriter(out, info.width, info.height, info.frame_rate, sound=video.path, end_s=_RENDERED_S) as writer:
            for _, rgb in frames_at(video.path, times_s, shorter_side=None):
                writer.write(rgb)

    def took(work: Any) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    render_video(spec, lambda event: None, lambda: False)  # what is missing of the maps is computed
    rounds = [(took(plain), took(lambda: render_video(spec, lambda event: None, lambda: False))) for _ in range(3)]
    bare, drawn = (min(times) for times in zip(*rounds, strict=True))
    name = "rendering with the overlay, against encoding the same frames without"
    return [Figure(name, len(times_s) / drawn, "frames/s", len(times_s) / bare, 0.8, "higher")]
