"""What the reviewers' page is made of, read from the store in one go off the GUI thread. No Qt."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from annotator.reviewer_names import known_reviewers
from annotator.store import Store
from annotator.store.records import BlindChanges, GoldScore, ReviewerSummary, ReviewSettings, Tally
from davenet.agreement import Agreed, Agreement

NOBODY = Agreement((), {}, Agreed(None, None, None, 0))


@dataclass(frozen=True, slots=True)
class People:
    """Everyone's standing verdicts summed up; `by_class` is over all reviewers."""

    summaries: tuple[ReviewerSummary, ...] = ()
    agreement: Agreement = NOBODY
    gold: tuple[GoldScore, ...] = ()
    n_gold_pairs: int = 0
    blind: tuple[BlindChanges, ...] = ()
    by_class: Mapping[str, Tally] | None = None
    overall: Tally = field(default_factory=Tally)
    settings: ReviewSettings = field(default_factory=ReviewSettings)
    n_conflicts: int = 0
    names: tuple[str, ...] = ()  # of all reviewers, those without a verdict too
    reviewer: str = ""
    role: str = ""  # who the database's server says we are; "" where names are free


def read_people(store: Store, reviewer: str) -> People:
    """Raises UserError as the store does."""
    counted = store.statistics()
    return People(
        tuple(store.people()),
        store.agreement(),
        tuple(store.gold_scores()),
        len(store.gold_pairs()),
        tuple(store.blind_changes()),
        counted.by_class,
        counted.overall,
        store.review_settings(),
        store.counts(reviewer).adjudicate,
        tuple(known_reviewers(store, reviewer)),
        reviewer,
        getattr(store, "role", ""),
    )
