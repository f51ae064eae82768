"""Walks the loop in the app's own window by keys alone: a miss, twenty pairs, verdicts, a fine-tune, what they bought.

Runs in a process of its own on a display that is there (benchmarks.window.desk): `loop_walk.py PROJECT` prints what it
saw as JSON. Keys go through the X server; what is read of the window is only what it shows.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication, QWidget

from annotator.app import application, build_window
from annotator.workspaces import OpenProject
from benchmarks.window.desk import Hands

_LIMIT_S = 120.0
N_SENT = 20


class Walk:
    def __init__(self, project: Path) -> None:
        self.app = application()
        self.window = build_window(project)
        self.window.resize(1280, 720)
        self.window.show()
        self.window.activateWindow()
        wiring = self.window.wiring  # type: ignore[attr-defined]
        self.until(lambda: wiring.open is not None, "the project opens")
        self.open: OpenProject = wiring.open
        self.open.review.options.autoplay = False
        self.until(lambda: QApplication.activeWindow() is self.window, "the window has the keyboard")
        self.hands = Hands()

    def until(self, met: Callable[[], object], what: str) -> None:
        """Lets the window work until something is so; raises TimeoutError that says what did not come."""
        end = time.monotonic() + _LIMIT_S
        while not met():
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain until {what}")
            self.app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.004)

    def press(self, key: str, met: Callable[[], object], what: str) -> None:
        self.hands.press(key)
        self.until(met, f"{what} ({key})")

    def tab_to(self, widget: QWidget) -> None:
        """Presses Tab until a widget has the keyboard; raises AssertionError where it never gets there."""
        for _ in range(60):
            before = QApplication.focusWidget()
            if before is widget:
                return
            self.press("Tab", lambda before=before: QApplication.focusWidget() is not before, "the focus moves")
        raise AssertionError(f"Tab never comes to {widget.accessibleName() or widget}")

    def is_quiet(self) -> bool:
        presenter = self.open.retrieval
        return presenter.is_idle() and self.open.work.background.is_idle()

    # -- the steps ---------------------------------------------------------------------------------------------------

    def find_a_miss(self) -> dict[str, Any]:
        """Looks at all mined pairs through the run, and goes to a miss."""
        presenter, view = self.open.retrieval, self.window.workspace("Retrieval")
        self.press("ctrl+3", lambda: self.window.current_workspace() == "Retrieval", "Retrieval opens")
        self.until(lambda: view.panel.source.count() > 0 and self.is_quiet(), "the runs are listed")
        self.tab_to(view.panel.gallery)
        while view.panel.gallery.currentData() != "mined":
            now = view.panel.gallery.currentData()
            self.press("Down", lambda now=now: view.panel.gallery.currentData() != now, "the next gallery")
        self.until(self.is_quiet, "the gallery is chosen")
        self.press(
            "l", lambda: presenter.cases is not None and presenter.cases.found.gallery == "mined", "it has looked"
        )
        self.until(lambda: presenter.case is not None and self.is_quiet(), "a case is shown")
        first = presenter.case
        self.press("j", lambda: presenter.case is not None and presenter.case is not first, "the next miss")
        return {
            "source": view.panel.source.currentData(),
            "is_hit": presenter.case.is_hit,
            "says": view.query.sentence(),
        }

    def send_twenty(self) -> list[str]:
        view, review = self.window.workspace("Retrieval"), self.open.review
        self.tab_to(view.panel.list)
        for number in range(2, N_SENT + 1):
            self.press(
                "shift+Down", lambda n=number: view.send.text() == f"Send {n} to review", f"{number} are selected"
            )
        places = self.open.retrieval.sending.selected()
        self.press("s", lambda: self.window.current_workspace() == "Review", "Review opens")
        self.until(
            lambda: review.workspace.model.rowCount() == N_SENT and review.current is not None, "the queue is there"
        )
        return self.open.retrieval.cases.reviewable(places) if self.open.retrieval.cases else []

    def judge(self, uids: list[str]) -> list[tuple[str, str]]:
        """Gives each pair of the queue a verdict: every fifth a no, and each that was accepted before."""
        review, store = self.open.review, self.open.project.store
        given: dict[str, str] = {}
        known = len(store.history())
        for number in range(len(uids)):
            self.until(lambda: review.current is not None and review.current.uid not in given, "the next pair")
            pair = review.current
            assert pair is not None
            key = "x" if number % 5 == 4 or pair.decision == "accept" else "a"
            self.press(key, lambda n=number: len(store.history()) == known + n + 1, f"verdict {number + 1} is kept")
            given[pair.uid] = store.verdicts(pair_uid=pair.uid)[-1].decision
        return list(given.items())

    def fine_tune(self, before: str) -> str:
        runs, store = self.window.workspace("Runs"), self.open.project.store
        self.press("ctrl+4", lambda: self.window.current_workspace() == "Runs", "Runs opens")
        self.until(lambda: runs.details.run_id() == before and runs.details.can("fine_tune"), "the run is chosen")
        self.press("f", lambda: runs.form.isVisible() and runs.form.start.isEnabled(), "the form is filled in")
        assert runs.form.run_wish().start_from == before
        self.press("ctrl+Return", lambda: len(store.runs()) == 2, "the run is planned")
        run = next(one.id for one in store.runs() if one.id != before)
        self.until(lambda: store.run(run).state not in ("planned", "running"), "the run ends")
        return run

    def read_what_they_bought(self, run: str) -> dict[str, str]:
        runs = self.window.workspace("Runs")
        self.until(lambda: runs.details.run_id() == run and not runs.bought.isHidden(), "the run's result is shown")
        card = runs.bought
        if card.gain.isHidden():
            self.tab_to(card.measure)
            self.press("space", lambda: not card.gain.isHidden(), "both runs are measured on one gallery")
        return {
            "title": card.title.text(),
            "verdicts": card.verdicts.text(),
            "gain": card.gain.text(),
            "how": card.how.text(),
        }

    def close(self) -> None:
        self.hands.close()
        self.window.close_question = lambda: ""  # type: ignore[attr-defined]
        self.window.close()


def main(project: Path) -> None:
    walk = Walk(project)
    (before,) = (run.id for run in walk.open.project.store.runs())
    told: dict[str, Any] = {"before": before}
    try:
        told["miss"] = walk.find_a_miss()
        told["sent"] = walk.send_twenty()
        told["given"] = walk.judge(told["sent"])
        told["run"] = walk.fine_tune(before)
        told["bought"] = walk.read_what_they_bought(told["run"])
    finally:
        walk.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
