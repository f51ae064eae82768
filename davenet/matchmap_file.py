"""The cache file of a video's matchmaps: written by the matchmaps job, read by the app, which never loads torch.

Tensors: `maps` float16 (N, H, W), `times_s` float64 (N), `similarity` float32 (N). The metadata names the crop of the
frame that a map covers and the scale that brings its values to 0..1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from davenet.errors import UserError
from davenet.files import atomic_path

FORMAT = "matchmap-annotator matchmaps"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Matchmaps:
    """The matchmaps of one video; `maps` are raw similarities, `at` gives what is drawn."""

    maps: NDArray[np.float16]  # (N, H, W)
    times_s: NDArray[np.float64]  # (N), ascending, on the video's clock
    similarity: NDArray[np.float32]  # (N)
    video_uid: str
    checkpoint_hash: str
    crop: tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of the displayed frame
    floor: float  # the value drawn as 0
    scale: float  # the value above the floor that is drawn as 1
    segment_s: float

    def at(self, time_s: float) -> NDArray[np.float32]:
        """Returns the map (H, W) in 0..1 of the moment `time_s`, blended between the two maps around it."""
        position = int(np.searchsorted(self.times_s, time_s))
        if position == 0 or position == len(self.times_s):
            raw = self.maps[min(position, len(self.times_s) - 1)].astype(np.float32)
        else:
            before, after = self.times_s[position - 1], self.times_s[position]
            share = np.float32((time_s - before) / max(after - before, 1e-9))
            raw = (1 - share) * self.maps[position - 1].astype(np.float32) + share * self.maps[position].astype(
                np.float32
            )
        shown: NDArray[np.float32] = np.clip((raw - self.floor) / max(self.scale, 1e-9), 0, 1).astype(np.float32)
        return shown


def display_range(maps: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """Returns floor and scale for a video's maps: never below zero similarity, robust against single bright cells."""
    if maps.size == 0:
        return 0.0, 1.0
    values = maps.astype(np.float32)
    floor = max(0.0, float(np.quantile(values, 0.5)))
    return floor, max(float(np.quantile(values, 0.998)) - floor, 1e-6)


def write_matchmaps(path: Path, matchmaps: Matchmaps, *, metadata: Mapping[str, Any]) -> None:
    """Writes the file whole or not at all; `metadata` (JSON values) tells what it was made with."""
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "video_uid": matchmaps.video_uid,
        "checkpoint_hash": matchmaps.checkpoint_hash,
        "crop": json.dumps(matchmaps.crop),
        "floor": repr(matchmaps.floor),
        "scale": repr(matchmaps.scale),
        "segment_s": repr(matchmaps.segment_s),
        "metadata": json.dumps(dict(metadata), sort_keys=True),
    }
    tensors: dict[str, NDArray[Any]] = {
        "maps": np.ascontiguousarray(matchmaps.maps, np.float16),
        "times_s": np.ascontiguousarray(matchmaps.times_s, np.float64),
        "similarity": np.ascontiguousarray(matchmaps.similarity, np.float32),
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def read_matchmaps(path: Path) -> Matchmaps:
    """Returns the matchmaps of a file; raises UserError where it is missing, damaged or not one of this version."""
    if not path.is_file():
        raise UserError(f"There are no matchmaps at {path}; compute them for this video and checkpoint.")
    try:
        with safe_open(path, framework="numpy") as stored:
            header = stored.metadata() or {}
            if header.get("format") != FORMAT or header.get("version") != str(VERSION):
                raise UserError(f"{path} holds no matchmaps of this version; compute them again.")
            crop = tuple(float(value) for value in json.loads(header["crop"]))
            if len(crop) != 4:
                raise ValueError(f"a crop of {len(crop)} numbers")
            return Matchmaps(
                maps=stored.get_tensor("maps"),
                times_s=stored.get_tensor("times_s"),
                similarity=stored.get_tensor("similarity"),
                video_uid=header["video_uid"],
                checkpoint_hash=header["checkpoint_hash"],
                crop=crop,
                floor=float(header["floor"]),
                scale=float(header["scale"]),
                segment_s=float(header["segment_s"]),
            )
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} is damaged or cut short; compute the matchmaps again.") from error
