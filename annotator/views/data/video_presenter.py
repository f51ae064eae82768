"""Joins a video's page with its player and its clip file: what is decoded, played and shown on the strip."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from annotator.playback.player import Player
from annotator.project import VideoState
from annotator.views.data.loading import film_parts, load_film, load_frame
from annotator.views.data.video_page import VideoPage
from annotator.views.work import Work
from davenet.errors import UserError


class VideoPresenter(QObject):
    """Without a player, or without the video's file, the page shows the extracted frames instead."""

    def __init__(self, page: VideoPage, work: Work, player: Player | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._page, self._work, self._player = page, work, player
        self._state: VideoState | None = None
        page.seek_requested.connect(self.seek)
        page.play_requested.connect(self.toggle)
        page.film.wanted.connect(self._fetch_film)
        if player is not None:
            player.frame_shown.connect(self._frame_shown)
            player.time_changed.connect(self._time_changed)
            player.state_changed.connect(lambda state: page.set_playing(state == "playing"))

    def open(self, state: VideoState) -> None:
        self._state = state
        self._page.stage.set_frame(None)
        self._page.play.setEnabled(self._plays())
        self._page.stage.set_message("" if self._plays() or state.is_extracted else "The video's file is not there.")
        if self._plays():
            assert self._player is not None
            self._player.open(state.video.path, state.video.duration_s)
            self._player.set_proxy(self._work.project.proxy_path(state.video.uid))
        self.seek(0.0)

    def seek(self, time_s: float) -> None:
        self._page.set_now(time_s)
        if self._plays():
            assert self._player is not None
            self._player.seek(time_s)
            return
        state = self._state
        if state is None:
            return

        def show(frame: object) -> None:
            if self._state is state and frame is not None:
                self._page.stage.set_frame(frame)  # type: ignore[arg-type]

        def cannot(error: UserError) -> None:
            self._page.stage.set_message(str(error))

        self._work.background.run(lambda: load_frame(self._work.project, state, time_s), show, cannot, priority=2)

    def toggle(self) -> None:
        if self._plays():
            assert self._player is not None
            self._player.toggle()

    def pause(self) -> None:
        if self._player is not None and self._player.state == "playing":
            self._player.pause()

    def close(self) -> None:
        self._state = None
        if self._player is not None:
            self._player.close()

    def _plays(self) -> bool:
        return self._player is not None and self._state is not None and self._state.is_present

    def _frame_shown(self, frame: object, _time_s: float) -> None:
        if self._state is not None:
            self._page.stage.set_frame(frame)  # type: ignore[arg-type]

    def _time_changed(self, time_s: float) -> None:
        if self._state is not None:
            self._page.set_now(time_s)

    def _fetch_film(self, times_s: list[float]) -> None:
        state = self._state
        if state is None:
            return

        def put(images: dict[float, QImage]) -> None:
            if self._state is state:
                self._page.film.put(images)

        for part in film_parts(times_s):
            self._work.background.run(
                lambda part=part: load_film(self._work.project, state, part), put, lambda _error: None
            )
