"""The verbs of verdicts: review export, import and stats."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from annotator.commands.options import AsJson, ProjectFolder

_FILE = "A .csv, .jsonl or .eaf file; a folder for one .eaf a video."
VerdictsFile = Annotated[Path, typer.Argument(metavar="FILE", help=_FILE)]


def export_verdicts(
    project: ProjectFolder,
    file: VerdictsFile,
    reviewer: Annotated[str | None, typer.Option(help="Only this reviewer's verdicts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Writes the verdicts that count and the remarks, with everything that they rest on."""
    from annotator import review_files
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        number = review_files.export_verdicts(opened.store, file.expanduser().absolute(), reviewer=reviewer)
        out.result({"file": str(file), "verdicts": number}, f"{number} verdicts written to {file}")


def import_verdicts(project: ProjectFolder, file: VerdictsFile, as_json: AsJson = False) -> None:
    """Takes in verdicts and remarks given elsewhere on the same videos: all of the file, or nothing."""
    from annotator import review_files
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        opened.require_writable()
        counted = review_files.import_verdicts(opened.store, file.expanduser().absolute())
        line = f"{counted.new} new verdicts, {counted.known} known, {counted.unmatched} of pairs not in this project"
        if counted.new_remarks:
            line += f"; {counted.new_remarks} new remark{'s' if counted.new_remarks != 1 else ''}"
        out.result(asdict(counted), line)


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
