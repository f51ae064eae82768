"""Speaks with flite and espeak-ng, at generation time only; the voices are those from which pocketsphinx hears foods.

Measured on 120 food words in whole sentences, the share that pocketsphinx 5.1.1 found: flite rms 0.88, kal16 0.79, awb
0.71, slt 0.62; espeak-ng en-us+klatt4 0.51, en-us 0.41, en-us+f2 0.41; most other espeak-ng variants under 0.3.
"""

import io
import shutil
import subprocess
import wave
from dataclasses import dataclass
from typing import Literal

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
    tract: float = 1.0  # length of the speaker's vocal tract; 0.9 raises all resonances by a ninth

    def __str__(self) -> str:
        tract = "" if self.tract == 1 else f", tract {self.tract:.2f}"
        return f"{self.program} {self.name}, speed {self.speed:.2f}{tract}"


VoiceGroup = Literal["any", "training", "validation", "test"]

# name, pitch and share of each; training, validation and test share no speaker
_VOICES: dict[VoiceGroup, tuple[tuple[str, str, float, float], ...]] = {
    "any": (
        ("flite", "rms", 0, 0.2), ("flite", "rms", 92, 0.12), ("flite", "kal16", 0, 0.18), ("flite", "awb", 0, 0.14),
        ("flite", "slt", 0, 0.14), ("espeak-ng", "en-us+klatt4", 40, 0.08), ("espeak-ng", "en-us", 50, 0.07),
        ("espeak-ng", "en-us+f2", 60, 0.07),
    ),
    "training": (
        ("flite", "rms", 0, 0.3), ("flite", "kal16", 0, 0.25), ("espeak-ng", "en-us", 50, 0.1),
        ("espeak-ng", "en-us+klatt2", 35, 0.12), ("espeak-ng", "en-us+f2", 60, 0.11), ("espeak-ng", "en-us+Annie", 50, 0.12),
    ),
    "validation": (("flite", "awb", 0, 0.7), ("espeak-ng", "en-us+klatt6", 40, 0.3)),
    "test": (("flite", "slt", 0, 0.7), ("espeak-ng", "en-us+klatt4", 40, 0.3)),
}  # fmt: skip


def choose_voice(random: np.random.Generator, group: VoiceGroup = "any") -> Voice:
    """Returns a voice of the group at a speed; but for "any", whose voices are as they come, with a vocal tract too."""
    voices = _VOICES[group]
    program, name, pitch, _ = voices[int(random.choice(len(voices), p=[share for *_, share in voices]))]
    speed = float(random.uniform(0.88, 1.06))
    return Voice(program, name, speed, float(pitch), 1.0 if group == "any" else float(random.uniform(0.9, 1.1)))


def say(text: str, voice: Voice) -> NDArray[np.float32]:
    """Returns mono sound at RATE, without silence at its ends, peak 0.5. Raises UserError without the program."""
    if shutil.which(voice.program) is None:
        raise UserError(
            f"The generated kitchen speaks with {voice.program}, which is not installed; "
            f"on Debian: apt-get install flite espeak-ng; on macOS: brew install flite espeak-ng."
        )
    speed = voice.speed * voice.tract  # the resampling for the tract's length gives it back
    if voice.program == "flite":
        command = ["flite", "-voice", voice.name, "--setf", f"duration_stretch={1 / speed:.3f}"]
        if voice.pitch:
            command += ["--setf", f"int_f0_target_mean={voice.pitch:.0f}"]
        command += ["-t", text, "-o", "/dev/stdout"]
    else:
        words_a_minute = str(round(150 * speed))
        command = ["espeak-ng", "-v", voice.name, "-s", words_a_minute, "-p", f"{voice.pitch:.0f}", "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    sound, rate = _samples(spoken)
    return _trimmed(_resampled(sound, rate / voice.tract))


def _samples(content: bytes) -> tuple[NDArray[np.float32], int]:
    with wave.open(io.BytesIO(content)) as reader:
        rate = reader.getframerate()
    data = content[44:]  # a stream's header cannot know its length, so it is not believed
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768), rate


def _resampled(sound: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
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
