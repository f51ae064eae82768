"""Videos that were never filmed: pairs of two seconds one after the other, written as clip files and files of pairs.

Digits and words are composed into them, so that training and measuring read them as they read every other video.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.clips import clip_path, write_clip
from davenet.files import write_text_atomically
from davenet.media.log_mel import SAMPLE_RATE, absolute_log_mel
from davenet.pairs import Pair, WeakLabel, uniform_pairs, write_pairs

PAIR_S = 2.0  # T of Section 3
N_SAMPLES = round(PAIR_S * SAMPLE_RATE)  # of a pair's sound
SIDE = 128  # pixels of a picture
_PAIRS_A_VIDEO = 30
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class PairFiles:
    """Where a corpus of such pairs lies: the clips of all parts, the truth of the test's videos, and each part's pairs."""

    clips: Path
    truth: Path
    training: Path
    validation: Path
    test: Path

    @classmethod
    def under(cls, folder: Path) -> "PairFiles":
        pairs = (folder / f"{part}.jsonl" for part in ("training", "validation", "test"))
        return cls(folder / "clips", folder / "truth", *pairs)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sound in its pair: when it is heard in seconds of the pair, and what it was taken for ('': nobody was asked)."""

    name: str
    start_s: float
    end_s: float
    heard: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A thing in a picture, with the pixels x0, y0, x1, y1 that it takes."""

    name: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Composed:
    """One pair: float32 (32,000) of sound at 16 kHz and an RGB picture (128, 128, 3), with what is said and shown."""

    sound: NDArray[np.float32]
    picture_rgb: NDArray[np.uint8]
    spoken: tuple[Spoken, ...] = ()
    shown: tuple[Shown, ...] = ()


def write_part(files: PairFiles, pairs_file: Path, composed: Iterable[Composed], *, with_truth: bool = False) -> None:
    """Writes pairs as videos of 30, with the truth of each where asked, and last the file of the pairs."""
    pairs: list[Pair] = []
    for number, of_video in enumerate(_videos(composed)):
        uid = f"{pairs_file.stem}_{number:03d}"
        pairs += write_video(files.clips, uid, of_video)
        if with_truth:
            write_text_atomically(files.truth / f"{uid}.truth.json", json.dumps(truth_of(of_video)) + "\n")
    write_pairs(pairs_file, pairs)


def write_video(clips_dir: Path, uid: str, composed: Sequence[Composed]) -> list[Pair]:
    """Writes the clip file of a video that has these pairs one after the other; each frame lies in its pair's middle."""
    times_s = [middle_s(place) for place in range(len(composed))]
    write_clip(
        clip_path(clips_dir, uid),
        frames_jpeg=[_jpeg(pair.picture_rgb) for pair in composed],
        frame_times_s=times_s,
        log_mel=absolute_log_mel(np.concatenate([pair.sound for pair in composed])),
        metadata={"video": uid, "duration_s": str(PAIR_S * len(composed))},
    )
    heard = [pair for place, one in enumerate(composed) for pair in _labelled(uid, place, one)]
    return heard or uniform_pairs(uid, times_s, segment_s=PAIR_S)


def _labelled(uid: str, place: int, composed: Composed) -> Iterator[Pair]:
    """Yields a pair for each word that a recogniser heard, right or wrong, with that word as its weak label."""
    for word in composed.spoken:
        if word.heard:
            start_s, end_s = PAIR_S * place + word.start_s, PAIR_S * place + word.end_s
            label = WeakLabel(word.heard, 1.0, 1, word.heard, start_s, end_s, 1.0)
            yield Pair(f"{uid}:{start_s:.2f}", uid, middle_s(place), PAIR_S, "food", (label,))


def truth_of(composed: Sequence[Composed]) -> dict[str, object]:
    """Returns what davenet.evaluation.localisation reads: each thing's boxes, and the words with their times.

    A box is given at its own frame's time alone, so that it holds for no other pair: their frames are 2 s away.
    """
    boxes: dict[str, list[list[float]]] = {}
    spoken: list[dict[str, object]] = []
    for place, pair in enumerate(composed):
        for thing in pair.shown:
            boxes.setdefault(thing.name, []).append([middle_s(place), *thing.box])
        names = {thing.name for thing in pair.shown}
        begin_s = PAIR_S * place
        spoken += [
            {"food": w.name, "start": begin_s + w.start_s, "end": begin_s + w.end_s, "in_view": w.name in names}
            for w in pair.spoken
        ]
    visible = [{"food": name, "boxes": boxes[name]} for name in sorted(boxes)]
    return {"size": [SIDE, SIDE], "visible": visible, "spoken": spoken}


def middle_s(place: int) -> float:
    """Returns when the frame of a video's pair is seen, the pairs counted from 0."""
    return PAIR_S * (place + 0.5)


def with_noise(random: np.random.Generator, sound: NDArray[np.float32], below_db: float) -> NDArray[np.float32]:
    """Returns the sound with noise whose loudness lies so many dB below that of the sound where it is not silent."""
    heard = sound[sound != 0]
    level = float(np.sqrt(np.mean(heard**2))) * 10 ** (-below_db / 20)
    n_bins = len(sound) // 2 + 1
    spectrum = random.normal(size=n_bins) + 1j * random.normal(size=n_bins)
    spectrum /= np.maximum(np.arange(n_bins), 50) ** random.uniform(0, 1)  # from white to pink, as rooms are
    noise = np.fft.irfft(spectrum, len(sound))
    return np.asarray(sound + noise * (level / np.sqrt(np.mean(noise**2))), np.float32)


def at_level(sound: NDArray[np.float32], level_db: float) -> NDArray[np.float32]:
    """Returns the sound at this loudness (dB of its root mean square below 1), with soft ends."""
    gain = 10 ** (level_db / 20) / max(float(np.sqrt(np.mean(sound**2))), 1e-6)
    n_soft = SAMPLE_RATE // 200
    ramp = np.ones(len(sound), np.float32)
    ramp[:n_soft] = np.linspace(0, 1, n_soft)
    ramp[-n_soft:] = np.linspace(1, 0, n_soft)
    return np.asarray(sound * gain * ramp, np.float32)


def _videos(composed: Iterable[Composed]) -> Iterator[list[Composed]]:
    rest = iter(composed)
    while of_video := list(islice(rest, _PAIRS_A_VIDEO)):
        yield of_video


def _jpeg(picture_rgb: NDArray[np.uint8]) -> bytes:
    good, jpeg = cv2.imencode(".jpg", picture_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not good:
        raise ValueError(f"a picture of {picture_rgb.shape} could not be encoded")
    return jpeg.tobytes()
