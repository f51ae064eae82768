"""Which pairs are asked for next: what counts, what is learnt from verdicts, and what is said of each."""

import numpy as np
import pytest

from davenet.labels.choosing import KINDS, Choice, Decision, Evidence, choose, combined, doubts


def pair(number: int, **values: object) -> Evidence:
    given: dict[str, object] = {
        "uid": f"p{number}", "video_uid": f"v{number}", "time_s": 1.0, "class_name": "onion", "probability": 0.9,
        "word_confidence": 0.9, "sound_fits": 0.9, "frame_fits": 0.9, "rank": 1, "n": 100,
    }  # fmt: skip
    return Evidence(**(given | values))  # type: ignore[arg-type]


def uids(choices: list[Choice]) -> list[str]:
    return [choice.uid for choice in choices]


def test_a_pair_whose_sound_fits_other_foods_better_is_asked_for_first_and_the_reason_says_so() -> None:
    pairs = [pair(0), pair(1, sound_fits=0.1), pair(2, sound_fits=0.6)]
    found = choose(pairs, {}, 3)
    assert uids(found) == ["p1", "p2", "p0"]
    assert found[0].kind == "likely false accept"
    assert found[0].reason == "the sound fits onion better than only 10 % of the other foods"


def test_a_source_that_says_the_same_of_every_pair_or_nothing_at_all_moves_no_pair() -> None:
    pairs = [pair(n, probability=0.5, word_confidence=1.0, frame_fits=None, rank=None) for n in range(3)]
    doubts_NS = doubts(pairs)
    assert np.isnan(doubts_NS[:, [0, 1, 3, 4]]).all()
    assert len(set(combined(doubts_NS, [None] * 3))) == 1


def test_detector_and_words_count_by_their_place_and_equal_ones_alike() -> None:
    pairs = [pair(n, probability=p) for n, p in enumerate((0.5, 0.9, 0.9, 0.99))]
    assert doubts(pairs)[:, 0].tolist() == pytest.approx([1.0, 0.5, 0.5, 0.0])


def test_the_place_of_the_own_segment_is_no_doubt_when_it_is_first_and_all_doubt_when_it_is_last() -> None:
    assert doubts([pair(0, rank=1), pair(1, rank=100)])[:, 4].tolist() == [0.0, 1.0]


def test_what_the_verdicts_go_by_is_learnt_from_them() -> None:
    """Here people reject by the detector alone, whatever the sound: the fixed weights would ask for the wrong pairs."""
    random = np.random.default_rng(0)
    pairs = [pair(n, probability=float(random.random()), sound_fits=float(random.random())) for n in range(400)]
    truth: dict[str, Decision] = {one.uid: "reject" if one.probability < 0.4 else "accept" for one in pairs}
    judged = {one.uid: truth[one.uid] for one in pairs[:200]}

    def share_rejected(verdicts: dict[str, Decision]) -> float:
        asked = [uid for uid in uids(choose(pairs, verdicts, 400)) if uid not in judged][:50]
        return sum(truth[uid] == "reject" for uid in asked) / len(asked)

    assert share_rejected(judged) > share_rejected({}) + 0.1
    assert share_rejected(judged) > 0.8


def test_a_few_verdicts_change_nothing_yet() -> None:
    pairs = [pair(n, sound_fits=n / 40) for n in range(40)]
    few: dict[str, Decision] = {f"p{n}": "accept" for n in range(19)} | {f"p{n}": "reject" for n in range(20, 40)}
    assert combined(doubts(pairs), [few.get(one.uid) for one in pairs]).tolist() == pytest.approx(
        combined(doubts(pairs), [None] * 40).tolist()
    )


def test_more_doubt_of_a_source_is_never_taken_as_praise() -> None:
    pairs = [pair(n, sound_fits=n / 80) for n in range(80)]
    against: list[str | None] = ["accept" if n < 40 else "reject" for n in range(80)]  # the reverse of the evidence
    assert (np.diff(combined(doubts(pairs), against)) <= 1e-9).all()


def test_a_rejected_pair_that_everything_speaks_for_is_a_likely_false_reject() -> None:
    pairs = [pair(0), pair(1, sound_fits=0.1, frame_fits=0.2), pair(2)]
    found = choose(pairs, {"p0": "reject", "p1": "reject"}, 5, kinds=["likely false reject"])
    assert uids(found) == ["p0", "p1"]
    assert found[0].reason.startswith("rejected, but ")


def test_an_accepted_pair_that_the_model_denies_is_asked_for_again_and_a_rejected_one_is_not() -> None:
    pairs = [pair(0, sound_fits=0.0), pair(1, sound_fits=0.0), pair(2)]
    found = choose(pairs, {"p0": "accept", "p1": "reject"}, 5)
    assert uids(found) == ["p0", "p2"]
    assert found[0].reason == "accepted, but the sound fits onion better than only 0 % of the other foods"


def test_disagreement_asks_where_one_source_vouches_and_another_denies_and_names_both() -> None:
    pairs = [pair(0, probability=0.99, sound_fits=0.0), pair(1, probability=0.5, sound_fits=0.1), pair(2)]
    found = choose(pairs, {}, 1, kinds=["disagreement"])
    assert uids(found) == ["p0"]
    assert "the detector gives onion 0.99" in found[0].reason and "the sound fits" in found[0].reason


def test_the_class_that_is_known_least_is_asked_for_first() -> None:
    judged = {f"p{n}": "accept" for n in range(10)}
    pairs = [pair(n) for n in range(12)] + [pair(n, class_name="leek") for n in range(12, 14)]
    found = choose(pairs, judged, 2, kinds=["uncertain class"])  # type: ignore[arg-type]
    assert uids(found) == ["p12", "p13"]
    assert found[0].reason == "leek: no pair was judged yet, so that its share is known to ±50 points"


def test_pairs_that_show_and_say_the_same_as_one_chosen_come_after_all_others() -> None:
    same = [pair(n, video_uid="v", time_s=float(n), sound_fits=0.1) for n in range(2)]
    found = choose([*same, pair(9, sound_fits=0.8)], {}, 3)
    assert uids(found) == ["p0", "p9", "p1"]


def test_several_kinds_take_turns() -> None:
    pairs = [pair(n, sound_fits=n / 10) for n in range(6)]
    judged: dict[str, Decision] = {f"p{n}": "reject" for n in range(3)}
    found = choose(pairs, judged, 4, kinds=["likely false accept", "likely false reject"])
    assert [one.kind for one in found] == ["likely false accept", "likely false reject"] * 2
    assert uids(found) == ["p3", "p2", "p4", "p1"]


def test_each_pair_is_asked_for_once_whatever_the_kinds() -> None:
    pairs = [pair(n, sound_fits=n / 10) for n in range(10)]
    found = choose(pairs, {"p0": "reject", "p5": "accept"}, 100, kinds=KINDS)
    assert sorted(uids(found)) == sorted(one.uid for one in pairs)


def test_nothing_to_choose_from_is_nothing() -> None:
    assert choose([], {}, 5) == []
