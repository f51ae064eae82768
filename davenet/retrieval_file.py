"""The file of a gallery looked at through a checkpoint: written by the retrieve job, read by the app. No torch.

NAME.safetensors holds the arrays (n pairs, D embedding, K most similar, M rows of the picture), NAME.jsonl what people read
of it: the head in its first line (the tables, which gallery and checkpoint), then a pair a line. It is written last and its
head names the hashes of the arrays and of the pairs, so that halves of two files are never taken for one. A line a pair lets
a thread that reads 100,000 of them give way to a window's.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from davenet.errors import UserError
from davenet.files import atomic_path, content_hash, write_text_atomically
from davenet.retrieved_pairs import RetrievedPair, RetrievedPairs

FORMAT = "matchmap-annotator retrieval"
VERSION = 2  # 1 kept all pairs in one line
MOST_SIMILAR = 10


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
    pairs: Sequence[RetrievedPair]  # RetrievedPairs where it was read
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
    pairs_file_hash: str = ""  # of the file that the gallery was read from

    def __len__(self) -> int:
        return len(self.pairs)


_SAID = ("gallery", "gallery_hash", "checkpoint_hash", "similarity", "picture_step", "pairs_file_hash")
_OPTIONAL = ("frames_umap_N2", "segments_umap_N2")
_EMBEDDINGS = ("frames_ND", "segments_ND")
_AGAIN = "look at the run's gallery again"


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
    lines = [json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in found.pairs]
    head = {
        "format": FORMAT,
        "version": VERSION,
        "arrays_hash": content_hash(path),
        "pairs_hash": _hash_of(lines),
        **{name: getattr(found, name) for name in _SAID},
        "pca_shares": list(found.pca_shares),
        "overall": dict(found.overall),
        "classes": [asdict(row) for row in found.classes],
        "words": [asdict(row) for row in found.words],
        "unreadable": [list(one) for one in found.unreadable],
    }
    write_text_atomically(said_path(path), json.dumps(head, ensure_ascii=False) + "\n" + "".join(lines))


def said_path(path: Path) -> Path:
    """Returns the file of what people read, beside the arrays."""
    return path.with_suffix(".jsonl")


def read_head(path: Path) -> dict[str, Any]:
    """Returns the head alone; raises UserError where it is missing, damaged or of another version."""
    said = said_path(path)
    try:
        with open(said, encoding="utf-8") as lines:
            head = json.loads(lines.readline())
        is_ours = head["format"] == FORMAT and head["version"] == VERSION
    except FileNotFoundError as error:
        if path.with_suffix(".json").is_file():
            raise UserError(f"{path} is not of this version; {_AGAIN}.") from error
        raise UserError(f"{said} is missing; {_AGAIN}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} or the .jsonl beside it is damaged or cut short; {_AGAIN}.") from error
    if not is_ours:
        raise UserError(f"{said} is not of this version; {_AGAIN}, or update the app.")
    return dict(head)


def read_retrieval(path: Path, *, embeddings: bool = True) -> Retrieval:
    """Returns what was found; raises UserError where a file is missing, damaged, edited, of another version or half.

    Without `embeddings` those of frames and segments, nearly all of the file, are left empty (n, 0).
    """
    head = read_head(path)
    said = said_path(path)
    if not path.is_file():
        raise UserError(f"{path} is missing; {_AGAIN}.")
    try:
        if head["arrays_hash"] != content_hash(path):
            raise UserError(f"{path} does not belong to the .jsonl beside it, or is cut short; {_AGAIN}.")
        with open(said, encoding="utf-8") as lines:
            lines.readline()
            digest = hashlib.blake2b(digest_size=8)
            pairs = RetrievedPairs(_each(lines, digest.update))
        found = Retrieval(
            arrays=_read_arrays(path, embeddings=embeddings),
            pairs=pairs,
            classes=tuple(_row(row) for row in head["classes"]),
            words=tuple(_row(row) for row in head["words"]),
            overall=dict(head["overall"]),
            pca_shares=(float(head["pca_shares"][0]), float(head["pca_shares"][1])),
            unreadable=tuple((str(uid), str(reason)) for uid, reason in head["unreadable"]),
            **{name: head[name] for name in _SAID},
        )
        _check(found)
        if digest.hexdigest() != head["pairs_hash"]:
            raise UserError(f"{said} was changed since it was written; {_AGAIN}.")
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise UserError(f"{path} or the .jsonl beside it is damaged or cut short; {_AGAIN}.") from error
    return found


def _each(lines: Iterable[str], digest: Callable[[bytes], None]) -> Iterator[RetrievedPair]:
    for line in lines:
        digest(line.encode())
        yield RetrievedPair(**json.loads(line))


def _read_arrays(path: Path, *, embeddings: bool) -> Arrays:
    with safe_open(path, framework="numpy") as stored:
        held = set(stored.keys())
        names = [one.name for one in fields(Arrays) if one.name not in _OPTIONAL or one.name in held]
        left_out = () if embeddings else _EMBEDDINGS
        read: dict[str, Any] = {name: stored.get_tensor(name) for name in names if name not in left_out}
        none = np.zeros((len(read["order_N"]), 0), np.float16)
        read |= dict.fromkeys(left_out, none)
        return Arrays(**read)


def _hash_of(lines: Sequence[str]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()


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
    m = -(-n // max(1, found.picture_step))
    if arrays.picture_MM.shape != (m, m):
        raise ValueError(f"a picture of {arrays.picture_MM.shape} for {n} pairs")
    for places in (arrays.segments_of_frames_NK, arrays.frames_of_segments_NK):
        if places.ndim != 2 or (places.size and not -1 <= int(places.min()) <= int(places.max()) < n):
            raise ValueError("places outside of the gallery")
    if not np.array_equal(np.sort(arrays.order_N), np.arange(n)):
        raise ValueError("the order is not one of the gallery")
