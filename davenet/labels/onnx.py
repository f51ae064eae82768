"""Runs an image classifier in ONNX by onnxruntime: input and outputs are read from the model, scores become probabilities.

What no model says (how pixels are scaled, what its scores are) comes from the options; what its scores are is else found
out from the scores of a black, a white and a noisy picture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError, one_line
from davenet.files import content_hash
from davenet.labels.food.detector import Frame
from davenet.labels.food.pixels import Pixels

Scores = NDArray[np.float32]
ScoreKind = Literal["softmax", "logits", "sigmoid", "probabilities"]

_DEFAULT_SIDE = 224  # pixels, where the model leaves its size open
_BATCH = 8
_TOLERANCE = 1e-3  # of half precision
_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
# what --device calls a provider; "auto" takes the first that is there
_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}


@dataclass(frozen=True, slots=True)
class ModelInput:
    name: str
    channels_first: bool
    height: int
    width: int
    batch: int | None  # None: any
    dtype: type[np.generic]


class OnnxModel:
    """A model with one image input; each of its outputs gives some scores a picture."""

    def __init__(
        self,
        path: Path,
        pixels: Pixels | None = None,
        *,
        layout: Literal["NCHW", "NHWC"] | None = None,
        side: int | None = None,
        device: str | None = None,
    ) -> None:
        """Loads the model; raises UserError where it does not load or takes no image."""
        if not path.is_file():
            raise UserError(f"The model {path} does not exist; check its name.")
        self.path = path
        self.version = content_hash(path)
        self.pixels = pixels or Pixels()
        self._session = _session(path, device)
        self.device = _device_of(self._session)
        self.input = _read_input(path, self._session.get_inputs(), layout, side)
        self.outputs = tuple(output.name for output in self._session.get_outputs())
        self.probes = self.run(self._probe_frames())  # output -> (3, n): they show what its scores are like

    @property
    def settings(self) -> dict[str, Any]:
        size = [self.input.height, self.input.width]
        return {"pixels": self.pixels.model_dump(mode="json"), "size": size}

    def run(self, frames: Sequence[Frame]) -> dict[str, Scores]:
        """Returns each output's float32 (N, n) for RGB uint8 frames (H, W, 3) of any size, as the model gives them.

        Outputs that are no rows of numbers, one a picture, are left out. Raises UserError where the model does not run.
        """
        batches = [self._run_batch(batch) for batch in _batches(frames, self.input.batch or _BATCH)]
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]} if batches else {}

    def _run_batch(self, frames: Sequence[Frame]) -> dict[str, Scores]:
        taken = self.input
        pixels = np.stack([self.pixels.prepared(frame, taken.height, taken.width, taken.dtype) for frame in frames])
        missing = (taken.batch or len(frames)) - len(frames)
        if missing:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)])
        if taken.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        try:
            given = self._session.run(None, {taken.name: pixels})
        except Exception as error:  # onnxruntime's errors share no type but this
            raise UserError(
                f"{self.path} does not run on images of {taken.width} × {taken.height} ({one_line(error)[:160]}); "
                "give the size it was made for (--side), or choose another model."
            ) from error
        scores: dict[str, Scores] = {}
        for name, values in zip(self.outputs, given, strict=True):
            if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.shape[:1] == (len(pixels),):
                scores[name] = np.asarray(values, np.float32).reshape(len(pixels), -1)[: len(frames)]
                if not np.isfinite(scores[name]).all():
                    raise UserError(f"{self.path} gives scores that are not numbers; check --mean, --std and --scale.")
        if not scores:
            raise UserError(f"{self.path} gives no scores a picture ({', '.join(self.outputs)}); choose a classifier.")
        return scores

    def _probe_frames(self) -> list[Frame]:
        shape = (self.input.height, self.input.width, 3)
        noise = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        return [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise]


def kind_of(scores_NC: Scores) -> ScoreKind:
    """Returns what scores are by their values: within 0..1 with rows that sum to one, within 0..1, or logits."""
    if scores_NC.min() < -1e-6 or scores_NC.max() > 1 + 1e-6:
        return "sigmoid" if scores_NC.shape[1] == 1 else "logits"
    sums_to_one = scores_NC.shape[1] > 1 and np.abs(scores_NC.sum(axis=1) - 1).max() < _TOLERANCE
    return "softmax" if sums_to_one else "probabilities"


def probabilities(raw_NC: Scores, kind: ScoreKind, model: Path) -> Scores:
    """Returns scores of a kind as probabilities; raises UserError where they leave 0..1 and are said to be some."""
    if kind == "logits":
        return softmax(raw_NC)
    if kind == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(raw_NC, -80, 80))), np.float32)
    if raw_NC.size and (raw_NC.min() < -_TOLERANCE or raw_NC.max() > 1 + _TOLERANCE):
        raise UserError(
            f"{model} gives scores from {raw_NC.min():.3g} to {raw_NC.max():.3g}, which are no probabilities; "
            "say what they are with --scores logits or --scores sigmoid."
        )
    return np.clip(raw_NC, 0.0, 1.0)


def softmax(raw_NC: Scores) -> Scores:
    exponents = np.exp(raw_NC - raw_NC.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)


def _session(path: Path, device: str | None) -> Any:
    import onnxruntime as ort

    there = ort.get_available_providers()
    if device is None or device == "auto":
        chosen = [name for name in _PROVIDERS.values() if name in there]
    elif _PROVIDERS.get(device) in there:
        chosen = [_PROVIDERS[device], "CPUExecutionProvider"]
    else:
        have = ", ".join(name for name, provider in _PROVIDERS.items() if provider in there)
        raise UserError(f"The onnxruntime that is installed has no {device}; choose --device {have} or auto.")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(str(path), options, providers=list(dict.fromkeys(chosen)))
    except Exception as error:  # onnxruntime's errors share no type but this
        raise UserError(f"{path} does not load as an ONNX model ({one_line(error)[:160]}); choose another.") from error


def _device_of(session: Any) -> str:
    first = session.get_providers()[0]
    return next((name for name, provider in _PROVIDERS.items() if provider == first), str(first))


def _read_input(path: Path, inputs: Sequence[Any], layout: str | None, side: int | None) -> ModelInput:
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = " and ".join(str(each.shape) for each in inputs[:3])
        raise UserError(
            f"{path} takes {shapes}, not one image (N, 3, H, W) or (N, H, W, 3); choose an image classifier."
        )
    batch, *rest = (size if isinstance(size, int) and size > 0 else None for size in inputs[0].shape)
    is_open = None in (rest[0], rest[2]) and 3 not in (rest[0], rest[2])
    channels_first = layout == "NCHW" if layout else rest[0] == 3 or (rest[0] is None and rest[2] != 3)
    if (rest[0] if channels_first else rest[2]) not in (3, None) or (not layout and not is_open and 3 not in rest[::2]):
        raise UserError(
            f"{path} takes no image of 3 channels (its input is {inputs[0].shape}); choose an image classifier."
        )
    height, width = rest[1:] if channels_first else rest[:2]
    if inputs[0].type not in _TYPES:
        raise UserError(f"{path} takes {inputs[0].type}, not float or uint8 images; choose an image classifier.")
    open_side = side or _DEFAULT_SIDE
    return ModelInput(
        inputs[0].name, channels_first, height or open_side, width or open_side, batch, _TYPES[inputs[0].type]
    )


def _batches(frames: Sequence[Frame], size: int) -> Iterator[Sequence[Frame]]:
    for first in range(0, len(frames), size):
        yield frames[first : first + size]
