"""The rules of the verdict history, free of any database: which verdict counts, what undo and redo do.

Rows are only ever appended. A ``withdrawn`` or ``restored`` row names the verdict it undoes or redoes, and the newest
such row about a verdict holds.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Row(Protocol):
    """What the rules need to know of a row of history."""

    @property
    def uid(self) -> str: ...
    @property
    def decision(self) -> str: ...
    @property
    def refers_to(self) -> str | None: ...


R = TypeVar("R", bound=Row)


def standing_backwards(rows_newest_first: Iterable[R]) -> Iterator[R]:
    """Yields the verdicts that are not withdrawn, newest first: the first is what undo takes back."""
    fate: dict[str, str] = {}
    for row in rows_newest_first:
        if row.refers_to is not None:
            fate.setdefault(row.refers_to, row.decision)
        elif fate.get(row.uid) != "withdrawn":
            yield row


def redoable(rows_newest_first: Iterable[R]) -> str | None:
    """Returns the uid of the verdict that redo restores: the last one withdrawn since the reviewer's newest verdict."""
    settled: set[str] = set()
    for row in rows_newest_first:
        if row.refers_to is None:
            return None  # a new verdict ends the chance to redo
        if row.refers_to not in settled:
            if row.decision == "withdrawn":
                return row.refers_to
            settled.add(row.refers_to)
    return None
