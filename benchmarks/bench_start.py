"""Building the window in a fresh process, against starting Python with Qt's widgets alone: what the app adds itself."""

import os
import subprocess
import sys
import time

from benchmarks.figures import Figure

_QT = (
    "from PySide6.QtWidgets import QApplication, QMainWindow; a = QApplication([]); "
    "w = QMainWindow(); w.show(); a.processEvents()"
)
_APP = (
    "from PySide6.QtWidgets import QApplication; a = QApplication([]); from annotator.app import build_window; "
    "w = build_window(None); w.show(); a.processEvents(); w.close()"
)


def run() -> list[Figure]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}

    def seconds(code: str) -> float:
        best = float("inf")
        for _ in range(4):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
            best = min(best, time.perf_counter() - begun)
        return best

    return [Figure("start to first window, against bare Qt", seconds(_APP), "s", seconds(_QT), 6)]
