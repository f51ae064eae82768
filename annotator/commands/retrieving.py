"""The verb `retrieve`: a run's gallery class by class and word by word."""

from typing import Annotated, Literal

import typer

from annotator.commands.options import AsJson, Device, ProjectFolder


def retrieve(
    project: ProjectFolder,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, its number, \"latest\", or a checkpoint's file.")
    ] = "latest",
    on: Annotated[
        Literal["validation", "test", "mined", "val-1000", "food-val-1000", "verified"],
        typer.Option(help="The gallery: the run's own pairs, all mined food pairs, or one of the paper's."),
    ] = "validation",
    umap: Annotated[bool, typer.Option("--umap", help="Also place the embeddings by UMAP (an extra).")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Looks at a gallery one case at a time: what each frame and sound retrieves, by class and by word."""
    from dataclasses import asdict
    from pathlib import Path

    from annotator import verbs
    from annotator.commands.models import recall_line
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project
    from annotator.verbs.retrieving import table_lines
    from davenet.retrieval_file import read_retrieval

    with output(as_json) as out, Project.open(project) as opened:
        source = Path(run).expanduser().absolute() if run.endswith(".safetensors") else run
        spec = verbs.plan_retrieve(opened, source, on=on, umap=umap, device=device)
        summary = run_verb(opened, spec, f"retrieve with {Path(run).stem}")
        found = read_retrieval(Path(summary["out"]))
        tables = {"classes": [asdict(row) for row in found.classes], "words": [asdict(row) for row in found.words]}
        lines = [recall_line(summary), f"gallery {found.gallery} {found.gallery_hash}"]
        for head, rows, name in (("class", found.classes, "class_f1_macro"), ("word", found.words, "word_f1_macro")):
            if rows:
                lines += ["", *table_lines(rows, head), f"macro F1 {100 * float(summary[name]):.1f} %"]
        out.result({**summary, **tables}, *lines)
