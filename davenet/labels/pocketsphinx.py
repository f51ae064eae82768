"""The recogniser that needs nothing else: pocketsphinx with the US English model that its package brings.

It hears far less than the paper's recogniser (Section 3.1); its words carry posterior probabilities as confidences.
"""

import importlib.metadata
import re
from typing import Any

import numpy as np

from davenet.errors import UserError
from davenet.labels.pieces import Sound
from davenet.labels.words import Word, clipped_confidence
from davenet.specs import TranscriberOptions

_STEPS_A_SECOND = 100
_SHORTEST_S = 0.1  # less sound than this holds no word and can leave the decoder without a hypothesis
_VARIANT = re.compile(r"\(\d+\)$")  # "butter(2)" is another pronunciation of "butter"
_FILLER = re.compile(r"^(<.*>|\[.*\]|\+\+.*\+\+)$")  # <s>, </s>, <sil>, [NOISE], ++COUGH++


def open_pocketsphinx(rest: str, options: TranscriberOptions) -> "PocketsphinxTranscriber":
    """Returns the recogniser; raises UserError where it is told of a model or a language that it has not."""
    check_english("pocketsphinx", rest, options)
    return PocketsphinxTranscriber()


def check_english(name: str, rest: str, options: TranscriberOptions) -> None:
    if rest:
        raise UserError(f'{name} has one model, its own; write "{name}" in place of "{name}:{rest}".')
    if options.language and options.language.split("-")[0] != "en":
        raise UserError(f"{name} hears English only, not {options.language}; use faster-whisper for other languages.")


class PocketsphinxTranscriber:
    """One decoder, used for piece after piece, each heard as if it were the first; `cmn` batch: by its own mean."""

    name = "pocketsphinx"
    rate = 16000

    def __init__(self) -> None:
        """Loads the model; raises UserError where the package or its model is missing."""
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise UserError(
                "The recogniser pocketsphinx is not installed; install it with: pip install pocketsphinx"
            ) from error
        self.version = importlib.metadata.version("pocketsphinx")
        self.settings: dict[str, Any] = {"model": "en-us", "cmn": "batch"}
        try:
            self._decoder = Decoder(loglevel="FATAL", cmn="batch")
        except (RuntimeError, ValueError) as error:
            raise UserError(
                "The English model of pocketsphinx does not load; install it again with: "
                "pip install --force-reinstall pocketsphinx"
            ) from error

    def __call__(self, sound: Sound, rate: int) -> list[Word]:
        """Returns the words of float32 mono sound (n,) in −1..1, in order, with times from its beginning."""
        if rate != self.rate:
            raise ValueError(f"pocketsphinx wants {self.rate} Hz, not {rate}")
        if len(sound) < _SHORTEST_S * rate:
            return []
        samples = np.clip(np.round(sound * 32767.0), -32768, 32767).astype("<i2")
        self._decoder.reinit_feat()  # else what it took for noise in the pieces before goes on into this one
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        return [
            Word(
                _VARIANT.sub("", segment.word),
                segment.start_frame / _STEPS_A_SECOND,
                (segment.end_frame + 1) / _STEPS_A_SECOND,  # its last step is inclusive
                clipped_confidence(segment.prob),
            )
            for segment in self._decoder.seg() or ()
            if not _FILLER.match(segment.word)
        ]
