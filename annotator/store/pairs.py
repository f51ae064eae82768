"""Queries on pairs: what mining found, their records as one reviewer sees them, and the pairs that people accepted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import and_, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database, in_batches
from annotator.store.finals import final_verdicts
from annotator.store.identity import KnownPair, Place, draw_of, place_of, recognised_pair
from annotator.store.records import Decision, Mining, PairChanges, PairRecord, Split
from annotator.store.remarks import flagged_of
from annotator.store.scores import scores_of
from davenet.errors import UserError
from davenet.pairs import Pair, PairKind, WeakLabel

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
                pair_values(
                    pair,
                    position=first + place,
                    mining_id=mining.id,
                    detector=(detectors or {}).get(pair.video_uid, ""),
                    recogniser=(recognisers or {}).get(pair.video_uid, ""),
                )
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

    def add_pair(self, pair: Pair, *, like: Sequence[str] = ()) -> bool:
        """Adds a pair that no mining found, behind the others; returns False, and changes nothing, where it is there.

        Detector and recogniser are those of the first of the pairs `like`. Raises UserError where its video is unknown.
        """
        with self._writing() as session:
            if session.get(tables.Pair, pair.uid) is not None:
                return False
            if session.get(tables.Video, pair.video_uid) is None:
                raise UserError(f"{self.path.parent} has no video {pair.video_uid}; import it first.")
            newest = session.scalar(select(func.max(tables.Mining.id)))
            if newest is None:
                mining = tables.Mining(at=datetime.now(UTC), settings={})
                session.add(mining)
                session.flush()
                newest = mining.id
            model = next((found for uid in like if (found := session.get(tables.Pair, uid)) is not None), None)
            values = pair_values(
                pair,
                position=(session.scalar(select(func.max(tables.Pair.position))) or 0) + 1,
                mining_id=newest,
                detector=model.detector if model else "",
                recogniser=model.recogniser if model else "",
            )
            session.execute(insert(tables.Pair), [values])
            if labels := label_values(pair):
                session.execute(insert(tables.Label), labels)
            return True

    def minings(self) -> list[Mining]:
        with self._reading() as session:
            rows = session.scalars(select(tables.Mining).order_by(tables.Mining.id))
            return [Mining(row.id, row.at, row.settings) for row in rows]

    def pairs(self, uids: Iterable[str], *, reviewer: str) -> list[PairRecord]:
        """Returns the pairs of these uids in their order; uids that the project does not have are left out."""
        wanted = list(uids)
        with self._reading() as session:
            found: dict[str, PairRecord] = {}
            for some in in_batches(wanted):
                found.update(_records(session, some, _decisions_of(session, some, reviewer)))
        return [found[uid] for uid in wanted if uid in found]

    def decisions(self, uids: Iterable[str], *, kind: PairKind, reviewer: str) -> dict[str, Decision | None]:
        """Returns a reviewer's decisions, None where there is none, on those of the uids that are pairs of this kind."""
        found: dict[str, Decision | None] = {}
        with self._reading() as session:
            for some in in_batches(list(uids)):
                query = select(tables.Pair.uid).where(tables.Pair.uid.in_(some), tables.Pair.kind == kind)
                found.update(dict.fromkeys(session.scalars(query)))
            own = tables.Standing.reviewer == reviewer
            for uid, decision in session.execute(select(tables.Standing.pair_uid, tables.Standing.decision).where(own)):
                if uid in found:
                    found[uid] = cast(Decision, decision)
        return found

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

    def pair_keys(self) -> tuple[set[str], dict[tuple[str, int, str, int], dict[str | None, str]]]:
        """Returns all pairs' uids, and them by (source hash, time in ms, kind, offset of the sound in ms).

        That holds across projects. There each is under the label that it asks about, the one mined last in front.
        """
        pair, video, label = tables.Pair, tables.Video, tables.Label
        query = (
            select(pair.uid, video.source_hash, pair.time_s, pair.kind, pair.sound_offset_s, label.class_name)
            .join(video, video.uid == pair.video_uid)
            .outerjoin(label, and_(label.pair_uid == pair.uid, label.place == 0))
            .order_by(pair.active.desc(), pair.mining_id.desc(), pair.position)
        )
        uids, by_content = set(), dict[tuple[str, int, str, int], dict[str | None, str]]()
        with self._reading() as session:
            for uid, source_hash, time_s, kind, offset_s, asked in session.execute(query):
                uids.add(uid)
                content = (source_hash, round(time_s * 1000), kind, round(offset_s * 1000))
                by_content.setdefault(content, {}).setdefault(asked, uid)
        return uids, by_content

    def accepted_pairs(self, split: Split | None = None) -> list[PairRecord]:
        """Returns the pairs whose final verdict is accept, as mined; `decision` is that verdict."""
        in_split = select(tables.Video.uid)
        if split is not None:
            in_split = in_split.where(tables.Video.split == split)
        with self._reading() as session:
            decisions: dict[str, Decision] = {
                uid: final.decision for uid, final in final_verdicts(session).items() if final.decision == "accept"
            }
            videos = set(session.scalars(in_split))
            found: list[PairRecord] = []
            for some in in_batches(list(decisions)):
                found.extend(_records(session, some, decisions).values())
        return sorted((p for p in found if p.video_uid in videos), key=lambda p: (p.position, p.uid))

    def non_food_pairs(self, split: Split | None = None) -> list[PairRecord]:
        """Returns the active non-food pairs, which need no review (Section 6), as mined."""
        return self._active_pairs("non-food", split)

    def food_pairs(self, split: Split | None = None) -> list[PairRecord]:
        """Returns the active food pairs, whatever the verdicts on them, as mined.

        A frame with a sound from elsewhere, put together by a model or a person (`add_pair`), is one of them once it is
        accepted: no mining found it, so that until then it is only a question.
        """
        found = self._active_pairs("food", split)
        if any(pair.sound_offset_s for pair in found):
            with self._reading() as session:
                finals = final_verdicts(session)
            accepted = {uid for uid, final in finals.items() if final.decision == "accept"}
            found = [pair for pair in found if not pair.sound_offset_s or pair.uid in accepted]
        return found

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
            select(pair.uid, pair.video_uid, pair.time_s, pair.kind, pair.active, pair.sound_offset_s, label.class_name)
            .outerjoin(label, and_(label.pair_uid == pair.uid, label.place == 0))
            .where(pair.video_uid.in_(some))
            .order_by(pair.mining_id, pair.position)
        )
        for uid, video_uid, time_s, kind, active, offset_s, asked in session.execute(query):
            found = KnownPair(uid, video_uid, active, asked, uid in decided, offset_s)
            known.setdefault((video_uid, round(time_s * 1000), kind), []).append(found)
    return known


def pair_values(
    pair: Pair, *, position: int, mining_id: int, detector: str, recogniser: str, active: bool = True
) -> dict[str, Any]:
    """Returns a pair as the row of the table that it is kept in."""
    asked = pair.labels[0] if pair.labels else None
    return {
        "uid": pair.uid,
        "video_uid": pair.video_uid,
        "time_s": pair.time_s,
        "segment_s": pair.segment_s,
        "sound_offset_s": pair.sound_offset_s,
        "kind": pair.kind,
        "food_probability": pair.food_probability,
        "label_probability": asked.probability if asked else None,
        "active": active,
        "position": position,
        "detector": detector,
        "recogniser": recogniser,
        "mining_id": mining_id,
        "class_name": asked.class_name if asked else None,
        "word_confidence": asked.word_confidence if asked else None,
        "label_text": " ".join(f"{label.class_name} {label.word}" for label in pair.labels).casefold(),
        "draw": draw_of(pair.uid),
    }


def label_values(pair: Pair) -> list[dict[str, Any]]:
    """Returns a pair's weak labels as rows of the table that they are kept in."""
    return [
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
        for place, label in enumerate(pair.labels)
    ]


def _write_pairs(
    session: Session, rows: list[dict[str, Any]], pairs: Mapping[str, Pair], known: set[str], mining_id: int
) -> None:
    if new := [row for row in rows if row["uid"] not in known]:
        session.execute(insert(tables.Pair), new)
    if old := [row for row in rows if row["uid"] in known]:
        session.execute(update(tables.Pair), old)  # in bulk, by primary key
        mined_now = select(tables.Pair.uid).where(tables.Pair.mining_id == mining_id)
        session.execute(delete(tables.Label).where(tables.Label.pair_uid.in_(mined_now)))
    labels = [row for pair in pairs.values() for row in label_values(pair)]
    if labels:
        session.execute(insert(tables.Label), labels)


def _decisions_of(session: Session, uids: Sequence[str], reviewer: str) -> dict[str, Decision]:
    standing = tables.Standing
    rows = session.execute(
        select(standing.pair_uid, standing.decision).where(standing.pair_uid.in_(uids), standing.reviewer == reviewer)
    )
    return {pair_uid: cast(Decision, decision) for pair_uid, decision in rows}


_LABELS = (  # put together once: it is read with every verdict
    select(
        tables.Label.pair_uid,
        tables.Label.class_name,
        tables.Label.probability,
        tables.Label.rank,
        tables.Label.word,
        tables.Label.word_start,
        tables.Label.word_end,
        tables.Label.word_confidence,
    )
    .where(tables.Label.pair_uid.in_(bindparam("uids", expanding=True)))
    .order_by(tables.Label.pair_uid, tables.Label.place)
)


def labels_of(session: Session, uids: Sequence[str]) -> dict[str, tuple[WeakLabel, ...]]:
    """Returns the weak labels by pair uid, for at most BATCH pairs."""
    labels = dict[str, list[WeakLabel]]()
    for row in session.connection().execute(_LABELS, {"uids": list(uids)}):
        labels.setdefault(row[0], []).append(WeakLabel(*row[1:]))
    return {uid: tuple(found) for uid, found in labels.items()}


def _records(session: Session, uids: Sequence[str], decisions: Mapping[str, Decision]) -> dict[str, PairRecord]:
    labels, flagged, scores = labels_of(session, uids), flagged_of(session, uids), scores_of(session, uids)
    query = select(*_PAIR_COLUMNS).join(tables.Video, tables.Video.uid == tables.Pair.video_uid)
    records = {}
    for row in session.execute(query.where(tables.Pair.uid.in_(uids))):
        uid, video_uid, title, time_s, segment_s, kind, food, offset, active, position, detector, recogniser, mining = (
            row
        )
        decision, score = decisions.get(uid), scores.get(uid)
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
            state="pending" if decision is None else "skipped" if decision == "skip" else "done",
            decision=decision,
            flagged=uid in flagged,
            similarity=score.similarity if score else None,
            rank=score.rank if score else None,
            n_ranked=score.n if score else None,
        )
    return records
