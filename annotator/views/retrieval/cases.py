"""A gallery's cases as the workspace lists them: which query, which way, what was retrieved, hit or miss. No Qt."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davenet.retrieval_file import MOST_SIMILAR, Retrieval, RetrievedPair

Way = Literal["audio", "visual"]  # a frame asks for its segment, or a segment for its frame
Show = Literal["all", "misses", "hits"]
Order = Literal["worst", "nearest", "gallery"]
WAYS: dict[Way, str] = {"audio": "frame → sound", "visual": "sound → frame"}
ORDERS: dict[Order, str] = {
    "worst": "worst rank first",
    "nearest": "nearest misses first",
    "gallery": "as in the gallery",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases are listed, and in what order; `class_name` None is every class."""

    way: Way = "audio"
    show: Show = "misses"
    class_name: str | None = None
    text: str = ""
    order: Order = "worst"


@dataclass(frozen=True, slots=True)
class Result:
    """One of the ten most similar: its place in the gallery, and whether it is the true one."""

    place: int
    similarity: float
    is_true: bool
    is_same_class: bool
    is_same_video: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One query with what it retrieved."""

    place: int
    way: Way
    rank: int
    n: int
    true_similarity: float
    results: tuple[Result, ...]

    @property
    def is_hit(self) -> bool:
        return self.rank <= MOST_SIMILAR

    @property
    def sentence(self) -> str:
        return f"true one at {self.rank:,} of {self.n:,}".replace(",", "\u202f")


@dataclass(frozen=True, slots=True)
class Cases:
    """A gallery that was looked at, with the verdicts and the videos' titles of the project."""

    found: Retrieval
    titles: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, str] = field(default_factory=dict)
    ours: frozenset[str] = frozenset()  # uids that are pairs of the project

    def with_decision(self, uid: str, decision: str) -> "Cases":
        return replace(self, decisions={**self.decisions, uid: decision}, ours=self.ours | {uid})

    def pair(self, place: int) -> RetrievedPair:
        return self.found.pairs[place]

    def title(self, place: int) -> str:
        uid = self.found.pairs[place].video_uid
        return self.titles.get(uid, uid)

    def name(self, place: int) -> str:
        return self.found.pairs[place].class_name or "no class"

    def ranks(self, way: Way) -> NDArray[np.int64]:
        return self.found.arrays.audio_ranks_N if way == "audio" else self.found.arrays.visual_ranks_N

    def case(self, place: int, way: Way) -> Case:
        arrays = self.found.arrays
        audio = way == "audio"
        places = (arrays.segments_of_frames_NK if audio else arrays.frames_of_segments_NK)[place]
        values = (arrays.segments_similarity_NK if audio else arrays.frames_similarity_NK)[place]
        own = self.pair(place)
        results = []
        for other, similarity in zip(places.tolist(), values.tolist(), strict=True):
            if other >= 0:
                pair = self.pair(other)
                same = own.class_name is not None and pair.class_name == own.class_name
                results.append(Result(other, similarity, other == place, same, pair.video_uid == own.video_uid))
        rank = int(self.ranks(way)[place])
        return Case(place, way, rank, len(self.found), float(arrays.true_N[place]), tuple(results))

    def listed(self, wanted: Wanted) -> list[int]:
        """Returns the places of the cases that are wanted, in their order."""
        ranks = self.ranks(wanted.way)
        keep = np.ones(len(ranks), bool)
        if wanted.show != "all":
            keep &= (ranks <= MOST_SIMILAR) == (wanted.show == "hits")
        places = np.flatnonzero(keep)
        if wanted.order == "worst":
            places = places[np.argsort(-ranks[places], kind="stable")]
        elif wanted.order == "nearest":
            is_hit = ranks[places] <= MOST_SIMILAR
            places = places[np.lexsort((ranks[places], is_hit))]
        chosen: list[int] = places.tolist()
        if wanted.class_name is not None:
            chosen = [place for place in chosen if self.found.pairs[place].class_name == wanted.class_name]
        words = wanted.text.casefold().split()
        return [place for place in chosen if self._has(place, words)] if words else chosen

    def counts(self, wanted: Wanted) -> dict[Show, int]:
        """Returns how many there are of all, misses and hits with the same class and text."""
        every = self.listed(replace(wanted, show="all", order="gallery"))
        n_hits = int((self.ranks(wanted.way)[every] <= MOST_SIMILAR).sum()) if every else 0
        return {"all": len(every), "misses": len(every) - n_hits, "hits": n_hits}

    def classes(self) -> list[tuple[str, int]]:
        return sorted((row.name, row.n) for row in self.found.classes)

    def of_group(self, kind: Literal["class", "word"], name: str) -> list[int]:
        """Returns the places of the pairs of a class, or of a word (casefolded)."""
        if kind == "class":
            return [place for place, pair in enumerate(self.found.pairs) if pair.class_name == name]
        return [place for place, pair in enumerate(self.found.pairs) if (pair.word or "").casefold() == name]

    def reviewable(self, places: list[int]) -> list[str]:
        """Returns the uids of those that are pairs of the project: uniform ones have no label to judge."""
        return list(dict.fromkeys(uid for place in places if (uid := self.found.pairs[place].uid) in self.ours))

    def _has(self, place: int, words: list[str]) -> bool:
        pair = self.found.pairs[place]
        text = f"{pair.class_name or ''} {pair.word or ''} {self.title(place)} {pair.uid}".casefold()
        return all(word in text for word in words)


def table_csv(cases: Cases, kind: Literal["class", "word"]) -> str:
    """Returns the table of classes or words as CSV; shares in 0 to 1."""
    rows = cases.found.classes if kind == "class" else cases.found.words
    head = "audio_recall_at_10,audio_low,audio_high,visual_recall_at_10,visual_low,visual_high,precision,recall,f1"
    lines = [f"{kind},pairs,{head}"]
    for row in rows:
        name = '"' + row.name.replace('"', '""') + '"'
        values = (
            row.audio,
            *row.audio_interval_95,
            row.visual,
            *row.visual_interval_95,
            row.precision,
            row.recall,
            row.f1,
        )
        lines.append(",".join([name, str(row.n), *(f"{value:.6f}" for value in values)]))
    return "\n".join(lines) + "\n"
