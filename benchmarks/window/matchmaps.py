"""Watches a video with its matchmaps in the real window; `python -m benchmarks.window.matchmaps` prints what it saw.

Runs in a process of its own, on a desk's display (desk.py). Frames are counted as the player shows them; painting is a
repaint of the stage, timed one at a time.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QTimer

from annotator.app import application, build_window

_LIMIT_S = 240.0


class Watcher:
    """One window on a project, in the Matchmaps workspace."""

    def __init__(self, project: Path, size: tuple[int, int]) -> None:
        self.app = application()
        self.window = build_window(project)
        self.window.resize(*size)
        self.window.show()
        self._ticks = QTimer()
        self._ticks.start(4)
        wiring: Any = self.window.wiring  # type: ignore[attr-defined]
        self.until(lambda: wiring.open is not None, "the project opens")
        self.window.open_workspace("Matchmaps")
        self.presenter = wiring.open.matchmaps
        self.player = wiring.players[1]
        self.until(lambda: self.player.frame is not None, "the first frame shows")
        self.pause(1.0)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.perf_counter() + _LIMIT_S
        while not holds():
            if time.perf_counter() > end:
                sys.exit(f"{what}: not within {_LIMIT_S:g} s")
            self.app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def pause(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() >= end, "a pause")

    def play(self, seconds: float) -> dict[str, Any]:
        """Plays for some seconds from the beginning; returns what was shown and heard."""
        watching, stages = self.presenter.watching, self.presenter._workspace.stages
        stage, shown, has_overlay = stages.first, [], []

        def note(_rgb: object, time_s: float) -> None:
            shown.append(time_s)
            has_overlay.append(stage._overlay is not None)

        self.player.frame_shown.connect(note)
        self.player.seek(0.0)
        self.pause(0.5)
        shown.clear()
        has_overlay.clear()
        underruns = self.player.n_underruns
        self.player.play()
        self.pause(seconds)
        self.player.pause()
        self.player.frame_shown.disconnect(note)
        rect = stage.frame_rect()
        return {
            "shown_s": sorted(set(shown)),
            "with_overlay": sum(has_overlay) / max(1, len(has_overlay)),
            "underruns": self.player.n_underruns - underruns,
            "uses_sound": self.player._uses_sound,
            "share": watching.first.share,
            "frame": [rect.width(), rect.height()],
        }

    def paint(self, n: int = 150) -> dict[str, float]:
        """Returns mean milliseconds of making the overlay, and of painting the stage with it and without."""
        watching, stage = self.presenter.watching, self.presenter._workspace.stages.first
        rgb, end_s = self.player.frame, self.player.duration_s - 1
        times: dict[str, list[float]] = {"made": [], "with": [], "without": []}
        for number in range(n):
            stage.set_frame(rgb)
            stage.set_overlay(None)
            times["without"].append(_took(stage.repaint))
            stage.set_frame(rgb)
            times["made"].append(_took(lambda number=number: watching.paint_frame(rgb, number / n * end_s)))  # type: ignore[misc]
            times["with"].append(_took(stage.repaint))
            self.pause(0.005)
        return {name: 1000 * sum(each) / len(each) for name, each in times.items()}


def _took(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def watch(watcher: Watcher, seconds: float, *, waits: bool) -> dict[str, Any]:
    """Plays while maps are computed, or (`waits`) once all of them lie in the cache, and times painting then."""
    first = watcher.presenter.watching.first
    assert first is not None
    if waits:
        watcher.until(lambda: first.share >= 1, "the maps are ready")
        watcher.pause(1.0)
    else:
        watcher.until(lambda: first.rate > 0, "the job listens")
    found: dict[str, Any] = {"played": watcher.play(seconds)}
    if waits:
        found["painting"] = watcher.paint()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.window.matchmaps")
    parser.add_argument("project", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--cached", action="store_true", help="wait until the maps are computed")
    given = parser.parse_args()
    watcher = Watcher(given.project, (1660, 1240))
    found = watch(watcher, given.seconds, waits=given.cached)
    watcher.window.close()
    watcher.pause(0.3)
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
