"""Voice activity: where in a sound somebody speaks, and the share of a video that is speech (Section 4).

Runs the Silero model that the package silero-vad brings, without importing that package (it would load torch). Called by
pieces.py, which cuts long sound at its pauses, and by the corpora, which tell apart videos with no speech. Why this
model: docs/adr/0006.
"""

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError, one_line
from davenet.media.sound import stream_sound

Sound = NDArray[np.float32]
Chances = NDArray[np.float32]

RATE = 16000
STEP = 512  # samples
STEP_S = STEP / RATE
_CONTEXT = 64  # samples before each step that the model sees with it
_STEPS_A_CALL = 512
_SPEAKS = 0.5
_STILL_SPEAKS = 0.35  # a word that has begun goes on down to this
_SHORTEST_SPEECH_S = 0.25
_SHORTEST_PAUSE_S = 0.1
_MODEL = Path("data", "silero_vad_16k_sequence.onnx")


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds on the clock of the sound, `start` ≤ second < `end`."""

    start: float
    end: float


def speech_chances(blocks: Iterable[Sound]) -> Iterator[Chances]:
    """Yields, over a stream of 16 kHz mono sound in −1..1, the probability of speech for each 32 ms from its beginning.

    The arrays are of any length; together they have one number for each step begun. Raises UserError where the model is
    missing.
    """
    session = _session()
    hidden = cell = np.zeros((1, 1, 128), np.float32)
    context = np.zeros(_CONTEXT, np.float32)
    for steps in _whole_steps(blocks):
        windows = np.empty((len(steps), _CONTEXT + STEP), np.float32)
        windows[:, _CONTEXT:] = steps
        windows[0, :_CONTEXT] = context
        windows[1:, :_CONTEXT] = steps[:-1, -_CONTEXT:]
        context = steps[-1, -_CONTEXT:]
        chances, hidden, cell = session.run(["speech_probs", "hn", "cn"], {"input": windows, "h": hidden, "c": cell})
        yield np.asarray(chances, np.float32).reshape(-1)


def speech_spans(chances: Iterable[Chances]) -> Iterator[Span]:
    """Yields the stretches of speech in the probabilities that `speech_chances` gives, in order and apart.

    Speech shorter than 0.25 s is left out, and pauses shorter than 0.1 s lie inside it.
    """
    held: Span | None = None
    for span in _raw_spans(chances):
        if held is not None and span.start - held.end < _SHORTEST_PAUSE_S:
            held = Span(held.start, span.end)
            continue
        if held is not None and held.end - held.start >= _SHORTEST_SPEECH_S:
            yield held
        held = span
    if held is not None and held.end - held.start >= _SHORTEST_SPEECH_S:
        yield held


def speech_share(path: Path) -> float:
    """Returns the share (0..1) of a media file's sound that is speech; a film of music and noise has near 0.

    Takes about 5 CPU seconds an hour of sound, besides decoding. Raises UserError where the file cannot be read or has no
    sound.
    """
    n_samples = 0

    def blocks() -> Iterator[Sound]:
        nonlocal n_samples
        for block in stream_sound(path, RATE, _STEPS_A_CALL * STEP_S):
            n_samples += len(block)
            yield block

    spoken_s = sum(span.end - span.start for span in speech_spans(speech_chances(blocks())))
    return min(1.0, spoken_s * RATE / n_samples) if n_samples else 0.0


@cache
def _session() -> Any:
    found = importlib.util.find_spec("silero_vad")
    places = [Path(place) / _MODEL for place in (found.submodule_search_locations or ())] if found else []
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError('The voice detector is not installed; install it with: pip install "silero-vad>=6.2.3"')
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # it is small: threads only wait for each other
    options.log_severity_level = 3  # it warns of unused weights each time it loads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds, none of them public
        raise UserError(
            f"The voice detector {path} does not load ({one_line(error)[:100]}); install it again with: "
            "pip install --force-reinstall silero-vad"
        ) from error


def _whole_steps(blocks: Iterable[Sound]) -> Iterator[Sound]:
    """Yields (n, STEP) arrays of up to `_STEPS_A_CALL` steps; the very last step is filled up with silence."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        sound = np.concatenate([rest, np.asarray(block, np.float32)])
        n_whole = len(sound) // STEP
        steps = np.nan_to_num(sound[: n_whole * STEP]).reshape(n_whole, STEP)
        for first in range(0, n_whole, _STEPS_A_CALL):
            yield steps[first : first + _STEPS_A_CALL]
        rest = sound[n_whole * STEP :]
    if len(rest):
        yield np.nan_to_num(np.pad(rest, (0, STEP - len(rest)))).reshape(1, STEP)


def _raw_spans(chances: Iterable[Chances]) -> Iterator[Span]:
    start: int | None = None
    step = 0
    for part in chances:
        for chance in part.tolist():
            if start is None and chance >= _SPEAKS:
                start = step
            elif start is not None and chance < _STILL_SPEAKS:
                yield Span(start * STEP_S, step * STEP_S)
                start = None
            step += 1
    if start is not None:
        yield Span(start * STEP_S, step * STEP_S)


def chances_each(sound: Sound, step_s: float) -> NDArray[np.float64]:
    """Returns the probability of speech for each `step_s` of one 16 kHz sound (n,), one number a step begun."""
    chances = np.concatenate([np.zeros(0, np.float32), *speech_chances([sound])])
    middles_s = (np.arange(-(-len(sound) // round(step_s * RATE))) + 0.5) * step_s
    return np.asarray(chances[np.minimum((middles_s / STEP_S).astype(int), len(chances) - 1)], np.float64)


def has_speech(sound: Sound) -> bool:
    """Returns whether somebody speaks for a quarter of a second or more in 16 kHz sound (n,)."""
    return next(speech_spans(speech_chances([sound])), None) is not None
