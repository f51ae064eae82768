"""What a step minimises: from a batch's maps over their similarities to one number, as the configuration says.

The loop calls it with the maps of one batch (of all ranks' batches joined, where there are several); the losses themselves
are in `losses`, who is no impostor of whom in `impostors`, the codes of weak labels in `anchors`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from davenet.model.similarity import similarity_matrix
from davenet.pairs import Pair
from davenet.training.anchors import label_codes, similarities_with_codes
from davenet.training.impostors import impostors, label_of
from davenet.training.losses import (
    adaptive_mean_margin_loss,
    blended_triplet_loss,
    drawn_triplet_loss,
    margin_softmax_loss,
    mil_nce_loss,
    scheduled_margin,
    semi_hard_triplet_loss,
)
from davenet.training.presets import TrainConfig

LARGEST_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class Maps:
    """A batch after both branches; with K windows a pair (MIL-NCE) the sounds are (B*K), a pair's windows together.

    The middle window of a pair is its own; a window without any sound has 0 steps.
    """

    image_BDHW: Tensor
    audio_BDT: Tensor
    n_audio_steps_B: Tensor


class Objective(nn.Module):
    """The loss of a batch; its only parameter is the logarithm of the scale, where that is learnt."""

    def __init__(self, config: TrainConfig, embedding: int) -> None:
        super().__init__()
        self.config = config
        self._embedding = embedding
        scale = torch.tensor(math.log(config.scale))
        self.log_scale = nn.Parameter(scale, requires_grad=config.learn_scale)

    def scale(self) -> Tensor:
        """Returns what similarities are multiplied by before a softmax."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE) if self.config.learn_scale else self.log_scale.exp()

    def forward(
        self, maps: Maps, pairs: Sequence[Pair], *, epoch: int, share_done: float, generator: torch.Generator
    ) -> Tensor:
        """Returns the loss of B pairs; `generator` (on the CPU) draws the random impostors, `share_done` is 0..1."""
        config, device = self.config, maps.image_BDHW.device
        impostor_BB = impostors(pairs, same_label=config.mask_same_label, same_video_s=config.mask_same_video_s)
        named = [index for index, pair in enumerate(pairs) if label_of(pair)]
        losses = []
        if config.anchor_epochs and len(named) >= 2:  # the codes stay: without them both branches fall back
            labels = [label_of(pairs[index]) for index in named]
            own = [index * config.mil_windows + config.mil_windows // 2 for index in named]
            with_codes = similarities_with_codes(
                maps.image_BDHW[named],
                maps.audio_BDT[own],
                maps.n_audio_steps_B[own],
                label_codes(labels, self._embedding).to(device),
            )
            among_BB = impostor_BB[named][:, named].to(device)
            losses += [self._loss(s_BB, among_BB, share_done, generator) for s_BB in with_codes]
        if epoch >= config.anchor_epochs or not losses:
            losses.append(self._of_maps(maps, impostor_BB.to(device), share_done, generator))
        return torch.stack(losses).sum()

    def _of_maps(self, maps: Maps, impostor_BB: Tensor, share_done: float, generator: torch.Generator) -> Tensor:
        similarity = similarity_matrix(
            maps.image_BDHW, maps.audio_BDT, maps.n_audio_steps_B, kind=self.config.similarity
        )
        if self.config.loss != "mil-nce":
            return self._loss(similarity, impostor_BB, share_done, generator)
        silent = (maps.n_audio_steps_B == 0).unsqueeze(0)
        # masked before the scale too: minus infinity times a gradient of nothing is no number
        similarity = (similarity.masked_fill(silent, 0.0) * self.scale()).masked_fill(silent, -torch.inf)
        windows_BBK = similarity.view(len(similarity), -1, self.config.mil_windows)
        return mil_nce_loss(windows_BBK, impostor_BB=impostor_BB)

    def _loss(
        self, similarity_BB: Tensor, impostor_BB: Tensor, share_done: float, generator: torch.Generator
    ) -> Tensor:
        config = self.config
        margin = config.margin
        if config.margin_first is not None:
            margin = scheduled_margin(config.margin_first, config.margin, share_done)
        if config.loss == "random":
            return drawn_triplet_loss(similarity_BB, margin=margin, generator=generator, impostor_BB=impostor_BB)
        if config.loss == "semi-hard":
            return semi_hard_triplet_loss(similarity_BB, margin=margin, impostor_BB=impostor_BB)
        if config.loss == "blend":
            return blended_triplet_loss(similarity_BB, margin=margin, generator=generator, impostor_BB=impostor_BB)
        logits_BB = similarity_BB * self.scale()
        if config.loss == "adaptive-margin":
            return adaptive_mean_margin_loss(logits_BB, share=config.margin_share, impostor_BB=impostor_BB)
        if config.loss == "margin-softmax":
            return margin_softmax_loss(logits_BB, margin=margin * self.scale(), impostor_BB=impostor_BB)
        return margin_softmax_loss(logits_BB, impostor_BB=impostor_BB)  # InfoNCE; of codes also for MIL-NCE
