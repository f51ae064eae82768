"""The evaluate job: a checkpoint's Recall@k over a gallery of pairs (Section 5), written as one JSON file."""

import json
from typing import Any

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.gallery import figures, gallery
from davenet.files import content_hash, write_text_atomically
from davenet.jobs import ShouldStop, started
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.similarity import Similarity, similarity_kind
from davenet.pairs import read_pairs
from davenet.specs import EvaluateSpec
from davenet.training.dataset import PairReader, Segmenting


def evaluate(spec: EvaluateSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes `spec.out` and returns its values; raises UserError where fewer than two pairs can be read."""
    device = chosen_device(spec.device)
    model, metadata = load_checkpoint(spec.checkpoint, device=device)
    segmenting, similarity = as_trained(metadata)
    pairs = list(read_pairs(spec.pairs))
    emit(started("evaluate", len(pairs), "pairs"))
    reader = PairReader(spec.clips_dir, model.config, segmenting)
    usable, lost = reader.usable(pairs)
    found = gallery(
        model,
        reader,
        usable,
        similarity=similarity,
        device=device,
        stop=stop,
        progress=lambda done: emit(events.Progress(done, len(usable), "pairs")),
    )
    for loss in (*lost, *found.lost):
        emit(events.Skipped(loss.pair.uid, loss.reason))
    if len(found.pairs) < 2:
        raise UserError(
            f"{spec.pairs} has {len(found.pairs)} readable pairs with sound of their own and Recall@10 needs two; "
            "accept pairs of more words."
        )
    values = {
        **figures(found),
        "unreadable": len(lost) + len(found.lost),
        "checkpoint": str(spec.checkpoint),
        "checkpoint_hash": content_hash(spec.checkpoint),
        "similarity": similarity,
        "segment_s": segmenting.segment_s,
        "segment_at": segmenting.segment_at,
    }
    write_text_atomically(spec.out, json.dumps(values, indent=2) + "\n")
    emit(events.Metrics(0, 0.0, {name: float(value) for name, value in values.items() if isinstance(value, float)}))
    return values


def as_trained(metadata: dict[str, Any]) -> tuple[Segmenting, Similarity]:
    """Returns how a checkpoint's training cut and compared; the paper's way where its metadata does not say."""
    training = metadata.get("training") or {}
    return Segmenting(training.get("segment_s"), training.get("segment_at", "frame")), similarity_kind(
        training.get("similarity")
    )
