"""State dicts with the key names and shapes of the published programs, and those programs' arithmetic with plain functions.

Layers are as wide as the programs make them where they leave no choice, and thin elsewhere.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

D = 16
State = dict[str, Tensor]


def conv(state: State, name: str, *shape: int, bias: bool = True) -> None:
    fan_in = shape[1] * shape[2] * shape[3]
    state[f"{name}.weight"] = torch.randn(shape) * (2 / fan_in) ** 0.5
    if bias:
        state[f"{name}.bias"] = torch.randn(shape[0]) * 0.1


def norm(state: State, name: str, width: int) -> None:
    state[f"{name}.weight"] = 0.5 + torch.rand(width)
    state[f"{name}.bias"] = torch.randn(width) * 0.1
    state[f"{name}.running_mean"] = torch.randn(width) * 0.1
    state[f"{name}.running_var"] = 0.5 + torch.rand(width)
    state[f"{name}.num_batches_tracked"] = torch.tensor(7)


def davenet_audio() -> State:
    state: State = {}
    norm(state, "batchnorm1", 1)
    state["batchnorm1.running_mean"], state["batchnorm1.running_var"] = torch.tensor([-40.0]), torch.tensor([400.0])
    conv(state, "conv1", 128, 1, 40, 1)
    conv(state, "conv2", 256, 128, 1, 11)
    conv(state, "conv3", 512, 256, 1, 17)
    conv(state, "conv4", 512, 512, 1, 17)
    conv(state, "conv5", D, 512, 1, 17)
    return state


def davenet_image() -> State:
    state: State = {}
    before = 3
    widths = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    for index, width in zip((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), widths, strict=True):
        conv(state, f"image_model.{index}", width, before, 3, 3)
        before = width
    conv(state, "image_model.30", D, 512, 3, 3)
    return state


def resdavenet_audio(widths: tuple[int, ...] = (8, 12, 12, 20, D), quantisers: tuple[int, ...] = ()) -> State:
    state: State = {}
    norm(state, "batchnorm1", 1)
    conv(state, "conv1", widths[0], 1, 40, 1, bias=False)
    state["conv1.weight"] /= 40  # decibels are large
    norm(state, "bn1", widths[0])
    for stage in (1, 2, 3, 4):
        before, width = widths[stage - 1], widths[stage]
        for block in (0, 1):
            at = f"layer{stage}.{block}"
            conv(state, f"{at}.conv1", width, before if block == 0 else width, 1, 9, bias=False)
            norm(state, f"{at}.bn1", width)
            conv(state, f"{at}.conv2", width, width, 1, 9, bias=False)
            norm(state, f"{at}.bn2", width)
        conv(state, f"layer{stage}.0.downsample.0", width, before, 1, 1, bias=False)
        norm(state, f"layer{stage}.0.downsample.1", width)
    for n in quantisers:
        state[f"quant{n}._ema_cluster_size"] = torch.ones(32)
        state[f"quant{n}._ema_w"] = torch.randn(32, widths[n - 1])
        state[f"quant{n}._embedding.weight"] = torch.randn(32, widths[n - 1])
    return state


def resdavenet_image() -> State:
    state: State = {}
    conv(state, "conv1", 64, 3, 7, 7, bias=False)
    norm(state, "bn1", 64)
    before = 64
    for stage, (width, n_blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(n_blocks):
            at = f"layer{stage}.{block}"
            conv(state, f"{at}.conv1", width, before, 1, 1, bias=False)
            norm(state, f"{at}.bn1", width)
            conv(state, f"{at}.conv2", width, width, 3, 3, bias=False)
            norm(state, f"{at}.bn2", width)
            conv(state, f"{at}.conv3", 4 * width, width, 1, 1, bias=False)
            norm(state, f"{at}.bn3", 4 * width)
            if block == 0:
                conv(state, f"{at}.downsample.0", 4 * width, before, 1, 1, bias=False)
                norm(state, f"{at}.downsample.1", 4 * width)
            before = 4 * width
    conv(state, "embedder", D, 2048, 1, 1)
    return state


def avlnet() -> State:
    state = {f"DAVEnet.{name}": value for name, value in resdavenet_audio().items()}
    for name, out, n in (
        ("DAVEnet_projection", 32, D),
        ("GU_audio.fc", D, D),
        ("GU_audio.cg.fc", D, D),
        ("GU_video.fc", 32, 64),
        ("GU_video.cg.fc", 32, 32),
    ):
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(out, n), torch.randn(out)
    return state


def batch_norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.batch_norm(x, *(state[f"{name}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias")))


def davenet_audio_map(state: State, sound: Tensor) -> Tensor:
    x = batch_norm(state, "batchnorm1", sound.unsqueeze(1))
    x = F.conv2d(x, state["conv1.weight"], state["conv1.bias"]).relu()
    for n, kernel in ((2, 11), (3, 17), (4, 17), (5, 17)):
        x = F.conv2d(x, state[f"conv{n}.weight"], state[f"conv{n}.bias"], padding=(0, kernel // 2)).relu()
        x = F.max_pool2d(x, (1, 3), (1, 2), (0, 1))
    return x.squeeze(2)


def davenet_image_map(state: State, picture: Tensor) -> Tensor:
    x = picture
    for index in range(30):
        if index in (4, 9, 16, 23):
            x = F.max_pool2d(x, 2, 2)
        elif f"image_model.{index}.weight" in state:
            x = F.conv2d(x, state[f"image_model.{index}.weight"], state[f"image_model.{index}.bias"], padding=1).relu()
    return F.conv2d(x, state["image_model.30.weight"], state["image_model.30.bias"], padding=1)


def resdavenet_audio_map(state: State, sound: Tensor) -> Tensor:
    x = batch_norm(state, "bn1", F.conv2d(sound.unsqueeze(1), state["conv1.weight"])).relu()
    for stage in (1, 2, 3, 4):
        for block, stride in ((0, 2), (1, 1)):
            at = f"layer{stage}.{block}"
            y = F.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=(0, 4))
            y = F.conv2d(batch_norm(state, f"{at}.bn1", y).relu(), state[f"{at}.conv2.weight"], padding=(0, 4))
            y = batch_norm(state, f"{at}.bn2", y)
            if block == 0:
                x = F.conv2d(x, state[f"{at}.downsample.0.weight"], stride=stride)
                x = batch_norm(state, f"{at}.downsample.1", x)
            x = (x + y).relu()
    return x.squeeze(2)


def resdavenet_image_map(state: State, picture: Tensor) -> Tensor:
    x = batch_norm(state, "bn1", F.conv2d(picture, state["conv1.weight"], stride=2, padding=3)).relu()
    x = F.max_pool2d(x, 3, 2, 1)
    for stage, n_blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(n_blocks):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = batch_norm(state, f"{at}.bn1", F.conv2d(x, state[f"{at}.conv1.weight"])).relu()
            y = F.conv2d(y, state[f"{at}.conv2.weight"], stride=stride, padding=1)
            y = batch_norm(state, f"{at}.bn2", y).relu()
            y = batch_norm(state, f"{at}.bn3", F.conv2d(y, state[f"{at}.conv3.weight"]))
            if block == 0:
                x = F.conv2d(x, state[f"{at}.downsample.0.weight"], stride=stride)
                x = batch_norm(state, f"{at}.downsample.1", x)
            x = (x + y).relu()
    return F.conv2d(x, state["embedder.weight"], state["embedder.bias"])
