"""The player while the Matchmaps workspace is in view: it is shared with nobody there, and left alone elsewhere."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from annotator.playback.player import Player
from annotator.project import Project
from annotator.store.records import VideoRecord


class Playing(QObject):
    """One video at a time, found again where it was left. Signals come only while its video is the player's."""

    frame_shown = Signal(object, float)
    time_changed = Signal(float)
    sought = Signal(float)  # it leapt there
    state_changed = Signal(str)

    def __init__(self, widget: QWidget, project: Project, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._widget, self._project, self.player = widget, project, player
        self.video: VideoRecord | None = None
        self._left_at: dict[str, float] = {}  # where each video was left, in seconds
        player.frame_shown.connect(self._show_frame)
        player.time_changed.connect(self._show_time)
        player.state_changed.connect(self._show_state)

    def shutdown(self) -> None:
        self.player.frame_shown.disconnect(self._show_frame)
        self.player.time_changed.disconnect(self._show_time)
        self.player.state_changed.disconnect(self._show_state)

    def is_mine(self) -> bool:
        return self.video is not None and self.player.path == self.video.path and self._widget.isVisible()

    @property
    def is_playing(self) -> bool:
        return self.is_mine() and self.player.state == "playing"

    @property
    def time_s(self) -> float:
        if self.is_mine():
            return self.player.time_s
        return 0.0 if self.video is None else self._left_at.get(self.video.uid, 0.0)

    @property
    def frame(self) -> NDArray[np.uint8] | None:
        return self.player.frame if self.is_mine() else None

    @property
    def frame_time_s(self) -> float | None:
        return self.player.frame_time_s if self.is_mine() else None

    def show(self, video: VideoRecord | None) -> None:
        """Takes up another video, paused; it opens while the workspace is in view."""
        self.leave()
        self.video = video
        if self._widget.isVisible():
            self.take()

    def take(self) -> None:
        video = self.video
        if video is None or (self.is_mine() and self.player.frame is not None):
            return
        self.player.open(video.path, video.duration_s)
        self.player.set_proxy(self._project.proxy_path(video.uid))
        if video.uid in self._left_at:
            self.player.seek(self._left_at[video.uid])

    def leave(self) -> None:
        if self.video is not None and self.player.path == self.video.path:
            self.player.pause()
            self._left_at[self.video.uid] = self.player.time_s

    def toggle(self) -> None:
        if self.is_mine():
            self.player.toggle()

    def move(self, seconds: float) -> None:
        self.seek(self.time_s + seconds)

    def step(self, n_frames: int) -> None:
        if self.is_mine():
            self.player.step(n_frames)

    def seek(self, time_s: float) -> None:
        if self.is_mine():
            self.player.seek(time_s)
            self.sought.emit(self.player.time_s)

    def _show_frame(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        if self.is_mine():
            self.frame_shown.emit(rgb, time_s)

    def _show_time(self, time_s: float) -> None:
        if self.is_mine():
            self.time_changed.emit(time_s)

    def _show_state(self, state: str) -> None:
        if self.is_mine():
            self.state_changed.emit(state)
