"""Verdict files as text: CSV for spreadsheets and JSON lines for programs, one entry a line."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from annotator.exports.entries import COLUMNS, NESTED, AskedSettings, Entry, checked, json_entry, required_columns
from davenet.errors import UserError, one_line
from davenet.files import atomic_path


def write_json_lines(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as out:
        out.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def write_csv(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [*COLUMNS, "settings"])
        writer.writeheader()
        for entry in entries:
            nested = {name: json.dumps(entry[name], ensure_ascii=False) for name in NESTED if name in entry}
            writer.writerow({**entry, **nested})


def read_json_lines(path: Path, source: TextIO) -> Iterator[Entry | AskedSettings]:
    for number, text in enumerate(source, 1):
        if text.strip():
            yield json_entry(path, number, text)


def read_csv(path: Path, source: TextIO) -> Iterator[Entry | AskedSettings]:
    rows = csv.DictReader(source)
    try:
        missing = [name for name in required_columns() if name not in (rows.fieldnames or ())]
        if missing:
            raise UserError(f"{path}, line 1 has no column {missing[0]}; export the verdicts again.")
        for values in rows:
            if None in values or None in values.values():
                raise UserError(f"{path}, line {rows.line_num} has another number of columns than line 1; correct it.")
            yield checked(path, rows.line_num, values)
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num} is not CSV ({one_line(error)}); correct it.") from error
