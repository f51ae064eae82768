"""Finds the files of a corpus by their ids, in one walk of a folder, whatever they are called: fast for thousands.

Names that are found for the id sdB8qBlLS2E: sdB8qBlLS2E.mp4, validation/405/sdB8qBlLS2E.mkv, "Lamb curry
[sdB8qBlLS2E].webm" (yt-dlp), "Lamb curry-sdB8qBlLS2E.mp4" (youtube-dl), v_sdB8qBlLS2E.mp4, sdB8qBlLS2E/video.mp4.
"""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from davenet.errors import UserError

_SHORT = 8  # characters: an id below this is a name's part by chance too easily, and must stand alone
_PIECE = re.compile(r"\.(f\d+[a-z-]*\d*|temp|part)(\.|$)", re.IGNORECASE)  # of a download that was never put together


@dataclass(slots=True)
class Found:
    """For each id that was found its files, the likeliest first; `unreadable` are folders that could not be searched."""

    files: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    n_files: int = 0  # of the wanted kinds, whatever their ids


def find_by_id(folder: Path, ids: Collection[str], suffixes: Collection[str]) -> Found:
    """Searches a folder and those below it, through links too, for files of these suffixes (lower case) named by ids.

    Case counts in ids. Raises UserError where the folder itself cannot be read.
    """
    folder = _checked(folder)
    finder = IdFinder(ids)
    found = Found()
    candidates: dict[str, list[tuple[int, Path]]] = {}
    for path in _files(folder, suffixes, found):
        found.n_files += 1
        if (match := finder.id_of(path)) is not None:
            candidates.setdefault(match[0], []).append((match[1], path))
    for each, ranked in candidates.items():
        found.files[each] = (
            tuple(path for _, path in sorted(ranked, key=_order)) if len(ranked) > 1 else (ranked[0][1],)
        )
    return found


def walk_files(folder: Path, suffixes: Collection[str]) -> tuple[list[Path], list[str]]:
    """Returns every file of these suffixes below a folder, in order, and a sentence for each folder that cannot be read."""
    folder = _checked(folder)
    found = Found()
    return sorted(_files(folder, suffixes, found)), found.unreadable


class IdFinder:
    """Looks for any of the ids in a name: a look-up for each place in it, however many ids there are."""

    def __init__(self, ids: Collection[str]) -> None:
        self._ids = frozenset(ids)
        self._lengths = sorted({len(each) for each in self._ids if len(each) >= _SHORT})

    def id_of(self, path: Path) -> tuple[str, int] | None:
        """Returns the id that a file is named by and how surely, 0 being the surest; None for none."""
        stem = path.name[: -len(path.suffix)] if path.suffix else path.name
        stem = stem.removesuffix(".info")  # yt-dlp's metadata
        if stem in self._ids:
            return stem, 0
        bracketed = stem.rpartition("[")[2].partition("]")[0]
        if bracketed in self._ids and f"[{bracketed}]" in stem:
            return bracketed, 1
        if inside := self._inside(stem):
            return inside
        parent = path.parent.name
        if parent in self._ids:
            return parent, 4
        bracketed = parent.rpartition("[")[2].partition("]")[0]
        return (bracketed, 4) if bracketed in self._ids and f"[{bracketed}]" in parent else None

    def _inside(self, stem: str) -> tuple[str, int] | None:
        """Returns the last id in a name that no letter or digit touches."""
        for start in range(len(stem) - 1, -1, -1):
            if start and _touches(stem[start - 1]):
                continue
            for length in self._lengths:
                end = start + length
                if end <= len(stem) and stem[start:end] in self._ids and not _touches(stem[end : end + 1]):
                    return stem[start:end], 2 if end == len(stem) else 3
        return None


def _checked(folder: Path) -> Path:
    folder = folder.expanduser().absolute()
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be searched
        raise UserError(f"{folder} is not a folder that can be read; give the folder that the files lie in.")
    return folder


def _touches(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _order(candidate: tuple[int, Path]) -> tuple[bool, int, int, str]:
    """Whole files before pieces of a download, surer names first, then the larger, as it is the better copy."""
    rank, path = candidate
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return bool(_PIECE.search(path.name)), rank, -size, str(path)


def _files(folder: Path, suffixes: Collection[str], found: Found) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        found.unreadable.append(
            f"The folder {error.filename} cannot be read ({error.strerror}); change its permissions."
        )

    for below, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        try:
            status = os.stat(below)  # noqa: PTH116
        except OSError as error:
            refuse(error)
            folders.clear()
            continue
        place = (status.st_dev, status.st_ino)
        if place in seen and status.st_ino:  # a link that leads back
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            dot = name.rfind(".")
            if dot > 0 and name[0] != "." and name[dot:].lower() in suffixes:
                yield Path(below, name)
