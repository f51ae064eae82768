"""A run on small clips: it learns, it goes on after a stop or a kill, and it says what is wrong."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
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
from davenet.pairs import Pair, read_pairs, write_pairs
from davenet.specs import EvaluateSpec, TrainSpec
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


@pytest.mark.parametrize("changed", [{}, {"optimiser": "adamw"}, {"channels_last": True}])
def test_stopped_run_goes_on_to_the_very_weights_of_one_that_was_not(
    material: Path, tmp_path: Path, changed: dict[str, object]
) -> None:
    whole = spec_of(material, tmp_path / "whole", **changed)
    train(whole, lambda e: None, never)
    parts = spec_of(material, tmp_path / "parts", **changed)
    for asked in (4, 6):
        with pytest.raises(events.Stop) as stopped:
            train(parts, lambda e: None, StopAfter(asked))
        assert Path(stopped.value.args[0]["checkpoint"]).is_file()
        with safe_open(tmp_path / "parts" / "checkpoints" / "state.safetensors", framework="np") as state:
            saved = json.loads(state.metadata()["place"])
        assert saved["step"] == stopped.value.args[0]["steps"]  # nothing that was learnt is lost
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


def test_request_to_end_that_comes_when_a_job_is_over_does_not_change_how_it_ends() -> None:
    code = (
        "import signal, sys; from davenet.__main__ import main; status = main(['train', '--spec', 'nothing.json']); "
        "sys.exit(status if signal.getsignal(signal.SIGTERM) == signal.SIG_IGN else 9)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 2  # what it says itself; Python gives signals back to the system before it is gone


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
    with pytest.raises(UserError, match="no preset called finest"):
        preset("finest")
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


@pytest.mark.parametrize(
    "changed",
    [
        {"loss": "margin-softmax", "margin": 0.3, "margin_first": 0.01},
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


def test_adaptive_margin_brings_true_pairs_to_the_front_though_its_loss_may_rise_with_the_margin(
    material: Path, tmp_path: Path
) -> None:
    seen: list[events.Event] = []
    config = {"loss": "adaptive-margin", "optimiser": "adamw", "learning_rate": 0.003, "epochs": 10}
    # measured on the pairs that it learns from: what the loss asks for, and no more
    spec = spec_of(material, tmp_path / "run", **config).model_copy(
        update={"validation_pairs": material / "train.jsonl"}
    )
    result = train(spec, seen.append, never)
    first = next(e.values for e in seen if isinstance(e, events.Metrics) and "audio_mean_rank" in e.values)
    for way in ("audio", "visual"):
        assert result[f"{way}_mean_rank"] < 0.6 * first[f"{way}_mean_rank"]
