"""A gallery of pairs through a model: every frame against every segment. The loop and the evaluate job share it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from davenet import events
from davenet.evaluation.recall import KS, chance_at_k, ranks, recall_of_ranks
from davenet.model.davenet import DAVEnet
from davenet.model.similarity import Similarity, pool_audio, pool_image, similarity_matrix
from davenet.pairs import Pair
from davenet.training.dataset import Loss, PairReader, Segmenting, batches_ahead

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Gallery:
    """The pairs that could be read and their similarities: rows frames, columns segments."""

    pairs: tuple[Pair, ...]
    similarity_BB: NDArray[np.float32]
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
    """Returns the gallery of these pairs, each segment once; raises events.Stop between batches when asked to stop."""
    pairs = distinct(pairs, reader.segmenting)
    was_training = model.training
    model.eval()
    kept: list[Pair] = []
    lost: list[Loss] = []
    images: list[torch.Tensor] = []
    sounds: list[torch.Tensor] = []
    counts: list[torch.Tensor] = []
    work = [(pairs[start : start + _BATCH], None) for start in range(0, len(pairs), _BATCH)]
    try:
        with torch.no_grad():
            for batch in batches_ahead(reader, work):
                if stop():
                    raise events.Stop
                lost += batch.lost
                if not batch.pairs:
                    continue
                n_steps_B = batch.n_steps_B.to(device)
                image_BDHW = model.image_map(batch.image_B3HW.to(device))
                audio_BDT = model.audio_map(batch.log_mel_BMT.to(device), n_steps_B)
                steps_B = model.audio_steps_B(n_steps_B)
                if similarity == "pooled":  # embeddings are enough, and small
                    image_BDHW = pool_image(image_BDHW)[:, :, None, None]
                    audio_BDT = pool_audio(audio_BDT, steps_B).unsqueeze(2)
                    steps_B = torch.ones_like(steps_B)
                images.append(image_BDHW)
                sounds.append(audio_BDT)
                counts.append(steps_B)
                kept += batch.pairs
                progress(len(kept) + len(lost))
            if not kept:
                return Gallery((), np.zeros((0, 0), np.float32), tuple(lost))
            rows = []
            for image_BDHW in images:
                if stop():
                    raise events.Stop
                rows.append(
                    torch.cat(
                        [
                            similarity_matrix(image_BDHW, sound, count, kind=similarity)
                            for sound, count in zip(sounds, counts, strict=True)
                        ],
                        dim=1,
                    )
                )
    finally:
        model.train(was_training)
    return Gallery(tuple(kept), torch.cat(rows).float().cpu().numpy(), tuple(lost))


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
    for way, way_ranks in zip(("audio", "visual"), ranks(found.similarity_BB), strict=True):
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


def gallery_hash(pairs: Sequence[Pair]) -> str:
    """Returns 16 hex digits that name these pairs in any order: recalls compare only over the same gallery."""
    digest = hashlib.blake2b(digest_size=8)
    for line in sorted(f"{p.uid} {p.video_uid} {p.time_s:.3f} {p.segment_s:.3f} {p.sound_offset_s:.3f}" for p in pairs):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
