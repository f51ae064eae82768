"""Loads the review queue and searches it, away from the GUI thread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from annotator.store import Store
from annotator.store.records import PairRecord, PairState, QueueCounts, QueueOrder, VerdictRecord, VideoRecord
from annotator.views.review.queue_model import places

_FIRST = 60  # records read with the queue: a screenful and more
_PART = 500


@dataclass(frozen=True, slots=True)
class Queue:
    """One reviewer's queue: all uids in order with their rows, the first records, and the numbers beside it."""

    uids: list[str]
    rows: dict[str, int]
    first_records: list[PairRecord]
    counts: QueueCounts
    last_verdicts: list[VerdictRecord]
    videos: dict[str, VideoRecord]

    @classmethod
    def nothing(cls) -> "Queue":
        return cls([], {}, [], QueueCounts(0, 0, 0, 0, 0, 0), [], {})


def load_queue(store: Store, state: PairState, *, reviewer: str, order: QueueOrder, last: int) -> Queue:
    """Reads the queue; `last` is how many of the newest verdicts come with it. Raises UserError as the store does."""
    uids = store.queue_uids(state, reviewer=reviewer, order=order)
    return Queue(
        uids,
        places(uids),
        store.pairs(uids[:_FIRST], reviewer=reviewer),
        store.counts(reviewer),
        store.last_verdicts(reviewer, last),
        {video.uid: video for video in store.videos()},
    )


def matches(record: PairRecord, text: str) -> bool:
    """Tells whether each word of the text is in one of the pair's classes, its heard words or its video's title."""
    looked_at = " ".join(
        [record.video_title, record.video_uid, *(f"{label.class_name} {label.word}" for label in record.labels)]
    ).casefold()
    return all(word in looked_at for word in text.casefold().split())


def matching_uids(store: Store, uids: Sequence[str], text: str, *, reviewer: str) -> Iterator[list[str]]:
    """Yields the uids of matching pairs in parts, in the queue's order; parts may be empty."""
    for first in range(0, len(uids), _PART):
        records = store.pairs(uids[first : first + _PART], reviewer=reviewer)
        yield [record.uid for record in records if matches(record, text)]
