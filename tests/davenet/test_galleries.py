"""The galleries by name: what they hold, that they are drawn alike, and that a gallery's ranks need no square matrix."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_clips import write_synthetic_clip

from davenet.clips import write_clip
from davenet.errors import UserError
from davenet.evaluation import gallery as gallery_module
from davenet.evaluation.galleries import drawn, freeze_gallery, gallery_hash, uniform_pairs_of, with_food_words
from davenet.evaluation.gallery import gallery
from davenet.evaluation.recall import ranks
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, similarity_matrix
from davenet.pairs import Pair, read_pairs
from davenet.training.dataset import PairReader, Segmenting


def _say(labels_dir: Path, uid: str, *words: tuple[str, float]) -> None:
    said = tuple(Word(word, at, at + 0.2, 0.9) for word, at in words)
    write_transcript(
        transcript_path(labels_dir, uid, "pocketsphinx"), Transcript(uid, "pocketsphinx", "5", "hash", said)
    )


def _clip(clips: Path, uid: str, times_s: list[float]) -> None:
    jpeg = b"\xff\xd8 no picture is looked at here"
    write_clip(
        clips / f"{uid}.safetensors",
        frames_jpeg=[jpeg] * len(times_s),
        frame_times_s=np.array(times_s),
        log_mel=np.zeros((1200, 40)),
        metadata={"video": uid},
    )


def test_uniform_pairs_are_one_a_second_with_two_seconds_of_sound_at_any_rate_of_frames(tmp_path: Path) -> None:
    _clip(tmp_path, "one-fps", [0.04, 1.02, 2.0, 3.05, 4.04])  # as a variable rate has them
    _clip(tmp_path, "three-fps", [n / 3 for n in range(12)])
    _clip(tmp_path, "middles", [0.5, 1.5, 2.5, 3.5])
    pairs = uniform_pairs_of(tmp_path, ["one-fps", "three-fps", "middles", "not-extracted"])
    times = {uid: [pair.time_s for pair in pairs if pair.video_uid == uid] for uid in {p.video_uid for p in pairs}}
    assert times == {
        "one-fps": [0.04, 1.02, 2.0, 3.05, 4.04],
        "three-fps": [0.0, 1.0, 2.0, 3.0, 11 / 3],
        "middles": [0.5, 1.5, 2.5, 3.5],
    }
    assert {(pair.segment_s, pair.kind) for pair in pairs} == {(2.0, "uniform")}


def test_a_gallery_holds_a_thousand_pairs_the_same_ones_in_any_order(tmp_path: Path) -> None:
    for video in range(3):
        _clip(tmp_path, f"video-{video}", [float(n) for n in range(500)])
    pairs = uniform_pairs_of(tmp_path, [f"video-{video}" for video in range(3)])
    chosen = drawn(pairs)
    assert len(chosen) == 1000
    assert {pair.uid for pair in drawn(pairs[::-1])} == {pair.uid for pair in chosen}
    assert min(sum(pair.video_uid == f"video-{video}" for pair in chosen) for video in range(3)) > 280
    assert drawn(pairs[:300]) == pairs[:300]  # fewer: all of them
    frozen = freeze_gallery(tmp_path / "val-1000.jsonl", "val-1000", chosen)
    assert (frozen.size, list(read_pairs(frozen.path))) == (1000, chosen)
    assert frozen.hash == gallery_hash(chosen[::-1]) != gallery_hash(chosen[1:])


def test_a_food_word_counts_where_its_middle_lies_in_the_segment(tmp_path: Path) -> None:
    _clip(tmp_path, "v", [float(n) for n in range(12)])
    pairs = uniform_pairs_of(tmp_path, ["v"])
    _say(
        tmp_path,
        "v",
        ("chop", 1.0),
        ("onions", 3.8),
        ("olive", 7.85),
        ("oil", 8.1),
        ("the", 8.6),
        ("pan", 8.8),
        ("egg", 10.95),
    )
    found = [pair.time_s for pair in with_food_words(pairs, tmp_path)]
    assert found == [3.0, 4.0, 7.0, 8.0, 9.0, 11.0]  # oil alone is one at 9 s; the pan after it takes nothing away
    words = tmp_path / "foods.txt"
    words.write_text("olive oil\n")
    assert [pair.time_s for pair in with_food_words(pairs, tmp_path, nouns=words)] == [8.0]


def test_videos_without_words_are_left_out_and_told_where_none_has_any(tmp_path: Path) -> None:
    for uid in ("heard", "unheard"):
        _clip(tmp_path, uid, [0.0, 1.0, 2.0])
    pairs = uniform_pairs_of(tmp_path, ["heard", "unheard"])
    _say(tmp_path, "heard", ("butter", 0.9))
    assert {pair.video_uid for pair in with_food_words(pairs, tmp_path)} == {"heard"}
    with pytest.raises(UserError, match="transcribe them first"):
        with_food_words(pairs[3:], tmp_path)
    with pytest.raises(UserError, match="would have 1 pairs"):
        freeze_gallery(tmp_path / "g.jsonl", "val-1000", pairs[:1])


def test_the_galleries_are_drawn_without_torch() -> None:
    code = "import sys, davenet.evaluation.galleries; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def material(tmp_path: Path) -> tuple[DAVEnet, PairReader, list[Pair]]:
    pairs = [pair for seed in range(3) for pair in write_synthetic_clip(tmp_path, f"video-{seed}", 30, seed)]
    config = MODEL_CONFIGS["small"].model_copy(update={"image_size": 32, "resize": 32})
    torch.manual_seed(0)
    return DAVEnet(config).eval(), PairReader(tmp_path, config, Segmenting(None, "frame")), pairs


@pytest.mark.parametrize("similarity", ["sisa", "misa", "sima"])
@pytest.mark.parametrize("large_maps", [1, 1 << 29])
def test_a_gallerys_ranks_are_those_of_all_its_similarities_at_once(
    material: tuple[DAVEnet, PairReader, list[Pair]],
    similarity: Similarity,
    large_maps: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, reader, pairs = material
    shorter = [Pair(p.uid, p.video_uid, p.time_s, 0.6, p.kind) for p in pairs[70:]]  # batches of several lengths
    gone = Pair("gone", "nowhere", 1.0, 1.0, "uniform")
    pairs = [*pairs[:70], gone, *shorter]
    monkeypatch.setattr(gallery_module, "_LARGE_MAPS", large_maps)
    monkeypatch.setattr(gallery_module._Maps, "tile_size", 16)
    found = gallery(model, reader, pairs, similarity=similarity, device=torch.device("cpu"))
    assert len(found.pairs) == 90
    assert [loss.pair for loss in found.lost] == [gone]
    batch = reader.batch(found.pairs)
    with torch.no_grad():
        whole = similarity_matrix(
            model.image_map(normalised(batch.image_BHW3)),
            model.audio_map(batch.log_mel_BMT, batch.n_steps_B),
            model.audio_steps_B(batch.n_steps_B),
            kind=similarity,
        )
    audio, visual = ranks(whole.numpy())
    nearly = 0 if large_maps > 1 or similarity == "sisa" else 2  # maps in float16 differ in the fourth digit
    assert np.abs(found.audio_ranks_B - audio).max() <= nearly
    assert np.abs(found.visual_ranks_B - visual).max() <= nearly
