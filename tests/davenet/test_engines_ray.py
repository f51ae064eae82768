"""A real Ray cluster of two nodes on this machine: the same files as on one machine, also where a node is lost."""

import importlib.util
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from media_maker import make_video

from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.specs import DetectSpec, ExtractSpec, TranscribeSpec, VideoRef

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="Ray is not installed (240 MB): pip install ray fsspec"
    ),
    pytest.mark.filterwarnings("default"),  # Ray's own
    pytest.mark.timeout(900),  # it starts some twenty processes
]
_OBJECT_STORE = 80_000_000  # bytes


class Nodes:
    """A head without processors, where the test's own process is, and two nodes of one processor each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        quiet = {"object_store_memory": _OBJECT_STORE, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **quiet})
        self.nodes = [self.cluster.add_node(num_cpus=1, object_store_memory=_OBJECT_STORE) for _ in range(2)]
        self.address = self.cluster.address

    def lose_one(self) -> None:
        self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    kept = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_USAGE_STATS_ENABLED")}
    root = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [root, kept["PYTHONPATH"]]))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Nodes()
    yield made
    made.cluster.shutdown()
    for name, value in kept.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def run(spec: Any, seen: list[events.Event] | None = None, **more: Any) -> dict[str, Any]:
    return dict(run_job(spec, (seen if seen is not None else []).append, **more).result)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (".safetensors", ".jsonl")
    }


def real_videos(shared_data: Path) -> list[VideoRef]:
    names = ["decord_flipping_a_pancake.mkv", "pllava_cooking_show_cocoa.mp4"]
    return [VideoRef(uid=Path(name).stem, path=shared_data / "videos" / name) for name in names]


def in_folder(folder: Path) -> dict[str, Any]:
    return {"clips_dir": folder / "clips", "labels_dir": folder / "labels"}


def test_the_files_of_all_three_verbs_are_those_of_one_machine_bit_for_bit(
    nodes: Nodes, tmp_path: Path, shared_data: Path
) -> None:
    refs = real_videos(shared_data)
    broken = VideoRef(uid="broken", path=shared_data / "hard" / "broken_no_moov.mp4")
    food = shared_data / "models" / "food"
    ray = {"engine": "ray", "address": nodes.address}
    for home, where in ((tmp_path / "here", {}), (tmp_path / "there", {**ray, "out": f"file://{tmp_path}/store"})):
        places = in_folder(home)
        first = ExtractSpec(videos=[*refs, broken], clips_dir=places["clips_dir"], **where)
        assert sorted(run(first)["extracted"]) == [ref.uid for ref in refs]
        words = TranscribeSpec(videos=refs, labels_dir=places["labels_dir"], **where)
        assert run(words)["transcribed"] == [ref.uid for ref in refs]
        foods = DetectSpec(
            videos=refs,
            detector=f"onnx:{food / 'object_labeler_f32.onnx'}",
            classes=food / "object_labeler_labels_en.txt",
            **places,
            **where,
        )
        told = run(foods)
        assert told["detected"] == [ref.uid for ref in refs]
    seen: list[events.Event] = []
    again = run(first, seen)
    assert sorted(again["skipped"]) == [ref.uid for ref in refs]
    assert [entry["uid"] for entry in again["unusable"]] == ["broken"]
    assert any(isinstance(event, events.Skipped) and event.item == "broken" for event in seen)
    assert run(words)["skipped"] == run(foods)["skipped"] == [ref.uid for ref in refs]
    here, there = files_in(tmp_path / "here"), files_in(tmp_path / "store")
    assert here == there
    assert len(here) == 6
    assert files_in(tmp_path / "there") == {}
    run(first.model_copy(update={"fetch": True}))
    run(words.model_copy(update={"fetch": True}))
    run(foods.model_copy(update={"fetch": True}))
    assert files_in(tmp_path / "there") == here


def test_what_is_cancelled_ends_soon_and_keeps_what_is_done(nodes: Nodes, tmp_path: Path) -> None:
    short = make_video(tmp_path / "a.mp4", seconds=2)
    long = make_video(tmp_path / "b.mp4", seconds=900, gop=250)
    refs = [VideoRef(uid="a", path=short), VideoRef(uid="b", path=long)]
    done = threading.Event()

    def emit(event: events.Event) -> None:
        if isinstance(event, events.Progress) and "1 of 2" in event.note:
            done.set()

    spec = ExtractSpec(videos=refs, clips_dir=tmp_path / "clips", frame_rate=25.0, engine="ray", address=nodes.address)
    final = run_job(spec, emit, done.is_set)
    assert isinstance(final, events.Cancelled)
    assert final.result["extracted"] == ["a"]
    assert [path.name for path in sorted((tmp_path / "clips").glob("*.safetensors"))] == ["a.safetensors"]


def test_a_lost_node_costs_nothing_but_time(nodes: Nodes, tmp_path: Path) -> None:
    refs = [VideoRef(uid=name, path=make_video(tmp_path / f"{name}.mp4", seconds=60)) for name in "abcd"]
    settings = {"frame_rate": 25.0}
    run(ExtractSpec(videos=refs, clips_dir=tmp_path / "here", **settings))  # type: ignore[arg-type]
    seen: list[events.Event] = []
    lost = threading.Event()

    def emit(event: events.Event) -> None:
        seen.append(event)
        if isinstance(event, events.Progress) and event.done > 0 and not lost.is_set():
            lost.set()
            nodes.lose_one()

    spec = ExtractSpec(videos=refs, clips_dir=tmp_path / "there", engine="ray", address=nodes.address, **settings)  # type: ignore[arg-type]
    final = run_job(spec, emit)
    assert final.result["extracted"] == list("abcd")
    assert lost.is_set()
    assert any(isinstance(event, events.Message) and "machine of the cluster was lost" in event.text for event in seen)
    assert files_in(tmp_path / "there") == files_in(tmp_path / "here")
    done = [event.done for event in seen if isinstance(event, events.Progress)]
    assert done[-1] == pytest.approx(240, abs=1)


def test_an_address_where_no_cluster_answers_is_told(tmp_path: Path) -> None:
    spec = ExtractSpec(videos=[], clips_dir=tmp_path, engine="ray", address="127.0.0.1:1")
    with pytest.raises(UserError, match=r"No Ray cluster answers at 127\.0\.0\.1:1"):
        run_job(spec)
