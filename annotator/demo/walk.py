"""Walks through the whole app offscreen as a person would; leaves a picture of each workspace and a rendered video.

The window, the presenters, the jobs and the database are the app's own; verdicts are given by key events and what they
did is read back from the database. A step that does not happen in time is an error, never skipped.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotator import verbs
from annotator.demo.project import CHECKPOINT, Say, run_in_child
from davenet.files import write_text_atomically

if TYPE_CHECKING:
    from PySide6.QtCore import Qt

    from annotator.views.window import MainWindow
    from annotator.wiring import Wiring

SIZE = (1440, 900)
VERDICTS = 60
TRAIN_EPOCHS = 4
RENDERED_S = (4.0, 16.0)  # of the video that is rendered
_STEP_LIMIT_S = 300.0
_ACCEPT_FROM = 0.6  # the walk accepts what the detector is this sure of: it cannot see


def walk(project_dir: Path, out: Path, say: Say) -> dict[str, Any]:
    """Returns what each step did; the pictures, the video and summary.json lie in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with _offscreen(out / "config"):
        from annotator.app import build_window

        start = build_window(None)
        walker = _Walker(start, out, say)
        walker.picture("start-dark.png")
        walker.close()
        walker = _Walker(build_window(project_dir), out, say)
        try:
            summary = {
                "verdicts": walker.review(),
                "matchmaps": walker.matchmaps(),
                "run": walker.train(),
                "data": walker.data(),
                "video": walker.render(),
            }
        finally:
            walker.close()
    summary["pictures"] = sorted(path.name for path in out.glob("*.png"))
    write_text_atomically(out / "summary.json", json.dumps(summary, indent=1) + "\n")
    say(f"The pictures, the video and summary.json are in {out}")
    return {**summary, "out": str(out)}


@contextmanager
def _offscreen(config: Path) -> Iterator[None]:
    """Qt without a display, and settings of the walk's own: a person's recent projects and theme stay as they are."""
    wanted = {"QT_QPA_PLATFORM": "offscreen", "ANNOTATOR_CONFIG_DIR": str(config)}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Walker:
    """One window and what a person does in it."""

    def __init__(self, window: "MainWindow", out: Path, say: Say) -> None:
        from PySide6.QtWidgets import QApplication

        self.window, self.out, self.say = window, out, say
        self.wiring: Wiring = window.wiring  # type: ignore[attr-defined]
        self._app = QApplication.instance()
        self.wiring.preferences.set("theme", "dark")
        window.resize(*SIZE)
        window.show()
        self.pause(0.3)

    def close(self) -> None:
        self.window.close()
        self.pause(0.2)
        self.window.deleteLater()
        self.pause(0.1)

    def review(self) -> dict[str, int]:
        """Gives verdicts with the keys, takes one back and gives it again; checks each against the database."""
        from PySide6.QtCore import Qt

        presenter = self._opened().review
        store = self._opened().project.store
        self.window.open_workspace("Review")
        presenter.set_reviewer(f"walk {datetime.now():%Y-%m-%d %H.%M.%S}")
        reviewer = self._opened().project.reviewer
        self.until(lambda: presenter.current is not None, "the first pair shows")
        self.say(f"Review: {presenter.counts.pending} pairs pending; giving {VERDICTS} verdicts")
        self.pause(1.5)
        given: dict[str, str] = {}
        uids = store.queue_uids("pending", reviewer=reviewer)
        for number, uid in enumerate(uids[:: max(1, len(uids) // VERDICTS)][:VERDICTS]):  # from every video
            presenter.show_pair(uid)
            self.until(lambda uid=uid: _shows(presenter.current, uid), "the pair shows")  # type: ignore[misc]
            pair = presenter.current
            assert pair is not None and pair.label is not None
            sure = pair.label.probability >= _ACCEPT_FROM
            self.press(self._review_widget(), Qt.Key.Key_A if sure else Qt.Key.Key_X)
            given[pair.uid] = "accept" if sure else "reject"
            self.until(presenter.is_idle, "the verdict is kept")  # a key meanwhile would be dropped
            self._check_verdict(reviewer, pair.uid, given[pair.uid])
            if number == 3:
                self.press(self._review_widget(), Qt.Key.Key_Backspace)
                self.until(lambda uid=pair.uid: _shows(presenter.current, uid), "undo shows the pair again")  # type: ignore[misc]
                self.until(presenter.is_idle, "undo is kept")
                self.press(self._review_widget(), Qt.Key.Key_A if sure else Qt.Key.Key_X)
            self.until(lambda uid=pair.uid: not _shows(presenter.current, uid), "the next pair shows")  # type: ignore[misc]
            self.until(presenter.is_idle, "the next pair is ready")
        self.pause(2.0)
        self.pictures("review")
        counts = store.counts(reviewer)
        if (counts.accepted, counts.rejected) != (
            list(given.values()).count("accept"),
            list(given.values()).count("reject"),
        ):
            raise RuntimeError(f"the database counts {counts}, the walk gave {given}")
        return {"accepted": counts.accepted, "rejected": counts.rejected, "pending": counts.pending}

    def _check_verdict(self, reviewer: str, pair_uid: str, decision: str) -> None:
        newest = self._opened().project.store.last_verdicts(reviewer, 1)[0]
        if (newest.pair_uid, newest.decision) != (pair_uid, decision):
            raise RuntimeError(f"the newest verdict in the database is {newest}, not {decision} on {pair_uid}")

    def matchmaps(self) -> dict[str, Any]:
        """Plays a video with its overlay for some seconds."""
        from PySide6.QtCore import Qt

        self.say("Matchmaps: playing a video with what the model hears")
        opened = self._opened()
        self.window.open_workspace("Matchmaps")
        store = opened.project.store
        mapped = {
            video.uid for video in store.videos() if opened.project.matchmaps_path(video.uid, CHECKPOINT).exists()
        }
        pairs = [pair for pair in store.queue("all", reviewer=opened.project.reviewer) if pair.video_uid in mapped]
        shown = min(pairs, key=_seconds_off)  # a food that is named just while it is seen
        video = store.video(shown.video_uid)
        opened.matchmaps.show_video(video.uid)
        player = self.wiring.players[1]
        self.until(lambda: player.duration_s > 0, "the video opens")
        self.pause(1.0)
        widget = self.window.workspace("Matchmaps")
        assert widget is not None
        opened.matchmaps.playing.seek(0.0)
        self.pause(0.5)
        before = player.time_s
        self.press(widget, Qt.Key.Key_Space)
        self.until(lambda: player.time_s > before + 1.0, "the video plays")
        self.press(widget, Qt.Key.Key_Space)
        self.pause(0.6)
        played_s = round(player.time_s - before, 2)
        opened.matchmaps.playing.seek(shown.time_s)
        self.pause(0.8)
        self.pictures("matchmaps")
        return {"video": video.uid, "played_s": played_s}

    def train(self) -> dict[str, Any]:
        """Starts a fine-tune from the accepted pairs, watches it, evaluates it."""
        from annotator.views.runs.wishes import RunWish

        opened = self._opened()
        self.window.open_workspace("Runs")
        self.pause(0.3)
        known = {run.id for run in opened.project.store.runs()}
        opened.runs.start_run(RunWish("demo", str(CHECKPOINT), {"epochs": TRAIN_EPOCHS}))
        self.until(lambda: len(opened.project.store.runs()) > len(known), "the run is planned")
        run_id = next(run.id for run in opened.project.store.runs() if run.id not in known)
        self.say(f"Runs: fine-tuning {run_id}")
        store = opened.project.store
        self.until(lambda: store.run(run_id).state not in ("planned", "running"), "the run ends")
        run = store.run(run_id)
        if run.state != "finished":
            raise RuntimeError(f"run {run_id} is {run.state}: {run.message}")
        self.say(f"Runs: evaluating {run_id}")
        opened.runs.evaluate_run(run_id)
        self.until(lambda: "evaluations" in store.run(run_id).result, "the evaluation is collected")
        opened.runs.choose_run(run_id)
        self.pause(1.0)
        self.pictures("runs")
        figures = store.run(run_id).result["evaluations"]["validation"]
        return {"run": run_id, **{name: value for name, value in figures.items() if not isinstance(value, dict | list)}}

    def data(self) -> dict[str, int]:
        opened = self._opened()
        self.window.open_workspace("Data")
        self.pause(0.8)
        videos = opened.project.store.videos()
        opened.data.choose_video(videos[0].uid)
        self.until(opened.data.is_idle, "the list shows its videos")
        self.pictures("data")
        opened.data.open_video(videos[0].uid)
        self.until(opened.data.is_idle, "the video's page shows")
        opened.data.video.seek(8.0)
        self.pause(1.0)
        self.pictures("data-video")
        view = self.window.workspace("Data")
        view.show_page("plots")
        self.until(lambda: opened.data.is_idle() and _all_drawn(view.plots_page), "the plots are drawn")
        self.pictures("data-plots")
        view.show_list()
        return {"videos": len(videos), "plots": len(view.plots_page.cards)}

    def render(self) -> str:
        """Renders a part of a video with the fine-tuned model and the video's own sound."""
        project = self._opened().project
        video = project.store.videos()[0]
        run = project.store.runs()[0]
        target = self.out / f"{video.path.stem}-matchmaps.mp4"
        self.say(f"Rendering {target.name}")
        start_s, end_s = RENDERED_S
        run_in_child(verbs.plan_render(project, video.uid, run.id, target, start_s=start_s, end_s=end_s))
        return target.name

    def pictures(self, name: str) -> None:
        """Takes the window as it stands in the dark and in the light theme."""
        self.picture(f"{name}-dark.png")
        self.wiring.preferences.set("theme", "light")
        self.pause(0.4)
        self.picture(f"{name}-light.png")
        self.wiring.preferences.set("theme", "dark")
        self.pause(0.2)

    def picture(self, name: str) -> None:
        self.pause(0.2)
        self.window.grab().save(str(self.out / name))

    def press(self, widget: Any, key: "Qt.Key") -> None:
        """Sends a real key event to the widget, as the window system would."""
        from PySide6.QtTest import QTest

        self.window.activateWindow()
        widget.setFocus()
        QTest.keyClick(widget, key)
        self.pause(0.05)

    def pause(self, seconds: float) -> None:
        """Lets the app go on for a while."""
        assert self._app is not None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._app.processEvents()
            time.sleep(0.005)

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Lets the app go on until something happens; raises RuntimeError when it does not."""
        end = time.monotonic() + _STEP_LIMIT_S
        while not happened():
            if time.monotonic() > end:
                raise RuntimeError(f"In {_STEP_LIMIT_S:.0f} s it did not come to this: {what}.")
            self.pause(0.05)

    def _opened(self) -> Any:
        if self.wiring.open is None:
            raise RuntimeError("the demo project could not be opened; the start page's picture says why")
        return self.wiring.open

    def _review_widget(self) -> Any:
        return self.window.workspace("Review")


def _seconds_off(pair: Any) -> tuple[float, float]:
    """Orders pairs by how far the word is from the frame, in whole seconds, then by how sure the detector is."""
    label = pair.label
    off = abs((label.word_start + label.word_end) / 2 - pair.time_s) if label else 99.0
    return round(off), -(label.probability if label else 0.0)


def _all_drawn(page: Any) -> bool:
    return all(card.figure is not None and not card.figure.empty for card in page.cards.values())


def _shows(pair: Any, uid: str) -> bool:
    return pair is not None and pair.uid == uid
