"""Recall@k: exact small cases, ties and NaN against the model, and a plain loop as the judge."""

import numpy as np
import pytest

from davenet.evaluation.recall import chance_at_k, ranks, recall_at_k, recall_of_ranks


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


def test_ranks_equal_a_plain_loop_with_many_ties() -> None:
    s = np.random.default_rng(0).integers(0, 5, (40, 40)).astype(np.float32)
    audio, visual = ranks(s)
    for i in range(40):
        assert audio[i] == 1 + sum(s[i, j] >= s[i, i] for j in range(40) if j != i)
        assert visual[i] == 1 + sum(s[j, i] >= s[i, i] for j in range(40) if j != i)


def test_large_galleries_are_ranked_in_parts_with_the_same_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    s = np.random.default_rng(1).normal(size=(50, 50))
    whole = ranks(s)
    monkeypatch.setattr("davenet.evaluation.recall._ROWS_AT_ONCE", 7)
    for one, other in zip(whole, ranks(s), strict=True):
        assert (one == other).all()


def test_interval_holds_the_recall_and_narrows_with_the_gallery() -> None:
    def of(n: int) -> tuple[float, float]:
        return recall_of_ranks(np.array([1, 20] * (n // 2))).interval_95[10]

    narrow, wide = of(1000), of(20)
    assert narrow[0] < 0.5 < narrow[1]
    assert wide[1] - wide[0] > narrow[1] - narrow[0]
    assert recall_of_ranks(np.array([1, 3, 8])).median_rank == 3


def test_chance_is_k_of_the_gallery_and_never_more_than_all() -> None:
    assert chance_at_k(200, 10) == 0.05
    assert chance_at_k(5, 10) == 1.0


def test_similarities_that_are_not_square_are_a_bug() -> None:
    with pytest.raises(ValueError, match="square"):
        ranks(np.zeros((3, 4)))
