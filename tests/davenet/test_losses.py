"""Every loss against a plain loop in float64, its gradients too, and the corners where published code goes wrong."""

import math
from collections.abc import Callable

import pytest
import torch

from davenet.training.losses import (
    adaptive_mean_margin_loss,
    blended_triplet_loss,
    every_other,
    info_nce_loss,
    margin_softmax_loss,
    mil_nce_loss,
    random_impostors,
    random_triplet_loss,
    scheduled_margin,
    semi_hard_triplet_loss,
)


def random_by_loops(s: torch.Tensor, frames: list[int], sounds: list[int], margin: float) -> torch.Tensor:
    total = s.new_zeros(())
    for i in range(len(s)):
        total = total + torch.clamp(margin + s[frames[i], i] - s[i, i], min=0)
        total = total + torch.clamp(margin + s[i, sounds[i]] - s[i, i], min=0)
    return total / len(s)


def semi_hard_by_loops(s: torch.Tensor, margin: float) -> torch.Tensor:
    total = s.new_zeros(())
    for i in range(len(s)):
        for line in (s[i, :], s[:, i]):
            candidates = [j for j in range(len(s)) if line[j] < s[i, i]]
            if candidates:
                hardest = max(candidates, key=line.tolist().__getitem__)
                total = total + torch.clamp(margin + line[hardest] - s[i, i], min=0)
    return total / len(s)


@pytest.mark.parametrize("n", [2, 3, 5, 16])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_losses_and_gradients_equal_plain_loops(n: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(n)
    values = torch.randn(n, n, dtype=torch.float64, generator=generator) * scale
    frames, sounds = random_impostors(every_other(values), generator), random_impostors(every_other(values), generator)
    fast, slow = values.clone().requires_grad_(), values.clone().requires_grad_()
    loss = random_triplet_loss(fast, frames, sounds, margin=1.0) + semi_hard_triplet_loss(fast, margin=1.0)
    expected = random_by_loops(slow, frames.tolist(), sounds.tolist(), 1.0) + semi_hard_by_loops(slow, 1.0)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(fast.grad, slow.grad)


def test_blend_is_the_sum_of_both_losses_with_the_drawn_impostors() -> None:
    s = torch.randn(6, 6, dtype=torch.float64)
    blended = blended_triplet_loss(s, margin=1.0, generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    frames, sounds = random_impostors(every_other(s), generator), random_impostors(every_other(s), generator)
    expected = random_triplet_loss(s, frames, sounds, margin=1.0) + semi_hard_triplet_loss(s, margin=1.0)
    torch.testing.assert_close(blended, expected)


def test_well_separated_but_negative_similarities_cost_nothing() -> None:
    s = torch.full((4, 4), -10.0)
    s.fill_diagonal_(-5.0)
    assert blended_triplet_loss(s, margin=1.0, generator=torch.Generator()).item() == 0


def test_all_equal_similarities_cost_the_margin_of_the_random_terms_only() -> None:
    s = torch.zeros(5, 5, requires_grad=True)
    loss = blended_triplet_loss(s, margin=1.0, generator=torch.Generator())
    assert loss.item() == 2.0  # one frame and one sound impostor each; an equal one is not semi-hard
    loss.backward()
    assert torch.isfinite(s.grad).all()


def test_without_a_semi_hard_impostor_there_is_no_term_and_no_gradient() -> None:
    s = torch.ones(3, 3)
    s.fill_diagonal_(-1.0)  # every impostor is more similar than the true pair
    s.requires_grad_()
    loss = semi_hard_triplet_loss(s, margin=1.0)
    loss.backward()
    assert loss.item() == 0
    assert (s.grad == 0).all()


def test_batch_of_two_has_each_as_the_others_impostor() -> None:
    s = torch.tensor([[3.0, 2.5], [2.0, 3.0]])
    # random: [1+2-3]+ + [1+2.5-3]+ and [1+2.5-3]+ + [1+2-3]+ ; semi-hard: the same impostors
    assert blended_triplet_loss(s, margin=1.0, generator=torch.Generator()).item() == pytest.approx(1.0)


def test_random_impostors_are_never_the_pair_itself_and_reach_every_other() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([random_impostors(every_other(torch.zeros(5, 5)), generator) for _ in range(400)])
    assert (drawn != torch.arange(5)).all()
    for i in range(5):
        assert set(drawn[:, i].tolist()) == set(range(5)) - {i}


def softmax_by_loops(s: torch.Tensor, margins: list[list[float]]) -> torch.Tensor:
    """margins[way][i]: what is taken off the true similarity of row (way 0) or column (way 1) i."""
    total = s.new_zeros(())
    n = len(s)
    for i in range(n):
        for way, line in enumerate((s[i, :], s[:, i])):
            true = torch.exp(s[i, i] - margins[way][i])
            others = sum((torch.exp(line[j]) for j in range(n) if j != i), start=s.new_zeros(()))
            total = total - torch.log(true / (true + others))
    return total / n


def adaptive_margins(s: torch.Tensor, share: float) -> list[list[float]]:
    n = len(s)
    lines = ([s[i, :].tolist() for i in range(n)], [s[:, i].tolist() for i in range(n)])
    return [
        [
            max(0.0, share * (line[i] - sum(v for j, v in enumerate(line) if j != i) / (n - 1)))
            for i, line in enumerate(way)
        ]
        for way in lines
    ]


def mil_by_loops(s: torch.Tensor) -> torch.Tensor:
    total = s.new_zeros(())
    n = len(s)
    for i in range(n):
        own = torch.exp(s[i, i]).sum()
        others = sum((torch.exp(s[i, j]).sum() + torch.exp(s[j, i]).sum() for j in range(n) if j != i), s.new_zeros(()))
        total = total - torch.log(own / (own + others))
    return total / n


SOFTMAXES: dict[str, tuple[Callable[..., torch.Tensor], Callable[..., torch.Tensor]]] = {
    "info-nce": (info_nce_loss, lambda s: softmax_by_loops(s, [[0.0] * len(s)] * 2)),
    "margin": (lambda s: margin_softmax_loss(s, margin=0.7), lambda s: softmax_by_loops(s, [[0.7] * len(s)] * 2)),
    "adaptive": (
        lambda s: adaptive_mean_margin_loss(s, share=0.5),
        lambda s: softmax_by_loops(s, adaptive_margins(s.detach(), 0.5)),
    ),
    "mil-nce": (
        lambda s: mil_nce_loss(torch.stack([s, s.flip(0) * 0.3, s.T - 1], dim=2)),
        lambda s: mil_by_loops(torch.stack([s, s.flip(0) * 0.3, s.T - 1], dim=2)),
    ),
}
HARD_CASES = {
    "all negative": lambda n: -torch.rand(n, n, dtype=torch.float64) - 5,
    "all equal": lambda n: torch.full((n, n), 0.25, dtype=torch.float64),
    "true pairs last": lambda n: torch.ones(n, n, dtype=torch.float64) - 4 * torch.eye(n, dtype=torch.float64),
    "random": lambda n: torch.randn(n, n, dtype=torch.float64) * 3,
}


@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize("case", HARD_CASES)
@pytest.mark.parametrize("n", [2, 7])
def test_softmax_losses_and_gradients_equal_plain_loops(name: str, case: str, n: int) -> None:
    torch.manual_seed(n)
    fast_loss, slow_loss = SOFTMAXES[name]
    values = HARD_CASES[case](n)
    fast, slow = values.clone().requires_grad_(), values.clone().requires_grad_()
    loss, expected = fast_loss(fast), slow_loss(slow)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(fast.grad, slow.grad)


@pytest.mark.parametrize("case", HARD_CASES)
@pytest.mark.parametrize("n", [2, 7])
def test_triplet_losses_equal_plain_loops_on_the_hard_cases(case: str, n: int) -> None:
    torch.manual_seed(n)
    values = HARD_CASES[case](n)
    generator = torch.Generator().manual_seed(n)
    frames, sounds = (random_impostors(every_other(values), generator) for _ in range(2))
    fast, slow = values.clone().requires_grad_(), values.clone().requires_grad_()
    loss = random_triplet_loss(fast, frames, sounds, margin=1.0) + semi_hard_triplet_loss(fast, margin=1.0)
    expected = random_by_loops(slow, frames.tolist(), sounds.tolist(), 1.0) + semi_hard_by_loops(slow, 1.0)
    torch.testing.assert_close(loss, expected)
    (loss + 0 * fast.sum()).backward()
    (expected + 0 * slow.sum()).backward()
    torch.testing.assert_close(fast.grad, slow.grad)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_similarities_lose_no_more_than_their_own_rounding(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    half = (torch.randn(9, 9) * 30).to(dtype)
    whole = half.double()
    pairs = [(fast(half.clone().requires_grad_()), fast(whole)) for fast, _ in SOFTMAXES.values() if fast]
    pairs.append((semi_hard_triplet_loss(half, margin=1.0), semi_hard_triplet_loss(whole, margin=1.0)))
    blends = [blended_triplet_loss(s, margin=1.0, generator=torch.Generator().manual_seed(2)) for s in (half, whole)]
    pairs.append((blends[0], blends[1]))
    for found, expected in pairs:
        assert found.dtype == torch.float32
        assert math.isclose(float(found.detach()), float(expected), rel_tol=2e-2)


def test_similarities_far_apart_give_no_infinity_and_no_nan() -> None:
    s = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4], [0.0, 1e4, 1e4]], requires_grad=True)
    for loss, _ in SOFTMAXES.values():
        s.grad = None
        value = loss(s)
        value.backward()
        assert torch.isfinite(value) and s.grad is not None and torch.isfinite(s.grad).all()


def test_adaptive_margin_is_none_where_the_true_pair_is_behind() -> None:
    behind = torch.tensor([[0.0, 3.0], [3.0, 0.0]])
    torch.testing.assert_close(adaptive_mean_margin_loss(behind, share=0.5), info_nce_loss(behind))


def test_a_window_that_lies_beyond_the_video_is_no_window() -> None:
    s = torch.randn(4, 4, 3)
    s[:, 1, 2] = s[:, 3, 0] = -torch.inf
    alone = s.clone().requires_grad_()
    value = mil_nce_loss(alone)
    value.backward()
    torch.testing.assert_close(value.detach().double(), mil_by_loops(s.double()))
    assert torch.isfinite(alone.grad).all()


def test_margin_grows_by_equal_factors_from_first_to_last() -> None:
    assert scheduled_margin(0.001, 1.0, 0.0) == pytest.approx(0.001)
    assert scheduled_margin(0.001, 1.0, 1 / 3) == pytest.approx(0.01)
    assert scheduled_margin(0.001, 1.0, 1.0) == pytest.approx(1.0)
    assert scheduled_margin(0.0, 1.0, 0.25) == pytest.approx(0.25)
