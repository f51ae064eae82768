"""The blended triplet loss against plain loops, its gradients too, and the corners where published code goes wrong."""

import pytest
import torch

from davenet.training.losses import (
    blended_triplet_loss,
    random_impostors,
    random_triplet_loss,
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
    frames, sounds = random_impostors(n, generator), random_impostors(n, generator)
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
    frames, sounds = random_impostors(6, generator), random_impostors(6, generator)
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
    drawn = torch.stack([random_impostors(5, generator) for _ in range(400)])
    assert (drawn != torch.arange(5)).all()
    for i in range(5):
        assert set(drawn[:, i].tolist()) == set(range(5)) - {i}
