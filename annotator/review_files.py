"""Verdicts as files: CSV, JSON lines or ELAN documents with all that each rests on, and taking them into another project.

Remarks and gold pairs go with them, and how people are asked where that is wanted. A verdict finds its pair there by the
pair's uid, or by the video's content, the frame's time, the kind and how far off the sound lies.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.exports.elan import read_elan, write_elan
from annotator.exports.entries import AskedSettings, Entry, entries_of, settings_entry
from annotator.exports.text import read_csv, read_json_lines, write_csv, write_json_lines
from annotator.store import Store
from annotator.store.records import GoldPair, RemarkRecord, ReviewSettings, VerdictRecord, VideoRecord
from davenet.errors import UserError, one_line
from davenet.files import disk_error

SUFFIXES = (".csv", ".jsonl", ".eaf")


@dataclass(frozen=True, slots=True)
class Imported:
    """How many verdicts of a file were new, were here already, or are of pairs that this project does not have.

    `settings` are how people were asked where the file was written, None where it does not say.
    """

    new: int
    known: int
    unmatched: int
    new_remarks: int = 0
    new_gold: int = 0
    unmatched_gold: int = 0
    settings: ReviewSettings | None = None


def export_verdicts(store: Store, path: Path, *, reviewer: str | None = None, with_settings: bool = False) -> int:
    """Writes the verdicts that count, in the order given, with remarks and gold pairs, and returns how many verdicts.

    A path without a suffix is a folder of ELAN documents, one a video. Raises UserError for another suffix, and where one
    document would have to hold several videos, or the file cannot be written.
    """
    suffix = _suffix(path)
    entries = list(entries_of(store, reviewer=reviewer))
    settings = store.review_settings() if with_settings else None
    lines = entries if settings is None else [*entries, settings_entry(settings)]
    try:
        if suffix == ".jsonl":
            write_json_lines(path, lines)
        elif suffix == ".csv":
            write_csv(path, lines)
        else:
            _export_elan(store, path, entries, settings)
    except OSError as error:
        told = disk_error(path, error)
        if told is error:
            told = UserError(f"{path} cannot be written ({error.strerror}); choose a file in a folder that exists.")
        raise told from error
    return sum(entry["entry"] == "verdict" for entry in entries)


def import_verdicts(store: Store, path: Path, *, take_settings: bool = False) -> Imported:
    """Takes in a file's verdicts, remarks and gold pairs, or a folder's of ELAN documents: all or none.

    A pair that is gold here stays as it is. With `take_settings` people are asked as they were where the file was written.
    Raises UserError naming the file and the line that is wrong, or where there are no settings to take.
    """
    entries: list[Entry] = []
    settings: ReviewSettings | None = None
    for one in _read(path):
        if isinstance(one, AskedSettings):
            settings = one.settings()
        else:
            entries.append(one)
    if take_settings and settings is None:
        raise UserError(f"{path} holds no review settings; export it again with --settings, or import without them.")
    uids, by_content = store.pair_keys()
    verdicts: list[VerdictRecord] = []
    remarks: list[RemarkRecord] = []
    gold: list[GoldPair] = []
    unmatched = unmatched_gold = 0
    pair_uid: str | None
    for entry in entries:
        content = (entry.source_hash, round(entry.time_s * 1000), entry.kind, round(entry.sound_offset_s * 1000))
        here = by_content.get(content, {})
        if entry.pair_uid in uids:
            pair_uid = entry.pair_uid
        elif entry.entry == "gold":  # its label is the right answer, not what is asked, and a reject has none
            pair_uid = here.get(entry.asked)
        else:
            pair_uid = here.get(entry.label, next(iter(here.values()), None))
        if pair_uid is None:
            unmatched += entry.entry == "verdict"
            unmatched_gold += entry.entry == "gold"
        elif entry.entry == "verdict":
            verdicts.append(entry.verdict(pair_uid))
        elif entry.entry == "gold":
            gold.append(entry.gold(pair_uid))
        else:
            remarks.append(entry.remark(pair_uid))
    added = store.add_review(verdicts, remarks, gold, settings if take_settings else None)
    return Imported(added.verdicts, added.known, unmatched, added.remarks, added.gold, unmatched_gold, settings)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES and not (suffix == "" or path.is_dir()):
        raise UserError(
            f"{path} is neither CSV nor JSON lines nor an ELAN document; choose a name that ends in .csv, .jsonl or .eaf."
        )
    return "" if path.is_dir() else suffix


def _export_elan(store: Store, path: Path, entries: list[dict[str, Any]], settings: ReviewSettings | None) -> None:
    judged = {entry["pair_uid"] for entry in entries}
    found = []
    for video in store.videos():
        pairs = [
            pair
            for pair in store.pairs_of_video(video.uid, active_only=False)
            if pair.uid in judged or (pair.active and pair.kind == "food")
        ]
        if pairs:
            found.append((video, pairs))
    if not found:
        raise UserError(f"{store.path.parent} has no pairs to write to {path}; mine its pairs first.")
    if path.suffix.lower() == ".eaf" and not path.is_dir() and len(found) > 1:
        raise UserError(
            f"{path} is one ELAN document, which holds one video, and there are {len(found)}; give a folder for them all."
        )
    names = _names([video for video, _ in found])
    for video, pairs in found:
        target = path if len(found) == 1 and path.suffix.lower() == ".eaf" else path / f"{names[video.uid]}.eaf"
        of_video = [entry for entry in entries if entry["video_uid"] == video.uid]
        write_elan(target, video, pairs, of_video, settings)


def _names(videos: list[VideoRecord]) -> dict[str, str]:
    """Returns a file name for each video, by its title, and with its uid where two have the same."""
    titles = {video.uid: re.sub(r"[^\w.\- ]", "_", video.title).strip(" .")[:80] or video.uid for video in videos}
    taken = [title.casefold() for title in titles.values()]
    return {uid: title if taken.count(title.casefold()) == 1 else f"{title} {uid}" for uid, title in titles.items()}


def _read(path: Path) -> Iterator[Entry | AskedSettings]:
    try:
        suffix = _suffix(path)
        if suffix == "":
            files = sorted(path.glob("*.eaf")) if path.exists() else None
            if files is None:
                raise FileNotFoundError(path)
            if not files:
                raise UserError(f"{path} holds no ELAN document (.eaf); choose the folder that was exported.")
            for file in files:
                yield from read_elan(file)
        elif suffix == ".eaf":
            yield from read_elan(path)
        else:
            with open(path, encoding="utf-8-sig", newline="") as source:
                yield from read_json_lines(path, source) if suffix == ".jsonl" else read_csv(path, source)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; check its name.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text; export the verdicts again.") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or one_line(error)}); check its permissions."
        ) from error
