"""The paper's evaluation galleries by name (Sections 5 and 6): which pairs they hold, drawn alike each time. No torch.

"val-1000": 1000 uniform pairs of the validation videos (Table 2); "food-val-1000": 1000 of those whose audio segment
holds a food word by the recogniser (Table 2); "verified": the food pairs of the validation videos that people accepted
(Table 3). Where there are fewer than 1000 all are taken, and the size beside each number says so.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davenet.clips import clip_path, open_clip
from davenet.errors import UserError
from davenet.labels.columns import read_words
from davenet.labels.food_words import food_nouns
from davenet.labels.matching import Heard, Matching, Occurrences, lemmas
from davenet.labels.mining import draw
from davenet.labels.words import newest_transcript
from davenet.pairs import DEFAULT_SEGMENT_S, Pair, uniform_pairs, write_pairs

DRAWN = 1000  # pairs, Section 5
_SEED = 0


@dataclass(frozen=True, slots=True)
class FrozenGallery:
    """A gallery in its file: two recalls compare only where `hash` is the same."""

    name: str
    path: Path
    size: int
    hash: str


def uniform_pairs_of(clips_dir: Path, video_uids: Iterable[str]) -> list[Pair]:
    """Returns one pair a second of each video that has a clip file, with T = 2 s of sound (Section 3)."""
    pairs: list[Pair] = []
    for uid in video_uids:
        path = clip_path(clips_dir, uid)
        if path.is_file():
            pairs += uniform_pairs(uid, _one_a_second(open_clip(path).frame_times_s), segment_s=DEFAULT_SEGMENT_S)
    return pairs


def drawn(pairs: Sequence[Pair], n: int = DRAWN) -> list[Pair]:
    """Returns `n` of the pairs (all, where there are fewer): the same ones whatever their order."""
    return draw(pairs, n, seed=_SEED)


def with_food_words(pairs: Sequence[Pair], labels_dir: Path, *, nouns: Path | None = None) -> list[Pair]:
    """Returns the pairs whose audio segment holds a food noun (Section 4) by the recogniser that heard their video last.

    A noun is held where the middle of each of its words lies in the segment. Pairs of videos without words are left out;
    raises UserError where no video has any. `nouns` is the list of foods, else the project's 350.
    """
    phrases = tuple(sorted({phrase for phrase in map(lemmas, food_nouns(nouns)) if phrase}))
    by_video: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        by_video.setdefault(pair.video_uid, []).append(place)
    found: list[int] = []
    n_heard = 0
    for uid, places in by_video.items():
        path = newest_transcript(labels_dir, uid)
        if path is None:
            continue
        n_heard += 1
        said = Heard(read_words(path), Matching("lemma")).occurrences(phrases)
        found += [place for place in places if _is_within(pairs[place], said)]
    if by_video and not n_heard:
        raise UserError(
            f"None of the gallery's {len(by_video)} videos has words in {labels_dir}; transcribe them first."
        )
    return [pairs[place] for place in sorted(found)]


def _is_within(pair: Pair, said: Occurrences) -> bool:
    half_s = pair.segment_s / 2
    outermost_s_O = np.maximum(np.abs(said.early_s_O - pair.sound_s), np.abs(said.late_s_O - pair.sound_s))
    return bool((outermost_s_O <= half_s).any())


def freeze_gallery(path: Path, name: str, pairs: Sequence[Pair]) -> FrozenGallery:
    """Writes the gallery's file; raises UserError with fewer than two pairs, as every one needs another to lose to."""
    if len(pairs) < 2:
        raise UserError(f"The gallery {name} would have {len(pairs) or 'no'} pairs and Recall@10 needs two.")
    write_pairs(path, pairs)
    return FrozenGallery(name, path, len(pairs), gallery_hash(pairs))


def gallery_hash(pairs: Sequence[Pair]) -> str:
    """Returns 16 hex digits that name these pairs in any order: recalls compare only over the same gallery."""
    digest = hashlib.blake2b(digest_size=8)
    for line in sorted(f"{p.uid} {p.video_uid} {p.time_s:.3f} {p.segment_s:.3f} {p.sound_offset_s:.3f}" for p in pairs):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _one_a_second(frame_times_s: NDArray[np.float64]) -> list[float]:
    """Returns the frame nearest to each whole second after the first frame: all of a clip with 1 fps."""
    nearest: dict[int, float] = {}
    for time_s in frame_times_s.tolist():
        place_s = time_s - float(frame_times_s[0])
        second = int(place_s + 0.5)
        known_s = nearest.setdefault(second, time_s) - float(frame_times_s[0])
        if abs(place_s - second) < abs(known_s - second):
            nearest[second] = time_s
    return list(nearest.values())
