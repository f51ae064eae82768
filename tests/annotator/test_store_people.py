"""Several people on one project: nobody is handed another's pair, second reviews, gold, conflicts and measured bias."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_maker import decide, fill_store

from annotator.store import Store, open_store
from annotator.store.identity import DRAW_MODULUS, seeded_draw
from annotator.store.records import ReviewSettings
from davenet.errors import UserError
from davenet.intervals import wilson_interval
from davenet.pairs import Pair


@pytest.fixture
def store(tmp_path: Path, every_database: str) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def pairs(store: Store) -> list[Pair]:
    return fill_store(store, ["train"] * 8, pairs_each=10)


def _pending(store: Store, reviewer: str) -> list[str]:
    found = store.queue_uids("pending", reviewer=reviewer)
    assert len(found) == store.counts(reviewer).pending
    return found


def test_a_pair_that_someone_decided_waits_for_nobody_else_unless_asked(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:5], reviewer="ann")
    decide(store, pairs[5:6], "skip", reviewer="ann")
    assert _pending(store, "ben") == [pair.uid for pair in pairs[5:]]
    store.undo("ann")  # the skip
    store.undo("ann")
    assert _pending(store, "ben") == [pair.uid for pair in pairs[4:]]


def test_a_chosen_share_waits_for_a_second_reviewer_and_for_no_third(store: Store, pairs: list[Pair]) -> None:
    store.set_review_settings(ReviewSettings(second_share=0.25, seed=7))
    decide(store, pairs, reviewer="ann")
    drawn = [pair.uid for pair in pairs if seeded_draw(pair.uid, 7, "second") < 0.25 * DRAW_MODULUS]
    assert 8 < len(drawn) < 32
    assert _pending(store, "ben") == drawn
    decide(store, [pair for pair in pairs if pair.uid == drawn[0]], "reject", reviewer="ben")
    assert _pending(store, "ben") == _pending(store, "eve") == drawn[1:]
    assert [verdict.purpose for verdict in store.history(drawn[0])] == ["first", "second"]
    store.set_review_settings(ReviewSettings(second_share=0.25, seed=8))
    assert _pending(store, "ben") != drawn[1:]


def test_conflicts_and_doubts_wait_for_an_adjudicator_whose_decision_is_final(store: Store, pairs: list[Pair]) -> None:
    split, doubted, agreed = pairs[:3]
    for reviewer, decision in (("ann", "accept"), ("ben", "reject")):
        store.give_verdict(split.uid, decision, reviewer=reviewer, seconds=1, window_s=2, comment=f"{reviewer} says")  # type: ignore[arg-type]
        decide(store, [agreed], reviewer=reviewer)
    decide(store, [doubted], "unsure")
    store.comment(split.uid, "ann", "look at the pan")
    assert store.queue_uids("adjudicate", reviewer="eve") == [split.uid, doubted.uid]
    assert store.counts("eve").adjudicate == 2
    first, second = store.conflicts()
    assert (first.pair_uid, first.differs, second.differs) == (split.uid, True, False)
    assert [verdict.comment for verdict in first.verdicts] == ["ann says", "ben says"]
    assert [remark.text for remark in first.remarks] == ["look at the pan"]
    assert store.final_verdicts()[split.uid].settled_by == "newest"
    store.adjudicate(split.uid, "accept", reviewer="ben")
    final = store.final_verdicts()[split.uid]
    assert (final.decision, final.settled_by, final.n_reviewers) == ("accept", "adjudication", 2)
    assert store.queue_uids("adjudicate", reviewer="eve") == [doubted.uid]
    assert store.pair(split.uid, reviewer="ben").decision == "reject"  # the adjudicator's own verdict stays
    assert split.uid in {pair.uid for pair in store.accepted_pairs()}
    store.undo("ben")
    assert store.queue_uids("adjudicate", reviewer="eve") == [split.uid, doubted.uid]


def test_most_reviewers_outvote_the_newest(store: Store, pairs: list[Pair]) -> None:
    for reviewer, decision in (("ann", "accept"), ("ben", "accept"), ("eve", "reject")):
        decide(store, pairs[:1], decision, reviewer=reviewer)  # type: ignore[arg-type]
    final = store.final_verdicts()[pairs[0].uid]
    assert (final.decision, final.settled_by) == ("accept", "agreement")


def test_gold_pairs_come_at_their_share_and_nobody_is_asked_their_own(store: Store, pairs: list[Pair]) -> None:
    golds = pairs[-8:]
    for pair in golds:
        store.set_gold(pair.uid, "accept", set_by="ann")
    decide(store, golds, reviewer="ann")
    store.set_review_settings(ReviewSettings(gold_share=0.2, seed=3))
    asked = _pending(store, "ben")
    places = [asked.index(pair.uid) for pair in golds]
    assert len(asked) == len(pairs)
    assert max(places) < 8 * 5 + 5
    assert len({places[at] - places[at - 1] for at in range(1, 8)}) > 1  # uneven, so that they cannot be guessed
    assert not set(_pending(store, "ann")) & {pair.uid for pair in golds}
    by_uid = {pair.uid: pair for pair in pairs}
    decide(store, [by_uid[uid] for uid in asked[:20]], reviewer="ben")
    assert _pending(store, "ben") == asked[20:]  # read again, each gold pair is where it was


def test_gold_scores_are_of_what_was_said_before_a_reveal(store: Store, pairs: list[Pair]) -> None:
    for pair in pairs[:3]:
        store.set_gold(pair.uid, "reject", set_by="ann")
    decide(store, pairs[:1], "reject", reviewer="ben")
    for decision, purpose in (("accept", "first"), ("reject", "revealed")):
        store.give_verdict(
            pairs[1].uid,
            decision,
            reviewer="ben",
            seconds=1,
            window_s=2,
            blind=purpose == "first",
            purpose=purpose,  # type: ignore[arg-type]
        )
    decide(store, pairs[:3], "accept", reviewer="ann")  # who set them, and is not scored
    [score] = store.gold_scores()
    assert (score.reviewer, score.right, score.asked, score.share) == ("ben", 1, 2, 0.5)
    assert score.wrong_uids == (pairs[1].uid,)
    assert score.interval == wilson_interval(1, 2)
    assert {verdict.purpose for verdict in store.verdicts(reviewer="ben")} == {"gold", "revealed"}
    store.set_gold(pairs[1].uid, None, set_by="ann")
    assert store.gold_scores()[0].asked == 1


def test_a_change_of_mind_after_the_reveal_is_kept_and_counted(store: Store, pairs: list[Pair]) -> None:
    def say(pair: Pair, decision: str, *, revealed: bool = False) -> None:
        purpose = "revealed" if revealed else "first"
        store.give_verdict(
            pair.uid,
            decision,
            reviewer="ann",
            seconds=1,
            window_s=2,
            blind=not revealed,
            purpose=purpose,  # type: ignore[arg-type]
        )

    for pair, before, after in zip(pairs, ("reject", "accept", "unsure"), ("accept", "accept", "accept"), strict=False):
        say(pair, before)
        say(pair, after, revealed=True)
    say(pairs[3], "reject")  # left as it was
    [found] = store.blind_changes()
    assert (found.revealed, found.changed, found.towards_model) == (4, 2, 2)
    assert found.changes == {("reject", "accept"): 1, ("unsure", "accept"): 1}
    assert store.pair(pairs[0].uid, reviewer="ann").decision == "accept"
    decide(store, pairs[:2], "reject", reviewer="ben")
    assert store.agreement().kappa["ann", "ben"].n_units == 2
    # on what ann said blind they agree about the first and differ about the second
    assert store.agreement().alpha.value == pytest.approx(0.0)
    store.undo("ben"), store.undo("ben"), store.undo("ann"), store.undo("ann")
    assert store.pair(pairs[2].uid, reviewer="ann").decision == "unsure"  # the blind verdict stands again


def test_flags_are_everyones_and_remarks_are_only_added(store: Store, pairs: list[Pair]) -> None:
    store.flag(pairs[0].uid, "ann", True)
    store.flag(pairs[1].uid, "ann", True)
    store.flag(pairs[1].uid, "ben", False)
    store.comment(pairs[0].uid, "ben", "  too dark ")
    assert store.queue_uids("flagged", reviewer="eve") == [pairs[0].uid]
    assert store.counts("eve").flagged == 1
    assert store.pair(pairs[0].uid).flagged
    assert not store.pair(pairs[1].uid).flagged
    assert [(one.reviewer, one.kind, one.text) for one in store.remarks(pairs[0].uid)] == [
        ("ann", "flag", ""), ("ben", "comment", "too dark"),
    ]  # fmt: skip
    assert [one.kind for one in store.remarks(pairs[1].uid)] == ["flag", "unflag"]
    with pytest.raises(UserError, match="empty"):
        store.comment(pairs[0].uid, "ben", " ")


def test_many_who_lease_at_once_never_get_the_same_pair(store: Store, pairs: list[Pair]) -> None:
    uids = store.queue_uids(reviewer="any")
    taken: dict[str, list[str]] = {}

    def lease(name: str) -> None:
        taken[name] = []
        for _ in range(10):
            uid = store.lease_next(uids, reviewer=name, holder=name)
            assert uid is not None
            taken[name].append(uid)
            store.give_verdict(uid, "accept", reviewer=name, seconds=1, window_s=2)

    threads = [threading.Thread(target=lease, args=(f"reviewer-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    all_taken = [uid for some in taken.values() for uid in some]
    assert len(all_taken) == 40
    assert len(set(all_taken)) == 40


def test_a_lease_ends_by_itself_or_when_given_back(store: Store, pairs: list[Pair]) -> None:
    uids = [pair.uid for pair in pairs[:2]]
    assert store.lease_next(uids, reviewer="ann", holder="a") == uids[0]
    assert store.lease_next(uids, reviewer="ann", holder="a") == uids[0]  # her own
    assert store.lease_next(uids, reviewer="ben", holder="b") == uids[1]
    assert store.lease_next(uids, reviewer="eve", holder="e") is None
    assert store.leases() == {uids[0]: "ann", uids[1]: "ben"}
    assert store.renew(uids[0], holder="a", for_s=-1)  # her time is over
    assert store.lease_next(uids, reviewer="eve", holder="e") == uids[0]
    assert not store.renew(uids[0], holder="a")
    store.release(holder="b")
    assert store.lease_next(uids[1:], reviewer="eve", holder="e") == uids[1]


def test_a_queue_follows_what_others_decide(store: Store, pairs: list[Pair]) -> None:
    decide(store, pairs[:1], reviewer="ben")
    marker, changed = store.changes_since()
    assert changed == []
    decide(store, pairs[1:3], reviewer="ben")
    store.flag(pairs[7].uid, "eve", True)
    marker, changed = store.changes_since(marker)
    assert changed == [pairs[1].uid, pairs[2].uid, pairs[7].uid]
    store.undo("ben")
    marker, changed = store.changes_since(marker)
    assert changed == [pairs[2].uid]
    assert store.changes_since(marker)[1] == []


def test_reviewers_are_summed_up(store: Store, pairs: list[Pair]) -> None:
    for place, seconds in enumerate((2.0, 4.0, 6.0, 30.0)):
        store.give_verdict(
            pairs[place].uid,
            "reject" if place == 3 else "accept",
            reviewer="ann",
            seconds=seconds,
            window_s=2,
            replays=place,
        )
    decide(store, pairs[4:5], "skip")
    [ann] = store.people()
    assert (ann.tally.accepted, ann.tally.rejected, ann.tally.skipped) == (3, 1, 1)
    assert ann.seconds_median == 5.0
    assert ann.replays_mean == 1.5
    assert ann.accepted_interval == wilson_interval(3, 4)
    assert {name: tally.accepted for name, tally in ann.by_class.items()} == {"onion": 1, "butter": 1, "egg": 1}
    assert [point.n_verdicts for point in ann.curve] == [1, 2, 3, 4]
    assert [point.accepted_share for point in ann.curve] == [1.0, 1.0, 1.0, 0.0]
