"""Misses of a gallery that look like true matches: what a frame or a sound found is in truth right, as far as labels tell.

No torch. A miss counts against a run's Recall@10 where its own counterpart is not among the ten most similar; but another
sound of the same video may name what the frame shows as well. Such a frame and sound are worth a person's verdict.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from davenet.pairs import WeakLabel
from davenet.retrieval_file import MOST_SIMILAR, Retrieval

_SAME_S = 2.0  # frames, or sounds, this near one another show and say the same


@dataclass(frozen=True, slots=True)
class Match:
    """A frame and a sound by their places in the gallery; `looks_right` in 0..1, `reason` says why in a sentence."""

    frame: int
    sound: int
    looks_right: float
    reason: str


def likely_matches(found: Retrieval, labels: Mapping[str, Sequence[WeakLabel]]) -> list[Match]:
    """Returns the misses whose retrieved counterpart looks right, what looks most so first; at most one a miss.

    `labels` holds the weak labels of the gallery's pairs by uid, the one asked about first. A frame and a sound look right
    together where they lie in one video, apart from each other, and the detector sees in the frame what the sound's word
    names. How much so is the mean of four shares: how near the top it was found, whether each finds the other, the
    detector's probability and the recogniser's confidence. What shows and says the same as one above it is left out.
    """
    ranked = sorted(_looking_right(found, labels), key=lambda match: (-match.looks_right, match.frame, match.sound))
    kept: list[Match] = []
    near: dict[str, list[tuple[float, float]]] = {}
    for match in ranked:
        frame, sound = found.pairs[match.frame], found.pairs[match.sound]
        times = near.setdefault(frame.video_uid, [])
        if not any(abs(frame.time_s - t) <= _SAME_S and abs(sound.sound_s - s) <= _SAME_S for t, s in times):
            times.append((frame.time_s, sound.sound_s))
            kept.append(match)
    return kept


def _looking_right(found: Retrieval, labels: Mapping[str, Sequence[WeakLabel]]) -> Iterator[Match]:
    arrays = found.arrays
    for is_frame, ranks_N, places_NK, back_NK in (
        (True, arrays.audio_ranks_N, arrays.segments_of_frames_NK, arrays.frames_of_segments_NK),
        (False, arrays.visual_ranks_N, arrays.frames_of_segments_NK, arrays.segments_of_frames_NK),
    ):
        for miss in np.flatnonzero(ranks_N > MOST_SIMILAR).tolist():
            matches = []
            for at, other in enumerate(places_NK[miss].tolist()):
                frame, sound = (miss, other) if is_frame else (other, miss)
                if other < 0 or (claim := _claim(found, labels, frame, sound)) is None:
                    continue
                seen, heard = claim
                is_mutual = miss in back_NK[other].tolist()
                shares = (1 - at / MOST_SIMILAR, float(is_mutual), seen.probability, heard.word_confidence)
                what, other_one = (
                    ("frame's own sound", "this sound") if is_frame else ("sound's own frame", "this frame")
                )
                reason = (
                    f"the run missed the {what} (at {int(ranks_N[miss])} of {len(found)}) but found {other_one} at "
                    f"{at + 1}; “{heard.word}” names what the detector gives {seen.probability:.2f} here"
                )
                matches.append(Match(frame, sound, sum(shares) / len(shares), reason))
            if matches:
                yield max(matches, key=lambda match: match.looks_right)


def _claim(
    found: Retrieval, labels: Mapping[str, Sequence[WeakLabel]], frame: int, sound: int
) -> tuple[WeakLabel, WeakLabel] | None:
    """Returns what the detector says of the frame about the sound's food, and the sound's label; None if they don't fit."""
    shown, said = found.pairs[frame], found.pairs[sound]
    if shown.video_uid != said.video_uid or abs(said.sound_s - shown.sound_s) <= _SAME_S:
        return None
    heard = next(iter(labels.get(said.uid, ())), None)
    if heard is None:
        return None
    seen = next((label for label in labels.get(shown.uid, ()) if label.class_name == heard.class_name), None)
    return None if seen is None else (seen, heard)
