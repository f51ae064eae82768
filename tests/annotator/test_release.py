"""A release out of a project and into another: the same bytes again, all or nothing, and never a path."""

import hashlib
import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from project_maker import decide, make_pair, make_video_record

from annotator import verbs
from annotator.cli import main
from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.store.releases import StandingPair, final_decision
from davenet import events
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.detections import Detections, detections_path, write_detections
from davenet.pairs import Pair, WeakLabel, matched_uid

SECRET = "/home/ann/private"
_AT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)


def _videos() -> list[VideoRecord]:
    """One of YouCook2 under a telling file name, one of a person's own folder, one by itself."""
    known = {"corpus": "youcook2", "corpus_id": "dQw4w9WgXcQ", "recipe_type": "omelette", "language": "en"}
    own = {"corpus": "folder", "corpus_id": "sub/secret.mp4"}
    videos = [make_video_record(number, split) for number, split in enumerate(("train", "validation", "test"))]
    return [replace(videos[0], **known, speech_share=0.25), replace(videos[1], **own), videos[2]]  # type: ignore[arg-type]


def _fill(project: Project) -> list[Pair]:
    """Gives a project videos, two minings, and verdicts of two people; returns the food pairs."""
    videos = [replace(video, path=Path(SECRET) / f"{video.uid}.mp4") for video in _videos()]
    project.store.add_videos(videos)
    food = [make_pair(video.uid, float(t) + 0.04) for video in videos for t in range(4)]
    other = [make_pair(video.uid, 30.0 + t, "non-food") for video in videos for t in range(2)]
    second = WeakLabel("crème fraîche | x", 0.3, 4, "crème fraîche", 1.0, 1.5, 0.1 + 0.2)
    name = matched_uid(food[0].video_uid, food[0].time_s, "food", food[0].labels[0].class_name, 0.3)
    food[0] = replace(food[0], uid=name, labels=(*food[0].labels, second), sound_offset_s=0.3)
    settings_ = {"food_threshold": 0.5, "synonyms": f"{SECRET}/synonyms.txt"}
    sources = {video.uid: f"onnx:{SECRET}/food.onnx" for video in videos}
    project.store.put_pairs([*food, *other], settings_, detectors=sources, recognisers={videos[0].uid: "pocketsphinx"})
    for video in videos:
        path = detections_path(project.labels_dir, video.uid, sources[video.uid])
        made = Detections(video.uid, sources[video.uid], "2.1", video.source_hash, (), {"model": f"{SECRET}/food.onnx"})
        write_detections(path, made)
    decide(project.store, food[:6], "accept")
    decide(project.store, food[4:8], "reject", reviewer="bo")
    decide(project.store, [food[8]], "skip")
    give = {"reviewer": "=cmd", "seconds": 1.25, "window_s": 20.0, "blind": True}
    project.store.give_verdict(
        food[9].uid, "unsure", comment='=HYPERLINK("x")\n\0"🧅", sure?', reason="not seen", **give
    )
    project.store.put_pairs(food[1:] + other, settings_ | {"food_threshold": 0.6}, detectors=sources)  # food[0] is gone
    return food


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "secret-project") as made:
        _fill(made)
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Project]:
    """A project with the same videos, of which it knows nothing but what their files hold."""
    with Project.create(tmp_path / "other") as made:
        nothing = {"corpus": "", "corpus_id": "", "recipe_type": "", "language": "", "speech_share": None}
        made.store.add_videos([replace(video, split="train", **nothing) for video in _videos()])  # type: ignore[arg-type]
        yield made


def _export(project: Project, out: Path, **options: Any) -> dict[str, Any]:
    spec = verbs.plan_release(project, out, **options)
    final = run_job(spec)
    assert isinstance(final, events.Finished)
    return verbs.collect(project, spec, final.result)


def _content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _state(project: Project) -> tuple[object, ...]:
    """All that an import could change."""
    with project.store.snapshot() as snapshot:
        pairs = [*snapshot.pairs(video.uid for video in project.store.videos())]
    videos = sorted(project.store.videos(), key=lambda video: video.uid)
    return videos, pairs, project.store.history(), project.store.minings(), project.store.split_sources()


def _judged(project: Project) -> dict[str, object]:
    """The verdicts but skips, each with its pair, as a person would compare them: without where they were given."""
    found: dict[str, object] = {}
    with project.store.snapshot() as snapshot:
        for state in snapshot.pairs(video.uid for video in project.store.videos()):
            for each in state.verdicts:
                found[each.uid] = state.pair, state.is_active, replace(each, origin="review", mining_id=None)
    return found


def test_a_release_taken_into_a_fresh_project_is_released_with_the_same_bytes(
    project: Project, fresh: Project, tmp_path: Path
) -> None:
    _export(project, tmp_path / "one")
    taken = verbs.import_release(fresh, tmp_path / "one")
    assert (taken["videos"], taken["new_pairs"], taken["new_verdicts"], taken["missing"]) == (3, 18, 11, [])
    _export(fresh, tmp_path / "two")
    assert _content(tmp_path / "two") == _content(tmp_path / "one")
    assert _judged(fresh) == _judged(project)
    assert fresh.store.counts("ann").accepted == project.store.counts("ann").accepted == 6
    assert fresh.store.undo("ann") is None  # what was given elsewhere is not undone here


def test_a_release_imported_twice_or_where_it_came_from_changes_nothing(
    project: Project, fresh: Project, tmp_path: Path
) -> None:
    _export(project, tmp_path / "one")
    before = _state(project)
    taken = verbs.import_release(project, tmp_path / "one")
    assert (taken["new_pairs"], taken["known_pairs"], taken["new_verdicts"], taken["known_verdicts"]) == (0, 18, 0, 11)
    assert _state(project) == before
    verbs.import_release(fresh, tmp_path / "one")
    before = _state(fresh)
    verbs.import_release(fresh, tmp_path / "one")
    assert _state(fresh) == before


def test_no_file_of_a_release_tells_where_anything_lay(project: Project, tmp_path: Path) -> None:
    _export(project, tmp_path / "one")
    texts = {name: content for name, content in _content(tmp_path / "one").items() if not name.endswith(".parquet")}
    assert any(b"food.onnx" in content for content in texts.values())  # Parquet holds the same rows, compressed
    for name, content in texts.items():
        for secret in (b"/home", b"private", b"secret", str(tmp_path).encode(), b"video-0"):
            assert secret not in content, name


def test_videos_are_matched_by_corpus_id_whatever_file_they_are(project: Project, tmp_path: Path) -> None:
    _export(project, tmp_path / "one")
    with Project.create(tmp_path / "other") as other:
        here = replace(_videos()[0], uid="another-encoding", source_hash="ffff", split="test")
        other.store.add_videos([here])
        taken = verbs.import_release(other, tmp_path / "one")
        assert (taken["missing"], taken["other_files"], taken["moved"]) == (
            ["video-1", "video-2"],
            ["another-encoding"],
            ["another-encoding"],
        )
        assert (taken["new_pairs"], taken["pairs_without_video"]) == (6, 12)
        assert (taken["new_verdicts"], taken["verdicts_without_video"]) == (4, 7)
        assert other.store.video("another-encoding").split == "train"
        assert {pair.video_uid for pair in other.store.food_pairs()} == {"another-encoding"}


def test_splits_are_kept_where_they_are_asked_to_be(project: Project, fresh: Project, tmp_path: Path) -> None:
    _export(project, tmp_path / "one")
    assert verbs.import_release(fresh, tmp_path / "one", keep_splits=True)["moved"] == []
    assert {video.split for video in fresh.store.videos()} == {"train"}
    assert sorted(verbs.import_release(fresh, tmp_path / "one")["moved"]) == ["video-1", "video-2"]


def test_two_pairs_of_one_frame_stay_two(project: Project, fresh: Project, tmp_path: Path) -> None:
    """A frame that was judged for one food and is mined for another later has a pair for each."""
    video = _videos()[2]
    judged = make_pair(video.uid, 2.04)
    other = replace(judged, labels=(replace(judged.labels[0], class_name="leek"),))
    project.store.put_pairs([other], {}, videos=[video.uid])
    _export(project, tmp_path / "one")
    verbs.import_release(fresh, tmp_path / "one")
    _export(fresh, tmp_path / "two")
    assert _content(tmp_path / "two") == _content(tmp_path / "one")
    asked = [pair.labels[0].class_name for pair in fresh.store.pairs_of_video(video.uid, active_only=False)]
    assert sorted(asked) == ["butter", "leek"] or len(asked) == 3


def test_a_match_never_becomes_the_mined_pair_of_its_frame(project: Project, fresh: Project, tmp_path: Path) -> None:
    """It has that pair's frame and label, and its sound from elsewhere."""
    mined = make_pair(_videos()[2].uid, 2.04)
    match = replace(mined, uid="match", sound_offset_s=12.345)
    project.store.add_pair(match)
    decide(project.store, [match], "reject", reviewer="cy")
    fresh.store.put_pairs([mined], {})
    _export(project, tmp_path / "one")
    verbs.import_release(fresh, tmp_path / "one")
    _export(fresh, tmp_path / "two")
    found = fresh.store.pairs_of_video(mined.video_uid, active_only=False)
    assert sorted(p.sound_offset_s for p in found if p.time_s == mined.time_s) == [0.0, 12.345]
    (given,) = (one for one in fresh.store.verdicts() if one.reviewer == "cy")
    assert {p.uid: p.sound_offset_s for p in found}[given.pair_uid] == 12.345
    assert verbs.import_release(fresh, tmp_path / "one")["new_pairs"] == 0


def test_the_card_counts_what_the_project_counts(project: Project, tmp_path: Path) -> None:
    _export(project, tmp_path / "one", licence="cc-by-4.0", title="Our: pairs")
    card = (tmp_path / "one" / "README.md").read_text("utf-8")
    assert card.startswith('---\npretty_name: "Our: pairs"\nlicense: "cc-by-4.0"\nlanguage:\n- "en"\n')
    for line in (
        "| all | 3 | food | 4 | 4 | 1 | 3 | 12 |",
        "| train | 1 | food | 4 | 0 | 0 | 0 | 4 |",
        "| ann | bo | 2 | 0.0 % | 0.00 (0.00 to 0.00) |",
        "| onion | 2 | 2 | 0 | 2 | 6 |",
        "YouCook2 (1 video)",
        "`onnx:food.onnx`, version 2.1",
        "| `food_threshold` | 0.6 |",
        "1 pair with verdicts is kept although mining no longer finds them",
    ):
        assert line in card, line


def test_an_adjudication_is_released_decides_the_pair_and_counts_for_no_reviewer(
    project: Project, fresh: Project, tmp_path: Path
) -> None:
    contested = next(each.pair_uid for each in project.store.history() if each.reviewer == "bo")
    project.store.adjudicate(contested, "unsure", reviewer="cy", seconds=3.0, window_s=20.0)
    assert project.store.final_verdicts()[contested].decision == "unsure"
    _export(project, tmp_path / "one")
    verbs.import_release(fresh, tmp_path / "one")
    finals = {uid: final.decision for uid, final in project.store.final_verdicts().items()}
    with project.store.snapshot() as snapshot:
        for state in snapshot.pairs(video.uid for video in project.store.videos()):
            assert final_decision(state.verdicts) == finals.get(state.pair.uid)
    assert sorted(final.decision for final in fresh.store.final_verdicts().values()) == sorted(finals.values())
    card = (tmp_path / "one" / "README.md").read_text("utf-8")
    assert "cy (1)" in card  # among the verdicts
    assert "| cy |" not in card  # and not in the table of agreement


def test_without_two_reviewers_the_card_says_that_there_is_no_kappa(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        project.store.add_videos([make_video_record(0)])
        pairs = [make_pair("video-0", float(t)) for t in range(3)]
        project.store.put_pairs(pairs, {})
        _export(project, tmp_path / "none")
        assert "Nobody has reviewed these pairs yet" in (tmp_path / "none" / "README.md").read_text("utf-8")
        assert not (tmp_path / "none" / "verdicts").exists()
        decide(project.store, pairs, "accept")
        _export(project, tmp_path / "one")
        assert "so κ cannot be given" in (tmp_path / "one" / "README.md").read_text("utf-8")
        decide(project.store, pairs, "accept", reviewer="bo")
        _export(project, tmp_path / "two")
        assert "100.0 % | undefined" in (tmp_path / "two" / "README.md").read_text("utf-8")


def test_anonymous_reviewers_have_numbers_and_their_verdicts_are_known_at_home(
    project: Project, tmp_path: Path
) -> None:
    _export(project, tmp_path / "one", anonymous=True)
    text = (tmp_path / "one" / "verdicts" / "train.csv").read_text("utf-8")
    assert '"reviewer 1"' in text and '"ann"' not in text
    before = project.store.history()
    assert verbs.import_release(project, tmp_path / "one")["known_verdicts"] == 11
    assert project.store.history() == before


def test_a_project_without_pairs_has_nothing_to_release(tmp_path: Path) -> None:
    with Project.create(tmp_path / "empty") as empty, pytest.raises(UserError, match="no pairs to release"):
        verbs.plan_release(empty, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: (f / "pairs/train.parquet").write_bytes((f / "pairs/train.parquet").read_bytes()[:-9]),
            "is cut short",
        ),
        (lambda f: (f / "pairs/train.csv").write_bytes((f / "pairs/train.csv").read_bytes() + b"x"), "has grown"),
        (lambda f: _flip(f / "verdicts/train.parquet"), "was changed"),
        (lambda f: (f / "videos/test.parquet").unlink(), "is missing"),
        (lambda f: (f / "release.json").write_bytes(b"{"), "is damaged"),
        (lambda f: (f / "release.json").write_text('{"format": "matchmap release", "version": 9}'), "newer version"),
        (lambda f: (f / "release.json").write_text("{}"), "not the manifest of a release"),
        (lambda f: (f / "release.json").unlink(), "is not a release"),
        (
            lambda f: _edit(f, lambda m: m["files"].update({"../x": m["files"]["pairs/train.csv"]})),
            "outside the release",
        ),
        (lambda f: _edit(f, lambda m: m["facts"]["minings"].pop()), "row 2: there is no mining 2"),
        (lambda f: _swap(f, "videos/train.parquet", "pairs/train.parquet"), "has no column"),
    ],
)
def test_a_damaged_release_is_one_line_and_nothing_is_imported(
    project: Project, fresh: Project, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    _export(project, tmp_path / "one")
    damage(tmp_path / "one")
    before = _state(fresh)
    with pytest.raises(UserError, match=message) as raised:
        verbs.import_release(fresh, tmp_path / "one")
    assert "\n" not in str(raised.value) and str(tmp_path / "one") in str(raised.value)
    assert _state(fresh) == before


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "release.json").read_text("utf-8"))
    change(manifest)
    (folder / "release.json").write_text(json.dumps(manifest), "utf-8")


def _sign(folder: Path, *names: str) -> None:
    """Makes the manifest agree with files that were changed: then only their content can be wrong."""

    def change(manifest: dict[str, Any]) -> None:
        for name in names:
            content = (folder / name).read_bytes()
            manifest["files"][name] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    _edit(folder, change)


def _swap(folder: Path, first: str, second: str) -> None:
    (folder / second).write_bytes((folder / first).read_bytes())
    _sign(folder, second)


@settings(max_examples=40)
@given(
    place=st.integers(0, 10**6),
    value=st.integers(0, 255),
    cut=st.booleans(),
    table=st.sampled_from(["pairs", "videos"]),
)
def test_signed_damage_is_told_or_harmless_but_never_a_bug(
    release: Path, fresh_store: Project, place: int, value: int, cut: bool, table: str
) -> None:
    path = release / table / "train.parquet"
    whole, manifest = path.read_bytes(), (release / "release.json").read_bytes()
    place %= len(whole)
    path.write_bytes(whole[:place] if cut else whole[:place] + bytes([value]) + whole[place + 1 :])
    _sign(release, f"{table}/train.parquet")
    try:
        verbs.import_release(fresh_store, release)
    except UserError as error:
        assert str(release) in str(error) and "\n" not in str(error)
    finally:
        path.write_bytes(whole)
        (release / "release.json").write_bytes(manifest)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed")
    with Project.create(folder / "project") as project:
        _fill(project)
        _export(project, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with Project.create(tmp_path_factory.mktemp("fresh") / "project") as made:
        made.store.add_videos(_videos())
        yield made


def test_a_wrong_row_after_good_ones_imports_nothing(project: Project, fresh: Project, tmp_path: Path) -> None:
    """Its hash is right, as a person could make it: the pairs before it are not taken in either."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    _export(project, tmp_path / "one")
    path = tmp_path / "one" / "verdicts" / "validation.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[-1]["decision"] = "maybe"
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    _sign(tmp_path / "one", "verdicts/validation.parquet")
    before = _state(fresh)
    with pytest.raises(UserError, match=r"validation\.parquet, row 6: decision"):
        verbs.import_release(fresh, tmp_path / "one")
    assert _state(fresh) == before


def test_others_write_while_a_release_is_read_in(fresh: Project) -> None:
    """A reviewer's verdict lands between two pairs of the import: the write lock is not held while they are read."""
    old, *new = [make_pair(fresh.store.videos()[0].uid, float(t)) for t in range(4)]
    fresh.store.put_pairs([old], {}, detectors={old.video_uid: "d"}, recognisers={old.video_uid: "r"})

    def pairs() -> Iterator[StandingPair]:
        for pair in [new[0], old, new[0], *new[1:]]:
            with Project.open(fresh.path) as other:
                decide(other.store, [old], reviewer="bo")
            yield StandingPair(pair, True, "d2", "r2", 0)

    taken = fresh.store.put_release([], [(_AT, {"a": 1})], pairs(), [], {})
    assert (taken.new_pairs, taken.known_pairs) == (3, 2)
    kept = fresh.store.pairs([old.uid, *(pair.uid for pair in new)], reviewer="bo")
    assert [pair.time_s for pair in kept] == [0.0, 1.0, 2.0, 3.0]
    assert [pair.detector for pair in kept] == ["d", "d2", "d2", "d2"]
    assert all(pair.labels for pair in kept)
    assert fresh.store.queue_uids("all", reviewer="bo") == [old.uid, *(pair.uid for pair in new)]


def test_a_release_that_breaks_off_while_it_is_read_leaves_nothing_and_the_next_goes_in(fresh: Project) -> None:
    pair = make_pair(fresh.store.videos()[0].uid, 1.0)
    before = _state(fresh)

    def broken() -> Iterator[StandingPair]:
        yield StandingPair(pair, True, "d", "r", 0)
        raise UserError("Cancelled; nothing was imported.")

    for _ in range(2):
        with pytest.raises(UserError, match="Cancelled"):
            fresh.store.put_release([], [(_AT, {})], broken(), [], {})
        assert _state(fresh) == before
    whole = [StandingPair(pair, True, "d", "r", 0)]
    assert fresh.store.put_release([], [(_AT, {})], whole, [], {}).new_pairs == 1


def test_a_target_that_holds_other_files_is_left_alone(project: Project, tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "picture.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match="holds other files"):
        _export(project, tmp_path / "holiday", force=True)
    _export(project, tmp_path / "one")
    with pytest.raises(UserError, match="already holds a release"):
        _export(project, tmp_path / "one")
    (tmp_path / "one" / "README.md").write_text("mine")
    _export(project, tmp_path / "one", force=True)
    assert (tmp_path / "one" / "README.md").read_text("utf-8") != "mine"
    with pytest.raises(UserError, match="own folder"):
        _export(project, project.path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["holiday", "one", "secret-project"]


def test_the_command_line_exports_and_imports(project: Project, fresh: Project, tmp_path: Path, capfd: Any) -> None:
    folder = tmp_path / "out"
    assert main(["export", "release", str(project.path), str(folder)]) == 0
    assert "18 pairs with 11 verdicts on 3 videos" in capfd.readouterr().out
    assert main(["import", "release", str(fresh.path), str(folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["new_pairs"] == 18
    assert main(["import", "release", str(fresh.path), str(tmp_path)]) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_the_pairs_of_a_large_project_are_never_in_memory_together(tmp_path: Path) -> None:
    with Project.create(tmp_path / "large") as large:
        videos = [make_video_record(number) for number in range(40)]
        large.store.add_videos(videos)
        large.store.put_pairs([make_pair(video.uid, float(t)) for video in videos for t in range(200)], {})
        with large.store.snapshot() as snapshot:
            pairs = snapshot.pairs(video.uid for video in videos)
            tracemalloc.start()
            n_pairs = sum(1 for _ in pairs)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    assert n_pairs == 8000
    assert peak < 8 * 2**20  # all of them together: over 20 MiB
