"""The protocol of recognisers, and how one is found by its name: entry points of the group `davenet.transcribers`.

`NAME:REST` opens the recogniser NAME with the text REST. Our own are found by the same steps as those of other packages.
"""

import math
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from davenet.errors import UserError, one_line
from davenet.labels.pieces import Sound
from davenet.labels.words import Word, clipped_confidence
from davenet.specs import TranscriberOptions

GROUP = "davenet.transcribers"

_OWN = (
    EntryPoint("pocketsphinx", "davenet.labels.pocketsphinx:open_pocketsphinx", GROUP),
    EntryPoint("pocketsphinx-keywords", "davenet.labels.pocketsphinx_keywords:open_keywords", GROUP),
    EntryPoint("faster-whisper", "davenet.labels.speech.whisper:open_whisper", GROUP),
)
_PIECES_S = (8.0, 24.0)
_BEYOND_S = 0.5  # of a piece's end, where recognisers round or guess


class Transcriber(Protocol):
    """A recogniser: given a piece of sound, float32 mono in −1..1, it returns its words with times from its beginning.

    It may also have `pieces_s`, the shortest and the longest piece it hears well (8 to 24 s without); `uses_all_cores`,
    true where one process of it keeps the machine busy; `wants_all_sound`, true where it is to hear pieces in which nobody
    speaks too; and `notes`, sentences to tell before it begins.
    """

    name: str  # as the words files are named after it, e.g. "faster-whisper:small"
    version: str
    rate: int  # Hz of the sound it wants; with others than 16000 pauses are found by loudness alone
    settings: dict[str, Any]  # what else its words depend on, as JSON; a change transcribes again

    def __call__(self, sound: Sound, rate: int) -> list[Word]: ...


Build = Callable[[str, TranscriberOptions], Transcriber]


def transcriber_names() -> tuple[str, ...]:
    """Returns the names of the recognisers that are installed, our own first."""
    return tuple(_installed())


def open_transcriber(named: str, options: TranscriberOptions | None = None) -> Transcriber:
    """Returns the recogniser that "NAME:REST" names, its model loaded.

    Raises UserError where there is none of the name, or it cannot be used.
    """
    name, _, rest = named.partition(":")
    found = _installed().get(name)
    if found is None:
        known = ", ".join([*_installed(), "import:FILE_OR_FOLDER", "auto"])
        raise UserError(f'There is no recogniser named "{named}"; choose one of: {known}.')
    try:
        build: Build = found.load()
    except Exception as error:  # whatever the package of another does when it is imported
        raise UserError(
            f'The recogniser "{name}" ({found.value}) does not load ({one_line(error)[:160]}); reinstall its package.'
        ) from error
    return build(rest, options or TranscriberOptions())


def pieces_s(recognise: Transcriber) -> tuple[float, float]:
    """Returns the shortest and the longest piece of sound, in seconds, that this recogniser hears well."""
    shortest, longest = getattr(recognise, "pieces_s", _PIECES_S)
    return float(shortest), float(longest)


def uses_all_cores(recognise: Transcriber) -> bool:
    return bool(getattr(recognise, "uses_all_cores", False))


def wants_all_sound(recognise: Transcriber) -> bool:
    return bool(getattr(recognise, "wants_all_sound", False))


def checked(recognise: Transcriber, words: list[Word], seconds: float) -> list[Word]:
    """Returns the words of a piece of so many seconds, within it; raises UserError where they cannot be words of it."""
    kept = []
    for word in words:
        if not isinstance(word.word, str) or not word.word.strip():
            raise _broken(recognise, f"gave {ascii(word.word)[:40]} as a word")
        start, end = float(word.start), float(word.end)
        if not (math.isfinite(start) and math.isfinite(end)) or not -_BEYOND_S <= start <= end + 1e-6:
            raise _broken(recognise, f'gave "{word.word[:40]}" the times {start:g} to {end:g} s')
        if end > seconds + _BEYOND_S and start > seconds:
            raise _broken(recognise, f'heard "{word.word[:40]}" at {start:g} s of a piece of {seconds:g} s')
        start = min(max(0.0, start), seconds)
        end = min(max(start, end), seconds)
        kept.append(Word(word.word.strip(), start, end, clipped_confidence(float(word.confidence)), word.approximate))
    return kept


def _broken(recognise: Transcriber, what: str) -> UserError:
    return UserError(f'The recogniser "{recognise.name}" {what}; choose another, or tell who made it.')


def _installed() -> dict[str, EntryPoint]:
    """Returns each name's entry point; another package may not take the place of ours."""
    found = {entry.name: entry for entry in _OWN}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        found.setdefault(entry.name, entry)
    return found
