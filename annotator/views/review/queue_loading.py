"""Loads the review queue, what it can be filtered by and what others changed in it, away from the GUI thread."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from annotator.selections import read_selections
from annotator.store import Store
from annotator.store.records import (
    FilterFacets,
    PairRecord,
    QueueCounts,
    QueueFilter,
    QueueMarker,
    QueueOrder,
    QueueState,
    VerdictRecord,
    VideoRecord,
)
from annotator.views.review.uid_list import UidList

_FIRST = 60  # records read with the queue: a screenful and more


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """Which pairs are asked for, whose and how: `selection` is a named choice of uids in the sender's own order."""

    reviewer: str
    state: QueueState = "pending"
    order: QueueOrder = "mined"
    filter: QueueFilter = field(default_factory=QueueFilter)
    seed: int = 0
    selection: str = ""

    @property
    def is_whole(self) -> bool:
        """Tells whether nothing but the state narrows the list."""
        return self.filter.is_empty and not self.selection


@dataclass(frozen=True, slots=True)
class QueueRows:
    """The pairs of a request: all uids in order, and the first records."""

    uids: UidList
    first_records: list[PairRecord]


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """What stands beside the list: counts, the newest verdicts, the project's videos, where its history is."""

    counts: QueueCounts
    last_verdicts: list[VerdictRecord]
    videos: dict[str, VideoRecord]
    marker: QueueMarker


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filter drawer offers."""

    facets: FilterFacets
    saved_filters: Mapping[str, QueueFilter]
    selections: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class QueueChange:
    """What others' work changes in a list: the pairs to read again, those that leave it and those that enter, by row."""

    marker: QueueMarker
    counts: QueueCounts
    records: list[PairRecord] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    entering: list[tuple[int, str]] = field(default_factory=list)


def no_counts() -> QueueCounts:
    return QueueCounts(0, 0, 0, 0, 0, 0)


def wanted_uids(store: Store, request: QueueRequest) -> list[str]:
    """Returns the uids that a request asks for; a selection keeps its own order unless another one was chosen."""
    uids = store.queue_uids(
        request.state, reviewer=request.reviewer, order=request.order, filter=request.filter, seed=request.seed
    )
    if not request.selection:
        return uids
    selected = read_selections(store).get(request.selection, ())
    if request.order == "mined":
        present = set(uids)
        return [uid for uid in selected if uid in present]
    chosen = set(selected)
    return [uid for uid in uids if uid in chosen]


def load_rows(store: Store, request: QueueRequest) -> QueueRows:
    """Reads the list of a request. Raises UserError as the store does."""
    uids = wanted_uids(store, request)
    return QueueRows(UidList(uids), store.pairs(uids[:_FIRST], reviewer=request.reviewer))


def load_numbers(store: Store, reviewer: str, n_last: int) -> QueueNumbers:
    """Reads what stands beside the list; `n_last` is how many of the newest verdicts. Raises UserError as the store does."""
    marker, _uids = store.changes_since()
    videos = {video.uid: video for video in store.videos()}
    return QueueNumbers(store.counts(reviewer), store.last_verdicts(reviewer, n_last), videos, marker)


def load_choices(store: Store, reviewer: str) -> Choices:
    return Choices(store.filter_facets(reviewer), store.saved_filters(), read_selections(store))


def load_change(
    store: Store, request: QueueRequest, marker: QueueMarker, listed: Collection[str], own: Collection[str] = ()
) -> QueueChange | None:
    """Reads what changed since the marker in the list whose uids are `listed`; None where nothing did.

    What was changed here itself (`own`) is in the list already: then only the counts are read.
    """
    now, all_changed = store.changes_since(marker)
    if not all_changed:
        return None
    counts, changed = store.counts(request.reviewer), [uid for uid in all_changed if uid not in own]
    if not changed:
        return QueueChange(now, counts)
    records = store.pairs(changed, reviewer=request.reviewer)
    uids = wanted_uids(store, request)
    touched = set(changed)
    rows = {uid: row for row, uid in enumerate(uids) if uid in touched}
    leaving = [uid for uid in changed if uid in listed and uid not in rows]
    entering = sorted((row, uid) for uid, row in rows.items() if uid not in listed)
    return QueueChange(now, counts, records, leaving, entering)


_FIELDS = {"accept": "accepted", "reject": "rejected", "unsure": "unsure", "skip": "skipped", None: "pending"}


def moved(counts: QueueCounts, before: str | None, after: str | None) -> QueueCounts:
    """Returns the counts after a pair's standing verdict changed; None stands for pending.

    A pair that its reviewer is unsure about is one to adjudicate; what others think of it is counted when next read.
    """
    source, target = _FIELDS[before], _FIELDS[after]
    if source == target:
        return counts
    changed = {source: getattr(counts, source) - 1, target: getattr(counts, target) + 1}
    contested = counts.adjudicate + (after == "unsure") - (before == "unsure")
    return replace(counts, **changed, adjudicate=max(0, contested))
