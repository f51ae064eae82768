"""`onnx:MODEL`: an image classifier as food detector (Section 3.1), with a head or a food label for P(food) if it has one.

What the options and the model's settings file leave open is found out from the model; `notes` say what was found out.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from davenet.errors import UserError
from davenet.labels.food.classes import FoodClasses, choose_food_classes, class_names, read_class_names
from davenet.labels.food.detector import Frame, Seen
from davenet.labels.food.model_file import settings_file, with_settings_file
from davenet.labels.food.pixels import Pixels
from davenet.labels.onnx import OnnxModel, ScoreKind, Scores, kind_of, probabilities
from davenet.specs import DetectorOptions

_MEANINGS: dict[ScoreKind, str] = {
    "softmax": "the probabilities of a softmax",
    "logits": "logits, of which a softmax makes probabilities",
    "sigmoid": "logits, each of which a sigmoid makes a probability",
    "probabilities": "independent probabilities",
}
_PLAIN_NAMES = {"model", "best", "last", "network", "classifier"}  # the folder's name tells such models apart


class OnnxDetector:
    """A model of one score a class, or of P(food) alone."""

    def __init__(self, path: str, options: DetectorOptions) -> None:
        """Loads the model; raises UserError where it cannot be used with these options, naming the one to give."""
        if not path:
            raise UserError("Which model? Give it as onnx:MODEL, the file of an image classifier.")
        model = Path(path).expanduser()
        options = with_settings_file(model, options)
        self._model = OnnxModel(
            model, pixels_of(options), layout=options.layout, side=options.side, device=options.device
        )
        self.name = f"onnx:{model_name(model)}"
        self.version = self._model.version
        self._head = _head_of(self._model, options.food_output)
        self._output = self._class_output(options)
        self._kind: ScoreKind = options.scores or kind_of(self._model.probes[self._output])
        self._label = ""
        self._classes = self._classes_of(options)
        self.settings = self._settings(options)
        self.notes = self._notes(options)

    def __call__(self, frames: Sequence[Frame]) -> list[Seen]:
        raw = self._model.run(frames)
        if not frames:
            return []
        scores_NC = probabilities(raw[self._output], self._kind, self._model.path)
        seen = [self._seen(scores_C) for scores_C in scores_NC]
        if self._head is None:
            return seen
        foods = self._head.probabilities(raw, self._model.path)
        return [Seen(float(food), each.top) for food, each in zip(foods, seen, strict=True)]

    def _seen(self, scores_C: Scores) -> Seen:
        return Seen(float(scores_C[0])) if self._classes is None else self._classes.seen(scores_C)

    def _class_output(self, options: DetectorOptions) -> str:
        """Returns the output with a score for each class: the one named, the only one, or the one of as many classes."""
        path, probes = self._model.path, self._model.probes
        if options.output is not None:
            if options.output not in probes:
                raise UserError(f'{path} has no output "{options.output}"; choose one of: {_shown(probes)}.')
            return options.output
        rest = [name for name in probes if self._head is None or name != self._head.output]
        if not rest:
            raise UserError(f"{path} has no output beside the food head; give --food-label in place of --food-output.")
        if len(rest) > 1 and options.classes is not None:
            fitting = [name for name in rest if probes[name].shape[1] == _n_names(options)]
            rest = fitting or rest
        if len(rest) > 1:
            raise UserError(
                f"{path} has several outputs ({_shown(probes)}); say with --output which has a score for each class."
            )
        return rest[0]

    def _classes_of(self, options: DetectorOptions) -> FoodClasses | None:
        """Returns None for a model of one score, which is P(food) itself."""
        model, n = self._model.path, self._model.probes[self._output].shape[1]
        if options.classes is None:
            if n == 1:
                return None
            raise UserError(
                f"{model} gives {n} scores, and their classes' names are missing; give a file with one name a line "
                f'(--classes FILE, or "classes" in {settings_file(model).name} beside the model).'
            )
        names = read_class_names(options.classes, n, str(model))
        chosen = choose_food_classes(
            names,
            exclusive=self._kind in ("softmax", "logits"),
            food_label=options.food_label,
            food_classes=options.food_classes,
            words=options.food_words,
            p_food=options.p_food,
        )
        self._label = "" if chosen.label is None else names[chosen.label]
        return chosen

    def _settings(self, options: DetectorOptions) -> dict[str, Any]:
        classes = self._classes
        return {
            **self._model.settings,
            "output": self._output,
            "scores": self._kind,
            "p_food": self._p_food(),
            "classes": options.classes.name if isinstance(options.classes, Path) else options.classes,
            "food_classes": [] if classes is None else sorted(classes.called.values()),
        }

    def _p_food(self) -> str:
        if self._head is not None:
            return f"output {self._head.output}:{self._head.column} ({self._head.kind})"
        if self._classes is None:
            return "score"
        return f"label {self._label}" if self._classes.rule == "label" else self._classes.rule

    def _notes(self, options: DetectorOptions) -> tuple[str, ...]:
        found = "" if options.scores else ", as its scores of test pictures look; --scores says otherwise"
        n = self._model.probes[self._output].shape[1]
        device = "" if self._model.device == "cpu" else f" on {self._model.device}"
        notes = [f"{self._model.path.name}{device}: {n} scores are {_MEANINGS[self._kind]}{found}."]
        if self._classes is not None:
            how = {
                "label": f'the score of "{self._label}"',
                "non-food": "one less the score of the classes without food",
                "sum": "the sum of their scores",
                "most": "the highest of their scores",
            }[self._classes.rule]
            by = "the food classes given" if options.food_classes else "the food words"
            if self._head is not None:
                how = f'the score of the output "{self._head.output}"'
            notes.append(f"{len(self._classes.called)} of {n} classes are foods by {by}; P(food) is {how}.")
        return tuple(notes)


class _Head:
    """An output that says food or no food."""

    def __init__(self, output: str, column: int, kind: ScoreKind) -> None:
        self.output, self.column, self.kind = output, column, kind

    def probabilities(self, raw: dict[str, Scores], model: Path) -> Scores:
        return np.asarray(probabilities(raw[self.output], self.kind, model)[:, self.column], np.float32)


def _head_of(model: OnnxModel, named: str | None) -> _Head | None:
    if named is None:
        return None
    output, colon, column = (named, "", "") if named in model.probes else named.rpartition(":")
    if output not in model.probes:
        raise UserError(f'{model.path} has no output "{output or named}"; choose one of: {_shown(model.probes)}.')
    n = model.probes[output].shape[1]
    if not colon and n > 1:
        raise UserError(
            f'The output "{output}" of {model.path} has {n} scores; say which is food\'s, e.g. '
            f"--food-output {output}:{n - 1} for the last."
        )
    if colon and not (column.isdecimal() and int(column) < n):
        raise UserError(
            f'The output "{output}" of {model.path} has {n} scores, and "{column}" is none of 0 to {n - 1}.'
        )
    return _Head(output, int(column or 0), kind_of(model.probes[output]))


def pixels_of(options: DetectorOptions) -> Pixels:
    """Returns what the options say of a model's input; raises UserError where they cannot be."""
    names = ("fit", "crop_share", "order", "scale", "mean", "std")
    try:
        return Pixels.model_validate({name: v for name in names if (v := getattr(options, name)) is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}; correct it.") from error


def model_name(path: Path) -> str:
    """Returns the name of a model's file, with its folder's where many models are called the same."""
    parent = path.absolute().parent.name
    return f"{parent}-{path.stem}" if path.stem.casefold() in _PLAIN_NAMES and parent else path.stem


def _n_names(options: DetectorOptions) -> int:
    if isinstance(options.classes, Path):
        return len(class_names(options.classes))
    return len(options.classes or ())


def _shown(outputs: dict[str, Scores]) -> str:
    return ", ".join(f'"{name}" ({scores.shape[1]} scores)' for name, scores in outputs.items())
