"""What a reviewer likes of the Review workspace on this machine: autoplay, going on, the matchmap's look, the docks."""

from typing import Any

from PySide6.QtCore import QByteArray, QSettings

from annotator import recent
from davenet.overlay import COLOUR_MAPS

SETTINGS_FILE = "app.ini"
ALPHAS = tuple(round(0.1 * step, 1) for step in range(1, 11))
SPEEDS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
_LAYOUT_VERSION = 1  # other docks than before: an older layout must not be put on them


class ReviewOptions:
    """Read from the app's settings once and written with each change."""

    def __init__(self, settings: QSettings | None = None) -> None:
        path = str(recent.config_dir() / SETTINGS_FILE)
        self._settings = settings if settings is not None else QSettings(path, QSettings.Format.IniFormat)

    @property
    def autoplay(self) -> bool:
        """Whether a pair is heard as soon as it shows."""
        return self._flag("autoplay", True)

    @autoplay.setter
    def autoplay(self, is_on: bool) -> None:
        self._keep("autoplay", is_on)

    @property
    def auto_advance(self) -> bool:
        """Whether the next pair shows after a verdict."""
        return self._flag("auto_advance", True)

    @auto_advance.setter
    def auto_advance(self, is_on: bool) -> None:
        self._keep("auto_advance", is_on)

    @property
    def alpha(self) -> float:
        """The matchmap's greatest opacity, one of ALPHAS."""
        try:
            value = round(float(str(self._settings.value("review/alpha", 0.6))), 1)
        except ValueError:
            value = 0.6
        return value if value in ALPHAS else 0.6

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._keep("alpha", value)

    @property
    def colour_map(self) -> str:
        name = str(self._settings.value("review/colour_map", COLOUR_MAPS[0]))
        return name if name in COLOUR_MAPS else COLOUR_MAPS[0]

    @colour_map.setter
    def colour_map(self, name: str) -> None:
        self._keep("colour_map", name)

    def layout(self) -> QByteArray | None:
        """Returns where the docks were, None where they were never moved."""
        state = self._settings.value(f"review/layout{_LAYOUT_VERSION}")
        return state if isinstance(state, QByteArray) and not state.isEmpty() else None

    def keep_layout(self, state: QByteArray | None) -> None:
        """Remembers where the docks are; None forgets it."""
        if state is None:
            self._settings.remove(f"review/layout{_LAYOUT_VERSION}")
        else:
            self._settings.setValue(f"review/layout{_LAYOUT_VERSION}", state)

    def _flag(self, name: str, otherwise: bool) -> bool:
        return str(self._settings.value(f"review/{name}", otherwise)).casefold() in ("true", "1")

    def _keep(self, name: str, value: Any) -> None:
        self._settings.setValue(f"review/{name}", value)
