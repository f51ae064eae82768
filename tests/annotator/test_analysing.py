"""The verbs mine and analyse on a project with labels but no media: what they print, write and refuse."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from project_maker import decide, make_video_record

from annotator.cli import main
from annotator.project import Project
from davenet.clips import write_clip
from davenet.labels.detections import Detections, FoodDetection, detections_path, write_detections
from davenet.labels.words import Transcript, Word, transcript_path, write_transcript

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run_it(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run_it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six videos of a minute: eggs are seen for ten seconds and said once, in the plural."""
    with Project.create(tmp_path / "kitchen") as project:
        videos = [make_video_record(number, "validation" if number < 2 else "train") for number in range(6)]
        project.store.add_videos(videos)
        for video in videos:
            write_clip(
                project.clip_path(video.uid),
                frames_jpeg=[b"\xff\xd8"] * 60,
                frame_times_s=np.arange(60.0),
                log_mel=np.zeros((6000, 40), np.float16),
                metadata={"video": video.uid},
            )
            spoken = (Word("eggs", 4.8, 5.2, 0.9), Word("onion", 50.0, 50.4, 0.9))
            write_transcript(
                transcript_path(project.labels_dir, video.uid, "pocketsphinx"),
                Transcript(video.uid, "pocketsphinx", "5.1", "hash", spoken),
            )
            frames = [FoodDetection(float(t), 0.9 if t < 10 else 0.01, (("Egg", 0.9),)) for t in range(60)]
            write_detections(
                detections_path(project.labels_dir, video.uid, "onnx"),
                Detections(video.uid, "onnx", "2", "hash", tuple(frames)),
            )
        return project.path


def test_mine_says_what_it_found_by_what_and_what_changed(run: Run, folder: Path) -> None:
    status, out, _ = run("mine", folder)
    assert status == 0
    assert "Way out: --match lemma, by which plurals count, finds 60 pairs." in out
    status, out, _ = run("mine", folder, "--match", "lemma")
    assert out.splitlines() == [
        "60 food pairs and 60 non-food pairs of 6 videos; 60 wait for review",
        "  validation: 20 food, 20 non-food",
        "  train: 40 food, 40 non-food",
        "words by pocketsphinx (5.1), foods by onnx (2); names matched by lemma",
        "120 new, 0 found again",
    ]
    with Project.open(folder) as project:
        decide(project.store, project.store.queue(reviewer="ann")[:3])  # type: ignore[arg-type]
        mined = project.store.minings()[-1]
        assert mined.settings["match"] == "lemma"
    status, out, _ = run("mine", folder, "--food-threshold", "0.95", "--match", "lemma")
    assert "0 new, 0 found again, 120 no longer found: marked, not deleted (3 of them with verdicts, which stay)" in out
    status, out, _ = run("mine", folder, "--match", "lemma")
    assert "0 new, 120 found again" in out


def test_a_video_passed_over_keeps_its_pairs_and_its_reason(run: Run, folder: Path) -> None:
    run("mine", folder, "--match", "lemma")
    with Project.open(folder) as project:
        path = transcript_path(project.labels_dir, "video-3", "pocketsphinx")
        path.write_bytes(path.read_bytes()[:-9])
    status, out, err = run("mine", folder, "--match", "lemma")
    assert status == 0
    assert "1 video passed over; their pairs stay as they were" in out
    assert "is not JSON" in err
    with Project.open(folder) as project:
        assert len(project.store.pairs_of_video("video-3")) > 10
        assert [problem.video_uid for problem in project.store.problems()] == ["video-3"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mine", "--recogniser", "watson"], "has words by watson; there are those by pocketsphinx"),
        (["mine", "--match", "synonyms"], "Which synonyms"),
        (["mine", "--synonyms", "none.csv"], "does not exist"),
        (["mine", "--food-threshold", "1.5"], "food_threshold"),
        (["analyse", "food-words", "--match", "lemma"], "--match is an option of synchrony"),
        (["analyse", "synchrony", "--food-threshold", "2"], "from 0 to 1"),
        (["analyse", "synchrony", "--split", "test"], "has no test videos"),
        (["analyse", "food-words", "--words", "none.txt"], "cannot be read as a list of food words"),
        (["analyse", "food-words", "--plot", "plot.gif"], ".svg or .png"),
        (["analyse", "food-words", "--csv", "table.txt"], "must end in .csv"),
    ],
)
def test_bad_options_are_told_in_one_line_and_exit_2(run: Run, folder: Path, arguments: list[str], told: str) -> None:
    status, out, err = run(arguments[0], folder, *arguments[1:])
    assert (status, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_food_words_are_printed_beside_the_papers_and_written(run: Run, folder: Path, tmp_path: Path) -> None:
    status, out, _ = run("analyse", folder, "food-words", "--csv", tmp_path / "a.csv", "--plot", tmp_path / "a.svg")
    assert status == 0
    assert "different food words a video    2.0 (95 %: 2.0 to 2.0)  (the paper: 10.5)" in out
    assert "egg 6 (6 videos), onion 6 (6 videos)" in out
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text("utf-8-sig").splitlines()))
    assert [row["name"] for row in rows if row["what"] == "noun"] == ["egg", "onion"]
    assert len([row for row in rows if row["what"] == "video"]) == 6
    assert "<svg" in (tmp_path / "a.svg").read_text("utf-8")


def test_synchrony_is_printed_beside_the_papers_and_one_json_document(run: Run, folder: Path, tmp_path: Path) -> None:
    status, out, _ = run("analyse", folder, "synchrony", "--match", "lemma", "--csv", tmp_path / "s.csv")
    assert status == 0
    assert "within 20 s: 100.0 % (95 %: 100.0 to 100.0)" in out
    assert "the paper: nearly 16 %" in out
    rows = list(csv.DictReader((tmp_path / "s.csv").read_text("utf-8-sig").splitlines()))
    assert [row["share"] for row in rows if row["what"] == "window" and not row["class"]][-1] == "1.0"
    assert sum(int(row["times"]) for row in rows if row["what"] == "offset") == 60
    values = json.loads(run("analyse", folder, "synchrony", "--split", "validation", "--json")[1])
    assert (values["videos"], values["frames"]) == (2, 20)
    assert values["windows"][19] == {"seconds": 20, "share": 0.0, "interval_95": None, "chance": 0.0}
