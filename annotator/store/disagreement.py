"""Orders pairs by how far apart detector, recogniser and model are on them, most first.

Each ranks all pairs by its own measure; a pair's disagreement is the range of its ranks. Without a score of the model's
it is the distance of the two that are there.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.queue_filters import similarity_by

_AT_A_TIME = 2000  # rows: other threads get their turn between


class DisagreementOrder:
    """Keeps the order of all pairs in memory, as one text, for as long as none of the measures has changed."""

    def __init__(self) -> None:
        self._kept: tuple[Any, str] = (None, "")

    def of(self, session: Session, chosen: Collection[str], run: str | None, kinds: Sequence[str]) -> list[str]:
        """Returns the chosen uids, those of most disagreement first, as mined among equals; `run` None is the newest."""
        state = _state(session, run, kinds)
        known, joined = self._kept
        if known != state:
            joined = "\n".join(_ordered(session, run, kinds))
            self._kept = state, joined
        wanted = frozenset(chosen)
        return [uid for uid in joined.split("\n") if uid in wanted]


def _state(session: Session, run: str | None, kinds: Sequence[str]) -> Any:
    """What the order rests on, summed up: as long as this is the same, so is the order."""
    pair = tables.Pair
    measures = (pair.label_probability, pair.word_confidence, similarity_by(session, run))
    sums = [part for measure in measures for part in (func.count(measure), func.sum(measure))]
    row = session.execute(select(func.count(), *sums).select_from(pair).where(pair.kind.in_(kinds))).one()
    return run, tuple(kinds), session.scalar(select(func.max(tables.Mining.id))), tuple(row)


def _ordered(session: Session, run: str | None, kinds: Sequence[str]) -> list[str]:
    pair = tables.Pair
    query = select(pair.uid, pair.label_probability, pair.word_confidence, similarity_by(session, run))
    of_kinds = query.where(pair.kind.in_(kinds)).order_by(pair.position, pair.uid)
    rows = session.connection().execute(of_kinds.execution_options(yield_per=_AT_A_TIME))
    uids: list[str] = []
    measured = [np.empty((3, 0))]
    for some in rows.partitions():
        names, *values = zip(*some, strict=True)
        uids += names
        measured.append(np.array(values, np.float64))
    ranks = np.stack([_ranks(values) for values in np.concatenate(measured, axis=1)])
    spread = np.nanmax(ranks, axis=0, initial=0) - np.nanmin(ranks, axis=0, initial=1)
    return [uids[at] for at in np.argsort(-np.round(spread, 9), kind="stable").tolist()]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns each value's place from 0 to 1 among those that are there, NaN where there is none; equal ones share it."""
    known, numbers, n_equal = np.unique(values[~np.isnan(values)], return_inverse=True, return_counts=True)
    last = np.cumsum(n_equal) - 1
    middle = (last + (last - n_equal + 1)) / 2
    ranks = np.full(len(values), np.nan)
    ranks[~np.isnan(values)] = middle[numbers] / max(1, len(numbers) - 1) if len(known) else ()
    return ranks
