"""The language that a video is spoken in: by its metadata (yt-dlp's info JSON), else by a model that listens (Section 4).

Called by the import of YouTube-8M. The listening one is an adapter over faster-whisper (the extra `whisper`).
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from davenet.corpora.texts import read_json
from davenet.errors import UserError, one_line
from davenet.labels.speech.auto import INSTALL, cached_models

_SMALLEST = "tiny"  # tells languages apart well enough, and English from others nearly always
_LISTENED_S = 300.0  # of the beginning
_BLOCK_S = 30.0
_SEGMENT_S = 30.0  # what the model hears at once
_SEGMENTS = 4  # of speech, until it is sure
_NAMES = {"english": "en", "eng": "en"}


@dataclass(frozen=True, slots=True)
class Heard:
    """A language (ISO 639-1 where it has such a code) with the model's probability for it."""

    language: str
    probability: float


class LanguageIdentifier(Protocol):
    """Anything that hears which language is spoken in a media file; `name` says what it is, for the record."""

    name: str

    def hear(self, path: Path) -> Heard: ...


def language_code(text: str) -> str:
    """Returns a language's short code in lower case, without its region: "en-US" and "English" are "en"."""
    plain = text.strip().lower().replace("_", "-").split("-")[0]
    return _NAMES.get(plain, plain)


def tagged_language(info: Mapping[str, Any]) -> str:
    """Returns the spoken language by a video's metadata as yt-dlp writes it, or "" where that does not say.

    That is `language`; else the automatic captions' original ("en-orig"), or their language where they have only one:
    YouTube translates them into a hundred others. Subtitles that people wrote say nothing of what is spoken.
    """
    tag = info.get("language")
    if isinstance(tag, str) and tag.strip():
        return language_code(tag)
    captions = info.get("automatic_captions")
    if not isinstance(captions, Mapping):
        return ""
    names = [name for name in captions if isinstance(name, str) and name != "live_chat"]
    originals = {language_code(name) for name in names if name.endswith("-orig")}
    found = originals or {language_code(name) for name in names}
    return found.pop() if len(found) == 1 else ""


def tagged_language_of(info_file: Path) -> str:
    """Reads a metadata file; raises UserError where it is no JSON object."""
    info = read_json(info_file)
    if not isinstance(info, dict):
        raise UserError(
            f"{info_file} is not a video's metadata (a JSON object); write it with: yt-dlp --write-info-json"
        )
    return tagged_language(info)


def can_listen() -> bool:
    """Returns whether the extra that identifies languages by their sound is installed."""
    return importlib.util.find_spec("faster_whisper") is not None


def default_model() -> str:
    """Returns the smallest Whisper model on this machine that hears languages; "tiny", fetched once, where there is none."""
    here = [name for name in cached_models() if not name.endswith(".en") and "distil" not in name]
    return here[-1] if here else _SMALLEST


def whisper_identifier(model: str | None = None) -> LanguageIdentifier:
    """Returns an identifier by a Whisper model, named or a local folder in CTranslate2's format.

    Raises UserError where the extra is not installed, the model is neither here nor can be fetched, or hears English only.
    """
    if not can_listen():
        raise UserError(f"Languages cannot be told by their sound without faster-whisper; install it with: {INSTALL}")
    return _Whisper(model or default_model())


class _Whisper:
    def __init__(self, model: str) -> None:
        from faster_whisper import WhisperModel

        self.name = f"faster-whisper:{model}"
        try:
            self._model = WhisperModel(model, device="cpu", compute_type="int8")
        except Exception as error:  # of the model's runtime and of what fetches models: many kinds, none of them ours
            raise UserError(
                f"The Whisper model {model} does not load ({one_line(error)[:120]}); name one that is on this machine with "
                "--language-model, or take every language with --language any."
            ) from error
        if not self._model.model.is_multilingual:
            raise UserError(
                f"The Whisper model {model} knows English only; give one without .en with --language-model."
            )

    def hear(self, path: Path) -> Heard:
        """Returns the language "" where nobody speaks; raises UserError where the file's sound cannot be read."""
        speech = _speech(path)
        if not len(speech):
            return Heard("", 0.0)
        language, probability, _ = self._model.detect_language(speech, language_detection_segments=_SEGMENTS)
        return Heard(language_code(str(language)), float(probability))


def _speech(path: Path) -> NDArray[np.float32]:
    """Returns the speech of the first minutes without the pauses, 16 kHz: music at the beginning has no language."""
    from davenet.labels.speech.voice import RATE, speech_chances, speech_spans
    from davenet.media.sound import stream_sound

    blocks, n_samples = [], 0
    for block in stream_sound(path, RATE, _BLOCK_S):
        blocks.append(np.asarray(block, np.float32))
        n_samples += len(block)
        if n_samples >= _LISTENED_S * RATE:
            break
    if not blocks:
        return np.zeros(0, np.float32)
    sound = np.concatenate(blocks)
    parts = [sound[int(span.start * RATE) : int(span.end * RATE)] for span in speech_spans(speech_chances([sound]))]
    return np.concatenate([*parts, np.zeros(0, np.float32)])[: int(_SEGMENTS * _SEGMENT_S * RATE)]
