"""Taking a release into a project that has its videos: first all of it is read and checked, then it is written at once.

Other writers wait only for the writing: what was checked lies in a file meanwhile, never in memory as a whole.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from annotator.project import Project
from annotator.store.records import VerdictRecord, VideoRecord
from annotator.store.releases import StandingPair, VideoFacts
from annotator.verbs.releasing import SOURCES_SETTING, SPLITS_SETTING, corpus_id_of
from davenet.errors import UserError
from davenet.files import disk_error
from davenet.pairs import Pair, matched_uid, pair_uid
from davenet.release.facts import Facts, MiningFacts, without_paths
from davenet.release.reading import Release, ReleasedPair, ReleasedVideo

Told = Callable[[str, int, int], None]  # "reading" or "writing", rows done, of how many
_AT_ONCE = 500  # rows between two words about progress, and in memory


def import_release(
    project: Project,
    folder: Path,
    *,
    keep_splits: bool = False,
    told: Told = lambda phase, done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Takes in a release's pairs, labels and verdicts on the videos that the project has: all of them, or nothing.

    Returns {"videos", "missing": names of videos that are not here, "other_files": those that are here as another file,
    "moved": uids in another split now, "new_pairs", "known_pairs", "pairs_without_video", "new_verdicts", "known_verdicts",
    "verdicts_without_video"}. Raises UserError naming the file that is damaged, changed or of a newer version, where the
    project has none of the videos, and when asked to stop.
    """
    release = Release(folder.expanduser().absolute())
    matched = _Matched(project.store.videos(), release.videos())
    if not matched.found:
        few = ", ".join(matched.missing[:3])
        raise UserError(f"{project.path} has none of the videos of {folder} ({few} …); import the videos first.")
    facts = release.manifest.facts
    minings = sorted(facts.minings, key=lambda mining: mining.number)
    places = {mining.number: place for place, mining in enumerate(minings)}
    taking = _Taking(matched, project.store.pair_uids_by_place(), places)
    reading = _Progress("reading", release.n_rows("pairs") + release.n_rows("verdicts"), told, stop)
    with _Spool(project.cache_dir) as pairs, _Spool(project.cache_dir) as verdicts:
        pairs.put(reading.over(taking.pairs(release)))
        verdicts.put(reading.over(taking.verdicts(release)))
        writing = _Progress("writing", len(pairs) + len(verdicts), told, stop)
        taken = project.store.put_release(
            [_video_facts(uid, video, keep_splits) for uid, video in matched.found.items()],
            _known_minings(project, minings),
            writing.over(pairs),
            writing.over(verdicts),
            _settings(project, facts, matched, keep_splits),
        )
    return {
        "videos": len(matched.found),
        "missing": matched.missing,
        "other_files": matched.other_files,
        "moved": list(taken.moved),
        "new_pairs": taken.new_pairs,
        "known_pairs": taken.known_pairs,
        "pairs_without_video": taking.n_pairs_without_video,
        "new_verdicts": taken.new_verdicts,
        "known_verdicts": taken.known_verdicts,
        "verdicts_without_video": taking.n_verdicts_without_video,
    }


class _Spool:
    """Rows that were checked, in a file without a name until they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._n_rows = folder, 0

    def __enter__(self) -> "_Spool":
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = TemporaryFile(dir=self._folder)
        except OSError as error:
            raise disk_error(self._folder, error) from error
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._n_rows

    def put(self, rows: Iterator[Any]) -> None:
        while batch := list(islice(rows, _AT_ONCE)):
            try:
                pickle.dump(batch, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            except OSError as error:
                raise disk_error(self._folder, error) from error
            self._n_rows += len(batch)

    def __iter__(self) -> Iterator[Any]:
        self._file.seek(0)
        left = self._n_rows
        while left > 0:
            batch = pickle.load(self._file)
            left -= len(batch)
            yield from batch


class _Progress:
    """Tells of rows as they pass, and ends the import where it is asked to."""

    def __init__(self, phase: str, total: int, told: Told, stop: Callable[[], bool]) -> None:
        self._phase, self._total, self._told, self._stop = phase, total, told, stop
        self._done = 0

    def over(self, rows: Iterable[Any]) -> Iterator[Any]:
        for row in rows:
            if self._done % _AT_ONCE == 0:
                if self._stop():
                    raise UserError("Cancelled; nothing was imported.")
                self._told(self._phase, self._done, self._total)
            self._done += 1
            yield row


class _Matched:
    """Which of a release's videos the project has: by their ids in a corpus, their uids, or the content of their files."""

    def __init__(self, videos: Iterable[VideoRecord], released: Iterable[ReleasedVideo]) -> None:
        here = list(videos)
        by_uid = {video.uid: video for video in here}
        by_hash = {video.source_hash: video for video in here}
        by_corpus_id: dict[str, list[VideoRecord]] = {}
        for video in here:
            if corpus_id := corpus_id_of(video):
                by_corpus_id.setdefault(corpus_id, []).append(video)
        self.found: dict[str, ReleasedVideo] = {}  # by uid
        self.missing: list[str] = []
        self.other_files: list[str] = []
        for each in released:
            same_id = by_corpus_id.get(each.corpus_id or "", [])
            candidates = [
                *(video for video in same_id if video.source_hash == each.source_hash),
                *same_id,
                *(by[key] for by, key in ((by_uid, each.video_id), (by_hash, each.source_hash)) if key in by),
            ]
            match = next((video for video in candidates if video.uid not in self.found), None)
            if match is None:
                self.missing.append(each.video_id)
                continue
            self.found[match.uid] = each
            if match.source_hash != each.source_hash:
                self.other_files.append(match.uid)
        self.uids = {video.video_id: uid for uid, video in self.found.items()}


class _Taking:
    """Turns a release's rows into the project's, under the uids that the project has for them or gives them."""

    def __init__(self, matched: _Matched, known: Mapping[Any, str], mining_places: Mapping[int, int]) -> None:
        self._matched = matched
        self._known = known
        self._taken = set(known.values())
        self._mining_places = mining_places
        self._uids: dict[str, str] = {}  # by the pair's name in the release
        self.n_pairs_without_video = 0
        self.n_verdicts_without_video = 0

    def pairs(self, release: Release) -> Iterator[StandingPair]:
        for row in release.pairs():
            video_uid = self._matched.uids.get(row.video_id)
            if video_uid is None:
                self.n_pairs_without_video += 1
                continue
            uid = self._uids[row.pair_id] = self._uid(row, video_uid)
            pair = Pair(
                uid,
                video_uid,
                row.time_s,
                row.segment_s,
                row.kind,
                row.labels,
                row.food_probability,
                row.sound_offset_s,
            )
            yield StandingPair(pair, row.is_mined, row.detector, row.recogniser, self._mining_places[row.mining])

    def _uid(self, row: ReleasedPair, video_uid: str) -> str:
        asked = row.labels[0].class_name if row.labels else None
        known = self._known.get(
            ((video_uid, round(row.time_s * 1000), row.kind), round(row.sound_offset_s * 1000), asked)
        )
        if known is not None:
            return known
        if row.sound_offset_s:
            return matched_uid(video_uid, row.time_s, row.kind, asked or "", row.sound_offset_s)
        uid = pair_uid(video_uid, row.time_s, row.kind)
        if uid in self._taken:  # by another label of the frame
            uid = pair_uid(video_uid, row.time_s, row.kind, asked or "")
        self._taken.add(uid)
        return uid

    def verdicts(self, release: Release) -> Iterator[VerdictRecord]:
        for row in release.verdicts():
            pair_uid_here = self._uids.get(row.pair_id)
            if pair_uid_here is None:
                self.n_verdicts_without_video += 1
                continue
            yield VerdictRecord(
                uid=row.verdict_id,
                pair_uid=pair_uid_here,
                reviewer=row.reviewer,
                decision=row.decision,
                label=row.label,
                reason=row.reason,
                comment=row.comment,
                seconds=row.seconds,
                window_s=row.window_s,
                blind=row.blind,
                given_at=row.given_at,
                app_version=row.app_version,
                origin="import",
                labels=row.labels,
                replays=row.replays,
                keys=row.keys,
                offset_s=row.offset_s,
                purpose=row.purpose,
            )


def _video_facts(uid: str, video: ReleasedVideo, keep_splits: bool) -> VideoFacts:
    said = {name: getattr(video, name) for name in ("corpus", "corpus_id", "recipe_type", "language", "speech_share")}
    return VideoFacts(uid, None if keep_splits else video.split, said)


def _known_minings(project: Project, minings: Iterable[MiningFacts]) -> list[tuple[Any, dict[str, Any]]]:
    """Returns the minings with the settings that the project's own have, where they are the same but for paths."""
    here = [(mining.at, dict(mining.settings)) for mining in project.store.minings()]
    found = []
    for mining in minings:
        own = (settings for at, settings in here if at == mining.at and without_paths(settings) == mining.settings)
        found.append((mining.at, next(own, mining.settings)))
    return found


def _settings(project: Project, facts: Facts, matched: _Matched, keep_splits: bool) -> dict[str, Any]:
    """Returns the project's settings that the release changes: sources of its labels, and of its splits where none is told."""
    sources: dict[str, list[dict[str, Any]]] = dict(project.store.setting(SOURCES_SETTING) or {})
    for kind, released in (("detectors", facts.detectors), ("recognisers", facts.recognisers)):
        before = list(sources.get(kind, []))
        names = {(source["name"], source["version"]) for source in before}
        new = [source.model_dump() for source in released if (source.name, source.version) not in names]
        sources[kind] = before + new
    changed: dict[str, Any] = {SOURCES_SETTING: sources}
    if not keep_splits:
        told = dict(project.store.setting(SPLITS_SETTING) or {})
        changed[SPLITS_SETTING] = facts.splits | told
    return changed
