"""Keys from the keymap on real widgets, pressed for real: typing, the number pad, held keys, changes while it runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from annotator.keymap import Keymap
from annotator.views.key_bindings import KeyBindings, shown_key

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Page(QWidget):
    """A window with a workspace in it, and in that a field, a button and an inner part."""

    def __init__(self) -> None:
        super().__init__()
        self.workspace = QWidget(focusPolicy=Qt.FocusPolicy.StrongFocus)
        self.field = QLineEdit()
        self.button = QPushButton("press")
        self.inner = QWidget(focusPolicy=Qt.FocusPolicy.StrongFocus)
        QVBoxLayout(self).addWidget(self.workspace)
        column = QVBoxLayout(self.workspace)
        for part in (self.field, self.button, self.inner):
            column.addWidget(part)
        self.bindings = KeyBindings(Keymap())
        self.did: list[str] = []

    def says(self, *ids: str) -> dict:
        return {id: lambda id=id: self.did.append(id) for id in ids}


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path))


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[Page]:
    made = Page()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    made.workspace.setFocus()
    yield made


def test_each_of_an_actions_keys_does_it_the_number_pads_too(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, page.says("review.accept", "review.reject"))
    qtbot.keyClick(page.workspace, Qt.Key.Key_A)
    qtbot.keyClick(page.workspace, Qt.Key.Key_1, Qt.KeyboardModifier.KeypadModifier)
    qtbot.keyClick(page.workspace, Qt.Key.Key_0, Qt.KeyboardModifier.KeypadModifier)
    assert page.did == ["review.accept", "review.accept", "review.reject"]


def test_keys_are_typed_into_a_field_and_do_nothing_else(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, page.says("review.accept", "review.undo", "review.play"))
    page.bindings.bind(page, page.says("app.palette", "app.keys"))
    page.field.setFocus()
    for text in "a1 ?":
        qtbot.keyClicks(page.field, text)
    qtbot.keyClick(page.field, Qt.Key.Key_Z, CTRL)
    assert page.did == []
    qtbot.keyClicks(page.field, "a?")
    assert page.field.text().endswith("a?")
    qtbot.keyClick(page.field, Qt.Key.Key_K, CTRL)
    assert page.did == ["app.palette"]
    page.workspace.setFocus()
    qtbot.keyClick(page.workspace, Qt.Key.Key_A)
    assert page.did == ["app.palette", "review.accept"]


def test_space_presses_the_button_that_has_the_focus(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, page.says("review.play", "review.accept"))
    page.button.setFocus()
    with qtbot.waitSignal(page.button.clicked):
        qtbot.keyClick(page.button, Qt.Key.Key_Space)
    qtbot.keyClick(page.button, Qt.Key.Key_A)
    assert page.did == ["review.accept"]


def test_a_changed_key_works_at_once_and_after_a_restart(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, page.says("review.accept"))
    with qtbot.waitSignal(page.bindings.changed):
        page.bindings.set_keys("review.accept", ("Q",))
    qtbot.keyClick(page.workspace, Qt.Key.Key_A)
    assert page.did == []
    qtbot.keyClick(page.workspace, Qt.Key.Key_Q)
    assert page.did == ["review.accept"]
    assert Keymap.load().keys_of("review.accept") == ("Q",)


def test_an_inner_part_has_its_action_while_the_focus_is_in_it(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, {"review.accept": lambda: page.did.append("outer")})
    page.bindings.bind(page.inner, {"review.accept": lambda: page.did.append("inner")})
    qtbot.keyClick(page.workspace, Qt.Key.Key_A)
    page.inner.setFocus()
    qtbot.keyClick(page.inner, Qt.Key.Key_A)
    assert page.did == ["outer", "inner"]


def test_a_held_action_ends_when_its_key_is_let_go(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind_held(
        page.workspace, "review.peek", lambda: page.did.append("peek"), lambda: page.did.append("end")
    )
    qtbot.keyPress(page.workspace, Qt.Key.Key_H)
    assert page.did == ["peek"]
    qtbot.keyRelease(page.workspace, Qt.Key.Key_J)
    assert page.did == ["peek"]
    qtbot.keyRelease(page.workspace, Qt.Key.Key_H)
    assert page.did == ["peek", "end"]


def test_what_is_not_possible_now_is_not_done(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, page.says("review.undo"), possible=lambda _id: False)
    qtbot.keyClick(page.workspace, Qt.Key.Key_Backspace)
    assert page.did == []
    assert not page.bindings.is_possible("review.undo")
    assert not page.bindings.run("review.undo")


def test_a_shifted_key_is_another_key(page: Page, qtbot: QtBot) -> None:
    page.bindings.bind(page.workspace, page.says("review.reject", "review.reject_reason"))
    qtbot.keyClick(page.workspace, Qt.Key.Key_X, SHIFT)
    qtbot.keyClick(page.workspace, Qt.Key.Key_X)
    assert page.did == ["review.reject_reason", "review.reject"]


def test_a_widget_that_is_gone_is_forgotten(page: Page, qtbot: QtBot) -> None:
    part = QWidget(page.workspace)
    page.bindings.bind(part, page.says("review.flag"))
    with qtbot.waitSignal(part.destroyed):
        part.deleteLater()
    assert not page.bindings.is_possible("review.flag")
    page.bindings.follow()


def test_keys_are_written_as_on_the_caps() -> None:
    assert shown_key("Shift+Left") == "Shift+←"
    assert shown_key("Backspace") == "⌫"
    assert shown_key("?") == "?"


def test_a_held_key_decides_once_even_where_the_x_server_tells_its_repeats_as_presses(page: Page) -> None:
    """Release and press of one moment: no hand is that quick, and Qt does not always mark them as repeats."""
    page.bindings.bind(page.workspace, page.says("review.accept", "review.next"))
    page.inner.setFocus()

    def tell(key: Qt.Key, text: str, *, released_ms: int, pressed_ms: int) -> None:
        for kind, at in ((QEvent.Type.KeyRelease, released_ms), (QEvent.Type.ShortcutOverride, pressed_ms)):
            event = QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, text)
            event.setTimestamp(at)
            QApplication.sendEvent(page.inner, event)
        (shortcut,) = [one for one in page.findChildren(QShortcut) if one.key() == QKeySequence(text)]
        shortcut.activated.emit()

    tell(Qt.Key.Key_A, "A", released_ms=900, pressed_ms=1000)
    tell(Qt.Key.Key_A, "A", released_ms=1300, pressed_ms=1300)
    tell(Qt.Key.Key_A, "A", released_ms=1340, pressed_ms=1340)
    assert page.did == ["review.accept"]
    tell(Qt.Key.Key_A, "A", released_ms=1400, pressed_ms=1440)
    assert page.did == ["review.accept"] * 2
    tell(Qt.Key.Key_J, "J", released_ms=1500, pressed_ms=1500)  # moving on may repeat
    assert page.did[2:] == ["review.next"]
