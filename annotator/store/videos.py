"""Queries on videos, their splits, and the problems that verbs met with files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import delete, select, update

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.records import SPLITS, CorpusChange, Problem, Split, VideoRecord
from davenet.corpora.entries import DescribedSegment
from davenet.corpora.splits import SPLIT_SHARES, seeded_sentence, seeded_split
from davenet.errors import UserError

__all__ = ["SPLIT_SHARES", "VideoQueries", "split_of"]

split_of = seeded_split  # of videos that no corpus gives a split
_SPLITS_SETTING = "splits"


class VideoQueries(Database):
    def add_videos(self, videos: Iterable[VideoRecord]) -> list[str]:
        """Registers videos and returns the uids that were new; a known uid gets the new path (its file has moved)."""
        added = []
        with self._writing() as session:
            known = set(session.scalars(select(tables.Video.uid)))
            for video in videos:
                if video.uid in known:
                    session.execute(
                        update(tables.Video).where(tables.Video.uid == video.uid).values(path=str(video.path))
                    )
                    continue
                values = asdict(video) | {"path": str(video.path), "added_at": video.added_at or datetime.now(UTC)}
                session.add(tables.Video(**values))
                known.add(video.uid)
                added.append(video.uid)
        return added

    def put_corpus(
        self,
        corpus: str,
        videos: Sequence[VideoRecord],
        segments: Mapping[str, Sequence[DescribedSegment]],
        *,
        splits: str,
    ) -> CorpusChange:
        """Takes in a corpus, all of it or nothing: new videos, and for known ones what it says of them and their path.

        `segments` are by uid and replace what was there; `splits` is what the setting of this name then says of the corpus.
        """
        added, known_uids, moved = [], [], []
        with self._writing() as session:
            rows = {row.uid: row for row in session.scalars(select(tables.Video))}
            for video in videos:
                row = rows.get(video.uid)
                if row is None:
                    values = asdict(video) | {"path": str(video.path), "added_at": video.added_at or datetime.now(UTC)}
                    session.add(tables.Video(**values))
                    added.append(video.uid)
                    continue
                known_uids.append(video.uid)
                if row.split != video.split:
                    moved.append(video.uid)
                for name in _SAID_BY_CORPUS:
                    setattr(row, name, getattr(video, name))
                row.path = str(video.path)
            session.flush()
            for video in videos:
                session.execute(delete(tables.DescribedSegment).where(tables.DescribedSegment.video_uid == video.uid))
                for place, each in enumerate(segments.get(video.uid, ())):
                    session.add(tables.DescribedSegment(video_uid=video.uid, place=place, **asdict(each)))
            setting = session.get(tables.Setting, _SPLITS_SETTING)
            said = dict(setting.value) if setting is not None else {}
            session.merge(tables.Setting(key=_SPLITS_SETTING, value=said | {corpus: splits}))
        return CorpusChange(tuple(added), tuple(known_uids), tuple(moved))

    def described_segments(self, video_uid: str) -> list[DescribedSegment]:
        """Returns what a corpus's annotators wrote of a video, in order; none where it has no such corpus."""
        with self._reading() as session:
            rows = session.scalars(
                select(tables.DescribedSegment)
                .where(tables.DescribedSegment.video_uid == video_uid)
                .order_by(tables.DescribedSegment.place)
            )
            return [DescribedSegment(row.start_s, row.end_s, row.sentence) for row in rows]

    def split_sources(self) -> dict[str, str]:
        """Returns in words where the splits of each corpus come from ("" stands for videos of none)."""
        with self._reading() as session:
            setting = session.get(tables.Setting, _SPLITS_SETTING)
            said = dict(setting.value) if setting is not None else {}
            corpora = set(session.scalars(select(tables.Video.corpus).distinct()))
        return {corpus: said.get(corpus, seeded_sentence()) for corpus in sorted(corpora)}

    def videos(self) -> list[VideoRecord]:
        """Returns all videos in the order of their titles."""
        with self._reading() as session:
            rows = session.scalars(select(tables.Video).order_by(tables.Video.title, tables.Video.uid))
            return [video_record(row) for row in rows]

    def video(self, uid: str) -> VideoRecord:
        """Raises UserError where the project has no such video."""
        with self._reading() as session:
            row = session.get(tables.Video, uid)
            if row is None:
                raise UserError(f"{self.path.parent} has no video {uid}; import it first.")
            return video_record(row)

    def split_source(self, corpus: str) -> str:
        """Returns in words where a corpus's splits come from, also where it has no video yet."""
        with self._reading() as session:
            setting = session.get(tables.Setting, _SPLITS_SETTING)
            return str((setting.value if setting is not None else {}).get(corpus, seeded_sentence()))

    def set_split(self, video_uid: str, split: Split) -> None:
        if split not in SPLITS:
            raise UserError(f"{split} is not a split; choose one of {', '.join(SPLITS)}.")
        with self._writing() as session:
            session.execute(update(tables.Video).where(tables.Video.uid == video_uid).values(split=split))

    def record_problems(
        self, verb: str, problems: Iterable[tuple[Path, str | None, str]], *, solved: Iterable[Path] = ()
    ) -> None:
        """Keeps (path, video uid or None, reason) of what a verb could not use, and forgets what it has now used."""
        with self._writing() as session:
            found = list(problems)
            for settled in {str(path) for path in solved} | {str(path) for path, _, _ in found}:
                session.execute(
                    delete(tables.Problem).where(tables.Problem.verb == verb, tables.Problem.path == settled)
                )
            for path, video_uid, reason in {str(problem[0]): problem for problem in found}.values():
                session.add(
                    tables.Problem(path=str(path), verb=verb, video_uid=video_uid, reason=reason, at=datetime.now(UTC))
                )

    def problems(self) -> list[Problem]:
        with self._reading() as session:
            rows = session.scalars(select(tables.Problem).order_by(tables.Problem.path, tables.Problem.verb))
            return [Problem(Path(row.path), row.verb, row.reason, row.video_uid, row.at) for row in rows]


_SAID_BY_CORPUS = ("corpus", "corpus_id", "split", "recipe_type", "language", "speech_share")
_VIDEO_FIELDS = [field.name for field in fields(VideoRecord)]


def video_record(row: tables.Video) -> VideoRecord:
    """Returns a row of the videos as what the store gives out."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _VIDEO_FIELDS}
    return VideoRecord(**(values | {"path": Path(row.path), "split": cast(Split, row.split)}))
