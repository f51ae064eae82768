"""The shards of a release: the frame and the sound of each pair, to the sample, the same bytes each time."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from media_maker import frame_number, make_video
from project_maker import make_pair

from annotator import verbs
from annotator.project import Project
from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.media.sound import read_sound
from davenet.specs import ReleaseSpec

N_PAIRS = 7


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two videos and their clip files, made once."""
    base = tmp_path_factory.mktemp("extracted")
    (folder := base / "videos").mkdir()
    for name, seconds in (("one", 6.0), ("two", 5.0)):
        make_video(folder / f"{name}.mp4", seconds=seconds, frame_rate=10, sound="speech")
    with Project.create(base / "project") as made:
        _import(made, folder)
        run_job(verbs.plan_extract(made))
        made.clips_dir.rename(base / "clips")
    return base


def _import(project: Project, folder: Path) -> None:
    plan = verbs.plan_import(project, [folder])
    verbs.collect_import(project, plan, run_job(plan).result)


@pytest.fixture
def project(tmp_path: Path, extracted: Path) -> Iterator[Project]:
    """Two extracted videos of its own with pairs at their first, middle and last seconds."""
    shutil.copytree(extracted / "videos", tmp_path / "videos")
    with Project.create(tmp_path / "project") as made:
        _import(made, tmp_path / "videos")
        shutil.copytree(extracted / "clips", made.clips_dir, dirs_exist_ok=True)
        pairs = []
        for video in made.store.videos():
            made.store.set_split(video.uid, "train")
            times_s = (0.0, 2.0, 4.0, 5.0) if video.title == "one" else (0.0, 2.0, 4.0)
            pairs += [make_pair(video.uid, time_s, "non-food" if time_s == 2.0 else "food") for time_s in times_s]
        made.store.put_pairs(pairs, {})
        yield made


def _plan(project: Project, out: Path, shard_mb: int = 500) -> ReleaseSpec:
    return verbs.plan_release(project, out, with_media=True, shard_mb=shard_mb)


def _entries(folder: Path) -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    for path in sorted((folder / "media").glob("*.tar")):
        with tarfile.open(path) as tar:
            for entry in tar:
                key, suffix = entry.name.split(".")
                found.setdefault(key, {})[suffix] = tar.extractfile(entry).read()  # type: ignore[union-attr]
                assert (entry.mtime, entry.uid, entry.uname) == (0, 0, "")
    return found


def _samples(flac: bytes) -> Any:
    with av.open(io.BytesIO(flac)) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.layout.name, stream.format.name) == (16_000, "mono", "s16")
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])


def test_each_pair_has_its_frame_and_its_sound_to_the_sample(project: Project, tmp_path: Path) -> None:
    result = run_job(_plan(project, tmp_path / "out")).result
    assert result["media"] == {"pairs": N_PAIRS, "pairs_without": 0, "videos_without": []}
    paths = {video.uid: video.path for video in project.store.videos()}
    entries = _entries(tmp_path / "out")
    assert len(entries) == N_PAIRS
    for parts in entries.values():
        facts = json.loads(parts["json"])
        image = cv2.imdecode(np.frombuffer(parts["jpg"], np.uint8), cv2.IMREAD_COLOR_RGB)
        assert frame_number(image) == round(facts["time_s"] * 10)
        heard = _samples(parts["flac"])
        assert len(heard) == facts["sound_samples"] == round(facts["segment_s"] * 16_000)
        whole = read_sound(paths[facts["video_id"]])
        first = round(facts["sound_start_s"] * 16_000)
        expected = np.zeros(len(heard), np.float32)
        before = max(0, -first)
        part = whole[max(0, first) : first + len(heard)]
        expected[before : before + len(part)] = part
        assert np.abs(heard - np.rint(np.clip(expected, -1, 1) * 32767)).max() == 0
        assert facts["silence_before_samples"] == before
        assert facts["silence_after_samples"] == len(heard) - before - len(part)


def test_the_same_project_gives_the_same_shards(project: Project, tmp_path: Path) -> None:
    for name in ("one", "two"):
        run_job(_plan(project, tmp_path / name))
    hashes = [
        hashlib.sha256((tmp_path / name / "media/train-00000.tar").read_bytes()).digest() for name in ("one", "two")
    ]
    assert hashes[0] == hashes[1]


def test_an_export_that_was_stopped_goes_on_from_its_whole_shards(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("davenet.release.shards.MEGABYTE", 100_000)  # a pair or two a shard
    run_job(_plan(project, tmp_path / "whole", 1))
    assert len(list((tmp_path / "whole" / "media").glob("*.tar"))) > 2
    done: list[float] = []

    def emit(event: events.Event) -> None:
        if isinstance(event, events.Progress):
            done.append(event.done)

    spec = _plan(project, tmp_path / "cut", 1)
    assert isinstance(run_job(spec, emit, lambda: bool(done and done[-1] >= 5)), events.Cancelled)
    assert not (tmp_path / "cut").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / ".cut.part" / "media").glob("*.tar")}
    assert kept
    done.clear()
    run_job(_plan(project, tmp_path / "cut", 1), emit)
    assert done[0] > 1  # the first pairs were not read again
    files = [
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "cut", tmp_path / "whole")
    ]
    assert files[0] == files[1]
    assert all((tmp_path / "cut" / "media" / name).stat().st_mtime_ns == time for name, time in kept.items())


def test_an_export_begun_from_other_pairs_is_made_anew(project: Project, tmp_path: Path) -> None:
    stopped = iter([False] * 9 + [True] * 99)
    run_job(_plan(project, tmp_path / "out"), stop=lambda: next(stopped))
    assert (tmp_path / ".out.part").is_dir()
    video = project.store.videos()[0]
    project.store.put_pairs([make_pair(video.uid, 3.0)], {}, videos=[video.uid])
    result = run_job(_plan(project, tmp_path / "out")).result
    assert result["media"]["pairs"] == len(_entries(tmp_path / "out")) == 4
    assert not (tmp_path / ".out.part").exists()


def test_a_video_without_its_file_is_told_and_the_others_are_released(project: Project, tmp_path: Path) -> None:
    one, two = project.store.videos()
    two.path.unlink()
    told: list[events.Event] = []
    result = run_job(_plan(project, tmp_path / "out"), told.append).result
    assert result["media"] == {"pairs": 4, "pairs_without": 3, "videos_without": [two.uid]}
    assert len([event for event in told if isinstance(event, events.Skipped)]) == 1
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert f"3 lack a frame or its sound (videos {two.uid})." in card and str(tmp_path) not in card
    one.path.unlink()
    with pytest.raises(UserError, match="leave out --with-media"):
        run_job(_plan(project, tmp_path / "none"))


_LOAD = """
import json, sys, datasets
folder = sys.argv[1]
tables = {name: datasets.load_dataset(folder, name) for name in ("pairs", "videos")}
default = datasets.load_dataset(folder)
assert default["train"].column_names == tables["pairs"]["train"].column_names
row = next(row for row in default["train"] if row["labels"])
print(json.dumps({"rows": {name: table.num_rows for name, table in tables.items()}, "class": row["labels"][0]["class_name"]}))
"""


def test_datasets_loads_a_release_offline(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the datasets library is not installed (pip install datasets)")
    run_job(verbs.plan_release(project, tmp_path / "out"))
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path / "out")],
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    loaded = json.loads(ran.stdout.splitlines()[-1])
    assert loaded == {"rows": {"pairs": {"train": N_PAIRS}, "videos": {"train": 2}}, "class": "onion"}


def test_webdataset_reads_the_shards(project: Project, tmp_path: Path) -> None:
    pytest.importorskip("webdataset", reason="webdataset is not installed (pip install webdataset)")
    run_job(_plan(project, tmp_path / "out"))
    read = (
        "import sys, webdataset\n"
        "found = list(webdataset.WebDataset(sys.argv[1], shardshuffle=False))\n"
        "print(len(found), all({'jpg', 'flac', 'json'} <= set(each) for each in found))\n"
    )
    shard = (tmp_path / "out/media/train-00000.tar").as_posix()
    ran = subprocess.run([sys.executable, "-c", read, shard], capture_output=True, text=True)
    assert ran.stdout.split() == [str(N_PAIRS), "True"], ran.stderr
