"""The stage is painted before what was held back, which then paints in turns; nothing stays held back for ever."""

from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from annotator.views.review.frame_first import FrameFirst


class Painted(QWidget):
    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__()
        self._name, self._log = name, log

    def paintEvent(self, event: QPaintEvent) -> None:
        self._log.append(self._name)


def room(qtbot: QtBot) -> tuple[QWidget, list[Painted], list[str]]:
    log: list[str] = []
    window = QWidget()
    parts = [Painted(name, log) for name in ("stage", "axis", "question", "queue")]
    row = QHBoxLayout(window)
    for part in parts:
        row.addWidget(part)
    qtbot.addWidget(window)
    window.resize(400, 100)
    window.show()
    qtbot.waitUntil(lambda: len(log) >= 4)
    qtbot.wait(20)
    log.clear()
    return window, parts, log


def change(parts: list[Painted]) -> None:
    for part in reversed(parts):
        part.update()


def test_the_frame_is_painted_first_then_reading_begins_then_each_of_the_others(qtbot: QtBot) -> None:
    _window, parts, log = room(qtbot)
    first = FrameFirst(parts[0], parts[1:])
    first.begin()
    change(parts)
    first.afterwards(lambda: log.append("reading"))
    assert not first.is_over()
    qtbot.waitUntil(lambda: first.is_over() and len(log) >= 5)
    assert log[:5] == ["stage", "reading", "axis", "question", "queue"]


def test_a_frame_that_does_not_come_holds_nothing_back_for_long(qtbot: QtBot) -> None:
    _window, parts, log = room(qtbot)
    first = FrameFirst(parts[0], parts[1:])
    first.begin()
    change(parts[1:])
    first.afterwards(lambda: log.append("reading"))
    qtbot.waitUntil(lambda: first.is_over() and len(log) >= 4)
    assert log[:4] == ["reading", "axis", "question", "queue"]


def test_only_the_last_of_quick_changes_is_read(qtbot: QtBot) -> None:
    _window, parts, log = room(qtbot)
    first = FrameFirst(parts[0], parts[1:])
    for number in range(3):
        first.begin()
        first.afterwards(lambda number=number: log.append(f"reading {number}"))  # type: ignore[misc]
    change(parts)
    qtbot.waitUntil(first.is_over)
    assert [line for line in log if line.startswith("reading")] == ["reading 2"]


def test_without_a_stage_on_screen_nothing_waits(qtbot: QtBot) -> None:
    window, parts, log = room(qtbot)
    first = FrameFirst(parts[0], parts[1:])
    window.hide()
    first.begin()
    first.afterwards(lambda: log.append("reading"))
    assert first.is_over() and log == ["reading"] and all(part.updatesEnabled() for part in parts)


def test_a_stage_that_is_hidden_meanwhile_lets_all_be_painted(qtbot: QtBot) -> None:
    _window, parts, _log = room(qtbot)
    first = FrameFirst(parts[0], parts[1:])
    first.begin()
    parts[0].hide()
    qtbot.waitUntil(first.is_over)
    assert all(part.updatesEnabled() for part in parts)
