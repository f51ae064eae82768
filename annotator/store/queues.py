"""Queries of the review queue: who is asked about which pair, in which order, under which filter, and how far one is.

Everything is one statement of the database over columns of the pair itself, so that 200,000 pairs open at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cached_property
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.disagreement import DisagreementOrder
from annotator.store.finals import DECIDED
from annotator.store.identity import DRAW_MODULUS, draw_factors, seeded_draw
from annotator.store.pairs import PairQueries
from annotator.store.queue_filters import conditions, newest_run, similarity_by
from annotator.store.records import (
    PairRecord,
    QueueCounts,
    QueueFilter,
    QueueOrder,
    QueueState,
    ReviewSettings,
)
from annotator.store.remarks import flagged_uids
from annotator.store.scores import similarity_threshold
from davenet.pairs import PairKind

REVIEWED_KINDS: tuple[PairKind, ...] = ("food",)  # non-food pairs are used as they are, Section 6
SETTINGS_KEY = "review"
_NO_FILTER = QueueFilter()


class QueueQueries(PairQueries):
    @cached_property
    def _disagreement(self) -> DisagreementOrder:
        return DisagreementOrder()

    def review_settings(self) -> ReviewSettings:
        with self._reading() as session:
            return review_settings(session)

    def set_review_settings(self, settings: ReviewSettings) -> None:
        """Raises ValueError where a share is not within 0 to 1."""
        if not (0 <= settings.second_share <= 1 and 0 <= settings.gold_share <= 1):
            raise ValueError("Shares lie within 0 to 1.")
        with self._writing() as session:
            session.merge(tables.Setting(key=SETTINGS_KEY, value=asdict(settings)))

    def queue(
        self,
        state: QueueState = "open",
        *,
        reviewer: str,
        order: QueueOrder = "mined",
        filter: QueueFilter = _NO_FILTER,
        seed: int = 0,
        limit: int | None = None,
        offset: int = 0,
        kinds: Sequence[PairKind] = REVIEWED_KINDS,
    ) -> list[PairRecord]:
        """Returns pairs as one reviewer sees them; "open" is the pending, then the skipped as they were skipped."""
        uids = self.queue_uids(
            state, reviewer=reviewer, order=order, filter=filter, seed=seed, limit=limit, offset=offset, kinds=kinds
        )
        return self.pairs(uids, reviewer=reviewer)

    def queue_uids(
        self,
        state: QueueState = "open",
        *,
        reviewer: str,
        order: QueueOrder = "mined",
        filter: QueueFilter = _NO_FILTER,
        seed: int = 0,
        limit: int | None = None,
        offset: int = 0,
        kinds: Sequence[PairKind] = REVIEWED_KINDS,
    ) -> list[str]:
        """Returns the uids of `queue`: quick on 200,000 pairs, whose records are then fetched as they show.

        `seed` is of the order "shuffled". "threshold" and "disagreement" take the model's side from the filter's run or
        the newest that scored pairs; pairs that it did not score come last by threshold.
        """
        with self._reading() as session:
            found: list[str] = []
            states: Sequence[QueueState] = (state,) if state != "open" else ("pending", "skipped")
            for one in states:
                found += _uids(session, one, reviewer, order, filter, seed, kinds, self._disagreement)
        return found[offset : None if limit is None else offset + limit]

    def counts(self, reviewer: str, *, kinds: Sequence[PairKind] = REVIEWED_KINDS) -> QueueCounts:
        """Returns how far a reviewer is. Decisions on pairs that mining no longer finds stay counted, skips do not."""
        pair, standing = tables.Pair, tables.Standing
        given = (
            select(standing.decision, pair.active, func.count())
            .join(pair, pair.uid == standing.pair_uid)
            .where(standing.reviewer == reviewer, pair.kind.in_(kinds))
            .group_by(standing.decision, pair.active)
        )
        of_kinds = select(func.count()).select_from(pair).where(pair.kind.in_(kinds))
        decided = dict.fromkeys(DECIDED, 0)
        skipped = 0
        with self._reading() as session:
            for decision, is_active, number in session.execute(given):
                if decision in decided:
                    decided[decision] += number
                elif is_active:
                    skipped += number
            pending = session.scalar(of_kinds.where(is_pending(reviewer, review_settings(session)))) or 0
            flagged = session.scalar(of_kinds.where(pair.uid.in_(flagged_uids()))) or 0
            to_adjudicate = session.scalar(of_kinds.where(pair.uid.in_(contested_uids()))) or 0
        return QueueCounts(
            pending,
            skipped,
            accepted=decided["accept"],
            rejected=decided["reject"],
            unsure=decided["unsure"],
            total=pending + skipped + sum(decided.values()),
            flagged=flagged,
            adjudicate=to_adjudicate,
        )


def review_settings(session: Session) -> ReviewSettings:
    """Returns the project's settings of review, within a transaction."""
    row = session.get(tables.Setting, SETTINGS_KEY)
    kept: Mapping[str, Any] = row.value if row is not None else {}
    names = {field.name for field in fields(ReviewSettings)}
    return ReviewSettings(**{name: value for name, value in kept.items() if name in names})


def contested_uids() -> Select[str]:
    """The uids of pairs to adjudicate: verdicts that stand differ or one is unsure, and nobody has adjudicated."""
    standing, adjudication = tables.Standing, tables.Adjudication
    unsure = func.sum(case((standing.decision == "unsure", 1), else_=0))
    return (
        select(standing.pair_uid)
        .where(standing.decision.in_(DECIDED))
        .where(~exists().where(adjudication.pair_uid == standing.pair_uid, adjudication.decision.in_(DECIDED)))
        .group_by(standing.pair_uid)
        .having(or_(func.min(standing.decision) != func.max(standing.decision), unsure > 0))
    )


def is_pending(reviewer: str, settings: ReviewSettings, *, skipped: bool = False) -> ColumnElement[bool]:
    """Whether a reviewer is to be asked about a pair: nobody decided it yet, or a second verdict or gold asks for it.

    With `skipped`, pairs that the reviewer skipped wait as well.
    """
    pair, standing, gold = tables.Pair, tables.Standing, tables.Gold
    mine = exists().where(standing.pair_uid == pair.uid, standing.reviewer == reviewer)
    if skipped:
        mine = mine.where(standing.decision.in_(DECIDED))
    skips = select(standing.pair_uid).where(standing.reviewer == reviewer, standing.decision == "skip")
    open_to_all = pair.n_decided == 0
    asked = [open_to_all if skipped else and_(open_to_all, pair.uid.not_in(skips))]
    if settings.second_share > 0:
        in_share = seeded(settings.seed, "second") < int(settings.second_share * DRAW_MODULUS)
        asked.append(and_(pair.n_decided == 1, in_share, ~mine))
    if settings.gold_share > 0:
        asked.append(and_(pair.uid.in_(select(gold.pair_uid).where(gold.set_by != reviewer)), ~mine))
    return and_(pair.active, or_(*asked))


def seeded(seed: int, purpose: str) -> ColumnElement[int]:
    """A pair's own number in 0 … DRAW_MODULUS − 1 under a seed, as `identity.seeded_draw` has it."""
    a, b = draw_factors(seed, purpose)
    return (tables.Pair.draw * a + b) % DRAW_MODULUS


def _uids(
    session: Session,
    state: QueueState,
    reviewer: str,
    order: QueueOrder,
    filter: QueueFilter,
    seed: int,
    kinds: Sequence[PairKind],
    disagreement: DisagreementOrder,
) -> list[str]:
    pair, standing = tables.Pair, tables.Standing
    mine = and_(standing.pair_uid == pair.uid, standing.reviewer == reviewer)
    settings = review_settings(session)
    query: Select[str] = select(pair.uid).where(pair.kind.in_(kinds), *conditions(session, filter))
    if state == "pending":
        query = query.where(is_pending(reviewer, settings))
    elif state == "skipped":
        query = query.join(standing, mine).where(pair.active, standing.decision == "skip")
        return _listed(session, query.order_by(standing.verdict_id))
    elif state == "done":
        query = query.join(standing, mine).where(standing.decision.in_(DECIDED))
    elif state == "flagged":
        query = query.where(pair.uid.in_(flagged_uids()))
    elif state == "adjudicate":
        query = query.where(pair.uid.in_(contested_uids()))
    else:
        by_me = select(standing.pair_uid).where(standing.reviewer == reviewer, standing.decision.in_(DECIDED))
        query = query.where(or_(pair.active, pair.uid.in_(by_me)))
    if order == "disagreement":
        found = disagreement.of(session, _listed(session, query), filter.run, kinds)
    else:
        found = _listed(session, _ordered(session, query, order, filter.run, seed))
    if state == "pending" and settings.gold_share > 0:
        return _gold_mixed_in(session, found, reviewer, settings)
    return found


def _ordered(session: Session, query: Select[str], order: QueueOrder, run: str | None, seed: int) -> Select[str]:
    pair = tables.Pair
    as_mined = (pair.position, pair.uid)
    if order == "confident":
        return query.order_by(pair.label_probability.desc().nulls_last(), *as_mined)
    if order == "uncertain":
        return query.order_by(pair.label_probability.nulls_first(), *as_mined)
    if order == "shuffled":
        return query.order_by(seeded(seed, "shuffled"), pair.uid)
    if order == "class":
        return query.order_by(pair.class_name.nulls_last(), *as_mined)
    if order == "threshold" and (run_id := newest_run(session, run)) is not None:
        away = func.abs(similarity_by(session, run) - similarity_threshold(session, run_id))
        return query.order_by(away.nulls_last(), *as_mined)
    return query.order_by(*as_mined)


def _listed(session: Session, query: Select[str]) -> list[str]:
    """Returns the uids of a query in its order, through one text: 200,000 rows would hold up every other thread."""
    uids = query.subquery()
    joined = session.scalar(select(func.aggregate_strings(uids.c.uid, "\n")))
    return joined.split("\n") if joined else []


def _gold_mixed_in(session: Session, uids: list[str], reviewer: str, settings: ReviewSettings) -> list[str]:
    """Puts the gold pairs of a queue where they are due, by how many of each kind the reviewer has decided.

    The next gold pair is due after a seeded, uneven number of others: a queue read again mixes them in at the same places.
    """
    gold, standing = tables.Gold, tables.Standing
    golds = set(session.scalars(select(gold.pair_uid).where(gold.set_by != reviewer)))
    if not golds:
        return uids
    is_gold = exists().where(gold.pair_uid == standing.pair_uid, gold.set_by != reviewer)
    decided = select(func.count()).select_from(standing).where(standing.reviewer == reviewer)
    n_gold = session.scalar(decided.where(is_gold)) or 0
    n_others = session.scalar(decided.where(~is_gold)) or 0
    turns = f"gold of {reviewer}"
    waiting = sorted((uid for uid in uids if uid in golds), key=lambda uid: seeded_draw(uid, settings.seed, turns))
    others = iter([uid for uid in uids if uid not in golds])
    mixed: list[str] = []
    for turn, uid in enumerate(waiting, n_gold):
        jitter = Random(f"{settings.seed}:{reviewer}:{turn}").random()
        due = round((turn + jitter) * (1 - settings.gold_share) / settings.gold_share)
        mixed += islice(others, max(0, due - n_others))
        n_others = max(n_others, due)
        mixed.append(uid)
    return mixed + list(others)
