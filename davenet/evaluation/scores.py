"""The score job: for each pair the similarity of its frame and sound by a checkpoint, and its own segment's place.

The place is among the other pairs' segments (Section 5 asks the same of a gallery): the reviewer reads "3 of 1067".
Frames are read once and let go; only the segments to compare with are kept, of which there are at most a few thousand.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.evaluate import as_trained
from davenet.evaluation.gallery import distinct
from davenet.files import atomic_path
from davenet.jobs import ShouldStop, started
from davenet.labels.mining import draw
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, pool_audio, pool_image, similarity_matrix
from davenet.pairs import Pair, read_pairs
from davenet.specs import ScoreSpec
from davenet.training.dataset import Batch, Loss, PairReader, Segmenting, batches_ahead

MOST_OTHERS = {"sisa": 10_000, "misa": 1000, "sima": 1000}  # segments to compare with: embeddings, or whole maps
_BATCH = 64
_SEED = 0
Key = tuple[str, float, float]  # which sound it is: video, centre and length in seconds


@dataclass(frozen=True, slots=True)
class Score:
    """`rank` from 1 is one more than the number of other segments at least as similar to the frame, of `n` with its own."""

    pair: Pair
    similarity: float
    rank: int
    n: int


def score(spec: ScoreSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes one JSON object a line to `spec.out`; raises UserError where fewer than two pairs can be read."""
    device = chosen_device(spec.device)
    model, metadata = load_checkpoint(spec.checkpoint, device=device)
    segmenting, similarity = as_trained(metadata)
    pairs = list(read_pairs(spec.pairs))
    emit(started("score", len(pairs), "pairs"))
    reader = PairReader(spec.clips_dir, model.config, segmenting)
    usable, lost = reader.usable(pairs)
    others = draw(distinct(usable, segmenting), MOST_OTHERS[similarity], seed=_SEED)
    if len(others) < 2:
        raise UserError(
            f"{len(others)} of the project's pairs can be read with sound of their own and a place needs two; extract the "
            "videos and mine the pairs first."
        )
    n_scored, ranks = 0, []

    def found(one: Score | Loss) -> None:
        nonlocal n_scored
        if isinstance(one, Loss):
            emit(events.Skipped(one.pair.uid, one.reason))
            return
        n_scored += 1
        ranks.append(one.rank)
        values = {"pair": one.pair.uid, "similarity": one.similarity, "rank": one.rank, "n": one.n}
        out.write(json.dumps(values) + "\n")
        if n_scored % _BATCH == 0:
            emit(events.Progress(n_scored, len(pairs), "pairs"))

    with atomic_path(spec.out) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for loss in lost:
            found(loss)
        for one in scores(model, reader, usable, others, similarity=similarity, device=device, stop=stop):
            found(one)
    emit(events.Progress(len(pairs), len(pairs), "pairs"))
    median = float(np.median(ranks)) if ranks else None
    return {"scored": n_scored, "unreadable": len(pairs) - n_scored, "others": len(others), "median_rank": median}


def scores(
    model: DAVEnet,
    reader: PairReader,
    pairs: Sequence[Pair],
    others: Sequence[Pair],
    *,
    similarity: Similarity,
    device: torch.device,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Score | Loss]:
    """Yields each pair's score among the segments of `others`, in order; raises events.Stop when asked to stop.

    A pair's own segment is no other, even where a second pair has the same one; ties and NaN count against.
    """
    model.eval()
    segments = _Segments(similarity)
    with torch.no_grad():
        for batch in _batches(reader, others, stop, with_pictures=False):
            segments.add(model, batch, device, reader.segmenting)
        for batch in _batches(reader, pairs, stop, with_pictures=True):
            yield from batch.lost
            if batch.pairs:
                yield from segments.compare(model, batch, device, reader.segmenting)


def _batches(
    reader: PairReader, pairs: Sequence[Pair], stop: Callable[[], bool], *, with_pictures: bool
) -> Iterator[Batch]:
    work = [(pairs[start : start + _BATCH], None) for start in range(0, len(pairs), _BATCH)]
    for batch in batches_ahead(reader, work, with_pictures=with_pictures):
        if stop():
            raise events.Stop
        yield batch


class _Segments:
    """The segments C to compare frames with: embeddings for SISA, whole maps for the others."""

    def __init__(self, similarity: Similarity) -> None:
        self._similarity = similarity
        self._place: dict[Key, int] = {}
        self._parts: list[tuple[Tensor, Tensor]] = []  # (B, D, T) or (B, D), and steps that are not padding (B)

    def add(self, model: DAVEnet, batch: Batch, device: torch.device, segmenting: Segmenting) -> None:
        if batch.pairs:
            self._place.update({_key(pair, segmenting): len(self._place) + at for at, pair in enumerate(batch.pairs)})
            self._parts.append(self._heard(model, batch, device))

    def compare(
        self, model: DAVEnet, batch: Batch, device: torch.device, segmenting: Segmenting
    ) -> Iterator[Score | Loss]:
        image_BDHW = model.image_map(normalised(batch.image_BHW3.to(device))).float()
        own_B = np.diagonal(self._similarities(image_BDHW, *self._heard(model, batch, device)))
        other_BC = np.concatenate([self._similarities(image_BDHW, *part) for part in self._parts], axis=1)
        beaten_B = np.less(other_BC, own_B[:, None])
        for row, pair in enumerate(batch.pairs):
            if not np.isfinite(own_B[row]):
                yield Loss(
                    pair, f"The checkpoint gives no similarity for the pair at {pair.time_s:.1f} s; train it again."
                )
                continue
            place = self._place.get(_key(pair, segmenting))
            n_others = len(self._place) - (place is not None)
            n_beaten = int(beaten_B[row].sum()) - (place is not None and bool(beaten_B[row, place]))
            yield Score(pair, float(own_B[row]), 1 + n_others - n_beaten, n_others + 1)

    def _heard(self, model: DAVEnet, batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
        n_steps_B = batch.n_steps_B.to(device)
        audio_BDT = model.audio_map(batch.log_mel_BMT.to(device), n_steps_B).float()
        n_audio_steps_B = model.audio_steps_B(n_steps_B)
        held = pool_audio(audio_BDT, n_audio_steps_B) if self._similarity == "sisa" else audio_BDT
        return held, n_audio_steps_B

    def _similarities(self, image_BDHW: Tensor, held: Tensor, n_audio_steps_C: Tensor) -> NDArray[np.float32]:
        """Returns (B, C). Embeddings are multiplied in float64, so that equal ones tie wherever they stand."""
        if self._similarity == "sisa":
            image_BD = pool_image(image_BDHW).cpu().numpy().astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                return np.asarray(image_BD @ held.cpu().numpy().astype(np.float64).T, np.float32)
        found = similarity_matrix(image_BDHW, held, n_audio_steps_C, kind=self._similarity)
        return np.asarray(found.cpu().numpy(), np.float32)


def _key(pair: Pair, segmenting: Segmenting) -> Key:
    centre, length = segmenting.of(pair)
    return pair.video_uid, round(centre, 3), length
