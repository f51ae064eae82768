"""What a cluster rests on, without one: files at an address are whole, and a task can be run any number of times."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st
from media_maker import make_video

from annotator.verbs.engines import on_engine
from davenet.clips import open_clip
from davenet.engines import job, storage
from davenet.engines.ray_engine import Lost
from davenet.engines.storage import StorageError, Store
from davenet.engines.tasks import Outcome, Task, code_version, run_task
from davenet.errors import UserError
from davenet.files import HASHED_PART, content_hash
from davenet.jobs import run_job
from davenet.media.extract_video import extract_video
from davenet.specs import ExtractSettings, ExtractSpec, TranscribeSpec, VideoRef


class CuttingFileSystem(MemoryFileSystem):
    """A store whose connection breaks off in the middle of each upload, until `n_cuts` are over."""

    protocol = "cutting"
    store: dict[str, Any] = {}  # noqa: RUF012 - one for all, as its parent's
    pseudo_dirs = [""]  # noqa: RUF012
    n_cuts = 0

    def put_file(self, lpath: str, rpath: str, **_: Any) -> None:  # type: ignore[override]
        content = Path(lpath).read_bytes()
        if CuttingFileSystem.n_cuts:
            CuttingFileSystem.n_cuts -= 1
            content = content[: len(content) // 2]
        self.pipe_file(rpath, content)


fsspec.register_implementation("cutting", CuttingFileSystem, clobber=True)


@pytest.fixture(autouse=True)
def empty_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(storage, "_WAIT_S", 0.0)
    yield
    for kind in (MemoryFileSystem, CuttingFileSystem):
        kind.store.clear()
        kind.pseudo_dirs[:] = [""]
    CuttingFileSystem.n_cuts = 0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "a.mp4", seconds=2)


def task_of(video: Path, out: str | None, **more: Any) -> Task:
    ref = VideoRef(uid="a", path=video, url=more.pop("url", None))
    return Task(ExtractSpec(videos=[ref], clips_dir=Path("project/clips"), out=out, **more), code_version())


def run(task: Task) -> Outcome:
    return run_task(task, lambda done: None)


def clip_here(video: Path, folder: Path) -> bytes:
    extract_video(VideoRef(uid="a", path=video), ExtractSettings(), folder)
    return (folder / "a.safetensors").read_bytes()


@pytest.mark.parametrize("kind", ["memory://store", "folder"])
def test_what_is_put_at_an_address_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    store = Store(kind if "://" in kind else str(tmp_path / kind))
    store.check()
    given_file = tmp_path / "given"
    given_file.write_bytes(b"0123456789" * 1000)
    assert store.size("clips/a") is None
    store.put(given_file, "clips/a")
    store.put(given_file, "clips/a")
    assert store.size("clips/a") == 10_000
    store.fetch("clips/a", tmp_path / "back" / "a")
    assert (tmp_path / "back" / "a").read_bytes() == given_file.read_bytes()
    with pytest.raises(StorageError, match="clips/b does not exist"):
        store.fetch("clips/b", tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_an_upload_that_breaks_off_leaves_nothing_or_what_was_there(tmp_path: Path) -> None:
    store = Store("cutting://store")
    path = tmp_path / "given"
    path.write_bytes(b"new content")
    CuttingFileSystem.n_cuts = 3
    with pytest.raises(StorageError, match=r"could not be written .*5 of 11 bytes"):
        store.put(path, "clips/a")
    assert not CuttingFileSystem.store
    CuttingFileSystem.n_cuts = 2
    store.put(path, "clips/a")
    assert list(CuttingFileSystem.store) == ["cutting://store/clips/a"]
    path.write_bytes(b"a still newer content")
    CuttingFileSystem.n_cuts = 3
    with pytest.raises(StorageError):
        store.put(path, "clips/a")
    assert {name: file.getvalue() for name, file in CuttingFileSystem.store.items()} == {
        "cutting://store/clips/a": b"new content"
    }


@given(size=st.one_of(st.integers(0, 100), st.integers(HASHED_PART - 2, 5 * HASHED_PART)))
def test_the_parts_that_are_hashed_give_the_hash_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, size: int
) -> None:
    folder = tmp_path_factory.mktemp("hashed")
    whole = folder / "whole"
    whole.write_bytes(bytes(range(251)) * (size // 251 + 1))
    with open(whole, "r+b") as file:
        file.truncate(size)
    Store(str(folder)).fetch_hashed("whole", folder / "parts")
    assert content_hash(folder / "parts") == content_hash(whole)
    shutil.rmtree(folder)


def test_a_task_gives_the_file_of_one_machine_and_is_not_done_twice(tmp_path: Path, video: Path) -> None:
    expected = clip_here(video, tmp_path)
    task = task_of(video, "memory://store")
    first = run(task)
    assert (first.state, first.name, first.n_bytes) == ("done", "clips/a.safetensors", len(expected))
    stored = MemoryFileSystem.store["/store/clips/a.safetensors"]
    assert stored.getvalue() == expected
    assert run(task).state == "skipped"
    assert MemoryFileSystem.store["/store/clips/a.safetensors"] is stored
    assert run(task_of(video, "memory://store", frame_rate=2.0)).state == "done"
    assert run(task).state == "done"
    assert run(task_of(video, "memory://store", force=True)).state == "done"
    MemoryFileSystem.store["/store/clips/a.safetensors"].truncate(len(expected) - 10)
    assert run(task).state == "done"
    assert MemoryFileSystem.store["/store/clips/a.safetensors"].getvalue() == expected
    returned = run(task_of(video, None))
    assert returned.content == expected


def test_a_video_at_an_address_is_fetched_only_where_there_is_something_to_do(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = clip_here(video, tmp_path)
    Store("memory://videos").put(video, "a.mp4")
    task = task_of(Path("elsewhere/a.mp4"), "memory://store", url="memory://videos/a.mp4")
    assert run(task).state == "done"
    assert MemoryFileSystem.store["/store/clips/a.safetensors"].getvalue() == expected
    monkeypatch.setattr(Store, "fetch", lambda *_: pytest.fail("it was fetched"))
    assert run(task).state == "skipped"


def test_a_video_that_is_bad_or_not_there_is_told_by_the_name_its_reader_knows(tmp_path: Path) -> None:
    gone = run(task_of(tmp_path / "gone.mp4", None))
    assert gone.state == "unusable"
    assert str(tmp_path / "gone.mp4") in gone.reason
    assert "--videos-at" in gone.reason
    (tmp_path / "bad.mp4").write_bytes(b"no video" * 100)
    Store("memory://videos").put(tmp_path / "bad.mp4", "bad.mp4")
    bad = run(task_of(Path("bad.mp4"), None, url="memory://videos/bad.mp4"))
    assert bad.state == "unusable"
    assert bad.reason.startswith("memory://videos/bad.mp4 ")
    lacking = run(task_of(Path("none.mp4"), None, url="memory://videos/none.mp4"))
    assert lacking.reason == "memory://videos/none.mp4 does not exist; check its name."


def test_a_machine_with_another_version_makes_no_files(video: Path) -> None:
    with pytest.raises(UserError, match="another version of this program"):
        run(Task(task_of(video, None).spec, "another"))


def test_on_one_machine_the_files_go_to_the_address_as_well(tmp_path: Path, video: Path) -> None:
    spec = ExtractSpec(videos=[VideoRef(uid="a", path=video)], clips_dir=tmp_path / "clips", out="memory://store")
    assert run_job(spec).result["extracted"] == ["a"]
    expected = (tmp_path / "clips" / "a.safetensors").read_bytes()
    assert MemoryFileSystem.store["/store/clips/a.safetensors"].getvalue() == expected
    MemoryFileSystem.store.clear()
    assert run_job(spec).result["skipped"] == ["a"]
    assert MemoryFileSystem.store["/store/clips/a.safetensors"].getvalue() == expected


class InThisProcess:
    """In place of a cluster: tasks one after the other, `losses` of them lost."""

    losses: tuple[str, ...] = ()

    def __init__(self, address: str | None, **_: Any) -> None:
        pass

    def __enter__(self) -> "InThisProcess":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Any, tasks: Iterator[Task], *, ticked: Any, stop: Any) -> Iterator[Any]:
        losses = list(self.losses)
        for task in tasks:
            if stop():
                return
            if losses:
                yield Lost(task, losses.pop())  # type: ignore[arg-type]
            else:
                yield function(task, lambda done, task=task: ticked(task, done))


@pytest.mark.parametrize("verb", ["extract", "transcribe"])
def test_without_an_address_the_files_come_into_the_project(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(job, "RayEngine", InThisProcess)
    refs = [VideoRef(uid="a", path=video), VideoRef(uid="b", path=tmp_path / "gone.mp4")]
    if verb == "extract":
        here: Any = ExtractSpec(videos=refs, clips_dir=tmp_path / "here")
        there = here.model_copy(update={"clips_dir": tmp_path / "there", "engine": "ray"})
    else:
        here = TranscribeSpec(videos=refs, labels_dir=tmp_path / "here", recogniser="pocketsphinx")
        there = here.model_copy(update={"labels_dir": tmp_path / "there", "engine": "ray"})
    one, many = run_job(here).result, run_job(there).result
    assert {**one, "unusable": [entry["uid"] for entry in one["unusable"]]} == {
        **many,
        "unusable": [entry["uid"] for entry in many["unusable"]],
    }
    files = [
        {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.suffix != ".csv" and path.is_file()
        }
        for folder in (tmp_path / "here", tmp_path / "there")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 1
    assert run_job(there).result["skipped"] == ["a"]


def test_what_is_lost_again_and_again_is_left_out_with_its_reason(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "RayEngine", InThisProcess)
    monkeypatch.setattr(InThisProcess, "losses", ("crashed",))
    refs = [VideoRef(uid=uid, path=video) for uid in "ab"]
    spec = ExtractSpec(videos=refs, clips_dir=tmp_path / "clips", engine="ray")
    result = run_job(spec).result
    assert result["extracted"] == ["b"]
    assert "ended each process that worked on it" in result["unusable"][0]["reason"]
    assert "a,unusable" in (tmp_path / "clips" / "extract-report.csv").read_text()
    assert open_clip(tmp_path / "clips" / "b.safetensors").n_frames == 2


def test_a_store_that_only_the_other_machine_sees_is_told(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "RayEngine", InThisProcess)
    monkeypatch.setattr(Store, "put", lambda *_: None)
    spec = ExtractSpec(
        videos=[VideoRef(uid="a", path=video)], clips_dir=tmp_path, engine="ray", out="memory://elsewhere"
    )
    with pytest.raises(UserError, match="not to be seen from this one"):
        run_job(spec)


def test_what_is_not_installed_is_one_line_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))
    with pytest.raises(UserError, match=r"needs ray; install with: .* -m pip install ray fsspec"):
        run_job(ExtractSpec(videos=[], clips_dir=tmp_path, engine="ray"))
    if found("s3fs") is None:
        with pytest.raises(UserError, match="-m pip install s3fs"):
            Store("s3://bucket/clips")
    with pytest.raises(UserError, match="of no kind of store that is known"):
        Store("nonsense://bucket")


def test_options_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    refs = [VideoRef(uid="a", path=root / "x" / "a.mp4"), VideoRef(uid="b", path=tmp_path / "b.mp4")]
    spec = ExtractSpec(videos=refs, clips_dir=tmp_path)
    with pytest.raises(UserError, match="no engine"):
        on_engine(spec, engine="slurm")
    with pytest.raises(UserError, match="--address goes with --engine ray"):
        on_engine(spec, address="head:6379")
    with pytest.raises(UserError, match="give both"):
        on_engine(spec, engine="ray", fetch=True)
    with pytest.raises(UserError, match="FOLDER=URL"):
        on_engine(spec, engine="ray", videos_at="s3://bucket")
    with pytest.raises(UserError, match="No video of the project lies in"):
        on_engine(spec, engine="ray", videos_at=f"{tmp_path / 'none'}=s3://bucket")
    told = on_engine(spec, engine="ray", videos_at=f"{root}=s3://bucket/v/")
    assert [ref.url for ref in told.videos] == ["s3://bucket/v/x/a.mp4", None]
    with pytest.raises(UserError, match="takes no cluster"):
        run_job(TranscribeSpec(videos=[], labels_dir=tmp_path, recogniser="import:x", engine="ray"))
