"""The evaluate job: a checkpoint's Recall@k over a gallery of pairs (Section 5), written as one JSON file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.gallery import Gallery, figures, gallery
from davenet.evaluation.rank_file import RankFile, ranks_path, write_ranks
from davenet.evaluation.recall import mean_recall, recall_by_class
from davenet.files import content_hash, write_text_atomically
from davenet.jobs import ShouldStop, started
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.similarity import Similarity, similarity_kind
from davenet.pairs import read_pairs
from davenet.specs import EvaluateSpec
from davenet.training.dataset import PairReader, Segmenting


def evaluate(spec: EvaluateSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes `spec.out` and returns its values; raises UserError where fewer than two pairs can be read."""

    def progress(done: int, total: int) -> None:
        if done == 0:
            emit(started("evaluate", total, "pairs"))
        emit(events.Progress(done, total, "pairs"))

    values, found = measured(
        spec.checkpoint,
        spec.clips_dir,
        spec.pairs,
        gallery_name=spec.gallery,
        device=spec.device,
        stop=stop,
        progress=progress,
    )
    for loss in found.lost:
        emit(events.Skipped(loss.pair.uid, loss.reason))
    uids = tuple(pair.uid for pair in found.pairs)
    ranks = RankFile(str(values["gallery_hash"]), uids, found.audio_ranks_B, found.visual_ranks_B)
    write_ranks(ranks_path(spec.out), ranks)
    write_text_atomically(spec.out, json.dumps(values, indent=2) + "\n")
    emit(events.Metrics(0, 0.0, {name: float(value) for name, value in values.items() if isinstance(value, float)}))
    return values


def measured(
    checkpoint: Path,
    clips_dir: Path,
    pairs_file: Path,
    *,
    gallery_name: str,
    device: str,
    stop: ShouldStop,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[dict[str, Any], Gallery]:
    """Returns a checkpoint's figures over the pairs of a file, and its ranks there.

    Raises UserError where fewer than two pairs can be read, events.Stop when asked to stop.
    """
    torch_device = chosen_device(device)
    model, metadata = load_checkpoint(checkpoint, device=torch_device)
    segmenting, similarity = as_trained(metadata)
    pairs = list(read_pairs(pairs_file))
    progress(0, len(pairs))
    reader = PairReader(clips_dir, model.config, segmenting)
    usable, lost = reader.usable(pairs)
    found = gallery(
        model,
        reader,
        usable,
        similarity=similarity,
        device=torch_device,
        stop=stop,
        progress=lambda done: progress(done, len(usable)),
    )
    found = Gallery(found.pairs, found.audio_ranks_B, found.visual_ranks_B, (*lost, *found.lost))
    if len(found.pairs) < 2:
        raise UserError(
            f"{pairs_file} has {len(found.pairs)} readable pairs with sound of their own and Recall@10 needs two; "
            "accept pairs of more words."
        )
    both_ways = mean_recall(found.audio_ranks_B, found.visual_ranks_B, 10)
    values = {
        "gallery": gallery_name,
        **figures(found),
        "mean_recall_at_10": both_ways.value,
        "mean_recall_at_10_interval_95": list(both_ways.interval_95),
        "classes": _by_class(found),
        "checkpoint": str(checkpoint),
        "checkpoint_hash": content_hash(checkpoint),
        "similarity": similarity,
        "segment_s": segmenting.segment_s,
        "segment_at": segmenting.segment_at,
    }
    return values, found


def as_trained(metadata: dict[str, Any]) -> tuple[Segmenting, Similarity]:
    """Returns how a checkpoint's training cut and compared; the paper's way where its metadata does not say."""
    training = metadata.get("training") or {}
    segmenting = Segmenting(training.get("segment_s"), training.get("segment_at", "frame"))
    return segmenting, similarity_kind(training.get("similarity"))


def _by_class(found: Gallery) -> dict[str, dict[str, Any]]:
    """Returns Recall@10 both ways of the pairs of each class, which is that of a pair's first weak label."""
    classes = [pair.labels[0].class_name if pair.labels else None for pair in found.pairs]
    values: dict[str, dict[str, Any]] = {}
    for way, ranks_B in (("audio", found.audio_ranks_B), ("visual", found.visual_ranks_B)):
        for name, share in recall_by_class(ranks_B, classes, 10).items():
            of_class = values.setdefault(name, {"pairs": share.n})
            of_class[f"{way}_recall_at_10"] = share.value
            of_class[f"{way}_recall_at_10_interval_95"] = list(share.interval_95)
    return values
