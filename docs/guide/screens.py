"""Takes the guide's pictures again, each screen in both themes and three sizes: `python docs/guide/screens.py PROJECT`.

PROJECT is a copy of the demo with verdicts of several people and an evaluated run, for which no proxies are made
(`annotator proxies PROJECT --no-automatic`); its window opens on no display. The
pages show the pictures of 1440 × 900; those of `screens/` are for looking at every screen in a small and a large window.
Needs Pillow, which gives each picture a palette of its own: a quarter of the bytes.
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image
from PySide6.QtCore import QBuffer, QEventLoop, QIODevice
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from annotator.views.theme import current
from annotator.views.widgets.notice_bar import NoticeBar

GUIDE = Path(__file__).resolve().parent
SIZES = {(1440, 900): "", (1280, 720): "-1280", (1920, 1080): "-1920"}
IN_PAGES = {"review": "dark light", "gallery": "dark", "reviewers": "dark", "start": "dark", "matchmaps": "dark light"} | {
    "retrieval": "dark light", "runs": "dark light", "data": "dark light", "data-video": "dark", "data-plots": "light"
}  # fmt: skip
COLOURS = 256
LONG_S = 60.0


class Screens:
    """One window, brought before each screen and left as it was."""

    def __init__(self, project: Path) -> None:
        from annotator.app import application, build_window

        self.app = application()
        self.window = build_window(project)
        self.wiring: Any = self.window.wiring  # type: ignore[attr-defined]
        self.window.show()
        self.window.activateWindow()
        self.review.options.autoplay = False
        self.until(lambda: self.review.current is not None and self.review.is_idle())

    @property
    def opened(self) -> Any:
        return self.wiring.open

    @property
    def review(self) -> Any:
        return self.opened.review

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            time.sleep(0.005)

    def until(self, happened: Callable[[], bool]) -> None:
        end = time.monotonic() + LONG_S
        while not happened() and time.monotonic() < end:
            self.pause(0.05)
        self.pause(0.8)

    def run(self, id: str) -> None:
        self.wiring.bindings.run(id)
        self.pause(0.8)

    # -- what each screen shows -----------------------------------------------------------------------------------

    def show_review(self) -> None:
        from annotator.guide import plain_pair

        self.window.open_workspace("Review")
        self.review.set_state("pending")
        self.until(lambda: self.review.current is not None and self.review.is_idle())
        queue = self.opened.project.store.queue("pending", reviewer=self.opened.project.reviewer, limit=200)
        pair = plain_pair(queue) or queue[0]
        self.review.show_pair(pair.uid)
        self.until(lambda: self.review.is_idle() and self.review.current.uid == pair.uid)

    def show_gallery(self) -> None:
        self.show_review()
        self.review.toggle_gallery()
        self.pause(2.5)

    def leave_gallery(self) -> None:
        self.review.toggle_gallery()
        self.pause(0.5)

    def show_blind(self) -> None:
        self.show_review()
        self.review.set_blind(True)
        self.pause(0.5)

    def leave_blind(self) -> None:
        self.review.set_blind(False)

    def show_adjudication(self) -> None:
        self.window.open_workspace("Review")
        self.review.set_state("adjudicate")
        self.until(self.review.is_idle)

    def show_keys(self) -> None:
        self.show_review()
        self.run("app.keys")

    def leave_keys(self) -> None:
        self.window.keys_card.close_card()

    def show_palette(self) -> None:
        self.show_review()
        self.run("app.palette")
        self.wiring.palette.finder.field.setText("matchmap")
        self.pause(0.4)

    def leave_palette(self) -> None:
        self.wiring.palette.finder.close_finder()

    def show_settings(self) -> None:
        self.run("app.settings")

    def leave_settings(self) -> None:
        self.window.hide_settings()

    def show_reviewers(self) -> None:
        self.window.open_workspace("Reviewers")
        self.pause(2.0)

    def show_matchmaps(self) -> None:
        self.window.open_workspace("Matchmaps")
        self.pause(2.0)
        self.opened.matchmaps.playing.seek(21.0)
        self.pause(1.2)

    def show_retrieval(self) -> None:
        self.window.open_workspace("Retrieval")
        self.pause(3.0)

    def show_runs(self) -> None:
        self.window.open_workspace("Runs")
        self.pause(1.0)
        self.opened.runs.choose_run(self.opened.project.store.runs()[0].id)
        self.pause(1.5)

    def show_data(self) -> None:
        self.window.open_workspace("Data")
        self.window.workspace("Data").show_list()
        self.until(self.opened.data.is_idle)
        self.opened.data.choose_video(self.opened.project.store.videos()[0].uid)
        self.until(self.opened.data.is_idle)

    def show_data_video(self) -> None:
        self.show_data()
        self.opened.data.open_video(self.opened.project.store.videos()[0].uid)
        self.until(self.opened.data.is_idle)
        self.opened.data.video.seek(8.0)
        self.pause(1.2)

    def show_data_plots(self) -> None:
        self.window.open_workspace("Data")
        self.window.workspace("Data").show_page("plots")
        self.pause(4.0)

    def leave_data_plots(self) -> None:
        self.window.workspace("Data").show_list()

    def show_start(self) -> None:
        self.wiring.close_project()
        self.wiring.start.set_recent([])  # where the copy lies is nobody's concern
        self.pause(0.8)


NAMES = (
    "review", "gallery", "blind", "adjudication", "keys", "palette", "settings", "reviewers", "matchmaps", "retrieval",
    "runs", "data", "data-video", "data-plots", "start",
)  # fmt: skip


def save(screens: Screens, path: Path) -> None:
    """Writes the window as a PNG of at most COLOURS colours."""
    for notice in screens.window.findChildren(NoticeBar):
        notice.clear()  # that there is no sound device here
    screens.pause(0.2)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    screens.window.grab().toImage().save(buffer, "PNG")  # type: ignore[call-overload]
    picture = Image.open(io.BytesIO(bytes(buffer.data().data()))).convert("RGB")
    tokens = [QColor(value).getRgb()[:3] for value in asdict(current()).values() if value.startswith("#")]
    found = picture.quantize(COLOURS - len(tokens), method=Image.Quantize.MEDIANCUT, kmeans=3).getpalette() or []
    palette = Image.new("P", (1, 1))  # the theme's own colours are rare in a picture, and are kept as they are
    palette.putpalette([*found[: 3 * (COLOURS - len(tokens))], *(one for token in tokens for one in token)])
    small = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    path.parent.mkdir(exist_ok=True)
    small.save(path, optimize=True)
    print(path.relative_to(GUIDE), path.stat().st_size // 1000, "kB")


def main() -> None:
    project, wanted = Path(sys.argv[1]).absolute(), sys.argv[2:] or NAMES
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as config:
        os.environ["ANNOTATOR_CONFIG_DIR"] = config
        screens = Screens(project)
        for name in (one for one in NAMES if one in wanted):
            method = name.replace("-", "_")
            getattr(screens, f"show_{method}")()
            for (width, height), suffix in SIZES.items():
                screens.window.resize(width, height)
                screens.pause(1.0)
                for theme in ("dark", "light"):
                    if not suffix and theme not in IN_PAGES.get(name, "").split():
                        continue
                    screens.wiring.preferences.set("theme", theme)
                    screens.pause(0.7)
                    save(screens, GUIDE / ("screens" if suffix else "") / f"{name}-{theme}{suffix}.png")
            getattr(screens, f"leave_{method}", lambda: None)()
        QApplication.processEvents()
        screens.window.close()
        screens.pause(0.3)


if __name__ == "__main__":
    main()
