"""The place of a pair's own segment: the same as a gallery's rank, and right where several frames share one sound."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_clips import write_synthetic_clip

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.gallery import gallery
from davenet.evaluation.scores import Score, score, scores
from davenet.jobs import run_job
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, similarity_matrix
from davenet.pairs import Pair, WeakLabel, write_pairs
from davenet.specs import ScoreSpec
from davenet.training.dataset import PairReader, Segmenting

CONFIG = MODEL_CONFIGS["small"].model_copy(update={"image_size": 32, "resize": 32})
CPU = torch.device("cpu")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> DAVEnet:
    torch.manual_seed(1)
    return DAVEnet(CONFIG).eval()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Pair]]:
    folder = tmp_path_factory.mktemp("clips")
    return folder, [pair for seed in range(3) for pair in write_synthetic_clip(folder, f"video-{seed}", 30, seed)]


def found(
    model: DAVEnet, reader: PairReader, pairs: list[Pair], others: list[Pair], kind: Similarity = "sisa"
) -> list[Score]:
    every = list(scores(model, reader, pairs, others, similarity=kind, device=CPU))
    assert all(isinstance(one, Score) for one in every)
    return [one for one in every if isinstance(one, Score)]


@pytest.mark.parametrize("kind", ["sisa", "misa", "sima"])
def test_among_all_the_pairs_a_score_has_the_rank_that_a_gallery_gives(
    model: DAVEnet, clips: tuple[Path, list[Pair]], kind: Similarity
) -> None:
    folder, pairs = clips
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    expected = gallery(model, reader, pairs, similarity=kind, device=CPU)
    got = found(model, reader, pairs, pairs, kind)
    assert [one.pair for one in got] == list(expected.pairs)
    assert [one.rank for one in got] == expected.audio_ranks_B.tolist()
    assert len({one.rank for one in got}) > 10 and {one.n for one in got} == {len(pairs)}


def test_the_similarity_is_that_of_the_pair_by_itself(model: DAVEnet, clips: tuple[Path, list[Pair]]) -> None:
    folder, pairs = clips
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    one = found(model, reader, pairs[:5], pairs)[3]
    batch = reader.batch([pairs[3]])
    with torch.no_grad():
        image_BDHW = model.image_map(normalised(batch.image_BHW3))
        audio_BDT = model.audio_map(batch.log_mel_BMT, batch.n_steps_B)
        alone = similarity_matrix(image_BDHW, audio_BDT, model.audio_steps_B(batch.n_steps_B), kind="sisa")
    assert one.similarity == pytest.approx(float(alone), rel=1e-4)


def test_a_pair_outside_the_compared_ones_counts_itself_as_one_more(
    model: DAVEnet, clips: tuple[Path, list[Pair]]
) -> None:
    folder, pairs = clips
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    others = pairs[40:60]
    inside, outside = found(model, reader, [pairs[41], pairs[0]], others)
    assert (inside.n, outside.n) == (20, 21)
    alone = gallery(model, reader, [pairs[0], *others], similarity="sisa", device=CPU)
    assert outside.rank == alone.audio_ranks_B[0]


def test_frames_that_share_a_sound_do_not_count_it_against_one_another(
    model: DAVEnet, clips: tuple[Path, list[Pair]]
) -> None:
    folder, pairs = clips
    said = WeakLabel("onion", 0.9, 1, "onion", 10.0, 10.4, 0.9)
    sharing = [Pair(f"s{at}", "video-0", float(at), 1.0, "food", (said,)) for at in (8, 10, 12)]
    alone = [Pair(pair.uid, pair.video_uid, pair.time_s, 1.0, "food") for pair in pairs[40:60]]
    reader = PairReader(folder, CONFIG, Segmenting(None, "word"))
    got = found(model, reader, sharing, [sharing[1], *alone])
    assert {one.n for one in got} == {21}
    for one in got:  # each frame in its own gallery, where its sound occurs once
        expected = gallery(model, reader, [one.pair, *alone], similarity="sisa", device=CPU)
        assert one.rank == expected.audio_ranks_B[0]


class _Constant(DAVEnet):
    def image_map(self, image_B3HW: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(image_B3HW), CONFIG.embedding, CONFIG.map_size, CONFIG.map_size)


def test_a_model_that_hears_no_difference_puts_every_segment_last(clips: tuple[Path, list[Pair]]) -> None:
    folder, pairs = clips

    class Deaf(_Constant):
        def audio_map(self, log_mel_BMT: torch.Tensor, n_steps_B: torch.Tensor | None = None) -> torch.Tensor:
            return torch.ones(len(log_mel_BMT), CONFIG.embedding, self.audio_steps(log_mel_BMT.shape[2]))

    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    assert {one.rank for one in found(Deaf(CONFIG), reader, pairs[:20], pairs[:20])} == {20}


def test_the_job_writes_a_line_for_each_pair_and_tells_of_those_it_could_not_read(
    model: DAVEnet, clips: tuple[Path, list[Pair]], tmp_path: Path
) -> None:
    folder, pairs = clips
    save_checkpoint(tmp_path / "best.safetensors", model, metadata={})
    gone = Pair("gone", "no-such-video", 1.0, 1.0, "food")
    write_pairs(tmp_path / "pairs.jsonl", [*pairs, gone])
    told: list[events.Event] = []
    spec = ScoreSpec(
        checkpoint=tmp_path / "best.safetensors",
        clips_dir=folder,
        pairs=tmp_path / "pairs.jsonl",
        out=tmp_path / "scores.jsonl",
        device="cpu",
    )
    final = run_job(spec, told.append)
    lines = [json.loads(line) for line in spec.out.read_text().splitlines()]
    assert [line["pair"] for line in lines] == [pair.uid for pair in pairs]
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    assert [line["rank"] for line in lines] == [one.rank for one in found(model, reader, pairs, pairs)]
    assert np.isfinite([line["similarity"] for line in lines]).all()
    assert (
        isinstance(final, events.Finished) and final.result["scored"] == len(pairs) and final.result["unreadable"] == 1
    )
    assert [one.item for one in told if isinstance(one, events.Skipped)] == ["gone"]


def test_fewer_than_two_pairs_are_refused_in_a_sentence(
    model: DAVEnet, clips: tuple[Path, list[Pair]], tmp_path: Path
) -> None:
    folder, pairs = clips
    save_checkpoint(tmp_path / "best.safetensors", model, metadata={})
    write_pairs(tmp_path / "pairs.jsonl", pairs[:1])
    spec = ScoreSpec(
        checkpoint=tmp_path / "best.safetensors",
        clips_dir=folder,
        pairs=tmp_path / "pairs.jsonl",
        out=tmp_path / "scores.jsonl",
    )
    with pytest.raises(UserError, match="a place needs two"):
        score(spec, lambda event: None, lambda: False)
    assert not spec.out.exists()
