"""The small shared widgets: what they say to a screen reader, and that they answer the keyboard."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from annotator.views import theme
from annotator.views.widgets.bar import BarRow, BarRows, ProgressLine
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.flow import FlowLayout
from annotator.views.widgets.key_button import KeyButton
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.widgets.pill import Pill, TabButton
from annotator.views.widgets.section import SectionHead


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> None:
    theme.apply_theme(qapp, "dark")


def test_a_pill_grows_with_its_count_and_says_it(qtbot: QtBot) -> None:
    pill = Pill("Pending")
    qtbot.addWidget(pill)
    before = pill.sizeHint().width()
    pill.set_count(200000)
    assert pill.shown_text() == "Pending 200\u202f000"
    assert pill.sizeHint().width() > before
    assert pill.accessibleName() == pill.shown_text()


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_a_verdict_button_can_be_pressed_with_the_keyboard(qtbot: QtBot, key: Qt.Key) -> None:
    button = KeyButton("Accept", "A", token="accept", glyph="accept")
    qtbot.addWidget(button)
    button.show()
    button.setFocus()
    assert button.height() == 44 or button.sizeHint().height() == 44
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, key)


def test_one_tab_is_open_at_a_time(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    layout = QVBoxLayout(parent)
    review, runs = TabButton("Review", "^1"), TabButton("Runs", "^4")
    for tab in (review, runs):
        layout.addWidget(tab)
    review.click()
    runs.click()
    assert runs.isChecked() and not review.isChecked()


def test_bars_tell_their_numbers(qtbot: QtBot) -> None:
    bars = BarRows()
    qtbot.addWidget(bars)
    bars.set_rows([BarRow("onion", 0.93, lit=True), BarRow("a very long class name indeed", 1.7)])
    bars.resize(200, bars.sizeHint().height())
    image = bars.grab().toImage()
    assert bars.accessibleName().startswith("Probabilities: onion 0.93")
    assert image.pixelColor(96, 13).name() == theme.current().accent
    line = ProgressLine()
    qtbot.addWidget(line)
    line.set_share(1.4)
    assert line.share() == 1.0


def test_a_notice_says_one_sentence_and_leaves_by_itself(qtbot: QtBot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    bar.show_notice("The disk is full.", "error", seconds=0.01)
    assert bar.isVisible() and bar.text() == "The disk is full."
    qtbot.waitUntil(lambda: not bar.isVisible())


def test_an_empty_state_says_what_to_do_and_offers_it(qtbot: QtBot) -> None:
    empty = EmptyState("No pairs yet", "Mine some in Data.", "Open Data")
    qtbot.addWidget(empty)
    empty.show()
    with qtbot.waitSignal(empty.action_requested):
        qtbot.mouseClick(empty.action_button(), Qt.MouseButton.LeftButton)
    empty.set_content("All done", "Rest.")
    assert not empty.action_button().isVisible()
    assert empty.accessibleName() == "All done. Rest."


def test_pills_run_on_into_the_next_line(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    layout = FlowLayout(parent, spacing=6)
    pills = [Pill(f"number {index}") for index in range(6)]
    for pill in pills:
        layout.addWidget(pill)
    parent.resize(200, 300)
    parent.show()
    assert len({pill.y() for pill in pills}) > 1
    assert all(pill.geometry().right() <= 200 for pill in pills)


def test_a_section_head_keeps_its_words_for_screen_readers(qtbot: QtBot) -> None:
    head = SectionHead("Last verdicts")
    qtbot.addWidget(head)
    assert head.text() == "Last verdicts"
    assert head.sizeHint().width() > 60
