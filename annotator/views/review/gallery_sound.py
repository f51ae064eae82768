"""Lets a frame of the gallery be heard: plays its segment once through the workspace's player."""

from PySide6.QtCore import QObject, Signal

from annotator.playback.player import Player
from annotator.store.records import PairRecord, VideoRecord
from annotator.views.review.scene import segment_of


class GallerySound(QObject):
    """`heard` says which pair sounds ("" for none) and how much of it has played, 0 to 1; `failed` why it does not."""

    heard = Signal(str, float)
    failed = Signal(str)

    def __init__(self, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self._uid = ""
        self._start_s = self._end_s = 0.0
        player.time_changed.connect(self._follow)
        player.state_changed.connect(self._show_state)

    def play(self, pair: PairRecord, video: VideoRecord) -> None:
        """Plays a pair's segment from its start; the one before falls silent."""
        self._uid = ""
        if self._player.path != video.path or self._player.state in ("empty", "error"):
            self._player.open(video.path, video.duration_s)
        self._start_s, self._end_s = segment_of(pair, pair.segment_s, video.duration_s)
        self._player.set_loop(None)
        self._player.seek(self._start_s)
        self._uid = pair.uid
        self._player.play()
        self.heard.emit(pair.uid, 0.0)

    def stop(self) -> None:
        """Falls silent."""
        if self._uid:
            self._uid = ""
            self._player.pause()
            self.heard.emit("", 0.0)

    @property
    def uid(self) -> str:
        return self._uid

    def _follow(self, time_s: float) -> None:
        if not self._uid:
            return
        if time_s >= self._end_s - 1e-3:
            self.stop()
        elif time_s >= self._start_s:
            self.heard.emit(self._uid, (time_s - self._start_s) / max(1e-6, self._end_s - self._start_s))

    def _show_state(self, state: str) -> None:
        if self._uid and state == "error":
            self._uid = ""
            self.heard.emit("", 0.0)
            self.failed.emit("This pair's video cannot be played; relink it in Data.")
