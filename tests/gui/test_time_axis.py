"""The time axis: its pure geometry, what a press means, and that its painting stays inside its bounds."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annotator.views import theme
from annotator.views.widgets.time_axis import MARGIN, WORD_ROW, Bracket, TimeAxis, spectrogram_image
from annotator.views.widgets.time_layout import (
    bar_heights,
    clock_text,
    columns,
    place_words,
    ticks,
    word_at,
    zoomed,
)


@dataclass(frozen=True)
class Said:
    word: str
    start: float
    end: float
    confidence: float = 0.87


def width_of(text: str) -> float:
    return 7.0 * len(text)


@pytest.mark.parametrize(
    ("time_s", "decimals", "text"),
    [(0, 0, "0:00"), (42.4, 0, "0:42"), (59.96, 1, "1:00.0"), (3671.2, 0, "1:01:11"), (-1.5, 1, "−0:01.5")],
)
def test_a_time_reads_as_minutes_and_seconds(time_s: float, decimals: int, text: str) -> None:
    assert clock_text(time_s, decimals=decimals) == text


def test_ticks_are_round_and_inside_the_range() -> None:
    assert ticks(31.0, 53.0, 840) == [32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 52]
    assert ticks(31.0, 53.0, 400) == [35, 40, 45, 50]
    assert ticks(5, 5, 400) == []


@given(
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.05, 1), st.text("abc", min_size=1, max_size=12)), max_size=60),
    st.integers(20, 900),
    st.sets(st.integers(0, 59), max_size=3),
)
def test_no_two_words_overlap_and_all_stay_inside(
    spoken: list[tuple[float, float, str]], width: int, matched: set[int]
) -> None:
    words = sorted((Said(text, start, start + length) for start, length, text in spoken), key=lambda one: one.start)
    placed = place_words(words, matched, start=5, end=25, width=width, text_width=width_of)
    for box in placed:
        assert box.x >= 0 and box.x + box.width <= width + 1e-6
    plain = [box for box in placed if box.index not in matched]
    for index, box in enumerate(plain):
        for other in plain[index + 1 :]:
            is_apart = box.x + box.width <= other.x + 1e-5 or other.x + other.width <= box.x + 1e-5
            assert box.row != other.row or is_apart


def test_a_matched_word_is_always_shown() -> None:
    words = [Said("mayonnaise", 10, 10.1) for _ in range(40)]
    placed = place_words(words, {39}, start=0, end=20, width=100, text_width=width_of)
    assert 39 in [box.index for box in placed]
    assert len(placed) < 40


def test_the_word_under_a_point_is_found_by_row() -> None:
    placed = place_words(
        [Said("so", 1, 1.4), Said("onion", 5, 5.5)], {1}, start=0, end=10, width=400, text_width=width_of
    )
    onion = placed[1]
    assert word_at(placed, onion.x + 1, onion.row) == 1
    assert word_at(placed, onion.x - 1, onion.row) is None
    assert word_at(placed, onion.x + 1, 1 - onion.row) is None


def test_bars_show_the_loudest_peak_of_their_part_and_silence_outside_the_sound() -> None:
    peaks = np.zeros(100, np.float32)
    peaks[37] = 0.9
    heights = bar_heights(peaks, 2.0, 0.01, 0.0, 4.0, 40)  # the sound lies in 2..3 s, one bar is 0.1 s
    assert np.flatnonzero(heights).tolist() == [23]
    assert heights[23] == np.float32(0.9)


def test_columns_cover_only_the_part_where_there_is_sound() -> None:
    chosen, left, right = columns(100, 2.0, 0.01, 0.0, 4.0, 400)
    assert (left, right) == (200, 300)
    assert chosen[0] == 0 and chosen[-1] == 99
    assert columns(100, 9.0, 0.01, 0.0, 4.0, 400)[2] == 0


def test_zooming_keeps_the_time_under_the_pointer_and_stays_inside_the_video() -> None:
    start, end = zoomed(10, 30, 15, 0.5, 0, 60)
    assert (15 - start) / (end - start) == pytest.approx(0.25)
    assert zoomed(0, 60, 30, 4, 0, 60) == (0, 60)


def test_the_spectrogram_shows_high_bands_above_and_the_loudest_brightest() -> None:
    log_mel = np.full((4, 40), -80.0, np.float32)
    log_mel[2, 39] = 0.0
    image = spectrogram_image(log_mel, 0.0)
    assert (image.width(), image.height()) == (4, 40)
    assert QColor(image.pixel(2, 0)).lightness() > 200
    assert QColor(image.pixel(2, 39)).lightness() < 10


@pytest.fixture
def axis(qtbot: QtBot, qapp: QApplication) -> TimeAxis:
    theme.apply_theme(qapp, "dark")
    made = TimeAxis()
    qtbot.addWidget(made)
    made.resize(800, made.sizeHint().height())
    made.set_range(30, 52)
    made.set_words([Said("take", 33, 33.3), Said("onion", 36, 36.5)], {1})
    made.show()
    return made


def test_a_press_seeks_and_a_drag_goes_on_seeking(axis: TimeAxis, qtbot: QtBot) -> None:
    sought: list[float] = []
    axis.seek_requested.connect(sought.append)
    qtbot.mousePress(axis, Qt.MouseButton.LeftButton, pos=QPoint(round(axis.x_of(41)), 60))
    qtbot.mouseMove(axis, QPoint(round(axis.x_of(45)), 60))
    assert sought[0] == pytest.approx(41, abs=0.03)
    qtbot.mouseRelease(axis, Qt.MouseButton.LeftButton)


def test_a_press_on_a_word_says_which_and_does_not_seek(axis: TimeAxis, qtbot: QtBot) -> None:
    onion = next(box for box in axis.placed_words() if box.index == 1)
    point = QPoint(round(MARGIN + onion.x + 5), axis.words_top() + WORD_ROW * onion.row + 8)
    with qtbot.assertNotEmitted(axis.seek_requested), qtbot.waitSignal(axis.word_clicked) as clicked:
        qtbot.mouseClick(axis, Qt.MouseButton.LeftButton, pos=point)
    assert clicked.args == [1]
    assert axis.tooltip_at(QPointF(point)) == "onion · 0:36.00–0:36.50 · confidence 0.87"


def test_the_arrow_keys_seek_by_a_second(axis: TimeAxis, qtbot: QtBot) -> None:
    axis.set_now(40)
    with qtbot.waitSignal(axis.seek_requested) as sought:
        qtbot.keyClick(axis, Qt.Key.Key_Right)
    assert sought.args == [41]


def test_what_is_drawn_stays_between_the_margins(axis: TimeAxis) -> None:
    axis.set_waveform(np.ones(6000, np.float32), step_s=0.01)
    axis.set_spectrogram(np.random.default_rng(0).normal(-40, 10, (6000, 40)).astype(np.float16))
    axis.set_brackets([Bracket(20, 60, "20 s", lit=False), Bracket(40, 42, "2 s")])
    axis.set_now(200)  # outside: no line
    axis.clearFocus()  # its ring goes round the whole widget
    image = axis.grab().toImage().convertToFormat(QImage.Format.Format_ARGB32)
    ground = image.pixel(2, image.height() - 3)
    for x in (*range(MARGIN - 4), *range(image.width() - MARGIN + 4, image.width())):
        assert all(image.pixel(x, y) == ground for y in range(0, image.height(), 3))


def test_the_matched_word_is_filled_with_the_accent(axis: TimeAxis) -> None:
    image = axis.grab().toImage()
    onion = next(box for box in axis.placed_words() if box.index == 1)
    pixel = image.pixelColor(round(MARGIN + onion.x + 4), axis.words_top() + WORD_ROW * onion.row + 10)
    assert pixel.name() == theme.current().accent
