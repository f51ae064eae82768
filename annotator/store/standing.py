"""Derives which verdicts stand, in the transaction that adds to the history: only here is `standing` written."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.finals import DECIDED
from annotator.store.history import standing_backwards


def _of_pairs(table: type[tables.Verdict | tables.Standing | tables.Adjudication]) -> tuple[ColumnElement[bool], ...]:
    return table.pair_uid.in_(bindparam("uids", expanding=True)), table.reviewer == bindparam("who")


def _counting() -> Update:
    pair = tables.Pair
    standing, adjudicated = (
        select(func.count())
        .select_from(table)
        .where(table.pair_uid == pair.uid, table.decision.in_(DECIDED))
        .scalar_subquery()
        for table in (tables.Standing, tables.Adjudication)
    )
    number = standing + adjudicated
    of_pairs = pair.uid.in_(bindparam("uids", expanding=True))
    return update(pair).where(of_pairs, pair.n_decided != number).values(n_decided=number)


# Put together once: for a single verdict that takes longer than the database itself
_HISTORY = select(
    tables.Verdict.given_at, tables.Verdict.id, tables.Verdict.pair_uid, tables.Verdict.uid, tables.Verdict.decision,
    tables.Verdict.refers_to, tables.Verdict.purpose,
).where(*_of_pairs(tables.Verdict))  # fmt: skip
_NO_STANDING = delete(tables.Standing).where(*_of_pairs(tables.Standing))
_NO_ADJUDICATION = delete(tables.Adjudication).where(*_of_pairs(tables.Adjudication))
_COUNT_DECIDED = _counting()


def derive_standing(session: Session, pair_uids: Sequence[str], reviewer: str) -> None:
    """Derives from their histories which verdicts of a reviewer stand on at most BATCH pairs, adjudications apart.

    Beside each pair it keeps how many decided it, so that the queue of pending pairs needs no other table.
    """
    connection, given = session.connection(), {"uids": list(pair_uids), "who": reviewer}
    reviews: defaultdict[str, list[Any]] = defaultdict(list)
    adjudications: defaultdict[str, list[Any]] = defaultdict(list)
    rows = connection.execute(_HISTORY, given)
    for row in sorted(rows, key=lambda row: (row.given_at, row.id)):  # sorted here: in SQL it costs the right index
        (adjudications if row.purpose == "adjudication" else reviews)[row.pair_uid].append(row)
    stands = []
    for values, history in _standing_values(reviews, reviewer):
        values["blind_id"] = None
        if history[0].purpose == "revealed":
            values["blind_id"] = next((row.id for row in history if row.purpose != "revealed"), None)
        stands.append(values)
    connection.execute(_NO_STANDING, given)
    if stands:
        connection.execute(insert(tables.Standing), stands)
    if adjudications:
        connection.execute(_NO_ADJUDICATION, given)
        if adjudicated := [values for values, _ in _standing_values(adjudications, reviewer)]:
            connection.execute(insert(tables.Adjudication), adjudicated)
    connection.execute(_COUNT_DECIDED, {"uids": list(pair_uids)})


def _standing_values(history: Mapping[str, list[Any]], reviewer: str) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Yields for each pair the values of the verdict that stands, with all that are not withdrawn, newest first."""
    for pair_uid, rows in history.items():
        if stand := list(standing_backwards(reversed(rows))):
            newest = stand[0]
            yield (
                {"pair_uid": pair_uid, "reviewer": reviewer, "verdict_id": newest.id, "decision": newest.decision},
                stand,
            )
