"""An entry of a verdict file: a verdict, a remark or a gold pair with all that it rests on, out of a store and checked again.

Every format holds these same entries, and `entry` says what each is: a remark has its kind in `decision` and its text in
`comment`, a gold pair its right answer in `decision` and `label` and who set it as `reviewer`. One that is "settings"
belongs to no pair: it holds how people are asked, and a file has it only where that was wanted.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from annotator.store import Store
from annotator.store.records import (
    DECISIONS,
    Decision,
    GoldPair,
    Purpose,
    RemarkKind,
    RemarkRecord,
    ReviewSettings,
    VerdictRecord,
)
from davenet.errors import UserError
from davenet.pairs import PairKind, WeakLabel

NESTED = ("labels", "mining", "keys", "settings")  # JSON inside a cell of a table
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
    "replays",
    "keys",
    "offset_s",
    "purpose",
    "final",
    "entry",
)


def entries_of(store: Store, *, reviewer: str | None = None) -> Iterator[dict[str, Any]]:
    """Yields what counts in a project as JSON values: verdicts in the order given, then remarks, then gold pairs.

    With a reviewer's name, only what is that reviewer's. Beside the standing verdicts these are adjudications and the blind
    verdicts before a reveal. `final` tells whether the verdict is what its pair came out as.
    """
    verdicts = store.lasting_verdicts(reviewer=reviewer)
    remarks = [remark for remark in store.remarks() if reviewer in (None, remark.reviewer)]
    gold = [one for one in reversed(store.gold_pairs()) if reviewer in (None, one.set_by)]
    given: list[VerdictRecord | RemarkRecord | GoldPair] = [*verdicts, *remarks, *gold]
    wanted = {one.pair_uid for one in given}
    pairs = {pair.uid: pair for pair in store.pairs(wanted, reviewer="")}
    videos = {video.uid: video for video in store.videos()}
    minings = {mining.id: mining for mining in store.minings()}
    finals = {final.verdict_uid for final in store.final_verdicts().values()}
    for one in given:
        pair = pairs[one.pair_uid]
        of_pair: dict[str, Any] = {
            "pair_uid": pair.uid,
            "video_uid": pair.video_uid,
            "video_title": pair.video_title,
            "source_hash": videos[pair.video_uid].source_hash,
            "time_s": pair.time_s,
            "segment_s": pair.segment_s,
            "sound_offset_s": pair.sound_offset_s,
            "kind": pair.kind,
            "food_probability": pair.food_probability,
            "labels": [asdict(label) for label in pair.labels],
            "detector": pair.detector,
            "recogniser": pair.recogniser,
            "mining": {},
        }
        if isinstance(one, VerdictRecord):
            mining = minings.get(one.mining_id) if one.mining_id is not None else None
            of_pair["mining"] = dict(mining.settings) if mining else {}
            if one.labels:
                of_pair["labels"] = [asdict(label) for label in one.labels]
            values = _of_verdict(one) | {"final": one.uid in finals}
        elif isinstance(one, RemarkRecord):
            values = _of_remark(one, pair.label.class_name if pair.label else None)
        else:
            values = _of_gold(one)
        found = values | of_pair
        yield {name: found[name] for name in COLUMNS}


def _of_verdict(verdict: VerdictRecord) -> dict[str, Any]:
    return {
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
        "app_version": verdict.app_version,
        "replays": verdict.replays,
        "keys": list(verdict.keys),
        "offset_s": verdict.offset_s,
        "purpose": verdict.purpose,
        "entry": "verdict",
    }


def settings_entry(settings: ReviewSettings) -> dict[str, Any]:
    """Returns how people are asked as an entry of its own."""
    return {"entry": "settings", "settings": asdict(settings)}


_NOTHING: dict[str, Any] = {
    "reason": None, "comment": None, "seconds": 0.0, "window_s": 0.0, "blind": False, "app_version": "", "replays": 0,
    "keys": [], "offset_s": 0.0, "purpose": "first", "final": False,
}  # fmt: skip  # of what is no verdict


def _of_gold(gold: GoldPair) -> dict[str, Any]:
    return _NOTHING | {
        "verdict_uid": f"gold-{hashlib.blake2b(gold.pair_uid.encode(), digest_size=12).hexdigest()}",
        "decision": gold.decision,
        "label": gold.label,
        "reviewer": gold.set_by,
        "given_at": gold.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "purpose": "gold",
        "entry": "gold",
    }


def _of_remark(remark: RemarkRecord, label: str | None) -> dict[str, Any]:
    return _NOTHING | {
        "verdict_uid": remark.uid,
        "decision": remark.kind,
        "label": label,
        "comment": remark.text,
        "reviewer": remark.reviewer,
        "given_at": remark.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "entry": "remark",
    }


def _from_json_text(value: Any) -> Any:
    return json.loads(value or "[]") if isinstance(value, str) else value


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


_Text = Annotated[str | None, BeforeValidator(_none_if_empty)]


class Entry(BaseModel):
    """What of an entry is taken in; the other columns tell people where it came from."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    verdict_uid: str = Field(pattern=r"^[0-9A-Za-z_-]{1,32}$")
    decision: Decision | RemarkKind
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
    sound_offset_s: float = Field(default=0.0, ge=-1e9, le=1e9)
    kind: PairKind
    labels: Annotated[tuple[WeakLabel, ...], BeforeValidator(_from_json_text)] = ()
    app_version: str = ""
    replays: int = Field(default=0, ge=0, le=2**31 - 1)
    keys: Annotated[tuple[str, ...], BeforeValidator(_from_json_text)] = ()
    offset_s: float = 0.0
    purpose: Purpose = "first"
    entry: Literal["verdict", "remark", "gold"] = "verdict"

    @property
    def asked(self) -> str | None:
        """The class that people are asked about, None without labels."""
        return self.labels[0].class_name if self.labels else None

    @model_validator(mode="after")
    def _decides(self) -> "Entry":
        is_right = self.decision in DECISIONS if self.entry != "remark" else self.decision not in DECISIONS
        if not is_right or (self.entry == "gold" and self.decision == "skip"):
            raise ValueError(f"{self.decision} is not the decision of a {self.entry}")
        return self

    def verdict(self, pair_uid: str) -> VerdictRecord:
        return VerdictRecord(
            uid=self.verdict_uid,
            pair_uid=pair_uid,
            reviewer=self.reviewer,
            decision=self.decision,  # type: ignore[arg-type]
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
            replays=self.replays,
            keys=self.keys,
            offset_s=self.offset_s,
            purpose=self.purpose,
        )

    def remark(self, pair_uid: str) -> RemarkRecord:
        kind: RemarkKind = self.decision  # type: ignore[assignment]
        return RemarkRecord(self.verdict_uid, pair_uid, self.reviewer, kind, self.comment or "", self.given_at)

    def gold(self, pair_uid: str) -> GoldPair:
        return GoldPair(pair_uid, self.decision, self.label, self.reviewer, self.given_at)  # type: ignore[arg-type]


class AskedSettings(BaseModel):
    """How people were asked where the file was written."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    blind: bool
    second_share: float = Field(ge=0, le=1)
    gold_share: float = Field(ge=0, le=1)
    seed: int = Field(ge=0, le=2**63 - 1)

    def settings(self) -> ReviewSettings:
        return ReviewSettings(**{field.name: getattr(self, field.name) for field in fields(ReviewSettings)})


def required_columns() -> list[str]:
    return [name for name, field in Entry.model_fields.items() if field.is_required()]


def checked(path: Path, number: int, values: Mapping[str, Any]) -> Entry | AskedSettings:
    """Returns the entry on a line of a file; raises UserError naming the file, the line and the value that is wrong."""
    try:
        if values.get("entry") == "settings":
            return AskedSettings.model_validate(_settings_values(path, number, values.get("settings")))
        return Entry.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "decision"
        raise UserError(f"{path}, line {number}, {place}: {first['msg']}; correct it; nothing was imported.") from error
    except RecursionError as error:
        raise UserError(f"{path}, line {number} is nested too deeply; export the verdicts again.") from error


def _settings_values(path: Path, number: int, values: Any) -> Any:
    """Returns what a table has as JSON inside a cell, and a JSON line as it is."""
    try:
        return json.loads(values) if isinstance(values, str) else values
    except ValueError as error:
        raise UserError(f"{path}, line {number}, settings is not JSON; export the verdicts again.") from error


def json_entry(path: Path, number: int, text: str) -> Entry | AskedSettings:
    """Returns the entry that a JSON text on a line of a file holds; raises UserError as `checked` does."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}, line {number} is not JSON; correct it or export the verdicts again.") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}, line {number} is not a verdict; export the verdicts again.")
    return checked(path, number, values)
