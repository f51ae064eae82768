"""Matchmaps and the similarities made of them (Section 2): every one leaves padded audio steps out.

SISA is the mean of a matchmap, which equals the dot product of the mean-pooled maps; MISA is the mean over time of the
largest value over the picture. Shapes: B batch, D embedding, H W map height and width, T audio-map steps.
"""

from typing import Literal

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
    n_sounds, _, n_steps = audio_CDT.shape
    mask_CT = step_mask(n_audio_steps_C, n_steps).to(audio_CDT.dtype)
    sound_DS = audio_CDT.permute(1, 0, 2).flatten(1)  # (D, C*T)
    rows = []
    for image_DHW in image_BDHW:  # one picture at a time: B*C matchmaps at once would fill the memory
        best_S = (image_DHW.flatten(1).T @ sound_DS).amax(dim=0)
        rows.append((best_S.view(n_sounds, n_steps) * mask_CT).sum(dim=1) / mask_CT.sum(dim=1).clamp(min=1))
    return torch.stack(rows)
