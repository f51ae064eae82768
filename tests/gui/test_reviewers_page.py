"""The reviewers' page on real verdicts: its figures, its empty states with their controls, settings, saved pictures."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from review_desk import DURATION, ME, food_pairs

from annotator.project import Project
from annotator.store.records import Decision, ReviewSettings, VideoRecord
from annotator.views import theme
from annotator.views.reviewers.cards import MatrixPlot
from annotator.views.reviewers.figures import KEYS
from annotator.views.reviewers.page import ReviewersPage
from annotator.views.reviewers.presenter import ReviewersPresenter
from davenet.agreement import cohens_kappa
from davenet.pairs import pair_uid

ONION, BUTTER = (pair_uid("soup", second, "food") for second in (1.0, 3.0))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Six pairs of a video whose file is elsewhere: the page needs none."""
    with Project.create(tmp_path / "project") as made:
        made.store.set_setting("reviewer", ME)
        made.store.add_videos([VideoRecord("soup", tmp_path / "soup.mp4", "soup", DURATION, 10.0, 96, 54, "hash")])
        made.store.put_pairs(food_pairs("soup"), {})
        yield made


def say(project: Project, pair: str, decision: Decision, reviewer: str) -> None:
    project.store.give_verdict(pair, decision, reviewer=reviewer, seconds=2.0, window_s=2.0)


class Office:
    """The reviewers' page with its presenter, shown and read."""

    def __init__(self, qtbot: QtBot, project: Project) -> None:
        self.qtbot = qtbot
        self.page = ReviewersPage()
        qtbot.addWidget(self.page)
        self.presenter = ReviewersPresenter(self.page, project)
        self.page.resize(1280, 680)
        self.page.show()
        self.presenter.activate()
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(self.presenter.background.is_idle, timeout=20_000)

    def rows(self, key: str) -> list[dict[str, str]]:
        figure = self.page.cards[key].figure
        assert figure is not None
        return list(csv.DictReader(io.StringIO(figure.csv())))


@pytest.fixture
def office(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Office]:
    theme.apply_theme(qapp, "dark")
    made = Office(qtbot, project)
    yield made
    made.presenter.shutdown()


DECISIONS: tuple[tuple[Decision, Decision], ...] = (
    ("accept", "accept"),
    ("accept", "reject"),
    ("reject", "reject"),
    ("accept", "accept"),
    ("unsure", "reject"),
    ("reject", "reject"),
)


def judge_all(project: Project) -> None:
    for place, (first, second) in enumerate(DECISIONS):
        uid = pair_uid("soup", place + 1.0, "food")
        say(project, uid, first, ME)
        say(project, uid, second, "grace")


def test_an_empty_page_asks_for_second_reviews_where_agreement_would_be(office: Office, project: Project) -> None:
    card = office.page.cards["agreement"]
    assert card.figure is not None and card.figure.empty == "κ needs pairs that two people have judged."
    assert not card.save.isVisibleTo(card)
    button = card.empty.action_button()
    assert button.text() == "Ask for second reviews of 10\u202f%"
    with office.qtbot.waitSignal(office.presenter.settings_changed) as changed:
        button.click()
    assert changed.args == [ReviewSettings(second_share=0.1)]
    office.settle()
    assert project.store.review_settings().second_share == 0.1
    assert office.page.settings.second.value() == 10
    assert all(office.page.cards[key].figure is not None for key in KEYS)


def test_the_page_shows_the_figures_that_the_verdicts_give(office: Office, project: Project) -> None:
    judge_all(project)
    project.store.set_gold(ONION, "accept", set_by="grace", label="onion")
    project.store.set_gold(BUTTER, "accept", set_by="grace", label="butter")
    office.presenter.refresh()
    office.settle()
    expected = cohens_kappa([one for one, _ in DECISIONS], [other for _, other in DECISIONS])
    kappa, alpha = office.rows("agreement")
    assert expected.value is not None and float(kappa["kappa"]) == pytest.approx(expected.value, abs=1e-4)
    assert kappa["reviewer"] == ME and kappa["pairs"] == "6" and alpha["other"] == "Krippendorff's alpha"
    shares = {row["name"]: (row["counted"], row["of"]) for row in office.rows("accepted")}
    assert shares == {ME: ("3", "5"), "grace": ("2", "6")}
    assert {row["name"]: (row["counted"], row["of"]) for row in office.rows("gold")} == {ME: ("1", "2")}
    classes = {row["name"]: (row["counted"], row["of"]) for row in office.rows("classes")}
    assert classes["onion"] == ("2", "2") and classes["butter"] == ("0", "2") and classes["pepper"] == ("0", "1")
    assert [row["median s"] for row in office.rows("pace")][:1] == ["2.0"]
    table = office.page.table
    assert [row.key for row in table.rows()] == [ME, "grace"]
    assert table.rows()[0].cells[1].text == "6" and table.rows()[0].cells[-1].text == "1 of 2"
    assert office.page.adjudicate.text() == "2 pairs to adjudicate"
    with office.qtbot.waitSignal(office.presenter.adjudicate_requested):
        office.page.adjudicate.click()


def test_the_matrix_says_under_the_pointer_who_agrees_how_far(office: Office, project: Project) -> None:
    judge_all(project)
    office.presenter.refresh()
    office.settle()
    card = office.page.cards["agreement"]
    plot = card.plot()
    assert isinstance(plot, MatrixPlot)
    cell = plot.cell(1, 0, QRectF(plot.rect()))
    none = Qt.MouseButton.NoButton
    at = QMouseEvent(QEvent.Type.MouseMove, cell.center(), cell.center(), none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(plot, at)
    assert card.readout.text().startswith("grace and ada: κ")
    assert card.readout.text().endswith("on 6 pairs")
    below = plot.cell(0, 1, QRectF(plot.rect()))
    assert below.left() > cell.left() and below.top() < cell.top()


@pytest.mark.parametrize("suffix", [".png", ".svg", ".csv"])
def test_the_matrix_and_the_plots_are_saved(office: Office, project: Project, tmp_path: Path, suffix: str) -> None:
    judge_all(project)
    office.presenter.refresh()
    office.settle()
    for key in ("agreement", "accepted"):
        target = tmp_path / f"{key}{suffix}"
        office.page.cards[key].save_to(target)
        office.settle()
        if suffix == ".png":
            image = QImage(str(target))
            colours = {image.pixel(x, y) for x in range(0, image.width(), 9) for y in range(0, image.height(), 9)}
            assert not image.isNull() and len(colours) > 4
        else:
            assert "grace" in target.read_text("utf-8")
    assert "Saved" in office.page.notice.text()


def test_settings_are_kept_once_after_the_last_step(office: Office, project: Project) -> None:
    seen: list[object] = []
    office.presenter.settings_changed.connect(seen.append)
    for value in (1, 2, 25):
        office.page.settings.second.setValue(value)
    office.page.settings.gold.setValue(5)
    office.page.settings.blind.setChecked(True)
    office.qtbot.waitUntil(lambda: bool(seen))
    office.settle()
    assert seen == [ReviewSettings(blind=True, second_share=0.25, gold_share=0.05)]
    assert project.store.review_settings() == seen[0]


def test_a_change_is_kept_when_the_page_is_left_at_once(office: Office, project: Project) -> None:
    office.page.settings.gold.setValue(7)
    office.presenter.deactivate()
    office.settle()
    assert project.store.review_settings().gold_share == 0.07


def test_escape_goes_back_to_the_pairs(office: Office) -> None:
    office.page.setFocus()
    with office.qtbot.waitSignal(office.presenter.pairs_requested):
        QTest.keyClick(office.page, Qt.Key.Key_Escape)
