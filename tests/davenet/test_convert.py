"""Foreign checkpoints: converted ones compute what the original's layers compute, and each key is accounted for.

foreign_checkpoints makes the state dicts and computes what the published programs make of them.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from foreign_checkpoints import (
    D,
    State,
    avlnet,
    davenet_audio,
    davenet_audio_map,
    davenet_image,
    davenet_image_map,
    resdavenet_audio,
    resdavenet_audio_map,
    resdavenet_image,
    resdavenet_image_map,
)
from safetensors.torch import save_file
from torch import Tensor

from davenet import events
from davenet.errors import UserError
from davenet.model.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.convert import convert
from davenet.model.convert_report import report_path
from davenet.model.davenet import DAVEnet
from davenet.specs import ConvertSpec

Images = dict[str, tuple[Path, State]]


@pytest.fixture(autouse=True)
def fixed_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fixes the seed; leaves none of the large files that pytest would keep for three runs, and waits for no disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    torch.manual_seed(0)
    yield
    for path in (*tmp_path.glob("*.pth"), *tmp_path.glob("*.safetensors")):
        path.unlink()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """The image branch of each program, as a file and its state dict: made once, as they are large."""
    folder = tmp_path_factory.mktemp("images")
    made = {"DAVEnet-pytorch": davenet_image(), "ResDAVEnet-VQ": resdavenet_image()}
    for program, state in made.items():
        torch.save(parallel(state), folder / f"{program}.pth")
    yield {program: (folder / f"{program}.pth", state) for program, state in made.items()}
    for program in made:
        (folder / f"{program}.pth").unlink()


def parallel(state: State) -> State:
    return {f"module.{name}": value for name, value in state.items()}


def written(folder: Path, **states: object) -> list[Path]:
    paths = []
    for name, state in states.items():
        paths.append(folder / f"{name}.pth")
        torch.save(state, paths[-1])
    return paths


def converted(folder: Path, files: list[Path], **values: object) -> tuple[DAVEnet, dict]:
    out = folder / "ours.safetensors"
    convert(ConvertSpec(files=files, out=out, **values), lambda e: None, lambda: False)  # type: ignore[arg-type]
    model, _ = load_checkpoint(out)
    return model, json.loads(report_path(out).read_text(encoding="utf-8"))


PROGRAMS: dict[str, tuple[Callable[[], State], Callable[..., Tensor], Callable[..., Tensor]]] = {
    "DAVEnet-pytorch": (davenet_audio, davenet_audio_map, davenet_image_map),
    "ResDAVEnet-VQ": (resdavenet_audio, resdavenet_audio_map, resdavenet_image_map),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_converted_checkpoint_computes_what_the_published_layers_compute(
    tmp_path: Path, images: Images, program: str
) -> None:
    make_audio, audio_map, image_map = PROGRAMS[program]
    audio, (image_file, image) = make_audio(), images[program]
    model, report = converted(tmp_path, [*written(tmp_path, audio_model=audio), image_file])
    sound, picture = torch.rand(2, 40, 90) * -80, torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected_audio, expected_image = audio_map(audio, sound), image_map(image, picture)
        assert expected_audio.std() > 0.01 and expected_image.std() > 0.01
        torch.testing.assert_close(model.audio_map(sound), expected_audio, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(model.image_map(picture), expected_image, atol=1e-3, rtol=1e-3)
    assert report["programs"] == [program]
    assert report["missing"] == []
    assert report["warnings"] == []
    assert {(row["file"], row["key"]) for row in report["keys"]} == {
        *(("audio_model.pth", name) for name in audio),
        *((image_file.name, f"module.{name}") for name in image),
    }


def test_files_are_told_apart_by_what_they_hold_whatever_their_order_and_names(tmp_path: Path, images: Images) -> None:
    swapped = tmp_path / "audio_model.1.pth"
    swapped.write_bytes(images["DAVEnet-pytorch"][0].read_bytes())
    files = [*written(tmp_path, image_model=davenet_audio()), swapped]
    first, _ = converted(tmp_path, files)
    second, _ = converted(tmp_path, files[::-1])
    assert torch.equal(first.image_branch.embedder.bias, images["DAVEnet-pytorch"][1]["image_model.30.bias"])
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def test_report_says_of_every_key_what_became_of_it(tmp_path: Path, images: Images) -> None:
    audio = parallel(resdavenet_audio(quantisers=(2, 3)))
    files = [*written(tmp_path, best_audio_model=audio), images["ResDAVEnet-VQ"][0]]
    told: list[events.Event] = []
    result = convert(ConvertSpec(files=files, out=tmp_path / "o.safetensors"), told.append, lambda: False)
    report = json.loads((tmp_path / "o.safetensors.report.json").read_text(encoding="utf-8"))
    rows = {row["key"]: row for row in report["keys"] if row["file"] == "best_audio_model.pth"}
    assert set(rows) == set(audio)
    assert rows["module.layer1.0.conv1.weight"]["fate"] == "used"
    dropped = {key for key, row in rows.items() if row["fate"] == "dropped"}
    assert dropped == {key for key in rows if "quant" in key or key.startswith("module.batchnorm1.")}
    assert "quantiser" in rows["module.quant2._ema_w"]["why"]
    assert "never applies" in rows["module.batchnorm1.weight"]["why"]
    warnings = [event.text for event in told if isinstance(event, events.Message) and event.level == "warning"]
    assert len(warnings) == 1 and "quant2, quant3" in warnings[0]
    assert report["warnings"] == warnings
    assert (result["renamed"], result["dropped"]) == (0, len(dropped))
    assert result["used"] == len(report["keys"]) - len(dropped)
    assert any("0 dB" in told for told in report["differences"])


def test_report_names_the_new_name_of_a_renamed_key(tmp_path: Path, images: Images) -> None:
    files = [*written(tmp_path, a=parallel(davenet_audio())), images["DAVEnet-pytorch"][0]]
    _, report = converted(tmp_path, files)
    ours = {row["key"]: row["ours"] for row in report["keys"]}
    assert ours["module.batchnorm1.running_var"] == "audio_branch.norm.running_var"
    assert ours["module.conv1.weight"] == "audio_branch.spectral.weight"
    assert ours["module.conv5.bias"] == "audio_branch.temporal.3.bias"
    assert ours["module.image_model.28.weight"] == "image_branch.features.28.weight"
    assert ours["module.image_model.30.weight"] == "image_branch.embedder.weight"
    assert {row["fate"] for row in report["keys"]} == {"renamed"}


def test_counters_that_old_files_lack_are_missing_and_stand_at_nought(tmp_path: Path, images: Images) -> None:
    audio = {k: v for k, v in davenet_audio().items() if not k.endswith("num_batches_tracked")}
    _, report = converted(tmp_path, [*written(tmp_path, a=audio), images["DAVEnet-pytorch"][0]])
    assert report["missing"] == [{"ours": "audio_branch.norm.num_batches_tracked", "stands_there": "0 (a counter)"}]


@pytest.mark.parametrize("widths", [(8, 8, 12, 16, D), (8, 12, 12, 16, D)])
def test_widths_of_the_audio_branch_are_those_of_the_file(
    tmp_path: Path, images: Images, widths: tuple[int, ...]
) -> None:
    model, _ = converted(tmp_path, [*written(tmp_path, a=resdavenet_audio(widths)), images["ResDAVEnet-VQ"][0]])
    assert (*model.config.audio_widths, model.config.embedding) == widths


def test_avlnets_audio_branch_is_kept_and_its_image_branch_begins_at_random(tmp_path: Path) -> None:
    state = avlnet()
    files = written(tmp_path, AVLnet_release=state)
    model, report = converted(tmp_path, files)
    sound = torch.rand(1, 40, 120) * -80
    bare = {name.removeprefix("DAVEnet."): value for name, value in state.items()}
    with torch.no_grad():
        torch.testing.assert_close(model.audio_map(sound), resdavenet_audio_map(bare, sound), atol=1e-4, rtol=1e-4)
    fates = {row["key"]: row for row in report["keys"]}
    assert set(fates) == set(state)
    assert {key for key, row in fates.items() if row["fate"] == "dropped"} == {
        key for key in state if not key.startswith("DAVEnet.") or key.startswith("DAVEnet.batchnorm1.")
    }
    missing = {row["ours"]: row["stands_there"] for row in report["missing"]}
    assert set(missing) == {f"image_branch.{name}" for name in model.image_branch.state_dict()}
    assert missing["image_branch.conv1.weight"] == "random values (seed 0)"
    assert missing["image_branch.bn1.running_var"] == "1"
    assert "image branch is random" in report["warnings"][0]
    again, _ = converted(tmp_path, files)
    other, _ = converted(tmp_path, files, seed=1)
    assert torch.equal(again.image_branch.conv1.weight, model.image_branch.conv1.weight)
    assert not torch.equal(other.image_branch.conv1.weight, model.image_branch.conv1.weight)


def test_metadata_says_which_similarity_the_weights_were_trained_for_and_where_they_come_from(
    tmp_path: Path, images: Images
) -> None:
    for program, kind in (("DAVEnet-pytorch", "misa"), ("ResDAVEnet-VQ", "sisa")):
        files = [*written(tmp_path, a=PROGRAMS[program][0]()), images[program][0]]
        out = tmp_path / f"{program}.safetensors"
        convert(ConvertSpec(files=files, out=out), lambda e: None, lambda: False)
        config, metadata = read_metadata(out)
        assert metadata["training"]["similarity"] == kind
        assert [each["name"] for each in metadata["converted_from"]["files"]] == [path.name for path in files]
        assert config.embedding == D


# what cannot be converted


def refused(folder: Path, files: list[Path], match: str, **values: object) -> None:
    before = set(folder.iterdir())
    with pytest.raises(UserError, match=match) as told:
        converted(folder, files, **values)
    assert "\n" not in str(told.value)
    assert set(folder.iterdir()) == before


def test_missing_file_is_named(tmp_path: Path) -> None:
    refused(tmp_path, [tmp_path / "nowhere.pth"], r"nowhere\.pth")


def test_one_file_of_two_is_refused_with_the_other_ones_name(tmp_path: Path, images: Images) -> None:
    for file, other in (
        (images["DAVEnet-pytorch"][0], "audio_model.N.pth"),
        (images["ResDAVEnet-VQ"][0], "best_audio_model.pth"),
        (written(tmp_path, a=davenet_audio())[0], "image_model.N.pth"),
    ):
        refused(tmp_path, [file], rf"holds only the .* give {other} as well, or add --partial")


def test_one_file_of_two_is_converted_where_that_is_wanted(tmp_path: Path, images: Images) -> None:
    model, report = converted(tmp_path, [images["DAVEnet-pytorch"][0]], partial=True)
    assert (model.config.image_branch, model.config.audio_branch) == ("vgg16", "davenet")
    assert "audio branch is random" in report["warnings"][0]
    assert {row["ours"].split(".")[0] for row in report["missing"]} == {"audio_branch"}


def test_two_files_of_one_branch_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path, epoch_1=resdavenet_audio(), epoch_2=resdavenet_audio())
    refused(tmp_path, files, "both hold the audio branch")


def test_halves_of_two_trainings_that_do_not_fit_are_refused(tmp_path: Path, images: Images) -> None:
    audio = resdavenet_audio((8, 8, 12, 16, 24))
    refused(
        tmp_path, [*written(tmp_path, a=audio), images["ResDAVEnet-VQ"][0]], "24 channels .* of 16: they do not belong"
    )


@pytest.mark.parametrize("fault", ["more", "less"])
def test_layers_that_the_program_never_had_or_lacks_are_refused_unless_wanted(
    tmp_path: Path, images: Images, fault: str
) -> None:
    audio = resdavenet_audio()
    if fault == "more":
        audio |= {name.replace(".1.", ".2.", 1): v for name, v in audio.items() if name.startswith("layer1.1.")}
    else:
        del audio["layer2.0.conv2.weight"]
    files = [*written(tmp_path, a=audio), images["ResDAVEnet-VQ"][0]]
    refused(tmp_path, files, r"--partial to convert the rest")
    _, report = converted(tmp_path, files, partial=True)
    if fault == "more":
        row = next(row for row in report["keys"] if row["file"] == "a.pth" and row["key"] == "layer1.2.conv1.weight")
        assert row["fate"] == "dropped" and "no layer that ResDAVEnet-VQ" in row["why"]
    else:
        assert report["missing"] == [
            {"ours": "audio_branch.layer2.0.conv2.weight", "stands_there": "random values (seed 0)"}
        ]
        assert "1 tensors of the audio branch are random" in report["warnings"][0]


def test_other_shapes_and_values_that_are_no_numbers_are_refused(tmp_path: Path, images: Images) -> None:
    wide, sick = davenet_audio(), davenet_audio()
    wide["conv1.weight"] = torch.zeros(128, 1, 64, 1)
    sick["conv3.bias"][0] = torch.nan
    for audio, match in ((wide, r"conv1\.weight of \(128, 1, 64, 1\) where"), (sick, r"no numbers \(conv3\.bias\)")):
        refused(tmp_path, [*written(tmp_path, a=audio), images["DAVEnet-pytorch"][0]], match)


def test_files_of_no_known_program_are_refused_with_what_to_do(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "own.safetensors", DAVEnet(MODEL_CONFIGS["small"]), metadata={})
    refused(tmp_path, [tmp_path / "own.safetensors"], "checkpoint of this program already")
    save_file({"features.0.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(1)}, tmp_path / "v.safetensors")
    refused(tmp_path, [tmp_path / "v.safetensors"], "--image-weights instead")
    refused(tmp_path, written(tmp_path, b={"encoder.x": torch.zeros(1)}), r"begins with encoder\.x")
    refused(tmp_path, written(tmp_path, o={"state": {0: {}}, "param_groups": []}), "no weights by name")
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><html>Quota exceeded</html>")
    refused(tmp_path, [tmp_path / "page.pth"], "no file of weights")
    (tmp_path / "empty.pth").write_bytes(b"")
    refused(tmp_path, [tmp_path / "empty.pth"], "no file of weights")


@pytest.mark.parametrize("legacy", [True, False])
def test_cut_off_file_is_refused(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "a.pth"
    torch.save(resdavenet_audio(), path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    for kept in (10, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[:kept])
        refused(tmp_path, [path], "cut short")


class Trap:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.folder / "sprung"),))


@pytest.mark.parametrize("how", ["zip", "legacy", "pickle", "module"])
def test_pickle_that_carries_code_is_refused_in_one_sentence_and_never_run(tmp_path: Path, how: str) -> None:
    path = tmp_path / "audio_model.1.pth"
    state: dict[str, object] = {**davenet_audio(), "trap": Trap(tmp_path)}
    match how:
        case "zip":
            torch.save(state, path)
        case "legacy":
            torch.save(state, path, _use_new_zipfile_serialization=False)
        case "pickle":
            path.write_bytes(pickle.dumps(Trap(tmp_path)))
        case "module":
            torch.save(torch.nn.Linear(2, 2), path)
    refused(tmp_path, [path], r"could run code .* was not read")
    assert not (tmp_path / "sprung").exists()


def test_out_is_a_checkpoints_name_and_none_of_the_files(tmp_path: Path) -> None:
    files = written(tmp_path, a=davenet_audio())
    with pytest.raises(UserError, match=r"ends in \.safetensors"):
        convert(ConvertSpec(files=files, out=tmp_path / "ours.pth"), lambda e: None, lambda: False)
    save_file(davenet_audio(), tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="one of the files to convert"):
        convert(
            ConvertSpec(files=[tmp_path / "a.safetensors"], out=tmp_path / "a.safetensors"),
            lambda e: None,
            lambda: False,
        )


# the commands


def ran(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, encoding="utf-8"
    )


def test_command_prints_a_table_and_leaves_checkpoint_and_report(tmp_path: Path) -> None:
    files = written(tmp_path, AVLnet_release=avlnet())
    done = ran("davenet", "convert", *files, "--out", "ours.safetensors", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    row = next(line for line in lines if " DAVEnet.layer1.0.conv1.weight " in line)
    assert row.split() == [
        "AVLnet_release.pth:",
        "DAVEnet.layer1.0.conv1.weight",
        "renamed",
        "audio_branch.layer1.0.conv1.weight",
    ]
    assert any("missing  image_branch: all of it" in line for line in lines)
    assert lines[-1].startswith("ours.safetensors: ")
    assert done.stderr.startswith("! The image branch is random")
    assert {path.name for path in tmp_path.iterdir()} == {
        "AVLnet_release.pth",
        "ours.safetensors",
        "ours.safetensors.report.json",
    }


def test_command_tells_a_users_error_in_one_line(tmp_path: Path) -> None:
    done = ran("davenet", "convert", "nowhere.pth", "--out", "ours.safetensors", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "There is no file nowhere.pth with weights; check its name.\n"


def test_job_by_spec_speaks_the_protocol(tmp_path: Path) -> None:
    files = written(tmp_path, AVLnet_release=avlnet())
    spec = ConvertSpec(files=files, out=tmp_path / "ours.safetensors")
    (tmp_path / "spec.json").write_text(spec.model_dump_json())
    done = ran("davenet", "convert", "--spec", tmp_path / "spec.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [events.from_line(line) for line in done.stdout.splitlines()]
    assert isinstance(told[0], events.Started)
    assert isinstance(told[-1], events.Finished)
    assert told[-1].result["checkpoint"] == str(tmp_path / "ours.safetensors")


def test_annotators_command_converts_without_a_project(tmp_path: Path) -> None:
    files = written(tmp_path, AVLnet_release=avlnet())
    done = ran("annotator.cli", "convert", *files, "--out", tmp_path / "ours.safetensors", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dropped"] > 0
    load_checkpoint(tmp_path / "ours.safetensors")
