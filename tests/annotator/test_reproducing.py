"""Reproducing a table from a project: what is frozen, what is missing, and the command lines of app and core."""

import importlib
import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from project_maker import decide, fill_store, make_video_record

from annotator import verbs
from annotator.cli import main
from annotator.project import Project
from davenet.__main__ import main as core_main
from davenet.clips import write_clip
from davenet.errors import UserError
from davenet.evaluation.galleries import gallery_hash
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript
from davenet.pairs import Pair, read_pairs
from davenet.specs import ReproduceSpec

QUICK = ("--model", "small", "--epochs", "1", "--set", "image_size=32", "--set", "batch_size=16", "--set", "threads=1")
SPLITS = ["train", "validation", "test", "train"]
SECONDS = 40


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Four videos with five food and five non-food pairs each, extracted, and heard to say onion now and then."""
    with Project.create(tmp_path / "kitchen") as made:
        fill_store(made.store, SPLITS)
        random = np.random.default_rng(0)
        for number in range(len(SPLITS)):
            pictures = random.integers(0, 255, (SECONDS, 36, 64, 3)).astype(np.uint8)
            write_clip(
                made.clip_path(f"video-{number}"),
                frames_jpeg=[cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures],
                frame_times_s=np.arange(float(SECONDS)),
                log_mel=random.uniform(-70, -20, (100 * SECONDS, 40)),
                metadata={"video": f"video-{number}", "duration_s": str(SECONDS)},
            )
            words = tuple(Word("onion", 5.0 * n, 5.0 * n + 0.4, 0.9) for n in range(1, 7))
            heard = Transcript(f"video-{number}", "pocketsphinx", "5", "hash", words)
            write_transcript(transcript_path(made.labels_dir, f"video-{number}", "pocketsphinx"), heard)
        yield made


def _pairs(spec: ReproduceSpec, name: str) -> list[Pair]:
    return list(read_pairs(spec.out_dir / f"{name}.pairs.jsonl"))


def _accept(project: Project, n: int = 5) -> None:
    food = [record.to_pair() for record in project.store.queue(reviewer="ann")]
    decide(project.store, [pair for pair in food if pair.video_uid == "video-1"][:n])


def test_a_table_freezes_the_training_videos_pairs_and_the_validation_videos_galleries(project: Project) -> None:
    _accept(project, 4)
    spec = verbs.plan_reproduce(project, "table3", config={"epochs": "3"}, rows=["weak-random"])
    assert spec.config == {"epochs": 3}
    assert spec.out_dir == project.runs_dir / "reproduce-table3"
    uniform, weak, verified = _pairs(spec, "uniform"), _pairs(spec, "weak"), _pairs(spec, "verified")
    assert {pair.video_uid for pair in uniform} == {"video-0", "video-3"}
    assert len(uniform) == 2 * SECONDS
    assert [pair.kind for pair in weak].count("food") == 10  # no verdict was given on them, as in the paper
    assert [pair.kind for pair in weak].count("non-food") == 10
    assert {pair.video_uid for pair in weak} == {"video-0", "video-3"}
    assert {(pair.video_uid, pair.kind) for pair in verified} == {("video-1", "food")}
    assert len(verified) == 4
    assert {pair.video_uid for pair in _pairs(spec, "val-1000")} == {"video-1"}
    assert spec.sources["videos"] == "2 training, 1 validation, of this project"
    assert spec.sources["detector"] == "simulated"
    assert spec.sources["recogniser"] == "pocketsphinx 5"
    assert spec.sources["verdicts"] == "4 of 5 food pairs accepted in this project"


def test_a_table_keeps_what_was_frozen_whatever_is_decided_later(project: Project) -> None:
    _accept(project, 3)
    first = verbs.plan_reproduce(project, "table3")
    _accept(project, 5)
    again = verbs.plan_reproduce(project, "table3")
    assert again == first
    assert len(_pairs(again, "verified")) == 3
    shutil.rmtree(first.out_dir)
    assert len(_pairs(verbs.plan_reproduce(project, "table3"), "verified")) == 5


def test_food_val_1000_holds_the_pairs_around_a_spoken_food(project: Project) -> None:
    spec = verbs.plan_reproduce(project, "table2")
    assert spec.weak_pairs is None
    # "onion" is said from 5.0 to 5.4: its middle lies in the segments of 5 and 6 s, and so on
    assert sorted(pair.time_s for pair in _pairs(spec, "food-val-1000"))[:4] == [5.0, 6.0, 10.0, 11.0]
    assert len(_pairs(spec, "val-1000")) == SECONDS


def test_what_a_table_lacks_is_told_with_the_step_that_brings_it(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="accept food pairs of the validation videos in Review"):
        verbs.plan_reproduce(project, "table3")
    shutil.rmtree(project.labels_dir / "video-1")
    with pytest.raises(UserError, match="transcribe them first"):
        verbs.plan_reproduce(project, "table2")
    project.clip_path("video-1").unlink()
    with pytest.raises(UserError, match=r"val-1000 .* no pairs .*; extract the validation videos"):
        verbs.plan_reproduce(project, "table2")
    for number in (0, 3):
        project.clip_path(f"video-{number}").unlink()
    with pytest.raises(UserError, match=r"No training video .* extract its videos first"):
        verbs.plan_reproduce(project, "table2")
    with Project.create(tmp_path / "bare") as bare:
        bare.store.add_videos([make_video_record(0)])
        shutil.copy(project.clip_path("video-2"), bare.clip_path("video-0"))
        with pytest.raises(UserError, match="have no food pairs; detect their foods"):
            verbs.plan_reproduce(bare, "table3")
        with pytest.raises(UserError, match="has no validation videos"):
            verbs.plan_reproduce(bare, "table2")


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run_it(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run_it


def test_the_command_line_trains_reports_and_evaluates_on_the_papers_galleries(project: Project, run: Run) -> None:
    _accept(project)
    status, out, err = run("reproduce", "table2", project.path, *QUICK, "--json")
    assert status == 0, err
    lines = json.loads(out)["lines"]
    assert [(line["gallery"], line["ours"]["size"]) for line in lines] == [("val-1000", 40), ("food-val-1000", 12)]
    status, out, err = run("reproduce", "table2", project.path, *QUICK)
    assert (status, "is finished; it is not trained again" in err) == (0, True)
    assert "unsupervised on val-1000: audio Recall@10" in out
    assert "(the paper: 18.2 and 18.3 % of 1000)" in out
    assert out.splitlines()[-1] == f"Report: {project.runs_dir / 'reproduce-table2' / 'report.md'}"
    status, out, err = run("reproduce", "table2", project.path, *QUICK, "--set", "epochs=2", "--epochs", "2")
    assert (status, err.count("\n")) == (2, 1)
    assert "trained with epochs 1 instead of 2" in err

    spec = verbs.plan_train(project, "small")
    trained = project.runs_dir / "reproduce-table2" / "unsupervised" / "checkpoints"
    shutil.copytree(trained, spec.run_dir / "checkpoints")
    hashes = {}
    for gallery, size in (("val-1000", 40), ("food-val-1000", 12), ("verified", 5)):
        status, out, err = run("evaluate", project.path, "--run", "latest", "--gallery", gallery, "--json")
        assert status == 0, err
        values = json.loads(out)
        assert (values["gallery"], values["on"], values["gallery_size"]) == (gallery, gallery, size)
        frozen = list(read_pairs(spec.run_dir / f"{gallery}.pairs.jsonl"))
        assert values["gallery_hash"] == gallery_hash(frozen)
        hashes[gallery] = values["gallery_hash"]
    assert hashes["val-1000"] == lines[0]["ours"]["hash"]
    assert set(project.store.run(spec.run_dir.name).result["evaluations"]) == set(hashes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("reproduce table4 {kitchen}", "table4"),
        ("reproduce table2 {kitchen} --rows weak-random", "table2 has no row weak-random; its rows are unsupervised."),
        ("reproduce table2 {kitchen} --set epochs=many", "epochs"),
        ("reproduce table2 {kitchen} --model vgg", "model"),
        ("reproduce table2 {kitchen} --set image_init=imagenet", "leave it to them"),
        ("reproduce table3 {kitchen} --image-weights {kitchen}/none.pth", "accept food pairs"),
        ("reproduce table2 {kitchen} --image-weights {kitchen}/none.pth", "no file {kitchen}/none.pth"),
        ("evaluate {kitchen} --run latest --gallery val-1000", "no run latest"),
        ("evaluate {kitchen} --run latest --gallery val-1000 --on test", "Give either --on or --gallery"),
        ("evaluate {kitchen} --run latest --gallery val-10", "val-10"),
    ],
)
def test_bad_input_is_told_in_one_line(project: Project, run: Run, arguments: str, message: str) -> None:
    status, out, err = run(*(word.format(kitchen=project.path) for word in arguments.split(" ")))
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert message.format(kitchen=project.path) in err


def test_the_core_hands_reproduce_to_whoever_has_registered_it_and_says_so_where_nobody_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reproduce = importlib.import_module("davenet.commands.reproduce")
    monkeypatch.setattr(reproduce, "GROUP", "davenet.commands.tested")
    assert core_main(["reproduce", "table2", "kitchen"]) == 2
    assert "install Matchmap Annotator" in capfd.readouterr().err
    installed = tmp_path / "other-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[davenet.commands.tested]\nreproduce = annotator.cli:main\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert core_main(["reproduce", "table2", str(tmp_path / "nowhere")]) == 2
    assert f"{tmp_path / 'nowhere'} does not exist; create it with" in capfd.readouterr().err


def test_the_package_registers_its_commands_where_they_are(repository: Path) -> None:
    declared = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = [*declared["scripts"].values(), *declared["entry-points"]["davenet.commands"].values()]
    assert {"annotator", "davenet"} <= set(declared["scripts"])
    for entry in entries:
        module, function = entry.split(":")
        assert callable(getattr(importlib.import_module(module), function))
