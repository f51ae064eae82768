"""What the analyses of many videos share (Section 4): their labels read one video after the other, and intervals.

A video whose labels are missing or damaged is passed over with its reason; the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.errors import UserError, one_line
from davenet.jobs import ShouldStop
from davenet.labels.columns import Frames, Words, checked, read_frames, read_words
from davenet.labels.detections import newest_detections
from davenet.labels.words import newest_transcript

LEAST_VIDEOS = 5  # fewer say too little of how videos differ for an interval
_RESAMPLINGS = 1000
_AT_ONCE = 1 << 24  # weights of resampled videos held in memory at a time

Read = TypeVar("Read")
Told = Callable[[int, int], None]  # videos done, of how many


@dataclass(frozen=True, slots=True)
class SurveyedVideo:
    """A video to look at, with its length, past which no label may lie."""

    uid: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A video that could not be looked at, and why, in a sentence."""

    uid: str
    reason: str


def words_of_video(labels_dir: Path, video: SurveyedVideo, recogniser: str | None) -> Words:
    """Returns the words by this recogniser, or those written last; raises UserError where they are missing or damaged."""
    path = newest_transcript(labels_dir, video.uid, recogniser)
    if path is None:
        raise UserError(f"{video.uid} has no words{_by(recogniser)}; transcribe it first.")
    words = read_words(path)
    checked(words, path, video.uid, video.duration_s)
    return words


def frames_of_video(labels_dir: Path, video: SurveyedVideo, detector: str | None) -> Frames:
    """Returns the detections by this detector, or those written last; raises UserError as `words_of_video`."""
    path = newest_detections(labels_dir, video.uid, detector)
    if path is None:
        raise UserError(f"{video.uid} has no food detections{_by(detector)}; detect its foods first.")
    frames = read_frames(path)
    checked(frames, path, video.uid, video.duration_s)
    return frames


def each_video(
    videos: Sequence[SurveyedVideo],
    read: Callable[[SurveyedVideo], Read],
    passed_over: list[PassedOver],
    *,
    told: Told | None = None,
    stop: ShouldStop | None = None,
) -> Iterator[tuple[SurveyedVideo, Read]]:
    """Yields what `read` returns of each video; those it cannot read go to `passed_over`.

    Raises UserError where no video could be read, events.Stop when asked to stop.
    """
    for n_done, video in enumerate(videos):
        if stop is not None and stop():
            raise events.Stop({})
        if told is not None:
            told(n_done, len(videos))
        try:
            found = read(video)
        except UserError as error:
            passed_over.append(PassedOver(video.uid, one_line(error)))
            continue
        yield video, found
    if told is not None:
        told(len(videos), len(videos))
    if videos and len(passed_over) == len(videos):
        others = f" ({len(videos)} videos cannot be used; this is the first.)" if len(videos) > 1 else ""
        raise UserError(passed_over[0].reason + others)


def resampled_intervals(
    sums_VT: NDArray[np.float64], weights_VT: NDArray[np.float64], *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the ends (T,) of the 95 % intervals of Σ sums / Σ weights, by bootstrap over the V videos.

    `weights_VT` may have one column for all of T. Frames and words of one video are alike: it is videos that are drawn
    again, not frames. NaN with fewer than five videos.
    """
    n_videos, n_columns = sums_VT.shape
    if n_videos < LEAST_VIDEOS:
        nothing = np.full(n_columns, np.nan)
        return nothing, nothing.copy()
    generator = np.random.default_rng(seed)
    blocks, left = [], _RESAMPLINGS
    while left:
        n_rows = min(left, max(1, _AT_ONCE // n_videos))
        drawn_RV = generator.multinomial(n_videos, np.full(n_videos, 1 / n_videos), size=n_rows).astype(np.float64)
        sums_RT = drawn_RV @ sums_VT
        totals_RT = np.broadcast_to(drawn_RV @ weights_VT, sums_RT.shape)
        blocks.append(np.divide(sums_RT, totals_RT, out=np.full_like(sums_RT, np.nan), where=totals_RT > 0))
        left -= n_rows
    low_T, high_T = np.nanpercentile(np.concatenate(blocks), [2.5, 97.5], axis=0)
    return low_T, high_T


def _by(source: str | None) -> str:
    return "" if source is None else f' by "{source}"'
