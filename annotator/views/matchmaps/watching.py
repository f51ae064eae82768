"""What is seen of the maps: one or two checkpoints listen to the video shown, and their maps are laid over its frames.

Painting happens with each frame on the GUI thread and takes the maps as they lie in memory; all else is elsewhere.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from annotator.store.records import VideoRecord
from annotator.views.matchmaps.curve_reader import CurveReader, NowCurves
from annotator.views.matchmaps.listener import Listener
from annotator.views.matchmaps.playing import Playing
from annotator.views.matchmaps.similarity_strip import Curve
from annotator.views.matchmaps.sound_choice import SoundChoice
from annotator.views.matchmaps.sources import Checkpoint
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from davenet.look import difference, overlay, within_frame

_TELL_MS = 450  # between two words to the jobs of where the window is
_CURVES_MS = 200  # no eye follows a curve that changes more often
_CHANGE_PIXELS = 192


class Watching(QObject):
    """`changed` follows errors and readiness of what listens."""

    changed = Signal()

    def __init__(
        self, workspace: MatchmapsWorkspace, playing: Playing, jobs: Any, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace, self._playing, self._jobs = workspace, playing, jobs
        self.first: Listener | None = None
        self.second: Listener | None = None
        self.choice = SoundChoice()
        self._video: VideoRecord | None = None
        self._is_in_view = False
        self._curves = CurveReader(self)
        self._curves.computed.connect(self._show_curves)
        self._now: NowCurves | None = None
        self._tell = QTimer(self, interval=_TELL_MS)
        self._tell.timeout.connect(self._tell_playhead)
        self._follow = QTimer(self, singleShot=True, interval=_CURVES_MS)
        self._follow.timeout.connect(lambda: self._curves.at(self._playing.time_s))

    def shutdown(self) -> None:
        self._tell.stop()
        self._follow.stop()
        for listener in self._listeners():
            listener.close()
        self._curves.shutdown()

    # -- what is asked ---------------------------------------------------------------------------------------------

    def set_view(self, is_in_view: bool) -> None:
        """Listens only while the workspace is seen; the jobs stay warm meanwhile."""
        self._is_in_view = is_in_view
        if is_in_view:
            self._ask()
            self._tell.start()
        else:
            self._tell.stop()
            for listener in self._listeners():
                listener.rest()

    def set_checkpoints(self, first: Checkpoint | None, second: Checkpoint | None) -> None:
        """Lets these listen; one that goes on listening keeps its job."""
        before = self._listeners()
        kept = {listener.checkpoint: listener for listener in before}
        self.first = self._listener(first, kept)
        self.second = self._listener(second, kept) if second != first else None
        for listener in before:
            if listener not in (self.first, self.second):
                listener.close()
                listener.deleteLater()
        self._ask()
        self._show_all()

    def set_video(self, video: VideoRecord | None) -> None:
        self._video = video
        self._now = None
        if video is not None:
            self.choice = self.choice.for_video(video.uid)
        self._workspace.stages.clear_overlays()
        self._ask()
        self._show_all()

    def set_choice(self, choice: SoundChoice) -> None:
        """Compares each frame with another sound from now on."""
        self.choice = choice
        self._ask()
        self._show_all()

    def retry(self) -> None:
        for listener in self._listeners():
            if listener.error:
                listener.retry()

    def sought(self, time_s: float) -> None:
        for listener in self._listeners():
            listener.playhead(time_s, playing=self._playing.is_playing)

    def set_time(self) -> None:
        if not self._follow.isActive():
            self._follow.start()

    def name_of(self, listener: Listener) -> str:
        """Returns the checkpoint's name and which sound it is compared with, as they stand on its stage."""
        return " · ".join(part for part in (listener.checkpoint.name, self.choice.label) if part)

    def error(self) -> str:
        return next((listener.error for listener in self._listeners() if listener.error), "")

    # -- painting --------------------------------------------------------------------------------------------------

    def paint(self) -> None:
        """Lays the maps of the frame on screen over it."""
        rgb, time_s = self._playing.frame, self._playing.frame_time_s
        stages = self._workspace.stages
        if rgb is None or time_s is None:
            stages.clear_overlays()
            return
        self.paint_frame(rgb, time_s)

    def paint_frame(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        stages, look = self._workspace.stages, self._workspace.controls.look.look
        size = (rgb.shape[1], rgb.shape[0])
        shown = []
        for stage, listener in ((stages.first, self.first), (stages.second, self.second)):
            matchmap = None if listener is None else listener.map_at(time_s)
            crop = None if listener is None else listener.crop
            laid = None if crop is None or stage.isHidden() else overlay(matchmap, look, crop, size)
            stage.set_overlay(*(laid or (None,)))
            shown.append(None if matchmap is None or crop is None else within_frame(matchmap, crop))
        if stages.change.isHidden():
            return
        one, other = shown
        if one is None or other is None or not look.is_shown:
            stages.change.set_overlay(None)
        else:
            (before, crop), (after, _) = one, other
            rows, columns = after.shape
            side = (_CHANGE_PIXELS * columns // max(rows, columns), _CHANGE_PIXELS * rows // max(rows, columns))
            stages.change.set_overlay(difference(before, after, look, side), crop)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _listeners(self) -> list[Listener]:
        return [listener for listener in (self.first, self.second) if listener is not None]

    def _listener(self, checkpoint: Checkpoint | None, kept: dict[Checkpoint, Listener]) -> Listener | None:
        if checkpoint is None or checkpoint in kept:
            return None if checkpoint is None else kept[checkpoint]
        listener = Listener(self._jobs, checkpoint, self)
        listener.changed.connect(self._show_all)
        listener.stretch_ready.connect(self._curves.grow)
        return listener

    def _ask(self) -> None:
        video = self._video
        if video is None or not self._is_in_view:
            return
        for listener in self._listeners():
            listener.show(video, self.choice.mode, self._playing.time_s)

    def _tell_playhead(self) -> None:
        if self._playing.is_playing:
            self.sought(self._playing.time_s)

    def _show_all(self) -> None:
        workspace, first, second = self._workspace, self.first, self.second
        heard = [listener.snapshot for listener in self._listeners()]
        status = [listener.status() for listener in self._listeners()]
        workspace.ready.set_ready([() if one is None else one.intervals for one in heard], " · ".join(status))
        workspace.panel.set_status(*(status or [""]))
        workspace.stages.set_crop(None if first is None else first.crop)
        folder = None if first is None or first.maps is None else first.maps.folder
        self._curves.open(folder, "" if self._video is None else self._video.uid)
        label = self.choice.label
        for stage, listener in ((workspace.stages.first, first), (workspace.stages.second, second)):
            is_told = listener is not None and (second is not None or bool(label))
            stage.set_caption(self.name_of(listener) if listener is not None and is_told else label)
        workspace.stages.change.set_caption("difference")
        self._curves_of_choice()
        self.paint()
        self.set_time()
        self.changed.emit()

    def _show_curves(self, now: NowCurves | None) -> None:
        self._now = now
        self._curves_of_choice()

    def _curves_of_choice(self) -> None:
        """Shows the frame's curve over the sound's; the sound is the one chosen, or the one now."""
        workspace, now, curves = self._workspace, self._now, []
        chosen = self.choice.kind in ("span", "query")
        snapshot = None if self.first is None else self.first.snapshot
        if chosen:
            if snapshot is not None and len(snapshot.times_s):
                curves.append(Curve(snapshot.times_s, snapshot.similarity, "info"))
        elif now is not None:
            curves.append(Curve(now.frame_times_s, now.of_sound, "info"))
        best_s = None
        if now is not None:
            curves.append(Curve(now.sound_times_s, now.of_frame, "accent"))
            best_s = now.time_s + now.best_offset_s
        workspace.strip.set_curves(curves, best_s=best_s)
        workspace.set_best(None if now is None else now.best_offset_s)
        workspace.name_curves(self.choice.label if chosen else "the sound now")
