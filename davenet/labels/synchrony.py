"""How well what is seen and what is said lie together in time (Section 4): it tells which T to choose.

Over frames with P(food) > 0.5: how often one of their five labels is said within T seconds, for many T. Imports no torch:
the app calls it too, and plots its arrays.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.jobs import ShouldStop
from davenet.labels.columns import Frames, Words
from davenet.labels.matching import Heard, MatchMode, Phrase, matching_of
from davenet.labels.survey import (
    LEAST_VIDEOS,
    PassedOver,
    SurveyedVideo,
    Told,
    each_video,
    frames_of_video,
    resampled_intervals,
    words_of_video,
)

PAPER_SHARE, PAPER_WINDOW_S = 0.16, 20  # "nearly 16 %", on YouCook2's validation videos
FOOD_THRESHOLD = 0.5  # more than this, Section 4
WINDOWS_S = np.arange(1, 61)
_ELSEWHERE = (0.25, 0.4, 0.6, 0.75)  # of a video's length, by which its frames are moved for what chance gives
_DISTANCES = 1 << 20  # between frames and words, held in memory at a time


@dataclass(frozen=True, slots=True)
class ClassSynchrony:
    """The frames that have a class among their five labels, and the share of them near which it is said (T,)."""

    name: str
    n_frames: int
    n_videos: int
    share_T: NDArray[np.float64]
    interval: tuple[float, float]  # 95 %, of the share at the paper's 20 s; NaN for fewer than five videos


@dataclass(frozen=True, slots=True)
class Synchrony:
    """Shares of frames by the window `windows_s_T`, centred on the frame; intervals hold 95 % and are over the V videos.

    `chance_T` is the share that remains when each video's frames are moved elsewhere in it: what the words a video repeats
    would give without any synchrony. `offset_counts_B` counts every time that a label is said within 30 s of its frame, by
    when: before zero, it was said before it was seen.
    """

    windows_s_T: NDArray[np.int64]
    share_T: NDArray[np.float64]
    low_T: NDArray[np.float64]
    high_T: NDArray[np.float64]
    chance_T: NDArray[np.float64]
    video_uids: tuple[str, ...]
    frames_V: NDArray[np.int64]
    spoken_VT: NDArray[np.int64]
    classes: tuple[ClassSynchrony, ...]  # those of most frames first
    offset_edges_s: NDArray[np.float64]  # (B + 1,)
    offset_counts_B: NDArray[np.int64]
    food_threshold: float
    match: MatchMode
    whole_names: bool
    recognisers: tuple[str, ...]
    detectors: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]

    @property
    def n_frames(self) -> int:
        return int(self.frames_V.sum())

    def at(self, window_s: int) -> tuple[float, float, float]:
        """Returns the share within a window of whole seconds, and its interval."""
        place = int(np.flatnonzero(self.windows_s_T == window_s)[0])
        return float(self.share_T[place]), float(self.low_T[place]), float(self.high_T[place])


@dataclass(slots=True)
class _OfVideo:
    """One video's part: numbers of frames whose labels are said within each window, and the same by class."""

    n_frames: int
    spoken_T: NDArray[np.int64]
    by_chance_T: NDArray[np.float64]
    offset_counts_B: NDArray[np.int64]
    by_class: dict[str, tuple[int, NDArray[np.int64] | None]] = field(default_factory=dict)  # frames, spoken (T,)


def measure_synchrony(
    videos: Sequence[SurveyedVideo],
    labels_dir: Path,
    *,
    food_threshold: float = FOOD_THRESHOLD,
    match: MatchMode = "exact",
    synonyms: Path | None = None,
    whole_names: bool = False,
    recogniser: str | None = None,
    detector: str | None = None,
    windows_s: NDArray[np.int64] = WINDOWS_S,
    told: Told | None = None,
    stop: ShouldStop | None = None,
) -> Synchrony:
    """Measures over all frames with P(food) > `food_threshold` how often a label is said within each window.

    As in the paper any word of a label counts; with `whole_names` the whole of it must be said, as mining asks. Raises
    UserError where no video has both words and detections or none has such a frame, events.Stop when asked to stop.
    """
    matching = matching_of(match, synonyms)
    passed_over: list[PassedOver] = []
    found: dict[str, _OfVideo] = {}
    recognisers, detectors = set(), set()

    def read(video: SurveyedVideo) -> tuple[Frames, Words]:
        return frames_of_video(labels_dir, video, detector), words_of_video(labels_dir, video, recogniser)

    for video, (frames, words) in each_video(videos, read, passed_over, told=told, stop=stop):
        recognisers.add(f"{words.source} {words.version}")
        detectors.add(f"{frames.source} {frames.version}")
        phrases = matching.phrases if whole_names else matching.any_word
        part = _of_video(frames, Heard(words, matching), phrases, food_threshold, windows_s, video.duration_s)
        if part.n_frames:
            found[video.uid] = part
    if not found:
        raise UserError(
            f"No frame of these videos has P(food) over {food_threshold:g}; lower the threshold, or take another detector."
        )
    frames_V = np.array([part.n_frames for part in found.values()], np.int64)
    spoken_VT = np.stack([part.spoken_T for part in found.values()])
    low_T, high_T = resampled_intervals(spoken_VT.astype(np.float64), frames_V[:, None].astype(np.float64))
    return Synchrony(
        windows_s_T=windows_s,
        share_T=spoken_VT.sum(0) / frames_V.sum(),
        low_T=low_T,
        high_T=high_T,
        chance_T=np.sum([part.by_chance_T for part in found.values()], axis=0) / frames_V.sum(),
        video_uids=tuple(found),
        frames_V=frames_V,
        spoken_VT=spoken_VT,
        classes=_by_class(list(found.values()), windows_s),
        offset_edges_s=_offset_edges_s(windows_s),
        offset_counts_B=np.sum([part.offset_counts_B for part in found.values()], axis=0),
        food_threshold=food_threshold,
        match=match,
        whole_names=whole_names,
        recognisers=tuple(sorted(recognisers)),
        detectors=tuple(sorted(detectors)),
        passed_over=tuple(passed_over),
    )


def _of_video(
    frames: Frames,
    heard: Heard,
    phrases_of: Callable[[str], tuple[Phrase, ...]],
    food_threshold: float,
    windows_s: NDArray[np.int64],
    duration_s: float,
) -> _OfVideo:
    chosen = np.flatnonzero(frames.food_N > food_threshold)
    times_s_F = frames.times_s_N[chosen]
    frames_of_class: defaultdict[str, list[int]] = defaultdict(list)
    for frame, place in enumerate(chosen.tolist()):
        for name, _ in frames.tops[place]:
            frames_of_class[name].append(frame)
    elsewhere_s_SF = (times_s_F + np.array(_ELSEWHERE)[:, None] * duration_s) % max(duration_s, 1e-9)
    nearest_s_F = np.full(len(times_s_F), np.inf)
    nearest_s_SF = np.full((len(_ELSEWHERE), len(times_s_F)), np.inf)
    said_near: list[NDArray[np.int64]] = []
    part = _OfVideo(len(chosen), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    for name, places in frames_of_class.items():
        spoken = heard.occurrences(phrases_of(name))
        if not len(spoken):
            part.by_class[name] = (len(places), None)
            continue
        at = np.array(places)
        centre_s_O, half_s_O = (spoken.early_s_O + spoken.late_s_O) / 2, (spoken.late_s_O - spoken.early_s_O) / 2
        of_class_s = _nearest_s(times_s_F[at], centre_s_O, half_s_O)
        part.by_class[name] = (len(places), _within(of_class_s, windows_s))
        nearest_s_F[at] = np.minimum(nearest_s_F[at], of_class_s)
        for shift, moved_s_F in enumerate(elsewhere_s_SF):
            moved_s = _nearest_s(moved_s_F[at], centre_s_O, half_s_O)
            nearest_s_SF[shift, at] = np.minimum(nearest_s_SF[shift, at], moved_s)
        said_near.append(_near(times_s_F, at, spoken.middle_s_O, spoken.first_O, len(heard.texts), windows_s))
    part.spoken_T = _within(nearest_s_F, windows_s)
    part.by_chance_T = np.mean([_within(moved_s_F, windows_s) for moved_s_F in nearest_s_SF], axis=0)
    edges_s = _offset_edges_s(windows_s)
    part.offset_counts_B = np.zeros(len(edges_s) - 1, np.int64)
    if said_near:
        frame_E, word_E = np.divmod(np.unique(np.concatenate(said_near)), max(1, len(heard.texts)))
        middles_s_N = (heard.starts_s_N + heard.ends_s_N) / 2
        part.offset_counts_B += np.histogram(middles_s_N[word_E] - times_s_F[frame_E], edges_s)[0]
    return part


def _nearest_s(
    times_s_F: NDArray[np.float64], centre_s_O: NDArray[np.float64], half_s_O: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns how far from each frame the outermost word of its nearest occurrence lies."""
    at_once = max(1, _DISTANCES // len(centre_s_O))
    return np.concatenate(
        [
            (np.abs(centre_s_O - times_s_F[begin : begin + at_once, None]) + half_s_O).min(axis=1)
            for begin in range(0, len(times_s_F), at_once)
        ]
    )


def _near(
    times_s_F: NDArray[np.float64],
    at: NDArray[np.int64],
    middle_s_O: NDArray[np.float64],
    first_O: NDArray[np.int64],
    n_texts: int,
    windows_s: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Returns frame × n_texts + word for each occurrence within the widest window of one of the frames `at`."""
    half_s, found = float(windows_s.max()) / 2, []
    at_once = max(1, _DISTANCES // len(middle_s_O))
    for begin in range(0, len(at), at_once):
        some = at[begin : begin + at_once]
        frame, word = np.nonzero(np.abs(middle_s_O - times_s_F[some, None]) <= half_s)
        found.append(some[frame] * n_texts + first_O[word])
    return np.concatenate(found)


def _within(nearest_s_F: NDArray[np.float64], windows_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns for each window (T,) how many of the distances lie within half of it."""
    return np.searchsorted(np.sort(nearest_s_F), windows_s / 2, side="right")


def _offset_edges_s(windows_s: NDArray[np.int64]) -> NDArray[np.float64]:
    half_s = int(np.ceil(windows_s.max() / 2))
    return np.arange(-half_s, half_s + 1, dtype=np.float64)


def _by_class(parts: Sequence[_OfVideo], windows_s: NDArray[np.int64]) -> tuple[ClassSynchrony, ...]:
    columns = {
        name: column for column, name in enumerate(dict.fromkeys(name for part in parts for name in part.by_class))
    }
    if not columns:
        return ()
    reference = int(np.argmin(np.abs(windows_s - PAPER_WINDOW_S)))
    frames_VC, spoken_VC = np.zeros((len(parts), len(columns))), np.zeros((len(parts), len(columns)))
    spoken_CT = np.zeros((len(columns), len(windows_s)))
    for video, part in enumerate(parts):
        for name, (n_frames, spoken_T) in part.by_class.items():
            column = columns[name]
            frames_VC[video, column] = n_frames
            if spoken_T is not None:
                spoken_VC[video, column] = spoken_T[reference]
                spoken_CT[column] += spoken_T
    low_C, high_C = resampled_intervals(spoken_VC, frames_VC)
    frames_C, videos_C = frames_VC.sum(0), (frames_VC > 0).sum(0)
    low_C[videos_C < LEAST_VIDEOS] = high_C[videos_C < LEAST_VIDEOS] = np.nan
    classes = [
        ClassSynchrony(
            name,
            int(frames_C[column]),
            int(videos_C[column]),
            spoken_CT[column] / frames_C[column],
            (float(low_C[column]), float(high_C[column])),
        )
        for name, column in columns.items()
    ]
    return tuple(sorted(classes, key=lambda of: (-of.n_frames, of.name)))
