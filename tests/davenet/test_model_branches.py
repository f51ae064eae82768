"""The branches: sizes and shapes of each architecture, its published parameter names, and padding without a trace."""

import pytest
import torch
from torch import nn

from davenet.errors import UserError
from davenet.model.config import MODEL_CONFIGS, ModelConfig
from davenet.model.davenet import DAVEnet, normalised

THIN_RESDAVENET = ModelConfig(
    image_branch="small",
    audio_branch="resdavenet",
    embedding=16,
    audio_widths=(8, 8, 12, 16),
    image_widths=(8, 8, 8, 8, 8),
)


def n_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def as_after_training(model: DAVEnet) -> DAVEnet:
    """Gives batch normalisation statistics that are not the identity, so that zeros do not stay zeros by themselves."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def models() -> dict[str, DAVEnet]:
    torch.manual_seed(0)
    return {name: DAVEnet(config).eval() for name, config in MODEL_CONFIGS.items()}


@pytest.mark.parametrize(
    ("name", "n_image", "n_audio"),
    [
        ("davenet", 19_434_304, 15_965_570),
        ("resdavenet", 23_508_032 + 2048 * 1024 + 1024, None),  # torchvision's 25,557,032 less its classifier
        ("mobilenet", 2_223_872 + 1280 * 1024 + 1024, 15_965_570),  # torchvision's 3,504,872 less its classifier
    ],
)
def test_branches_have_the_published_numbers_of_parameters(
    models: dict[str, DAVEnet], name: str, n_image: int, n_audio: int | None
) -> None:
    assert n_parameters(models[name].image_branch) == n_image
    if n_audio is not None:
        assert n_parameters(models[name].audio_branch) == n_audio


@pytest.mark.parametrize("widths", [(128, 128, 256, 512), (128, 256, 256, 512)])
def test_resdavenets_audio_branch_has_the_parameters_that_its_layers_count(widths: tuple[int, ...]) -> None:
    model = DAVEnet(
        ModelConfig(image_branch="small", audio_branch="resdavenet", audio_widths=widths, image_widths=(8, 8, 8, 8, 8))
    )
    expected = 40 * widths[0] + 2 * widths[0]
    for before, after in zip(widths, (*widths[1:], 1024), strict=True):
        expected += 9 * before * after + 3 * 9 * after * after + 4 * 2 * after  # four convolutions, each normalised
        expected += before * after + 2 * after  # the shortcut of the block that strides
    assert n_parameters(model.audio_branch) == expected


@pytest.mark.parametrize(
    ("name", "side"), [("davenet", 14), ("resdavenet", 7), ("mobilenet", 14), ("light", 8), ("small", 12)]
)
def test_maps_have_the_published_shapes(models: dict[str, DAVEnet], name: str, side: int) -> None:
    model = models[name]
    size, depth = model.config.image_size, model.config.embedding
    with torch.no_grad():
        assert model.image_map(torch.zeros(1, 3, size, size)).shape == (1, depth, side, side)
    assert model.config.map_size == side


@pytest.mark.parametrize("name", ["davenet", "resdavenet", "mobilenet"])
def test_two_seconds_give_13_steps_and_ten_give_63(models: dict[str, DAVEnet], name: str) -> None:
    with torch.no_grad():
        for n_steps, n_map_steps in ((200, 13), (1000, 63), (1, 1), (17, 2)):
            assert models[name].audio_map(torch.zeros(1, 40, n_steps)).shape == (1, 1024, n_map_steps)
            assert models[name].audio_steps(n_steps) == n_map_steps
            assert models[name].audio_steps_B(torch.tensor([n_steps])).tolist() == [n_map_steps]


@pytest.mark.parametrize("size", [32, 33, 47, 63, 65, 95, 113])
@pytest.mark.parametrize("name", ["davenet", "resdavenet", "mobilenet", "light", "small"])
def test_configuration_knows_the_map_of_an_odd_picture_size(models: dict[str, DAVEnet], name: str, size: int) -> None:
    model = models[name]
    config = model.config.model_copy(update={"image_size": size})
    with torch.no_grad():
        assert model.image_map(torch.zeros(1, 3, size, size)).shape[2:] == (config.map_size, config.map_size)


def test_resnet50_carries_torchvisions_parameter_names(models: dict[str, DAVEnet]) -> None:
    names = set(models["resdavenet"].image_branch.state_dict())
    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    expected = {"conv1.weight", *(f"bn1.{kind}" for kind in kinds), "embedder.weight", "embedder.bias"}
    for stage, n_blocks in enumerate((3, 4, 6, 3), 1):
        for block in range(n_blocks):
            for layer in (1, 2, 3):
                expected.add(f"layer{stage}.{block}.conv{layer}.weight")
                expected |= {f"layer{stage}.{block}.bn{layer}.{kind}" for kind in kinds}
        expected.add(f"layer{stage}.0.downsample.0.weight")
        expected |= {f"layer{stage}.0.downsample.1.{kind}" for kind in kinds}
    assert names == expected


def test_resnet50_is_the_one_whose_3x3_convolutions_stride(models: dict[str, DAVEnet]) -> None:
    branch = models["resdavenet"].image_branch
    strides = {name: module.stride[0] for name, module in branch.named_modules() if isinstance(module, nn.Conv2d)}
    strided = {name for name, stride in strides.items() if stride == 2}
    assert strided == {"conv1", *(f"layer{n}.0.{where}" for n in (2, 3, 4) for where in ("conv2", "downsample.0"))}


def test_dilated_mobilenet_computes_at_every_second_place_what_the_published_network_computes() -> None:
    torch.manual_seed(1)
    model = as_after_training(DAVEnet(MODEL_CONFIGS["mobilenet"].model_copy(update={"embedding": 8})))
    features = model.image_branch.features
    picture = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        fine = features(picture)
        for block in (14, 15, 16, 17):  # as published: the stride of 2 in block 14, and no dilation
            convolution = features[block].conv[1][0]
            convolution.stride = (2, 2) if block == 14 else (1, 1)
            convolution.padding = convolution.dilation = (1, 1)
        published = features(picture)
    assert published.shape[2:] == (4, 4)
    assert published.std() > 0.01
    torch.testing.assert_close(fine[:, :, ::2, ::2], published, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("n_steps", [1, 16, 37, 64, 101])
def test_padded_segment_gives_through_residual_blocks_exactly_the_map_that_it_gives_alone(n_steps: int) -> None:
    torch.manual_seed(2)
    model = as_after_training(DAVEnet(THIN_RESDAVENET))
    sound = torch.rand(1, 40, n_steps) * -80
    padded = torch.zeros(2, 40, 160)  # the loudest value there is
    padded[0, :, :n_steps] = sound[0]
    padded[1] = torch.rand(40, 160) * -80
    with torch.no_grad():
        alone = model.audio_map(sound)
        together = model.audio_map(padded, torch.tensor([n_steps, 160]))
    n_map_steps = model.audio_steps(n_steps)
    assert alone.shape[2] == n_map_steps
    torch.testing.assert_close(together[:1, :, :n_map_steps], alone, atol=1e-5, rtol=1e-4)
    assert (together[0, :, n_map_steps:] == 0).all()


def test_residual_audio_branch_equals_its_layers_written_out() -> None:
    torch.manual_seed(3)
    model = as_after_training(DAVEnet(THIN_RESDAVENET))
    weights = model.audio_branch.state_dict()

    def normed(x: torch.Tensor, name: str) -> torch.Tensor:
        column = lambda kind: weights[f"{name}.{kind}"].view(-1, 1, 1)  # noqa: E731
        return (x - column("running_mean")) / (column("running_var") + 1e-5).sqrt() * column("weight") + column("bias")

    sound = torch.rand(2, 40, 75) * -80
    x = torch.einsum("bmt,wm->bwt", sound, weights["conv1.weight"][:, 0, :, 0]).unsqueeze(2)
    x = normed(x, "bn1").relu()
    for stage in (1, 2, 3, 4):
        for block, stride in ((0, 2), (1, 1)):
            at = f"layer{stage}.{block}"
            y = nn.functional.conv2d(x, weights[f"{at}.conv1.weight"], stride=stride, padding=(0, 4))
            y = nn.functional.conv2d(normed(y, f"{at}.bn1").relu(), weights[f"{at}.conv2.weight"], padding=(0, 4))
            if stride == 2:
                x = normed(
                    torch.einsum("bihw,oi->bohw", x[..., ::2], weights[f"{at}.downsample.0.weight"][..., 0, 0]),
                    f"{at}.downsample.1",
                )
            x = (normed(y, f"{at}.bn2") + x).relu()
    with torch.no_grad():
        torch.testing.assert_close(model.audio_map(sound), x.squeeze(2), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["resdavenet", "mobilenet"])
def test_first_similarities_are_of_a_size_that_training_can_begin_with(models: dict[str, DAVEnet], name: str) -> None:
    model = models[name].train()
    torch.manual_seed(4)
    with torch.no_grad():
        image = model.image_map(torch.randn(4, 3, 96, 96)).mean(dim=(2, 3))
        audio = model.audio_map(torch.rand(4, 40, 100) * -80).mean(dim=2)
    model.eval()
    assert torch.isfinite(image).all() and torch.isfinite(audio).all()
    assert 1e-3 < (image @ audio.T).abs().mean() < 100


def test_pictures_are_normalised_with_imagenets_mean_and_deviation() -> None:
    picture = torch.tensor([[[[0, 128, 255], [255, 0, 10]]]], dtype=torch.uint8)  # (1, 1, 2, 3)
    expected = [
        [(value / 255 - mean) / deviation for value in values]
        for values, mean, deviation in zip(
            ((0, 255), (128, 0), (255, 10)), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True
        )
    ]
    result = normalised(picture)
    assert result.shape == (1, 3, 1, 2)
    torch.testing.assert_close(result[0, :, 0], torch.tensor(expected), atol=1e-5, rtol=1e-5)


def test_resdavenet_with_the_wrong_number_of_widths_is_refused() -> None:
    with pytest.raises(UserError, match="4 widths"):
        DAVEnet(ModelConfig(image_branch="resnet50", audio_branch="resdavenet", audio_widths=(8, 8)))
