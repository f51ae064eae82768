"""The losses over a batch's similarities: the paper's triplet losses (Section 2) and the softmax losses that came after.

S is the (B, B) similarity of a batch: rows are frames, columns are audio segments, the diagonal are the true pairs. Every
loss takes `impostor_BB`, bool: which similarities off the diagonal are impostors; a pair with none of a kind adds nothing.
All are computed in float32 at least, whatever the precision of S.
"""

import math

import torch
from torch import Tensor


def every_other(similarity_BB: Tensor) -> Tensor:
    """Returns bool (B, B): every pair is every other's impostor."""
    return ~torch.eye(similarity_BB.shape[0], dtype=torch.bool, device=similarity_BB.device)


def random_impostors(impostor_BB: Tensor, generator: torch.Generator) -> Tensor:
    """Returns int64 (B): for each row one of its impostors, all as likely; where it has none, itself.

    `generator` and the result are on the CPU, so that one seed draws the same impostors on every device.
    """
    drawn_BB = torch.rand(impostor_BB.shape, generator=generator).masked_fill(~impostor_BB.cpu(), -1.0)
    best = drawn_BB.max(dim=1)
    return torch.where(best.values >= 0, best.indices, torch.arange(len(drawn_BB)))


def random_triplet_loss(
    similarity_BB: Tensor, impostor_frame_B: Tensor, impostor_sound_B: Tensor, *, margin: float
) -> Tensor:
    """Returns the mean over pairs of [margin + S(i', i) - S(i, i)]+ and [margin + S(i, i'') - S(i, i)]+, summed.

    A pair whose impostor is itself has none of this kind and adds nothing.
    """
    similarity_BB = _precise(similarity_BB)
    pairs = torch.arange(similarity_BB.shape[0], device=similarity_BB.device)
    true_B = similarity_BB.diagonal()
    frame_B = (margin + similarity_BB[impostor_frame_B, pairs] - true_B).clamp(min=0)
    sound_B = (margin + similarity_BB[pairs, impostor_sound_B] - true_B).clamp(min=0)
    return ((impostor_frame_B != pairs) * frame_B + (impostor_sound_B != pairs) * sound_B).mean()


def semi_hard_triplet_loss(similarity_BB: Tensor, *, margin: float, impostor_BB: Tensor | None = None) -> Tensor:
    """Returns the mean over pairs of both ways' [margin + S(i, j*) - S(i, i)]+, summed.

    j* is the most similar impostor that is less similar than the true pair; a pair with no such impostor adds nothing.
    """
    similarity_BB = _precise(similarity_BB)
    if impostor_BB is None:
        impostor_BB = every_other(similarity_BB)
    rows_B = _semi_hard_rows(similarity_BB, impostor_BB, margin)
    return rows_B.mean() + _semi_hard_rows(similarity_BB.T, impostor_BB.T, margin).mean()


def blended_triplet_loss(
    similarity_BB: Tensor, *, margin: float, generator: torch.Generator, impostor_BB: Tensor | None = None
) -> Tensor:
    """Returns the sum of both triplet losses, the paper's; impostor frames and sounds are drawn independently."""
    random_loss = drawn_triplet_loss(similarity_BB, margin=margin, generator=generator, impostor_BB=impostor_BB)
    return random_loss + semi_hard_triplet_loss(similarity_BB, margin=margin, impostor_BB=impostor_BB)


def drawn_triplet_loss(
    similarity_BB: Tensor, *, margin: float, generator: torch.Generator, impostor_BB: Tensor | None = None
) -> Tensor:
    """Returns `random_triplet_loss` with impostors drawn by `generator` (on the CPU)."""
    if impostor_BB is None:
        impostor_BB = every_other(similarity_BB)
    frame_B = random_impostors(impostor_BB.T, generator).to(similarity_BB.device)
    sound_B = random_impostors(impostor_BB, generator).to(similarity_BB.device)
    return random_triplet_loss(similarity_BB, frame_B, sound_B, margin=margin)


def margin_softmax_loss(
    similarity_BB: Tensor, *, margin: float | Tensor = 0.0, impostor_BB: Tensor | None = None
) -> Tensor:
    """Returns the masked margin softmax (Ilharco et al. 2019): -log softmax of S - margin at the true pair, both ways.

    The sum of the means over rows and over columns. `margin` is taken off the true similarities only: a number, or (B) or
    (2, B) for each pair and way. With margin 0 it is InfoNCE (van den Oord et al. 2018).
    """
    similarity_BB = _precise(similarity_BB)
    if impostor_BB is None:
        impostor_BB = every_other(similarity_BB)
    row_margin, column_margin = (margin, margin) if not _has_ways(margin) else (margin[0], margin[1])  # type: ignore[index]
    rows_B = _softmax_rows(similarity_BB, impostor_BB, row_margin)
    return rows_B.mean() + _softmax_rows(similarity_BB.T, impostor_BB.T, column_margin).mean()


def info_nce_loss(similarity_BB: Tensor, *, impostor_BB: Tensor | None = None) -> Tensor:
    """Returns the margin softmax without a margin."""
    return margin_softmax_loss(similarity_BB, impostor_BB=impostor_BB)


def adaptive_mean_margin_loss(similarity_BB: Tensor, *, share: float, impostor_BB: Tensor | None = None) -> Tensor:
    """Returns the margin softmax with margins `share` times (S(i, i) - the mean impostor), for each pair and way.

    Adaptive mean margin, Monfort et al. 2021, equation 3; the margins are constants for the gradient, never negative.
    """
    similarity_BB = _precise(similarity_BB)
    if impostor_BB is None:
        impostor_BB = every_other(similarity_BB)
    known_BB = similarity_BB.detach()
    margins = []
    for s_BB, mask_BB in ((known_BB, impostor_BB), (known_BB.T, impostor_BB.T)):
        mean_B = (s_BB * mask_BB).sum(dim=1) / mask_BB.sum(dim=1).clamp(min=1)
        margins.append((share * (s_BB.diagonal() - mean_B)).clamp(min=0))
    return margin_softmax_loss(similarity_BB, margin=torch.stack(margins), impostor_BB=impostor_BB)


def mil_nce_loss(similarity_BBK: Tensor, *, impostor_BB: Tensor | None = None) -> Tensor:
    """Returns MIL-NCE (Miech et al. 2020) of (B, B, K): each frame with K neighbouring windows of each pair's sound.

    The mean over pairs of -log of the summed exponentials of a frame's own K windows over these plus those of both ways'
    impostors: other pairs' windows with this frame, and this pair's windows with other frames. An entry of -inf is no window.
    """
    similarity_BBK = _precise(similarity_BBK)
    n_pairs = similarity_BBK.shape[0]
    if impostor_BB is None:
        impostor_BB = every_other(similarity_BBK[:, :, 0])
    own_B = similarity_BBK[torch.arange(n_pairs), torch.arange(n_pairs)].logsumexp(dim=1)
    bag_BB = similarity_BBK.logsumexp(dim=2)
    others_BB = bag_BB.masked_fill(~impostor_BB, -torch.inf)
    mirrored_BB = bag_BB.T.masked_fill(~impostor_BB.T, -torch.inf)
    all_B = torch.cat([own_B.unsqueeze(1), others_BB, mirrored_BB], dim=1).logsumexp(dim=1)
    return (all_B - own_B).mean()


def scheduled_margin(first: float, last: float, share_done: float) -> float:
    """Returns the margin after a share (0..1) of the run: it grows by equal factors, as in Ilharco et al. 2019."""
    if first <= 0 or last <= 0:
        return first + (last - first) * share_done
    return first * math.exp(math.log(last / first) * min(max(share_done, 0.0), 1.0))


def _precise(similarity: Tensor) -> Tensor:
    """Returns the similarities in float32 at least: half precision has too few digits for a sum of exponentials."""
    return similarity if similarity.dtype in (torch.float32, torch.float64) else similarity.float()


def _has_ways(margin: float | Tensor) -> bool:
    return isinstance(margin, Tensor) and margin.dim() == 2


def _softmax_rows(similarity_BB: Tensor, impostor_BB: Tensor, margin: float | Tensor) -> Tensor:
    """Returns (B): -log of each row's softmax at the true pair, over it and its impostors."""
    true_B = similarity_BB.diagonal() - margin
    # the true pair stands in a column of its own, so that -inf never meets it
    logits = torch.cat([true_B.unsqueeze(1), similarity_BB.masked_fill(~impostor_BB, -torch.inf)], dim=1)
    return logits.logsumexp(dim=1) - true_B


def _semi_hard_rows(similarity_BB: Tensor, impostor_BB: Tensor, margin: float) -> Tensor:
    """Returns (B): each row's semi-hard term."""
    true_B = similarity_BB.diagonal()
    is_semi_hard_BB = (similarity_BB < true_B.unsqueeze(1)) & impostor_BB  # strictly less: the diagonal itself never is
    # the index is looked for without a gradient; the value is then taken from S, where -inf never enters the gradient
    hardest_B = similarity_BB.detach().masked_fill(~is_semi_hard_BB, -torch.inf).argmax(dim=1, keepdim=True)
    term_B = (margin + similarity_BB.gather(1, hardest_B).squeeze(1) - true_B).clamp(min=0)
    return torch.where(is_semi_hard_BB.any(dim=1), term_B, torch.zeros_like(term_B))
