"""YouCook2 (Section 4): the published annotations, splits and recipe types, and the videos found by their YouTube ids.

The annotations hold 1333 training and 457 validation videos; the 210 test ids come from a list of their own.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from davenet.corpora import splits
from davenet.corpora.entries import YOUTUBE_ID, Corpus, DescribedSegment, Entry
from davenet.corpora.media_files import Found, find_by_id
from davenet.corpora.splits import Listed, SplitBy, SplitName
from davenet.corpora.texts import read_json, read_rows
from davenet.errors import UserError

PUBLISHED: Mapping[SplitName, int] = {"train": 1333, "validation": 457, "test": 210}
PAPER_FOUND: Mapping[SplitName, int] = {"train": 1262, "validation": 439, "test": 205}  # Table 1
RECIPES_FILE = "label_foodtype.csv"
_PUBLISHED_HASHES: Mapping[SplitName, str] = {
    "train": "0a6c412a70b6f63a",
    "validation": "6a77efc215078b94",
    "test": "e88d2963481929d3",
}
_BEYOND_END_S = 1.0  # a sentence may end this much after the annotated length: both are rounded
_RECIPE_CODE = re.compile(r"\d{3}", re.ASCII)

_Seconds = Annotated[float, AllowInfNan(False), Field(ge=0, le=1e6)]


class _Segment(BaseModel):
    segment: tuple[_Seconds, _Seconds]
    sentence: Annotated[str, Field(strict=True)]


class _Annotated(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    subset: Annotated[str, Field(strict=True)]
    recipe_type: Annotated[str, Field(min_length=1)]
    duration: _Seconds | None = None
    annotations: list[_Segment]


_DATABASE = TypeAdapter(dict[str, _Annotated])


def read_youcook2(
    annotations: Path,
    videos: Path,
    *,
    split_folder: Path | None = None,
    recipes: Path | None = None,
    split_by: SplitBy = SplitBy("published"),  # noqa: B008 - frozen
) -> Corpus:
    """Reads the corpus and finds its videos below a folder.

    Lists of splits and recipe types that are not named are looked for beside the annotations. Raises UserError, naming
    file and field, for whatever is wrong in any of these files.
    """
    annotated = read_annotations(annotations)
    lists = _lists(split_folder, annotations.parent, split_by)
    listed = splits.read_split_lists(lists, pattern=YOUTUBE_ID)
    _check_agreement(annotated, listed, annotations, split_by)
    beside = annotations.parent / RECIPES_FILE
    recipes = beside if recipes is None and beside.is_file() else recipes
    names = None if recipes is None else read_recipes(recipes)
    published = {each: entry.published for each, entry in annotated.items()}
    if split_by.way != "lists":
        published |= {each: line.split for each, line in listed.items()}
    entries: dict[str, Entry] = {}
    n_unlisted = 0
    for each in dict.fromkeys([*annotated, *listed]):
        base = annotated.get(each) or Entry(each, "test")
        split = _split(each, base, listed, split_by)
        if split is None:
            n_unlisted += 1
            continue
        recipe_type = base.recipe_type or _recipe_of_folder(listed[each].folder)
        entries[each] = replace(base, split=split, published=published.get(each), recipe_type=recipe_type)
    from davenet.media.probe import MEDIA_SUFFIXES

    found = find_by_id(videos, entries, MEDIA_SUFFIXES)
    placed = tuple(_named(_placed(entry, found), names, recipes) for entry in entries.values())
    notes = list(found.unreadable)
    if n_unlisted:
        notes.append(f"{n_unlisted} annotated videos are in none of the lists and are left out.")
    if split_by.way == "published" and not any(entry.published == "test" for entry in placed):
        notes.append(
            "No list of test ids was found beside the annotations, so there are no test videos; give the folder that "
            "holds it (yc2bb_testing_video_ids.txt or test_list.txt) with --splits."
        )
    return Corpus(
        "youcook2",
        placed,
        _sentence(split_by, lists, {each: entry.split for each, entry in entries.items()}),
        videos.expanduser().absolute(),
        tuple(notes),
        {"annotated": len(annotated), "ids": len(entries)},
    )


def read_annotations(path: Path) -> dict[str, Entry]:
    """Returns the annotated videos by id, in the file's order, with their published split and their sentences.

    The file is the published one ({"database": {id: …}}) or a part of it ({id: …}). Raises UserError with the field.
    """
    values = read_json(path)
    inside = ""
    if isinstance(values, dict) and "database" in values:
        values, inside = values["database"], "database."
    if not isinstance(values, dict) or not values:
        what = "database" if inside else "the file"
        raise UserError(f"{path}: {what} must be an object with a video id for each key; give YouCook2's annotations.")
    for each in values:
        if not YOUTUBE_ID.fullmatch(each):
            raise UserError(
                f"{path}: {inside}{_shown(each)} is not a video id (11 letters, digits, - or _); correct the key."
            )
    try:
        checked = _DATABASE.validate_python(values)
    except ValidationError as error:
        raise UserError(_schema_sentence(path, inside, error)) from error
    return {each: _entry(path, f"{inside}{each}", each, annotated) for each, annotated in checked.items()}


def read_recipes(path: Path) -> dict[str, str]:
    """Returns recipe types by their codes from lines "104,scrambled eggs"; raises UserError for any other line."""
    names: dict[str, str] = {}
    for number, values in enumerate(read_rows(path), 1):
        code, name = values[0].strip(), ",".join(values[1:]).strip()
        if number == 1 and not code.isdigit() and name:
            continue  # a header
        if not code.isdigit() or not name:
            raise UserError(
                f"{path}, entry {number}: {','.join(values)[:60]!r} is no recipe type such as 104,scrambled eggs."
            )
        if code in names:
            raise UserError(f"{path}, entry {number}: the recipe type {code} is there twice; remove one of them.")
        names[code] = name
    if not names:
        raise UserError(f"{path} holds no recipe types; give YouCook2's {RECIPES_FILE}.")
    return names


def _entry(path: Path, field: str, each: str, annotated: _Annotated) -> Entry:
    split = splits.split_named(annotated.subset)
    if split is None:
        raise UserError(
            f"{path}: {field}.subset is {_shown(annotated.subset)!r}; it must be training, validation or testing."
        )
    segments = []
    for place, part in enumerate(annotated.annotations):
        start_s, end_s = part.segment
        if end_s <= start_s:
            raise UserError(
                f"{path}: {field}.annotations.{place}.segment must end after it starts ({start_s:g} to {end_s:g} s)."
            )
        if annotated.duration is not None and end_s > annotated.duration + _BEYOND_END_S:
            raise UserError(
                f"{path}: {field}.annotations.{place}.segment ends at {end_s:g} s, after the end of the video "
                f"({field}.duration is {annotated.duration:g} s)."
            )
        segments.append(DescribedSegment(start_s, end_s, part.sentence.strip()))
    return Entry(each, split, split, annotated.recipe_type.strip(), segments=tuple(segments))


def _lists(folder: Path | None, beside: Path, split_by: SplitBy) -> list[tuple[Path, SplitName]]:
    if folder is not None:
        found = splits.list_files(folder)
        if not found:
            raise UserError(
                f"{folder} holds no lists of splits; name them train_list.txt, val_list.txt and test_list.txt."
            )
        return found
    if split_by.way == "lists":
        raise UserError("Splits by lists need the lists' folder; give it with --splits.")
    return splits.list_files(beside)


def _check_agreement(
    annotated: Mapping[str, Entry], listed: Mapping[str, Listed], annotations: Path, split_by: SplitBy
) -> None:
    if split_by.way == "lists":
        return  # a person's own lists need not agree with anything
    for each, line in listed.items():
        entry = annotated.get(each)
        if entry is not None and entry.split != line.split:
            raise UserError(
                f"The splits overlap: {each} is {entry.split} in {annotations} and {line.split} in {line.file}; "
                "correct one of them, or use these lists alone with --split-by lists."
            )


def _split(each: str, base: Entry, listed: Mapping[str, Listed], split_by: SplitBy) -> SplitName | None:
    if split_by.way == "seed":
        return splits.seeded_split(each, seed=split_by.seed)
    if each in listed:
        return listed[each].split
    return None if split_by.way == "lists" else base.split


def _recipe_of_folder(folder: str) -> str:
    last = folder.rpartition("/")[2]
    return last if _RECIPE_CODE.fullmatch(last) else ""


def _placed(entry: Entry, found: Found) -> Entry:
    files = found.files.get(entry.corpus_id, ())
    recipe_type = entry.recipe_type
    if not recipe_type and files:  # the published folders are split/type/id.mp4
        recipe_type = _recipe_of_folder(files[0].parent.name) or _recipe_of_folder(files[0].parent.parent.name)
    return replace(entry, files=files, recipe_type=recipe_type)


def _named(entry: Entry, names: Mapping[str, str] | None, source: Path | None) -> Entry:
    """Gives the recipe type by its name where the names are known, else by its code."""
    if names is None or not entry.recipe_type:
        return entry
    if entry.recipe_type not in names:
        if not entry.segments:
            return replace(entry, recipe_type="")  # only a guess by a folder's name
        raise UserError(
            f"The recipe type {_shown(entry.recipe_type)} of video {entry.corpus_id} is not in {source}; "
            f"give YouCook2's {RECIPES_FILE} with --recipes."
        )
    return replace(entry, recipe_type=names[entry.recipe_type])


def _sentence(split_by: SplitBy, lists: list[tuple[Path, SplitName]], chosen: Mapping[str, SplitName]) -> str:
    if split_by.way == "seed":
        return splits.seeded_sentence(split_by.seed)
    files = ", ".join(path.name for path, _ in lists) + (f" of {lists[0][0].parent}" if lists else "")
    by_split = {name: {each for each, split in chosen.items() if split == name} for name in PUBLISHED}
    ours = {name: splits.ids_hash(ids) for name, ids in by_split.items() if ids}
    if split_by.way == "published":
        whole = all(ours[name] == _PUBLISHED_HASHES[name] for name in ours)
        told = "published" if whole else "published, in part or changed"
        return f"{told} ({files or 'by the subset of the annotations'})"
    return f"lists ({files})"


def _schema_sentence(path: Path, inside: str, error: ValidationError) -> str:
    first: Any = error.errors(include_url=False)[0]
    field = inside + ".".join(str(part) for part in first["loc"])
    message = str(first["msg"])
    return f"{path}: {_shown(field)} is wrong ({message[:1].lower()}{message[1:]}); give YouCook2's annotations as published."


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:80] or "an empty key"
