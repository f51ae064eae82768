"""Queries on verdicts: rows are only inserted, undo and redo included; the standing ones are derived with them."""

import statistics as numbers
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import CompoundSelect, Select, bindparam, exists, func, insert, select, union_all
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database, in_batches
from annotator.store.finals import final_verdicts
from annotator.store.history import redoable, standing_backwards
from annotator.store.pairs import labels_of
from annotator.store.records import (
    DECISIONS,
    PURPOSES,
    Decision,
    HistoryEntry,
    Purpose,
    Statistics,
    Tally,
    VerdictRecord,
)
from annotator.store.standing import derive_standing
from davenet import __version__
from davenet.errors import UserError
from davenet.pairs import WeakLabel


class VerdictQueries(Database):
    def give_verdict(
        self,
        pair_uid: str,
        decision: Decision,
        *,
        reviewer: str,
        seconds: float,
        window_s: float,
        label: str | None = None,
        reason: str | None = None,
        comment: str | None = None,
        blind: bool = False,
        replays: int = 0,
        keys: Iterable[str] = (),
        offset_s: float = 0.0,
        purpose: Purpose = "first",
    ) -> VerdictRecord:
        """Keeps a decision; when this returns it is on the disk. `label` is the class it is about (None: as asked).

        A first verdict becomes one of purpose "gold" on a gold pair, and "second" where another reviewer decided before.
        Raises UserError where the project has no such pair or the reviewer has no name.
        """
        if decision not in DECISIONS or purpose not in PURPOSES:
            raise ValueError(f"{decision} is not a decision, or {purpose} not a purpose")
        if not reviewer.strip():
            raise UserError("A verdict needs a reviewer's name; enter yours in the settings.")
        with self._writing() as session:
            about = session.connection().execute(_ABOUT, {"pair": pair_uid, "who": reviewer}).first()
            if about is None:
                raise UserError(f"{self.path.parent} has no pair {pair_uid}; mine its pairs again.")
            shown = labels_of(session, [pair_uid]).get(pair_uid, ())
            verdict = VerdictRecord(
                uid=uuid.uuid4().hex,
                pair_uid=pair_uid,
                reviewer=reviewer,
                decision=decision,
                label=label or (shown[0].class_name if shown else None),
                reason=reason,
                comment=comment,
                seconds=seconds,
                window_s=window_s,
                blind=blind,
                given_at=_next_moment(about.last),
                app_version=__version__,
                origin="review",
                mining_id=about.mining_id,
                labels=shown,
                replays=replays,
                keys=tuple(keys),
                offset_s=offset_s,
                purpose=_purpose(about.is_gold, about.is_second) if purpose == "first" else purpose,
            )
            _append(session, verdict)
            return verdict

    def undo(self, reviewer: str) -> str | None:
        """Withdraws the reviewer's newest verdict that stands and returns its pair's uid; None where there is none."""
        with self._writing() as session:
            with session.scalars(_backwards(reviewer)) as rows:
                target = next(iter(standing_backwards(rows)), None)
            return None if target is None else _append_about(session, target, "withdrawn")

    def redo(self, reviewer: str) -> str | None:
        """Restores the verdict withdrawn last, unless one was given since, and returns its pair's uid, or None."""
        with self._writing() as session:
            with session.scalars(_backwards(reviewer)) as rows:
                uid = redoable(rows)
            if uid is None:
                return None
            target = session.scalars(select(tables.Verdict).where(tables.Verdict.uid == uid)).one()
            return _append_about(session, target, "restored")

    def last_verdicts(self, reviewer: str, limit: int = 20) -> list[VerdictRecord]:
        """Returns the reviewer's verdicts that are not withdrawn, the newest first: the order of undo."""
        found: list[VerdictRecord] = []
        with self._reading() as session, session.scalars(_backwards(reviewer)) as rows:
            for row in standing_backwards(rows):
                found.append(verdict_record(row))
                if len(found) == limit:
                    break
        return found

    def verdicts(self, *, reviewer: str | None = None, pair_uid: str | None = None) -> list[VerdictRecord]:
        """Returns the standing verdict of each reviewer on each pair (of one, on one), in the order given."""
        query = select(tables.Verdict).join(tables.Standing, tables.Standing.verdict_id == tables.Verdict.id)
        if reviewer is not None:
            query = query.where(tables.Verdict.reviewer == reviewer)
        if pair_uid is not None:
            query = query.where(tables.Standing.pair_uid == pair_uid)
        with self._reading() as session:
            return [
                verdict_record(row)
                for row in session.scalars(query.order_by(tables.Verdict.given_at, tables.Verdict.id))
            ]

    def lasting_verdicts(self, *, reviewer: str | None = None) -> list[VerdictRecord]:
        """Returns what a project is to keep for good, in the order given.

        These are the standing verdicts, the blind ones that a revealed one followed, and the adjudications.
        """
        standing, verdict = tables.Standing, tables.Verdict
        ids: CompoundSelect[Any] = union_all(
            select(standing.verdict_id),
            select(standing.blind_id).where(standing.blind_id.is_not(None)),
            select(tables.Adjudication.verdict_id),
        )
        query = select(verdict).where(verdict.id.in_(ids)).order_by(verdict.given_at, verdict.id)
        if reviewer is not None:
            query = query.where(verdict.reviewer == reviewer)
        with self._reading() as session:
            return [verdict_record(row) for row in session.scalars(query)]

    def history(self, pair_uid: str | None = None) -> list[VerdictRecord]:
        """Returns every row ever written (on a pair), the oldest first, withdrawals and restorations included."""
        query = select(tables.Verdict).order_by(tables.Verdict.id)
        if pair_uid is not None:
            query = query.where(tables.Verdict.pair_uid == pair_uid)
        with self._reading() as session:
            return [verdict_record(row) for row in session.scalars(query)]

    def add_verdicts(self, verdicts: Iterable[VerdictRecord]) -> tuple[int, int]:
        """Adds verdicts from another project, all in one transaction, and returns how many were new and how many known.

        Where a reviewer has several on a pair, the one given last stands, wherever it was given.
        """
        with self._writing() as session:
            return insert_verdicts(session, verdicts)

    def reviewers(self) -> list[str]:
        with self._reading() as session:
            return list(session.scalars(select(tables.Verdict.reviewer).distinct().order_by(tables.Verdict.reviewer)))

    def statistics(self) -> Statistics:
        """Returns the standing verdicts counted, and the pairs; a verdict's class is the label that it was about."""
        verdict, standing = tables.Verdict, tables.Standing
        query = select(standing.pair_uid, standing.reviewer, standing.decision, verdict.label, verdict.seconds).join(
            verdict, verdict.id == standing.verdict_id
        )
        overall: Counter[str] = Counter()
        by_class: defaultdict[str, Counter[str]] = defaultdict(Counter)
        by_reviewer: defaultdict[str, Counter[str]] = defaultdict(Counter)
        of_pair: defaultdict[str, list[str]] = defaultdict(list)
        seconds = []
        with self._reading() as session:
            for pair_uid, reviewer, decision, label, taken in session.execute(query):
                overall[decision] += 1
                by_class[label or ""][decision] += 1
                by_reviewer[reviewer][decision] += 1
                if decision != "skip":
                    of_pair[pair_uid].append(decision)
                    seconds.append(taken)
            final = Counter(one.decision for one in final_verdicts(session).values())
        several = [decisions for decisions in of_pair.values() if len(decisions) > 1]
        return Statistics(
            _tally(overall),
            {name: _tally(by_class[name]) for name in sorted(by_class)},
            {name: _tally(by_reviewer[name]) for name in sorted(by_reviewer)},
            numbers.median(seconds) if seconds else None,
            len(several),
            sum(len(set(decisions)) > 1 for decisions in several),
            _tally(Counter[str](final)),
        )


def insert_verdicts(session: Session, verdicts: Iterable[VerdictRecord]) -> tuple[int, int]:
    """Adds verdicts given elsewhere within a transaction, as `add_verdicts` does in one of its own."""
    known = 0
    rows: list[dict[str, Any]] = []
    touched: defaultdict[str, set[str]] = defaultdict(set)
    uids = set(session.scalars(select(tables.Verdict.uid)))
    for verdict in verdicts:
        if verdict.uid in uids:
            known += 1
            continue
        rows.append(asdict(verdict) | {"origin": "import", "mining_id": None})
        touched[verdict.reviewer].add(verdict.pair_uid)
        uids.add(verdict.uid)
    if rows:
        session.execute(insert(tables.Verdict), rows)
    for reviewer, pair_uids in touched.items():
        for some in in_batches(sorted(pair_uids)):
            derive_standing(session, some, reviewer)
    return len(rows), known


def _backwards(reviewer: str) -> Select[tables.Verdict]:
    """A reviewer's own rows, newest first, a few at a time: undo seldom looks further than the first."""
    mine = select(tables.Verdict).where(tables.Verdict.reviewer == reviewer, tables.Verdict.origin == "review")
    return mine.order_by(tables.Verdict.id.desc()).execution_options(yield_per=100)


def _about() -> Select[int, datetime, bool, bool]:
    """What a new verdict needs to know: the pair, the reviewer's last moment, whose gold it is, whether others decided."""
    pair, standing, gold, verdict = tables.Pair, tables.Standing, tables.Gold, tables.Verdict
    last = select(func.max(verdict.given_at)).where(verdict.reviewer == bindparam("who"))
    others = exists().where(
        standing.pair_uid == pair.uid, standing.reviewer != bindparam("who"), standing.decision != "skip"
    )
    set_gold = exists().where(gold.pair_uid == pair.uid, gold.set_by != bindparam("who"))
    return select(
        pair.mining_id,
        last.scalar_subquery().label("last"),
        set_gold.label("is_gold"),
        others.label("is_second"),
    ).where(pair.uid == bindparam("pair"))


# Put together once: for a single verdict that takes longer than the database itself
_ABOUT = _about()
_LAST = select(func.max(tables.Verdict.given_at)).where(tables.Verdict.reviewer == bindparam("who"))
_INSERT = insert(tables.Verdict)


def _next_moment(last: datetime | None) -> datetime:
    """Now, but always later than the reviewer's last row, so that a clock set back lets no older verdict stand."""
    now = datetime.now(UTC)
    return now if last is None else max(now, last + timedelta(microseconds=1))


def _append(session: Session, verdict: VerdictRecord) -> None:
    session.connection().execute(_INSERT, asdict(verdict))
    derive_standing(session, [verdict.pair_uid], verdict.reviewer)


def _append_about(session: Session, target: tables.Verdict, decision: Literal["withdrawn", "restored"]) -> str:
    last = session.connection().execute(_LAST, {"who": target.reviewer}).scalar()
    row = VerdictRecord(
        uid=uuid.uuid4().hex,
        pair_uid=target.pair_uid,
        reviewer=target.reviewer,
        decision=decision,
        label=target.label,
        reason=None,
        comment=None,
        seconds=0.0,
        window_s=target.window_s,
        blind=target.blind,
        given_at=_next_moment(last),
        app_version=__version__,
        refers_to=target.uid,
        origin="review",
        mining_id=target.mining_id,
        purpose=cast(Purpose, target.purpose),
    )
    _append(session, row)
    return target.pair_uid


def _purpose(is_gold: bool, is_second: bool) -> Purpose:
    """Returns what a verdict is that was not asked for as anything else."""
    if is_gold:
        return "gold"
    return "second" if is_second else "first"


def _tally(counted: Counter[str]) -> Tally:
    return Tally(counted["accept"], counted["reject"], counted["unsure"], counted["skip"])


def verdict_record(row: tables.Verdict) -> VerdictRecord:
    """Returns a row of the history as what the store gives out."""
    return VerdictRecord(
        row.uid,
        row.pair_uid,
        row.reviewer,
        cast(HistoryEntry, row.decision),
        row.label,
        row.reason,
        row.comment,
        row.seconds,
        row.window_s,
        row.blind,
        row.given_at,
        row.app_version,
        row.refers_to,
        cast(Literal["review", "import"], row.origin),
        row.mining_id,
        tuple(WeakLabel(**label) for label in row.labels),
        row.replays,
        tuple(row.keys),
        row.offset_s,
        cast(Purpose, row.purpose),
    )
