"""The image branches: VGG16 (the paper's), ResNet50 (ResDAVEnet's), MobileNetV2 (light) and a small one.

The first three carry torchvision's parameter names and arithmetic, so that its published weights load; each ends in a
convolution to D without an activation. Shapes: B batch, D embedding, H W map height and width.
"""

import torch
from torch import Tensor, nn

from davenet.errors import UserError
from davenet.model.config import ModelConfig
from davenet.model.norms import BatchNorm2d

_POOL = 0  # a max-pool among VGG16's widths; its last is left out
_VGG16 = (64, 64, _POOL, 128, 128, _POOL, 256, 256, 256, _POOL, 512, 512, 512, _POOL, 512, 512, 512)
_RESNET50 = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks and stride of each stage
_BOTTLENECK = 4  # how much wider a ResNet block's output is than its middle
# expansion, channels, blocks and stride of each stage; the second of 2 in the last third stays at 14x14 by dilation
_MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_MOBILENET_V2_LAST = 1280
_SMALL_STRIDES = (2, 2, 1, 2, 1)


def image_branch(config: ModelConfig) -> nn.Module:
    """Returns the image branch of a configuration, its weights drawn from torch's generator."""
    match config.image_branch:
        case "vgg16":
            return VGG16ImageBranch(config.embedding)
        case "resnet50":
            return ResNet50ImageBranch(config.embedding)
        case "mobilenet_v2":
            return MobileNetV2ImageBranch(config.embedding)
        case "small":
            return SmallImageBranch(config.image_widths, config.embedding)


class VGG16ImageBranch(nn.Module):
    """VGG16's features without the last max-pool, then 3x3 to D without ReLU: 224 px -> (D, 14, 14)."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in _VGG16:
            if width == _POOL:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
        self.features = nn.Sequential(*layers)
        self.embedder = nn.Conv2d(channels, embedding, 3, padding=1)
        _initialise(self)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        image_BDHW: Tensor = self.embedder(self.features(image_B3HW))
        return image_BDHW


class ResNet50ImageBranch(nn.Module):
    """ResNet50 to its last stage, then 1x1 to D: 224 px -> (D, 7, 7). The 3x3 convolutions stride, as torchvision's."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = _resnet_stages(64)
        self.embedder = nn.Conv2d(_RESNET50[-1][0] * _BOTTLENECK, embedding, 1)
        _initialise(self)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        x = self.maxpool(torch.relu(self.bn1(self.conv1(image_B3HW))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        image_BDHW: Tensor = self.embedder(x)
        return image_BDHW


def _resnet_stages(channels: int) -> list[nn.Sequential]:
    stages = []
    for width, n_blocks, stride in _RESNET50:
        blocks = []
        for block in range(n_blocks):
            blocks.append(_Bottleneck(channels, width, stride if block == 0 else 1))
            channels = width * _BOTTLENECK
        stages.append(nn.Sequential(*blocks))
    return stages


class _Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut, which is a 1x1 convolution where the shapes differ."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * _BOTTLENECK
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class MobileNetV2ImageBranch(nn.Module):
    """MobileNetV2 with its last stride of 2 made a dilation, then 1x1 to D: 224 px -> (D, 14, 14), not (D, 7, 7).

    Every second place of the map is what the published network computes there: its weights lose nothing.
    """

    def __init__(self, embedding: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [_normed(3, 32, 3, stride=2)]
        channels, reached, dilation = 32, 2, 1  # reached: the stride in pixels so far
        for expansion, width, n_blocks, stage_stride in _MOBILENET_V2:
            for block in range(n_blocks):
                stride, next_dilation = (stage_stride if block == 0 else 1), dilation
                if reached * stride > 16:  # the layer's own inputs are still close together: its successors' are not
                    stride, next_dilation = 1, dilation * stride
                layers.append(_InvertedResidual(channels, width, expansion, stride=stride, dilation=dilation))
                channels, reached, dilation = width, reached * stride, next_dilation
        layers.append(_normed(channels, _MOBILENET_V2_LAST, 1))
        self.features = nn.Sequential(*layers)
        self.embedder = nn.Conv2d(_MOBILENET_V2_LAST, embedding, 1)
        _initialise(self)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        image_BDHW: Tensor = self.embedder(self.features(image_B3HW))
        return image_BDHW


class _InvertedResidual(nn.Module):
    """1x1 to more channels, a 3x3 a channel, 1x1 to fewer without an activation; a shortcut where the shapes allow it."""

    def __init__(self, channels: int, out: int, expansion: int, *, stride: int, dilation: int) -> None:
        super().__init__()
        hidden = channels * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [_normed(channels, hidden, 1)]
        layers += [
            _normed(hidden, hidden, 3, stride=stride, dilation=dilation, groups=hidden),
            nn.Conv2d(hidden, out, 1, bias=False),
            nn.BatchNorm2d(out),
        ]
        self.conv = nn.Sequential(*layers)
        self._has_shortcut = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self._has_shortcut else y


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
        self.embedding_norm = embedding_norm(embedding)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        image_BDHW: Tensor = self.embedding_norm(self.embedder(self.features(image_B3HW)))
        return image_BDHW


def embedding_norm(embedding: int) -> BatchNorm2d:
    """Returns a normalisation of a branch's output after which dot products begin with a deviation of one, the margin.

    Without it the small model's plain SGD drove the audio branch's ReLUs to zero within an epoch.
    """
    norm = BatchNorm2d(embedding)
    nn.init.constant_(norm.weight, embedding**-0.25)
    return norm


def _normed(
    channels: int, out: int, size: int, *, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Sequential:
    """Returns a convolution with batch normalisation and ReLU6, as MobileNetV2 names them: 0.weight and 1.weight."""
    padding = dilation * (size // 2)
    convolution = nn.Conv2d(
        channels, out, size, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU6(inplace=True))


def _initialise(branch: nn.Module) -> None:
    """He's initialisation by the outputs of each convolution, as torchvision's networks begin; biases at zero.

    A 1x1 embedder, which no activation follows, keeps the size of what it is given: else dot products begin far over 1.
    """
    for module in branch.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    if isinstance(branch.embedder, nn.Conv2d) and branch.embedder.kernel_size == (1, 1):
        nn.init.kaiming_normal_(branch.embedder.weight, mode="fan_in", nonlinearity="linear")
