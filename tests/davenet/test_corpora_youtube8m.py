"""YouTube-8M's cooking part: label records read exactly without TensorFlow, categories, ids, languages."""

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_records import example, write_records
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as tensorboards_crc

from davenet.corpora.language import language_code, tagged_language
from davenet.corpora.splits import SplitBy
from davenet.corpora.tfrecords import crc32c, example_features, masked_crc32c, read_records
from davenet.corpora.youtube8m import category_labels, read_ids, read_youtube8m, record_files
from davenet.errors import UserError

ID = "xHlBWc-7Kwo"
CATEGORY_NUMBERS = {211, 22, 122, 29, 32, 11, 20}  # looked up by hand in the published vocabulary


@pytest.fixture(scope="module")
def vocabulary(shared_data: Path) -> Path:
    return shared_data / "annotations" / "youtube8m" / "label_names_2018.csv"


def test_crc32c_of_the_published_check_vectors() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # of the Castagnoli polynomial
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@settings(max_examples=60)
@given(st.integers(0, 9000), st.integers(0, 2**32))
def test_the_checksum_is_tensorboards_for_every_length(n_bytes: int, seed: int) -> None:
    data = random.Random(seed).randbytes(n_bytes)
    assert masked_crc32c(data) == tensorboards_crc(data)


def test_records_and_features_that_protobuf_wrote_are_read_as_they_are(tmp_path: Path) -> None:
    records = [example(f"id{n:02d}", [n, 300, 2**40, -n]) for n in range(20)]
    path = write_records(tmp_path / "train00.tfrecord", records)
    assert list(read_records(path)) == records
    features = example_features(records[7], ("id", "labels", "mean_rgb", "nowhere"))
    assert features == {"id": [b"id07"], "labels": [7, 300, 2**40, -7]}
    (tmp_path / "train01.tfrecord.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert list(read_records(tmp_path / "train01.tfrecord.gz")) == records


def test_unpacked_integers_are_read_too() -> None:
    # labels: two values, each a field of its own (an older writer's form)
    values = b"\x08\x0b\x08\xac\x02"
    feature = b"\x1a" + bytes([len(values)]) + values
    entry = b"\x0a\x06labels\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    assert example_features(b"\x0a" + bytes([len(features)]) + features, ("labels",)) == {"labels": [11, 300]}


def test_a_cut_or_damaged_file_is_told_with_its_record(tmp_path: Path) -> None:
    path = write_records(tmp_path / "a.tfrecord", [example("aaaa", [1]), example("bbbb", [2])])
    whole = path.read_bytes()
    for cut in (5, 11, 13, len(whole) // 2 - 1, len(whole) // 2 + 3, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=rf"a\.tfrecord, record {1 if cut < len(whole) // 2 else 2}, is cut off"):
            list(read_records(path))
    for place, told in ((3, "checksum of its length"), (100, "wrong checksum, so it is damaged")):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"record 1, has a {told}|record 1, has a wrong {told}"):
            list(read_records(path))


@settings(max_examples=150)
@given(data=st.data())
def test_a_mutated_record_file_gives_records_or_one_sentence(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, vocabulary: Path
) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    path = write_records(folder / "a.tfrecord", [example("aaaa", [11]), example("bbbb", [2])])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(("flip", "cut", "insert"))):
            case "flip":
                content[at] ^= data.draw(st.integers(1, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 40))]
            case "insert":
                content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    path.write_bytes(content)
    try:
        corpus = read_youtube8m([path], vocabulary, folder)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        assert [entry.corpus_id for entry in corpus.entries] == ["aaaa"]


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, 4000), st.integers(0, 255))
def test_any_bytes_as_an_example_give_features_or_one_error(junk: bytes, at: int, byte: int) -> None:
    from davenet.corpora.tfrecords import BadRecordError

    damaged = bytearray(example("aaaa", [11]))
    damaged[at % len(damaged)] = byte
    for record in (junk, bytes(damaged)):
        try:
            features = example_features(record, ("id", "labels"))
        except BadRecordError as error:
            assert "\n" not in str(error)
        else:
            assert features.keys() <= {"id", "labels"}


def test_both_published_vocabularies_give_the_seven_categories(shared_data: Path) -> None:
    for name in ("vocabulary.csv", "label_names_2018.csv"):
        labels = category_labels(shared_data / "annotations" / "youtube8m" / name)
        assert labels.keys() == CATEGORY_NUMBERS
        assert labels[32] == "dish"  # "Dish (food)", and no "Dishwasher"
        assert labels[122] == "cooking show"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Index,Name\n1,Baking\n", "has no category cooking, cooking show, cuisine, dish, food, recipe"),
        ("Index,Name\none,Baking\n", "line 2: 'one' is not a label's number"),
        ("Index,Name\n1,Baking\n1,Food\n", "line 3: the label 1 is there twice"),
        ("Number,Word\n1,Baking\n", "its header has no column number"),
        ("", "its header has no column number"),
    ],
)
def test_a_wrong_vocabulary_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "vocabulary.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        category_labels(tmp_path / "vocabulary.csv")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Four files by their ids, with metadata in English, Spanish, none, and none that can be read."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for each in ("AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC", "DDDDDDDDDDD"):
        (folder / f"A dish [{each}].mp4").write_bytes(b"")
    for each, info in (
        ("AAAAAAAAAAA", {"language": "en-US"}),
        ("BBBBBBBBBBB", {"language": "es"}),
        ("CCCCCCCCCCC", {}),
    ):
        (folder / f"A dish [{each}].info.json").write_text(json.dumps({"id": each, **info}))
    (folder / "A dish [DDDDDDDDDDD].info.json").write_text("{")
    return folder


def test_records_lead_to_files_of_the_categories_and_their_languages(
    tmp_path: Path, videos: Path, vocabulary: Path
) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    write_records(shards / "train00.tfrecord", [example("AAAAAAAAAAA", [11, 5]), example("BBBBBBBBBBB", [32])])
    write_records(shards / "train01.tfrecord", [example("EEEEEEEEEEE", [4]), example("CCCCCCCCCCC", [1, 211])])
    (shards / "more.csv").write_text("id,labels\nDDDDDDDDDDD,20 1\nFFFFFFFFFFF,22\nGGGGGGGGGGG,3\n")
    corpus = read_youtube8m([shards], vocabulary, videos)
    by_id = {entry.corpus_id: entry for entry in corpus.entries}
    assert sorted(by_id) == ["AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC", "DDDDDDDDDDD", "FFFFFFFFFFF"]
    assert (by_id["AAAAAAAAAAA"].language, by_id["AAAAAAAAAAA"].left_out) == ("en", "")
    assert by_id["BBBBBBBBBBB"].left_out == "its language is es by its metadata"
    assert (by_id["CCCCCCCCCCC"].language, by_id["CCCCCCCCCCC"].left_out) == ("", "")
    assert by_id["DDDDDDDDDDD"].left_out.startswith("its metadata cannot be used")
    assert by_id["FFFFFFFFFFF"].files == ()
    assert {entry.split for entry in corpus.entries} == {"train"}
    assert corpus.splits == "published (all train, as in the paper)"
    everything = read_youtube8m([shards], vocabulary, videos, language="any", split_by=SplitBy("seed", 3))
    assert not any(entry.left_out for entry in everything.entries if entry.corpus_id != "DDDDDDDDDDD")
    assert everything.splits.startswith("seeded 67-23-10, seed 3")


def test_ids_of_four_letters_are_resolved_by_a_table_or_by_the_saved_answers(
    tmp_path: Path, videos: Path, vocabulary: Path
) -> None:
    records = write_records(tmp_path / "a.tfrecord", [example("AbCd", [11]), example("EfGh", [11])])
    plain = read_youtube8m([records], vocabulary, videos)
    assert "2 records have ids of YouTube-8M's own (e.g. AbCd)" in plain.notes[0]
    (tmp_path / "ids.csv").write_text("id,youtube_id\nAbCd,AAAAAAAAAAA\nEfGh,ZZZZZZZZZZZ\n")
    answers = tmp_path / "answers" / "Ab"
    answers.mkdir(parents=True)
    (answers / "AbCd.js").write_text('i("AbCd","AAAAAAAAAAA");')
    (answers / "EfGh.js").write_text('i("EfGh","ZZZZZZZZZZZ");')
    for ids in (tmp_path / "ids.csv", tmp_path / "answers"):
        corpus = read_youtube8m([records], vocabulary, videos, ids=ids)
        assert [(entry.corpus_id, len(entry.files)) for entry in corpus.entries] == [
            ("AAAAAAAAAAA", 1),
            ("ZZZZZZZZZZZ", 0),
        ]
        assert corpus.notes == ()
    (tmp_path / "ids.csv").write_text("id,youtube_id\nAbCd,AAAAAAAAAAA\nAbCd,BBBBBBBBBBB\n")
    with pytest.raises(UserError, match="line 3: AbCd is BBBBBBBBBBB here and AAAAAAAAAAA elsewhere"):
        read_ids(tmp_path / "ids.csv")


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ("11 5", True), ("5;11", True), ("[5, 11]", True), ("Food|Game", True), ("Dish (food)", True), ("11 0.9 5 0.8", True),
        ("5 0.11", False), ("Game", False), ("111", False), ("", False),
    ],
)  # fmt: skip
def test_every_usual_way_to_write_labels_in_csv(tmp_path: Path, vocabulary: Path, labels: str, found: bool) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f'VideoId,LabelConfidencePairs\nAAAA,"{labels}"\nBBBB,11\n'.replace("VideoId", "video_id"))
    corpus = read_youtube8m([path], vocabulary, tmp_path)
    assert [entry.corpus_id for entry in corpus.entries] == (["AAAA", "BBBB"] if found else ["BBBB"])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "id,labels\nAAAA,eleven 3x\n", None),
        ("a.csv", "id,labels\nAAAA,11 -3\n", "line 2: '11 -3' are not label numbers"),
        ("a.csv", "id,labels\n,11\n", "line 2: '' is not a video id"),
        ("a.csv", "labels\n11\n", "its header has no column id"),
        ("a.tfrecord", "id,labels\nAAAA,11\n", "record 1, has a wrong checksum of its length"),
        ("a.tfrecord", "", "None of the 0 label records"),
    ],
)
def test_wrong_label_records_are_told(tmp_path: Path, vocabulary: Path, name: str, text: str, told: str | None) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=told or "None of the 1 label records"):
        read_youtube8m([tmp_path / name], vocabulary, tmp_path)


def test_records_of_something_else_are_told_with_the_feature(tmp_path: Path, vocabulary: Path) -> None:
    path = write_records(tmp_path / "a.tfrecord", [example("AAAA", [11], id_feature="name")])
    with pytest.raises(UserError, match="record 1, has no feature id"):
        read_youtube8m([path], vocabulary, tmp_path)
    path = write_records(tmp_path / "b.tfrecord", [b"\xff\xff\xff"])
    with pytest.raises(UserError, match=r"record 1, is no whole tf\.train\.Example"):
        read_youtube8m([path], vocabulary, tmp_path)
    with pytest.raises(UserError, match="holds no label records"):
        record_files([vocabulary.parent.parent / "whisper"])


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ({"language": "en-GB"}, "en"),
        ({"language": "EN_us"}, "en"),
        ({"language": None, "automatic_captions": {"en-orig": [], "en": [], "de": []}}, "en"),
        ({"automatic_captions": {"pt": []}}, "pt"),
        ({"automatic_captions": {"en": [], "de": []}}, ""),  # translations: which is spoken it does not say
        ({"subtitles": {"en": []}}, ""),  # people translate films too
        ({"automatic_captions": []}, ""),
        ({"language": 3}, ""),
        ({}, ""),
    ],
)
def test_a_language_is_taken_from_metadata_only_where_it_says_what_is_spoken(
    info: dict[str, object], language: str
) -> None:
    assert tagged_language(info) == language
    assert language_code("English") == "en"
