"""The people of a review on a real project: the panel's evidence, blindness, conflicts, gold, names."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import CLASSES, ME, Desk, soup_project

from annotator.project import Project
from annotator.reviewer_names import add_reviewer, known_reviewers
from annotator.store.records import Decision, PairScore, RunRecord
from annotator.views import theme
from annotator.views.review.adjudication import wrapped
from annotator.views.review.evidence import heard_words
from annotator.views.review.pair_evidence import read_evidence, run_number
from davenet.errors import UserError
from davenet.labels.words import Word
from davenet.pairs import pair_uid

ONION, GARLIC, BUTTER = (pair_uid("soup", second, "food") for second in (1.0, 2.0, 3.0))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    with soup_project(tmp_path) as made:
        yield made


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Desk]:
    theme.apply_theme(qapp, "dark")
    made = Desk(qtbot, project)
    yield made
    made.close()


def say(project: Project, pair: str, decision: Decision, reviewer: str, **more: object) -> None:
    project.store.give_verdict(pair, decision, reviewer=reviewer, seconds=2.0, window_s=2.0, **more)  # type: ignore[arg-type]


def shown_others(desk: Desk) -> list[str]:
    return [line.text for line in desk.workspace.question._other_rows.lines()]


# -- evidence ----------------------------------------------------------------------------------------------------------


def test_every_occurrence_of_the_matched_word_is_listed_and_a_press_plays_it(desk: Desk) -> None:
    question, pair = desk.workspace.question, desk.presenter.current
    assert pair is not None
    question.set_words([Word("onion", 1.0, 1.4, 0.87), Word("so", 2.0, 2.2, 0.9), Word("Onion", 7.0, 7.4, 0.3)])
    assert [(one.start_s, one.is_asked) for one in question.heard()] == [(1.0, True), (7.0, False)]
    lines = question._word_rows.lines()
    assert [(line.text, line.note, line.right) for line in lines] == [
        ("onion", "at the frame", "0.87"),
        ("Onion", "6.0 s after", "0.30"),
    ]
    with desk.qtbot.waitSignal(question.word_chosen) as chosen:
        QTest.mouseClick(question._word_rows, Qt.MouseButton.LeftButton, pos=QPoint(40, 25 + 12))
    assert chosen.args == [7.0, 7.4]
    desk.qtbot.waitUntil(lambda: desk.player.time_s >= 6.5 or desk.player.state == "playing", timeout=20_000)


def test_words_outside_the_searched_window_are_no_evidence(project: Project) -> None:
    pair = project.store.pair(ONION)
    far = [Word("onion", pair.time_s + 10.5, pair.time_s + 10.9, 0.9)]
    assert [one.start_s for one in heard_words(pair, far)] == [1.0]


def test_a_runs_score_stands_with_its_place_among_the_others(desk: Desk) -> None:
    store = desk.project.store
    store.add_run(RunRecord("003-small", "small", "finished"))
    store.put_scores("003-small", [PairScore(ONION, 11.42, 3, 1067), PairScore(GARLIC, 2.0, 900, 1067)])
    desk.presenter.people.refresh()
    desk.settle()
    assert desk.workspace.question.shown_figures() == [
        ("similarity, run 3", "11.4"),
        ("rank of its segment", "3 of 1\u202f067"),
    ]
    desk.presenter.show_pair(BUTTER)
    desk.settle()
    assert desk.workspace.question.shown_figures() == []


def test_a_run_that_has_not_scored_is_offered_to_score(desk: Desk) -> None:
    desk.project.store.add_run(RunRecord("004-small", "small", "finished", result={"best_checkpoint": "best"}))
    desk.presenter.people.refresh()
    desk.settle()
    question = desk.workspace.question
    assert question._score.isVisibleTo(question) and question._score.text() == "Score the pairs with run 4"
    with desk.qtbot.waitSignal(question.score_requested) as asked:
        question._score.click()
    assert asked.args == ["004-small"]
    assert run_number("kitchen") == "kitchen" and run_number("010-demo") == "10"


def test_remarks_show_the_flag_only_while_it_stands(desk: Desk) -> None:
    store = desk.project.store
    store.flag(ONION, "grace", True)
    store.comment(ONION, "tom", "too <dark>")
    pair = desk.presenter.current
    assert pair is not None
    remarks = read_evidence(store, pair, ME).remarks
    assert [(one.reviewer, one.kind, one.text) for one in remarks] == [
        ("grace", "flag", ""),
        ("tom", "comment", "too <dark>"),
    ]
    desk.presenter.people.refresh()
    desk.settle()
    assert "too &lt;dark&gt;" in desk.workspace.question._remarks.text()
    store.flag(ONION, "tom", False)
    assert [one.kind for one in read_evidence(store, pair, ME).remarks] == ["comment"]


def test_the_last_ten_verdicts_lead_back_to_their_pairs(desk: Desk) -> None:
    desk.press(*[Qt.Key.Key_A] * 4)
    rows = desk.workspace.question._verdicts
    assert [line.text for line in rows.lines()] == list(reversed(CLASSES[:4]))
    rows.setFocus()
    desk.press(Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return)
    assert desk.asked == CLASSES[1]
    assert len(desk.project.store.verdicts()) == 4  # the arrows and Enter decided nothing


def test_the_videos_other_pairs_are_gone_to_with_their_verdicts_shown(desk: Desk) -> None:
    desk.press(Qt.Key.Key_X)
    rows = desk.workspace.question._pair_rows
    assert [(line.text, line.token) for line in rows.lines()] == [
        ("onion", "reject"),
        *((name, "line") for name in CLASSES[2:]),
    ]
    QTest.mouseClick(rows, Qt.MouseButton.LeftButton, pos=QPoint(30, 12 + 25 * 2))
    desk.settle()
    assert desk.asked == "egg"


# -- blind -------------------------------------------------------------------------------------------------------------


def machine_parts(desk: Desk) -> list[bool]:
    """Whether detector, model and other reviewers are seen, and the words' confidence."""
    question = desk.workspace.question
    return [
        *(
            part.isVisibleTo(question)
            for part in (question._detector_part, question._model_part, question._others_part)
        ),
        any(line.right for line in question._word_rows.lines()),
        "confidence" in question._said.text(),
    ]


def test_a_blind_reviewer_sees_no_machine_and_no_other_until_the_verdict_is_kept(desk: Desk) -> None:
    store = desk.project.store
    store.add_run(RunRecord("003-small", "small", "finished"))
    store.put_scores("003-small", [PairScore(ONION, 11.42, 3, 1067)])
    say(desk.project, ONION, "reject", "grace", comment="not seen")
    desk.presenter.people.refresh()
    desk.settle()
    assert machine_parts(desk) == [True] * 5 and shown_others(desk) == ["grace"]
    desk.presenter.set_blind(True)
    desk.presenter.show_pair(ONION)
    desk.settle()
    assert machine_parts(desk) == [False] * 5 and shown_others(desk) == []
    assert "after your verdict" in desk.workspace.question.blind_card.text()
    assert desk.workspace.question.shown_figures() == []
    desk.press(Qt.Key.Key_A)
    assert desk.asked == "onion" and machine_parts(desk) == [True] * 5
    assert desk.workspace.question.blind_card.text().startswith("You accepted.")
    desk.press(Qt.Key.Key_X)
    kept = [(one.decision, one.blind, one.purpose) for one in store.history(ONION) if one.reviewer == ME]
    assert kept[0][:2] == ("accept", True) and kept[1] == ("reject", False, "revealed")
    [change] = [one for one in store.blind_changes() if one.reviewer == ME]
    assert (change.revealed, change.changed, dict(change.changes)) == (1, 1, {("accept", "reject"): 1})


def test_a_blind_verdict_that_is_left_as_it_was_counts_as_no_change(desk: Desk) -> None:
    desk.presenter.set_blind(True)
    desk.presenter.show_pair(ONION)
    desk.press(Qt.Key.Key_A, Qt.Key.Key_A)  # the second keeps it and goes on
    desk.press(Qt.Key.Key_A, Qt.Key.Key_X)
    [change] = desk.project.store.blind_changes()
    assert (change.revealed, change.changed) == (2, 1)


# -- conflicts ---------------------------------------------------------------------------------------------------------


def test_a_conflict_is_settled_with_all_verdicts_side_by_side(desk: Desk) -> None:
    say(desk.project, GARLIC, "reject", "grace", reason="not seen", comment="under the knife")
    say(desk.project, GARLIC, "accept", "tom", label="leek")
    desk.project.store.comment(GARLIC, "tom", "it is a leek")
    desk.presenter.set_blind(True)
    desk.presenter.set_state("adjudicate")
    desk.settle()
    strip = desk.workspace.adjudication
    assert desk.asked == "garlic" and strip.isVisibleTo(desk.workspace)
    assert [card.accessibleName() for card in strip.cards()] == [
        "grace rejects after 2.0 s. not seen. under the knife",
        "tom accepts after 2.0 s. says leek. it is a leek",
    ]
    assert not desk.workspace.question.is_hiding  # who settles a conflict sees all
    desk.press(Qt.Key.Key_X)
    [mine] = [one for one in desk.project.store.history(GARLIC) if one.reviewer == ME]
    assert (mine.decision, mine.purpose, mine.blind) == ("reject", "adjudication", False)
    final = desk.project.store.final_verdicts()[GARLIC]
    assert (final.decision, final.settled_by) == ("reject", "adjudication")
    assert desk.project.store.conflicts() == []
    assert [one.decision for one in desk.project.store.verdicts(pair_uid=GARLIC)] == ["reject", "accept"]
    desk.presenter.set_state("pending")
    desk.settle()
    assert not strip.isVisibleTo(desk.workspace)


def test_a_long_comment_ends_in_dots_on_its_last_line(qapp: QApplication) -> None:
    metrics = QFontMetrics(theme.font())
    lines = wrapped("one two three four five six seven eight nine ten eleven", metrics, 80, 2)
    assert len(lines) == 2 and lines[1].endswith("…")
    assert all(metrics.horizontalAdvance(line) <= 80 for line in lines)
    assert wrapped("", metrics, 80, 2) == []


# -- gold and names ----------------------------------------------------------------------------------------------------


def test_a_pair_is_made_gold_where_it_is_seen_and_only_who_set_it_is_told(desk: Desk) -> None:
    desk.workspace.question.gold_chosen.emit("accept")
    desk.settle()
    [gold] = desk.project.store.gold_pairs()
    assert (gold.pair_uid, gold.decision, gold.label, gold.set_by) == (ONION, "accept", "onion", ME)
    assert desk.workspace.question._gold.text() == "Gold: accept…"
    desk.presenter.set_reviewer("grace")
    desk.settle()
    desk.presenter.show_pair(ONION)
    desk.settle()
    assert desk.workspace.question._gold.text() == "Make this a gold pair…"
    desk.presenter.set_reviewer(ME)
    desk.presenter.show_pair(ONION)
    desk.workspace.question.gold_chosen.emit("")
    desk.settle()
    assert desk.project.store.gold_pairs() == []


def test_a_reviewer_is_changed_to_by_name_and_a_role_cannot_be(desk: Desk) -> None:
    say(desk.project, ONION, "accept", "grace")
    desk.presenter.people.refresh()
    desk.settle()
    field = desk.workspace.question.reviewer
    assert field.choices() == (ME, "grace")
    field.choose("grace")
    desk.settle()
    assert desk.project.reviewer == "grace" and desk.presenter.queue.reviewer == "grace"
    field.set_role("team_ada")
    field.choose("tom")
    assert field.name() == "team_ada" and field.choices() == ()


def test_names_are_added_once_whatever_their_case(project: Project) -> None:
    store = project.store
    assert add_reviewer(store, "  Grace   Hopper ") == "Grace Hopper"
    assert known_reviewers(store, ME) == [ME, "Grace Hopper"]
    with pytest.raises(UserError, match="Grace Hopper reviews here already"):
        add_reviewer(store, "grace hopper")
    with pytest.raises(UserError, match="needs a name"):
        add_reviewer(store, "  ")
