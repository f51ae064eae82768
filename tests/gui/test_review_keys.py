"""Every key of the Review workspace by a real press, on a real project: what it does, and what the disk has of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import CLASSES, DURATION, Desk, soup_project

from annotator.keymap import ACTIONS
from annotator.project import Project
from annotator.store.records import REASONS
from annotator.views import theme
from annotator.views.review.label_card import suggestions
from davenet.matchmap_file import Matchmaps, write_matchmaps

K = Qt.Key
SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "settings"))
    with soup_project(tmp_path) as made:
        times = np.arange(0, DURATION, 0.5)
        maps = Matchmaps(
            np.full((len(times), 14, 14), 0.8, np.float16),
            times,
            np.full(len(times), 11.4, np.float32),
            "soup",
            "c0ffee",
            (0.25, 0.0, 0.75, 1.0),
            0.0,
            1.0,
            2.0,
        )
        path = made.cache_dir / "matchmaps" / "c0ffee" / "soup.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_matchmaps(path, maps, metadata={})
        yield made


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Desk]:
    theme.apply_theme(qapp, "dark")
    made = Desk(qtbot, project)
    made.presenter.options.autoplay = False
    made.presenter.playback.toggle()  # what has begun to play by itself
    yield made
    made.close()


def test_every_action_of_the_workspace_has_a_slot(desk: Desk) -> None:
    bound = {action for action in ACTIONS if desk.workspace.keys.is_bound(action)}
    assert {action for action in ACTIONS if action.startswith("review.")} <= bound


@pytest.mark.parametrize(
    ("key", "decision"),
    [(K.Key_A, "accept"), (K.Key_1, "accept"), (K.Key_X, "reject"), (K.Key_0, "reject"), (K.Key_U, "unsure"),
     (K.Key_S, "skip")],
)  # fmt: skip
def test_a_verdicts_key_keeps_it_with_the_key_that_gave_it(desk: Desk, key: Qt.Key, decision: str) -> None:
    desk.press(key)
    (kept,) = desk.verdicts()
    assert (kept.decision, kept.label, kept.keys) == (decision, "onion", (decision,))
    assert desk.asked == "garlic"


def test_the_digits_of_the_numpad_decide_too(desk: Desk) -> None:
    desk.press(K.Key_1, K.Key_0, modifiers=Qt.KeyboardModifier.KeypadModifier)
    assert [one.decision for one in desk.verdicts()] == ["accept", "reject"]


@pytest.mark.parametrize("digit", range(1, 7))
def test_shift_x_and_a_digit_reject_with_that_reason(desk: Desk, digit: int) -> None:
    desk.press(K.Key_X, modifiers=SHIFT)
    assert desk.verdicts() == [] and desk.workspace.open_card() is desk.workspace.reasons
    desk.press(Qt.Key(K.Key_0.value + digit))
    (kept,) = desk.verdicts()
    assert (kept.decision, kept.reason) == ("reject", REASONS[digit - 1])
    assert desk.asked == "garlic" and desk.workspace.open_card() is None and desk.workspace.hasFocus()


def test_escape_leaves_the_reasons_and_the_keys_work_again(desk: Desk) -> None:
    desk.press(K.Key_X, modifiers=SHIFT)
    desk.press(K.Key_Escape)
    assert desk.workspace.open_card() is None and desk.verdicts() == []
    desk.press(K.Key_1)
    assert [one.decision for one in desk.verdicts()] == ["accept"]


def test_the_reasons_can_be_chosen_with_the_mouse_and_with_arrows(desk: Desk) -> None:
    desk.qtbot.mouseClick(desk.workspace.verdicts.reasons, Qt.MouseButton.LeftButton)
    rows = desk.workspace.reasons.rows
    desk.qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=QPoint(20, 25 * 2 + 12))
    desk.settle()
    desk.press(K.Key_X, modifiers=SHIFT)
    desk.press(K.Key_Down, K.Key_Return)
    assert [one.reason for one in desk.verdicts()] == ["other meaning", "not said"]


def test_a_card_leaves_with_its_pair_and_when_the_mouse_goes_elsewhere(desk: Desk) -> None:
    desk.press(K.Key_X, modifiers=SHIFT)
    desk.press(K.Key_J)  # not the card's key: the workspace has it
    assert desk.asked == "garlic" and desk.workspace.open_card() is None
    desk.press(K.Key_C)
    desk.workspace.queue.filter.setFocus()
    assert desk.workspace.open_card() is None


def test_e_accepts_the_pair_with_the_label_that_is_typed(desk: Desk) -> None:
    desk.press(K.Key_E)
    card = desk.workspace.labels
    assert desk.workspace.open_card() is card and set(card.shown()) == set(CLASSES)
    QTest.keyClicks(desk.focused(), "shal")
    assert card.lit() == "shallot" and desk.verdicts() == []
    desk.press(K.Key_Return)
    (kept,) = desk.verdicts()
    assert (kept.decision, kept.label) == ("accept", "shallot")
    assert desk.asked == "garlic" and desk.workspace.hasFocus()


def test_the_labels_are_gone_through_with_arrows_and_left_with_escape(desk: Desk) -> None:
    desk.press(K.Key_E)
    first, second = desk.workspace.labels.shown()[:2]
    desk.press(K.Key_Down)
    assert desk.workspace.labels.lit() == second != first
    desk.press(K.Key_Escape)
    assert desk.verdicts() == [] and desk.workspace.open_card() is None
    desk.press(K.Key_E)
    desk.press(K.Key_Down, K.Key_Down, K.Key_Up, K.Key_Enter)
    assert [one.label for one in desk.verdicts()] == [second]


def test_the_projects_classes_come_before_the_food_words_and_beginnings_before_the_rest() -> None:
    nouns = ("onion", "spring onion", "onion ring", "oats")
    assert suggestions("on", ("red onion", "onion"), nouns) == ["onion", "onion ring", "red onion", "spring onion"]
    assert suggestions("", ("red onion",), nouns) == ["red onion"]
    assert suggestions("ring on", (), nouns) == ["onion ring"]
    assert suggestions("nion", (), nouns) == []


def test_c_writes_a_comment_that_goes_with_the_verdict_and_enter_alone_writes_none(desk: Desk) -> None:
    pair = desk.presenter.current
    assert pair is not None
    desk.press(K.Key_C)
    QTest.keyClicks(desk.focused(), "a shallot, 1 of 2")
    desk.press(K.Key_Return)
    assert [one.text for one in desk.project.store.remarks(pair.uid)] == ["a shallot, 1 of 2"]
    desk.press(K.Key_C)
    desk.press(K.Key_Return)
    assert len(desk.project.store.remarks(pair.uid)) == 1 and desk.verdicts() == []
    desk.press(K.Key_A)
    desk.press(K.Key_A)
    assert [one.comment for one in desk.verdicts()] == ["a shallot, 1 of 2", None]


def test_f_flags_the_pair_and_takes_the_flag_away(desk: Desk) -> None:
    pair = desk.presenter.current
    assert pair is not None
    desk.press(K.Key_F)
    assert desk.project.store.pair(pair.uid, reviewer="ada").flagged
    assert desk.workspace.controls.flag.isChecked() and desk.presenter.counts.flagged == 1
    desk.press(K.Key_F)
    assert not desk.project.store.pair(pair.uid, reviewer="ada").flagged
    assert not desk.workspace.controls.flag.isChecked() and desk.presenter.counts.flagged == 0
    desk.qtbot.mouseClick(desk.workspace.controls.flag, Qt.MouseButton.LeftButton)
    desk.settle()
    assert desk.project.store.pair(pair.uid, reviewer="ada").flagged and desk.workspace.controls.flag.isChecked()


def test_undo_and_redo_jump_to_the_pair_even_after_a_restart(desk: Desk, qtbot: QtBot, project: Project) -> None:
    desk.press(K.Key_A, K.Key_X, K.Key_J)
    assert desk.asked == "egg"
    desk.presenter.shutdown()
    again = Desk(qtbot, project)
    assert again.asked == "egg"  # where it was left
    again.press(K.Key_Backspace)
    assert again.asked == "garlic"
    again.press(K.Key_Z, modifiers=CTRL)
    assert again.asked == "onion" and again.verdicts() == []
    again.press(K.Key_Z, modifiers=CTRL | SHIFT)
    assert again.asked == "garlic" and [one.label for one in again.verdicts()] == ["onion"]
    again.close()


def test_redo_of_another_pair_jumps_to_it_and_the_next_key_leads_back(desk: Desk) -> None:
    desk.press(K.Key_A, K.Key_X)
    assert desk.asked == "butter"
    desk.press(K.Key_Backspace)
    desk.press(K.Key_J)
    assert desk.asked == "butter"
    desk.press(K.Key_Z, modifiers=CTRL | SHIFT)
    assert desk.asked == "garlic" and [one.label for one in desk.verdicts()] == ["onion", "garlic"]
    assert desk.presenter.queue.state == "pending" and "garlic" not in desk.listed()
    desk.press(K.Key_J)
    assert desk.asked == "butter"


def test_from_an_earlier_verdict_the_next_key_leads_back_to_the_work(desk: Desk) -> None:
    desk.press(K.Key_A, K.Key_X)
    desk.workspace.question.pair_chosen.emit(desk.verdicts()[0].pair_uid)
    desk.settle()
    assert desk.asked == "onion"
    desk.press(K.Key_J)
    assert desk.asked == "butter"


def test_space_plays_and_pauses_and_r_begins_again(desk: Desk) -> None:
    desk.press(K.Key_Space)
    assert desk.player.state == "playing"
    desk.press(K.Key_Space)
    assert desk.player.state == "paused"
    desk.press(K.Key_R)
    assert desk.player.state == "playing"
    desk.press(K.Key_R)
    desk.press(K.Key_A)
    assert desk.verdicts()[0].replays >= 1
    assert desk.verdicts()[0].keys == ("play", "play", "replay", "replay", "accept")


def test_l_loops_the_segment_until_pressed_again(desk: Desk) -> None:
    desk.press(K.Key_J)
    desk.press(K.Key_L)
    assert desk.player.loop == (1.0, 3.0) and desk.workspace.controls.loop.isChecked()
    desk.press(K.Key_W)
    assert desk.player.loop == (0.0, DURATION)
    desk.press(K.Key_J)
    assert desk.player.loop == (2.0, 4.0)  # the next pair loops too
    desk.press(K.Key_L)
    assert desk.player.loop is None and not desk.workspace.controls.loop.isChecked()


def test_comma_and_stop_go_one_frame_back_and_on(desk: Desk) -> None:
    desk.press(K.Key_J)
    desk.qtbot.waitUntil(lambda: desk.player.frame_time_s == pytest.approx(2.0))
    desk.press(K.Key_Period)
    desk.qtbot.waitUntil(lambda: desk.player.frame_time_s == pytest.approx(2.1))
    desk.press(K.Key_Comma)
    desk.qtbot.waitUntil(lambda: desk.player.frame_time_s == pytest.approx(2.0))


def test_the_arrows_go_one_second_and_with_shift_five(desk: Desk) -> None:
    desk.press(K.Key_J)
    seen = []
    for key, modifiers in ((K.Key_Right, None), (K.Key_Right, SHIFT), (K.Key_Left, None), (K.Key_Left, SHIFT)):
        desk.press(key, modifiers=modifiers or Qt.KeyboardModifier.NoModifier)
        seen.append(round(desk.player.time_s, 3))
    assert seen == [3.0, 8.0, 7.0, 2.0]


def test_brackets_change_the_speed_and_backslash_puts_it_back(desk: Desk) -> None:
    desk.press(K.Key_BracketRight)
    assert desk.presenter.playback.speed > 1 and desk.player.speed == desk.presenter.playback.speed
    assert not desk.workspace.controls.speed.isHidden()
    desk.press(*[K.Key_BracketLeft] * 12)
    assert desk.player.speed == 0.5
    desk.press(K.Key_Backslash)
    assert desk.player.speed == 1.0 and desk.workspace.controls.speed.isHidden()


def test_alt_and_arrows_move_the_sound_against_the_frame_and_the_verdict_keeps_it(desk: Desk) -> None:
    desk.press(K.Key_J)
    desk.press(K.Key_Right, K.Key_Right, K.Key_Right, modifiers=ALT)
    desk.press(K.Key_Left, modifiers=ALT)
    start, end = desk.presenter.playback.segment()
    assert (start, end) == (pytest.approx(1.2), pytest.approx(3.2))
    lit = next(one for one in desk.workspace.axis.brackets() if one.lit)
    assert (lit.start, lit.label) == (pytest.approx(1.2), "2 s · +0.2 s")
    desk.press(K.Key_A)
    desk.press(K.Key_A)
    assert [one.offset_s for one in desk.verdicts()] == [pytest.approx(0.2), 0.0]


def test_m_takes_the_matchmap_off_and_h_shows_it_while_held(desk: Desk) -> None:
    assert desk.presenter.overlay.is_painted
    QTest.keyPress(desk.focused(), K.Key_H)
    assert not desk.presenter.overlay.is_painted  # the frame alone
    QTest.keyRelease(desk.focused(), K.Key_H)
    assert desk.presenter.overlay.is_painted
    desk.press(K.Key_M)
    assert not desk.presenter.overlay.is_painted and not desk.workspace.controls.overlay.isChecked()
    QTest.keyPress(desk.focused(), K.Key_H)
    assert desk.presenter.overlay.is_painted
    QTest.keyRelease(desk.focused(), K.Key_H)
    assert not desk.presenter.overlay.is_painted


def test_minus_equals_and_v_change_how_the_matchmap_looks_and_are_remembered(desk: Desk) -> None:
    options = desk.presenter.options
    alpha, colours = options.alpha, options.colour_map
    desk.press(K.Key_Minus)
    assert options.alpha < alpha
    desk.press(K.Key_Equal, K.Key_Equal)
    assert options.alpha > alpha
    desk.press(K.Key_V)
    assert options.colour_map != colours
    again = type(options)()
    assert (again.alpha, again.colour_map) == (options.alpha, options.colour_map)


def test_shift_c_takes_the_models_crop_off_the_frame(desk: Desk) -> None:
    assert desk.workspace.stage.is_crop_visible()
    desk.press(K.Key_C, modifiers=SHIFT)
    assert not desk.workspace.stage.is_crop_visible() and not desk.workspace.controls.crop.isChecked()


def test_j_k_and_the_arrows_go_through_the_queue(desk: Desk) -> None:
    seen = []
    for key in (K.Key_J, K.Key_Down, K.Key_Down, K.Key_K, K.Key_Up):
        desk.press(key)
        seen.append(desk.asked)
    assert seen == ["garlic", "butter", "egg", "butter", "garlic"] and desk.verdicts() == []


def test_an_unbound_key_does_nothing_and_its_button_says_the_new_one(desk: Desk) -> None:
    desk.workspace.keys.set_keys("review.accept", ("Y",))
    desk.press(K.Key_A)
    assert desk.verdicts() == []
    assert desk.workspace.verdicts.buttons["accept"].key() == "Y"
    assert desk.workspace.verdicts.buttons["accept"].toolTip().endswith("(Y)")
    desk.press(K.Key_Y)
    assert [one.decision for one in desk.verdicts()] == ["accept"]


def test_no_key_of_the_workspace_acts_while_a_comment_is_typed(desk: Desk) -> None:
    desk.press(K.Key_C)
    before = (desk.asked, desk.player.time_s, desk.player.speed, desk.workspace.stage.is_crop_visible())
    QTest.keyClicks(desk.focused(), "axusefgbhmvwrljk10 ,.[]-=\\")
    desk.settle()
    assert (desk.asked, desk.player.time_s, desk.player.speed, desk.workspace.stage.is_crop_visible()) == before
    assert desk.workspace.open_card() is desk.workspace.comments and desk.verdicts() == []
