"""Dataset versions on a real database: who accepted what, what is frozen, what changed, and which split leaks."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotator import datasets, verbs
from annotator.datasets import Selection
from annotator.project import Project
from davenet.errors import UserError
from davenet.pairs import Pair, read_pairs
from tests.annotator.project_maker import decide, make_pair, make_project, make_video_record


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[tuple[Project, list[Pair]]]:
    project, pairs = make_project(tmp_path / "kitchen", ["train", "train", "validation"], pairs_each=6)
    yield project, pairs
    project.close()


def _uids(dataset: datasets.DatasetVersion, split: str = "train", why: str = "accepted") -> set[str]:
    return {each.pair.uid for each in datasets.read(dataset) if each.split == split and each.why == why}


def test_a_version_holds_what_was_accepted_by_split_and_never_changes(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs)
    first = datasets.freeze(project, Selection())
    content = first.path.read_bytes()
    assert (first.id, first.parent) == (1, None)
    assert _uids(first) == {pair.uid for pair in pairs if pair.video_uid != "video-2"}
    assert _uids(first, "validation") == {pair.uid for pair in pairs if pair.video_uid == "video-2"}
    assert first.counts["train_non_food"] == 12
    assert datasets.freeze(project, Selection()) == first  # nothing has changed since
    decide(project.store, pairs[:2], "reject")
    second = datasets.freeze(project, Selection())
    assert (second.id, second.parent) == (2, 1)
    assert second.hash != first.hash
    assert first.path.read_bytes() == content
    found = datasets.changes(first, second)
    assert set(found.removed) >= {pairs[0].uid, pairs[1].uid}
    assert not found.added
    assert datasets.verdicts_since(project, second) == 2
    assert [each.id for each in datasets.versions(project)] == [2, 1]
    assert datasets.version(project, "latest") == second


def test_a_file_that_was_changed_since_is_refused(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs)
    frozen = datasets.freeze(project, Selection())
    frozen.path.write_text(frozen.path.read_text("utf-8").replace("onion", "bacon", 1), "utf-8")
    with pytest.raises(UserError, match=r"1\.jsonl was changed since it was frozen"):
        verbs.plan_train(project, "small", dataset=1)
    assert not project.store.runs()
    frozen.path.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        datasets.read(frozen)


def test_it_is_chosen_whose_verdicts_count(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs, reviewer="ann")
    decide(project.store, pairs[:2], "reject", reviewer="ben")
    decide(project.store, pairs[2:9], reviewer="ben")
    validation = [pair for pair in pairs if pair.video_uid == "video-2"]
    decide(project.store, validation, reviewer="ben")
    train = {pair.uid for pair in pairs if pair.video_uid != "video-2"}
    everyone = datasets.freeze(project, Selection("everyone"))
    assert _uids(everyone) == train - {pairs[0].uid, pairs[1].uid}
    of_ben = datasets.freeze(project, Selection("these", ("ben",)))
    assert _uids(of_ben) == {pair.uid for pair in pairs[2:9]}
    of_ann = datasets.freeze(project, Selection("these", ("ann",)))
    assert _uids(of_ann) == train
    with pytest.raises(UserError, match="at least one reviewer"):
        datasets.freeze(project, Selection("these"))


def test_pairs_that_nobody_judged_may_train_and_never_validate(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    accepted = [*pairs[:3], *pairs[12:15]]  # of the first and of the validation video
    decide(project.store, accepted)
    decide(project.store, pairs[3:4], "reject")
    verified = datasets.freeze(project, Selection())
    assert verified.counts["train_unjudged"] == 0
    weak = datasets.freeze(project, Selection(unjudged=True))
    assert _uids(weak, why="unjudged") == {pair.uid for pair in pairs[4:12]}  # neither the rejected nor validation's
    assert _uids(weak, "validation") == {pair.uid for pair in pairs[12:15]}
    assert not _uids(weak, "validation", "unjudged")


def test_labels_and_sound_offsets_of_verdicts_are_applied(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs)
    project.store.give_verdict(
        pairs[0].uid, "accept", reviewer="ann", seconds=1.0, window_s=2.0, label="shallot", offset_s=0.25
    )
    as_people_say = {each.pair.uid: each.pair for each in datasets.read(datasets.freeze(project, Selection()))}
    assert as_people_say[pairs[0].uid].labels[0].class_name == "shallot"
    assert as_people_say[pairs[0].uid].sound_offset_s == 0.25
    assert as_people_say[pairs[1].uid].labels == pairs[1].labels
    old, new = datasets.freeze(project, Selection(corrections=False)), datasets.version(project, 1)
    assert datasets.changes(old, new).relabelled == (pairs[0].uid,)
    assert datasets.changes(old, new).nudged == (pairs[0].uid,)
    assert datasets.changes(old, new).sentence() == "1 relabelled, 1 nudged"


def test_a_split_that_leaks_a_video_is_told(tmp_path: Path) -> None:
    with Project.create(tmp_path / "kitchen") as project:
        copy = replace(make_video_record(1, "validation"), source_hash="hash0000")
        project.store.add_videos([make_video_record(0), copy])
        pairs = [make_pair(f"video-{n}", float(t)) for n in (0, 1) for t in range(3)]
        project.store.put_pairs(pairs, {})
        decide(project.store, pairs)
        told = datasets.leak_warning(datasets.preview(project, Selection()))
        assert "video-0 (training) and video-1 (validation) are the same video" in told


def test_without_a_leak_there_is_no_warning(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs)
    assert not datasets.freeze(project, Selection()).warning


def test_a_run_learns_from_the_frozen_pairs_and_names_their_hash(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs)
    frozen = datasets.freeze(project, Selection())
    decide(project.store, pairs[:5], "reject")
    spec = verbs.plan_train(project, "small", dataset="latest")
    trained_on = {pair.uid for pair in read_pairs(spec.train_pairs)}
    assert trained_on == _uids(frozen) | _uids(frozen, why="non-food")
    record = project.store.run(spec.run_dir.name).config["pairs"]
    assert (record["dataset"], record["dataset_hash"]) == (1, frozen.hash)


def test_too_few_accepted_pairs_freeze_nothing(kitchen: tuple[Project, list[Pair]]) -> None:
    project, _ = kitchen
    with pytest.raises(UserError, match="no accepted pairs"):
        datasets.freeze(project, Selection(unjudged=True))
    assert not project.store.datasets()
    with pytest.raises(UserError, match="has no dataset 7"):
        datasets.version(project, 7)


def test_notes_tags_and_deletion_of_runs(kitchen: tuple[Project, list[Pair]]) -> None:
    project, pairs = kitchen
    decide(project.store, pairs)
    run = verbs.plan_train(project, "small").run_dir.name
    described = project.store.describe_run(run, notes="warmer start", tags=["kitchen", " kitchen ", ""])
    assert (described.notes, described.tags) == ("warmer start", ("kitchen",))
    with pytest.raises(UserError, match="is not deleted"):
        project.store.forget_run(run)
    project.store.describe_run(run, deleted=True)
    assert not project.store.runs()
    assert [each.id for each in project.store.runs(deleted=True)] == [run]
    assert project.run_dir(run).is_dir()
    project.store.describe_run(run, deleted=False)
    assert [each.id for each in project.store.runs()] == [run]
