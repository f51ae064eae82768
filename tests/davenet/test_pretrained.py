"""ImageNet weights: real ones name real photos, every tensor is accounted for, and a fetched file is whole or absent."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from davenet import events
from davenet.errors import UserError
from davenet.model import pretrained
from davenet.model.config import MODEL_CONFIGS, ModelConfig
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.first import first_model
from davenet.model.pretrained import image_weights, load_image_weights

MOBILENET = MODEL_CONFIGS["mobilenet"].model_copy(
    update={"audio_branch": "small", "audio_widths": (8, 8, 8), "embedding": 8}
)


@pytest.fixture(scope="module")
def mobilenet_state() -> dict[str, torch.Tensor]:
    """A state dict of MobileNetV2 with its classifier, as torchvision's is, of random values."""
    torch.manual_seed(0)
    state = {
        name: torch.randn_like(value) if value.is_floating_point() else value
        for name, value in DAVEnet(MOBILENET).image_branch.state_dict().items()
        if not name.startswith("embedder.")
    }
    return state | {"classifier.1.weight": torch.zeros(1000, 1280), "classifier.1.bias": torch.zeros(1000)}


# real weights


def shown(path: Path) -> torch.Tensor:
    """Returns a photo as torchvision evaluates it: shorter side 256, centre 224."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    height, width = picture.shape[:2]
    scale = 256 / min(height, width)
    picture = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    top, left = (picture.shape[0] - 224) // 2, (picture.shape[1] - 224) // 2
    return normalised(torch.from_numpy(picture[top : top + 224, left : left + 224].copy()).unsqueeze(0))


@pytest.mark.real
def test_real_imagenet_weights_name_real_photos(shared_data: Path) -> None:
    weights = shared_data / "models" / "imagenet" / "mobilenet_v2_torchvision_dequant.pth"
    names = (weights.parent / "imagenet_classes_1000.txt").read_text(encoding="utf-8").splitlines()
    model = DAVEnet(MOBILENET).eval()
    report = load_image_weights(model, weights)
    assert report.unused == ("classifier.1.weight", "classifier.1.bias")
    assert report.missing == ()
    assert len(report.used) == 312
    classifier = torch.load(weights, weights_only=True)
    found = {}
    for photo in ("cat_720p.jpg", "hot_dog.jpg", "tfls_burger.jpg"):
        with torch.no_grad():
            map_BDHW = model.image_branch.features(shown(shared_data / "photos" / photo))
            pooled = map_BDHW[:, :, ::2, ::2].mean(dim=(2, 3))  # the places of the published 7x7 map
            scores = pooled @ classifier["classifier.1.weight"].T + classifier["classifier.1.bias"]
        probability, index = scores.softmax(1)[0].max(0)
        found[photo] = (names[int(index)], float(probability))
    assert "gyptian cat" in found["cat_720p.jpg"][0] and found["cat_720p.jpg"][1] > 0.5
    assert "hotdog" in found["hot_dog.jpg"][0].replace(" ", "") and found["hot_dog.jpg"][1] > 0.4
    assert "cheeseburger" in found["tfls_burger.jpg"][0] and found["tfls_burger.jpg"][1] > 0.9


# files on this machine


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors", "parallel", "wrapped"])
def test_local_file_loads_by_name_and_every_tensor_is_accounted_for(
    mobilenet_state: dict[str, torch.Tensor], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "mine.pth"
    if kind == "safetensors":
        save_file(mobilenet_state, path)
    elif kind == "parallel":
        torch.save({f"module.{name}": value for name, value in mobilenet_state.items()}, path)
    elif kind == "wrapped":
        torch.save({"state_dict": mobilenet_state, "epoch": 3}, path)
    else:
        torch.save(mobilenet_state, path, _use_new_zipfile_serialization=kind == "zip")
    model = DAVEnet(MOBILENET)
    embedder = model.image_branch.embedder.weight.clone()
    report = load_image_weights(model, path)
    loaded = model.image_branch.state_dict()
    assert set(report.used) | set(report.unused) == set(mobilenet_state)
    assert set(report.unused) == {"classifier.1.weight", "classifier.1.bias"}
    assert all(torch.equal(loaded[name], mobilenet_state[name]) for name in report.used)
    assert torch.equal(loaded["embedder.weight"], embedder)
    assert "312 tensors of mine.pth" in report.sentence() and "2 of its classifier" in report.sentence()


def test_counters_that_older_files_lack_are_told_as_missing(
    mobilenet_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({k: v for k, v in mobilenet_state.items() if not k.endswith("num_batches_tracked")}, tmp_path / "a.pth")
    report = load_image_weights(DAVEnet(MOBILENET), tmp_path / "a.pth")
    assert len(report.missing) == 52
    assert all(name.endswith("num_batches_tracked") for name in report.missing)


def test_vgg16s_published_names_and_shapes_fit(tmp_path: Path) -> None:
    model = DAVEnet(MODEL_CONFIGS["davenet"].model_copy(update={"embedding": 8}))
    state = {k: v for k, v in model.image_branch.state_dict().items() if k.startswith("features.")}
    torch.save(state | {"classifier.0.weight": torch.zeros(1), "classifier.6.bias": torch.zeros(1)}, tmp_path / "v.pth")
    report = load_image_weights(model, tmp_path / "v.pth")
    assert len(report.used) == 26
    assert len(report.unused) == 2


@pytest.mark.parametrize("fault", ["other network", "one tensor less", "other shape", "one tensor more", "not finite"])
def test_weights_that_do_not_fit_are_refused_and_leave_the_model_as_it_was(
    mobilenet_state: dict[str, torch.Tensor], tmp_path: Path, fault: str
) -> None:
    state = dict(mobilenet_state)
    model = DAVEnet(MOBILENET)
    match fault:
        case "other network":
            state = {"layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1), "fc.weight": torch.zeros(1000, 2048)}
        case "one tensor less":
            del state["features.7.conv.2.weight"]
        case "other shape":
            state["features.7.conv.2.weight"] = torch.zeros(32, 192, 1, 1)
        case "one tensor more":
            state["features.19.0.weight"] = torch.zeros(1)
        case "not finite":
            state["features.7.conv.2.weight"] = torch.full_like(state["features.7.conv.2.weight"], torch.nan)
    torch.save(state, tmp_path / "w.pth")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError, match=r"no numbers" if fault == "not finite" else r"weights of a mobilenet_v2 \("):
        load_image_weights(model, tmp_path / "w.pth")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_small_branch_has_no_imagenet_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no ImageNet weights for the small"):
        image_weights("small", None, lambda e: None)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.pth .* --image-weights"):
        image_weights("vgg16", tmp_path / "nowhere.pth", lambda e: None)


def test_local_file_with_a_published_name_and_another_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mobilenet_v2-b0353104.pth"
    path.write_bytes(b"half of it")
    with pytest.raises(UserError, match="SHA-256"):
        image_weights("mobilenet_v2", path, lambda e: None)


# fetched ones


@dataclass
class Server:
    """A server of one file; `cuts` says after how many bytes of each answer the line breaks, None: never."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int | None] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    takes_ranges: bool = True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.ranges.append(asked)
            content = served.files.get(self.path.strip("/"))
            if content is None:
                self.send_error(404)
                return
            first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and served.takes_ranges else 0
            if first and first >= len(content):
                self.send_error(416)
                return
            body = content[first:]
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: served.cuts.pop(0) if served.cuts else None])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Server(f"http://127.0.0.1:{http.server_port}/")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(pretrained, "BASE_URL", served.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield served
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAVENET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def publish(server: Server, monkeypatch: pytest.MonkeyPatch, n_bytes: int = 3 << 20) -> tuple[str, bytes]:
    """Puts a file of random bytes on the server, published under the start of its own hash, as vgg16's weights."""
    content = np.random.default_rng(0).bytes(n_bytes)
    name = f"vgg16-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    server.files[name] = content
    monkeypatch.setitem(pretrained.PUBLISHED, "vgg16", (name,))
    return name, content


def test_weights_are_fetched_once_with_progress_and_then_taken_from_the_cache(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content = publish(server, monkeypatch)
    told: list[events.Event] = []
    path = image_weights("vgg16", None, told.append)
    assert path == cache / name
    assert path.read_bytes() == content
    progress = [event for event in told if isinstance(event, events.Progress)]
    assert len(progress) >= 3
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, 3.0, 3.0)
    assert image_weights("vgg16", None, told.append) == path
    assert len(server.ranges) == 1
    assert not list(cache.glob("*.part"))


def test_cut_off_download_goes_on_from_where_it_was(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, content = publish(server, monkeypatch)
    server.cuts = [1 << 20, 1 << 20]
    assert image_weights("vgg16", None, lambda e: None).read_bytes() == content
    assert server.ranges == [None, f"bytes={1 << 20}-", f"bytes={2 << 20}-"]


def test_what_a_broken_line_left_is_used_by_the_next_run(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content = publish(server, monkeypatch)
    server.cuts = [1000, 1000, 1000]
    with pytest.raises(UserError, match=r"cut off.*--image-weights FILE"):
        image_weights("vgg16", None, lambda e: None)
    assert not (cache / name).exists()
    assert (cache / f"{name}.part").stat().st_size == 3000
    assert image_weights("vgg16", None, lambda e: None).read_bytes() == content
    assert server.ranges[-1] == "bytes=3000-"


def test_server_that_knows_no_ranges_sends_everything_again(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, content = publish(server, monkeypatch)
    server.cuts, server.takes_ranges = [5000], False
    assert image_weights("vgg16", None, lambda e: None).read_bytes() == content


def test_whole_file_that_was_never_renamed_is_checked_and_kept(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content = publish(server, monkeypatch, 1000)
    cache.mkdir()
    (cache / f"{name}.part").write_bytes(content)
    assert image_weights("vgg16", None, lambda e: None).read_bytes() == content


def test_content_with_another_checksum_is_not_kept(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content = publish(server, monkeypatch, 5000)
    server.files[name] = content[:-1] + b"?"
    with pytest.raises(UserError, match=rf"SHA-256 differs.*put {name} into"):
        image_weights("vgg16", None, lambda e: None)
    assert [path.name for path in cache.iterdir() if path.suffix != ".lock"] == []
    server.files[name] = content  # the fault is over: nothing of it is left
    assert image_weights("vgg16", None, lambda e: None).read_bytes() == content


def test_damaged_file_in_the_cache_is_named(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, content = publish(server, monkeypatch, 5000)
    cache.mkdir()
    (cache / name).write_bytes(content[:4000])
    with pytest.raises(UserError, match=r"SHA-256 differs\); remove it"):
        image_weights("vgg16", None, lambda e: None)


def test_missing_file_on_the_server_says_its_answer(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"vgg16-397923af\.pth could not be fetched .*answered 404"):
        image_weights("vgg16", None, lambda e: None)


def test_missing_network_is_one_sentence_that_names_file_folder_and_option(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "BASE_URL", "http://127.0.0.1:9/")  # nothing listens there
    with pytest.raises(UserError) as told:
        image_weights("mobilenet_v2", None, lambda e: None)
    sentence = str(told.value)
    assert "no network" in sentence
    assert f"put mobilenet_v2-b0353104.pth into {cache}" in sentence
    assert "--image-weights FILE" in sentence
    assert "\n" not in sentence


def test_second_published_file_does_as_well_where_it_lies_in_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"weights"
    name = f"resnet50-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setitem(pretrained.PUBLISHED, "resnet50", ("resnet50-00000000.pth", name))
    cache.mkdir()
    (cache / name).write_bytes(content)
    assert image_weights("resnet50", None, lambda e: None) == cache / name


def test_stopped_download_is_kept_for_the_next_time(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content = publish(server, monkeypatch)
    asked = iter([False, False, True])
    with pytest.raises(events.Stop):
        image_weights("vgg16", None, lambda e: None, lambda: next(asked))
    assert 0 < (cache / f"{name}.part").stat().st_size < len(content)
    assert image_weights("vgg16", None, lambda e: None).read_bytes() == content


# the model that a run begins with

SMALL = MODEL_CONFIGS["small"]


def begun(config: ModelConfig, **values: object) -> DAVEnet:
    asked = {"seed": 0, "image_init": "random", "image_weights": None, "start_from": None, "device": "cpu"}
    return first_model(config, **{"emit": lambda e: None, **asked, **values})  # type: ignore[arg-type]


def same(a: DAVEnet, b: DAVEnet, *, part: str = "") -> bool:
    other = b.state_dict()
    return all(torch.equal(value, other[name]) for name, value in a.state_dict().items() if name.startswith(part))


def test_one_seed_gives_one_set_of_weights_and_another_seed_another() -> None:
    first = begun(SMALL, seed=5)
    torch.rand(7)
    assert same(first, begun(SMALL, seed=5))
    assert not same(first, begun(SMALL, seed=6))


def test_imagenet_weights_change_the_image_branch_alone(
    mobilenet_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(mobilenet_state, tmp_path / "m.pth")
    told: list[events.Event] = []
    model = begun(MOBILENET, image_init="imagenet", image_weights=tmp_path / "m.pth", emit=told.append)
    assert torch.equal(model.image_branch.features[0][0].weight, mobilenet_state["features.0.0.weight"])
    assert same(model, begun(MOBILENET), part="audio_branch.")
    assert same(model, begun(MOBILENET), part="image_branch.embedder.")
    assert any("312 tensors" in event.text for event in told if isinstance(event, events.Message))


def test_checkpoint_to_start_from_comes_before_imagenet(tmp_path: Path) -> None:
    from davenet.model.checkpoint import save_checkpoint

    kept = begun(SMALL, seed=9)
    save_checkpoint(tmp_path / "kept.safetensors", kept, metadata={})
    model = begun(SMALL, image_init="imagenet", start_from=tmp_path / "kept.safetensors")
    assert same(model, kept)


def test_checkpoint_of_another_architecture_is_refused_with_both_named(tmp_path: Path) -> None:
    from davenet.model.checkpoint import save_checkpoint

    save_checkpoint(tmp_path / "small.safetensors", begun(SMALL), metadata={})
    with pytest.raises(UserError, match=r"model of small \+ small but a model of mobilenet_v2 \+ small"):
        begun(MOBILENET, start_from=tmp_path / "small.safetensors")


def test_weights_that_nothing_would_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="image_init=imagenet"):
        begun(MOBILENET, image_weights=tmp_path / "m.pth")
