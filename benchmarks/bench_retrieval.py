"""The Retrieval workspace on a gallery of 100,000 pairs, in a real window: the longest turn of its thread, by step."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.window import projects
from benchmarks.window.desk import desk

_BAR_MS = 8  # of processor time, what the window's thread may be held up by


def run() -> list[Figure]:
    with projects.scratch() as scratch, desk() as environment:
        command = [sys.executable, "-m", "benchmarks.window.retrieval", str(Path(scratch) / "gallery")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
        if done.returncode:
            raise RuntimeError(f"the session ended with {done.returncode}: {done.stderr[-2000:]}")
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return [
        Figure(f"longest turn of the window, 100,000 pairs: {what}", value, "ms", bar=_BAR_MS)
        for what, value in found.items()
    ]
