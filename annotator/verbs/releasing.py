"""Releases: a project's labels and verdicts as tables that others can load (taking_in.py takes them into a project).

In a release a video is known by its id in its corpus, or by its uid; nothing in it tells where a file lies.
"""

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from annotator.project import Project
from annotator.store.records import Mining, VerdictRecord, VideoRecord
from annotator.store.releases import Snapshot, StandingPair, asked_label, final_decision
from davenet import __version__
from davenet.errors import UserError
from davenet.files import disk_error
from davenet.labels import detections, words
from davenet.pairs import Pair, pair_uid
from davenet.release.facts import DEFAULT_TITLE, Facts, MiningFacts, SourceFacts, without_paths, write_facts
from davenet.release.tables import TableWriter
from davenet.release.target import check_target
from davenet.specs import ReleaseMedia, ReleaseSpec, VideoRef

SOURCES_SETTING = "released_sources"  # recognisers and detectors of imported releases, whose label files are not here
SPLITS_SETTING = "splits"
_OF_NO_CORPUS = ("", "folder")
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")


def plan_release(
    project: Project,
    out: Path,
    *,
    with_media: bool = False,
    shard_mb: int = 500,
    anonymous: bool = False,
    title: str = DEFAULT_TITLE,
    licence: str = "unknown",
    force: bool = False,
) -> ReleaseSpec:
    """Writes the project's tables as they stand now to its cache, from which the job makes the release.

    Raises UserError where there are no pairs, `out` holds other files (or a release, without `force`) or lies in the project's
    own folders, and for impossible options.
    """
    out = out.expanduser().absolute()
    check_target(out, force=force)
    if out == project.path or project.path in out.parents:
        raise UserError(f"{out} lies in the project's own folder; choose a folder outside of {project.path}.")
    if not _LICENCE.fullmatch(licence):
        raise UserError(f"--licence {licence} is no licence's short name; give one such as cc-by-4.0.")
    tables_dir = project.cache_dir / "release" / hashlib.blake2b(str(out).encode(), digest_size=8).hexdigest()
    try:
        shutil.rmtree(tables_dir, ignore_errors=True)
        with project.store.snapshot() as snapshot:
            names = release_names(snapshot.videos())
            n_pairs = _write_tables(
                project, snapshot, names, tables_dir, anonymous, {"title": title, "licence": licence}
            )
    except OSError as error:
        raise disk_error(tables_dir, error) from error
    if not n_pairs:
        raise UserError(f"{project.path} has no pairs to release yet; mine them first.")
    media = None
    if with_media:
        refs = {names[video.uid]: VideoRef(uid=video.uid, path=video.path) for video in project.store.videos()}
        try:
            media = ReleaseMedia(clips_dir=project.clips_dir, videos=refs, shard_mb=shard_mb)
        except ValidationError as error:
            raise UserError(f"--shard-mb: {error.errors()[0]['msg']}; correct it.") from error
    return ReleaseSpec(tables_dir=tables_dir, out=out, media=media, force=force)


def collect_release(project: Project, spec: ReleaseSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Removes the tables that the release was made of, and returns the job's result."""
    shutil.rmtree(spec.tables_dir, ignore_errors=True)
    return dict(result)


def release_names(videos: Iterable[VideoRecord]) -> dict[str, str]:
    """Returns by uid what each video is called in a release: its id in its corpus where no other has that, else its uid."""
    names = {video.uid: corpus_id_of(video) or video.uid for video in videos}
    counted = Counter(names.values())
    return {uid: name if counted[name] == 1 else uid for uid, name in names.items()}


def _write_tables(
    project: Project,
    snapshot: Snapshot,
    names: Mapping[str, str],
    tables_dir: Path,
    anonymous: bool,
    titles: Mapping[str, str],
) -> int:
    """Writes pairs, verdicts, videos and facts, and returns how many pairs there are."""
    videos = {video.uid: video for video in snapshot.videos()}
    minings = {mining.id: mining for mining in snapshot.minings()}
    numbers: dict[int, int] = {}
    used = _Sources(project)
    n_pairs: Counter[str] = Counter()
    reviewer_names = _Pseudonyms() if anonymous else None
    given: set[str] = set()
    with TableWriter(tables_dir, "pairs") as pairs, TableWriter(tables_dir, "verdicts") as verdicts:
        for state in snapshot.pairs(sorted(names, key=lambda uid: (names[uid], uid))):
            video = videos[state.pair.video_uid]
            name = names[video.uid]
            number = numbers.setdefault(state.mining_id, len(numbers) + 1)
            used.note(state)
            pair_id = _pair_id(state.pair, name, given)
            pairs.add(video.split, _pair_row(state, pair_id, name, number))
            for verdict in state.verdicts:
                reviewer = verdict.reviewer if reviewer_names is None else reviewer_names(verdict.reviewer)
                verdicts.add(video.split, _verdict_row(verdict, pair_id, name, reviewer))
            n_pairs[video.uid] += 1
    with TableWriter(tables_dir, "videos") as rows:
        for uid in sorted(n_pairs, key=lambda uid: names[uid]):
            rows.add(videos[uid].split, _video_row(videos[uid], names[uid], n_pairs[uid]))
    detectors, recognisers = used.facts([minings[found] for found in numbers], snapshot.setting(SOURCES_SETTING) or {})
    corpora = {corpus_of(videos[uid]) for uid in n_pairs}
    said = project.store.split_sources()
    facts = Facts(
        made_with=f"Matchmap Annotator {__version__}",
        anonymous=anonymous,
        splits={name: said[name] for name in sorted(said) if name in corpora},
        minings=[
            MiningFacts(number=number, at=minings[found].at, settings=without_paths(dict(minings[found].settings)))
            for found, number in numbers.items()
        ],
        detectors=detectors,
        recognisers=recognisers,
        **titles,
    )
    write_facts(tables_dir, facts)
    return n_pairs.total()


def _pair_id(pair: Pair, name: str, given: set[str]) -> str:
    """Returns the pair's name in a release, which does not depend on the project."""
    asked = asked_label(pair) or ""
    found = pair_uid(name, pair.time_s, pair.kind, asked)
    again = 1
    while found in given:  # a frame's pairs that ask about the same label
        again += 1
        found = pair_uid(name, pair.time_s, pair.kind, f"{asked}\0{again}")
    given.add(found)
    return found


def _pair_row(state: StandingPair, pair_id: str, name: str, mining: int) -> dict[str, Any]:
    pair = state.pair
    decisions = Counter(verdict.decision for verdict in state.verdicts if verdict.purpose != "adjudication")
    return {
        "pair_id": pair_id,
        "video_id": name,
        "kind": pair.kind,
        "time_s": pair.time_s,
        "segment_s": pair.segment_s,
        "sound_offset_s": pair.sound_offset_s,
        "sound_start_s": pair.sound_s - pair.segment_s / 2,
        "sound_end_s": pair.sound_s + pair.segment_s / 2,
        "label": asked_label(pair),
        "labels": [asdict(label) for label in pair.labels],
        "food_probability": pair.food_probability,
        "verdict": final_decision(state.verdicts),
        "n_accept": decisions["accept"],
        "n_reject": decisions["reject"],
        "n_unsure": decisions["unsure"],
        "is_mined": state.is_active,
        "mining": mining,
        "detector": without_paths(state.detector),
        "recogniser": without_paths(state.recogniser),
    }


def _verdict_row(verdict: VerdictRecord, pair_id: str, name: str, reviewer: str) -> dict[str, Any]:
    return {
        "verdict_id": verdict.uid,
        "pair_id": pair_id,
        "video_id": name,
        "reviewer": reviewer,
        "decision": verdict.decision,
        "label": verdict.label,
        "reason": verdict.reason,
        "comment": verdict.comment,
        "given_at": verdict.given_at,
        "seconds": verdict.seconds,
        "window_s": verdict.window_s,
        "blind": verdict.blind,
        "labels": [asdict(label) for label in verdict.labels],
        "purpose": verdict.purpose,
        "offset_s": verdict.offset_s,
        "replays": verdict.replays,
        "keys": list(verdict.keys),
        "app_version": verdict.app_version,
    }


def _video_row(video: VideoRecord, name: str, n_pairs: int) -> dict[str, Any]:
    return {
        "video_id": name,
        "corpus": corpus_of(video) or None,
        "corpus_id": corpus_id_of(video) or None,
        "split": video.split,
        "recipe_type": video.recipe_type or None,
        "language": video.language or None,
        "speech_share": video.speech_share,
        "duration_s": video.duration_s,
        "frame_rate": video.frame_rate,
        "width": video.width,
        "height": video.height,
        "source_hash": video.source_hash,
        "n_pairs": n_pairs,
    }


def corpus_of(video: VideoRecord) -> str:
    """Returns the corpus by whose ids a video is known anywhere, "" for none: a folder's ids are file names."""
    return "" if video.corpus in _OF_NO_CORPUS else video.corpus


def corpus_id_of(video: VideoRecord) -> str:
    """Returns the id by which a video is known anywhere, "" where it has none."""
    return video.corpus_id if corpus_of(video) else ""


class _Pseudonyms:
    """Gives reviewers names by the order in which they come: the same release always has the same."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, reviewer: str) -> str:
        return self._names.setdefault(reviewer, f"reviewer {len(self._names) + 1}")


class _Sources:
    """Finds which recognisers and detectors the pairs came from, in which versions, out of the label files' headers."""

    def __init__(self, project: Project) -> None:
        self._labels_dir = project.labels_dir
        self._noted: tuple[dict[tuple[str, str], None], dict[tuple[str, str], None]] = ({}, {})

    def note(self, state: StandingPair) -> None:
        uid = state.pair.video_uid
        for noted, name in zip(self._noted, (state.detector, state.recogniser), strict=True):
            if name:
                noted[name, uid] = None

    def facts(
        self, minings: Iterable[Mining], imported: Mapping[str, Any]
    ) -> tuple[list[SourceFacts], list[SourceFacts]]:
        """Returns detectors and recognisers in the versions that were mined, else in those of the label files.

        Those whose label files are not here are as an imported release names them.
        """
        minings = list(minings)
        readers: tuple[Callable[[str, str], tuple[str, dict[str, Any]]], ...] = (self._detector, self._recogniser)
        found = []
        for noted, reader, kind in zip(self._noted, readers, ("detectors", "recognisers"), strict=True):
            settings: dict[tuple[str, str], dict[str, Any]] = {}
            for name, uid in noted:
                try:
                    version, said = reader(name, uid)
                except UserError:  # not here, or damaged: then the pairs alone name it
                    continue
                key, values = (without_paths(name), version), without_paths(said)
                before = settings.setdefault(key, values)
                settings[key] = {name: value for name, value in before.items() if values.get(name) == value}
            names = {without_paths(name) for name, _ in noted}
            for source in imported.get(kind, ()):
                if source["name"] in names:
                    settings.setdefault((source["name"], source["version"]), source["settings"])
            if mined := _mined_versions(minings, kind, names):
                told = {name for name, _ in mined}
                settings = {key: said for key, said in settings.items() if key in mined or key[0] not in told}
                settings |= {key: {} for key in mined if key not in settings}
            found.append(
                [
                    SourceFacts(name=name, version=version, settings=settings[name, version])
                    for name, version in sorted(settings)
                ]
            )
        return found[0], found[1]

    def _detector(self, name: str, uid: str) -> tuple[str, dict[str, Any]]:
        header = detections.read_detections_header(detections.detections_path(self._labels_dir, uid, name))
        return header.detector_version, header.settings

    def _recogniser(self, name: str, uid: str) -> tuple[str, dict[str, Any]]:
        header = words.read_transcript_header(words.transcript_path(self._labels_dir, uid, name))
        return header.recogniser_version, header.settings


def _mined_versions(minings: Iterable[Mining], kind: str, names: set[str]) -> set[tuple[str, str]]:
    """Returns the (name, version) of the sources that the minings say they read."""
    key = f"{kind.removesuffix('s')}_versions"
    return {
        (without_paths(name), str(version))
        for mining in minings
        for name, versions in dict(mining.settings.get(key) or {}).items()
        for version in versions
        if without_paths(name) in names
    }
