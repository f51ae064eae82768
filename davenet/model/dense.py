"""An audio branch at every step of the sound (10 ms) instead of every 8th or 16th: one pass over a video serves all windows.

A layer of stride 2 throws every other of its columns away; here it keeps both halves, as two batches that go through the
rest of the branch side by side (the algorithme à trous, shift and stitch). Column s + 16 k is then what the branch itself
gives as its step k of a segment that starts at step s, wherever its receptive field stays inside of that segment.
Shapes: D embedding, M mel bands, T steps of the log-mel.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn

from davenet.model.config import N_MELS
from davenet.model.davenet import DAVEnet

_BLOCK_STEPS = 4096  # 41 s: bounds the memory of a pass


class DenseAudio:
    """A model's audio branch, in evaluation mode and with its weights, that gives a column of its map for every step."""

    def __init__(self, model: DAVEnet) -> None:
        self.step = 2**model.config.n_pools  # columns between two steps of the branch's own map
        self._branch = _every_phase(model.audio_branch)
        self._device = next(model.audio_branch.parameters()).device
        self.reach = self._measured_reach()
        self._n_real: int | None = None  # columns of a pass before those that fill its length up
        for layer in self._branch.modules():
            if not list(layer.children()):
                layer.register_forward_hook(self._without_filling)

    def columns(self, log_mel_MT: Tensor, first: int, last: int) -> Tensor:
        """Returns (D, last - first) of a sound (40, T) in relative dB; column t is centred on step t.

        A column hears `reach` steps to each side. Before the sound and after it lies nothing, as for the branch itself.
        """
        blocks = []
        for begin in range(first, last, _BLOCK_STEPS):
            end = min(begin + _BLOCK_STEPS, last)
            low, high = max(0, begin - self.reach), min(log_mel_MT.shape[1], end + self.reach)
            low = max(0, low - (low - high) % self.step)  # needs no filling then
            blocks.append(self._all_columns(log_mel_MT[:, low:high])[:, begin - low : end - low])
        return torch.cat(blocks, dim=1)

    def _all_columns(self, log_mel_MT: Tensor) -> Tensor:
        n = log_mel_MT.shape[1]
        n_filling = -n % self.step
        self._n_real = n if n_filling else None
        with torch.no_grad():
            whole_MT = nn.functional.pad(log_mel_MT.to(self._device), (0, n_filling))
            phase_PDL: Tensor = self._branch(whole_MT.unsqueeze(0))  # phase p: columns p, p + step, p + 2 step ...
        return phase_PDL.permute(1, 2, 0).flatten(1)[:, :n]

    def _without_filling(self, layer: nn.Module, inputs: tuple[Tensor, ...], output_P: Tensor) -> Tensor | None:
        """Returns a layer's output with zeros, which are nothing to the next layer, after the end of the sound."""
        if self._n_real is None:
            return None
        n_phases, n_columns = output_P.shape[0], output_P.shape[-1]
        columns_L = torch.arange(n_columns, device=output_P.device)
        phases_P = torch.arange(n_phases, device=output_P.device).unsqueeze(1)
        real_PL = phases_P + n_phases * columns_L < self._n_real
        return output_P * real_PL.view(n_phases, *[1] * (output_P.dim() - 2), n_columns)

    def _measured_reach(self) -> int:
        """Returns the steps that a column hears to each side: every layer's half width, times the phases it is among."""
        reach = 0

        def add(layer: nn.Module, inputs: tuple[Tensor, ...], output_P: Tensor) -> None:
            nonlocal reach
            reach += (_in_time(layer.kernel_size) - 1) // 2 * inputs[0].shape[0]

        hooks = [layer.register_forward_hook(add) for layer in self._branch.modules() if isinstance(layer, _IN_TIME)]
        with torch.no_grad():
            n_phases = self._branch(torch.zeros(1, N_MELS, self.step, device=self._device)).shape[0]
        for hook in hooks:
            hook.remove()
        if n_phases != self.step:
            raise ValueError(
                f"{n_phases} phases of a branch that was to have {self.step}: it halves by other than layers"
            )
        return reach


class _BothHalves(nn.Module):
    """A convolution of stride 2 in time at stride 1: its even columns, then its odd ones, as a batch of twice the size."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        layer.stride = (layer.stride[0], 1)
        self.layer = layer

    def forward(self, x_P: Tensor) -> Tensor:
        every_P: Tensor = self.layer(x_P)
        return torch.cat([every_P[..., 0::2], every_P[..., 1::2]])


class _BothHalvesOfAPool(nn.Module):
    """A max-pool of three columns and stride 2 likewise; in maxima of halves, which take a third of torch's pool."""

    kernel_size = (1, 3)

    def forward(self, x_P: Tensor) -> Tensor:
        even_P, odd_P = x_P[..., 0::2], x_P[..., 1::2]
        n_phases = len(x_P)
        pooled_P = x_P.new_empty(2 * n_phases, *even_P.shape[1:])
        around_even, around_odd = pooled_P[:n_phases], pooled_P[n_phases:]
        torch.maximum(even_P, odd_P, out=around_even)
        around_odd.copy_(around_even)
        torch.maximum(around_even[..., 1:], odd_P[..., :-1], out=around_even[..., 1:])
        torch.maximum(around_odd[..., :-1], even_P[..., 1:], out=around_odd[..., :-1])
        return pooled_P


_IN_TIME = (nn.Conv2d, nn.MaxPool2d, _BothHalvesOfAPool)


def _every_phase(branch: nn.Module) -> nn.Module:
    """Returns a branch with the same weights (not copies) and both halves of each layer that halves the steps."""
    shared = {id(tensor): tensor for tensor in (*branch.parameters(), *branch.buffers())}
    dense = copy.deepcopy(branch, shared).eval()
    for parent in list(dense.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and _in_time(child.stride) == 2:
                setattr(parent, name, _BothHalves(child))
            elif isinstance(child, nn.MaxPool2d) and _in_time(child.stride) == 2:
                if (child.kernel_size, child.padding) != ((1, 3), (0, 1)):
                    raise ValueError(f"a pool of {child.kernel_size} with padding {child.padding} is not known here")
                setattr(parent, name, _BothHalvesOfAPool())
    return dense


def _in_time(size: object) -> int:
    return cast(int, size[1] if isinstance(size, tuple) else size)
