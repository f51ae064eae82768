"""Matchmaps of a real small video: right in time, in geometry and in value; files that are damaged say so."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.heard import heard_alone, segment_of, span_of
from davenet.evaluation.matchmaps import compute_matchmaps, hears_alone, map_times, moment_maps, whole_log_mel
from davenet.evaluation.render import render_video
from davenet.matchmap_file import Matchmaps, display_range, read_matchmaps, write_matchmaps
from davenet.media.frames import frames_at
from davenet.media.probe import probe
from davenet.model.checkpoint import load_checkpoint, save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.similarity import matchmap, similarity_matrix
from davenet.specs import MatchmapsSpec, RenderSpec, VideoRef
from davenet.training.dataset import evaluation_crop

SECONDS, RATE = 4, 10


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s of 192x108: a bright square that moves right, a tone that rises."""
    path = tmp_path_factory.mktemp("video") / "square.mp4"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=RATE)
        picture.width, picture.height, picture.pix_fmt = 192, 108, "yuv420p"
        sound = container.add_stream("aac", rate=16000, layout="mono")
        for index in range(SECONDS * RATE):
            rgb = np.full((108, 192, 3), 60, np.uint8)
            rgb[30:60, 10 + 3 * index : 40 + 3 * index] = (230, 60, 40)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = index
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        phase = 2 * np.pi * np.cumsum(np.linspace(200, 4000, SECONDS * 16000)) / 16000
        for start in range(0, SECONDS * 16000, 1024):
            block = (np.sin(phase[start : start + 1024]) * 0.3).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    save_checkpoint(path, DAVEnet(MODEL_CONFIGS["small"]), metadata={"training": {"segment_s": 1.0}})
    return path


def spec_of(video: Path, checkpoint: Path, out: Path, **changes: object) -> MatchmapsSpec:
    return MatchmapsSpec(
        checkpoint=checkpoint, video=VideoRef(uid="square", path=video), out=out, device="cpu", segment_s=1.0, **changes
    )


def never() -> bool:
    return False


def test_matchmaps_cover_the_whole_video_at_the_rate_asked_for(video: Path, checkpoint: Path, tmp_path: Path) -> None:
    seen: list[events.Event] = []
    result = compute_matchmaps(spec_of(video, checkpoint, tmp_path / "m.safetensors"), seen.append, never)
    found = read_matchmaps(tmp_path / "m.safetensors")
    n = MODEL_CONFIGS["small"].map_size
    assert found.maps.shape == (result["n_maps"], n, n)
    assert found.maps.dtype == np.float16
    duration_s = probe(video).duration_s
    np.testing.assert_allclose(found.times_s, np.arange(result["n_maps"]) / 4)
    assert found.times_s[-1] < duration_s <= found.times_s[-1] + 0.25 + 1e-6
    assert found.video_uid == "square"
    assert isinstance(seen[0], events.Started)
    assert any(isinstance(e, events.Progress) for e in seen)


def test_each_map_is_the_mean_matchmap_of_its_frame_and_its_segment(
    video: Path, checkpoint: Path, tmp_path: Path
) -> None:
    compute_matchmaps(spec_of(video, checkpoint, tmp_path / "m.safetensors"), lambda e: None, never)
    found = read_matchmaps(tmp_path / "m.safetensors")
    model, _ = load_checkpoint(checkpoint)
    log_mel = whole_log_mel(video)
    for index in (0, 5, len(found.times_s) - 1):
        time_s = float(found.times_s[index])
        (_, frame_rgb), *_ = frames_at(video, [time_s], shorter_side=None)
        segment, n_steps = segment_of(log_mel, span_of(len(log_mel), time_s, 1.0))
        assert n_steps == segment.shape[1] <= 100
        with torch.no_grad():
            image = model.image_map(normalised(torch.from_numpy(evaluation_crop(frame_rgb, model.config))[None]))
            audio = model.audio_map(torch.from_numpy(segment)[None])
            expected = matchmap(image[0], audio[0]).mean(dim=2).numpy()
            similarity = similarity_matrix(image, audio, torch.tensor([audio.shape[2]]), kind="sisa").item()
        tolerance = 0.01 * float(np.abs(expected).max())
        np.testing.assert_allclose(found.maps[index].astype(np.float32), expected, atol=tolerance)
        assert found.similarity[index] == pytest.approx(similarity, abs=tolerance)


def test_segments_of_different_lengths_in_a_batch_give_what_each_gives_alone(checkpoint: Path) -> None:
    model, _ = load_checkpoint(checkpoint)
    log_mel = np.random.default_rng(0).uniform(-90, -10, (200, 40)).astype(np.float32)
    spans = [(0, 50), (80, 180), (0, 0)]
    (together,) = heard_alone(model, log_mel, spans, torch.device("cpu"))
    for index, span in enumerate(spans):
        (alone,) = heard_alone(model, log_mel, [span], torch.device("cpu"))
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5, rtol=1e-3)


def test_picture_that_stays_is_looked_at_once_and_gives_each_moment_its_own_map(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = load_checkpoint(checkpoint)
    random = np.random.default_rng(0)
    log_mel = random.uniform(-90, -10, (300, 40)).astype(np.float32)
    one, other = (random.integers(0, 255, (96, 96, 3)).astype(np.uint8) for _ in range(2))
    shown = [one, one, other, one]
    seen: list[int] = []
    look = model.image_map
    monkeypatch.setattr(model, "image_map", lambda image: (seen.append(len(image)), look(image))[1])

    def maps(pictures: list[np.ndarray]) -> np.ndarray:
        times_s = np.array([0.5, 1.0, 1.5, 2.0])
        found = moment_maps(model, pictures, log_mel, times_s, segment_s=1.0, device=torch.device("cpu"))
        return np.concatenate(list(found))

    shared, copied = maps(shown), maps([picture.copy() for picture in shown])
    assert seen == [3, 4]
    np.testing.assert_allclose(shared, copied, atol=1e-6)
    assert np.abs(shared[0] - shared[1]).max() > 1e-3  # another sound


def test_segments_are_heard_alone_where_that_costs_little_beside_the_pictures() -> None:
    often_s, seldom_s = np.arange(0, 10, 1 / 24), np.arange(0, 10, 1 / 4)
    assert hears_alone(MODEL_CONFIGS["davenet"], often_s, 2.0)
    assert not hears_alone(MODEL_CONFIGS["davenet"], often_s, 10.0)
    assert not hears_alone(MODEL_CONFIGS["small"], often_s, 1.0)
    assert hears_alone(MODEL_CONFIGS["small"], seldom_s, 1.0)
    assert hears_alone(MODEL_CONFIGS["small"], often_s[:1], 1.0)


def test_maps_of_every_frame_go_with_the_sound_as_those_heard_alone(
    video: Path, checkpoint: Path, tmp_path: Path
) -> None:
    spec = spec_of(video, checkpoint, tmp_path / "m.safetensors", maps_a_second=24.0)
    compute_matchmaps(spec, lambda e: None, never)
    found = read_matchmaps(tmp_path / "m.safetensors")
    model, _ = load_checkpoint(checkpoint)
    pictures = [evaluation_crop(rgb, model.config) for _, rgb in frames_at(video, list(found.times_s), None)]
    device = torch.device("cpu")
    alone = np.concatenate(
        list(
            moment_maps(model, pictures, whole_log_mel(video), found.times_s, segment_s=1.0, device=device, alone=True)
        )
    )
    maps = found.maps.astype(np.float32)
    correlations = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(maps, alone, strict=True)]
    assert np.median(correlations) > 0.95
    assert np.abs(maps - alone).max() > 1e-3  # they are not heard alone


def test_stopped_matchmaps_leave_no_file(video: Path, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(events.Stop):
        compute_matchmaps(spec_of(video, checkpoint, tmp_path / "m.safetensors"), lambda e: None, lambda: True)
    assert list(tmp_path.iterdir()) == []


def test_segment_beyond_the_sound_is_silence() -> None:
    log_mel = np.zeros((100, 40), np.float32)
    segment, n_steps = segment_of(log_mel, span_of(100, 9.0, 1.0))
    assert n_steps == 1
    assert (segment == -80).all()
    assert segment_of(log_mel, span_of(100, 1.0, 1.0))[1] == 50


def test_map_times_are_never_empty_and_stay_inside() -> None:
    assert map_times(1.0, 4.0).tolist() == [0, 0.25, 0.5, 0.75]
    assert map_times(0.01, 4.0).tolist() == [0]
    assert map_times(3.0, 2.0, start_s=2.0).tolist() == [2.0, 2.5]


def test_crop_in_the_file_is_the_square_that_the_model_sees(video: Path, checkpoint: Path, tmp_path: Path) -> None:
    compute_matchmaps(spec_of(video, checkpoint, tmp_path / "m.safetensors"), lambda e: None, never)
    x0, y0, x1, y1 = read_matchmaps(tmp_path / "m.safetensors").crop
    assert (x1 - x0) * 192 == pytest.approx((y1 - y0) * 108)
    assert x0 == pytest.approx(1 - x1)


def of(maps: np.ndarray, **changes: object) -> Matchmaps:
    values = {
        "maps": maps.astype(np.float16),
        "times_s": np.arange(len(maps), dtype=np.float64),
        "similarity": np.zeros(len(maps), np.float32),
        "video_uid": "a",
        "checkpoint_hash": "b",
        "crop": (0.2, 0.0, 0.8, 1.0),
        "floor": 0.0,
        "scale": 2.0,
        "segment_s": 2.0,
        **changes,
    }
    return Matchmaps(**values)  # type: ignore[arg-type]


def test_map_of_a_moment_is_blended_between_its_neighbours_and_held_at_the_ends() -> None:
    found = of(np.array([[[0.0]], [[2.0]], [[-5.0]]]))
    assert [float(found.at(t)[0, 0]) for t in (-1, 0, 0.25, 1, 2, 9)] == [0, 0, 0.25, 1, 0, 0]
    assert float(found.at(0.5)[0, 0]) == 0.5


def test_display_range_ignores_negative_values_and_single_bright_cells() -> None:
    maps = np.zeros((10, 20, 20))
    maps[:, :4, :4] = 3.0
    maps[0, 19, 19] = 500
    floor, scale = display_range(maps)
    assert floor == 0
    assert scale == pytest.approx(3, rel=0.01)
    assert display_range(np.full((2, 4, 4), -3.0)) == (0.0, 1e-6)
    assert display_range(np.zeros((0, 4, 4))) == (0.0, 1.0)


def test_matchmap_file_gives_back_what_was_written(tmp_path: Path) -> None:
    written = of(np.random.default_rng(0).normal(size=(3, 4, 5)), floor=0.25)
    write_matchmaps(tmp_path / "m.safetensors", written, metadata={"model": "small"})
    found = read_matchmaps(tmp_path / "m.safetensors")
    for name in ("video_uid", "checkpoint_hash", "crop", "floor", "scale", "segment_s"):
        assert getattr(found, name) == getattr(written, name)
    np.testing.assert_array_equal(found.maps, written.maps)
    np.testing.assert_array_equal(found.times_s, written.times_s)


@pytest.mark.parametrize("kept", [0, 9, 100, -1])
def test_damaged_matchmap_file_says_what_to_do(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "m.safetensors"
    write_matchmaps(path, of(np.zeros((3, 4, 5))), metadata={})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="compute"):
        read_matchmaps(path)


def test_missing_and_foreign_matchmap_files_say_what_to_do(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(UserError, match="no matchmaps at"):
        read_matchmaps(tmp_path / "none.safetensors")
    with pytest.raises(UserError, match="compute them again"):
        read_matchmaps(checkpoint)


def render_spec(video: Path, checkpoint: Path, out: Path, **changes: object) -> RenderSpec:
    values = {"segment_s": 1.0, "maps_a_second": 5.0, "threshold": 0.0, "device": "cpu", **changes}
    return RenderSpec(checkpoint=checkpoint, video=VideoRef(uid="square", path=video), out=out, **values)


def test_rendered_video_has_the_sources_length_size_and_sound(video: Path, checkpoint: Path, tmp_path: Path) -> None:
    result = render_video(render_spec(video, checkpoint, tmp_path / "out.mp4"), lambda e: None, never)
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.has_sound) == (192, 108, True)
    assert info.duration_s == pytest.approx(probe(video).duration_s, abs=0.15)
    assert result["frames"] == pytest.approx(SECONDS * RATE, abs=1)


def test_rendering_draws_inside_the_crop_and_leaves_the_rest(video: Path, checkpoint: Path, tmp_path: Path) -> None:
    render_video(render_spec(video, checkpoint, tmp_path / "out.mp4", alpha=1.0), lambda e: None, never)
    (_, before), *_ = frames_at(video, [2.0], shorter_side=None)
    (_, after), *_ = frames_at(tmp_path / "out.mp4", [2.0], shorter_side=None)
    change = np.abs(before.astype(int) - after.astype(int)).mean(axis=(0, 2))
    assert change[44:148].mean() > 4 * change[:38].mean()


def test_part_of_a_video_is_rendered_alone(video: Path, checkpoint: Path, tmp_path: Path) -> None:
    spec = render_spec(video, checkpoint, tmp_path / "out.mp4", start_s=1.0, end_s=2.5, alpha=0.0)
    render_video(spec, lambda e: None, never)
    assert probe(tmp_path / "out.mp4").duration_s == pytest.approx(1.5, abs=0.15)
    (_, source), *_ = frames_at(video, [1.5], shorter_side=None)
    (_, shown), *_ = frames_at(tmp_path / "out.mp4", [0.5], shorter_side=None)
    assert np.abs(source.astype(int) - shown.astype(int)).mean() < 6


def test_stopped_render_leaves_no_file_and_an_empty_part_is_refused(
    video: Path, checkpoint: Path, tmp_path: Path
) -> None:
    progress: list[events.Event] = []
    with pytest.raises(events.Stop):
        render_video(
            render_spec(video, checkpoint, tmp_path / "out.mp4"),
            progress.append,
            lambda: any(isinstance(e, events.Progress) and e.note == "drawing" for e in progress),
        )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError, match="nothing between"):
        render_video(render_spec(video, checkpoint, tmp_path / "out.mp4", start_s=60.0), lambda e: None, never)
