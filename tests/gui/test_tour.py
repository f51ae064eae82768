"""The first minute on a real project with real keys: each step waits for what it asks, and the verdicts are real."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from annotator.app import build_window
from annotator.guide import plain_pair
from annotator.views import theme
from annotator.views.window import WORKSPACES
from annotator.wiring import Wiring
from davenet.pairs import WeakLabel
from tests.annotator.project_maker import make_project

LONG_MS = 30_000
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def wiring(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """The app on a project of its own, in Review with a pair on screen."""
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    made, _pairs = make_project(tmp_path / "kitchen", ["train", "train"])
    made.close()
    window = build_window(None)
    window.resize(1280, 720)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=LONG_MS)
    opened: Wiring = window.wiring  # type: ignore[attr-defined]
    assert opened.open_project(made.path)
    assert opened.open is not None
    window.open_workspace("Review")
    review = opened.open.review
    qtbot.waitUntil(lambda: review.current is not None and review.is_idle(), timeout=LONG_MS)
    yield opened
    window.close_question = lambda: ""
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def press(qtbot: QtBot, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    target = QApplication.focusWidget()
    assert target is not None
    qtbot.keyClick(target, key, modifiers)


def test_the_guide_goes_on_with_each_real_key_and_leaves_real_verdicts(wiring: Wiring, qtbot: QtBot) -> None:
    assert wiring.open is not None
    wiring.open_guide()
    tour, review = wiring.open.guide.tour, wiring.open.review
    qtbot.waitUntil(tour.is_on, timeout=LONG_MS)
    first = review.current
    assert first is not None

    def waits_for(what: str) -> None:
        qtbot.waitUntil(lambda: (step := tour.step()) is not None and step.done_by == what, timeout=LONG_MS)

    waits_for("hear")
    press(qtbot, Qt.Key.Key_M)  # what was not asked for does not go on
    waits_for("hear")
    assert tour.coach.isVisible() and tour.ring.isVisible()
    press(qtbot, Qt.Key.Key_R)
    waits_for("look")
    press(qtbot, Qt.Key.Key_Space)
    waits_for("accept")
    press(qtbot, Qt.Key.Key_A)
    waits_for("reject")
    qtbot.waitUntil(review.is_idle, timeout=LONG_MS)
    press(qtbot, Qt.Key.Key_X, SHIFT)
    press(qtbot, Qt.Key.Key_2)
    waits_for("undo")
    qtbot.waitUntil(review.is_idle, timeout=LONG_MS)
    press(qtbot, Qt.Key.Key_Backspace)
    waits_for("filter")
    press(qtbot, Qt.Key.Key_Slash)
    press(qtbot, Qt.Key.Key_E)
    waits_for("")
    tour.coach.went_on.emit()
    assert not tour.is_on()
    store = wiring.open.project.store
    assert store.pair(first.uid, reviewer=review.queue.reviewer).decision == "accept"


def test_the_guide_begins_where_the_word_is_heard_around_the_frame(wiring: Wiring, qtbot: QtBot) -> None:
    assert wiring.open is not None
    store, review = wiring.open.project.store, wiring.open.review
    pairs = store.queue("all", reviewer="")

    def told(start: float, probability: float = 0.9, confidence: float = 0.8) -> tuple[WeakLabel, ...]:
        return (WeakLabel("onion", probability, 1, "onion", start, start + 0.4, confidence),)

    far = [replace(pairs[0], labels=told(pairs[0].time_s + 4)), replace(pairs[1], labels=told(pairs[1].time_s, 0.4))]
    unheard = replace(pairs[2], labels=told(pairs[2].time_s, confidence=0.1))
    assert plain_pair([*far, unheard, replace(pairs[3], labels=())]) is None
    assert plain_pair([*far, unheard, pairs[4], pairs[0]]) is pairs[4]
    with sqlite3.connect(store.path) as database:  # as if the first had been mined with its word far away
        database.execute("update label set word_start = 40, word_end = 41 where pair_uid = ?", (pairs[0].uid,))
    review.refresh()
    qtbot.waitUntil(review.is_idle, timeout=LONG_MS)
    assert review.current is not None and review.current.uid == pairs[0].uid
    wiring.open_guide()
    qtbot.waitUntil(wiring.open.guide.tour.is_on, timeout=LONG_MS)
    qtbot.waitUntil(lambda: review.current is not None and review.current.uid == pairs[1].uid, timeout=LONG_MS)


def test_escape_leaves_the_guide_and_it_is_not_shown_again_unasked(wiring: Wiring, qtbot: QtBot) -> None:
    assert wiring.open is not None
    tour = wiring.open.guide.tour
    wiring.offer_guide()
    qtbot.waitUntil(tour.is_on, timeout=LONG_MS)
    press(qtbot, Qt.Key.Key_Escape)
    assert not tour.is_on() and not tour.coach.isVisible()
    wiring.offer_guide()
    qtbot.wait(500)
    assert not tour.is_on()
    assert wiring.bindings.run("app.tour")
    qtbot.waitUntil(tour.is_on, timeout=LONG_MS)


def test_the_guide_waits_while_the_person_is_elsewhere(wiring: Wiring, qtbot: QtBot) -> None:
    assert wiring.open is not None
    tour = wiring.open.guide.tour
    wiring.open_guide()
    qtbot.waitUntil(lambda: tour.coach.isVisible(), timeout=LONG_MS)
    wiring.window.open_workspace("Data")
    qtbot.waitUntil(lambda: not tour.coach.isVisible(), timeout=LONG_MS)
    wiring.window.open_workspace("Review")
    qtbot.waitUntil(lambda: tour.coach.isVisible(), timeout=LONG_MS)


def test_every_control_of_every_page_has_a_name_and_says_what_it_does(wiring: Wiring, qtbot: QtBot) -> None:
    window = wiring.window
    kinds = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit)
    nameless: list[str] = []

    def look(place: str) -> None:
        for control in window.findChildren(QWidget):
            if not isinstance(control, kinds) or not control.isVisible() or _is_part(control):
                continue
            text = control.text() if isinstance(control, QAbstractButton) else ""
            if not (control.accessibleName() or text.strip()):
                nameless.append(f"{place}: {type(control).__name__} has no name ({control.toolTip()})")
            if not _tip(control) and not text.strip():  # a button that says in words what it does may do without
                nameless.append(
                    f"{place}: {type(control).__name__} “{control.accessibleName() or text}” has no tooltip"
                )

    for name in WORKSPACES:
        window.open_workspace(name)
        qtbot.wait(300)
        look(name)
    window.toggle_settings()
    page = window.pages.currentWidget()
    for section in ("Keys", "Playback", "Appearance", "Reviewer"):
        page.show_section(section)
        look(section)
    wiring.palette.open_palette()
    look("palette")
    assert not nameless, "\n".join(nameless)


def _is_part(control: QWidget) -> bool:
    """Tells whether a control is a part that Qt makes of another: scroll bars, the field in a spin box."""
    parent = control.parentWidget()
    inside = ("qt_", "QLineEditIconButton")
    if type(control).__name__ == "QScrollBar" or control.objectName().startswith("qt_"):
        return True
    return type(control).__name__.startswith(inside) or parent is None


def _tip(control: QWidget) -> str:
    """Returns the tooltip that shows over a control: its own, or that of what it lies in."""
    one: QWidget | None = control
    for _ in range(3):
        if one is None:
            return ""
        if one.toolTip():
            return one.toolTip()
        one = one.parentWidget()
    return ""


def test_no_part_of_the_app_is_a_window_for_a_moment(
    qtbot: QtBot, qapp: QApplication, wiring: Wiring, tmp_path: Path
) -> None:
    seen: list[str] = []

    class Windows(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
                seen.append(type(watched).__name__)
            return False

    windows = Windows()
    qapp.installEventFilter(windows)
    assert wiring.open is not None
    folder = wiring.open.project.path
    wiring.close_project()
    wiring.open_project(folder)
    for name in WORKSPACES:
        wiring.window.open_workspace(name)
        qtbot.wait(100)
    qapp.removeEventFilter(windows)
    assert seen == []


def test_text_grows_and_shrinks_with_its_setting(wiring: Wiring) -> None:
    before = theme.font().pixelSize()
    wiring.preferences.set("text_size", "larger")
    assert theme.font().pixelSize() > before
    assert f"font-size: {theme.text_px(12)}px" in QApplication.instance().styleSheet()  # type: ignore[union-attr]
    wiring.preferences.set("text_size", "normal")
    assert theme.font().pixelSize() == before
