"""The paper's analyses of a project (Section 4), as values, CSV tables and pictures. No job: seconds for 2000 videos.

The command line and the Data workspace call the same functions; neither torch nor Qt is imported.
"""

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from annotator.project import Project
from annotator.store.records import SPLITS, Split
from davenet.errors import UserError
from davenet.files import write_bytes_atomically
from davenet.jobs import ShouldStop
from davenet.labels.food_word_counts import PAPER_TOTAL, PAPER_UNIQUE, FoodWordCounts, count_food_words
from davenet.labels.survey import PassedOver, SurveyedVideo, Told
from davenet.labels.synchrony import FOOD_THRESHOLD, PAPER_SHARE, PAPER_WINDOW_S, Synchrony, measure_synchrony

Cell = str | int | float


def food_words(
    project: Project,
    *,
    split: Split | None = None,
    words: Path | None = None,
    recogniser: str | None = None,
    told: Told | None = None,
    stop: ShouldStop | None = None,
) -> FoodWordCounts:
    """Counts the food words of the project's videos; `words` is another list than the project's 350 nouns.

    Raises UserError where there are no videos, none has words, or the list is wrong.
    """
    return count_food_words(
        _videos(project, split), project.labels_dir, nouns=words, recogniser=recogniser, told=told, stop=stop
    )


def synchrony(
    project: Project,
    *,
    split: Split | None = None,
    food_threshold: float = FOOD_THRESHOLD,
    match: Literal["exact", "lemma", "synonyms"] = "exact",
    synonyms: Path | None = None,
    whole_names: bool = False,
    recogniser: str | None = None,
    detector: str | None = None,
    told: Told | None = None,
    stop: ShouldStop | None = None,
) -> Synchrony:
    """Measures how near to their frames the project's labels are said; raises UserError as `measure_synchrony`."""
    if not 0 <= food_threshold <= 1:
        raise UserError(f"The food threshold lies from 0 to 1, not at {food_threshold:g}; correct it.")
    return measure_synchrony(
        _videos(project, split),
        project.labels_dir,
        food_threshold=food_threshold,
        match=match,
        synonyms=synonyms,
        whole_names=whole_names,
        recogniser=recogniser,
        detector=detector,
        told=told,
        stop=stop,
    )


def food_words_values(counts: FoodWordCounts) -> dict[str, Any]:
    """Returns the counts as JSON values."""
    return {
        "videos": len(counts.video_uids),
        "mean_unique": counts.mean_unique,
        "mean_unique_interval_95": _interval(counts.unique_interval),
        "mean_total": counts.mean_total,
        "mean_total_interval_95": _interval(counts.total_interval),
        "paper": {"mean_unique": PAPER_UNIQUE, "mean_total": PAPER_TOTAL},
        "words_heard": counts.n_words,
        "nouns_listed": counts.n_listed,
        "by_video": {
            uid: {"unique": int(unique), "total": int(total)}
            for uid, unique, total in zip(counts.video_uids, counts.unique_V, counts.total_V, strict=True)
        },
        "nouns": [
            {"noun": noun, "said": int(said), "videos": int(videos)}
            for noun, said, videos in zip(counts.nouns, counts.said_W, counts.videos_W, strict=True)
        ],
        "recognisers": counts.recognisers,
        "passed_over": _passed_over(counts.passed_over),
    }


def synchrony_values(found: Synchrony) -> dict[str, Any]:
    """Returns the measurement as JSON values."""
    return {
        "videos": len(found.video_uids),
        "frames": found.n_frames,
        "windows": [
            {"seconds": row[0], "share": row[1], "interval_95": _interval((row[2], row[3])), "chance": row[4]}
            for row in _windows(found)
        ],
        "paper": {"seconds": PAPER_WINDOW_S, "share": PAPER_SHARE},
        "classes": [
            {
                "class": of.name,
                "frames": of.n_frames,
                "videos": of.n_videos,
                "share_at_20_s": float(of.share_T[PAPER_WINDOW_S - 1]),
                "interval_95": _interval(of.interval),
            }
            for of in found.classes
        ],
        "offsets": [
            {"from_s": float(edge), "times": int(times)}
            for edge, times in zip(found.offset_edges_s[:-1], found.offset_counts_B, strict=True)
        ],
        "food_threshold": found.food_threshold,
        "match": found.match,
        "whole_names": found.whole_names,
        "recognisers": found.recognisers,
        "detectors": found.detectors,
        "passed_over": _passed_over(found.passed_over),
    }


def write_food_words_csv(counts: FoodWordCounts, path: Path) -> None:
    """Writes one line a video and one a noun, told apart by the first column."""
    rows: list[list[Cell]] = [["what", "name", "different_food_words", "food_words", "videos"]]
    rows += [
        ["video", uid, int(unique), int(total), ""]
        for uid, unique, total in zip(counts.video_uids, counts.unique_V, counts.total_V, strict=True)
    ]
    rows += [
        ["noun", noun, "", int(said), int(videos)]
        for noun, said, videos in zip(counts.nouns, counts.said_W, counts.videos_W, strict=True)
    ]
    _write_csv(path, rows)


def write_synchrony_csv(found: Synchrony, path: Path) -> None:
    """Writes a line for each window, of all frames ("") and of each class, and one for each second of offset."""
    rows: list[list[Cell]] = [["what", "class", "seconds", "frames", "share", "low_95", "high_95", "chance", "times"]]
    rows += [
        ["window", "", seconds, found.n_frames, share, _cell(low), _cell(high), chance, ""]
        for seconds, share, low, high, chance in _windows(found)
    ]
    for of in found.classes:
        for place, seconds in enumerate(found.windows_s_T.tolist()):
            low, high = of.interval if seconds == PAPER_WINDOW_S else (math.nan, math.nan)
            share = float(of.share_T[place])
            rows.append(["window", of.name, seconds, of.n_frames, share, _cell(low), _cell(high), "", ""])
    rows += [
        ["offset", "", float(edge), "", "", "", "", "", int(times)]
        for edge, times in zip(found.offset_edges_s[:-1], found.offset_counts_B, strict=True)
    ]
    _write_csv(path, rows)


def _windows(found: Synchrony) -> Iterable[tuple[int, float, float, float, float]]:
    columns = (found.windows_s_T, found.share_T, found.low_T, found.high_T, found.chance_T)
    return zip(*(column.tolist() for column in columns), strict=True)


def _videos(project: Project, split: Split | None) -> list[SurveyedVideo]:
    if split is not None and split not in SPLITS:
        raise UserError(f"{split} is not a split; choose one of {', '.join(SPLITS)}.")
    videos = [video for video in project.store.videos() if split in (None, video.split)]
    if not videos:
        which = "videos" if split is None else f"{split} videos"
        raise UserError(f"{project.path} has no {which}; import some first.")
    return [SurveyedVideo(video.uid, video.duration_s) for video in videos]


def _write_csv(path: Path, rows: Iterable[Iterable[Cell]]) -> None:
    if path.suffix.lower() != ".csv":
        raise UserError(f"{path} cannot be written; the table's name must end in .csv.")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes_atomically(path, text.getvalue().encode("utf-8-sig"))


def _interval(ends: tuple[float, float]) -> list[float] | None:
    return None if math.isnan(ends[0]) else list(ends)


def _cell(value: float) -> Cell:
    return "" if math.isnan(value) else value


def _passed_over(videos: Iterable[PassedOver]) -> list[dict[str, str]]:
    return [asdict(video) for video in videos]
