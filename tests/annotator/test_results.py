"""Runs beside one another: only on the same gallery, pair by pair, and never mixed in the paper's table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotator import datasets, results, verbs
from annotator.datasets import Selection
from annotator.project import Project
from annotator.store.records import RunRecord
from davenet.errors import UserError
from davenet.evaluation.rank_file import RankFile, ranks_path, read_ranks, write_ranks
from davenet.pairs import Pair
from tests.annotator.project_maker import decide, make_project


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[tuple[Project, list[Pair]]]:
    project, pairs = make_project(tmp_path / "kitchen", ["train", "train", "validation"], pairs_each=6)
    yield project, pairs
    project.close()


def _figures(gallery: str, audio: float = 0.4, size: int = 6) -> dict[str, Any]:
    return {"gallery_hash": gallery, "gallery_size": size, "audio_recall_at_10": audio, "visual_recall_at_10": audio}


def _run(name: str, preset: str = "small", **evaluations: dict[str, Any]) -> RunRecord:
    return RunRecord(name, preset, "finished", result={"best_checkpoint": "x", "evaluations": evaluations})


def _ranks(uids: tuple[str, ...], audio: list[int], visual: list[int], gallery: str = "g") -> RankFile:
    return RankFile(gallery, uids, np.array(audio), np.array(visual))


def test_the_difference_is_taken_pair_by_pair_whatever_their_order() -> None:
    before = _ranks(("a", "b", "c", "d"), [20, 20, 20, 1], [1, 20, 1, 1])
    after = _ranks(("d", "c", "b", "a"), [20, 1, 1, 1], [1, 1, 20, 1])
    found = results.difference(after, before)
    assert found.share.value == pytest.approx((0.5 + 0.5 + 0.5 - 0.5) / 4)
    assert set(found.moved_in) == {"a", "b", "c"}
    assert found.moved_out == ("d",)
    assert found.share.interval_95[0] <= found.share.value <= found.share.interval_95[1]


def test_ranks_of_different_galleries_are_never_subtracted() -> None:
    one = _ranks(("a", "b"), [1, 1], [1, 1])
    for other in (_ranks(("a", "b"), [1, 1], [1, 1], "other"), _ranks(("a", "c"), [1, 1], [1, 1])):
        with pytest.raises(UserError, match="different galleries"):
            results.difference(one, other)


def test_ranks_come_back_from_their_file_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    path = ranks_path(tmp_path / "evaluation.validation.json")
    assert path.name == "evaluation.validation.ranks.json"
    with pytest.raises(UserError, match="evaluate the run again"):
        read_ranks(path)
    write_ranks(path, _ranks(("a", "b"), [1, 30], [2, 3]))
    assert read_ranks(path).audio_B.tolist() == [1, 30]
    path.write_text(path.read_text().replace("[1, 30]", "[1]"))
    with pytest.raises(UserError, match="no file of ranks"):
        read_ranks(path)


def test_table_3_is_filled_from_the_runs_and_says_which_gallery_is_another() -> None:
    runs = [
        _run("004-weak-imagenet", "weak-imagenet", verified=_figures("other", 0.9)),
        _run("003-weak-random", "weak-random"),  # newer, but not measured
        _run("002-weak-random", "weak-random", verified=_figures("shared", 0.2)),
        _run("001-weak-unsupervised", "weak-unsupervised", verified=_figures("shared", 0.3)),
    ]
    rows, shared = results.table3(runs)
    by_row = {row.cell.row: row for row in rows}
    assert shared == "shared"
    assert (by_row["unsupervised"].run, by_row["unsupervised"].result) == (None, None)
    assert by_row["weak-random"].run is runs[2]
    assert "does not compare" in by_row["weak-imagenet"].note
    assert by_row["weak-unsupervised"].note == "6 pairs, the paper's had 845"
    assert [100 * by_row["weak-imagenet"].cell.audio, 100 * by_row["weak-imagenet"].cell.visual] == [39.1, 38.1]


def test_only_what_was_asked_differently_is_listed() -> None:
    one = RunRecord("1", "small", "finished", {"values": {"epochs": 3}})
    other = RunRecord("2", "small", "finished", {"values": {"epochs": 4}})
    assert results.differing_values([one, other]) == [("epochs", ("3", "4"))]
    assert results.differing_values([one, one]) == []


def test_a_result_edited_by_hand_is_left_out_and_the_others_stay() -> None:
    run = _run("1", validation={"gallery_size": "many"}, verified=_figures("shared"))
    assert [result.gallery for result in results.results_of(run)] == ["verified"]


def test_what_verdicts_bought_is_measured_on_the_gallery_of_before_them(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, [*pairs[:6], *pairs[12:]])
    before = _trained(project, datasets.freeze(project, Selection()).id)
    decide(project.store, pairs[6:9])
    decide(project.store, pairs[9:11], "reject")
    after = _trained(project, datasets.freeze(project, Selection()).id)
    found = results.bought(project, after, project.store.runs())
    assert found is not None
    assert (found.before.id, found.dataset, found.n_verdicts) == (before.id, 2, 5)
    assert found.missing == ((before.id, "validation"), (after.id, f"of {before.id}"))
    uids = tuple(pair.uid for pair in pairs[12:])
    for run, gallery, ranks in (
        (before, "validation", [1, 20, 1, 1, 20, 20]),
        (after, found.gallery, [1, 1, 1, 20, 1, 20]),
    ):
        path = ranks_path(results.evaluation_path(project, run.id, gallery))
        write_ranks(path, _ranks(uids, ranks, ranks))
    told = results.bought(project, after, project.store.runs())
    assert told is not None
    assert told.difference is not None
    assert told.difference.share.value == pytest.approx(1 / 6)
    assert told.difference.moved_out == (uids[3],)
    assert results.bought(project, before, project.store.runs()) is None


def _trained(project: Project, dataset: int) -> RunRecord:
    run_dir = verbs.plan_train(project, "small", dataset=dataset).run_dir
    return project.store.update_run(run_dir.name, state="finished", result={"best_checkpoint": "best.safetensors"})


def test_an_evaluation_counts_before_what_was_measured_while_it_trained() -> None:
    figures = {"gallery_hash": "g", "gallery_size": 40, "audio_recall_at_10": 0.5, "visual_recall_at_10": 0.5}
    better = {**figures, "audio_recall_at_10": 0.75}
    run = RunRecord("2", "small", "finished", result={**figures, "evaluations": {"of 1": better}})
    found = results.result_on(run, "g")
    assert found is not None
    assert (found.gallery, found.audio) == ("of 1", 0.75)
    alone = results.result_on(RunRecord("1", "small", "finished", result=figures), "g")
    assert alone is not None and alone.gallery == "validation"
    assert results.result_on(run, "another") is None
