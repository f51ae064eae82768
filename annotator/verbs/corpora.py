"""Importing a corpus: its videos with their splits and what is said of them, all at once; what did not come in is listed."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.verbs.importing import record_of
from davenet.corpora.splits import parse_split_by
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.specs import FolderSource, ImportCorpusSpec, KnownVideo, YouCook2Source, YouTube8MSource


def plan_import_corpus(project: Project, source: YouCook2Source | YouTube8MSource | FolderSource) -> ImportCorpusSpec:
    """Raises UserError for a path that does not exist, a way to split that there is not, and splits without their lists."""
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

    Returns the job's counts with {"imported", "known", "moved": uids, "missing": ids, "left_out": [{id, reason}],
    "not_imported": the file or None}.
    """
    from davenet.corpora.importing import ImportedVideo, NotImported, read_imported

    by_content = {video.source_hash: video for video in project.store.videos()}
    videos: list[VideoRecord] = []
    segments = {}
    others: list[NotImported] = []
    for each in read_imported(spec.out):
        if isinstance(each, NotImported):
            others.append(each)
            continue
        video = _record(each, str(result["corpus"]), by_content.get(str(each.media["source_hash"])))
        assert isinstance(each, ImportedVideo)
        videos.append(video)
        segments[video.uid] = each.segments
    change = project.store.put_corpus(str(result["corpus"]), videos, segments, splits=str(result["splits"]))
    unusable = list(result.get("unusable", []))
    project.store.record_problems(
        "import",
        [(Path(entry["path"]), None, str(entry["reason"])) for entry in unusable],
        solved=[video.path for video in videos],
    )
    file = not_imported_path(project, str(result["corpus"]))
    _write_not_imported(file, others)
    spec.out.unlink(missing_ok=True)
    return {
        **result,
        "imported": list(change.added),
        "known": list(change.known),
        "moved": list(change.moved),
        "missing": [other.corpus_id for other in others if other.is_missing],
        "left_out": [{"id": other.corpus_id, "reason": other.reason} for other in others if not other.is_missing],
        "not_imported": str(file) if others else None,
    }


def not_imported_path(project: Project, corpus: str) -> Path:
    """Where the videos of a corpus that did not come in are listed, with the reason for each."""
    return project.path / "corpora" / f"{corpus}.not-imported.csv"


def _record(imported: Any, corpus: str, known: VideoRecord | None) -> VideoRecord:
    said = {
        "corpus": corpus,
        "corpus_id": imported.corpus_id,
        "recipe_type": imported.recipe_type,
        "language": imported.language,
        "speech_share": imported.speech_share,
        "split": imported.split,
    }
    record = record_of({**imported.media, "uid": imported.uid if known is None else known.uid}, **said)
    if known is None or not known.path.exists():  # else the file that the project has is as good
        return record
    return VideoRecord(**{name: getattr(known, name) for name in known.__slots__} | said)


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
