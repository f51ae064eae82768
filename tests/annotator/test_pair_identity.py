"""Mining again: pairs keep their identity (video, time, label), so that no verdict is dropped or moved to another label."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from project_maker import decide, fill_store, make_pair, make_video_record

from annotator.store import Store, open_store
from davenet.pairs import Pair, WeakLabel


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path)
    opened.add_videos([make_video_record(0)])
    yield opened
    opened.close()


def pair_about(*foods: str, time_s: float = 4.0) -> Pair:
    labels = tuple(WeakLabel(food, 0.9 - rank / 10, rank, food, 3.0, 3.4, 0.8) for rank, food in enumerate(foods, 1))
    return replace(make_pair("video-0", time_s), labels=labels)


def active(store: Store) -> list[tuple[str, tuple[str, ...]]]:
    return [(pair.uid, tuple(label.class_name for label in pair.labels)) for pair in store.queue(reviewer="ann")]


def test_without_verdicts_a_frame_found_again_keeps_its_uid_and_gets_the_new_labels(store: Store) -> None:
    first = pair_about("onion")
    store.put_pairs([first], {})
    changes = store.put_pairs([pair_about("leek", "onion")], {})
    assert active(store) == [(first.uid, ("leek", "onion"))]
    assert (changes.new, changes.again, changes.gone) == (0, 1, 0)


def test_the_label_that_was_decided_stays_the_one_asked_about_while_it_is_found(store: Store) -> None:
    first = pair_about("onion")
    store.put_pairs([first], {})
    decide(store, [first])
    store.put_pairs([pair_about("leek", "onion")], {})
    record = store.pair(first.uid, reviewer="ann")
    assert (record.active, record.decision) == (True, "accept")
    assert [(label.class_name, label.rank) for label in record.labels] == [("onion", 2), ("leek", 1)]
    assert active(store) == []  # one pair a frame: nothing else waits there


def test_a_decided_label_that_is_gone_keeps_its_pair_and_the_new_label_gets_its_own(store: Store) -> None:
    first = pair_about("onion")
    store.put_pairs([first], {})
    decide(store, [first])
    changes = store.put_pairs([pair_about("leek")], {})
    old = store.pair(first.uid, reviewer="ann")
    assert (old.active, old.decision, old.labels) == (False, "accept", first.labels)
    [(uid, foods)] = active(store)
    assert uid != first.uid
    assert foods == ("leek",)
    assert (changes.new, changes.again, changes.gone, changes.gone_decided) == (1, 0, 1, 1)
    decide(store, store.queue(reviewer="ann"), "reject")  # type: ignore[arg-type]
    store.put_pairs([pair_about("onion")], {})  # as at first
    assert store.pair(first.uid, reviewer="ann").active
    assert not store.pair(uid).active
    assert [verdict.decision for verdict in store.verdicts()] == ["accept", "reject"]
    store.put_pairs([pair_about("leek")], {})
    assert store.pair(uid, reviewer="ann").decision == "reject"


def test_a_match_that_was_decided_is_not_taken_for_the_mined_pair_of_its_frame_and_label(store: Store) -> None:
    pairs = [make_pair("video-0", float(t)) for t in range(3)]
    store.put_pairs(pairs, {})
    match = replace(pairs[1], uid="match", sound_offset_s=12.345)
    store.add_pair(match)
    decide(store, [match], "accept")
    store.put_pairs(pairs, {})
    assert store.pair("match").sound_offset_s == 12.345 and not store.pair("match").active
    assert store.pair(pairs[1].uid).active and store.pair(pairs[1].uid).state == "pending"


def test_pairs_of_a_video_that_was_not_mined_this_time_stay_as_they_were(store: Store) -> None:
    others = fill_store(store, ["train", "test"])
    changes = store.put_pairs([], {}, videos=["video-0"])
    assert {pair.video_uid for pair in store.queue(reviewer="ann")} == {"video-1"}
    assert changes.gone == len(others)  # five food and five non-food pairs of one video


FOODS = ("onion", "leek", "egg")
mining = st.dictionaries(
    st.sampled_from([1.0, 2.0]), st.lists(st.sampled_from(FOODS), min_size=1, max_size=3, unique=True)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(mining, st.lists(st.sampled_from(["accept", "reject", "skip", "undo"]), max_size=3))))
def test_no_verdict_is_ever_dropped_or_moved_to_another_label(
    tmp_path_factory: pytest.TempPathFactory, minings: list[tuple[dict[float, list[str]], list[str]]]
) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    store.add_videos([make_video_record(0)])
    for found, actions in minings:
        store.put_pairs([pair_about(*foods, time_s=time_s) for time_s, foods in found.items()], {})
        mined = {pair.time_s: {label.class_name for label in pair.labels} for pair in store.food_pairs()}
        assert mined == {time_s: set(foods) for time_s, foods in found.items()}  # one pair a frame, with all labels
        assert len(store.food_pairs()) == len(found)
        for action in actions:
            waiting = store.queue(reviewer="ann")
            if action == "undo":
                store.undo("ann")
            elif waiting:
                decide(store, waiting[:1], action)  # type: ignore[arg-type]
        before = store.verdicts()
        store.put_pairs([], {})
        assert store.verdicts() == before
        for verdict in before:
            label = store.pair(verdict.pair_uid).label
            assert label is not None
            assert label.class_name == verdict.label
    store.close()
