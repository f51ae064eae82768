"""Cuts a stream of sound into pieces at its pauses, so that a recogniser can show its progress, be stopped and use
bounded memory without a word being cut in two. Called by the transcribe job; knows no recogniser.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
Voice = Callable[[Sound], NDArray[np.float64]]  # sound (n,) -> probability of speech for each _STEP_S of it

# A recogniser that normalises each piece by its mean hears worse in shorter pieces, and in longer ones that hold both
# music and speech: on the YouCook2 video these bounds kept the annotated words, 15 to 45 s lost "butter".
SHORTEST_PIECE_S = 8.0
LONGEST_PIECE_S = 24.0
STEP_S = 0.01
_PAUSE_S = 0.3  # the energy is averaged over this: shorter dips lie inside words, such as the closure of a "p"
_SILENCE_POWER = 1e-6  # mean square of sound in −1..1: −60 dB of full scale, where nobody speaks
_AS_SILENT = 0.05  # of probability: pauses that differ by less are told apart by their loudness


@dataclass(frozen=True, slots=True)
class Piece:
    """Sound (n,) float32 mono that begins at `start_s` on the video's clock."""

    start_s: float
    sound: Sound


def cut_at_pauses(
    blocks: Iterable[Sound],
    rate: int,
    *,
    shortest_s: float = SHORTEST_PIECE_S,
    longest_s: float = LONGEST_PIECE_S,
    voice: Voice | None = None,
) -> Iterator[Piece]:
    """Yields the whole of a stream in order, in pieces of `shortest_s` to `longest_s` seconds but for the last.

    Each cut lies in the middle of the quietest pause that the next piece can end with: where speech is least probable by
    `voice`, which hears pauses under music too, and else where the sound has the least power. Never holds more than
    `longest_s` seconds and one block.
    """
    shortest, longest = round(shortest_s * rate), round(longest_s * rate)
    waiting: list[Sound] = []
    n_waiting = 0
    start = 0
    for block in blocks:
        waiting.append(block)
        n_waiting += len(block)
        if n_waiting <= longest:
            continue
        sound = np.concatenate(waiting)
        while len(sound) > longest:
            cut = _quietest(sound[:longest], rate, shortest, voice)
            yield Piece(start / rate, sound[:cut])
            start += cut
            sound = sound[cut:]
        waiting, n_waiting = [sound], len(sound)
    if n_waiting:
        yield Piece(start / rate, np.concatenate(waiting))


def is_silent(sound: Sound, rate: int) -> bool:
    """Returns whether no pause-long stretch of the sound is loud enough for speech."""
    return bool(_smoothed_power(sound, rate).max(initial=0.0) < _SILENCE_POWER)


def _quietest(sound: Sound, rate: int, shortest: int, voice: Voice | None) -> int:
    """Returns the sample in [shortest, len(sound)] around which the sound is quietest; the last of equals."""
    step = max(1, round(STEP_S * rate))
    power = _smoothed_power(sound, rate)[shortest // step :]
    if voice is not None:
        chance = _smoothed(voice(sound))[shortest // step :][: len(power)]
        power = np.where(chance <= chance.min() + _AS_SILENT, power, np.inf)
    return min(len(sound), shortest + (len(power) - 1 - int(np.argmin(power[::-1]))) * step + step // 2)


def _smoothed_power(sound: Sound, rate: int) -> NDArray[np.float64]:
    """Returns the mean square of each step of 10 ms, averaged over a pause's length, one number a step."""
    step = max(1, round(STEP_S * rate))
    n_steps = -(-len(sound) // step)
    if n_steps == 0:
        return np.zeros(0)
    padded = np.zeros(n_steps * step)
    padded[: len(sound)] = sound
    return _smoothed((padded.reshape(n_steps, step) ** 2).mean(axis=1))


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    width = min(max(1, round(_PAUSE_S / STEP_S)), len(values))
    return np.convolve(values, np.ones(width) / width, mode="same")
