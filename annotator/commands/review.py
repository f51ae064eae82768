"""The verbs of verdicts: review export, import and stats."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotator.commands.options import AsJson, ProjectFolder

if TYPE_CHECKING:
    from annotator.store.records import ReviewSettings

_FILE = "A .csv, .jsonl or .eaf file; a folder for one .eaf a video."
VerdictsFile = Annotated[Path, typer.Argument(metavar="FILE", help=_FILE)]


def export_verdicts(
    project: ProjectFolder,
    file: VerdictsFile,
    reviewer: Annotated[str | None, typer.Option(help="Only this reviewer's verdicts.")] = None,
    settings: Annotated[
        bool, typer.Option("--settings", help="Write how people are asked as well: blind, second reviews, gold.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Writes the verdicts that count, the remarks and the gold pairs, with everything that they rest on."""
    from annotator import review_files
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        number = review_files.export_verdicts(
            opened.store, file.expanduser().absolute(), reviewer=reviewer, with_settings=settings
        )
        out.result({"file": str(file), "verdicts": number}, f"{number} verdicts written to {file}")


def import_verdicts(
    project: ProjectFolder,
    file: VerdictsFile,
    settings: Annotated[
        bool, typer.Option("--settings", help="Ask people here as the file says: blind, second reviews, gold.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Takes in verdicts, remarks and gold pairs given elsewhere on the same videos: all of the file, or nothing."""
    from annotator import review_files
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        opened.require_writable()
        counted = review_files.import_verdicts(opened.store, file.expanduser().absolute(), take_settings=settings)
        line = f"{counted.new} new verdicts, {counted.known} known, {counted.unmatched} of pairs not in this project"
        if counted.new_remarks:
            line += f"; {counted.new_remarks} new remark{'s' if counted.new_remarks != 1 else ''}"
        if counted.new_gold:
            line += f"; {counted.new_gold} new gold pair{'s' if counted.new_gold != 1 else ''}"
        if counted.unmatched_gold:
            line += f"; {counted.unmatched_gold} gold of pairs not in this project"
        lines = [line]
        if counted.settings is not None:
            lines.append(_asked_line(counted.settings, is_taken=settings))
        out.result(asdict(counted), *lines)


def _asked_line(asked: "ReviewSettings", *, is_taken: bool) -> str:
    how = (
        f"{'blind' if asked.blind else 'open'}, second reviews of {100 * asked.second_share:g} %, "
        f"gold pairs {100 * asked.gold_share:g} %"
    )
    return f"people are asked as there: {how}" if is_taken else f"not taken, as --settings was not given: {how}"


def show_statistics(project: ProjectFolder, as_json: AsJson = False) -> None:
    """Counts the verdicts: the accepted share with its uncertainty, by class and by reviewer."""
    from annotator.commands.output import output
    from annotator.commands.people import people_lines, people_values
    from annotator.project import Project
    from annotator.statistics import PAPER_ACCEPTED_SHARE, share_line, tally_values

    with output(as_json) as out, Project.open(project) as opened:
        counted, counts = opened.store.statistics(), opened.store.counts(opened.reviewer)
        values: dict[str, Any] = {
            "final": tally_values(counted.final),
            "overall": tally_values(counted.overall),
            "paper_accepted_share": PAPER_ACCEPTED_SHARE,
            "by_class": {name: tally_values(tally) for name, tally in counted.by_class.items()},
            "by_reviewer": {name: tally_values(tally) for name, tally in counted.by_reviewer.items()},
            "seconds_median": counted.seconds_median,
            "pairs_with_several_reviewers": counted.pairs_with_several_reviewers,
            "pairs_in_disagreement": counted.pairs_in_disagreement,
            "people": people_values(opened.store),
            "queue": {"reviewer": opened.reviewer, **asdict(counts)},
        }
        lines = [
            f"{counts.pending} of {counts.total} pairs wait for {opened.reviewer}",
            f"{'pairs':<20} {share_line(counted.final)}  (the paper: {100 * PAPER_ACCEPTED_SHARE:.1f} %)",
            f"{'all verdicts':<20} {share_line(counted.overall)}",
            *(f"{'  by ' + name:<20} {share_line(tally)}" for name, tally in counted.by_reviewer.items()),
            *people_lines(values["people"]),
            *(f"{'  ' + name:<20} {share_line(tally)}" for name, tally in counted.by_class.items()),
        ]
        if counted.pairs_with_several_reviewers:
            lines.append(
                f"{counted.pairs_in_disagreement} of the {counted.pairs_with_several_reviewers} pairs with several "
                "reviewers in disagreement"
            )
        out.result(values, *lines)
