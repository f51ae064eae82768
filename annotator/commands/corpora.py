"""The verbs of corpora: import (YouCook2, YouTube-8M, a folder with its table, single files) and stats."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotator.commands.options import AsJson, ProjectFolder

if TYPE_CHECKING:
    from rich.table import Table

    from annotator.project import Project
    from davenet.corpora.table1 import SubsetRow

_CORPORA = ("youcook2", "youtube8m", "folder")
_YOUCOOK2, _YOUTUBE8M, _FOLDER = "Options of youcook2", "Options of youtube8m", "Options of folder"
_OPTIONS_OF: Mapping[str, frozenset[str]] = {
    "youcook2": frozenset({"annotations", "recipes", "splits", "videos", "split_by"}),
    "youtube8m": frozenset(
        {
            "records", "vocabulary", "videos", "metadata", "ids", "language", "language_model", "least_speech", "splits",
            "split_by",
        }
    ),
    "folder": frozenset({"table", "split_by"}),
    "": frozenset(),
}  # fmt: skip


def import_videos(
    project: ProjectFolder,
    sources: Annotated[  # text, as a path forgets the ./ before its name
        list[str],
        typer.Argument(
            metavar="[CORPUS] [FILE_OR_FOLDER…]",
            help="Videos or folders of videos; or first the name of a corpus: youcook2, youtube8m, or folder and its "
            "DIR. These three words always name the corpus: write ./youcook2 for a folder that is called so.",
        ),
    ],
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="youcookii_annotations_trainval.json.", rich_help_panel=_YOUCOOK2),
    ] = None,
    recipes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="label_foodtype.csv, the recipe types; else the one beside the annotations.",
            rich_help_panel=_YOUCOOK2,
        ),
    ] = None,
    records: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH…",
            help="Label records, .tfrecord or .csv, or folders of them; more may follow as plain arguments.",
            rich_help_panel=_YOUTUBE8M,
        ),
    ] = None,
    vocabulary: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="vocabulary.csv or label_names_2018.csv.", rich_help_panel=_YOUTUBE8M),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where yt-dlp's .info.json files lie, for the language; else beside the videos.",
            rich_help_panel=_YOUTUBE8M,
        ),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE_OR_DIR",
            help="YouTube ids of the records' four-letter ids: a CSV of id and youtube_id, or YouTube-8M's saved .js answers.",
            rich_help_panel=_YOUTUBE8M,
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="The language to keep, en unless given; any keeps all.", rich_help_panel=_YOUTUBE8M
        ),
    ] = None,
    language_model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The Whisper model that hears the language where no tag says it; tiny unless given (needs the extra whisper).",
            rich_help_panel=_YOUTUBE8M,
        ),
    ] = None,
    least_speech: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0.0,
            max=1.0,
            help="Leave out videos with less speech than this share of their sound, 0.05 unless given; 0 keeps all.",
            rich_help_panel=_YOUTUBE8M,
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the corpus's videos lie, in any folders below, named by their YouTube ids.",
            rich_help_panel="Options of youcook2 and youtube8m",
        ),
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder of train_list.txt, val_list.txt and test_list.txt (or yc2bb_testing_video_ids.txt); for "
            "youcook2 else those beside the annotations.",
            rich_help_panel="Options of youcook2 and youtube8m",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="Columns by their header: video (a path below DIR), split, recipe type, language.",
            rich_help_panel=_FOLDER,
        ),
    ] = None,
    split_by: Annotated[
        str | None,
        typer.Option(
            metavar="WAY",
            help="published (the default of youcook2 and youtube8m), lists (those of --splits or --table), or seed:N "
            "(67-23-10).",
            rich_help_panel="Options of every corpus",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Registers videos where they lie, nothing is copied: single files, folders, or a corpus with what is known of it."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.project import Project
    from davenet.errors import UserError

    given: dict[str, Any] = {
        "annotations": annotations, "recipes": recipes, "records": records, "vocabulary": vocabulary,
        "metadata": metadata, "ids": ids, "language": language, "language_model": language_model,
        "least_speech": least_speech, "videos": videos, "splits": splits, "table": table, "split_by": split_by,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    corpus = sources[0] if sources[0] in _CORPORA else ""
    paths = [Path(source) for source in (sources[1:] if corpus else sources)]
    with output(as_json) as out:
        for name in given:
            if name not in _OPTIONS_OF[corpus]:
                raise UserError(_misplaced(name, corpus))
        with Project.open(project) as opened:
            if not corpus:
                summary = run_import(opened, verbs.plan_import(opened, paths))
                out.result(summary, *import_lines(summary))
                return
            source = _source(corpus, paths, given)
            summary = run_import(opened, verbs.plan_import_corpus(opened, source))
            out.result(summary, *_corpus_lines(summary))


def stats(
    project: ProjectFolder,
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.csv", help="Write the figures to a CSV file.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg|png", help="Draw the lengths beside the paper's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Counts and measures the videos of each subset, beside the paper's Table 1."""
    from annotator.commands.output import output
    from annotator.project import Project
    from davenet.corpora import table1
    from davenet.errors import UserError
    from davenet.files import write_text_atomically

    with output(as_json) as out, Project.open(project) as opened:
        if out_file is not None and out_file.suffix.lower() != ".csv":
            raise UserError(f"{out_file} cannot be written; the name of the figures' file must end in .csv.")
        rows = table1.table1(opened.store.videos())
        sources = opened.store.split_sources()
        written = []
        if out_file is not None:
            write_text_atomically(out_file.expanduser().absolute(), table1.table1_csv(rows))
            written.append(out_file)
        if plot is not None:
            table1.table1_picture(rows).save(plot.expanduser().absolute())
            written.append(plot)
        values = {"table1": table1.table1_values(rows), "splits": sources, "written": [str(path) for path in written]}
        if as_json:
            out.result(values)
            return
        lines = [_table_text(_table1(rows))]
        lines += [f"Splits of {_told_corpus(corpus)}: {said}" for corpus, said in sources.items()]
        out.result(values, *lines, *(f"Written: {path}" for path in written))


def run_import(project: "Project", spec: Any) -> dict[str, Any]:
    from annotator.commands.running import run_verb

    return run_verb(project, spec, "import", done="imported")


def import_lines(summary: Mapping[str, Any]) -> list[str]:
    """Returns how an import of files and folders went."""
    lines = [told("imported", summary["imported"], known=summary["known"], unusable=summary["unusable"])]
    if named := summary.get("named"):
        ids = ", ".join(list(named.values())[:5]) + (" …" if len(named) > 5 else "")
        lines.append(f"{len(named)} of YouCook2 by their names, with what its annotations say of them: {ids}")
    return lines


def told(done: str, what: Sequence[object], **others: Sequence[object]) -> str:
    """Returns e.g. "3 videos imported, 1 known"."""
    parts = [f"{len(what)} video{'s' if len(what) != 1 else ''} {done}"]
    return ", ".join(parts + [f"{len(found)} {name}" for name, found in others.items() if found])


def _source(corpus: str, more: Sequence[Path], given: Mapping[str, Any]) -> Any:
    """Returns the spec of a corpus; raises UserError for what it needs and was not given."""
    from davenet.errors import UserError
    from davenet.specs import FolderSource, YouCook2Source, YouTube8MSource

    if corpus == "folder":
        if len(more) != 1:
            raise UserError(f"import PROJECT folder needs one folder; {len(more)} were given.")
        return FolderSource(folder=more[0], **given)
    values = dict(given)
    if corpus == "youtube8m":
        values["records"] = [*values.get("records", []), *more] or None
    elif more:
        raise UserError(
            f"import PROJECT youcook2 takes no further paths ({more[0]}); give the videos' folder with --videos."
        )
    needed = ("annotations", "videos") if corpus == "youcook2" else ("records", "vocabulary", "videos")
    missing = [f"--{name}" for name in needed if not values.get(name)]
    if missing:
        note = f" For the folder {corpus} itself write ./{corpus}." if Path(corpus).exists() and not given else ""
        raise UserError(f"import PROJECT {corpus} needs {' and '.join(missing)}; see annotator import --help.{note}")
    return YouCook2Source(**values) if corpus == "youcook2" else YouTube8MSource(**values)


def _misplaced(name: str, corpus: str) -> str:
    option = "--" + name.replace("_", "-")
    owners = [each for each in _CORPORA if name in _OPTIONS_OF[each]]
    if corpus:
        return f"{option} is not an option of {corpus}, only of {' and '.join(owners)}; leave it out."
    return f"{option} belongs to a corpus: annotator import PROJECT {owners[0]} … {option} …"


def _corpus_lines(summary: Mapping[str, Any]) -> list[str]:
    missing, left_out = summary["missing"], summary["left_out"]
    n_left_out = len(left_out) - len(summary["unusable"])
    parts = [told("imported", summary["imported"], known=summary["known"], unusable=summary["unusable"])]
    parts += [f"{n_left_out} left out"] if n_left_out else []
    parts += [f"{len(missing)} not found"] if missing else []
    lines = [", ".join(parts)]
    if summary["moved"]:
        n_moved = len(summary["moved"])
        lines.append(f"{n_moved} known video{'s are' if n_moved != 1 else ' is'} in another split now.")
    if summary["not_imported"]:
        lines.append(f"Listed with reasons: {summary['not_imported']}")
    lines.append(f"Splits: {summary['splits']}")
    if "published" in summary:
        lines.append(_table_text(_published(summary["published"])))
    return lines


def _published(counts: Mapping[str, Mapping[str, int]]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "published", "paper found", "present"):
        table.add_column(heading, justify="left" if not heading else "right")
    for split, row in counts.items():
        table.add_row(split, f"{row['published']}", f"{row['paper']}", f"{row['present']}")
    return table


def _table1(rows: "Sequence[SubsetRow]") -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("Subset")
    headings = ("videos", "shortest", "longest", "mean s")
    for heading in (*headings, "paper:  videos", *headings[1:]):
        table.add_column(heading, justify="right")
    for row in rows:
        cells = []
        for lengths in (row.ours, row.paper):
            if lengths is None:
                cells += ["0", "–", "–", "–"] if lengths is row.ours else ["–"] * 4
                continue
            cells += [
                f"{lengths.videos}",
                f"{lengths.shortest_s:.1f}",
                f"{lengths.longest_s:.1f}",
                f"{lengths.mean_s:.1f}",
            ]
        table.add_row(row.name, *cells)
    return table


def _table_text(table: "Table") -> str:
    import io

    from rich.console import Console

    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(table)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def _told_corpus(corpus: str) -> str:
    return {"youcook2": "YouCook2", "youtube8m": "YouTube-8M", "folder": "the folder"}.get(corpus, "own videos")
