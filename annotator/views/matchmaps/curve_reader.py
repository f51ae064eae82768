"""The two curves of similarity around now, computed away from the GUI thread as the video moves.

The embeddings are read stretch by stretch as they come, some frames of each second: a curve shows no more.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from annotator.views.background import Background
from davenet.live import Curves, read_arrays, sound_path

_FRAMES_A_SECOND = 4.0


@dataclass(frozen=True, slots=True)
class NowCurves:
    """At `time_s`: the frame shown with every moment's sound, the sound now with every frame, and by how much the sound
    that fits the frame best is away from it (within ten seconds)."""

    time_s: float
    sound_times_s: NDArray[np.float64]
    of_frame: NDArray[np.float32]
    frame_times_s: NDArray[np.float64]
    of_sound: NDArray[np.float32]
    best_offset_s: float


class CurveReader(QObject):
    """`computed` carries NowCurves of the video last opened, None where nothing of it was looked at yet."""

    computed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(self, n_threads=1)
        self._place: tuple[Path, str] | None = None
        self._parts: dict[int, dict[str, NDArray[np.generic]]] = {}
        self._curves: Curves | None = None
        self._is_stale = False
        self._is_busy = False
        self._wanted_s: float | None = None

    def open(self, folder: Path | None, video_uid: str) -> None:
        """Takes up another video or checkpoint; its curves begin anew."""
        place = None if folder is None else (folder, video_uid)
        if place == self._place:
            return
        self._place, self._parts, self._curves, self._is_stale = place, {}, None, place is not None
        self.computed.emit(None)

    def grow(self) -> None:
        """More of the video was looked at."""
        self._is_stale = True

    def at(self, time_s: float) -> None:
        """Computes the curves of a moment; while one is being computed the latest wish waits."""
        self._wanted_s = time_s
        self._next()

    def shutdown(self) -> None:
        self._background.shutdown()

    def _next(self) -> None:
        if self._is_busy or self._wanted_s is None or self._place is None:
            return
        time_s, place, parts, curves = self._wanted_s, self._place, self._parts, self._curves
        is_stale, self._is_stale = self._is_stale, False
        self._wanted_s, self._is_busy = None, True

        def compute() -> tuple[Curves | None, NowCurves | None]:
            known = _read(place, parts) if is_stale or curves is None else curves
            return known, None if known is None else _now(known, time_s)

        self._background.run(compute, lambda done: self._computed(place, *done))

    def _computed(self, place: tuple[Path, str], curves: Curves | None, now: NowCurves | None) -> None:
        self._is_busy = False
        if place == self._place:
            self._curves = curves
            self.computed.emit(now)
        self._next()


def _read(place: tuple[Path, str], parts: dict[int, dict[str, NDArray[np.generic]]]) -> Curves | None:
    """Reads what is new into `parts`; returns None while there is no sound or no frame."""
    folder, video_uid = place
    sound = read_arrays(sound_path(folder, video_uid))
    for path in (folder / "frames" / video_uid).glob("*.safetensors"):
        if path.stem.isdigit() and int(path.stem) not in parts and (found := read_arrays(path)) is not None:
            times_s = found["times_s"]
            step_s = float(np.diff(times_s).mean()) if len(times_s) > 1 else 1.0
            every = max(1, round(1 / (_FRAMES_A_SECOND * max(step_s, 1e-3))))
            parts[int(path.stem)] = {"times_s": times_s[::every], "embeddings": found["embeddings"][::every]}
    if sound is None or not len(sound["times_s"]) or not parts:
        return None
    order = sorted(parts)
    return Curves(
        np.concatenate([parts[index]["times_s"] for index in order]).astype(np.float64),
        np.concatenate([parts[index]["embeddings"] for index in order]).astype(np.float32),
        sound["times_s"],
        sound["embeddings"].astype(np.float32),
    )


def _now(curves: Curves, time_s: float) -> NowCurves:
    offset_s, _ = curves.best_offset(time_s)
    return NowCurves(
        time_s,
        curves.sound_times_s,
        curves.of_frame(time_s),
        curves.frame_times_s,
        curves.of_sound(time_s),
        offset_s,
    )
