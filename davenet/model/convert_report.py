"""The report of a conversion: what became of every key of the files, what our model has that they lack, and what is lost."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from davenet.model.config import ModelConfig
from davenet.model.foreign import DIFFERENCES, QUANTISER, Half
from davenet.model.state_dicts import bare_name

Fate = Literal["used", "renamed", "dropped"]


@dataclass(frozen=True, slots=True)
class KeyFate:
    """What became of one tensor of a file: `ours` is its name in the checkpoint, `why` the reason it was dropped."""

    file: str
    key: str
    fate: Fate
    ours: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A tensor of our model that no file had, and what stands there."""

    ours: str
    stands_there: str


def report_path(checkpoint: Path) -> Path:
    """Returns where the report of a converted checkpoint lies: beside it."""
    return checkpoint.with_name(f"{checkpoint.name}.report.json")


def report_of(
    checkpoint: Path, model: ModelConfig, halves: Sequence[Half], fates: Sequence[KeyFate], missing: Sequence[Missing]
) -> dict[str, Any]:
    """Returns the report as JSON values: its rows are `keys` and `missing`, its sentences `warnings` and `differences`."""
    programs = list(dict.fromkeys(half.program for half in halves))
    return {
        "checkpoint": checkpoint.name,
        "programs": programs,
        "files": [{"name": half.path.name, "sha256": _sha256(half.path)} for half in halves],
        "model": model.model_dump(mode="json"),
        "warnings": _warnings(halves, fates, missing),
        "differences": list(dict.fromkeys(told for program in programs for told in DIFFERENCES[program])),
        "keys": [asdict(fate) for fate in fates],
        "missing": [asdict(each) for each in missing],
    }


def _warnings(halves: Sequence[Half], fates: Sequence[KeyFate], missing: Sequence[Missing]) -> list[str]:
    """Returns the sentences on what keeps the checkpoint from comparing frames and sound as the original does."""
    told = []
    for side in ("image", "audio"):
        if all(half.side != side for half in halves):
            told.append(f"The {side} branch is random: train the checkpoint before its similarities mean anything.")
        else:
            n = sum(each.ours.startswith(f"{side}_branch.") and "random" in each.stands_there for each in missing)
            if n:
                told.append(f"{n} tensors of the {side} branch are random: train the checkpoint before it is used.")
    quantisers = sorted({bare_name(fate.key).split(".")[0] for fate in fates if fate.why == QUANTISER})
    if quantisers:
        told.append(
            f"The quantisers {', '.join(quantisers)} were left out: the layers after them were trained on quantised maps, "
            "so that similarities differ from the original's; train the checkpoint further."
        )
    return told


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table(report: Mapping[str, Any]) -> str:
    """Returns a report as text for people: a row for every key, then what is missing and the differences.

    A branch that no file had takes one row; the warnings are the job's messages.
    """
    rows = [(f"{each['file']}: {each['key']}", each["fate"], each["ours"] or each["why"]) for each in report["keys"]]
    filled = {each["ours"].split(".")[0] for each in report["keys"] if each["ours"]}
    whole = sorted({each["ours"].split(".")[0] for each in report["missing"]} - filled)
    rows += [("", "missing", f"{branch}: all of it, which begins at random") for branch in whole]
    rows += [
        ("", "missing", f"{each['ours']}: {each['stands_there']}")
        for each in report["missing"]
        if each["ours"].split(".")[0] in filled
    ]
    width = max(len(key) for key, _, _ in rows)
    lines = [f"{key:<{width}}  {fate:<8} {what}" for key, fate, what in rows]
    lines += ["", "What the files cannot carry over:", *(f"- {told}" for told in report["differences"])]
    return "\n".join(lines)


def summary(result: Mapping[str, Any]) -> str:
    """Returns the job's result as one line for people."""
    return (
        f"{result['checkpoint']}: {result['used']} tensors used, {result['renamed']} renamed, {result['dropped']} dropped, "
        f"{result['missing']} missing; the report is {result['report']}."
    )
