"""Corpora into projects, from the command line to the database: real annotations, a real video, all or nothing."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from media_maker import make_video
from project_maker import decide, make_pair, make_project, make_video_record

from annotator import verbs
from annotator.cli import main
from annotator.project import Project
from annotator.store import DATABASE, open_store
from annotator.store.opening import MIGRATIONS, migrate, open_engine
from davenet.corpora.entries import DescribedSegment
from davenet.corpora.language import Heard
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.specs import YouCook2Source

Result = tuple[int, str, str]
SCRAMBLED = "xHlBWc-7Kwo"
SECOND, THIRD = "GLd3aX16zBg", "-rJ5CI0hXHA"  # of the published training and of the test ids


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run_it(*arguments: object) -> Result:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run_it


@pytest.fixture
def youcook2(shared_data: Path) -> Path:
    return shared_data / "annotations" / "youcook2"


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    Project.create(tmp_path / "kitchen").close()
    return tmp_path / "kitchen"


def _rows(project: Path) -> list[tuple[str, str, str, str, str]]:
    with Project.open(project) as opened:
        return sorted((v.corpus, v.corpus_id, v.split, v.recipe_type, v.language) for v in opened.store.videos())


def _import_youcook2(run: Callable[..., Result], kitchen: Path, youcook2: Path, videos: Path, *more: object) -> Result:
    annotations = youcook2 / "youcookii_annotations_trainval.json"
    return run("import", kitchen, "youcook2", "--annotations", annotations, "--videos", videos, *more)


def test_the_real_corpus_with_its_real_video_comes_in_and_what_is_missing_is_listed(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, shared_data: Path
) -> None:
    status, out, err = _import_youcook2(run, kitchen, youcook2, shared_data / "videos", "--json")
    assert status == 0, err
    summary = json.loads(out)
    assert (len(summary["imported"]), len(summary["missing"]), summary["ids"]) == (1, 1999, 2000)
    assert summary["published"]["train"] == {"published": 1333, "paper": 1262, "present": 1}
    assert summary["published"]["test"] == {"published": 210, "paper": 205, "present": 0}
    with open(summary["not_imported"], encoding="utf-8") as file:
        missing = list(csv.DictReader(file))
    assert [row["id"] for row in missing] == summary["missing"]
    assert missing[0]["reason"] == f"not found below {shared_data / 'videos'}"
    assert _rows(kitchen) == [("youcook2", SCRAMBLED, "train", "scrambled eggs", "")]
    with Project.open(kitchen) as project:
        uid = summary["imported"][0]
        segments = project.store.described_segments(uid)
        assert (len(segments), segments[0]) == (5, DescribedSegment(19, 33, "mix mayonnaise with water and add 2 eggs"))
        assert project.store.split_sources()["youcook2"].startswith("published (train_list.txt, ")
        assert not list(project.cache_dir.iterdir())
    status, out, _ = _import_youcook2(run, kitchen, youcook2, shared_data / "videos", "--split-by", "seed:3")
    assert status == 0
    assert out.splitlines()[0] == "0 videos imported, 1 known, 1999 not found"
    assert "seeded 67-23-10, seed 3" in out


def test_stats_prints_table_1_beside_the_papers_and_writes_it(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, shared_data: Path, tmp_path: Path
) -> None:
    assert run("stats", kitchen)[0] == 0  # of an empty project: the paper's figures alone
    assert _import_youcook2(run, kitchen, youcook2, shared_data / "videos")[0] == 0
    status, out, _ = run("stats", kitchen, "--out", tmp_path / "t.csv", "--plot", tmp_path / "t.svg")
    assert status == 0
    line = next(line for line in out.splitlines() if line.startswith("YC2 Train"))
    assert line.split()[2:] == ["1", "70.4", "70.4", "70.4", "1262", "46.0", "1106.1", "317.7"]
    assert "Splits of YouCook2: published (" in out
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "YC2 Train,1,70.4,70.4,70.4,1262,46.0,1106.1,317.7"
    assert (tmp_path / "t.svg").read_text().startswith("<svg")
    values = json.loads(run("stats", kitchen, "--json")[1])
    assert values["table1"][3]["paper"] == {"videos": 3535, "shortest_s": 119.0, "longest_s": 499.8, "mean_s": 275.5}
    for option, name in (("--out", "t.txt"), ("--plot", "t.pdf")):
        status, out, err = run("stats", kitchen, option, tmp_path / name)
        assert (status, out, err.count("\n")) == (2, "", 1)


def test_videos_from_two_folders_make_one_corpus_with_one_way_to_split(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    make_video(tmp_path / "one" / f"{SCRAMBLED}.mp4", seconds=2.0, size=(160, 96))
    (tmp_path / "two" / "testing" / "405").mkdir(parents=True)
    make_video(tmp_path / "two" / "testing" / "405" / f"{THIRD}.mkv", seconds=3.0, size=(160, 96))
    assert _import_youcook2(run, kitchen, youcook2, tmp_path / "one")[0] == 0
    status, out, _ = _import_youcook2(run, kitchen, youcook2, tmp_path / "two", "--json")
    summary = json.loads(out)
    assert (status, len(summary["imported"]), len(summary["known"]), len(summary["missing"])) == (0, 1, 1, 1998)
    assert [summary["published"][split]["present"] for split in ("train", "validation", "test")] == [1, 0, 1]
    assert _rows(kitchen) == [
        ("youcook2", THIRD, "test", "indian lamb curry", ""),
        ("youcook2", SCRAMBLED, "train", "scrambled eggs", ""),
    ]
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "val_list.txt").write_text(f"{SCRAMBLED}\n{THIRD}\n")
    _, out, _ = _import_youcook2(run, kitchen, youcook2, tmp_path / "two", "--split-by", "lists", "--splits", lists)
    assert "2 known videos are in another split now." in out
    assert {row[2] for row in _rows(kitchen)} == {"validation"}  # also of the one that does not lie in this folder


def test_a_file_that_comes_later_is_known_by_the_id_in_its_name(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, tmp_path: Path
) -> None:
    for folder in ("corpus", "later"):
        (tmp_path / folder).mkdir()
    make_video(tmp_path / "corpus" / f"{SCRAMBLED}.mp4", seconds=2.0, size=(160, 96))
    make_video(tmp_path / "later" / f"Lamb curry [{THIRD}].mp4", seconds=3.0, size=(160, 96))
    make_video(tmp_path / "later" / "my own.mp4", seconds=2.5, size=(160, 96))
    status, out, _ = run("import", kitchen, tmp_path / "later" / "my own.mp4", "--json")
    assert (status, json.loads(out)["named"]) == (0, {})
    summary = json.loads(_import_youcook2(run, kitchen, youcook2, tmp_path / "corpus", "--json")[1])
    assert THIRD in summary["missing"]
    status, out, _ = run("import", kitchen, tmp_path / "later")
    assert status == 0
    assert out.splitlines() == [
        "1 video imported, 1 known",
        f"1 of YouCook2 by their names, with what its annotations say of them: {THIRD}",
    ]
    assert ("youcook2", THIRD, "test", "", "") in _rows(kitchen)  # test ids have no recipe type but by their folders
    assert sum(row[0] == "" for row in _rows(kitchen)) == 1  # a name without an id stays a person's own
    listed = Path(summary["not_imported"]).read_text("utf-8")
    assert THIRD not in listed and SECOND in listed
    with Project.open(kitchen) as project:
        assert project.store.split_sources()["youcook2"].startswith("published (")
    assert run("import", kitchen, tmp_path / "later", "--json")[0] == 0
    assert len(_rows(kitchen)) == 3


def test_what_is_kept_of_the_annotations_may_be_damaged_and_is_told_in_a_line(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, tmp_path: Path
) -> None:
    make_video(tmp_path / f"{SCRAMBLED}.mp4", seconds=2.0, size=(160, 96))
    assert _import_youcook2(run, kitchen, youcook2, tmp_path)[0] == 0
    (kept := kitchen / "corpora" / "youcook2.known.jsonl").write_bytes(kept.read_bytes()[:-9])
    make_video(tmp_path / f"{SECOND}.mp4", seconds=3.0, size=(160, 96))
    status, out, err = run("import", kitchen, tmp_path)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "import YouCook2's annotations again" in err


def _files(project: Path) -> list[Path]:
    return sorted(path for path in project.rglob("*") if not path.name.endswith(("-wal", "-shm")))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("cut", "is not whole JSON"),
        ("subset", "subset is 'holdout'"),
        ("twice", "is there twice"),
        ("lists", "The splits overlap"),
        ("recipes", "no recipe type such as"),
    ],
)
def test_bad_annotations_leave_the_project_as_it_was(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, tmp_path: Path, spoil: str, told: str
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(youcook2, bad, copy_function=shutil.copyfile)
    annotations = bad / "youcookii_annotations_trainval.json"
    text = annotations.read_text()
    match spoil:
        case "cut":
            annotations.write_text(text[: len(text) // 2])
        case "subset":
            annotations.write_text(text.replace('"validation"', '"holdout"', 1))
        case "twice":
            annotations.write_text(text.replace(SECOND, SCRAMBLED))
        case "lists":
            (bad / "test_list.txt").write_text(f"{SCRAMBLED}\n")
        case "recipes":
            (bad / "label_foodtype.csv").write_text("pie\n")
    (tmp_path / "videos").mkdir()
    make_video(tmp_path / "videos" / f"{SCRAMBLED}.mp4", seconds=1.0, size=(160, 96))
    with closing(sqlite3.connect(kitchen / DATABASE)) as database:
        before = list(database.iterdump())
    files = _files(kitchen)
    status, out, err = _import_youcook2(run, kitchen, bad, tmp_path / "videos")
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert told in err
    with closing(sqlite3.connect(kitchen / DATABASE)) as database:
        assert list(database.iterdump()) == before
    assert _files(kitchen) == files


def test_a_damaged_copy_is_passed_over_for_another_and_listed_where_there_is_none(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, tmp_path: Path
) -> None:
    videos = tmp_path / "videos"
    (videos / "other").mkdir(parents=True)
    (videos / f"{SCRAMBLED}.mp4").write_bytes(b"no video" * 9000)
    make_video(videos / "other" / f"film {SCRAMBLED} 2.mp4", seconds=1.0, size=(160, 96))
    (videos / f"{SECOND}.mp4").write_bytes(b"no video either")
    status, out, err = _import_youcook2(run, kitchen, youcook2, videos)
    assert status == 0
    assert out.splitlines()[0] == "1 video imported, 1 unusable, 1998 not found"
    assert f"{SECOND}.mp4" in err
    with open(kitchen / "corpora" / "youcook2.not-imported.csv", encoding="utf-8") as file:
        reasons = {row["id"]: row for row in csv.DictReader(file)}
    assert "is not a video" in reasons[SECOND]["reason"]
    with Project.open(kitchen) as project:
        assert [problem.path.name for problem in project.store.problems()] == [f"{SECOND}.mp4"]


def test_a_corpus_none_of_whose_videos_is_here_is_an_error(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, tmp_path: Path
) -> None:
    (tmp_path / "videos").mkdir()
    status, out, err = _import_youcook2(run, kitchen, youcook2, tmp_path / "videos")
    assert (status, out) == (2, "")
    assert f"None of the 2000 videos was found below {tmp_path / 'videos'}" in err


def test_the_cooking_part_of_youtube_8m_in_english_and_with_speech(
    run: Callable[..., Result], kitchen: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from davenet.corpora import importing

    monkeypatch.setattr(importing, "can_listen", lambda: False)  # no test fetches a model
    videos = tmp_path / "videos"
    videos.mkdir()
    ids = {"EEEEEEEEEEE": "en", "SSSSSSSSSSS": "es", "UUUUUUUUUUU": None, "QQQQQQQQQQQ": "en"}
    shutil.copyfile(shared_data / "videos" / "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4", videos / "Eggs [EEEEEEEEEEE].mp4")
    make_video(videos / "Huevos [SSSSSSSSSSS].mp4", seconds=1.0, size=(160, 96))
    shutil.copyfile(shared_data / "videos" / "pllava_cooking_show_cocoa.mp4", videos / "Cocoa [UUUUUUUUUUU].mp4")
    make_video(videos / "Music [QQQQQQQQQQQ].mp4", seconds=4.0, size=(160, 96))
    for each, tag in ids.items():
        (videos / f"{each}.info.json").write_text(json.dumps({"id": each, "language": tag}))
    (tmp_path / "labels.csv").write_text("id,labels\n" + "".join(f"{each},11\n" for each in [*ids, "ZZZZZZZZZZZ"]))
    vocabulary = shared_data / "annotations" / "youtube8m" / "vocabulary.csv"
    given = ("--records", tmp_path / "labels.csv", "--vocabulary", vocabulary, "--videos", videos)
    status, out, err = run("import", kitchen, "youtube8m", *given, "--json")
    assert status == 0, err
    summary = json.loads(out)
    reasons = {entry["id"]: entry["reason"] for entry in summary["left_out"]}
    assert summary["missing"] == ["ZZZZZZZZZZZ"]
    assert reasons["SSSSSSSSSSS"] == "its language is es by its metadata"
    assert reasons["QQQQQQQQQQQ"] == "no speech (0.0 % of its sound)"
    assert _rows(kitchen)[0] == ("youtube8m", "EEEEEEEEEEE", "train", "", "en")
    with Project.open(kitchen) as project:
        share = next(v.speech_share for v in project.store.videos() if v.corpus_id == "EEEEEEEEEEE")
    assert share is not None and 0.3 < share < 0.8
    assert run("import", kitchen, "youtube8m", *given, "--language", "any", "--least-speech", 0)[0] == 0
    assert len(_rows(kitchen)) == 4
    line = next(line for line in run("stats", kitchen)[1].splitlines() if line.startswith("YT8 English"))
    assert line.split()[2] == "2"


class _Stand:
    """Stands for the model, which no test may fetch."""

    name = "a stand-in"

    def hear(self, path: Path) -> Heard:
        return (
            Heard("en", 0.9) if "Eggs" in path.name else Heard("de", 0.9) if "Brot" in path.name else Heard("fr", 0.3)
        )


def test_without_a_tag_the_language_is_heard_and_without_the_extra_one_line_says_so(
    run: Callable[..., Result], kitchen: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from davenet.corpora import importing

    videos = tmp_path / "videos"
    videos.mkdir()
    for seconds, name in enumerate(("Eggs EEEEEEEEEEE", "Brot BBBBBBBBBBB", "Soup SSSSSSSSSSS"), 1):
        make_video(videos / f"{name}.mp4", seconds=float(seconds), size=(160, 96))
    (tmp_path / "labels.csv").write_text("id,labels\nEEEEEEEEEEE,11\nBBBBBBBBBBB,11\nSSSSSSSSSSS,11\n")
    vocabulary = shared_data / "annotations" / "youtube8m" / "vocabulary.csv"
    given = ("--records", tmp_path / "labels.csv", "--vocabulary", vocabulary, "--videos", videos, "--least-speech", 0)
    monkeypatch.setattr(importing, "can_listen", lambda: False)
    status, _, err = run("import", kitchen, "youtube8m", *given)
    assert status == 0
    assert "3 videos have no language in their metadata and are left out" in err
    assert 'pip install "matchmap-annotator[whisper]"' in err
    assert _rows(kitchen) == []
    monkeypatch.setattr(importing, "can_listen", lambda: True)
    monkeypatch.setattr(importing, "whisper_identifier", lambda model: _Stand())
    status, out, err = run("import", kitchen, "youtube8m", *given, "--json")
    assert [row[1:] for row in _rows(kitchen)] == [("EEEEEEEEEEE", "train", "", "en")]
    assert {entry["id"]: entry["reason"] for entry in json.loads(out)["left_out"]} == {
        "BBBBBBBBBBB": "its language is de",
        "SSSSSSSSSSS": "its language is unsure (fr, 0.30)",
    }


def test_a_test_video_of_youcook2_never_trains_under_another_corpus(
    run: Callable[..., Result], kitchen: Path, youcook2: Path, shared_data: Path, tmp_path: Path
) -> None:
    videos, more = tmp_path / "videos", tmp_path / "more"
    videos.mkdir()
    more.mkdir()
    make_video(videos / f"{THIRD}.mp4", seconds=2.0, size=(160, 96))
    make_video(
        more / f"{THIRD}.webm", seconds=2.0, size=(160, 96), codec="libvpx"
    )  # another download of the same video
    (tmp_path / "labels.csv").write_text(f"id,labels\n{THIRD},11\n")
    vocabulary = shared_data / "annotations" / "youtube8m" / "vocabulary.csv"
    of_8m = ("--records", tmp_path / "labels.csv", "--vocabulary", vocabulary, "--language", "any", "--least-speech", 0)
    assert run("import", kitchen, "youtube8m", *of_8m, "--videos", more)[0] == 0
    assert _rows(kitchen)[0][:3] == ("youtube8m", THIRD, "train")
    assert _import_youcook2(run, kitchen, youcook2, videos)[0] == 0
    assert [row[:3] for row in _rows(kitchen)] == [("youcook2", THIRD, "test")]
    out = run("import", kitchen, "youtube8m", *of_8m, "--videos", more, "--json")[1]
    assert json.loads(out)["left_out"] == [{"id": THIRD, "reason": f"already in the project, as {THIRD} of youcook2"}]
    assert run("import", kitchen, "folder", videos)[0] == 0
    assert [row[:3] for row in _rows(kitchen)] == [("youcook2", THIRD, "test")]


def test_an_own_folder_with_its_table(run: Callable[..., Result], kitchen: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "pies").mkdir(parents=True)
    make_video(own / "a.mp4", seconds=1.0, size=(160, 96))
    make_video(own / "pies" / "b.mp4", seconds=2.0, size=(160, 96))
    assert run("import", kitchen, own / "a.mp4")[0] == 0  # known already, of no corpus
    (own / "about.csv").write_text("video,split,recipe type,language\na.mp4,test,omelette,en\npies/b.mp4,val,pie,de\n")
    status, out, _ = run("import", kitchen, "folder", own, "--table", own / "about.csv")
    assert (status, out.splitlines()[0]) == (0, "1 video imported, 1 known")
    assert _rows(kitchen) == [
        ("folder", "a.mp4", "test", "omelette", "en"),
        ("folder", "pies/b.mp4", "validation", "pie", "de"),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("youcook2", "needs --annotations and --videos"),
        ("youcook2 more --annotations a --videos b", "takes no further paths (more)"),
        ("youcook2 --annotations {tmp}/none.json --videos {tmp}", "none.json does not exist"),
        ("youtube8m --videos {tmp}", "needs --records and --vocabulary"),
        ("folder", "needs one folder; 0 were given"),
        ("folder {tmp}/none", "does not exist"),
        ("folder {tmp} --split-by published", "has no published split"),
        ("folder {tmp} --split-by half", "use published, lists, or seed:N"),
        ("folder {tmp} --records a", "--records is not an option of folder, only of youtube8m"),
        ("{tmp} --table a.csv", "--table belongs to a corpus"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    run: Callable[..., Result], kitchen: Path, tmp_path: Path, arguments: str, told: str
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    status, out, err = run("import", kitchen, *[word.format(tmp=tmp_path) for word in arguments.split(" ")])
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert told in err


def test_a_folder_that_is_called_like_a_corpus_is_meant_with_a_dot_before_it(
    run: Callable[..., Result], kitchen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "youcook2").mkdir()
    make_video(tmp_path / "youcook2" / "a.mp4", seconds=1.0, size=(160, 96))
    monkeypatch.chdir(tmp_path)
    status, _, err = run("import", kitchen, "youcook2")
    assert status == 2
    assert "For the folder youcook2 itself write ./youcook2." in err
    assert run("import", kitchen, "./youcook2")[:2] == (0, "1 video imported\n")


def test_test_videos_of_a_corpus_never_train_however_few_the_others_are(tmp_path: Path) -> None:
    project, pairs = make_project(tmp_path / "kitchen", ["train", "validation", "test"])
    records = [make_video_record(number, split) for number, split in enumerate(("train", "validation", "test"))]
    project.store.put_corpus("youcook2", [_of(record) for record in records], {}, splits="published")
    by_video = {record.split: [pair for pair in pairs if pair.video_uid == record.uid] for record in records}
    decide(project.store, by_video["test"] + by_video["validation"])
    with pytest.raises(UserError, match="have no accepted pairs and training needs at least 2"):
        verbs.accepted_split(project)
    decide(project.store, by_video["train"][:3])
    spec = verbs.plan_train(project, "small", with_non_food=False)
    trained = {json.loads(line)["video_uid"] for line in spec.train_pairs.read_text().splitlines()}
    assert trained == {"video-0"}
    project.close()


def _of(record: object) -> object:
    from dataclasses import replace

    return replace(record, corpus="youcook2", corpus_id=record.uid)  # type: ignore[type-var, attr-defined]


def test_a_corpus_goes_in_whole_or_not_at_all(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    good, bad = make_video_record(0), make_video_record(1)
    wrong = [DescribedSegment(0.0, 1.0, "stir"), DescribedSegment(1.0, 2.0, None)]  # type: ignore[arg-type]
    with pytest.raises(Exception, match="NOT NULL"):
        store.put_corpus("youcook2", [good, bad], {bad.uid: wrong}, splits="published")
    assert (store.videos(), store.setting("splits")) == ([], None)
    store.close()


def test_a_project_of_the_first_schema_gains_the_corpora_and_keeps_everything(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / DATABASE)
    migrate(engine, tmp_path / DATABASE, newest="0001")
    columns = "uid, path, title, duration_s, frame_rate, width, height, rotation, video_codec, size_bytes, source_hash, start_s, split, added_at"  # noqa: E501
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        values = "'v-1', '/v.mp4', 'v', 60.0, 25.0, 640, 360, 0, 'h264', 9, 'abc', 0.0, 'test', '2026-01-01T00:00:00.000000Z'"
        connection.exec_driver_sql(f"INSERT INTO video ({columns}) VALUES ({values})")
    engine.dispose()
    store = open_store(tmp_path)
    video = store.video("v-1")
    assert (video.split, video.corpus, video.corpus_id, video.recipe_type, video.language) == ("test", "", "", "", "")
    assert video.speech_share is None
    assert store.described_segments("v-1") == []
    assert store.split_sources() == {"": "seeded 67-23-10, seed 0, by a hash of each name"}
    store.put_pairs([make_pair("v-1", 1.0)], {})
    store.close()
    backup = next((tmp_path / "backups").glob("*before-*"))
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        assert copy.execute("SELECT uid FROM video").fetchall() == [("v-1",)]
    assert {path.name for path in (MIGRATIONS / "versions").glob("0*.py")} >= {"0001_first.py", "0002_corpora.py"}


def test_an_import_that_is_stopped_keeps_the_videos_that_it_had_opened(
    kitchen: Path, youcook2: Path, tmp_path: Path
) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for seconds, each in enumerate((SCRAMBLED, SECOND, THIRD), 1):
        make_video(videos / f"{each}.mp4", seconds=float(seconds), size=(160, 96))
    source = YouCook2Source(annotations=youcook2 / "youcookii_annotations_trainval.json", videos=videos)
    with Project.open(kitchen) as project:
        spec = verbs.plan_import_corpus(project, source)
        asked = iter((False, True))
        final = run_job(spec, stop=lambda: next(asked))
        verbs.collect(project, spec, final.result)
        assert len(project.store.videos()) == 1
        spec = verbs.plan_import_corpus(project, source)
        summary = verbs.collect(project, spec, run_job(spec).result)
        assert (len(summary["imported"]), len(summary["known"])) == (2, 1)


def test_the_commands_of_the_guide_work_as_they_stand(
    run: Callable[..., Result],
    repository: Path,
    youcook2: Path,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for folder in ("videos", "own", "info", "yt8m/video"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copytree(youcook2, tmp_path / "youcook2", copy_function=shutil.copyfile)
    shutil.copyfile(shared_data / "annotations" / "youtube8m" / "vocabulary.csv", tmp_path / "yt8m" / "vocabulary.csv")
    eggs = shared_data / "videos" / "yc2_xHlBWc-7Kwo_scrambled_eggs.mp4"
    shutil.copyfile(eggs, tmp_path / "videos" / eggs.name)
    shutil.copyfile(shared_data / "videos" / "pllava_cooking_show_cocoa.mp4", tmp_path / "videos" / "CCCCCCCCCCC.mp4")
    (tmp_path / "info" / "CCCCCCCCCCC.info.json").write_text('{"language": "en"}')
    (tmp_path / "yt8m" / "video" / "labels.csv").write_text("id,labels\nCCCCCCCCCCC,11\n")
    make_video(tmp_path / "own" / "pie.mp4", seconds=1.0, size=(160, 96))
    (tmp_path / "own" / "about.csv").write_text("video,split,recipe type,language\npie.mp4,val,pie,en\n")
    monkeypatch.chdir(tmp_path)
    guide = (repository / "docs" / "guide" / "corpora.md").read_text("utf-8")
    commands = [line.split()[1:] for line in guide.splitlines() if line.startswith("    annotator ")]
    assert len(commands) == 6
    for command in commands:
        status, _, err = run(*command)
        assert status == 0, (command, err)
    assert {row[0] for row in _rows(tmp_path / "kitchen")} == {"youcook2", "youtube8m", "folder"}
    videos = Project.open(tmp_path / "kitchen")
    told = {corpus: said.split(" (")[0] for corpus, said in videos.store.split_sources().items()}
    assert told == {"youcook2": "published", "youtube8m": "published", "folder": "lists"}
    namespace = {"videos": videos.store.videos(), "Path": Path}
    videos.close()
    exec(guide.split("```python\n")[1].split("```")[0], namespace)
    assert (tmp_path / "lengths.png").exists() and (tmp_path / "lengths.svg").exists()
