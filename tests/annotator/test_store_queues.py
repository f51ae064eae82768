"""The queue's filters, orders and facets, each held against a slow look at every record."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from project_maker import decide, make_pair, make_video_record

from annotator.store import Store, begin_store, open_store
from annotator.store.identity import seeded_draw
from annotator.store.records import PairRecord, PairScore, QueueFilter, QueueOrder, RunRecord
from davenet.errors import UserError
from davenet.pairs import Pair, WeakLabel

_CLASSES = ("onion", "Crème fraîche", "egg_white", "100 % butter")


@pytest.fixture
def store(tmp_path: Path, every_database: str) -> Iterator[Store]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, list[Pair]]]:
    """A store that no test changes."""
    url = request.getfixturevalue("postgresql").url() if request.param == "postgresql" else None
    opened = begin_store(tmp_path_factory.mktemp("filled"), url)
    yield opened, _fill(opened)
    opened.close()


def _fill(store: Store) -> list[Pair]:
    """Sixty pairs of three videos with evidence at random, two runs' scores, and verdicts of two reviewers."""
    rng = random.Random(5)
    videos = [
        replace(make_video_record(0, "train"), title="Soup"),
        replace(make_video_record(1, "validation"), title="Ménu du jour"),
        replace(make_video_record(2, "test"), title="Cake"),
    ]
    store.add_videos(videos)
    found = []
    for video in videos:
        for second in range(20):
            name = rng.choice(_CLASSES)
            other = WeakLabel("salt", 0.1, 2, "salty", second + 1, second + 1.3, 0.4)
            label = WeakLabel(name, rng.random(), 1, f"{name}s", second, second + 0.5, rng.random())
            labels = (label, other) if rng.random() < 0.3 else (label,)
            found.append(replace(make_pair(video.uid, float(second)), labels=labels))
    store.put_pairs(found, {})
    for run in ("001", "002"):
        store.add_run(RunRecord(run, "small", "finished"))
        store.put_scores(run, [PairScore(pair.uid, rng.gauss(0, 1), 3, 60) for pair in found if rng.random() < 0.8])
    for pair in found[::2]:
        reason = rng.choice(["not seen", "misheard", None])
        store.give_verdict(
            pair.uid,
            rng.choice(["accept", "reject", "unsure"]),
            reviewer="ben",
            seconds=1,
            window_s=2,
            reason=reason,  # type: ignore[arg-type]
        )
    decide(store, found[::5], "reject", reviewer="ann")
    return found


Passes = Callable[[PairRecord, Store], bool]


def _verdicts(record: PairRecord, store: Store, reviewer: str | None = None) -> list[tuple[str, str | None]]:
    return [
        (verdict.decision, verdict.reason)
        for verdict in store.verdicts(reviewer=reviewer)
        if verdict.pair_uid == record.uid
    ]


_FILTERS: list[tuple[QueueFilter, Passes]] = [
    (QueueFilter(text="onion"), lambda record, _: "onion" in str(record.labels)),
    (QueueFilter(text="CRÈME"), lambda record, _: "Crème" in str(record.labels)),
    (QueueFilter(text="salty soup"), lambda record, _: "salty" in str(record.labels) and record.video_title == "Soup"),
    (QueueFilter(text="mÉnu"), lambda record, _: record.video_uid == "video-1"),
    (QueueFilter(text="egg_w"), lambda record, _: "egg_white" in str(record.labels)),
    (QueueFilter(text="g_white"), lambda record, _: "egg_white" in str(record.labels)),
    (QueueFilter(text="o_ion"), lambda *_: False),  # no wildcard
    (QueueFilter(text="100 %"), lambda record, _: "100 %" in str(record.labels)),
    (QueueFilter(classes=("onion", "egg_white")), lambda record, _: record.labels[0].class_name in ("onion", "egg_white")),
    (QueueFilter(splits=("test", "validation")), lambda record, _: record.video_uid != "video-0"),
    (QueueFilter(videos=("video-2",)), lambda record, _: record.video_uid == "video-2"),
    (QueueFilter(word_confidence=(0.2, 0.6)), lambda record, _: 0.2 <= record.labels[0].word_confidence <= 0.6),
    (QueueFilter(probability=(0.5, 1.0)), lambda record, _: record.labels[0].probability >= 0.5),
    (QueueFilter(similarity=(0.0, 9.0)), lambda record, _: record.similarity is not None and record.similarity >= 0),
    (QueueFilter(run="002"), lambda record, _: record.similarity is not None),
    (QueueFilter(run="001"), lambda record, store: record.uid in store.scores("001")),
    (
        QueueFilter(run="001", similarity=(-9, 0)),
        lambda record, store: record.uid in store.scores("001") and store.scores("001")[record.uid].similarity <= 0,
    ),
    (QueueFilter(by_reviewer="ben"), lambda record, store: bool(_verdicts(record, store, "ben"))),
    (QueueFilter(verdict="unsure"), lambda record, store: "unsure" in [one[0] for one in _verdicts(record, store)]),
    (
        QueueFilter(by_reviewer="ben", verdict="accept", reasons=("misheard",)),
        lambda record, store: ("accept", "misheard") in _verdicts(record, store, "ben"),
    ),
    (
        QueueFilter(text="onion", splits=("train",), probability=(0.3, 0.9)),
        lambda record, _: "onion" in str(record.labels) and record.video_uid == "video-0"
        and 0.3 <= record.labels[0].probability <= 0.9,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("filter", "passes"), _FILTERS, ids=lambda value: str(value)[:60] if isinstance(value, QueueFilter) else ""
)
def test_a_filter_keeps_exactly_the_pairs_that_a_look_at_each_keeps(
    filled: tuple[Store, list[Pair]], filter: QueueFilter, passes: Passes
) -> None:
    store = filled[0]
    for state in ("all", "pending", "done"):
        every = store.queue(state, reviewer="ann")  # type: ignore[arg-type]
        expected = [record.uid for record in every if passes(record, store)]
        assert store.queue_uids(state, reviewer="ann", filter=filter) == expected  # type: ignore[arg-type]
    assert len(expected) < 60
    assert not filter.is_empty


def _spread(uid: str, records: list[PairRecord]) -> float:
    def rank(values: dict[str, float]) -> float | None:
        if uid not in values:
            return None
        below = sum(value < values[uid] for value in values.values())
        equal = sum(value == values[uid] for value in values.values())
        return (below + (equal - 1) / 2) / (len(values) - 1)

    ranks = [
        rank({record.uid: record.labels[0].probability for record in records}),
        rank({record.uid: record.labels[0].word_confidence for record in records}),
        rank({record.uid: record.similarity for record in records if record.similarity is not None}),
    ]
    there = [value for value in ranks if value is not None]
    return max(there) - min(there)


def test_orders_are_those_of_a_slow_sort(filled: tuple[Store, list[Pair]]) -> None:
    store = filled[0]
    every = store.queue("all", reviewer="ann")
    threshold = store.similarity_threshold()
    assert threshold is not None
    keys: dict[QueueOrder, Callable[[PairRecord], object]] = {
        "mined": lambda record: record.position,
        "shuffled": lambda record: seeded_draw(record.uid, 4, "shuffled"),
        "class": lambda record: (record.labels[0].class_name, record.position),
        "confident": lambda record: -record.labels[0].probability,
        "uncertain": lambda record: record.labels[0].probability,
        "threshold": lambda record: (
            (1, record.position) if record.similarity is None else (0, abs(record.similarity - threshold))
        ),
        "disagreement": lambda record: (-round(_spread(record.uid, every), 9), record.position),
    }
    for order, key in keys.items():
        expected = [record.uid for record in sorted(every, key=key)]  # type: ignore[arg-type]
        assert store.queue_uids("all", reviewer="ann", order=order, seed=4) == expected, order
    assert store.queue_uids("all", reviewer="ann", order="shuffled", seed=5) != store.queue_uids(
        "all", reviewer="ann", order="shuffled", seed=4
    )


def test_the_order_by_disagreement_follows_new_scores_and_a_new_mining(store: Store) -> None:
    pairs = _fill(store)

    def expected() -> list[str]:
        every = store.queue("all", reviewer="ann")
        return [one.uid for one in sorted(every, key=lambda one: (-round(_spread(one.uid, every), 9), one.position))]

    def found() -> list[str]:
        return store.queue_uids("all", reviewer="ann", order="disagreement")

    before = found()
    assert before == expected() == found()
    store.put_scores("002", [PairScore(pair.uid, float(place)) for place, pair in enumerate(pairs)])
    scored = found()
    assert scored == expected() != before
    by_older = store.queue_uids("all", reviewer="ann", order="disagreement", filter=QueueFilter(run="001"))
    assert set(by_older) == set(store.scores("001"))
    assert by_older != [uid for uid in scored if uid in set(by_older)]
    assert found() == scored  # the newest run's again
    store.put_pairs(pairs[::-1], {})
    assert found() == expected() != scored


def test_the_threshold_is_where_the_fewest_verdicts_lie_on_the_wrong_side(store: Store) -> None:
    store.add_videos([make_video_record(0)])
    pairs = [make_pair("video-0", float(second)) for second in range(6)]
    store.put_pairs(pairs, {})
    store.add_run(RunRecord("001", "small", "finished"))
    assert store.similarity_threshold() is None
    store.put_scores("001", [PairScore(pair.uid, float(place)) for place, pair in enumerate(pairs)])
    assert store.similarity_threshold() == 2.5  # without verdicts the middle
    decide(store, pairs[:2], "reject")
    decide(store, pairs[2:4], "accept")
    assert store.similarity_threshold() == 2.0
    assert store.queue_uids(reviewer="ann", order="threshold") == [pairs[4].uid, pairs[5].uid]


def test_facets_count_what_there_is_to_filter_by(filled: tuple[Store, list[Pair]]) -> None:
    store, pairs = filled
    found = store.filter_facets("ann")
    assert dict(found.classes) == {name: sum(pair.labels[0].class_name == name for pair in pairs) for name in _CLASSES}
    assert found.splits == (("train", 20), ("validation", 20), ("test", 20))
    assert found.videos == (("video-2", "Cake", 20), ("video-1", "Ménu du jour", 20), ("video-0", "Soup", 20))
    assert dict(found.reviewers) == {"ann": 12, "ben": 30}
    assert [run for run, _ in found.runs] == ["002", "001"]
    scores = [score.similarity for score in store.scores("002").values()]
    assert found.similarity == (min(scores), max(scores))


def test_the_newest_run_that_scored_is_the_one_shown(store: Store) -> None:
    pairs = _fill(store)
    store.put_scores("001", [PairScore(pairs[0].uid, 0.5, 1, 2)])  # again, but not newer
    shown = store.pair(pairs[0].uid)
    assert shown.similarity == (store.scores("002")[shown.uid].similarity if shown.uid in store.scores("002") else None)
    assert store.put_scores("002", [PairScore(pairs[0].uid, 0.25, 4, 9), PairScore("nowhere", 1.0)]) == 1
    shown = store.pair(pairs[0].uid)
    assert (shown.similarity, shown.rank, shown.n_ranked) == (0.25, 4, 9)
    assert store.queue_uids("all", reviewer="ann", filter=QueueFilter(similarity=(0.2, 0.3))) == [pairs[0].uid]


def test_saved_filters_come_back_as_they_were(store: Store) -> None:
    filter = QueueFilter(text="onion", classes=("egg",), similarity=(0.5, 2.0), verdict="reject")
    store.save_filter(" hard ones ", filter)
    store.save_filter("others", QueueFilter(run="001"))
    assert store.saved_filters() == {"hard ones": filter, "others": QueueFilter(run="001")}
    store.delete_filter("others")
    assert list(store.saved_filters()) == ["hard ones"]
    with pytest.raises(UserError, match="name"):
        store.save_filter(" ", filter)


def test_an_empty_filter_says_so() -> None:
    assert QueueFilter(text="  ").is_empty
    assert not QueueFilter(splits=("test",)).is_empty
