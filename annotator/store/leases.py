"""Leases: a pair is before one reviewer at a time, and each follows what the others decide meanwhile.

On PostgreSQL a row that another is just taking is passed over (FOR UPDATE SKIP LOCKED); on SQLite writers wait in line.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, delete, exists, select, update
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.queues import QueueQueries, is_pending, review_settings
from annotator.store.records import QueueMarker

_AT_ONCE = 50  # pairs looked at in one statement
_RECENT = 256  # rows whose neighbours may still be on their way


class LeaseQueries(QueueQueries):
    def lease_next(self, uids: Sequence[str], *, reviewer: str, holder: str, for_s: float = 120) -> str | None:
        """Takes the first of these pairs that still waits for the reviewer and is before nobody else; None without one.

        The lease ends by itself after `for_s` seconds; `holder` is the reviewer's app.
        """
        for first in range(0, len(uids), _AT_ONCE):
            with self._writing() as session:
                if (uid := _take(session, uids[first : first + _AT_ONCE], reviewer, holder, for_s)) is not None:
                    return uid
        return None

    def renew(self, pair_uid: str, *, holder: str, for_s: float = 120) -> bool:
        """Makes a holder's lease last from now; False where it ran out and another took the pair."""
        lease = tables.Lease
        with self._writing() as session:
            row = session.scalars(select(lease).where(lease.pair_uid == pair_uid).with_for_update()).first()
            if row is None or row.holder != holder:
                return False
            row.until = datetime.now(UTC) + timedelta(seconds=for_s)
            return True

    def release(self, pair_uid: str | None = None, *, holder: str) -> None:
        """Gives a pair back, or all that the holder has."""
        mine = delete(tables.Lease).where(tables.Lease.holder == holder)
        with self._writing() as session:
            session.execute(mine if pair_uid is None else mine.where(tables.Lease.pair_uid == pair_uid))

    def leases(self) -> dict[str, str]:
        """Returns the reviewer by the uid of each pair that is before someone now."""
        lease = tables.Lease
        with self._reading() as session:
            running = select(lease.pair_uid, lease.reviewer).where(lease.until > datetime.now(UTC))
            return {row[0]: row[1] for row in session.execute(running)}

    def changes_since(self, marker: QueueMarker | None = None) -> tuple[QueueMarker, list[str]]:
        """Returns where the project's history is now, and the pairs with new verdicts or remarks since the marker.

        Without a marker there are none yet: it is where to begin.
        """
        verdict, remark = tables.Verdict, tables.Remark
        with self._reading() as session:
            last_remark = session.scalar(select(remark.id).order_by(remark.id.desc()).limit(1)) or 0
            if marker is None:
                rows = session.execute(select(verdict.id).order_by(verdict.id.desc()).limit(_RECENT)).all()
                ids = [row[0] for row in rows]
                return QueueMarker(max(ids, default=0), last_remark, frozenset(ids)), []
            after = marker.verdict_id - _RECENT
            found = session.execute(
                select(verdict.id, verdict.pair_uid).where(verdict.id > after).order_by(verdict.id)
            ).all()
            new = [row for row in found if row[0] not in marker.recent]
            remarked = select(remark.pair_uid).where(remark.id > marker.remark_id).order_by(remark.id)
            uids = dict.fromkeys([*(row[1] for row in new), *session.scalars(remarked)])
        newest = max((row[0] for row in found), default=marker.verdict_id)
        recent = frozenset(row[0] for row in found if row[0] > newest - 2 * _RECENT)
        return QueueMarker(newest, max(last_remark, marker.remark_id), recent), list(uids)


def _take(session: Session, uids: Sequence[str], reviewer: str, holder: str, for_s: float) -> str | None:
    pair, lease = tables.Pair, tables.Lease
    now = datetime.now(UTC)
    is_taken = exists().where(lease.pair_uid == pair.uid, lease.until > now, lease.holder != holder)
    waits = is_pending(reviewer, review_settings(session), skipped=True)
    place = case({uid: place for place, uid in enumerate(uids)}, value=pair.uid)
    free = select(pair.uid).where(pair.uid.in_(uids), waits, ~is_taken).order_by(place).limit(1)
    passed: list[str] = []
    while True:
        uid = session.scalar(free.where(pair.uid.not_in(passed)).with_for_update(of=pair, skip_locked=True))
        if uid is None:
            return None
        # Now that the pair is locked: another may have leased it after the statement above began
        row = session.scalars(select(lease).where(lease.pair_uid == uid)).first()
        if row is not None and row.until > now and row.holder != holder:
            passed.append(uid)
            continue
        until = now + timedelta(seconds=for_s)
        if row is None:
            session.add(lease(pair_uid=uid, reviewer=reviewer, holder=holder, until=until))
        else:
            session.execute(
                update(lease).where(lease.pair_uid == uid).values(reviewer=reviewer, holder=holder, until=until)
            )
        return uid
