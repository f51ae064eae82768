"""Reads what is shown of a pair in the background, and what the next ones will show before they are asked for."""

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from annotator.project import Project
from annotator.store.records import PairRecord, VideoRecord
from annotator.views.background import Background
from annotator.views.review import scene as scenes
from annotator.views.review.scene import Scene
from davenet.errors import UserError
from davenet.matchmap_file import Matchmaps

_KEPT_SCENES = 12


class PairReading(QObject):
    """Signals carry the pair's uid first: what comes after the reviewer has gone on is not for the pair on screen."""

    scene_read = Signal(str, object)
    peaks_read = Signal(str, object, float)  # and the second of the first one
    matchmaps_read = Signal(str, object)  # Matchmaps or None
    failed = Signal(object)  # UserError

    def __init__(self, project: Project, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._background = project, background
        self._scenes: OrderedDict[str, Scene] = OrderedDict()

    def scene(self, uid: str) -> Scene | None:
        """Returns what was read of a pair lately."""
        return self._scenes.get(uid)

    def forget(self) -> None:
        """Files may have changed: everything is read again."""
        self._scenes.clear()

    def read(self, pair: PairRecord, video: VideoRecord) -> None:
        """Reads scene, true peaks and matchmaps of a pair that is shown; a scene that is known comes at once."""
        known = self._scenes.get(pair.uid)
        if known is not None:
            self.scene_read.emit(pair.uid, known)
        else:
            self._read_scene(pair, video, lambda scene: self.scene_read.emit(pair.uid, scene), priority=3)
        cache = self._project.cache_dir

        def take_matchmaps(matchmaps: Matchmaps | None) -> None:
            self.matchmaps_read.emit(pair.uid, matchmaps)

        self._background.run(
            lambda: scenes.read_newest_matchmaps(cache, pair.video_uid), take_matchmaps, self.failed.emit, priority=1
        )
        start, end = scenes.span_of(pair, video.duration_s)

        def take_peaks(peaks: np.ndarray) -> None:
            if len(peaks):
                self.peaks_read.emit(pair.uid, peaks, start)

        # Where the video cannot be read, the envelope from the clip file stays; the player says what is wrong.
        def say_nothing(_error: UserError) -> None: ...

        self._background.run(lambda: scenes.read_peaks(video.path, start, end), take_peaks, say_nothing)

    def read_ahead(self, pair: PairRecord, video: VideoRecord) -> None:
        """Reads the scene of a pair that will be shown."""
        if pair.uid not in self._scenes:
            self._read_scene(pair, video, lambda _scene: None, priority=-1)

    def _read_scene(
        self, pair: PairRecord, video: VideoRecord, done: Callable[[Scene], None], *, priority: int
    ) -> None:
        clip, labels = self._project.clip_path(pair.video_uid), self._project.labels_dir

        def take(scene: Scene) -> None:
            self._scenes[pair.uid] = scene
            while len(self._scenes) > _KEPT_SCENES:
                self._scenes.popitem(last=False)
            done(scene)

        self._background.run(lambda: scenes.read_scene(pair, video, clip, labels), take, priority=priority)
