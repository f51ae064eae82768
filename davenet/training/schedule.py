"""The rule of the steps and their size: the optimiser of a configuration, and its learning rate at every step."""

import math

import torch

from davenet.model.davenet import DAVEnet
from davenet.training.objective import Objective
from davenet.training.presets import TrainConfig


def learning_rate_at(config: TrainConfig, step: int, batches_an_epoch: int) -> float:
    """Returns the learning rate of a step, counted from 0: warm-up, then divisions or half a cosine."""
    rate = config.learning_rate
    if config.decay == "cosine":
        total = max(1, config.epochs * batches_an_epoch)
        rate *= 0.5 * (1 + math.cos(math.pi * min(step, total) / total))
    else:
        rate *= config.decay_factor ** (step // batches_an_epoch // config.decay_every_epochs)
    if step < config.warm_up_steps:
        rate *= (step + 1) / config.warm_up_steps
    return rate


def optimiser_of(config: TrainConfig, model: DAVEnet, objective: Objective) -> torch.optim.Optimizer:
    """Returns the optimiser over what is to be learnt of a model and its objective; nothing pulls the scale to zero."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, object]] = [{"params": parameters, "weight_decay": config.weight_decay}]
    if scale := [parameter for parameter in objective.parameters() if parameter.requires_grad]:
        groups.append({"params": scale, "weight_decay": 0.0})
    fused = parameters[0].device.type in ("cuda", "cpu")  # a quarter of the time of a step on the CPU
    if config.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=config.learning_rate, fused=fused)
    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, fused=fused)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate
