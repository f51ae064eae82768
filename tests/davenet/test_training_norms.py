"""Batch normalisation that counts no padding, beside torch's own over the places that are no padding."""

import pytest
import torch
from torch import Tensor, nn

from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet
from davenet.model.norms import BatchNorm2d, join_over_ranks

N_STEPS_B = torch.tensor([7, 3, 0, 5])


def sounds(*, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(4, 3, 2, 7, generator=torch.Generator().manual_seed(1), dtype=dtype) * 3 + 2


def norm() -> BatchNorm2d:
    made = BatchNorm2d(3).double()
    with torch.no_grad():
        made.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
        made.bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
    return made


def torchs_over_real_places(x_BCHW: Tensor, theirs: nn.BatchNorm2d) -> Tensor:
    """Returns torch's normalisation of the columns that are no padding, (columns, C, H)."""
    real_BW = torch.arange(x_BCHW.shape[-1]) < N_STEPS_B.unsqueeze(1)
    columns = x_BCHW.permute(0, 3, 1, 2)[real_BW]  # (columns, C, H)
    normed: Tensor = theirs(columns.unsqueeze(-1)).squeeze(-1)
    return normed


def test_padding_enters_neither_the_statistics_nor_the_gradient() -> None:
    ours, theirs = norm(), nn.BatchNorm2d(3).double()
    theirs.load_state_dict(ours.state_dict())
    x, y = sounds().requires_grad_(), sounds().requires_grad_()
    real_BW = torch.arange(7) < N_STEPS_B.unsqueeze(1)
    weighing = torch.randn(15, 3, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = ours(x, N_STEPS_B).permute(0, 3, 1, 2)[real_BW]
    expected = torchs_over_real_places(y, theirs)
    torch.testing.assert_close(found, expected)
    (found * weighing).sum().backward()
    (expected * weighing).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


def test_gradient_is_that_of_finite_differences_at_padded_places_too() -> None:
    ours = norm()
    assert torch.autograd.gradcheck(lambda x: ours(x, N_STEPS_B), [sounds().requires_grad_()])


def test_batch_without_padding_is_torchs_own_to_the_last_bit() -> None:
    ours, theirs = BatchNorm2d(3), nn.BatchNorm2d(3)
    x = sounds(dtype=torch.float32)
    assert torch.equal(ours(x), theirs(x))
    assert torch.equal(ours.running_var, theirs.running_var)
    assert torch.equal(ours.eval()(x, N_STEPS_B), theirs.eval()(x))


def test_batch_of_nothing_but_padding_is_no_division_by_zero() -> None:
    assert torch.isfinite(norm()(sounds(), torch.zeros(4, dtype=torch.int64))).all()


@pytest.mark.parametrize("name", ["small", "resdavenet"])
def test_segment_in_a_padded_batch_trains_as_in_one_without_padding(name: str) -> None:
    torch.manual_seed(0)
    model = DAVEnet(MODEL_CONFIGS[name]).train()
    same = DAVEnet(MODEL_CONFIGS[name]).train()
    same.load_state_dict(model.state_dict())
    log_mel_BMT = torch.rand(3, 40, 64) * 60 - 70
    padded_BMT = nn.functional.pad(log_mel_BMT, (0, 50), value=-80.0)
    steps_B = torch.tensor([64, 64, 64])
    n = model.audio_steps(64)
    torch.testing.assert_close(
        model.audio_map(padded_BMT, steps_B)[:, :, :n], same.audio_map(log_mel_BMT), atol=1e-4, rtol=1e-4
    )


def test_converted_model_keeps_its_parameters_names_and_evaluation() -> None:
    torch.manual_seed(0)
    model = DAVEnet(MODEL_CONFIGS["mobilenet"].model_copy(update={"image_size": 64, "embedding": 8})).eval()
    before, parameters = model.state_dict(), list(model.parameters())
    picture = torch.randn(1, 3, 64, 64)
    expected = model.image_map(picture)
    join_over_ranks(model)
    assert list(model.state_dict()) == list(before)
    assert all(ours is theirs for ours, theirs in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(model.image_map(picture), expected)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and all(isinstance(module, BatchNorm2d) and module.joins_ranks for module in norms)
