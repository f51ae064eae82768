"""Queries on the people who review: gold pairs and scores on them, conflicts, agreement, pace, and the bias of what is seen."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import aliased

from annotator.store import tables
from annotator.store.database import in_batches
from annotator.store.finals import DECIDED
from annotator.store.queues import SETTINGS_KEY, contested_uids, review_settings
from annotator.store.records import (
    DECISIONS,
    BlindChanges,
    Conflict,
    Decision,
    GoldPair,
    GoldScore,
    RemarkRecord,
    ReviewerSummary,
    ReviewSettings,
    VerdictRecord,
)
from annotator.store.remarks import insert_remarks, remark_record
from annotator.store.summaries import summaries
from annotator.store.verdicts import VerdictQueries, insert_verdicts, verdict_record
from davenet.agreement import Agreement, agreement
from davenet.errors import UserError
from davenet.intervals import wilson_interval


@dataclass(frozen=True, slots=True)
class Added:
    """What `add_review` added: new verdicts and those that were here already, new remarks, new gold pairs."""

    verdicts: int
    known: int
    remarks: int
    gold: int


class PeopleQueries(VerdictQueries):
    def add_review(
        self,
        verdicts: Iterable[VerdictRecord],
        remarks: Iterable[RemarkRecord],
        gold: Iterable[GoldPair] = (),
        settings: ReviewSettings | None = None,
    ) -> Added:
        """Adds what people said in another project, in one transaction; a pair that is gold here stays as it is."""
        with self._writing() as session:
            new, known = insert_verdicts(session, verdicts)
            new_remarks = insert_remarks(session, remarks)[0]
            here = set(session.scalars(select(tables.Gold.pair_uid)))
            rows = {one.pair_uid: asdict(one) for one in gold if one.pair_uid not in here}
            if rows:
                session.execute(insert(tables.Gold), list(rows.values()))
            if settings is not None:
                session.merge(tables.Setting(key=SETTINGS_KEY, value=asdict(settings)))
            return Added(new, known, new_remarks, len(rows))

    def set_gold(
        self, pair_uid: str, decision: Decision | None, *, set_by: str, label: str | None = None
    ) -> GoldPair | None:
        """Makes a pair gold with its right verdict, or (decision None) an ordinary one again."""
        if decision is not None and (decision not in DECISIONS or decision == "skip"):
            raise ValueError(f"{decision} is no right verdict")
        with self._writing() as session:
            if session.get(tables.Pair, pair_uid) is None:
                raise UserError(f"{self.path.parent} has no pair {pair_uid}; mine its pairs again.")
            row = session.get(tables.Gold, pair_uid)
            if decision is None:
                if row is not None:
                    session.delete(row)
                return None
            values = {"decision": decision, "label": label, "set_by": set_by, "at": datetime.now(UTC)}
            session.merge(tables.Gold(pair_uid=pair_uid, **values))
        return GoldPair(pair_uid, decision, label, set_by, cast(datetime, values["at"]))

    def gold_pairs(self) -> list[GoldPair]:
        """Returns the gold pairs, the newest first."""
        gold = tables.Gold
        with self._reading() as session:
            rows = session.scalars(select(gold).order_by(gold.at.desc(), gold.pair_uid))
            return [GoldPair(row.pair_uid, cast(Decision, row.decision), row.label, row.set_by, row.at) for row in rows]

    def gold_scores(self) -> list[GoldScore]:
        """Returns how each reviewer did on the gold pairs that others set: on what was said before any reveal."""
        gold = tables.Gold
        verdict, unaided = _unaided()
        query = (
            unaided.add_columns(gold.decision.label("right"), gold.label.label("right_label"))
            .join(gold, gold.pair_uid == verdict.pair_uid)
            .where(gold.set_by != verdict.reviewer)
        )
        right: Counter[str] = Counter()
        asked: Counter[str] = Counter()
        wrong: defaultdict[str, list[str]] = defaultdict(list)
        with self._reading() as session:
            for row in session.execute(query.order_by(verdict.given_at, verdict.id)):
                asked[row.reviewer] += 1
                if row.decision == row.right and row.right_label in (None, row.label):
                    right[row.reviewer] += 1
                else:
                    wrong[row.reviewer].append(row.pair_uid)
        return [
            GoldScore(name, right[name], asked[name], wilson_interval(right[name], asked[name]), tuple(wrong[name]))
            for name in sorted(asked)
        ]

    def conflicts(self) -> list[Conflict]:
        """Returns the pairs to adjudicate with what each reviewer said of them and their comments, as mined."""
        pair, standing, verdict, remark = tables.Pair, tables.Standing, tables.Verdict, tables.Remark
        query = select(pair.uid).where(pair.uid.in_(contested_uids())).order_by(pair.position, pair.uid)
        given: defaultdict[str, list[VerdictRecord]] = defaultdict(list)
        remarks: defaultdict[str, list[RemarkRecord]] = defaultdict(list)
        with self._reading() as session:
            uids = list(session.scalars(query))
            for some in in_batches(uids):
                stands = (
                    select(verdict)
                    .join(standing, standing.verdict_id == verdict.id)
                    .where(standing.pair_uid.in_(some), standing.decision.in_(DECIDED))
                )
                for row in session.scalars(stands.order_by(verdict.given_at, verdict.id)):
                    given[row.pair_uid].append(verdict_record(row))
                for note in session.scalars(select(remark).where(remark.pair_uid.in_(some)).order_by(remark.id)):
                    remarks[note.pair_uid].append(remark_record(note))
        return [Conflict(uid, tuple(given[uid]), tuple(remarks[uid])) for uid in uids]

    def adjudicate(
        self,
        pair_uid: str,
        decision: Decision,
        *,
        reviewer: str,
        seconds: float = 0.0,
        window_s: float = 0.0,
        label: str | None = None,
        reason: str | None = None,
        comment: str | None = None,
    ) -> VerdictRecord:
        """Keeps the final decision on a pair, whatever its reviewers said; their own verdicts stay as they are."""
        return self.give_verdict(
            pair_uid, decision, reviewer=reviewer, seconds=seconds, window_s=window_s, label=label, reason=reason,
            comment=comment, purpose="adjudication",
        )  # fmt: skip

    def agreement(self, *, seed: int | None = None) -> Agreement:
        """Returns how far reviewers agree beyond chance, on what each said before any reveal; by the project's seed."""
        _, unaided = _unaided()
        decisions: defaultdict[str, dict[str, str]] = defaultdict(dict)
        with self._reading() as session:
            for row in session.execute(unaided):
                decisions[row.reviewer][row.pair_uid] = row.decision
            seed = review_settings(session).seed if seed is None else seed
        return agreement(decisions, seed=seed)

    def blind_changes(self) -> list[BlindChanges]:
        """Returns how often each reviewer changed a blind verdict after the reveal, of all blind ones.

        Who leaves a blind verdict as it is gives no second one: every blind verdict counts, whatever followed it.
        """
        standing = tables.Standing
        before, after = aliased(tables.Verdict), aliased(tables.Verdict)
        query = (
            select(standing.reviewer, before.decision, before.label, after.decision, after.label)
            .join(before, before.id == func.coalesce(standing.blind_id, standing.verdict_id))
            .join(after, after.id == standing.verdict_id)
            .where(before.blind, before.decision.in_(DECIDED))
        )
        revealed: Counter[str] = Counter()
        changes: defaultdict[str, Counter[tuple[Decision, Decision]]] = defaultdict(Counter)
        with self._reading() as session:
            for reviewer, was, was_label, is_now, label in session.execute(query):
                revealed[reviewer] += 1
                if (was, was_label) != (is_now, label):
                    changes[reviewer][cast(Decision, was), cast(Decision, is_now)] += 1
        return [
            BlindChanges(
                name,
                revealed[name],
                changes[name].total(),
                wilson_interval(changes[name].total(), revealed[name]),
                dict(changes[name]),
                sum(n for (was, is_now), n in changes[name].items() if is_now == "accept" != was),
            )
            for name in sorted(revealed)
        ]

    def people(self) -> list[ReviewerSummary]:
        """Returns each reviewer's standing verdicts summed up, by name; adjudications are not among them."""
        with self._reading() as session:
            return summaries(session)


def _unaided() -> tuple[type[tables.Verdict], Select[str, str, str, str | None]]:
    """Each reviewer's decision on each pair before any reveal, skips left out."""
    standing, verdict = tables.Standing, tables.Verdict
    return verdict, (
        select(verdict.pair_uid, verdict.reviewer, verdict.decision, verdict.label)
        .join(standing, verdict.id == func.coalesce(standing.blind_id, standing.verdict_id))
        .where(verdict.decision.in_(DECIDED))
    )
