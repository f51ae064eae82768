"""The loop's next queue: from what a model made of the pairs, and the verdicts since, to a selection with its reasons."""

import json
from pathlib import Path

import pytest

from annotator import verbs
from annotator.project import Project
from annotator.selections import forget_selection, keep_selection, read_reasons, read_selections, reason_of
from annotator.store.records import RunRecord
from davenet.errors import UserError
from davenet.pairs import Pair
from tests.annotator.project_maker import decide, make_project

RUN = "001-small"


@pytest.fixture
def project(tmp_path: Path) -> tuple[Project, list[Pair]]:
    project, pairs = make_project(tmp_path / "kitchen", ["train", "train"], pairs_each=5)
    project.store.add_run(RunRecord(RUN, "small", "finished"))
    folder = project.run_dir(RUN)
    folder.mkdir(parents=True)
    with open(folder / "evidence.jsonl", "w", encoding="utf-8") as out:
        for number, pair in enumerate(pairs):
            values = {
                "uid": pair.uid, "video_uid": pair.video_uid, "time_s": 10.0 * number, "class_name": "onion",
                "probability": 0.9, "word_confidence": 0.8, "sound_fits": number / 10, "frame_fits": 0.5,
                "rank": 1, "n": 10,
            }  # fmt: skip
            out.write(json.dumps(values) + "\n")
    yield project, pairs  # type: ignore[misc]
    project.close()


def test_the_most_doubtful_pairs_become_a_selection_with_their_reasons(project: tuple[Project, list[Pair]]) -> None:
    opened, pairs = project
    name, found = verbs.choose_next(opened, RUN, n=3)
    assert name == "Likely false accepts by run 001-small"
    assert [choice.uid for choice in found] == [pair.uid for pair in pairs[:3]]
    assert read_selections(opened.store)[name] == [pair.uid for pair in pairs[:3]]
    assert reason_of(opened.store, pairs[1].uid) == "the sound fits onion better than only 10 % of the other foods"
    assert reason_of(opened.store, pairs[5].uid) == ""


def test_asking_again_leaves_out_what_was_judged_meanwhile(project: tuple[Project, list[Pair]]) -> None:
    opened, pairs = project
    verbs.choose_next(opened, RUN, n=3)
    decide(opened.store, pairs[:2], "reject")
    decide(opened.store, pairs[2:3], "accept")
    name, found = verbs.choose_next(opened, RUN, n=3)
    assert [choice.uid for choice in found] == [pair.uid for pair in pairs[3:6]]
    assert read_selections(opened.store) == {name: [pair.uid for pair in pairs[3:6]]}


def test_rejected_pairs_that_all_speaks_for_can_be_asked_for_again(project: tuple[Project, list[Pair]]) -> None:
    opened, pairs = project
    decide(opened.store, pairs, "reject")
    name, found = verbs.choose_next(opened, RUN, n=2, kinds=["likely false reject"])
    assert name == "Likely false rejects by run 001-small"
    assert [choice.uid for choice in found] == [pairs[9].uid, pairs[8].uid]


def test_when_nothing_is_left_it_says_so(project: tuple[Project, list[Pair]]) -> None:
    opened, pairs = project
    decide(opened.store, pairs, "accept")
    with pytest.raises(UserError, match="No pair is left to ask for by run 001-small; mine more"):
        verbs.choose_next(opened, RUN)


def test_without_a_look_of_the_model_it_says_what_to_do(project: tuple[Project, list[Pair]]) -> None:
    opened, _ = project
    (opened.run_dir(RUN) / "evidence.jsonl").unlink()
    with pytest.raises(UserError, match=r"evidence\.jsonl does not exist yet; let the run's model look"):
        verbs.choose_next(opened, RUN)


@pytest.mark.parametrize("damage", [b"\x00\xff garbage\n", b'{"uid": 1}\n', b'{"uid": "a", "video', b"[]\n"])
def test_damaged_evidence_is_named_with_its_line(project: tuple[Project, list[Pair]], damage: bytes) -> None:
    opened, _ = project
    path = opened.run_dir(RUN) / "evidence.jsonl"
    path.write_bytes(path.read_bytes() + damage)
    with pytest.raises(UserError, match=r"evidence\.jsonl, line 11 is no evidence"):
        verbs.choose_next(opened, RUN)
    assert read_selections(opened.store) == {}


def test_a_selection_can_be_replaced_and_forgotten_with_its_reasons(project: tuple[Project, list[Pair]]) -> None:
    store = project[0].store
    keep_selection(store, "a", ["1", "2", "1"], {"1": "old"})
    keep_selection(store, "b", ["1"], {"1": "newer"})
    assert reason_of(store, "1") == "newer"
    keep_selection(store, "a", ["1"])
    assert read_reasons(store, "a") == {} and read_selections(store)["a"] == ["1"]
    forget_selection(store, "b")
    assert read_selections(store) == {"a": ["1"]} and reason_of(store, "1") == ""
