"""How many food words videos say (Section 4): per video the different ones and all of them, and which are said most.

Imports no torch: the app calls it too, and plots its arrays.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet.jobs import ShouldStop
from davenet.labels.columns import Words
from davenet.labels.food_words import food_nouns
from davenet.labels.matching import Phrase, lemmas
from davenet.labels.survey import PassedOver, SurveyedVideo, Told, each_video, resampled_intervals, words_of_video

PAPER_UNIQUE, PAPER_TOTAL, PAPER_NOUNS = 10.5, 22.0, 350  # means per video and the list's length, Section 4


@dataclass(frozen=True, slots=True)
class FoodWordCounts:
    """What V videos say of W food nouns; a noun's singular and plural are one. Nouns stand by how often they are said.

    The intervals hold 95 % and are over videos; NaN for fewer than five.
    """

    video_uids: tuple[str, ...]
    unique_V: NDArray[np.int64]
    total_V: NDArray[np.int64]
    nouns: tuple[str, ...]
    said_W: NDArray[np.int64]
    videos_W: NDArray[np.int64]  # that say it at least once
    unique_interval: tuple[float, float]
    total_interval: tuple[float, float]
    n_words: int  # of all kinds, heard in these videos
    n_listed: int  # nouns in the list, said or not
    recognisers: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]

    @property
    def mean_unique(self) -> float:
        return float(self.unique_V.mean())

    @property
    def mean_total(self) -> float:
        return float(self.total_V.mean())


class FoodNouns:
    """Finds the nouns of a list in words: the longest that fits, each heard word in one noun at most."""

    def __init__(self, nouns: Iterable[str]) -> None:
        self._nouns: dict[Phrase, str] = {}
        for noun in nouns:
            if phrase := lemmas(noun):
                self._nouns.setdefault(phrase, noun)
        self._longest = max((len(phrase) for phrase in self._nouns), default=0)

    def __len__(self) -> int:
        return len(self._nouns)

    def counted(self, texts: Iterable[str]) -> Counter[str]:
        """Returns how often each noun is said, by the name that the list gives it first."""
        words = [word for text in texts for word in lemmas(text)]
        if self._longest == 1:
            return Counter(self._nouns[(word,)] for word in words if (word,) in self._nouns)
        found: Counter[str] = Counter()
        place = 0
        while place < len(words):
            for length in range(min(self._longest, len(words) - place), 0, -1):
                if noun := self._nouns.get(tuple(words[place : place + length])):
                    found[noun] += 1
                    place += length
                    break
            else:
                place += 1
        return found


def count_food_words(
    videos: Sequence[SurveyedVideo],
    labels_dir: Path,
    *,
    nouns: Path | None = None,
    recogniser: str | None = None,
    told: Told | None = None,
    stop: ShouldStop | None = None,
) -> FoodWordCounts:
    """Counts the food nouns of a file (None: the project's 350) in the words of each video.

    Raises UserError for a wrong list and where no video has words, events.Stop when asked to stop.
    """
    listed = FoodNouns(food_nouns(nouns))
    passed_over: list[PassedOver] = []
    counted: dict[str, Counter[str]] = {}
    recognisers, n_words = set(), 0

    def read(video: SurveyedVideo) -> Words:
        return words_of_video(labels_dir, video, recogniser)

    for video, words in each_video(videos, read, passed_over, told=told, stop=stop):
        counted[video.uid] = listed.counted(words.texts)
        recognisers.add(f"{words.source} {words.version}")
        n_words += len(words.texts)
    said: Counter[str] = sum(counted.values(), Counter())
    saying = Counter(noun for found in counted.values() for noun in found)
    ordered = sorted(said, key=lambda noun: (-said[noun], noun))
    unique_V = np.array([len(found) for found in counted.values()], np.int64)
    total_V = np.array([found.total() for found in counted.values()], np.int64)
    low_2, high_2 = resampled_intervals(
        np.stack([unique_V, total_V], 1).astype(np.float64), np.ones((len(unique_V), 1))
    )
    return FoodWordCounts(
        video_uids=tuple(counted),
        unique_V=unique_V,
        total_V=total_V,
        nouns=tuple(ordered),
        said_W=np.array([said[noun] for noun in ordered], np.int64),
        videos_W=np.array([saying[noun] for noun in ordered], np.int64),
        unique_interval=(float(low_2[0]), float(high_2[0])),
        total_interval=(float(low_2[1]), float(high_2[1])),
        n_words=n_words,
        n_listed=len(listed),
        recognisers=tuple(sorted(recognisers)),
        passed_over=tuple(passed_over),
    )


def histogram(values_V: NDArray[np.int64], *, most_bars: int = 40) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns (edges, B + 1; how many videos, B) with whole numbers a bar, as few as keep within `most_bars`."""
    highest = int(values_V.max(initial=0))
    step = next(step for step in _steps() if (highest // step) + 1 <= most_bars)
    edges = np.arange(0, (highest // step + 1) * step + 1, step, dtype=np.int64)
    return edges, np.histogram(values_V, edges - 0.5)[0].astype(np.int64)


def _steps() -> Any:
    scale = 1
    while True:
        yield from (scale, 2 * scale, 5 * scale)
        scale *= 10
