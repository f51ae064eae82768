"""Words and detections of a video as arrays, for what reads those of thousands of videos (mining, the analyses).

A file is taken in at once and its values are checked together; whatever is unusual in it is read again line by line by
words.py or detections.py, whose sentences tell what is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from davenet.errors import UserError
from davenet.labels.detections import MAX_TOP, Detections, read_detections, read_detections_header
from davenet.labels.words import Transcript, read_transcript, read_transcript_header

PAST_END_S = 2.0  # how far past its video's end a time may lie: captions end late, and durations are rounded

Top = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The N words of a video in the order of their starts, and what heard them."""

    video_uid: str
    source: str
    version: str
    texts: Sequence[str]
    starts_s_N: NDArray[np.float64]
    ends_s_N: NDArray[np.float64]
    confidences_N: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frames:
    """The N frames of a video that a detector saw, in the order of time: P(food) and up to five (class, probability)."""

    video_uid: str
    source: str
    version: str
    times_s_N: NDArray[np.float64]
    food_N: NDArray[np.float64]
    tops: Sequence[Top]


def words_of(transcript: Transcript) -> Words:
    words = sorted(transcript.words, key=lambda word: word.start)
    return Words(
        transcript.video_uid,
        transcript.recogniser,
        transcript.recogniser_version,
        [word.word for word in words],
        np.array([word.start for word in words], np.float64),
        np.array([word.end for word in words], np.float64),
        np.array([word.confidence for word in words], np.float64),
    )


def frames_of(detections: Detections) -> Frames:
    frames = sorted(detections.frames, key=lambda frame: frame.time)
    return Frames(
        detections.video_uid,
        detections.detector,
        detections.detector_version,
        np.array([frame.time for frame in frames], np.float64),
        np.array([frame.food for frame in frames], np.float64),
        [frame.top for frame in frames],
    )


def read_words(path: Path) -> Words:
    """Raises UserError as `read_transcript` does."""
    rows = _rows(path)
    numbers = None if rows is None else _numbers(rows, ("start", "end", "confidence"))
    if rows is None or numbers is None:
        return words_of(read_transcript(path))
    starts_N, ends_N, confidences_N = numbers
    texts: list[Any] = [row.get("word") for row in rows]
    if not (_are_texts(texts) and (starts_N >= 0).all() and (ends_N >= starts_N).all() and _are_shares(confidences_N)):
        return words_of(read_transcript(path))
    header = read_transcript_header(path)
    order = np.argsort(starts_N, kind="stable")
    return Words(
        header.video_uid,
        header.recogniser,
        header.recogniser_version,
        [texts[place] for place in order.tolist()],
        starts_N[order],
        ends_N[order],
        confidences_N[order],
    )


def read_frames(path: Path) -> Frames:
    """Raises UserError as `read_detections` does."""
    rows = _rows(path)
    numbers = None if rows is None else _numbers(rows, ("time", "food"))
    tops = None if rows is None else _tops(rows)
    if numbers is None or tops is None:
        return frames_of(read_detections(path))
    times_N, food_N = numbers
    if not ((times_N >= 0).all() and _are_shares(food_N)):
        return frames_of(read_detections(path))
    header = read_detections_header(path)
    order = np.argsort(times_N, kind="stable")
    return Frames(
        header.video_uid,
        header.detector,
        header.detector_version,
        times_N[order],
        food_N[order],
        [tops[place] for place in order.tolist()],
    )


def checked(labels: Words | Frames, path: Path, video_uid: str, duration_s: float) -> None:
    """Raises UserError where the labels are another video's, or lie past the end of this one."""
    if labels.video_uid != video_uid:
        raise UserError(f'{path} belongs to the video "{labels.video_uid}", not "{video_uid}"; make it again.')
    heard = isinstance(labels, Words)
    times_s_N = labels.starts_s_N if isinstance(labels, Words) else labels.times_s_N
    if len(times_s_N) and times_s_N[-1] > duration_s + PAST_END_S:
        raise UserError(
            f"{path} has a {'word' if heard else 'frame'} at {times_s_N[-1]:.1f} s, past the end of its video "
            f"({duration_s:.1f} s); {'transcribe the video' if heard else 'detect its foods'} again."
        )


def _rows(path: Path) -> list[dict[str, Any]] | None:
    """Returns the objects of the lines after the first; None where they are not plainly one JSON object a line."""
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
        rows = from_json(b"[" + b",".join(lines[1:]) + b"]", allow_inf_nan=False)
    except (OSError, ValueError):
        return None
    if len(rows) != max(0, len(lines) - 1) or not set(map(type, rows)) <= {dict}:
        return None
    return list(rows)


def _numbers(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[NDArray[np.float64]] | None:
    columns = [[row.get(name) for row in rows] for name in names]
    if not all(set(map(type, column)) <= {int, float} for column in columns):
        return None
    try:
        arrays = [np.array(column, np.float64) for column in columns]
    except OverflowError:
        return None
    return arrays if all(np.isfinite(array).all() for array in arrays) else None


def _tops(rows: Sequence[dict[str, Any]]) -> list[Top] | None:
    """Returns each frame's classes, the most probable first; None where one is not as it should be."""
    lists = [row.get("top") for row in rows]
    if not set(map(type, lists)) <= {list} or max(map(len, lists), default=0) > MAX_TOP:  # type: ignore[arg-type]
        return None
    entries: list[Any] = list(chain.from_iterable(lists))  # type: ignore[arg-type] # lists all, as looked at above
    if not set(map(type, entries)) <= {list} or not set(map(len, entries)) <= {2}:
        return None
    if not {type(name) for name, _ in entries} <= {str}:
        return None
    names, shares = {name for name, _ in entries}, [share for _, share in entries]
    if not _are_texts(list(names)):
        return None
    if not set(map(type, shares)) <= {float} or not _are_shares(np.array(shares, np.float64)):
        return None
    tops: list[Top] = []
    sorted_N = _descend(lists, np.array(shares, np.float64))
    for top, is_sorted in zip(lists, sorted_N, strict=True):
        found = tuple([(name, share) for name, share in top])  # type: ignore[union-attr]
        if len({name for name, _ in found}) < len(found):
            return None
        tops.append(found if is_sorted else tuple(sorted(found, key=lambda entry: -entry[1])))
    return tops


def _descend(lists: Sequence[Any], shares: NDArray[np.float64]) -> list[bool]:
    """Returns for each list whether its shares, of all that follow one another in `shares`, never rise."""
    of_list = np.repeat(np.arange(len(lists)), [len(top) for top in lists])
    rises = (np.diff(shares) > 0) & (np.diff(of_list) == 0)
    descend = np.ones(len(lists), bool)
    descend[of_list[1:][rises]] = False
    return descend.tolist()


def _are_texts(values: Sequence[Any]) -> bool:
    """Whether all are texts that hold more than blanks, and nothing that needs a closer look."""
    return set(map(type, values)) <= {str} and all(map(str.strip, values)) and "".join(values).isprintable()


def _are_shares(values_N: NDArray[np.float64]) -> bool:
    return bool(((values_N >= 0) & (values_N <= 1)).all())
