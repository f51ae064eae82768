"""The language that a video is spoken in: by its metadata (yt-dlp's info JSON), else by a model that listens (Section 4).

Called by the import of YouTube-8M. The listening one is an adapter over faster-whisper (the extra `whisper`).
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from davenet.corpora.texts import read_json
from davenet.errors import UserError, one_line

DEFAULT_MODEL = "tiny"  # tells languages apart well enough, and English from others nearly always
INSTALL = 'pip install "matchmap-annotator[whisper]"'
_LISTENED_S = 300.0  # of the beginning; the model takes the parts of it with speech
_SEGMENTS = 4  # of 30 s, until it is sure
_RATE = 16000
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


def whisper_identifier(model: str = DEFAULT_MODEL) -> LanguageIdentifier:
    """Returns an identifier by a Whisper model, named or a local folder.

    Raises UserError where the extra is not installed, or the model is neither here nor can be fetched.
    """
    if not can_listen():
        raise UserError(f"Languages cannot be told by their sound without faster-whisper; install it with: {INSTALL}")
    return _Whisper(model)


class _Whisper:
    def __init__(self, model: str) -> None:
        from faster_whisper import WhisperModel

        self.name = f"faster-whisper:{model}"
        try:
            self._model = WhisperModel(model, device="auto", compute_type="default")
        except Exception as error:  # of the model's runtime and of what fetches models: many kinds, none of them ours
            raise UserError(
                f"The Whisper model {model} does not load ({one_line(error)[:120]}); name one that is on this machine."
            ) from error

    def hear(self, path: Path) -> Heard:
        """Raises UserError where the file's sound cannot be read."""
        from davenet.media.sound import stream_sound

        blocks, n_samples = [], 0
        for block in stream_sound(path, _RATE, 30.0):
            blocks.append(np.asarray(block, np.float32))
            n_samples += len(block)
            if n_samples >= _LISTENED_S * _RATE:
                break
        if not n_samples:
            return Heard("", 0.0)
        sound = np.concatenate(blocks)[: int(_LISTENED_S * _RATE)]
        language, probability, _ = self._model.detect_language(
            sound, vad_filter=True, language_detection_segments=_SEGMENTS
        )
        return Heard(language_code(str(language)), float(probability))
