"""Pairs: a frame's time in a video with the audio segment around it, what machines claim about it (Sections 3, 6)."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from davenet.errors import UserError
from davenet.files import atomic_path

PairKind = Literal["food", "non-food", "uniform"]
DEFAULT_SEGMENT_S = 2.0  # T of Section 3
SEARCH_WINDOW_S = 20.0  # the window whose words are searched, Section 6
NON_FOOD_SEGMENT_S = 1.0  # Section 6
MOST_NUDGE_S = 5.0  # how far people move a pair's sound; one that lies farther off was put together with its frame


@dataclass(frozen=True, slots=True)
class WeakLabel:
    """A machine's claim: this class is in the frame with `probability` (its `rank` from 1), and this word was said."""

    class_name: str
    probability: float
    rank: int
    word: str
    word_start: float
    word_end: float
    word_confidence: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A frame at `time_s` with the `segment_s` seconds of sound centred on `sound_s` (the frame's, nudged)."""

    uid: str
    video_uid: str
    time_s: float
    segment_s: float
    kind: PairKind
    labels: tuple[WeakLabel, ...] = ()
    food_probability: float | None = None
    sound_offset_s: float = 0.0

    @property
    def sound_s(self) -> float:
        return self.time_s + self.sound_offset_s


_PAIR_FIELDS, _LABEL_FIELDS = ([field.name for field in fields(kind)] for kind in (Pair, WeakLabel))


def pair_uid(video_uid: str, time_s: float, kind: PairKind, label: str = "") -> str:
    """Returns the pair's lasting name: mining again gives the same pair the same uid, so its verdicts stay with it.

    `label` tells a frame's later pairs apart, where people have decided about another label of it.
    """
    name = f"{video_uid}\0{time_s:.3f}\0{kind}" + (f"\0{label}" if label else "")
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def matched_uid(video_uid: str, time_s: float, kind: PairKind, label: str, sound_offset_s: float) -> str:
    """Returns the lasting name of a frame that was put together with a sound so many seconds from it."""
    return pair_uid(video_uid, time_s, kind, f"{label} {sound_offset_s:+.3f}")


def uniform_pairs(
    video_uid: str, frame_times_s: Iterable[float], *, segment_s: float = DEFAULT_SEGMENT_S
) -> list[Pair]:
    """Returns one pair for each frame: the fully unsupervised sampling of Section 3."""
    return [
        Pair(pair_uid(video_uid, float(t), "uniform"), video_uid, float(t), segment_s, "uniform") for t in frame_times_s
    ]


def write_pairs(path: Path, pairs: Iterable[Pair]) -> str:
    """Writes one JSON object a line, atomically, and returns the hash of the file: the gallery's or dataset's name."""
    digest = hashlib.blake2b(digest_size=8)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for pair in pairs:
            line = json.dumps(_values(pair), ensure_ascii=False, sort_keys=True) + "\n"
            digest.update(line.encode())
            out.write(line)
    return digest.hexdigest()


def _values(pair: Pair) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(pair, name) for name in _PAIR_FIELDS}
    return values | {"labels": [{name: getattr(label, name) for name in _LABEL_FIELDS} for label in pair.labels]}


def read_pairs(path: Path) -> Iterator[Pair]:
    """Yields the pairs of a file; raises UserError that names the file and the line that is not a pair."""
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    values = json.loads(line)
                    values["labels"] = tuple(WeakLabel(**label) for label in values["labels"])
                    yield Pair(**values)
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(f"{path}, line {number} is not a pair; freeze the pairs again.") from error
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; the run's pairs were moved or never frozen.") from error
