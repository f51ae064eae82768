"""Pairs read from clip files as batches for the model: pictures decoded and cropped, sound cut, padded and counted.

Every random choice follows from (seed, epoch, pair), never from the order of threads: a resumed run draws the same.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet.clips import Clip, clip_path, open_clip
from davenet.errors import UserError, one_line
from davenet.model.config import N_MELS, STEPS_A_SECOND, ModelConfig
from davenet.pairs import MOST_NUDGE_S, Pair
from davenet.training.presets import TrainConfig

FLOOR_DB = -80.0
_BATCHES_AHEAD = 2
_MOST_OFF_S = 1.5  # how far a pair may lie outside its clip before they do not belong together


@dataclass(frozen=True, slots=True)
class Loss:
    """A pair that could not be read."""

    pair: Pair
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """B pairs ready for the model; `lost` are those that could not be read.

    With K windows a pair the sounds are (B*K), a pair's windows together, in order of time.
    """

    pairs: tuple[Pair, ...]
    image_BHW3: Tensor  # uint8, RGB
    log_mel_BMT: Tensor  # relative dB, padded with the floor
    n_steps_B: Tensor  # int64, steps that are not padding
    lost: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class Segmenting:
    """How the sound of a pair is cut, as it was trained: it travels in the checkpoint's metadata."""

    segment_s: float | None
    segment_at: str

    def of(self, pair: Pair, shift_s: float = 0.0) -> tuple[float, float]:
        """Returns the centre and length of the pair's sound, in seconds.

        A nudge moves the word's sound as far as the frame's. An offset that leads to the word is not added to it again:
        that of a sound put together with a frame elsewhere, or of one that was moved onto its word.
        """
        centre = pair.sound_s
        if self.segment_at == "word" and pair.labels and not _is_led_to_its_word(pair):
            centre = _word_s(pair) + pair.sound_offset_s
        return centre + shift_s, self.segment_s or pair.segment_s


def _word_s(pair: Pair) -> float:
    return (pair.labels[0].word_start + pair.labels[0].word_end) / 2


def _is_led_to_its_word(pair: Pair) -> bool:
    """Whether the sound lies farther off than people nudge it, or its word lies within it and not within the frame's."""
    word_s, half_s = _word_s(pair), pair.segment_s / 2
    return abs(pair.sound_offset_s) > MOST_NUDGE_S or abs(word_s - pair.sound_s) <= half_s < abs(word_s - pair.time_s)


@dataclass(frozen=True, slots=True)
class Windows:
    """Several windows of sound for each pair, the middle one its own (MIL-NCE)."""

    number: int  # odd
    spacing_s: float

    def offsets_s(self) -> tuple[float, ...]:
        half = self.number // 2
        return tuple(self.spacing_s * index for index in range(-half, half + 1))


class PairReader:
    """Reads pairs from the clip files of a folder; safe to use from several threads."""

    def __init__(self, clips_dir: Path, model: ModelConfig, segmenting: Segmenting) -> None:
        self._clips_dir = clips_dir
        self._model = model
        self.segmenting = segmenting
        self._clips: dict[str, Clip] = {}

    def usable(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Loss]]:
        """Splits pairs into those whose clip opens and covers their time, and the others with the reason."""
        kept: list[Pair] = []
        lost: list[Loss] = []
        for pair in pairs:
            try:
                clip = self.clip(pair.video_uid)
                if not -_MOST_OFF_S <= pair.time_s <= clip.duration_s + _MOST_OFF_S:
                    raise UserError(
                        f"The pair at {pair.time_s:.1f} s lies outside of its video {pair.video_uid} "
                        f"({clip.duration_s:.1f} s); extract the video and mine the pairs again."
                    )
                kept.append(pair)
            except UserError as error:
                lost.append(Loss(pair, one_line(error)))
        return kept, lost

    def picture(
        self, pair: Pair, augment: "Augmentation | None" = None, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Returns the model's square of the pair's frame, RGB (S, S, 3), written to `out` where that is given.

        Raises UserError where the frame cannot be read.
        """
        return self._picture(self.clip(pair.video_uid), None, pair, augment, out)

    def _picture(
        self,
        clip: Clip,
        file: BinaryIO | None,
        pair: Pair,
        augment: "Augmentation | None",
        out: NDArray[np.uint8] | None,
    ) -> NDArray[np.uint8]:
        try:
            frame = clip.frame_rgb(clip.nearest_frame(pair.time_s), file)
        except (IndexError, ValueError, cv2.error) as error:
            raise UserError(
                f"The frame at {pair.time_s:.1f} s of {pair.video_uid} cannot be read; extract the video again."
            ) from error
        if augment is None:
            return evaluation_crop(frame, self._model, out)
        return augment.picture(frame, self._model.image_size, out)

    def sounds(
        self, pair: Pair, augment: "Augmentation | None" = None, windows: "Windows | None" = None
    ) -> list[tuple[NDArray[np.float32], int]]:
        """Returns the pair's windows of sound: log-mel (40, steps) and how many steps are real, 0 beyond the video.

        Raises UserError where the window of the pair itself has no sound.
        """
        return self._sounds(self.clip(pair.video_uid), None, pair, augment, windows)

    def _sounds(
        self,
        clip: Clip,
        file: BinaryIO | None,
        pair: Pair,
        augment: "Augmentation | None",
        windows: "Windows | None",
    ) -> list[tuple[NDArray[np.float32], int]]:
        centre, length = self.segmenting.of(pair, augment.sound_shift_s if augment else 0.0)
        found = []
        for offset_s in windows.offsets_s() if windows else (0.0,):
            log_mel, n_steps = clip.segment(centre + offset_s, length, file)
            if n_steps == 0 and offset_s == 0:
                raise UserError(f"{pair.video_uid} has no sound at {centre:.1f} s; extract the video again.")
            found.append((augment.disturb(log_mel, n_steps) if augment else log_mel, n_steps))
        return found

    def batch(
        self,
        pairs: Sequence[Pair],
        augmentations: "Sequence[Augmentation] | None" = None,
        *,
        windows: "Windows | None" = None,
        with_pictures: bool = True,
        out_BHW3: NDArray[np.uint8] | None = None,
    ) -> Batch:
        """Returns the batch of these pairs, without rows where none of them could be read.

        The pictures are written to the first rows of `out_BHW3`, of as many rows as pairs, where that is given.
        """
        image_BHW3 = out_BHW3 if out_BHW3 is not None else self.room(len(pairs) if with_pictures else 0)
        kept: list[Pair] = []
        sounds: list[tuple[NDArray[np.float32], int]] = []
        lost: list[Loss] = []
        for index, pair in enumerate(pairs):
            augment = augmentations[index] if augmentations else None
            try:
                clip = self.clip(pair.video_uid)
                with clip.opened() as file:
                    own_sounds = self._sounds(clip, file, pair, augment, windows)
                    if with_pictures:
                        self._picture(clip, file, pair, augment, image_BHW3[len(kept)])
            except UserError as error:
                lost.append(Loss(pair, one_line(error)))
                continue
            kept.append(pair)
            sounds += own_sounds
        log_mel_BMT, n_steps_B = padded(sounds)
        return Batch(tuple(kept), torch.from_numpy(image_BHW3[: len(kept)]), log_mel_BMT, n_steps_B, tuple(lost))

    def room(self, n_pairs: int) -> NDArray[np.uint8]:
        """Returns memory for the pictures of so many pairs (B, S, S, 3), not yet written."""
        size = self._model.image_size
        return np.empty((n_pairs, size, size, 3), np.uint8)

    def clip(self, video_uid: str) -> Clip:
        """Returns a video's clip file, opened once and again where it changed; raises UserError where it is not to be had."""
        known = self._clips.get(video_uid)
        if known is None or not known.is_current():
            path = clip_path(self._clips_dir, video_uid)
            if not path.is_file():
                raise UserError(f"There is no clip file {path}; extract the video first.")
            known = self._clips[video_uid] = open_clip(path)
        return known


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One pair's random choices in one epoch."""

    area_share: float  # of the picture's area, 1: the largest square
    aspect: float  # width / height of the crop
    x: float  # place of the crop, 0..1 of the room it has
    y: float
    flipped: bool
    sound_shift_s: float
    whole: bool  # no random crop
    gains_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pitch_shift: int = 0  # mel bands
    masked_bands: tuple[int, int] = (0, 0)  # first and number
    masked_steps: tuple[float, int] = (0.0, 0)  # place, 0..1 of the segment, and number

    def picture(
        self, frame_rgb: NDArray[np.uint8], size: int, out: NDArray[np.uint8] | None = None
    ) -> NDArray[np.uint8]:
        """Returns the random crop at (size, size, 3), mirrored and in another light where that was drawn."""
        return self.tint(self.crop(frame_rgb, size, out), out)

    def crop(self, frame_rgb: NDArray[np.uint8], size: int, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Returns the random crop at (size, size, 3), mirrored where that was drawn."""
        height, width = frame_rgb.shape[:2]
        if self.whole:
            crop_width = crop_height = float(min(width, height))
        else:
            area = self.area_share * width * height
            crop_width = min(float(width), (area * self.aspect) ** 0.5)
            crop_height = min(float(height), (area / self.aspect) ** 0.5)
        x0, y0 = int(self.x * (width - crop_width)), int(self.y * (height - crop_height))
        region = frame_rgb[y0 : y0 + max(1, round(crop_height)), x0 : x0 + max(1, round(crop_width))]
        # bilinear as torchvision's, which leaves out no pixel up to a factor of 2 and takes a third of the mean over areas
        by_area = max(region.shape[:2]) >= 2 * size
        interpolation = cv2.INTER_AREA if by_area else cv2.INTER_LINEAR
        if self.flipped:  # before it is scaled: it is seldom larger
            region = np.asarray(cv2.flip(region, 1), np.uint8)
        return np.asarray(cv2.resize(region, (size, size), dst=out, interpolation=interpolation), np.uint8)

    def tint(self, picture_rgb: NDArray[np.uint8], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Returns the picture in another light."""
        if self.gains_rgb == (1.0, 1.0, 1.0):
            return picture_rgb
        levels = np.arange(256, dtype=np.float32)[:, None] * np.array(self.gains_rgb, np.float32)
        table = np.clip(levels, 0, 255).astype(np.uint8).reshape(1, 256, 3)
        return np.asarray(cv2.LUT(picture_rgb, table, dst=out), np.uint8)

    def disturb(self, log_mel: NDArray[np.float32], n_steps: int) -> NDArray[np.float32]:
        """Returns the log-mel (40, steps) with its pitch shifted, and some bands and steps silenced (SpecAugment)."""
        if not (self.pitch_shift or self.masked_bands[1] or self.masked_steps[1]):
            return log_mel
        disturbed = np.full_like(log_mel, FLOOR_DB)
        shift = self.pitch_shift
        disturbed[max(shift, 0) : N_MELS + min(shift, 0)] = log_mel[max(-shift, 0) : N_MELS - max(shift, 0)]
        first, n_bands = self.masked_bands
        disturbed[first : first + n_bands] = FLOOR_DB
        start = int(self.masked_steps[0] * n_steps)
        disturbed[:, start : start + self.masked_steps[1]] = FLOOR_DB
        return disturbed


def augmentation(config: TrainConfig, epoch: int, pair_index: int) -> Augmentation:
    """Returns a pair's choices in an epoch: torchvision's RandomResizedCrop with ratios 3/4..4/3, flip and shift."""
    area, aspect, x, y, flip, shift, light, red, green, blue, pitch, n_bands, n_steps, band, step = _chances(
        config.seed, epoch, pair_index
    )
    whole = config.crop_least_share >= 1
    brightness = 1 + config.colour_jitter * (2 * light - 1)
    gains = [brightness * (1 + config.colour_jitter / 2 * (2 * colour - 1)) for colour in (red, green, blue)]
    bands = int(n_bands * (config.sound_masks + 1))
    return Augmentation(
        area_share=1 - area * (1 - min(config.crop_least_share, 1.0)),
        aspect=(3 / 4) ** (1 - 2 * aspect),
        x=0.5 if whole else x,
        y=0.5 if whole else y,
        flipped=flip < 0.5 and config.flip,
        sound_shift_s=(2 * shift - 1) * config.sound_shift_s,
        whole=whole,
        gains_rgb=(gains[0], gains[1], gains[2]),
        pitch_shift=int(pitch * (2 * config.pitch_shift + 1)) - config.pitch_shift,
        masked_bands=(int(band * (N_MELS - bands)), bands),
        masked_steps=(step, int(n_steps * (2 * config.sound_masks + 1))),
    )


def _chances(seed: int, epoch: int, pair_index: int) -> tuple[float, ...]:
    """Returns fifteen numbers in 0..1, 1 excluded, from a hash: a tenth of what a generator of its own takes to set up."""
    drawn = hashlib.blake2b(f"{seed} {epoch} {pair_index}".encode(), digest_size=60).digest()
    return tuple(number / 2**32 for number in struct.unpack("<15I", drawn))


def evaluation_crop(
    frame_rgb: NDArray[np.uint8], model: ModelConfig, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Returns the centre crop (S, S, 3) of a frame that is resized: the region that ModelConfig.crop_of names."""
    height, width = frame_rgb.shape[:2]
    x0, y0, x1, y1 = model.crop_of(width, height)
    left, top = round(x0 * width), round(y0 * height)
    picture = frame_rgb[top : max(round(y1 * height), top + 1), left : max(round(x1 * width), left + 1)]
    size = model.image_size
    interpolation = cv2.INTER_AREA if picture.shape[0] > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size, size), dst=out, interpolation=interpolation), np.uint8)


def padded(sounds: Sequence[tuple[NDArray[np.float32], int]]) -> tuple[Tensor, Tensor]:
    """Returns log-mels (B, 40, steps) padded with the floor, which is silence, and the count of real steps (B)."""
    longest = max((log_mel.shape[1] for log_mel, _ in sounds), default=STEPS_A_SECOND)
    log_mel_BMT = np.full((len(sounds), N_MELS, longest), FLOOR_DB, np.float32)
    for row, (log_mel, _) in enumerate(sounds):
        log_mel_BMT[row, :, : log_mel.shape[1]] = log_mel
    return torch.from_numpy(log_mel_BMT), torch.tensor([n for _, n in sounds], dtype=torch.int64)


def batch_indices(
    video_uids: Sequence[str], batch_size: int, *, seed: int, epoch: int, pairs_a_video: int = 1
) -> list[NDArray[np.int64]]:
    """Returns the epoch's batches as indices: every pair once, in random order, batches of nearly equal size >= 2.

    With `pairs_a_video` above 1 so many pairs of a video stay together: as each other's impostors they share the voice and
    the room, which then tell nothing.
    """
    random = np.random.default_rng((seed, epoch))
    n_pairs = len(video_uids)
    order = random.permutation(n_pairs)
    if pairs_a_video > 1:
        by_video: dict[str, list[int]] = {}
        for index in order:
            by_video.setdefault(video_uids[index], []).append(int(index))
        groups = [
            indices[start : start + pairs_a_video]
            for indices in by_video.values()
            for start in range(0, len(indices), pairs_a_video)
        ]
        order = np.array([index for group in random.permutation(len(groups)) for index in groups[group]], np.int64)
    n_batches = max(1, min(-(-n_pairs // batch_size), n_pairs // 2))
    return list(np.array_split(order, n_batches))


def batches_ahead(
    reader: PairReader,
    work: Sequence[tuple[Sequence[Pair], Sequence[Augmentation] | None]],
    *,
    windows: Windows | None = None,
    with_pictures: bool = True,
    n_threads: int = 2,
) -> Iterator[Batch]:
    """Yields the batches in order, read a little ahead by threads."""
    with ThreadPoolExecutor(n_threads, thread_name_prefix="pairs") as pool:
        waiting: list[Future[Batch]] = []
        try:
            for pairs, augmentations in work:
                waiting.append(
                    pool.submit(reader.batch, pairs, augmentations, windows=windows, with_pictures=with_pictures)
                )
                if len(waiting) > _BATCHES_AHEAD:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
