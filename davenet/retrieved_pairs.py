"""The pairs of a gallery that was looked at: one of them as a record, all of them as arrays. No torch.

A gallery may have 100,000 pairs. As arrays they are a few objects, which nothing has to walk through to free or to filter.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import eq
from typing import overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RetrievedPair:
    """One pair of the gallery; `sound_s` is the centre of its segment as the checkpoint hears it."""

    uid: str
    video_uid: str
    time_s: float
    sound_s: float
    segment_s: float
    class_name: str | None
    word: str | None
    split: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """Which of a few names each of N has; −1 is none of them."""

    names: tuple[str, ...]
    of_N: NDArray[np.int64]

    @classmethod
    def of(cls, values: Sequence[str | None]) -> "Codes":
        names = tuple(sorted({value for value in values if value}))
        place = {name: at for at, name in enumerate(names)}
        return cls(names, np.fromiter((place.get(value or "", -1) for value in values), np.int64, len(values)))

    def are(self, wanted: Collection[str]) -> NDArray[np.bool_]:
        return np.isin(self.of_N, [at for at, name in enumerate(self.names) if name in wanted])

    def name(self, place: int) -> str | None:
        code = int(self.of_N[place])
        return self.names[code] if code >= 0 else None


class RetrievedPairs(Sequence[RetrievedPair]):
    """Pairs as arrays: `uids_N` (text), `times_N3` (seconds of frame and sound, and of the segment), and codes of names."""

    def __init__(self, pairs: Iterable[RetrievedPair]) -> None:
        uids: list[str] = []
        times: list[float] = []
        named: tuple[list[str | None], ...] = ([], [], [], [])
        for pair in pairs:
            uids.append(pair.uid)
            times += (pair.time_s, pair.sound_s, pair.segment_s)
            for column, value in zip(named, (pair.video_uid, pair.class_name, pair.word, pair.split), strict=True):
                column.append(value)
        self.uids_N: NDArray[np.str_] = np.array(uids, str)
        self.times_N3 = np.array(times, np.float64).reshape(-1, 3)
        self.videos, self.classes, self.words, self.splits = (Codes.of(column) for column in named)
        self._by_uid_N = np.argsort(self.uids_N, kind="stable")

    def __len__(self) -> int:
        return len(self.uids_N)

    @overload
    def __getitem__(self, place: int) -> RetrievedPair: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[RetrievedPair, ...]: ...
    def __getitem__(self, place: int | slice) -> RetrievedPair | tuple[RetrievedPair, ...]:
        if isinstance(place, slice):
            return tuple(self[at] for at in range(*place.indices(len(self))))
        time_s, sound_s, segment_s = self.times_N3[place].tolist()
        return RetrievedPair(
            str(self.uids_N[place]),
            self.videos.name(place) or "",
            time_s,
            sound_s,
            segment_s,
            self.classes.name(place),
            self.words.name(place),
            self.splits.name(place) or "",
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def place_of(self, uid: str) -> int | None:
        """Returns the place of the pair of this uid, None where it is not in the gallery."""
        row = int(np.searchsorted(self.uids_N, uid, sorter=self._by_uid_N))
        if row == len(self) or self.uids_N[self._by_uid_N[row]] != uid:
            return None
        return int(self._by_uid_N[row])
