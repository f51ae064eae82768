"""The file of a gallery looked at through a checkpoint: written by the retrieve job, read by the app. No torch.

NAME.safetensors holds the arrays (n pairs, D embedding, K most similar, M rows of the picture), NAME.json what people read
of it: the pairs, the tables, which gallery and checkpoint. The JSON is written last and names the arrays' hash, so that
halves of two files are never taken for one.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from davenet.errors import UserError
from davenet.files import atomic_path, content_hash, write_text_atomically

FORMAT = "matchmap-annotator retrieval"
VERSION = 1
MOST_SIMILAR = 10


@dataclass(frozen=True, slots=True)
class RetrievedPair:
    """One pair of the gallery; `sound_s` is the centre of its segment as the checkpoint hears it."""

    uid: str
    video_uid: str
    time_s: float
    sound_s: float
    segment_s: float
    class_name: str | None
    word: str | None
    split: str = ""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One class or word: Recall@10 both ways (0 to 1, with 95 % intervals), and F1 of what frames retrieve."""

    name: str
    n: int
    audio: float
    audio_interval_95: tuple[float, float]
    visual: float
    visual_interval_95: tuple[float, float]
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Arrays:
    """Rows are the gallery's pairs in order. Places are rows of the gallery, the most similar first, -1 where there is none."""

    frames_ND: NDArray[np.float16]
    segments_ND: NDArray[np.float16]
    audio_ranks_N: NDArray[np.int64]  # of each frame's own segment, from 1
    visual_ranks_N: NDArray[np.int64]  # of each segment's own frame
    true_N: NDArray[np.float32]  # similarity of each pair's frame and segment
    segments_of_frames_NK: NDArray[np.int32]
    segments_similarity_NK: NDArray[np.float32]
    frames_of_segments_NK: NDArray[np.int32]
    frames_similarity_NK: NDArray[np.float32]
    frames_pca_N2: NDArray[np.float32]
    segments_pca_N2: NDArray[np.float32]
    order_N: NDArray[np.int32]  # the gallery by class, as the picture shows it
    picture_MM: NDArray[np.float16]  # mean similarities of `Retrieval.picture_step` pairs each way, frames down
    frames_umap_N2: NDArray[np.float32] | None = None
    segments_umap_N2: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A gallery seen by a checkpoint. `overall` holds the figures of `davenet.evaluation.gallery.figures` and the macro F1s."""

    arrays: Arrays
    pairs: tuple[RetrievedPair, ...]
    classes: tuple[GroupRow, ...]
    words: tuple[GroupRow, ...]
    overall: Mapping[str, Any]
    gallery: str
    gallery_hash: str
    checkpoint_hash: str
    similarity: str
    picture_step: int
    pca_shares: tuple[float, float]  # of the variance that each axis shows
    unreadable: tuple[tuple[str, str], ...] = field(default=())  # uids of pairs that are left out, with the reason

    def __len__(self) -> int:
        return len(self.pairs)


_SAID = ("gallery", "gallery_hash", "checkpoint_hash", "similarity", "picture_step")
_OPTIONAL = ("frames_umap_N2", "segments_umap_N2")


def retrieval_path(folder: Path, gallery_hash: str) -> Path:
    return folder / f"{gallery_hash}.safetensors"


def write_retrieval(path: Path, found: Retrieval) -> None:
    """Writes both files; raises UserError where the disk is full or the folder locked."""
    tensors = {
        name.name: np.ascontiguousarray(value)
        for name in fields(Arrays)
        if (value := getattr(found.arrays, name.name)) is not None
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"format": FORMAT, "version": str(VERSION)})
    values = {
        "format": FORMAT,
        "version": VERSION,
        "arrays_hash": content_hash(path),
        **{name: getattr(found, name) for name in _SAID},
        "pca_shares": list(found.pca_shares),
        "overall": dict(found.overall),
        "classes": [asdict(row) for row in found.classes],
        "words": [asdict(row) for row in found.words],
        "unreadable": [list(one) for one in found.unreadable],
        "pairs": [asdict(pair) for pair in found.pairs],
    }
    write_text_atomically(path.with_suffix(".json"), json.dumps(values, ensure_ascii=False) + "\n")


def read_retrieval(path: Path) -> Retrieval:
    """Returns what was found; raises UserError where a file is missing, damaged, of another version or of another half."""
    said = path.with_suffix(".json")
    again = "look at the run's gallery again"
    if not path.is_file() or not said.is_file():
        raise UserError(f"{path if said.is_file() else said} is missing; {again}.")
    try:
        values = json.loads(said.read_text("utf-8"))
        if values["format"] != FORMAT or values["version"] != VERSION:
            raise UserError(f"{said} is not of this version; {again}.")
        if values["arrays_hash"] != content_hash(path):
            raise UserError(f"{path} does not belong to the .json beside it; {again}.")
        with safe_open(path, framework="numpy") as stored:
            held = set(stored.keys())
            arrays = Arrays(
                **{
                    one.name: stored.get_tensor(one.name)
                    for one in fields(Arrays)
                    if one.name not in _OPTIONAL or one.name in held
                }
            )
        found = Retrieval(
            arrays=arrays,
            pairs=tuple(RetrievedPair(**pair) for pair in values["pairs"]),
            classes=tuple(_row(row) for row in values["classes"]),
            words=tuple(_row(row) for row in values["words"]),
            overall=dict(values["overall"]),
            pca_shares=(float(values["pca_shares"][0]), float(values["pca_shares"][1])),
            unreadable=tuple((str(uid), str(reason)) for uid, reason in values["unreadable"]),
            **{name: values[name] for name in _SAID},
        )
        _check(found)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise UserError(f"{path} or the .json beside it is damaged or cut short; {again}.") from error
    return found


def _row(values: dict[str, Any]) -> GroupRow:
    audio, visual = values.pop("audio_interval_95"), values.pop("visual_interval_95")
    return GroupRow(
        audio_interval_95=(float(audio[0]), float(audio[1])),
        visual_interval_95=(float(visual[0]), float(visual[1])),
        **values,
    )


def _check(found: Retrieval) -> None:
    """Raises ValueError where the arrays are not of so many pairs, or name places outside of the gallery."""
    n, arrays = len(found.pairs), found.arrays
    for one in fields(Arrays):
        value = getattr(arrays, one.name)
        if value is not None and one.name != "picture_MM" and len(value) != n:
            raise ValueError(f"{one.name} is of {len(value)} pairs, not {n}")
    for places in (arrays.segments_of_frames_NK, arrays.frames_of_segments_NK):
        if places.ndim != 2 or (places.size and not -1 <= int(places.min()) <= int(places.max()) < n):
            raise ValueError("places outside of the gallery")
    if sorted(arrays.order_N.tolist()) != list(range(n)):
        raise ValueError("the order is not one of the gallery")
