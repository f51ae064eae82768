"""Importing: videos are linked where they lie, each with its split; what cannot be used keeps its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.store.records import VideoRecord
from annotator.store.videos import split_of
from annotator.verbs import known_ids
from davenet.errors import UserError
from davenet.specs import ImportSpec


def plan_import(project: Project, paths: Sequence[Path]) -> ImportSpec:
    """Raises UserError for no paths at all, and for a path that does not exist."""
    if not paths:
        raise UserError("No videos were named; give files or folders of videos to import.")
    wanted = [path.expanduser().absolute() for path in paths]
    for path in wanted:
        try:
            if not path.exists():
                raise UserError(f"{path} does not exist; check its name.")
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); change its permissions.") from error
    return ImportSpec(paths=wanted, known={v.uid: v.path for v in project.store.videos() if v.path.exists()})


def collect_import(project: Project, spec: ImportSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Registers the usable videos.

    Returns {"imported": [uids], "known": [uids], "unusable": [{path, reason}], "named": {uid: id}}.
    `named` are new videos whose files are named by an id of YouCook2, where its annotations were imported before: they get
    their split, recipe type and sentences.
    """
    by_content = {video.source_hash: video.uid for video in project.store.videos()}
    videos = [record_of(values) for values in result.get("videos", [])]
    videos = [replace(v, uid=by_content.get(v.source_hash, v.uid)) for v in videos]  # a file that was moved or renamed
    unusable = list(result.get("unusable", []))
    said = known_ids.known_by_name(project, [video.path for video in videos if video.source_hash not in by_content])
    of_corpus = {video.uid: said[video.path] for video in videos if video.path in said}
    added = project.store.add_videos([video for video in videos if video.uid not in of_corpus])
    if of_corpus:
        change = project.store.put_corpus(
            known_ids.CORPUS,
            [of_corpus[video.uid].named(video) for video in videos if video.uid in of_corpus],
            {uid: known.segments for uid, known in of_corpus.items()},
            splits=project.store.split_source(known_ids.CORPUS),
        )
        added = [video.uid for video in videos if video.uid in {*added, *change.added}]
    project.store.record_problems(
        "import",
        [(Path(entry["path"]), None, str(entry["reason"])) for entry in unusable],
        solved=[video.path for video in videos],
    )
    known = [str(uid) for uid in result.get("known", [])] + [v.uid for v in videos if v.uid not in added]
    known_ids.strike_off(project, {known_video.corpus_id for known_video in of_corpus.values()})
    named = {uid: known_video.corpus_id for uid, known_video in of_corpus.items()}
    return {"imported": added, "known": known, "unusable": unusable, "named": named}


_FROM_MEDIA = {field.name for field in fields(VideoRecord)} - {"uid", "path", "title", "split", "added_at"}


def record_of(values: Mapping[str, Any], **said: Any) -> VideoRecord:
    """Returns the record of a probed file, with what a corpus says of it; without that, with a split by its name."""
    path, uid = Path(values["path"]), str(values["uid"])
    media = {name: values[name] for name in _FROM_MEDIA if name in values}
    others = {"split": split_of(uid), **said}
    return VideoRecord(uid=uid, path=path, title=str(values.get("title") or path.stem), **media, **others)
