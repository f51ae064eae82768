"""The cooking part of YouTube-8M (Section 4): label records to ids of seven categories, their files, their language.

Label records are TFRecord files (video-level or frame-level), read without TensorFlow, or CSV. The published records carry
ids of four characters, which YouTube-8M resolves one by one: the resolved ones are given as a table or as the saved answers.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from davenet import events
from davenet.corpora import splits
from davenet.corpora.entries import YOUTUBE_ID, Corpus, Entry
from davenet.corpora.language import language_code, tagged_language_of
from davenet.corpora.media_files import find_by_id
from davenet.corpora.splits import SplitBy, SplitName
from davenet.corpora.texts import read_table, read_text
from davenet.corpora.tfrecords import BadRecordError, example_features, read_records
from davenet.errors import UserError, one_line

CATEGORIES = ("baking", "cooking", "cooking show", "cuisine", "dish", "food", "recipe")  # Section 4
_RECORD_SUFFIXES = (".tfrecord", ".tfrecords", ".tfrecord.gz", ".csv")
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)$")  # "Dish (food)"
_ID = re.compile(r"[A-Za-z0-9_-]{4,11}")
_ANSWER = re.compile(r"""i\(\s*["']([A-Za-z0-9_-]{4})["']\s*,\s*["']([A-Za-z0-9_-]{11})["']\s*\)""")
_ID_HEADINGS = ("id", "video_id", "youtube_id", "yt_id", "ytid")
_LABEL_HEADINGS = ("labels", "label", "label_ids", "LabelConfidencePairs")
_REPORTED_EVERY = 2000  # records


def read_youtube8m(
    records: Iterable[Path],
    vocabulary: Path,
    videos: Path,
    *,
    metadata: Path | None = None,
    ids: Path | None = None,
    language: str = "en",
    split_folder: Path | None = None,
    split_by: SplitBy = SplitBy("published"),  # noqa: B008 - frozen
    emit: events.Emit = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Corpus:
    """Reads the records and finds the videos of the seven categories below a folder; "any" keeps every language.

    A video in another language, by its metadata, is left out; one without such a tag has the language "". All train, as
    in the paper, unless lists or a seed say otherwise. Raises UserError for whatever is wrong in these files.
    """
    wanted = category_labels(vocabulary)
    chosen: set[str] = set()
    n_records = 0
    for path in record_files(records):
        for record_id, labels in _labelled(path, wanted):
            if n_records % _REPORTED_EVERY == 0:
                if stop():
                    raise events.Stop({})
                emit(events.Progress(n_records, None, "records", path.name))
            n_records += 1
            if not labels.isdisjoint(wanted):
                chosen.add(record_id)
    if not chosen:
        raise UserError(f"None of the {n_records} label records is of {', '.join(CATEGORIES)}; check --vocabulary.")
    resolved = {} if ids is None else read_ids(ids)
    named = {each: resolved.get(each, each) for each in sorted(chosen)}
    youtube_ids = sorted(set(named.values()))
    from davenet.media.probe import MEDIA_SUFFIXES

    found = find_by_id(videos, youtube_ids, MEDIA_SUFFIXES)
    infos = find_by_id(metadata or videos, youtube_ids, {".json"})
    chosen_split = _chooser(split_by, split_folder)
    entries = []
    n_unlisted = 0
    for each in youtube_ids:
        split = chosen_split(each)
        if split is None:
            n_unlisted += 1
            continue
        entry = Entry(each, split, "train", files=found.files.get(each, ()))
        entries.append(_tagged(entry, infos.files.get(each, ()), language))
    notes = [*found.unreadable, *_unresolved_note(named)]
    if n_unlisted:
        notes.append(f"{n_unlisted} videos of the categories are in none of the lists and are left out.")
    return Corpus(
        "youtube8m",
        tuple(entries),
        _sentence(split_by, split_folder),
        videos.expanduser().absolute(),
        tuple(notes),
        {"records": n_records, "ids": len(entries)},
    )


def category_labels(vocabulary: Path) -> dict[int, str]:
    """Returns the label numbers of the seven categories by a published vocabulary.

    Reads vocabulary.csv (Index, Name) and label_names_2018.csv (label_id, label_name); raises UserError where a category
    is missing, or a number is no number or there twice.
    """
    columns = {"number": ("Index", "label_id"), "name": ("Name", "label_name")}
    names: dict[int, str] = {}
    for row in read_table(vocabulary, columns, needed=("number", "name")):
        number = row.values["number"]
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            raise UserError(f"{vocabulary}, line {row.number}: {number[:40]!r} is not a label's number; correct it.")
        if int(number) in names:
            raise UserError(f"{vocabulary}, line {row.number}: the label {number} is there twice; remove one of them.")
        names[int(number)] = row.values["name"]
    by_name: dict[str, int] = {}
    for number_of, name in names.items():
        by_name.setdefault(_IN_BRACKETS.sub("", name).strip().lower(), number_of)
    by_name |= {
        name.strip().lower(): number_of for number_of, name in names.items()
    }  # a name without brackets comes first
    missing = [category for category in CATEGORIES if category not in by_name]
    if missing:
        raise UserError(
            f"{vocabulary} has no category {', '.join(missing)}; give YouTube-8M's vocabulary.csv or label_names_2018.csv."
        )
    return {by_name[category]: category for category in CATEGORIES}


def record_files(paths: Iterable[Path]) -> list[Path]:
    """Returns the named files, and of folders those that hold label records; raises UserError where there are none."""
    files: list[Path] = []
    for path in (each.expanduser().absolute() for each in paths):
        try:
            if not path.is_dir():
                if not path.exists():
                    raise UserError(f"{path} does not exist; check the name of the label records.")
                files.append(path)
                continue
            below = sorted(each for each in path.rglob("*") if each.name.lower().endswith(_RECORD_SUFFIXES))
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); change its permissions.") from error
        if not below:
            raise UserError(f"{path} holds no label records; give .tfrecord or .csv files.")
        files += below
    if not files:
        raise UserError("No label records were named; give YouTube-8M's .tfrecord files, or CSV, with --records.")
    return list(dict.fromkeys(files))


def read_ids(path: Path) -> dict[str, str]:
    """Returns YouTube ids by the records' ids, from a CSV file (id, youtube_id) or from a folder of YouTube-8M's answers.

    An answer is a file such as AB/ABCD.js that holds i("ABCD","sdB8qBlLS2E");
    """
    found: dict[str, str] = {}
    if path.is_dir():
        for file in sorted(path.rglob("*.js")):
            for record_id, youtube_id in _ANSWER.findall(read_text(file)):
                _resolve(found, record_id, youtube_id, str(file))
        if not found:
            raise UserError(f'{path} holds no resolved ids; give the saved answers, AB/ABCD.js with i("ABCD","…").')
        return found
    columns = {"id": ("id", "record_id", "yt8m_id"), "youtube_id": ("youtube_id", "ytid", "yt_id", "video_id")}
    for row in read_table(path, columns, needed=("id", "youtube_id")):
        youtube_id = row.values["youtube_id"]
        if not YOUTUBE_ID.fullmatch(youtube_id):
            raise UserError(f"{path}, line {row.number}: {youtube_id[:40]!r} is not a YouTube id; correct it.")
        _resolve(found, row.values["id"], youtube_id, f"{path}, line {row.number}")
    return found


def _resolve(found: dict[str, str], record_id: str, youtube_id: str, where: str) -> None:
    if found.setdefault(record_id, youtube_id) != youtube_id:
        raise UserError(
            f"{where}: {record_id} is {youtube_id} here and {found[record_id]} elsewhere; correct one of them."
        )


def _labelled(path: Path, wanted: Mapping[int, str]) -> Iterable[tuple[str, set[int]]]:
    if path.suffix.lower() == ".csv":
        return _csv_records(path, wanted)
    return _tf_records(path)


def _tf_records(path: Path) -> Iterable[tuple[str, set[int]]]:
    for number, record in enumerate(read_records(path), 1):
        try:
            features = example_features(record, ("id", "video_id", "labels"))
        except BadRecordError as error:
            raise UserError(f"{path}, record {number}, {error}; give YouTube-8M's label records.") from error
        named = features.get("id") or features.get("video_id")  # video_id: the first release
        labels = features.get("labels")
        if not named or not isinstance(named[0], bytes):
            raise UserError(f"{path}, record {number}, has no feature id; give YouTube-8M's label records.")
        if labels is None or not all(isinstance(label, int) for label in labels):
            raise UserError(f"{path}, record {number}, has no feature labels; give training or validation records.")
        yield _checked_id(named[0].decode("latin-1"), f"{path}, record {number}"), {int(label) for label in labels}


def _csv_records(path: Path, wanted: Mapping[int, str]) -> Iterable[tuple[str, set[int]]]:
    """Reads lines of an id and its labels: numbers or categories, one a line or several with blanks, ; or | between."""
    by_name = {name: number for number, name in wanted.items()}
    columns = {"id": _ID_HEADINGS, "labels": _LABEL_HEADINGS}
    for row in read_table(path, columns, needed=("id", "labels")):
        told = row.values["labels"].strip("[] \"'")
        if re.fullmatch(r"[\d.\s,;|eE+-]*", told):
            parts = [part for part in re.split(r"[\s,;|]+", told) if part]
            if any("." in part for part in parts):  # label and confidence in turn
                parts = parts[::2]
            numbers = {int(part) for part in parts if part.isdigit() and len(part) < 10}
            if len(numbers) < len(set(parts)):
                raise UserError(f"{path}, line {row.number}: {told[:60]!r} are not label numbers; correct them.")
        else:
            names = (_IN_BRACKETS.sub("", part.strip().strip("'\"")).lower() for part in re.split(r"[;|,]", told))
            numbers = {by_name.get(name, -1) for name in names}
        yield _checked_id(row.values["id"], f"{path}, line {row.number}"), numbers


def _checked_id(text: str, where: str) -> str:
    if not _ID.fullmatch(text):
        shown = text.encode("ascii", "backslashreplace").decode()[:40]
        raise UserError(f"{where}: {shown!r} is not a video id; give YouTube-8M's label records.")
    return text


def _tagged(entry: Entry, infos: tuple[Path, ...], language: str) -> Entry:
    """Gives a video that was found its language by its metadata, and leaves out what is in another."""
    if not entry.files or not infos:
        return entry
    try:
        tag = tagged_language_of(infos[0])
    except UserError as error:  # of one video: it must not stop the others
        return replace(entry, left_out=f"its metadata cannot be used: {one_line(error)}")
    if tag and language != "any" and tag != language_code(language):
        return replace(entry, language=tag, left_out=f"its language is {tag} by its metadata")
    return replace(entry, language=tag)


def _chooser(split_by: SplitBy, folder: Path | None) -> Callable[[str], SplitName | None]:
    if split_by.way == "published":
        return lambda each: "train"
    if split_by.way == "seed":
        return lambda each: splits.seeded_split(each, seed=split_by.seed)
    if folder is None:
        raise UserError("Splits by lists need the lists' folder; give it with --splits.")
    listed = splits.read_split_lists(splits.list_files(folder), pattern=_ID)
    if not listed:
        raise UserError(f"{folder} holds no lists of splits; name them train_list.txt, val_list.txt and test_list.txt.")
    return lambda each: listed[each].split if each in listed else None


def _sentence(split_by: SplitBy, folder: Path | None) -> str:
    if split_by.way == "published":
        return "published (all train, as in the paper)"
    return splits.seeded_sentence(split_by.seed) if split_by.way == "seed" else f"lists (of {folder})"


def _unresolved_note(named: Mapping[str, str]) -> list[str]:
    unresolved = [each for each, youtube_id in named.items() if each == youtube_id and not YOUTUBE_ID.fullmatch(each)]
    if not unresolved:
        return []
    return [
        f"{len(unresolved)} records have ids of YouTube-8M's own (e.g. {unresolved[0]}), under which few files lie; "
        "resolve them to YouTube ids with --ids FILE_OR_FOLDER."
    ]
