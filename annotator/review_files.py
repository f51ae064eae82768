"""Verdicts as files: CSV or JSON lines with everything that each rests on, and taking them into another project.

A verdict finds its pair there by the pair's uid, or by the video's content, the frame's time and the kind.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from annotator.store import Store
from annotator.store.records import Decision, VerdictRecord
from davenet.errors import UserError, one_line
from davenet.files import atomic_path
from davenet.pairs import PairKind, WeakLabel

SUFFIXES = (".csv", ".jsonl")
COLUMNS = (
    "verdict_uid",
    "decision",
    "label",
    "reason",
    "comment",
    "reviewer",
    "given_at",
    "seconds",
    "window_s",
    "blind",
    "pair_uid",
    "video_uid",
    "video_title",
    "source_hash",
    "time_s",
    "segment_s",
    "sound_offset_s",
    "kind",
    "food_probability",
    "labels",
    "detector",
    "recogniser",
    "mining",
    "app_version",
)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many verdicts of a file were new, were here already, or are of pairs that this project does not have."""

    new: int
    known: int
    unmatched: int


def export_verdicts(store: Store, path: Path, *, reviewer: str | None = None) -> int:
    """Writes the standing verdicts, in the order given, and returns how many; raises UserError for another suffix."""
    suffix = _suffix(path)
    lines = list(_lines(store, reviewer))
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as out:
        if suffix == ".jsonl":
            out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        else:
            writer = csv.DictWriter(out, COLUMNS)
            writer.writeheader()
            for line in lines:
                nested = {name: json.dumps(line[name], ensure_ascii=False) for name in ("labels", "mining")}
                writer.writerow(line | nested)
    return len(lines)


def import_verdicts(store: Store, path: Path) -> Imported:
    """Takes in a file's verdicts, all or none; raises UserError naming the file and the line that is wrong."""
    suffix = _suffix(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as source:
            found = _from_jsonl(path, source) if suffix == ".jsonl" else _from_csv(path, source)
            lines = list(found)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; check its name.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text; export the verdicts again.") from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or one_line(error)}); check its permissions."
        ) from error
    uids, by_content = store.pair_keys()
    verdicts, unmatched = [], 0
    for line in lines:
        content = (line.source_hash, round(line.time_s * 1000), line.kind)
        here = by_content.get(content, {})
        pair_uid = line.pair_uid if line.pair_uid in uids else here.get(line.label, next(iter(here.values()), None))
        if pair_uid is None:
            unmatched += 1
        else:
            verdicts.append(line.verdict(pair_uid))
    new, known = store.add_verdicts(verdicts)
    return Imported(new, known, unmatched)


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} is neither CSV nor JSON lines; choose a name that ends in .csv or .jsonl.")
    return suffix


def _lines(store: Store, reviewer: str | None) -> Iterator[dict[str, Any]]:
    verdicts = store.verdicts(reviewer=reviewer)
    pairs = {pair.uid: pair for pair in store.pairs({verdict.pair_uid for verdict in verdicts}, reviewer="")}
    videos = {video.uid: video for video in store.videos()}
    minings = {mining.id: mining for mining in store.minings()}
    for verdict in verdicts:
        pair = pairs[verdict.pair_uid]
        mining = minings.get(verdict.mining_id) if verdict.mining_id is not None else None
        yield {
            "verdict_uid": verdict.uid,
            "decision": verdict.decision,
            "label": verdict.label,
            "reason": verdict.reason,
            "comment": verdict.comment,
            "reviewer": verdict.reviewer,
            "given_at": verdict.given_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "seconds": verdict.seconds,
            "window_s": verdict.window_s,
            "blind": verdict.blind,
            "pair_uid": pair.uid,
            "video_uid": pair.video_uid,
            "video_title": pair.video_title,
            "source_hash": videos[pair.video_uid].source_hash,
            "time_s": pair.time_s,
            "segment_s": pair.segment_s,
            "sound_offset_s": pair.sound_offset_s,
            "kind": pair.kind,
            "food_probability": pair.food_probability,
            "labels": [asdict(label) for label in verdict.labels or pair.labels],
            "detector": pair.detector,
            "recogniser": pair.recogniser,
            "mining": dict(mining.settings) if mining else {},
            "app_version": verdict.app_version,
        }


def _from_json_text(value: Any) -> Any:
    return json.loads(value or "[]") if isinstance(value, str) else value


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


_Text = Annotated[str | None, BeforeValidator(_none_if_empty)]


class _Line(BaseModel):
    """What of a line is taken in; the other columns tell people where it came from."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    verdict_uid: str = Field(pattern=r"^[0-9A-Za-z_-]{1,32}$")
    decision: Decision
    label: _Text = None
    reason: _Text = None
    comment: _Text = None
    reviewer: str = Field(pattern=r"\S")
    given_at: AwareDatetime
    seconds: float = Field(ge=0)
    window_s: float = Field(ge=0)
    blind: bool
    pair_uid: str = Field(min_length=1)
    source_hash: str = Field(min_length=1)
    time_s: float = Field(ge=0, le=1e9)
    kind: PairKind
    labels: Annotated[tuple[WeakLabel, ...], BeforeValidator(_from_json_text)] = ()
    app_version: str = ""

    def verdict(self, pair_uid: str) -> VerdictRecord:
        return VerdictRecord(
            uid=self.verdict_uid,
            pair_uid=pair_uid,
            reviewer=self.reviewer,
            decision=self.decision,
            label=self.label,
            reason=self.reason,
            comment=self.comment,
            seconds=self.seconds,
            window_s=self.window_s,
            blind=self.blind,
            given_at=self.given_at,
            app_version=self.app_version[:32],
            origin="import",
            labels=self.labels,
        )


def _from_jsonl(path: Path, source: Any) -> Iterator[_Line]:
    for number, text in enumerate(source, 1):
        if not text.strip():
            continue
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}, line {number} is not JSON; correct it or export the verdicts again.") from error
        if not isinstance(values, dict):
            raise UserError(f"{path}, line {number} is not a verdict; export the verdicts again.")
        yield _line(path, number, values)


def _from_csv(path: Path, source: Any) -> Iterator[_Line]:
    rows = csv.DictReader(source)
    try:
        missing = [name for name, field in _Line.model_fields.items() if field.is_required()]
        missing = [name for name in missing if name not in (rows.fieldnames or ())]
        if missing:
            raise UserError(f"{path}, line 1 has no column {missing[0]}; export the verdicts again.")
        for values in rows:
            if None in values or None in values.values():
                raise UserError(f"{path}, line {rows.line_num} has another number of columns than line 1; correct it.")
            yield _line(path, rows.line_num, values)
    except csv.Error as error:
        raise UserError(f"{path}, line {rows.line_num} is not CSV ({one_line(error)}); correct it.") from error


def _line(path: Path, number: int, values: Mapping[str, Any]) -> _Line:
    try:
        return _Line.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}, line {number}, {place}: {first['msg']}; correct it; nothing was imported.") from error
