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
QueueState = Literal["open", "pending", "skipped", "done", "all"]  # open: pending, then skipped
PairState = Literal["pending", "skipped", "done"]
QueueOrder = Literal["mined", "confident", "uncertain"]
Split = SplitName
RunState = Literal["planned", "running", "finished", "cancelled", "failed", "crashed"]

DECISIONS: tuple[Decision, ...] = ("accept", "reject", "unsure", "skip")
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

    `label` is the class the decision is about; `labels` are the weak labels as they were shown; `seconds` is the
    time the reviewer took, `window_s` how much sound was played around the frame.
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


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How far one reviewer is; `total` = pending + skipped + accepted + rejected + unsure."""

    pending: int
    skipped: int
    accepted: int
    rejected: int
    unsure: int
    total: int

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
    """Standing verdicts of all reviewers, altogether, by class and by reviewer; `seconds_median` per verdict."""

    overall: Tally
    by_class: Mapping[str, Tally]
    by_reviewer: Mapping[str, Tally]
    seconds_median: float | None
    pairs_with_several_reviewers: int
    pairs_in_disagreement: int


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
