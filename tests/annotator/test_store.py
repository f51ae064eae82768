"""What the store promises: verdicts that are never lost or changed, undo as history, queues that stay right."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project_maker import decide, fill_store, make_pair, make_video_record

from annotator.store import Store, open_store
from annotator.store.records import RunRecord
from annotator.store.videos import SPLIT_SHARES, split_of
from davenet.errors import UserError
from davenet.pairs import Pair


@pytest.fixture
def store(tmp_path: Path, every_database: str) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def pairs(store: Store) -> list[Pair]:
    return fill_store(store, ["train", "validation"])


def test_the_queue_begins_with_every_food_pair_in_the_mined_order(store: Store, pairs: list[Pair]) -> None:
    assert [record.uid for record in store.queue(reviewer="ann")] == [pair.uid for pair in pairs]
    assert [record.to_pair() for record in store.queue(reviewer="ann")] == pairs


def test_a_skipped_pair_comes_back_at_the_end_of_the_queue(store: Store, pairs: list[Pair]) -> None:
    decide(store, [pairs[1], pairs[0]], "skip")
    assert store.queue_uids(reviewer="ann") == [pair.uid for pair in [*pairs[2:], pairs[1], pairs[0]]]
    decide(store, [pairs[1]], "skip")  # skipped again: now behind the other
    assert store.queue_uids(reviewer="ann")[-2:] == [pairs[0].uid, pairs[1].uid]


def test_counts_add_up_and_are_each_reviewers_own(store: Store, pairs: list[Pair]) -> None:
    for pair, decision in zip(pairs, ("accept", "reject", "unsure", "skip", "accept"), strict=False):
        decide(store, [pair], decision)  # type: ignore[arg-type]
    counts = store.counts("ann")
    assert (counts.pending, counts.skipped, counts.accepted, counts.rejected, counts.unsure) == (5, 1, 2, 1, 1)
    assert counts.total == len(pairs)
    assert counts.done == 4
    assert store.counts("ben").pending == len(pairs) - 4  # ann skipped one of her five: it waits for ben
    assert (store.counts("ben").skipped, store.counts("ben").done) == (0, 0)


def test_the_newest_verdict_of_a_reviewer_on_a_pair_wins(store: Store, pairs: list[Pair]) -> None:
    decide(store, [pairs[0]], "accept")
    decide(store, [pairs[0]], "reject")
    assert store.pair(pairs[0].uid, reviewer="ann").decision == "reject"
    assert [verdict.decision for verdict in store.history(pairs[0].uid)] == ["accept", "reject"]
    assert store.accepted_pairs() == []


def test_undo_and_redo_go_back_and_forth_through_the_verdicts(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:3])
    assert [store.undo("ann") for _ in range(4)] == [pairs[2].uid, pairs[1].uid, pairs[0].uid, None]
    assert [store.redo("ann") for _ in range(4)] == [pairs[0].uid, pairs[1].uid, pairs[2].uid, None]
    assert store.counts("ann").accepted == 3


def test_undo_brings_back_the_verdict_before(store: Store, pairs: list[Pair]) -> None:
    decide(store, [pairs[0]], "accept")
    decide(store, [pairs[0]], "reject")
    store.undo("ann")
    assert store.pair(pairs[0].uid, reviewer="ann").decision == "accept"


def test_undo_survives_a_restart(tmp_path: Path) -> None:
    with_verdicts = open_store(tmp_path)
    pairs = fill_store(with_verdicts, ["train"])
    decide(with_verdicts, pairs[:2])
    with_verdicts.undo("ann")
    with_verdicts.close()
    again = open_store(tmp_path)
    assert again.undo("ann") == pairs[0].uid
    assert again.redo("ann") == pairs[0].uid
    assert again.redo("ann") == pairs[1].uid
    again.close()


def test_a_new_verdict_ends_the_chance_to_redo(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:2])
    store.undo("ann")
    decide(store, [pairs[3]])
    assert store.redo("ann") is None


def test_undo_touches_no_other_reviewers_verdicts(store: Store, pairs: list[Pair]) -> None:
    decide(store, [pairs[0]], reviewer="ann")
    decide(store, [pairs[1]], reviewer="ben")
    assert store.undo("ann") == pairs[0].uid
    assert store.counts("ben").accepted == 1


def test_history_is_only_ever_appended(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:3])
    before = store.history()
    store.undo("ann")
    store.redo("ann")
    decide(store, [pairs[0]], "reject")
    assert store.history()[:3] == before
    assert [entry.decision for entry in store.history()[3:]] == ["withdrawn", "restored", "reject"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    actions=st.lists(
        st.one_of(
            st.tuples(
                st.sampled_from(["accept", "reject", "unsure", "skip"]), st.integers(0, 3), st.sampled_from("ab")
            ),
            st.tuples(st.sampled_from(["undo", "redo"]), st.just(0), st.sampled_from("ab")),
        ),
        max_size=14,
    )
)
def test_any_way_through_verdicts_undo_and_redo_agrees_with_two_stacks(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int, str]]
) -> None:
    store = open_store(tmp_path_factory.mktemp("stacks"))
    pairs = fill_store(store, ["train"], pairs_each=4)
    done: dict[str, list[tuple[str, str]]] = {"a": [], "b": []}
    undone: dict[str, list[tuple[str, str]]] = {"a": [], "b": []}
    for action, place, reviewer in actions:
        if action == "undo":
            expected = done[reviewer].pop() if done[reviewer] else None
            undone[reviewer].extend([expected] if expected else [])
            assert store.undo(reviewer) == (expected[0] if expected else None)
        elif action == "redo":
            expected = undone[reviewer].pop() if undone[reviewer] else None
            done[reviewer].extend([expected] if expected else [])
            assert store.redo(reviewer) == (expected[0] if expected else None)
        else:
            decide(store, [pairs[place]], action, reviewer=reviewer)  # type: ignore[arg-type]
            done[reviewer].append((pairs[place].uid, action))
            undone[reviewer].clear()
    for reviewer, given_verdicts in done.items():
        standing = {record.uid: record.decision for record in store.queue("all", reviewer=reviewer)}
        assert standing == {pair.uid: None for pair in pairs} | dict(given_verdicts)
        assert [verdict.pair_uid for verdict in store.last_verdicts(reviewer, 50)] == [
            uid for uid, _ in reversed(given_verdicts)
        ]
    store.close()


def test_pairs_that_mining_no_longer_finds_are_kept_with_their_verdicts(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:2])
    decide(store, [pairs[2]], "skip")
    store.put_pairs(pairs[3:], {"food_threshold": 0.8})
    assert not store.pair(pairs[0].uid).active
    assert store.counts("ann").accepted == 2
    assert store.counts("ann").skipped == 0
    assert store.queue_uids(reviewer="ann") == [pair.uid for pair in pairs[3:]]
    store.put_pairs(pairs, {"food_threshold": 0.5})
    assert store.pair(pairs[0].uid, reviewer="ann").decision == "accept"
    assert store.pair(pairs[0].uid).active


def test_mining_one_video_leaves_the_pairs_of_the_others(store: Store, pairs: list[Pair]) -> None:
    store.put_pairs([], {}, videos=["video-0"])
    assert {record.video_uid for record in store.queue(reviewer="ann")} == {"video-1"}


def test_a_pair_of_an_unknown_video_changes_nothing(store: Store, pairs: list[Pair]) -> None:
    with pytest.raises(UserError, match="elsewhere"):
        store.put_pairs([make_pair("elsewhere", 1.0)], {})
    assert store.counts("ann").pending == len(pairs)


def test_accepted_pairs_are_those_whose_newest_verdict_of_anyone_accepts(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:2], "accept", reviewer="ann")
    decide(store, [pairs[0]], "reject", reviewer="ben")
    decide(store, [pairs[1]], "skip", reviewer="ben")
    assert [pair.uid for pair in store.accepted_pairs()] == [pairs[1].uid]
    assert [pair.uid for pair in store.accepted_pairs("train")] == [pairs[1].uid]
    assert store.accepted_pairs("validation") == []


def test_a_clock_set_back_does_not_let_an_older_verdict_stand(store: Store, pairs: list[Pair]) -> None:
    decide(store, [pairs[0]], "accept")
    [first] = store.verdicts()
    store.add_verdicts([replace(first, uid="late", decision="unsure", given_at=datetime.now(UTC) + timedelta(days=1))])
    assert store.pair(pairs[0].uid, reviewer="ann").decision == "unsure"
    decide(store, [pairs[0]], "reject")
    assert store.pair(pairs[0].uid, reviewer="ann").decision == "reject"


def test_verdicts_given_from_many_threads_at_once_are_all_kept(store: Store, pairs: list[Pair]) -> None:
    def give(reviewer: str) -> None:
        decide(store, pairs, random.Random(reviewer).choice(["accept", "reject"]), reviewer=reviewer)

    threads = [threading.Thread(target=give, args=(f"reviewer-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.verdicts()) == 4 * len(pairs)
    assert len({verdict.uid for verdict in store.history()}) == 4 * len(pairs)


def test_statistics_count_standing_verdicts_by_class_and_reviewer(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:3], "accept", reviewer="ann")  # onion, butter, egg
    decide(store, pairs[:2], "reject", reviewer="ben")
    decide(store, pairs[3:4], "skip", reviewer="ben")
    found = store.statistics()
    assert (found.overall.accepted, found.overall.rejected, found.overall.skipped) == (3, 2, 1)
    assert found.by_class["egg"].accepted_share == 1.0
    assert found.by_class["onion"].accepted_share == 0.5
    assert found.by_reviewer["ben"].rejected == 2
    assert (found.pairs_with_several_reviewers, found.pairs_in_disagreement) == (2, 2)
    assert (found.final.accepted, found.final.rejected, found.final.skipped) == (1, 2, 0)


def test_verdicts_need_a_pair_and_a_name(store: Store, pairs: list[Pair]) -> None:
    with pytest.raises(UserError, match="no pair nowhere"):
        store.give_verdict("nowhere", "accept", reviewer="ann", seconds=1, window_s=2)
    with pytest.raises(UserError, match="name"):
        store.give_verdict(pairs[0].uid, "accept", reviewer=" ", seconds=1, window_s=2)
    assert store.history() == []


def test_the_queue_can_be_ordered_by_the_detectors_confidence(store: Store) -> None:
    store.add_videos([make_video_record(0)])
    sure, unsure = make_pair("video-0", 1.0), make_pair("video-0", 2.0)
    unsure = replace(unsure, labels=(replace(unsure.labels[0], probability=0.2),))
    store.put_pairs([sure, unsure], {})
    assert store.queue_uids(reviewer="ann", order="uncertain") == [unsure.uid, sure.uid]
    assert store.queue_uids(reviewer="ann", order="confident") == [sure.uid, unsure.uid]


def test_splits_are_67_23_10_and_stay_with_their_video() -> None:
    found = [split_of(f"video-{n}") for n in range(5000)]
    for split, share in SPLIT_SHARES.items():
        assert abs(found.count(split) / len(found) - share) < 0.02
    assert split_of("video-7") == found[7]


def test_a_split_can_be_overridden(store: Store, pairs: list[Pair]) -> None:
    store.set_split("video-0", "test")
    assert store.video("video-0").split == "test"
    with pytest.raises(UserError):
        store.set_split("video-0", "training")  # type: ignore[arg-type]


def test_a_video_that_moved_keeps_its_pairs(store: Store, pairs: list[Pair]) -> None:
    moved = replace(make_video_record(0), path=Path("/elsewhere/a.mp4"))
    assert store.add_videos([moved]) == []
    assert store.video("video-0").path == Path("/elsewhere/a.mp4")
    assert len(store.pairs_of_video("video-0")) == 10


def test_problems_are_kept_until_they_are_solved(store: Store, pairs: list[Pair]) -> None:
    path = Path("/videos/video-0.mp4")
    store.record_problems("extract", [(path, "video-0", "It is cut off.")])
    store.record_problems("extract", [(path, "video-0", "It is cut off after 3 s.")])
    assert [problem.reason for problem in store.problems()] == ["It is cut off after 3 s."]
    store.record_problems("extract", [], solved=[path])
    assert store.problems() == []


def test_runs_and_settings_come_back_as_they_were(store: Store) -> None:
    run = store.add_run(RunRecord("001-small", "small", "planned", {"values": {"epochs": 3}}))
    assert store.run("001-small") == run
    ended = store.update_run("001-small", state="finished", result={"audio_recall_at_10": 0.4})
    assert ended.finished_at is not None
    assert ended.result == {"audio_recall_at_10": 0.4}
    with pytest.raises(UserError, match="already has a run"):
        store.add_run(run)
    store.set_setting("reviewer", "ann")
    assert store.setting("reviewer") == "ann"
    assert store.setting("nothing", 3) == 3
