"""The keys of the Matchmaps workspace in one table: shortcuts and tooltips are made from it."""

# intention -> (keys as Qt reads them, keys as shown, what it does)
KEYS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "play": (("Space",), "Space", "Play or pause"),
    "back": (("Left",), "←", "One second back"),
    "on": (("Right",), "→", "One second on"),
    "far_back": (("Shift+Left",), "Shift ←", "Five seconds back"),
    "far_on": (("Shift+Right",), "Shift →", "Five seconds on"),
    "frame_back": ((",",), ",", "One frame back"),
    "frame_on": ((".",), ".", "One frame on"),
    "overlay": (("M",), "M", "Show the matchmap"),
    "crop": (("C",), "C", "Show the part of the frame that the model sees"),
    "heard": (("H",), "H", "Darken all but what is heard"),
    "segment": (("T",), "T", "Show the sound that this moment's map is of"),
    "range": (("W",), "W", "20 s around now, or the whole video"),
    "colours": (("V",), "V", "Next colour map"),
    "less_alpha": (("-",), "-", "Fainter overlay"),
    "more_alpha": (("=", "+"), "=", "Stronger overlay"),
    "lower_threshold": (("[",), "[", "Lower threshold: more of the map shows"),
    "higher_threshold": (("]",), "]", "Higher threshold: less of the map shows"),
}
REPEATING = frozenset(KEYS) - {"play", "overlay", "crop", "heard", "segment", "range", "colours"}


def tip(intention: str) -> str:
    """Returns the tooltip of a control that does this."""
    _keys, shown, text = KEYS[intention]
    return f"{text} ({shown})"
