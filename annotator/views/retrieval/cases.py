"""A gallery's cases as the workspace lists them: which query, which way, what was retrieved, hit or miss. No Qt.

What is asked of all pairs at once is asked of arrays: a gallery may have 100,000.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from davenet.retrieval_file import MOST_SIMILAR, Retrieval
from davenet.retrieved_pairs import Codes, RetrievedPair, RetrievedPairs

Places = NDArray[np.int64]  # of the gallery
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
class Listing:
    """The cases that are wanted, in their order, and how many there are of each kind with the same class and text."""

    wanted: Wanted
    places: Places
    counts: Mapping[Show, int]


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """What a search looks in: a line a pair with its class, word, video and uid, casefolded."""

    text: str
    starts_N: NDArray[np.int64]

    @classmethod
    def of(cls, pairs: RetrievedPairs, titles: Mapping[str, str]) -> "Searched":
        columns = (_texts(pairs.classes), _texts(pairs.words), _texts(pairs.videos, titles), pairs.uids_N.tolist())
        lines = [" ".join(values).casefold().replace("\n", " ") + "\n" for values in zip(*columns, strict=True)]
        lengths = np.fromiter((len(line) for line in lines), np.int64, len(lines))
        return cls("".join(lines), np.cumsum(lengths) - lengths)

    def have(self, word: str) -> NDArray[np.bool_]:
        """Returns (N): which pairs have this casefolded word in their line."""
        found = []
        at = self.text.find(word)
        while at >= 0:
            found.append(at)
            at = self.text.find("\n", at)  # the next line
            at = self.text.find(word, at) if at >= 0 else -1
        have_N = np.zeros(len(self.starts_N), bool)
        have_N[np.searchsorted(self.starts_N, found, side="right") - 1] = True
        return have_N


def _texts(codes: Codes, shown: Mapping[str, str] | None = None) -> list[str]:
    names = [(shown or {}).get(name, name) for name in codes.names]
    return [names[at] if at >= 0 else "" for at in codes.of_N.tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """A gallery that was looked at, with the verdicts and the videos' titles of the project; made by `Cases.of`."""

    found: Retrieval
    pairs: RetrievedPairs
    titles: Mapping[str, str]
    words: Codes  # casefolded
    searched: Searched
    decisions_N: NDArray[np.str_]  # "" where there is none
    is_ours_N: NDArray[np.bool_]  # a pair of the project

    @classmethod
    def of(cls, found: Retrieval, titles: Mapping[str, str], decisions: Mapping[str, str | None]) -> "Cases":
        """`decisions` holds those of the pairs that are the project's. Takes a while: call it off the GUI thread."""
        pairs = found.pairs if isinstance(found.pairs, RetrievedPairs) else RetrievedPairs(found.pairs)
        words = pairs.words
        uids = pairs.uids_N.tolist()
        return cls(
            found,
            pairs,
            titles,
            Codes.of([None if at < 0 else words.names[at].casefold() for at in words.of_N.tolist()]),
            Searched.of(pairs, titles),
            np.array([decisions.get(uid) or "" for uid in uids], "U6"),
            np.fromiter((uid in decisions for uid in uids), bool, len(uids)),
        )

    @property
    def classes(self) -> Codes:
        return self.pairs.classes

    @property
    def splits(self) -> Codes:
        return self.pairs.splits

    def with_decision(self, uid: str, decision: str) -> "Cases":
        place = self.pairs.place_of(uid)
        if place is None:
            return self  # a pair made since, which is no row of the gallery
        decisions_N, is_ours_N = self.decisions_N.copy(), self.is_ours_N.copy()
        decisions_N[place], is_ours_N[place] = decision, True
        return replace(self, decisions_N=decisions_N, is_ours_N=is_ours_N)

    def pair(self, place: int) -> RetrievedPair:
        return self.pairs[place]

    def title(self, place: int) -> str:
        uid = self.pairs.videos.name(place) or ""
        return self.titles.get(uid, uid)

    def name(self, place: int) -> str:
        return self.pairs.classes.name(place) or "no class"

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

    def listing(self, wanted: Wanted) -> Listing:
        """Returns what is wanted of the cases; a search in many takes a while: call it off the GUI thread."""
        ranks = self.ranks(wanted.way)
        is_hit = ranks <= MOST_SIMILAR
        keep = np.ones(len(ranks), bool)
        if wanted.class_name is not None:
            keep &= self.classes.are({wanted.class_name})
        for word in wanted.text.casefold().split():
            keep &= self.searched.have(word)
        n, n_hits = int(keep.sum()), int((keep & is_hit).sum())
        if wanted.show != "all":
            keep &= is_hit == (wanted.show == "hits")
        places = np.flatnonzero(keep)
        if wanted.order == "worst":
            places = places[np.argsort(-ranks[places], kind="stable")]
        elif wanted.order == "nearest":
            places = places[np.lexsort((ranks[places], is_hit[places]))]
        return Listing(wanted, places, {"all": n, "misses": n - n_hits, "hits": n_hits})

    def class_counts(self) -> list[tuple[str, int]]:
        return sorted((row.name, row.n) for row in self.found.classes)

    def of_groups(self, kind: Literal["class", "word"], names: Collection[str]) -> Places:
        """Returns the places of the pairs of some classes, or of some words (casefolded)."""
        return np.flatnonzero((self.classes if kind == "class" else self.words).are(names))

    def reviewable(self, places: Places) -> list[str]:
        """Returns the uids of those that are pairs of the project: uniform ones have no label to judge."""
        ours = places[self.is_ours_N[places]]
        return list(dict.fromkeys(self.pairs.uids_N[ours].tolist()))


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
