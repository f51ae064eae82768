"""Filters of the review queue: their conditions on a pair, what there is to filter by, and those that people saved."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.finals import DECIDED
from annotator.store.records import SPLITS, FilterFacets, QueueFilter
from annotator.store.scores import scored_runs
from davenet.errors import UserError

_SAVED = "filters"
_SEVERAL = ("classes", "splits", "videos", "reasons")
_RANGES = ("word_confidence", "probability", "similarity")


class FilterQueries(Database):
    def filter_facets(self, reviewer: str, *, kinds: Sequence[str] = ("food",)) -> FilterFacets:
        """Returns what the pairs that a reviewer can meet are filtered by; the commonest class first, videos by title."""
        pair, video, standing, verdict = tables.Pair, tables.Video, tables.Standing, tables.Verdict
        met = (pair.kind.in_(kinds), pair.active)
        number = func.count().label("number")
        by_class = select(pair.class_name, number).where(*met, pair.class_name.is_not(None)).group_by(pair.class_name)
        by_video = select(pair.video_uid, number).where(*met).group_by(pair.video_uid)
        by_reviewer = select(standing.reviewer, number).where(standing.decision.in_(DECIDED))
        by_reason = select(verdict.reason, number).join(standing, standing.verdict_id == verdict.id)
        score = tables.Score
        with self._reading() as session:
            classes = [(row[0] or "", row[1]) for row in session.execute(by_class)]
            numbers = {row[0]: row[1] for row in session.execute(by_video)}
            videos = session.execute(select(video.uid, video.title, video.split).order_by(video.title, video.uid)).all()
            reviewers = session.execute(by_reviewer.group_by(standing.reviewer).order_by(standing.reviewer)).all()
            reasons = session.execute(by_reason.where(verdict.reason.is_not(None)).group_by(verdict.reason)).all()
            runs = scored_runs(session)
            scored = {
                row[0]: row[1:]
                for row in session.execute(
                    select(score.run_id, func.count(), func.min(score.similarity), func.max(score.similarity)).group_by(
                        score.run_id
                    )
                )
            }
        of_split = {split: sum(numbers.get(row.uid, 0) for row in videos if row.split == split) for split in SPLITS}
        return FilterFacets(
            tuple(sorted(classes, key=lambda one: (-one[1], one[0]))),
            tuple((split, count) for split, count in of_split.items() if count),
            tuple((row.uid, row.title, numbers[row.uid]) for row in videos if row.uid in numbers),
            tuple((row[0], row[1]) for row in reviewers),
            tuple((run, scored[run][0]) for run in runs),
            tuple(sorted((row[0] or "", row[1]) for row in reasons)),
            (scored[runs[0]][1], scored[runs[0]][2]) if runs else None,
        )

    def saved_filters(self) -> dict[str, QueueFilter]:
        """Returns the filters that people saved in this project, by name."""
        with self._reading() as session:
            return {name: _filter(values) for name, values in sorted(_saved(session).items())}

    def save_filter(self, name: str, filter: QueueFilter) -> None:
        """Keeps a filter under a name, in place of one that has it; raises UserError for an empty name."""
        if not name.strip():
            raise UserError("A saved filter needs a name; write one.")
        with self._writing() as session:
            session.merge(tables.Setting(key=_SAVED, value=_saved(session) | {name.strip(): asdict(filter)}))

    def delete_filter(self, name: str) -> None:
        """Forgets a saved filter; one that is not there is gone already."""
        with self._writing() as session:
            kept = {other: values for other, values in _saved(session).items() if other != name}
            session.merge(tables.Setting(key=_SAVED, value=kept))


def newest_run(session: Session, run: str | None) -> str | None:
    """Returns the run whose scores count: this one, or the newest that scored pairs; None without any."""
    return run or next(iter(scored_runs(session)), None)


def conditions(session: Session, filter: QueueFilter) -> list[ColumnElement[bool]]:
    """Returns what a pair must hold to pass a filter."""
    pair, video = tables.Pair, tables.Video
    found: list[ColumnElement[bool]] = []
    for word in filter.text.casefold().split():
        in_title = [row.uid for row in session.execute(select(video.uid, video.title)) if word in _title(row)]
        in_labels = pair.label_text.contains(word, autoescape=True)
        found.append(or_(in_labels, pair.video_uid.in_(in_title)) if in_title else in_labels)
    if filter.classes:
        found.append(pair.class_name.in_(filter.classes))
    if filter.splits:
        found.append(pair.video_uid.in_(select(video.uid).where(video.split.in_(filter.splits))))
    if filter.videos:
        found.append(pair.video_uid.in_(filter.videos))
    if filter.word_confidence is not None:
        found.append(pair.word_confidence.between(*filter.word_confidence))
    if filter.probability is not None:
        found.append(pair.label_probability.between(*filter.probability))
    if filter.similarity is not None:
        found.append(similarity_by(session, filter.run).between(*filter.similarity))
    elif filter.run is not None:
        found.append(similarity_by(session, filter.run).is_not(None))
    if filter.by_reviewer is not None or filter.verdict is not None or filter.reasons:
        found.append(_has_verdict(filter))
    return found


def _title(row: Any) -> str:
    return f"{row.title} {row.uid}".casefold()


def similarity_by(session: Session, run: str | None) -> ColumnElement[float | None]:
    """A pair's similarity by a run, or by the newest that scored pairs: that one stands beside the pair."""
    pair, score = tables.Pair, tables.Score
    if run is None or run == newest_run(session, None):
        return pair.similarity.expression
    by_run = select(score.similarity).where(score.pair_uid == pair.uid, score.run_id == run)
    return by_run.scalar_subquery()


def _has_verdict(filter: QueueFilter) -> ColumnElement[bool]:
    standing, verdict = tables.Standing, tables.Verdict
    wanted = [standing.decision == filter.verdict if filter.verdict else standing.decision.in_(DECIDED)]
    if filter.by_reviewer is not None:
        wanted.append(standing.reviewer == filter.by_reviewer)
    if filter.reasons:
        wanted.append(exists().where(and_(verdict.id == standing.verdict_id, verdict.reason.in_(filter.reasons))))
    return tables.Pair.uid.in_(select(standing.pair_uid).where(*wanted))


def _saved(session: Session) -> dict[str, Any]:
    row = session.get(tables.Setting, _SAVED)
    return dict(row.value) if row is not None else {}


def _filter(values: Mapping[str, Any]) -> QueueFilter:
    known = {name: values[name] for name in QueueFilter.__dataclass_fields__ if name in values}
    for name in (*_SEVERAL, *_RANGES):
        if known.get(name) is not None:
            known[name] = tuple(known[name])
    return QueueFilter(**known)
