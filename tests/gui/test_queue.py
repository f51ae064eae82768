"""The review queue by real keys and clicks on a real database: filters, chips, saved ones, selections, others' work."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from postgresql_server import Server
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from annotator.project import Project
from annotator.selections import read_selections
from annotator.store import Store
from annotator.store.records import Decision, QueueFilter, QueueMarker, QueueOrder, VideoRecord
from annotator.views import theme
from annotator.views.background import Background
from annotator.views.review.filter_chips import parts_of
from annotator.views.review.filter_choices import Option, offered
from annotator.views.review.filter_range import RangeField
from annotator.views.review.queue_loading import QueueChange
from annotator.views.review.queue_model import QueueModel
from annotator.views.review.queue_panel import QueuePanel
from annotator.views.review.queue_presenter import QueuePresenter
from davenet.pairs import Pair, WeakLabel, pair_uid

ME, OTHER = "ada", "grace"
FOODS = ("onion", "garlic", "onion", "butter", "egg", "onion")  # at second 0, 1, 2, … of each video
VIDEOS = ("soup", "cake")


def mine(store: Store) -> list[str]:
    """Puts two videos of six pairs into a project; probabilities and confidences rise with the second."""
    for number, name in enumerate(VIDEOS):
        split = "train" if number == 0 else "validation"
        record = VideoRecord(name, Path(f"/{name}.mp4"), name, 60.0, 25.0, 640, 360, f"hash-{name}", split=split)  # type: ignore[arg-type]
        store.add_videos([record])
    pairs = [
        Pair(
            pair_uid(video, float(second), "food"),
            video,
            float(second),
            2.0,
            "food",
            (WeakLabel(food, 0.5 + second / 20, 1, food, second + 0.1, second + 0.5, 0.2 + second / 10),),
            0.9,
        )
        for video in VIDEOS
        for second, food in enumerate(FOODS)
    ]
    store.put_pairs(pairs, {})
    return [pair.uid for pair in pairs]


class Desk:
    """A queue panel with its presenter; what it wants shown is shown at once."""

    def __init__(self, qtbot: QtBot, project: Project, reviewer: str = ME) -> None:
        self.qtbot, self.project = qtbot, project
        self.model = QueueModel()
        self.panel = QueuePanel(self.model)
        qtbot.addWidget(self.panel)
        self.background = Background()
        project.set_reviewer(reviewer)
        self.presenter = QueuePresenter(self.panel, project, self.background)
        self.shown: list[str] = []
        self.presenter.pair_wanted.connect(self._show)
        self.presenter.emptied.connect(lambda: self.presenter.set_current(None))
        self.panel.resize(276, 700)
        self.panel.show()
        self.panel.activateWindow()
        self.presenter.refresh()
        self.settle()

    def _show(self, uid: str) -> None:
        self.shown.append(uid)
        self.presenter.set_current(uid)

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: self.background.is_idle() and self.presenter.leases.is_idle(), timeout=20_000)

    def press(self, *keys: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        for key in keys:
            QTest.keyClick(QApplication.focusWidget() or self.panel, key, modifiers)
            self.settle()

    def type(self, text: str) -> None:
        QTest.keyClicks(QApplication.focusWidget(), text)
        self.settle()

    def click(self, widget: QWidget) -> None:
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)
        self.settle()

    def listed(self) -> list[tuple[str, str]]:
        """Returns video and class of each row."""
        pairs = self.project.store.pairs(self.model.uids(), reviewer=ME)
        return [(pair.video_uid, pair.labels[0].class_name) for pair in pairs]

    def decide(self, decision: Decision, *, reviewer: str = ME) -> str:
        """Keeps a verdict on the pair shown, as the workspace does, and goes on."""
        uid = self.presenter.current_uid
        assert uid is not None
        pair = self.presenter.record(uid)
        verdict = self.project.store.give_verdict(uid, decision, reviewer=reviewer, seconds=1.0, window_s=2.0)
        self.presenter.show_row(self.presenter.take_verdict(pair, verdict))
        self.settle()
        return uid

    def pills(self) -> list[str]:
        return [pill.shown_text() for pill in self.panel.pills.values() if not pill.isHidden()]

    def chips(self) -> list[str]:
        return [chip.text() for chip in self.panel.chips.chips()]

    def close(self) -> None:
        self.presenter.shutdown()
        self.background.shutdown()
        self.panel.close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        mine(made.store)
        yield made


@pytest.fixture
def desk(qtbot: QtBot, qapp: QApplication, project: Project) -> Iterator[Desk]:
    theme.apply_theme(qapp, "dark")
    made = Desk(qtbot, project)
    yield made
    made.close()


# -- states and their empty lists --------------------------------------------------------------------------------------


def test_each_state_is_a_pill_with_its_number_and_lists_its_pairs(desk: Desk) -> None:
    first, second, third = desk.decide("accept"), desk.decide("skip"), desk.decide("unsure")
    desk.project.store.flag(first, ME, True)
    desk.presenter.refresh()
    desk.settle()
    assert desk.pills() == ["Pending 9", "Skipped 1", "Flagged 1", "To adjudicate 1", "Done 2"]
    for state, uids in (("skipped", [second]), ("flagged", [first]), ("adjudicate", [third]), ("done", [first, third])):
        desk.click(desk.panel.pills[state])  # type: ignore[index]
        assert desk.model.uids() == uids


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("skipped", "Nothing is skipped"),
        ("flagged", "Nothing is flagged"),
        ("adjudicate", "Nothing to adjudicate"),
        ("done", "No verdicts yet"),
    ],
)
def test_an_empty_list_says_what_brings_pairs_into_it(desk: Desk, state: str, title: str) -> None:
    desk.click(desk.panel.pills[state])  # type: ignore[index]
    assert desk.panel.empty.isVisible() and desk.panel.empty.title() == title


# -- filters -----------------------------------------------------------------------------------------------------------


def test_the_search_finds_classes_words_and_videos_and_escape_ends_it(desk: Desk) -> None:
    desk.panel.filter.setFocus()
    desk.type("oni cake")
    desk.qtbot.waitUntil(lambda: desk.listed() == [("cake", "onion")] * 3)
    desk.press(Qt.Key.Key_Escape)
    desk.qtbot.waitUntil(lambda: len(desk.listed()) == 12)


def test_a_class_is_chosen_by_typing_and_stands_as_a_chip_that_delete_takes_away(desk: Desk) -> None:
    desk.click(desk.panel.filter_button)
    assert desk.panel.drawer.classes.field.hasFocus()
    assert desk.panel.drawer.classes.offered_texts()[0] == "onion"  # the fullest first
    desk.type("gar")
    assert desk.panel.drawer.classes.offered_texts() == ["garlic"]
    desk.press(Qt.Key.Key_Return)
    desk.type("utt")
    desk.press(Qt.Key.Key_Return)
    assert {name for _video, name in desk.listed()} == {"garlic", "butter"}
    assert desk.panel.drawer.count_text() == "4 pairs"
    desk.press(Qt.Key.Key_Escape)
    assert not desk.panel.is_filtering() and desk.chips() == ["garlic", "butter"]
    desk.panel.chips.chips()[0].setFocus(Qt.FocusReason.TabFocusReason)
    desk.press(Qt.Key.Key_Delete)
    assert desk.chips() == ["butter"] and desk.listed() == [("soup", "butter"), ("cake", "butter")]


def test_ranges_splits_and_verdicts_narrow_the_list_together(desk: Desk) -> None:
    desk.click(desk.panel.filter_button)
    low = desk.panel.drawer.word.low
    low.setFocus()
    low.selectAll()
    desk.type("0.45")
    desk.press(Qt.Key.Key_Return)
    assert [name for _video, name in desk.listed()] == ["butter", "egg", "onion"] * 2
    desk.press(Qt.Key.Key_Up)
    assert low.text() == "0.50" and desk.panel.drawer.filter().word_confidence == (0.5, 1.0)
    desk.click(desk.panel.drawer.splits.pills["validation"])
    assert desk.listed() == [("cake", "butter"), ("cake", "egg"), ("cake", "onion")]
    desk.click(desk.panel.drawer.verdicts.pills["accept"])
    assert desk.listed() == []
    assert desk.panel.drawer.count_text() == "0 pairs"
    desk.press(Qt.Key.Key_Escape)
    assert desk.panel.empty.title() == "Nothing matches"
    desk.presenter.clear_filter()
    desk.settle()
    assert len(desk.listed()) == 12 and desk.chips() == []


def test_the_verdict_filter_finds_who_decided_what(desk: Desk) -> None:
    uid = desk.decide("reject")
    desk.project.store.give_verdict(uid, "accept", reviewer=OTHER, seconds=1.0, window_s=2.0)
    desk.click(desk.panel.pills["done"])
    desk.presenter.set_filter(QueueFilter(by_reviewer=OTHER, verdict="accept"))
    desk.settle()
    assert desk.model.uids() == [uid] and desk.chips() == [f"by {OTHER}", "accepted"]
    desk.presenter.set_filter(QueueFilter(by_reviewer=ME, verdict="accept"))
    desk.settle()
    assert desk.model.uids() == []


def test_a_filter_is_saved_under_a_name_used_again_and_forgotten(desk: Desk) -> None:
    desk.presenter.set_filter(QueueFilter(classes=("egg",), probability=(0.6, 0.9)))
    desk.click(desk.panel.filter_button)
    saved = desk.panel.drawer.saved
    saved.name.setFocus()
    desk.type("eggs to check")
    desk.press(Qt.Key.Key_Return)
    assert saved.names() == ["eggs to check"]
    assert desk.project.store.saved_filters()["eggs to check"].classes == ("egg",)
    desk.presenter.clear_filter()
    desk.settle()
    desk.click(saved.row("eggs to check")[0])
    assert desk.presenter.request.filter == QueueFilter(classes=("egg",), probability=(0.6, 0.9))
    assert [name for _video, name in desk.listed()] == ["egg", "egg"]
    desk.click(saved.row("eggs to check")[1])
    assert saved.names() == [] and desk.project.store.saved_filters() == {}


def test_nothing_can_be_saved_while_nothing_is_filtered(desk: Desk) -> None:
    desk.click(desk.panel.filter_button)
    assert not desk.panel.drawer.saved.name.isEnabled()


# -- selections --------------------------------------------------------------------------------------------------------


def test_a_selection_lists_its_pairs_in_its_order_whatever_became_of_them(desk: Desk) -> None:
    decided = desk.decide("accept")
    uids = desk.model.uids()
    chosen = [uids[6], decided, uids[2], uids[6]]
    desk.presenter.show_selection("misses of run 7", chosen)
    desk.settle()
    assert desk.model.uids() == [uids[6], decided, uids[2]]
    assert desk.pills()[-1] == "All 3" and desk.panel.state() == "all"
    assert desk.presenter.current_uid == uids[6] and desk.chips() == ["misses of run 7"]
    desk.decide("reject")
    assert len(desk.model.uids()) == 3  # decided pairs stay in view
    desk.click(desk.panel.pills["pending"])
    assert desk.model.uids() == [uids[2]]
    assert read_selections(desk.project.store) == {"misses of run 7": [uids[6], decided, uids[2]]}


def test_a_selection_is_listed_beside_the_filters_until_it_is_forgotten(desk: Desk) -> None:
    uids = desk.model.uids()
    desk.presenter.show_selection("errors", uids[:2])
    desk.settle()
    desk.click(desk.panel.chips.chips()[0])
    assert len(desk.model.uids()) == 12 and "All" not in " ".join(desk.pills())
    desk.click(desk.panel.filter_button)
    saved = desk.panel.drawer.saved
    desk.click(saved.row("errors")[0])
    assert desk.model.uids() == uids[:2]
    desk.click(saved.row("errors")[1])
    assert saved.names() == [] and len(desk.model.uids()) == 12


# -- orders ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "first"),
    [("mined", "onion"), ("class", "butter"), ("confident", "onion"), ("uncertain", "onion")],
)
def test_the_order_chosen_is_the_databases(desk: Desk, order: QueueOrder, first: str) -> None:
    desk.presenter.set_order(order)
    desk.settle()
    assert desk.model.uids() == desk.project.store.queue_uids("pending", reviewer=ME, order=order)
    assert desk.listed()[0][1] == first


def test_shuffling_again_draws_another_order_which_a_restart_brings_back(desk: Desk, qtbot: QtBot) -> None:
    desk.presenter.set_order("shuffled")
    desk.settle()
    once = desk.model.uids()
    desk.presenter.set_order("shuffled")
    desk.settle()
    twice = desk.model.uids()
    assert once != twice and sorted(once) == sorted(twice)
    again = Desk(qtbot, desk.project)
    assert again.model.uids() == twice
    again.close()


# -- others ------------------------------------------------------------------------------------------------------------


def test_what_others_decide_leaves_the_list_and_what_they_withdraw_comes_back(desk: Desk) -> None:
    uids = desk.model.uids()
    with Project.open(desk.project.path) as others:
        others.store.give_verdict(uids[3], "accept", reviewer=OTHER, seconds=1.0, window_s=2.0)
    desk.presenter.others.look()
    desk.settle()
    assert desk.model.uids() == [*uids[:3], *uids[4:]] and desk.pills()[0] == "Pending 11"
    with Project.open(desk.project.path) as others:
        others.store.undo(OTHER)
    desk.presenter.others.look()
    desk.settle()
    assert desk.model.uids() == uids and desk.pills()[0] == "Pending 12"


def test_the_pair_on_screen_stays_when_another_decides_it(desk: Desk) -> None:
    uid = desk.presenter.current_uid
    assert uid is not None
    with Project.open(desk.project.path) as others:
        others.store.give_verdict(uid, "accept", reviewer=OTHER, seconds=1.0, window_s=2.0)
    desk.presenter.others.look()
    desk.settle()
    assert desk.presenter.current_uid == uid and uid in desk.model.uids()


def test_no_pair_is_handed_to_two_reviewers_of_one_server(
    qtbot: QtBot, qapp: QApplication, tmp_path: Path, postgresql: Server
) -> None:
    with Project.create(tmp_path / "kitchen", database=postgresql.url()) as first:
        mine(first.store)
        with Project.open(tmp_path / "kitchen") as second:
            ada, grace = Desk(qtbot, first, ME), Desk(qtbot, second, OTHER)
            seen: dict[str, set[str]] = {ME: set(), OTHER: set()}
            for _turn in range(5):
                for desk, name in ((ada, ME), (grace, OTHER)):
                    seen[name].add(desk.decide("accept", reviewer=name))
            assert not seen[ME] & seen[OTHER] and len(seen[ME] | seen[OTHER]) == 10
            ada.presenter.others.look()
            ada.settle()
            assert not set(ada.model.uids()) & seen[OTHER]
            assert grace.presenter.leases.held()
            grace.close()
            ada.presenter.others.look()
            ada.settle()
            assert set(first.store.leases().values()) <= {ME}
            ada.close()
            assert first.store.leases() == {}


# -- parts -------------------------------------------------------------------------------------------------------------


def test_each_chip_takes_its_own_part_out_of_the_filter() -> None:
    whole = QueueFilter(text="soup", classes=("egg", "leek"), videos=("v1",), probability=(0.2, 0.9), verdict="unsure")
    parts = parts_of(whole, {"v1": "Soup of the day"})
    assert [part.text for part in parts] == ["egg", "leek", "Soup of the day", "detector 0.20–0.90", "unsure"]
    assert parts[1].without == replace(whole, classes=("egg",))
    assert parts[3].without == replace(whole, probability=None)


def test_typing_offers_what_begins_so_before_what_contains_it() -> None:
    options = [Option(name, name, count) for name, count in (("red onion", 90), ("onion", 3), ("on the cob", 5))]
    assert [option.text for option in offered(options, "on", [])] == ["on the cob", "onion", "red onion"]
    assert [option.text for option in offered(options, "on", ["onion"])] == ["on the cob", "red onion"]
    assert [option.text for option in offered(options, "oni red", [])] == ["red onion"]


def test_the_whole_range_is_no_filter_and_a_handle_never_passes_the_other(qtbot: QtBot, qapp: QApplication) -> None:
    field = RangeField("Similarity", (-3.217, 12.504))
    qtbot.addWidget(field)
    field.show()
    assert field.range() is None
    field.high.setFocus()
    field.high.selectAll()
    QTest.keyClicks(field.high, "1")
    QTest.keyClick(field.high, Qt.Key.Key_Return)
    assert field.range() == (-3.22, 1.0)
    field.low.setFocus()
    field.low.selectAll()
    QTest.keyClicks(field.low, "4,5")
    QTest.keyClick(field.low, Qt.Key.Key_Return)
    assert field.range() == (4.5, 4.5)
    QTest.keyClicks(field.low, "no number")
    QTest.keyClick(field.low, Qt.Key.Key_Return)
    assert field.range() == (4.5, 4.5)


def test_pictures_take_no_more_memory_than_they_may(qapp: QApplication) -> None:
    model = QueueModel(thumbnail_bytes=10 * 64 * 64 * 4)
    model.set_uids([str(number) for number in range(40)])
    for number in range(40):
        model.set_thumbnail(str(number), QImage(64, 64, QImage.Format.Format_ARGB32))
        assert model.thumbnail_bytes() <= 10 * 64 * 64 * 4


def test_a_few_changes_of_others_leave_the_list_where_it_was_scrolled_to(desk: Desk) -> None:
    uids = [f"{number:06d}" for number in range(200)]
    queue, view = desk.presenter, desk.panel.list
    queue.model.set_uids(uids)
    queue.set_current(uids[0])
    view.scrollTo(queue.model.index(150), view.ScrollHint.PositionAtTop)
    before = view.verticalScrollBar().value()
    assert before > 0
    change = QueueChange(QueueMarker(), queue.counts, leaving=[uids[190]])
    queue.take_others_work(change)
    assert view.verticalScrollBar().value() == before and queue.model.row_of(uids[191]) == 190
    queue.take_others_work(replace(change, leaving=uids[100:140]))
    assert queue.model.rowCount() == 159 and view.currentIndex().row() == 0
