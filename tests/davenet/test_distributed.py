"""The same run in two real processes (gloo): the losses of one process with the joint batch, one voice, and clear ends."""

import json
import os
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
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import ModelConfig
from davenet.model.davenet import DAVEnet
from davenet.pairs import Pair, write_pairs
from davenet.specs import TrainSpec
from davenet.training.distributed import World
from davenet.training.loop import train

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo's processes are tried on Linux and macOS")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, one picture of them spoilt, pairs whose sounds differ in length, and a tiny DAVEnet of the paper's branches."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "clips").mkdir()
    pairs = [p for seed in range(3) for p in write_synthetic_clip(folder / "clips", f"video-{seed}", 10, seed)]
    write_pairs(folder / "train.jsonl", [_of_length(pair, 0.6 if i % 3 else 1.0) for i, pair in enumerate(pairs)])
    write_pairs(folder / "validation.jsonl", write_synthetic_clip(folder / "clips", "unseen", 6, 99))
    spoil_a_picture(folder / "clips" / "video-2.safetensors")
    torch.manual_seed(3)
    tiny = DAVEnet(ModelConfig(image_branch="vgg16", audio_branch="davenet", embedding=16, resize=36, image_size=32))
    save_checkpoint(folder / "tiny.safetensors", tiny, metadata={})
    return folder


def spoil_a_picture(path: Path) -> None:
    clip = open_clip(path)
    jpegs = [clip.frame_jpeg(i).tobytes() for i in range(clip.n_frames)]
    jpegs[4] = b"not a picture"
    write_clip(
        path,
        frames_jpeg=jpegs,
        frame_times_s=clip.frame_times_s,
        log_mel=np.array(clip.log_mel),
        metadata={"video": "video-2"},
    )


def _of_length(pair: Pair, segment_s: float) -> Pair:
    return Pair(pair.uid, pair.video_uid, pair.time_s, segment_s, pair.kind)


def spec_of(material: Path, run_dir: Path, **config: object) -> TrainSpec:
    values: dict[str, object] = {
        "image_size": 32, "batch_size": 10, "epochs": 2, "segment_s": None, "learning_rate": 0.001, "warm_up_steps": 0,
        "anchor_epochs": 0, "threads": 1, "colour_jitter": 0.2, "sound_masks": 4,
    }  # fmt: skip
    return TrainSpec(
        run_dir=run_dir,
        clips_dir=material / "clips",
        train_pairs=material / "train.jsonl",
        validation_pairs=material / "validation.jsonl",
        preset="small",
        config={**values, **config},
        device="cpu",
    )


def torchrun(spec: TrainSpec, n: int = 2) -> subprocess.Popen[str]:
    path = spec.run_dir.with_suffix(".json")
    path.write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
    command += ["-m", "davenet", "train", "--spec", str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")


def told(output: str) -> list[events.Event]:
    return [event for line in output.splitlines() if (event := events.from_line(line)) is not None]


def losses(run_dir: Path) -> list[float]:
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines if "loss" in line]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("small", {"loss": "blend", "similarity": "misa"}),
        ("tiny-davenet", {"model": "davenet", "image_size": None, "loss": "blend", "similarity": "sisa"}),
        (
            "windows",
            {"loss": "mil-nce", "mil_windows": 3, "learn_scale": True, "clip_norm": 0.5, "similarity": "sima"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_two_processes_learn_what_one_learns_from_the_joint_batch(
    material: Path, tmp_path: Path, name: str, config: dict[str, object]
) -> None:
    one, two = (spec_of(material, tmp_path / run, **config) for run in ("one", "two"))
    if name == "tiny-davenet":
        one, two = (s.model_copy(update={"start_from": material / "tiny.safetensors"}) for s in (one, two))
    train(one, lambda event: None, lambda: False)
    process = torchrun(two)
    output, _ = process.communicate()
    assert process.returncode == 0
    seen = told(output)
    assert sum(isinstance(e, events.Finished) for e in seen) == 1  # one process speaks for both
    assert sum(isinstance(e, events.Started) for e in seen) == 1
    assert sum(isinstance(e, events.Skipped) for e in seen) == 1  # whichever of them met the spoilt picture
    expected = losses(tmp_path / "one")
    assert len(expected) == 6
    np.testing.assert_allclose(losses(tmp_path / "two"), expected, rtol=1e-5, atol=1e-5)
    found, same = (load_file(tmp_path / run / "checkpoints" / "last.safetensors") for run in ("two", "one"))
    for tensor, value in same.items():
        np.testing.assert_allclose(found[tensor], value, rtol=1e-3, atol=1e-4, err_msg=tensor)


def until_it_trains(process: subprocess.Popen[str], run_dir: Path) -> None:
    while process.poll() is None and not (run_dir / "checkpoints" / "state.safetensors").exists():
        time.sleep(0.05)
    assert process.poll() is None


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Returns the process ids of a torchrun's workers, in the order of their ranks."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            variables = dict(each.split("=", 1) for each in (folder / "environ").read_text().split("\0") if "=" in each)
        except (OSError, ValueError):
            continue
        if parent == process.pid and "RANK" in variables:
            found[int(variables["RANK"])] = int(folder.name)
    return [found[rank] for rank in sorted(found)]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the second process in /proc")
def test_process_that_dies_ends_the_run_with_one_clear_event_and_it_goes_on_later(
    material: Path, tmp_path: Path
) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=400, save_every_s=0.1)
    process = torchrun(spec)
    until_it_trains(process, spec.run_dir)
    os.kill(workers(process)[1], signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode != 0
    final = [event for event in told(output) if isinstance(event, events.FINAL)]
    assert len(final) == 1 and isinstance(final[0], events.Failed)
    assert "of this run has ended" in final[0].message and not final[0].bug
    seen: list[events.Event] = []
    asked = iter([False] * 4)
    with pytest.raises(events.Stop):
        train(spec, seen.append, lambda: next(asked, True))
    assert any(isinstance(e, events.Message) and e.text.startswith("Goes on from step") for e in seen)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the second process in /proc")
def test_request_to_stop_that_only_one_process_hears_stops_all_of_them(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=400)
    process = torchrun(spec)
    until_it_trains(process, spec.run_dir)
    os.kill(workers(process)[1], signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode == 0
    assert isinstance(told(output)[-1], events.Cancelled)
    assert (spec.run_dir / "checkpoints" / "last.safetensors").is_file()


def test_process_that_waits_for_one_that_never_answers_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    script = tmp_path / "stuck.py"
    script.write_text(
        "import time, threading, torch\n"
        "from davenet import events\n"
        "from davenet.training import distributed\n"
        "distributed._WATCH_EVERY_S = distributed._STUCK_S = 0.05\n"
        "world = distributed.World(0, 2, torch.device('cpu'))\n"
        "tell = lambda event: print(events.to_line(event), flush=True)\n"
        "watched = (world, lambda: True, tell, threading.Event())\n"
        "threading.Thread(target=distributed._watch, args=watched, daemon=True).start()\n"
        "with world.together():\n"
        "    time.sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 2
    assert isinstance(told(ended.stdout)[-1], events.Failed)


def test_process_that_fails_tells_the_others_why() -> None:
    store = torch.distributed.HashStore()
    first, second = (World(rank, 2, torch.device("cpu"), store) for rank in (0, 1))
    second.leave_word(UserError("A process had not enough memory for 9 pairs at once."))
    told_why = first.why_lost(RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer"))
    assert str(told_why).startswith(
        "Process 1 of this run has ended (A process had not enough memory for 9 pairs at once)"
    )
    assert first.why_lost(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
