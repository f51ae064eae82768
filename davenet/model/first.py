"""The model that a run begins with: drawn by its seed, with ImageNet's weights in its image branch, or a checkpoint's."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch

from davenet import events
from davenet.errors import UserError
from davenet.model.checkpoint import load_checkpoint
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet
from davenet.model.pretrained import image_weights as find_image_weights
from davenet.model.pretrained import load_image_weights

ImageInit = Literal["random", "imagenet"]


def first_model(
    config: ModelConfig,
    *,
    seed: int,
    image_init: ImageInit,
    image_weights: Path | None,
    start_from: Path | None,
    device: str | torch.device,
    emit: events.Emit,
    stop: Callable[[], bool] = lambda: False,
) -> DAVEnet:
    """Returns the model to train, on `device`: one seed gives one set of weights, wherever it will run.

    A checkpoint to start from comes before everything else, with its own widths and picture size. `image_weights` is a
    file of ImageNet weights; without it they come from the cache or the network. Seeds torch's global generator.
    Raises UserError where the checkpoint is of another architecture or the weights are not to be had.
    """
    torch.manual_seed(seed)
    if start_from is not None:
        model, _ = load_checkpoint(start_from, device=device)
        if model.config.architecture != config.architecture:
            raise UserError(
                f"{start_from} holds a model of {model.config.architecture} but a model of {config.architecture} is to be "
                "trained; choose a preset or a checkpoint that fits."
            )
        return model
    if image_weights is not None and image_init != "imagenet":
        raise UserError(
            f"The weights of {image_weights} would not be used, as the image branch begins at random; "
            "set image_init=imagenet as well."
        )
    model = DAVEnet(config)
    if image_init == "imagenet":
        report = load_image_weights(model, find_image_weights(config.image_branch, image_weights, emit, stop))
        emit(events.Message(report.sentence()))
    return model.to(device)
