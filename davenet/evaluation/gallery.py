"""A gallery of pairs through a model: every frame against every segment. The loop and the evaluate job share it.

Memory is bounded by what the similarity needs of each pair: an embedding of each branch (SISA), or its two maps.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.galleries import gallery_hash
from davenet.evaluation.recall import (
    KS,
    TILE,
    Ranks,
    Tile,
    chance_at_k,
    ranks_by_tiles,
    recall_of_ranks,
    tile_of_embeddings,
)
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, pool_audio, pool_image, similarity_matrix
from davenet.pairs import Pair
from davenet.training.dataset import Loss, PairReader, Segmenting, batches_ahead

_BATCH = 64
_MAPS_TILE = 128  # pairs whose maps are compared at a time: 100 MB of DAVEnet's image maps
_MOST_IN_MEMORY = 4 << 30  # bytes of image maps in float16, above which they lie in a temporary file
_LARGE_MAPS = 1 << 29  # bytes of image maps from which they are kept in float16, off the GPU


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pairs that could be read, and among them the rank of each one's segment (audio) and frame (visual)."""

    pairs: tuple[Pair, ...]
    audio_ranks_B: Ranks
    visual_ranks_B: Ranks
    lost: tuple[Loss, ...]


def gallery(
    model: DAVEnet,
    reader: PairReader,
    pairs: Sequence[Pair],
    *,
    similarity: Similarity,
    device: torch.device,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
) -> Gallery:
    """Returns the gallery of these pairs, each segment once; raises events.Stop within seconds when asked to stop."""
    found = mapped(model, reader, pairs, similarity=similarity, device=device, stop=stop, progress=progress)
    audio, visual = ranks_by_tiles(len(found.pairs), found.tile, size=found.tile_size)
    return Gallery(found.pairs, audio, visual, found.lost)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The pairs of a gallery that could be read, each segment once, through the model: what their S is made of."""

    pairs: tuple[Pair, ...]
    lost: tuple[Loss, ...]
    tile: Tile  # raises events.Stop when asked to stop
    tile_size: int
    embeddings: Callable[[], tuple[NDArray[np.float32], NDArray[np.float32]]]  # of frames and segments, (n, D) each


def mapped(
    model: DAVEnet,
    reader: PairReader,
    pairs: Sequence[Pair],
    *,
    similarity: Similarity,
    device: torch.device,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
) -> Mapped:
    """Returns the pairs through the model; raises events.Stop within seconds when asked to stop."""
    pairs = distinct(pairs, reader.segmenting)
    kept: list[Pair] = []
    lost: list[Loss] = []
    held: _Embeddings | _Maps = _Embeddings(len(pairs)) if similarity == "sisa" else _Maps(len(pairs), similarity)
    work = [(pairs[start : start + _BATCH], None) for start in range(0, len(pairs), _BATCH)]

    def tile(rows: slice, columns: slice) -> NDArray[np.floating]:
        if stop():
            raise events.Stop
        with torch.no_grad():
            return held_tile(rows, columns)

    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for batch in batches_ahead(reader, work):
                if stop():
                    raise events.Stop
                lost += batch.lost
                if not batch.pairs:
                    continue
                n_steps_B = batch.n_steps_B.to(device)
                image_BDHW = model.image_map(normalised(batch.image_BHW3.to(device)))
                audio_BDT = model.audio_map(batch.log_mel_BMT.to(device), n_steps_B)
                held.add(image_BDHW, audio_BDT, model.audio_steps_B(n_steps_B))
                kept += batch.pairs
                progress(len(kept) + len(lost))
            held_tile = held.tile(device)
    finally:
        model.train(was_training)
    return Mapped(tuple(kept), tuple(lost), tile, held.tile_size, held.embeddings)


class _Embeddings:
    """The mean-pooled maps: all that SISA needs."""

    tile_size = TILE

    def __init__(self, n_pairs: int) -> None:
        self._n_pairs, self._n = n_pairs, 0
        self._image_BD = self._audio_BD = np.empty((0, 0), np.float32)

    def add(self, image_BDHW: Tensor, audio_BDT: Tensor, n_audio_steps_B: Tensor) -> None:
        image_BD, audio_BD = pool_image(image_BDHW.float()), pool_audio(audio_BDT.float(), n_audio_steps_B)
        if self._n == 0:
            self._image_BD = np.empty((self._n_pairs, image_BD.shape[1]), np.float32)
            self._audio_BD = np.empty_like(self._image_BD)
        rows = slice(self._n, self._n + len(image_BD))
        self._image_BD[rows], self._audio_BD[rows] = image_BD.cpu().numpy(), audio_BD.cpu().numpy()
        self._n = rows.stop

    def tile(self, device: torch.device) -> Tile:
        return tile_of_embeddings(*self.embeddings())

    def embeddings(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._image_BD[: self._n], self._audio_BD[: self._n]


class _Maps:
    """The whole maps, for the similarities that look for the best place or moment."""

    tile_size = _MAPS_TILE

    def __init__(self, n_pairs: int, similarity: Similarity) -> None:
        self._n_pairs, self._n = n_pairs, 0
        self._similarity = similarity
        self._image_BDHW = torch.empty(0)
        self._audio_BDT: list[Tensor] = []  # T differs between batches
        self._n_audio_steps_B: list[Tensor] = []

    def add(self, image_BDHW: Tensor, audio_BDT: Tensor, n_audio_steps_B: Tensor) -> None:
        if self._n == 0:
            is_large = 4 * image_BDHW[0].numel() * self._n_pairs > _LARGE_MAPS
            shape = (self._n_pairs, *image_BDHW.shape[1:])
            if 2 * image_BDHW[0].numel() * self._n_pairs > _MOST_IN_MEMORY:
                self._image_BDHW = _on_disk(shape)
            else:
                self._image_BDHW = torch.empty(
                    shape,
                    dtype=torch.float16 if is_large else torch.float32,
                    device="cpu" if is_large else image_BDHW.device,
                )
        kept_as = self._image_BDHW
        rows = slice(self._n, self._n + len(image_BDHW))
        self._image_BDHW[rows] = image_BDHW.to(device=kept_as.device, dtype=kept_as.dtype)
        self._audio_BDT.append(audio_BDT.to(device=kept_as.device, dtype=kept_as.dtype))
        self._n_audio_steps_B.append(n_audio_steps_B)
        self._n = rows.stop

    def tile(self, device: torch.device) -> Tile:
        longest = max((audio_BDT.shape[2] for audio_BDT in self._audio_BDT), default=0)
        filled = [torch.nn.functional.pad(some, (0, longest - some.shape[2])) for some in self._audio_BDT]
        audio_BDT = torch.cat(filled) if filled else torch.empty(0)
        n_audio_steps_B = torch.cat(self._n_audio_steps_B) if filled else torch.empty(0)

        def tile(rows: slice, columns: slice) -> NDArray[np.floating]:
            similarity_BB = similarity_matrix(
                self._image_BDHW[rows].to(device=device, dtype=torch.float32),
                audio_BDT[columns].to(device=device, dtype=torch.float32),
                n_audio_steps_B[columns],
                kind=self._similarity,
            )
            return similarity_BB.cpu().numpy()

        return tile

    def embeddings(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns the means of the maps, a few pairs at a time: the maps of all in float32 would fill the memory."""
        starts = range(0, self._n, _MAPS_TILE)
        image = [
            pool_image(self._image_BDHW[at : min(at + _MAPS_TILE, self._n)].float()).cpu().numpy() for at in starts
        ]
        parts = zip(self._audio_BDT, self._n_audio_steps_B, strict=True)
        audio = [pool_audio(audio_BDT.float(), n_B.to(audio_BDT.device)).cpu().numpy() for audio_BDT, n_B in parts]
        empty = np.empty((0, 0), np.float32)
        return (np.concatenate(image), np.concatenate(audio)) if self._n else (empty, empty)


def _on_disk(shape: tuple[int, ...]) -> Tensor:
    """Returns room for maps in float16 in a file that has no name and goes with them."""
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # a full disk is told now, and not when a page of it is first written
                os.posix_fallocate(file.fileno(), 0, 2 * int(np.prod(shape)))
            return torch.from_numpy(np.memmap(file, np.float16, mode="w+", shape=shape))
    except OSError as error:
        size = 2 * int(np.prod(shape)) / 1e9
        raise UserError(
            f"{tempfile.gettempdir()} has no room for the gallery's {size:.0f} GB of image maps ({error.strerror}); free some, "
            "or take a smaller gallery."
        ) from error


def distinct(pairs: Sequence[Pair], segmenting: Segmenting) -> list[Pair]:
    """Returns the pairs in their order with each audio segment once: of those that share one, the nearest frame's.

    Where segments are centred on words, several frames have the same word: their equal segments would tie with the true one.
    """
    nearest: dict[tuple[str, float, float], Pair] = {}
    for pair in pairs:
        centre, length = segmenting.of(pair)
        known = nearest.setdefault((pair.video_uid, round(centre, 3), length), pair)
        if abs(pair.time_s - centre) < abs(known.time_s - centre):
            nearest[pair.video_uid, round(centre, 3), length] = pair
    kept = {id(pair) for pair in nearest.values()}
    return [pair for pair in pairs if id(pair) in kept]


def figures(found: Gallery) -> dict[str, object]:
    """Returns Recall@1, 5 and 10 both ways with intervals and chance, median ranks, and the gallery's size and hash."""
    n = len(found.pairs)
    values: dict[str, object] = {
        "gallery_size": n,
        "gallery_hash": gallery_hash(found.pairs),
        "unreadable": len(found.lost),
    }
    for way, way_ranks in (("audio", found.audio_ranks_B), ("visual", found.visual_ranks_B)):
        recall = recall_of_ranks(way_ranks)
        for k in KS:
            values[f"{way}_recall_at_{k}"] = recall.at[k]
            values[f"{way}_recall_at_{k}_interval_95"] = list(recall.interval_95[k])
        values[f"{way}_median_rank"] = recall.median_rank
        values[f"{way}_mean_rank"] = recall.mean_rank
    for k in KS:
        values[f"chance_at_{k}"] = chance_at_k(n, k)
    values["chance"] = chance_at_k(n, 10)
    return values
