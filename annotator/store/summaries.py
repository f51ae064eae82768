"""Sums up what each reviewer's standing verdicts show: how many of what, how quickly, how steadily."""

import statistics as numbers
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from annotator.store import tables
from annotator.store.records import PacePoint, ReviewerSummary, Tally
from davenet.intervals import wilson_interval

_SITTING_ENDS_AFTER_S = 600.0  # without a verdict
_CURVE_POINTS = 40  # at most
_AT_A_TIME = 2000  # rows: other threads get their turn between


@dataclass(slots=True)
class _Given:
    """One reviewer's verdicts by column, in the order given; moments as the database keeps them, which sorts them."""

    decisions: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    replays: list[int] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)
    n_second: int = 0


def summaries(session: Session) -> list[ReviewerSummary]:
    """Returns each reviewer's standing verdicts summed up, by name."""
    standing, verdict = tables.Standing, tables.Verdict
    query = (
        select(
            verdict.reviewer, verdict.decision, verdict.label, verdict.seconds, verdict.replays,
            type_coerce(verdict.given_at, String), verdict.purpose,
        )
        .join(standing, standing.verdict_id == verdict.id)
        .order_by(verdict.given_at, verdict.id)
    )  # fmt: skip
    given: defaultdict[str, _Given] = defaultdict(_Given)
    rows = session.connection().execute(query.execution_options(yield_per=_AT_A_TIME))
    for some in rows.partitions():
        for reviewer, decision, label, seconds, replays, moment, purpose in some:
            one = given[reviewer]
            one.decisions.append(decision)
            one.labels.append(label or "")
            one.seconds.append(seconds)
            one.replays.append(replays)
            one.moments.append(moment)
            one.n_second += purpose == "second"
    return [_summary(name, given[name]) for name in sorted(given)]


def _summary(name: str, given: _Given) -> ReviewerSummary:
    by_class: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (label, decision), number in Counter(zip(given.labels, given.decisions, strict=True)).items():
        by_class[label][decision] += number
    tally = _tally(given.decisions)
    decided = [place for place, decision in enumerate(given.decisions) if decision != "skip"]
    seconds = sorted(given.seconds[place] for place in decided)
    quartiles = numbers.quantiles(seconds, n=4) if len(seconds) > 1 else None
    return ReviewerSummary(
        name,
        tally,
        wilson_interval(tally.accepted, tally.decided),
        {label: _tally(by_class[label]) for label in sorted(by_class)},
        numbers.median(seconds) if seconds else None,
        (quartiles[0], quartiles[2]) if quartiles else None,
        sum(given.seconds) / 3600,
        _idle_share(given),
        sum(given.replays[place] for place in decided) / len(decided) if decided else None,
        given.n_second,
        _curve(given, decided),
        _moment(given.moments[0]),
        _moment(given.moments[-1]),
    )


def _tally(decisions: Iterable[str] | Counter[str]) -> Tally:
    counted = Counter(decisions)
    return Tally(counted["accept"], counted["reject"], counted["unsure"], counted["skip"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _idle_share(given: _Given) -> float | None:
    """Of the time between verdicts of one sitting, how much was not spent looking; None without such time."""
    moments = np.array([text.removesuffix("Z") for text in given.moments], "datetime64[us]")
    between = np.diff(moments) / np.timedelta64(1, "s")
    looked = np.minimum(given.seconds[1:], between)
    is_sitting = between < _SITTING_ENDS_AFTER_S
    passed = float(between[is_sitting].sum())
    return 1 - float(looked[is_sitting].sum()) / passed if passed > 0 else None


def _curve(given: _Given, decided: list[int]) -> tuple[PacePoint, ...]:
    step = max(1, -(-len(decided) // _CURVE_POINTS))
    points = []
    for first in range(0, len(decided), step):
        some = decided[first : first + step]
        points.append(
            PacePoint(
                _moment(given.moments[some[-1]]),
                first + len(some),
                numbers.median(given.seconds[place] for place in some),
                _tally(given.decisions[place] for place in some).accepted_share,
            )
        )
    return tuple(points)
