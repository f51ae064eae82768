"""Counts what the tables of a release hold, for its card: by split, kind, class and verdict, and how reviewers agree."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from davenet.corpora.splits import SPLIT_NAMES, SplitName
from davenet.release.agreement import Agreement, AgreementCount
from davenet.release.tables import moment_text, read_rows

NOT_REVIEWED = "none"


@dataclass(frozen=True, slots=True)
class Summary:
    """`verdicts` counts the pairs of each split and kind by their verdict ("none": not reviewed)."""

    videos: Counter[SplitName] = field(default_factory=Counter)
    verdicts: Counter[tuple[SplitName, str, str]] = field(default_factory=Counter)
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (class asked about, verdict) of food pairs
    minings: Counter[int] = field(default_factory=Counter)  # pairs by the number of their mining
    detectors: Counter[str] = field(default_factory=Counter)
    recognisers: Counter[str] = field(default_factory=Counter)
    corpora: Counter[str] = field(default_factory=Counter)  # videos; "" of no published corpus
    languages: Counter[str] = field(default_factory=Counter)
    reviewers: Counter[str] = field(default_factory=Counter)  # verdicts
    not_mined: int = 0
    judged: int = 0
    by_several: int = 0
    in_disagreement: int = 0
    last_verdict: str | None = None
    agreements: tuple[Agreement, ...] = ()

    @property
    def n_pairs(self) -> int:
        return self.verdicts.total()

    @property
    def n_verdicts(self) -> int:
        return self.reviewers.total()

    def pairs(self, split: SplitName | None = None, kind: str | None = None, verdict: str | None = None) -> int:
        """Returns the pairs of a split, kind and verdict; None stands for any."""
        wanted = (split, kind, verdict)
        return sum(
            number
            for key, number in self.verdicts.items()
            if all(want is None or want == has for want, has in zip(wanted, key, strict=True))
        )

    def splits(self) -> list[SplitName]:
        """Returns the splits that have pairs."""
        return [split for split in SPLIT_NAMES if self.pairs(split)]


def summarise(folder: Path) -> Summary:
    """Reads the Parquet files of a release's folder once, batch by batch."""
    summary, counted = Summary(), AgreementCount()
    not_mined, last = 0, ""
    for split in SPLIT_NAMES:
        for row in read_rows(folder, "videos", split):
            summary.videos[split] += 1
            summary.corpora[row["corpus"] or ""] += 1
            summary.languages[row["language"] or ""] += 1
        for row in read_rows(folder, "pairs", split):
            verdict = row["verdict"] or NOT_REVIEWED
            summary.verdicts[split, row["kind"], verdict] += 1
            summary.minings[row["mining"]] += 1
            summary.detectors[row["detector"]] += 1
            summary.recognisers[row["recogniser"]] += 1
            not_mined += not row["is_mined"]
            if row["label"] is not None:
                summary.classes[row["label"], verdict] += 1
        for moment, decisions in _by_pair(folder, split, summary):
            counted.add(decisions)
            last = max(last, moment)
    return Summary(
        **{name: getattr(summary, name) for name in _COUNTERS},
        not_mined=not_mined,
        judged=counted.n_judged,
        by_several=counted.n_by_several,
        in_disagreement=counted.n_in_disagreement,
        last_verdict=last or None,
        agreements=tuple(counted.agreements()),
    )


_COUNTERS = (
    "videos",
    "verdicts",
    "classes",
    "minings",
    "detectors",
    "recognisers",
    "corpora",
    "languages",
    "reviewers",
)


def _by_pair(folder: Path, split: SplitName, summary: Summary) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields (moment of the last verdict, decisions by reviewer) of each reviewed pair: its verdicts lie together."""
    for _, rows in groupby(read_rows(folder, "verdicts", split), key=lambda row: row["pair_id"]):
        decisions, moments = {}, []
        for row in rows:
            summary.reviewers[row["reviewer"]] += 1
            if row["purpose"] != "adjudication":  # it is no review: the adjudicator has seen the others'
                decisions[row["reviewer"]] = row["decision"]
            moments.append(moment_text(row["given_at"]))
        yield max(moments), decisions
