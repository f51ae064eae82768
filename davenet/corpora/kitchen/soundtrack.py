"""The sound of a generated video: the cook's speech over a soft kitchen, and when each food was named."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davenet.corpora.kitchen.foods import FOODS
from davenet.corpora.kitchen.plan import Plan
from davenet.corpora.kitchen.scene import LOUDNESS_RATE, Painter
from davenet.corpora.kitchen.talk import next_sentence
from davenet.corpora.kitchen.voice import RATE, Voice, VoiceGroup, choose_voice, say

_PIECE_GAP_S = 0.05
_FIRST_S, _LAST_S = 0.6, 0.8  # of silence at the video's ends


@dataclass(frozen=True, slots=True)
class SpokenFood:
    food: str
    start: float
    end: float
    in_view: bool


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """`sound` is float32 mono at RATE, as long as the video."""

    sound: NDArray[np.float32]
    voice: Voice
    spoken: tuple[SpokenFood, ...]
    sentences: tuple[tuple[float, str], ...]


def make_soundtrack(plan: Plan, painter: Painter, voices: VoiceGroup = "any") -> Soundtrack:
    """Speaks through the plan in one voice of a group. Raises UserError where a voice is not installed."""
    random = np.random.default_rng([plan.seed, 4])
    voice = choose_voice(random, voices)
    sound = _kitchen_noise(random, round(plan.duration_s * RATE))
    spoken: list[SpokenFood] = []
    sentences: list[tuple[float, str]] = []
    t = _FIRST_S
    while t < plan.duration_s - 2.5:
        sentence = next_sentence(plan, random, t)
        t += sentence.pause_s
        begun, said = t, []
        for piece in sentence.pieces:
            breath = say(piece, voice)
            end = t + len(breath) / RATE
            if end > plan.duration_s - _LAST_S:
                t = plan.duration_s
                break
            at = round(t * RATE)
            sound[at : at + len(breath)] += breath
            if piece in FOODS:
                in_view = any(seen.name == piece for seen in painter.foods_seen((t + end) / 2))
                spoken.append(SpokenFood(piece, round(t, 3), round(end, 3), in_view))
            said.append(piece)
            t = end + _PIECE_GAP_S
        if said:
            sentences.append((round(begun, 3), " ".join(said)))
    hop = RATE // LOUDNESS_RATE
    blocks = sound[: len(sound) // hop * hop].reshape(-1, hop)
    painter.set_speech(np.minimum(np.sqrt(np.mean(blocks**2, axis=1)) * 5, 1).astype(np.float32))
    return Soundtrack(np.clip(sound, -1, 1), voice, tuple(spoken), tuple(sentences))


def _kitchen_noise(random: np.random.Generator, n: int) -> NDArray[np.float32]:
    """Returns a room's hum, a pan that sizzles at times, and dishes; but for these 30 dB below the speech."""
    white = random.normal(0, 1, n).astype(np.float32)
    hum = np.convolve(white, np.ones(32, np.float32) / 32, mode="same") * 0.006
    sizzle = np.diff(white, prepend=white[:1]) * 0.0025
    loudness = np.interp(np.arange(n), np.linspace(0, n, 9), np.maximum(random.normal(0, 1, 9), 0)).astype(np.float32)
    noise = hum + sizzle * loudness
    for at in random.integers(0, max(n - RATE, 1), n // (RATE * 9)):
        ring = np.arange(RATE // 6) / RATE
        pitch = random.uniform(1800, 4200)
        clink = np.sin(2 * np.pi * pitch * ring) * np.exp(-ring * random.uniform(30, 60)) * random.uniform(0.01, 0.05)
        noise[at : at + len(clink)] += clink.astype(np.float32)
    return np.asarray(noise, np.float32)
