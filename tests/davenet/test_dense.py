"""One pass over a sound gives what the audio branch gives of each segment, away from the segment's edges; and how near else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from davenet.evaluation.heard import (
    LEVEL_BOUND_DB,
    heard_alone,
    heard_in_passing,
    segment_of,
    sound_between,
    sound_map,
    span_of,
    stretches,
)
from davenet.evaluation.matchmaps import whole_log_mel
from davenet.model import dense as dense_module
from davenet.model.checkpoint import load_checkpoint
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet
from davenet.model.dense import DenseAudio

CPU = torch.device("cpu")
WIDTHS = {"davenet": (), "resdavenet": (8, 8, 12, 12), "small": (8, 12, 12)}
# of the layer lists: half widths of the convolutions and pools, times the steps between two of their columns
REACH = {"davenet": 132, "resdavenet": 420, "small": 48}


def trained(audio_branch: str) -> DAVEnet:
    """Returns a model whose batch norms have seen sound, as after a training."""
    torch.manual_seed(3)
    config = ModelConfig(
        image_branch="small",
        audio_branch=audio_branch,  # type: ignore[arg-type]
        embedding=16,
        image_size=32,
        resize=32,
        image_widths=(4, 4, 4, 4, 4),
        audio_widths=WIDTHS[audio_branch],
    )
    model = DAVEnet(config).train()
    with torch.no_grad():
        for _ in range(20):
            model.audio_map(torch.rand(4, 40, 200) * 80 - 80)
    return model.eval()


@pytest.fixture(params=["davenet", "resdavenet", "small"])
def model(request: pytest.FixtureRequest) -> DAVEnet:
    return trained(request.param)


@pytest.fixture(scope="module")
def small() -> DAVEnet:
    return trained("small")


def sound(n_steps: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-80, 0, (40, n_steps)).astype(np.float32))


def test_every_phase_of_a_pass_equals_the_branch_on_a_segment_away_from_its_edges(model: DAVEnet) -> None:
    dense = DenseAudio(model)
    log_mel_MT = sound(1400)
    n = 2 * REACH[model.config.audio_branch] + 160
    columns_DT = dense.columns(log_mel_MT, 0, 1400)
    for begin in (200, 201, 203, 214, 215):
        with torch.no_grad():
            alone_DT = model.audio_map(log_mel_MT[None, :, begin : begin + n])[0]
        in_passing_DT = columns_DT[:, begin : begin + n : dense.step]
        assert in_passing_DT.shape == alone_DT.shape
        centres = torch.arange(alone_DT.shape[1]) * dense.step
        inside = (centres >= dense.reach) & (centres < n - dense.reach)
        assert inside.sum() >= 10
        np.testing.assert_allclose(in_passing_DT[:, inside], alone_DT[:, inside], atol=1e-4)
        edge = (in_passing_DT - alone_DT)[:, [0, -1]].abs().amax(dim=0)
        assert (edge > 1e-3).all()  # the branch has nothing there, the pass has the sound that goes on


@pytest.mark.parametrize("n_steps", [320, 313, 200, 7, 1])
def test_pass_over_a_segment_alone_equals_the_branch_up_to_its_ends(model: DAVEnet, n_steps: int) -> None:
    log_mel_MT = sound(n_steps)
    with torch.no_grad():
        alone_DT = model.audio_map(log_mel_MT[None])[0]
    dense = DenseAudio(model)
    np.testing.assert_allclose(dense.columns(log_mel_MT, 0, n_steps)[:, :: dense.step], alone_DT, atol=1e-4)


def test_column_hears_as_far_as_its_reach_and_no_further(model: DAVEnet) -> None:
    dense = DenseAudio(model)
    assert dense.reach == REACH[model.config.audio_branch]
    log_mel_MT = sound(1200)
    here = 600
    column_D = dense.columns(log_mel_MT, here, here + 1)
    for side in (-1, 1):
        beyond_MT = log_mel_MT.clone()
        beyond_MT[:, here + side * (dense.reach + 1)] = -80
        assert torch.equal(dense.columns(beyond_MT, here, here + 1), column_D)
        within_MT = log_mel_MT.clone()
        within_MT[:, here + side * (dense.reach // 2)] = 0
        assert not torch.equal(dense.columns(within_MT, here, here + 1), column_D)


def test_pass_in_blocks_equals_one_over_the_whole_sound(small: DAVEnet, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = DenseAudio(small)
    log_mel_MT = sound(501)
    whole_DT = dense.columns(log_mel_MT, 7, 490)
    monkeypatch.setattr(dense_module, "_BLOCK_STEPS", 100)
    np.testing.assert_allclose(dense.columns(log_mel_MT, 7, 490), whole_DT, atol=1e-5)


def test_dense_pass_shares_the_models_weights_and_leaves_the_model_as_it_was() -> None:
    model = trained("small").train()
    before = [type(module) for module in model.modules()]
    dense = DenseAudio(model)
    assert model.audio_branch.training
    assert [type(module) for module in model.modules()] == before
    log_mel_MT = sound(160)
    first_DT = dense.columns(log_mel_MT, 0, 160)
    with torch.no_grad():
        model.audio_branch.get_parameter("spectral.weight").mul_(2)
    assert not torch.allclose(dense.columns(log_mel_MT, 0, 160), first_DT)


def test_branch_that_halves_in_another_way_is_refused() -> None:
    odd_pool = trained("small")
    odd_pool.audio_branch.pool = nn.MaxPool2d((1, 2), stride=(1, 2))
    with pytest.raises(ValueError, match="pool"):
        DenseAudio(odd_pool)
    without_a_pool = trained("small")
    without_a_pool.audio_branch.pool = nn.Identity()
    with pytest.raises(ValueError, match="phases"):
        DenseAudio(without_a_pool)


def log_mel_of(levels_db: list[float], steps_each: int = 100) -> np.ndarray:
    """Returns absolute dB (T, 40): noise whose maximum is each of the levels for `steps_each` steps."""
    random = np.random.default_rng(1)
    parts = []
    for level_db in levels_db:
        part = level_db - random.uniform(0, 40, (steps_each, 40)).astype(np.float32)
        part[:: max(1, steps_each // 10), 5] = level_db
        parts.append(part)
    return np.maximum(np.concatenate(parts), np.float32(-100))


def test_long_segments_in_passing_differ_from_those_heard_alone_at_their_edges_only(small: DAVEnet) -> None:
    dense = DenseAudio(small)
    log_mel_TM = log_mel_of([-20, -12, -31, -20, -40, -20, -18, -33])
    segment_s, centre_s = 4.0, 4.07
    span = span_of(len(log_mel_TM), centre_s, segment_s)
    segment_MT, n_steps = segment_of(log_mel_TM, span)
    with torch.no_grad():
        alone_DT = small.audio_map(torch.from_numpy(segment_MT)[None])[0]
    (in_passing_D,) = next(heard_in_passing(dense, log_mel_TM, [span], bound_db=0))
    centres = torch.arange(alone_DT.shape[1]) * dense.step
    edges = (centres < dense.reach) | (centres >= n_steps - dense.reach)
    level_db = float(log_mel_TM[slice(*span)].max())
    near_MT = torch.from_numpy(np.maximum(log_mel_TM - level_db, -80).T.copy())
    expected_DT = alone_DT.clone()
    expected_DT[:, edges] = dense.columns(near_MT, *span)[:, :: dense.step][:, edges]
    np.testing.assert_allclose(in_passing_D, expected_DT.mean(dim=1), atol=1e-4)


def test_each_segment_is_heard_at_its_own_level_and_in_its_own_place(small: DAVEnet) -> None:
    dense = DenseAudio(small)
    log_mel_TM = log_mel_of([-20, -45, -12, -31, -60, -20, -40, -20, -18, -33], 60)
    spans = [span_of(len(log_mel_TM), 0.04 * moment, 1.0) for moment in range(150)]
    one_by_one = [next(heard_in_passing(dense, log_mel_TM, [span], bound_db=0))[0] for span in spans]
    together_ND = torch.cat(list(heard_in_passing(dense, log_mel_TM, spans, bound_db=0)))
    np.testing.assert_allclose(together_ND, torch.stack(one_by_one), atol=1e-4)


def test_levels_within_the_bound_share_a_pass_and_change_little(small: DAVEnet) -> None:
    dense = DenseAudio(small)
    log_mel_TM = log_mel_of([-20, -21.5, -20.3, -35, -36, -20], 80)
    spans = [span_of(len(log_mel_TM), 0.04 * moment, 0.5) for moment in range(120)]
    exact, shared = (list(heard_in_passing(dense, log_mel_TM, spans, bound_db=bound)) for bound in (0, LEVEL_BOUND_DB))
    assert len(shared) < len(exact)
    cosine_N = torch.cosine_similarity(torch.cat(exact), torch.cat(shared))
    assert cosine_N.min() > 0.98


@given(
    st.lists(st.sampled_from([-100.0, -99.5, -60.0, -59.0, -30.0, -29.2, -28.1]), min_size=1, max_size=12),
    st.floats(0, 5),
)
def test_stretches_hold_every_segment_once_near_its_own_level(levels_db: list[float], bound_db: float) -> None:
    log_mel_TM = log_mel_of(levels_db, 30)
    spans = [span_of(len(log_mel_TM), 0.05 * moment, 0.4) for moment in range(7 * len(levels_db) + 12)]
    found = list(stretches(log_mel_TM, spans, bound_db))
    assert [index for s in found for index in range(s.first, s.last)] == list(range(len(spans)))
    for stretch in found:
        for first, last in spans[stretch.first : stretch.last]:
            level_db = float(log_mel_TM[first:last].max(initial=-100))
            if stretch.level_db is None:
                assert level_db <= -100
            else:
                assert abs(level_db - stretch.level_db) <= bound_db / 2 + 1e-5
                assert level_db > -100


def test_silence_and_what_lies_beyond_the_sound_are_heard_as_the_branch_hears_them_alone(small: DAVEnet) -> None:
    dense = DenseAudio(small)
    log_mel_TM = np.concatenate([np.full((120, 40), -100, np.float32), log_mel_of([-20], 80)])
    for spans in ([(0, 100), (10, 90), (0, 0)], [(0, 0)]):
        in_passing_ND = torch.cat(list(heard_in_passing(dense, log_mel_TM, spans)))
        alone_ND = torch.cat(list(heard_alone(small, log_mel_TM, spans, CPU)))
        np.testing.assert_allclose(in_passing_ND, alone_ND, atol=1e-5)
    no_sound = np.zeros((0, 40), np.float32)
    assert torch.cat(list(heard_in_passing(dense, no_sound, [(0, 0), (0, 0)]))).shape == (2, 16)
    assert list(heard_in_passing(dense, log_mel_TM, [])) == []


def test_sound_map_has_a_column_every_hundredth_of_a_second_as_in_the_middle_of_a_long_segment(small: DAVEnet) -> None:
    dense = DenseAudio(small)
    log_mel_TM = log_mel_of([-20] * 6)
    sound_DT = sound_map(dense, log_mel_TM, segment_s=2.0)
    assert sound_DT.shape == (16, 600)
    part_DT = sound_map(dense, log_mel_TM, segment_s=2.0, start_s=1.5, end_s=2.25)
    np.testing.assert_allclose(part_DT, sound_DT[:, 150:225], atol=1e-4)
    segment_MT, _ = segment_of(log_mel_TM, (200, 400))
    with torch.no_grad():
        alone_DT = small.audio_map(torch.from_numpy(segment_MT)[None])[0]
    middle = alone_DT.shape[1] // 2
    np.testing.assert_allclose(sound_DT[:, 200 + middle * dense.step], alone_DT[:, middle], atol=1e-4)


def test_sound_between_two_times_is_the_mean_of_their_columns_and_never_nothing() -> None:
    sound_DT = torch.arange(200.0).expand(3, 200)
    assert sound_between(sound_DT, 0.5, 0.6).tolist() == [54.5] * 3
    assert sound_between(sound_DT, 0.5, 0.5).tolist() == [50.0] * 3
    assert sound_between(sound_DT, 1.99, 7.0).tolist() == [199.0] * 3
    assert sound_between(sound_DT, 9.0, 9.5).tolist() == [199.0] * 3


@pytest.mark.parametrize(("segment_s", "least_median", "least"), [(2.0, 0.95, 0.75), (10.0, 0.99, 0.95)])
def test_shipped_model_hears_real_words_in_passing_much_as_it_hears_them_alone(
    repository: Path, segment_s: float, least_median: float, least: float
) -> None:
    model, _ = load_checkpoint(repository / "resources/checkpoint/kitchen-small.safetensors")
    log_mel_TM = whole_log_mel(repository / "resources/demo/kitchen-2019-003.mp4")
    spans = [span_of(len(log_mel_TM), time_s, segment_s) for time_s in np.arange(0, 40, 0.5)]
    alone_ND = torch.cat(list(heard_alone(model, log_mel_TM, spans, CPU)))
    in_passing_ND = torch.cat(list(heard_in_passing(DenseAudio(model), log_mel_TM, spans)))
    cosine_N = torch.cosine_similarity(alone_ND, in_passing_ND)
    assert cosine_N.median() > least_median
    assert cosine_N.min() > least


def test_pass_over_real_sound_keeps_its_exactness_for_the_papers_branch(shared_data: Path) -> None:
    model: Callable[..., Tensor] = trained("davenet").audio_map
    dense = DenseAudio(trained("davenet"))
    log_mel_TM = whole_log_mel(shared_data / "videos" / "pllava_cooking_show_cocoa.mp4")
    segment_MT, n_steps = segment_of(log_mel_TM, (50, 550))
    near_MT = torch.from_numpy(np.maximum(log_mel_TM - log_mel_TM[50:550].max(), -80).T.copy())
    with torch.no_grad():
        alone_DT = model(torch.from_numpy(segment_MT)[None])[0]
    first, last = -(-dense.reach // dense.step), (n_steps - dense.reach - 1) // dense.step + 1
    in_passing_DT = dense.columns(near_MT, 50, 550)[:, :: dense.step]
    np.testing.assert_allclose(in_passing_DT[:, first:last], alone_DT[:, first:last], atol=1e-4)
