"""Which pair of a project a mined one is: the same video, the same time and the label that people are asked about.

Mining again with other thresholds, words or detections must neither drop a verdict nor move it to another label.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from davenet.pairs import Pair, pair_uid

Place = tuple[str, int, str]  # video, time in ms, kind


@dataclass(frozen=True, slots=True)
class KnownPair:
    """A pair that the project has; `asked` is the class that people are asked about, None without labels."""

    uid: str
    video_uid: str
    active: bool
    asked: str | None
    has_verdicts: bool
    sound_offset_s: float = 0.0


DRAW_MODULUS = 2**31 - 1  # a prime: multiplying by anything but 0 permutes the draws


def draw_of(uid: str) -> int:
    """Returns a number in 0 … DRAW_MODULUS − 1 that is the pair's on every machine: what seeded draws start from."""
    return int.from_bytes(hashlib.blake2b(uid.encode(), digest_size=8).digest(), "big") % DRAW_MODULUS


def draw_factors(seed: int, purpose: str) -> tuple[int, int]:
    """Returns a and b: (a · draw + b) mod DRAW_MODULUS is a pair's own number under a seed, for one purpose."""
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=16).digest()
    return 1 + int.from_bytes(digest[:8], "big") % (DRAW_MODULUS - 1), int.from_bytes(digest[8:], "big") % DRAW_MODULUS


def seeded_draw(uid: str, seed: int, purpose: str) -> int:
    a, b = draw_factors(seed, purpose)
    return (a * draw_of(uid) + b) % DRAW_MODULUS


def place_of(pair: Pair) -> Place:
    return pair.video_uid, round(pair.time_s * 1000), pair.kind


def recognised_pair(pair: Pair, known: Sequence[KnownPair]) -> Pair:
    """Returns the mined pair under the uid that it has in the project, or a new one; `known` are those at its place.

    A label that has verdicts stays the one asked about while it is still found: it comes first then, whatever its rank.
    One whose sound lies elsewhere is another pair.
    """
    known = [other for other in known if other.sound_offset_s == pair.sound_offset_s]
    decided = {other.asked: other.uid for other in reversed(known) if other.has_verdicts}
    for label in pair.labels:
        if label.class_name in decided:
            others = tuple(other for other in pair.labels if other is not label)
            return replace(pair, uid=decided[label.class_name], labels=(label, *others))
    if not pair.labels and None in decided:
        return replace(pair, uid=decided[None])
    if pair.uid not in {other.uid for other in known if other.has_verdicts}:
        return pair
    asked = pair.labels[0].class_name if pair.labels else ""
    return replace(pair, uid=pair_uid(pair.video_uid, pair.time_s, pair.kind, asked))
