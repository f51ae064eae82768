"""What a person has set of the app itself, kept in its settings file; `changed` names what is other than before.

Settings of a project lie in its database and keys in the keymap; neither is here.
"""

from typing import Any, Literal

from PySide6.QtCore import QObject, QSettings, Signal

Theme = Literal["system", "dark", "light"]
TEXT_SIZES: dict[str, float] = {"small": 0.92, "normal": 1.0, "large": 1.15, "larger": 1.3}
CACHE_LIMITS_MB = (128, 256, 512, 1024)
_PLACES = {"autoplay": "review/autoplay", "auto_advance": "review/auto_advance"}  # beside Review's own settings
_DEFAULTS: dict[str, Any] = {
    "autoplay": True,
    "auto_advance": True,
    "volume": 100,  # per cent
    "is_muted": False,
    "cache_limit_mb": 256,
    "theme": "system",
    "text_size": "normal",
    "tour_seen": False,
}


class Preferences(QObject):
    """Typed values over QSettings; a value that cannot be read is the default."""

    changed = Signal(str)

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings

    @property
    def autoplay(self) -> bool:
        """Each pair's sound is played when the pair is shown."""
        return self._flag("autoplay")

    @property
    def auto_advance(self) -> bool:
        """The next pair is shown after a verdict."""
        return self._flag("auto_advance")

    @property
    def volume(self) -> int:
        return self._number("volume", 0, 100)

    @property
    def is_muted(self) -> bool:
        return self._flag("is_muted")

    @property
    def cache_limit_mb(self) -> int:
        return self._number("cache_limit_mb", CACHE_LIMITS_MB[0], CACHE_LIMITS_MB[-1])

    @property
    def theme(self) -> str:
        chosen = str(self._value("theme"))
        return chosen if chosen in ("system", "dark", "light") else "system"

    @property
    def text_size(self) -> str:
        chosen = str(self._value("text_size"))
        return chosen if chosen in TEXT_SIZES else "normal"

    @property
    def tour_seen(self) -> bool:
        return self._flag("tour_seen")

    def set(self, name: str, value: bool | int | str) -> None:
        """Keeps a value and tells of it. Raises KeyError for a name that is none of the above."""
        _DEFAULTS[name]
        if value != getattr(self, name):
            self._settings.setValue(_PLACES.get(name, name), value)
            self._settings.sync()
            self.changed.emit(name)

    def _value(self, name: str) -> Any:
        return self._settings.value(_PLACES.get(name, name), _DEFAULTS[name])

    def _flag(self, name: str) -> bool:
        return str(self._value(name)).lower() in ("true", "1")  # an ini file gives words back

    def _number(self, name: str, least: int, most: int) -> int:
        try:
            return min(most, max(least, int(self._value(name))))
        except (TypeError, ValueError):
            return int(_DEFAULTS[name])
