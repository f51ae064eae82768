"""Recall@k: exact small cases, ties and NaN against the model, a plain loop as the judge, and little memory."""

import subprocess
import sys

import numpy as np
import pytest

from davenet.evaluation.recall import (
    TILE,
    chance_at_k,
    mean_recall,
    paired_difference,
    ranks,
    ranks_by_tiles,
    ranks_of_embeddings,
    recall_at_k,
    recall_by_class,
    recall_of_ranks,
)


def test_ranks_of_a_tiny_gallery_are_counted_by_hand() -> None:
    s = np.array([[0.9, 0.1, 0.2], [0.8, 0.5, 0.6], [0.3, 0.7, 0.4]])
    audio, visual = ranks(s)
    assert audio.tolist() == [1, 3, 2]  # along the rows
    assert visual.tolist() == [1, 2, 2]  # along the columns
    assert recall_at_k(s, 1) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert recall_at_k(s, 2) == (pytest.approx(2 / 3), 1.0)


def test_constant_similarities_find_nothing() -> None:
    audio, visual = ranks(np.zeros((100, 100)))
    assert (audio == 100).all()
    assert (visual == 100).all()
    assert recall_at_k(np.zeros((100, 100)), 10) == (0.0, 0.0)


def test_not_a_number_counts_against() -> None:
    s = np.eye(20)
    s[3, 3] = np.nan
    s[5, 7] = np.nan
    audio, visual = ranks(s)
    assert (audio[3], visual[3]) == (20, 20)
    assert (audio[5], visual[7]) == (2, 2)


def test_embeddings_that_are_not_numbers_rank_last_and_before_every_other() -> None:
    image, audio = np.eye(30, dtype=np.float32), np.eye(30, dtype=np.float32)
    image[4] = np.nan
    audio[9] = np.inf
    audio_ranks, visual_ranks = ranks_of_embeddings(image, audio)
    assert audio_ranks[4] == 30
    assert visual_ranks[9] == 30  # the product of infinity and zero is no number
    assert audio_ranks[0] == 2  # beaten by the infinite segment alone
    assert visual_ranks[0] == 2


def _ranks_one_by_one(s: np.ndarray) -> tuple[list[int], list[int]]:
    places = range(len(s))
    audio = [1 + sum(not s[i, j] < s[i, i] for j in places if j != i) for i in places]
    visual = [1 + sum(not s[j, i] < s[i, i] for j in places if j != i) for i in places]
    return audio, visual


def test_ranks_equal_a_plain_loop_with_many_ties() -> None:
    s = np.random.default_rng(0).integers(0, 5, (40, 40)).astype(np.float32)
    for one, other in zip(ranks(s), _ranks_one_by_one(s), strict=True):
        assert one.tolist() == other


@pytest.mark.parametrize("size", [1, 7, 8, 16, 50, 64])
def test_tiles_of_any_size_give_the_ranks_of_the_whole_matrix(size: int) -> None:
    s = np.random.default_rng(1).integers(0, 9, (50, 50)).astype(np.float64)
    s[7, 30] = np.nan
    parts: list[tuple[int, ...]] = []

    def tile(rows: slice, columns: slice) -> np.ndarray:
        parts.append(s[rows, columns].shape)
        return s[rows, columns]

    for one, other in zip(ranks_by_tiles(50, tile, size=size), _ranks_one_by_one(s), strict=True):
        assert one.dtype == np.int64
        assert one.tolist() == other
    assert max(parts) <= (size, size)


@pytest.mark.parametrize("n", [1, 300, TILE, TILE + 1, 2 * TILE + 300])
def test_ranks_of_embeddings_equal_those_of_their_square_matrix(n: int) -> None:
    random = np.random.default_rng(2)
    image = random.integers(-3, 4, (n, 8)).astype(
        np.float32
    )  # products of small whole numbers are exact, and often tie
    audio = (image + random.integers(-2, 3, (n, 8))).astype(np.float32)
    for one, other in zip(ranks_of_embeddings(image, audio), ranks(image @ audio.T), strict=True):
        assert (one == other).all()


def test_an_embedding_that_occurs_again_ties_to_the_last_bit_wherever_it_stands() -> None:
    random = np.random.default_rng(3)
    n, copies = 2 * TILE + 77, [5, 700, TILE + 3, 2 * TILE + 76]
    image = random.normal(size=(n, 100)).astype(np.float32)
    audio = image.copy()
    audio[copies], image[copies] = audio[5], image[5]
    audio_ranks, visual_ranks = ranks_of_embeddings(image, audio)
    assert audio_ranks[copies].tolist() == [4, 4, 4, 4]
    assert visual_ranks[copies].tolist() == [4, 4, 4, 4]
    others = np.delete(np.arange(n), copies)
    assert (audio_ranks[others] == 1).all()


def test_a_model_that_gives_the_same_to_every_frame_or_segment_finds_nothing() -> None:
    random = np.random.default_rng(7)
    image = random.normal(size=(1500, 100)).astype(np.float32)
    audio = np.tile(random.normal(size=100).astype(np.float32), (1500, 1))
    assert (ranks_of_embeddings(image, audio)[0] == 1500).all()
    assert (ranks_of_embeddings(audio, image)[1] == 1500).all()


def test_a_true_pair_never_loses_to_itself_where_a_tile_rounds_differently_the_second_time() -> None:
    random = np.random.default_rng(4)
    s = random.normal(size=(20, 20))
    asked: set[tuple[int, int]] = set()

    def tile(rows: slice, columns: slice) -> np.ndarray:
        again = (rows.start, columns.start) in asked
        asked.add((rows.start, columns.start))
        return s[rows, columns] - 1e-9 * again

    for one, other in zip(ranks_by_tiles(20, tile, size=8), ranks(s), strict=True):
        assert (one == other).all()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process its highest memory this way")
def test_a_gallery_of_20_000_pairs_takes_little_memory_beside_its_embeddings() -> None:
    code = """if True:
        import resource, sys
        from pathlib import Path
        import numpy as np
        from davenet.evaluation.recall import ranks_of_embeddings
        random = np.random.default_rng(0)
        image = random.standard_normal((20_000, 64), dtype=np.float32)
        audio = image + random.standard_normal((20_000, 64), dtype=np.float32)
        audio_ranks, visual_ranks = ranks_of_embeddings(image, audio)
        assert 0.5 < (audio_ranks == 1).mean() < 1 and 0.5 < (visual_ranks == 1).mean() < 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        if sys.platform == "linux":  # the figure above begins with that of the process that started this one
            lines = Path("/proc/self/status").read_text().splitlines()
            peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
        print(peak)
    """
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 300e6  # all similarities at once would take 1.6e9


def test_interval_holds_the_recall_and_narrows_with_the_gallery() -> None:
    def of(n: int) -> tuple[float, float]:
        return recall_of_ranks(np.array([1, 20] * (n // 2))).interval_95[10]

    narrow, wide = of(1000), of(20)
    assert narrow[0] < 0.5 < narrow[1]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]
    assert recall_of_ranks(np.array([1, 3, 8])).median_rank == 3


def test_few_pairs_that_are_all_hits_leave_much_open() -> None:
    four = recall_of_ranks(np.array([1, 2, 3, 4]))
    assert four.at[10] == 1.0
    assert four.interval_95[10] == pytest.approx((0.5101, 1.0), abs=1e-4)  # Wilson 1927: n / (n + z²)
    ways = np.array([1, 2, 3, 4])
    assert mean_recall(ways, ways, 10).interval_95 == four.interval_95[10]  # asked twice, but no two trials
    assert mean_recall(ways, ways + 20, 10).interval_95[0] < 0.5 < mean_recall(ways, ways + 20, 10).interval_95[1]


def test_interval_is_that_of_resampling_the_pairs_one_by_one() -> None:
    random = np.random.default_rng(5)
    audio, visual = random.integers(1, 40, 300), random.integers(1, 40, 300)
    picked = random.integers(0, 300, (4000, 300))
    both = ((audio <= 10).astype(float) + (visual <= 10)) / 2
    slow = np.quantile(both[picked].mean(axis=1), [0.025, 0.975])
    found = mean_recall(audio, visual, 10)
    assert found.value == pytest.approx(((audio <= 10).mean() + (visual <= 10).mean()) / 2)
    assert found.n == 300
    assert np.abs(np.array(found.interval_95) - slow).max() < 0.005


def test_models_that_fail_on_the_same_pairs_differ_more_surely_than_their_own_intervals_say() -> None:
    easy = np.random.default_rng(6).random(500) < 0.5
    better = np.where(easy, 1, 50)
    worse = better.copy()
    worse[np.flatnonzero(easy)[:20]] = 50
    found = paired_difference(better, worse, 10)
    assert found.value == pytest.approx(0.04)
    assert found.interval_95[0] > 0
    own = recall_of_ranks(better).interval_95[10]
    assert own[0] < recall_of_ranks(worse).at[10] < own[1]
    both_ways = paired_difference(np.stack([better, better]), np.stack([worse, better]), 10)
    assert both_ways.value == pytest.approx(0.02)
    assert paired_difference(worse, better, 10).value == pytest.approx(-0.04)
    nothing = paired_difference(better[:12], better[:12], 10)
    assert nothing.value == 0.0
    assert nothing.interval_95 == pytest.approx((-0.2425, 0.2425), abs=1e-4)  # z² / (n + z²)
    with pytest.raises(ValueError, match="same pairs"):
        paired_difference(better, worse[:-1], 10)


def test_pairs_whose_gain_one_way_is_their_loss_the_other_leave_open_what_equal_ones_do() -> None:
    one_way, other_way = np.array([[1] * 12, [50] * 12]), np.array([[50] * 12, [1] * 12])
    equal = paired_difference(one_way, one_way, 10)
    assert paired_difference(one_way, other_way, 10) == equal
    assert equal.interval_95[0] < 0 < equal.interval_95[1]


def test_recall_by_class_counts_each_pair_under_its_class() -> None:
    found = recall_by_class(np.array([1, 11, 3, 2, 90]), ["egg", "onion", "egg", "onion", None], 10)
    assert {name: (share.value, share.n) for name, share in found.items()} == {"egg": (1.0, 2), "onion": (0.5, 2)}
    assert list(recall_by_class(np.array([1, 1, 1]), ["a", "b", "b"], 10)) == ["b", "a"]


def test_chance_is_k_of_the_gallery_and_never_more_than_all() -> None:
    assert chance_at_k(200, 10) == 0.05
    assert chance_at_k(5, 10) == 1.0


def test_similarities_that_are_not_square_are_a_bug() -> None:
    with pytest.raises(ValueError, match="square"):
        ranks(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="two equal"):
        ranks_of_embeddings(np.zeros((3, 4), np.float32), np.zeros((3, 5), np.float32))
