"""Runs an image labeller in ONNX by onnxruntime: its input is read from the model, its scores become probabilities.

How pixels are scaled is not written in a model. The rule: `MODEL.preprocess.json` beside `MODEL.onnx` says it, else RGB
is scaled to −1..1. That file may hold "mean" (subtracted; one number or three; 127.5), "scale" (divided by; 127.5),
"order" ("RGB" or "BGR") and "side". For ImageNet models: {"mean": [123.7, 116.3, 103.5], "scale": [58.4, 57.1, 57.4]}.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from davenet.errors import UserError, one_line
from davenet.files import content_hash

Scores = NDArray[np.float32]
Frame = NDArray[np.uint8]

_DEFAULT_SIDE = 224  # pixels, where the model leaves its size open
_BATCH = 8


class Preprocessing(BaseModel):
    """What is done to an RGB frame's values 0..255: (value − mean) / scale for each channel, in the model's order."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    mean: float | tuple[float, float, float] = 127.5
    scale: float | tuple[float, float, float] = 127.5
    order: Literal["RGB", "BGR"] = "RGB"
    side: int = Field(_DEFAULT_SIDE, gt=0, le=4096, description="pixels, where the model leaves its size open")


@dataclass(frozen=True, slots=True)
class _Input:
    name: str
    channels_first: bool
    height: int
    width: int
    batch: int | None  # None: any
    dtype: type[np.generic]


class OnnxLabeller:
    """A model with one image input and one score a class."""

    def __init__(self, path: Path) -> None:
        """Loads the model; raises UserError where it does not load or is no image labeller."""
        if not path.is_file():
            raise UserError(f"The model {path} does not exist; check its name.")
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no type but this
            raise UserError(
                f"{path} does not load as an ONNX model ({one_line(error)[:160]}); choose another."
            ) from error
        self.path = path
        self.name = path.stem
        self.version = content_hash(path)
        self.preprocessing = read_preprocessing(path)
        self._input = _read_input(path, self._session.get_inputs(), self.preprocessing.side)
        self._output = self._session.get_outputs()[0].name
        probes = np.concatenate([self._run([frame]) for frame in self._probes()])
        self.n_classes = probes.shape[1]
        self._gives_probabilities = are_probabilities(probes)

    @property
    def settings(self) -> dict[str, Any]:
        size = [self._input.height, self._input.width]
        return {"preprocessing": self.preprocessing.model_dump(mode="json"), "size": size}

    def scores(self, frames: Sequence[Frame]) -> Scores:
        """Returns float32 (N, n_classes) in 0..1 for RGB uint8 frames (H, W, 3) of any size.

        The whole frame is resized to the model's input. Where outputs leave 0..1, a softmax makes them probabilities.
        """
        batches = [self._run(batch) for batch in _batches(frames, self._input.batch or _BATCH)]
        raw_NC = np.concatenate(batches) if batches else np.zeros((0, self.n_classes), np.float32)
        return np.clip(raw_NC, 0.0, 1.0) if self._gives_probabilities else softmax(raw_NC)

    def _run(self, frames: Sequence[Frame]) -> Scores:
        pixels = np.stack([self._prepared(frame) for frame in frames])
        missing = (self._input.batch or len(frames)) - len(frames)
        if missing:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)])
        if self._input.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        try:
            raw = self._session.run([self._output], {self._input.name: pixels})[0]
        except Exception as error:  # as in __init__
            raise UserError(f"{self.path} does not run on images ({one_line(error)[:160]}); choose another.") from error
        scores: Scores = np.asarray(raw, np.float32).reshape(len(pixels), -1)[: len(frames)]
        if not np.isfinite(scores).all():
            raise UserError(f"{self.path} gives scores that are not numbers; choose another model or preprocessing.")
        return scores

    def _prepared(self, frame: Frame) -> NDArray[Any]:
        size = (self._input.width, self._input.height)
        smaller = frame.shape[0] > size[1] or frame.shape[1] > size[0]
        resized = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        if self.preprocessing.order == "BGR":
            resized = resized[:, :, ::-1]
        if self._input.dtype is np.uint8:
            return np.asarray(resized, np.uint8)
        mean, scale = (np.asarray(v, np.float32) for v in (self.preprocessing.mean, self.preprocessing.scale))
        return ((resized.astype(np.float32) - mean) / scale).astype(self._input.dtype)

    def _probes(self) -> list[Frame]:
        """Returns black, white and noise, which show a model's number of classes and the range of its scores."""
        shape = (self._input.height, self._input.width, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        return [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise]


def are_probabilities(scores_NC: Scores) -> bool:
    return bool(scores_NC.size == 0 or (scores_NC.min() >= -1e-6 and scores_NC.max() <= 1 + 1e-6))


def softmax(raw_NC: Scores) -> Scores:
    exponents = np.exp(raw_NC - raw_NC.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)


def read_preprocessing(model: Path) -> Preprocessing:
    """Returns what `MODEL.preprocess.json` says, or the default; raises UserError where that file is wrong."""
    path = model.with_name(f"{model.stem}.preprocess.json")
    if not path.exists():
        return Preprocessing()
    try:
        found = Preprocessing.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else one_line(error)
        raise UserError(f"{path} is not a description of preprocessing ({reason}); correct or remove it.") from error
    if not np.all(np.asarray(found.scale, np.float32)):
        raise UserError(f'{path}: "scale" may not be 0; correct it.')
    return found


def _read_input(path: Path, inputs: Sequence[Any], open_side: int) -> _Input:
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        raise UserError(f"{path} does not take one image (N, 3, H, W) or (N, H, W, 3); choose an image labeller.")
    batch, *rest = (size if isinstance(size, int) and size > 0 else None for size in inputs[0].shape)
    channels_first = rest[0] == 3
    if not channels_first and rest[2] != 3:
        raise UserError(
            f"{path} takes no image of 3 channels (its input is {inputs[0].shape}); choose an image labeller."
        )
    height, width = rest[1:] if channels_first else rest[:2]
    types: dict[str, type[np.generic]] = {
        "tensor(float)": np.float32,
        "tensor(float16)": np.float16,
        "tensor(uint8)": np.uint8,
    }
    if inputs[0].type not in types:
        raise UserError(f"{path} takes {inputs[0].type}, not float or uint8 images; choose an image labeller.")
    return _Input(inputs[0].name, channels_first, height or open_side, width or open_side, batch, types[inputs[0].type])


def _batches(frames: Sequence[Frame], size: int) -> Iterator[Sequence[Frame]]:
    for first in range(0, len(frames), size):
        yield frames[first : first + size]
