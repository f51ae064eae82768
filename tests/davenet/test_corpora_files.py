"""Finding videos by id in any layout, reading tables in any encoding, own folders, and Table 1."""

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davenet.corpora.folder import read_folder
from davenet.corpora.media_files import find_by_id
from davenet.corpora.splits import SplitBy, parse_split_by, seeded_split
from davenet.corpora.table1 import PAPER, Lengths, table1, table1_csv, table1_picture
from davenet.corpora.texts import read_table
from davenet.errors import UserError

SUFFIXES = frozenset({".mp4", ".mkv", ".webm"})
ID = "-dh_uGahzYo"  # it begins with a dash and has an underscore


def _touch(path: Path, size: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    return path


@pytest.mark.parametrize(
    "name",
    [
        f"{ID}.mp4", f"{ID}.MKV", f"validation/405/{ID}.mkv", f"Lamb curry [{ID}].webm", f"Lamb curry-{ID}.mp4",
        f"v_{ID}.mp4", f"yc2_{ID}_scrambled_eggs.mp4", f"405_{ID}.mp4", f"{ID}.f399.mp4", f"{ID}/video.mp4",
        f"Lamb curry [{ID}]/film.mp4", f"20130405 - {ID} - (1080p).mp4", f"咖喱{ID}.mp4", f"a.b.{ID}.c.mp4",
    ],
)  # fmt: skip
def test_a_video_is_found_by_its_id_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = _touch(tmp_path / name)
    found = find_by_id(tmp_path, {ID, "sdB8qBlLS2E"}, SUFFIXES)
    assert found.files == {ID: (path,)}


@pytest.mark.parametrize(
    "name",
    [f"x{ID}.mp4", f"a{ID[1:]}.mp4", f"{ID}x.mp4", f"{ID.upper()}.mp4", f"{ID}.mp4.part", f"{ID}.jpg", f".{ID}.mp4",
     f"._{ID}.mp4", f".trash/{ID}.mp4", f"{ID[:-1]}.mp4"],
)  # fmt: skip
def test_what_only_looks_like_an_id_is_not_taken(tmp_path: Path, name: str) -> None:
    _touch(tmp_path / name)
    assert find_by_id(tmp_path, {ID}, SUFFIXES).files == {}


def test_of_several_files_the_surest_and_whole_comes_first(tmp_path: Path) -> None:
    piece = _touch(tmp_path / f"{ID}.f137.mp4", 900)
    inside = _touch(tmp_path / f"x {ID} y.mp4", 800)
    small = _touch(tmp_path / "low" / f"{ID}.mp4", 10)
    large = _touch(tmp_path / "high" / f"{ID}.webm", 500)
    assert find_by_id(tmp_path, {ID}, SUFFIXES).files[ID] == (large, small, inside, piece)


def test_a_short_id_must_stand_alone(tmp_path: Path) -> None:
    _touch(tmp_path / "my AbCd film.mp4")
    path = _touch(tmp_path / "EfGh.mp4")
    assert find_by_id(tmp_path, {"AbCd", "EfGh"}, SUFFIXES).files == {"EfGh": (path,)}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a permission there")
def test_links_are_followed_and_a_circle_of_them_ends(tmp_path: Path) -> None:
    path = _touch(tmp_path / "disk" / f"{ID}.mp4")
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "here").symlink_to(path.parent)
    (path.parent / "back").symlink_to(tmp_path / "videos")
    assert [len(files) for files in find_by_id(tmp_path / "videos", {ID}, SUFFIXES).files.values()] == [1]


def test_two_thousand_files_cost_a_look_up_each(tmp_path: Path) -> None:
    ids = [f"{number:011d}" for number in range(2000)]
    for each in ids:
        _touch(tmp_path / each[-1] / f"A film of some food [{each}].mp4")
    found = find_by_id(tmp_path, ids, SUFFIXES)
    assert sorted(found.files) == ids
    assert found.n_files == 2000


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder that can be read"):
        find_by_id(tmp_path / "nowhere", {ID}, SUFFIXES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_in_any_encoding_with_any_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [["Recipe_Type", "FILE", "Lang"], ["crème", "a, b.mp4" if delimiter != "," else '"a, b.mp4"', "en"]]
    (tmp_path / "t.csv").write_bytes("\r\n".join(delimiter.join(line) for line in lines).encode(encoding))
    columns = {"video": ("video", "file"), "recipe type": ("recipe type",), "language": ("lang",)}
    rows = list(read_table(tmp_path / "t.csv", columns, needed=("video",)))
    assert [row.values for row in rows] == [{"video": "a, b.mp4", "recipe type": "crème", "language": "en"}]


@given(content=st.binary(max_size=300))
def test_any_bytes_as_a_table_give_rows_or_one_sentence(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "t.csv"
    path.write_bytes(b"video,split\n" + content)
    try:
        list(read_table(path, {"video": ("video",), "split": ("split",)}, needed=("video",)))
    except UserError as error:
        assert "\n" not in str(error)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for name in ("a.mp4", "pies/b.mkv", "pies/c.webm"):
        _touch(tmp_path / "own" / name)
    return tmp_path / "own"


def test_a_folder_without_a_table_has_seeded_splits(own: Path) -> None:
    corpus = read_folder(own, split_by=SplitBy("seed", 4))
    assert [(e.corpus_id, e.split) for e in corpus.entries] == [
        (name, seeded_split(name, seed=4)) for name in ("a.mp4", "pies/b.mkv", "pies/c.webm")
    ]
    assert corpus.splits.startswith("seeded 67-23-10, seed 4")


def test_a_table_gives_split_type_and_language_by_its_header(own: Path) -> None:
    table = own / "about.csv"
    table.write_text(
        "language;file;split;recipe\nEnglish;a.mp4;val;pie\nde-DE;pies\\b.mkv;testing;\n;gone.mp4;train;x\n"
    )
    corpus = read_folder(own, table=table)
    told = {e.corpus_id: (e.split, e.recipe_type, e.language, len(e.files)) for e in corpus.entries}
    assert told.pop("pies/c.webm")[1:] == ("", "", 1)
    assert told == {
        "a.mp4": ("validation", "pie", "en", 1),
        "pies/b.mkv": ("test", "", "de", 1),
        "gone.mp4": ("train", "x", "", 0),
    }
    assert corpus.splits.startswith(f"lists (the column split of {table}); the other 1 seeded")
    assert corpus.notes == (f"1 videos are not in {table}: pies/c.webm.",)
    with pytest.raises(UserError, match=r"gives no split for pies/c\.webm"):
        read_folder(own, table=table, split_by=SplitBy("lists"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a.mp4\n", "its header has no column video"),
        ("file,split\na.mp4,half\n", "line 2: half is not a split"),
        ("file,split\na.mp4,train\n./a.mp4,test\n", r"line 3: a\.mp4 is already in line 2"),
        ("file,split\n,train\n", "line 2, names no video"),
        ("file\n../a.mp4\n", r"line 2: \.\./a\.mp4 does not lie in"),
        ("file,file\na.mp4,a.mp4\n", "has the column file twice"),
        ("file,path\na.mp4,a.mp4\n", "has the column file twice"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(own: Path, text: str, told: str) -> None:
    (own / "t.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        read_folder(own, table=own / "t.csv")


def test_a_way_to_split_that_there_is_not_is_told() -> None:
    assert parse_split_by("seed:7") == SplitBy("seed", 7)
    for text in ("seed", "seed:-1", "seed:x", "random", "", "seed:١"):
        with pytest.raises(UserError, match="use published, lists, or seed:N"):
            parse_split_by(text)


@dataclass(frozen=True)
class _Video:
    corpus: str
    split: str
    duration_s: float
    language: str = ""


def test_table_1_counts_and_measures_each_subset_beside_the_papers_figures() -> None:
    videos = [
        _Video("youcook2", "train", 100.0), _Video("youcook2", "train", 50.0), _Video("youcook2", "train", 60.0),
        _Video("youcook2", "test", 44.5), _Video("youtube8m", "train", 200.0, "en"), _Video("youtube8m", "test", 1.0, "es"),
        _Video("", "validation", 9.0), _Video("folder", "validation", 11.0),
    ]  # fmt: skip
    rows = {row.name: row for row in table1(videos)}
    assert list(rows) == ["YC2 Train", "YC2 Val", "YC2 Test", "YT8 English", "YT8 other", "Own Val"]
    assert rows["YC2 Train"].ours == Lengths(3, 50.0, 100.0, 70.0)
    assert rows["YC2 Train"].paper == Lengths(1262, 46.0, 1106.1, 317.7)
    assert (rows["YC2 Val"].ours, rows["Own Val"].paper) == (None, None)
    assert rows["Own Val"].ours == Lengths(2, 9.0, 11.0, 10.0)
    assert [PAPER[name].videos for name in PAPER] == [1262, 439, 205, 3535]
    lines = list(csv.DictReader(io.StringIO(table1_csv(list(rows.values())))))
    assert (lines[0]["mean_s"], lines[0]["paper_mean_s"], lines[1]["videos"], lines[3]["paper_videos"]) == (
        "70.0", "317.7", "", "3535",
    )  # fmt: skip


def test_the_picture_of_table_1_shows_both_in_svg_and_in_png(tmp_path: Path) -> None:
    picture = table1_picture(table1([_Video("youcook2", "train", 300.0)]))
    svg = picture.svg()
    assert svg.count("<circle") == 1 + 4 + 2  # ours, the paper's four, the legend
    assert ">1,262<" in svg and ">YC2 Train<" in svg
    picture.save(tmp_path / "t.png")
    pixels = cv2.imread(str(tmp_path / "t.png"))
    assert pixels is not None and pixels.shape[:2] == (2 * picture.height, 2 * picture.width)
    blue = np.array([0x99, 0x6E, 0x0B])  # of the first row's mean at 300 s, as OpenCV orders colours
    assert (np.abs(pixels[180:240, 280:].astype(int) - blue).sum(axis=2) == 0).sum() > 50
    with pytest.raises(UserError, match=r"a picture's name ends in \.svg or \.png"):
        picture.save(tmp_path / "t.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["t.png"]
