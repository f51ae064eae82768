"""The gallery on a real project: real keys and clicks in the grid, verdicts in a real database, clip files' frames."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import CLASSES, ME, Desk, soup_project

from annotator.project import Project
from annotator.store.records import QueueFilter
from annotator.views import theme
from annotator.views.review.attention import IDLE_S, Attention
from annotator.views.review.gallery_grid import GAP, MARGIN, GalleryGrid
from annotator.views.review.queue_model import QueueModel, ThumbnailRole, UidRole

SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "settings"))
    with soup_project(tmp_path) as made:
        yield made


class Gallery:
    """A desk whose gallery is open; keys go where the focus is."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.qtbot = desk, desk.qtbot
        self.panel, self.presenter = desk.workspace.gallery, desk.presenter.gallery
        desk.press(Qt.Key.Key_G)
        assert self.presenter.is_open

    def press(self, *keys: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        for key in keys:
            self.qtbot.keyClick(QApplication.focusWidget(), key, modifiers)
            self.settle()

    def settle(self) -> None:
        self.desk.settle()
        self.qtbot.waitUntil(self.presenter.is_idle)

    def click(self, place: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.qtbot.mouseClick(self.panel.grid.viewport(), Qt.MouseButton.LeftButton, modifiers, self.middle_of(place))

    def middle_of(self, place: int) -> QPoint:
        return self.panel.grid.visualRect(self.panel.model.index(place)).center()

    def classes(self, uids: list[str]) -> list[str]:
        return [self.desk.project.store.pair(uid).labels[0].class_name for uid in uids]

    @property
    def selected(self) -> list[str]:
        rows = sorted(index.row() for index in self.panel.grid.selectionModel().selectedRows())
        return [CLASSES[row] for row in rows]

    @property
    def current(self) -> str:
        return self.classes([self.panel.current_uid() or ""])[0]

    def kept(self) -> dict[str, str]:
        return {str(one.label): one.decision for one in self.desk.project.store.verdicts()}


@pytest.fixture
def gallery(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Gallery]:
    theme.apply_theme(qapp, "dark")
    desk = Desk(qtbot, project)
    yield Gallery(desk)
    desk.close()


def test_the_gallery_shows_the_list_with_the_keyboard_on_the_pair_that_was_shown(gallery: Gallery) -> None:
    assert gallery.classes(gallery.panel.model.uids()) == list(CLASSES)
    assert gallery.panel.grid.hasFocus() and gallery.current == "onion"
    assert not gallery.desk.workspace.is_pair_shown()
    gallery.qtbot.waitUntil(lambda: isinstance(gallery.panel.model.index(0).data(ThumbnailRole), QImage))


def test_arrows_move_and_space_selects_one_after_another(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Space)
    assert gallery.selected == ["onion", "butter"]
    gallery.press(Qt.Key.Key_Space)
    assert gallery.selected == ["onion"]
    n_columns = gallery.panel.grid.n_columns()
    gallery.press(Qt.Key.Key_Home, Qt.Key.Key_Down)
    assert gallery.current == CLASSES[min(n_columns, len(CLASSES) - 1)]
    gallery.press(Qt.Key.Key_End)
    assert gallery.current == CLASSES[-1]
    assert gallery.desk.project.store.verdicts() == []


def test_shift_selects_all_between_and_control_adds_one(gallery: Gallery) -> None:
    gallery.click(1)
    gallery.click(3, SHIFT)
    assert gallery.selected == ["garlic", "butter", "egg"]
    gallery.click(2, CTRL)
    gallery.click(5, CTRL)
    assert gallery.selected == ["garlic", "egg", "leek"]
    gallery.click(0)
    gallery.press(Qt.Key.Key_Right, Qt.Key.Key_Right, modifiers=SHIFT)
    assert gallery.selected == ["onion", "garlic", "butter"]


def test_a_drawn_rectangle_selects_the_frames_that_it_touches(gallery: Gallery) -> None:
    grid, view = gallery.panel.grid, gallery.panel.grid.viewport()
    start, end = gallery.middle_of(0) - QPoint(200, 0), gallery.middle_of(1)
    gallery.qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(max(1, start.x()), start.y()))
    gallery.qtbot.mouseMove(view, gallery.middle_of(0))
    gallery.qtbot.mouseMove(view, end)
    gallery.qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    assert gallery.selected == ["onion", "garlic"]
    assert grid.n_columns() > 2


def test_a_verdict_on_a_selection_is_one_row_for_each_pair_with_its_share_of_the_time(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, modifiers=SHIFT)
    now = [100.0]
    gallery.presenter.attention = Attention(lambda: now[0])
    gallery.presenter.attention.begin()
    now[0] += 8.0
    gallery.press(Qt.Key.Key_A)
    assert gallery.kept() == dict.fromkeys(CLASSES[:4], "accept")
    rows = gallery.desk.project.store.verdicts()
    assert [one.seconds for one in rows] == [2.0] * 4
    now[0] += 500.0  # away from the desk
    assert gallery.presenter.seconds_spent() == IDLE_S
    assert {one.window_s for one in rows} == {2.0} and {one.reviewer for one in rows} == {ME}
    assert [gallery.panel.model.record(uid).decision for uid in gallery.panel.model.uids()] == [  # type: ignore[union-attr]
        *["accept"] * 4,
        None,
        None,
    ]
    assert gallery.selected == [] and gallery.current == "pepper"
    assert gallery.desk.presenter.counts == gallery.desk.project.store.counts(ME)


def test_without_a_selection_the_keys_decide_on_the_frame_that_has_the_keyboard(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_X, Qt.Key.Key_U, Qt.Key.Key_S)
    assert gallery.kept() == {"onion": "reject", "garlic": "unsure", "butter": "skip"}
    gallery.qtbot.mouseClick(gallery.panel.buttons["accept"], Qt.MouseButton.LeftButton)
    gallery.settle()
    assert gallery.kept()["egg"] == "accept"


def test_undo_takes_back_one_verdict_and_undo_batch_all_that_are_left_of_it(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_S)
    gallery.press(Qt.Key.Key_Right, Qt.Key.Key_Right, modifiers=SHIFT)
    gallery.press(Qt.Key.Key_X)
    assert gallery.kept() == {"onion": "skip", **dict.fromkeys(CLASSES[1:4], "reject")}
    gallery.press(Qt.Key.Key_Backspace)
    assert gallery.kept() == {"onion": "skip", **dict.fromkeys(CLASSES[1:3], "reject")}
    assert gallery.current == "egg"
    gallery.press(Qt.Key.Key_Backspace, modifiers=SHIFT)
    assert gallery.kept() == {"onion": "skip"}
    gallery.press(Qt.Key.Key_Backspace, modifiers=SHIFT)
    assert gallery.kept() == {"onion": "skip"}  # the batch is gone: what was before stays
    gallery.press(Qt.Key.Key_Z, modifiers=CTRL | SHIFT)
    assert gallery.kept() == {"onion": "skip", "garlic": "reject"}
    assert gallery.desk.presenter.counts == gallery.desk.project.store.counts(ME)
    assert sorted(gallery.desk.listed()) == sorted(CLASSES[2:])


def test_escape_and_g_come_back_to_the_same_pair(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_Right, Qt.Key.Key_Right)
    gallery.press(Qt.Key.Key_Escape)
    assert gallery.desk.workspace.is_pair_shown() and gallery.desk.asked == "onion"
    gallery.desk.press(Qt.Key.Key_J, Qt.Key.Key_G)
    gallery.settle()
    gallery.press(Qt.Key.Key_A)
    gallery.press(Qt.Key.Key_G)
    assert gallery.desk.asked == "butter"  # the pair before has its verdict now
    gallery.desk.press(Qt.Key.Key_A)
    assert gallery.kept() == {"garlic": "accept", "butter": "accept"}


def test_enter_opens_the_frame_that_has_the_keyboard(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Return)
    assert gallery.desk.workspace.is_pair_shown() and gallery.desk.asked == "butter"


def test_all_frames_of_one_class_can_be_shown_decided_ones_with_their_verdict(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_A)
    gallery.panel.put_current(gallery.panel.model.uids()[0])
    gallery.qtbot.mouseClick(gallery.panel.scopes["class"], Qt.MouseButton.LeftButton)
    gallery.settle()
    assert gallery.classes(gallery.panel.model.uids()) == ["onion"]
    gallery.qtbot.waitUntil(lambda: gallery.panel.model.record(gallery.panel.model.uids()[0]) is not None)
    assert gallery.panel.model.record(gallery.panel.model.uids()[0]).decision == "accept"  # type: ignore[union-attr]
    gallery.qtbot.mouseClick(gallery.panel.undecided, Qt.MouseButton.LeftButton)
    gallery.settle()
    assert gallery.panel.model.rowCount() == 0 and gallery.panel.empty.isVisible()
    assert gallery.panel.empty.title() == "No frame of onion"


def test_a_frame_is_heard_under_the_mouse_and_with_r_under_the_keyboard(gallery: Gallery) -> None:
    view = gallery.panel.grid.viewport()
    gallery.qtbot.mouseMove(view, gallery.middle_of(1))
    uids = gallery.panel.model.uids()
    gallery.qtbot.waitUntil(lambda: gallery.presenter.sound.uid == uids[1])
    gallery.press(Qt.Key.Key_R)
    assert gallery.presenter.sound.uid == uids[0]
    player = gallery.desk.player
    gallery.qtbot.waitUntil(lambda: player.state == "playing" or gallery.presenter.sound.uid == "")
    gallery.qtbot.waitUntil(lambda: gallery.presenter.sound.uid == "", timeout=20_000)
    assert player.state == "paused" and player.time_s == pytest.approx(2.0, abs=0.2)  # the segment of second 1 ends


def test_a_rejection_takes_its_reason_to_every_pair_of_the_batch(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_A, modifiers=CTRL)
    assert len(gallery.selected) == len(CLASSES)
    gallery.press(Qt.Key.Key_X, modifiers=SHIFT)
    gallery.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_2)
    gallery.settle()
    rows = gallery.desk.project.store.verdicts()
    assert len(rows) == len(CLASSES) and {one.reason for one in rows} == {"not said"}


def test_a_pair_chosen_in_the_list_leaves_the_gallery_for_it(gallery: Gallery) -> None:
    index = gallery.desk.workspace.model.index(3)
    view = gallery.desk.workspace.queue.list
    gallery.qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
    gallery.settle()
    assert not gallery.presenter.is_open and gallery.desk.asked == "egg"


def test_a_pair_asked_for_from_elsewhere_leaves_the_gallery_and_takes_the_keys_along(gallery: Gallery) -> None:
    uid = gallery.panel.model.uids()[2]
    gallery.desk.workspace.question.pair_chosen.emit(uid)
    assert not gallery.presenter.is_open and gallery.desk.workspace.is_pair_shown()
    asked = gallery.desk.asked
    gallery.desk.press(Qt.Key.Key_A)
    assert gallery.kept() == {asked: "accept"}


def test_ten_thousand_cells_are_read_only_where_they_are_seen(qtbot: QtBot, qapp: QApplication) -> None:
    model = QueueModel()
    grid = GalleryGrid(model)
    qtbot.addWidget(grid)
    asked: list[str] = []
    model.records_wanted.connect(asked.extend)
    model.set_uids([f"{number:05d}" for number in range(10_000)])
    grid.resize(900, 600)
    grid.show()
    qtbot.waitUntil(lambda: bool(asked))
    n_columns = grid.n_columns()
    assert len(asked) < 400
    grid.setCurrentIndex(model.index(9_999))
    qtbot.waitUntil(lambda: "09999" in asked)
    rect = grid.visualRect(model.index(9_999))
    assert grid.viewport().rect().contains(rect) and grid.indexAt(rect.center()).data(UidRole) == "09999"
    assert rect.left() == MARGIN + (9_999 % n_columns) * (rect.width() + GAP)
    assert len(asked) < 800


def test_backspace_on_a_chip_takes_the_filter_away_and_undoes_no_verdict(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_A)
    gallery.press(Qt.Key.Key_Escape)
    desk = gallery.desk
    desk.presenter.queue.set_filter(QueueFilter(classes=("egg",)))
    desk.settle()
    desk.workspace.queue.chips.chips()[0].setFocus(Qt.FocusReason.TabFocusReason)
    desk.press(Qt.Key.Key_Backspace)
    assert gallery.kept() == {"onion": "accept"}
    assert desk.presenter.queue.request.filter == QueueFilter() and desk.listed() == list(CLASSES[1:])


def test_the_question_beside_the_gallery_is_about_the_frame_that_has_the_keyboard(gallery: Gallery) -> None:
    gallery.press(Qt.Key.Key_Right)
    assert gallery.desk.workspace.question.question() == "Is garlic seen and said?"
    gallery.press(Qt.Key.Key_Escape)
    assert gallery.desk.workspace.question.question() == "Is onion seen and said?"
