"""Log-mel spectrograms, as the reference DAVEnet takes them (Section 3): 16 kHz, 40 Slaney bands, 100 steps a second.

A video's spectrogram is kept in absolute dB, once; a segment is made relative to its own maximum when it is cut out.
"""

import functools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # Hz
HOP_S = 0.01
HOP = 160  # samples: HOP_S
WINDOW = 400  # samples: 25 ms
N_FFT = 400
N_MELS = 40
LOWEST_HZ, HIGHEST_HZ = 20.0, 8000.0
PRE_EMPHASIS = 0.97
ABSOLUTE_FLOOR_DB = -100.0  # power 1e-10; digital silence
RELATIVE_FLOOR_DB = -80.0

LogMel = NDArray[np.float32]

SUM_BLOCK = 1 << 16  # samples that are summed at once for the mean: the order of a sum is part of its value
_BLOCK_STEPS = 4096  # 41 s: bounds the memory that windows and spectra take


def absolute_log_mel(sound: NDArray[np.float32]) -> LogMel:
    """Returns float32 (n_steps, 40) in absolute dB, at least -100, of mono sound at 16 kHz; n_steps = samples // 160.

    Step k is the 25 ms window centred on k × 10 ms. A window of digital silence is -100 dB whatever the sound's mean.
    """
    sums = (float(np.sum(sound[at : at + SUM_BLOCK], dtype=np.float64)) for at in range(0, len(sound), SUM_BLOCK))
    mean = sum(sums) / max(1, len(sound))
    log_mel = np.empty((len(sound) // HOP, N_MELS), np.float32)
    done = 0
    for block in log_mel_blocks(lambda first, last: sound[first:last], len(sound), mean):
        log_mel[done : done + len(block)] = block
        done += len(block)
    return log_mel


def log_mel_blocks(
    samples: Callable[[int, int], NDArray[np.float32]], n_samples: int, mean: float
) -> Iterator[NDArray[np.float32]]:
    """Yields the rows of `absolute_log_mel` in blocks, the same to the last bit, of sound that need not be in memory.

    `samples(first, last)` returns part of it; `mean` is its sum over blocks of SUM_BLOCK samples, over their number.
    """
    n_steps = n_samples // HOP
    offset = np.float32(mean)
    bands, window = mel_filterbank().T, np.hamming(WINDOW + 1)[:-1].astype(np.float32)
    half = WINDOW // 2
    for first in range(0, n_steps, _BLOCK_STEPS):
        last = min(first + _BLOCK_STEPS, n_steps)
        begin, end = first * HOP - half, (last - 1) * HOP + half  # samples; may reach over both ends of the sound
        inside = samples(max(0, begin - 1), min(end, n_samples))
        centred = inside - offset
        if begin > 0:
            emphasised = centred[1:] - PRE_EMPHASIS * centred[:-1]
        else:
            emphasised = np.concatenate([centred[:1], centred[1:] - PRE_EMPHASIS * centred[:-1]])
        before, after = max(0, -begin), max(0, end - n_samples)
        padded = np.pad(emphasised, (before, after)).astype(np.float32, copy=False)
        windows_TW = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
        spectrum_TF = np.fft.rfft(windows_TW * window, N_FFT, axis=1)
        power_TM = (spectrum_TF.real**2 + spectrum_TF.imag**2) @ bands
        block = 10 * np.log10(np.maximum(power_TM, np.float32(1e-10)))
        block[
            _is_constant(inside if begin > 0 else np.pad(inside, (1, 0), mode="edge"), before, after, last - first)
        ] = ABSOLUTE_FLOOR_DB
        yield block


def _is_constant(inside: NDArray[np.float32], before: int, after: int, n_steps: int) -> NDArray[np.bool_]:
    """Returns for each window whether its samples (and the one before, which pre-emphasis takes) are all equal."""
    changes = np.concatenate([[0], np.cumsum(np.diff(inside) != 0)])
    changes = np.pad(changes, (before, after), mode="edge")
    starts = np.arange(n_steps) * HOP
    constant: NDArray[np.bool_] = changes[starts + WINDOW] == changes[starts]
    return constant


def relative(log_mel: NDArray[np.floating]) -> LogMel:
    """Returns a segment's spectrogram in dB relative to its maximum, at least -80; silence is -80 throughout."""
    segment: LogMel = np.asarray(log_mel, np.float32)
    if segment.size == 0:
        return segment
    loudest = segment.max()
    if not np.isfinite(loudest):  # a damaged clip file may hold anything: what is no number is silence
        segment = np.nan_to_num(segment, nan=ABSOLUTE_FLOOR_DB, posinf=ABSOLUTE_FLOOR_DB)
        loudest = segment.max()
    if loudest <= ABSOLUTE_FLOOR_DB:
        return np.full_like(segment, RELATIVE_FLOOR_DB)
    below: LogMel = np.maximum(segment - loudest, np.float32(RELATIVE_FLOOR_DB))
    return below


@functools.cache
def mel_filterbank() -> NDArray[np.float32]:
    """Returns (40, 201): Slaney's triangles, linear to 1 kHz and logarithmic above, each of unit area.

    Equal to librosa.filters.mel, whose import alone would cost more than the sound of a whole video.
    """
    edges_hz = _mel_to_hz(np.linspace(_hz_to_mel(LOWEST_HZ), _hz_to_mel(HIGHEST_HZ), N_MELS + 2))
    bins_hz = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    widths = np.diff(edges_hz)
    ramps = edges_hz[:, None] - bins_hz[None, :]
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    bands = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    return bands.astype(np.float32)


_LINEAR_HZ = 200 / 3  # a mel below 1 kHz
_LOG_FROM_HZ = 1000.0
_LOG_FROM_MEL = _LOG_FROM_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27  # a mel above 1 kHz


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _LINEAR_HZ
    return float(_LOG_FROM_MEL + np.log(hz / _LOG_FROM_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < _LOG_FROM_MEL, mel * _LINEAR_HZ, _LOG_FROM_HZ * np.exp(_LOG_STEP * (mel - _LOG_FROM_MEL)))
