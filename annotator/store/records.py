"""What the store gives out: frozen records of videos, pairs, verdicts and runs, free of any database object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from davenet.corpora.splits import SPLIT_NAMES, SplitName
from davenet.pairs import Pair, PairKind, WeakLabel

Decision = Literal["accept", "reject", "unsure", "skip"]
HistoryEntry = Literal["accept", "reject", "unsure", "skip", "withdrawn", "restored"]
QueueState = Literal[
    "open", "pending", "skipped", "flagged", "adjudicate", "done", "all"
]  # open: pending, then skipped
PairState = Literal["pending", "skipped", "done"]
QueueOrder = Literal["mined", "shuffled", "disagreement", "threshold", "class", "confident", "uncertain"]
Purpose = Literal["first", "second", "adjudication", "gold", "revealed"]
RemarkKind = Literal["flag", "unflag", "comment"]
Split = SplitName
RunState = Literal["planned", "running", "finished", "cancelled", "failed", "crashed"]

DECISIONS: tuple[Decision, ...] = ("accept", "reject", "unsure", "skip")
PURPOSES: tuple[Purpose, ...] = ("first", "second", "adjudication", "gold", "revealed")
REASONS = ("not seen", "not said", "other meaning", "too far apart in time", "wrong crop", "misheard")
SPLITS: tuple[Split, ...] = SPLIT_NAMES


@dataclass(frozen=True, slots=True)
class VideoRecord:
    """A video of the project, linked where it lies, never copied.

    Sizes are in pixels after rotation; `start_s` is in the file's own timestamps, every other time counts from there.
    """

    uid: str
    path: Path
    title: str
    duration_s: float
    frame_rate: float
    width: int
    height: int
    source_hash: str
    size_bytes: int = 0
    rotation: int = 0
    sound_rate: int | None = None
    sound_channels: int | None = None
    video_codec: str = ""
    sound_codec: str | None = None
    start_s: float = 0.0
    variable_rate: bool | None = None
    split: Split = "train"
    added_at: datetime | None = None
    corpus: str = ""  # youcook2, youtube8m, folder; "" for a video that was imported by itself
    corpus_id: str = ""  # its name there, e.g. its YouTube id
    recipe_type: str = ""
    language: str = ""  # a short code such as en; "" where it is not known
    speech_share: float | None = None  # of its sound, 0 to 1


@dataclass(frozen=True, slots=True)
class CorpusChange:
    """What taking in a corpus changed: uids of new videos, of known ones, and of those whose split is now another."""

    added: tuple[str, ...]
    known: tuple[str, ...]
    moved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file could not be used by a verb, in a sentence; `video_uid` is None for files that were never imported."""

    path: Path
    verb: str
    reason: str
    video_uid: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PairRecord:
    """A pair in the review queue of one reviewer: what was mined, and where that reviewer stands on it.

    `position` is its place in the mined order (by video, then time); `active` is False once mining no longer finds it.
    """

    uid: str
    video_uid: str
    video_title: str
    time_s: float
    segment_s: float
    kind: PairKind
    labels: tuple[WeakLabel, ...]
    food_probability: float | None
    sound_offset_s: float
    active: bool
    position: int
    detector: str
    recogniser: str
    mining_id: int
    state: PairState
    decision: Decision | None  # the reviewer's standing verdict
    flagged: bool = False
    similarity: float | None = None  # by the newest run that scored pairs
    rank: int | None = None  # the pair's place by that run among `n_ranked`, from 1
    n_ranked: int | None = None

    @property
    def sound_s(self) -> float:
        """The centre of the pair's sound on the video's clock."""
        return self.time_s + self.sound_offset_s

    @property
    def label(self) -> WeakLabel | None:
        """The label that the reviewer is asked about: of best rank, unless people decided on another of the frame's."""
        return self.labels[0] if self.labels else None

    def to_pair(self) -> Pair:
        return Pair(
            self.uid,
            self.video_uid,
            self.time_s,
            self.segment_s,
            self.kind,
            self.labels,
            self.food_probability,
            self.sound_offset_s,
        )


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """One row of the history of verdicts. `withdrawn` and `restored` rows name in `refers_to` what they undo or redo.

    `label` is the class the decision is about; `labels` are the weak labels as they were shown; `seconds` is the time
    spent looking (without what was idle), `window_s` how much sound was played around the frame, `offset_s` how far the
    reviewer moved the sound against the frame, on top of the pair's own offset; `keys` were pressed on this pair.
    """

    uid: str
    pair_uid: str
    reviewer: str
    decision: HistoryEntry
    label: str | None
    reason: str | None
    comment: str | None
    seconds: float
    window_s: float
    blind: bool
    given_at: datetime
    app_version: str
    refers_to: str | None = None
    origin: Literal["review", "import"] = "review"
    mining_id: int | None = None
    labels: tuple[WeakLabel, ...] = ()
    replays: int = 0
    keys: tuple[str, ...] = ()
    offset_s: float = 0.0
    purpose: Purpose = "first"


@dataclass(frozen=True, slots=True)
class FinalVerdict:
    """What a pair came out as: adjudicated, else what most reviewers agree on, else the newest verdict on it."""

    pair_uid: str
    decision: Decision
    label: str | None
    verdict_uid: str
    settled_by: Literal["adjudication", "agreement", "newest"]
    n_reviewers: int


@dataclass(frozen=True, slots=True)
class RemarkRecord:
    """A flag raised or taken back, or a comment on a pair, beside its verdicts."""

    uid: str
    pair_uid: str
    reviewer: str
    kind: RemarkKind
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which pairs of a queue to show; whatever is empty or None lets all pass. Ranges hold both their ends.

    `text` is searched word by word in classes, heard words and video titles. `similarity` is by `run`, or by the newest
    run that scored pairs; `run` alone keeps the pairs that it scored. `by_reviewer` keeps the pairs that this reviewer
    decided, `verdict` and `reasons` those whose verdict (by that reviewer, else by anyone) is such.
    """

    text: str = ""
    classes: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()  # uids
    reasons: tuple[str, ...] = ()
    word_confidence: tuple[float, float] | None = None
    probability: tuple[float, float] | None = None
    similarity: tuple[float, float] | None = None
    by_reviewer: str | None = None
    verdict: Decision | None = None
    run: str | None = None

    @property
    def is_empty(self) -> bool:
        return self == QueueFilter(text=self.text) and not self.text.strip()


@dataclass(frozen=True, slots=True)
class FilterFacets:
    """What a queue can be filtered by: values with the number of pairs that have them, the ranges that occur."""

    classes: tuple[tuple[str, int], ...]
    splits: tuple[tuple[str, int], ...]
    videos: tuple[tuple[str, str, int], ...]  # uid, title, number
    reviewers: tuple[tuple[str, int], ...]
    runs: tuple[tuple[str, int], ...]  # that scored pairs, the newest first
    reasons: tuple[tuple[str, int], ...]
    similarity: tuple[float, float] | None  # the least and the greatest by the newest such run


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How far one reviewer is; `total` = pending + skipped + accepted + rejected + unsure.

    Flagged pairs and those to adjudicate are counted for all, whoever's they are.
    """

    pending: int
    skipped: int
    accepted: int
    rejected: int
    unsure: int
    total: int
    flagged: int = 0
    adjudicate: int = 0

    @property
    def done(self) -> int:
        return self.accepted + self.rejected + self.unsure


@dataclass(frozen=True, slots=True)
class Tally:
    """Standing verdicts counted; the accepted share is of those decided, accepted or rejected."""

    accepted: int = 0
    rejected: int = 0
    unsure: int = 0
    skipped: int = 0

    @property
    def decided(self) -> int:
        return self.accepted + self.rejected

    @property
    def accepted_share(self) -> float | None:
        return self.accepted / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Standing verdicts of all reviewers, altogether, by class and by reviewer; `seconds_median` per verdict.

    `final` counts pairs by what each came out as: the share that is the paper's to compare with.
    """

    overall: Tally
    by_class: Mapping[str, Tally]
    by_reviewer: Mapping[str, Tally]
    seconds_median: float | None
    pairs_with_several_reviewers: int
    pairs_in_disagreement: int
    final: Tally


@dataclass(frozen=True, slots=True)
class ReviewSettings:
    """How people review this project. `second_share` of the pairs is asked of two reviewers, 0 to 1; gold pairs make up
    `gold_share` of what each is asked while there are some; `seed` draws which. `blind` hides the model until a verdict.
    """

    blind: bool = False
    second_share: float = 0.0
    gold_share: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class GoldPair:
    """A pair whose right verdict is known; `label` None where any class will do."""

    pair_uid: str
    decision: Decision
    label: str | None
    set_by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GoldScore:
    """How a reviewer did on the gold pairs that others set; the interval is Wilson's of 95 %."""

    reviewer: str
    right: int
    asked: int
    interval: tuple[float, float]
    wrong_uids: tuple[str, ...]

    @property
    def share(self) -> float | None:
        return self.right / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A pair to adjudicate: what each reviewer said of it, the oldest first, and its comments beside the verdicts."""

    pair_uid: str
    verdicts: tuple[VerdictRecord, ...]
    remarks: tuple[RemarkRecord, ...]

    @property
    def differs(self) -> bool:
        """Whether reviewers differ; else someone was unsure."""
        return len({verdict.decision for verdict in self.verdicts}) > 1


@dataclass(frozen=True, slots=True)
class PacePoint:
    """A stretch of a reviewer's verdicts in time: when it ended, how many so far, its pace and its accepted share."""

    at: datetime
    n_verdicts: int
    seconds_median: float
    accepted_share: float | None


@dataclass(frozen=True, slots=True)
class ReviewerSummary:
    """One reviewer's standing verdicts. `seconds_median` is the time looking at a pair, `hours` its sum; `idle_share` is
    how much of the time between the first and the last verdict of each sitting was not spent looking.
    """

    reviewer: str
    tally: Tally
    accepted_interval: tuple[float, float]
    by_class: Mapping[str, Tally]
    seconds_median: float | None
    seconds_quartiles: tuple[float, float] | None
    hours: float
    idle_share: float | None
    replays_mean: float | None
    n_second: int
    curve: tuple[PacePoint, ...]
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class BlindChanges:
    """How often a reviewer changed a blind verdict after the reveal; `changes` counts (before, after) decisions.

    `revealed` counts all blind verdicts: one left as it was has nothing after it.
    """

    reviewer: str
    revealed: int
    changed: int
    interval: tuple[float, float]
    changes: Mapping[tuple[Decision, Decision], int]
    towards_model: int  # changes to accept, which is what the machine proposes

    @property
    def share(self) -> float | None:
        return self.changed / self.revealed if self.revealed else None


@dataclass(frozen=True, slots=True)
class QueueMarker:
    """How far someone has followed the others' work; opaque, for `changes_since` alone."""

    verdict_id: int = 0
    remark_id: int = 0
    recent: frozenset[int] = frozenset()  # rows just seen: on PostgreSQL lower numbers may still arrive


@dataclass(frozen=True, slots=True)
class PairScore:
    """What a run's model makes of a pair: similarity of its frame and sound, its place from 1 among `n` others."""

    pair_uid: str
    similarity: float
    rank: int | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Mining:
    """One run of the miner: its settings and when its pairs entered the project."""

    id: int
    at: datetime
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PairChanges:
    """What a mining changed in the project: pairs that are new, found again, and marked as no longer found."""

    mining: Mining
    new: int
    again: int
    gone: int
    gone_decided: int  # of these, with verdicts, which stay


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A training run. `config` holds what was asked for and how its pairs were chosen, `result` what came out."""

    id: str
    preset: str
    state: RunState
    config: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""  # why it failed, as a sentence
    pid: int | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    notes: str = ""
    tags: tuple[str, ...] = ()
    deleted_at: datetime | None = None  # it can be brought back until deleted runs are emptied
    queue_place: float | None = None  # among the runs that wait, the least first; None: in the order of planning


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A frozen dataset version as the database knows it; its pairs lie in the project's datasets folder."""

    id: int
    hash: str
    at: datetime
    parent: int | None
    selection: Mapping[str, Any]
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A reviewer's verdict that stands on a pair, as far as a dataset needs it."""

    pair_uid: str
    reviewer: str
    decision: Decision
    label: str | None
    offset_s: float
    verdict_uid: str
    given_at: datetime
    is_adjudication: bool = False
