"""What a screen reader is told, and what the keyboard reaches: every control of every workspace and card in a real window."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QWidget,
)
from pytestqt.qtbot import QtBot
from review_desk import soup_project

from annotator.app import build_window
from annotator.keymap import ACTIONS, EVERYWHERE
from annotator.views.window import WORKSPACES
from annotator.wiring import Wiring

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit,
)  # fmt: skip
LONG_MS = 60_000
CARDS = {  # what opens a card, a page or a form over a workspace; Escape closes each
    "Review": (
        "review.reject_reason", "review.comment", "review.correct", "review.filters", "review.gallery", "app.palette",
        "app.go_to", "app.keys", "app.settings",
    ),
    "Runs": ("runs.new", "runs.table3"),
    "Data": tuple(id for id in ACTIONS if id.startswith("data.") and id.endswith("_options")),
}  # fmt: skip


@pytest.fixture
def wiring(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    with soup_project(tmp_path) as project:
        path = project.path
    window = build_window(path)
    qtbot.addWidget(window)
    window.resize(1280, 720)
    window.show()
    window.activateWindow()
    made = window.wiring  # type: ignore[attr-defined]
    review = made.open.review
    qtbot.waitUntil(lambda: review.current is not None and review.is_idle(), timeout=LONG_MS)
    yield made
    window.close()


def controls(window: QWidget) -> list[QWidget]:
    """Returns what can be operated on screen now, parts of a field or a table left out."""
    found = []
    for widget in window.findChildren(QWidget):
        is_part = isinstance(widget, QScrollBar | QHeaderView) or isinstance(
            widget.parentWidget(), QAbstractSpinBox | QComboBox | QAbstractItemView
        )
        is_operated = isinstance(widget, CONTROLS) or bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if widget.isVisible() and is_operated and not is_part:
            found.append(widget)
    return found


def nameless(window: QWidget) -> list[str]:
    told = []
    for widget in controls(window):
        spoken = QAccessible.queryAccessibleInterface(widget)
        if spoken is None or not spoken.text(QAccessible.Text.Name).strip():
            told.append(f"{type(widget).__name__} in {type(widget.parentWidget()).__name__} ({widget.toolTip()})")
    return told


def test_every_control_of_every_workspace_and_card_has_a_name(wiring: Wiring, qtbot: QtBot) -> None:
    window = wiring.window
    for workspace in WORKSPACES:
        window.open_workspace(workspace)
        qtbot.wait(300)
        assert len(controls(window)) > 8
        assert nameless(window) == [], workspace
        for card in CARDS.get(workspace, ()):
            before = set(controls(window))
            assert wiring.bindings.run(card), card
            qtbot.wait(100)
            shown = set(controls(window))
            assert shown != before or window.keys_card.isVisible(), f"{card} opened nothing"
            assert nameless(window) == [], card
            QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Escape)
            qtbot.wait(50)


def test_tab_reaches_every_control_that_it_should(wiring: Wiring, qtbot: QtBot) -> None:
    window = wiring.window
    for workspace in WORKSPACES:
        window.open_workspace(workspace)
        qtbot.wait(300)
        reached: set[QWidget] = set()
        for _ in range(300):
            QTest.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
            now = QApplication.focusWidget()
            if now is None or now in reached:
                break
            reached.add(now)
        wanted = {
            widget
            for widget in controls(window)
            if widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not widget.focusProxy()
        }
        missed = [f"{type(one).__name__} {one.accessibleName() or one.toolTip()}" for one in wanted - reached]
        assert len(wanted) > 5 and missed == [], workspace


def test_every_action_of_the_keymap_is_done_by_its_key_and_found_by_its_name(wiring: Wiring) -> None:
    for action in ACTIONS.values():
        assert wiring.bindings.is_bound(action.id), action.id
        assert action.text and (action.keys or action.workspace == EVERYWHERE), action.id
