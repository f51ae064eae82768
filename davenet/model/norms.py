"""Batch normalisation whose statistics leave out padded steps and, where several processes train, span all their batches.

In evaluation, and where nothing is padded in a single process, it is torch's own; parameters, buffers and their names always
are. torch's SyncBatchNorm does neither: it counts padding, and it does not run on processors. Shapes: B batch, C channels.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d that can be told how many steps of each row are sound; the rest enters no statistic."""

    joins_ranks = False

    def forward(self, x_BCHW: Tensor, n_steps_B: Tensor | None = None) -> Tensor:
        """`n_steps_B` counts the steps (the last dimension) before the padding of each row; None: nothing is padded."""
        if not self.training or (n_steps_B is None and not self.joins_ranks):
            return super().forward(x_BCHW)
        valid_B11W = None
        if n_steps_B is not None:
            steps = torch.arange(x_BCHW.shape[-1], device=x_BCHW.device)
            valid_B11W = (steps < n_steps_B.to(x_BCHW.device).unsqueeze(1)).view(len(x_BCHW), 1, 1, -1)
        normed_BCHW, mean_C, variance_C, n = _Normalised.apply(x_BCHW, valid_B11W, self.eps, self.joins_ranks)  # type: ignore[no-untyped-call]
        self._remember(mean_C, variance_C, n)
        weight_C11, bias_C11 = (each.view(-1, 1, 1).to(x_BCHW.dtype) for each in (self.weight, self.bias))
        scaled_BCHW: Tensor = normed_BCHW * weight_C11 + bias_C11
        return scaled_BCHW

    def _remember(self, mean_C: Tensor, variance_C: Tensor, n: Tensor) -> None:
        """Moves the running statistics, as torch does: with the variance that divides by n - 1."""
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        assert self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), self.momentum)
            unbiased_C = variance_C * (n / (n - 1).clamp(min=1))
            self.running_var.lerp_(unbiased_C.to(self.running_var.dtype), self.momentum)


def join_over_ranks(model: nn.Module) -> None:
    """Makes every batch normalisation of a model take its statistics over the batches of all processes."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _joined(child))


def _joined(norm: nn.BatchNorm2d) -> BatchNorm2d:
    joined = BatchNorm2d(norm.num_features, norm.eps, norm.momentum).train(norm.training)
    joined.weight, joined.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers(recurse=False):
        setattr(joined, name, buffer)
    joined.joins_ranks = True
    return joined


class _Normalised(torch.autograd.Function):
    """x less its mean over its deviation, channel by channel, with both over the valid places of all ranks."""

    @staticmethod
    def forward(
        ctx: Any, x_BCHW: Tensor, valid_B11W: Tensor | None, eps: float, joins_ranks: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        precise = x_BCHW if x_BCHW.dtype == torch.float64 else x_BCHW.float()
        n, mean_C, squares_C = _moments(precise, valid_B11W)
        if joins_ranks:
            n, mean_C, squares_C = _joint_moments(n, mean_C, squares_C)
        variance_C = squares_C / n.clamp(min=1)
        inverse_C = (variance_C + eps).rsqrt()
        normed_BCHW = (precise - mean_C.view(-1, 1, 1)) * inverse_C.view(-1, 1, 1)
        ctx.save_for_backward(normed_BCHW, inverse_C, n, valid_B11W)
        ctx.joins_ranks = joins_ranks
        ctx.mark_non_differentiable(mean_C, variance_C, n)
        return normed_BCHW.to(x_BCHW.dtype), mean_C, variance_C, n

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        normed_BCHW, inverse_C, n, valid_B11W = ctx.saved_tensors
        gradient_BCHW = gradients[0].to(normed_BCHW.dtype)
        sums_2C = torch.stack(
            [gradient_BCHW.sum(dim=(0, 2, 3)), (gradient_BCHW * normed_BCHW).sum(dim=(0, 2, 3))]
        )  # of all places: the padded ones too were normalised by these statistics
        if ctx.joins_ranks:
            dist.all_reduce(sums_2C)
        mean_C, slope_C = (sums_2C / n.clamp(min=1)).unbind()
        through_statistics = mean_C.view(-1, 1, 1) + normed_BCHW * slope_C.view(-1, 1, 1)
        if valid_B11W is not None:
            through_statistics = through_statistics * valid_B11W
        gradient_BCHW = (gradient_BCHW - through_statistics) * inverse_C.view(-1, 1, 1)
        return gradient_BCHW.to(gradients[0].dtype), None, None, None


def _moments(x_BCHW: Tensor, valid_B11W: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the number of valid places, their mean (C) and their summed squares about it (C)."""
    n_B = x_BCHW.shape[2] * (
        x_BCHW.new_full((len(x_BCHW),), float(x_BCHW.shape[3]))
        if valid_B11W is None
        else valid_B11W.to(x_BCHW.dtype).sum(dim=(1, 2, 3))
    )
    n = n_B.sum()
    kept = x_BCHW if valid_B11W is None else x_BCHW * valid_B11W
    mean_C = kept.sum(dim=(0, 2, 3)) / n.clamp(min=1)
    centred = x_BCHW - mean_C.view(-1, 1, 1)
    if valid_B11W is not None:
        centred = centred * valid_B11W
    return n, mean_C, centred.square().sum(dim=(0, 2, 3))


def _joint_moments(n: Tensor, mean_C: Tensor, squares_C: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the moments of all ranks' places together, without a difference of large squares."""
    all_RX = mean_C.new_zeros((dist.get_world_size(), 2 * len(mean_C) + 1))
    all_RX[dist.get_rank()] = torch.cat([n.view(1), mean_C, squares_C])
    dist.all_reduce(all_RX)
    n_R, mean_RC, squares_RC = all_RX[:, :1], all_RX[:, 1 : len(mean_C) + 1], all_RX[:, len(mean_C) + 1 :]
    total = n_R.sum()
    joint_C = (n_R * mean_RC).sum(dim=0) / total.clamp(min=1)
    return total, joint_C, (squares_RC + n_R * (mean_RC - joint_C).square()).sum(dim=0)
