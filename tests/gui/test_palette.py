"""Finding by a few letters: what the palette offers and does, what Go to understands, and the card of keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annotator.views.go_to import Destination, Places, fits, time_of
from annotator.views.key_bindings import KeyBindings
from annotator.views.keys_card import groups_of, in_columns
from annotator.views.palette import Palette
from annotator.views.window import WORKSPACES, MainWindow

CTRL = Qt.KeyboardModifier.ControlModifier


class Desk:
    """A window with bare workspaces that say what was asked of them, and a palette over it."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.bindings = KeyBindings()
        self.window = MainWindow(QSettings(str(folder / "app.ini"), QSettings.Format.IniFormat), self.bindings)
        qtbot.addWidget(self.window)
        self.window.set_start_page(QWidget())
        self.did: list[str] = []
        self.has_pair = True
        for name in WORKSPACES:
            self.window.set_workspace(name, QWidget(focusPolicy=Qt.FocusPolicy.StrongFocus))
        review, data = self.window.workspace("Review"), self.window.workspace("Data")
        assert review is not None and data is not None
        self.bindings.bind(review, self.says("review.accept", "review.skip"), possible=lambda _id: self.has_pair)
        self.bindings.bind(data, self.says("data.mine"))
        self.palette = Palette(self.window.body, self.bindings, self.window.open_workspace, self._current)
        self.bindings.bind(self.window, {"app.palette": self.palette.open_palette})
        self.window.show_project("kitchen")
        self.window.resize(1280, 720)
        self.window.show()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)

    def says(self, *ids: str) -> dict:
        return {id: lambda id=id: self.did.append(f"{id} in {self._current()}") for id in ids}

    def _current(self) -> str:
        return self.window.current_workspace()


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path))
    yield Desk(qtbot, tmp_path)


def test_a_command_is_found_and_done_in_its_own_workspace(desk: Desk, qtbot: QtBot) -> None:
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_K, CTRL)
    finder = desk.palette.finder
    assert finder.isVisible() and finder.field.hasFocus()
    qtbot.keyClicks(finder.field, "mine")
    entry = finder.current()
    assert entry is not None and entry.value == "data.mine" and entry.caps == ("M",)
    qtbot.keyClick(finder.field, Qt.Key.Key_Return)
    assert desk.did == ["data.mine in Data"]
    assert not finder.isVisible()


def test_letters_typed_in_the_palette_do_nothing_else(desk: Desk, qtbot: QtBot) -> None:
    desk.palette.open_palette()
    qtbot.keyClicks(desk.palette.finder.field, "as")
    assert desk.did == []
    qtbot.keyClick(desk.palette.finder.field, Qt.Key.Key_Escape)
    assert not desk.palette.finder.isVisible()
    assert QApplication.focusWidget() is desk.window.workspace("Review")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_A)
    assert desk.did == ["review.accept in Review"]


def test_what_is_not_possible_is_last_and_cannot_be_chosen(desk: Desk, qtbot: QtBot) -> None:
    desk.has_pair = False
    desk.palette.open_palette()
    entries = desk.palette.finder.entries()
    flags = [entry.is_enabled for entry in entries]
    assert flags == sorted(flags, reverse=True)
    assert "review.accept" in [entry.value for entry in entries if not entry.is_enabled]
    qtbot.keyClicks(desk.palette.finder.field, "accept")
    qtbot.keyClick(desk.palette.finder.field, Qt.Key.Key_Return)
    assert desk.did == []


def test_up_and_down_go_round_what_can_be_chosen(desk: Desk, qtbot: QtBot) -> None:
    desk.palette.open_palette()
    finder = desk.palette.finder
    able = [entry.value for entry in finder.entries() if entry.is_enabled]
    qtbot.keyClick(finder.field, Qt.Key.Key_Down)
    assert finder.current().value == able[1]  # type: ignore[union-attr]
    qtbot.keyClick(finder.field, Qt.Key.Key_Up)
    qtbot.keyClick(finder.field, Qt.Key.Key_Up)
    assert finder.current().value == able[-1]  # type: ignore[union-attr]


def test_a_changed_key_shows_in_the_palette_and_on_the_tab(desk: Desk) -> None:
    desk.bindings.set_keys("review.skip", ("F6",))
    desk.bindings.set_keys("app.data", ("Ctrl+Shift+D",))
    desk.palette.open_palette()
    caps = {entry.value: entry.caps for entry in desk.palette.finder.entries()}
    assert caps["review.skip"] == ("F6",)
    assert "Ctrl+Shift+D" in desk.window.top_bar.tabs["Data"].toolTip()


@pytest.mark.parametrize(
    ("text", "second"),
    [("4:20", 260.0), ("0:05.5", 5.5), ("1:04:20", 3860.0), ("4", None), ("4:2", None), ("a:20", None)],
)
def test_times_are_understood_as_people_write_them(text: str, second: float | None) -> None:
    assert time_of(text) == second


def test_go_to_understands_numbers_times_and_names() -> None:
    named = (Destination("class", "onion", "onion"), Destination("video", "Onion soup", "v1"))
    places = Places(named, n_pairs=20, video="soup", duration_s=300)
    assert [one.kind for one in fits("7", places)] == ["number"]
    assert [one.kind for one in fits("#20", places)] == ["number"]
    assert fits("21", places) == []
    assert [(one.kind, one.value) for one in fits("4:20", places)] == [("time", "260.0")]
    assert fits("5:20", places) == []  # behind the video's end
    assert [one.text for one in fits("onion", places)] == ["onion", "Onion soup"]
    assert [one.text for one in fits("soup", places)] == ["Onion soup"]
    assert fits("", places) == list(named)


def test_the_card_of_keys_follows_its_window(desk: Desk, qtbot: QtBot) -> None:
    card = desk.window.keys_card
    desk.window.resize(1900, 1000)
    card.open_card("Review")
    tall = card.box_size().height()
    desk.window.resize(1280, 720)
    qtbot.waitUntil(lambda: card.height() <= 720)
    assert card.box_size().height() <= 720 < tall + 48


@pytest.mark.parametrize("workspace", [name.lower() for name in WORKSPACES])
def test_the_card_of_keys_fits_a_small_window_whole(desk: Desk, qtbot: QtBot, workspace: str) -> None:
    card = desk.window.keys_card
    card.open_card(workspace.capitalize())
    size = card.box_size()
    assert size.width() <= 1280 and size.height() <= 720
    columns, row = in_columns(groups_of(workspace), 600, 3)
    assert row >= 20
    placed = [group.name for column in columns for group in column]
    assert placed == [group.name for group in groups_of(workspace)]
    qtbot.keyClick(card, Qt.Key.Key_Escape)
    assert not card.isVisible()


def test_the_question_mark_shows_the_keys_of_the_workspace_in_view(desk: Desk, qtbot: QtBot) -> None:
    desk.window.open_workspace("Data")
    qtbot.keyClicks(QApplication.focusWidget(), "?")
    card = desk.window.keys_card
    assert card.isVisible()
    assert card.accessibleName() == "Keys of Data"
    assert "M: Mine pairs" in card.accessibleDescription()
    assert "Accept" not in card.accessibleDescription()
