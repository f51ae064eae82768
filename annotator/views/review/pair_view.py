"""Shows what was read of the pair on screen: frame, sound and words on the axis, detections, the matchmap's number."""

import numpy as np
from PySide6.QtCore import QObject

from annotator.store.records import PairRecord, VideoRecord
from annotator.views.review import scene as scenes
from annotator.views.review.overlay_view import OverlayView
from annotator.views.review.pair_playback import PairPlayback
from annotator.views.review.pair_reading import PairReading
from annotator.views.review.scene import Scene
from annotator.views.review.workspace import ReviewWorkspace
from annotator.views.widgets.bar import BarRow
from davenet.matchmap_file import Matchmaps


class PairView(QObject):
    """Drops what comes for a pair that is no longer shown."""

    def __init__(
        self,
        workspace: ReviewWorkspace,
        reading: PairReading,
        playback: PairPlayback,
        overlay: OverlayView,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._reading = workspace, reading
        self._playback, self._overlay = playback, overlay
        self._pair: PairRecord | None = None
        reading.scene_read.connect(self._take_scene)
        reading.peaks_read.connect(self._take_peaks)
        reading.matchmaps_read.connect(self._take_matchmaps)
        workspace.axis.word_clicked.connect(self._play_word)

    def show(self, pair: PairRecord) -> None:
        """Shows what the pair itself tells; `read` brings the rest."""
        self._pair = pair
        self._workspace.question.set_pair(pair)
        self._workspace.controls.set_title(pair.video_title)

    def read(self, pair: PairRecord, video: VideoRecord) -> None:
        """Reads the pair that is shown, in the background."""
        self._reading.read(pair, video)

    def leave(self) -> None:
        """No pair is shown."""
        self._pair = None

    def show_extracted(self) -> None:
        """The video does not play: the frame that was extracted stands in for it."""
        scene = self._reading.scene(self._pair.uid) if self._pair else None
        if scene is not None:
            self._playback.show_scene(scene)

    def _take_scene(self, uid: str, scene: Scene) -> None:
        pair = self._pair
        if pair is None or pair.uid != uid:
            return
        self._playback.show_scene(scene)
        self._workspace.question.set_words(scene.words)
        if scene.detection is not None:
            named = {label.class_name for label in pair.labels[:1]}
            rows = [BarRow(name, value, lit=name in named) for name, value in scene.detection.top]
            self._workspace.question.set_detections(pair.detector, scene.detection.food, rows)
        if scene.notice:
            self._workspace.notice.show_notice(scene.notice, "warning")

    def _take_peaks(self, uid: str, peaks: np.ndarray, start_s: float) -> None:
        if self._pair is not None and self._pair.uid == uid:
            self._workspace.axis.set_waveform(peaks, step_s=scenes.PEAK_STEP_S, start_s=start_s)

    def _take_matchmaps(self, uid: str, matchmaps: Matchmaps | None) -> None:
        pair = self._pair
        if pair is None or pair.uid != uid:
            return
        self._overlay.set_matchmaps(matchmaps)
        if matchmaps is not None:
            value = float(np.interp(pair.time_s, matchmaps.times_s, matchmaps.similarity))
            self._workspace.question.set_model_similarity(value)

    def _play_word(self, index: int) -> None:
        scene = self._reading.scene(self._pair.uid) if self._pair else None
        if scene is not None and index < len(scene.words):
            self._playback.hear(scene.words[index].start, scene.words[index].end)
