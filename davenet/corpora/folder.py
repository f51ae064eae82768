"""A folder of one's own videos as a corpus: every video below it, with an optional table of splits, types, languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from davenet.corpora import splits
from davenet.corpora.entries import Corpus, Entry
from davenet.corpora.language import language_code
from davenet.corpora.media_files import walk_files
from davenet.corpora.splits import SplitBy, SplitName
from davenet.corpora.texts import read_table
from davenet.errors import UserError

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "video": ("video", "path", "file", "filename", "name"),
    "split": ("split", "subset", "set"),
    "recipe type": ("recipe type", "recipe", "type", "food type"),
    "language": ("language", "lang"),
}
_MOST_NAMED = 3  # files that a note names


@dataclass(frozen=True, slots=True)
class _Told:
    line: int
    split: SplitName | None
    recipe_type: str
    language: str


def read_folder(
    folder: Path,
    *,
    table: Path | None = None,
    split_by: SplitBy | None = None,
) -> Corpus:
    """Reads the table and finds every video below the folder; an id is a file's path relative to it, with "/".

    Without `split_by` the table's splits count where it has them, and the seeded ones otherwise. Raises UserError, with the
    line, for a split that is none, a file that is named twice, or a table without a column of files.
    """
    folder = folder.expanduser().absolute()
    told = {} if table is None else _read_table(table, folder)
    from davenet.media.probe import MEDIA_SUFFIXES

    paths, unreadable = walk_files(folder, MEDIA_SUFFIXES)
    if not paths:
        raise UserError(f"{folder} holds no video files; choose a folder with MP4, MOV, MKV or WebM files.")
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    by_table = any(line.split for line in told.values()) and (split_by is None or split_by.way == "lists")
    seed = split_by.seed if split_by is not None else splits.SPLIT_SEED
    if split_by is not None and split_by.way == "published":
        raise UserError("A folder of one's own has no published split; give a table with the column split, or seed:N.")
    if split_by is not None and split_by.way == "lists" and not by_table:
        raise UserError("Splits by lists need a table with the column split; give it with --table.")
    entries = []
    n_seeded = 0
    for each in dict.fromkeys([*files, *told]):
        line = told.get(each)
        split = line.split if by_table and line is not None else None
        if split is None:
            if split_by is not None and split_by.way == "lists":
                raise UserError(f"{table} gives no split for {each}; add it, or choose --split-by seed:0.")
            split = splits.seeded_split(each, seed=seed)
            n_seeded += each in files
        recipe_type, language = ("", "") if line is None else (line.recipe_type, line.language)
        entries.append(Entry(each, split, None, recipe_type, language, files=(files[each],) if each in files else ()))
    sentence = splits.seeded_sentence(seed)
    if by_table:
        sentence = f"lists (the column split of {table})" + (f"; the other {n_seeded} {sentence}" if n_seeded else "")
    notes = list(unreadable)
    if told and (untold := [each for each in files if each not in told]):
        more = " …" if len(untold) > _MOST_NAMED else ""
        notes.append(f"{len(untold)} videos are not in {table}: {', '.join(untold[:_MOST_NAMED])}{more}.")
    return Corpus("folder", tuple(entries), sentence, folder, tuple(notes), {"ids": len(entries)})


def _read_table(table: Path, folder: Path) -> dict[str, _Told]:
    told: dict[str, _Told] = {}
    for row in read_table(table, _COLUMNS, needed=("video",)):
        name = row.values["video"]
        if not name:
            raise UserError(f"{table}, line {row.number}, names no video; correct it.")
        each = _relative(name, folder)
        if each is None:
            raise UserError(f"{table}, line {row.number}: {name} does not lie in {folder}; give paths relative to it.")
        if each in told:
            raise UserError(
                f"{table}, line {row.number}: {each} is already in line {told[each].line}; remove one of them."
            )
        split_text = row.values.get("split", "")
        split = splits.split_named(split_text)
        if split_text and split is None:
            raise UserError(f"{table}, line {row.number}: {split_text} is not a split; use train, validation or test.")
        language = row.values.get("language", "")
        told[each] = _Told(
            row.number, split, row.values.get("recipe type", ""), language_code(language) if language else ""
        )
    return told


def _relative(name: str, folder: Path) -> str | None:
    """Returns a named file's path below the folder, with "/" and without "..", or None where it lies elsewhere."""
    try:
        path = Path(name.replace("\\", "/"))
        inside = path.relative_to(folder) if path.is_absolute() else path
    except ValueError:
        return None
    return None if ".." in inside.parts or "\0" in name else inside.as_posix()
