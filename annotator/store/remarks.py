"""Queries on remarks: flags and comments on a pair beside its verdicts; rows are only inserted."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.records import RemarkKind, RemarkRecord
from davenet.errors import UserError

_FLAGS = ("flag", "unflag")


class RemarkQueries(Database):
    def flag(self, pair_uid: str, reviewer: str, on: bool) -> RemarkRecord:
        """Raises a pair's flag, or takes it back whoever raised it; the newest of both holds for everyone."""
        return self._remark(pair_uid, reviewer, "flag" if on else "unflag", "")

    def comment(self, pair_uid: str, reviewer: str, text: str) -> RemarkRecord:
        """Keeps a comment on a pair; raises UserError where it is empty or the pair unknown."""
        if not text.strip():
            raise UserError("The comment is empty; write something or leave it.")
        return self._remark(pair_uid, reviewer, "comment", text.strip())

    def remarks(self, pair_uid: str | None = None) -> list[RemarkRecord]:
        """Returns the remarks (on a pair), the oldest first."""
        query = select(tables.Remark).order_by(tables.Remark.at, tables.Remark.id)
        if pair_uid is not None:
            query = query.where(tables.Remark.pair_uid == pair_uid)
        with self._reading() as session:
            return [remark_record(row) for row in session.scalars(query)]

    def _remark(self, pair_uid: str, reviewer: str, kind: RemarkKind, text: str) -> RemarkRecord:
        if not reviewer.strip():
            raise UserError("A remark needs a reviewer's name; enter yours in the settings.")
        with self._writing() as session:
            if session.get(tables.Pair, pair_uid) is None:
                raise UserError(f"{self.path.parent} has no pair {pair_uid}; mine its pairs again.")
            row = tables.Remark(
                uid=uuid.uuid4().hex, pair_uid=pair_uid, reviewer=reviewer, kind=kind, text=text, at=datetime.now(UTC)
            )
            session.add(row)
            session.flush()
            return remark_record(row)


def insert_remarks(session: Session, remarks: Iterable[RemarkRecord]) -> tuple[int, int]:
    """Adds remarks made elsewhere and returns how many were new and how many known by their uids."""
    uids, known = set(session.scalars(select(tables.Remark.uid))), 0
    rows = []
    for remark in sorted(remarks, key=lambda one: one.at):
        if remark.uid in uids:
            known += 1
            continue
        uids.add(remark.uid)
        rows.append(
            {
                "uid": remark.uid,
                "pair_uid": remark.pair_uid,
                "reviewer": remark.reviewer,
                "kind": remark.kind,
                "text": remark.text,
                "at": remark.at,
            }
        )
    if rows:
        session.execute(insert(tables.Remark), rows)
    return len(rows), known


def flagged_uids() -> Select[str]:
    """The uids of pairs whose newest flag is raised; few, so that the whole table of remarks may be read."""
    remark = tables.Remark
    newest = select(func.max(remark.id)).where(remark.kind.in_(_FLAGS)).group_by(remark.pair_uid)
    return select(remark.pair_uid).where(remark.id.in_(newest), remark.kind == "flag")


def flagged_of(session: Session, uids: Sequence[str]) -> set[str]:
    """Returns which of at most BATCH pairs are flagged."""
    remark = tables.Remark
    rows = session.execute(
        select(remark.pair_uid, remark.kind)
        .where(remark.pair_uid.in_(uids), remark.kind.in_(_FLAGS))
        .order_by(remark.id)
    )
    return {uid for uid, kind in dict(rows.all()).items() if kind == "flag"}


def remark_record(row: tables.Remark) -> RemarkRecord:
    return RemarkRecord(row.uid, row.pair_uid, row.reviewer, cast(RemarkKind, row.kind), row.text, row.at)
