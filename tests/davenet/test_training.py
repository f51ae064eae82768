"""A run on small clips: it learns, it goes on after a stop or a kill, and it says what is wrong."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from synthetic_clips import write_synthetic_clip

from davenet import events
from davenet.clips import open_clip, write_clip
from davenet.errors import UserError
from davenet.evaluation.evaluate import evaluate
from davenet.jobs import run_job
from davenet.model.checkpoint import load_checkpoint, save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet
from davenet.pairs import Pair, WeakLabel, read_pairs, write_pairs
from davenet.specs import EvaluateSpec, TrainSpec
from davenet.training.dataset import PairReader, Segmenting, Windows, augmentation, batch_indices, evaluation_crop
from davenet.training.loop import train
from davenet.training.presets import PRESETS, TrainConfig, preset
from davenet.training.schedule import learning_rate_at

QUICK = {
    "image_size": 32,
    "batch_size": 16,
    "epochs": 2,
    "segment_s": 1.0,
    "learning_rate": 0.03,
    "warm_up_steps": 0,
    "anchor_epochs": 0,
    "threads": 1,
}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with clips/, train.jsonl (64 pairs of 4 videos) and validation.jsonl (16 pairs of another)."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "clips").mkdir()
    pairs = [p for seed in range(4) for p in write_synthetic_clip(folder / "clips", f"video-{seed}", 16, seed)]
    write_pairs(folder / "train.jsonl", pairs)
    write_pairs(folder / "validation.jsonl", write_synthetic_clip(folder / "clips", "unseen", 16, 99))
    return folder


def spec_of(material: Path, run_dir: Path, *, preset_name: str = "small", **config: object) -> TrainSpec:
    return TrainSpec(
        run_dir=run_dir,
        clips_dir=material / "clips",
        train_pairs=material / "train.jsonl",
        validation_pairs=material / "validation.jsonl",
        preset=preset_name,
        config={**QUICK, **config},
        device="cpu",
    )


def never() -> bool:
    return False


def test_model_learns_what_belongs_together_from_nothing(material: Path, tmp_path: Path) -> None:
    seen: list[events.Event] = []
    result = train(spec_of(material, tmp_path / "run", epochs=14), seen.append, never)
    losses = [e.values["loss"] for e in seen if isinstance(e, events.Metrics) and "loss" in e.values]
    assert losses[-1] < 0.7 * losses[0]
    assert result["audio_mean_rank"] < 5.5  # a blind guess ranks 8.5 of 16
    assert result["gallery_size"] == 16
    assert result["chance"] == 10 / 16
    assert Path(result["checkpoint"]).is_file()
    assert Path(result["best_checkpoint"]).is_file()


def test_run_leaves_its_folder_and_reports_in_pairs(material: Path, tmp_path: Path) -> None:
    seen: list[events.Event] = []
    final = run_job(spec_of(material, tmp_path / "run"), seen.append, never)
    started = next(e for e in seen if isinstance(e, events.Started))
    assert (started.total, started.unit) == (128, "pairs")
    progress = [e for e in seen if isinstance(e, events.Progress)]
    assert progress[-1].done == progress[-1].total == 128
    recalls = [e for e in seen if isinstance(e, events.Metrics) and "audio_recall_at_10" in e.values]
    assert [e.epoch for e in recalls] == [0, 1, 2]  # before the first step, and after each epoch
    assert isinstance(final, events.Finished)
    json.dumps(final.result)
    run_dir = tmp_path / "run"
    assert json.loads((run_dir / "config.json").read_text())["train_pairs"]["usable"] == 64
    assert json.loads((run_dir / "evaluation.json").read_text())["gallery_hash"] == final.result["gallery_hash"]
    assert len((run_dir / "metrics.jsonl").read_text().splitlines()) >= 3
    _, metadata = load_checkpoint(run_dir / "checkpoints" / "best.safetensors")
    assert metadata["training"]["segment_s"] == 1.0


class StopAfter:
    """Asks to stop at the n-th time it is asked."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def weights(run_dir: Path) -> dict[str, np.ndarray]:
    return load_file(run_dir / "checkpoints" / "last.safetensors")


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_stopped_run_goes_on_to_the_very_weights_of_one_that_was_not(
    material: Path, tmp_path: Path, optimiser: str
) -> None:
    whole = spec_of(material, tmp_path / "whole", optimiser=optimiser)
    train(whole, lambda e: None, never)
    parts = spec_of(material, tmp_path / "parts", optimiser=optimiser)
    for asked in (4, 6):
        with pytest.raises(events.Stop) as stopped:
            train(parts, lambda e: None, StopAfter(asked))
        assert Path(stopped.value.args[0]["checkpoint"]).is_file()
    train(parts, lambda e: None, never)
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_cancelled_run_keeps_its_last_checkpoint_and_says_how_far_it_came(material: Path, tmp_path: Path) -> None:
    seen: list[events.Event] = []
    final = run_job(spec_of(material, tmp_path / "run", epochs=500), seen.append, StopAfter(9))
    assert isinstance(final, events.Cancelled)
    assert 0 < final.result["steps"] < 2000
    load_checkpoint(tmp_path / "run" / "checkpoints" / "last.safetensors")


def test_killed_run_goes_on_from_its_last_state(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=300)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    process = subprocess.Popen(
        [sys.executable, "-m", "davenet", "train", "--spec", str(tmp_path / "spec.json")],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    for line in process.stdout:
        event = events.from_line(line)
        if (
            isinstance(event, events.Metrics)
            and event.values.get("audio_recall_at_10") is not None
            and event.epoch >= 2
        ):
            process.kill()
            break
    process.stdout.close()
    process.wait()
    assert (tmp_path / "run" / "heartbeat").is_file()
    seen: list[events.Event] = []
    with pytest.raises(events.Stop) as stopped:
        train(spec, seen.append, StopAfter(3))
    assert any(isinstance(e, events.Message) and e.text.startswith("Goes on from step") for e in seen)
    assert stopped.value.args[0]["steps"] > 4  # four batches an epoch, the first epoch at least was kept


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ask with")
def test_child_process_that_is_asked_to_end_saves_and_prints_cancelled(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=300)
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "davenet", "train", "--spec", str(tmp_path / "spec.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(events.from_line(line))
        if isinstance(seen[-1], events.Progress) and process.poll() is None:
            process.send_signal(signal.SIGTERM)
    process.stdout.close()
    assert process.wait() == 0
    assert isinstance(seen[-1], events.Cancelled)
    assert not (tmp_path / "run" / "heartbeat").exists()
    load_checkpoint(tmp_path / "run" / "checkpoints" / "last.safetensors")


def test_damaged_state_starts_the_run_anew(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=1)
    train(spec, lambda e: None, never)
    state = tmp_path / "run" / "checkpoints" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    assert train(spec, lambda e: None, never)["steps"] == 4


def test_finished_run_that_is_started_again_only_tells_its_figures(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=1)
    first = train(spec, lambda e: None, never)
    again = train(spec, lambda e: None, never)
    assert again == first


def test_fine_tune_starts_from_the_checkpoint_and_measures_it_first(material: Path, tmp_path: Path) -> None:
    first = train(spec_of(material, tmp_path / "first", epochs=3), lambda e: None, never)
    spec = spec_of(material, tmp_path / "second", preset_name="demo", epochs=1).model_copy(
        update={"start_from": Path(first["checkpoint"])}
    )
    second = train(spec, lambda e: None, never)
    assert second["start_audio_recall_at_10"] == first["audio_recall_at_10"]


def test_best_checkpoint_of_a_fine_tune_that_only_harms_is_the_start(material: Path, tmp_path: Path) -> None:
    first = train(spec_of(material, tmp_path / "first", epochs=10), lambda e: None, never)
    spec = spec_of(material, tmp_path / "worse", epochs=1, learning_rate=9.0, clip_norm=0.0, momentum=0.0).model_copy(
        update={"start_from": Path(first["best_checkpoint"])}
    )
    try:
        assert train(spec, lambda e: None, never)["best_epoch"] == 0
    except UserError as error:  # a rate as high as this may also diverge, which is told in a sentence
        assert "learning rate" in str(error)


def test_loss_that_is_no_number_names_the_remedy(material: Path, tmp_path: Path) -> None:
    model = DAVEnet(MODEL_CONFIGS["small"])
    with torch.no_grad():
        model.image_branch.embedder.weight.fill_(float("nan"))
    save_checkpoint(tmp_path / "sick.safetensors", model, metadata={})
    spec = spec_of(material, tmp_path / "run").model_copy(update={"start_from": tmp_path / "sick.safetensors"})
    with pytest.raises(UserError, match="learning rate below"):
        train(spec, lambda e: None, never)


def test_checkpoint_of_the_other_architecture_is_refused(material: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "small.safetensors", DAVEnet(MODEL_CONFIGS["small"]), metadata={})
    spec = spec_of(material, tmp_path / "run", preset_name="weak-unsupervised").model_copy(
        update={"start_from": tmp_path / "small.safetensors"}
    )
    with pytest.raises(UserError, match="choose a preset or a checkpoint that fits"):
        train(spec, lambda e: None, never)


@pytest.mark.parametrize("n", [0, 1])
def test_one_pair_or_none_cannot_be_trained_on(material: Path, tmp_path: Path, n: int) -> None:
    write_pairs(tmp_path / "few.jsonl", list(read_pairs(material / "train.jsonl"))[:n])
    spec = spec_of(material, tmp_path / "run").model_copy(update={"train_pairs": tmp_path / "few.jsonl"})
    with pytest.raises(UserError, match="accept more pairs"):
        train(spec, lambda e: None, never)


def test_pairs_and_clips_that_do_not_belong_together_are_told(material: Path, tmp_path: Path) -> None:
    write_pairs(tmp_path / "other.jsonl", [Pair(str(i), "another-video", i, 1.0, "uniform") for i in range(5)])
    spec = spec_of(material, tmp_path / "run").model_copy(update={"train_pairs": tmp_path / "other.jsonl"})
    with pytest.raises(UserError, match="do not belong together"):
        train(spec, lambda e: None, never)


def test_missing_file_of_pairs_is_a_users_error(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run").model_copy(update={"train_pairs": tmp_path / "nothing.jsonl"})
    with pytest.raises(UserError, match=r"nothing\.jsonl"):
        train(spec, lambda e: None, never)


def test_without_validation_pairs_the_run_warns_and_trains(material: Path, tmp_path: Path) -> None:
    write_pairs(tmp_path / "none.jsonl", [])
    spec = spec_of(material, tmp_path / "run", epochs=1).model_copy(
        update={"validation_pairs": tmp_path / "none.jsonl"}
    )
    seen: list[events.Event] = []
    result = train(spec, seen.append, never)
    assert "audio_recall_at_10" not in result
    assert any(isinstance(e, events.Message) and e.level == "warning" for e in seen)
    assert Path(result["best_checkpoint"]).is_file()


def damaged_material(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    pairs = [p for seed in range(3) for p in write_synthetic_clip(tmp_path / "clips", f"video-{seed}", 8, seed)]
    write_pairs(tmp_path / "train.jsonl", pairs)
    write_pairs(tmp_path / "validation.jsonl", [])
    (tmp_path / "clips" / "video-1.safetensors").write_bytes(b"damaged")
    path = tmp_path / "clips" / "video-2.safetensors"
    clip = open_clip(path)
    jpegs = [clip.frame_jpeg(i).tobytes() for i in range(clip.n_frames)]
    jpegs[3] = b"not a picture"
    times_s, log_mel = clip.frame_times_s, np.array(clip.log_mel)
    write_clip(path, frames_jpeg=jpegs, frame_times_s=times_s, log_mel=log_mel, metadata={"video": "video-2"})
    return tmp_path


def test_damaged_clips_and_pictures_are_skipped_once_counted_and_named(tmp_path: Path) -> None:
    folder = damaged_material(tmp_path)
    seen: list[events.Event] = []
    result = train(spec_of(folder, tmp_path / "run", epochs=3), seen.append, never)
    skipped = [e for e in seen if isinstance(e, events.Skipped)]
    assert len(skipped) == result["unreadable_pairs"] == 9  # a whole clip of eight and one picture
    assert sum("video-1" in e.reason for e in skipped) == 8
    assert sum("video-2" in e.reason for e in skipped) == 1
    assert len({e.item for e in skipped}) == 9


def test_evaluate_measures_a_checkpoint_as_the_run_did(material: Path, tmp_path: Path) -> None:
    result = train(spec_of(material, tmp_path / "run", epochs=1), lambda e: None, never)
    spec = EvaluateSpec(
        checkpoint=Path(result["checkpoint"]),
        clips_dir=material / "clips",
        pairs=material / "validation.jsonl",
        out=tmp_path / "evaluation.json",
        device="cpu",
    )
    values = evaluate(spec, lambda e: None, never)
    assert json.loads((tmp_path / "evaluation.json").read_text()) == values
    for name in ("audio_recall_at_10", "visual_recall_at_5", "audio_median_rank", "gallery_hash", "chance_at_10"):
        assert values[name] == result[name]
    assert values["similarity"] == "misa"


def test_evaluate_needs_two_readable_pairs(material: Path, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", DAVEnet(MODEL_CONFIGS["small"]), metadata={})
    write_pairs(tmp_path / "one.jsonl", list(read_pairs(material / "train.jsonl"))[:1])
    spec = EvaluateSpec(
        checkpoint=tmp_path / "a.safetensors",
        clips_dir=material / "clips",
        pairs=tmp_path / "one.jsonl",
        out=tmp_path / "o.json",
    )
    with pytest.raises(UserError, match="needs two"):
        evaluate(spec, lambda e: None, never)
    assert not (tmp_path / "o.json").exists()


@pytest.mark.parametrize("pairs_a_video", [1, 4])
def test_every_pair_is_in_one_batch_of_an_epoch_and_no_batch_has_one(pairs_a_video: int) -> None:
    for n in (2, 3, 5, 31, 64, 65):
        videos = [f"video-{i % 7}" for i in range(n)]
        batches = batch_indices(videos, 32, seed=1, epoch=4, pairs_a_video=pairs_a_video)
        assert sorted(int(i) for b in batches for i in b) == list(range(n))
        assert min(len(b) for b in batches) >= 2
    first, second = (batch_indices(videos, 32, seed=1, epoch=e, pairs_a_video=pairs_a_video)[0] for e in (4, 5))
    assert not np.array_equal(first, second)


def test_pairs_of_a_video_stay_together_where_they_should() -> None:
    videos = [f"video-{i % 8}" for i in range(128)]
    for batch in batch_indices(videos, 16, seed=0, epoch=0, pairs_a_video=8):
        assert len({videos[i] for i in batch}) == 2


def test_chances_of_a_pair_follow_from_seed_epoch_and_pair_alone() -> None:
    config = PRESETS["small"]
    assert augmentation(config, 3, 7) == augmentation(config, 3, 7)
    assert augmentation(config, 3, 7) != augmentation(config, 4, 7)
    assert augmentation(config, 3, 7) != augmentation(config, 3, 8)


def test_augmentation_that_is_switched_off_gives_the_largest_square() -> None:
    config = TrainConfig(crop_least_share=1.0, flip=False, model="small")
    frame = np.random.default_rng(0).integers(0, 255, (64, 100, 3)).astype(np.uint8)
    choice = augmentation(config, 0, 0)
    assert choice.sound_shift_s == 0
    np.testing.assert_array_equal(choice.crop(frame, 64), frame[:, 18:82])


def test_disturbed_sound_keeps_its_length_and_falls_silent_only_where_it_is_masked() -> None:
    sound = np.full((40, 50), -10.0, np.float32)
    quiet = TrainConfig(crop_least_share=1.0, flip=False)
    assert augmentation(quiet, 0, 0).disturb(sound, 50) is sound
    loud = TrainConfig(sound_masks=8, pitch_shift=2, colour_jitter=0.2)
    for index in range(30):
        choice = augmentation(loud, 0, index)
        disturbed = choice.disturb(sound, 50)
        assert disturbed.shape == (40, 50)
        assert set(np.unique(disturbed)) <= {-80.0, -10.0}
        assert (disturbed[:, 0] == -80).sum() <= 10 or choice.masked_steps[0] * 50 < 1
        assert (disturbed == -10).mean() > 0.4
    assert (sound == -10).all()


def test_pitch_shift_moves_the_bands_and_leaves_silence_behind() -> None:
    sound = np.repeat(np.arange(40, dtype=np.float32)[:, None], 3, axis=1)
    still = augmentation(TrainConfig(), 0, 0)
    up, down = (dataclasses.replace(still, pitch_shift=by).disturb(sound, 3)[:, 0] for by in (2, -2))
    assert up[:4].tolist() == [-80, -80, 0, 1]
    assert down[-4:].tolist() == [38, 39, -80, -80]


def test_tint_changes_colours_and_never_wraps_around() -> None:
    picture = np.full((4, 4, 3), 250, np.uint8)
    tinted = dataclasses.replace(augmentation(TrainConfig(), 0, 0), gains_rgb=(1.2, 1.0, 0.5)).tint(picture)
    assert tinted[0, 0].tolist() == [255, 250, 125]


@pytest.mark.parametrize("size", [(20, 400), (400, 20), (3, 3), (90, 160)])
def test_random_crops_stay_inside_frames_of_any_shape(size: tuple[int, int]) -> None:
    frame = np.zeros((*size, 3), np.uint8)
    for index in range(50):
        assert augmentation(TrainConfig(), 0, index).crop(frame, 32).shape == (32, 32, 3)


def test_evaluation_crop_takes_the_region_that_the_model_names() -> None:
    frame = np.zeros((270, 480, 3), np.uint8)
    config = MODEL_CONFIGS["davenet"]
    x0, y0, x1, y1 = config.crop_of(480, 270)
    frame[round(y0 * 270) : round(y1 * 270), round(x0 * 480) : round(x1 * 480)] = 255
    picture = evaluation_crop(frame, config)
    assert picture.shape == (224, 224, 3)
    assert (picture == 255).all()


def test_sound_is_centred_on_the_word_where_the_configuration_says_so() -> None:
    label = WeakLabel("onion", 0.9, 1, "onion", 12.0, 12.6, 0.8)
    pair = Pair("a", "v", 10.0, 2.0, "food", (label,), 0.9, sound_offset_s=0.5)
    assert Segmenting(None, "frame").of(pair) == (10.5, 2.0)
    assert Segmenting(4.0, "word").of(pair) == (pytest.approx(12.8), 4.0)
    assert Segmenting(4.0, "word").of(Pair("a", "v", 10.0, 2.0, "uniform"), 0.1) == (10.1, 4.0)


def test_reader_cuts_the_sound_that_belongs_to_the_pair(material: Path) -> None:
    pair = next(iter(read_pairs(material / "train.jsonl")))
    reader = PairReader(material / "clips", MODEL_CONFIGS["small"], Segmenting(None, "frame"))
    assert reader.picture(pair).shape == (96, 96, 3)
    ((log_mel, n_steps),) = reader.sounds(pair)
    assert log_mel.shape == (40, 100)
    assert n_steps == 100
    assert log_mel.max() == 0


def test_learning_rate_warms_up_and_falls() -> None:
    steps = TrainConfig(learning_rate=1.0, epochs=100, decay_every_epochs=40, warm_up_steps=4)
    assert [learning_rate_at(steps, s, 10) for s in (0, 3, 4, 399)] == [0.25, 1.0, 1.0, 1.0]
    assert learning_rate_at(steps, 400, 10) == pytest.approx(0.1)
    assert learning_rate_at(steps, 800, 10) == pytest.approx(0.01)
    cosine = TrainConfig(learning_rate=1.0, epochs=10, decay="cosine")
    assert learning_rate_at(cosine, 0, 10) == 1.0
    assert learning_rate_at(cosine, 50, 10) == pytest.approx(0.5)
    assert learning_rate_at(cosine, 100, 10) == pytest.approx(0)


def test_presets_are_the_papers_and_ours() -> None:
    assert {"unsupervised", "weak-random", "weak-unsupervised", "small", "demo"} <= PRESETS.keys()
    paper = PRESETS["unsupervised"]
    assert (paper.model, paper.batch_size, paper.learning_rate, paper.momentum) == ("davenet", 100, 1e-3, 0.9)
    assert (paper.weight_decay, paper.decay_every_epochs, paper.margin) == (5e-7, 40, 1.0)
    assert all(p.optimiser == "sgd" and p.margin == 1.0 for p in PRESETS.values())
    assert all(field.description for field in TrainConfig.model_fields.values())


def test_wrong_configuration_names_the_value() -> None:
    assert preset("demo", {"epochs": 3}).epochs == 3
    with pytest.raises(UserError, match="no preset called best"):
        preset("best")
    with pytest.raises(UserError, match="learning_rate"):
        preset("demo", {"learning_rate": -1})
    with pytest.raises(UserError, match="speed"):
        preset("demo", {"speed": "high"})


def test_stop_is_heard_within_a_batch(material: Path, tmp_path: Path) -> None:
    asked: list[float] = []

    def stop() -> bool:
        asked.append(time.monotonic())
        return False

    train(spec_of(material, tmp_path / "run", epochs=1), lambda e: None, stop)
    assert len(asked) >= 4 + 2  # each batch, and each validation


def test_windows_around_a_pair_lie_at_equal_spaces_and_are_empty_beyond_the_video(material: Path) -> None:
    pair = next(iter(read_pairs(material / "train.jsonl")))  # at 0.5 s, 1 s of sound
    reader = PairReader(material / "clips", MODEL_CONFIGS["small"], Segmenting(None, "frame"))
    before, own, after = reader.sounds(pair, windows=Windows(3, 1.0))
    assert before[1] == 0 and own[1] == after[1] == 100
    np.testing.assert_array_equal(own[0], reader.sounds(pair)[0][0])
    np.testing.assert_array_equal(after[0], reader.sounds(dataclasses.replace(pair, sound_offset_s=1.0))[0][0])
    batch = reader.batch([pair, pair], windows=Windows(3, 1.0))
    assert batch.n_steps_B.tolist() == [0, 100, 100] * 2


def test_light_pitch_and_silenced_bands_reach_the_batch(material: Path) -> None:
    pair = next(iter(read_pairs(material / "train.jsonl")))
    reader = PairReader(material / "clips", MODEL_CONFIGS["small"], Segmenting(None, "frame"))
    config = TrainConfig(model="small", crop_least_share=1.0, flip=False)
    plain = reader.batch([pair], [augmentation(config, 0, 0)])
    for changed in ({"colour_jitter": 0.5}, {"sound_masks": 12}, {"pitch_shift": 3}):
        augmented = [augmentation(config.model_copy(update=changed), epoch, 0) for epoch in range(4)]
        batches = [reader.batch([pair], [one]) for one in augmented]
        pictures_differ = any((b.image_BHW3 != plain.image_BHW3).any() for b in batches)
        sounds_differ = any((b.log_mel_BMT != plain.log_mel_BMT).any() for b in batches)
        assert (pictures_differ, sounds_differ) == (("colour_jitter" in changed), ("colour_jitter" not in changed)), (
            changed
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"loss": "margin-softmax", "margin": 0.3, "margin_first": 0.01},
        {"loss": "adaptive-margin"},
        {"loss": "info-nce", "learn_scale": True, "scale": 0.5},
        {"loss": "mil-nce", "mil_windows": 3, "similarity": "sima"},
        {"loss": "semi-hard", "similarity": "sisa", "mask_same_video_s": 2.5},
        {"loss": "random", "anchor_epochs": 1},
    ],
    ids=lambda changed: changed["loss"],
)
def test_every_loss_trains_to_a_lower_loss(material: Path, tmp_path: Path, changed: dict[str, object]) -> None:
    seen: list[events.Event] = []
    train(
        spec_of(material, tmp_path / "run", epochs=6, optimiser="adamw", **{"learning_rate": 0.003, **changed}),
        seen.append,
        never,
    )
    losses = [e.values["loss"] for e in seen if isinstance(e, events.Metrics) and "loss" in e.values]
    assert losses[-1] < losses[0]
