"""The Retrieval workspace while something else changes: a selection in the middle of a click, a gallery that gives way."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QPaintEvent, QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from retrieval_table import RUN, Table, copied, kitchen_in, looked_at_in
from review_desk import food_pairs

from annotator import verbs
from annotator.demo.project import run_in_child
from annotator.views.retrieval import reading
from annotator.views.retrieval.cases import Cases, Listing, Wanted
from annotator.views.retrieval.result_grid import A_TURN

Key = Qt.Key
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("looked")
    return looked_at_in(kitchen_in(folder), folder / "looked")


@pytest.fixture
def looked(qtbot: QtBot, looked_at: Path, tmp_path: Path) -> Iterator[Table]:
    with copied(looked_at, tmp_path / "project") as project:
        made = Table(qtbot, project)
        made.press(Key.Key_H, Key.Key_H)
        assert len(made.listed()) == 12
        yield made
        made.close()


def _click(looked: Table, row: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    list_ = looked.view.panel.list
    at = list_.visualRect(list_.cases.index(row, 0)).center()
    QTest.mouseClick(list_.viewport(), Qt.MouseButton.LeftButton, modifiers, at)
    looked.settle()


class _Painted(QObject):
    """Keeps what of a widget was painted, one region a paint."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.regions: list[QRegion] = []
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.regions.append(QRegion(event.region()))
        return False


def test_ctrl_and_a_click_add_a_row_to_those_that_are_sent(looked: Table) -> None:
    looked.view.panel.list.setFocus()
    _click(looked, 0)
    _click(looked, 2, CTRL)
    _click(looked, 4, CTRL)
    places = looked.listed()
    assert sorted(looked.selected()) == sorted(places[row] for row in (0, 2, 4))
    assert looked.view.send.text() == "Send 3 to review"
    assert looked.presenter.case is not None and looked.presenter.case.place == places[4]
    _click(looked, 2, CTRL)
    assert sorted(looked.selected()) == sorted(places[row] for row in (0, 4))


def test_rows_that_were_selected_with_shift_are_let_go_and_painted_so_when_j_goes_on(looked: Table) -> None:
    list_ = looked.view.panel.list
    list_.setFocus()
    _click(looked, 0)
    looked.press(Key.Key_Down, Key.Key_Down, modifiers=SHIFT)
    assert list_.selected_places().tolist() == looked.listed()[:3]
    told: list[int] = []
    list_.selectionModel().selectionChanged.connect(
        lambda _now, before: told.extend(index.row() for index in before.indexes())
    )
    looked.press(Key.Key_J)
    assert list_.selected_places().tolist() == looked.listed()[3:4]
    assert {0, 1, 2} <= set(told)  # what paints a row anew
    assert looked.presenter.case is not None and looked.presenter.case.place == looked.listed()[3]


def test_a_listing_of_a_gallery_that_gave_way_is_not_shown_in_the_next(
    looked: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    presenter, panel = looked.presenter, looked.view.panel
    may_answer = threading.Event()
    listing = Cases.listing

    def late(cases: Cases, wanted: Wanted) -> Listing:
        assert may_answer.wait(10)
        return listing(cases, wanted)

    monkeypatch.setattr(Cases, "listing", late)
    panel.want(show="all", text="onion")  # is being listed
    presenter.galleries.loaded.emit(None)  # and the gallery gives way: nothing is shown
    presenter._turn.stop()  # before the turn that lists anew
    may_answer.set()
    looked.qtbot.waitUntil(presenter._background.is_idle)
    assert looked.listed() == []


def test_a_lasso_on_a_gallery_that_gave_way_selects_nothing_in_the_next(looked: Table) -> None:
    presenter, plane = looked.presenter, looked.view.plane
    looked.view.setFocus()
    looked.press(Key.Key_2)
    cases = presenter.cases
    assert cases is not None
    around_all = np.array([[0, 0], [5000, 0], [5000, 5000], [0, 5000]])
    plane.lassoed.emit(around_all, False)
    presenter.cases = replace(cases, found=replace(cases.found))  # another gallery with as many pairs
    looked.settle()
    assert not len(plane.selection())
    plane.lassoed.emit(around_all, False)
    looked.settle()
    assert len(plane.selection()) == 12


def test_no_query_is_said_to_be_missing_before_they_are_listed(looked: Table) -> None:
    panel = looked.view.panel
    panel.set_listed(looked.presenter.cases, None)
    assert panel.list.isVisible() and not panel.empty.isVisible()


def test_a_new_case_is_painted_a_few_cells_at_a_time(looked: Table) -> None:
    grid = looked.view.grid
    looked.settle()
    painted = _Painted(grid)
    QTest.keyClick(looked.view, Key.Key_J)
    looked.qtbot.waitUntil(lambda: bool(painted.regions))
    cells = [number for number in range(10) if painted.regions[0].intersects(grid.cell(number).toAlignedRect())]
    assert cells == list(range(A_TURN))
    looked.settle()
    whole = QRegion()
    for region in painted.regions:
        whole += region
    assert all(whole.contains(grid.cell(number).toAlignedRect()) for number in range(10))


def test_a_result_accepted_as_its_gallery_gives_way_is_not_marked_in_the_next(
    looked: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    presenter, view = looked.presenter, looked.view
    assert presenter.cases is not None
    case = next(case for place in range(12) if (case := presenter.cases.case(place, "audio")).results[0].is_same_video)
    presenter.show_case(case.place)
    looked.settle()
    may_answer, accept = threading.Event(), verbs.accept_result

    def late(*values: Any, **named: Any) -> Any:
        assert may_answer.wait(10)
        return accept(*values, **named)

    monkeypatch.setattr(verbs, "accept_result", late)
    view.grid.setFocus()
    QTest.keyClick(view.grid, Key.Key_A)
    presenter.judging.forget()  # another gallery is shown, and of it a case at the same place
    presenter.judging.set_case(presenter.cases, presenter.case)
    may_answer.set()
    looked.settle()
    assert "Accepted as a pair" in view.notice.text() and len(looked.project.store.verdicts()) == 1
    assert not view.grid.accepted()
    presenter.judging.set_case(presenter.cases, presenter.case)
    assert not view.grid.accepted()


@pytest.mark.parametrize("again", [False, True])
def test_accepting_a_result_as_a_pair_is_no_new_mining(looked: Table, again: bool) -> None:
    store = looked.project.store
    spec = verbs.plan_retrieve(looked.project, RUN, on="mined")
    verbs.collect(looked.project, spec, run_in_child(spec))
    path = next(one.path for one in verbs.looked_at(looked.project, RUN) if one.gallery == "mined")
    assert reading.load(looked.project, path, "mined").changed == ""
    frame, sound = (pair for pair in food_pairs("soup")[:2])
    verbs.accept_result(looked.project, frame, sound, seconds=1.0)  # type: ignore[arg-type]
    assert len(store.food_pairs()) == 13
    assert reading.load(looked.project, path, "mined").changed == ""
    if again:  # a gallery with such a pair, which is left out by a mining to come
        spec = verbs.plan_retrieve(looked.project, RUN, on="mined")
        verbs.collect(looked.project, spec, run_in_child(spec))
        assert reading.load(looked.project, path, "mined").changed == ""
    store.put_pairs([*food_pairs("soup")[:4], *food_pairs("stew")], {})
    assert "mined anew since this was looked at (2 gone)" in reading.load(looked.project, path, "mined").changed


def test_rows_of_a_table_stay_selected_when_it_is_sorted(looked: Table) -> None:
    view = looked.view
    view.setFocus()
    looked.press(Key.Key_4, Key.Key_Down)
    looked.press(Key.Key_Down, Key.Key_Down, modifiers=SHIFT)
    chosen, places = set(view.tables.chosen()), set(looked.selected())
    assert len(chosen) == 3 and view.send.text() == "Send 6 to review"
    for _ in range(5):
        looked.press(Key.Key_O)
        assert set(view.tables.chosen()) == chosen and set(looked.selected()) == places
    assert view.send.text() == "Send 6 to review"


def test_a_run_that_went_on_while_the_workspace_was_hidden_is_told_on_return(looked: Table) -> None:
    view = looked.view
    view.hide()
    with open(looked.project.checkpoint_path(RUN), "ab") as file:
        file.write(b"\0")
    looked.work.collected.emit("train", {"run": RUN})
    looked.settle()
    view.show()
    looked.settle()
    assert "with other weights than run 001-small has now" in view.notice.text()


def test_a_run_that_went_on_is_told_where_the_runs_are_read_again_meanwhile(looked: Table) -> None:
    galleries = looked.presenter.galleries
    with open(looked.project.checkpoint_path(RUN), "ab") as file:
        file.write(b"\0")
    galleries.read_place()
    galleries._take_sources(reading.sources(looked.project))
    looked.settle()
    assert "with other weights than run 001-small has now" in looked.view.notice.text()
