"""The two-branch model: the paper's sizes, padding without a trace, and similarities that equal their matchmaps."""

import pytest
import torch

from davenet.errors import UserError
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet
from davenet.model.similarity import Similarity, matchmap, pool_audio, pool_image, similarity_matrix


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def paper_model() -> DAVEnet:
    return DAVEnet(MODEL_CONFIGS["davenet"]).eval()


@pytest.fixture
def small_model() -> DAVEnet:
    torch.manual_seed(0)
    model = DAVEnet(MODEL_CONFIGS["small"]).eval()
    for module in model.modules():  # statistics as after training: not the identity
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
    return model


def test_paper_model_has_the_published_numbers_of_parameters(paper_model: DAVEnet) -> None:
    assert n_parameters(paper_model.image_branch) == 19_434_304
    assert n_parameters(paper_model.audio_branch) == 15_965_570


def test_paper_model_gives_maps_of_the_published_shapes(paper_model: DAVEnet) -> None:
    with torch.no_grad():
        assert paper_model.image_map(torch.zeros(1, 3, 224, 224)).shape == (1, 1024, 14, 14)
        assert paper_model.audio_map(torch.zeros(2, 40, 200)).shape == (2, 1024, 13)
        assert paper_model.audio_map(torch.zeros(1, 40, 1000)).shape == (1, 1024, 63)


@pytest.mark.parametrize("n_steps", [1, 2, 15, 16, 17, 99, 200, 201, 1000])
@pytest.mark.parametrize("name", ["davenet", "small"])
def test_audio_steps_are_those_that_the_branch_gives(name: str, n_steps: int, paper_model: DAVEnet) -> None:
    model = paper_model if name == "davenet" else DAVEnet(MODEL_CONFIGS["small"]).eval()
    with torch.no_grad():
        n_map_steps = model.audio_map(torch.zeros(1, 40, n_steps)).shape[2]
    assert model.audio_steps(n_steps) == n_map_steps
    assert model.audio_steps_B(torch.tensor([n_steps])).tolist() == [n_map_steps]


def test_image_branch_carries_the_parameter_names_of_torchvisions_vgg16(paper_model: DAVEnet) -> None:
    names = {name for name, _ in paper_model.image_branch.named_parameters() if name.startswith("features.")}
    convolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert names == {f"features.{i}.{kind}" for i in convolutions for kind in ("weight", "bias")}
    assert paper_model.image_branch.features[28].weight.shape == (512, 512, 3, 3)


def test_small_model_stays_under_two_million_parameters_and_keeps_its_map_fine() -> None:
    config = MODEL_CONFIGS["small"]
    model = DAVEnet(config).eval()
    assert n_parameters(model) < 2_000_000
    with torch.no_grad():
        size = config.image_size
        assert model.image_map(torch.zeros(1, 3, size, size)).shape[2:] == (config.map_size, config.map_size)
    assert config.map_size >= 12
    assert 0.08 <= config.audio_step_s <= 0.16


@pytest.mark.parametrize("n_steps", [37, 64, 101])
def test_padded_segment_gives_exactly_the_map_that_it_gives_alone(small_model: DAVEnet, n_steps: int) -> None:
    sound = torch.rand(1, 40, n_steps) * -80
    padded = torch.full((2, 40, 160), -80.0)
    padded[0, :, :n_steps] = sound[0]
    padded[1] = torch.rand(40, 160) * -80
    with torch.no_grad():
        alone = small_model.audio_map(sound)
        together = small_model.audio_map(padded, torch.tensor([n_steps, 160]))
    n_map_steps = small_model.audio_steps(n_steps)
    torch.testing.assert_close(together[:1, :, :n_map_steps], alone, atol=1e-5, rtol=1e-4)
    assert (together[0, :, n_map_steps:] == 0).all()


def test_what_lies_in_the_padding_changes_no_similarity(small_model: DAVEnet) -> None:
    image = torch.randn(2, 3, 64, 64)
    n_steps = torch.tensor([60, 160])
    quiet, loud = torch.full((2, 40, 160), -80.0), torch.zeros(2, 40, 160)
    sound = torch.rand(2, 40, 160) * -80
    for padded in (quiet, loud):
        padded[0, :, :60] = sound[0, :, :60]
        padded[1] = sound[1]
    with torch.no_grad():
        for kind in ("sisa", "misa", "sima"):
            first, second = (
                similarity_matrix(
                    small_model.image_map(image),
                    small_model.audio_map(x, n_steps),
                    small_model.audio_steps_B(n_steps),
                    kind=kind,
                )
                for x in (quiet, loud)
            )
            torch.testing.assert_close(first, second)


def test_pooled_similarity_is_the_mean_of_the_matchmap_over_real_steps() -> None:
    image, audio, n_steps = torch.randn(3, 8, 5, 4).double(), torch.randn(3, 8, 7).double(), torch.tensor([7, 3, 1])
    similarity = similarity_matrix(image, audio, n_steps, kind="sisa")
    for i in range(3):
        for j in range(3):
            expected = matchmap(image[i], audio[j])[:, :, : n_steps[j]].mean()
            torch.testing.assert_close(similarity[i, j], expected)


def test_misa_similarity_is_the_mean_over_real_steps_of_the_best_place() -> None:
    image, audio, n_steps = torch.randn(3, 8, 5, 4).double(), torch.randn(2, 8, 7).double(), torch.tensor([7, 3])
    similarity = similarity_matrix(image, audio, n_steps, kind="misa")
    assert similarity.shape == (3, 2)
    for i in range(3):
        for j in range(2):
            best = [matchmap(image[i], audio[j])[:, :, t].max() for t in range(int(n_steps[j]))]
            torch.testing.assert_close(similarity[i, j], sum(best) / len(best))


def test_sima_similarity_is_the_mean_over_the_picture_of_the_best_real_step() -> None:
    image, audio, n_steps = torch.randn(3, 8, 5, 4).double(), torch.randn(2, 8, 7).double(), torch.tensor([7, 3])
    similarity = similarity_matrix(image, audio, n_steps, kind="sima")
    for i in range(3):
        for j in range(2):
            expected = matchmap(image[i], audio[j])[:, :, : n_steps[j]].amax(dim=2).mean()
            torch.testing.assert_close(similarity[i, j], expected)


@pytest.mark.parametrize("kind", ["misa", "sima"])
@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_gradient_of_max_similarities_equals_that_of_their_plain_form(kind: Similarity, share: float) -> None:
    torch.manual_seed(3)
    image, audio, n_steps = (
        torch.randn(3, 8, 5, 4).double(),
        torch.randn(9, 8, 7).double(),
        torch.arange(1, 10).clamp(max=7),
    )
    upstream = torch.randn(3, 9).double() * (
        torch.rand(3, 9) < share
    )  # as a triplet loss: most have none; as a softmax: all
    gradients = []
    for plain in (True, False):
        i, a = image.clone().requires_grad_(), audio.clone().requires_grad_()
        if plain:
            real = torch.arange(7) < n_steps[:, None]
            maps = torch.einsum("idhw,jdt->ijthw", i, a)
            if kind == "misa":
                similarity = (maps.flatten(3).amax(dim=3) * real).sum(2) / real.sum(1)
            else:
                similarity = maps.masked_fill(~real[None, :, :, None, None], -torch.inf).amax(dim=2).mean(dim=(2, 3))
        else:
            similarity = similarity_matrix(i, a, n_steps, kind=kind)
        (similarity * upstream).sum().backward()
        gradients.append((i.grad, a.grad))
    torch.testing.assert_close(gradients[0], gradients[1])


def test_all_negative_matchmaps_are_not_lifted_to_zero_by_padding() -> None:
    image, audio = torch.ones(1, 4, 2, 2), -torch.ones(1, 4, 6)
    audio[:, :, 2:] = 0  # padding as the branch leaves it
    for kind in ("sisa", "misa", "sima"):
        assert similarity_matrix(image, audio, torch.tensor([2]), kind=kind).item() == -4


def test_pooling_of_ones_is_one_whatever_the_padding() -> None:
    audio = torch.zeros(2, 3, 5)
    audio[0, :, :2] = 1
    audio[1] = 1
    assert pool_audio(audio, torch.tensor([2, 5])).tolist() == [[1.0] * 3] * 2
    assert pool_image(torch.ones(1, 3, 2, 2)).tolist() == [[1.0] * 3]


def test_crop_is_a_centre_square_of_a_wide_frame() -> None:
    config = MODEL_CONFIGS["davenet"]
    x0, y0, x1, y1 = config.crop_of(1920, 1080)
    assert (x1 - x0) * 1920 == pytest.approx((y1 - y0) * 1080)
    assert (y1 - y0) == pytest.approx(224 / 256)
    assert x0 + x1 == pytest.approx(1)
    assert y0 + y1 == pytest.approx(1)


def test_small_model_with_the_wrong_number_of_widths_is_refused() -> None:
    with pytest.raises(UserError, match="widths"):
        DAVEnet(MODEL_CONFIGS["small"].model_copy(update={"image_widths": (8, 8)}))
