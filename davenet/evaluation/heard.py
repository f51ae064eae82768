"""What a model hears in the T seconds of sound around each moment of a video: the mean of their audio map, (D) a moment.

Two ways. `heard_alone` runs the audio branch on each segment, exactly as in training. `heard_in_passing` runs it over the
video, once for each stretch of moments whose segments are as loud (docs/adr/0005): equal away from a segment's edges,
beyond which a segment alone has nothing and the video has the sound that goes on. `sound_map` is the same for each step.
Shapes: D embedding, M mel bands, T steps of the log-mel (10 ms).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet.media.log_mel import ABSOLUTE_FLOOR_DB, RELATIVE_FLOOR_DB, relative
from davenet.model.config import N_MELS, STEPS_A_SECOND
from davenet.model.davenet import DAVEnet
from davenet.model.dense import DenseAudio
from davenet.model.similarity import pool_audio
from davenet.training.dataset import padded

LEVEL_BOUND_DB = 4.0  # between the levels of segments that share a pass: each is at most half of it off its own
_BATCH = 32  # segments at a time
_PASS_STEPS = 2000  # from which a longer pass is no quicker

LogMel = NDArray[np.float32]  # (T, 40), absolute dB
Span = tuple[int, int]  # the first step of a segment and the one after its last


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring moments, by index from `first` until `last`, whose segments are heard at one level (None: silence)."""

    first: int
    last: int
    level_db: float | None


def span_of(n_steps: int, centre_s: float, segment_s: float) -> Span:
    """Returns the steps of a segment that lie inside the sound; none (first = last) where it lies beyond."""
    first = max(0, round((centre_s - segment_s / 2) * STEPS_A_SECOND))
    last = min(n_steps, round((centre_s + segment_s / 2) * STEPS_A_SECOND))
    return (first, last) if first < last else (0, 0)


def segment_of(log_mel_TM: LogMel, span: Span) -> tuple[NDArray[np.float32], int]:
    """Returns (40, steps) in dB relative to the segment's maximum, and its steps; a step of silence where it has none."""
    first, last = span
    if first == last:
        return np.full((N_MELS, 1), RELATIVE_FLOOR_DB, np.float32), 1
    return np.ascontiguousarray(relative(log_mel_TM[first:last]).T, np.float32), last - first


def heard_alone(model: DAVEnet, log_mel_TM: LogMel, spans: Sequence[Span], device: torch.device) -> Iterator[Tensor]:
    """Yields (n, D) for some segments at a time, in order: each by itself through the audio branch."""
    for start in range(0, len(spans), _BATCH):
        log_mel_BMT, n_steps_B = padded([segment_of(log_mel_TM, span) for span in spans[start : start + _BATCH]])
        n_steps_B = n_steps_B.to(device)
        with torch.no_grad():
            audio_BDT = model.audio_map(log_mel_BMT.to(device), n_steps_B)
            sound_BD = pool_audio(audio_BDT, model.audio_steps_B(n_steps_B))
        yield sound_BD


def heard_in_passing(
    dense: DenseAudio, log_mel_TM: LogMel, spans: Sequence[Span], *, bound_db: float = LEVEL_BOUND_DB
) -> Iterator[Tensor]:
    """Yields (n, D) for a stretch of segments at a time, in order; with `bound_db` 0 each has exactly its own level."""
    silent: dict[int, Tensor] = {}  # by a segment's steps
    waiting: list[_Part] = []
    for stretch in stretches(log_mel_TM, spans, bound_db):
        members = spans[stretch.first : stretch.last]
        if stretch.level_db is None:
            yield from _heard_parts(dense, waiting)
            waiting = []
            for n in {last - first for first, last in members} - silent.keys():
                silence_MT = torch.full((N_MELS, max(n, 1)), RELATIVE_FLOOR_DB)
                silent[n] = dense.columns(silence_MT, 0, max(n, 1))[:, :: dense.step].mean(dim=1)
            yield torch.stack([silent[last - first] for first, last in members])
            continue
        part = _part(dense, log_mel_TM, stretch.level_db, members)
        # before the sound's start and after its end lies nothing, so these stay at the ends of a pass
        if waiting and (part.begins or waiting[-1].ends or sum(len(p.relative_TM) for p in waiting) > _PASS_STEPS):
            yield from _heard_parts(dense, waiting)
            waiting = []
        waiting.append(part)
    yield from _heard_parts(dense, waiting)


def sound_map(
    dense: DenseAudio, log_mel_TM: LogMel, *, segment_s: float, start_s: float = 0.0, end_s: float | None = None
) -> Tensor:
    """Returns (D, T): the audio map of a video, or of its part from `start_s` until `end_s`, at every step of 10 ms.

    Each step is heard at the level of the `segment_s` seconds around it, as in the middle of a training segment. The map
    of a picture with a word is its image map's product with `sound_between(...)`. A second takes 400 D bytes.
    """
    n_steps = len(log_mel_TM)
    first = min(n_steps, max(0, round(start_s * STEPS_A_SECOND)))
    last = n_steps if end_s is None else min(n_steps, round(end_s * STEPS_A_SECOND))
    spans = [span_of(n_steps, step / STEPS_A_SECOND, segment_s) for step in range(first, last)]
    parts = [
        _columns(dense, log_mel_TM, stretch.level_db, first + stretch.first, first + stretch.last)
        for stretch in stretches(log_mel_TM, spans, LEVEL_BOUND_DB)
    ]
    return torch.cat(parts, dim=1)


def sound_between(sound_DT: Tensor, start_s: float, end_s: float) -> Tensor:
    """Returns (D): the mean of a sound map's columns over a span of seconds from the map's own start, at least one."""
    first = min(max(0, round(start_s * STEPS_A_SECOND)), sound_DT.shape[1] - 1)
    return sound_DT[:, first : max(round(end_s * STEPS_A_SECOND), first + 1)].mean(dim=1)


def stretches(log_mel_TM: LogMel, spans: Sequence[Span], bound_db: float) -> Iterator[Stretch]:
    """Yields the segments in order, as long as possible together while their maxima lie within `bound_db`.

    A stretch's level is the middle of its maxima. Silence, which has no level, is never taken together with sound.
    """
    loudest_T = log_mel_TM.max(axis=1, initial=ABSOLUTE_FLOOR_DB)
    begun = 0
    lowest = highest = ABSOLUTE_FLOOR_DB
    for index, (first, last) in enumerate(spans):
        level = float(loudest_T[first:last].max(initial=ABSOLUTE_FLOOR_DB))
        low, high = min(lowest, level), max(highest, level)
        is_silence, was_silence = level <= ABSOLUTE_FLOOR_DB, highest <= ABSOLUTE_FLOOR_DB
        if index > begun and (high - low > bound_db or is_silence != was_silence):
            yield Stretch(begun, index, None if was_silence else (lowest + highest) / 2)
            begun = index
        lowest, highest = (level, level) if index == begun else (low, high)
    if spans:
        yield Stretch(begun, len(spans), None if highest <= ABSOLUTE_FLOOR_DB else (lowest + highest) / 2)


@dataclass(frozen=True, slots=True)
class _Part:
    """The sound of a stretch at its level, as far around as a column reaches, and the segments' places in it."""

    relative_TM: LogMel
    spans: tuple[Span, ...]
    begins: bool  # with the video's sound
    ends: bool


def _part(dense: DenseAudio, log_mel_TM: LogMel, level_db: float, spans: Sequence[Span]) -> _Part:
    n_steps = len(log_mel_TM)
    low = max(0, min(first for first, _ in spans) - dense.reach)
    high = min(n_steps, max(last for _, last in spans) + dense.reach)
    placed = tuple((first - low, last - low) for first, last in spans)
    return _Part(_at_level(log_mel_TM[low:high], level_db), placed, low == 0, high == n_steps)


def _heard_parts(dense: DenseAudio, parts: Sequence[_Part]) -> Iterator[Tensor]:
    """Yields what is heard in each part, all in one pass: long ones are quicker, and no column reaches the next part's."""
    if not parts:
        return
    relative_TM = np.concatenate([part.relative_TM for part in parts])
    columns_DT = dense.columns(torch.from_numpy(np.ascontiguousarray(relative_TM.T)), 0, len(relative_TM))
    begin = 0
    for part in parts:
        end = begin + len(part.relative_TM)
        yield _means(columns_DT[:, begin:end], part.spans, dense.step)
        begin = end


def _means(columns_DT: Tensor, spans: Sequence[Span], step: int) -> Tensor:
    """Returns (n, D): the mean of every `step`-th column of each span; spans of one length are taken together."""
    means_ND = columns_DT.new_empty(len(spans), len(columns_DT))
    for length in {last - first for first, last in spans}:
        places = [index for index, (first, last) in enumerate(spans) if last - first == length]
        firsts_N = torch.tensor([spans[index][0] for index in places], device=columns_DT.device)
        windows_DSL = columns_DT.unfold(1, length, 1)[:, :, ::step]  # a view: S starts, L columns of each
        means_ND[places] = windows_DSL[:, firsts_N].mean(dim=2).T
    return means_ND


def _at_level(log_mel_TM: LogMel, level_db: float | None) -> LogMel:
    """Returns the sound relative to a level, at least -80 dB; silence where there is none."""
    if level_db is None:
        return np.full(log_mel_TM.shape, RELATIVE_FLOOR_DB, np.float32)
    relative_TM: LogMel = np.maximum(log_mel_TM - np.float32(level_db), np.float32(RELATIVE_FLOOR_DB))
    return relative_TM


def _columns(dense: DenseAudio, log_mel_TM: LogMel, level_db: float | None, first: int, last: int) -> Tensor:
    """Returns (D, last - first) of the sound at a level, its surroundings included as far as a column reaches."""
    around = dense.reach + dense.step  # a step more, so that a pass may begin where it needs no filling
    low, high = max(0, first - around), min(len(log_mel_TM), last + around)
    relative_TM = _at_level(log_mel_TM[low:high], level_db)
    return dense.columns(torch.from_numpy(np.ascontiguousarray(relative_TM.T)), first - low, last - low)
