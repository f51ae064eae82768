"""Foreign checkpoints become ours: the convert job, and its report of what became of every key.

Files are told apart by their keys, not by their names or order. Nothing is unpickled but tensors.
"""

import json
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from davenet import events
from davenet.errors import UserError
from davenet.files import write_text_atomically
from davenet.jobs import ShouldStop, started
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import ModelConfig
from davenet.model.convert_report import Fate, KeyFate, Missing, report_of, report_path
from davenet.model.davenet import DAVEnet
from davenet.model.foreign import SIMILARITY, Half, recognised
from davenet.model.state_dicts import bare_name, read_state_dict
from davenet.specs import ConvertSpec

_COMPANION = {"vgg16": "davenet", "resnet50": "resdavenet", "davenet": "vgg16", "resdavenet": "resnet50"}
_OTHER_FILE = {
    "vgg16": "image_model.N.pth",
    "davenet": "audio_model.N.pth",
    "resnet50": "best_image_model.pth",
    "resdavenet": "best_audio_model.pth",
}


def convert(spec: ConvertSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Writes the checkpoint and its report, and returns where they are with the counts.

    Raises UserError where a file is not of a known program, the files do not belong together, or, unless `spec.partial`,
    a branch or a layer is missing or unknown; nothing is written then.
    """
    if spec.out.suffix != ".safetensors":
        raise UserError(f"{spec.out} is to be a checkpoint; give it a name that ends in .safetensors.")
    if any(path.absolute() == spec.out.absolute() for path in spec.files):
        raise UserError(f"{spec.out} is one of the files to convert; choose another name for the checkpoint.")
    emit(started("convert", len(spec.files), "files"))
    halves: list[Half] = []
    for path in spec.files:
        if stop():
            raise events.Stop
        halves.append(recognised(path, read_state_dict(path)))
        emit(events.Progress(len(halves), len(spec.files), "files", path.name))
    _check_together(halves, partial=spec.partial)
    torch.manual_seed(spec.seed)
    model = DAVEnet(_config(halves))
    fates, missing = _fill(model, halves, partial=spec.partial, seed=spec.seed)
    report = report_of(spec.out, model.config, halves, fates, missing)
    for warning in report["warnings"]:
        emit(events.Message(warning, "warning"))
    program = next((half.program for half in halves if half.side == "audio"), halves[0].program)
    save_checkpoint(
        spec.out,
        model,
        metadata={
            "converted_from": {"programs": report["programs"], "files": report["files"]},
            "training": {"similarity": SIMILARITY[program]},
        },
    )
    write_text_atomically(report_path(spec.out), json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    counts = {fate: sum(each.fate == fate for each in fates) for fate in ("used", "renamed", "dropped")}
    return {
        "checkpoint": str(spec.out),
        "report": str(report_path(spec.out)),
        "programs": report["programs"],
        **counts,
        "missing": len(missing),
    }


def _check_together(halves: Sequence[Half], *, partial: bool) -> None:
    """Raises UserError where the halves are twice the same side, of different D, or one is missing."""
    sides = {half.side: half for half in halves}
    if len(sides) < len(halves):
        first, second = [half for half in halves if sum(each.side == half.side for each in halves) > 1][:2]
        raise UserError(
            f"{first.path} and {second.path} both hold the {first.side} branch; give one file of each branch."
        )
    if len({half.embedding for half in halves}) > 1:
        first, second = halves
        raise UserError(
            f"{first.path} has maps of {first.embedding} channels and {second.path} of {second.embedding}: they do not "
            "belong together; give the two files of one training."
        )
    if len(halves) == 1 and halves[0].program != "AVLnet" and not partial:
        half = halves[0]
        other = "audio" if half.side == "image" else "image"
        raise UserError(
            f"{half.path} holds only the {half.side} branch; give {_OTHER_FILE[_COMPANION[half.branch]]} as well, or "
            f"add --partial to let the {other} branch begin at random."
        )


def _config(halves: Sequence[Half]) -> ModelConfig:
    branches = {half.side: half.branch for half in halves}
    for half in halves:
        branches.setdefault("audio" if half.side == "image" else "image", _COMPANION[half.branch])  # type: ignore[arg-type]
    widths = next((half.widths for half in halves if half.widths), ())
    try:
        return ModelConfig.model_validate(
            {
                "image_branch": branches["image"],
                "audio_branch": branches["audio"],
                "embedding": halves[0].embedding,
                "audio_widths": widths,
            }
        )
    except ValidationError as error:
        raise UserError(
            f"{halves[0].path} has maps of {halves[0].embedding} channels, which this program has no room for."
        ) from error


def _fill(model: DAVEnet, halves: Sequence[Half], *, partial: bool, seed: int) -> tuple[list[KeyFate], list[Missing]]:
    """Puts the files' tensors into the model's branches and returns what became of each, and what was missing."""
    fates: list[KeyFate] = []
    missing: list[Missing] = []
    at_random = f"random values (seed {seed})"
    for side, branch in (("image", model.image_branch), ("audio", model.audio_branch)):
        half = next((half for half in halves if half.side == side), None)
        if half is None:
            missing += [
                Missing(f"{side}_branch.{name}", _stands_there(name, at_random)) for name in branch.state_dict()
            ]
            continue
        ours, unknown = _fitting(half, branch)
        absent = [name for name in branch.state_dict() if name not in ours]
        if not partial:
            _refuse_gaps(half, unknown, [name for name in absent if not name.endswith("num_batches_tracked")])
        branch.load_state_dict(ours, strict=False)
        fates += _fates(half, unknown)
        missing += [Missing(f"{side}_branch.{name}", _stands_there(name, at_random)) for name in absent]
    return fates, missing


def _fitting(half: Half, branch: nn.Module) -> tuple[dict[str, Tensor], list[str]]:
    """Returns a half's tensors by our names, and the keys of those that our branch has no place for."""
    wanted = branch.state_dict()
    ours: dict[str, Tensor] = {}
    unknown: list[str] = []
    for key, name in half.renamed.items():
        value = half.tensors[key]
        if name not in wanted:
            unknown.append(key)
        elif value.shape != wanted[name].shape:
            raise UserError(
                f"{half.path} has {key} of {tuple(value.shape)} where {half.program} has {tuple(wanted[name].shape)}; "
                "models of other sizes cannot be converted."
            )
        elif not torch.isfinite(value).all():
            raise UserError(f"{half.path} holds values that are no numbers ({key}); choose another epoch's file.")
        else:
            ours[name] = value
    return ours, unknown


def _refuse_gaps(half: Half, unknown: Sequence[str], absent: Sequence[str]) -> None:
    for keys, told in ((unknown, "has layers that {} does not have"), (absent, "lacks layers of {}")):
        if keys:
            others = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise UserError(
                f"{half.path} {told.format(half.program)} ({keys[0]}{others}), so that its maps would be others; add "
                "--partial to convert the rest."
            )


def _fates(half: Half, unknown: Sequence[str]) -> list[KeyFate]:
    fates = []
    for key in half.tensors:
        if key in half.dropped:
            fates.append(KeyFate(half.path.name, key, "dropped", why=half.dropped[key]))
        elif key in unknown:
            fates.append(KeyFate(half.path.name, key, "dropped", why=f"no layer that {half.program} is known to have"))
        else:
            name = half.renamed[key]
            fate: Fate = "used" if name == bare_name(key) else "renamed"
            fates.append(KeyFate(half.path.name, key, fate, ours=f"{half.side}_branch.{name}"))
    return fates


def _stands_there(name: str, at_random: str) -> str:
    """Returns what a new model has under a name that no file gave."""
    kind = name.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return "0 (a counter)"
    return {"running_mean": "0", "running_var": "1"}.get(kind, at_random)
