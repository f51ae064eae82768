"""Verdicts in the Review workspace: blind ones and their reveal, what is kept of each, and what happens when it fails."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import CLASSES, Desk, soup_project

from annotator.project import Project
from annotator.store import opening
from annotator.views import theme
from annotator.views.review.press_rows import PressRows

K = Qt.Key
LEFT, SHIFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "settings"))
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_MS", 300)  # a locked database is waited for less long than in the app
    with soup_project(tmp_path) as made:
        yield made


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Desk]:
    theme.apply_theme(qapp, "dark")
    made = Desk(qtbot, project)
    made.presenter.options.autoplay = False
    yield made
    made.close()


def test_a_blind_verdict_is_followed_by_what_was_hidden_and_may_be_changed(desk: Desk) -> None:
    question = desk.workspace.question
    desk.press(K.Key_B)
    assert question.is_hiding and desk.workspace.controls.blind.isChecked()
    desk.press(K.Key_A)
    assert desk.asked == "onion" and not question.is_hiding  # revealed, and still here
    desk.press(K.Key_X)
    assert desk.asked == "garlic" and question.is_hiding
    history = [(one.decision, one.blind, one.purpose) for one in desk.project.store.history()]
    assert history == [("accept", True, "first"), ("reject", False, "revealed")]
    assert desk.presenter.counts == desk.project.store.counts("ada")


def test_the_panel_names_the_keys_as_they_are_set(desk: Desk) -> None:
    question, keys = desk.workspace.question, desk.workspace.keys
    told = [rows.accessibleName() for rows in question.findChildren(PressRows)]
    assert any("A accepts, X rejects" in text for text in told)
    keys.keymap.set_keys("review.accept", ("Y",))
    keys.keymap.set_keys("review.next", ("N",))
    keys.changed.emit()
    told = [rows.accessibleName() for rows in question.findChildren(PressRows)]
    assert any("Y accepts, X rejects" in text for text in told)
    keys.keymap.set_keys("review.filter", ("Q",))
    keys.changed.emit()
    assert desk.workspace.queue.filter.toolTip() == "Show only pairs whose class, word or video has these words (Q)"
    desk.presenter.set_blind(True)
    desk.press(K.Key_X)
    assert question.blind_card.text() == "You rejected. Go on with N, or decide again: both verdicts are kept."


def test_after_a_reveal_the_same_key_or_the_next_key_goes_on_without_a_second_verdict(desk: Desk) -> None:
    desk.press(K.Key_B)
    desk.press(K.Key_A)
    desk.press(K.Key_A)
    assert desk.asked == "garlic"
    desk.press(K.Key_X)
    desk.press(K.Key_J)
    assert desk.asked == "butter" and desk.workspace.question.is_hiding
    desk.press(K.Key_S)  # a skip reveals nothing
    assert desk.asked == "egg"
    assert [(one.decision, one.blind) for one in desk.verdicts()] == [
        ("accept", True), ("reject", True), ("skip", True)
    ]  # fmt: skip


def test_a_peek_shows_the_evidence_while_held_and_the_verdict_is_no_longer_blind(desk: Desk) -> None:
    desk.press(K.Key_B)
    QTest.keyPress(desk.focused(), K.Key_H)
    assert not desk.workspace.question.is_hiding
    QTest.keyRelease(desk.focused(), K.Key_H)
    assert desk.workspace.question.is_hiding
    desk.press(K.Key_A)
    assert desk.asked == "garlic"
    (kept,) = desk.verdicts()
    assert not kept.blind and kept.keys.count("peek") == 1


def test_leaving_blind_mode_shows_everything_again(desk: Desk) -> None:
    desk.press(K.Key_B)
    desk.press(K.Key_B)
    assert not desk.workspace.question.is_hiding and not desk.workspace.controls.blind.isChecked()
    desk.press(K.Key_A)
    assert desk.asked == "garlic" and not desk.verdicts()[0].blind


def test_without_auto_advance_the_pair_stays_and_can_be_decided_again(desk: Desk) -> None:
    desk.presenter.options.auto_advance = False
    desk.press(K.Key_A)
    assert desk.asked == "onion"
    desk.press(K.Key_X)
    assert desk.asked == "onion" and [one.decision for one in desk.verdicts()] == ["reject"]
    assert desk.presenter.counts == desk.project.store.counts("ada")
    desk.press(K.Key_J)
    assert desk.asked == "garlic"
    desk.press(K.Key_U)
    desk.press(K.Key_K)
    assert desk.asked == "garlic"  # it has left the list, and nothing stands before it
    desk.press(K.Key_J)
    assert desk.asked == "butter"
    assert desk.presenter.counts == desk.project.store.counts("ada")


def test_the_menu_switches_autoplay_and_going_on(desk: Desk) -> None:
    menu = desk.workspace.make_menu()
    actions = {action.text(): action for action in menu.actions()}
    actions["Go on after a verdict"].trigger()
    assert not desk.presenter.options.auto_advance
    desk.press(K.Key_A)
    assert desk.asked == "onion"
    menu.deleteLater()


def test_a_verdict_that_cannot_be_written_keeps_the_pair_and_says_why(desk: Desk) -> None:
    blocker = sqlite3.connect(desk.project.store.path)
    blocker.execute("BEGIN IMMEDIATE")
    desk.press(K.Key_A)
    assert desk.asked == "onion" and desk.workspace.is_pair_shown()
    said = desk.workspace.notice.text()
    assert said.startswith("Accepting onion was not kept: ") and said.count(". ") == 0
    blocker.rollback()
    blocker.close()
    desk.press(K.Key_A)
    assert desk.asked == "garlic" and len(desk.verdicts()) == 1
    assert desk.presenter.counts == desk.project.store.counts("ada")


@pytest.mark.parametrize("failing", [K.Key_F, K.Key_Backspace, K.Key_A])
@pytest.mark.parametrize("ending", [K.Key_A, K.Key_F])
def test_what_could_not_be_written_is_no_longer_told_once_something_was(desk: Desk, failing: K, ending: K) -> None:
    desk.press(K.Key_A)
    blocker = sqlite3.connect(desk.project.store.path)
    blocker.execute("BEGIN IMMEDIATE")
    desk.press(failing)
    assert "locked" in desk.workspace.notice.text() and desk.workspace.notice.isVisible()
    blocker.rollback()
    blocker.close()
    desk.press(ending)
    assert not desk.workspace.notice.isVisible()


def test_keys_pressed_while_a_verdict_is_being_written_decide_nothing(desk: Desk) -> None:
    QTest.keyClick(desk.focused(), K.Key_A)
    QTest.keyClick(desk.focused(), K.Key_X)  # before anyone can have seen the next pair
    desk.settle()
    assert [(one.label, one.decision) for one in desk.verdicts()] == [("onion", "accept")]
    assert desk.asked == "garlic"


def test_a_project_that_can_only_be_read_says_so_on_its_buttons_and_keeps_nothing(
    qtbot: QtBot, qapp: QApplication, project: Project
) -> None:
    reason = "ada has this project open in another window; this one can only look."
    project.read_only_reason = project.store.read_only_reason = reason
    desk = Desk(qtbot, project)
    assert project.is_read_only
    for button in (*desk.workspace.verdicts.buttons.values(), desk.workspace.verdicts.reasons):
        assert not button.isEnabled() and button.toolTip() == reason
    for key in (K.Key_A, K.Key_F, K.Key_C, K.Key_E, K.Key_Backspace):
        desk.workspace.notice.clear()
        desk.press(key)
        assert desk.workspace.notice.text() == reason, key
    assert desk.asked == "onion" and desk.workspace.open_card() is None and project.store.history() == []
    desk.press(K.Key_J)
    assert desk.asked == "garlic"
    desk.close()


def test_the_app_opens_again_at_the_pair_that_was_shown_or_the_next_without_a_verdict(
    desk: Desk, qtbot: QtBot, project: Project
) -> None:
    desk.press(K.Key_J, K.Key_J)
    desk.presenter.shutdown()
    again = Desk(qtbot, project)
    assert again.asked == "butter"
    project.store.give_verdict(again.presenter.current.uid, "accept", reviewer="ada", seconds=1, window_s=2)  # type: ignore[union-attr]
    again.close()
    third = Desk(qtbot, project)
    assert third.asked == "egg"  # as after a kill between the verdict and the next pair
    third.close()


def test_reading_the_list_again_does_not_disturb_who_is_at_work_on_a_pair(desk: Desk) -> None:
    desk.press(K.Key_J)
    desk.press(K.Key_Right, modifiers=Qt.KeyboardModifier.AltModifier)
    desk.press(K.Key_C)
    desk.presenter.invalidate()  # as when a job in the background is done
    desk.settle()
    assert desk.asked == "garlic" and desk.workspace.open_card() is desk.workspace.comments
    assert desk.presenter.playback.nudge_s == pytest.approx(0.1)


def drag(desk: Desk, start_s: float, end_s: float, modifiers: Qt.KeyboardModifier) -> None:
    axis = desk.workspace.axis
    y = 60

    def send(kind: QEvent.Type, time_s: float) -> None:
        at = QPointF(QPoint(round(axis.x_of(time_s)), y))
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
        QApplication.sendEvent(axis, QMouseEvent(kind, at, axis.mapToGlobal(at), LEFT, held, modifiers))

    send(QEvent.Type.MouseButtonPress, start_s)
    send(QEvent.Type.MouseMove, (start_s + end_s) / 2)
    send(QEvent.Type.MouseMove, end_s)
    send(QEvent.Type.MouseButtonRelease, end_s)
    desk.settle()


def test_a_drag_on_the_axis_seeks_and_with_shift_it_loops_what_was_dragged(desk: Desk) -> None:
    drag(desk, 2.0, 6.0, NONE)
    assert desk.player.time_s == pytest.approx(6.0, abs=0.05) and desk.player.loop is None
    drag(desk, 7.0, 4.0, SHIFT)
    loop = desk.player.loop
    assert loop is not None and loop == (pytest.approx(4.0, abs=0.05), pytest.approx(7.0, abs=0.05))
    assert desk.workspace.axis.selection() == pytest.approx(loop, abs=1e-6)
    desk.press(K.Key_L)
    assert desk.player.loop is None and desk.workspace.axis.selection() is None


def test_docks_stay_where_they_were_put_and_can_be_put_back(desk: Desk, qtbot: QtBot, project: Project) -> None:
    docks = desk.workspace.docks
    docks.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, docks.docks["Queue"])
    docks.docks["Question"].close()
    desk.presenter.shutdown()
    desk.workspace.hide()
    again = Desk(qtbot, project)
    docks = again.workspace.docks
    assert docks.dockWidgetArea(docks.docks["Queue"]) == Qt.DockWidgetArea.RightDockWidgetArea
    assert docks.docks["Question"].isHidden()
    menu = again.workspace.make_menu()
    next(action for action in menu.actions() if action.text() == "Put the docks back").trigger()
    assert docks.dockWidgetArea(docks.docks["Queue"]) == Qt.DockWidgetArea.LeftDockWidgetArea
    assert not docks.docks["Question"].isHidden()
    menu.deleteLater()
    again.press(K.Key_Slash)
    assert again.workspace.queue.filter.hasFocus()
    again.close()


def test_what_is_shown_of_progress_is_the_share_with_its_interval_beside_the_papers(desk: Desk) -> None:
    desk.press(K.Key_A, K.Key_A, K.Key_A, K.Key_X)
    shown = desk.workspace.verdicts.progress.shown()
    assert shown[:2] == ("4", f"of {len(CLASSES)}")
    assert shown[4] == "paper 79.2\u202f%"
    assert "accepted 75.0\u202f% (30.1–95.4)" in desk.workspace.verdicts.progress.accessibleName()
