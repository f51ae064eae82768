"""Import: finds the media files of folders and says for each whether pairs can be made from it, or why not."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from davenet import events
from davenet.errors import UserError, one_line
from davenet.jobs import started
from davenet.media.probe import MEDIA_SUFFIXES, MediaInfo, probe, video_uid
from davenet.specs import ImportSpec

_CUT_OFF_S = 1.0  # a file that holds this much less than it claims was cut off


def import_videos(spec: ImportSpec, emit: events.Emit, stop: Callable[[], bool]) -> dict[str, Any]:
    """Returns {"videos": [MediaInfo as JSON with its uid], "unusable": [{path, reason}], "known": [uid]}.

    One bad file or folder never stops the rest. Raises events.Stop between files when asked to stop.
    """
    emit(started("import", None, "videos"))
    unusable: list[dict[str, str]] = []

    def refuse(path: Path, reason: str) -> None:
        unusable.append({"path": str(path), "reason": reason})
        emit(events.Skipped(str(path), reason))

    paths = list(dict.fromkeys(_media_files(spec.paths, refuse)))
    videos: dict[str, dict[str, Any]] = {}
    known: list[str] = []
    for number, path in enumerate(paths):
        if stop():
            raise events.Stop({"videos": list(videos.values()), "unusable": unusable, "known": known})
        emit(events.Progress(number, len(paths), "videos", path.name))
        try:
            info = probe(path)
        except UserError as error:
            refuse(path, one_line(error))
            continue
        uid = video_uid(path, info.source_hash)
        same = _known_as(info, spec.known, videos)
        if same is not None:
            if same not in known:
                known.append(same)
            continue
        if info.declared_s - info.duration_s > _CUT_OFF_S:
            text = (
                f"{path} is cut off after {info.duration_s:.0f} s of {info.declared_s:.0f} s; only that part is used."
            )
            emit(events.Message(text, "warning"))
        videos[uid] = media_json(info, uid)
    emit(events.Progress(len(paths), len(paths), "videos"))
    return {"videos": list(videos.values()), "unusable": unusable, "known": known}


def media_json(info: MediaInfo, uid: str) -> dict[str, Any]:
    """Returns a MediaInfo as JSON values with its uid."""
    return {"uid": uid, **asdict(info), "path": str(info.path)}


def _known_as(info: MediaInfo, known: dict[str, Path], videos: dict[str, dict[str, Any]]) -> str | None:
    """Returns the uid under which the same content is there already, whatever its file is called."""
    for uid in (*known, *videos):
        if uid.endswith(f"-{info.source_hash[:8]}"):
            return uid
    return None


def _media_files(paths: list[Path], refuse: Callable[[Path, str], None]) -> Iterator[Path]:
    """Yields each named file, and of folders every file below them with a media suffix, in the order of their names."""
    for path in paths:
        path = path.absolute()
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be searched
            yield path
            continue
        n_found = 0
        failed: list[OSError] = []
        for folder, folders, names in os.walk(path, onerror=failed.append):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if Path(name).suffix.lower() in MEDIA_SUFFIXES and not name.startswith("."):
                    n_found += 1
                    yield Path(folder, name)
        for error in failed:
            refuse(
                Path(error.filename or path),
                f"The folder {error.filename or path} cannot be read ({error.strerror}); change its permissions.",
            )
        if not n_found and not failed:
            refuse(path, f"{path} holds no video files; choose a folder with MP4, MOV, MKV or WebM files.")
