"""What the tables of a release hold: every column with its type, unit and meaning, from which schema and card are made.

Written by annotator's verb from the project's database, read back by `reading`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow

Kind = Literal["text", "number", "whole", "yes or no", "moment", "texts", "labels"]
TableName = Literal["pairs", "verdicts", "videos"]
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `unit` is for people, `is_optional` where a row may lack a value."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    is_optional: bool = False


# of one weak label, as davenet.pairs.WeakLabel names its fields
LABEL_FIELDS = (
    Column("class_name", "text", "the food class that the detector named"),
    Column("probability", "number", "the detector's probability of that class", "0 to 1"),
    Column("rank", "whole", "the class's place among the detector's classes for the frame, from 1"),
    Column("word", "text", "the spoken word or words that name the class, as recognised"),
    Column("word_start", "number", "when the word begins, on the video's clock", "s"),
    Column("word_end", "number", "when the word ends", "s"),
    Column("word_confidence", "number", "the recogniser's confidence in the word", "0 to 1"),
)

PAIRS = (
    Column("pair_id", "text", "the pair's lasting name: a hash of video_id, time_s, kind and label"),
    Column("video_id", "text", "the video: its id in its corpus (a YouTube id), else a name of its own; see videos"),
    Column("kind", "text", "food: a class is seen and said; non-food: a frame without food, not reviewed"),
    Column("time_s", "number", "the frame's time on the video's own clock, 0 being its first frame or sound", "s"),
    Column("segment_s", "number", "T, the length of the audio segment", "s"),
    Column("sound_offset_s", "number", "how far the segment's centre lies after the frame; 0 unless a person moved it", "s"),
    Column("sound_start_s", "number", "where the segment begins: time_s + sound_offset_s − segment_s / 2", "s"),
    Column("sound_end_s", "number", "where the segment ends", "s"),
    Column("label", "text", "the class that reviewers are asked about, that of the first weak label", "", True),
    Column("labels", "labels", "the weak labels: the one asked about, then the others by rank; none for non-food"),
    Column("food_probability", "number", "the detector's P(food) of the frame", "0 to 1", True),
    Column("verdict", "text", "accept, reject or unsure: an adjudication's, else that of more than half of the reviewers, else "
           "the one given last; null: not reviewed", "", True),
    Column("n_accept", "whole", "reviewers who accept"),
    Column("n_reject", "whole", "reviewers who reject"),
    Column("n_unsure", "whole", "reviewers who are unsure"),
    Column("is_mined", "yes or no", "false where mining no longer finds the pair, which is kept for its verdicts"),
    Column("mining", "whole", "the number of the mining that found it, whose thresholds the card lists"),
    Column("detector", "text", "what made the class and P(food)"),
    Column("recogniser", "text", "what made the word"),
)  # fmt: skip

VERDICTS = (
    Column("verdict_id", "text", "the verdict's lasting name"),
    Column("pair_id", "text", "the pair that it is about"),
    Column("video_id", "text", "that pair's video"),
    Column("reviewer", "text", "who gave it"),
    Column("decision", "text", "accept: the class is seen and said; reject: it is not; unsure"),
    Column("label", "text", "the class that the decision is about", "", True),
    Column("reason", "text", "why it was rejected, in a word", "", True),
    Column("comment", "text", "the reviewer's own words", "", True),
    Column("given_at", "moment", "when it was given", "UTC"),
    Column("seconds", "number", "how long the reviewer took", "s"),
    Column("window_s", "number", "how much sound around the frame was played", "s"),
    Column("blind", "yes or no", "whether the machine's scores were hidden from the reviewer"),
    Column("labels", "labels", "the weak labels as they were shown"),
    Column(
        "purpose",
        "text",
        "first, second (another person's review of the pair), gold (one whose answer was known), "
        "adjudication (of reviewers who differ) or revealed (after a blind one, with the scores shown)",
    ),
    Column("offset_s", "number", "by how much the reviewer moved the sound against the frame", "s"),
    Column("replays", "whole", "how often the reviewer played the sound again"),
    Column("keys", "texts", "the keys that were pressed"),
    Column("app_version", "text", "the version of the app that it was given in"),
)

VIDEOS = (
    Column("video_id", "text", "the video's name in this release"),
    Column("corpus", "text", "the corpus that it belongs to; null for a video of no published corpus", "", True),
    Column("corpus_id", "text", "its id there, which is its YouTube id", "", True),
    Column("split", "text", "train, validation or test"),
    Column("recipe_type", "text", "what is cooked, as the corpus says", "", True),
    Column("language", "text", "the language that is spoken", "code", True),
    Column("speech_share", "number", "how much of its sound is speech", "0 to 1", True),
    Column("duration_s", "number", "its length", "s"),
    Column("frame_rate", "number", "its frames a second", "1/s"),
    Column("width", "whole", "of the upright picture", "pixels"),
    Column("height", "whole", "of the upright picture", "pixels"),
    Column("source_hash", "text", "a hash of the file that was used: another encoding of the video has another"),
    Column("n_pairs", "whole", "its pairs in this release"),
)

TABLES: dict[TableName, tuple[Column, ...]] = {"pairs": PAIRS, "verdicts": VERDICTS, "videos": VIDEOS}


def schema(table: TableName) -> "pyarrow.Schema":
    """Returns a table's Arrow schema; a column that no row may lack is not nullable."""
    import pyarrow as pa

    label = pa.struct([pa.field(field.name, _type(field.kind), nullable=False) for field in LABEL_FIELDS])

    def field_of(column: Column) -> pa.Field:
        kind = pa.list_(pa.field("element", label, nullable=False)) if column.kind == "labels" else _type(column.kind)
        return pa.field(column.name, kind, nullable=column.is_optional)

    return pa.schema([field_of(column) for column in TABLES[table]])


def _type(kind: Kind) -> "pyarrow.DataType":
    import pyarrow as pa

    return {
        "text": pa.string(),
        "number": pa.float64(),
        "whole": pa.int32(),
        "yes or no": pa.bool_(),
        "moment": pa.timestamp("us", tz="UTC"),
        "texts": pa.list_(pa.field("element", pa.string(), nullable=False)),
    }[kind]
