"""Importing a corpus: its videos with their splits and what is said of them, all at once; what did not come in is listed.

A video belongs to one corpus. Where two name it, YouCook2 comes before YouTube-8M and that before a folder: YouCook2 has
validation and test videos, which must not train under another name.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.verbs import known_ids
from annotator.verbs.importing import record_of
from davenet.corpora.entries import DescribedSegment
from davenet.corpora.media_files import IdFinder
from davenet.corpora.splits import parse_split_by
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.specs import FolderSource, ImportCorpusSpec, KnownVideo, YouCook2Source, YouTube8MSource

_OF_YOUTUBE = ("youcook2", "youtube8m")  # the ids of both are YouTube's
_WEIGHT = {"youcook2": 3, "youtube8m": 2, "folder": 1, "": 0}


def plan_import_corpus(project: Project, source: YouCook2Source | YouTube8MSource | FolderSource) -> ImportCorpusSpec:
    """Raises UserError for a path that does not exist, and for a way to split that there is not."""
    if source.split_by is not None:
        parse_split_by(source.split_by)
    values: dict[str, Any] = {}
    for name in type(source).model_fields:
        value = getattr(source, name)
        if isinstance(value, Path):
            values[name] = _existing(value)
        elif name == "records":
            values[name] = [_existing(path) for path in value]
    known = {
        video.source_hash: KnownVideo(language=video.language, speech_share=video.speech_share)
        for video in project.store.videos()
    }
    return ImportCorpusSpec(
        source=source.model_copy(update=values), out=project.cache_dir / "import.jsonl", known=known
    )


def collect_import_corpus(project: Project, spec: ImportCorpusSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Takes in what the job found, in one transaction, and lists the rest in a file of the project.

    Returns the job's values with {"imported", "known", "moved" (in another split now): uids, "missing": ids, "left_out": [{id,
    reason}], "not_imported": the file that lists these or None}, and for YouCook2 "published": {split: {published, paper,
    present}}.
    """
    corpus = str(result["corpus"])
    merged = _Merged(project.store.videos(), corpus)
    merged.take(spec.out)
    change = project.store.put_corpus(
        corpus, list(merged.videos.values()), merged.segments, splits=str(result["splits"])
    )
    unusable = list(result.get("unusable", []))
    project.store.record_problems(
        "import",
        [(Path(entry["path"]), None, str(entry["reason"])) for entry in unusable],
        solved=[video.path for video in merged.videos.values()],
    )
    file = known_ids.not_imported_path(project, corpus)
    _write_not_imported(file, merged.others)
    if corpus == known_ids.CORPUS:
        known_ids.write_known(project, merged.described)
    spec.out.unlink(missing_ok=True)
    return {
        **result,
        "imported": list(change.added),
        "known": list(change.known),
        "moved": list(change.moved),
        "missing": [other.corpus_id for other in merged.others if other.is_missing],
        "left_out": [
            {"id": other.corpus_id, "reason": other.reason} for other in merged.others if not other.is_missing
        ],
        "not_imported": str(file) if merged.others else None,
    } | ({"published": _presence(merged.present)} if corpus == "youcook2" else {})


class _Merged:
    """What a job found, set against what the project has: new and changed records, and what stays out."""

    def __init__(self, known: Sequence[VideoRecord], corpus: str) -> None:
        self._corpus = corpus
        self._by_content = {video.source_hash: video for video in known}
        self._by_id: dict[str, list[VideoRecord]] = {}
        for video in known:
            if video.corpus in _OF_YOUTUBE:
                self._by_id.setdefault(video.corpus_id, []).append(video)
        self._finder = IdFinder(self._by_id) if corpus not in _OF_YOUTUBE else None
        self.videos: dict[str, VideoRecord] = {}
        self.segments: dict[str, Sequence[DescribedSegment]] = {}
        self.others: list[Any] = []
        self.described: list[Any] = []  # every id, whether its video came in or not
        self.present: list[str] = []  # the published split of each that the project has

    def take(self, found: Path) -> None:
        from davenet.corpora.importing import ImportedVideo, NotImported, read_imported

        for each in read_imported(found):
            self.described.append(each)
            same_content = (
                self._by_content.get(str(each.media["source_hash"])) if isinstance(each, ImportedVideo) else None
            )
            same = [*([same_content] if same_content is not None else []), *self._of_same_id(each)]
            heavier = next((video for video in same if _WEIGHT[video.corpus] > _WEIGHT[self._corpus]), None)
            if heavier is not None:
                reason = f"already in the project, as {heavier.corpus_id} of {heavier.corpus}"
                path = str(each.media["path"]) if isinstance(each, ImportedVideo) else each.path
                self.others.append(
                    NotImported(each.corpus_id, each.split, each.published, each.recipe_type, reason, False, path, ())
                )
                continue
            for video in same:  # also where another file of the same id lies in the project: its split must be the same
                self._put(video, each)
            if isinstance(each, ImportedVideo):
                if same_content is not None and not same_content.path.exists():
                    self._put(replace(same_content, path=Path(each.media["path"])), each)
                elif not any(video.path.exists() for video in same):
                    self._put(record_of(each.media), each)
            elif not same or not each.is_missing:
                self.others.append(each)
                continue
            self.present += [each.published] if each.published else []

    def _of_same_id(self, each: Any) -> list[VideoRecord]:
        """Returns the project's videos of the same YouTube id; of an own folder's file, by the id in its name."""
        if self._finder is None:
            return self._by_id.get(each.corpus_id, [])
        named = self._finder.id_of(Path(each.corpus_id))
        return [] if named is None else self._by_id[named[0]]

    def _put(self, video: VideoRecord, said: Any) -> None:
        speech_share = getattr(said, "speech_share", None)
        self.segments[video.uid] = said.segments
        self.videos[video.uid] = replace(
            video,
            corpus=self._corpus,
            corpus_id=said.corpus_id,
            split=said.split,
            recipe_type=said.recipe_type,
            language=getattr(said, "language", "") or video.language,
            speech_share=video.speech_share if speech_share is None else speech_share,
        )


def _presence(present: Sequence[str]) -> dict[str, dict[str, int]]:
    from davenet.corpora.youcook2 import PAPER_FOUND, PUBLISHED

    return {
        split: {"published": PUBLISHED[split], "paper": PAPER_FOUND[split], "present": present.count(split)}
        for split in PUBLISHED
    }


def _write_not_imported(file: Path, others: Sequence[Any]) -> None:
    if not others:
        file.unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "split", "recipe_type", "reason", "path"])
    for other in others:
        writer.writerow([other.corpus_id, other.split, other.recipe_type, other.reason, other.path])
    write_text_atomically(file, text.getvalue())


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    try:
        if not path.exists():
            raise UserError(f"{path} does not exist; check its name.")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); change its permissions.") from error
    return path
