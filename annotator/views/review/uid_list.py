"""The uids of a queue in a few bytes each, with the row of each found quickly and rows that come and go.

As Python's texts in a list with a dict of their places, 200,000 would take forty megabytes, twice while a list is
replaced by another.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class UidList(Sequence[str]):
    """Uids of ASCII in their order, each once; `row_of` is exact after any insertions and removals."""

    def __init__(self, uids: Iterable[str] = ()) -> None:
        self._uids: NDArray[np.bytes_] = np.array(list(uids), dtype=np.bytes_).reshape(-1)
        self._by_name = np.argsort(self._uids)  # rows as they were at first, in order of their uids
        self._first = self._uids
        self._n_removed = 0
        self._inserted: set[str] = set()

    def copy(self) -> "UidList":
        """Returns the list as it is now, for another thread or another view; it costs nothing."""
        same = copy.copy(self)
        same._inserted = set(self._inserted)
        return same

    def __len__(self) -> int:
        return len(self._uids)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [uid.decode() for uid in self._uids[row].tolist()]
        uid: bytes = self._uids[row].item()
        return uid.decode()

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, str) and self.row_of(uid) is not None

    def row_of(self, uid: str) -> int | None:
        """Returns where a uid stands, None where it does not."""
        name = uid.encode()
        if len(name) > self._uids.itemsize:
            return None
        first, last = 0, len(self._uids)
        if uid not in self._inserted:
            at = int(np.searchsorted(self._first, name, sorter=self._by_name))
            if at == len(self._first) or self._first[self._by_name[at]] != name:
                return None
            place = int(self._by_name[at])
            first, last = max(0, place - self._n_removed), place + len(self._inserted) + 1
        found = np.flatnonzero(self._uids[first:last] == name)
        return first + int(found[0]) if len(found) else None

    def insert(self, row: int, uid: str) -> None:
        """Puts a uid before the one of a row."""
        name = uid.encode()
        if len(name) > self._uids.itemsize:
            self._uids = self._uids.astype(f"S{len(name)}")
        self._uids = np.insert(self._uids, row, name)
        self._inserted.add(uid)

    def remove(self, uid: str) -> int | None:
        """Takes a uid out and returns the row that it had."""
        row = self.row_of(uid)
        if row is not None:
            self._uids = np.delete(self._uids, row)
            self._n_removed += 1
        return row

    def edit(self, leaving: Iterable[str], entering: Iterable[tuple[int, str]]) -> None:
        """Takes many uids out and puts others at the rows that they have afterwards, in order of the rows, in one go."""
        rows = [row for uid in leaving if (row := self.row_of(uid)) is not None]
        kept = np.delete(self._uids, rows)
        coming = [(min(row, len(kept) + number), uid) for number, (row, uid) in enumerate(entering)]
        width = max((kept.itemsize, *(len(uid.encode()) for _row, uid in coming)))
        edited = np.empty(len(kept) + len(coming), f"S{width}")
        is_new = np.zeros(len(edited), bool)
        is_new[[row for row, _uid in coming]] = True
        edited[is_new] = [uid.encode() for _row, uid in coming]
        edited[~is_new] = kept
        self._uids = edited
        self._n_removed += len(rows)
        self._inserted.update(uid for _row, uid in coming)
