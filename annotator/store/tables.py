"""The tables of a project's database, as typed mappings that never leave the store. Migrations must agree with them."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, Float, ForeignKey, Index, Integer, String, Text, types
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(types.TypeDecorator[datetime]):
    """An aware moment in UTC, kept as ISO text of fixed width, so that text order is time order on every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Json(types.TypeDecorator[Any]):
    """Any JSON value, kept as text: this project never searches inside it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


# SQLite hands out growing row numbers only for INTEGER keys; elsewhere the history outgrows 32 bits
_Serial = BigInteger().with_variant(Integer, "sqlite")


class Table(DeclarativeBase):
    pass


class Video(Table):
    __tablename__ = "video"

    uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    duration_s: Mapped[float] = mapped_column(Float(53))
    frame_rate: Mapped[float] = mapped_column(Float(53))
    width: Mapped[int]
    height: Mapped[int]
    rotation: Mapped[int]
    sound_rate: Mapped[int | None]
    sound_channels: Mapped[int | None]
    video_codec: Mapped[str] = mapped_column(String(64))
    sound_codec: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    source_hash: Mapped[str] = mapped_column(String(64), index=True)
    start_s: Mapped[float] = mapped_column(Float(53))
    variable_rate: Mapped[bool | None]
    split: Mapped[str] = mapped_column(String(16))
    added_at: Mapped[datetime] = mapped_column(Moment)
    corpus: Mapped[str] = mapped_column(String(32), server_default="")
    corpus_id: Mapped[str] = mapped_column(Text, server_default="")
    recipe_type: Mapped[str] = mapped_column(Text, server_default="")
    language: Mapped[str] = mapped_column(String(16), server_default="")
    speech_share: Mapped[float | None] = mapped_column(Float(53))


class DescribedSegment(Table):
    """A stretch of a video with the sentence that a corpus's annotators wrote for it; `place` is its order, from 0."""

    __tablename__ = "described_segment"

    video_uid: Mapped[str] = mapped_column(ForeignKey("video.uid"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    start_s: Mapped[float] = mapped_column(Float(53))
    end_s: Mapped[float] = mapped_column(Float(53))
    sentence: Mapped[str] = mapped_column(Text)


class Problem(Table):
    """Why a verb could not use a file; one row a file and verb, removed when the verb succeeds on it."""

    __tablename__ = "problem"

    path: Mapped[str] = mapped_column(Text, primary_key=True)
    verb: Mapped[str] = mapped_column(String(32), primary_key=True)
    video_uid: Mapped[str | None] = mapped_column(ForeignKey("video.uid"))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)


class Mining(Table):
    __tablename__ = "mining"

    id: Mapped[int] = mapped_column(_Serial, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    settings: Mapped[Any] = mapped_column(Json)


class Pair(Table):
    __tablename__ = "pair"
    __table_args__ = (
        Index("ix_pair_queue", "kind", "active", "position"),
        Index("ix_pair_video", "video_uid", "time_s"),
        Index("ix_pair_class", "class_name"),
        # Holds all that the pending pairs are filtered by: the queue opens and filters from it alone
        Index(
            "ix_pair_open", "kind", "active", "n_decided", "position", "uid", "class_name", "video_uid",
            "label_probability", "word_confidence", "similarity", "draw",
        ),
    )  # fmt: skip

    uid: Mapped[str] = mapped_column(String(32), primary_key=True)
    video_uid: Mapped[str] = mapped_column(ForeignKey("video.uid"))
    time_s: Mapped[float] = mapped_column(Float(53))
    segment_s: Mapped[float] = mapped_column(Float(53))
    sound_offset_s: Mapped[float] = mapped_column(Float(53))
    kind: Mapped[str] = mapped_column(String(16))
    food_probability: Mapped[float | None] = mapped_column(Float(53))
    label_probability: Mapped[float | None] = mapped_column(Float(53))  # of the label asked about, for ordering
    active: Mapped[bool]
    position: Mapped[int]
    detector: Mapped[str] = mapped_column(Text)
    recogniser: Mapped[str] = mapped_column(Text)
    mining_id: Mapped[int] = mapped_column(ForeignKey("mining.id"))
    # What queues are filtered and ordered by, kept here so that no filter needs the labels
    class_name: Mapped[str | None] = mapped_column(Text)  # of the label asked about
    word_confidence: Mapped[float | None] = mapped_column(Float(53))
    label_text: Mapped[str] = mapped_column(Text, server_default="")  # all classes and words, casefolded
    draw: Mapped[int] = mapped_column(BigInteger, server_default="0")  # a hash of the uid, for seeded orders and shares
    similarity: Mapped[float | None] = mapped_column(Float(53))  # by the newest run that scored pairs
    n_decided: Mapped[int] = mapped_column(server_default="0")  # standing verdicts but skips, and adjudications


class Label(Table):
    """The weak labels of a pair, as last mined; `place` is their order in the pair."""

    __tablename__ = "label"

    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    class_name: Mapped[str] = mapped_column(Text)
    probability: Mapped[float] = mapped_column(Float(53))
    rank: Mapped[int]
    word: Mapped[str] = mapped_column(Text)
    word_start: Mapped[float] = mapped_column(Float(53))
    word_end: Mapped[float] = mapped_column(Float(53))
    word_confidence: Mapped[float] = mapped_column(Float(53))


class Verdict(Table):
    """The history of verdicts: rows are inserted and never changed."""

    __tablename__ = "verdict"
    __table_args__ = (
        Index("ix_verdict_pair", "pair_uid", "reviewer"),
        Index("ix_verdict_reviewer", "reviewer", "id"),
        Index("ix_verdict_given", "reviewer", "given_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_Serial, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"))
    reviewer: Mapped[str] = mapped_column(Text)
    decision: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(Text)
    seconds: Mapped[float] = mapped_column(Float(53))
    window_s: Mapped[float] = mapped_column(Float(53))
    blind: Mapped[bool]
    given_at: Mapped[datetime] = mapped_column(Moment)
    app_version: Mapped[str] = mapped_column(String(32))
    refers_to: Mapped[str | None] = mapped_column(String(32))
    origin: Mapped[str] = mapped_column(String(16))
    mining_id: Mapped[int | None] = mapped_column(ForeignKey("mining.id"))
    labels: Mapped[Any] = mapped_column(Json)
    replays: Mapped[int] = mapped_column(server_default="0")
    keys: Mapped[Any] = mapped_column(Json, server_default="[]")  # pressed on this pair, in their order
    offset_s: Mapped[float] = mapped_column(Float(53), server_default="0")
    purpose: Mapped[str] = mapped_column(String(16), server_default="first")


class Standing(Table):
    """The verdict that counts for each pair and reviewer: derived from the history in its transaction.

    Adjudications stand apart. `blind_id` is the blind verdict that a revealed one followed.
    """

    __tablename__ = "standing"
    __table_args__ = (
        Index("ix_standing_reviewer", "reviewer", "decision", "verdict_id"),
        Index("ix_standing_decision", "pair_uid", "decision", "reviewer"),
    )

    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(Text, primary_key=True)
    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdict.id"))
    decision: Mapped[str] = mapped_column(String(16))
    blind_id: Mapped[int | None] = mapped_column(_Serial)


class Adjudication(Table):
    """The adjudication of each pair by each adjudicator that counts: derived like `Standing`, in the same transaction."""

    __tablename__ = "adjudication"

    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(Text, primary_key=True)
    verdict_id: Mapped[int] = mapped_column(ForeignKey("verdict.id"))
    decision: Mapped[str] = mapped_column(String(16))


class Remark(Table):
    """Flags and comments beside the verdicts: rows are inserted and never changed."""

    __tablename__ = "remark"
    __table_args__ = (Index("ix_remark_pair", "pair_uid", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(_Serial, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"))
    reviewer: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)


class Gold(Table):
    """Pairs whose right verdict is known, to see how each reviewer does on them."""

    __tablename__ = "gold"

    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"), primary_key=True)
    decision: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(Text)
    set_by: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Moment)


class Lease(Table):
    """Who has a pair before them now; a lease whose time is over counts for nothing."""

    __tablename__ = "lease"
    __table_args__ = (Index("ix_lease_until", "until"),)

    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(String(64))  # the app, of which one reviewer may have several
    until: Mapped[datetime] = mapped_column(Moment)


class Score(Table):
    """What a run's model makes of a pair: the similarity of its frame and sound, and its place among `n` others."""

    __tablename__ = "score"
    __table_args__ = (Index("ix_score_run", "run_id", "similarity"),)

    pair_uid: Mapped[str] = mapped_column(ForeignKey("pair.uid"), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"), primary_key=True)
    similarity: Mapped[float] = mapped_column(Float(53))
    rank: Mapped[int | None]
    n: Mapped[int | None]


class Run(Table):
    __tablename__ = "run"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    preset: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    config: Mapped[Any] = mapped_column(Json)
    result: Mapped[Any] = mapped_column(Json)
    message: Mapped[str] = mapped_column(Text)
    pid: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    notes: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[Any] = mapped_column(Json, default=list)
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)  # its folder stays until deleted runs are emptied
    queue_place: Mapped[float | None] = mapped_column(Float(53))  # among the runs that wait; None: as planned


class DatasetVersion(Table):
    """Which pairs a run may learn from, frozen in datasets/ID.jsonl: rows are inserted and never changed."""

    __tablename__ = "dataset_version"

    id: Mapped[int] = mapped_column(_Serial, primary_key=True)
    hash: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(Moment)
    parent: Mapped[int | None] = mapped_column(ForeignKey("dataset_version.id"))
    selection: Mapped[Any] = mapped_column(Json)
    counts: Mapped[Any] = mapped_column(Json)


class Setting(Table):
    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
