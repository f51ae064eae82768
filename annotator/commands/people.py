"""The verbs of the people who review: how far they agree, how each does, and how pairs are asked of them."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotator.commands.options import AsJson, ProjectFolder

if TYPE_CHECKING:
    from annotator.store import Store
    from davenet.agreement import Agreed


def show_agreement(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Says how far reviewers agree beyond chance: Cohen's kappa of each two, Krippendorff's alpha of all."""
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        found = opened.store.agreement()
        values: dict[str, Any] = {
            "reviewers": list(found.reviewers),
            "kappa": [{"reviewers": [one, other], **asdict(of)} for (one, other), of in found.kappa.items()],
            "alpha": asdict(found.alpha),
        }
        if not found.kappa:
            out.result(
                values,
                "No pair has been judged by two people yet; ask for second reviews with: "
                f"annotator review settings {project} --second 10",
            )
            return
        lines = [f"{f'{one} and {other}':<28} κ {_agreed(of)}" for (one, other), of in found.kappa.items()]
        out.result(values, *lines, f"{'all reviewers':<28} α {_agreed(found.alpha)}")


def settings(
    project: ProjectFolder,
    second: Annotated[
        float | None, typer.Option(min=0, max=100, metavar="PERCENT", help="Of the pairs, asked of two people.")
    ] = None,
    gold: Annotated[
        float | None, typer.Option(min=0, max=100, metavar="PERCENT", help="Gold pairs among those asked.")
    ] = None,
    blind: Annotated[
        bool | None, typer.Option("--blind/--open", help="Hide the machines' evidence until the first verdict, or not.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Shows how pairs are asked of reviewers, and changes what is given."""
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        asked = opened.store.review_settings()
        wanted = replace(
            asked,
            second_share=asked.second_share if second is None else second / 100,
            gold_share=asked.gold_share if gold is None else gold / 100,
            blind=asked.blind if blind is None else blind,
        )
        if wanted != asked:
            opened.store.set_review_settings(wanted)
        out.result(
            asdict(wanted),
            f"second reviews of {100 * wanted.second_share:g} % of the pairs",
            f"gold pairs {100 * wanted.gold_share:g} % of those asked ({len(opened.store.gold_pairs())} set)",
            f"{'blind' if wanted.blind else 'open'}: the machines' evidence shows "
            + ("after the first verdict" if wanted.blind else "at once"),
        )


def people_values(store: "Store") -> dict[str, Any]:
    """Returns what the reviewers' page shows of each, as JSON values by name."""
    gold = {one.reviewer: one for one in store.gold_scores()}
    blind = {one.reviewer: one for one in store.blind_changes()}
    values: dict[str, Any] = {}
    for one in store.people():
        of_gold, of_blind = gold.get(one.reviewer), blind.get(one.reviewer)
        values[one.reviewer] = {
            "seconds_median": one.seconds_median,
            "seconds_quartiles": one.seconds_quartiles,
            "hours": one.hours,
            "idle_share": one.idle_share,
            "replays_mean": one.replays_mean,
            "second_reviews": one.n_second,
            "gold_right": of_gold.right if of_gold else 0,
            "gold_asked": of_gold.asked if of_gold else 0,
            "blind": of_blind.revealed if of_blind else 0,
            "blind_changed": of_blind.changed if of_blind else 0,
            "blind_changed_towards_model": of_blind.towards_model if of_blind else 0,
        }
    return values


def people_lines(values: dict[str, Any]) -> list[str]:
    """Returns a line for each reviewer: pace, time, gold and changes of mind, where there are any."""
    lines = []
    for name, of in values.items():
        parts = [f"{of['seconds_median']:.1f} s a verdict" if of["seconds_median"] is not None else "no pace yet"]
        parts.append(f"{of['hours']:.1f} h")
        if of["second_reviews"]:
            parts.append(f"{of['second_reviews']} second reviews")
        if of["gold_asked"]:
            parts.append(f"{of['gold_right']} of {of['gold_asked']} gold pairs right")
        if of["blind"]:
            parts.append(f"{of['blind_changed']} of {of['blind']} blind verdicts changed")
        lines.append(f"{'  pace of ' + name:<20} {', '.join(parts)}")
    return lines


def _agreed(of: "Agreed") -> str:
    from davenet.agreement import agreed_figures

    pairs = f"{of.n_units} pair{'' if of.n_units == 1 else 's'}"
    if of.value is None:
        return f"not defined: the same verdict everywhere ({pairs})"
    value, interval = agreed_figures(of)
    return f"{value}{f' (95 %: {interval})' if interval else ''}, {pairs}"
