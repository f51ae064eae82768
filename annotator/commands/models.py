"""The verbs of models: train, evaluate, render, convert."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from annotator.commands.options import AsJson, Device, ProjectFolder

if TYPE_CHECKING:
    from annotator.project import Project

RunName = Annotated[str | None, typer.Option("--run", metavar="RUN", help="A run: its id, its number, or latest.")]
CheckpointFile = Annotated[
    Path | None, typer.Option("--checkpoint", metavar="FILE", help="A checkpoint file, instead of a run.")
]


def train(
    project: ProjectFolder,
    preset: Annotated[str, typer.Option(help="The configuration to train by.")] = "small",
    start_from: Annotated[
        str | None, typer.Option(metavar="RUN_OR_FILE", help="Fine-tune this run's checkpoint, or this file.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change one value of the preset; repeatable."),
    ] = None,
    non_food: Annotated[bool, typer.Option(help="Add as many non-food pairs as there are accepted ones.")] = True,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="N", help="Train on this frozen dataset (its number, or latest), not on what is accepted now."
        ),
    ] = None,
    run_id: Annotated[str | None, typer.Option(metavar="NAME", help="Name the run; else it is numbered.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was stopped or killed.")
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Trains on the accepted pairs, or fine-tunes; the run is kept with all that it learnt from."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        if resume is not None:
            spec = verbs.plan_resume(opened, resume)
        else:
            spec = verbs.plan_train(
                opened,
                preset,
                config=assigned_values(values or []),
                start_from=start_from,
                device=device,
                run_id=run_id,
                with_non_food=non_food,
                dataset=dataset,
            )
        summary = run_verb(opened, spec, f"train {spec.run_dir.name}")
        chosen = opened.store.run(spec.run_dir.name).config["pairs"]["validation_chosen"]
        out.result(summary, f"Run {summary['run']}: {recall_line(summary)}", f"Validation: {chosen}.")


def evaluate(
    project: ProjectFolder,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="The run: its id, its number, or latest.")],
    on: Annotated[
        Literal["validation", "test"] | None,
        typer.Option(help="The run's own validation pairs (so by default), or the accepted pairs of the test videos."),
    ] = None,
    gallery: Annotated[
        Literal["val-1000", "food-val-1000", "verified"] | None,
        typer.Option(help="One of the paper's galleries instead, drawn from the validation videos."),
    ] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Measures Recall@10 both ways: frames to sound and sound to frames."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project
    from davenet.errors import UserError

    with output(as_json) as out, Project.open(project) as opened:
        if on is not None and gallery is not None:
            raise UserError("Which pairs should it be measured on? Give either --on or --gallery.")
        chosen = gallery or on or "validation"
        summary = run_verb(opened, verbs.plan_evaluate(opened, run, on=chosen, device=device), "evaluate")
        out.result(summary, f"Run {summary['run']}, {chosen}: {recall_line(summary)}")


def score(
    project: ProjectFolder,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its id, its number, or latest.")] = "latest",
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Scores the project's pairs with a run's model: the similarity of frame and sound, and its place among others."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        spec = verbs.plan_score(opened, run, device=device)
        summary = run_verb(opened, spec, f"score with {spec.run}")
        median = f", their segments' median rank {summary['median_rank']:g}" if summary["median_rank"] else ""
        out.result(summary, f"{summary['scored']} pairs scored by run {summary['run']}{median}")


def next_pairs(
    project: ProjectFolder,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run: its id, its number, or latest.")] = "latest",
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many pairs to ask for.")] = 200,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help="Which: likely-false-accept (the default), likely-false-reject, disagreement, "
                                    "uncertain-class, likely-true-match; repeatable."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="By what the model made of the pairs last time.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Makes the next review queue: the pairs on which a run's model, the detector and the words disagree most."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project
    from davenet.errors import UserError
    from davenet.labels.choosing import KINDS

    with output(as_json) as out, Project.open(project) as opened:
        wanted = tuple(one.replace("-", " ") for one in kind or ("likely-false-accept",))
        unknown = [one for one in wanted if one not in KINDS]
        if unknown:
            raise UserError(
                f"{unknown[0]} is no kind of pair; give one of {', '.join(KINDS).replace(' ', '-').replace(',-', ', ')}."
            )
        if not again:
            evidence = verbs.plan_evidence(opened, run, device=device)
            run = str(run_verb(opened, evidence, "look at the pairs")["run"])
            if "likely true match" in wanted:
                look_for_misses(
                    opened, run, device=device, is_all_that_is_asked_for=set(wanted) == {"likely true match"}
                )
        name, found = verbs.choose_next(opened, run, n=number, kinds=wanted)  # type: ignore[arg-type]
        values = [{"pair": one.uid, "kind": one.kind, "doubt": one.doubt, "reason": one.reason} for one in found]
        first = "".join(f"\n  {one.doubt:.2f}  {one.uid}  {one.reason}" for one in found[:10])
        more = f"\n  … and {len(found) - 10} more" if len(found) > 10 else ""
        out.result(
            {"selection": name, "pairs": values},
            f"{len(found)} pairs are in Review under the filters as “{name}”:{first}{more}",
        )


def look_for_misses(project: "Project", run: str, *, device: str, is_all_that_is_asked_for: bool) -> None:
    """Lets the run's checkpoint look at what it is measured on; where it cannot, a warning, as the other kinds need it not.

    Raises UserError where nothing else is asked for.
    """
    from annotator import verbs
    from annotator.commands.running import run_verb
    from davenet.errors import UserError, one_line

    try:
        misses = verbs.plan_misses(project, run, device=device)
        if misses is not None:
            run_verb(project, misses, "look for misses")
    except UserError as error:
        if is_all_that_is_asked_for:
            raise
        typer.echo(f"! No likely true matches are asked for: {one_line(error)}", err=True)


def render(
    project: ProjectFolder,
    video: Annotated[str, typer.Argument(metavar="VIDEO", help="A video's uid, file name or title.")],
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE.mp4", help="The video to write.")],
    run: RunName = None,
    checkpoint: CheckpointFile = None,
    start: Annotated[float, typer.Option(help="Begin here, seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="End here, seconds; else with the video.")] = None,
    colour_map: Annotated[
        Literal["inferno", "viridis", "magma", "turbo", "cividis"], typer.Option(help="Colours of the matchmap.")
    ] = "inferno",
    alpha: Annotated[float, typer.Option(help="How opaque the strongest match is, 0 to 1.")] = 0.6,
    threshold: Annotated[float, typer.Option(help="Matches below this are not drawn, 0 to 1.")] = 0.3,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Writes the video with its matchmap over it and with its own sound."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project
    from davenet.errors import UserError

    with output(as_json) as out, Project.open(project) as opened:
        if (run is None) == (checkpoint is None):
            raise UserError("Which model should be shown? Give either --run RUN or --checkpoint FILE.")
        spec = verbs.plan_render(
            opened,
            opened.find_video(video).uid,
            checkpoint if run is None else run,  # type: ignore[arg-type]
            out_file,
            device=device,
            start_s=start,
            end_s=end,
            colour_map=colour_map,
            alpha=alpha,
            threshold=threshold,
        )
        summary = run_verb(opened, spec, "render")
        out.result(summary, f"Rendered {summary['out']}")


def convert(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="The files of one training, in any order.", show_default=False),
    ],
    out_file: Annotated[Path, typer.Option("--out", metavar="NAME.safetensors", help="The checkpoint to write.")],
    partial: Annotated[bool, typer.Option("--partial", help="Let what the files lack begin at random.")] = False,
    seed: Annotated[int, typer.Option(help="Of what begins at random.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Makes a checkpoint of published weights: DAVEnet-pytorch's, ResDAVEnet-VQ's or AVLnet's; needs no project."""
    import json

    from annotator.commands.output import output
    from annotator.commands.running import run_alone
    from davenet.model.convert_report import summary, table
    from davenet.specs import ConvertSpec

    with output(as_json) as out:
        result = run_alone(ConvertSpec(files=files, out=out_file, partial=partial, seed=seed), "convert")
        report = json.loads(Path(result["report"]).read_text(encoding="utf-8"))
        out.result(result, table(report), "", summary(result))


def recall_line(values: dict[str, Any]) -> str:
    """Returns Recall@10 both ways with the chance level beside it, or that there is none."""
    audio, visual = values.get("audio_recall_at_10"), values.get("visual_recall_at_10")
    if audio is None or visual is None:
        return "no Recall@10 (the gallery is too small)"
    chance, size = values.get("chance_at_10"), values.get("gallery_size")
    against = f" (chance {100 * chance:.1f} %, {size} pairs)" if chance is not None else ""
    return f"audio Recall@10 {100 * audio:.1f} %, visual Recall@10 {100 * visual:.1f} %{against}"


def assigned_values(assignments: list[str]) -> dict[str, object]:
    from davenet.errors import UserError

    values: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise UserError(f"{assignment} is no NAME=VALUE; write for example --set epochs=10.")
        values[name.strip().replace("-", "_")] = value.strip()
    return values
