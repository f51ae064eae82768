"""The blended triplet loss of Section 2: random impostors and semi-hard impostors with equal weight, margin 1.

S is the (B, B) similarity of a batch: rows are frames, columns are audio segments, the diagonal are the true pairs.
"""

import torch
from torch import Tensor


def random_impostors(n_pairs: int, generator: torch.Generator) -> Tensor:
    """Returns int64 (B): for each pair another one of the batch, all as likely. `n_pairs` is at least 2."""
    offsets = torch.randint(1, n_pairs, (n_pairs,), generator=generator)
    return (torch.arange(n_pairs) + offsets) % n_pairs


def random_triplet_loss(
    similarity_BB: Tensor, impostor_frame_B: Tensor, impostor_sound_B: Tensor, *, margin: float
) -> Tensor:
    """Returns the mean over pairs of [margin + S(i', i) - S(i, i)]+ and [margin + S(i, i'') - S(i, i)]+, summed."""
    pairs = torch.arange(similarity_BB.shape[0], device=similarity_BB.device)
    true_B = similarity_BB.diagonal()
    frame_B = (margin + similarity_BB[impostor_frame_B, pairs] - true_B).clamp(min=0)
    sound_B = (margin + similarity_BB[pairs, impostor_sound_B] - true_B).clamp(min=0)
    return (frame_B + sound_B).mean()


def semi_hard_triplet_loss(similarity_BB: Tensor, *, margin: float) -> Tensor:
    """Returns the mean over pairs of both ways' [margin + S(i, j*) - S(i, i)]+, summed.

    j* is the most similar impostor that is less similar than the true pair; a pair with no such impostor adds nothing.
    """
    return _semi_hard_rows(similarity_BB, margin).mean() + _semi_hard_rows(similarity_BB.T, margin).mean()


def blended_triplet_loss(similarity_BB: Tensor, *, margin: float, generator: torch.Generator) -> Tensor:
    """Returns the sum of both losses; impostor frames and sounds are drawn independently by `generator` (CPU)."""
    n_pairs = similarity_BB.shape[0]
    frame_B = random_impostors(n_pairs, generator).to(similarity_BB.device)
    sound_B = random_impostors(n_pairs, generator).to(similarity_BB.device)
    random_loss = random_triplet_loss(similarity_BB, frame_B, sound_B, margin=margin)
    return random_loss + semi_hard_triplet_loss(similarity_BB, margin=margin)


def _semi_hard_rows(similarity_BB: Tensor, margin: float) -> Tensor:
    """Returns (B): each row's semi-hard term."""
    true_B = similarity_BB.diagonal()
    is_semi_hard_BB = similarity_BB < true_B.unsqueeze(1)  # strict, so the diagonal itself never is
    # the index is looked for without a gradient; the value is then taken from S, where -inf never enters the gradient
    hardest_B = similarity_BB.detach().masked_fill(~is_semi_hard_BB, -torch.inf).argmax(dim=1, keepdim=True)
    term_B = (margin + similarity_BB.gather(1, hardest_B).squeeze(1) - true_B).clamp(min=0)
    return torch.where(is_semi_hard_BB.any(dim=1), term_B, torch.zeros_like(term_B))
