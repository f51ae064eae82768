"""Why mining found no pair: what was seen and what was said, so that a person sees which of the two to change.

Called by mining.py only where there is no pair at all; it reads the label files once more.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from davenet.clips import clip_path, open_clip
from davenet.errors import UserError
from davenet.labels.columns import Frames, Words, read_frames, read_words
from davenet.labels.detections import newest_detections
from davenet.labels.food_word_counts import FoodNouns
from davenet.labels.food_words import food_nouns
from davenet.labels.matching import Matching
from davenet.labels.words import newest_transcript
from davenet.specs import MineSpec

_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class NoPair:
    """`seen` are the classes among the five of the food frames, with their frames; `said` the food nouns, with their times.

    Both the most frequent first. `by_lemma` is how many frames would pair if singular and plural counted as one; None
    where they do already.
    """

    n_food_frames: int
    most_food: float  # the highest P(food) of all frames; 0 without any
    seen: tuple[tuple[str, int], ...]
    said: tuple[tuple[str, int], ...]
    by_lemma: int | None

    def values(self) -> dict[str, Any]:
        return asdict(self)


def why_no_pair(spec: MineSpec, uids: Sequence[str]) -> NoPair:
    """Looks at the videos that were mined without a pair."""
    from davenet.labels.mining import mine

    nouns = FoodNouns(food_nouns())
    seen, said = Counter[str](), Counter[str]()
    n_food_frames, n_by_lemma, most_food = 0, 0, 0.0
    by_lemma = Matching("lemma") if spec.match == "exact" else None
    for uid, frames, words in _labelled(spec, uids):
        most_food = max(most_food, float(frames.food_N.max(initial=0.0)))
        said += nouns.counted(words.texts)
        for food, top in zip(frames.food_N.tolist(), frames.tops, strict=True):
            if food >= spec.food_threshold:
                n_food_frames += 1
                seen.update(name for name, _ in top)
        if by_lemma is not None:
            times_s = open_clip(clip_path(spec.clips_dir, uid)).frame_times_s
            found = mine(
                frames,
                words,
                times_s,
                food_threshold=spec.food_threshold,
                window_s=spec.window_s,
                matching=by_lemma,
            )
            n_by_lemma += len(found.food)
    return NoPair(
        n_food_frames,
        most_food,
        tuple(seen.most_common(_MOST_NAMED)),
        tuple(said.most_common(_MOST_NAMED)),
        None if by_lemma is None else n_by_lemma,
    )


def _labelled(spec: MineSpec, uids: Sequence[str]) -> Iterator[tuple[str, Frames, Words]]:
    for uid in uids:
        words = newest_transcript(spec.labels_dir, uid, spec.recogniser)
        seen = newest_detections(spec.labels_dir, uid, spec.detector)
        if words is None or seen is None:  # taken away since
            continue
        try:
            yield uid, read_frames(seen), read_words(words)
        except UserError:
            continue
