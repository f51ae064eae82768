"""The stage: where a frame, the model's crop and an overlay lie, to the pixel."""

import numpy as np
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annotator.views import theme
from annotator.views.widgets.stage import Stage, centre_crop, crop_rect, fit, resampled


def test_a_frame_is_fitted_into_the_middle_without_stretching() -> None:
    assert fit(640, 360, QRectF(0, 0, 800, 800)) == QRectF(0, 175, 800, 450)
    assert fit(360, 640, QRectF(0, 0, 800, 400)) == QRectF(287.5, 0, 225, 400)


def test_the_models_crop_is_the_centre_square_of_224_from_256() -> None:
    x0, y0, x1, y1 = centre_crop(640, 360)
    assert (x1 - x0) * 640 == pytest.approx(315)
    assert (y1 - y0) * 360 == pytest.approx(315)
    assert (x0 + x1, y0 + y1) == pytest.approx((1, 1))
    whole = centre_crop(100, 100, 1.0)
    assert crop_rect(QRectF(10, 20, 50, 50), whole) == QRectF(10, 20, 50, 50)


@pytest.fixture
def stage(qtbot: QtBot, qapp: QApplication) -> Stage:
    theme.apply_theme(qapp, "dark")
    made = Stage(margin=20)
    qtbot.addWidget(made)
    made.resize(360, 220)  # leaves 320 × 180 for the frame
    made.show()
    return made


def test_the_frame_is_painted_where_it_says_and_the_rest_is_the_stage(stage: Stage) -> None:
    stage.set_frame(np.full((90, 160, 3), (200, 30, 40), np.uint8))
    assert stage.frame_rect() == QRectF(20, 20, 320, 180)
    image = stage.grab().toImage()
    assert image.pixelColor(180, 110).getRgb()[:3] == (200, 30, 40)
    assert image.pixelColor(19, 110).name() == theme.current().stage
    assert image.pixelColor(20, 20).name() == theme.current().stage  # the rounded corner


def test_an_overlay_covers_the_crop_only_and_zero_is_transparent(stage: Stage) -> None:
    stage.set_frame(np.full((90, 160, 3), 100, np.uint8))
    overlay = np.zeros((8, 8, 4), np.uint8)
    overlay[:, 4:] = (255, 255, 255, 255)
    stage.set_overlay(overlay, (0.25, 0.0, 0.75, 1.0))
    image = stage.grab().toImage()
    assert image.pixelColor(20 + 40, 110).red() == 100  # left of the crop
    assert image.pixelColor(20 + 100, 110).red() == 100  # inside, where the overlay is zero
    assert image.pixelColor(20 + 200, 110).red() == 255
    assert image.pixelColor(20 + 300, 110).red() == 100  # right of the crop
    stage.set_overlay(None)
    assert stage.grab().toImage().pixelColor(20 + 200, 110).red() == 100


def test_a_qimage_is_shown_as_well_and_no_frame_says_why(stage: Stage, qtbot: QtBot) -> None:
    picture = QImage(16, 9, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.blue)
    stage.set_frame(picture)
    assert stage.grab().toImage().pixelColor(180, 110).name() == "#0000ff"
    stage.set_frame(None)
    stage.set_message("Opening the video …")
    assert stage.frame_rect().isEmpty()
    assert stage.accessibleDescription() == "Opening the video …"
    with qtbot.waitSignal(stage.pressed):
        qtbot.mouseClick(stage, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("size", [(505, 284), (320, 180), (200, 112), (1279, 719), (1290, 726)])
def test_a_frame_made_smaller_is_averaged_and_keeps_its_edges_in_place(size: tuple[int, int]) -> None:
    frame = np.zeros((720, 1280, 3), np.uint8)
    frame[:, 640:] = 240
    frame[1::2] //= 2  # lines that alias where single pixels are picked
    got = resampled(frame, size)
    assert got.shape == (size[1], size[0], 3)
    if size[0] < 640:
        assert np.abs(got[:, -20:].astype(int) - (240 + 120) // 2).max() <= 2
    middle = got[:, :, 0].mean(axis=0)
    assert abs(int(np.argmax(middle > middle.max() / 2)) - size[0] / 2) <= 1
