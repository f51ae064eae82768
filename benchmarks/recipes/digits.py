"""Digits that people say with digits that people wrote: where two are said, the same two stand in a cluttered picture.

Sound: two seconds in which one speaker of the Free Spoken Digit Dataset says two different digits at random times, over soft
noise. Picture: 128 pixels with these two of MNIST's digits at random places among strokes, and among pieces of letters and
digits that are as white as they are. (With each digit in a colour of its own, lighter or darker than what is behind it, no
recipe saw any after 36,000 pairs, nor did a classifier of the pictures alone.) In training a pair stands for each said digit,
with the weak label that pocketsphinx gave its recording, alone and forced to name a digit: of these people's it names four of
five right. Which digit is which, and where it stands, is for the test alone.

Training and test share no speaker, no recording and no written digit. Of the six speakers two are the test's: neither the
clearest nor the hardest for whom the other five are known (the nearest recording of another speaker, by its log-mel, says the
right digit in 73 % and 57 %; of all six in 30 to 84 %). A fourth voice to learn from is worth more than a voice for validation
alone, which has recordings and written digits of its own instead, of the four speakers of training.
"""

import gzip
import json
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from benchmarks.recipes.pair_clips import (
    N_SAMPLES,
    PAIR_S,
    SIDE,
    Composed,
    PairFiles,
    Shown,
    Spoken,
    at_level,
    with_noise,
    write_part,
)
from davenet.errors import UserError
from davenet.evaluation.localisation import box_at
from davenet.media.log_mel import SAMPLE_RATE
from davenet.media.sound import read_sound
from davenet.pairs import Pair

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
N_DIGITS = 2  # in a pair
_EDGE_S = 0.1  # of a pair, without speech: words of two pairs are 0.2 s apart
_GAP_S = 0.04  # between two digits, at least
_SIZES = 26, 40  # pixels of a digit's longer side
_GAP = 2  # pixels between two digits, at least
_INK = 64  # of 255, from which a written digit's pixel counts
_STROKE = 100  # pixels of the shortest straight stroke: half of it, at the picture's edge, is still longer than a one
_BRIGHTEST_GROUND = 120  # of 255
_BRIGHTEST_STROKE = 160
_WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the corpus: how many pairs, whose recordings (by number) and which share of the written digits."""

    n_pairs: int
    seed: int
    speakers: tuple[str, ...]
    takes: range
    images: tuple[float, float]


_TRAINING_SPEAKERS = ("george", "lucas", "nicolas", "theo")
PARTS = {
    "training": Part(12_000, 100, _TRAINING_SPEAKERS, range(3, 12), (0.0, 0.7)),
    "validation": Part(300, 200, _TRAINING_SPEAKERS, range(3), (0.7, 0.8)),
    "test": Part(500, 300, ("jackson", "yweweler"), range(12), (0.8, 1.0)),
}

Takes = dict[str, list[list[NDArray[np.float32]]]]  # of a speaker, of each digit: its recordings at 16 kHz
Heard = dict[str, list[list[str]]]  # of a speaker, of each digit: what a recogniser took each recording for
Written = list[NDArray[np.uint8]]  # of each digit: (n, 28, 28), white on black


def prepare(data: Path, work: Path) -> PairFiles:
    """Makes what is missing of the corpus under `work` from the recordings and pictures in `data`/paired."""
    files = PairFiles.under(work / "digits")
    missing = [name for name in PARTS if not getattr(files, name).exists()]
    if missing:
        images, labels = read_mnist(data / "paired" / "mnist_t10k")
        for name in missing:
            part = PARTS[name]
            takes, written = read_takes(data / "paired" / "fsdd", part), written_of(part, images, labels)
            heard = recognised(takes) if name == "training" else None
            write_part(files, getattr(files, name), compose(part, takes, written, heard), with_truth=name == "test")
    return files


def compose(part: Part, takes: Takes, written: Written, heard: Heard | None = None) -> Iterator[Composed]:
    """Yields the part's pairs, the same ones each time; thirty in a row, those of a video, have one speaker."""
    for number in range(part.n_pairs):
        random = np.random.default_rng((part.seed, number))
        speaker = part.speakers[number // 30 % len(part.speakers)]
        sound, spoken = _said(random, takes[speaker], heard[speaker] if heard else None)
        digits = [NAMES.index(word.name) for word in spoken]
        picture, shown = _drawn(random, digits, written)
        yield Composed(sound, picture, spoken, shown)


def read_takes(folder: Path, part: Part) -> Takes:
    """Returns the part's recordings; raises UserError where one is missing."""
    if not folder.is_dir():
        raise UserError(f"The spoken digits are not here ({folder}); name the folder that has them with --data.")
    return {
        speaker: [[read_sound(folder / f"{d}_{speaker}_{take}.wav") for take in part.takes] for d in range(10)]
        for speaker in part.speakers
    }


def recognised(takes: Takes) -> Heard:
    """Returns the digit that pocketsphinx hears in each recording, forced to name one."""
    with tempfile.TemporaryDirectory() as folder:
        grammar = Path(folder) / "digits.gram"
        grammar.write_text(f"#JSGF V1.0;\ngrammar digits;\npublic <digit> = {' | '.join(NAMES)};\n", encoding="ascii")
        decoder = Decoder(loglevel="FATAL", lm=None, jsgf=str(grammar))
    return {speaker: [[_heard(decoder, take) for take in of] for of in digits] for speaker, digits in takes.items()}


def _heard(decoder: Decoder, take: NDArray[np.float32]) -> str:
    level = take / max(2 * float(np.abs(take).max()), 1e-6)
    padded = np.concatenate([np.zeros(SAMPLE_RATE // 3, np.float32), level, np.zeros(SAMPLE_RATE // 2, np.float32)])
    decoder.start_utt()
    decoder.process_raw((padded * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return "" if hypothesis is None else str(hypothesis.hypstr)


def read_mnist(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns the pictures (n, 28, 28) and the digits (n) of MNIST's test files."""
    found = []
    for name, n_axes in (("t10k-images-idx3-ubyte.gz", 3), ("t10k-labels-idx1-ubyte.gz", 1)):
        try:
            content = gzip.decompress((folder / name).read_bytes())
        except FileNotFoundError as error:
            raise UserError(
                f"The written digits are not here ({folder / name}); name the folder that has them with --data."
            ) from error
        kind, *shape = struct.unpack_from(f">{1 + n_axes}I", content)
        if kind != 0x800 + n_axes:
            raise UserError(f"{folder / name} is not a file of MNIST; fetch it again.")
        found.append(np.frombuffer(content, np.uint8, offset=4 * (1 + n_axes)).reshape(shape))
    return found[0], found[1]


def written_of(part: Part, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Written:
    """Returns the part's own share of the pictures, by digit; the order is shuffled first, as MNIST's second half is harder."""
    order = np.random.default_rng(0).permutation(len(images))
    first, last = (round(share * len(images)) for share in part.images)
    own = order[first:last]
    return [images[own[labels[own] == digit]] for digit in range(10)]


def _said(
    random: np.random.Generator,
    takes: Sequence[Sequence[NDArray[np.float32]]],
    heard: Sequence[Sequence[str]] | None,
) -> tuple[NDArray[np.float32], tuple[Spoken, ...]]:
    """Returns two seconds in which two different digits are said, each with its times."""
    room_s = PAIR_S - 2 * _EDGE_S - (N_DIGITS - 1) * _GAP_S
    while True:  # long recordings may not fit
        digits = random.permutation(10)[:N_DIGITS].tolist()
        chosen = [int(random.integers(len(takes[digit]))) for digit in digits]
        said = [takes[digit][number] for digit, number in zip(digits, chosen, strict=True)]
        free_s = room_s - sum(len(take) for take in said) / SAMPLE_RATE
        if free_s > 0:
            break
    rests_s = np.sort(random.uniform(0, free_s, N_DIGITS))
    sound, spoken = np.zeros(N_SAMPLES, np.float32), []
    level_db, before_s = random.uniform(-26, -16), _EDGE_S
    for digit, number, take, rest_s in zip(digits, chosen, said, rests_s, strict=True):
        start = round((before_s + rest_s) * SAMPLE_RATE)
        sound[start : start + len(take)] = at_level(take, level_db + random.uniform(-2, 2))
        name = heard[digit][number] if heard else ""
        spoken.append(Spoken(NAMES[digit], start / SAMPLE_RATE, (start + len(take)) / SAMPLE_RATE, name))
        before_s += len(take) / SAMPLE_RATE + _GAP_S
    return with_noise(random, sound, random.uniform(15, 35)), tuple(spoken)


def _drawn(
    random: np.random.Generator, digits: Sequence[int], written: Written
) -> tuple[NDArray[np.uint8], tuple[Shown, ...]]:
    """Returns a cluttered picture of these digits with the box of each one's ink."""
    picture = _clutter(random, written)
    inks = [_ink(random, written[digit]) for digit in digits]
    shown = []
    for digit, ink, (x, y) in zip(digits, inks, _places(random, inks), strict=True):
        height, width = ink.shape
        _paint(picture[y : y + height, x : x + width], ink)
        shown.append(Shown(NAMES[digit], (x, y, x + width, y + height)))
    return picture, tuple(shown)


def _clutter(random: np.random.Generator, written: Written) -> NDArray[np.uint8]:
    """Returns (128, 128, 3): a gradient, blotches, strokes, and pieces of letters and digits that are no whole ones."""
    ends = random.uniform(0, _BRIGHTEST_GROUND, (2, 3))
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    share = np.clip(0.5 + x * np.cos(angle) + y * np.sin(angle), 0, 1)[..., None]
    blotches = cv2.resize(random.normal(0, 25, (6, 6, 3)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(ends[0] * share + ends[1] * (1 - share) + blotches, 0, 255).astype(np.uint8)
    for _ in range(random.integers(6, 13)):
        colour, thickness = random.integers(0, _BRIGHTEST_STROKE, 3).tolist(), int(random.integers(1, 4))
        x, y = random.integers(0, SIDE, 2).tolist()
        if random.uniform() < 0.5:
            length, turn = random.uniform(_STROKE, SIDE), random.uniform(0, 2 * np.pi)
            for way in (-0.5, 0.5):  # both ways, as the picture's edge may cut one short
                end = round(x + way * length * np.cos(turn)), round(y + way * length * np.sin(turn))
                cv2.line(picture, (x, y), end, colour, thickness, cv2.LINE_AA)
        else:
            begin, axes = int(random.integers(360)), tuple(random.integers(6, 30, 2).tolist())
            cv2.ellipse(picture, (x, y), axes, begin, 0, int(random.integers(40, 120)), colour, thickness, cv2.LINE_AA)
    for _ in range(random.integers(8, 15)):
        piece = _piece(random, written)
        x0, y0 = random.integers(0, SIDE - np.array(piece.shape[::-1])).tolist()
        _paint(picture[y0 : y0 + piece.shape[0], x0 : x0 + piece.shape[1]], piece)
    return np.asarray(picture, np.uint8)


def _paint(patch: NDArray[np.uint8], ink: NDArray[np.uint8]) -> None:
    """Lays white ink over the patch of a picture."""
    alpha = ink[..., None] / 255
    patch[:] = np.round(patch * (1 - alpha) + np.array(_WHITE) * alpha).astype(np.uint8)


def _piece(random: np.random.Generator, written: Written) -> NDArray[np.uint8]:
    """Returns a quarter of a letter or of a written digit, turned anyhow; ones have pieces like themselves, so none is cut."""
    if random.uniform() < 0.5:
        whole = np.zeros((40, 40), np.uint8)
        letter = random.choice(list("AEFHKMNRTVWXY"))
        cv2.putText(whole, letter, (6, 34), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, int(random.integers(2, 5)), cv2.LINE_AA)
    else:
        images = written[random.choice([0, 2, 3, 4, 5, 6, 8, 9])]
        whole = cv2.resize(images[random.integers(len(images))], (40, 40), interpolation=cv2.INTER_LINEAR)
    left, top = random.integers(0, 2, 2) * 20
    quarter = cv2.copyMakeBorder(whole[top : top + 20, left : left + 20], 4, 4, 4, 4, cv2.BORDER_CONSTANT)
    turned = cv2.getRotationMatrix2D((14, 14), float(random.uniform(0, 360)), float(random.uniform(0.7, 1.2)))
    return np.asarray(cv2.warpAffine(quarter, turned, (28, 28)), np.uint8)


def _ink(random: np.random.Generator, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns one of the pictures cut to its ink, its longer side of a random size."""
    image = images[random.integers(len(images))]
    rows, columns = (np.flatnonzero((image >= _INK).any(axis=axis)) for axis in (1, 0))
    cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = random.integers(_SIZES[0], _SIZES[1] + 1) / max(cut.shape)
    size = tuple(max(1, round(side * scale)) for side in cut.shape[::-1])
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _places(random: np.random.Generator, inks: Sequence[NDArray[np.uint8]]) -> list[tuple[int, int]]:
    """Returns the left upper corner x, y of each digit, so that none touches another."""
    while True:
        corners = [random.integers(0, SIDE - np.array(ink.shape[::-1]) + 1) for ink in inks]
        ends = [corner + ink.shape[::-1] + _GAP for corner, ink in zip(corners, inks, strict=True)]
        pairs = [(a, b) for a in range(len(inks)) for b in range(a)]
        if all((corners[a] >= ends[b]).any() or (corners[b] >= ends[a]).any() for a, b in pairs):
            return [(int(x), int(y)) for x, y in corners]


def digits_of(files: PairFiles, pairs: Sequence[Pair]) -> NDArray[np.bool_]:
    """Returns (n, 10): which digits each pair of the test has; they are said in its two seconds and stand in its frame."""
    truths = {uid: json.loads((files.truth / f"{uid}.truth.json").read_text("utf-8")) for uid in _uids(pairs)}
    has = np.zeros((len(pairs), 10), bool)
    for row, pair in enumerate(pairs):
        for visible in truths[pair.video_uid]["visible"]:
            has[row, NAMES.index(visible["food"])] = box_at(visible["boxes"], pair.time_s) is not None
    return has


def class_precision(similarity_BB: NDArray[np.floating], has_BC: NDArray[np.bool_]) -> dict[str, tuple[float, float]]:
    """Returns the share of a pair's digits that the first hit has too, in its mean, and that of a hit by chance.

    "picture": a sound asks, how many of the digits said stand in the picture that comes first; "sound": the reverse. Of equal
    hits the first in the gallery's order counts; pictures are rows of S.
    """
    common_BB = has_BC.astype(float) @ has_BC.T / has_BC.sum(axis=1, keepdims=True)
    of_pictures, of_sounds = similarity_BB.argmax(axis=0), similarity_BB.argmax(axis=1)
    rows = np.arange(len(has_BC))
    chance = float(common_BB.mean())
    return {
        "picture": (float(common_BB[rows, of_pictures].mean()), chance),
        "sound": (float(common_BB[rows, of_sounds].mean()), chance),
    }


def _uids(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(pair.video_uid for pair in pairs))
