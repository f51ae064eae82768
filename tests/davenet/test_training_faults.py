"""The world's faults in the midst of a run, as they really happen: each is told once, in a sentence, and nothing is lost."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from training_runs import ignore, metrics_of, never, spec_of, write_material

from davenet import events
from davenet.errors import UserError
from davenet.pairs import read_pairs
from davenet.specs import TrainSpec
from davenet.training import interruption
from davenet.training.checkpoints import checkpoints_of
from davenet.training.loop import train
from davenet.training.presets import preset


@pytest.fixture
def material(tmp_path: Path) -> Path:
    return write_material(tmp_path)


def messages(seen: list[events.Event], level: str) -> list[str]:
    return [e.text for e in seen if isinstance(e, events.Message) and e.level == level]


def run_child(spec: TrainSpec, *, file_limit: int | None = None) -> subprocess.Popen[str]:
    path = spec.clips_dir.parent / "spec.json"
    path.write_text(spec.model_dump_json())
    limit = (
        ""
        if file_limit is None
        else f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({file_limit},) * 2); "
    )
    code = f"{limit}from davenet.__main__ import main; raise SystemExit(main(['train', '--spec', {str(path)!r}]))"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, encoding="utf-8")


def told(output: str) -> list[events.Event]:
    return [event for line in output.splitlines() if (event := events.from_line(line)) is not None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own of 64 MB; skipped where this account may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux":
        pytest.skip("mounts a disk in memory, on Linux")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this account may not mount a disk in memory")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_ends_the_run_in_one_sentence_and_it_goes_on_when_there_is_room(
    material: Path, small_disk: Path
) -> None:
    spec = spec_of(material, small_disk / "run", epochs=60, save_every_s=0.05)
    lines = []
    with run_child(spec) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if '"progress"' in line and not (small_disk / "filler").exists():
                fill(small_disk / "filler")
    final = told("".join(lines))[-1]
    assert isinstance(final, events.Failed) and not final.bug
    assert final.message.startswith("The disk is full") and str(small_disk) in final.message
    assert process.returncode == 2
    checkpoints = small_disk / "run" / "checkpoints"
    assert not list(checkpoints.glob(".*.part"))
    load_file(checkpoints / "state.safetensors")
    (small_disk / "filler").unlink()
    seen: list[events.Event] = []
    asked = iter([False] * 6)
    with pytest.raises(events.Stop):
        train(spec, seen.append, lambda: next(asked, True))
    assert any(text.startswith("Goes on from step") for text in messages(seen, "info"))
    steps = [line["step"] for line in metrics_of(spec.run_dir) if "loss" in line]
    assert steps == list(range(1, len(steps) + 1))


def fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as filler:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while filler.write(b"\0" * size):
                    pass
            except OSError:
                continue


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_checkpoint_that_is_larger_than_allowed_is_told_without_half_a_file(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run")
    with run_child(spec, file_limit=200_000) as process:
        output, _ = process.communicate()
    final = told(output)[-1]
    assert isinstance(final, events.Failed) and not final.bug
    assert "larger than its disk or this account allows" in final.message
    assert not list((tmp_path / "run" / "checkpoints").iterdir())


class ActOnProgress(list[events.Event]):
    """Keeps the events of a run and does something once, when so many pairs are done."""

    def __init__(self, done: float, act: Callable[[], object]) -> None:
        super().__init__()
        self._done, self._act, self._acted = done, act, False

    def append(self, event: events.Event) -> None:
        super().append(event)
        if isinstance(event, events.Progress) and event.done >= self._done and not self._acted:
            self._acted = True
            self._act()


@pytest.mark.parametrize("how", ["deleted", "cut short", "overwritten", "a folder"])
def test_clip_that_goes_bad_in_mid_epoch_is_left_out_named_and_counted(
    material: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davenet.training.loop.REPORT_EVERY_S", 0.0)
    clip = material / "clips" / "video-1.safetensors"

    def spoil() -> None:
        if how == "cut short":
            os.truncate(clip, clip.stat().st_size // 3)
        elif how == "overwritten":
            clip.write_bytes(b"nothing of a clip" * 10)
        else:
            clip.unlink()
            if how == "a folder":
                clip.mkdir()

    seen = ActOnProgress(16, spoil)
    result = train(spec_of(material, tmp_path / "run", epochs=4), seen.append, never)
    skipped = [e for e in seen if isinstance(e, events.Skipped)]
    assert {e.item for e in skipped} == {
        p.uid for p in read_pairs(material / "train.jsonl") if p.video_uid == "video-1"
    }
    assert len(skipped) == result["unreadable_pairs"] == 16  # each once, though every epoch asks for it
    assert all("video-1" in e.reason for e in skipped)
    assert result["steps"] == 16


def test_run_goes_on_to_the_same_pairs_though_a_clip_has_vanished_since(material: Path, tmp_path: Path) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=3)
    asked = iter([False] * 5)
    with pytest.raises(events.Stop):
        train(spec, ignore, lambda: next(asked, True))
    (material / "clips" / "video-2.safetensors").unlink()
    seen: list[events.Event] = []
    result = train(spec, seen.append, never)
    assert result["steps"] == 12  # as many batches as with it
    assert next(e.total for e in seen if isinstance(e, events.Started)) == 64 * 3
    assert result["unreadable_pairs"] == 16


def test_clips_that_are_all_gone_end_the_run_and_it_goes_on_when_they_are_back(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davenet.training.loop.REPORT_EVERY_S", 0.0)
    away = tmp_path / "away"
    seen = ActOnProgress(64, lambda: (material / "clips").rename(away))
    spec = spec_of(material, tmp_path / "run", epochs=20)
    with pytest.raises(UserError, match="can no longer be read"):
        train(spec, seen.append, never)
    away.rename(material / "clips")
    result = train(spec, ignore, never)
    assert result["steps"] == 80
    assert sum("loss" in line for line in metrics_of(spec.run_dir)) > 40


def test_state_of_an_earlier_version_starts_the_run_from_the_beginning_and_says_so(
    material: Path, tmp_path: Path
) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=1)
    train(spec, ignore, never)
    state = spec.run_dir / "checkpoints" / "state.safetensors"
    save_file(load_file(state), state, metadata={"version": "1", "run_hash": "0", "place": "{}"})
    seen: list[events.Event] = []
    assert train(spec, seen.append, never)["steps"] == 4
    (warning,) = messages(seen, "warning")
    assert "version 1" in warning and "from the beginning" in warning
    assert [line["step"] for line in metrics_of(spec.run_dir) if "loss" in line] == [1, 2, 3, 4]


@pytest.mark.parametrize("what", ["configuration", "pairs"])
def test_state_of_another_run_is_not_gone_on_with(material: Path, tmp_path: Path, what: str) -> None:
    spec = spec_of(material, tmp_path / "run", epochs=1)
    train(spec, ignore, never)
    if what == "configuration":
        spec = spec_of(material, tmp_path / "run", epochs=1, learning_rate=0.002)
    else:
        lines = (material / "train.jsonl").read_text().splitlines(keepends=True)
        (material / "train.jsonl").write_text("".join([*lines[:30], lines[31], lines[30], *lines[32:]]))
    seen: list[events.Event] = []
    train(spec, seen.append, never)
    assert "another configuration" in messages(seen, "warning")[0]
    assert any(isinstance(e, events.Metrics) and e.step == 1 for e in seen)


def test_run_is_named_by_every_line_of_its_pairs_however_many_there_are(tmp_path: Path) -> None:
    lines = [f"{number:060d}\n" for number in range(80_000)]  # 5 MB
    for name in ("train.jsonl", "validation.jsonl"):
        (tmp_path / name).write_text("".join(lines))
    spec = spec_of(tmp_path, tmp_path / "run")
    first = checkpoints_of(spec, preset("small")).run_hash
    lines[20_000], lines[20_001] = lines[20_001], lines[20_000]
    (tmp_path / "train.jsonl").write_text("".join(lines))
    assert checkpoints_of(spec, preset("small")).run_hash != first


def test_state_goes_on_where_only_threads_or_descriptions_differ(material: Path, tmp_path: Path) -> None:
    train(spec_of(material, tmp_path / "run", epochs=1), ignore, never)
    seen: list[events.Event] = []
    train(spec_of(material, tmp_path / "run", epochs=1, description="renamed", save_every_s=9), seen.append, never)
    assert not messages(seen, "warning")
    assert any(text.startswith("Goes on from step 4") for text in messages(seen, "info"))


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("echo run > stolen",)


def test_pickle_that_carries_code_is_refused_unopened(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.pth").write_bytes(pickle.dumps(Code()))
    spec = spec_of(material, tmp_path / "run").model_copy(update={"start_from": tmp_path / "model.pth"})
    with pytest.raises(UserError, match="can run code"):
        train(spec, ignore, never)
    assert not (tmp_path / "stolen").exists()


def test_stop_in_the_midst_of_a_validation_saves_and_the_run_goes_on_with_it(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec_of(material, tmp_path / "whole"), ignore, never)
    monkeypatch.setattr(interruption, "GRACE_S", 0.0)
    monkeypatch.setattr(interruption, "_ASK_EVERY_S", 0.0)
    spec = spec_of(material, tmp_path / "run")
    measured: list[float] = []

    def stop() -> bool:  # asked by the layers of the gallery after the last step of the first epoch
        path = spec.run_dir / "metrics.jsonl"
        return path.exists() and len(path.read_text().splitlines()) == 5 and not measured

    with pytest.raises(events.Stop) as stopped:
        train(spec, ignore, stop)
    assert stopped.value.args[0]["steps"] == 4 and stopped.value.args[0]["epochs"] == 1
    assert [line.get("loss") is not None for line in metrics_of(spec.run_dir)] == [False, True, True, True, True]
    measured.append(1.0)
    train(spec, ignore, stop)
    assert metrics_of(spec.run_dir) == metrics_of(tmp_path / "whole")
