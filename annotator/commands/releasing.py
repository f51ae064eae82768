"""The verbs of releases: export release, import release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotator.commands.options import AsJson, ProjectFolder

if TYPE_CHECKING:
    from collections.abc import Mapping

ReleaseFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The release's folder.", show_default=False)]
_FEW = 5  # names in a line


def export_release(
    project: ProjectFolder,
    folder: ReleaseFolder,
    with_media: Annotated[
        bool,
        typer.Option("--with-media", help="Also frames and sounds, as WebDataset shards: mind the videos' own terms."),
    ] = False,
    shard_mb: Annotated[int, typer.Option("--shard-mb", metavar="MB", help="Megabytes in one shard at most.")] = 500,
    anonymous: Annotated[
        bool, typer.Option("--anonymous", help="Call the reviewers reviewer 1, reviewer 2, …")
    ] = False,
    title: Annotated[str | None, typer.Option(help="The data card's title.")] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", metavar="NAME", help="Of the labels, by its short name, e.g. cc-by-4.0.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the release that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Writes pairs, weak labels and verdicts as Parquet and CSV with a data card: ids and times only."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    given = {name: value for name, value in (("title", title), ("licence", licence)) if value is not None}
    with output(as_json) as out, Project.open(project) as opened:
        spec = verbs.plan_release(
            opened, folder, with_media=with_media, shard_mb=shard_mb, anonymous=anonymous, force=force, **given
        )
        summary = run_verb(opened, spec, "export release")
        out.result(summary, *_exported(summary))


def import_release(
    project: ProjectFolder,
    folder: ReleaseFolder,
    keep_splits: Annotated[
        bool, typer.Option("--keep-splits", help="Leave each video in the split that it has here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Takes in a release's pairs, labels and verdicts on videos that the project has: all of it, or nothing."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        summary = verbs.import_release(opened, folder, keep_splits=keep_splits)
        out.result(summary, *_imported(summary))


def _exported(summary: "Mapping[str, Any]") -> list[str]:
    lines = [
        f"{summary['pairs']} pairs with {summary['verdicts']} verdicts on {summary['videos']} videos: "
        f"{summary['files']} files, {summary['bytes'] / 1e6:.1f} MB in {summary['out']}"
    ]
    if media := summary["media"]:
        line = f"Media of {media['pairs']} pairs"
        if media["pairs_without"]:
            line += f"; {media['pairs_without']} have none, of {_few(media['videos_without'])}"
        lines.append(line)
    return lines


def _imported(summary: "Mapping[str, Any]") -> list[str]:
    lines = [
        f"{summary['new_pairs']} new pairs ({summary['known_pairs']} known) and {summary['new_verdicts']} new verdicts "
        f"({summary['known_verdicts']} known) on {summary['videos']} videos"
    ]
    if summary["missing"]:
        lines.append(
            f"{len(summary['missing'])} videos are not in this project, with {summary['pairs_without_video']} pairs and "
            f"{summary['verdicts_without_video']} verdicts: {_few(summary['missing'])}"
        )
    if summary["moved"]:
        lines.append(f"{len(summary['moved'])} videos are now in the release's split: {_few(summary['moved'])}")
    if summary["other_files"]:
        lines.append(
            f"! {len(summary['other_files'])} videos are other files than the release's, so times may be shifted: "
            f"{_few(summary['other_files'])}"
        )
    return lines


def _few(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (" …" if len(names) > _FEW else "")
