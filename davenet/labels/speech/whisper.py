"""Whisper through faster-whisper (the extra `whisper`): `faster-whisper[:MODEL]`, with word times and probabilities.

MODEL is a name such as "small", which is downloaded once, or a folder that holds a model in CTranslate2's format.
"""

import importlib.metadata
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from davenet.errors import UserError, one_line
from davenet.files import content_hash
from davenet.labels.pieces import Sound
from davenet.labels.speech import auto
from davenet.labels.speech.spread import notes_among, plain
from davenet.labels.words import Word, clipped_confidence
from davenet.specs import TranscriberOptions

DEFAULT_MODEL = "small"
_BEAM = 5
_LOOP = 2.4  # compression ratio of a text that repeats itself: the model has lost the sound
_NEEDED = ("model.bin", "config.json")


def open_whisper(rest: str, options: TranscriberOptions) -> "WhisperTranscriber":
    """Returns the recogniser, its model loaded and downloaded before where that is needed.

    Raises UserError with the one command that helps where the extra, the model or the network is missing.
    """
    try:
        import faster_whisper
    except ImportError as error:
        raise UserError(f"The recogniser faster-whisper is not installed; install it with: {auto.INSTALL}") from error
    model = rest or next(iter(auto.cached_models()), DEFAULT_MODEL)
    folder = _model_folder(model)
    device, compute, opened = _load(faster_whisper.WhisperModel, folder, options.device)
    if options.language and options.language.split("-")[0] != "en" and not opened.model.is_multilingual:
        raise UserError(f"The Whisper model {model} hears English only, not {options.language}; take one without .en.")
    name = folder.name if Path(model).is_dir() else model
    return WhisperTranscriber(opened, name, folder, device, compute, options.language)


class WhisperTranscriber:
    """One model; each piece is heard by itself, without what was said before, so that a mistake does not spread."""

    rate = 16000
    pieces_s = (15.0, 29.0)  # the model hears 30 s at once, and takes as long for less
    uses_all_cores = True

    def __init__(self, model: Any, name: str, folder: Path, device: str, compute: str, language: str = "") -> None:
        self._model = model
        self._language = language.split("-")[0] or None
        self.name = f"faster-whisper:{name}"
        self.version = importlib.metadata.version("faster-whisper")
        self.settings: dict[str, Any] = {
            "model": name,
            "model_hash": content_hash(folder / "model.bin"),
            "language": language,
            "beam_size": _BEAM,
            "compute_type": compute,
        }
        self.notes = (f"{self.name} runs on the {'GPU' if device == 'cuda' else 'CPU'} ({compute}).",)

    def __call__(self, sound: Sound, rate: int) -> list[Word]:
        """Returns the words of float32 mono sound (n,) in −1..1, in order, with times from its beginning."""
        if rate != self.rate:
            raise ValueError(f"Whisper wants {self.rate} Hz, not {rate}")
        try:
            segments, _ = self._model.transcribe(
                np.ascontiguousarray(sound, np.float32),
                language=self._language,
                beam_size=_BEAM,
                temperature=0.0,  # nothing is drawn: the same sound gives the same words
                condition_on_previous_text=False,
                word_timestamps=True,
            )
            return words_of_segments(segments)
        except ValueError as error:
            if "language" in str(error):
                raise UserError(
                    f'Whisper knows no language "{self._language}"; give a code such as en, de or ja with --language.'
                ) from error
            raise


def words_of_segments(segments: Iterable[Any]) -> list[Word]:
    """Returns the words of faster-whisper's segments without their punctuation; a text that loops is left out."""
    words = []
    for segment in segments:
        if segment.compression_ratio is not None and segment.compression_ratio > _LOOP:
            continue
        spoken = list(segment.words or ())
        for word, is_note in zip(spoken, notes_among([word.word for word in spoken]), strict=True):
            text = plain(word.word)
            if text and not is_note:
                start, end = float(word.start), float(word.end)
                words.append(Word(text, start, max(start, end), clipped_confidence(float(word.probability))))
    return words


def _model_folder(model: str) -> Path:
    """Returns the folder of a model, downloaded where it is a name that is not on this machine yet."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        missing = [name for name in _NEEDED if not (folder / name).is_file()]
        if missing:
            raise UserError(
                f"{folder} is no model of faster-whisper (it has no {missing[0]}); convert one to CTranslate2's format "
                "with: ct2-transformers-converter --copy_files tokenizer.json preprocessor_config.json"
            )
        return folder
    from faster_whisper.utils import available_models, download_model

    if folder.is_absolute() or len(folder.parts) > 2 or (model not in available_models() and "/" not in model):
        raise UserError(
            f'There is no Whisper model "{model}"; give the folder of one, or a name: {", ".join(available_models())}.'
        )
    logging.getLogger("faster_whisper").setLevel(logging.ERROR)
    try:
        return Path(download_model(model, local_files_only=True))
    except (OSError, ValueError):
        fetch = download_model  # it is not here
    try:
        return Path(fetch(model))
    except Exception as error:
        raise UserError(
            f'The Whisper model "{model}" is not on this machine and cannot be downloaded '
            f"({one_line(error)[:120]}); with its folder from elsewhere: --with faster-whisper:FOLDER"
        ) from error


def _load(build: Any, folder: Path, device: str) -> tuple[str, str, Any]:
    """Returns the device, the type it computes in and the model; a GPU without its libraries is passed over for "auto"."""
    import ctranslate2

    if device != "cpu" and ctranslate2.get_cuda_device_count() > 0:
        try:
            model = build(str(folder), device="cuda", compute_type="float16")
            list(model.transcribe(np.zeros(16000, np.float32), language="en")[0])  # libraries are looked for on use
            return "cuda", "float16", model
        except (RuntimeError, ValueError) as error:
            if device == "cuda":
                raise UserError(
                    f"Whisper cannot use the GPU ({one_line(error)[:160]}); install CUDA 12's cuBLAS and cuDNN, or use "
                    "--device cpu."
                ) from error
    elif device == "cuda":
        raise UserError("Whisper finds no GPU on this machine; use --device cpu.")
    try:
        return "cpu", "int8", build(str(folder), device="cpu", compute_type="int8")
    except Exception as error:  # ctranslate2's, tokenizers' and json's kinds alike: the files are at fault
        raise UserError(
            f"The Whisper model in {folder} does not load ({one_line(error)[:160]}); download or convert it again."
        ) from error
