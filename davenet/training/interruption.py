"""Stopping a run in time: between steps where they are short, inside of a step or of a validation where one takes long.

A step of the paper's model takes minutes on a processor, but somebody who cancels waits five seconds.
"""

import time

from torch import Tensor, nn

from davenet import events
from davenet.jobs import ShouldStop

GRACE_S = 1.0  # for the step under way to end by itself
_ASK_EVERY_S = 0.2


class Interruption:
    """Remembers since when a stop is asked for; `check`, called often, raises events.Stop when the grace is over."""

    def __init__(self, stop: ShouldStop) -> None:
        self._stop = stop
        self._asked_s = time.monotonic()
        self._since_s: float | None = None

    def __call__(self) -> bool:
        """Whether a stop is asked for: the question to ask between two steps."""
        self._asked_s = time.monotonic()
        if self._since_s is None and self._stop():
            self._since_s = self._asked_s
        return self._since_s is not None

    def check(self) -> None:
        """Raises events.Stop where one was asked for longer ago than the grace; what is under way is given up."""
        if time.monotonic() - self._asked_s < _ASK_EVERY_S:
            return
        if self() and self._since_s is not None and self._asked_s - self._since_s >= GRACE_S:
            raise events.Stop

    def watch(self, model: nn.Module) -> None:
        """Has every layer of a model check, on its way forward and on its way back."""

        def after_layer(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self.check()
            if output.requires_grad:
                output.register_hook(lambda gradient: self.check())  # type: ignore[no-untyped-call]

        for layer in model.modules():
            if not list(layer.children()):
                layer.register_forward_hook(after_layer)
