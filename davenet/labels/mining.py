"""Mines weakly-labelled pairs (Section 6): frames that a food detector is sure of, whose class is said nearby.

`mine` is pure and works on one video; `mine_pairs` is the job over all of them, with the draw of non-food pairs.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.clips import clip_path, open_clip
from davenet.errors import UserError, one_line
from davenet.jobs import ShouldStop, started
from davenet.labels.detections import Detections, FoodDetection, newest_detections, read_detections
from davenet.labels.words import Transcript, Word, newest_transcript, read_transcript
from davenet.pairs import Pair, WeakLabel, pair_uid, write_pairs
from davenet.specs import MineSpec, VideoRef

_LONE_FRAME_TOLERANCE_S = 0.5  # where a clip has a single frame and so no spacing


@dataclass(frozen=True, slots=True)
class Mined:
    """What one video gives: food pairs, and every frame that may become a non-food pair, both in order of time."""

    food: tuple[Pair, ...]
    non_food: tuple[Pair, ...]
    n_off_frames: int  # detections whose time is no frame of the clip file


@dataclass(frozen=True, slots=True)
class _Token:
    """One normalised word of a transcript and the index of the Word that it came from."""

    text: str
    index: int


def mine(
    detections: Detections,
    transcript: Transcript,
    frame_times_s: NDArray[np.float64],
    *,
    food_threshold: float = 0.5,
    non_food_threshold: float = 0.95,
    window_s: float = 20.0,
    segment_s: float = 2.0,
    non_food_segment_s: float = 1.0,
) -> Mined:
    """Returns one pair for each frame with P(food) ≥ `food_threshold` and at least one of its top classes said.

    A class is said where its words follow one another, case and punctuation aside, among the words whose middle lies
    within `window_s` / 2 of the frame. Of several occurrences the nearest counts, the earlier of equals.
    `frame_times_s` (n,) are the clip file's; each pair's time is one of them.
    """
    words = sorted(transcript.words, key=lambda word: word.start)
    tokens = [_Token(text, index) for index, word in enumerate(words) for text in normalised(word.word)]
    token_middles_s = np.array([words[token.index].middle for token in tokens])
    frames, n_off_frames = _on_frames(detections.frames, frame_times_s)
    food: list[Pair] = []
    non_food: list[Pair] = []
    uid = detections.video_uid
    for time_s, frame in frames:
        if frame.food >= food_threshold:
            near = np.flatnonzero(np.abs(token_middles_s - time_s) <= window_s / 2)
            labels = _labels(frame, time_s, words, [tokens[i] for i in near])
            if labels:
                food.append(Pair(pair_uid(uid, time_s, "food"), uid, time_s, segment_s, "food", labels, frame.food))
        elif 1.0 - frame.food >= non_food_threshold:
            non_food.append(
                Pair(pair_uid(uid, time_s, "non-food"), uid, time_s, non_food_segment_s, "non-food", (), frame.food)
            )
    return Mined(tuple(food), tuple(non_food), n_off_frames)


def normalised(text: str) -> list[str]:
    """Returns the words of a text without case and punctuation: "Hot-dog, Chef's" gives hot, dog, chefs."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = (c for c in folded if c not in "'’ʼ`")
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in kept).split()


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
    """Writes the pairs of all videos to `spec.out`; returns {"food", "non_food", "by_video", "unusable", "settings"}.

    A video without words, detections or a clip file is passed over with its reason. Raises UserError where that leaves
    none, Stop when asked to stop; nothing is written then.
    """
    emit(started("mine", len(spec.videos), "videos"))
    mined: dict[str, Mined] = {}
    unusable: list[dict[str, str]] = []
    sources: dict[str, set[str]] = {"recogniser": set(), "detector": set()}
    for n_done, video in enumerate(spec.videos):
        if stop():
            raise events.Stop({})
        emit(events.Progress(n_done, len(spec.videos), "videos", video.uid))
        try:
            mined[video.uid] = _mine_video(video, spec, sources)
        except UserError as error:
            unusable.append({"uid": video.uid, "path": str(video.path), "reason": one_line(error)})
            emit(events.Skipped(video.uid, one_line(error)))
            continue
        n_off = mined[video.uid].n_off_frames
        if n_off:
            emit(events.Message(f"{video.uid}: {n_off} detections lie at no frame of its clip file", "warning"))
    if unusable and not mined:
        raise UserError(f"No video can be mined: {unusable[0]['reason']}")
    food = [pair for found in mined.values() for pair in found.food]
    non_food = draw([pair for found in mined.values() for pair in found.non_food], len(food), seed=spec.seed)
    if stop():
        raise events.Stop({})
    pairs_hash = write_pairs(spec.out, [*food, *non_food])
    emit(events.Progress(len(spec.videos), len(spec.videos), "videos"))
    by_video = {
        uid: {"food": len(found.food), "non_food": sum(pair.video_uid == uid for pair in non_food)}
        for uid, found in mined.items()
    }
    settings = spec.model_dump(
        mode="json",
        include={"food_threshold", "non_food_threshold", "window_s", "segment_s", "non_food_segment_s", "seed"},
    )
    return {
        "food": len(food),
        "non_food": len(non_food),
        "non_food_candidates": sum(len(found.non_food) for found in mined.values()),
        "by_video": by_video,
        "unusable": unusable,
        "pairs_hash": pairs_hash,
        "settings": settings | {f"{kind}s": sorted(names) for kind, names in sources.items()},
    }


def _mine_video(video: VideoRef, spec: MineSpec, sources: dict[str, set[str]]) -> Mined:
    words_path = newest_transcript(spec.labels_dir, video.uid, spec.recogniser)
    if words_path is None:
        raise UserError(f"{video.uid} has no words{_by(spec.recogniser)}; transcribe it first.")
    detections_path = newest_detections(spec.labels_dir, video.uid, spec.detector)
    if detections_path is None:
        raise UserError(f"{video.uid} has no food detections{_by(spec.detector)}; detect its foods first.")
    transcript = read_transcript(words_path)
    detections = read_detections(detections_path)
    for path, uid in ((words_path, transcript.video_uid), (detections_path, detections.video_uid)):
        if uid != video.uid:
            raise UserError(f'{path} belongs to the video "{uid}", not "{video.uid}"; make it again.')
    sources["recogniser"].add(transcript.recogniser)
    sources["detector"].add(detections.detector)
    return mine(
        detections,
        transcript,
        open_clip(clip_path(spec.clips_dir, video.uid)).frame_times_s,
        food_threshold=spec.food_threshold,
        non_food_threshold=spec.non_food_threshold,
        window_s=spec.window_s,
        segment_s=spec.segment_s,
        non_food_segment_s=spec.non_food_segment_s,
    )


def _by(source: str | None) -> str:
    return "" if source is None else f' by "{source}"'


def _on_frames(
    frames: Sequence[FoodDetection], frame_times_s: NDArray[np.float64]
) -> tuple[list[tuple[float, FoodDetection]], int]:
    """Returns each detection with the time of the clip's frame that it lies at, in order, and how many lie at none.

    At a frame is nearer than half the frames' spacing. Of two detections at one frame the nearer counts.
    """
    if len(frame_times_s) == 0:
        return [], len(frames)
    tolerance_s = _LONE_FRAME_TOLERANCE_S
    if len(frame_times_s) > 1:
        tolerance_s = min(tolerance_s, float(np.median(np.diff(frame_times_s))) / 2)
    nearest: dict[float, FoodDetection] = {}
    n_off = 0
    for frame in frames:
        time_s = float(frame_times_s[int(np.argmin(np.abs(frame_times_s - frame.time)))])
        if abs(time_s - frame.time) > tolerance_s:
            n_off += 1
        elif time_s not in nearest or abs(time_s - frame.time) < abs(time_s - nearest[time_s].time):
            nearest[time_s] = frame
    return sorted(nearest.items()), n_off


def _labels(
    frame: FoodDetection, time_s: float, words: Sequence[Word], heard: Sequence[_Token]
) -> tuple[WeakLabel, ...]:
    labels = []
    for rank, (class_name, probability) in enumerate(frame.top, 1):
        found = _nearest_phrase(normalised(class_name), time_s, words, heard)
        if found:
            labels.append(
                WeakLabel(
                    class_name=class_name,
                    probability=probability,
                    rank=rank,
                    word=" ".join(word.word for word in found),
                    word_start=found[0].start,
                    word_end=max(word.end for word in found),
                    word_confidence=min(word.confidence for word in found),
                )
            )
    return tuple(labels)


def _nearest_phrase(phrase: Sequence[str], time_s: float, words: Sequence[Word], heard: Sequence[_Token]) -> list[Word]:
    """Returns the words of the phrase's occurrence whose middle is nearest to the frame; none where it is not said."""
    best: list[Word] = []
    best_distance = np.inf
    n = len(phrase)
    for first in range(len(heard) - n + 1 if n else 0):
        run = heard[first : first + n]
        if any(token.text != wanted for token, wanted in zip(run, phrase, strict=True)):
            continue
        found = [words[index] for index in dict.fromkeys(token.index for token in run)]
        distance = abs((found[0].start + max(word.end for word in found)) / 2 - time_s)
        if distance < best_distance:
            best, best_distance = found, distance
    return best
