"""Reviewing, driven by real key events in a real window: verdicts, frames and sound, a long queue, a fine-tune beside.

The bars are a person's, in milliseconds, so the figures have no reference; what a machine that is busy with other work
adds is in them. `benchmarks/window` is the desk; the hour of a simulated reviewer is `python -m benchmarks.window.hour`.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.window import projects
from benchmarks.window.desk import desk

_REAL_720P = Path(__file__).parents[2] / "shared/data/videos/autoeditor_example_banana_at_40s.mp4"
_FILTERS = ("food 77", "video 123")


def run() -> list[Figure]:
    figures = []
    with projects.scratch() as scratch, desk() as environment:
        folder = Path(scratch)
        demo = projects.demo(folder / "demo")
        figures += _verdicts("the demo", at_desk(environment, demo, "verdicts", "--n", "40"))
        if _REAL_720P.exists():
            real = projects.of_video(folder / "real", _REAL_720P)
            figures += _verdicts("real 720p", at_desk(environment, real, "verdicts", "--n", "30"))
        figures += _long_queue(environment, folder / "long")
        figures += _beside_training(environment, demo)
    return figures


def at_desk(environment: dict[str, str], project: Path, what: str, *options: str) -> dict[str, Any]:
    """Runs a session of its own process at the desk and returns what it measured."""
    command = [sys.executable, "-m", "benchmarks.window.session", str(project), what, *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"the session {what} ended with {done.returncode}: {done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _verdicts(where: str, measured: dict[str, Any]) -> list[Figure]:
    times = measured["times"][2:]  # the first two open the video and the sound device

    def p95(name: str) -> float:
        return float(sorted(one[name] for one in times)[int(0.95 * (len(times) - 1))])

    return [
        Figure(f"key to durable verdict, p95, {where}", p95("durable"), "ms", bar=10),
        Figure(f"key to next frame, p95, {where}", p95("frame"), "ms", bar=100),
        Figure(f"key to next sound, p95, {where}", p95("sound"), "ms", bar=100),
        Figure(f"key to all of the next pair painted, p95, {where}", p95("pair"), "ms"),
    ]


def _long_queue(environment: dict[str, str], folder: Path) -> list[Figure]:
    short = at_desk(environment, projects.long_queue(folder / "short", 2000), "queue", "--text", "food 77")
    long = projects.long_queue(folder / "long")
    measured = at_desk(environment, long, "queue", *(part for text in _FILTERS for part in ("--text", text)))
    return [
        Figure("queue of 200,000 pairs: start of the window to its first pair", measured["opened_s"], "s", bar=None),
        Figure(
            "the same, the queue alone", max(one["s"] for one in measured["filters"] if not one["text"]), "s", bar=1
        ),
        Figure(
            "filter over 200,000 pairs, slowest",
            max(one["s"] for one in measured["filters"] if one["text"]) * 1000,
            "ms",
            bar=200,
        ),
        Figure("memory with 200,000 pairs against 2,000", measured["memory_mib"], "MiB", short["memory_mib"], bar=1.3),
    ]


def _beside_training(environment: dict[str, str], demo: Path) -> list[Figure]:
    """A fine-tune on all cores, as the app starts it, while pairs are judged."""
    main = Path(__file__).parents[1] / "main.py"
    command = [
        "nice",
        "-n",
        "10",
        sys.executable,
        str(main),
        "train",
        str(demo),
        "--preset",
        "small",
        "--set",
        "epochs=1000",
    ]
    training = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(20.0)  # its imports and its first steps
        if training.poll() is not None:
            raise RuntimeError(f"the fine-tune ended with {training.returncode}")
        measured = at_desk(environment, demo, "gaps", "--n", "60")
    finally:
        training.send_signal(signal.SIGTERM)
        training.wait(60)
    return [
        Figure("longest gap in the event loop beside a fine-tune on all cores", measured["gaps_ms"][-1], "ms", bar=50),
        Figure("the tenth longest of the same minute", measured["gaps_ms"][-10], "ms"),
        Figure("the longest that the window's own thread computed in one", measured["own_ms"][-1], "ms", bar=50),
    ]
