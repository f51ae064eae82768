"""The matchmap on the review stage: on or off, how strong, in which colours, and hidden from a blind reviewer."""

from PySide6.QtCore import QObject

from annotator.views.review.review_options import ALPHAS, ReviewOptions
from annotator.views.review.stage_controls import StageControls
from annotator.views.widgets.stage import Stage
from davenet.matchmap_file import Matchmaps
from davenet.overlay import COLOUR_MAPS, colour_rgba

_OVERLAY_PX = 256  # the overlay is painted small and smoothly enlarged
_THRESHOLD = 0.25


class OverlayView(QObject):
    """Paints the map of the frame on screen; what is hidden (`set_hidden`) is seen neither by M nor by itself."""

    def __init__(
        self, stage: Stage, controls: StageControls, options: ReviewOptions, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._stage, self._controls, self._options = stage, controls, options
        self._matchmaps: Matchmaps | None = None
        self._time_s = 0.0
        self._is_on = True
        self._is_hidden = False
        self._is_peeking = False

    @property
    def is_painted(self) -> bool:
        """Whether a matchmap lies on the frame now."""
        return self._matchmaps is not None and not self._is_hidden and self._is_on != self._is_peeking

    @property
    def is_available(self) -> bool:
        return self._matchmaps is not None and not self._is_hidden

    def clear(self) -> None:
        """There are no matchmaps: another pair."""
        self.set_matchmaps(None)

    def set_matchmaps(self, matchmaps: Matchmaps | None) -> None:
        self._matchmaps = matchmaps
        self._stage.set_crop(matchmaps.crop if matchmaps is not None else None)
        self._show()

    def set_time(self, time_s: float) -> None:
        """Another frame is on screen."""
        self._time_s = time_s
        self._paint()

    def set_hidden(self, is_hidden: bool) -> None:
        """Blind or not: while hidden there is nothing to see or to switch on."""
        self._is_hidden = is_hidden
        self._show()

    def toggle(self) -> None:
        if self.is_available:
            self._is_on = not self._is_on
            self._show()

    def peek(self, is_peeking: bool) -> None:
        """While it lasts, shows what is not shown otherwise: the map where it is off, the bare frame where it is on."""
        self._is_peeking = is_peeking
        self._paint()

    def change_alpha(self, steps: int) -> str:
        """Makes the map stronger or fainter and returns what it is now, in words."""
        place = min(max(0, ALPHAS.index(self._options.alpha) + steps), len(ALPHAS) - 1)
        self._options.alpha = ALPHAS[place]
        self._paint()
        return f"Matchmap at {self._options.alpha:.0%}".replace("%", "\u202f%")

    def next_colours(self) -> str:
        """Goes on to the next colour map and returns its name in words."""
        following = (COLOUR_MAPS.index(self._options.colour_map) + 1) % len(COLOUR_MAPS)
        self._options.colour_map = COLOUR_MAPS[following]
        self._paint()
        return f"Colours: {self._options.colour_map}"

    def _show(self) -> None:
        self._controls.set_overlay(is_available=self.is_available, is_on=self._is_on)
        self._paint()

    def _paint(self) -> None:
        if self._matchmaps is None or not self.is_painted:
            self._stage.set_overlay(None)
            return
        rgba = colour_rgba(
            self._matchmaps.at(self._time_s),
            (_OVERLAY_PX, _OVERLAY_PX),
            colour_map=self._options.colour_map,  # type: ignore[arg-type]  # one of COLOUR_MAPS
            alpha=self._options.alpha,
            threshold=min(_THRESHOLD, self._options.alpha),
        )
        self._stage.set_overlay(rgba, self._matchmaps.crop)
