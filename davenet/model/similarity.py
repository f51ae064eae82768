"""Matchmaps and the similarities made of them (Section 2): every one leaves padded audio steps out.

SISA is the mean of a matchmap, which equals the dot product of the mean-pooled maps; MISA is the mean over time of the
largest value over the picture; SIMA the mean over the picture of the largest value over time.
Shapes: B, C batches, D embedding, H W map height and width, T audio-map steps, P places, Q what asks for its best place.
"""

from typing import Any, Literal

import torch
from torch import Tensor

Similarity = Literal["sisa", "misa", "sima"]
_SPARSE_SHARE = 0.1  # of the similarities with a gradient, below which picking them out beats whole products


def similarity_kind(name: str | None) -> Similarity:
    """Returns the similarity that a checkpoint's metadata names; SISA, the paper's, where it names none."""
    if name in ("misa", "sima"):
        return name  # type: ignore[return-value]
    return "sisa"  # also called "pooled" by the first checkpoints


def step_mask(n_audio_steps_B: Tensor, n_steps: int) -> Tensor:
    """Returns bool (B, T): true where a step is sound and not padding."""
    steps = torch.arange(n_steps, device=n_audio_steps_B.device)
    return steps.unsqueeze(0) < n_audio_steps_B.unsqueeze(1)


def pool_image(image_BDHW: Tensor) -> Tensor:
    """Returns the embeddings (B, D): the mean over the picture."""
    return image_BDHW.mean(dim=(2, 3))


def pool_audio(audio_BDT: Tensor, n_audio_steps_B: Tensor) -> Tensor:
    """Returns the embeddings (B, D): the mean over the steps that are not padding."""
    return (audio_BDT * _step_weights(audio_BDT, n_audio_steps_B).unsqueeze(1)).sum(dim=2)


def matchmap(image_DHW: Tensor, audio_DT: Tensor) -> Tensor:
    """Returns (H, W, T): the dot product of each place of the picture with each step of the sound."""
    return torch.einsum("dhw,dt->hwt", image_DHW, audio_DT)


def similarity_matrix(image_BDHW: Tensor, audio_CDT: Tensor, n_audio_steps_C: Tensor, *, kind: Similarity) -> Tensor:
    """Returns (B, C): each of B pictures (rows) with each of C sounds (columns)."""
    if kind == "sisa":
        return pool_image(image_BDHW) @ pool_audio(audio_CDT, n_audio_steps_C).T
    image_BDP = image_BDHW.flatten(2)
    if kind == "misa":
        every_BP = image_BDP.new_ones(image_BDP.shape[0], image_BDP.shape[2], dtype=torch.bool)
        similarity_BC: Tensor = _BestPlaces.apply(  # type: ignore[no-untyped-call]
            image_BDP, every_BP, audio_CDT, _step_weights(audio_CDT, n_audio_steps_C)
        )
        return similarity_BC
    n_places = image_BDP.shape[2]
    even_BP = image_BDP.new_full((image_BDP.shape[0], n_places), 1 / n_places)
    similarity_CB: Tensor = _BestPlaces.apply(  # type: ignore[no-untyped-call]
        audio_CDT, step_mask(n_audio_steps_C, audio_CDT.shape[2]), image_BDP, even_BP
    )
    return similarity_CB.T


def _step_weights(audio_BDT: Tensor, n_audio_steps_B: Tensor) -> Tensor:
    """Returns (B, T): each real step's share of the mean over time, 0 for padding."""
    mask_BT = step_mask(n_audio_steps_B, audio_BDT.shape[2]).to(audio_BDT.dtype)
    return mask_BT / mask_BT.sum(dim=1, keepdim=True).clamp(min=1)


class _BestPlaces(torch.autograd.Function):
    """S(b, c) = sum over q of weight(c, q) times the largest dot product of asking vector q with b's real places.

    Autograd would keep B*C matchmaps for the way back; here only the winners' indices are kept. A triplet loss touches at
    most five similarities a pair: these are picked out. A softmax touches all: whole products, a picture at a time.
    """

    @staticmethod
    def forward(ctx: Any, place_BDP: Tensor, real_BP: Tensor, asking_CDQ: Tensor, weight_CQ: Tensor) -> Tensor:
        n_asking, _, n_each = asking_CDQ.shape
        asking_DS = asking_CDQ.permute(1, 0, 2).flatten(1)  # (D, C*Q)
        rows, winners = [], []
        for place_DP, real_P in zip(
            place_BDP, real_BP, strict=True
        ):  # one at a time: B*C matchmaps would fill the memory
            match_PS = place_DP.T @ asking_DS
            best_S, winner_S = match_PS.masked_fill_(~real_P.unsqueeze(1), -torch.inf).max(dim=0)
            rows.append((best_S.view(n_asking, n_each) * weight_CQ).sum(dim=1))
            winners.append(winner_S.view(n_asking, n_each))
        ctx.save_for_backward(place_BDP, asking_CDQ, weight_CQ, torch.stack(winners))
        return torch.stack(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, None]:
        place_BDP, asking_CDQ, weight_CQ, winner_BCQ = ctx.saved_tensors
        gradient_BC = gradients[0]
        if float(gradient_BC.count_nonzero()) > _SPARSE_SHARE * gradient_BC.numel():
            place_gradient, asking_gradient = _whole(place_BDP, asking_CDQ, weight_CQ, winner_BCQ, gradient_BC)
        else:
            place_gradient, asking_gradient = _picked(place_BDP, asking_CDQ, weight_CQ, winner_BCQ, gradient_BC)
        return place_gradient, None, asking_gradient, None


def _whole(
    place_BDP: Tensor, asking_CDQ: Tensor, weight_CQ: Tensor, winner_BCQ: Tensor, gradient_BC: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns both gradients by two products for each of B, with zeros wherever a place did not win."""
    n_asking, n_channels, n_each = asking_CDQ.shape
    asking_DS = asking_CDQ.permute(1, 0, 2).flatten(1)
    asking_gradient_DS = torch.zeros_like(asking_DS)
    place_gradient = torch.empty_like(place_BDP)
    for index, (place_DP, winner_CQ) in enumerate(zip(place_BDP, winner_BCQ, strict=True)):
        share_S = (gradient_BC[index].unsqueeze(1) * weight_CQ).flatten()
        chosen_PS = place_DP.new_zeros(place_DP.shape[1], share_S.shape[0])
        chosen_PS.scatter_(0, winner_CQ.flatten().unsqueeze(0), share_S.unsqueeze(0))
        asking_gradient_DS.addmm_(place_DP, chosen_PS)
        place_gradient[index] = asking_DS @ chosen_PS.T
    return place_gradient, asking_gradient_DS.view(n_channels, n_asking, n_each).permute(1, 0, 2).contiguous()


def _picked(
    place_BDP: Tensor, asking_CDQ: Tensor, weight_CQ: Tensor, winner_BCQ: Tensor, gradient_BC: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns both gradients by gathering the K similarities that have one."""
    of_B, of_C = gradient_BC.nonzero(as_tuple=True)  # (K) each
    share_KQ = gradient_BC[of_B, of_C].unsqueeze(1) * weight_CQ[of_C]
    winner_KQ = winner_BCQ[of_B, of_C]
    place_BPD, asking_CQD = place_BDP.transpose(1, 2), asking_CDQ.transpose(1, 2)
    n_places = place_BPD.shape[1]
    asking_gradient_CQD = torch.zeros_like(asking_CQD)
    asking_gradient_CQD.index_add_(0, of_C, place_BPD[of_B.unsqueeze(1), winner_KQ] * share_KQ.unsqueeze(2))
    place_gradient = place_BPD.new_zeros(place_BPD.shape[0] * n_places, place_BPD.shape[2])
    asked_KQD = asking_CQD[of_C] * share_KQ.unsqueeze(2)
    place_gradient.index_add_(0, (of_B.unsqueeze(1) * n_places + winner_KQ).flatten(), asked_KQD.flatten(0, 1))
    return (
        place_gradient.view(place_BPD.shape).transpose(1, 2).contiguous(),
        asking_gradient_CQD.transpose(1, 2).contiguous(),
    )
