"""The half of the row under the stage that says which sound each frame is compared with: play, time and the modes."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.matchmaps.sound_choice import SEGMENTS_S, SoundChoice
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.play_button import PlayButton
from annotator.views.widgets.time_layout import clock_text

_MODES = {"around": "seconds around", "moment": "moment", "word": "one word", "span": "a part", "ask": "a question"}


class SoundControls(QWidget):
    """Shows a SoundChoice; a press asks for another. Keys of `mode_requested`: around, moment, word, span, ask."""

    play_toggled = Signal()
    mode_requested = Signal(str)
    seconds_requested = Signal(float)
    reduction_toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.play = PlayButton()
        self.play.clicked.connect(self.play_toggled)
        self._time = QLabel()
        theme.set_role(self._time, "muted")
        self.modes = {name: Pill(text) for name, text in _MODES.items()}
        for name, pill in self.modes.items():
            pill.clicked.connect(lambda _checked=False, name=name: self._ask(name))
        self.seconds, self.reduction = Pill("T = 2 s", checkable=False), Pill("mean", checkable=False)
        self.seconds.set_state("menu")
        self.reduction.set_state("menu")
        self.seconds.clicked.connect(self._choose_seconds)
        self.reduction.clicked.connect(self.reduction_toggled)
        self._choice = SoundChoice()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part, space in ((self.play, 4), (self._time, 6)):
            row.addWidget(part)
            row.addSpacing(space)
        row.addWidget(self.modes["around"])
        row.addWidget(self.seconds)
        for name in ("moment", "word", "span", "ask"):
            row.addWidget(self.modes[name])
        row.addWidget(self.reduction)
        self.set_time(0.0, 0.0)
        self.set_choice(self._choice)

    def show_keys(self, keys: KeyBindings) -> None:
        """Writes the live keys into the tooltips."""
        for name in ("around", "moment", "word", "ask"):
            self.modes[name].setToolTip(keys.tip(f"matchmaps.{name}"))
        begin, end = keys.text("matchmaps.span_from"), keys.text("matchmaps.span_to")
        keyed = f", or {begin} and {end}" if begin and end else ""
        self.modes["span"].setToolTip(f"A part of the sound: drag over the time axis with Shift{keyed}")
        self.seconds.setToolTip(keys.tip("matchmaps.seconds"))
        self.reduction.setToolTip(keys.tip("matchmaps.reduction"))

    def set_time(self, time_s: float, duration_s: float) -> None:
        text = f"{clock_text(time_s, decimals=1)} / {clock_text(duration_s, decimals=1)}"
        if text != self._time.text():
            self._time.setText(text)
            widest = self._time.fontMetrics().horizontalAdvance("0" * len(text))
            self._time.setMinimumWidth(max(self._time.minimumWidth(), widest))

    def set_choice(self, choice: SoundChoice) -> None:
        """Lights the mode that is chosen."""
        self._choice = choice
        lit = {"query": "ask", "span": "word" if choice.is_word else "span"}.get(choice.kind, choice.kind)
        for name, pill in self.modes.items():
            pill.setChecked(name == lit)
        self.seconds.setText(f"T = {choice.segment_s:g} s")
        self.reduction.setText("maximum" if choice.reduction == "max" else "mean")

    def lit(self) -> str:
        """Returns the name of the mode that is lit."""
        return next((name for name, pill in self.modes.items() if pill.isChecked()), "")

    def set_enabled(self, is_enabled: bool) -> None:
        """Greys out the modes while no checkpoint listens; playing goes on."""
        for part in (*self.modes.values(), self.seconds, self.reduction):
            part.setEnabled(is_enabled)

    def _ask(self, name: str) -> None:
        self.set_choice(self._choice)  # the answer lights it, not the press
        self.mode_requested.emit(name)

    def next_seconds(self) -> None:
        """Asks for the next of the lengths around."""
        longer = [seconds for seconds in SEGMENTS_S if seconds > self._choice.segment_s]
        self.seconds_requested.emit(longer[0] if longer else SEGMENTS_S[0])

    def _choose_seconds(self) -> None:
        menu = QMenu(self)
        for seconds in SEGMENTS_S:
            action = menu.addAction(f"{seconds:g} s around each frame")
            action.setCheckable(True)
            action.setChecked(seconds == self._choice.segment_s)
            action.triggered.connect(lambda _checked=False, chosen=seconds: self.seconds_requested.emit(chosen))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.seconds.mapToGlobal(self.seconds.rect().bottomLeft()))
