"""The retrieve job: Recall@10 of a gallery (Section 5) one case at a time. What each frame finds among the segments and each
segment among the frames, where the true one ranks, tables by class and word, and pictures of both. Ranks are the gallery's.

Memory is bounded by what the gallery holds of its pairs; S is looked at in tiles, once, for ranks, neighbours and picture.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.evaluate import as_trained
from davenet.evaluation.gallery import Gallery, Mapped, figures, mapped
from davenet.evaluation.projection import pca_2d, require_umap, umap_2d
from davenet.evaluation.recall import mean_recall, ranks_by_tiles, recall_by_class
from davenet.files import content_hash
from davenet.jobs import ShouldStop, started
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.pairs import Pair, read_pairs
from davenet.retrieval_file import (
    MOST_SIMILAR,
    Arrays,
    GroupRow,
    Retrieval,
    retrieval_path,
    write_retrieval,
)
from davenet.retrieved_pairs import RetrievedPair
from davenet.specs import RetrieveSpec
from davenet.training.dataset import PairReader, Segmenting

MOST_PICTURED = 1024  # rows and columns of the picture of S


def retrieve(spec: RetrieveSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes what a checkpoint makes of a gallery to `spec.out_dir`; raises UserError where under two pairs can be read."""
    if spec.umap:
        require_umap()
    device = chosen_device(spec.device)
    model, metadata = load_checkpoint(spec.checkpoint, device=device)
    segmenting, similarity = as_trained(metadata)
    reader = PairReader(spec.clips_dir, model.config, segmenting)
    usable, lost = reader.usable(list(read_pairs(spec.pairs)))
    emit(started("retrieve", len(usable), "pairs"))

    def progress(done: int) -> None:
        emit(events.Progress(done, len(usable), "pairs"))

    seen = mapped(model, reader, usable, similarity=similarity, device=device, stop=stop, progress=progress)
    seen = replace(seen, lost=(*lost, *seen.lost))
    for loss in seen.lost:
        emit(events.Skipped(loss.pair.uid, loss.reason))
    if len(seen.pairs) < 2:
        why = f" ({seen.lost[0].reason})" if seen.lost else ""
        one = len(seen.pairs) == 1
        n = "1 readable pair with sound of its own" if one else "0 readable pairs"
        raise UserError(f"{spec.pairs} has {n} and Recall@10 needs two{why}; choose or freeze a larger gallery.")
    found = retrieval_of(
        seen,
        segmenting,
        gallery=spec.gallery,
        checkpoint_hash=content_hash(spec.checkpoint),
        similarity=similarity,
        splits=spec.splits,
        umap=spec.umap,
    )
    found = replace(found, pairs_file_hash=content_hash(spec.pairs))
    path = retrieval_path(spec.out_dir, found.gallery_hash)
    write_retrieval(path, found)
    overall = dict(found.overall)
    return {"out": str(path), "gallery": spec.gallery, "checkpoint_hash": found.checkpoint_hash, **overall}


def retrieval_of(
    seen: Mapped,
    segmenting: Segmenting,
    *,
    gallery: str,
    checkpoint_hash: str,
    similarity: str,
    splits: dict[str, str],
    umap: bool = False,
) -> Retrieval:
    """Returns all that the file holds of a gallery's pairs through a model."""
    n = len(seen.pairs)
    pairs = tuple(_retrieved(pair, segmenting, splits) for pair in seen.pairs)
    picture = Picture([pair.class_name for pair in pairs])
    tops = TopTens(n)

    def look(rows: slice, columns: slice, part: NDArray[np.floating]) -> None:
        tops.add(rows, columns, part)
        picture.add(rows, columns, part)

    audio, visual = ranks_by_tiles(n, seen.tile, size=seen.tile_size, seen=look)
    (segments_NK, segments_similarity_NK), (frames_NK, frames_similarity_NK) = tops.found()
    frames_ND, segments_ND = seen.embeddings()
    (frames_2, segments_2), shares = pca_2d(frames_ND, segments_ND)
    arrays = Arrays(
        frames_ND.astype(np.float16),
        segments_ND.astype(np.float16),
        audio,
        visual,
        tops.true_N,
        segments_NK,
        segments_similarity_NK,
        frames_NK,
        frames_similarity_NK,
        frames_2,
        segments_2,
        picture.order_N,
        picture.means(),
        *(umap_2d(frames_ND, segments_ND) if umap else (None, None)),
    )
    classes = group_rows([pair.class_name for pair in pairs], audio, visual, segments_NK)
    words = group_rows([pair.word.casefold() if pair.word else None for pair in pairs], audio, visual, segments_NK)
    both = mean_recall(audio, visual, MOST_SIMILAR)
    overall = {
        **figures(Gallery(seen.pairs, audio, visual, seen.lost)),
        "mean_recall_at_10": both.value,
        "mean_recall_at_10_interval_95": list(both.interval_95),
        "class_f1_macro": _macro(classes),
        "word_f1_macro": _macro(words),
    }
    return Retrieval(
        arrays,
        pairs,
        classes,
        words,
        overall,
        gallery,
        str(overall["gallery_hash"]),
        checkpoint_hash,
        similarity,
        picture.step,
        shares,
        tuple((loss.pair.uid, loss.reason) for loss in seen.lost),
    )


def _retrieved(pair: Pair, segmenting: Segmenting, splits: dict[str, str]) -> RetrievedPair:
    centre, length = segmenting.of(pair)
    label = pair.labels[0] if pair.labels else None
    name, word = (label.class_name, label.word) if label else (None, None)
    return RetrievedPair(
        pair.uid, pair.video_uid, pair.time_s, centre, length, name, word, splits.get(pair.video_uid, "")
    )


class TopTens:
    """The most similar segments of each frame and frames of each segment, gathered from the tiles of S in any order.

    A candidate is one int64, so that the largest are found exactly whatever ties: its similarity's float32 in an order that
    integers keep, then whether it is another than the true one (ties and NaN count against, as in the ranks), then its
    place, the first of equals in front. So the true one stands in a list where its rank says, or not at all.
    """

    def __init__(self, n: int, k: int = MOST_SIMILAR) -> None:
        self._k = k
        lowest = np.iinfo(np.int64).min
        self._rows_NK = np.full((n, k), lowest, np.int64)
        self._columns_NK = np.full((n, k), lowest, np.int64)
        self.true_N = np.zeros(n, np.float32)

    def add(self, rows: slice, columns: slice, part: NDArray[np.floating]) -> None:
        """Takes in one tile of S; each tile is given once."""
        similarity = np.where(np.isnan(part), np.inf, part).astype(np.float32) + np.float32(0)  # -0 and 0 tie
        is_other = np.ones(part.shape, np.int64)
        at_R, at_C = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        if rows == columns:
            true = np.diagonal(part).astype(np.float32)
            self.true_N[rows] = true
            np.fill_diagonal(similarity, np.where(np.isnan(true), -np.inf, true) + np.float32(0))
            np.fill_diagonal(is_other, 0)
        bits = similarity.view(np.int32).astype(np.int64)
        ordered = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits) << 32 | is_other << 31
        self._merge(self._rows_NK, rows, ordered | _last_first(at_C)[None, :])
        self._merge(self._columns_NK, columns, (ordered | _last_first(at_R)[:, None]).T)

    def _merge(self, best_NK: NDArray[np.int64], of: slice, candidates: NDArray[np.int64]) -> None:
        together = np.concatenate([best_NK[of], candidates], axis=1)
        best_NK[of] = np.partition(together, -self._k, axis=1)[:, -self._k :]

    def found(self) -> tuple[tuple[NDArray[np.int32], NDArray[np.float32]], ...]:
        """Returns of frames, then of segments: the places (n, k), -1 where there are too few, and their similarities."""
        return tuple(self._decoded(best_NK) for best_NK in (self._rows_NK, self._columns_NK))

    def _decoded(self, best_NK: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        sorted_NK = np.sort(best_NK, axis=1)[:, ::-1]
        is_none = sorted_NK == np.iinfo(np.int64).min
        places = 0x7FFFFFFF - (sorted_NK & 0x7FFFFFFF)
        bits = sorted_NK >> 32
        bits = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits).astype(np.int32)
        similarity = np.where(is_none, np.nan, bits.view(np.float32))
        return np.where(is_none, -1, places).astype(np.int32), similarity.astype(np.float32)


def _last_first(places: NDArray[np.int64]) -> NDArray[np.int64]:
    return 0x7FFFFFFF - places


class Picture:
    """S ordered by class (those without one last), as means over blocks where it has more than a thousand rows."""

    def __init__(self, classes: Sequence[str | None]) -> None:
        n = len(classes)
        in_order = sorted(range(n), key=lambda place: (classes[place] is None, classes[place] or "", place))
        self.order_N = np.array(in_order, np.int32)
        self.step = max(1, -(-n // MOST_PICTURED))
        self._place_N = np.empty(n, np.int64)
        self._place_N[self.order_N] = np.arange(n) // self.step
        m = -(-n // self.step)
        self._sum_MM, self._n_M = np.zeros((m, m)), np.bincount(self._place_N, minlength=m)

    def add(self, rows: slice, columns: slice, part: NDArray[np.floating]) -> None:
        finite = np.nan_to_num(np.asarray(part, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        if self.step == 1:
            self._sum_MM[np.ix_(self._place_N[rows], self._place_N[columns])] = finite
            return
        along = np.zeros((len(self._n_M), finite.shape[1]))
        np.add.at(along, self._place_N[rows], finite)
        np.add.at(self._sum_MM.T, self._place_N[columns], along.T)

    def means(self) -> NDArray[np.float16]:
        counts = np.outer(self._n_M, self._n_M)
        limits = np.finfo(np.float16)
        return np.clip(self._sum_MM / np.maximum(counts, 1), limits.min, limits.max).astype(np.float16)


def group_rows(
    names: Sequence[str | None],
    audio_ranks_N: NDArray[np.int64],
    visual_ranks_N: NDArray[np.int64],
    segments_of_frames_NK: NDArray[np.int32],
) -> tuple[GroupRow, ...]:
    """Returns a row for each class (or word), the commonest first; pairs without a name are left out of all of it.

    F1: each frame asks for its own name and retrieves its ten segments. Over all frames, precision is the share of the
    retrieved segments of this name whose frame asked for it; recall is the retrieved share of the segments that the frames
    of this name could have found, at most ten each; F1 is their harmonic mean, 0 where nothing right is retrieved. The
    macro F1 is the mean over names, each counting alike.
    """
    audio = recall_by_class(audio_ranks_N, names, MOST_SIMILAR)
    visual = recall_by_class(visual_ranks_N, names, MOST_SIMILAR)
    number = {name: index for index, name in enumerate(audio)}
    of_N = np.array([-1 if name is None else number[name] for name in names], np.int64)
    retrieved_NK = np.where(segments_of_frames_NK >= 0, of_N[segments_of_frames_NK], -1)
    asked_NK = np.broadcast_to(of_N[:, None], retrieved_NK.shape)
    counts = (asked_NK >= 0) & (retrieved_NK >= 0)
    claimed = np.bincount(retrieved_NK[counts], minlength=len(number))
    right = np.bincount(retrieved_NK[counts & (asked_NK == retrieved_NK)], minlength=len(number))
    rows = []
    for name, index in number.items():
        n = audio[name].n
        possible = n * min(n, segments_of_frames_NK.shape[1])
        precision = float(right[index] / claimed[index]) if claimed[index] else 0.0
        recall = float(right[index] / possible)
        f1 = 2 * precision * recall / (precision + recall) if right[index] else 0.0
        rows.append(
            GroupRow(
                name,
                n,
                audio[name].value,
                audio[name].interval_95,
                visual[name].value,
                visual[name].interval_95,
                precision,
                recall,
                f1,
            )
        )
    return tuple(rows)


def _macro(rows: Sequence[GroupRow]) -> float | None:
    return float(np.mean([row.f1 for row in rows])) if rows else None
