"""The paper's analyses as verbs (Section 4): which food words are said, and how near to what is seen."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from annotator.commands.options import AsJson, ProjectFolder

if TYPE_CHECKING:
    from davenet.labels.food_word_counts import FoodWordCounts
    from davenet.labels.survey import PassedOver, Told
    from davenet.labels.synchrony import Synchrony

_MOST_NOUNS, _MOST_CLASSES, _REASONS = 20, 15, 5
_TOLD_WINDOWS_S = (1, 2, 5, 10, 20, 30, 60)
_BAR = 24  # characters
_OF_WORDS, _OF_SYNCHRONY = "Options of food-words", "Options of synchrony"


def analyse(
    project: ProjectFolder,
    analysis: Annotated[
        Literal["food-words", "synchrony"],
        typer.Argument(metavar="ANALYSIS", help="food-words or synchrony.", show_default=False),
    ],
    split: Annotated[
        Literal["train", "validation", "test"] | None, typer.Option(help="Only the videos of this split; else all.")
    ] = None,
    recogniser: Annotated[str | None, typer.Option(help="Whose words; else each video's newest.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE.csv", help="Write all numbers to this file.")
    ] = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw them to this file, .svg or .png.")
    ] = None,
    words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Another list of foods, one a line; else the 350.", rich_help_panel=_OF_WORDS
        ),
    ] = None,
    food_threshold: Annotated[
        float, typer.Option(help="Frames with more P(food) than this.", rich_help_panel=_OF_SYNCHRONY)
    ] = 0.5,
    match: Annotated[
        Literal["exact", "lemma", "synonyms"],
        typer.Option(help="How labels are found in the words, as in mine.", rich_help_panel=_OF_SYNCHRONY),
    ] = "exact",
    synonyms: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with the columns word,synonym.", rich_help_panel=_OF_SYNCHRONY),
    ] = None,
    whole_names: Annotated[
        bool,
        typer.Option(
            "--whole-names",
            help="A label's whole name must be said; else, as in the paper, any word of it.",
            rich_help_panel=_OF_SYNCHRONY,
        ),
    ] = False,
    detector: Annotated[
        str | None,
        typer.Option(help="Whose detections; else each video's newest.", rich_help_panel=_OF_SYNCHRONY),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prints, plots and exports the paper's analyses of what is said (Section 4).

    food-words: how many food words each video says, beside the paper's 10.5 different and 22 in all. synchrony: how often
    one of a frame's five labels is said within T seconds, beside the paper's nearly 16 % at 20 s.
    """
    from annotator.commands.output import output
    from annotator.project import Project
    from annotator.verbs import analysing
    from davenet.labels import analysis_pictures

    with output(as_json) as out, Project.open(project) as opened:
        _refuse_foreign(
            analysis,
            {"--words": (words, "food-words")}
            | {f"--{name}": (value, "synchrony") for name, value in (("synonyms", synonyms), ("detector", detector))}
            | {"--match": (match != "exact", "synchrony"), "--whole-names": (whole_names, "synchrony")},
        )
        with _progress(analysis) as told:
            if analysis == "food-words":
                counts = analysing.food_words(opened, split=split, words=words, recogniser=recogniser, told=told)
                values, lines = analysing.food_words_values(counts), food_word_lines(counts)
            else:
                found = analysing.synchrony(
                    opened,
                    split=split,
                    food_threshold=food_threshold,
                    match="synonyms" if synonyms is not None and match == "exact" else match,
                    synonyms=synonyms,
                    whole_names=whole_names,
                    recogniser=recogniser,
                    detector=detector,
                    told=told,
                )
                values, lines = analysing.synchrony_values(found), synchrony_lines(found)
        if csv_file is not None:
            path = csv_file.expanduser().absolute()
            if analysis == "food-words":
                analysing.write_food_words_csv(counts, path)
            else:
                analysing.write_synchrony_csv(found, path)
        if plot_file is not None:
            draw = analysis_pictures
            picture = draw.food_words_picture(counts) if analysis == "food-words" else draw.synchrony_picture(found)
            picture.save(plot_file.expanduser().absolute())
        out.result(values, *lines, *(f"Written: {file}" for file in (csv_file, plot_file) if file is not None))


def _refuse_foreign(analysis: str, options: Mapping[str, tuple[object, str]]) -> None:
    from davenet.errors import UserError

    for option, (value, belongs_to) in options.items():
        if value and belongs_to != analysis:
            raise UserError(f"{option} is an option of {belongs_to}, not of {analysis}; leave it out.")


def food_word_lines(counts: "FoodWordCounts") -> list[str]:
    """Returns the counts in lines for people."""
    from davenet.labels.food_word_counts import PAPER_TOTAL, PAPER_UNIQUE, histogram

    lines = [
        f"{_number(len(counts.video_uids), 'video')}, {counts.n_words:,} words by {', '.join(counts.recognisers)}; "
        f"{counts.n_listed} food nouns looked for",
        f"different food words a video  {_mean(counts.mean_unique, counts.unique_interval)}  (the paper: {PAPER_UNIQUE:g})",
        f"food words a video            {_mean(counts.mean_total, counts.total_interval)}  (the paper: {PAPER_TOTAL:g})",
    ]
    if len(counts.video_uids) > 1:
        edges, bars = histogram(counts.unique_V, most_bars=12)
        lines.append("videos by their different food words:")
        for first, last, number in zip(edges[:-1], edges[1:], bars, strict=True):
            told = f"{first}" if last - first == 1 else f"{first}–{last - 1}"
            lines.append(f"  {told:>7}  {_bar(int(number), int(bars.max()))} {number}")
    most = list(zip(counts.nouns, counts.said_W, counts.videos_W, strict=True))[:_MOST_NOUNS]
    if most:
        lines.append("said most: " + ", ".join(f"{noun} {said} ({_number(of, 'video')})" for noun, said, of in most))
    return lines + _passed_over_lines(counts.passed_over)


def synchrony_lines(found: "Synchrony") -> list[str]:
    """Returns the measurement in lines for people."""
    from davenet.labels.synchrony import PAPER_SHARE, PAPER_WINDOW_S

    said = "the whole of one of their five labels" if found.whole_names else "a word of one of their five labels"
    lines = [
        f"{_number(found.n_frames, 'frame')} of {_number(len(found.video_uids), 'video')} with P(food) over "
        f"{found.food_threshold:g}; words by {', '.join(found.recognisers)}, foods by {', '.join(found.detectors)}",
        f"near which {said} is said, {'exactly' if found.match == 'exact' else f'by {found.match}'}; chance: the frames "
        "moved elsewhere in their video",
    ]
    for window in _TOLD_WINDOWS_S:
        share, low, high = found.at(window)
        interval = "" if low != low else f" (95 %: {100 * low:.1f} to {100 * high:.1f})"
        chance = 100 * float(found.chance_T[window - 1])
        paper = f"  the paper: nearly {100 * PAPER_SHARE:.0f} %" if window == PAPER_WINDOW_S else ""
        lines.append(f"  within {window:>2} s: {100 * share:5.1f} %{interval}, chance {chance:.1f} %{paper}")
    spoken = [of for of in found.classes if of.share_T[-1] > 0]
    if spoken:
        lines.append(f"within {PAPER_WINDOW_S} s by class, of {_number(len(found.classes), 'class', 'classes')}:")
        for of in spoken[:_MOST_CLASSES]:
            share = 100 * float(of.share_T[PAPER_WINDOW_S - 1])
            lines.append(f"  {of.name:<24} {share:5.1f} % of {_number(of.n_frames, 'frame')}")
        if len(spoken) > _MOST_CLASSES:
            lines.append(f"  … and {len(spoken) - _MOST_CLASSES} more that are said; --csv has all")
    lines += _offset_lines(found)
    return lines + _passed_over_lines(found.passed_over)


def _offset_lines(found: "Synchrony") -> list[str]:
    times, edges = found.offset_counts_B, found.offset_edges_s
    if not times.sum():
        return ["No label is said within 30 s of its frame."]
    lines = ["times that a label is said, by seconds from its frame (before it is seen: minus):"]
    for first in range(0, len(times), 5):
        number = int(times[first : first + 5].sum())
        most = max(int(times[place : place + 5].sum()) for place in range(0, len(times), 5))
        lines.append(
            f"  {edges[first]:>4.0f} to {edges[min(first + 5, len(times))]:>3.0f}  {_bar(number, most)} {number}"
        )
    return lines


def _passed_over_lines(videos: Sequence["PassedOver"]) -> list[str]:
    lines = [f"✕ {video.reason}" for video in videos[:_REASONS]]
    if len(videos) > _REASONS:
        lines.append(f"✕ … and {len(videos) - _REASONS} more videos; --json names them all")
    return lines


def _mean(mean: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{mean:5.1f}" + ("" if low != low else f" (95 %: {low:.1f} to {high:.1f})")


def _bar(number: int, most: int) -> str:
    return ("█" * round(_BAR * number / max(most, 1))).ljust(_BAR)


def _number(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


@contextmanager
def _progress(title: str) -> Iterator["Told"]:
    """Shows on standard error how many videos are read."""
    from annotator.commands.output import ProgressView
    from davenet import events

    with ProgressView(title) as view:
        yield lambda done, total: view(events.Progress(done, total, "videos"))
