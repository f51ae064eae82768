"""Live matchmaps: what a window asks of the warm job that computes them, how they lie in the cache, and their reader.

No torch. A request is a JSON line on the job's standard input; answers are events; maps go through files. Under the
folder of a checkpoint (`cache/live/<hash of the checkpoint>`) the maps of a mode lie in stretches of STRETCH_S seconds,
each a whole file: `<mode's key>/<video>/<stretch>.safetensors` with `maps` float16 (n, H, W) and `times_s` float64 (n).
What both curves of similarity need lies beside them: `frames/<video>/...` (embeddings of frames) and `sound/<video>`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from davenet.errors import UserError
from davenet.files import atomic_path

STRETCH_S = 4.0
SOUND_STEP_S = 0.1  # between the embeddings of a video's sound
FOLDER = "live"  # of all live maps, in the cache
_RANGE_MAPS = 2000  # of which the range is taken; more change it little

Kind = Literal["around", "moment", "span", "query"]
Reduction = Literal["mean", "max"]
Fit = Literal["crop", "whole"]


@dataclass(frozen=True, slots=True)
class Mode:
    """Which sound each frame is compared with.

    `around`: the `segment_s` seconds centred on the frame (the paper's); `moment`: one step of the audio map; `span`: the
    sound of `video_uid` from `start_s` until `end_s`, the same for every frame (a word, a dragged part); `query`: a sound
    file's. `reduction` is over the time of the matchmap.
    """

    kind: Kind = "around"
    reduction: Reduction = "mean"
    segment_s: float = 2.0
    video_uid: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    path: str = ""
    content: str = ""  # the hash of the query's file
    fit: Fit = "crop"

    @property
    def key(self) -> str:
        """The name of the mode's folder: equal for what gives equal maps."""
        match self.kind:
            case "around":
                sound = f"around-{self.segment_s:g}"
            case "moment":
                sound = "moment"
            case "span":
                sound = f"span-{self.video_uid}-{self.start_s:.2f}-{self.end_s:.2f}"
            case "query":
                sound = f"query-{self.content}"
        return f"{sound}-{self.reduction}" + ("-whole" if self.fit == "whole" else "")

    @property
    def is_one_sound(self) -> bool:
        """Whether every frame is compared with the same sound."""
        return self.kind in ("span", "query")


@dataclass(frozen=True, slots=True)
class Show:
    """Compute this video's maps in this mode from `time_s` onwards, then what is before; replaces what was asked before."""

    video_uid: str
    path: str
    mode: Mode
    time_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Playhead:
    """Where the window is now: what is shown next is computed next."""

    time_s: float
    playing: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """Compute nothing until the next Show."""


Request = Show | Playhead | Rest
_REQUESTS: dict[str, type] = {"show": Show, "playhead": Playhead, "rest": Rest}


def to_line(request: Request) -> str:
    """Returns a request as one line of JSON, without its newline."""
    values = {name: getattr(request, name) for name in request.__slots__}
    if isinstance(request, Show):
        values["mode"] = {name: getattr(request.mode, name) for name in request.mode.__slots__}
    return json.dumps({"do": type(request).__name__.lower(), **values}, ensure_ascii=False)


def from_line(line: str) -> Request | None:
    """Returns the request of a line, None for anything else."""
    try:
        values = json.loads(line)
        kind = _REQUESTS[values.pop("do")]
        if "mode" in values:
            values["mode"] = Mode(**values["mode"])
        request: Request = kind(**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return request


def stretch_path(folder: Path, part: str, video_uid: str, index: int) -> Path:
    """Where a stretch lies: `part` is a mode's key, or "frames"."""
    return folder / part / video_uid / f"{index:05d}.safetensors"


def sound_path(folder: Path, video_uid: str) -> Path:
    return folder / "sound" / f"{video_uid}.safetensors"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays whole or not at all."""
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, temporary)


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Returns the arrays of a file, None where it is missing or damaged: it is computed again."""
    try:
        found: dict[str, NDArray[Any]] = load_file(path)
    except (OSError, SafetensorError, ValueError):
        return None
    return found


@dataclass(slots=True)
class LiveMaps:
    """The maps of one video, checkpoint and mode that are there by now; `add` takes stretches in any order."""

    folder: Path
    video_uid: str
    mode: Mode
    crop: tuple[float, float, float, float]
    _stretches: dict[int, tuple[NDArray[np.float64], NDArray[np.float16]]] = field(default_factory=dict)
    _similarity: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    _range: tuple[float, float] | None = None

    def load(self) -> "LiveMaps":
        """Takes all that lies in the cache; slow for long videos, not for the GUI thread."""
        for path in sorted(self._at(0).parent.glob("*.safetensors")):
            if path.stem.isdigit():
                self.add(int(path.stem))
        return self

    def add(self, index: int) -> bool:
        """Takes one stretch from its file; False where it is not there."""
        arrays = read_arrays(self._at(index))
        if arrays is None or "maps" not in arrays or len(arrays["maps"]) != len(arrays.get("times_s", ())):
            return False
        self._similarity[index] = arrays["maps"].mean(axis=(1, 2), dtype=np.float32)
        self._stretches[index] = arrays["times_s"], arrays["maps"]
        self._range = None
        return True

    def at(self, time_s: float) -> NDArray[np.float32] | None:
        """Returns the raw map (H, W) of a moment, blended between the two around it; None where it is not there yet."""
        found = self._stretches.get(int(time_s // STRETCH_S))
        if found is None or not len(found[0]):
            return None
        times_s, maps = found
        after = int(np.searchsorted(times_s, time_s, side="right"))
        before: NDArray[np.float32] = maps[max(0, after - 1)].astype(np.float32)
        if after == 0:
            return before
        if after == len(times_s):
            following = self._stretches.get(int(time_s // STRETCH_S) + 1)
            if following is None or not len(following[0]):
                return before
            next_s, next_map = following[0][0], following[1][0]
        else:
            next_s, next_map = times_s[after], maps[after]
        share = np.float32((time_s - times_s[after - 1]) / max(next_s - times_s[after - 1], 1e-9))
        blended: NDArray[np.float32] = (1 - share) * before + share * next_map.astype(np.float32)
        return blended

    def shown(self, time_s: float) -> NDArray[np.float32] | None:
        """Returns the map of a moment as it is drawn, in 0..1 by the range of all that is there."""
        raw = self.at(time_s)
        if raw is None:
            return None
        floor, scale = self.display_range()
        drawn: NDArray[np.float32] = np.clip((raw - floor) / scale, 0, 1).astype(np.float32)
        return drawn

    def display_range(self) -> tuple[float, float]:
        """Returns the value drawn as 0 and what lies between it and the value drawn as 1."""
        if self._range is None:
            from davenet.matchmap_file import display_range

            parts = [maps for _, maps in list(self._stretches.values()) if len(maps)]
            every = max(1, sum(len(maps) for maps in parts) // _RANGE_MAPS)
            self._range = display_range(np.concatenate([maps[::every] for maps in parts])) if parts else (0.0, 1.0)
        return self._range

    def intervals(self) -> list[tuple[float, float]]:
        """Returns what is ready as (start, end) in seconds, neighbours joined, in order."""
        joined: list[tuple[float, float]] = []
        for index in sorted(self._stretches):
            start, end = index * STRETCH_S, (index + 1) * STRETCH_S
            if joined and joined[-1][1] >= start - 1e-9:
                joined[-1] = joined[-1][0], end
            else:
                joined.append((start, end))
        return joined

    def similarities(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Returns all times (n) that are there, in order, and each map's mean: how well its frame fits its sound."""
        order = sorted(index for index in self._stretches if len(self._stretches[index][0]))
        if not order:
            return np.zeros(0), np.zeros(0, np.float32)
        return (
            np.concatenate([self._stretches[index][0] for index in order]),
            np.concatenate([self._similarity[index] for index in order]),
        )

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float16]]:
        """Returns all times (n) and maps (n, H, W) that are there, in order."""
        order = sorted(index for index in self._stretches if len(self._stretches[index][0]))
        if not order:
            return np.zeros(0), np.zeros((0, 0, 0), np.float16)
        return (
            np.concatenate([self._stretches[index][0] for index in order]),
            np.concatenate([self._stretches[index][1] for index in order]),
        )

    def _at(self, index: int) -> Path:
        return stretch_path(self.folder, self.mode.key, self.video_uid, index)


@dataclass(frozen=True, slots=True)
class Curves:
    """The embeddings of a video's frames (n, D) and sound (m, D), for its curves of similarity (SISA)."""

    frame_times_s: NDArray[np.float64]
    frame_ND: NDArray[np.float32]
    sound_times_s: NDArray[np.float64]
    sound_MD: NDArray[np.float32]

    def of_frame(self, time_s: float) -> NDArray[np.float32]:
        """Returns (m): the frame shown at `time_s` with the sound of every moment."""
        at = max(0, int(np.searchsorted(self.frame_times_s, time_s, side="right")) - 1)
        return np.asarray(self.sound_MD @ self.frame_ND[at], np.float32)

    def of_sound(self, time_s: float) -> NDArray[np.float32]:
        """Returns (n): the sound of `time_s` with every frame."""
        at = int(np.abs(self.sound_times_s - time_s).argmin())
        return np.asarray(self.frame_ND @ self.sound_MD[at], np.float32)

    def best_offset(self, time_s: float, within_s: float = 10.0) -> tuple[float, float]:
        """Returns by how many seconds the sound that fits the frame of `time_s` best is away from it, and how well."""
        near = np.abs(self.sound_times_s - time_s) <= within_s
        curve = np.where(near, self.of_frame(time_s), -np.inf)
        best = int(curve.argmax())
        return float(self.sound_times_s[best] - time_s), float(curve[best])


def read_curves(folder: Path, video_uid: str) -> Curves:
    """Returns the curves' embeddings of a video as far as they are there; raises UserError where there are none."""
    sound = read_arrays(sound_path(folder, video_uid))
    parts = [read_arrays(path) for path in sorted((folder / "frames" / video_uid).glob("*.safetensors"))]
    frames = [part for part in parts if part is not None and len(part["times_s"])]
    if sound is None or not frames:
        raise UserError(f"Nothing of {video_uid} is computed yet; play it with the matchmap on.")
    return Curves(
        np.concatenate([part["times_s"] for part in frames]),
        np.concatenate([part["embeddings"] for part in frames]).astype(np.float32),
        sound["times_s"],
        sound["embeddings"].astype(np.float32),
    )
