"""The layout of a convolution changes what it costs and nothing else."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from davenet.model.time_convolution import TimeConvolution


def outcome(layer: nn.Conv2d, x: Tensor) -> tuple[Tensor, ...]:
    """Returns the output and the gradients of input, weights and bias."""
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)).sum().backward()
    gradients = (x.grad, layer.weight.grad, *([] if layer.bias is None else [layer.bias.grad]))
    assert all(gradient is not None for gradient in gradients)
    return y.detach(), *gradients  # type: ignore[arg-type]


@pytest.mark.parametrize("batch", [1, 15, 16, 33])
@pytest.mark.parametrize(("kernel", "stride", "bias"), [(17, 1, True), (9, 2, False), (9, 1, False)])
@pytest.mark.parametrize("n_steps", [1, 13, 50])
def test_any_batch_gives_what_a_plain_convolution_gives_and_its_gradients(
    batch: int, kernel: int, stride: int, bias: bool, n_steps: int
) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(256, 6, (1, kernel), stride=stride, padding=(0, kernel // 2), bias=bias).double()
    ours = TimeConvolution(256, 6, (1, kernel), stride=stride, padding=(0, kernel // 2), bias=bias).double()
    ours.load_state_dict(plain.state_dict())
    x = torch.randn(batch, 256, 1, n_steps, dtype=torch.float64)
    for found, expected in zip(outcome(ours, x), outcome(plain, x), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=1e-9)
