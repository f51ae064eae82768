"""Plays one segment of a video through the workspace's player, from its start to its end."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from annotator.playback.player import Player

QUERY = -1  # the key of the query's own segment; results have their numbers


class SegmentSound(QObject):
    """`heard` says which segment sounds and how much of it was heard, 0 to 1; `ended` that none does; `failed` why not."""

    heard = Signal(int, float)
    ended = Signal()
    failed = Signal(str)

    def __init__(self, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._key: int | None = None
        self._start_s = self._end_s = 0.0
        player.time_changed.connect(self._follow)
        player.state_changed.connect(self._show_state)

    @property
    def key(self) -> int | None:
        return self._key

    def play(self, key: int, path: Path, duration_s: float, start_s: float, end_s: float) -> None:
        """Plays the seconds of a video that lie inside it; the one before falls silent."""
        self._key = None
        if self._player.path != path or self._player.state in ("empty", "error"):
            self._player.open(path, duration_s)
        self._start_s, self._end_s = max(0.0, start_s), min(duration_s, end_s)
        self._player.set_loop(None)
        self._player.seek(self._start_s)
        self._key = key
        self._player.play()
        self.heard.emit(key, 0.0)

    def stop(self) -> None:
        if self._key is not None:
            self._key = None
            self._player.pause()
            self.ended.emit()

    def shutdown(self) -> None:
        """Leaves the player to whoever comes next."""
        self.stop()
        self._player.time_changed.disconnect(self._follow)
        self._player.state_changed.disconnect(self._show_state)

    def _follow(self, time_s: float) -> None:
        if self._key is None:
            return
        if time_s >= self._end_s - 1e-3:
            self.stop()
        elif time_s >= self._start_s:
            self.heard.emit(self._key, (time_s - self._start_s) / max(1e-6, self._end_s - self._start_s))

    def _show_state(self, state: str) -> None:
        if self._key is not None and state == "error":
            self._key = None
            self.ended.emit()
            self.failed.emit("This sound's video cannot be played; relink it in Data.")
