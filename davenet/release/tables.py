"""The tables of a release as files: one Parquet file and one CSV file a split, written and read in batches.

Parquet is the exact one. CSV is for people and their spreadsheets: lists are JSON there, and a text that a spreadsheet would
run as a formula stands behind an apostrophe (`csv_text`, undone by `text_of_csv`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from davenet.corpora.splits import SPLIT_NAMES, SplitName
from davenet.files import atomic_path
from davenet.release.columns import TABLES, Column, TableName, schema

BATCH_ROWS = 4096  # rows in memory at once, and in a row group
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


class TableWriter:
    """Writes one table's rows as they come, a Parquet file for each split that has any; a context manager."""

    def __init__(self, folder: Path, table: TableName) -> None:
        self._folder = folder
        self._table: TableName = table
        self._schema = schema(table)
        self._rows: dict[SplitName, list[Mapping[str, Any]]] = {}
        self._writers: dict[SplitName, Any] = {}
        self._stack = ExitStack()
        self.n_rows = dict.fromkeys(SPLIT_NAMES, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._stack:
            if error is not None:
                raise error  # so that no half-written file stays
            for split in self._rows:
                self._flush(split)

    def add(self, split: SplitName, row: Mapping[str, Any]) -> None:
        """Takes a row with a value for each of the table's columns."""
        rows = self._rows.setdefault(split, [])
        rows.append(row)
        self.n_rows[split] += 1
        if len(rows) == BATCH_ROWS:
            self._flush(split)

    def _flush(self, split: SplitName) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = self._rows[split]
        if not rows:
            return
        if split not in self._writers:
            path = table_path(self._folder, self._table, split)
            temporary = self._stack.enter_context(atomic_path(path))
            writer = pq.ParquetWriter(temporary, self._schema, compression="zstd")
            self._writers[split] = self._stack.enter_context(writer)
        self._writers[split].write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))
        self._rows[split] = []


def table_path(folder: Path, table: TableName, split: SplitName, suffix: str = ".parquet") -> Path:
    return folder / table / f"{split}{suffix}"


def read_rows(folder: Path, table: TableName, split: SplitName) -> Iterator[dict[str, Any]]:
    """Yields the rows of a split in their order; none where the split has no file."""
    import pyarrow.parquet as pq

    path = table_path(folder, table, split)
    if not path.exists():
        return
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()


def write_csv(folder: Path, table: TableName, split: SplitName) -> None:
    """Writes the CSV file of a split beside its Parquet file, from which it is made: UTF-8, every text in quotes."""
    columns = TABLES[table]
    with (
        atomic_path(table_path(folder, table, split, ".csv")) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as out,
    ):
        out.write(",".join(column.name for column in columns) + "\n")
        for row in read_rows(folder, table, split):
            out.write(",".join(_cell(column, row[column.name]) for column in columns) + "\n")


def csv_text(text: str) -> str:
    """Returns a text as it stands in a CSV file: with an apostrophe before what a spreadsheet would take for a formula."""
    return "'" + text if _FORMULA.match(text) else text


def text_of_csv(text: str) -> str:
    """Returns the text that `csv_text` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return ""
    match column.kind:
        case "number":
            return repr(value)
        case "whole":
            return str(value)
        case "yes or no":
            return "true" if value else "false"
        case "moment":
            return moment_text(value)
        case "labels" | "texts":
            return _quoted(json.dumps(value, ensure_ascii=False))
        case "text":
            return _quoted(csv_text(value))


def moment_text(moment: datetime) -> str:
    """Returns a moment as ISO text in UTC, of fixed width."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
