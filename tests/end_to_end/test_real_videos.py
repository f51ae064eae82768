"""The whole way on real cooking videos with real speech, labeller and recogniser, through the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

from annotator.project import Project
from davenet.clips import open_clip
from davenet.labels.words import newest_transcript, read_transcript

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

EGGS = "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4"
INGREDIENTS = ("Egg", "Milk", "Bread", "Cheese", "Cream", "Banana", "Bell pepper", "Watermelon", "Pasta", "Tomato")
BANANA = "autoeditor_example_banana_at_40s.mp4"


def annotator(repository: Path, *arguments: str | Path) -> dict[str, Any]:
    """Runs one verb as a user does and returns its JSON result; fails with what it said otherwise."""
    command = [sys.executable, str(repository / "main.py"), *map(str, arguments), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, shared_data: Path, repository: Path) -> Path:
    """A project over the real videos, extracted, transcribed, detected and mined by the verbs."""
    folder = tmp_path_factory.mktemp("real") / "project"
    models = shared_data / "models" / "food"
    annotator(repository, "new", folder, "--videos", shared_data / "videos")
    annotator(repository, "extract", folder)
    annotator(repository, "transcribe", folder, "--with", "pocketsphinx")
    classes = models / "object_labeler_labels_en.txt"
    foods = tmp_path_factory.mktemp("classes") / "foods.txt"
    foods.write_text("\n".join(INGREDIENTS) + "\n", "utf-8")
    model = f"onnx:{models / 'object_labeler_f32.onnx'}"
    chosen = ["--classes", classes, "--food-label", "Food", "--food-classes", foods]
    annotator(repository, "detect", folder, "--with", model, *chosen)
    annotator(repository, "mine", folder, "--match", "lemma")
    return folder


def words_of(folder: Path, name: str) -> list[tuple[str, float, float]]:
    with Project.open(folder) as project:
        path = newest_transcript(project.labels_dir, project.find_video(name).uid)
        assert path is not None
        return [(word.word, word.start, word.end) for word in read_transcript(path).words]


def test_every_real_video_with_sound_and_picture_is_extracted(project: Path) -> None:
    with Project.open(project) as opened:
        states = opened.video_states()
        assert len(states) == 5
        assert all(state.is_extracted for state in states)
        clip = open_clip(opened.clip_path(opened.find_video(EGGS).uid))
        assert clip.n_frames == 71  # 70.3 s of picture: seconds 0 to 70
        assert list(clip.frame_times_s[:3]) == [0.0, 1.0, 2.0]


def test_the_recogniser_hears_mayonnaise_and_butter_where_people_annotated_them(project: Path) -> None:
    words = words_of(project, EGGS)
    assert any(word == "mayonnaise" and 19 <= start and end <= 29 for word, start, end in words), words
    assert any(word == "butter" and 37 <= start and end <= 41 for word, start, end in words), words


def test_the_recogniser_hears_banana_at_forty_seconds(project: Path) -> None:
    assert any(word == "banana" and 39.0 <= start <= 42.4 for word, start, _ in words_of(project, BANANA))


def test_mining_finds_a_pair_whose_label_is_among_its_words(project: Path) -> None:
    with Project.open(project) as opened:
        pairs = opened.store.queue("all", reviewer="tester")
        assert pairs, "no food pair was mined from the real videos"
        for pair in pairs:
            assert pair.food_probability is not None and pair.food_probability >= 0.5
            assert pair.label is not None
            assert abs((pair.label.word_start + pair.label.word_end) / 2 - pair.time_s) <= 10


def test_by_lemma_mining_finds_the_egg_that_is_called_eggs_and_exactly_it_does_not(
    project: Path, repository: Path
) -> None:
    exactly = annotator(repository, "mine", project, "--video", EGGS)
    by_lemma = annotator(repository, "mine", project, "--video", EGGS, "--match", "lemma")
    assert exactly["food"] < by_lemma["food"]
    assert by_lemma["settings"]["match"] == "lemma"
    with Project.open(project) as opened:
        uid = opened.find_video(EGGS).uid
        said = {(label.class_name, label.word) for pair in opened.store.pairs_of_video(uid) for label in pair.labels}
    assert ("Egg", "eggs") in said


def test_the_analyses_of_real_videos_are_printed_and_plotted(project: Path, repository: Path, tmp_path: Path) -> None:
    words = annotator(repository, "analyse", project, "food-words", "--plot", tmp_path / "words.svg")
    assert {"mayonnaise", "butter", "banana"} <= {entry["noun"] for entry in words["nouns"]}
    found = annotator(
        repository, "analyse", project, "synchrony", "--match", "lemma", "--plot", tmp_path / "synchrony.png"
    )
    shares = [window["share"] for window in found["windows"]]
    assert len(shares) == 60
    assert shares == sorted(shares)
    assert shares[-1] > 0
    assert (tmp_path / "words.svg").stat().st_size > 1000
    assert (tmp_path / "synchrony.png").read_bytes().startswith(b"\x89PNG")


def test_verdicts_on_real_pairs_are_exported_with_their_provenance(
    project: Path, repository: Path, tmp_path: Path
) -> None:
    with Project.open(project) as opened:
        pairs = opened.store.queue("pending", reviewer="tester")
        for pair in pairs[:2]:
            opened.store.give_verdict(pair.uid, "accept", reviewer="tester", seconds=2.0, window_s=2.0)
    out = tmp_path / "verdicts.jsonl"
    annotator(repository, "review", "export", project, out)
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {line["pair_uid"] for line in lines} >= {pair.uid for pair in pairs[:2]}


def test_matchmaps_are_rendered_over_a_real_video_with_its_own_sound(
    project: Path, repository: Path, tmp_path: Path
) -> None:
    out = tmp_path / "matchmaps.mp4"
    checkpoint = repository / "resources" / "checkpoint" / "kitchen-small.safetensors"
    annotator(repository, "render", project, "pllava_cooking_show_cocoa.mp4", "--checkpoint", checkpoint, "--out", out)
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.duration / av.time_base == pytest.approx(6.4, abs=0.2)
