"""Opens the app: checks that a window is possible at all, then hands over to the wiring. No torch, ever.

Qt is imported only after the checks, so that a machine without a display or without Qt's libraries gets a sentence.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from annotator.views.window import MainWindow

_XCB = "libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-image0 libxcb-render-util0 libxkbcommon-x11-0 libegl1"
_HEADLESS = "use the verbs (annotator --help), or the demo with --headless"


def run_app(project: Path | None = None, *, guides: bool = False) -> int:
    """Opens the window, on a project or on the start page, until it is closed; returns the exit status.

    The window shows before the project is opened; `guides` offers the first minute to who has not seen it. Status 2
    after one sentence on standard error where no window can be opened.
    """
    trouble = window_trouble()
    if trouble:
        print(trouble, file=sys.stderr)
        return 2
    window = build_window(None)
    window.show()
    app = application()
    if project is not None:
        app.processEvents()  # the window is painted before the project's modules are read
        window.wiring.start_with(project, guides=guides)  # type: ignore[attr-defined]
    else:
        window.wiring.warm_up()  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends it, as any program
    return app.exec()


def build_window(project_dir: Path | None = None) -> "MainWindow":
    """Returns the wired main window, not yet shown. A project that cannot be opened is told on the start page."""
    from annotator.wiring import Wiring

    return Wiring(application(), project_dir).window


def application() -> "QApplication":
    """Returns the one QApplication, made and named on the first call."""
    from PySide6.QtCore import QCoreApplication
    from PySide6.QtWidgets import QApplication

    found = QApplication.instance()
    if isinstance(found, QApplication):
        return found
    QCoreApplication.setApplicationName("Matchmap Annotator")
    QCoreApplication.setOrganizationName("matchmap-annotator")
    app = QApplication([sys.argv[0] or "annotator"])
    app.setDesktopFileName("matchmap-annotator")
    return app


def window_trouble() -> str:
    """Returns why no window can be opened here, as one sentence with its remedy; '' where one can."""
    if not sys.platform.startswith("linux"):
        return _qt_trouble()
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    has_display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not platform and not has_display:
        return f"There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): {_HEADLESS}."
    needs_x11 = platform.startswith("xcb") or (not platform and not os.environ.get("WAYLAND_DISPLAY"))
    return _qt_trouble() or (_x11_trouble() if needs_x11 else "")


def _qt_trouble() -> str:
    try:
        import PySide6.QtWidgets  # noqa: F401
    except ImportError as error:
        if "cannot open shared object" not in str(error):
            raise
        missing = str(error).split(":")[0]
        packages = "libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1"
        return f"Qt cannot start: the system library {missing} is missing; run: sudo apt install {packages}"
    return ""


def _x11_trouble() -> str:
    """Looks for what would make Qt abort: a library of its X11 part that is missing, a display that does not answer."""
    from PySide6.QtCore import QLibraryInfo

    plugin = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)) / "platforms" / "libqxcb.so"
    try:
        if plugin.exists():
            ctypes.CDLL(str(plugin))
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        missing = str(error).split(":")[0]
        return f"Qt cannot open a window: the system library {missing} is missing; run: sudo apt install {_XCB}"
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if refused:
        name = os.environ.get("DISPLAY", "")
        return f"The display {name} does not answer; set DISPLAY to one that runs, or {_HEADLESS}."
    return ""
