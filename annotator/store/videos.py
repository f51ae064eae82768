"""Queries on videos, their splits, and the problems that verbs met with files."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import delete, select, update

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.records import SPLITS, Problem, Split, VideoRecord
from davenet.errors import UserError

SPLIT_SHARES: Mapping[Split, float] = {"train": 0.67, "validation": 0.23, "test": 0.10}  # of YouCook2, Section 5
SPLIT_SEED = 0


def split_of(video_uid: str, *, seed: int = SPLIT_SEED) -> Split:
    """Returns a video's split, 67-23-10 by a hash of its name: other videos that come or go never move it."""
    digest = hashlib.blake2b(f"{seed}\0{video_uid}".encode(), digest_size=8).digest()
    place, bound = int.from_bytes(digest, "big") / 2**64, 0.0
    for split, share in SPLIT_SHARES.items():
        bound += share
        if place < bound:
            return split
    return "test"


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

    def videos(self) -> list[VideoRecord]:
        """Returns all videos in the order of their titles."""
        with self._reading() as session:
            rows = session.scalars(select(tables.Video).order_by(tables.Video.title, tables.Video.uid))
            return [_video(row) for row in rows]

    def video(self, uid: str) -> VideoRecord:
        """Raises UserError where the project has no such video."""
        with self._reading() as session:
            row = session.get(tables.Video, uid)
            if row is None:
                raise UserError(f"{self.path.parent} has no video {uid}; import it first.")
            return _video(row)

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


_VIDEO_FIELDS = [field.name for field in fields(VideoRecord)]


def _video(row: tables.Video) -> VideoRecord:
    values: dict[str, Any] = {name: getattr(row, name) for name in _VIDEO_FIELDS}
    return VideoRecord(**(values | {"path": Path(row.path), "split": cast(Split, row.split)}))
