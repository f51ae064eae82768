"""From a run to the next review queue with one key: a real look of a real model, a selection with reasons in Review."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from annotator import verbs
from annotator.app import build_window
from annotator.demo.project import CHECKPOINT, prepare
from annotator.project import Project
from annotator.selections import read_selections, reason_of
from annotator.store.records import RunRecord
from annotator.wiring import Wiring
from davenet.pairs import write_pairs

LONG_MS = 120_000
RUN = "001-small"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("next") / "demo"
    prepare(folder, lambda _text: None)
    with Project.open(folder) as project:
        result = {"best_checkpoint": f"runs/{RUN}/checkpoints/best.safetensors"}
        project.store.add_run(RunRecord(RUN, "small", "finished", result=result))
        checkpoints = project.run_dir(RUN) / "checkpoints"
        checkpoints.mkdir(parents=True)
        shutil.copyfile(CHECKPOINT, checkpoints / "best.safetensors")
        mined = [pair.to_pair() for pair in project.store.food_pairs()]
        write_pairs(project.run_dir(RUN) / "validation.pairs.jsonl", mined)
        project.store.set_setting("proxies", False)
        project.store.set_setting("reviewer", "ann")
    return folder


@pytest.fixture
def wiring(qtbot: QtBot, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    window = build_window(demo)
    window.show()
    wiring: Wiring = window.wiring  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: wiring.open is not None, timeout=LONG_MS)
    assert wiring.open is not None
    wiring.open.review.options.autoplay = False
    yield wiring
    window.close_question = lambda: ""
    window.close()
    window.deleteLater()
    QApplication.processEvents()


def test_one_key_in_runs_asks_for_the_most_doubtful_pairs_in_review(wiring: Wiring, qtbot: QtBot) -> None:
    opened = wiring.open
    assert opened is not None
    wiring.window.open_workspace("Runs")
    runs = wiring.window.workspace("Runs")
    assert runs is not None
    qtbot.waitUntil(lambda: runs.details.run_id() == RUN and runs.details.can("next_queue"), timeout=LONG_MS)  # type: ignore[attr-defined]
    runs.setFocus()
    QTest.keyClick(runs, Qt.Key.Key_Q)
    qtbot.waitUntil(lambda: wiring.window.current_workspace() == "Review", timeout=LONG_MS)
    review = opened.review
    kept = read_selections(opened.project.store)
    (name,) = kept
    assert name == "Doubtful pairs by run 001-small" and len(kept[name]) == 200
    qtbot.waitUntil(lambda: review.current is not None and review.current.uid == kept[name][0], timeout=LONG_MS)
    assert review.workspace.model.rowCount() == 200
    reason = reason_of(opened.project.store, kept[name][0])
    shown = lambda: review.workspace.question._chosen  # noqa: E731
    qtbot.waitUntil(lambda: shown().text() == f"Asked because {reason}." and shown().isVisible(), timeout=LONG_MS)


def test_the_queue_holds_misses_of_the_runs_gallery_that_look_right_beside_the_doubtful_pairs(wiring: Wiring) -> None:
    opened = wiring.open
    assert opened is not None
    store = opened.project.store
    (kept,) = read_selections(store).values()
    mined = {pair.uid for pair in store.food_pairs()}
    matches = [uid for uid in kept if uid not in mined]
    assert kept[2] == matches[0]  # the three kinds take turns
    for pair in store.pairs(matches, reviewer="ann"):
        assert "the run missed the" in reason_of(store, pair.uid) and pair.sound_offset_s != 0
        assert pair.label is not None and f"“{pair.label.word}” names what" in reason_of(store, pair.uid)
        assert pair.decision is None
    looks = [one.gallery for one in verbs.looked_at(opened.project, RUN)]
    assert looks == ["validation"]


def test_a_blind_reviewer_reads_the_reason_only_after_the_verdict(wiring: Wiring, qtbot: QtBot) -> None:
    opened = wiring.open
    assert opened is not None
    review = opened.review
    wiring.window.open_workspace("Review")
    (name,) = read_selections(opened.project.store)
    review.set_blind(True)
    review.list_selection(name, 200)
    uid = read_selections(opened.project.store)[name][0]
    qtbot.waitUntil(lambda: review.current is not None and review.current.uid == uid, timeout=LONG_MS)
    qtbot.wait(300)
    assert not review.workspace.question._chosen.isVisible()
    QTest.keyClick(review.workspace, Qt.Key.Key_A)
    qtbot.waitUntil(review.workspace.question._chosen.isVisible, timeout=LONG_MS)
