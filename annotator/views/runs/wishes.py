"""What a person asks of a new run, as plain values: the form's fields, and what becomes of what was filled in. No Qt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotator.datasets import DatasetVersion, Selection
from annotator.store.records import RunRecord, Split
from annotator.views.data.fields import Field, Form, Variant, Wish
from annotator.views.runs.training_fields import training_fields
from davenet.evaluation.paper import TABLES
from davenet.training.presets import PRESETS, TrainConfig

VERB = "train"
PAIRS, START = "Which pairs", "Where it begins"
NOW = 0  # the dataset that is frozen when the run starts
_PAIR_FIELDS = ("dataset", "accepted_by", "reviewers", "splits", "unjudged", "non_food", "corrections")
_SPLITS: Mapping[str, tuple[Split, ...]] = {"all": ("train", "validation", "test"), "no test": ("train", "validation")}
_START_FIELDS = ("start_from", "checkpoint", "image_weights", "device")
_FIRST = ("demo", "best")  # the presets that most people want, before the paper's rows


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What the project has that the form offers; `starts` gives the checkpoint that suits a preset."""

    datasets: tuple[DatasetVersion, ...] = ()
    reviewers: tuple[str, ...] = ()
    checkpoints: tuple[Choice, ...] = ()
    starts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunWish:
    """What a person asked for; `start_from` is a run's id, a checkpoint file or '' for the preset's own first weights.

    The pairs are those of the frozen `dataset`, else those that `selection` gives, frozen when the run starts.
    """

    preset: str
    start_from: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    device: str = "auto"
    selection: Selection = field(default_factory=Selection)
    dataset: int | None = None
    image_weights: Path | None = (
        None  # a file of ImageNet weights; None: the published ones are fetched where they are needed
    )


def run_form(facts: FormFacts) -> Form:
    """Returns the form of a new run: a way for each preset, with its values as defaults."""
    names = sorted(PRESETS, key=lambda name: (name not in _FIRST, _FIRST.index(name) if name in _FIRST else 0))
    variants = tuple(
        Variant(
            name,
            name,
            _about(name),
            (*_pair_fields(facts), *_start_fields(facts, name), *training_fields(PRESETS[name])),
        )
        for name in names
    )
    return Form(VERB, "New run", "Start run", variants)


def wish_of(filled: Wish, facts: FormFacts) -> RunWish:
    """Returns the run that a filled form asks for."""
    given = filled.given()
    config = {name: value for name, value in given.items() if name in TrainConfig.model_fields}
    reviewers = tuple(name.strip() for name in str(given.get("reviewers") or "").split(",") if name.strip())
    selection = Selection(
        accepted_by=given.get("accepted_by", "final"),
        reviewers=reviewers,
        splits=_SPLITS[given.get("splits", "all")],
        unjudged=given.get("unjudged", False),
        non_food=given.get("non_food", True),
        corrections=given.get("corrections", True),
    )
    start = given.get("checkpoint") or given.get("start_from", facts.starts.get(filled.variant, ""))
    return RunWish(
        filled.variant,
        str(start),
        config,
        given.get("device", "auto"),
        selection,
        given.get("dataset") or None,
        given.get("image_weights"),
    )


def filled_from(run: RunRecord) -> Wish:
    """Returns the form as it was filled in for a run, to start another with changes."""
    values: dict[str, Any] = dict(run.config.get("values") or {})
    pairs = run.config.get("pairs") or {}
    if pairs.get("dataset"):
        values["dataset"] = pairs["dataset"]
    if run.config.get("start_from_run"):
        values["start_from"] = run.config["start_from_run"]
    elif run.config.get("start_from"):
        values["checkpoint"] = Path(str(run.config["start_from"]))
    if run.config.get("image_weights"):
        values["image_weights"] = Path(str(run.config["image_weights"]))
    values["device"] = run.config.get("device", "auto")
    return Wish(VERB, run.preset, tuple(values.items()))


def carried(before: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what stays when another preset is chosen: which pairs, and where it runs."""
    return {name: before[name] for name in (*_PAIR_FIELDS, "image_weights", "device") if name in before}


def _about(name: str) -> str:
    cell = next((cell for cell in TABLES["table3"] if cell.row == name), None)
    theirs = "" if cell is None else f" The paper has {100 * cell.audio:.1f} / {100 * cell.visual:.1f} % Recall@10."
    return f"{PRESETS[name].description}.{theirs}"


def _pair_fields(facts: FormFacts) -> tuple[Field, ...]:
    frozen = tuple(
        (each.id, f"dataset {each.id}, {each.at:%d %b %H:%M}, {each.counts.get('train_accepted', 0)} accepted")
        for each in facts.datasets
    )
    return (
        Field(
            "dataset",
            "Dataset",
            "choice",
            NOW,
            "What is accepted now is frozen as a new dataset when the run starts; a frozen one stays what it was.",
            section=PAIRS,
            choices=((NOW, "what is accepted now"), *frozen),
        ),
        Field(
            "accepted_by",
            "Accepted by",
            "choice",
            "final",
            "Whose verdicts make a pair one to learn from.",
            section=PAIRS,
            choices=(
                ("final", "the final verdict"),
                ("everyone", "everyone who judged it"),
                ("these", "the reviewers named"),
            ),
        ),
        Field(
            "reviewers",
            "Reviewers",
            "text",
            "",
            f"Names with commas between; here: {', '.join(facts.reviewers) or 'none yet'}.",
            blank=", ".join(facts.reviewers[:2]) or "none yet",
            section=PAIRS,
        ),
        Field(
            "splits",
            "Splits",
            "choice",
            "all",
            "Training videos train, validation videos measure; test videos are frozen beside them for a last measurement.",
            section=PAIRS,
            choices=(("all", "training, validation, test"), ("no test", "training and validation")),
        ),
        Field(
            "unjudged",
            "Also pairs nobody has judged",
            "bool",
            False,
            "Weak labels train too; Recall@10 is always measured on verified pairs.",
            section=PAIRS,
        ),
        Field(
            "non_food", "Non-food pairs", "bool", True, "As many as there are food pairs (Section 6).", section=PAIRS
        ),
        Field(
            "corrections",
            "Apply corrections",
            "bool",
            True,
            "The labels and sound offsets that reviewers gave.",
            section=PAIRS,
        ),
    )


def _start_fields(facts: FormFacts, preset: str) -> tuple[Field, ...]:
    random: Sequence[tuple[str, str]] = (("", "the preset's own first weights"),)
    return (
        Field(
            "start_from",
            "Checkpoint",
            "choice",
            facts.starts.get(preset, ""),
            "The model to fine-tune, of the same architecture.",
            section=START,
            choices=(*random, *((each.value, each.label) for each in facts.checkpoints)),
        ),
        Field(
            "checkpoint",
            "Or a checkpoint file",
            "file",
            None,
            "Taken in place of the one beside it.",
            blank="none",
            section=START,
            file_kinds="Checkpoints (*.safetensors)",
        ),
        Field(
            "image_weights",
            "ImageNet weights",
            "file",
            None,
            "For presets that begin with ImageNet: a file of them, else the published ones are fetched once.",
            blank="fetched where needed",
            section=START,
            file_kinds="Weights (*.pth *.safetensors)",
        ),
        Field(
            "device",
            "Device",
            "choice",
            "auto",
            "Automatic takes a graphics card where there is one.",
            section=START,
            choices=(("auto", "automatic"), ("cpu", "processor"), ("cuda", "graphics card")),
        ),
    )
