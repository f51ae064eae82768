"""The Retrieval workspace with real keys: a tiny model looks in a child process at real clips, and what is shown is its."""

import csv
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from retrieval_table import RUN, Table, copied, kitchen_in, looked_at_in
from review_desk import ME, food_pairs

from annotator import verbs
from annotator.views.retrieval import pictures, reading
from annotator.views.retrieval import presenter as presenter_module
from annotator.views.retrieval.cases import Cases
from annotator.views.retrieval.plane_shapes import inside
from annotator.views.retrieval.sound import QUERY
from davenet.errors import UserError
from davenet.evaluation.projection import has_umap
from davenet.retrieval_file import read_head

Key = Qt.Key


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kitchen_in(tmp_path_factory.mktemp("kitchen"))


@pytest.fixture(scope="module")
def looked_at(kitchen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return looked_at_in(kitchen, tmp_path_factory.mktemp("looked") / "project")


@pytest.fixture
def table(qtbot: QtBot, kitchen: Path, tmp_path: Path) -> Iterator[Table]:
    with copied(kitchen, tmp_path / "project") as project:
        made = Table(qtbot, project)
        yield made
        made.close()


@pytest.fixture
def looked(qtbot: QtBot, looked_at: Path, tmp_path: Path) -> Iterator[Table]:
    with copied(looked_at, tmp_path / "project") as project:
        made = Table(qtbot, project)
        assert made.presenter.cases is not None, made.view.empty.title()
        yield made
        made.close()


def test_one_key_looks_at_a_run_and_the_list_holds_its_misses_worst_first(table: Table) -> None:
    assert table.view.empty.title() == "No run has been looked at yet"
    assert "press L" in table.view.empty.accessibleName()
    table.press(Key.Key_L)
    view, cases = table.view, table.presenter.cases
    assert cases is not None and view.is_full()
    found = cases.found
    assert len(found) == 12 and found.gallery == "validation"
    table.press(Key.Key_H, Key.Key_H)
    assert view.panel.wanted.show == "all" and len(table.listed()) == 12
    ranks = [int(found.arrays.audio_ranks_N[place]) for place in table.listed()]
    assert ranks == sorted(ranks, reverse=True)
    shown = table.presenter.case
    assert shown is not None and shown.rank == found.arrays.audio_ranks_N[shown.place]
    assert f"true one at {shown.rank} of 12" in view.query.sentence()
    misses = [place for place in table.listed() if found.arrays.audio_ranks_N[place] > 10]
    table.press(Key.Key_H)
    assert table.listed() == misses and view.panel.shows["misses"].shown_text() == f"misses {len(misses)}"


def test_keys_go_through_cases_and_results_and_turn_the_question_round(looked: Table) -> None:
    view, presenter = looked.view, looked.presenter
    looked.press(Key.Key_H, Key.Key_H)
    view.setFocus()
    first = presenter.case
    looked.press(Key.Key_J)
    assert first is not None and presenter.case is not None
    assert presenter.case.place == looked.listed()[looked.listed().index(first.place) + 1]
    looked.press(Key.Key_K)
    assert presenter.case.place == first.place
    view.grid.setFocus()
    looked.press(Key.Key_Right, Key.Key_Right)
    assert view.grid.chosen() == 2
    looked.press(Key.Key_D)
    assert presenter.case.way == "visual" and view.query.asks.is_sound
    case, arrays = presenter.case, presenter.cases.found.arrays  # type: ignore[union-attr]
    assert [one.place for one in case.results] == arrays.frames_of_segments_NK[case.place][:10].tolist()
    assert case.rank == arrays.visual_ranks_N[case.place]


def test_search_and_class_narrow_the_list_and_say_when_nothing_is_left(looked: Table) -> None:
    view = looked.view
    looked.press(Key.Key_H, Key.Key_H)
    view.setFocus()
    looked.press(Key.Key_Slash)
    assert QApplication.focusWidget() is view.panel.search
    QTest.keyClicks(view.panel.search, "onion stew")
    looked.settle()
    cases = looked.presenter.cases
    assert cases is not None
    assert [(cases.name(place), cases.title(place)) for place in looked.listed()] == [("onion", "stew")]
    QTest.keyClicks(view.panel.search, "x")
    looked.settle()
    assert looked.listed() == [] and view.panel.empty.isVisible() and not view.send.isEnabled()


def test_enter_and_space_play_the_result_and_the_query_to_their_end(looked: Table) -> None:
    view, player, cases = looked.view, looked.player, looked.presenter.cases
    case = looked.presenter.case
    if case is None:
        looked.press(Key.Key_H, Key.Key_H)
        case = looked.presenter.case
    assert cases is not None and case is not None
    heard: list[int] = []
    looked.presenter.playing.sound.heard.connect(lambda key, _share: heard.append(key))
    view.setFocus()
    QTest.keyClick(looked.focused(), Key.Key_Space)
    looked.qtbot.waitUntil(lambda: QUERY in heard, timeout=5000)
    pair = cases.pair(case.place)
    assert player.path is not None and player.path.stem == cases.title(case.place)
    assert pair.sound_s - 1.1 <= player.time_s <= pair.sound_s + 1.1
    view.grid.setFocus()
    view.grid.choose(3)
    QTest.keyClick(view.grid, Key.Key_Return)
    looked.qtbot.waitUntil(lambda: 3 in heard, timeout=5000)
    assert player.path is not None and player.path.stem == cases.title(case.results[3].place)
    QTest.keyClick(view.grid, Key.Key_Return)
    assert looked.presenter.playing.sound.key is None and player.state != "playing"


def _show_pairing(looked: Table, *, same_video: bool) -> tuple[int, int]:
    """Shows a case and chooses a result that is another pair; returns query and result."""
    looked.press(Key.Key_H, Key.Key_H)
    for place in looked.listed():
        looked.presenter.show_case(place)
        looked.settle()
        case = looked.presenter.case
        assert case is not None
        for number, result in enumerate(case.results):
            if not result.is_true and result.is_same_video == same_video:
                looked.view.grid.choose(number)
                looked.view.grid.setFocus()
                return case.place, result.place
    raise AssertionError("no such result")


def test_a_result_that_is_right_becomes_an_accepted_pair_beside_those_that_are_there(looked: Table) -> None:
    query, result = _show_pairing(looked, same_video=True)
    store, cases = looked.project.store, looked.presenter.cases
    assert cases is not None
    before = {pair.uid: pair for pair in store.food_pairs()}
    looked.press(Key.Key_A)
    frame, sound = cases.pair(query), cases.pair(result)
    made = [pair for pair in store.food_pairs() if pair.uid not in before]
    assert len(made) == 1 and {pair.uid: pair for pair in store.food_pairs() if pair.uid in before} == before
    assert (made[0].video_uid, made[0].time_s) == (frame.video_uid, frame.time_s)
    assert made[0].sound_s == pytest.approx(sound.sound_s, abs=1e-3) and made[0].segment_s == sound.segment_s
    assert made[0].label is not None and made[0].label.class_name == sound.class_name
    assert made[0].detector == before[sound.uid].detector
    verdicts = store.verdicts()
    assert [(v.pair_uid, v.decision, v.reviewer) for v in verdicts] == [(made[0].uid, "accept", ME)]
    assert made[0].uid in {pair.uid for pair in store.accepted_pairs()}
    assert "Accepted as a pair" in looked.view.notice.text() and looked.view.grid.accepted()
    looked.press(Key.Key_A)  # again: no second pair
    assert len(store.food_pairs()) == len(before) + 1


def test_a_sound_of_another_video_cannot_become_a_pair_and_it_is_said_why(looked: Table) -> None:
    _show_pairing(looked, same_video=False)
    n_before = len(looked.project.store.food_pairs())
    looked.press(Key.Key_A)
    assert "of another video" in looked.view.notice.text() and "cannot become a pair" in looked.view.notice.text()
    assert len(looked.project.store.food_pairs()) == n_before and not looked.project.store.verdicts()


def test_accepted_pairs_outlast_a_new_mining_with_their_own_sound(looked: Table) -> None:
    _show_pairing(looked, same_video=True)
    looked.press(Key.Key_A)
    store = looked.project.store
    before = {pair.uid: pair.sound_offset_s for pair in store.accepted_pairs()}
    store.put_pairs([*food_pairs("soup"), *food_pairs("stew")], {})
    assert {pair.uid: pair.sound_offset_s for pair in store.accepted_pairs()} == before


def test_what_is_listed_selected_or_lassoed_is_sent_to_review(looked: Table) -> None:
    view, presenter, cases = looked.view, looked.presenter, looked.presenter.cases
    assert cases is not None
    looked.press(Key.Key_H, Key.Key_H)
    view.setFocus()
    looked.press(Key.Key_S)
    name, uids = looked.sent[-1]
    assert RUN in name and sorted(uids) == sorted(pair.uid for pair in cases.found.pairs)
    view.panel.list.setFocus()
    view.panel.list.selectRow(0)
    looked.press(Key.Key_Down, Key.Key_Down, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert view.send.text() == "Send 3 to review"
    looked.press(Key.Key_S)
    assert looked.sent[-1][1] == [cases.pair(place).uid for place in looked.listed()[:3]]
    view.setFocus()
    looked.press(Key.Key_2)
    assert view.page() == "map" and not view.send.isEnabled()
    at = view.plane.points_at()
    around = QPoint(round(at[0][0]), round(at[0][1]))
    corners = [around + QPoint(x, y) for x, y in ((-9, -9), (9, -9), (9, 9), (-9, 9))]
    QTest.mousePress(view.plane, Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in corners[1:]:
        QTest.mouseMove(view.plane, corner)
        looked.qtbot.wait(5)
    QTest.mouseRelease(view.plane, Qt.MouseButton.LeftButton, pos=corners[-1])
    looked.settle()
    polygon = np.array([[corner.x(), corner.y()] for corner in corners])
    expected = sorted({int(place) % 12 for place in np.flatnonzero(inside(at, polygon))})
    assert 0 in expected and presenter.sending.selected().tolist() == expected
    looked.press(Key.Key_S)
    assert looked.sent[-1][1] == [cases.pair(place).uid for place in expected]
    looked.press(Key.Key_Down, Key.Key_Return)  # the second name of the legend, by keyboard
    chosen = view.plane.groups.names[1]
    assert {cases.name(place) for place in presenter.sending.selected().tolist()} == {chosen}


def test_the_lasso_holds_what_a_slow_crossing_count_finds() -> None:
    star = np.array([[0, 0], [10, 4], [0, 8], [8, -2], [8, 10]], float)
    points = np.random.default_rng(0).uniform(-2, 12, (400, 2))
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QPolygonF

    polygon = QPolygonF([QPointF(x, y) for x, y in star])
    by_qt = [polygon.containsPoint(QPointF(x, y), Qt.FillRule.OddEvenFill) for x, y in points]
    assert inside(points, star).tolist() == by_qt and any(by_qt)


def test_tables_sort_open_their_cases_and_are_saved_as_csv(
    looked: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = looked.view
    view.setFocus()
    looked.press(Key.Key_4)
    assert [row.n for row in view.tables.rows()] == [2] * 6
    looked.press(Key.Key_O)
    shares = [row.audio for row in view.tables.rows()]
    assert shares == sorted(shares, reverse=True)
    monkeypatch.setattr(view, "ask_path", lambda *_: tmp_path / "classes.csv")
    looked.press(Key.Key_S, modifiers=Qt.KeyboardModifier.ControlModifier)
    rows = list(csv.DictReader((tmp_path / "classes.csv").read_text("utf-8").splitlines()))
    assert {row["class"] for row in rows} == {row.name for row in view.tables.rows()}
    view.tables.table.choose("egg")
    assert view.send.text() != "" and looked.presenter.sending.selected().tolist()
    view.tables.table.setFocus()
    looked.press(Key.Key_Return)
    cases = looked.presenter.cases
    assert view.page() == "cases" and cases is not None
    assert {cases.name(place) for place in looked.listed()} == {"egg"} and len(looked.listed()) == 2


def test_the_matrix_tells_the_pair_under_its_cross(looked: Table) -> None:
    view, cases = looked.view, looked.presenter.cases
    assert cases is not None
    view.setFocus()
    looked.press(Key.Key_3, Key.Key_Down, Key.Key_Right, Key.Key_Right)
    order = cases.found.arrays.order_N
    frame, sound = int(order[1]), int(order[2])
    told = view.matrix.accessibleDescription()
    assert f"frame {cases.name(frame)}, {cases.title(frame)}" in told
    assert f"sound {cases.name(sound)}, {cases.title(sound)}" in told
    looked.press(Key.Key_Return)
    assert view.page() == "cases" and looked.presenter.case is not None and looked.presenter.case.place == frame


def test_a_damaged_file_a_run_without_checkpoint_and_clips_that_are_gone_are_told_in_place(
    looked: Table, qtbot: QtBot
) -> None:
    project = looked.project
    path = verbs.looked_at(project, RUN)[0].path
    path.write_bytes(path.read_bytes()[:1000])
    second = Table(qtbot, project)
    assert second.view.empty.title() == "This file cannot be read" and str(path) in second.view.empty.accessibleName()
    assert second.view.notice.text() == ""  # that its weights are others as well is nobody's question
    for clip in project.clips_dir.glob("*.safetensors"):
        clip.unlink()
    second.press(Key.Key_L)
    assert "has 0 readable pairs" in second.view.work.text() and second.view.work.isVisible()
    (project.run_dir(RUN) / "checkpoints" / "best.safetensors").unlink()
    second.presenter.choose(RUN)
    second.settle()
    assert "has no checkpoint" in second.view.notice.text()
    second.close()


def test_a_checkpoint_trained_on_since_is_said_and_umap_that_is_missing_too(looked: Table) -> None:
    view = looked.view
    values = read_head(verbs.looked_at(looked.project, RUN)[0].path)
    assert values["gallery"] == "validation" and verbs.looked_at(looked.project, RUN)[0].is_current
    with open(looked.project.checkpoint_path(RUN), "ab") as file:
        file.write(b"\0")
    looked.presenter.galleries.read_place()
    looked.settle()
    assert "with other weights than run 001-small has now" in view.notice.text()
    if not has_umap():
        view.setFocus()
        looked.press(Key.Key_2, Key.Key_P)
        assert "UMAP is not installed" in view.work.text() and view.projections["pca"].isChecked()


def test_a_read_only_project_says_why_nothing_is_accepted(looked: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    _show_pairing(looked, same_video=True)
    monkeypatch.setattr(looked.project, "read_only_reason", "It can only be read.")
    cases, case = looked.presenter.cases, looked.presenter.case
    assert cases is not None and case is not None
    pair = cases.pair(case.place)
    with pytest.raises(UserError, match="only be read"):
        verbs.accept_result(looked.project, pair, pair, seconds=1.0)
    assert reading.sources(looked.project)[1] == RUN


def test_a_block_of_the_matrix_selects_its_pairs_by_click_and_by_keys(looked: Table) -> None:
    view, cases = looked.view, looked.presenter.cases
    assert cases is not None
    view.setFocus()
    looked.press(Key.Key_3)
    assert not view.send.isEnabled()
    names = [name for name, _, _ in view.matrix._runs]
    square, side = view.matrix.square(), view.matrix.square().width() / len(cases.found)

    def at(row: int, column: int) -> QPoint:
        return QPoint(round(square.left() + (column + 0.5) * side), round(square.top() + (row + 0.5) * side))

    QTest.mouseClick(
        view.matrix, Qt.MouseButton.LeftButton, pos=at(0, 3)
    )  # two pairs a class, so column 3 is the second
    assert {cases.name(place) for place in looked.selected()} == set(names[:2]) and len(looked.selected()) == 4
    assert view.send.text() == "Send 4 to review"
    looked.press(Key.Key_S)
    name, uids = looked.sent[-1]
    assert f"frames of {names[0]} × sounds of" in name and set(uids) == {
        cases.pair(place).uid for place in looked.selected()
    }
    QTest.mouseClick(view.matrix, Qt.MouseButton.LeftButton, pos=QPoint(round(square.left()) - 20, at(4, 0).y()))
    assert {cases.name(place) for place in looked.selected()} == {names[2]}  # a class by its name
    looked.press(Key.Key_Escape)
    assert not looked.selected() and not view.send.isEnabled()
    view.matrix._put_cross(0, 0)
    looked.press(Key.Key_Space)
    looked.press(Key.Key_Down, Key.Key_Down, Key.Key_Right, Key.Key_Right)
    looked.press(Key.Key_Space, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert {cases.name(place) for place in looked.selected()} == set(names[:2])
    assert view.matrix.selection_words() == f"{names[0]}, {names[1]}"


def test_a_box_moved_by_arrows_selects_on_the_map_what_lies_in_it(looked: Table) -> None:
    view, plane = looked.view, looked.view.plane
    view.setFocus()
    looked.press(Key.Key_2, Key.Key_B)
    assert plane.box is not None and view.box.isChecked()
    before = plane.box
    looked.press(Key.Key_Left, Key.Key_Left, Key.Key_Up)
    assert plane.box.topLeft() != before.topLeft() and plane.box.size() == before.size()

    def hold(key: Key, n: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        for _ in range(n):
            QTest.keyClick(plane, key, modifiers)

    hold(Key.Key_Right, 200)
    assert plane.box.right() <= plane.width()  # it stays where points are
    hold(Key.Key_Left, 200)
    hold(Key.Key_Up, 200)
    hold(Key.Key_Right, 200, Qt.KeyboardModifier.ShiftModifier)
    hold(Key.Key_Down, 8, Qt.KeyboardModifier.ShiftModifier)
    box, points = plane.box, plane.points_at()
    n = len(points) // 2
    by_hand = {i % n for i, (x, y) in enumerate(points.tolist()) if box.contains(x, y)}
    assert 0 < len(by_hand) < n
    looked.press(Key.Key_Return)
    assert set(looked.selected()) == by_hand and view.send.isEnabled()
    looked.press(Key.Key_Return, modifiers=Qt.KeyboardModifier.ControlModifier)
    assert view.page() == "cases" and looked.presenter.case is not None and looked.presenter.case.place == min(by_hand)
    looked.press(Key.Key_2, Key.Key_Escape)
    assert plane.box is None and set(looked.selected()) == by_hand
    looked.press(Key.Key_Escape)
    assert not looked.selected()


def test_names_of_the_legend_add_up_with_shift_and_hidden_kinds_stay_out(looked: Table) -> None:
    view, plane, cases = looked.view, looked.view.plane, looked.presenter.cases
    assert cases is not None
    view.setFocus()
    looked.press(Key.Key_2, Key.Key_Return, Key.Key_Down)
    looked.press(Key.Key_Return, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert {cases.name(place) for place in looked.selected()} == set(plane.groups.names[:2])
    QTest.mouseClick(view.frames, Qt.MouseButton.LeftButton)
    QTest.mouseClick(view.sounds, Qt.MouseButton.LeftButton)
    plane.select_group(0)
    assert not looked.selected()


def test_several_rows_of_a_table_are_sent_together(looked: Table) -> None:
    view, cases = looked.view, looked.presenter.cases
    assert cases is not None
    view.setFocus()
    looked.press(Key.Key_4, Key.Key_Down)
    looked.press(Key.Key_Down, Key.Key_Down, modifiers=Qt.KeyboardModifier.ShiftModifier)
    chosen = view.tables.chosen()
    assert len(chosen) == 3 and {cases.name(place) for place in looked.selected()} == set(chosen)
    looked.press(Key.Key_S)
    assert set(looked.sent[-1][1]) == {cases.pair(place).uid for place in looked.selected()}
    assert all(name in looked.sent[-1][0] for name in chosen[:2])


def test_listing_and_drawing_happen_off_the_gui_thread(looked: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: dict[str, set[int]] = {"listing": set(), "points": set(), "matrix": set()}

    def told(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any) -> Any:
            threads[what].add(threading.get_ident())
            return function(*values)

        return call

    monkeypatch.setattr(Cases, "listing", told("listing", Cases.listing))
    monkeypatch.setattr(presenter_module, "drawn", told("points", presenter_module.drawn))
    monkeypatch.setattr(presenter_module.matrix, "scaled", told("matrix", presenter_module.matrix.scaled))
    looked.view.setFocus()
    for key in (Key.Key_H, Key.Key_H, Key.Key_2, Key.Key_3):
        QTest.keyClick(looked.focused(), key)
        looked.settle()
    assert all(found and threading.get_ident() not in found for found in threads.values())


def test_a_paint_scales_one_picture_and_the_others_follow_in_the_turns_after_it(
    looked: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked.press(Key.Key_H, Key.Key_H)
    scaled: list[int] = []
    rounded = pictures._rounded
    monkeypatch.setattr(pictures, "_rounded", lambda *values: (scaled.append(1), rounded(*values))[1])
    grid = looked.view.grid
    case = looked.presenter.case
    assert case is not None and len(case.results) == 10
    looked.qtbot.waitUntil(lambda: all(one.place in grid.pictures for one in case.results), timeout=5000)
    looked.settle()
    grid._painted._kept.clear()
    scaled.clear()
    grid.repaint()
    assert len(scaled) == 1
    looked.qtbot.waitUntil(lambda: len(scaled) == 10, timeout=5000)
    grid.repaint()
    assert len(scaled) == 10


def test_a_gallery_that_was_mined_anew_or_has_one_pair_is_said_in_place(looked: Table, qtbot: QtBot) -> None:
    path = looked.project.run_dir(RUN) / "validation.pairs.jsonl"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-2]), "utf-8")
    looked.presenter.galleries.read_place()
    looked.settle()
    assert "pairs were changed since it was looked at; look again" in looked.view.notice.text()
    path.write_text(lines[0], "utf-8")
    looked.view.setFocus()
    looked.press(Key.Key_L)
    assert "has 1 readable pair with sound of its own and Recall@10 needs two" in looked.view.work.text()


def test_a_video_that_was_moved_is_named_with_where_it_should_be(looked: Table) -> None:
    for video in looked.project.store.videos():
        video.path.rename(video.path.with_suffix(".away"))
    try:
        looked.press(Key.Key_H, Key.Key_H)
        looked.view.setFocus()
        looked.press(Key.Key_Space)
        assert "relink it in Data to hear it" in looked.view.notice.text()
        assert str(looked.project.store.videos()[0].path.parent) in looked.view.notice.text()
    finally:
        for video in looked.project.store.videos():
            video.path.with_suffix(".away").rename(video.path)
