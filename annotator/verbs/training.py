"""Runs: the accepted pairs are frozen into files, so that a run says for ever what it learnt from (Section 6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from annotator import datasets
from annotator.pair_splits import LEAST_PAIRS, non_food_of, split_accepted
from annotator.project import Project
from annotator.store.records import PairRecord, RunRecord, Split
from annotator.verbs.galleries import freeze as freeze_gallery
from davenet import __version__
from davenet.errors import UserError
from davenet.evaluation.paper import GalleryName
from davenet.files import content_hash, write_text_atomically
from davenet.heartbeat import read_pulse
from davenet.pairs import Pair, read_pairs, write_pairs
from davenet.specs import EstimateSpec, EvaluateSpec, TrainSpec
from davenet.training.presets import preset as training_preset

ELSEWHERE = "Starts elsewhere; open its folder here when it comes back."  # the message of such a run
OF_RUN = "of "  # before a run's id: the gallery of that run


def plan_train(
    project: Project,
    preset: str,
    *,
    config: Mapping[str, object] | None = None,
    start_from: str | Path | None = None,
    image_weights: Path | None = None,
    device: str = "auto",
    run_id: str | None = None,
    with_non_food: bool = True,
    dataset: int | str | None = None,
    waits: bool = False,
) -> TrainSpec:
    """Freezes the pairs into a new run's folder, adds the run's record and returns its spec.

    The pairs are those of a frozen `dataset` (its number, or "latest"), else what is accepted now, `with_non_food` pairs
    or without. `start_from` is a run's id or a checkpoint file, `image_weights` a file of ImageNet weights in place of the
    published ones. Raises UserError with fewer than two accepted pairs, for an unknown preset or impossible values, and for
    a file that is not there; nothing is written then. A run that `waits` has a place in the queue: a window that is closed
    before it began starts it the next time.
    """
    values = dict(config or {})
    chosen_config = training_preset(preset, values).model_dump(mode="json")
    values = {name: chosen_config[name] for name in values}  # as the right types, whoever typed them
    first_weights = None if start_from is None else resolve_checkpoint(project, start_from)
    image_weights = _present(image_weights)
    chosen = _of_project(project, with_non_food) if dataset is None else _of_dataset(project, dataset)
    run_id, run_dir = _new_run_dir(project, preset, run_id)
    spec = TrainSpec(
        run_dir=run_dir,
        clips_dir=project.clips_dir,
        train_pairs=run_dir / "train.pairs.jsonl",
        validation_pairs=run_dir / "validation.pairs.jsonl",
        preset=preset,
        config=values,
        start_from=first_weights,
        image_weights=image_weights,
        device=device,
    )
    pairs = {
        "train_hash": write_pairs(spec.train_pairs, chosen.train),
        "validation_hash": write_pairs(spec.validation_pairs, chosen.validation),
        **chosen.record,
    }
    record = {
        "preset": preset,
        "values": values,
        "start_from": None if first_weights is None else str(first_weights),
        "start_from_run": None if first_weights is None else run_of_checkpoint(project, first_weights),
        "start_from_hash": None if first_weights is None else content_hash(first_weights),
        "image_weights": None if image_weights is None else str(image_weights),
        "device": device,
        "pairs": pairs,
        "app_version": __version__,
        "spec": spec.model_dump(mode="json"),
    }
    write_text_atomically(run_dir / "run.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    place = max((run.queue_place or 0.0 for run in project.store.runs()), default=0.0) + 1.0 if waits else None
    project.store.add_run(RunRecord(run_id, preset, "planned", record, queue_place=place))
    return spec


def plan_estimate(
    project: Project,
    preset: str,
    *,
    config: Mapping[str, object] | None = None,
    start_from: str | Path | None = None,
    image_weights: Path | None = None,
    device: str = "auto",
    selection: datasets.Selection | None = None,
    dataset: int | str | None = None,
) -> EstimateSpec:
    """Returns the dry run of a training: its pairs lie in the cache, and nothing of the project changes.

    The pairs are those of a frozen `dataset`, else those that `selection` would freeze now. Raises UserError as
    `plan_train` does.
    """
    values = dict(config or {})
    chosen_config = training_preset(preset, values).model_dump(mode="json")
    first_weights = None if start_from is None else resolve_checkpoint(project, start_from)
    if dataset is not None:
        frozen = datasets.read(datasets.version(project, dataset))
    else:
        frozen = datasets.choose(project, selection or datasets.Selection())[0]
    folder = project.cache_dir / "dry-run"
    folder.mkdir(parents=True, exist_ok=True)
    splits: tuple[Split, ...] = ("train", "validation")
    for split in splits:
        write_pairs(folder / f"{split}.pairs.jsonl", datasets.pairs_of(frozen, split))
    train = TrainSpec(
        run_dir=folder,
        clips_dir=project.clips_dir,
        train_pairs=folder / "train.pairs.jsonl",
        validation_pairs=folder / "validation.pairs.jsonl",
        preset=preset,
        config={name: chosen_config[name] for name in values},
        start_from=first_weights,
        image_weights=_present(image_weights),
        device=device,
    )
    return EstimateSpec(train=train)


def collect_estimate(project: Project, spec: EstimateSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """A dry run leaves nothing in the project."""
    return dict(result)


def accepted_split(project: Project) -> tuple[int, int, str]:
    """Returns how many accepted pairs a run would train on and validate with now, and how they would be chosen.

    Raises UserError where there are too few for any run.
    """
    train, validation, how = _split_accepted(project)
    return len(train), len(validation), how


def plan_resume(project: Project, run_id: str) -> TrainSpec:
    """Returns the spec of a run that was cancelled, failed or killed: it goes on from its last saved state."""
    run = resolve_run(project, run_id)
    if run.state == "finished":
        raise UserError(f"Run {run.id} is finished; start a new one from it with --start-from {run.id}.")
    pulse = read_pulse(project.run_dir(run.id) / "heartbeat")
    if pulse is not None and pulse.alive():
        raise UserError(f"Run {run.id} still trains (process {pulse.pid}); stop it first, or wait for its end.")
    spec = TrainSpec.model_validate(run.config["spec"])
    run_dir = project.run_dir(run.id)  # the project may have moved since
    moved = {
        "run_dir": run_dir,
        "clips_dir": project.clips_dir,
        "train_pairs": run_dir / spec.train_pairs.name,
        "validation_pairs": run_dir / spec.validation_pairs.name,
        "resume": True,
    }
    return spec.model_copy(update=moved)


def run_started(project: Project, spec: TrainSpec, pid: int) -> None:
    """Notes that a process works on the run."""
    project.store.update_run(spec.run_dir.name, state="running", message="", pid=pid)


def collect_train(project: Project, spec: TrainSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    project.store.update_run(spec.run_dir.name, state="finished", result=result)
    return {"run": spec.run_dir.name, **result}


def run_ended(
    project: Project,
    spec: TrainSpec,
    state: Literal["cancelled", "failed", "crashed"],
    *,
    message: str = "",
    result: Mapping[str, Any] | None = None,
) -> None:
    """Notes that a run ended before it was finished; what it had reached by then is kept."""
    project.store.update_run(spec.run_dir.name, state=state, message=message, result=result)


def plan_evaluate(
    project: Project,
    run_id: str,
    *,
    on: str = "validation",
    device: str = "auto",
) -> EvaluateSpec:
    """Evaluates a run's checkpoint on a gallery, which is frozen in the run's folder.

    "validation" is the run's own validation pairs, "test" the accepted pairs of the test split, "of RUN" the validation
    pairs of another run; the others are the paper's galleries by name. Raises UserError where the project has no pairs for it.
    """
    run = resolve_run(project, run_id)
    checkpoint = project.checkpoint_path(run.id)
    file_name = on.replace(" ", "-")
    pairs_path = project.run_dir(run.id) / f"{file_name}.pairs.jsonl"
    if on.startswith(OF_RUN):
        other = resolve_run(project, on.removeprefix(OF_RUN))
        write_pairs(pairs_path, read_pairs(project.run_dir(other.id) / "validation.pairs.jsonl"))
    elif on in get_args(GalleryName):
        freeze_gallery(project, cast(GalleryName, on), pairs_path)
    elif on == "test":
        pairs = project.store.accepted_pairs("test")
        if len(pairs) < LEAST_PAIRS:
            raise UserError(
                f"The test videos of {project.path} have {len(pairs)} accepted pairs and Recall@10 needs "
                f"{LEAST_PAIRS}; accept more of them in Review."
            )
        write_pairs(pairs_path, (pair.to_pair() for pair in pairs))
    elif not pairs_path.exists():
        raise UserError(f"{pairs_path} does not exist; the run's pairs were moved or deleted.")
    return EvaluateSpec(
        checkpoint=checkpoint,
        clips_dir=project.clips_dir,
        pairs=pairs_path,
        out=project.run_dir(run.id) / f"evaluation.{file_name}.json",
        gallery=on,
        device=device,
    )


def collect_evaluate(project: Project, spec: EvaluateSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps the figures with the run, under the gallery that they were measured on."""
    run_id, on = spec.out.parent.name, spec.gallery
    run = project.store.run(run_id)
    evaluations = {**run.result.get("evaluations", {}), on: dict(result)}
    project.store.update_run(run_id, result={**run.result, "evaluations": evaluations})
    return {"run": run_id, "on": on, **result}


def resolve_run(project: Project, name: str) -> RunRecord:
    """Returns the run of this id, of this number ("3" for 003-small), or the newest for "latest"."""
    runs = project.store.runs()
    if name == "latest" and runs:
        return runs[0]
    numbered = [run for run in runs if name.isdigit() and run.id.split("-")[0].lstrip("0") == name.lstrip("0")]
    return numbered[0] if len(numbered) == 1 else project.store.run(name)


def resolve_checkpoint(project: Project, name: str | Path) -> Path:
    """Returns the checkpoint that a run's id or a file's name means."""
    path = Path(name).expanduser().absolute()
    if path.is_file():
        return path
    if isinstance(name, Path) or path.suffix == ".safetensors":
        raise UserError(f"{path} does not exist; give a run's id or a checkpoint file.")
    return project.checkpoint_path(resolve_run(project, name).id)


def _present(file: Path | None) -> Path | None:
    if file is None:
        return None
    path = file.expanduser().absolute()
    if not path.is_file():
        raise UserError(f"{path} does not exist; choose another file of weights, or none to fetch the published ones.")
    return path


def run_of_checkpoint(project: Project, path: Path) -> str | None:
    """Returns the run of this project that a checkpoint lies in, None where it is of none."""
    try:
        inside = path.resolve().relative_to(project.runs_dir.resolve())
    except ValueError:
        return None
    return inside.parts[0] if len(inside.parts) > 1 else None


def _split_accepted(project: Project) -> tuple[list[PairRecord], list[PairRecord], str]:
    """Returns the training and the validation pairs of what the project has now, and how they were chosen."""
    by_split: dict[Split, list[PairRecord]] = {
        "train": project.store.accepted_pairs("train"),
        "validation": project.store.accepted_pairs("validation"),
        "test": project.store.accepted_pairs("test"),
    }
    return split_accepted(project, by_split)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The pairs of a run, and what its record says of them."""

    train: list[Pair]
    validation: list[Pair]
    record: dict[str, Any]


def _of_project(project: Project, with_non_food: bool) -> _Chosen:
    train, validation, how = _split_accepted(project)
    non_food = non_food_of(project, train) if with_non_food else []
    record = {
        "train_food": len(train),
        "train_non_food": len(non_food),
        "validation": len(validation),
        "validation_chosen": how,
    }
    return _Chosen([p.to_pair() for p in [*train, *non_food]], [p.to_pair() for p in validation], record)


def _of_dataset(project: Project, name: int | str) -> _Chosen:
    dataset = datasets.version(project, name)
    frozen, counts = datasets.read(dataset), dataset.counts
    record = {
        "train_food": counts["train_accepted"] + counts["train_unjudged"],
        "train_non_food": counts["train_non_food"],
        "validation": counts["validation"],
        "validation_chosen": counts["how"],
        "dataset": dataset.id,
        "dataset_hash": dataset.hash,
        "train_unjudged": counts["train_unjudged"],
    }
    return _Chosen(datasets.pairs_of(frozen, "train"), datasets.pairs_of(frozen, "validation"), record)


def _new_run_dir(project: Project, preset: str, run_id: str | None) -> tuple[str, Path]:
    """Makes the run's folder: making it is what decides between two that start at the same moment."""
    taken = [entry.name for entry in project.runs_dir.iterdir()] + [run.id for run in project.store.runs()]
    numbers = [int(name.split("-")[0]) for name in taken if name.split("-")[0].isdigit()]
    next_number = max(numbers, default=0) + 1
    for number in range(next_number, next_number + 100):
        name = run_id or f"{number:03d}-{preset}"
        if Path(name).name != name or name.startswith("."):
            raise UserError(f"{name} cannot name a run; use letters, digits and dashes.")
        try:
            project.run_dir(name).mkdir()
        except FileExistsError as error:
            if run_id:
                raise UserError(f"{project.path} already has a run {run_id}; choose another name.") from error
            continue
        except OSError as error:
            raise UserError(f"{project.run_dir(name)} cannot be made ({error.strerror}); check the disk.") from error
        return name, project.run_dir(name)
    raise UserError(f"{project.runs_dir} holds too many runs of the same number; name this one with --run-id.")
