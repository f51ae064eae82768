"""Makes a release of the tables that were written from a project: CSV beside Parquet, media, manifest and card.

All of it is made in a hidden folder beside the target, which takes the target's name when it is whole. An export that was cut
off goes on from its whole shards where tables and media are still the same, and is made anew otherwise.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from davenet import events
from davenet.clips import clip_path
from davenet.corpora.splits import SPLIT_NAMES
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.jobs import started
from davenet.release import shards
from davenet.release.card import card
from davenet.release.columns import TABLES
from davenet.release.facts import MediaFacts, read_facts
from davenet.release.manifest import sha256_of, write_manifest
from davenet.release.summary import summarise
from davenet.release.tables import table_path, write_csv
from davenet.release.target import check_target, disk_errors, locked, publish, put_back
from davenet.specs import ReleaseSpec

CARD = "README.md"
_STATE = "state.json"


def build_release(spec: ReleaseSpec, emit: events.Emit, stop: Callable[[], bool]) -> dict[str, Any]:
    """Returns {"out", "pairs", "verdicts", "videos", "files", "bytes", "media": {"pairs", …} or None}.

    Raises UserError where the target holds other files, the disk is full, or no pair has media although it was asked for.
    """
    with locked(spec.out), disk_errors(spec.out):
        staging = spec.out.with_name(f".{spec.out.name}.part")
        put_back(spec.out)
        check_target(spec.out, force=spec.force)
        summary = summarise(spec.tables_dir)
        emit(started("release", summary.n_pairs, "pairs"))
        _begin(staging, spec)
        facts = read_facts(spec.tables_dir)
        rows = {}
        for table in TABLES:
            for split in SPLIT_NAMES:
                if stop():
                    raise events.Stop({})
                parquet = table_path(staging, table, split)
                if parquet.exists():
                    write_csv(staging, table, split)
                    for path in (parquet, parquet.with_suffix(".csv")):
                        rows[path.relative_to(staging).as_posix()] = _n_rows(parquet)
        media = None
        if spec.media is not None:
            progress = shards.write_shards(staging, spec.media, summary.n_pairs, emit, stop)
            if not progress.shards:
                raise UserError(
                    f"No pair of {spec.out.name} has its frame and sound here; extract the videos, or leave out --with-media."
                )
            media = MediaFacts(
                pairs=progress.n_written,
                pairs_without=sum(progress.without.values()),
                videos_without=sorted(progress.without),
            )
            rows |= progress.shards
        manifest = write_manifest(staging, rows, facts, media)
        write_text_atomically(staging / CARD, card(manifest, summary))
        shards.forget_progress(staging)
        (staging / _STATE).unlink()
        publish(staging, spec.out)
    emit(events.Progress(summary.n_pairs, summary.n_pairs, "pairs"))
    return {
        "out": str(spec.out),
        "pairs": summary.n_pairs,
        "verdicts": summary.n_verdicts,
        "videos": summary.videos.total(),
        "files": len(manifest.files) + 2,
        "bytes": sum(file.bytes for file in manifest.files.values()),
        "media": None if media is None else media.model_dump(),
    }


def _begin(staging: Path, spec: ReleaseSpec) -> None:
    """Puts the tables into the hidden folder, emptied first unless it was begun from the same tables and media."""
    state = _state_of(spec)
    state_path = staging / _STATE
    if not state_path.is_file() or state_path.read_text("utf-8") != state:
        if staging.exists():
            shutil.rmtree(staging)
        staging.mkdir(parents=True)
        for table in TABLES:
            for split in SPLIT_NAMES:
                path = table_path(spec.tables_dir, table, split)
                if path.exists():
                    target = table_path(staging, table, split)
                    target.parent.mkdir(exist_ok=True)
                    shutil.copyfile(path, target)
        write_text_atomically(state_path, state)


def _state_of(spec: ReleaseSpec) -> str:
    """Returns what the bytes of a release follow from: its tables, and the clip files and videos of its media."""
    tables = {
        path.relative_to(spec.tables_dir).as_posix(): sha256_of(path)
        for path in sorted(spec.tables_dir.rglob("*"))
        if path.is_file()
    }
    media = hashlib.sha256()
    if spec.media is not None:
        for video_id, ref in sorted(spec.media.videos.items()):
            for path in (clip_path(spec.media.clips_dir, ref.uid), ref.path):
                try:
                    status = path.stat()
                    version = f"{status.st_size} {status.st_mtime_ns}"
                except OSError:
                    version = "missing"
                media.update(f"{video_id}\0{version}\n".encode())
        media.update(f"{spec.media.shard_mb}".encode())
    return json.dumps({"tables": tables, "media": None if spec.media is None else media.hexdigest()}, sort_keys=True)


def _n_rows(parquet: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(parquet).num_rows)
