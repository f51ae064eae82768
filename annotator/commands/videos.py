"""The verbs from videos to pairs: new, import, extract, transcribe, detect, mine."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotator.commands.options import AsJson, Force, OnlyVideos, ProjectFolder

if TYPE_CHECKING:
    from annotator.project import Project


def new(
    project: ProjectFolder,
    videos: Annotated[
        Path | None, typer.Option("--videos", metavar="FOLDER", help="Import the videos of this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a project in a new folder."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.project import Project
    from davenet.errors import UserError

    with output(as_json) as out:
        if videos is not None and not videos.expanduser().exists():
            raise UserError(f"{videos.expanduser().absolute()} does not exist; check its name.")
        with Project.create(project) as made:
            summary: dict[str, Any] = {"project": str(made.path)}
            lines = [f"Project {made.path}"]
            if videos is not None:
                imported = _import(made, verbs.plan_import(made, [videos]))
                summary |= imported
                lines += _import_lines(imported)
        out.result(summary, *lines)


def import_videos(
    project: ProjectFolder,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE_OR_FOLDER…", help="Videos, or folders of videos.")],
    as_json: AsJson = False,
) -> None:
    """Registers videos where they lie; nothing is copied."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        summary = _import(opened, verbs.plan_import(opened, paths))
        out.result(summary, *_import_lines(summary))


def _import(project: "Project", spec: Any) -> dict[str, Any]:
    from annotator.commands.running import run_verb

    return run_verb(project, spec, "import", done="imported")


def _import_lines(summary: dict[str, Any]) -> list[str]:
    return [_told("imported", summary["imported"], known=summary["known"], unusable=summary["unusable"])]


def extract(project: ProjectFolder, video: OnlyVideos = None, force: Force = False, as_json: AsJson = False) -> None:
    """Extracts frames at 1 fps and the log-mel: one clip file a video. Skips what is done."""
    from annotator import verbs

    _by_video(
        project, as_json, "extract", "extracted", lambda p: verbs.plan_extract(p, force=force, videos=_uids(p, video))
    )


def transcribe(
    project: ProjectFolder,
    recogniser: Annotated[str, typer.Option("--with", metavar="RECOGNISER", help="The speech recogniser.")] = (
        "pocketsphinx"
    ),
    video: OnlyVideos = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Recognises the words that are spoken, with start, end and confidence."""
    from annotator import verbs

    _by_video(
        project,
        as_json,
        "transcribe",
        "transcribed",
        lambda p: verbs.plan_transcribe(p, recogniser, force=force, videos=_uids(p, video)),
    )


def detect(
    project: ProjectFolder,
    detector: Annotated[
        str, typer.Option("--with", metavar="DETECTOR", help="onnx:MODEL, or import:FILE (JSON lines).")
    ],
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The model's classes, one a line, in the order of its outputs.")
    ] = None,
    food_label: Annotated[
        str | None, typer.Option(metavar="NAME", help="The class whose score is P(food); else the food classes' sum.")
    ] = None,
    food_classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The classes that are foods; else those among the project's food words."),
    ] = None,
    video: OnlyVideos = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Finds per frame whether there is food, and the five most probable foods."""
    from annotator import verbs

    _by_video(
        project,
        as_json,
        "detect",
        "detected",
        lambda p: verbs.plan_detect(
            p,
            detector,
            classes=classes,
            food_label=food_label,
            food_classes=food_classes,
            force=force,
            videos=_uids(p, video),
        ),
    )


def mine(
    project: ProjectFolder,
    recogniser: Annotated[str | None, typer.Option(help="Whose words; else each video's newest.")] = None,
    detector: Annotated[str | None, typer.Option(help="Whose detections; else each video's newest.")] = None,
    food_threshold: Annotated[float, typer.Option(help="Least P(food) of a food frame.")] = 0.5,
    non_food_threshold: Annotated[float, typer.Option(help="Least P(no food) of a non-food frame.")] = 0.95,
    window_s: Annotated[float, typer.Option(help="Seconds around a frame whose words are searched.")] = 20.0,
    segment_s: Annotated[float, typer.Option(help="Seconds of sound of a food pair.")] = 2.0,
    non_food_segment_s: Annotated[float, typer.Option(help="Seconds of sound of a non-food pair.")] = 1.0,
    video: OnlyVideos = None,
    as_json: AsJson = False,
) -> None:
    """Pairs frames with the speech around them where what is seen is also said (Section 6 of the paper)."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        spec = verbs.plan_mine(
            opened,
            recogniser=recogniser,
            detector=detector,
            videos=_uids(opened, video),
            food_threshold=food_threshold,
            non_food_threshold=non_food_threshold,
            window_s=window_s,
            segment_s=segment_s,
            non_food_segment_s=non_food_segment_s,
        )
        summary = run_verb(opened, spec, "mine")
        waiting = opened.store.counts(opened.reviewer).pending
        line = f"{summary['food']} food pairs and {summary['non_food']} non-food pairs of {summary['videos']} videos"
        lines = [f"{line}; {waiting} wait for review."]
        if not summary["food"]:
            lines.append(
                "No food was both seen and said: try a lower --food-threshold, or another detector or recogniser."
            )
        out.result({**summary, "pending": waiting}, *lines)


def _by_video(project: Path, as_json: bool, verb: str, done: str, plan: Any) -> None:
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        summary = run_verb(opened, plan(opened), verb, done=done)
        line = _told(done, summary[done], **{"done before": summary["skipped"]}, unusable=summary["unusable"])
        out.result(summary, line)


def _told(done: str, what: Sequence[object], **others: Sequence[object]) -> str:
    parts = [f"{len(what)} video{'s' if len(what) != 1 else ''} {done}"]
    return ", ".join(parts + [f"{len(found)} {name}" for name, found in others.items() if found])


def _uids(project: "Project", names: list[str] | None) -> list[str] | None:
    return [project.find_video(name).uid for name in names] if names else None
