"""The settings page with real keys: every key can be changed by pressing it, each setting is in force and kept at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annotator.keymap import ACTIONS, Keymap
from annotator.views.key_bindings import KeyBindings
from annotator.views.settings.page import SettingsPage
from annotator.views.settings.preferences import Preferences
from annotator.views.settings.presenter import SettingsPresenter

SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
KEYPAD = Qt.KeyboardModifier.KeypadModifier


class Desk:
    """A settings page over a widget whose keys it changes."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.ini = folder / "app.ini"
        self.preferences = Preferences(QSettings(str(self.ini), QSettings.Format.IniFormat))
        self.bindings = KeyBindings(Keymap())
        self.page = SettingsPage(self.bindings)
        self.presenter = SettingsPresenter(self.page, self.preferences, self.bindings)
        self.keys = self.page.keys
        qtbot.addWidget(self.page)
        self.page.resize(1280, 676)
        self.page.show()
        self.page.activateWindow()
        qtbot.waitUntil(self.page.isActiveWindow)

    def choose(self, id: str) -> None:
        self.keys.list.setFocus()
        self.keys.list.choose(id)
        assert self.keys.list.chosen_id() == id


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path))
    yield Desk(qtbot, tmp_path)


@pytest.mark.parametrize(
    ("key", "modifiers", "text", "written"),
    [
        (Qt.Key.Key_Q, Qt.KeyboardModifier.NoModifier, "q", "Q"),
        (Qt.Key.Key_Q, CTRL | SHIFT, "", "Ctrl+Shift+Q"),
        (Qt.Key.Key_Question, SHIFT, "?", "?"),
        (Qt.Key.Key_7, KEYPAD, "7", "7"),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier, "", "Alt+Left"),
        (Qt.Key.Key_F6, Qt.KeyboardModifier.NoModifier, "", "F6"),
    ],
)
def test_a_key_is_changed_by_pressing_it(
    desk: Desk, qtbot: QtBot, key: Qt.Key, modifiers: Qt.KeyboardModifier, text: str, written: str
) -> None:
    desk.choose("review.accept")
    qtbot.keyClick(desk.keys.list, Qt.Key.Key_Return)
    assert desk.keys.capture.isVisible()
    qtbot.keyClick(desk.keys.capture, key, modifiers)
    assert not desk.keys.capture.isVisible()
    assert desk.bindings.keymap.keys_of("review.accept") == (written,)
    assert Keymap.load().keys_of("review.accept") == (written,)


def test_a_held_modifier_is_waited_on_and_escape_changes_nothing(desk: Desk, qtbot: QtBot) -> None:
    desk.choose("review.accept")
    desk.keys.change.click()
    qtbot.keyClick(desk.keys.capture, Qt.Key.Key_Shift)
    assert desk.keys.capture.isVisible()
    qtbot.keyClick(desk.keys.capture, Qt.Key.Key_Escape)
    assert not desk.keys.capture.isVisible()
    assert desk.bindings.keymap.keys_of("review.accept") == ("A", "1")


def test_one_more_key_is_added_and_all_are_taken_away(desk: Desk, qtbot: QtBot) -> None:
    desk.choose("review.flag")
    qtbot.keyClick(desk.keys.list, Qt.Key.Key_Plus)
    qtbot.keyClick(desk.keys.capture, Qt.Key.Key_F6)
    assert desk.bindings.keymap.keys_of("review.flag") == ("F", "F6")
    desk.choose("review.flag")
    qtbot.keyClick(desk.keys.list, Qt.Key.Key_Delete)
    assert desk.bindings.keymap.keys_of("review.flag") == ()
    desk.keys.reset.click()
    assert desk.bindings.keymap.keys_of("review.flag") == ("F",)


def test_a_conflict_names_both_actions_and_is_resolved_in_place(desk: Desk, qtbot: QtBot) -> None:
    desk.choose("review.flag")
    qtbot.keyClick(desk.keys.list, Qt.Key.Key_Return)
    qtbot.keyClick(desk.keys.capture, Qt.Key.Key_A)
    model = desk.keys.list.keys
    assert ACTIONS["review.accept"].text in model.conflict_text("review.flag")
    assert ACTIONS["review.flag"].text in model.conflict_text("review.accept")
    assert desk.keys.conflicts.isVisible()
    desk.keys.conflicts.click()
    shown = [model.row(n).action for n in range(model.rowCount())]
    assert {action.id for action in shown if action} == {"review.accept", "review.flag"}
    desk.choose("review.flag")
    assert desk.keys.resolve.isVisible()
    desk.keys.resolve.click()
    assert desk.bindings.keymap.conflicts() == ()
    assert desk.bindings.keymap.keys_of("review.accept") == ("1",)
    assert desk.bindings.keymap.keys_of("review.flag") == ("A",)


def test_the_search_finds_words_and_keys(desk: Desk, qtbot: QtBot) -> None:
    def found() -> list[str]:
        model = desk.keys.list.keys
        return [row.action.id for n in range(model.rowCount()) if (row := model.row(n)).action]

    desk.keys.search.setFocus()
    qtbot.keyClicks(desk.keys.search, "gallery")
    assert "review.gallery" in found() and "review.accept" not in found()
    desk.keys.search.setText("ctrl+k")
    assert found() == ["app.palette"]
    desk.keys.search.setText("no such thing")
    assert found() == []
    assert not desk.keys.change.isEnabled()
    qtbot.keyClick(desk.keys.search, Qt.Key.Key_Escape)
    assert desk.keys.search.text() == ""
    with qtbot.waitSignal(desk.page.left):
        qtbot.keyClick(desk.keys.search, Qt.Key.Key_Escape)


def test_a_preset_is_taken_at_once_by_a_widget_that_is_bound(desk: Desk, qtbot: QtBot) -> None:
    work = QWidget(focusPolicy=Qt.FocusPolicy.StrongFocus)
    qtbot.addWidget(work)
    did: list[str] = []
    desk.bindings.bind(work, {id: lambda id=id: did.append(id) for id in ("review.skip", "review.play")})
    desk.keys.preset.setCurrentIndex(desk.keys.preset.findData("Prodigy"))
    desk.keys.preset.activated.emit(desk.keys.preset.currentIndex())
    work.show()
    work.activateWindow()
    work.setFocus()
    qtbot.waitUntil(work.isActiveWindow)
    qtbot.keyClick(work, Qt.Key.Key_Space)
    assert did == ["review.skip"]
    assert Keymap.load().preset == "Prodigy"


def test_each_choice_is_in_force_and_kept(desk: Desk) -> None:
    playback, appearance = desk.page.playback, desk.page.appearance
    playback.autoplay.click()
    playback.auto_advance.click()
    playback.muted.click()
    playback.volume.setValue(40)
    appearance.theme.pills["light"].click()
    appearance.text_size.pills["large"].click()
    again = Preferences(QSettings(str(desk.ini), QSettings.Format.IniFormat))
    assert not again.autoplay and not again.auto_advance and again.is_muted
    assert (again.volume, again.theme, again.text_size) == (40, "light", "large")


def test_what_belongs_to_a_project_cannot_be_set_without_one(desk: Desk) -> None:
    desk.page.show_section("Reviewer")
    assert not desk.page.reviewer.name.isEnabled()
    assert not desk.page.playback.proxies.isEnabled()


def test_a_value_that_makes_no_sense_is_the_default(tmp_path: Path, qapp: QApplication) -> None:
    path = tmp_path / "app.ini"
    path.write_text("[General]\nvolume=loud\ntheme=pink\ntext_size=9\ncache_limit_mb=1\n")
    preferences = Preferences(QSettings(str(path), QSettings.Format.IniFormat))
    assert (preferences.volume, preferences.theme, preferences.text_size) == (100, "system", "normal")
    assert preferences.cache_limit_mb == 128
