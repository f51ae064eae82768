"""The media of a release: WebDataset shards, tar files with a JPEG, a FLAC and a JSON for each pair.

The same pairs of the same files give the same bytes. Shards that are whole stay when an export is cut off and begun again.
"""

import json
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from davenet import events
from davenet.corpora.splits import SPLIT_NAMES, SplitName
from davenet.errors import UserError, one_line
from davenet.files import atomic_path, write_text_atomically
from davenet.release.pair_media import PairMedia
from davenet.release.tables import moment_text, read_rows
from davenet.specs import ReleaseMedia

FOLDER = "media"
MEGABYTE = 1_000_000  # bytes
_PROGRESS = "shards.json"
_END = b"\0" * 1024  # two empty blocks


@dataclass(slots=True)
class ShardProgress:
    """What is written: whole shards with their pairs, how many rows of each split are done, what had no media."""

    shards: dict[str, int] = field(default_factory=dict)  # name below the release's folder -> pairs in it
    rows_done: dict[str, int] = field(default_factory=dict)
    without: dict[str, int] = field(default_factory=dict)  # video id -> pairs without media

    @property
    def n_written(self) -> int:
        return sum(self.shards.values())


def write_shards(
    folder: Path, media: ReleaseMedia, n_pairs: int, emit: events.Emit, stop: Callable[[], bool]
) -> ShardProgress:
    """Writes `media/SPLIT-NNNNN.tar` below a release's folder, from its tables; goes on after those that are whole.

    A pair whose frame or sound cannot be had is left out, and its video told once. Raises events.Stop when asked to stop.
    """
    progress = read_progress(folder)
    told = set(progress.without)
    source = PairMedia(media)
    n_done = sum(progress.rows_done.values())
    for split in SPLIT_NAMES:
        first = progress.rows_done.get(split, 0)
        with _Shards(folder, split, media.shard_mb * MEGABYTE, progress) as shards:
            for number, row in enumerate(read_rows(folder, "pairs", split)):
                if number < first:
                    continue
                if stop():
                    raise events.Stop({})
                video_id = row["video_id"]
                try:
                    content = _entries(row, split, *source.of(row))
                except UserError as error:
                    if video_id not in told:
                        emit(events.Skipped(video_id, one_line(error)))
                    told.add(video_id)
                    progress.without[video_id] = progress.without.get(video_id, 0) + 1
                else:
                    shards.add(number, content)
                n_done += 1
                emit(events.Progress(n_done, n_pairs, "pairs", video_id))
    return progress


def read_progress(folder: Path) -> ShardProgress:
    try:
        return ShardProgress(**json.loads((folder / _PROGRESS).read_bytes()))
    except FileNotFoundError:
        return ShardProgress()


def forget_progress(folder: Path) -> None:
    (folder / _PROGRESS).unlink(missing_ok=True)


class _Shards:
    """A split's shards, one after the other: each is there whole or not at all, and is noted when it is."""

    def __init__(self, folder: Path, split: SplitName, limit: int, progress: ShardProgress) -> None:
        self._folder = folder
        self._split = split
        self._limit = limit  # bytes; a single pair may be more
        self._progress = progress
        self._n_shards = sum(name.startswith(f"{FOLDER}/{split}-") for name in progress.shards)
        self._rows_done = progress.rows_done.get(split, 0)
        self._stack = ExitStack()
        self._out: BinaryIO | None = None
        self._n_pairs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            with self._stack:
                raise error  # so that no half-written shard stays
        self._close(self._rows_done)

    def add(self, row_number: int, content: bytes) -> None:
        """Writes the entries of the pair in this row, into a new shard where the last would grow too large."""
        if self._out is not None and self._out.tell() + len(content) + len(_END) > self._limit:
            self._close(row_number)
        if self._out is None:
            temporary = self._stack.enter_context(atomic_path(self._folder / self._name))
            self._out = self._stack.enter_context(open(temporary, "wb"))
        self._out.write(content)
        self._n_pairs += 1
        self._rows_done = row_number + 1

    @property
    def _name(self) -> str:
        return f"{FOLDER}/{self._split}-{self._n_shards:05d}.tar"

    def _close(self, rows_done: int) -> None:
        """Ends the shard. `rows_done` rows of the split are then settled, written or left out."""
        if self._out is None:
            return
        self._out.write(_END)
        self._out = None
        self._stack.close()
        self._progress.shards[self._name] = self._n_pairs
        self._progress.rows_done[self._split] = rows_done
        write_text_atomically(self._folder / _PROGRESS, json.dumps(asdict(self._progress)))
        self._n_shards += 1
        self._n_pairs = 0


def _entries(row: dict[str, Any], split: SplitName, jpeg: bytes, flac: bytes, facts: dict[str, Any]) -> bytes:
    """Returns a pair's three entries as they stand in a tar file: nothing in them tells when, where or by whom."""
    values = {
        name: moment_text(value) if isinstance(value, datetime) else value
        for name, value in ({"split": split} | row | facts).items()
    }
    text = json.dumps(values, ensure_ascii=False, indent=1).encode("utf-8")
    content = b""
    for suffix, part in (("flac", flac), ("jpg", jpeg), ("json", text)):
        entry = tarfile.TarInfo(f"{row['pair_id']}.{suffix}")
        entry.size, entry.mode = len(part), 0o644
        content += entry.tobuf(tarfile.USTAR_FORMAT) + part + b"\0" * (-len(part) % tarfile.BLOCKSIZE)
    return content
