"""Matchmaps and the similarities made of them (Section 2): every one leaves padded audio steps out.

SISA is the mean of a matchmap, which equals the dot product of the mean-pooled maps; MISA is the mean over time of the
largest value over the picture. Shapes: B batch, D embedding, H W map height and width, T audio-map steps.
"""

from typing import Any, Literal

import torch
from torch import Tensor

Similarity = Literal["pooled", "misa"]


def step_mask(n_audio_steps_B: Tensor, n_steps: int) -> Tensor:
    """Returns bool (B, T): true where a step is sound and not padding."""
    steps = torch.arange(n_steps, device=n_audio_steps_B.device)
    return steps.unsqueeze(0) < n_audio_steps_B.unsqueeze(1)


def pool_image(image_BDHW: Tensor) -> Tensor:
    """Returns the embeddings (B, D): the mean over the picture."""
    return image_BDHW.mean(dim=(2, 3))


def pool_audio(audio_BDT: Tensor, n_audio_steps_B: Tensor) -> Tensor:
    """Returns the embeddings (B, D): the mean over the steps that are not padding."""
    mask_BT = step_mask(n_audio_steps_B, audio_BDT.shape[2]).to(audio_BDT.dtype)
    total_BD = (audio_BDT * mask_BT.unsqueeze(1)).sum(dim=2)
    return total_BD / mask_BT.sum(dim=1, keepdim=True).clamp(min=1)


def matchmap(image_DHW: Tensor, audio_DT: Tensor) -> Tensor:
    """Returns (H, W, T): the dot product of each place of the picture with each step of the sound."""
    return torch.einsum("dhw,dt->hwt", image_DHW, audio_DT)


def similarity_matrix(image_BDHW: Tensor, audio_CDT: Tensor, n_audio_steps_C: Tensor, *, kind: Similarity) -> Tensor:
    """Returns (B, C): each of B pictures (rows) with each of C sounds (columns)."""
    if kind == "pooled":
        return pool_image(image_BDHW) @ pool_audio(audio_CDT, n_audio_steps_C).T
    mask_CT = step_mask(n_audio_steps_C, audio_CDT.shape[2]).to(audio_CDT.dtype)
    weight_CT = mask_CT / mask_CT.sum(dim=1, keepdim=True).clamp(min=1)
    similarity_BC: Tensor = _Misa.apply(image_BDHW, audio_CDT, weight_CT)  # type: ignore[no-untyped-call]
    return similarity_BC


class _Misa(torch.autograd.Function):
    """MISA of all pictures with all sounds; its gradient is worked out only where the loss has one.

    A triplet loss touches at most five similarities a pair, and each comes from one place of the picture a step, so the
    way back is a few gathers instead of B*C matchmaps (measured on two cores at B = 64: a tenth of the time).
    """

    @staticmethod
    def forward(ctx: Any, image_BDHW: Tensor, audio_CDT: Tensor, weight_CT: Tensor) -> Tensor:
        n_sounds, _, n_steps = audio_CDT.shape
        sound_DS = audio_CDT.permute(1, 0, 2).flatten(1)  # (D, C*T)
        rows, places = [], []
        for image_DHW in image_BDHW:  # one picture at a time: B*C matchmaps at once would fill the memory
            best_S, place_S = (image_DHW.flatten(1).T @ sound_DS).max(dim=0)
            rows.append((best_S.view(n_sounds, n_steps) * weight_CT).sum(dim=1))
            places.append(place_S.view(n_sounds, n_steps))
        ctx.save_for_backward(image_BDHW, audio_CDT, weight_CT, torch.stack(places))
        return torch.stack(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        image_BDHW, audio_CDT, weight_CT, place_BCT = ctx.saved_tensors
        picture_K, sound_K = gradients[0].nonzero(as_tuple=True)
        share_KT = gradients[0][picture_K, sound_K].unsqueeze(1) * weight_CT[sound_K]
        place_KT = place_BCT[picture_K, sound_K]
        image_BPD = image_BDHW.flatten(2).transpose(1, 2)
        n_places = image_BPD.shape[1]
        audio_gradient_CTD = torch.zeros_like(audio_CDT.transpose(1, 2))
        audio_gradient_CTD.index_add_(0, sound_K, image_BPD[picture_K.unsqueeze(1), place_KT] * share_KT.unsqueeze(2))
        image_gradient = image_BPD.new_zeros(image_BPD.shape[0] * n_places, image_BPD.shape[2])
        heard_KTD = audio_CDT.transpose(1, 2)[sound_K] * share_KT.unsqueeze(2)
        image_gradient.index_add_(0, (picture_K.unsqueeze(1) * n_places + place_KT).flatten(), heard_KTD.flatten(0, 1))
        image_gradient_BPD = image_gradient.view(image_BPD.shape)
        return (
            image_gradient_BPD.transpose(1, 2).reshape(image_BDHW.shape),
            audio_gradient_CTD.transpose(1, 2).contiguous(),
            None,
        )
