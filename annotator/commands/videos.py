"""The verbs from videos to pairs: new, extract, transcribe, detect, mine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotator.commands.corpora import told
from annotator.commands.options import (
    Address,
    AsJson,
    Engine,
    Fetch,
    Force,
    OnlyVideos,
    Out,
    ProjectFolder,
    VideosAt,
)

if TYPE_CHECKING:
    from annotator.project import Project


def new(
    project: ProjectFolder,
    videos: Annotated[
        Path | None, typer.Option("--videos", metavar="FOLDER", help="Import the videos of this folder.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Keep the database on a PostgreSQL server, for several reviewers at once: "
            "postgresql+psycopg://USER@HOST/DATABASE; else ANNOTATOR_DATABASE_URL, else a file in the folder.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a project in a new folder."""
    from annotator import verbs
    from annotator.commands.corpora import import_lines, run_import
    from annotator.commands.output import output
    from annotator.project import Project
    from davenet.errors import UserError

    with output(as_json) as out:
        if videos is not None and not videos.expanduser().exists():
            raise UserError(f"{videos.expanduser().absolute()} does not exist; check its name.")
        with Project.create(project, database=database) as made:
            summary: dict[str, Any] = {"project": str(made.path)}
            lines = [f"Project {made.path}" + (f", its database in {made.store.server}" if made.store.server else "")]
            if videos is not None:
                imported = run_import(made, verbs.plan_import(made, [videos]))
                summary |= imported
                lines += import_lines(imported)
        out.result(summary, *lines)


def extract(
    project: ProjectFolder,
    frame_rate: Annotated[float, typer.Option(help="Frames a second, up to 60.")] = 1.0,
    nearest_reference: Annotated[
        bool,
        typer.Option(
            "--nearest-reference",
            help="Take a frame within 0.1 s that others refer to for the one shown: quicker where files have others.",
        ),
    ] = False,
    audio_track: Annotated[
        int | None, typer.Option(metavar="N", help="The sound track to take, from 1; else each file's default one.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Videos at once; else as many as cores.")] = None,
    video: OnlyVideos = None,
    force: Force = False,
    engine: Engine = "local",
    address: Address = None,
    out: Out = None,
    fetch: Fetch = False,
    videos_at: VideosAt = None,
    as_json: AsJson = False,
) -> None:
    """Extracts frames at 1 fps and the log-mel: one clip file a video. Skips what is done, on all cores."""
    from annotator import verbs

    _by_video(
        project,
        as_json,
        "extract",
        "extracted",
        lambda p: verbs.on_engine(
            verbs.plan_extract(
                p,
                videos=_uids(p, video),
                force=force,
                frame_rate=frame_rate,
                nearest_reference=nearest_reference,
                audio_track=audio_track,
                jobs=jobs,
            ),
            engine=engine,
            address=address,
            out=out,
            fetch=fetch,
            videos_at=videos_at,
        ),
    )


def proxies(
    project: ProjectFolder,
    video: OnlyVideos = None,
    force: Force = False,
    automatic: Annotated[
        bool | None,
        typer.Option(
            "--automatic/--no-automatic", help="Only set whether the app makes them by itself after an import."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Makes small copies of the videos in which playback finds every place at once. Skips what is done."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.project import Project
    from annotator.verbs.proxies import PROXIES_SETTING

    if automatic is None:
        _by_video(project, as_json, "proxy", "made", lambda p: verbs.plan_proxy(p, videos=_uids(p, video), force=force))
        return
    with output(as_json) as out, Project.open(project) as opened:
        opened.store.set_setting(PROXIES_SETTING, automatic)
        line = "The app makes proxies after an import." if automatic else "The app makes no proxies by itself."
        out.result({PROXIES_SETTING: automatic}, line)


def transcribe(
    project: ProjectFolder,
    recogniser: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="RECOGNISER",
            help="auto (the best that is here), pocketsphinx, pocketsphinx-keywords (food words only), "
            "faster-whisper[:MODEL], import:FILE_OR_FOLDER (IBM Watson's or Whisper's JSON, WebVTT, SRT, CTM, words "
            "files), or one that a package brings.",
        ),
    ] = "auto",
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="What is spoken, such as en; else found out.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Where models run: auto, cpu or cuda.")] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", help="Processes; else what suits the machine and the recogniser.")
    ] = None,
    audio_track: Annotated[
        int | None, typer.Option(metavar="N", help="The sound track to hear, from 1; else each file's default one.")
    ] = None,
    imported_as: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What to call imported words, to keep several of one format."),
    ] = None,
    video: OnlyVideos = None,
    force: Force = False,
    engine: Engine = "local",
    address: Address = None,
    out: Out = None,
    fetch: Fetch = False,
    videos_at: VideosAt = None,
    as_json: AsJson = False,
) -> None:
    """Recognises the words that are spoken, with start, end and confidence."""
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as printed, Project.open(project) as opened:
        spec = verbs.plan_transcribe(
            opened,
            recogniser,
            language=language,
            device=device,
            jobs=jobs,
            imported_as=imported_as,
            audio_track=audio_track,
            force=force,
            videos=_uids(opened, video),
        )
        spec = verbs.on_engine(spec, engine=engine, address=address, out=out, fetch=fetch, videos_at=videos_at)
        summary = run_verb(opened, spec, "transcribe", done="transcribed")
        done, before = summary["transcribed"], summary["skipped"]
        line = told("transcribed", done, **{"done before": before}, unusable=summary["unusable"])
        words = f"; {summary['words']:,} words by {summary['recogniser']}" if done else f" by {summary['recogniser']}"
        printed.result(summary, f"{line}{words}")


_OF_MODELS, _OF_CLIP, _OF_IMPORTS = "Options of onnx: models", "Options of clip:", "Options of import:"


def detect(
    project: ProjectFolder,
    detector: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="DETECTOR",
            help="auto (the best that is here), onnx:MODEL, clip[:MODEL], import:FILE_OR_FOLDER (JSON lines, or what "
            "IBM Watson Visual Recognition answered), or one that a package brings.",
        ),
    ] = "auto",
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The model's classes, one a line, in the order of its outputs; for clip:, the foods that it looks for; "
            "for import:, the only classes allowed.",
        ),
    ] = None,
    food_classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The classes that are foods, one a line: CLASS, CLASS = WORD (as people say it) or CLASS = - (no food); "
            "else those among the project's food words.",
        ),
    ] = None,
    food_model: Annotated[
        str | None, typer.Option(metavar="DETECTOR", help="A second detector, whose P(food) is taken, e.g. onnx:FOOD.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where models run: auto, cpu, cuda, directml, coreml or mps.")
    ] = None,
    food_label: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The class whose score is P(food).", rich_help_panel=_OF_MODELS),
    ] = None,
    food_output: Annotated[
        str | None,
        typer.Option(metavar="NAME[:COLUMN]", help="The output that says food or no food.", rich_help_panel=_OF_MODELS),
    ] = None,
    p_food: Annotated[
        str | None,
        typer.Option("--p-food", help="P(food) from the foods' scores: sum or most.", rich_help_panel=_OF_MODELS),
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(
            help="What the scores are: softmax or probabilities (used as they are; those of a softmax sum to one), logits "
            "(of one softmax), sigmoid (logits of independent classes); else found out.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    output_name: Annotated[
        str | None,
        typer.Option("--output", metavar="NAME", help="The output with a score a class.", rich_help_panel=_OF_MODELS),
    ] = None,
    layout: Annotated[
        str | None, typer.Option(help="NCHW or NHWC; else found out.", rich_help_panel=_OF_MODELS)
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Of the input, where a model leaves it open.", rich_help_panel=_OF_MODELS),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            help="crop (the frame's centre, the default), squeeze (the whole frame) or letterbox (black bars).",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    crop_share: Annotated[
        float | None,
        typer.Option(help="Of the shorter side, with --fit crop: 0.875 is 224 of 256.", rich_help_panel=_OF_MODELS),
    ] = None,
    order: Annotated[str | None, typer.Option(help="RGB (the default) or BGR.", rich_help_panel=_OF_MODELS)] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="M[,M,M]",
            help="Input = (value of 0 to 255 × scale - mean) / std; 0.5. ImageNet's: 0.485,0.456,0.406.",
            rich_help_panel=_OF_MODELS,
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(metavar="S[,S,S]", help="0.5. ImageNet's: 0.229,0.224,0.225.", rich_help_panel=_OF_MODELS),
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help="A number or a fraction; 1/255.", rich_help_panel=_OF_MODELS)
    ] = None,
    save_settings: Annotated[
        bool,
        typer.Option(
            "--save-settings", help="Write these options beside the model (MODEL.json).", rich_help_panel=_OF_MODELS
        ),
    ] = False,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="SENTENCE", help='"a photo of {}, a type of food." unless given.', rich_help_panel=_OF_CLIP
        ),
    ] = None,
    non_food: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sentences of what is no food, one a line.", rich_help_panel=_OF_CLIP),
    ] = None,
    classifier: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Whose classes, of Watson's classifiers.", rich_help_panel=_OF_IMPORTS),
    ] = None,
    frame_names: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="How a frame's file is named: {video}/{second}.jpg, {video}_{ms}, {video}/{frame@25}, {frame@25,1} from 1.",
            rich_help_panel=_OF_IMPORTS,
        ),
    ] = None,
    video: OnlyVideos = None,
    force: Force = False,
    engine: Engine = "local",
    address: Address = None,
    out: Out = None,
    fetch: Fetch = False,
    videos_at: VideosAt = None,
    as_json: AsJson = False,
) -> None:
    """Finds per frame whether there is food, and the five most probable foods."""
    from annotator import verbs

    def plan(opened: "Project") -> Any:
        spec = verbs.plan_detect(
            opened,
            detector,
            force=force,
            videos=_uids(opened, video),
            save_settings=save_settings,
            clips_elsewhere=engine == "ray" and out is not None,
            classes=classes,
            food_classes=food_classes,
            food_model=food_model,
            device=device,
            food_label=food_label,
            food_output=food_output,
            p_food=p_food,
            scores=scores,
            output=output_name,
            layout=layout,
            side=side,
            fit=fit,
            crop_share=crop_share,
            order=order,
            mean=_numbers("--mean", mean),
            std=_numbers("--std", std),
            scale=_fraction(scale),
            prompt=prompt,
            non_food=non_food,
            classifier=classifier,
            frame_names=frame_names,
        )
        return verbs.on_engine(spec, engine=engine, address=address, out=out, fetch=fetch, videos_at=videos_at)

    _by_video(project, as_json, "detect", "detected", plan)


def _numbers(option: str, text: str | None) -> float | list[float] | None:
    """Returns one number, or one for each channel; raises UserError for anything else."""
    from davenet.errors import UserError

    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3):
        raise UserError(f"{option} {text}: give one number, or three with commas between them.")
    return numbers[0] if len(numbers) == 1 else numbers


def _fraction(text: str | None) -> float | None:
    from davenet.errors import UserError

    if text is None:
        return None
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise UserError(f"--scale {text}: give a number or a fraction, e.g. 1/255.") from error


def _by_video(project: Path, as_json: bool, verb: str, done: str, plan: Any) -> None:
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        summary = run_verb(opened, plan(opened), verb, done=done)
        line = told(done, summary[done], **{"done before": summary["skipped"]}, unusable=summary["unusable"])
        out.result(summary, line)


def _uids(project: "Project", names: list[str] | None) -> list[str] | None:
    return [project.find_video(name).uid for name in names] if names else None
