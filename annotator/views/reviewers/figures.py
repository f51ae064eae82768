"""The reviewers' page's plots as plain layers of numbers, each with its table for CSV. No Qt, off the GUI thread."""

from collections.abc import Sequence
from math import isfinite

from annotator.statistics import PAPER_ACCEPTED_SHARE
from annotator.store.records import ReviewerSummary, Tally
from annotator.views.data.figures import Figure, Layer, Mark
from annotator.views.reviewers.people import People
from davenet.agreement import agreed_figures
from davenet.intervals import wilson_interval

KEYS = ("agreement", "pace", "verdicts", "accepted", "gold", "blind", "classes")
TITLES = {
    "agreement": "Agreement beyond chance",
    "pace": "Pace",
    "verdicts": "Verdicts over time",
    "accepted": "Accepted share by reviewer",
    "classes": "Accepted share by class",
    "gold": "Right on gold pairs",
    "blind": "Changed their mind after the reveal",
}
TOKENS = ("accent", "info", "unsure", "accept", "reject", "muted")  # of reviewers' curves, then the same dashed
MOST_CLASSES, MOST_CURVES = 15, 12
LEAST_ROWS = 4  # a card has room for these: a bar alone is no wider than one of four
SECOND_SHARE, GOLD_SHARE = 0.10, 0.05  # what the empty cards propose
UNITS = (("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
PERCENT = "\u202f%"


def figures(people: People) -> list[Figure]:
    """Returns every figure of the page, in the order of KEYS."""
    return [
        agreement_figure(people),
        pace_figure(people),
        verdicts_figure(people),
        accepted_figure(people),
        gold_figure(people),
        blind_figure(people),
        classes_figure(people),
    ]


def agreement_figure(people: People) -> Figure:
    """The table of Cohen's kappa for each two reviewers; its drawing is matrix_card.py's."""
    found, alpha = people.agreement, people.agreement.alpha
    readout = ""
    if alpha.value is not None:
        value, interval = agreed_figures(alpha)
        readout = f"Krippendorff's α {value}{f' ({interval})' if interval else ''} · {alpha.n_units} pairs by several"
    rows = [
        (one, other, _rounded(of.value), _rounded(of.low), _rounded(of.high), of.n_units)
        for (one, other), of in found.kappa.items()
    ]
    if rows:
        rows.append(
            (
                "all",
                "Krippendorff's alpha",
                _rounded(alpha.value),
                _rounded(alpha.low),
                _rounded(alpha.high),
                alpha.n_units,
            )
        )
    return Figure(
        "agreement",
        TITLES["agreement"],
        readout=readout,
        header=("reviewer", "other", "kappa", "low", "high", "pairs"),
        rows=tuple(rows),
        empty="" if rows else "κ needs pairs that two people have judged.",
        step="" if rows else "second",
    )


def pace_figure(people: People) -> Figure:
    shown = [one for one in people.summaries if one.curve][:MOST_CURVES]
    layers = [
        Layer(
            "line",
            tuple(float(point.n_verdicts) for point in one.curve),
            tuple(point.seconds_median for point in one.curve),
            *_look(people, one),
        )
        for one in shown
        if len(one.curve) > 1
    ]
    medians = [f"{one.reviewer} {one.seconds_median:.1f} s" for one in shown if one.seconds_median is not None]
    return Figure(
        "pace",
        TITLES["pace"],
        readout=" · ".join(medians[:4]),
        x_label="verdicts given",
        y_label="seconds a verdict, median",
        layers=tuple(layers),
        header=("verdicts", "reviewer", "median s"),
        rows=tuple((p.n_verdicts, one.reviewer, round(p.seconds_median, 2)) for one in shown for p in one.curve),
        at=tuple(float(point.n_verdicts) for one in shown for point in one.curve),
        empty="" if layers else "A pace needs a few verdicts: give some in Review.",
        step="" if layers else "review",
    )


def verdicts_figure(people: People) -> Figure:
    shown = [one for one in people.summaries if len(one.curve) > 1][:MOST_CURVES]
    begin = min((one.first_at for one in shown if one.first_at is not None), default=None)
    last = max((one.last_at for one in shown if one.last_at is not None), default=None)
    if begin is None or last is None:
        empty = "The curve begins with the first verdicts: give some in Review."
        return Figure("verdicts", TITLES["verdicts"], empty=empty, step="review")
    span_s = (last - begin).total_seconds()
    unit, unit_s = next((name, length) for name, length in UNITS if span_s > 1.5 * length or length == 1)
    layers, rows, at = [], [], []
    for one in shown:
        points = [((point.at - begin).total_seconds() / unit_s, point.n_verdicts) for point in one.curve]
        first = one.first_at or one.curve[0].at
        drawn = [((first - begin).total_seconds() / unit_s, 0), *points]
        layers.append(Layer("line", tuple(x for x, _ in drawn), tuple(float(n) for _, n in drawn), *_look(people, one)))
        rows += [(round(x, 3), one.reviewer, n) for x, n in points]
        at += [x for x, _ in points]
    total = sum(one.curve[-1].n_verdicts for one in shown)
    return Figure(
        "verdicts",
        TITLES["verdicts"],
        readout=f"{total} verdicts since {begin.astimezone():%d %b %Y}",
        x_label=f"{unit} since the first verdict",
        y_label="verdicts",
        layers=tuple(layers),
        header=(unit, "reviewer", "verdicts"),
        rows=tuple(rows),
        at=tuple(at),
    )


def accepted_figure(people: People) -> Figure:
    decided = [one for one in people.summaries if one.tally.decided]
    shares = [(one.reviewer, one.tally) for one in decided]
    return _shares_figure(
        "accepted",
        [(name, tally.accepted, tally.decided) for name, tally in shares],
        x_label=f"accepted of those decided,{PERCENT}",
        readout=_overall(people.overall),
        mark=100 * PAPER_ACCEPTED_SHARE,
        empty="Nobody has accepted or rejected a pair yet: begin in Review.",
        step="review",
    )


def classes_figure(people: People) -> Figure:
    decided = [(name or "no label", tally) for name, tally in (people.by_class or {}).items() if tally.decided]
    most = sorted(decided, key=lambda item: (-item[1].decided, item[0]))
    shown = sorted(most[:MOST_CLASSES], key=lambda item: -(item[1].accepted_share or 0))
    note = "" if len(most) <= MOST_CLASSES else f"the {MOST_CLASSES} of most verdicts, of {len(most)} classes"
    return _shares_figure(
        "classes",
        [(name, tally.accepted, tally.decided) for name, tally in [*shown, *most[MOST_CLASSES:]]],
        x_label=f"accepted of those decided,{PERCENT}",
        readout=note or _overall(people.overall),
        mark=100 * PAPER_ACCEPTED_SHARE,
        n_shown=len(shown),
        empty="Nobody has accepted or rejected a pair yet: begin in Review.",
        step="review",
    )


def gold_figure(people: People) -> Figure:
    if people.n_gold_pairs == 0:
        empty = "Gold pairs have a known answer: open one in Review and choose “Make this a gold pair…” below it."
        step = "review"
    elif people.settings.gold_share == 0:
        empty = f"{_counted(people.n_gold_pairs, 'gold pair')} set; nobody is asked about gold pairs yet."
        step = "gold"
    else:
        empty = (
            f"{_counted(people.n_gold_pairs, 'gold pair')} will be mixed in; nobody has come to one that others set."
        )
        step = ""
    return _shares_figure(
        "gold",
        [(one.reviewer, one.right, one.asked) for one in people.gold],
        x_label=f"gold pairs answered right,{PERCENT}",
        readout=f"{_counted(people.n_gold_pairs, 'gold pair')}, each reviewer's by those that others set",
        empty=empty,
        step=step,
    )


def blind_figure(people: People) -> Figure:
    to_model = sum(one.towards_model for one in people.blind)
    changed = sum(one.changed for one in people.blind)
    empty = "Blind first verdicts, kept before the machines' evidence shows, tell how much it sways."
    if people.settings.blind:
        empty = "Blind review is on: what people change after the reveal will show here."
    return _shares_figure(
        "blind",
        [(one.reviewer, one.changed, one.revealed) for one in people.blind],
        x_label=f"blind verdicts changed,{PERCENT}",
        readout=f"{_counted(changed, 'change')}, {to_model} of them to accept, as the machines propose",
        empty=empty,
        step="" if people.settings.blind else "blind",
    )


def _shares_figure(
    key: str,
    shares: Sequence[tuple[str, int, int]],
    *,
    x_label: str,
    readout: str,
    empty: str,
    step: str,
    mark: float | None = None,
    n_shown: int | None = None,
) -> Figure:
    """Shares of `(name, successes, trials)` as lying bars with Wilson's intervals of 95 %."""
    shares = [one for one in shares if one[2]]
    if not shares:
        return Figure(key, TITLES[key], empty=empty, step=step)
    shown = shares[:n_shown]
    intervals = [tuple(100 * end for end in wilson_interval(successes, trials)) for _, successes, trials in shares]
    places = tuple(float(-place) for place in range(len(shown)))
    spare = max(0, LEAST_ROWS - len(shown)) / 2
    return Figure(
        key,
        TITLES[key],
        readout=readout,
        x_label=x_label,
        layers=(
            Layer("rows", tuple(100 * successes / trials for _, successes, trials in shown), places),
            Layer(
                "spans",
                tuple(low for low, _ in intervals[: len(shown)]),
                places,
                "text",
                f"95{PERCENT}",
                tuple(high for _, high in intervals[: len(shown)]),
            ),
        ),
        marks=() if mark is None else (Mark(mark, "the paper", token="accent"),),
        y_ticks=tuple((place, f"{_short(name)} ({n})") for place, (name, _, n) in zip(places, shown, strict=True)),
        y_range=(-len(shown) + 0.4 - spare, 0.6 + spare),
        x_range=(0.0, 104.0),
        x_ticks=tuple((float(share), str(share)) for share in range(0, 101, 20)),
        header=("name", "share %", "low %", "high %", "counted", "of"),
        rows=tuple(
            (name, round(100 * successes / trials, 2), round(low, 2), round(high, 2), successes, trials)
            for (name, successes, trials), (low, high) in zip(shares, intervals, strict=True)
        ),
        by_y=True,
        at=tuple(float(-place) for place in range(len(shares))),
    )


def token_of(people: People, reviewer: str) -> str:
    """Returns the token of a reviewer's curves and of the dot beside the name."""
    names = [one.reviewer for one in people.summaries]
    return TOKENS[names.index(reviewer) % len(TOKENS)] if reviewer in names else "line"


def _look(people: People, one: ReviewerSummary) -> tuple[str, str, tuple[float, ...], bool]:
    """Returns the token, the name and the dashes of a reviewer's curve: the last fields of a Layer."""
    is_dashed = people.summaries.index(one) >= len(TOKENS)
    return token_of(people, one.reviewer), _short(one.reviewer), (), is_dashed


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


def _overall(tally: Tally) -> str:
    if tally.accepted_share is None:
        return ""
    low, high = wilson_interval(tally.accepted, tally.decided)
    return (
        f"all {100 * tally.accepted_share:.1f}{PERCENT} ({100 * low:.1f} to {100 * high:.1f}) · "
        f"the paper {100 * PAPER_ACCEPTED_SHARE:.1f}{PERCENT}"
    )


def _rounded(value: float | None) -> float | str:
    return "" if value is None or not isfinite(value) else round(value, 4)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
