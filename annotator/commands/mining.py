"""The verb that mines pairs: what is seen and also said (Section 6 of the paper)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from annotator.commands.options import AsJson, OnlyVideos, ProjectFolder

_THRESHOLDS, _MATCHING = "Thresholds", "Matching"


def mine(
    project: ProjectFolder,
    recogniser: Annotated[str | None, typer.Option(help="Whose words; else each video's newest.")] = None,
    detector: Annotated[str | None, typer.Option(help="Whose detections; else each video's newest.")] = None,
    match: Annotated[
        Literal["exact", "lemma", "synonyms"],
        typer.Option(
            help="How a class is found in the words: by its exact name, also by its plural or singular and with other "
            "hyphens, or also by the synonyms of --synonyms.",
            rich_help_panel=_MATCHING,
        ),
    ] = "exact",
    synonyms: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with the columns word,synonym.", rich_help_panel=_MATCHING),
    ] = None,
    food_threshold: Annotated[
        float, typer.Option(help="Least P(food) of a food frame.", rich_help_panel=_THRESHOLDS)
    ] = 0.5,
    non_food_threshold: Annotated[
        float, typer.Option(help="Least P(no food) of a non-food frame.", rich_help_panel=_THRESHOLDS)
    ] = 0.95,
    window_s: Annotated[
        float, typer.Option(help="Seconds around a frame whose words are searched.", rich_help_panel=_THRESHOLDS)
    ] = 20.0,
    segment_s: Annotated[
        float, typer.Option(help="Seconds of sound of a food pair.", rich_help_panel=_THRESHOLDS)
    ] = 2.0,
    non_food_segment_s: Annotated[
        float, typer.Option(help="Seconds of sound of a non-food pair.", rich_help_panel=_THRESHOLDS)
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the draw of non-food pairs.", rich_help_panel=_THRESHOLDS)] = 0,
    video: OnlyVideos = None,
    as_json: AsJson = False,
) -> None:
    """Pairs frames with the speech around them where what is seen is also said (Section 6 of the paper).

    Mining again keeps every verdict: pairs that it no longer finds are only marked.
    """
    from annotator import verbs
    from annotator.commands.output import output
    from annotator.commands.running import run_verb
    from annotator.project import Project

    with output(as_json) as out, Project.open(project) as opened:
        spec = verbs.plan_mine(
            opened,
            recogniser=recogniser,
            detector=detector,
            videos=[opened.find_video(name).uid for name in video] if video else None,
            match="synonyms" if synonyms is not None and match == "exact" else match,
            synonyms=synonyms,
            food_threshold=food_threshold,
            non_food_threshold=non_food_threshold,
            window_s=window_s,
            segment_s=segment_s,
            non_food_segment_s=non_food_segment_s,
            seed=seed,
        )
        summary = run_verb(opened, spec, "mine")
        waiting = opened.store.counts(opened.reviewer).pending
        out.result({**summary, "pending": waiting}, *mined_lines(summary, waiting))


def mined_lines(summary: Mapping[str, Any], waiting: int) -> list[str]:
    """Returns what mining found and changed, in lines for people."""
    settings, by_split = summary["settings"], summary["by_split"]
    lines = [
        f"{_number(summary['food'], 'food pair')} and {_number(summary['non_food'], 'non-food pair')} of "
        f"{_number(summary['videos'], 'video')}; {waiting} wait for review"
    ]
    if len(by_split) > 1:
        lines += [
            f"  {name}: {counts['food']} food, {counts['non_food']} non-food" for name, counts in by_split.items()
        ]
    for name, counts in by_split.items():
        if counts["non_food"] < counts["food"]:
            lines.append(
                f"  {name + ': ' if name else ''}only {counts['non_food_candidates']} frames are non-food by at least "
                f"{settings['non_food_threshold']:g}, fewer than the food pairs"
            )
    sources = [
        f"{what} by {' and '.join(_version(name, versions) for name, versions in settings[kind].items())}"
        for what, kind in (("words", "recogniser_versions"), ("foods", "detector_versions"))
    ]
    lines.append(f"{', '.join(sources)}; names matched {_matched(settings)}")
    lines.append(_changed(summary))
    if summary["unusable"]:
        lines.append(f"{_number(len(summary['unusable']), 'video')} passed over; their pairs stay as they were")
    if not summary["food"]:
        lines += no_pair_lines(summary["no_pair"], settings["food_threshold"])
    return lines


def no_pair_lines(why: Mapping[str, Any], food_threshold: float) -> list[str]:
    """Returns what was seen and said where no food was both, and the way out of it."""
    if not why["n_food_frames"]:
        return [
            f"No frame is food by at least {food_threshold:g}, the most is {why['most_food']:.2f}: "
            "give a lower --food-threshold, or detect with another detector."
        ]
    seen, said = (", ".join(f"{name} {number}" for name, number in why[kind]) for kind in ("seen", "said"))
    lines = [
        "No food was both seen and said.",
        f"  seen, in {_number(why['n_food_frames'], 'food frame')}: {seen or 'no classes'}",
        f"  said, of the food words: {said or 'none'}",
    ]
    if why["by_lemma"]:
        return [*lines, f"Way out: --match lemma, by which plurals count, finds {_number(why['by_lemma'], 'pair')}."]
    if not why["said"]:
        return [*lines, "Way out: another recogniser (transcribe --with …) that hears the foods."]
    return [
        *lines,
        "Way out: list the foods that your videos are about, one a line, and detect again with --food-classes FILE: then "
        "only they compete for a frame's five labels. Or take another detector.",
    ]


def _changed(summary: Mapping[str, Any]) -> str:
    told = f"{summary['new']} new, {summary['again']} found again"
    if summary["gone"]:
        told += f", {summary['gone']} no longer found: marked, not deleted"
    if summary["gone_decided"]:
        told += f" ({summary['gone_decided']} of them with verdicts, which stay)"
    return told


def _matched(settings: Mapping[str, Any]) -> str:
    if settings["match"] == "synonyms":
        return f"by lemma and the synonyms of {Path(settings['synonyms']).name}"
    return "by lemma" if settings["match"] == "lemma" else "exactly"


def _version(name: str, versions: list[str]) -> str:
    return f"{name} ({', '.join(versions)})"


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
