"""Runs on other machines: the command line that starts one there, and taking in the folder that comes back."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

from annotator.jobs.tail import EVENTS_FILE, final_event, read_events
from annotator.project import Project
from annotator.store.records import RunRecord, RunState
from annotator.verbs.training import ELSEWHERE
from davenet import events
from davenet.errors import UserError
from davenet.files import atomic_path, content_hash
from davenet.specs import TrainSpec
from davenet.training.presets import preset

_NOT_TAKEN = ("heartbeat", "cancel", "job.json")  # they belong to the process that ran there


def plan_elsewhere(project: Project, spec: TrainSpec) -> str:
    """Marks a planned run as one that starts on another machine, and returns the command line to copy."""
    project.store.update_run(spec.run_dir.name, message=ELSEWHERE)
    return command_elsewhere(project, project.store.run(spec.run_dir.name))


def command_elsewhere(project: Project, run: RunRecord) -> str:
    """Returns the command line that trains a run in a copy of the project's folder, in as many processes as are asked for.

    Paths are relative to that folder; --nproc-per-node is the number of graphics cards there. Weights that the run begins with
    and that lie outside of the project are copied into the run's folder first, so that the other machine has them. Raises
    UserError where they are gone or cannot be copied.
    """
    try:
        spec = TrainSpec.model_validate(run.config["spec"])
    except (KeyError, ValueError) as error:
        raise UserError(f"Run {run.id} was planned by another version; duplicate it and start that.") from error
    folder = f"runs/{run.id}"
    # without the two dashes torchrun takes our --run for the beginning of its own --run-path, and ends
    words = ["torchrun", "--standalone", "--nproc-per-node=1", "-m", "--", "davenet", "train", "--clips", "clips"]
    words += ["--pairs", f"{folder}/{spec.train_pairs.name}", "--validation", f"{folder}/{spec.validation_pairs.name}"]
    words += ["--run", folder, "--preset", spec.preset]
    for name, value in spec.config.items():
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    for option, file in (("start-from", spec.start_from), ("image-weights", spec.image_weights)):
        if file is not None:
            words += [f"--{option}", _inside(project, run.id, option, file)]
    if spec.device != "auto":
        words += ["--device", spec.device]
    return shlex.join(words)


def _inside(project: Project, run_id: str, name: str, file: Path) -> str:
    """Returns where a file lies in the project's folder, copied into the run's where it lies elsewhere."""
    if file.is_relative_to(project.path):
        return file.relative_to(project.path).as_posix()
    copied = project.run_dir(run_id) / f"{name}{file.suffix}"
    try:
        if not copied.is_file() or content_hash(copied) != content_hash(file):
            with atomic_path(copied) as temporary:
                shutil.copyfile(file, temporary)
    except OSError as error:
        raise UserError(
            f"{file} cannot be copied to {copied} ({error.strerror}); bring it back, or free space."
        ) from error
    return copied.relative_to(project.path).as_posix()


def take_in_run(project: Project, folder: Path) -> RunRecord:
    """Takes in a run's folder that was made elsewhere: its files are copied, its record added or brought up to date.

    Raises UserError, and changes nothing, where it is no run's folder, is half-written, or of a newer version.
    """
    project.require_writable()
    folder = folder.expanduser().absolute()
    asked = _read(folder)
    name = folder.name
    known = {run.id: run for run in [*project.store.runs(), *project.store.runs(deleted=True)]}
    place = project.run_dir(name)
    if folder != place:
        if name in known and known[name].message != ELSEWHERE:
            raise UserError(f"{project.path} already has a run {name}; give the folder another name and open it again.")
        try:
            shutil.copytree(folder, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_NOT_TAKEN))
        except (OSError, shutil.Error) as error:
            raise UserError(f"{folder} cannot be copied to {place} ({error}); check the disk.") from error
    state, result, message = _outcome(place)
    if name not in known:
        project.store.add_run(RunRecord(name, asked["preset"], "planned", _record(project, place, asked)))
    return project.store.update_run(name, state=state, result=result, message=message)


def _read(folder: Path) -> dict[str, Any]:
    """Returns what a run's folder says it was asked."""
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(
            f"{folder} is no run's folder (no config.json in it); choose that of one run, such as runs/007-demo."
        )
    try:
        asked = json.loads(path.read_text("utf-8"))
        values = {name: value for name, value in asked["config"].items() if name != "description"}
        preset_name = str(asked["preset"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is half-written or was edited; copy the run's folder again.") from error
    try:
        base = preset(preset_name).model_dump(mode="json")
        changed = {name: value for name, value in values.items() if base.get(name, ...) != value}
        preset(preset_name, changed)
    except UserError as error:
        raise UserError(
            f"{folder} is a run of a newer version ({error}); update this program and open it again."
        ) from error
    return {
        "preset": preset_name,
        "values": changed,
        **{k: asked.get(k) for k in ("train_pairs", "validation_pairs", "device")},
    }


def _outcome(folder: Path) -> tuple[RunState, dict[str, Any], str]:
    """Returns how the run ended by its own files; one that has no end can be resumed here."""
    final = final_event(read_events(folder / EVENTS_FILE))
    result: dict[str, Any] = dict(getattr(final, "result", {}) or {})
    if not result:
        try:
            result = dict(json.loads((folder / "evaluation.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            result = {}
    for name in ("checkpoint", "best_checkpoint"):
        file = folder / "checkpoints" / f"{'last' if name == 'checkpoint' else 'best'}.safetensors"
        if file.is_file():
            result[name] = str(file)
        else:
            result.pop(name, None)
    match final:
        case events.Finished():
            return "finished", result, ""
        case events.Failed(message):
            return "failed", result, message
    if (folder / "evaluation.json").is_file() and final is None:
        return "finished", result, ""
    return "cancelled", result, "Stopped elsewhere; resume it to go on here."


def _record(project: Project, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    spec = TrainSpec(
        run_dir=folder,
        clips_dir=project.clips_dir,
        train_pairs=folder / "train.pairs.jsonl",
        validation_pairs=folder / "validation.pairs.jsonl",
        preset=asked["preset"],
        config=asked["values"],
    )
    usable = {name: (asked.get(f"{name}_pairs") or {}).get("usable") for name in ("train", "validation")}
    return {
        "preset": asked["preset"],
        "values": asked["values"],
        "device": asked.get("device") or "auto",
        "pairs": {"train_food": usable["train"], "validation": usable["validation"]},
        "elsewhere": True,
        "spec": spec.model_dump(mode="json"),
    }
