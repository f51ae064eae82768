"""Queries of releases: a project's pairs and verdicts out, as they stood at one moment, and a release's in, all or nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import BATCH, Database
from annotator.store.identity import Place, place_of
from annotator.store.pairs import labels_of
from annotator.store.records import Mining, Split, VerdictRecord, VideoRecord
from annotator.store.staging import mining_places, stage_pairs, take_staged
from annotator.store.verdicts import insert_verdicts, verdict_record
from annotator.store.videos import video_record
from davenet.pairs import Pair, PairKind

_ENOUGH_PAIRS = 2000  # of several videos, in memory at once; a video's are never divided
_JUDGED = ("accept", "reject", "unsure")
_TAKEN_OVER = ("corpus", "corpus_id", "recipe_type", "language", "speech_share")


@dataclass(frozen=True, slots=True)
class StandingPair:
    """A pair with what it came from, and the standing verdicts on it but skips, the last given last.

    There is one of each reviewer, and one of each adjudicator.
    """

    pair: Pair
    is_active: bool
    detector: str
    recogniser: str
    mining_id: int
    verdicts: tuple[VerdictRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a release says of a video of this project; the split None where the project's own is kept."""

    video_uid: str
    split: Split | None
    said: Mapping[str, Any]  # by the names of VideoRecord's fields


@dataclass(frozen=True, slots=True)
class TakenIn:
    """How many of a release's pairs and verdicts were new and how many were here; videos whose split is now another."""

    new_pairs: int
    known_pairs: int
    new_verdicts: int
    known_verdicts: int
    moved: tuple[str, ...]


class Snapshot:
    """A project as it was when the snapshot was taken, whatever is written to it meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def videos(self) -> list[VideoRecord]:
        return [video_record(row) for row in self._session.scalars(select(tables.Video))]

    def minings(self) -> list[Mining]:
        rows = self._session.scalars(select(tables.Mining).order_by(tables.Mining.id))
        return [Mining(row.id, row.at, row.settings) for row in rows]

    def setting(self, key: str) -> Any:
        row = self._session.get(tables.Setting, key)
        return None if row is None else row.value

    def pairs(self, video_uids: Iterable[str]) -> Iterator[StandingPair]:
        """Yields the videos' pairs, by video in the order given, then by time, kind and the label asked about.

        Pairs that mining no longer finds are among them where somebody judged them.
        """
        counted = select(tables.Pair.video_uid, func.count()).group_by(tables.Pair.video_uid)
        numbers = dict(self._session.execute(counted).all())
        some: list[str] = []
        n_pairs = 0
        for uid in video_uids:
            if numbers.get(uid):
                some.append(uid)
                n_pairs += numbers[uid]
            if n_pairs >= _ENOUGH_PAIRS or len(some) == BATCH:
                yield from self._in_order(some)
                some, n_pairs = [], 0
        yield from self._in_order(some)

    def _in_order(self, video_uids: Sequence[str]) -> Iterator[StandingPair]:
        """Yields the pairs; several at one place by their labels, as uids differ from project to project."""
        for _, together in groupby(self._of_videos(video_uids), key=lambda state: place_of(state.pair)):
            yield from sorted(together, key=lambda state: (asked_label(state.pair) or "", state.pair.sound_offset_s))

    def _of_videos(self, video_uids: Sequence[str]) -> Iterator[StandingPair]:
        pair = tables.Pair
        columns = (
            pair.uid, pair.video_uid, pair.time_s, pair.segment_s, pair.kind, pair.food_probability, pair.sound_offset_s,
            pair.active, pair.detector, pair.recogniser, pair.mining_id,
        )  # fmt: skip
        order = {uid: place for place, uid in enumerate(video_uids)}
        rows = list(self._session.execute(select(*columns).where(pair.video_uid.in_(video_uids))))
        rows.sort(key=lambda row: (order[row.video_uid], row.time_s, row.kind, row.uid))
        for first in range(0, len(rows), BATCH):
            some = rows[first : first + BATCH]
            uids = [row.uid for row in some]
            labels, verdicts = labels_of(self._session, uids), _standing(self._session, uids)
            for row in some:
                is_mined = row.active and not row.sound_offset_s  # no mining moves a sound: else it is a question only
                if not is_mined and row.uid not in verdicts:
                    continue
                found = Pair(
                    row.uid, row.video_uid, row.time_s, row.segment_s, cast(PairKind, row.kind), labels.get(row.uid, ()),
                    row.food_probability, row.sound_offset_s,
                )  # fmt: skip
                given = tuple(verdicts.get(row.uid, ()))
                yield StandingPair(found, row.active, row.detector, row.recogniser, row.mining_id, given)


class ReleaseQueries(Database):
    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Gives the project as it is now, for as long as the block lasts; others may write meanwhile."""
        with self._reading() as session:
            yield Snapshot(session)

    def put_release(
        self,
        videos: Iterable[VideoFacts],
        minings: Sequence[tuple[datetime, Mapping[str, Any]]],
        pairs: Iterable[StandingPair],
        verdicts: Iterable[VerdictRecord],
        settings: Mapping[str, Any],
    ) -> TakenIn:
        """Takes in a release in one transaction; whatever one of the iterables raises, nothing is taken in.

        All of them are read before the write lock is taken, the pairs into temporary tables: others wait for one step only.
        `mining_id` of a pair is its place in `minings`, from 0. Pairs that are here stay as they are, and of videos only
        what is empty is filled, but for splits that are given. Imported pairs come after those of the queue.
        """
        given = list(verdicts)
        facts = list(videos)
        n_pairs = 0

        def prepare(connection: Connection) -> None:
            nonlocal n_pairs
            n_pairs = stage_pairs(connection, ((state.pair, _said(state), state.mining_id) for state in pairs))

        with self._writing(prepare) as session:
            moved = [uid for video in facts if (uid := _take_over(session, video))]
            mining_ids = {place: _mining_id(session, *minings[place]) for place in mining_places(session)}
            n_new = take_staged(session, mining_ids)
            new_verdicts, known_verdicts = insert_verdicts(session, given)
            for key, value in settings.items():
                session.merge(tables.Setting(key=key, value=value))
        return TakenIn(n_new, n_pairs - n_new, new_verdicts, known_verdicts, tuple(moved))

    def pair_uids_by_place(self) -> dict[tuple[Place, int, str | None], str]:
        """Returns all pairs' uids by (video, time in ms, kind), offset of the sound in ms, and the label asked about."""
        pair, label = tables.Pair, tables.Label
        asked = and_(label.pair_uid == pair.uid, label.place == 0)
        columns = (pair.uid, pair.video_uid, pair.time_s, pair.kind, pair.sound_offset_s, label.class_name)
        query = select(*columns).outerjoin(label, asked).order_by(pair.active, pair.mining_id)
        with self._reading() as session:
            rows = session.execute(query)  # of several the one mined last
            return {((row[1], round(row[2] * 1000), row[3]), round(row[4] * 1000), row[5]): row[0] for row in rows}


def final_decision(verdicts: Sequence[VerdictRecord]) -> str | None:
    """Returns what a pair came out as, by the rule of finals.py, from its standing verdicts, the last given last."""
    adjudications = [verdict.decision for verdict in verdicts if verdict.purpose == "adjudication"]
    decisions = [verdict.decision for verdict in verdicts if verdict.purpose != "adjudication"]
    if adjudications:
        return adjudications[-1]
    if not decisions:
        return None
    commonest, number = Counter(decisions).most_common(1)[0]
    return commonest if 2 * number > len(decisions) else decisions[-1]


def asked_label(pair: Pair) -> str | None:
    """Returns the class that people are asked about."""
    return pair.labels[0].class_name if pair.labels else None


def _standing(session: Session, uids: Sequence[str]) -> dict[str, list[VerdictRecord]]:
    """Returns the standing verdicts but skips by pair, the last given last, for at most BATCH pairs."""
    verdict = tables.Verdict
    found: dict[str, list[VerdictRecord]] = {}
    for standing in (tables.Standing, tables.Adjudication):
        query = (
            select(verdict)
            .join(standing, standing.verdict_id == verdict.id)
            .where(standing.pair_uid.in_(uids), standing.decision.in_(_JUDGED))
        )
        for row in session.scalars(query):
            found.setdefault(row.pair_uid, []).append(verdict_record(row))
    session.expunge_all()  # a release reads every row once: none is to stay in memory
    return {uid: sorted(given, key=lambda each: (each.given_at, each.uid)) for uid, given in found.items()}


def _take_over(session: Session, facts: VideoFacts) -> str | None:
    """Fills what is empty, moves the video to the split that is given, and returns its uid where that is another."""
    row = session.get_one(tables.Video, facts.video_uid)
    for name in _TAKEN_OVER:
        if getattr(row, name) in ("", None) and facts.said.get(name) not in ("", None):
            setattr(row, name, facts.said[name])
    if facts.split is None or facts.split == row.split:
        return None
    row.split = facts.split
    return row.uid


def _said(state: StandingPair) -> dict[str, Any]:
    return {"detector": state.detector, "recogniser": state.recogniser, "active": state.is_active}


def _mining_id(session: Session, at: datetime, settings: Mapping[str, Any]) -> int:
    """Returns the mining of that moment and these settings, made where the project has none."""
    for row in session.scalars(select(tables.Mining).where(tables.Mining.at == at)):
        if row.settings == settings:
            return row.id
    mining = tables.Mining(at=at, settings=dict(settings))
    session.add(mining)
    session.flush()
    return mining.id
