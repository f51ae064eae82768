"""Reads a release back: its files are checked against the manifest, then each row against what a row may be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from davenet.corpora.splits import SPLIT_NAMES, SplitName
from davenet.errors import UserError, one_line
from davenet.pairs import PairKind, WeakLabel
from davenet.release.columns import TABLES, TableName, schema
from davenet.release.facts import Manifest
from davenet.release.manifest import verified_manifest
from davenet.release.tables import read_rows, table_path

_Name = Annotated[str, Field(min_length=1)]
_Seconds = Annotated[float, Field(ge=0, le=1e9)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


R = TypeVar("R", bound=_Row)


class ReleasedVideo(_Row):
    video_id: _Name
    corpus: str | None
    corpus_id: str | None
    split: SplitName
    recipe_type: str | None
    language: str | None
    speech_share: float | None
    duration_s: float
    source_hash: str


class ReleasedPair(_Row):
    pair_id: _Name
    video_id: _Name
    kind: PairKind
    time_s: _Seconds
    segment_s: float = Field(gt=0, le=3600)
    sound_offset_s: float = Field(ge=-3600, le=3600)
    labels: tuple[WeakLabel, ...]
    food_probability: float | None
    is_mined: bool
    mining: int = Field(ge=1)
    detector: str
    recogniser: str


class ReleasedVerdict(_Row):
    verdict_id: str = Field(pattern=r"^[0-9A-Za-z_-]{1,32}$")
    pair_id: _Name
    reviewer: str = Field(pattern=r"\S")
    decision: Literal["accept", "reject", "unsure"]
    label: str | None
    reason: str | None
    comment: str | None
    given_at: AwareDatetime
    seconds: float = Field(ge=0)
    window_s: float = Field(ge=0)
    blind: bool
    labels: tuple[WeakLabel, ...]
    purpose: Literal["first", "second", "gold", "adjudication", "revealed"]
    offset_s: float = Field(ge=-3600, le=3600)
    replays: int = Field(ge=0)
    keys: tuple[str, ...]
    app_version: str = Field(max_length=32)


class Release:
    """A release whose files are as they were made; its rows are read in batches and checked one by one."""

    def __init__(self, folder: Path) -> None:
        """Raises UserError where the folder holds no release, or one that is damaged, changed or of a newer version."""
        self.folder = folder
        self.manifest: Manifest = verified_manifest(folder)
        self._numbers = {mining.number for mining in self.manifest.facts.minings}
        for table in TABLES:
            for split in SPLIT_NAMES:
                self._check_columns(table, split)

    def n_rows(self, table: TableName) -> int:
        """Returns how many rows a table has in all its splits."""
        names = (table_path(Path(), table, split).as_posix() for split in SPLIT_NAMES)
        return sum(self.manifest.files[name].rows for name in names if name in self.manifest.files)

    def videos(self) -> Iterator[ReleasedVideo]:
        """Yields each video; raises UserError, as the others do, naming the file and the row that is wrong."""
        seen: set[str] = set()
        for split, number, row in self._rows("videos"):
            video = self._checked(ReleasedVideo, "videos", split, number, row)
            if video.split != split:
                raise self._wrong("videos", split, number, f"its split is {video.split}")
            if video.video_id in seen:
                raise self._wrong("videos", split, number, f"{video.video_id} is there twice")
            seen.add(video.video_id)
            yield video

    def pairs(self) -> Iterator[ReleasedPair]:
        for split, number, row in self._rows("pairs"):
            pair = self._checked(ReleasedPair, "pairs", split, number, row)
            if pair.mining not in self._numbers:
                raise self._wrong("pairs", split, number, f"there is no mining {pair.mining}")
            yield pair

    def verdicts(self) -> Iterator[ReleasedVerdict]:
        for split, number, row in self._rows("verdicts"):
            yield self._checked(ReleasedVerdict, "verdicts", split, number, row)

    def _rows(self, table: TableName) -> Iterator[tuple[SplitName, int, dict[str, Any]]]:
        for split in SPLIT_NAMES:
            if table_path(Path(), table, split).as_posix() not in self.manifest.files:
                continue
            rows = iter(read_rows(self.folder, table, split))
            number = 0
            while True:
                number += 1
                try:
                    row = next(rows)
                except StopIteration:
                    break
                except (OSError, ValueError, OverflowError) as error:
                    raise self._wrong(table, split, number, one_line(error)) from error
                yield split, number, row

    def _check_columns(self, table: TableName, split: SplitName) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = table_path(self.folder, table, split)
        if path.relative_to(self.folder).as_posix() not in self.manifest.files:
            return
        try:
            found = pq.read_schema(path)
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"{path} is no Parquet file ({one_line(error)}); get the release again.") from error
        for column in schema(table):
            place = found.get_field_index(column.name)
            if place < 0 or found.field(place).type != column.type:
                told = "has no column" if place < 0 else "has another type in its column"
                raise UserError(f"{path} {told} {column.name}; get the release again.")

    def _checked(self, kind: type[R], table: TableName, split: SplitName, number: int, row: Any) -> R:
        try:
            return kind.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise self._wrong(table, split, number, f"{place}: {first['msg']}") from error

    def _wrong(self, table: TableName, split: SplitName, number: int, what: str) -> UserError:
        path = table_path(self.folder, table, split)
        return UserError(f"{path}, row {number}: {what}; get the release again; nothing was imported.")
