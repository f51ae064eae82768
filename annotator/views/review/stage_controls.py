"""The row between stage and time axis: play, time, how much is heard and how fast, what lies on the frame, the menu."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QWidget

from annotator.views import theme
from annotator.views.key_bindings import KeyBindings
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.play_button import PlayButton
from annotator.views.widgets.time_layout import clock_text

_TITLE_PX = 220


class StageControls(QFrame):
    """Shows the state of what is played; each control emits the id of the action that its key does as well."""

    action_requested = Signal(str)
    menu_requested = Signal(QPoint)  # where the menu's lower right corner goes, on the screen

    def __init__(self, keys: KeyBindings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-bottom")
        self._keys = keys
        self._title = ""
        self.play = PlayButton()
        self._time = QLabel()
        theme.set_role(self._time, "small")
        self.window_pill = Pill("2 s", checkable=False)
        self.loop = Pill("loop")
        self.speed = Pill("1×", checkable=False)
        self.crop = Pill("crop")
        self.crop.setChecked(True)
        self.overlay = Pill("matchmap")
        self.blind = Pill("blind")
        self.flag = Pill("flag")
        self.comment = Pill("comment", checkable=False)
        self.more = Pill("", checkable=False)
        self.more.set_state("menu")
        self.more.setAccessibleName("Options of the Review workspace")
        self._video = QLabel()
        self._video.setMinimumWidth(0)
        theme.set_role(self._video, "small")
        self._tips: dict[Pill | PlayButton, tuple[str, str]] = {
            self.play: ("review.play", "Play or pause"),
            self.window_pill: ("review.window", "How much sound is played around the frame: 2 s or 20 s"),
            self.loop: ("review.loop", "Play the segment again and again; Shift and a drag on the axis choose another"),
            self.speed: ("review.speed_1", "Back to normal speed, at the same pitch"),
            self.crop: ("review.crop", "Show the part of the frame that the model sees"),
            self.overlay: ("review.overlay", "Show where the model hears what it hears"),
            self.blind: ("review.blind", "Decide without the detector and the model; they show after the verdict"),
            self.flag: ("review.flag", "Flag this pair to come back to it, or take the flag away"),
            self.comment: ("review.comment", "Write a comment on this pair"),
        }
        for control, (action, _text) in self._tips.items():
            control.clicked.connect(lambda _checked=False, chosen=action: self.action_requested.emit(chosen))
        self.more.clicked.connect(self._ask_for_menu)
        self._lay_out()
        self._write_tips()
        self.overlay.hide()
        self.speed.hide()
        keys.changed.connect(self._write_tips)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 0)
        row.setSpacing(6)
        row.addWidget(self.play)
        row.addWidget(self._time)
        row.addSpacing(6)
        for pill in (self.window_pill, self.loop, self.speed, self.crop, self.overlay, self.blind):
            row.addWidget(pill)
        row.addStretch(1)
        row.addWidget(self._video)
        row.addSpacing(2)
        for pill in (self.flag, self.comment, self.more):
            row.addWidget(pill)

    # setters

    def set_playing(self, is_playing: bool) -> None:
        self.play.set_playing(is_playing)

    def set_time(self, time_s: float, duration_s: float) -> None:
        self._time.setText(f"{clock_text(time_s, decimals=1)} / {clock_text(duration_s, decimals=1)}")

    def set_window(self, window_s: float) -> None:
        self.window_pill.setText(f"{window_s:g} s")
        self.window_pill.setAccessibleName(f"{window_s:g} seconds of sound")

    def set_loop(self, is_looping: bool) -> None:
        self.loop.setChecked(is_looping)

    def set_speed(self, speed: float) -> None:
        """Shows a speed other than 1; the pill goes back to it."""
        self.speed.setText(f"{speed:g}×")
        self.speed.setAccessibleName(f"Speed {speed:g}; press for normal speed")
        self.speed.setVisible(speed != 1.0)

    def set_overlay(self, *, is_available: bool, is_on: bool) -> None:
        self.overlay.setVisible(is_available)
        self.overlay.setChecked(is_on)

    def set_crop(self, is_shown: bool) -> None:
        self.crop.setChecked(is_shown)

    def set_blind(self, is_blind: bool) -> None:
        self.blind.setChecked(is_blind)

    def set_flagged(self, is_flagged: bool) -> None:
        self.flag.setChecked(is_flagged)
        self.flag.setText("flagged" if is_flagged else "flag")

    def set_comment(self, text: str) -> None:
        """Shows that there is a comment; its words are in the tooltip."""
        self.comment.setText("comment ✓" if text else "comment")
        self._tips[self.comment] = ("review.comment", f"“{text}”" if text else "Write a comment on this pair")
        self._write_tips()

    def set_title(self, text: str) -> None:
        self._title = text
        self._elide()

    def open_menu(self, menu: QMenu) -> None:
        size = menu.sizeHint()
        corner = self.more.mapToGlobal(QPoint(self.more.width(), 0))
        menu.popup(corner - QPoint(size.width(), size.height() + 4))

    # inside

    def _ask_for_menu(self) -> None:
        self.menu_requested.emit(self.more.mapToGlobal(QPoint(0, 0)))

    def _write_tips(self) -> None:
        for control, (action, text) in self._tips.items():
            control.setToolTip(self._keys.tip(action, text))
        self.more.setToolTip("Playing, going on, docks and keys")

    def _elide(self) -> None:
        used = sum(
            pill.sizeHint().width() + 6
            for pill in (self.window_pill, self.loop, self.speed, self.crop, self.overlay, self.blind, self.flag,
                         self.comment, self.more)
            if not pill.isHidden()
        )  # fmt: skip
        room = self.width() - used - self.play.sizeHint().width() - 120 - 56
        width = min(_TITLE_PX, room)
        metrics = self._video.fontMetrics()
        self._video.setText(metrics.elidedText(self._title, Qt.TextElideMode.ElideMiddle, width) if width > 40 else "")
        self._video.setToolTip(self._title)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()
