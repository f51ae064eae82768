"""Which videos train, validate and test: published lists, a person's own lists, or a seeded 67-23-10 (Section 4).

The store uses the seeded split for videos of no corpus. A project keeps in its setting `splits` which of these it has.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from davenet.corpora.texts import read_text
from davenet.errors import UserError

SplitName = Literal["train", "validation", "test"]
SPLIT_NAMES: tuple[SplitName, ...] = get_args(SplitName)
SPLIT_SHARES: Mapping[SplitName, float] = {"train": 0.67, "validation": 0.23, "test": 0.10}  # of YouCook2, Section 4
SPLIT_SEED = 0

_WORDS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_SEEDED = re.compile(r"seed:(\d{1,9})", re.ASCII)
_SHORTEST_REASON = 60  # characters of a line that is no id, as they are shown


@dataclass(frozen=True, slots=True)
class SplitBy:
    """How the splits are to be chosen; `seed` belongs to "seed" alone."""

    way: Literal["published", "lists", "seed"]
    seed: int = SPLIT_SEED


@dataclass(frozen=True, slots=True)
class Listed:
    """An id of a split's list; `folder` is what stands before it in the list ("405/sdB8qBlLS2E"), in YouCook2 its type."""

    split: SplitName
    folder: str
    file: Path


def parse_split_by(text: str) -> SplitBy:
    """Returns the choice of "published", "lists" or "seed:N"; raises UserError for anything else."""
    if text == "published":
        return SplitBy("published")
    if text == "lists":
        return SplitBy("lists")
    if seeded := _SEEDED.fullmatch(text):
        return SplitBy("seed", int(seeded[1]))
    raise UserError(
        f"Splits cannot be chosen by {text}; use published, lists, or seed:N with a whole number, as seed:0."
    )


def seeded_split(name: str, *, seed: int = SPLIT_SEED) -> SplitName:
    """Returns a video's split, 67-23-10 by a hash of its name: other videos that come or go never move it."""
    digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()
    place, bound = int.from_bytes(digest, "big") / 2**64, 0.0
    for split, share in SPLIT_SHARES.items():
        bound += share
        if place < bound:
            return split
    return "test"


def seeded_sentence(seed: int = SPLIT_SEED) -> str:
    """Returns how a project names a seeded split."""
    return f"seeded 67-23-10, seed {seed}, by a hash of each name"


def split_named(text: str) -> SplitName | None:
    """Returns the split that a word means ("val", "Training"), or None."""
    return _WORDS.get(text.strip().lower())


def list_files(folder: Path) -> list[tuple[Path, SplitName]]:
    """Returns the .txt files of a folder whose names say a split (train_list.txt, yc2bb_testing_video_ids.txt), sorted."""
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".txt")
    except OSError as error:
        raise UserError(f"The folder of splits {folder} cannot be read ({error.strerror}); check its name.") from error
    found = []
    for path in names:
        said = {_WORDS[word] for word in re.split(r"[^a-z]+", path.stem.lower()) if word in _WORDS}
        if len(said) == 1:
            found.append((path, said.pop()))
    return found


def read_split_lists(files: Iterable[tuple[Path, SplitName]], *, pattern: re.Pattern[str]) -> dict[str, Listed]:
    """Returns the ids of the lists. A line is an id, or an id after its folders ("405/sdB8qBlLS2E"); # begins a comment.

    Raises UserError that names file and line for what is no id, and for one that is there twice or in two splits.
    """
    listed: dict[str, Listed] = {}
    for path, split in files:
        in_this_file: set[str] = set()
        for number, line in enumerate(read_text(path).splitlines(), 1):
            text = line.split("#")[0].strip()
            if not text:
                continue
            *folders, name = text.replace("\\", "/").split("/")
            if not pattern.fullmatch(name):
                name = Path(name).stem
            if not pattern.fullmatch(name):
                raise UserError(
                    f"{path}, line {number}: {text[:_SHORTEST_REASON]!r} is not a video id; correct the list."
                )
            if name in in_this_file:
                raise UserError(f"{path}, line {number}: {name} is listed twice; remove one of them.")
            in_this_file.add(name)
            before = listed.get(name)
            if before is not None and before.split != split:
                raise UserError(
                    f"The splits overlap: {name} is both in {before.file} ({before.split}) and in {path} ({split}); "
                    "remove it from one of them."
                )
            listed[name] = before if before is not None and before.folder else Listed(split, "/".join(folders), path)
    return listed


def ids_hash(ids: Iterable[str]) -> str:
    """Returns 16 hex digits that name a set of ids, in any order: two lists with the same hash are the same split."""
    return hashlib.blake2b("\n".join(sorted(ids)).encode(), digest_size=8).hexdigest()
