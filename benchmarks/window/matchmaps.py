"""Watches a video with its matchmaps in the real window; `python -m benchmarks.window.matchmaps` prints what it saw.

Runs in a process of its own, on a desk's display (desk.py). Frames are counted as the player shows them, painting is timed
around the stage's own paint event and the laying of the overlay before it.
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
from annotator.views.widgets.stage import Stage

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
        """Plays for some seconds from the beginning; returns what was shown, heard and how long painting took."""
        watching, stage = self.presenter.watching, self.presenter._workspace.stages.first
        laid, painted, shown = [], [], []
        lay, paint = watching.paint_frame, Stage.paintEvent

        def timed_lay(*given: Any) -> None:
            begun = time.perf_counter()
            lay(*given)
            laid.append(time.perf_counter() - begun)

        def timed_paint(widget: Any, event: Any) -> None:
            begun = time.perf_counter()
            paint(widget, event)
            painted.append((time.perf_counter() - begun, widget._overlay is not None))

        watching.paint_frame = timed_lay
        Stage.paintEvent = timed_paint  # type: ignore[method-assign]
        self.player.frame_shown.connect(lambda _rgb, time_s: shown.append(time_s))
        self.player.seek(0.0)
        self.pause(0.5)
        shown.clear(), laid.clear(), painted.clear()
        underruns = self.player.n_underruns
        self.player.play()
        self.pause(seconds)
        self.player.pause()
        watching.paint_frame = lay
        Stage.paintEvent = paint  # type: ignore[method-assign]
        rect = stage.frame_rect()
        return {
            "shown_s": sorted(set(shown)),
            "laid_ms": _mean_ms(laid),
            "painted_ms": _mean_ms([took for took, _ in painted]),
            "with_overlay": sum(1 for _, has in painted if has) / max(1, len(painted)),
            "underruns": self.player.n_underruns - underruns,
            "uses_sound": self.player._uses_sound,
            "share": watching.first.share,
            "frame": [rect.width(), rect.height()],
        }


def watch(watcher: Watcher, seconds: float, *, waits: bool) -> dict[str, Any]:
    """Plays while maps are computed, or (`waits`) once all of them lie in the cache; then without the overlay."""
    first = watcher.presenter.watching.first
    assert first is not None
    if waits:
        watcher.until(lambda: first.share >= 1, "the maps are ready")
        watcher.pause(1.0)
    else:
        watcher.until(lambda: first.rate > 0, "the job listens")
    found = {"with": watcher.play(seconds)}
    if waits:
        watcher.presenter._workspace.controls.look.overlay.click()
        found["without"] = watcher.play(min(seconds, 5.0))
    return found


def _mean_ms(times: list[float]) -> float:
    return 1000 * sum(times) / max(1, len(times))


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
