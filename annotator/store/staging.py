"""Pairs on their way into the project: laid in temporary tables first, which needs no lock, then taken over in one step.

Turning a release's rows into values takes most of the time of an import; others write meanwhile.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Connection, Integer, MetaData, Table, case, delete, func, insert, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import BATCH
from annotator.store.pairs import label_values, pair_values
from davenet.pairs import Pair

_MADE_THEN = ("position", "mining_id")  # what only the project's tables can say, under the lock


_ELSEWHERE = ("similarity", "n_decided")  # what runs and verdicts say of a pair


def _staged(table: type[tables.Table], *more: Column[Any], but: tuple[str, ...] = ()) -> Table:
    """Returns a table of the same columns that belongs to one connection and ends with it."""
    columns = [
        Column(column.name, column.type, primary_key=column.primary_key, nullable=column.nullable)
        for column in table.__table__.columns
        if column.name not in but
    ]
    return Table(f"staged_{table.__tablename__}", MetaData(), *columns, *more, prefixes=["TEMPORARY"])


_PAIR = _staged(
    tables.Pair, Column("number", Integer, nullable=False), Column("mining_place", Integer, nullable=False),
    but=(*_MADE_THEN, *_ELSEWHERE),
)  # fmt: skip
_LABEL = _staged(tables.Label)


def stage_pairs(connection: Connection, pairs: Iterable[tuple[Pair, Mapping[str, Any], int]]) -> int:
    """Lays pairs in temporary tables, each with what else its row says and the place of its mining.

    Of several with one uid the first counts. Returns how many came, those included.
    """
    for table in (_PAIR, _LABEL):
        table.create(connection)
    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []

    def write() -> None:
        for table, values in ((_PAIR, rows), (_LABEL, labels)):
            if values:
                connection.execute(insert(table), values)
            values.clear()

    n_pairs = 0
    for pair, said, mining_place in pairs:
        n_pairs += 1
        if pair.uid in seen:
            continue
        seen.add(pair.uid)
        values = pair_values(pair, position=0, mining_id=0, **said) | {"number": n_pairs, "mining_place": mining_place}
        rows.append({name: value for name, value in values.items() if name not in _MADE_THEN})
        labels += label_values(pair)
        if len(rows) == BATCH:
            write()
    write()
    _drop_known(connection)
    return n_pairs


def _drop_known(on: Connection | Session) -> None:
    known = delete(_PAIR).where(_PAIR.c.uid.in_(select(tables.Pair.uid)))
    if on.execute(known).rowcount:  # type: ignore[attr-defined, union-attr, unused-ignore]
        on.execute(delete(_LABEL).where(_LABEL.c.pair_uid.not_in(select(_PAIR.c.uid))))


def mining_places(session: Session) -> list[int]:
    """Forgets the staged pairs that the project has got meanwhile; returns the places of the minings of the others."""
    _drop_known(session)
    return list(session.scalars(select(_PAIR.c.mining_place).distinct().order_by(_PAIR.c.mining_place)))


def take_staged(session: Session, mining_ids: Mapping[int, int]) -> int:
    """Puts the staged pairs behind the project's and returns how many; `mining_ids` are by the minings' places."""
    if not mining_ids:
        return 0
    last = session.scalar(select(func.max(tables.Pair.position))) or 0
    same = [column for column in _PAIR.columns if column.name not in ("number", "mining_place")]
    rows = select(
        *same, (_PAIR.c.number + last).label("position"), case(dict(mining_ids), value=_PAIR.c.mining_place)
    ).order_by(_PAIR.c.number)
    names = [column.name for column in same]
    n_before = session.scalar(select(func.count()).select_from(_PAIR)) or 0
    pair, label = tables.Pair.__table__, tables.Label.__table__
    session.execute(insert(pair).from_select([*names, *_MADE_THEN], rows))  # type: ignore[arg-type]
    labels = select(*_LABEL.columns)
    session.execute(insert(label).from_select([column.name for column in _LABEL.columns], labels))  # type: ignore[arg-type]
    return n_before
