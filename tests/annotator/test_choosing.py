"""The loop's next queue: from what a model made of the pairs, and the verdicts since, to a selection with its reasons."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from gallery_maker import gallery

from annotator import verbs
from annotator.commands.models import look_for_misses
from annotator.project import Project
from annotator.selections import forget_selection, keep_selection, read_reasons, read_selections, reason_of
from annotator.store.records import RunRecord
from davenet.errors import UserError
from davenet.files import content_hash
from davenet.pairs import Pair, write_pairs
from davenet.retrieval_file import write_retrieval
from davenet.retrieved_pairs import RetrievedPair
from davenet.training.dataset import Segmenting
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


@pytest.fixture
def missed(project: tuple[Project, list[Pair]]) -> tuple[Project, list[Pair]]:
    """The same with a checkpoint that looked at all pairs: the frame at 0 s missed, and found the sound at 3 s of its food."""
    opened, pairs = project
    checkpoint = opened.run_dir(RUN) / "checkpoints" / "best.safetensors"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"weights")
    opened.store.update_run(RUN, result={"best_checkpoint": f"runs/{RUN}/checkpoints/best.safetensors"})
    found = gallery(len(pairs), found={0: [3]})
    own = [
        RetrievedPair(p.uid, p.video_uid, p.time_s, p.time_s, 2.0, p.labels[0].class_name, p.labels[0].word)
        for p in pairs
    ]
    found.arrays.audio_ranks_N[0] = 11
    found = replace(found, pairs=tuple(own), checkpoint_hash=content_hash(checkpoint))
    folder = opened.run_dir(RUN) / "retrieval"
    folder.mkdir()
    write_retrieval(folder / "g.safetensors", found)
    return opened, pairs


def test_a_miss_that_looks_right_is_asked_for_as_a_pair_of_its_own_without_a_verdict(
    missed: tuple[Project, list[Pair]],
) -> None:
    opened, pairs = missed
    before = {pair.uid for pair in opened.store.food_pairs()}
    name, found = verbs.choose_next(opened, RUN, kinds=["likely true match"])
    assert name == "Likely true matches by run 001-small"
    (choice,) = found
    assert choice.uid not in before and "missed the frame's own sound" in reason_of(opened.store, choice.uid)
    (made,) = opened.store.pairs([choice.uid], reviewer="ann")
    assert (made.video_uid, made.time_s, made.sound_offset_s) == (pairs[0].video_uid, 0.0, 3.7)  # the word's middle
    for segmenting in (Segmenting(1.2, "word"), Segmenting(1.2, "frame")):
        assert segmenting.of(made.to_pair())[0] == 3.7
    assert made.label is not None and made.label.class_name == pairs[3].labels[0].class_name == "onion"
    assert made.active and made.decision is None and not opened.store.verdicts()
    assert {pair.uid for pair in opened.store.food_pairs()} == before  # it is asked about, and nothing else
    verbs.choose_next(opened, RUN, kinds=["likely true match"])  # again: the same question
    assert [one.uid for one in opened.store.pairs_of_video(pairs[0].video_uid)].count(choice.uid) == 1


def test_a_match_counts_as_a_pair_once_it_is_accepted_and_is_not_asked_for_again(
    missed: tuple[Project, list[Pair]],
) -> None:
    opened, _ = missed
    (choice,) = verbs.choose_next(opened, RUN, kinds=["likely true match"])[1]
    opened.store.give_verdict(choice.uid, "reject", reviewer="ann", seconds=1.0, window_s=2.0)
    assert choice.uid not in {pair.uid for pair in opened.store.food_pairs()}
    opened.store.give_verdict(choice.uid, "accept", reviewer="ann", seconds=1.0, window_s=2.0)
    assert choice.uid in {pair.uid for pair in opened.store.food_pairs()}
    assert choice.uid in {pair.uid for pair in opened.store.accepted_pairs()}
    with pytest.raises(UserError, match="No pair is left"):
        verbs.choose_next(opened, RUN, kinds=["likely true match"])


def test_matches_take_turns_with_the_other_kinds_and_leave_their_order_alone(
    missed: tuple[Project, list[Pair]],
) -> None:
    opened, _ = missed
    alone = [choice.uid for choice in verbs.choose_next(opened, RUN)[1]]
    both = verbs.choose_next(opened, RUN, kinds=["likely false accept", "likely true match"])[1]
    assert [choice.kind for choice in both[:3]] == ["likely false accept", "likely true match", "likely false accept"]
    assert [choice.uid for choice in both if choice.kind == "likely false accept"] == alone


def test_a_look_by_weights_that_were_trained_on_since_or_that_is_damaged_gives_no_match(
    missed: tuple[Project, list[Pair]],
) -> None:
    opened, pairs = missed
    path = opened.run_dir(RUN) / "retrieval" / "g.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(UserError, match="No pair is left"):
        verbs.choose_next(opened, RUN, kinds=["likely true match"])
    path.write_bytes(whole)
    assert verbs.plan_misses(opened, RUN) is None  # it has looked
    opened.checkpoint_path(RUN).write_bytes(b"other weights")
    with pytest.raises(UserError, match="No pair is left"):
        verbs.choose_next(opened, RUN, kinds=["likely true match"])
    assert verbs.plan_misses(opened, RUN) is None  # a run that keeps no gallery of its own
    write_pairs(opened.run_dir(RUN) / "validation.pairs.jsonl", pairs)
    spec = verbs.plan_misses(opened, RUN)
    assert spec is not None and spec.gallery == "validation"


def test_a_checkpoint_that_cannot_look_for_misses_is_a_warning_where_other_kinds_are_asked_for(
    missed: tuple[Project, list[Pair]], capsys: pytest.CaptureFixture[str]
) -> None:
    opened, pairs = missed
    (opened.run_dir(RUN) / "retrieval" / "g.safetensors").unlink()  # it has to look again, and is no checkpoint
    write_pairs(opened.run_dir(RUN) / "validation.pairs.jsonl", pairs)
    look_for_misses(opened, RUN, device="cpu", is_all_that_is_asked_for=False)
    assert "! No likely true matches are asked for: " in capsys.readouterr().err
    found = verbs.choose_next(opened, RUN, kinds=["likely false accept", "likely true match"])[1]
    assert {choice.kind for choice in found} == {"likely false accept"}
    with pytest.raises(UserError, match=r"best\.safetensors"):
        look_for_misses(opened, RUN, device="cpu", is_all_that_is_asked_for=True)
