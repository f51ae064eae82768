"""The command line from end to end on generated videos, and its manners: one line, one JSON document, its status."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from media_maker import make_video
from project_maker import make_project
from typer.main import get_command

from annotator.cli import app, main
from annotator.project import Project
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript

Result = tuple[int, str, str]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command line in this process: (exit status, standard output, standard error)."""

    def run_it(*arguments: object) -> Result:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run_it


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("one", "two"):
        make_video(folder / f"{name}.mp4", seconds=8.0 if name == "one" else 7.0, frame_rate=10, size=(160, 96))
    return folder


def _detections(path: Path) -> Path:
    lines = [
        {"video": name, "time": float(t), "food": 0.9 if t < 5 else 0.01, "top": [["onion", 0.8], ["leek", 0.1]]}
        for name in ("one", "two")
        for t in range(7)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _say_onion(folder: Path) -> None:
    """Puts words beside the videos as a recogniser would."""
    with Project.open(folder) as project:
        for video in project.store.videos():
            words = (Word("the", 2.0, 2.1, 0.9), Word("onion", 2.2, 2.6, 0.9))
            transcript = Transcript(video.uid, "pocketsphinx", "5", video.source_hash, words)
            write_transcript(transcript_path(project.labels_dir, video.uid, "pocketsphinx"), transcript)


def test_the_whole_way_from_a_folder_of_videos_to_a_rendered_matchmap(
    run: Callable[..., Result], videos: Path, tmp_path: Path
) -> None:
    kitchen = tmp_path / "kitchen"
    status, out, _ = run("new", kitchen, "--videos", videos, "--json")
    assert (status, len(json.loads(out)["imported"])) == (0, 2)
    status, out, _ = run("import", kitchen, videos)
    assert (status, out) == (0, "0 videos imported, 2 known\n")
    status, out, _ = run("extract", kitchen, "--json")
    assert (status, len(json.loads(out)["extracted"])) == (0, 2)
    assert run("extract", kitchen)[1] == "0 videos extracted, 2 done before\n"
    status, out, _ = run("detect", kitchen, "--with", f"import:{_detections(tmp_path / 'seen.jsonl')}", "--json")
    assert (status, len(json.loads(out)["detected"])) == (0, 2)
    _say_onion(kitchen)
    status, out, _ = run("mine", kitchen, "--json")
    mined = json.loads(out)
    assert (status, mined["food"], mined["non_food"], mined["pending"]) == (0, 10, 4, 10)

    with Project.open(kitchen) as project:
        for record in project.store.queue(reviewer="ann"):
            project.store.give_verdict(record.uid, "accept", reviewer="ann", seconds=1, window_s=2)
    status, out, _ = run("review", "stats", kitchen, "--json")
    stats = json.loads(out)
    assert (stats["overall"]["accepted"], stats["paper_accepted_share"]) == (10, 0.792)
    assert stats["by_class"]["onion"]["accepted_share_low"] > 0.7
    assert run("review", "export", kitchen, tmp_path / "v.csv")[:2] == (
        0,
        f"10 verdicts written to {tmp_path / 'v.csv'}\n",
    )
    assert "0 new verdicts, 10 known" in run("review", "import", kitchen, tmp_path / "v.csv")[1]

    quick = ("--set", "epochs=1", "--set", "batch_size=4", "--set", "image_size=32", "--set", "threads=1")
    quick += ("--set", "segment_at=frame")  # each word is said once here
    status, out, err = run("train", kitchen, "--preset", "small", *quick, "--json")
    assert status == 0, err
    trained = json.loads(out)
    assert trained["run"] == "001-small"
    assert Path(trained["best_checkpoint"]).exists()
    status, out, _ = run("evaluate", kitchen, "--run", "latest", "--json")
    assert status == 0, out
    assert json.loads(out)["on"] == "validation"
    film = tmp_path / "film.mp4"
    status, out, err = run("render", kitchen, "one.mp4", "--run", "1", "--out", film, "--start", 1, "--end", 2)
    assert (status, out) == (0, f"Rendered {film}\n"), err
    assert film.stat().st_size > 1000
    status, out, err = run("train", kitchen, "--resume", "1")
    assert (status, "is finished" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("import {kitchen} {tmp}/nowhere.mp4", "does not exist"),
        ("import {kitchen} {tmp}/notes.mp4", "notes.mp4"),
        ("import {kitchen} {tmp}/empty.mp4", "empty.mp4"),
        ("import {kitchen} {tmp}/cut.mp4", "cut.mp4"),
        ("import {kitchen} {tmp}/silent.mp4", "sound"),
        ("import {kitchen} {tmp}/blind.mp4", "picture"),
        ("import {kitchen} {tmp}/folder", "holds no video files"),
        ("new {kitchen}", "already is a project"),
        ("new {tmp}/other --videos {tmp}/nowhere", "does not exist"),
        ("extract {tmp}/nowhere", "does not exist"),
        ("extract {tmp}/folder", "is not a project"),
        ("extract {kitchen} --video leek", "no video leek"),
        ("transcribe {kitchen} --with nobody", "nobody"),
        ("detect {kitchen} --with guess", "There is no food detector"),
        ("mine {kitchen}", "detect its foods first"),
        ("train {kitchen}", "accept pairs in Review first"),
        ("train {kitchen} --set epochs", "NAME=VALUE"),
        ("evaluate {kitchen} --run latest", "no run latest"),
        ("render {kitchen} video-0 --run latest --out {tmp}/a.mp4", "no run latest"),
        ("render {kitchen} video-0 --out {tmp}/a.mp4", "--run RUN or --checkpoint FILE"),
        ("render {kitchen} video-0 --checkpoint {tmp}/notes.mp4 --out {tmp}/a.mp4", "notes.mp4"),
        ("review export {kitchen} {tmp}/v.txt", "neither CSV nor JSON lines"),
        ("review import {kitchen} {tmp}/v.csv", "does not exist"),
        ("cook {kitchen}", "No such command"),
        ("extract", "Missing argument"),
        ("extract {kitchen} --loudly", "No such option"),
        ("mine {kitchen} --window-s wide", "--window-s"),
    ],
)
def test_bad_input_is_told_in_one_line_and_exits_2(
    run: Callable[..., Result], tmp_path: Path, arguments: str, message: str
) -> None:
    make_project(tmp_path / "kitchen", ["train"])[0].close()
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.mp4").write_text("These are notes, not a video.\n" * 50)
    (tmp_path / "empty.mp4").write_bytes(b"")
    if "cut.mp4" in arguments:
        whole = make_video(tmp_path / "whole.mp4", seconds=2.0, size=(160, 96)).read_bytes()
        (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    if "silent.mp4" in arguments:
        make_video(tmp_path / "silent.mp4", seconds=2.0, size=(160, 96), sound=None)
    if "blind.mp4" in arguments:
        make_video(tmp_path / "blind.mp4", seconds=2.0, picture=False)
    filled = [word.format(kitchen=tmp_path / "kitchen", tmp=tmp_path) for word in arguments.split(" ")]
    status, out, err = run(*filled)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1, err
    status, out, _ = run(*filled, "--json")
    assert status == 2
    assert out == "" or message in json.loads(out)["error"]  # nothing where the arguments themselves are wrong


def test_a_json_result_is_alone_on_standard_output_whatever_prints(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator import verbs

    def noisy(project: Project, paths: object) -> object:
        print("a library says hello")
        os.write(1, b"a native library says hello\n")
        return plan(project, paths)  # type: ignore[arg-type]

    plan = verbs.plan_import
    monkeypatch.setattr(verbs, "plan_import", noisy)
    make_project(tmp_path / "kitchen", ["train"])[0].close()
    make_video(tmp_path / "one.mp4", seconds=1.0, size=(160, 96))
    status, out, err = run("import", tmp_path / "kitchen", tmp_path / "one.mp4", "--json")
    assert status == 0
    assert len(json.loads(out)["imported"]) == 1
    assert err.count("says hello") == 2


def test_one_bad_video_among_good_ones_is_a_warning(run: Callable[..., Result], videos: Path, tmp_path: Path) -> None:
    (videos / "notes.mp4").write_text("no video")
    status, out, err = run("new", tmp_path / "kitchen", "--videos", videos)
    assert status == 0
    assert "2 videos imported, 1 unusable" in out
    assert "notes.mp4" in err


def test_a_bug_keeps_its_traceback_and_exits_1(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from annotator import verbs

    def broken(project: Project, paths: object) -> object:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(verbs, "plan_import", broken)
    make_project(tmp_path / "kitchen", ["train"])[0].close()
    status, _, err = run("import", tmp_path / "kitchen", tmp_path)
    assert status == 1
    assert "Traceback" in err
    assert "ZeroDivisionError: ours" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_ends_cleanly_keeps_what_is_done_and_the_verb_goes_on(tmp_path: Path, repository: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for n in range(5):
        make_video(videos / f"v{n}.mp4", seconds=10.0 + n, frame_rate=25, size=(320, 180))
    assert main(["new", str(tmp_path / "kitchen"), "--videos", str(videos)]) == 0
    command = [sys.executable, str(repository / "main.py"), "extract", str(tmp_path / "kitchen")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        clips = tmp_path / "kitchen" / "clips"
        while child.poll() is None and not list(clips.glob("*.safetensors")):
            pass
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
    n_done = len(list(clips.glob("*.safetensors")))
    if child.returncode == 0:
        assert n_done == 5  # it was faster than the signal
    else:
        assert (child.returncode, out) == (130, "")
        assert "Traceback" not in err
        assert err.splitlines()[-1].startswith("Stopped; what extract had finished is kept.")
        assert not list(clips.glob(".*"))
    assert main(["extract", str(tmp_path / "kitchen")]) == 0
    assert len(list(clips.glob("*.safetensors"))) == 5


def _verbs() -> list[list[str]]:
    root = get_command(app)
    found: list[list[str]] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found += [[name, sub] for sub in below] if below else [[name]]
    return found


@pytest.mark.parametrize("verb", _verbs(), ids=" ".join)
def test_every_verb_has_help_with_an_example_of_itself(run: Callable[..., Result], verb: list[str]) -> None:
    status, out, _ = run(*verb, "--help")
    assert status == 0
    assert f"Example: annotator {' '.join(verb)}" in re.sub(r"\s+", " ", out)


def test_the_verbs_are_those_that_the_guide_promises() -> None:
    assert {" ".join(verb) for verb in _verbs()} >= {
        "new", "import", "extract", "transcribe", "detect", "mine", "review export", "review import", "review stats",
        "train", "evaluate", "render", "demo", "doctor", "app",
    }  # fmt: skip


def test_help_needs_none_of_the_heavy_packages() -> None:
    code = (
        "import sys; from annotator.cli import main; main(['extract', '--help'])\n"
        "heavy = {'torch', 'cv2', 'PySide6', 'numpy', 'sqlalchemy', 'av'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
