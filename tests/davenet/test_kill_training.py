"""A run that is killed (-9) at any instant goes on to the very numbers of one that nobody disturbed."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from training_runs import assert_same_files, ignore, metrics_of, never, spec_of, write_material

from davenet import events
from davenet.training import checkpoints
from davenet.training.loop import train

KILLS = 6
CHANCES: dict[str, object] = {  # every kind is on
    "batch_size": 12, "epochs": 8, "image_size": 48, "warm_up_steps": 5, "loss": "info-nce", "learn_scale": True,
    "scale": 2.0, "colour_jitter": 0.2, "sound_masks": 4, "save_every_s": 0.4,
}  # fmt: skip


def written_spec(folder: Path, run: str) -> Path:
    path = folder / f"{run}.json"
    path.write_text(spec_of(folder, folder / run, **CHANCES).model_dump_json())
    return path


def start(spec: Path, *more: str) -> subprocess.Popen[bytes]:
    """Starts a run in a process of its own that tells of every step."""
    code = (
        "import sys; from davenet.training import loop; loop.REPORT_EVERY_S = 0.0; "
        "from davenet.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "train", "--spec", str(spec), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def progress(run_dir: Path) -> int:
    """Returns the bytes of metrics so far: what tells that a run has come further."""
    path = run_dir / "metrics.jsonl"
    return path.stat().st_size if path.exists() else 0


def kill_in_a_while(process: subprocess.Popen[bytes], run_dir: Path, wait_s: float) -> bool:
    """Kills a process so long after it first wrote metrics; whether it was there still."""
    before = progress(run_dir)
    while process.poll() is None and progress(run_dir) == before:
        time.sleep(0.005)
    time.sleep(wait_s)
    lives = process.poll() is None
    process.kill()
    process.wait()
    return lives


def test_run_killed_at_random_moments_ends_with_the_numbers_of_an_undisturbed_one(tmp_path: Path) -> None:
    folder = write_material(tmp_path)
    whole = start(written_spec(folder, "whole"))
    assert whole.wait() == 0
    cut = written_spec(folder, "cut")
    chance = random.Random(7)
    n_kills = 0
    while n_kills < KILLS:
        process = start(cut, "--events", str(folder / "cut" / "events.jsonl"))
        if not kill_in_a_while(process, folder / "cut", chance.uniform(0, 0.5)):
            break
        n_kills += 1
        for checkpoint in ("last", "best"):
            path = folder / "cut" / "checkpoints" / f"{checkpoint}.safetensors"
            if path.exists():
                load_file(path)  # never half a file
    assert n_kills == KILLS
    assert start(cut, "--events", str(folder / "cut" / "events.jsonl")).wait() == 0
    assert metrics_of(folder / "cut") == metrics_of(folder / "whole")
    for name in ("last", "best", "state"):
        assert_same_files(*(folder / run / "checkpoints" / f"{name}.safetensors" for run in ("cut", "whole")))
    assert sorted(p.name for p in (folder / "cut" / "checkpoints").iterdir()) == [
        f"{name}.safetensors" for name in ("best", "last", "state")
    ]
    assert_no_step_is_told_twice(folder / "cut")


def assert_no_step_is_told_twice(run_dir: Path) -> None:
    seen = [events.from_line(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    told = [(e.step, "loss" in e.values) for e in seen if isinstance(e, events.Metrics)]
    assert told == sorted(set(told), key=lambda step: (step[0], not step[1]))
    assert sum(isinstance(e, events.Started) for e in seen) >= 2  # each attempt begins anew
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(run_dir / "tensorboard"))
    board.Reload()
    steps = [point.step for point in board.Scalars("train/loss")]
    assert steps == [line["step"] for line in metrics_of(run_dir) if "loss" in line]


class KilledError(BaseException):
    """Ends a run at once, like a kill, but inside of this process."""


def count_files(patch: pytest.MonkeyPatch, kill_at: int = 0) -> list[str]:
    """Returns a list that grows by each checkpoint or state that is about to be written; the one at `kill_at` never is."""
    written: list[str] = []

    def watch(name: str) -> None:
        write = getattr(checkpoints, name)

        def maybe(*arguments: object, **more: object) -> None:
            written.append(name)
            if len(written) == kill_at:
                raise KilledError
            write(*arguments, **more)

        patch.setattr(checkpoints, name, maybe)

    watch("save_state")
    watch("save_checkpoint")
    return written


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A folder of material with a run `whole` that nothing has happened to, and how many files it wrote."""
    folder = write_material(tmp_path_factory.mktemp("undisturbed"))
    with pytest.MonkeyPatch.context() as patch:
        written = count_files(patch)
        train(spec_of(folder, folder / "whole"), ignore, never)
    return folder, len(written)


@pytest.mark.parametrize("place", [1, 2, 3, 4, 5, 7, -1, 0])
def test_kill_between_any_two_files_of_a_save_leaves_them_in_agreement_when_the_run_goes_on(
    undisturbed: tuple[Path, int], tmp_path: Path, place: int
) -> None:
    folder, n_files = undisturbed
    run_dir = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        count_files(patch, kill_at=place if place > 0 else n_files + place)  # 0: the very last file
        with pytest.raises(KilledError):
            train(spec_of(folder, run_dir), ignore, never)
    for name in ("last", "best"):  # the state is the truth: nothing is ahead of it
        assert steps_in(run_dir / "checkpoints" / f"{name}.safetensors") <= steps_in(
            run_dir / "checkpoints" / "state.safetensors"
        )
    train(spec_of(folder, run_dir), ignore, never)
    assert metrics_of(run_dir) == metrics_of(folder / "whole")
    for name in ("last", "best", "state"):
        assert_same_files(*(run / "checkpoints" / f"{name}.safetensors" for run in (run_dir, folder / "whole")))


def steps_in(path: Path) -> tuple[int, int]:
    """Returns the step and the measurements that a checkpoint or a state holds; (-1, -1) where it is not there yet."""
    if not path.exists():
        return -1, -1
    with safe_open(path, framework="np") as stored:
        header = stored.metadata()
    values = json.loads(header["place"] if "place" in header else header["metadata"])
    return values["step"], values["measured"]
