"""A queue of 200,000 pairs by what is asked of the database: few statements, one row of uids, no look at other pairs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, get_args

import pytest
from project_maker import fill_store
from sqlalchemy import Connection, event, text

from annotator.store import Store, open_store
from annotator.store.records import PairScore, QueueFilter, QueueOrder, RunRecord

N = 200_000
_COPY = """
INSERT INTO pair (uid, video_uid, time_s, segment_s, sound_offset_s, kind, food_probability, label_probability, active,
    position, detector, recogniser, mining_id, class_name, word_confidence, label_text, draw, similarity, n_decided)
WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < :n)
SELECT 'copy ' || i, video_uid, i, segment_s, 0, kind, 0.9, (i * 7919 % 1000) / 1000.0, 1, 10 + i, '', '', mining_id,
    'food ' || (i % 350), (i * 104729 % 1000) / 1000.0, 'food ' || (i % 350), i * 7777 % 2147483647,
    (i * 31 % 999) / 500.0, 0
FROM number, (SELECT * FROM pair LIMIT 1)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(open_store(tmp_path_factory.mktemp("long"))) as opened:
        [first] = fill_store(opened, ["train"], pairs_each=1)
        opened.add_run(RunRecord("001", "small", "finished"))
        opened.put_scores("001", [PairScore(first.uid, 0.5)])
        with opened._writing() as session:
            session.execute(text(_COPY), {"n": N - 1})
            session.execute(text("INSERT INTO score (pair_uid, run_id, similarity) SELECT uid, '001', similarity FROM pair WHERE position >= 10"))  # fmt: skip  # noqa: E501
        yield opened


@contextmanager
def asked(store: Store) -> Iterator[list[tuple[str, int, str]]]:
    """Collects what is asked in the block: each statement with its number of rows and how SQLite finds them."""
    found: list[tuple[str, int, str]] = []

    def note(connection: Connection, _cursor: Any, sql: str, values: Any, _context: Any, _many: bool) -> None:
        if sql.startswith("SELECT"):
            bare = connection.connection.driver_connection
            assert bare is not None
            plan = "\n".join(row[3] for row in bare.execute(f"EXPLAIN QUERY PLAN {sql}", values))
            n_rows = bare.execute(f"SELECT count(*) FROM ({sql})", values).fetchone()[0]
            found.append((sql, n_rows, plan))

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


@pytest.mark.parametrize("order", get_args(QueueOrder))
def test_each_order_opens_with_a_handful_of_statements_and_rows(store: Store, order: QueueOrder) -> None:
    assert len(store.queue_uids("pending", reviewer="ann", order=order)) == N
    with asked(store) as found:  # opened once before: the order by disagreement is known
        uids = store.queue_uids("pending", reviewer="ann", order=order)
    assert len(set(uids)) == N
    assert len(found) <= 8
    assert sum(n_rows for _, n_rows, _ in found) <= 20
    assert not [plan for _, _, plan in found if "SCAN pair" in plan or "SCAN score" in plan]
    of_pairs = [plan for sql, _, plan in found if "FROM pair" in sql]
    assert of_pairs
    assert all("USING COVERING INDEX ix_pair_open" in plan for plan in of_pairs)


@pytest.mark.parametrize(
    "filter",
    [
        QueueFilter(classes=("food 7", "food 8")),
        QueueFilter(word_confidence=(0.2, 0.4)),
        QueueFilter(probability=(0.2, 0.4)),
        QueueFilter(similarity=(0.2, 0.4)),
        QueueFilter(splits=("train",)),
        QueueFilter(run="001"),
    ],
    ids=["class", "word", "detector", "model", "split", "run"],
)
def test_a_filter_reads_no_pair_itself_only_the_index_of_pending_ones(store: Store, filter: QueueFilter) -> None:
    with asked(store) as found:
        uids = store.queue_uids("pending", reviewer="ann", filter=filter)
    assert 0 < len(uids) <= N
    assert len(found) <= 6
    assert sum(n_rows for _, n_rows, _ in found) <= 20
    of_pairs = [plan for sql, _, plan in found if "FROM pair" in sql]
    assert of_pairs
    assert all("COVERING INDEX ix_pair_open" in plan for plan in of_pairs)


def test_a_verdict_is_one_transaction_that_looks_at_no_other_pair(store: Store) -> None:
    commits: list[str] = []
    uid = store.queue_uids("pending", reviewer="ben")[1000]
    event.listen(store._engine, "commit", lambda _connection: commits.append("commit"))
    with asked(store) as found:
        store.give_verdict(uid, "accept", reviewer="ben", seconds=1.0, window_s=2.0)
    assert len(commits) == 1
    assert len(found) <= 8
    assert not [plan for _, _, plan in found if "SCAN" in plan]


def test_the_threshold_reads_the_newest_verdicts_and_the_middle_score_alone(store: Store) -> None:
    with asked(store) as found:
        assert store.similarity_threshold() is not None
    assert sum(n_rows for _, n_rows, _ in found) <= 20
    assert not [plan for _, _, plan in found if "SEARCH score USING INDEX ix_score_run" in plan]


def test_what_a_screen_shows_of_a_long_queue_is_read_for_that_screen(store: Store) -> None:
    uids = store.queue_uids("pending", reviewer="ann")
    with asked(store) as found:
        records = store.pairs(uids[100_000:100_060], reviewer="ann")
    assert [record.uid for record in records] == uids[100_000:100_060]
    assert sum(n_rows for _, n_rows, _ in found) <= 60 * 4
    assert not [plan for _, _, plan in found if "SCAN pair" in plan or "SCAN score" in plan or "SCAN label" in plan]
