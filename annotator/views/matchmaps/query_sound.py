"""The sound of a question: said by the machine (espeak-ng or flite) or recorded from the microphone, as a WAV file.

Slow: away from the GUI thread. Each sound is kept in the project's cache under the hash of what was asked. No Qt.
"""

import hashlib
import shutil
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError
from davenet.files import atomic_path, content_hash

RECORDED_S = 3.0
_RATE = 16_000
_VOICES = ("espeak-ng", "espeak", "flite")
_LIMIT_S = 20.0
_QUIET = 0.02  # of the loudest moment: what lies before and after it is nobody's voice (-34 dB)
_BLOCK = _RATE // 100
_AROUND_S = 0.1


@dataclass(frozen=True, slots=True)
class Query:
    """What a question is called, its sound and the hash of that."""

    text: str
    path: Path
    content: str


def find_voice() -> str | None:
    """Returns the program that says words here, None where there is none."""
    return next((name for name in _VOICES if shutil.which(name)), None)


def say(text: str, folder: Path) -> Query:
    """Returns the sound of typed words; raises UserError where nothing here can say them."""
    text = " ".join(text.split())
    if not text:
        raise UserError("There is nothing to say; type a word.")
    voice = find_voice()
    if voice is None:
        raise UserError("Nothing on this machine says words; install espeak-ng, or ask with the microphone.")
    name = hashlib.blake2b(f"{voice}\0{text}".encode(), digest_size=8).hexdigest()
    path = folder / f"said-{name}.wav"
    if not path.exists():
        program = shutil.which(voice)
        assert program is not None
        with atomic_path(path) as temporary:
            words = ["-t", text, "-o", str(temporary)] if voice == "flite" else ["-w", str(temporary), "--", text]
            try:
                subprocess.run([program, *words], check=True, capture_output=True, timeout=_LIMIT_S)
            except (OSError, subprocess.SubprocessError) as error:
                raise UserError(f"{voice} could not say “{text}”; ask with the microphone.") from error
    return Query(f"“{text}”", path, content_hash(path))


def record(folder: Path, seconds: float = RECORDED_S) -> Query:
    """Returns what the microphone hears for some seconds; raises UserError where there is none or it hears nothing."""
    missing = "No microphone was found; connect one, or type the word."
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the PortAudio library is missing
        raise UserError(missing) from error
    try:
        sounddevice.check_input_settings(samplerate=_RATE, channels=1)
        heard = sounddevice.rec(round(seconds * _RATE), samplerate=_RATE, channels=1, dtype="int16", blocking=True)
    except (sounddevice.PortAudioError, ValueError) as error:
        raise UserError(missing) from error
    sound = np.asarray(heard, np.int16)
    if not sound.any():
        raise UserError("The microphone heard nothing at all; switch it on, or type the word.")
    sound = spoken(sound)
    name = hashlib.blake2b(sound.tobytes(), digest_size=8).hexdigest()
    path = folder / f"recorded-{name}.wav"
    with atomic_path(path) as temporary, open(temporary, "wb") as file, wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(sound.tobytes())
    return Query("what you said", path, content_hash(path))


def spoken(sound: NDArray[np.int16]) -> NDArray[np.int16]:
    """Returns the part of a recording, 16 kHz, in which somebody speaks: the silence around a word would weaken its map."""
    blocks = np.abs(sound[: len(sound) // _BLOCK * _BLOCK].astype(np.int32)).reshape(-1, _BLOCK).max(axis=1, initial=0)
    loud = np.flatnonzero(blocks > _QUIET * blocks.max(initial=0))
    if not len(loud):
        return sound
    around = round(_AROUND_S * _RATE)
    part: NDArray[np.int16] = sound[max(0, loud[0] * _BLOCK - around) : (loud[-1] + 1) * _BLOCK + around]
    return part
