"""Speaks with flite and espeak-ng, at generation time only; the voices are those from which pocketsphinx hears foods.

Measured on 120 food words in whole sentences, the share that pocketsphinx 5.1.1 found: flite rms 0.88, kal16 0.79, awb
0.71, slt 0.62; espeak-ng en-us+klatt4 0.51, en-us 0.41, en-us+f2 0.41; most other espeak-ng variants under 0.3.
"""

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError

RATE = 22050


@dataclass(frozen=True, slots=True)
class Voice:
    program: str  # "flite" | "espeak-ng"
    name: str
    speed: float  # 1 is the program's own
    pitch: float  # espeak-ng's 0..99; flite's mean in Hz, 0 for the voice's own

    def __str__(self) -> str:
        return f"{self.program} {self.name}, speed {self.speed:.2f}"


_VOICES = (
    ("flite", "rms", 0), ("flite", "rms", 92), ("flite", "kal16", 0), ("flite", "awb", 0), ("flite", "slt", 0),
    ("espeak-ng", "en-us+klatt4", 40), ("espeak-ng", "en-us", 50), ("espeak-ng", "en-us+f2", 60),
)  # fmt: skip
_SHARES = (0.2, 0.12, 0.18, 0.14, 0.14, 0.08, 0.07, 0.07)


def choose_voice(random: np.random.Generator) -> Voice:
    program, name, pitch = _VOICES[int(random.choice(len(_VOICES), p=_SHARES))]
    return Voice(program, name, float(random.uniform(0.88, 1.06)), float(pitch))


def say(text: str, voice: Voice) -> NDArray[np.float32]:
    """Returns mono sound at RATE, without silence at its ends, peak 0.5. Raises UserError without the program."""
    if shutil.which(voice.program) is None:
        raise UserError(
            f"The generated kitchen speaks with {voice.program}, which is not installed; "
            f"on Debian: apt-get install flite espeak-ng; on macOS: brew install flite espeak-ng."
        )
    if voice.program == "flite":
        command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={1 / voice.speed:.3f}"]
        if voice.pitch:
            command += ["--setf", f"int_f0_target_mean={voice.pitch:.0f}"]
        command += ["-t", text, "-o", "/dev/stdout"]
    else:
        words_a_minute = str(round(150 * voice.speed))
        command = ["espeak-ng", "-v", voice.name, "-s", words_a_minute, "-p", f"{voice.pitch:.0f}", "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    return _trimmed(_resampled(*_samples(spoken)))


def _samples(content: bytes) -> tuple[NDArray[np.float32], int]:
    with wave.open(io.BytesIO(content)) as reader:
        rate = reader.getframerate()
    data = content[44:]  # a stream's header cannot know its length, so it is not believed
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768), rate


def _resampled(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    if rate == RATE:
        return sound
    import soxr

    return np.asarray(soxr.resample(sound, rate, RATE), np.float32)


def _trimmed(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    loud = np.flatnonzero(np.abs(sound) > 0.02 * max(float(np.abs(sound).max(initial=0.0)), 1e-4))
    if not len(loud):
        return np.zeros(0, np.float32)
    kept = sound[max(loud[0] - 60, 0) : loud[-1] + 400]
    return np.asarray(kept / (2 * np.abs(kept).max()), np.float32)
