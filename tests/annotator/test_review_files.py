"""Verdicts out to files and into another project: the same verdicts, all of a file or nothing."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project_maker import decide, fill_store, make_pair, make_video_record

from annotator.review_files import Imported, export_verdicts, import_verdicts
from annotator.store import Store, open_store
from annotator.store.records import ReviewSettings
from davenet.errors import UserError
from davenet.intervals import wilson_interval
from davenet.pairs import Pair


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "one").mkdir()
    opened = open_store(tmp_path / "one")
    yield opened
    opened.close()


@pytest.fixture
def pairs(store: Store) -> list[Pair]:
    """Five food pairs with verdicts of two reviewers, one of them awkward to write."""
    pairs = fill_store(store, ["train"])
    decide(store, pairs[:2], "accept")
    decide(store, [pairs[2]], "skip")
    store.give_verdict(
        pairs[3].uid,
        "reject",
        reviewer='Zoë, "chef"',
        seconds=2.25,
        window_s=20.0,
        label="crème fraîche",
        reason="not seen",
        comment='a "quoted",\nbroken line',
        blind=True,
        replays=3,
        keys=("R", "Shift+X", '"'),
        offset_s=-0.12,
    )
    decide(store, [pairs[4]], "reject")
    store.undo("ann")
    return pairs


def _other(tmp_path: Path, prefix: str = "video") -> Store:
    (tmp_path / "two").mkdir()
    other = open_store(tmp_path / "two")
    fill_store(other, ["train"], prefix=prefix)
    return other


_COMPARED = (
    "uid",
    "reviewer",
    "decision",
    "label",
    "reason",
    "comment",
    "seconds",
    "window_s",
    "blind",
    "given_at",
    "labels",
    "app_version",
    "replays",
    "keys",
    "offset_s",
    "purpose",
)


def _essence(store: Store) -> list[tuple[object, ...]]:
    """The verdicts as a person would compare them: the pairs by their time, as uids may differ."""
    times = {pair.uid: pair.time_s for pair in store.queue("all", reviewer="")}
    return sorted((times[v.pair_uid], *(getattr(v, name) for name in _COMPARED)) for v in store.lasting_verdicts())


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".eaf"])
@pytest.mark.parametrize("prefix", ["video", "renamed"])
def test_verdicts_are_the_same_after_export_and_import_elsewhere(
    store: Store, pairs: list[Pair], tmp_path: Path, suffix: str, prefix: str
) -> None:
    path = tmp_path / f"verdicts{suffix}"
    assert export_verdicts(store, path) == 4
    other = _other(tmp_path, prefix)
    first, second = import_verdicts(other, path), import_verdicts(other, path)
    assert (first.new, first.known, first.unmatched) == (4, 0, 0)
    assert (second.new, second.known, second.unmatched) == (0, 4, 0)
    assert _essence(other) == _essence(store)
    assert other.counts("ann").accepted == 2
    assert other.undo("ann") is None  # what was given elsewhere is not undone here
    other.close()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".eaf"])
def test_adjudications_blind_verdicts_and_remarks_go_with_the_verdicts(
    store: Store, pairs: list[Pair], tmp_path: Path, suffix: str
) -> None:
    store.give_verdict(
        pairs[3].uid, "accept", reviewer='Zoë, "chef"', seconds=1, window_s=2, purpose="revealed", label="onion"
    )
    store.adjudicate(pairs[0].uid, "reject", reviewer="ann", comment="not\x00 in the pan \x1b")
    store.flag(pairs[1].uid, "ben", True)
    store.comment(pairs[1].uid, "words", "which\npan?")
    path = tmp_path / f"verdicts{suffix}"
    assert export_verdicts(store, path) == 6
    other = _other(tmp_path, "renamed")
    assert import_verdicts(other, path) == Imported(6, 0, 0, 2)
    assert import_verdicts(other, path) == Imported(0, 6, 0, 0)
    assert _essence(other) == _essence(store)
    assert [(one.reviewer, one.kind, one.text) for one in other.remarks()] == [
        ("ben", "flag", ""),
        ("words", "comment", "which\npan?"),
    ]
    for counted in ("blind_changes", "gold_scores"):
        assert getattr(other, counted)() == getattr(store, counted)()
    finals = sorted((final.decision, final.settled_by) for final in store.final_verdicts().values())
    assert sorted((final.decision, final.settled_by) for final in other.final_verdicts().values()) == finals
    assert ("reject", "adjudication") in finals
    other.close()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".eaf"])
def test_gold_pairs_go_with_the_verdicts_and_settings_where_they_are_asked_for(
    store: Store, pairs: list[Pair], tmp_path: Path, suffix: str
) -> None:
    store.set_gold(pairs[1].uid, "accept", set_by="ben", label="butter")
    store.set_gold(pairs[4].uid, "reject", set_by='Zoë, "chef"')
    asked = ReviewSettings(blind=True, second_share=0.15, gold_share=0.05, seed=7)
    store.set_review_settings(asked)
    plain, whole = tmp_path / f"plain{suffix}", tmp_path / f"whole{suffix}"
    assert export_verdicts(store, plain) == export_verdicts(store, whole, with_settings=True) == 4
    other = _other(tmp_path, "renamed")
    there = other.pair_keys()[1]["hash0000", 4000, "food", 0]["butter"]
    other.set_gold(there, "unsure", set_by="here")  # what is gold already is not overruled
    with pytest.raises(UserError, match=r"plain\.\w+ holds no review settings"):
        import_verdicts(other, plain, take_settings=True)
    assert other.history() == []
    assert import_verdicts(other, plain) == Imported(4, 0, 0, 0, 1)
    assert import_verdicts(other, whole) == Imported(0, 4, 0, 0, 0, settings=asked)
    assert other.review_settings() == ReviewSettings()
    import_verdicts(other, whole, take_settings=True)
    assert other.review_settings() == asked
    times = {pair.uid: pair.time_s for pair in other.queue("all", reviewer="")}
    found = {times[one.pair_uid]: (one.decision, one.label, one.set_by) for one in other.gold_pairs()}
    assert found == {1.0: ("accept", "butter", "ben"), 4.0: ("unsure", None, "here")}
    assert other.gold_scores() == [one for one in store.gold_scores() if one.reviewer == "ann" and one.asked]
    other.close()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".eaf"])
def test_a_verdict_on_a_match_never_comes_to_the_mined_pair_of_its_frame(
    store: Store, pairs: list[Pair], tmp_path: Path, suffix: str
) -> None:
    """A match has the frame of a mined pair and its sound from elsewhere: what is said of it says nothing of the other."""
    match = replace(pairs[1], uid="match", sound_offset_s=12.345)
    store.add_pair(match)
    store.give_verdict(match.uid, "reject", reviewer="cy", seconds=1.0, window_s=2.0)
    store.set_gold(match.uid, "reject", set_by="cy")
    path = tmp_path / f"verdicts{suffix}"
    export_verdicts(store, path)
    other = _other(tmp_path, "renamed")
    assert import_verdicts(other, path) == Imported(4, 0, 1, unmatched_gold=1)
    assert {one.reviewer for one in other.verdicts()} == {"ann", 'Zoë, "chef"'} and not other.gold_pairs()
    video_uid = other.videos()[0].uid
    other.add_pair(replace(match, uid="there", video_uid=video_uid))
    assert import_verdicts(other, path) == Imported(1, 4, 0, new_gold=1)
    assert [one.pair_uid for one in other.verdicts() if one.reviewer == "cy"] == ["there"]
    assert [one.pair_uid for one in other.gold_pairs()] == ["there"]
    other.close()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".eaf"])
def test_gold_without_a_label_finds_its_own_of_two_pairs_of_a_frame_or_none(
    store: Store, pairs: list[Pair], tmp_path: Path, suffix: str
) -> None:
    leek = replace(pairs[1].labels[0], class_name="leek", word="leek")
    second = replace(pairs[1], uid="second", labels=(leek,))
    store.add_pair(second)
    store.set_gold("second", "reject", set_by="ben")
    path = tmp_path / f"verdicts{suffix}"
    export_verdicts(store, path)
    other = _other(tmp_path, "renamed")
    assert import_verdicts(other, path).unmatched_gold == 1 and not other.gold_pairs()
    other.add_pair(replace(second, uid="there", video_uid=other.videos()[0].uid))
    assert import_verdicts(other, path).new_gold == 1
    assert [(one.pair_uid, one.decision) for one in other.gold_pairs()] == [("there", "reject")]
    other.close()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"entry": "settings", "settings": {"blind": true}}', "line 1, second_share"),
        ('{"entry": "settings"}', "line 1"),
        ('{"entry": "settings", "settings": {"blind": true, "second_share": 2, "gold_share": 0, "seed": 0}}', "share"),
    ],
)
def test_settings_that_are_none_are_told(store: Store, tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "a.jsonl").write_text(line, "utf-8")
    with pytest.raises(UserError, match=message):
        import_verdicts(store, tmp_path / "a.jsonl", take_settings=True)


def test_a_table_written_before_there_were_gold_pairs_is_still_read(
    store: Store, pairs: list[Pair], tmp_path: Path
) -> None:
    path = tmp_path / "verdicts.csv"
    export_verdicts(store, path)
    with open(path, encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    newer = ("settings", "final", "purpose", "entry", "offset_s", "keys", "replays", "sound_offset_s")
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [name for name in rows[0] if name not in newer], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    other = _other(tmp_path)
    assert import_verdicts(other, path) == Imported(4, 0, 0)
    other.close()


def test_an_elan_document_holds_to_the_structure_that_elan_reads(
    store: Store, pairs: list[Pair], tmp_path: Path
) -> None:
    store.adjudicate(pairs[3].uid, "unsure", reviewer='Zoë, "chef"')
    store.comment(pairs[0].uid, "pairs", "a name like that of a tier")
    export_verdicts(store, tmp_path / "one.eaf")
    root = ElementTree.parse(tmp_path / "one.eaf").getroot()
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    assert [name for name, _ in groupby(child.tag for child in root)] == order
    assert root.get("FORMAT") == "3.0"
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE", "-1")) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.get("LINGUISTIC_TYPE_ID"): kind.get("CONSTRAINTS") for kind in root.iter("LINGUISTIC_TYPE")}
    tiers = {tier.get("TIER_ID"): tier for tier in root.iter("TIER")}
    assert len(tiers) == len(list(root.iter("TIER")))
    of_annotation = {
        inner.get("ANNOTATION_ID"): name for name, tier in tiers.items() for inner in tier.findall("ANNOTATION/*")
    }
    assert len(of_annotation) == len(list(root.iter("ANNOTATION")))
    for name, tier in tiers.items():
        constraint = types[tier.get("LINGUISTIC_TYPE_REF")]
        ends, parents = -1, []
        for inner in tier.findall("ANNOTATION/*"):
            if constraint is None:
                start, end = (slots[inner.get(f"TIME_SLOT_REF{number}")] for number in (1, 2))
                assert ends <= start < end, f"{name} holds two at once"
                ends = end
                continue
            parent = inner.get("ANNOTATION_REF")
            assert of_annotation[parent] == tier.get("PARENT_REF")
            if (before := inner.get("PREVIOUS_ANNOTATION")) is not None:
                assert of_annotation[before] == name
            assert (parent in parents) == (before is not None)
            parents.append(parent)
    assert tiers["words"].find("ANNOTATION//ANNOTATION_VALUE") is not None
    assert {tier.get("PARTICIPANT") for tier in tiers.values()} == {None, "ann", 'Zoë, "chef"', "pairs"}
    said = [value.text for name in tiers if "verdicts" in str(name) for value in tiers[name].iter("ANNOTATION_VALUE")]
    assert "accept onion" in said
    assert 'blind reject crème fraîche: not seen: a "quoted",\nbroken line' in said
    assert "adjudication unsure onion" in said


# What the schema EAFv3.0.xsd has of the elements that are written here: attributes (those with ! must be there), and
# children in the order in which they may come.
_EAF = {
    "ANNOTATION_DOCUMENT": (
        "AUTHOR! DATE! VERSION! FORMAT noNamespaceSchemaLocation",
        "LICENSE HEADER TIME_ORDER TIER LINGUISTIC_TYPE LOCALE LANGUAGE CONSTRAINT",
    ),
    "HEADER": ("MEDIA_FILE TIME_UNITS", "MEDIA_DESCRIPTOR LINKED_FILE_DESCRIPTOR PROPERTY"),
    "MEDIA_DESCRIPTOR": ("MEDIA_URL! MIME_TYPE! RELATIVE_MEDIA_URL TIME_ORIGIN EXTRACTED_FROM", ""),
    "PROPERTY": ("NAME", ""),
    "TIME_ORDER": ("", "TIME_SLOT"),
    "TIME_SLOT": ("TIME_SLOT_ID! TIME_VALUE", ""),
    "TIER": ("TIER_ID! LINGUISTIC_TYPE_REF! PARENT_REF PARTICIPANT ANNOTATOR DEFAULT_LOCALE", "ANNOTATION"),
    "ANNOTATION": ("", "ALIGNABLE_ANNOTATION REF_ANNOTATION"),
    "ALIGNABLE_ANNOTATION": ("ANNOTATION_ID! TIME_SLOT_REF1! TIME_SLOT_REF2!", "ANNOTATION_VALUE"),
    "REF_ANNOTATION": ("ANNOTATION_ID! ANNOTATION_REF! PREVIOUS_ANNOTATION", "ANNOTATION_VALUE"),
    "ANNOTATION_VALUE": ("", ""),
    "LINGUISTIC_TYPE": ("LINGUISTIC_TYPE_ID! TIME_ALIGNABLE CONSTRAINTS GRAPHIC_REFERENCES", ""),
    "CONSTRAINT": ("STEREOTYPE! DESCRIPTION", ""),
}


def test_an_elan_document_holds_to_its_schema(store: Store, pairs: list[Pair], tmp_path: Path) -> None:
    """By the schema's own rules: a strict reader refuses a document with one attribute or element out of place."""
    store.set_gold(pairs[1].uid, "accept", set_by="ben")
    export_verdicts(store, tmp_path / "deep" / "one.eaf", with_settings=True)
    root = ElementTree.parse(tmp_path / "deep" / "one.eaf").getroot()
    for element in root.iter():
        attributes, children = (names.split() for names in _EAF[element.tag])
        named = {name.rpartition("}")[2] for name in element.attrib}
        assert named <= {name.rstrip("!") for name in attributes}, element.tag
        assert {name.rstrip("!") for name in attributes if name.endswith("!")} <= named, element.tag
        places = [children.index(child.tag) for child in element]
        assert places == sorted(places), element.tag
    assert all(len(element) == 1 for element in root.iter("ANNOTATION"))
    datetime.fromisoformat(str(root.get("DATE")))
    ids = [
        str(element.get(name))
        for element in root.iter()
        for name in ("TIME_SLOT_ID", "ANNOTATION_ID", "STEREOTYPE")
        if name in element.attrib
    ]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", id) for id in ids)  # xsd:ID begins with no figure
    for element in root.iter():
        for name in ("TIME_SLOT_REF1", "TIME_SLOT_REF2", "ANNOTATION_REF", "PREVIOUS_ANNOTATION", "CONSTRAINTS"):
            assert element.get(name, ids[0]) in ids
    assert all(re.fullmatch(r"\d+", str(slot.get("TIME_VALUE"))) for slot in root.iter("TIME_SLOT"))
    kinds = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")} <= kinds


def test_an_elan_document_finds_its_video_from_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    store = open_store(tmp_path / "project")
    video = make_video_record(0)
    store.add_videos([replace(video, path=tmp_path / "videos" / "a soup.mkv")])
    pair = make_pair(video.uid, 1.0)
    store.put_pairs([pair], {})
    decide(store, [pair])
    for folder, way in (("videos", "./a soup.mkv"), ("out", "../videos/a soup.mkv"), (".", "./videos/a soup.mkv")):
        export_verdicts(store, tmp_path / folder / "one.eaf")
        media = ElementTree.parse(tmp_path / folder / "one.eaf").getroot().find("HEADER/MEDIA_DESCRIPTOR")
        assert media is not None
        assert (media.get("RELATIVE_MEDIA_URL"), media.get("MIME_TYPE")) == (way, "video/x-matroska")
        assert str(media.get("MEDIA_URL")).startswith("file:///") and str(media.get("MEDIA_URL")).endswith(
            "a%20soup.mkv"
        )
    store.close()


def test_several_videos_make_a_folder_of_documents(store: Store, tmp_path: Path) -> None:
    decide(store, fill_store(store, ["train", "test"])[::4])
    with pytest.raises(UserError, match="there are 2; give a folder"):
        export_verdicts(store, tmp_path / "one.eaf")
    assert not (tmp_path / "one.eaf").exists()
    folder = tmp_path / "documents"
    assert export_verdicts(store, folder) == 3
    assert sorted(file.name for file in folder.iterdir()) == ["video-0.eaf", "video-1.eaf"]
    (tmp_path / "two").mkdir()
    other = open_store(tmp_path / "two")
    fill_store(other, ["train", "test"])
    broken = folder / "video-9.eaf"
    broken.write_text((folder / "video-1.eaf").read_text("utf-8").replace("verdict_uid", "uid", 1), "utf-8")
    with pytest.raises(UserError, match=r"video-9\.eaf, line \d+, verdict_uid"):
        import_verdicts(other, folder)
    assert other.history() == []
    broken.unlink()
    assert import_verdicts(other, folder).new == 3
    other.close()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="holds no ELAN document"):
        import_verdicts(store, empty)


def test_an_export_tells_where_each_verdict_comes_from(store: Store, pairs: list[Pair], tmp_path: Path) -> None:
    export_verdicts(store, tmp_path / "verdicts.jsonl", reviewer="ann")
    lines = [json.loads(line) for line in (tmp_path / "verdicts.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 3
    line = lines[0]
    assert (line["pair_uid"], line["source_hash"], line["time_s"], line["kind"]) == (
        pairs[0].uid,
        "hash0000",
        0.0,
        "food",
    )
    assert line["labels"][0] == {
        "class_name": "onion",
        "probability": 0.9,
        "rank": 1,
        "word": "onion",
        "word_start": 0.5,
        "word_end": 0.9,
        "word_confidence": 0.8,
    }
    assert (line["detector"], line["mining"], line["app_version"]) == ("simulated", {"food_threshold": 0.5}, "0.1.0")


def test_verdicts_of_pairs_that_are_not_here_are_counted_and_left(
    store: Store, pairs: list[Pair], tmp_path: Path
) -> None:
    export_verdicts(store, tmp_path / "verdicts.csv")
    (tmp_path / "two").mkdir()
    other = open_store(tmp_path / "two")
    found = import_verdicts(other, tmp_path / "verdicts.csv")
    assert (found.new, found.unmatched) == (0, 4)
    other.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [("decision", "maybe"), ("given_at", "yesterday"), ("seconds", "-1"), ("time_s", "nan"), ("reviewer", " ")],
)
def test_one_bad_line_is_named_and_nothing_is_imported(
    store: Store, pairs: list[Pair], tmp_path: Path, column: str, value: str
) -> None:
    path = tmp_path / "verdicts.csv"
    export_verdicts(store, path)
    with open(path, encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    rows[1][column] = value
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    other = _other(tmp_path)
    with pytest.raises(UserError, match=rf"verdicts\.csv, line 3, {column}"):
        import_verdicts(other, path)
    assert other.history() == []
    other.close()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"{}\n", "line 1"),
        ("a.jsonl", b"\n[1]\n", "line 2 is not a verdict"),
        ("a.jsonl", b"{", "line 1 is not JSON"),
        ("a.jsonl", b"\xff\xfe\x00", "not UTF-8"),
        ("a.csv", b"", "line 1 has no column"),
        ("a.csv", b"verdict_uid,decision\n", "line 1 has no column reviewer"),
        ("a.txt", b"", "neither CSV nor JSON lines"),
        ("a.eaf", b"<a>", "line 1 is not XML"),
        ("a.eaf", b"<a/>", "line 1 is not an ELAN document"),
        ("a.eaf", b"", "line 1 is not XML"),
    ],
)
def test_files_that_hold_no_verdicts_are_told(
    store: Store, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        import_verdicts(store, tmp_path / name)


@given(data=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl", ".eaf"]))
def test_no_file_whatever_it_holds_is_a_bug(tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / f"any{suffix}").write_bytes(data)
    store = open_store(tmp_path_factory.getbasetemp())
    try:
        assert import_verdicts(store, folder / f"any{suffix}").new == 0
    except UserError as error:
        assert f"any{suffix}" in str(error)
    finally:
        store.close()


@pytest.mark.parametrize("name", ["a file/verdicts.csv", "a file/verdicts.jsonl"])
def test_a_place_that_cannot_be_written_is_told_in_one_line(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(
        UserError, match=r"verdicts\.\w+ cannot be written \(.+\); choose a file in a folder that exists"
    ):
        export_verdicts(store, tmp_path / name)


def test_wilsons_interval_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    for accepted, decided in ((845, 1067), (1, 2), (0, 7), (7, 7), (3, 11)):
        expected = stats.binomtest(accepted, decided).proportion_ci(method="wilson")
        assert wilson_interval(accepted, decided) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_share_of_nothing_could_be_anything() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
