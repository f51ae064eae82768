"""What a checkpoint makes of each pair's weak label: does its sound fit the frames of that label, its frame the sounds?

A pair's own similarity says little: it may be high for any sound and picture. So each sound is compared with the frames of
every class and each frame with the sounds of every class, and the label's place among the classes is what counts. The frames
and sounds to compare with are other videos' where that can be: within one video, the kitchen and the voice agree.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.evaluate import as_trained
from davenet.files import atomic_path
from davenet.jobs import ShouldStop, started
from davenet.labels.choosing import Evidence
from davenet.labels.mining import draw
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, pool_audio, pool_image, similarity_matrix
from davenet.pairs import Pair, read_pairs
from davenet.specs import EvidenceSpec
from davenet.training.dataset import Batch, PairReader, batches_ahead

MOST_OTHERS = {"sisa": 10_000, "misa": 1000, "sima": 1000}  # pairs to compare with: embeddings, or whole maps
_BATCH = 32
_SEED = 0


def collect_evidence(spec: EvidenceSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes one Evidence a line (JSON) to `spec.out`; raises UserError where the labels name fewer than two classes."""
    device = chosen_device(spec.device)
    model, metadata = load_checkpoint(spec.checkpoint, device=device)
    segmenting, similarity = as_trained(metadata)
    pairs = [pair for pair in read_pairs(spec.pairs) if pair.labels]
    reader = PairReader(spec.clips_dir, model.config, segmenting)
    usable, lost = reader.usable(pairs)
    emit(started("evidence", len(usable), "pairs"))
    for loss in lost:
        emit(events.Skipped(loss.pair.uid, loss.reason))
    n_classes = len({pair.labels[0].class_name for pair in usable})
    if n_classes < 2:
        raise UserError(
            f"{spec.pairs} names {n_classes} classes in pairs that can be read, and doubts need two; extract the videos and "
            "mine more of them."
        )

    def progress(done: int) -> None:
        emit(events.Progress(done, len(usable), "pairs"))

    found = evidence_of(model, reader, usable, similarity=similarity, device=device, stop=stop, progress=progress)
    with atomic_path(spec.out) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for one in found:
            out.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
    return {"out": str(spec.out), "pairs": len(found), "unreadable": len(pairs) - len(found), "classes": n_classes}


def evidence_of(
    model: DAVEnet,
    reader: PairReader,
    pairs: Sequence[Pair],
    *,
    similarity: Similarity,
    device: torch.device,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Evidence]:
    """Returns the evidence on each pair that can be read, in order; raises events.Stop when asked to stop."""
    model.eval()
    others = draw(pairs, MOST_OTHERS[similarity], seed=_SEED)
    work = [(others[start : start + _BATCH], None) for start in range(0, len(others), _BATCH)]
    found: list[Evidence] = []
    with torch.no_grad():
        known: list[_Maps] = []
        for batch in batches_ahead(reader, work):
            if stop():
                raise events.Stop
            if batch.pairs:
                known.append(_maps(model, batch, device, similarity))
        against = _Others(tuple(pair for maps in known for pair in maps.pairs), known, similarity)
        all_work = [(pairs[start : start + _BATCH], None) for start in range(0, len(pairs), _BATCH)]
        for batch in batches_ahead(reader, all_work):
            if stop():
                raise events.Stop
            if batch.pairs:
                found += against.compare(_maps(model, batch, device, similarity))
                progress(len(found))
    return found


@dataclass(frozen=True, slots=True)
class _Maps:
    """A batch's frames and sounds: embeddings (B, D) for SISA, whole maps for the others."""

    pairs: tuple[Pair, ...]
    image: Tensor
    audio: Tensor
    n_steps_B: Tensor


def _maps(model: DAVEnet, batch: Batch, device: torch.device, similarity: Similarity) -> _Maps:
    n_steps_B = batch.n_steps_B.to(device)
    image = model.image_map(normalised(batch.image_BHW3.to(device))).float()
    audio = model.audio_map(batch.log_mel_BMT.to(device), n_steps_B).float()
    n_audio_steps_B = model.audio_steps_B(n_steps_B)
    if similarity == "sisa":
        image, audio = pool_image(image), pool_audio(audio, n_audio_steps_B)
    return _Maps(batch.pairs, image, audio, n_audio_steps_B)


class _Others:
    """The pairs C to compare with, and the mean similarity of each to all frames and sounds, which is taken off first."""

    def __init__(self, pairs: tuple[Pair, ...], parts: Sequence[_Maps], similarity: Similarity) -> None:
        self._parts, self._similarity = parts, similarity
        self._uids = np.array([pair.uid for pair in pairs])
        self._videos = np.array([pair.video_uid for pair in pairs])
        self._names = sorted({pair.labels[0].class_name for pair in pairs})
        place = {name: at for at, name in enumerate(self._names)}
        self._classes = np.array([place[pair.labels[0].class_name] for pair in pairs])
        whole_CC = np.concatenate([self._seen(part) for part in parts])
        self._sound_mean_C, self._frame_mean_C = whole_CC.mean(axis=0), whole_CC.mean(axis=1)

    def compare(self, batch: _Maps) -> list[Evidence]:
        seen_BC, heard_BC = self._seen(batch), self._heard(batch)
        own_B = np.diagonal(self._similarities(batch, batch))
        found = []
        for at, pair in enumerate(batch.pairs):
            is_other = self._uids != pair.uid
            is_elsewhere = is_other & (self._videos != pair.video_uid)
            label = pair.labels[0]
            n_as_good = int((~np.less(seen_BC[at], own_B[at]))[is_other].sum())
            found.append(
                Evidence(
                    pair.uid,
                    pair.video_uid,
                    pair.time_s,
                    label.class_name,
                    label.probability,
                    label.word_confidence,
                    sound_fits=self._fits(heard_BC[at] - self._frame_mean_C, label.class_name, is_elsewhere),
                    frame_fits=self._fits(seen_BC[at] - self._sound_mean_C, label.class_name, is_elsewhere),
                    rank=1 + n_as_good,
                    n=1 + int(is_other.sum()),
                )
            )
        return found

    def _fits(self, similarity_C: NDArray[np.float32], name: str, counts: NDArray[np.bool_]) -> float | None:
        """Returns the share of the other classes whose mean similarity is below that of this class; None without any."""
        n_of = np.bincount(self._classes[counts], minlength=len(self._names))
        sums = np.bincount(self._classes[counts], similarity_C[counts], minlength=len(self._names))
        own = self._names.index(name) if name in self._names else -1
        if own < 0 or n_of[own] == 0 or (n_of > 0).sum() < 2:
            return None
        means = sums[n_of > 0] / n_of[n_of > 0]
        below = float(np.less(means, sums[own] / n_of[own]).sum())
        return below / (len(means) - 1)

    def _seen(self, batch: _Maps) -> NDArray[np.float32]:
        """Returns (B, C): the batch's frames with the others' sounds."""
        return np.concatenate([self._similarities(batch, part) for part in self._parts], axis=1)

    def _heard(self, batch: _Maps) -> NDArray[np.float32]:
        """Returns (B, C): the batch's sounds with the others' frames."""
        return np.concatenate([self._similarities(part, batch) for part in self._parts]).T

    def _similarities(self, frames: _Maps, sounds: _Maps) -> NDArray[np.float32]:
        if self._similarity == "sisa":
            found = frames.image @ sounds.audio.T
        else:
            found = similarity_matrix(frames.image, sounds.audio, sounds.n_steps_B, kind=self._similarity)
        return np.asarray(found.cpu().numpy(), np.float32)
