"""What is saved of what is seen: the frame, a sheet of best and worst frames, the arrays, and a rendered video."""

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.views.background import Background
from annotator.views.matchmaps.heard_view import HeardView
from annotator.views.matchmaps.listener import Snapshot, drawn_map
from annotator.views.matchmaps.playing import Playing
from annotator.views.matchmaps.render_job import RenderJob
from annotator.views.matchmaps.watching import Watching
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.widgets.time_layout import clock_text
from davenet.beside import Seen, beside
from davenet.contact_sheet import Row, best_and_worst, contact_sheet
from davenet.errors import UserError
from davenet.files import write_bytes_atomically
from davenet.labels.words import Word
from davenet.live import LiveMaps
from davenet.look import WHOLE

_ON_SHEET = 6
_RENDERED = {"The source's frame rate (*.mp4)": "source", "24 frames a second (*.mp4)": 24.0}


class Saving(QObject):
    """Pictures and arrays are written in the background, whole or not at all; a video by a job."""

    ended = Signal()

    def __init__(
        self,
        workspace: MatchmapsWorkspace,
        project: Project,
        jobs: Any,
        playing: Playing,
        watching: Watching,
        heard: HeardView,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._project, self._background = workspace, project, background
        self._playing, self._watching, self._heard = playing, watching, heard
        self._render = RenderJob(project, jobs, workspace.panel.rendering, self)
        self._render.ended.connect(self.ended)

    def shutdown(self) -> None:
        self._render.shutdown()

    def show_possible(self, video: VideoRecord | None) -> None:
        """Enables what can be saved now."""
        panel, first = self._workspace.panel, self._watching.first
        has_maps = first is not None and first.snapshot is not None and len(first.snapshot.times_s) > 0
        panel.save_button.setEnabled(video is not None and self._playing.frame is not None)
        panel.sheet_button.setEnabled(video is not None and has_maps)
        panel.arrays_button.setEnabled(video is not None and has_maps)
        panel.render_button.setEnabled(video is not None and first is not None and not self._render.is_running)

    # -- pictures and arrays ---------------------------------------------------------------------------------------

    def save_frame(self) -> None:
        """Saves the frame as it is seen, both checkpoints' and the difference side by side."""
        frame, time_s, video = self._playing.frame, self._playing.frame_time_s, self._playing.video
        if frame is None or time_s is None or video is None:
            return
        name = f"{video.path.stem}-{clock_text(time_s, decimals=1).replace(':', 'm')}s.png"
        picture = self._picture(frame, time_s)
        self._save("Save frame", name, "PNG picture (*.png)", lambda: _png(picture()))

    def save_sheet(self) -> None:
        """Saves the frames whose sound fits best and worst, of what is ready."""
        video, first = self._playing.video, self._watching.first
        if video is None or first is None or first.snapshot is None or first.crop is None:
            return
        words, look = self._heard.words, self._workspace.controls.look.look
        listeners = [one for one in (first, self._watching.second) if one is not None]
        # what is shown now: a listener itself goes over to another video or mode while the sheet is made
        sheets = [(self._watching.name_of(one), one.snapshot, one.maps, one.crop) for one in listeners]

        def make() -> bytes:
            rows = []
            for name, snapshot, maps, crop in sheets:
                if snapshot is None or crop is None or not len(snapshot.times_s):
                    continue
                map_at = partial(drawn_map, maps, snapshot)
                chosen = best_and_worst(snapshot.times_s, snapshot.similarity, _ON_SHEET)
                for head, times_s in zip(("Best", "Worst"), chosen, strict=True):
                    told = [_told(time_s, snapshot, words) for time_s in times_s]
                    rows.append(Row(f"{head} - {name}", told, map_at, crop))
            return _png(contact_sheet(video.path, [row for row in rows if row.moments], look))

        self._save("Save contact sheet", f"{video.path.stem}-best-and-worst.png", "PNG picture (*.png)", make)

    def save_arrays(self) -> None:
        """Saves the raw maps that are ready, their moments, similarities and the crop they cover."""
        video, first = self._playing.video, self._watching.first
        if video is None or first is None or first.maps is None:
            return
        maps, second = first.maps, self._watching.second
        other = None if second is None else second.maps

        def make() -> bytes:
            arrays = _arrays(maps, "") | ({} if other is None else _arrays(other, "second_"))
            out = BytesIO()
            np.savez_compressed(out, **arrays)
            return out.getvalue()

        self._save("Save arrays", f"{video.path.stem}-matchmaps.npz", "NumPy arrays (*.npz)", make)

    # -- a video ---------------------------------------------------------------------------------------------------

    def render(self) -> None:
        """Renders the part of the sound that is chosen by dragging, else the whole video; both checkpoints side by side."""
        video, first = self._playing.video, self._watching.first
        if video is None or first is None or self._render.is_running:
            return
        selection = self._workspace.axis.selection()
        name = f"{video.path.stem}-{'clip' if selection else 'matchmaps'}.mp4"
        title = "Render the part chosen" if selection else "Render video"
        chosen = self._workspace.ask_path_and_kind(title, Path.home() / name, tuple(_RENDERED))
        if chosen is None:
            return
        path, kind = chosen
        target = path if path.suffix.lower() == ".mp4" else path.with_name(path.name + ".mp4")
        look, checkpoint, mode = self._workspace.controls.look.look, first.checkpoint, self._watching.choice.mode
        second, stages = self._watching.second, self._workspace.stages
        second_one: dict[str, Any] = {}
        if second is not None:
            names = (self._watching.name_of(first), self._watching.name_of(second))
            is_differing = not stages.change.isHidden()
            second_one = {"second_checkpoint": second.checkpoint.path, "difference": is_differing, "names": names}
        start_s, end_s = selection or (0.0, None)

        def plan() -> Any:
            return verbs.plan_render(
                self._project, video.uid, checkpoint.path, target, segment_s=mode.segment_s, mode=mode,
                live_dir=checkpoint.live_dir, frame_rate=_RENDERED.get(kind, "source"), colour_map=look.colour_map,
                alpha=look.alpha, threshold=look.threshold, contour=look.contour, heard_only=look.heard_only,
                start_s=start_s, end_s=end_s, **second_one,
            )  # fmt: skip

        def planned(spec: Any) -> None:
            self._render.start(spec, video.title)
            self.ended.emit()

        self._background.run(plan, planned, self._tell_error)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _picture(self, frame: NDArray[np.uint8], time_s: float) -> Callable[[], NDArray[np.uint8]]:
        """Returns what makes one picture of the stages in view; maps are taken now, painted in the background."""
        look, stages = self._workspace.controls.look.look, self._workspace.stages
        watching, differs = self._watching, not stages.change.isHidden()
        listeners = [one for one in (watching.first, watching.second) if one is not None]
        seen: list[Seen] = [(one.map_at(time_s), one.crop or WHOLE) for one in listeners] or [(None, WHOLE)]
        names = [watching.name_of(one) for one in listeners]
        return lambda: beside(frame, seen, look, differs=differs, names=names)

    def _save(self, title: str, name: str, kind: str, make: Callable[[], bytes]) -> None:
        path = self._workspace.ask_path(title, Path.home() / name, kind)
        if path is None:
            return
        suffix = Path(name).suffix
        target = path if path.suffix.lower() == suffix else path.with_name(path.name + suffix)

        def save() -> Path:
            try:
                write_bytes_atomically(target, make())
            except OSError as error:
                raise UserError(f"{target} could not be saved ({error.strerror}); choose another place.") from error
            return target

        notice = self._workspace.notice
        self._background.run(
            save, lambda saved: notice.show_notice(f"Saved {saved}", "good", seconds=8), self._tell_error
        )

    def _tell_error(self, error: UserError) -> None:
        self._workspace.notice.show_notice(str(error), "error")


def _told(time_s: float, snapshot: Snapshot, words: Sequence[Word]) -> tuple[float, str]:
    """Returns a moment and what is written under its frame: when, how well it fits, what is said."""
    said = [word.word for word in words if word.end > time_s - 1 and word.start < time_s + 1][:4]
    value = float(np.interp(time_s, snapshot.times_s, snapshot.similarity))
    return time_s, f"{clock_text(time_s, decimals=1)}  {value:.2f}  {' '.join(said)}"


def _arrays(maps: LiveMaps, prefix: str) -> dict[str, Any]:
    times_s, found = maps.arrays()
    similarity = found.astype(np.float32).mean(axis=(1, 2))
    named = {"times_s": times_s, "maps": found, "similarity": similarity, "crop": np.array(maps.crop)}
    return {f"{prefix}{name}": value for name, value in named.items()} | {f"{prefix}mode": np.array(maps.mode.key)}


def _png(pixels: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes())
