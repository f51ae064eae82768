"""The Playback, Appearance and Reviewer sections: given values by setters, they emit what was chosen."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QSlider, QVBoxLayout, QWidget

from annotator.views.settings.preferences import CACHE_LIMITS_MB, TEXT_SIZES
from annotator.views.settings.rows import SettingCard, SettingRow
from annotator.views.widgets.bar import ProgressLine
from annotator.views.widgets.pill import Pill

_THEMES = (("system", "As the system"), ("dark", "Dark"), ("light", "Light"))


class _Section(QWidget):
    def _fill(self, cards: Sequence[QWidget]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(20)
        for card in cards:
            column.addWidget(card)
        column.addStretch(1)


class _Choice(QWidget):
    """A few pills of which one is chosen."""

    chosen = Signal(str)

    def __init__(self, name: str, texts: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.pills = {value: Pill(text) for value, text in texts}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for value, pill in self.pills.items():
            pill.setAutoExclusive(True)
            pill.setToolTip(f"{name}: {pill.text().lower()}")
            pill.setAccessibleName(f"{name}: {pill.text()}")
            pill.clicked.connect(lambda _on=False, value=value: self.chosen.emit(value))
            row.addWidget(pill)

    def set_value(self, value: str) -> None:
        self.pills[value].setChecked(True)


class PlaybackSection(_Section):
    autoplay_chosen = Signal(bool)
    auto_advance_chosen = Signal(bool)
    volume_chosen = Signal(int)
    muted_chosen = Signal(bool)
    proxies_chosen = Signal(bool)
    cache_limit_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.autoplay, self.auto_advance, self.muted, self.proxies = (QCheckBox() for _ in range(4))
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(0, 100)
        self.volume.setSingleStep(5)
        self.volume.setFixedWidth(180)
        self._per_cent = QLabel()
        self._per_cent.setFixedWidth(44)
        self._per_cent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.cache = QComboBox()
        for limit in CACHE_LIMITS_MB:
            self.cache.addItem(f"{limit} MB" if limit < 1024 else "1 GB", limit)
        self._used = ProgressLine(token="info")
        self._used.setFixedWidth(180)
        loud = QWidget()
        row = QHBoxLayout(loud)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.volume)
        row.addWidget(self._per_cent)
        self.volume.setAccessibleName("Volume")
        self.volume.setToolTip("How loud videos are played")
        memory = QWidget()
        column = QVBoxLayout(memory)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.cache)
        column.addWidget(self._used)
        self.cache.setAccessibleName("Memory for pictures and sound")
        self.cache.setToolTip("The most memory that decoded pictures and sound may take")
        self._volume_row = SettingRow("Volume", "Of all videos, here alone.", loud)
        self._cache_row = SettingRow("Memory for pictures and sound", "", memory)
        self.proxies.setToolTip("Make small copies of this project's videos, in which seeking is quick")
        self._proxies_row = SettingRow("Small copies for smooth seeking", "", self.proxies)
        self._fill(
            [
                SettingCard(
                    "Reviewing",
                    [
                        SettingRow("Play each pair", "Its sound starts as soon as the pair is shown.", self.autoplay),
                        SettingRow(
                            "Go on after a verdict", "The next pair of the queue is shown at once.", self.auto_advance
                        ),
                    ],
                ),
                SettingCard("Sound", [self._volume_row, SettingRow("Sound off", "Pictures go on.", self.muted)]),
                SettingCard("Speed", [self._proxies_row, self._cache_row]),
            ]
        )
        self.autoplay.toggled.connect(self.autoplay_chosen)
        self.auto_advance.toggled.connect(self.auto_advance_chosen)
        self.muted.toggled.connect(self.muted_chosen)
        self.proxies.toggled.connect(self.proxies_chosen)
        self.volume.valueChanged.connect(self.volume_chosen)
        self.cache.activated.connect(lambda _index: self.cache_limit_chosen.emit(self.cache.currentData()))
        self.set_project(None)

    def set_values(self, *, autoplay: bool, auto_advance: bool, volume: int, muted: bool, cache_limit_mb: int) -> None:
        """Shows what is in force, telling nobody."""
        for box, value in ((self.autoplay, autoplay), (self.auto_advance, auto_advance), (self.muted, muted)):
            with QSignalBlocker(box):
                box.setChecked(value)
        with QSignalBlocker(self.volume):
            self.volume.setValue(volume)
        self._per_cent.setText(f"{volume} %")
        self.cache.setCurrentIndex(max(0, self.cache.findData(cache_limit_mb)))

    def set_keys(self, louder: str, quieter: str, mute: str) -> None:
        keys = f"{quieter} and {louder}, anywhere" if louder and quieter else "Of all videos."
        self._volume_row.says.setText(keys)
        self.muted.setToolTip(f"Pictures go on ({mute})" if mute else "Pictures go on")

    def set_cache_use(self, used_mb: float, limit_mb: int) -> None:
        """Shows how much of the memory is taken now."""
        self._cache_row.says.setText(f"{used_mb:.0f} MB of {limit_mb} MB are used now; the oldest give way.")
        self._used.set_share(min(1.0, used_mb / limit_mb))

    def set_project(self, name: str | None, *, proxies: bool = True, says: str = "", reason: str = "") -> None:
        """Shows the project's own setting; `reason` says why it cannot be changed."""
        with QSignalBlocker(self.proxies):
            self.proxies.setChecked(proxies)
        self.proxies.setEnabled(name is not None and not reason)
        text = f"Made in the background for {name}. {says}".strip() if name else "A project's own: open one to set it."
        self._proxies_row.says.setText(reason or text)


class AppearanceSection(_Section):
    theme_chosen = Signal(str)
    text_size_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = _Choice("Theme", _THEMES)
        self.text_size = _Choice("Text size", [(size, size.capitalize()) for size in TEXT_SIZES])
        self._fill(
            [
                SettingCard(
                    "Look",
                    [
                        SettingRow("Theme", "“As the system” follows it when it changes.", self.theme),
                        SettingRow("Text size", "Of everything but the video.", self.text_size),
                    ],
                )
            ]
        )
        self.theme.chosen.connect(self.theme_chosen)
        self.text_size.chosen.connect(self.text_size_chosen)

    def set_values(self, *, theme: str, text_size: str) -> None:
        self.theme.set_value(theme)
        self.text_size.set_value(text_size)


class ReviewerSection(_Section):
    name_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLineEdit()
        self.name.setMinimumWidth(220)
        self.name.setMaxLength(80)
        self.name.setToolTip("The name that your verdicts are kept under in this project")
        self._row = SettingRow("Your name", "", self.name)
        self._fill([SettingCard("Reviewer", [self._row])])
        self.name.editingFinished.connect(self._finished)
        self._shown = ""
        self.set_reviewer(None, "")

    def set_reviewer(self, project: str | None, name: str, reason: str = "") -> None:
        """Shows whose verdicts are given in the open project; `reason` says why that cannot be changed."""
        self._shown = name
        self.name.setText(name)
        self.name.setEnabled(project is not None and not reason)
        text = (
            f"Verdicts in {project} are given under this name." if project else "A project's own: open one to set it."
        )
        self._row.says.setText(reason or text)

    def _finished(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.name.setText(self._shown)
        elif name != self._shown:
            self._shown = name
            self.name_chosen.emit(name)
