"""571 spoken words with drawings (Art4Apps): one speaker, one recording and one drawing of each word.

Training sees changed versions alone: the recording at another speed (0.9 to 1.1), pitch and loudness, at another moment and
over noise; the drawing turned, cropped, mirrored every other time, in other colours, on another ground. The gallery are the
originals, which training never sees. Which word a version is of is known, and is its weak label. So it measures how well a
recipe binds pairs of which it has one example each, under changes; it does not measure whether anything is learnt about new
words: there are none.

Two pairs of words share one drawing (face and head, teach and teacher): a model cannot tell these apart by the picture.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import librosa
import numpy as np
import soxr
from numpy.typing import NDArray

from benchmarks.recipes.pair_clips import (
    N_SAMPLES,
    PAIR_S,
    SIDE,
    Composed,
    PairFiles,
    Spoken,
    at_level,
    with_noise,
    write_part,
)
from davenet.errors import UserError
from davenet.media.log_mel import SAMPLE_RATE
from davenet.media.sound import read_sound

VERSIONS = 12  # of each word in training
N_VALIDATION = 300  # further versions, each of another word
_SEED = 400
_EDGE = SAMPLE_RATE // 10  # samples of a pair, without speech
_N_FFT = 512  # of the stretching: 32 ms, a vowel's few periods
_WHITE = 12  # grey levels that a drawing's ground may be off white


@dataclass(frozen=True, slots=True)
class Word:
    """A word's only recording (float32, 16 kHz) and its only drawing, RGB (210, 210, 3) on white."""

    name: str
    sound: NDArray[np.float32]
    drawing_rgb: NDArray[np.uint8]


def prepare(data: Path, work: Path) -> PairFiles:
    """Makes what is missing of the corpus under `work` from the recordings and drawings in `data`/paired."""
    files = PairFiles.under(work / "words")
    if files.test.exists():  # written last
        return files
    words = read_words(data / "paired" / "art4apps")
    order = np.random.default_rng(_SEED).permutation(VERSIONS * len(words))
    chosen = np.random.default_rng(_SEED).permutation(len(words))[:N_VALIDATION]
    write_part(files, files.training, (changed(words[i % len(words)], int(i) // len(words)) for i in order))
    write_part(files, files.validation, (changed(words[i], VERSIONS) for i in chosen))
    write_part(files, files.test, (original(word) for word in words))
    return files


def read_words(folder: Path) -> list[Word]:
    """Returns the words in the manifest's order; raises UserError where the folder or a file of it is missing."""
    return [
        Word(row["word"], read_sound(folder / row["audio"]), _picture(folder / row["image"]))
        for row in _manifest(folder)
    ]


def original(word: Word) -> Composed:
    """Returns the recording as it is, in the middle of two seconds of silence, with the drawing as it is."""
    start = (N_SAMPLES - len(word.sound)) // 2
    sound = np.zeros(N_SAMPLES, np.float32)
    sound[start : start + len(word.sound)] = word.sound
    return Composed(
        sound, np.asarray(cv2.resize(word.drawing_rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    )


def changed(word: Word, version: int) -> Composed:
    """Returns one of a word's changed versions, the same one each time."""
    random = np.random.default_rng((_SEED, version, *word.name.encode()))
    sound, picture = _changed_sound(random, word.sound), _changed_drawing(random, word.drawing_rgb)
    return Composed(sound, picture, (Spoken(word.name, 0.0, PAIR_S, word.name),))


def _changed_sound(random: np.random.Generator, recording: NDArray[np.float32]) -> NDArray[np.float32]:
    speed, pitch = random.uniform(0.9, 1.1), 2 ** (random.uniform(-2, 2) / 12)  # two semitones either way
    longer = librosa.effects.time_stretch(recording, rate=speed / pitch, n_fft=_N_FFT)
    said = at_level(soxr.resample(longer, SAMPLE_RATE * pitch, SAMPLE_RATE), random.uniform(-30, -14))
    said = said[: N_SAMPLES - 2 * _EDGE]
    start = random.integers(_EDGE, N_SAMPLES - len(said) - _EDGE + 1)
    sound = np.zeros(N_SAMPLES, np.float32)
    sound[start : start + len(said)] = said
    return with_noise(random, sound, random.uniform(15, 60))  # up to as good as none, as the originals have


def _changed_drawing(random: np.random.Generator, drawing_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    side = len(drawing_rgb)
    ground = random.integers(0, 256, 3) if random.uniform() < 0.5 else np.full(3, 255)
    outside = _outside(drawing_rgb)[..., None]
    on_ground = drawing_rgb * (1 - outside) + ground * outside
    gains = random.uniform(0.75, 1.25) * random.uniform(0.85, 1.15, 3)
    coloured = np.clip(on_ground * gains, 0, 255).astype(np.uint8)
    turn = random.choice([-1, 1]) * random.uniform(2, 15)  # degrees: never as it was
    centre = side / 2 + random.uniform(-0.08, 0.08, 2) * side
    move = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), float(turn), float(random.uniform(0.9, 1.3)))
    edge = np.clip(ground * gains, 0, 255).tolist()
    moved = cv2.warpAffine(coloured, move, (side, side), flags=cv2.INTER_LINEAR, borderValue=edge)
    picture = cv2.resize(moved, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture[:, ::-1] if random.uniform() < 0.5 else picture)


def _outside(drawing_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns (H, W), 0..1: the white around the drawing, which is what can be reached from its edges."""
    framed = cv2.copyMakeBorder(drawing_rgb, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    reached = np.zeros((framed.shape[0] + 2, framed.shape[1] + 2), np.uint8)
    off = (_WHITE,) * 3
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    cv2.floodFill(framed, reached, (0, 0), (0, 0, 0), off, off, flags)
    return np.asarray(cv2.blur(reached[2:-2, 2:-2].astype(np.float32) / 255, (3, 3)), np.float32)


def _manifest(folder: Path) -> Iterator[dict[str, str]]:
    try:
        with open(folder / "manifest.csv", encoding="utf-8", newline="") as rows:
            yield from csv.DictReader(rows)
    except FileNotFoundError as error:
        raise UserError(
            f"The spoken words with drawings are not here ({folder}); name the folder that has them with --data."
        ) from error


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; fetch the drawings again.") from error
    if pixels is None:
        raise UserError(f"{path} is no picture; fetch the drawings again.")
    return np.asarray(pixels, np.uint8)
