"""pocketsphinx as a keyword spotter of the food words: a tenth of the time of writing everything down, and foods only.

For training corpora, where only the food words are searched for (Section 6) and a whole transcript would take hours. It
hears more than is said: mining keeps what a detector sees too.
"""

import importlib.metadata
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from davenet.errors import UserError
from davenet.labels.food_words import food_words
from davenet.labels.pieces import Sound
from davenet.labels.pocketsphinx import check_english
from davenet.labels.words import Word, clipped_confidence
from davenet.specs import TranscriberOptions

_STEPS_A_SECOND = 100
_SILENCE_AFTER_S = 0.5  # without it a last word is not heard
_LETTERS_A_DECADE = (
    2  # a word of six letters is kept from a likelihood ratio of 1e-3 on; short words are heard too often
)


def open_keywords(rest: str, options: TranscriberOptions) -> "KeywordTranscriber":
    """Returns the spotter of the project's food words; raises UserError where it is told of a model or a language."""
    check_english("pocketsphinx-keywords", rest, options)
    return KeywordTranscriber()


class KeywordTranscriber:
    """Spots those of the given words (the project's food words without any) that pocketsphinx can pronounce."""

    name = "pocketsphinx-keywords"
    rate = 16000

    def __init__(self, words: tuple[str, ...] | None = None) -> None:
        """Loads the model; raises UserError where the package is missing or none of the words can be pronounced."""
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise UserError(
                "The recogniser pocketsphinx is not installed; install it with: pip install pocketsphinx"
            ) from error
        self.version = importlib.metadata.version("pocketsphinx")
        wanted = food_words() if words is None else words
        known = Decoder(loglevel="FATAL", lm=None)
        pronounced = [word for word in wanted if all(known.lookup_word(part) for part in word.split())]
        if not pronounced:
            raise UserError("pocketsphinx can pronounce none of the food words; give it a list of English words.")
        self.settings: dict[str, Any] = {
            "model": "en-us",
            "keywords": len(pronounced),
            "letters_a_decade": _LETTERS_A_DECADE,
        }
        lines = [f"{word} /1e-{max(1, len(word) // _LETTERS_A_DECADE)}/" for word in pronounced]
        with tempfile.TemporaryDirectory() as folder:
            listed = Path(folder) / "keywords.txt"
            listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
            self._decoder = Decoder(loglevel="FATAL", lm=None, kws=str(listed))

    def __call__(self, sound: Sound, rate: int) -> list[Word]:
        """Returns the words spotted in float32 mono sound (n,) in −1..1, in order, with times from its beginning."""
        if rate != self.rate:
            raise ValueError(f"pocketsphinx wants {self.rate} Hz, not {rate}")
        heard = np.concatenate([sound, np.zeros(round(_SILENCE_AFTER_S * rate), np.float32)])
        samples = np.clip(np.round(heard * 32767.0), -32768, 32767).astype("<i2")
        self._decoder.reinit_feat()  # else what it took for noise in the pieces before goes on into this one
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = [
            Word(
                segment.word.strip(),
                segment.start_frame / _STEPS_A_SECOND,
                min((segment.end_frame + 1) / _STEPS_A_SECOND, len(sound) / rate),  # its last step is inclusive
                clipped_confidence(segment.prob),
            )
            for segment in self._decoder.seg() or ()
        ]
        return sorted(found, key=lambda word: (word.start, word.end))
