"""Queries on scores: what the models of runs make of pairs, and the similarity that best parts accepted from rejected."""

from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.database import Database, in_batches
from annotator.store.records import PairScore

_ENOUGH_VERDICTS = 5000


class ScoreQueries(Database):
    def put_scores(self, run_id: str, scores: Iterable[PairScore]) -> int:
        """Keeps a run's scores in place of its earlier ones and returns how many are of pairs that the project has."""
        with self._writing() as session:
            session.execute(delete(tables.Score).where(tables.Score.run_id == run_id))
            wanted = {score.pair_uid: score for score in scores}
            known: set[str] = set()
            for some in in_batches(list(wanted)):
                known.update(session.scalars(select(tables.Pair.uid).where(tables.Pair.uid.in_(some))))
            rows = [
                {"pair_uid": uid, "run_id": run_id, "similarity": one.similarity, "rank": one.rank, "n": one.n}
                for uid, one in wanted.items()
                if uid in known
            ]
            if rows:
                session.execute(insert(tables.Score), rows)
            _show_newest(session)
            return len(rows)

    def scores(self, run_id: str) -> dict[str, PairScore]:
        """Returns a run's scores by pair uid."""
        score = tables.Score
        query = select(score.pair_uid, score.similarity, score.rank, score.n).where(score.run_id == run_id)
        with self._reading() as session:
            return {row[0]: PairScore(*row) for row in session.execute(query)}

    def scores_of_pair(self, pair_uid: str) -> list[tuple[str, PairScore]]:
        """Returns what each run that scored a pair makes of it, with the run's id, the newest run first."""
        score, run = tables.Score, tables.Run
        query = (
            select(score.run_id, score.similarity, score.rank, score.n)
            .join(run, run.id == score.run_id)
            .where(score.pair_uid == pair_uid)
            .order_by(run.created_at.desc(), run.id.desc())
        )
        with self._reading() as session:
            return [(row[0], PairScore(pair_uid, *row[1:])) for row in session.execute(query)]

    def scored_runs(self) -> list[str]:
        """Returns the ids of the runs that scored pairs, the newest first."""
        with self._reading() as session:
            return scored_runs(session)

    def similarity_threshold(self, run_id: str | None = None) -> float | None:
        """Returns the similarity (by the newest run that scored, or this one) that best parts accepted from rejected."""
        with self._reading() as session:
            run_id = run_id or next(iter(scored_runs(session)), None)
            return None if run_id is None else similarity_threshold(session, run_id)


def scored_runs(session: Session) -> list[str]:
    """Returns the ids of the runs that scored pairs, the newest first."""
    has_scores = select(tables.Score.run_id).where(tables.Score.run_id == tables.Run.id).exists()
    query = select(tables.Run.id).where(has_scores)
    return list(session.scalars(query.order_by(tables.Run.created_at.desc(), tables.Run.id.desc())))


def _show_newest(session: Session) -> None:
    """Puts the similarity by the newest run that scored beside each pair, where queues are filtered and ordered by it."""
    pair, score = tables.Pair, tables.Score
    run_id = next(iter(scored_runs(session)), None)
    newest = select(score.similarity).where(score.pair_uid == pair.uid, score.run_id == run_id).scalar_subquery()
    session.execute(update(pair).values(similarity=newest), execution_options={"synchronize_session": False})


def scores_of(session: Session, uids: Sequence[str]) -> dict[str, PairScore]:
    """Returns the scores of at most BATCH pairs by the newest run that scored any."""
    run_id = next(iter(scored_runs(session)), None)
    if run_id is None:
        return {}
    score = tables.Score
    query = select(score.pair_uid, score.similarity, score.rank, score.n)
    rows = session.execute(query.where(score.run_id == run_id, score.pair_uid.in_(uids)))
    return {row[0]: PairScore(*row) for row in rows}


def similarity_threshold(session: Session, run_id: str) -> float | None:
    """Returns the similarity with the fewest errors: accepted at or above it, rejected below, each side weighing the same.

    The standing verdicts among the newest few thousand count, which is enough to tell. Without verdicts of both kinds it
    is the middle of the scores; None without scores.
    """
    score, standing, verdict = tables.Score, tables.Standing, tables.Verdict
    newest = session.scalar(select(func.max(verdict.id))) or 0
    # Looked up for each verdict: joined, SQLite would go through all scores for a handful of verdicts
    similarity = select(score.similarity).where(score.pair_uid == standing.pair_uid, score.run_id == run_id)
    decided = (
        select(standing.decision, similarity.scalar_subquery())
        .join(verdict, and_(verdict.pair_uid == standing.pair_uid, verdict.reviewer == standing.reviewer))
        .where(verdict.id > newest - _ENOUGH_VERDICTS, standing.verdict_id == verdict.id)
        .where(standing.decision.in_(("accept", "reject")))
    )
    rows = [(decision, value) for decision, value in session.execute(decided) if value is not None]
    accepted = np.sort([value for decision, value in rows if decision == "accept"])
    rejected = np.sort([value for decision, value in rows if decision == "reject"])
    if len(accepted) == 0 or len(rejected) == 0:
        return _median_similarity(session, run_id)
    candidates = np.unique(np.concatenate([accepted, rejected]))
    lost = np.searchsorted(accepted, candidates) / len(accepted)  # accepted below the threshold
    let_in = 1 - np.searchsorted(rejected, candidates) / len(rejected)  # rejected at or above it
    return float(candidates[np.argmin(lost + let_in)])


def _median_similarity(session: Session, run_id: str) -> float | None:
    score = tables.Score
    n = session.scalar(select(func.count()).where(score.run_id == run_id)) or 0
    if not n:
        return None
    by_similarity = select(score.similarity).where(score.run_id == run_id).order_by(score.similarity)
    middle = session.scalars(by_similarity.offset((n - 1) // 2).limit(2 - n % 2)).all()
    return sum(middle) / len(middle)
