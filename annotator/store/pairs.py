"""Queries on pairs: what mining found, the review queue of a reviewer, and the pairs that people accepted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    CompoundSelect,
    Select,
    and_,
    delete,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database, in_batches
from annotator.store.identity import KnownPair, Place, place_of, recognised_pair
from annotator.store.records import (
    Decision,
    Mining,
    PairChanges,
    PairRecord,
    PairState,
    QueueCounts,
    QueueOrder,
    QueueState,
    Split,
)
from davenet.errors import UserError
from davenet.pairs import Pair, PairKind, WeakLabel

REVIEWED_KINDS: tuple[PairKind, ...] = ("food",)  # non-food pairs are used as they are, Section 6
_DECIDED = ("accept", "reject", "unsure")
_PAIR_COLUMNS = (
    tables.Pair.uid,
    tables.Pair.video_uid,
    tables.Video.title,
    tables.Pair.time_s,
    tables.Pair.segment_s,
    tables.Pair.kind,
    tables.Pair.food_probability,
    tables.Pair.sound_offset_s,
    tables.Pair.active,
    tables.Pair.position,
    tables.Pair.detector,
    tables.Pair.recogniser,
    tables.Pair.mining_id,
)


class PairQueries(Database):
    def put_pairs(
        self,
        pairs: Sequence[Pair],
        settings: Mapping[str, Any],
        *,
        videos: Iterable[str] | None = None,
        detectors: Mapping[str, str] | None = None,
        recognisers: Mapping[str, str] | None = None,
    ) -> PairChanges:
        """Makes the mined pairs (in this order) the project's, under a new mining with its settings.

        A pair is known by its video, its time and the label that people are asked about. Found again it keeps its uid and
        its verdicts and gets the new labels, the one asked about first. Where that label is gone and there are verdicts on
        it, the frame's other labels make a pair of their own. Pairs of the mined `videos` (None: all) that were not found
        again are marked inactive, never deleted. `detectors` and `recognisers` name by video uid what the labels came
        from. Raises UserError, and changes nothing, where a pair's video is unknown.
        """
        with self._writing() as session:
            known_videos = set(session.scalars(select(tables.Video.uid)))
            for pair in pairs:
                if pair.video_uid not in known_videos:
                    raise UserError(
                        f"{self.path.parent} has no video {pair.video_uid}; import it before mining its pairs."
                    )
            mined = known_videos if videos is None else set(videos)
            mining = tables.Mining(at=datetime.now(UTC), settings=dict(settings))
            session.add(mining)
            session.flush()
            known = _known_pairs(session, sorted(mined | {pair.video_uid for pair in pairs}))
            for some in in_batches(sorted(mined)):
                in_some = tables.Pair.video_uid.in_(some)
                session.execute(update(tables.Pair).where(in_some, tables.Pair.active).values(active=False))
            first = 0
            if mined != known_videos:
                first = (session.scalar(select(func.max(tables.Pair.position))) or 0) + 1
            recognised = (recognised_pair(pair, known.get(place_of(pair), ())) for pair in pairs)
            unique = {pair.uid: pair for pair in recognised}
            rows = [
                _pair_values(pair, first + place, mining.id, detectors or {}, recognisers or {})
                for place, pair in enumerate(unique.values())
            ]
            before = {pair.uid: pair for some in known.values() for pair in some}
            _write_pairs(session, rows, unique, set(before), mining.id)
            gone = [
                pair for uid, pair in before.items() if pair.active and pair.video_uid in mined and uid not in unique
            ]
            return PairChanges(
                Mining(mining.id, mining.at, mining.settings),
                new=sum(uid not in before for uid in unique),
                again=sum(uid in before for uid in unique),
                gone=len(gone),
                gone_decided=sum(pair.has_verdicts for pair in gone),
            )

    def minings(self) -> list[Mining]:
        with self._reading() as session:
            rows = session.scalars(select(tables.Mining).order_by(tables.Mining.id))
            return [Mining(row.id, row.at, row.settings) for row in rows]

    def queue(
        self,
        state: QueueState = "open",
        *,
        reviewer: str,
        order: QueueOrder = "mined",
        limit: int | None = None,
        offset: int = 0,
        kinds: Sequence[PairKind] = REVIEWED_KINDS,
    ) -> list[PairRecord]:
        """Returns pairs as one reviewer sees them; "open" is the pending, then the skipped as they were skipped."""
        uids = self.queue_uids(state, reviewer=reviewer, order=order, limit=limit, offset=offset, kinds=kinds)
        return self.pairs(uids, reviewer=reviewer)

    def queue_uids(
        self,
        state: QueueState = "open",
        *,
        reviewer: str,
        order: QueueOrder = "mined",
        limit: int | None = None,
        offset: int = 0,
        kinds: Sequence[PairKind] = REVIEWED_KINDS,
    ) -> list[str]:
        """Returns the uids of `queue`: quick on 200,000 pairs, whose records are then fetched as they show."""
        if state == "open":
            end = None if limit is None else offset + limit
            found = self.queue_uids("pending", reviewer=reviewer, order=order, limit=end, kinds=kinds)
            if end is None or len(found) < end:
                found += self.queue_uids("skipped", reviewer=reviewer, kinds=kinds)
            return found[offset:end]
        pair, standing = tables.Pair, tables.Standing
        mine = and_(standing.pair_uid == pair.uid, standing.reviewer == reviewer)
        query: Select[str] = select(pair.uid).outerjoin(standing, mine).where(pair.kind.in_(kinds))
        if state == "pending":
            query = query.where(pair.active, standing.pair_uid.is_(None))
        elif state == "skipped":
            query = query.where(pair.active, standing.decision == "skip").order_by(standing.verdict_id)
        elif state == "done":
            query = query.where(standing.decision.in_(_DECIDED))
        else:
            query = query.where(or_(pair.active, standing.decision.in_(_DECIDED)))
        if order == "confident":
            query = query.order_by(pair.label_probability.desc(), pair.position)
        elif order == "uncertain":
            query = query.order_by(pair.label_probability, pair.position)
        else:
            query = query.order_by(pair.position, pair.uid)
        with self._reading() as session:
            return list(session.scalars(query.limit(limit).offset(offset)))

    def pairs(self, uids: Iterable[str], *, reviewer: str) -> list[PairRecord]:
        """Returns the pairs of these uids in their order; uids that the project does not have are left out."""
        wanted = list(uids)
        with self._reading() as session:
            found: dict[str, PairRecord] = {}
            for some in in_batches(wanted):
                found.update(_records(session, some, _decisions_of(session, some, reviewer)))
        return [found[uid] for uid in wanted if uid in found]

    def pair(self, uid: str, *, reviewer: str = "") -> PairRecord:
        """Raises UserError where the project has no such pair."""
        found = self.pairs([uid], reviewer=reviewer)
        if not found:
            raise UserError(f"{self.path.parent} has no pair {uid}; mine its pairs again.")
        return found[0]

    def pairs_of_video(self, video_uid: str, *, reviewer: str = "", active_only: bool = True) -> list[PairRecord]:
        """Returns the pairs of one video in the order of time, of every kind."""
        query = select(tables.Pair.uid).where(tables.Pair.video_uid == video_uid).order_by(tables.Pair.time_s)
        with self._reading() as session:
            uids = list(session.scalars(query.where(tables.Pair.active) if active_only else query))
        return self.pairs(uids, reviewer=reviewer)

    def pair_numbers(self) -> dict[str, tuple[int, int]]:
        """Returns how many active food and non-food pairs each video has, by its uid."""
        pair, numbers = tables.Pair, dict[str, tuple[int, int]]()
        counted = select(pair.video_uid, pair.kind, func.count()).where(pair.active).group_by(pair.video_uid, pair.kind)
        with self._reading() as session:
            for video_uid, kind, number in session.execute(counted):
                food, non_food = numbers.get(video_uid, (0, 0))
                numbers[video_uid] = (food, non_food + number) if kind == "non-food" else (food + number, non_food)
        return numbers

    def counts(self, reviewer: str, *, kinds: Sequence[PairKind] = REVIEWED_KINDS) -> QueueCounts:
        """Returns how far a reviewer is. Decisions on pairs that mining no longer finds stay counted, skips do not."""
        pair, standing = tables.Pair, tables.Standing
        active = select(null().label("decision"), literal(1).label("active"), func.count().label("number"))
        given = (
            select(standing.decision, pair.active, func.count())
            .join(pair, pair.uid == standing.pair_uid)
            .where(standing.reviewer == reviewer, pair.kind.in_(kinds))
            .group_by(standing.decision, pair.active)
        )
        query: CompoundSelect[Any, Any, Any] = union_all(
            active.select_from(pair).where(pair.kind.in_(kinds), pair.active), given
        )
        decided = dict.fromkeys(_DECIDED, 0)
        pending = skipped = 0
        with self._reading() as session:
            for decision, is_active, number in session.execute(query):
                if decision is None:
                    pending += number
                    continue
                if is_active:
                    pending -= number
                if decision in decided:
                    decided[decision] += number
                elif is_active:
                    skipped += number
        accepted, rejected, unsure = decided.values()
        return QueueCounts(pending, skipped, accepted, rejected, unsure, pending + skipped + sum(decided.values()))

    def pair_keys(self) -> tuple[set[str], dict[tuple[str, int, str], dict[str | None, str]]]:
        """Returns all pairs' uids, and them by (source hash, time in ms, kind), which holds across projects.

        There each is under the label that it asks about, the one mined last in front.
        """
        pair, video, label = tables.Pair, tables.Video, tables.Label
        query = (
            select(pair.uid, video.source_hash, pair.time_s, pair.kind, label.class_name)
            .join(video, video.uid == pair.video_uid)
            .outerjoin(label, and_(label.pair_uid == pair.uid, label.place == 0))
            .order_by(pair.active.desc(), pair.mining_id.desc(), pair.position)
        )
        uids, by_content = set(), dict[tuple[str, int, str], dict[str | None, str]]()
        with self._reading() as session:
            for uid, source_hash, time_s, kind, asked in session.execute(query):
                uids.add(uid)
                by_content.setdefault((source_hash, round(time_s * 1000), kind), {}).setdefault(asked, uid)
        return uids, by_content

    def accepted_pairs(self, split: Split | None = None) -> list[PairRecord]:
        """Returns the pairs whose newest verdict, among all reviewers' standing ones but skips, is accept, as mined."""
        standing, verdict = tables.Standing, tables.Verdict
        newest_last = (
            select(standing.pair_uid, standing.decision)
            .join(verdict, verdict.id == standing.verdict_id)
            .where(standing.decision.in_(_DECIDED))
            .order_by(verdict.given_at, verdict.id)
        )
        in_split = select(tables.Video.uid)
        if split is not None:
            in_split = in_split.where(tables.Video.split == split)
        with self._reading() as session:
            decisions = {row[0]: row[1] for row in session.execute(newest_last)}
            videos = set(session.scalars(in_split))
            found: list[PairRecord] = []
            accepted = [uid for uid, decision in decisions.items() if decision == "accept"]
            for some in in_batches(accepted):
                found.extend(_records(session, some, cast(dict[str, Decision], decisions)).values())
        return sorted((p for p in found if p.video_uid in videos), key=lambda p: (p.position, p.uid))

    def non_food_pairs(self, split: Split | None = None) -> list[PairRecord]:
        """Returns the active non-food pairs, which need no review (Section 6), as mined."""
        return self._active_pairs("non-food", split)

    def food_pairs(self, split: Split | None = None) -> list[PairRecord]:
        """Returns the active food pairs, whatever the verdicts on them, as mined."""
        return self._active_pairs("food", split)

    def _active_pairs(self, kind: PairKind, split: Split | None) -> list[PairRecord]:
        query = select(tables.Pair.uid).join(tables.Video).where(tables.Pair.kind == kind, tables.Pair.active)
        if split is not None:
            query = query.where(tables.Video.split == split)
        with self._reading() as session:
            uids = list(session.scalars(query.order_by(tables.Pair.position)))
        return self.pairs(uids, reviewer="")


def _known_pairs(session: Session, video_uids: Sequence[str]) -> dict[Place, list[KnownPair]]:
    """Returns the pairs of these videos, whatever became of them, by where they lie; the first mined of a place first."""
    pair, label = tables.Pair, tables.Label
    decided = set(session.scalars(select(tables.Standing.pair_uid).distinct()))
    known: dict[Place, list[KnownPair]] = {}
    for some in in_batches(video_uids):
        query = (
            select(pair.uid, pair.video_uid, pair.time_s, pair.kind, pair.active, label.class_name)
            .outerjoin(label, and_(label.pair_uid == pair.uid, label.place == 0))
            .where(pair.video_uid.in_(some))
            .order_by(pair.mining_id, pair.position)
        )
        for uid, video_uid, time_s, kind, active, asked in session.execute(query):
            found = KnownPair(uid, video_uid, active, asked, uid in decided)
            known.setdefault((video_uid, round(time_s * 1000), kind), []).append(found)
    return known


def _pair_values(
    pair: Pair, position: int, mining_id: int, detectors: Mapping[str, str], recognisers: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "uid": pair.uid,
        "video_uid": pair.video_uid,
        "time_s": pair.time_s,
        "segment_s": pair.segment_s,
        "sound_offset_s": pair.sound_offset_s,
        "kind": pair.kind,
        "food_probability": pair.food_probability,
        "label_probability": pair.labels[0].probability if pair.labels else None,
        "active": True,
        "position": position,
        "detector": detectors.get(pair.video_uid, ""),
        "recogniser": recognisers.get(pair.video_uid, ""),
        "mining_id": mining_id,
    }


def _write_pairs(
    session: Session, rows: list[dict[str, Any]], pairs: Mapping[str, Pair], known: set[str], mining_id: int
) -> None:
    if new := [row for row in rows if row["uid"] not in known]:
        session.execute(insert(tables.Pair), new)
    if old := [row for row in rows if row["uid"] in known]:
        session.execute(update(tables.Pair), old)  # in bulk, by primary key
        mined_now = select(tables.Pair.uid).where(tables.Pair.mining_id == mining_id)
        session.execute(delete(tables.Label).where(tables.Label.pair_uid.in_(mined_now)))
    labels = [
        {
            "pair_uid": pair.uid,
            "place": place,
            "class_name": label.class_name,
            "probability": label.probability,
            "rank": label.rank,
            "word": label.word,
            "word_start": label.word_start,
            "word_end": label.word_end,
            "word_confidence": label.word_confidence,
        }
        for pair in pairs.values()
        for place, label in enumerate(pair.labels)
    ]
    if labels:
        session.execute(insert(tables.Label), labels)


def _decisions_of(session: Session, uids: Sequence[str], reviewer: str) -> dict[str, Decision]:
    standing = tables.Standing
    rows = session.execute(
        select(standing.pair_uid, standing.decision).where(standing.pair_uid.in_(uids), standing.reviewer == reviewer)
    )
    return {pair_uid: cast(Decision, decision) for pair_uid, decision in rows}


def labels_of(session: Session, uids: Sequence[str]) -> dict[str, tuple[WeakLabel, ...]]:
    """Returns the weak labels by pair uid, for at most BATCH pairs."""
    label, labels = tables.Label, dict[str, list[WeakLabel]]()
    for row in session.execute(
        select(
            label.pair_uid,
            label.class_name,
            label.probability,
            label.rank,
            label.word,
            label.word_start,
            label.word_end,
            label.word_confidence,
        )
        .where(label.pair_uid.in_(uids))
        .order_by(label.pair_uid, label.place)
    ):
        labels.setdefault(row[0], []).append(WeakLabel(*row[1:]))
    return {uid: tuple(found) for uid, found in labels.items()}


def _records(session: Session, uids: Sequence[str], decisions: Mapping[str, Decision]) -> dict[str, PairRecord]:
    labels = labels_of(session, uids)
    query = select(*_PAIR_COLUMNS).join(tables.Video, tables.Video.uid == tables.Pair.video_uid)
    records = {}
    for row in session.execute(query.where(tables.Pair.uid.in_(uids))):
        uid, video_uid, title, time_s, segment_s, kind, food, offset, active, position, detector, recogniser, mining = (
            row
        )
        decision = decisions.get(uid)
        state: PairState = "pending" if decision is None else "skipped" if decision == "skip" else "done"
        records[uid] = PairRecord(
            uid,
            video_uid,
            title,
            time_s,
            segment_s,
            cast(PairKind, kind),
            labels.get(uid, ()),
            food,
            offset,
            active,
            position,
            detector,
            recogniser,
            mining,
            state,
            decision,
        )
    return records
