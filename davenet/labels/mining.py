"""Mines weakly-labelled pairs (Section 6): frames that a food detector is sure of, whose class is said nearby.

`mine` is pure and works on one video; `mine_pairs` is the job over all of them, with the draw of non-food pairs.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.clips import clip_path, open_clip
from davenet.errors import UserError, one_line
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.labels.columns import Frames, Top, Words, checked, frames_of, read_frames, read_words, words_of
from davenet.labels.detections import Detections, newest_detections
from davenet.labels.matching import Heard, Matching, matching_of
from davenet.labels.mining_reasons import why_no_pair
from davenet.labels.words import Transcript, newest_transcript
from davenet.pairs import DEFAULT_SEGMENT_S, NON_FOOD_SEGMENT_S, SEARCH_WINDOW_S, Pair, WeakLabel, pair_uid, write_pairs
from davenet.specs import MineSpec, VideoRef

FOOD_THRESHOLD, NON_FOOD_THRESHOLD = 0.5, 0.95  # Section 6
_LONE_FRAME_TOLERANCE_S = 0.5  # where a clip has a single frame and so no spacing
_DISTANCES = 1 << 20  # between frames and occurrences, held in memory at a time
_SETTINGS = {
    "food_threshold",
    "non_food_threshold",
    "window_s",
    "segment_s",
    "non_food_segment_s",
    "seed",
    "match",
    "synonyms",
}


@dataclass(frozen=True, slots=True)
class Mined:
    """What one video gives: food pairs, and every frame that may become a non-food pair, both in order of time."""

    food: tuple[Pair, ...]
    non_food: tuple[Pair, ...]
    n_off_frames: int  # detections whose time is no frame of the clip file
    recogniser: str
    detector: str


def mine(
    detections: Detections | Frames,
    transcript: Transcript | Words,
    frame_times_s: NDArray[np.float64],
    *,
    food_threshold: float = FOOD_THRESHOLD,
    non_food_threshold: float = NON_FOOD_THRESHOLD,
    window_s: float = SEARCH_WINDOW_S,
    segment_s: float = DEFAULT_SEGMENT_S,
    non_food_segment_s: float = NON_FOOD_SEGMENT_S,
    matching: Matching | None = None,
) -> Mined:
    """Returns one pair for each frame with P(food) ≥ `food_threshold` and at least one of its top classes said.

    A class is said where its words follow one another in the transcript (as `matching` compares them: None, exactly) and
    the middle of each lies within `window_s` / 2 of the frame. Of several occurrences the nearest counts, the earlier of
    equals. `frame_times_s` (n,) are the clip file's; each pair's time is one of them.
    """
    seen = detections if isinstance(detections, Frames) else frames_of(detections)
    words = transcript if isinstance(transcript, Words) else words_of(transcript)
    uid = seen.video_uid
    kept_K, times_s_K = _on_frames(seen.times_s_N, frame_times_s)
    food_K = seen.food_N[kept_K]
    is_food_K = food_K >= food_threshold
    is_non_food_K = ~is_food_K & (1.0 - food_K >= non_food_threshold)
    places = np.flatnonzero(is_food_K)
    labels = _labels(
        [seen.tops[place] for place in kept_K[places].tolist()],
        times_s_K[places],
        Heard(words, matching or Matching()),
        window_s,
    )
    food = [
        Pair(pair_uid(uid, time_s, "food"), uid, time_s, segment_s, "food", found, probability)
        for time_s, probability, found in zip(times_s_K[places].tolist(), food_K[places].tolist(), labels, strict=True)
        if found
    ]
    non_food = [
        Pair(pair_uid(uid, time_s, "non-food"), uid, time_s, non_food_segment_s, "non-food", (), probability)
        for time_s, probability in zip(times_s_K[is_non_food_K].tolist(), food_K[is_non_food_K].tolist(), strict=True)
    ]
    n_off = len(seen.times_s_N) - int(_is_on_frame(seen.times_s_N, frame_times_s)[1].sum())
    return Mined(tuple(food), tuple(non_food), n_off, words.source, seen.source)


def draw(candidates: Sequence[Pair], n: int, *, seed: int) -> list[Pair]:
    """Returns `n` of the pairs (all, where there are fewer), in their order.

    Each seed ranks the pairs by a hash of their uids: the draw does not depend on their order, and a video more or less
    changes only the pairs that it brings or displaces.
    """
    ranked = sorted(
        candidates, key=lambda pair: hashlib.blake2b(f"{seed}\0{pair.uid}".encode(), digest_size=8).digest()
    )
    chosen = {pair.uid for pair in ranked[:n]}
    return [pair for pair in candidates if pair.uid in chosen]


def mine_pairs(spec: MineSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes the pairs of all videos to `spec.out`: food pairs, and as many non-food pairs for each split (Section 6).

    Returns {"food", "non_food", "non_food_candidates", "by_split", "by_video", "unusable", "pairs_hash", "settings"}, and
    where there is no food pair "no_pair": what was seen and said (mining_reasons.NoPair).
    A video without words, detections or a clip file, or with damaged ones, is passed over with its reason. Raises
    UserError where that leaves none, Stop when asked to stop; nothing is written then.
    """
    emit(started("mine", len(spec.videos), "videos"))
    matching = matching_of(spec.match, spec.synonyms)
    mined: dict[str, Mined] = {}
    unusable: list[dict[str, str]] = []
    sources: dict[str, set[tuple[str, str]]] = {"recogniser": set(), "detector": set()}
    for n_done, video in enumerate(spec.videos):
        if stop():
            raise events.Stop({})
        emit(events.Progress(n_done, len(spec.videos), "videos", video.uid))
        try:
            mined[video.uid] = _mine_video(video, spec, matching, sources)
        except UserError as error:
            unusable.append({"uid": video.uid, "path": str(video.path), "reason": one_line(error)})
            emit(events.Skipped(video.uid, one_line(error)))
            continue
        n_off = mined[video.uid].n_off_frames
        if n_off:
            emit(events.Message(f"{video.uid}: {n_off} detections lie at no frame of its clip file", "warning"))
    if unusable and not mined:
        raise UserError(f"No video can be mined: {unusable[0]['reason']}")
    if stop():
        raise events.Stop({})
    food, non_food, by_split = _balanced(mined, spec.splits, spec.seed)
    pairs_hash = write_pairs(spec.out, [*food, *non_food])
    emit(events.Progress(len(spec.videos), len(spec.videos), "videos"))
    drawn = Counter(pair.video_uid for pair in non_food)
    by_video = {
        uid: {
            "food": len(found.food),
            "non_food": drawn[uid],
            "recogniser": found.recogniser,
            "detector": found.detector,
        }
        for uid, found in mined.items()
    }
    no_pair = {} if food else {"no_pair": why_no_pair(spec, list(mined)).values()}
    return {
        **no_pair,
        "food": len(food),
        "non_food": len(non_food),
        "non_food_candidates": sum(counts["non_food_candidates"] for counts in by_split.values()),
        "by_split": by_split,
        "by_video": by_video,
        "unusable": unusable,
        "pairs_hash": pairs_hash,
        "settings": _settings(spec, sources),
    }


def _balanced(
    mined: Mapping[str, Mined], splits: Mapping[str, str], seed: int
) -> tuple[list[Pair], list[Pair], dict[str, dict[str, int]]]:
    """Returns the food pairs, as many non-food pairs for each split of the videos, and how many there are of each."""
    food = [pair for found in mined.values() for pair in found.food]
    non_food: list[Pair] = []
    by_split: dict[str, dict[str, int]] = {}
    for split in dict.fromkeys(splits.get(uid, "") for uid in mined):
        of_split = [found for uid, found in mined.items() if splits.get(uid, "") == split]
        candidates = [pair for found in of_split for pair in found.non_food]
        n_food = sum(len(found.food) for found in of_split)
        chosen = draw(candidates, n_food, seed=seed)
        non_food += chosen
        by_split[split] = {"food": n_food, "non_food": len(chosen), "non_food_candidates": len(candidates)}
    return food, non_food, by_split


def _settings(spec: MineSpec, sources: Mapping[str, set[tuple[str, str]]]) -> dict[str, Any]:
    """Returns what the pairs rest on, as it is kept with them: every threshold, the matching, and what labelled them."""
    settings = spec.model_dump(mode="json", include=_SETTINGS)
    if spec.synonyms is not None:
        settings["synonyms_hash"] = content_hash(spec.synonyms)
    for kind, found in sources.items():
        settings[f"{kind}s"] = sorted({name for name, _ in found})
        settings[f"{kind}_versions"] = {
            name: sorted(version for other, version in found if other == name) for name in settings[f"{kind}s"]
        }
    return settings


def _mine_video(
    video: VideoRef, spec: MineSpec, matching: Matching, sources: Mapping[str, set[tuple[str, str]]]
) -> Mined:
    words_path = newest_transcript(spec.labels_dir, video.uid, spec.recogniser)
    if words_path is None:
        raise UserError(f"{video.uid} has no words{_by(spec.recogniser)}; transcribe it first.")
    detections_path = newest_detections(spec.labels_dir, video.uid, spec.detector)
    if detections_path is None:
        raise UserError(f"{video.uid} has no food detections{_by(spec.detector)}; detect its foods first.")
    clip = open_clip(clip_path(spec.clips_dir, video.uid))
    words, seen = read_words(words_path), read_frames(detections_path)
    checked(words, words_path, video.uid, clip.duration_s)
    checked(seen, detections_path, video.uid, clip.duration_s)
    found = mine(
        seen,
        words,
        clip.frame_times_s,
        food_threshold=spec.food_threshold,
        non_food_threshold=spec.non_food_threshold,
        window_s=spec.window_s,
        segment_s=spec.segment_s,
        non_food_segment_s=spec.non_food_segment_s,
        matching=matching,
    )
    sources["recogniser"].add((words.source, words.version))
    sources["detector"].add((seen.source, seen.version))
    return found


def _by(source: str | None) -> str:
    return "" if source is None else f' by "{source}"'


def _is_on_frame(
    times_s_N: NDArray[np.float64], frame_times_s: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Returns for each time the nearest frame (the earlier of equals) and whether it lies at it.

    At a frame is nearer than half the frames' spacing.
    """
    if len(frame_times_s) == 0:
        return np.zeros(len(times_s_N), np.int64), np.zeros(len(times_s_N), bool)
    tolerance_s = _LONE_FRAME_TOLERANCE_S
    if len(frame_times_s) > 1:
        tolerance_s = min(tolerance_s, float(np.median(np.diff(frame_times_s))) / 2)
    after_N = np.searchsorted(frame_times_s, times_s_N).clip(1, max(1, len(frame_times_s) - 1))
    before_N = after_N - 1
    after_N = after_N.clip(max=len(frame_times_s) - 1)
    is_before_N = np.abs(frame_times_s[before_N] - times_s_N) <= np.abs(frame_times_s[after_N] - times_s_N)
    nearest_N = np.where(is_before_N, before_N, after_N)
    return nearest_N, np.abs(frame_times_s[nearest_N] - times_s_N) <= tolerance_s


def _on_frames(
    times_s_N: NDArray[np.float64], frame_times_s: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns which detections are kept, and the times of the clip's frames that they lie at, both in order of time.

    Of two detections at one frame the nearer counts, the first of equals.
    """
    nearest_N, is_on_N = _is_on_frame(times_s_N, frame_times_s)
    on = np.flatnonzero(is_on_N)
    distance_s = np.abs(frame_times_s[nearest_N[on]] - times_s_N[on]) if len(on) else np.zeros(0)
    order = on[np.lexsort((on, distance_s, nearest_N[on]))]
    first = np.ones(len(order), bool)
    first[1:] = np.diff(nearest_N[order]) > 0
    kept_K = order[first]
    return kept_K, frame_times_s[nearest_N[kept_K]]


def _labels(
    tops: Sequence[Top], times_s_F: NDArray[np.float64], heard: Heard, window_s: float
) -> list[tuple[WeakLabel, ...]]:
    """Returns for each frame those of its classes that are said near it, by rank."""
    frames_of_class: dict[str, list[tuple[int, int, float]]] = {}
    for frame, top in enumerate(tops):
        for rank, (name, probability) in enumerate(top, 1):
            frames_of_class.setdefault(name, []).append((frame, rank, probability))
    labels: list[list[WeakLabel]] = [[] for _ in tops]
    for name, claims in frames_of_class.items():
        places = np.array([frame for frame, _, _ in claims])
        nearest = _nearest(heard, name, times_s_F[places], window_s)
        for (frame, rank, probability), found in zip(claims, nearest, strict=True):
            if found is not None:
                labels[frame].append(_label(heard, name, probability, rank, *found))
    return [tuple(sorted(found, key=lambda label: label.rank)) for found in labels]


def _nearest(
    heard: Heard, name: str, times_s_F: NDArray[np.float64], window_s: float
) -> Iterator[tuple[int, int] | None]:
    """Yields for each time the first and the last word of the class's nearest occurrence in the window around it."""
    said = heard.occurrences(heard.matching.phrases(name))
    if not len(said):
        yield from [None] * len(times_s_F)
        return
    at_once = max(1, _DISTANCES // len(said))
    for begin in range(0, len(times_s_F), at_once):
        times_s_F1 = times_s_F[begin : begin + at_once, None]
        outermost_FO = np.maximum(np.abs(said.early_s_O - times_s_F1), np.abs(said.late_s_O - times_s_F1))
        distance_FO = np.where(outermost_FO <= window_s / 2, np.abs(said.middle_s_O - times_s_F1), np.inf)
        for place, row in zip(distance_FO.argmin(axis=1).tolist(), distance_FO, strict=True):
            yield (int(said.first_O[place]), int(said.last_O[place])) if row[place] < np.inf else None


def _label(heard: Heard, name: str, probability: float, rank: int, first: int, last: int) -> WeakLabel:
    inside = slice(first, last + 1)
    return WeakLabel(
        class_name=name,
        probability=probability,
        rank=rank,
        word=" ".join(heard.texts[inside]),
        word_start=float(heard.starts_s_N[first]),
        word_end=float(heard.ends_s_N[inside].max()),
        word_confidence=float(heard.confidences_N[inside].min()),
    )
