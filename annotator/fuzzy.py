"""Finds what people mean by a few letters: each word typed must lie in a text, best at the beginnings of its words.

No Qt. Used by the palette and by Go to, on at most some thousand short texts.
"""

_WORD_START, _INSIDE, _SCATTERED = 3.0, 2.0, 1.0
_STARTS_AFTER = " ·:-_/.,(“"


def match(query: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """Returns how well `query` fits and which letters of `text` it takes; None where it does not fit.

    Case does not matter. A word of the query counts most where it begins a word of the text, less inside one, least
    where its letters lie scattered in order; of equal fits the shorter text is the better one.
    """
    low = text.lower()
    if len(low) != len(text):  # a letter that grows in lower case: its places would not be the text's
        low = text
    score, places = 0.0, set[int]()
    for word in query.lower().split():
        found = _match_word(word, low)
        if found is None:
            return None
        score += found[0]
        places.update(found[1])
    return score - len(text) / 1000, tuple(sorted(places))


def _match_word(word: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    at, inside = text.find(word), None
    while at >= 0:
        taken = tuple(range(at, at + len(word)))
        if at == 0 or text[at - 1] in _STARTS_AFTER:
            return _WORD_START + (0.5 if at == 0 else 0.0), taken
        inside = inside or taken
        at = text.find(word, at + 1)
    if inside is not None:
        return _INSIDE, inside
    return _scattered(word, text)


def _scattered(word: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """The letters in order, each at the beginning of a word where it can be: "rs" finds "Release Step"."""
    taken: list[int] = []
    at = 0
    for letter in word:
        begins = next(
            (i for i in range(at, len(text)) if text[i] == letter and (i == 0 or text[i - 1] in _STARTS_AFTER)), None
        )
        place = begins if begins is not None else text.find(letter, at)
        if place < 0:
            return None
        taken.append(place)
        at = place + 1
    if taken[0] and text[taken[0] - 1] not in _STARTS_AFTER:
        return None  # scattered letters that begin nowhere are no match that a person sees
    return _SCATTERED - (taken[-1] - taken[0] - len(taken) + 1) / 100, tuple(taken)
