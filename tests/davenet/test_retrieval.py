"""One case at a time: ranks equal the gallery's, the ten most similar those found by hand, with ties and NaN."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from synthetic_clips import write_synthetic_clip

from davenet import events
from davenet.errors import UserError
from davenet.evaluation import gallery as gallery_module
from davenet.evaluation import retrieval as retrieval_module
from davenet.evaluation.gallery import gallery, mapped
from davenet.evaluation.projection import has_umap, pca_2d
from davenet.evaluation.recall import ranks, ranks_by_tiles
from davenet.evaluation.retrieval import Picture, TopTens, group_rows, retrieval_of
from davenet.jobs import run_job
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import Similarity, similarity_matrix
from davenet.pairs import Pair, WeakLabel, write_pairs
from davenet.retrieval_file import read_retrieval, write_retrieval
from davenet.specs import RetrieveSpec
from davenet.training.dataset import PairReader, Segmenting

CONFIG = MODEL_CONFIGS["small"].model_copy(update={"image_size": 32, "resize": 32})
CPU = torch.device("cpu")
FOODS = ("onion", "butter", "egg")
torch.set_num_threads(1)


def labelled(pair: Pair, number: int) -> Pair:
    food = FOODS[number % len(FOODS)]
    label = WeakLabel(food, 0.9, 1, food.capitalize() + "s" * (number % 2), pair.time_s, pair.time_s + 0.2, 0.8)
    return Pair(pair.uid, pair.video_uid, pair.time_s, pair.segment_s, "food", (label,))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Pair]]:
    folder = tmp_path_factory.mktemp("clips")
    pairs = [pair for seed in range(3) for pair in write_synthetic_clip(folder, f"video-{seed}", 20, seed)]
    return folder, [labelled(pair, number) for number, pair in enumerate(pairs)]


@pytest.fixture(scope="module")
def model() -> DAVEnet:
    torch.manual_seed(1)
    return DAVEnet(CONFIG).eval()


def ten_by_hand(similarity: NDArray[np.floating], k: int = 10) -> list[list[int]]:
    """The slow way, a frame at a time: NaN beats all, of equals the true one is last, then the first place counts."""
    found = []
    for frame, row in enumerate(similarity):
        values = {place: float(value) for place, value in enumerate(row)}

        def place_in_line(place: int, frame: int = frame, values: dict[int, float] = values) -> tuple[float, bool, int]:
            value = values[place]
            if np.isnan(value):
                value = -np.inf if place == frame else np.inf
            return -value, place == frame, place

        found.append(sorted(values, key=place_in_line)[:k])
    return found


def tops_of(similarity: NDArray[np.floating], size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    tops = TopTens(len(similarity))
    ranks_by_tiles(len(similarity), lambda rows, columns: similarity[rows, columns], size=size, seen=tops.add)
    (frames, _), (segments, _) = tops.found()
    return frames, segments


@given(n=st.integers(1, 25), size=st.integers(1, 30), levels=st.integers(1, 6), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_ten_most_similar_are_those_found_by_hand_and_hold_the_true_one_where_its_rank_says(
    n: int, size: int, levels: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    similarity = random.integers(-levels, levels, (n, n)).astype(np.float32) / 2  # of few levels: many ties
    similarity[random.random((n, n)) < 0.05] = np.nan
    segments, frames = tops_of(similarity, size)
    k = min(10, n)
    assert segments[:, :k].tolist() == ten_by_hand(similarity)
    assert frames[:, :k].tolist() == ten_by_hand(similarity.T)
    assert (segments[:, k:] == -1).all()
    for places, way_ranks in zip((segments, frames), ranks(similarity), strict=True):
        for own, (row, rank) in enumerate(zip(places.tolist(), way_ranks.tolist(), strict=True)):
            assert (row.index(own) + 1 if own in row else None) == (rank if rank <= 10 else None)


@pytest.mark.parametrize("similarity", ["sisa", "misa", "sima"])
def test_ranks_are_the_gallerys_and_neighbours_those_of_all_similarities_at_once(
    clips: tuple[Path, list[Pair]], model: DAVEnet, similarity: Similarity, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pairs = clips
    monkeypatch.setattr(gallery_module._Maps, "tile_size", 16)
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    expected = gallery(model, reader, pairs, similarity=similarity, device=CPU)
    seen = mapped(model, reader, pairs, similarity=similarity, device=CPU)
    found = retrieval_of(
        seen, reader.segmenting, gallery="all", checkpoint_hash="c", similarity=similarity, splits={"video-0": "test"}
    )
    arrays = found.arrays
    assert arrays.audio_ranks_N.tolist() == expected.audio_ranks_B.tolist()
    assert arrays.visual_ranks_N.tolist() == expected.visual_ranks_B.tolist()
    batch = reader.batch(found_pairs := list(expected.pairs))
    with torch.no_grad():
        image = model.image_map(normalised(batch.image_BHW3))
        audio = model.audio_map(batch.log_mel_BMT, batch.n_steps_B)
        whole = similarity_matrix(image, audio, model.audio_steps_B(batch.n_steps_B), kind=similarity).numpy()
    for row in range(len(found_pairs)):  # as similar as the best ten, to the last digits that a tile's product rounds
        assert np.allclose(np.sort(whole[row])[::-1][:10], whole[row, arrays.segments_of_frames_NK[row]], atol=1e-5)
        assert np.allclose(whole[row, arrays.segments_of_frames_NK[row]], arrays.segments_similarity_NK[row], atol=1e-5)
        column = whole[:, row]
        assert np.allclose(np.sort(column)[::-1][:10], column[arrays.frames_of_segments_NK[row]], atol=1e-5)
    assert np.allclose(arrays.frames_ND, image.mean(dim=(2, 3)).numpy(), atol=2e-3)
    assert np.allclose(arrays.true_N, np.diagonal(whole), atol=1e-5)
    ordered = whole[np.ix_(arrays.order_N, arrays.order_N)]
    assert np.allclose(arrays.picture_MM, ordered, atol=2e-3 * np.abs(whole).max())
    assert {pair.split for pair in found.pairs} == {"test", ""}


def test_maps_that_do_not_fit_in_memory_lie_in_a_file_and_rank_alike(
    clips: tuple[Path, list[Pair]], model: DAVEnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pairs = clips
    monkeypatch.setattr(gallery_module, "_LARGE_MAPS", 0)
    reader = PairReader(folder, CONFIG, Segmenting(None, "frame"))
    in_memory = gallery(model, reader, pairs, similarity="sima", device=CPU)
    made: list[tuple[int, ...]] = []
    on_disk = gallery_module._on_disk
    monkeypatch.setattr(gallery_module, "_MOST_IN_MEMORY", 0)
    monkeypatch.setattr(gallery_module, "_on_disk", lambda shape: (made.append(shape), on_disk(shape))[1])
    on_file = gallery(model, reader, pairs, similarity="sima", device=CPU)
    assert made and on_file.audio_ranks_B.tolist() == in_memory.audio_ranks_B.tolist()
    assert on_file.visual_ranks_B.tolist() == in_memory.visual_ranks_B.tolist()


@pytest.mark.parametrize("most", [7, 1000])
def test_the_picture_is_the_similarities_by_class_or_their_means_over_blocks(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval_module, "MOST_PICTURED", most)
    similarity = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)
    picture = Picture([(None, "egg", "butter")[place % 3] for place in range(20)])
    ranks_by_tiles(20, lambda rows, columns: similarity[rows, columns], size=6, seen=picture.add)
    assert [place % 3 for place in picture.order_N.tolist()] == [2] * 6 + [1] * 7 + [0] * 7
    ordered, step = similarity[np.ix_(picture.order_N, picture.order_N)], picture.step
    assert step == (3 if most == 7 else 1)
    blocks = range(0, 20, step)
    by_hand = [[ordered[r : r + step, c : c + step].mean() for c in blocks] for r in blocks]
    assert np.allclose(picture.means(), by_hand, atol=1e-2)


def test_f1_of_a_tiny_gallery_is_counted_by_hand() -> None:
    names = ["egg", "egg", "pan", None]
    retrieved = np.array([[0, 2], [2, 3], [2, 1], [0, 1]], np.int32)  # two for each frame
    rows = {row.name: row for row in group_rows(names, np.array([1, 20, 1, 1]), np.array([1, 1, 30, 1]), retrieved)}
    egg, pan = rows["egg"], rows["pan"]
    assert (egg.n, egg.audio, egg.visual) == (2, 0.5, 1.0)
    # segments of egg retrieved by frames with a class: 0 by frame 0, 1 by frame 2; one of the two was asked for; four could be
    assert (egg.precision, egg.recall) == (0.5, 0.25) and egg.f1 == pytest.approx(1 / 3)
    assert (pan.precision, pan.recall) == (pytest.approx(1 / 3), 1.0) and pan.f1 == pytest.approx(0.5)


def test_the_plane_shows_the_most_variance_of_both_about_their_own_means() -> None:
    random = np.random.default_rng(3)
    frames = random.normal(size=(40, 6)).astype(np.float32) * [5, 1, 3, 1, 1, 1] + 7
    segments = random.normal(size=(40, 6)).astype(np.float32) * [5, 1, 3, 1, 1, 1] - 90
    (frames_2, segments_2), shares = pca_2d(frames.astype(np.float32), segments.astype(np.float32))
    centred = np.concatenate([frames - frames.mean(axis=0), segments - segments.mean(axis=0)])
    _, singular, axes = np.linalg.svd(centred)
    assert np.allclose(shares, (singular**2 / (singular**2).sum())[:2], atol=1e-4)
    assert np.allclose(np.abs(np.concatenate([frames_2, segments_2])), np.abs(centred @ axes[:2].T), atol=1e-2)
    again, _ = pca_2d(frames.astype(np.float32), segments.astype(np.float32))
    assert np.array_equal(again[0], frames_2)


@pytest.fixture(scope="module")
def spec(clips: tuple[Path, list[Pair]], model: DAVEnet, tmp_path_factory: pytest.TempPathFactory) -> RetrieveSpec:
    folder, pairs = clips
    place = tmp_path_factory.mktemp("run")
    save_checkpoint(place / "best.safetensors", model, metadata={"training": {"similarity": "misa"}})
    gone = Pair("gone", "nowhere", 1.0, 1.0, "uniform")
    write_pairs(place / "validation.pairs.jsonl", [*pairs, gone])
    return RetrieveSpec(
        checkpoint=place / "best.safetensors",
        clips_dir=folder,
        pairs=place / "validation.pairs.jsonl",
        out_dir=place / "retrieval",
        gallery="validation",
        splits={"video-1": "validation"},
    )


def test_the_job_writes_what_is_read_back_and_says_what_it_left_out(spec: RetrieveSpec) -> None:
    said: list[events.Event] = []
    final = run_job(spec, said.append)
    found = read_retrieval(Path(final.result["out"]))
    assert len(found) == 60 and found.gallery == "validation" and found.similarity == "misa"
    assert (
        Path(final.result["out"]).name
        == f"{found.gallery_hash}.safetensors"
        == final.result["gallery_hash"] + (".safetensors")
    )
    assert found.unreadable[0][0] == "gone" and any(isinstance(event, events.Skipped) for event in said)
    assert {row.name for row in found.classes} == set(FOODS)
    assert {row.name for row in found.words} == {"onion", "onions", "butter", "butters", "egg", "eggs"}
    assert sum(row.n for row in found.words) == 60
    assert found.pairs[20].video_uid == "video-1" and found.pairs[20].split == "validation"
    write_retrieval(Path(final.result["out"]), found)
    again = read_retrieval(Path(final.result["out"]))
    assert again.pairs == found.pairs and again.words == found.words
    assert np.array_equal(again.arrays.picture_MM, found.arrays.picture_MM)


def test_a_file_that_is_cut_short_or_of_two_halves_is_told_in_a_sentence(spec: RetrieveSpec, tmp_path: Path) -> None:
    path = Path(run_job(spec).result["out"])
    whole, said = path.read_bytes(), path.with_suffix(".jsonl").read_text("utf-8")
    copy = tmp_path / "g.safetensors"

    def told(arrays: bytes, text: str) -> str:
        copy.write_bytes(arrays)
        copy.with_suffix(".jsonl").write_text(text, "utf-8")
        with pytest.raises(UserError) as error:
            read_retrieval(copy)
        assert str(copy.with_suffix("")) in str(error.value) and "look at the run's gallery again" in str(error.value)
        return str(error.value)

    assert "does not belong to the .jsonl" in told(whole[: len(whole) // 2], said)
    head, *pairs = said.splitlines(keepends=True)
    assert "damaged or cut short" in told(whole, said[: len(said) - 20])
    assert "damaged or cut short" in told(whole, head[:50])
    assert "damaged" in told(whole, "".join([head, *pairs[:-1]]))
    assert "of this version" in told(whole, "".join([head.replace('"version": 2', '"version": 99'), *pairs]))
    assert "was changed since it was written" in told(whole, said.replace('"segment_s": 1.0', '"segment_s": 2.0'))
    with pytest.raises(UserError, match="is missing"):
        read_retrieval(tmp_path / "none.safetensors")
    (tmp_path / "old.safetensors").write_bytes(whole)
    (tmp_path / "old.json").write_text("{}", "utf-8")
    with pytest.raises(UserError, match="not of this version"):
        read_retrieval(tmp_path / "old.safetensors")


def test_a_gallery_is_read_without_its_embeddings_where_nobody_asks_for_them(spec: RetrieveSpec) -> None:
    path = Path(run_job(spec).result["out"])
    whole, light = read_retrieval(path), read_retrieval(path, embeddings=False)
    assert light.arrays.frames_ND.shape == light.arrays.segments_ND.shape == (60, 0)
    assert whole.arrays.frames_ND.shape[1] > 2 and light.pairs == whole.pairs
    assert np.array_equal(light.arrays.audio_ranks_N, whole.arrays.audio_ranks_N)


def test_clips_that_are_gone_and_a_missing_extra_are_told_in_a_sentence(spec: RetrieveSpec, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has 0 readable pairs.*extract the video first"):
        run_job(spec.model_copy(update={"clips_dir": tmp_path}))
    if not has_umap():
        with pytest.raises(UserError, match="UMAP is not installed; install the extra"):
            run_job(spec.model_copy(update={"umap": True}))


def test_a_job_asked_to_stop_leaves_no_file(spec: RetrieveSpec, tmp_path: Path) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    final = run_job(spec.model_copy(update={"out_dir": tmp_path / "out"}), stop=stop)
    assert isinstance(final, events.Cancelled) and not (tmp_path / "out").exists()
