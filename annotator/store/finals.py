"""What pairs came out as: an adjudication wins, then what more than half of the reviewers say, then the newest verdict.

Everything that uses verdicts (training, exports, statistics, releases) takes them from here.
"""

from collections import Counter, defaultdict
from typing import Any, Literal, cast

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.records import Decision, FinalVerdict

DECIDED = ("accept", "reject", "unsure")


class FinalQueries(Database):
    def final_verdicts(self) -> dict[str, FinalVerdict]:
        """Returns by pair uid what each pair that anyone decided came out as; skips count for nothing."""
        with self._reading() as session:
            return final_verdicts(session)


def final_verdicts(session: Session) -> dict[str, FinalVerdict]:
    """As `FinalQueries.final_verdicts`, within a transaction."""
    reviews: defaultdict[str, list[Any]] = defaultdict(list)
    for row in session.execute(_given(tables.Standing)):
        reviews[row.pair_uid].append(row)
    adjudicated = {row.pair_uid: row for row in session.execute(_given(tables.Adjudication))}
    finals = {uid: _settled(rows) for uid, rows in reviews.items() if uid not in adjudicated}
    for uid, row in adjudicated.items():
        finals[uid] = _final(row, "adjudication", len(reviews.get(uid, ())))
    return finals


def _given(table: type[tables.Standing] | type[tables.Adjudication]) -> Select[str, str, str | None, str]:
    """The verdicts that stand but skips, the newest last."""
    verdict = tables.Verdict
    return (
        select(table.pair_uid, table.decision, verdict.label, verdict.uid)
        .join(verdict, verdict.id == table.verdict_id)
        .where(table.decision.in_(DECIDED))
        .order_by(verdict.given_at, verdict.id)
    )


def _settled(rows: list[Any]) -> FinalVerdict:
    if len(rows) == 1:
        return _final(rows[0], "agreement", 1)
    decision, number = Counter(row.decision for row in rows).most_common(1)[0]
    if 2 * number <= len(rows):
        return _final(rows[-1], "newest", len(rows))
    newest = next(row for row in reversed(rows) if row.decision == decision)
    return _final(newest, "agreement", len(rows))


def _final(row: Any, settled_by: Literal["adjudication", "agreement", "newest"], n_reviewers: int) -> FinalVerdict:
    return FinalVerdict(row.pair_uid, cast(Decision, row.decision), row.label, row.uid, settled_by, n_reviewers)
