"""What is heard: the query's segment or a result's, and how much of it was."""

from collections.abc import Mapping

from PySide6.QtCore import QObject

from annotator.playback.player import Player
from annotator.store.records import VideoRecord
from annotator.views.retrieval.cases import Case, Cases
from annotator.views.retrieval.sound import QUERY, SegmentSound
from annotator.views.retrieval.workspace import RetrievalWorkspace
from davenet.retrieved_pairs import RetrievedPair


class Playing(QObject):
    """Takes the case that is shown; plays and stops what the view asks for."""

    def __init__(self, view: RetrievalWorkspace, player: Player, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self.sound = SegmentSound(player, self)
        self._cases: Cases | None = None
        self._case: Case | None = None
        self._videos: Mapping[str, VideoRecord] = {}
        view.query_played.connect(self._play_query)
        view.result_played.connect(self._play_result)
        view.hidden.connect(self.sound.stop)
        self.sound.heard.connect(self._show_heard)
        self.sound.ended.connect(self._show_silence)
        self.sound.failed.connect(lambda sentence: view.notice.show_notice(sentence, "error"))

    def set_videos(self, videos: Mapping[str, VideoRecord]) -> None:
        self._videos = videos

    def set_case(self, cases: Cases | None, case: Case | None) -> None:
        self.sound.stop()
        self._cases, self._case = cases, case

    def _play_query(self) -> None:
        if self._case is not None and self._cases is not None:
            self._play(QUERY, self._cases.pair(self._case.place))

    def _play_result(self, number: int) -> None:
        if self._case is not None and self._cases is not None and number < len(self._case.results):
            self._play(number, self._cases.pair(self._case.results[number].place))

    def _play(self, key: int, pair: RetrievedPair) -> None:
        if self.sound.key == key:
            self.sound.stop()
            return
        video = self._videos.get(pair.video_uid)
        if video is None:
            self._view.notice.show_notice(
                f"The video {pair.video_uid} is no longer in this project; import it again to hear it.", "error"
            )
            return
        if not video.path.exists():
            self._view.notice.show_notice(
                f"The video {video.title} is not at {video.path}; relink it in Data to hear it.", "error"
            )
            return
        half = pair.segment_s / 2
        self._show_silence()
        self.sound.play(key, video.path, video.duration_s, pair.sound_s - half, pair.sound_s + half)

    def _show_heard(self, key: int, share: float) -> None:
        asks = self._view.query.asks
        asks.share = share if key == QUERY else None
        asks.update()
        self._view.grid.set_heard(key, share)

    def _show_silence(self) -> None:
        self._view.query.asks.share = None
        self._view.query.asks.update()
        self._view.grid.set_heard(-1, 0.0)
