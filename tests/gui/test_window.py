"""The window by itself: tabs, pills, the question before closing, its place; and the table that two pages share."""

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from annotator.views.widgets.facts import FactRows
from annotator.views.widgets.table import Cell, CellTable, Column, Row
from annotator.views.window import WORKSPACES, MainWindow


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "app.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def window(qtbot: QtBot, settings: QSettings) -> MainWindow:
    made = MainWindow(settings)
    qtbot.addWidget(made)
    made.set_start_page(QLabel("start"))
    for name in WORKSPACES:
        made.set_workspace(name, QLabel(name))
    made.show_project("kitchen")
    made.show()
    return made


def test_a_tab_or_its_key_opens_a_workspace_after_the_last_one_was_left(window: MainWindow, qtbot: QtBot) -> None:
    seen: list[tuple[str, str]] = []
    window.workspace_left.connect(lambda name: seen.append(("left", name)))
    window.workspace_opened.connect(lambda name: seen.append(("opened", name)))
    window.top_bar.tabs["Data"].click()
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert seen == [("left", "Review"), ("opened", "Data"), ("left", "Data"), ("opened", "Retrieval")]


def test_what_runs_shows_in_the_bar_and_leads_to_its_workspace(window: MainWindow) -> None:
    assert not window.top_bar.job.isVisible()
    window.set_job("Extracting · 40 %", workspace="Data")
    assert window.top_bar.job.isVisible()
    assert window.top_bar.job.text() == "Extracting · 40 %"
    window.top_bar.job.click()
    assert window.current_workspace() == "Data"
    window.set_job(None)
    assert not window.top_bar.job.isVisible()


def test_closing_is_asked_about_once_and_then_done(window: MainWindow) -> None:
    window.close_question = lambda: "Extracting is not done."
    assert not window.close()
    assert window.notice.text() == "Extracting is not done."
    window.notice.action_requested.emit()
    assert not window.isVisible()


def test_the_window_comes_back_at_its_size(window: MainWindow, settings: QSettings, qtbot: QtBot) -> None:
    window.resize(1024, 700)  # not over the screen, which the offscreen platform makes small
    window.close()
    again = MainWindow(settings)
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (1024, 700)


def test_the_theme_button_goes_round_dark_light_system(window: MainWindow, qtbot: QtBot) -> None:
    button = window.top_bar.theme
    chosen: list[str] = []
    window.theme_chosen.connect(lambda choice: (chosen.append(choice), button.set_choice(choice)))
    for _ in range(3):
        qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert chosen == ["light", "system", "dark"]


def test_the_start_page_takes_the_workspaces_down(window: MainWindow) -> None:
    window.show_start()
    assert window.current_workspace() == ""
    assert window.workspace("Review") is None
    assert not window.top_bar.tabs["Review"].isVisible()
    window.open_workspace("Review")
    assert window.current_workspace() == ""


def test_new_values_keep_the_chosen_row_and_tell_nobody(qtbot: QtBot) -> None:
    table = CellTable([Column("NAME", 100, 1), Column("N", 60, align="right")])
    qtbot.addWidget(table)
    table.resize(400, 200)
    table.show()
    told: list[str] = []
    table.row_chosen.connect(told.append)
    rows = [Row(key, (Cell(key, dot="accent"), Cell("1"))) for key in ("a", "b", "c")]
    table.set_rows(rows)
    table.choose("b")
    assert told == []
    table.set_rows([Row(row.key, (row.cells[0], Cell("", share=0.5))) for row in rows])
    assert table.chosen_key() == "b"
    table.set_rows([Row("new", (Cell("new", second="below", image=QImage()), Cell("2"))), *rows])
    assert table.chosen_key() == "b"
    assert told == []
    qtbot.keyClick(table, Qt.Key.Key_Up)
    assert told == ["a"]
    assert table.model().data(table.model().index(1, 0), Qt.ItemDataRole.AccessibleTextRole) == "NAME: a"
    table.grab()


def test_the_columns_fill_the_table_however_wide_it_is(qtbot: QtBot) -> None:
    table = CellTable([Column("NAME", 100, 2), Column("N", 60, 1)])
    qtbot.addWidget(table)
    table.show()
    for width in (400, 900):
        table.resize(width, 200)
        assert sum(table.columnWidth(i) for i in range(2)) == pytest.approx(table.viewport().width(), abs=2)


def test_facts_are_read_out_whole_however_they_are_cut(qtbot: QtBot) -> None:
    facts = FactRows()
    qtbot.addWidget(facts)
    facts.set_rows([("folder", "/a/very/long/path/" * 10), ("size", "3 MB")])
    assert "size: 3 MB" in facts.accessibleName()
    facts.resize(200, facts.sizeHint().height())
    facts.grab()
