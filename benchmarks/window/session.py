"""Sits at the window of the real app and works with keys; `python -m benchmarks.window.session` prints what it saw.

Runs in a process of its own, on a desk's display (desk.py). Moments are taken in the app's own process: a key when it
is sent to the X server, a verdict when the store has returned from keeping it, a frame when the window has been painted
with it and handed to the X server, a whole pair when all that shows it has been, sound when the clock of the sound
device has begun to run.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QWidget

from annotator.app import application, build_window
from annotator.store.records import VerdictRecord
from annotator.views.review.presenter import ReviewPresenter
from benchmarks.window.desk import SIZE, Hands

_LIMIT_S = 60.0


class _Painting(QObject):
    """Notes when a window's painting, of the stage or of anything, was over and with the X server."""

    def __init__(self, window: QWidget, stage: QWidget) -> None:
        super().__init__()
        self._window, self._stage = window, stage
        self._is_painting = self._has_stage = False
        self.stage_at = self.any_at = 0.0
        window.installEventFilter(self)
        stage.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._stage and event.type() == QEvent.Type.Paint:
            self._has_stage = True
        if watched is not self._window or event.type() != QEvent.Type.UpdateRequest or self._is_painting:
            return False
        self._is_painting, self._has_stage = True, False
        self._window.event(event)  # paints and flushes; it is over when this returns
        self._is_painting = False
        self.any_at = time.perf_counter()
        if self._has_stage:
            self.stage_at = self.any_at
        return True


_TICK_MS = 4


class Session:
    """One window on a project, in the Review workspace, with hands on its keyboard."""

    def __init__(self, project: Path, *, reviewer: str) -> None:
        self.app = application()
        begun = time.perf_counter()
        self.window = build_window(project)
        self.window.resize(*SIZE)
        self.window.show()
        self.window.activateWindow()
        self.wiring: Any = self.window.wiring  # type: ignore[attr-defined]
        self.hands = Hands()
        self._ticks = QTimer()
        self._ticks.start(_TICK_MS)  # wakes the loop: `until` looks at least this often
        self.until(lambda: self.wiring.open is not None, "the project opens")
        self.presenter: ReviewPresenter = self.wiring.open.review
        self.player = self.presenter.player
        self._painting = _Painting(self.window, self.presenter.workspace.stage)
        self._kept_at = 0.0
        self._note_verdicts()
        self.window.open_workspace("Review")
        self.until(lambda: self.presenter.current is not None, "the first pair shows")
        self.opened_s = time.perf_counter() - begun
        self.presenter.set_reviewer(reviewer)
        self.pause(1.0)
        self.until(lambda: self.presenter.current is not None, "the reviewer's first pair shows")
        self.presenter.workspace.setFocus()
        self.pause(0.5)

    def close(self) -> None:
        self.hands.close()
        self.window.close()
        self.pause(0.3)

    def _note_verdicts(self) -> None:
        store = self.presenter.project.store
        give = store.give_verdict

        def noted(*given: Any, **more: Any) -> VerdictRecord:
            verdict = give(*given, **more)
            self._kept_at = time.perf_counter()
            return verdict

        store.give_verdict = noted  # type: ignore[method-assign]

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Lets the app run until `holds`, looking after each round of its event loop."""
        end = time.perf_counter() + _LIMIT_S
        while not holds():
            if time.perf_counter() > end:
                sys.exit(f"{what}: not within {_LIMIT_S:g} s")
            self.app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)

    def pause(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() >= end, "a pause")

    def judge(self, key: str) -> dict[str, float]:
        """Presses a verdict's key; returns milliseconds until it is on the disk, and the next pair is seen and heard.

        "frame" is its frame, "pair" all that is read and shown of it.
        """
        pair = self.presenter.current
        assert pair is not None
        seen: dict[str, float] = {}
        begun: dict[str, float] = {}

        def is_next() -> bool:
            current = self.presenter.current
            return current is not None and current.uid != pair.uid

        def frame(_rgb: object, _time_s: float) -> None:
            if is_next():
                seen.setdefault("frame given", time.perf_counter())

        def heard(time_s: float) -> None:
            if not is_next() or self.player.state != "playing":
                return
            start = begun.setdefault("at", time_s)
            if time_s > start:
                seen.setdefault("sound", time.perf_counter() - (time_s - start))

        links = (
            self.player.frame_shown.connect(frame),
            self.player.time_changed.connect(heard),
        )
        at = self.hands.press(key)
        self.until(lambda: self._kept_at > at, "the verdict is on the disk")
        seen["durable"] = self._kept_at
        self.until(lambda: "frame given" in seen, "the next frame comes")
        self.until(lambda: self._painting.stage_at > seen["frame given"], "the next frame shows")
        seen["frame"] = self._painting.stage_at
        self.until(self.presenter.is_idle, "all of the next pair is read")
        ready = time.perf_counter()
        self.until(lambda: self._painting.any_at > ready, "all of the next pair shows")
        seen["pair"] = self._painting.any_at
        self.until(lambda: "sound" in seen, "the next sound is heard")
        for link in links:
            QObject.disconnect(link)
        return {name: (seen[name] - at) * 1000 for name in ("durable", "frame", "sound", "pair")}


def verdicts(session: Session, n: int) -> dict[str, Any]:
    """Verdicts one after another, each after a second of listening."""
    times = []
    for number in range(n):
        times.append(session.judge("a" if number % 5 else "x"))
        session.pause(1.0)
    return {"times": times, "state": session.player.state}


def gaps(session: Session, seconds: float) -> dict[str, Any]:
    """Longest gaps of the event loop while pairs are judged, one each two seconds, for `seconds`.

    `own_ms` is what the window's own thread computed within a gap: the rest of it went to others on the machine.
    """
    last = time.perf_counter(), time.thread_time()
    found: list[float] = []
    own: list[float] = []

    def tick() -> None:
        nonlocal last
        now = time.perf_counter(), time.thread_time()
        found.append((now[0] - last[0]) * 1000)
        own.append((now[1] - last[1]) * 1000)
        last = now

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(_TICK_MS)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        session.hands.press("a")
        session.pause(2.0)
    timer.stop()
    return {"gaps_ms": sorted(found)[-50:], "own_ms": sorted(own)[-50:], "ticks": len(found)}


def reviewer(session: Session, n: int) -> dict[str, Any]:
    """A reviewer who hears two seconds of each pair and decides in one and a half, over `n` pairs."""
    listens_s, decides_s = 2.0, 1.5
    begun = time.perf_counter()
    waits = []
    for number in range(n):
        times = session.judge("a" if number % 5 else "x")
        waits.append(round(max(times["frame"], times["sound"])))
        session.pause(listens_s + decides_s)
    minutes = (time.perf_counter() - begun) / 60
    person = n * (listens_s + decides_s) / 60
    return {"pairs": n, "minutes": minutes, "person_minutes": person, "longest_ms": sorted(waits)[-10:]}


def queue(session: Session, texts: list[str]) -> dict[str, Any]:
    """Seconds until the queue stands again after each text typed into its filter, and after it is cleared."""
    presenter, model = session.presenter, session.presenter.workspace.model
    times = []
    for text in texts:
        for wanted in (text, ""):
            before = model.rowCount()
            begun = time.perf_counter()
            presenter.queue.set_search(wanted)
            session.until(lambda before=before: model.rowCount() not in (0, before), "the queue stands")  # type: ignore[misc]
            times.append({"text": wanted, "s": time.perf_counter() - begun, "rows": model.rowCount()})
    return {"filters": times}


def _peak_mib() -> float:
    """The most memory that this program has taken; getrusage's figure begins with what its parent took."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.window.session")
    parser.add_argument("project", type=Path)
    parser.add_argument("what", choices=("verdicts", "gaps", "reviewer", "queue"))
    parser.add_argument("--n", type=int, default=30, help="verdicts, or seconds of gaps")
    parser.add_argument("--text", action="append", default=[], help="what to filter the queue by")
    given = parser.parse_args()
    session = Session(given.project, reviewer=f"bench {time.strftime('%H.%M.%S')}")
    result = {
        "verdicts": lambda: verdicts(session, given.n),
        "gaps": lambda: gaps(session, given.n),
        "reviewer": lambda: reviewer(session, given.n),
        "queue": lambda: queue(session, given.text),
    }[given.what]()
    result["opened_s"] = session.opened_s
    result["memory_mib"] = _peak_mib()
    session.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
