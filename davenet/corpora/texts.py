"""Reading other people's text, JSON and CSV files, whatever their encoding; what is wrong in them is one sentence.

Files of corpora come from many programs: with a byte order mark, in UTF-16, in Latin-1, with commas or semicolons.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davenet.errors import UserError, one_line

_MARKS = (  # UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS = ",;\t|"
_MOST_BYTES = 1 << 29


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its number in the file (from 1), and its values by the header's names, without blanks around."""

    number: int
    values: Mapping[str, str]


def read_text(path: Path) -> str:
    """Returns the text of a file: by its byte order mark, else UTF-8, else UTF-16 where every other byte is 0, else Latin-1.

    Raises UserError where it is missing, unreadable, too large, or no text at all.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path} is larger than any such text; choose the file that was meant.")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or one_line(error)}); check its name.") from error
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not whole text ({one_line(error)[:80]}); download it again.") from error
    if "\0" in text:
        raise UserError(f"{path} is not a text file; choose the file that was meant.")
    return text


def read_json(path: Path) -> Any:
    """Returns the value of a JSON file; raises UserError for what is no JSON, and for a key that is there twice."""
    text = read_text(path)

    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise UserError(f"{path}: {_shown(twice)} is there twice; remove one of the two.")
        return made

    try:
        return json.loads(text, object_pairs_hook=no_twins)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}, is not whole JSON ({error.msg}); download it again.") from error
    except RecursionError as error:
        raise UserError(f"{path} is nested too deeply for any annotations; download it again.") from error
    except ValueError as error:  # a number with thousands of digits
        raise UserError(f"{path} holds a number that is none ({one_line(error)[:80]}); download it again.") from error


def read_rows(path: Path) -> Iterator[list[str]]:
    """Yields the lines of a CSV file (comma, semicolon, tab or bar between the values) that are not empty."""
    for _, values in _numbered(path):
        yield values


def read_table(path: Path, columns: Mapping[str, Iterable[str]], *, needed: Iterable[str]) -> Iterator[Row]:
    """Yields the rows of a CSV file with a header. `columns` gives for each name the headings that mean it.

    Case, blanks and underscores of a heading don't matter. Raises UserError where a needed column is missing or twice there.
    """
    lines = _numbered(path)
    _, header = next(lines, (1, []))
    places: dict[str, int] = {}
    headings = [_plain(heading) for heading in header]
    for name, accepted in columns.items():
        found = [place for place, heading in enumerate(headings) if heading in {_plain(each) for each in accepted}]
        if len(found) > 1:
            raise UserError(f"{path}: its header has the column {header[found[0]]} twice; remove one.")
        if found:
            places[name] = found[0]
    for name in needed:
        if name not in places:
            raise UserError(
                f"{path}: its header has no column {name}; name one {' or '.join(columns[name])} (it has "
                f"{', '.join(_shown(each) for each in header[:8]) or 'no columns'})."
            )
    for number, values in lines:
        yield Row(
            number, {name: values[place].strip() if place < len(values) else "" for name, place in places.items()}
        )


def _numbered(path: Path) -> Iterator[tuple[int, list[str]]]:
    text = read_text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)  # the first of them where all are alike
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, values
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}, is not CSV ({one_line(error)}); correct it.") from error


def _encoding(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    head = content[:4096]
    if len(head) > 3 and head[1::2].count(0) > 0.4 * len(head[1::2]) and not head[::2].count(0):
        return "utf-16-le"
    if len(head) > 3 and head[::2].count(0) > 0.4 * len(head[::2]) and not head[1::2].count(0):
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _plain(heading: str) -> str:
    return "".join(letter for letter in heading.lower() if letter.isalnum())


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:60]
