"""Section 4 and 6 on the real corpus and back: YouCook2's annotations with the real videos at hand, through the command line.

Import, extract, transcribe, detect with a real model, mine, analyse, verdicts, a release, and the release in another
project.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from annotator.project import Project
from annotator.store.records import PairRecord

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

EGGS, EGGS_ID = "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4", "xHlBWc-7Kwo"
COCOA = "pllava_cooking_show_cocoa.mp4"
FOODS = ("Egg", "Milk", "Bread", "Cheese", "Cream", "Banana", "Bell pepper", "Watermelon", "Pasta", "Tomato")
REVIEWER = "ann"


@dataclass(frozen=True)
class Told:
    """What a verb said: its JSON result, and its lines as a person reads them."""

    values: dict[str, Any]
    lines: list[str]


@dataclass(frozen=True)
class Kitchen:
    """The project, and what each step on the way said."""

    project: Path
    said: dict[str, Told]

    def pairs(self) -> list[PairRecord]:
        with Project.open(self.project) as opened:
            return opened.store.queue("all", reviewer=REVIEWER)


def annotator(repository: Path, *arguments: str | Path) -> dict[str, Any]:
    """Runs one verb as a user does and returns its JSON result; fails with what it said otherwise."""
    ran = _run(repository, *arguments, "--json")
    result: dict[str, Any] = json.loads(ran)
    return result


def _run(repository: Path, *arguments: str | Path) -> str:
    command = [sys.executable, str(repository / "main.py"), *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def _youcook2(shared_data: Path, videos: Path) -> tuple[str | Path, ...]:
    annotations = shared_data / "annotations" / "youcook2" / "youcookii_annotations_trainval.json"
    return ("youcook2", "--annotations", annotations, "--videos", videos)


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory, shared_data: Path, repository: Path) -> Kitchen:
    base = tmp_path_factory.mktemp("corpus")
    project, said = base / "project", {}

    def do(step: str, *arguments: str | Path) -> None:
        said[step] = Told(annotator(repository, *arguments), [])

    annotator(repository, "new", project)
    do("import", "import", project, *_youcook2(shared_data, shared_data / "videos"))
    do("others", "import", project, shared_data / "videos" / COCOA)
    do("extract", "extract", project)
    do("transcribe", "transcribe", project, "--with", "pocketsphinx")
    models = shared_data / "models" / "food"
    labeller = ["--with", f"onnx:{models / 'object_labeler_f32.onnx'}"]
    labeller += ["--classes", str(models / "object_labeler_labels_en.txt")]
    do("detect all foods", "detect", project, *labeller)
    said["mine all foods"] = Told(
        annotator(repository, "mine", project), _run(repository, "mine", project).splitlines()
    )
    foods = base / "foods.txt"
    foods.write_text("\n".join(FOODS) + "\n", "utf-8")
    do("detect", "detect", project, *labeller, "--food-label", "Food", "--food-classes", foods)
    said["mine exactly"] = Told(annotator(repository, "mine", project), _run(repository, "mine", project).splitlines())
    do("mine", "mine", project, "--match", "lemma")
    return Kitchen(project, said)


def test_the_corpus_comes_in_with_the_one_video_that_is_at_hand_and_lists_the_others(kitchen: Kitchen) -> None:
    summary = kitchen.said["import"].values
    assert (len(summary["imported"]), len(summary["missing"])) == (1, 1999)
    assert {name: each["published"] for name, each in summary["published"].items()} == {
        "train": 1333,
        "validation": 457,
        "test": 210,
    }
    with Project.open(kitchen.project) as project:
        eggs = project.find_video(EGGS)
        assert (eggs.corpus, eggs.corpus_id, eggs.split) == ("youcook2", EGGS_ID, "train")
        assert eggs.recipe_type == "scrambled eggs"
        assert len(project.store.described_segments(eggs.uid)) == 5


def test_table_1_counts_the_videos_that_are_here_beside_the_papers(kitchen: Kitchen, repository: Path) -> None:
    rows = annotator(repository, "stats", kitchen.project)["table1"]
    train = next(row for row in rows if row["name"] == "YC2 Train")
    assert (train["ours"]["videos"], train["paper"]["videos"]) == (1, 1262)
    assert train["ours"]["mean_s"] == pytest.approx(70.4, abs=0.1)


def test_where_the_models_own_foods_give_no_pair_mining_says_what_it_saw_and_heard_and_the_way_out(
    kitchen: Kitchen,
) -> None:
    told = kitchen.said["mine all foods"]
    assert told.values["food"] == 0
    why = told.values["no_pair"]
    assert why["n_food_frames"] >= 30
    assert "egg" in {noun for noun, _ in why["said"]}
    assert {"Snack", "Salad"} <= {name for name, _ in why["seen"]}
    assert any("egg 2" in line for line in told.lines)
    assert "--food-classes FILE" in told.lines[-1]


def test_where_only_plurals_are_said_mining_says_so_and_its_number_is_what_lemma_then_gives(kitchen: Kitchen) -> None:
    exactly = kitchen.said["mine exactly"]
    assert exactly.values["food"] == 0
    n_by_lemma = exactly.values["no_pair"]["by_lemma"]
    assert n_by_lemma == kitchen.said["mine"].values["food"] > 10
    assert exactly.lines[-1] == f"Way out: --match lemma, by which plurals count, finds {n_by_lemma} pairs."


def test_as_many_non_food_pairs_are_drawn_and_every_food_pair_rests_on_a_word_near_it(kitchen: Kitchen) -> None:
    mined = kitchen.said["mine"].values
    assert mined["food"] == mined["non_food"] == len(kitchen.pairs())
    for pair in kitchen.pairs():
        assert pair.label is not None and pair.food_probability is not None
        assert (pair.label.class_name, pair.label.word.lower().rstrip("s")) == ("Egg", "egg")
        assert abs((pair.label.word_start + pair.label.word_end) / 2 - pair.time_s) <= 10


def test_the_papers_analyses_are_printed_beside_its_figures(kitchen: Kitchen, repository: Path) -> None:
    words = annotator(repository, "analyse", kitchen.project, "food-words")
    assert words["paper"] == {"mean_unique": 10.5, "mean_total": 22.0}
    assert {"mayonnaise", "egg", "cocoa"} <= {entry["noun"] for entry in words["nouns"]}
    synchrony = annotator(repository, "analyse", kitchen.project, "synchrony", "--match", "lemma")
    at_20 = next(window for window in synchrony["windows"] if window["seconds"] == 20)
    assert at_20["share"] > at_20["chance"]


def test_the_papers_galleries_are_frozen_with_a_hash_that_stays(kitchen: Kitchen, tmp_path: Path) -> None:
    from annotator.verbs.galleries import freeze

    with Project.open(kitchen.project) as project:
        size, name = freeze(project, "val-1000", tmp_path / "val.jsonl")
        assert size == 7  # the frames of the one validation video
        assert freeze(project, "val-1000", tmp_path / "again.jsonl") == (size, name)
        spoken, _ = freeze(project, "food-val-1000", tmp_path / "food.jsonl")
        assert 2 <= spoken <= size


def test_the_release_gives_another_project_the_same_pairs_and_verdicts(
    kitchen: Kitchen, repository: Path, shared_data: Path, tmp_path: Path
) -> None:
    _give_verdicts(kitchen, repository, tmp_path / "verdicts.jsonl")
    release = tmp_path / "release"
    exported = annotator(repository, "export", "release", kitchen.project, release, "--licence", "cc-by-4.0")
    assert exported["verdicts"] == 3

    # a second project knows the corpus, but the video comes later, by its name
    other, folder = tmp_path / "other", tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copyfile(shared_data / "videos" / COCOA, folder / "GLd3aX16zBg.mp4")  # stands in for another of the corpus
    annotator(repository, "new", other)
    annotator(repository, "import", other, *_youcook2(shared_data, folder))
    (renamed := folder / f"Scrambled eggs [{EGGS_ID}].mp4").write_bytes((shared_data / "videos" / EGGS).read_bytes())
    named = annotator(repository, "import", other, renamed)
    assert list(named["named"].values()) == [EGGS_ID]
    taken = _import(repository, other, release)
    assert taken["new_pairs"] == exported["pairs"] and taken["new_verdicts"] == 3
    assert _contents(other) == _contents(kitchen.project)
    again = _import(repository, other, release)
    assert (again["new_pairs"], again["new_verdicts"]) == (0, 0)


def test_datasets_loads_the_release_offline(kitchen: Kitchen, repository: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the datasets library is not installed (pip install datasets)")
    release = tmp_path / "release"
    exported = annotator(repository, "export", "release", kitchen.project, release)
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    load = (
        "import sys, json, datasets\n"
        "pairs = datasets.load_dataset(sys.argv[1])\n"
        "rows = [row for split in pairs.values() for row in split]\n"
        "print(json.dumps([len(rows), sorted({each['class_name'] for row in rows for each in row['labels']})]))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", load, str(release)], env={**os.environ, **offline}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == [exported["pairs"], ["Egg"]]


def _import(repository: Path, project: Path, release: Path) -> dict[str, Any]:
    return annotator(repository, "import release", project, release)


def _give_verdicts(kitchen: Kitchen, repository: Path, file: Path) -> None:
    """Gives three verdicts as a person's file brings them from elsewhere."""
    decisions = ("accept", "reject", "unsure")
    with Project.open(kitchen.project) as project:
        hashes = {video.uid: video.source_hash for video in project.store.videos()}
    lines = [
        {
            "verdict_uid": f"real-{place}",
            "decision": decision,
            "reviewer": REVIEWER,
            "given_at": f"2026-01-02T03:04:0{place}+00:00",
            "seconds": 2.5,
            "window_s": 20.0,
            "blind": False,
            "pair_uid": pair.uid,
            "source_hash": hashes[pair.video_uid],
            "time_s": pair.time_s,
            "kind": pair.kind,
        }
        for place, (pair, decision) in enumerate(zip(kitchen.pairs(), decisions, strict=False))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert annotator(repository, "review", "import", kitchen.project, file)["new"] == 3


def _contents(folder: Path) -> list[tuple[Any, ...]]:
    """Returns of each pair of the eggs what does not depend on the project."""
    with Project.open(folder) as project:
        uid = next(video.uid for video in project.store.videos() if video.corpus_id == EGGS_ID)
        return sorted(
            (
                pair.kind,
                pair.time_s,
                pair.segment_s,
                pair.food_probability,
                str(pair.labels),
                sorted((each.reviewer, each.decision) for each in project.store.history(pair.uid)),
            )
            for pair in project.store.pairs_of_video(uid)
        )
