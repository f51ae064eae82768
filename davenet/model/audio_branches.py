"""The audio branches: DAVEnet's (Section 2), its small sibling with batch normalisation, and ResDAVEnet's.

Sound that is padded to the length of a batch is masked after each layer and enters no batch statistic: a padded segment
gives exactly the map that it gives alone. Shapes: B batch, D embedding, T audio-map steps, M mel bands.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from davenet.errors import UserError
from davenet.model.config import N_MELS, ModelConfig
from davenet.model.image_branches import embedding_norm
from davenet.model.norms import BatchNorm2d
from davenet.model.time_convolution import TimeConvolution

_RESIDUAL_KERNEL = 9  # steps


def audio_branch(config: ModelConfig) -> nn.Module:
    """Returns the audio branch of a configuration, its weights drawn from torch's generator."""
    match config.audio_branch:
        case "davenet":
            return ConvolutionalAudioBranch(
                widths=(128, 256, 512, 512, config.embedding), kernels=(11, 17, 17, 17), batch_norm=False
            )
        case "resdavenet":
            return ResidualAudioBranch((*config.audio_widths, config.embedding))
        case "small":
            return ConvolutionalAudioBranch(
                widths=(*config.audio_widths, config.embedding), kernels=(11, 13, 13), batch_norm=True
            )


class ConvolutionalAudioBranch(nn.Module):
    """Batch normalisation, one convolution over all mel bands, then some in time, each with ReLU and a max-pool.

    With `batch_norm` each convolution, and the map at the end, is normalised too (the small model); the paper has none. The
    max-pools are (1x3), stride 2, pad 1; ReLU before them makes padding with nothing the same as padding with zero.
    """

    def __init__(self, *, widths: tuple[int, ...], kernels: tuple[int, ...], batch_norm: bool) -> None:
        super().__init__()
        if len(widths) != len(kernels) + 1:
            raise UserError(
                f"An audio branch of this kind needs {len(kernels)} widths and D, not {len(widths) - 1} and D."
            )
        self.norm = BatchNorm2d(1)
        self.spectral = nn.Conv2d(1, widths[0], (N_MELS, 1))
        self.temporal = nn.ModuleList(
            TimeConvolution(before, after, (1, kernel), padding=(0, kernel // 2))
            for before, after, kernel in zip(widths[:-1], widths[1:], kernels, strict=True)
        )
        self.norms = nn.ModuleList()  # the paper's branch has none
        if batch_norm:
            self.norms.extend(BatchNorm2d(width) for width in widths)
        self.embedding_norm = embedding_norm(widths[-1]) if batch_norm else None
        self.pool = nn.MaxPool2d((1, 3), stride=(1, 2), padding=(0, 1))

    def forward(self, log_mel_BMT: Tensor, n_steps_B: Tensor | None = None) -> Tensor:
        x = _masked(self.norm(log_mel_BMT.unsqueeze(1), n_steps_B), n_steps_B)  # (B, 1, M, steps)
        x = _masked(torch.relu(self._normed(0, self.spectral(x), n_steps_B)), n_steps_B)  # (B, width, 1, steps)
        for index, convolution in enumerate(self.temporal, 1):
            x = self.pool(_masked(torch.relu(self._normed(index, convolution(x), n_steps_B)), n_steps_B))
            if n_steps_B is not None:
                n_steps_B = (n_steps_B + 1) // 2
                x = _masked(x, n_steps_B)
        if self.embedding_norm is not None:
            x = _masked(self.embedding_norm(x, n_steps_B), n_steps_B)
        return x.squeeze(2)

    def _normed(self, index: int, x: Tensor, n_steps_B: Tensor | None) -> Tensor:
        if len(self.norms) == 0:
            return x
        normed: Tensor = self.norms[index](x, n_steps_B)
        return normed


class ResidualAudioBranch(nn.Module):
    """ResDAVEnet's: one convolution over all mel bands, then four stages of two residual blocks, each stage of stride 2.

    Parameters are named as in the published checkpoints. `widths` are those of the first convolution and the stages; the
    last is D. The spectrogram is not normalised before the first convolution, as in the published code.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        if len(widths) != 5:
            raise UserError(f"ResDAVEnet's audio branch needs 4 widths and D, not {len(widths) - 1} and D.")
        self.conv1 = nn.Conv2d(1, widths[0], (N_MELS, 1), bias=False)
        self.bn1 = BatchNorm2d(widths[0])
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.ModuleList([_ResidualBlock(before, after, stride=2), _ResidualBlock(after, after, stride=1)])
            for before, after in pairwise(widths)
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, log_mel_BMT: Tensor, n_steps_B: Tensor | None = None) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(log_mel_BMT.unsqueeze(1)), n_steps_B))  # (B, width, 1, steps)
        x = _masked(x, n_steps_B)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            if n_steps_B is not None:
                n_steps_B = (n_steps_B + 1) // 2
            for block in stage:
                x = block(x, n_steps_B)
        return x.squeeze(2)


class _ResidualBlock(nn.Module):
    """Two convolutions of nine steps beside a shortcut, which is a 1x1 convolution where the block strides."""

    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        kernel, padding = (1, _RESIDUAL_KERNEL), (0, _RESIDUAL_KERNEL // 2)
        self.conv1 = TimeConvolution(channels, width, kernel, stride=stride, padding=padding, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.conv2 = TimeConvolution(width, width, kernel, padding=padding, bias=False)
        self.bn2 = BatchNorm2d(width)
        self.downsample: nn.Sequential | None = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride=stride, bias=False), BatchNorm2d(width)
            )

    def forward(self, x: Tensor, n_steps_B: Tensor | None) -> Tensor:
        """`n_steps_B` counts the real steps after this block's stride."""
        y = _masked(torch.relu(self.bn1(self.conv1(x), n_steps_B)), n_steps_B)
        y = self.bn2(self.conv2(y), n_steps_B)
        if self.downsample is not None:
            convolution, norm = self.downsample
            x = norm(convolution(x), n_steps_B)
        return _masked(torch.relu(y + x), n_steps_B)


def _masked(x: Tensor, n_steps_B: Tensor | None) -> Tensor:
    """Returns x (B, ..., steps) with zeros at and after each one's own number of steps."""
    if n_steps_B is None:
        return x
    valid = torch.arange(x.shape[-1], device=x.device) < n_steps_B.to(x.device).unsqueeze(1)  # (B, steps)
    return x * valid.view(x.shape[0], *([1] * (x.dim() - 2)), x.shape[-1]).to(x.dtype)
