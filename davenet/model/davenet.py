"""DAVEnet (Section 2): an image branch and an audio branch whose maps meet in a dot product; and its small sibling.

The VGG16 layers carry torchvision's parameter names, so that its published weights load. Sound that is padded to the
length of a batch is masked after each layer: a padded segment gives exactly the map that it gives alone.
Shapes: B batch, D embedding, H W map height and width, T audio-map steps, M mel bands.
"""

import torch
from torch import Tensor, nn

from davenet.errors import UserError
from davenet.model.config import N_MELS, ModelConfig

_VGG16 = (
    64,
    64,
    0,
    128,
    128,
    0,
    256,
    256,
    256,
    0,
    512,
    512,
    512,
    0,
    512,
    512,
    512,
)  # 0: max-pool; the last is left out
_SMALL_STRIDES = (2, 2, 1, 2, 1)

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of red, green and blue, 0..1
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def normalised(image_BHW3: Tensor) -> Tensor:
    """Returns float32 (B, 3, H, W) of uint8 RGB pictures, ImageNet's mean taken off, in its deviations; same device."""
    image_B3HW = image_BHW3.permute(0, 3, 1, 2).to(torch.float32).contiguous()
    mean = image_B3HW.new_tensor(IMAGENET_MEAN).view(3, 1, 1) * 255
    deviation = image_B3HW.new_tensor(IMAGENET_DEVIATION).view(3, 1, 1) * 255
    return image_B3HW.sub_(mean).div_(deviation)


class DAVEnet(nn.Module):
    """Both branches; the similarity of their maps is in davenet.model.similarity."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        if config.architecture == "davenet":
            self.image_branch: nn.Module = VGGImageBranch(config.embedding)
            self.audio_branch: nn.Module = AudioBranch(
                widths=(128, 256, 512, 512, config.embedding), kernels=(11, 17, 17, 17), batch_norm=False
            )
        else:
            self.image_branch = SmallImageBranch(config.image_widths, config.embedding)
            self.audio_branch = AudioBranch(
                widths=(*config.audio_widths, config.embedding), kernels=(11, 13, 13), batch_norm=True
            )

    def image_map(self, image_B3HW: Tensor) -> Tensor:
        """Returns (B, D, H, W) of pictures normalised with ImageNet's mean and deviation."""
        image_BDHW: Tensor = self.image_branch(image_B3HW)
        return image_BDHW

    def audio_map(self, log_mel_BMT: Tensor, n_steps_B: Tensor | None = None) -> Tensor:
        """Returns (B, D, T) of log-mels (B, 40, steps) in relative dB; `n_steps_B` counts those before padding."""
        audio_BDT: Tensor = self.audio_branch(log_mel_BMT, n_steps_B)
        return audio_BDT

    def audio_steps(self, n_steps: int) -> int:
        """Returns the number of audio-map steps over `n_steps` columns of log-mel."""
        return self.config.audio_steps(n_steps)

    def audio_steps_B(self, n_steps_B: Tensor) -> Tensor:
        """Returns the audio-map steps of each segment of a batch, as `audio_steps` does of one."""
        for _ in range(self.config.n_pools):
            n_steps_B = (n_steps_B + 1) // 2
        return n_steps_B


class VGGImageBranch(nn.Module):
    """VGG16's features without the last max-pool, then 3x3 to D without ReLU: 224 px -> (D, 14, 14)."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in _VGG16:
            if width == 0:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
        self.features = nn.Sequential(*layers)
        self.embedder = nn.Conv2d(channels, embedding, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, image_B3HW: Tensor) -> Tensor:
        image_BDHW: Tensor = self.embedder(self.features(image_B3HW))
        return image_BDHW


class SmallImageBranch(nn.Module):
    """Five convolutions with batch normalisation, stride 8 in all, then 3x3 to D: 96 px -> (D, 12, 12)."""

    def __init__(self, widths: tuple[int, ...], embedding: int) -> None:
        super().__init__()
        if len(widths) != len(_SMALL_STRIDES):
            raise UserError(f"A small model needs {len(_SMALL_STRIDES)} image widths, not {len(widths)}.")
        layers: list[nn.Module] = []
        channels = 3
        for index, (width, stride) in enumerate(zip(widths, _SMALL_STRIDES, strict=True)):
            size = 5 if index == 0 else 3
            layers += [
                nn.Conv2d(channels, width, size, stride=stride, padding=size // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
        self.features = nn.Sequential(*layers)
        self.embedder = nn.Conv2d(channels, embedding, 3, padding=1, bias=False)
        self.embedding_norm = _embedding_norm(embedding)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        image_BDHW: Tensor = self.embedding_norm(self.embedder(self.features(image_B3HW)))
        return image_BDHW


class AudioBranch(nn.Module):
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
        self.norm = nn.BatchNorm2d(1)
        self.spectral = nn.Conv2d(1, widths[0], (N_MELS, 1))
        self.temporal = nn.ModuleList(
            nn.Conv2d(before, after, (1, kernel), padding=(0, kernel // 2))
            for before, after, kernel in zip(widths[:-1], widths[1:], kernels, strict=True)
        )
        self.norms = nn.ModuleList()  # the paper's branch has none
        if batch_norm:
            self.norms.extend(nn.BatchNorm2d(width) for width in widths)
        self.embedding_norm = _embedding_norm(widths[-1]) if batch_norm else nn.Identity()
        self.pool = nn.MaxPool2d((1, 3), stride=(1, 2), padding=(0, 1))

    def forward(self, log_mel_BMT: Tensor, n_steps_B: Tensor | None = None) -> Tensor:
        x = _masked(self.norm(log_mel_BMT.unsqueeze(1)), n_steps_B)  # (B, 1, M, steps)
        x = _masked(torch.relu(self._normed(0, self.spectral(x))), n_steps_B)  # (B, width, 1, steps)
        for index, convolution in enumerate(self.temporal, 1):
            x = self.pool(_masked(torch.relu(self._normed(index, convolution(x))), n_steps_B))
            if n_steps_B is not None:
                n_steps_B = (n_steps_B + 1) // 2
                x = _masked(x, n_steps_B)
        return _masked(self.embedding_norm(x), n_steps_B).squeeze(2)

    def _normed(self, index: int, x: Tensor) -> Tensor:
        if len(self.norms) == 0:
            return x
        normed: Tensor = self.norms[index](x)
        return normed


def _embedding_norm(embedding: int) -> nn.BatchNorm2d:
    """Returns a normalisation of a branch's output after which dot products begin with a deviation of one, the margin.

    Without it the small model's plain SGD drove the audio branch's ReLUs to zero within an epoch.
    """
    norm = nn.BatchNorm2d(embedding)
    nn.init.constant_(norm.weight, embedding**-0.25)
    return norm


def _masked(x: Tensor, n_steps_B: Tensor | None) -> Tensor:
    """Returns x (B, ..., steps) with zeros at and after each one's own number of steps."""
    if n_steps_B is None:
        return x
    valid = torch.arange(x.shape[-1], device=x.device) < n_steps_B.to(x.device).unsqueeze(1)  # (B, steps)
    return x * valid.view(x.shape[0], *([1] * (x.dim() - 2)), x.shape[-1]).to(x.dtype)
