"""`clip[:MODEL]`: zero-shot detection by CLIP (Radford et al., 2021) over a list of food names, through transformers.

Each food is a sentence, "a photo of {}, a type of food." as CLIP's authors published it for Food-101; its probability
among the foods is a softmax of the likenesses of picture and sentences, at the model's own temperature. P(food) is the
same between a few sentences of food and a few of what else kitchens show; a food's probability is P(food) times its own.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError, one_line
from davenet.files import content_hash
from davenet.labels.detections import MAX_TOP
from davenet.labels.food.auto import DEFAULT_CLIP, install_command
from davenet.labels.food.classes import class_names, read_food_classes, read_lines
from davenet.labels.food.detector import Frame, Seen
from davenet.labels.food.model_file import with_settings_file
from davenet.labels.food.pixels import fit
from davenet.labels.food_words import food_words
from davenet.specs import DetectorOptions

PROMPT = "a photo of {}, a type of food."
FOOD_PROMPTS = (
    "a photo of food.",
    "a photo of a dish on a plate.",
    "a close-up photo of food cooking in a pan.",
    "a photo of ingredients on a cutting board.",
    "a photo of vegetables.",
    "a photo of meat.",
    "a photo of a dessert.",
    "a photo of a drink.",
)
NON_FOOD_PROMPTS = (
    "a photo of a person.",
    "a photo of a person talking to the camera.",
    "a photo of a kitchen.",
    "a photo of empty dishes.",
    "a photo of a kitchen appliance.",
    "a title card with text.",
    "a logo on a plain background.",
    "a photo of a street or a landscape.",
)
_TEXTS = 64  # sentences a batch
_MAX_NAMES = 5000


class ClipDetector:
    """A CLIP model with the sentences of its foods."""

    def __init__(self, model: str, options: DetectorOptions) -> None:
        """Loads a local folder or a named model; raises UserError with the one remedy where packages or model are missing."""
        model = model or DEFAULT_CLIP
        folder = Path(model).expanduser()
        options = with_settings_file(folder, options) if folder.is_dir() else options
        if folder.suffix in (".safetensors", ".bin", ".pt", ".onnx") and folder.exists():
            raise UserError(f"{folder} is a file; give the folder with its config.json: clip:{folder.parent}.")
        self._foods = _foods(options)
        prompt = options.prompt or PROMPT
        if "{}" not in prompt:
            raise UserError(f'The prompt "{prompt}" has no place for the food; write {{}} there, as in "{PROMPT}"')
        non_food = _non_food(options)
        self._torch, self._model, tokenizer, self._pixels, where = _load(model, folder.is_dir(), options.device)
        self._device = where
        self._scale = float(self._model.logit_scale.detach().exp())
        said = [prompt.replace("{}", name) for name in self._foods.values()]
        self._foods_FD = self._embedded_texts(tokenizer, said)
        self._kinds_KD = self._embedded_texts(tokenizer, [*FOOD_PROMPTS, *non_food])
        self.name = f"clip:{folder.name if folder.is_dir() else model}"
        self.version = _version(self._model, folder if folder.is_dir() else None)
        self.settings: dict[str, Any] = {
            "prompt": prompt,
            "foods": list(self._foods.values()),
            "food_prompts": list(FOOD_PROMPTS),
            "non_food_prompts": list(non_food),
            "temperature": round(1 / self._scale, 8),
            "pixels": self._pixels.settings,
        }
        self.notes = (f"{model} looks for {len(self._foods)} foods on {where}: {prompt}",)

    def __call__(self, frames: Sequence[Frame]) -> list[Seen]:
        if not frames:
            return []
        pixels = self._torch.from_numpy(np.stack([self._pixels.prepared(frame) for frame in frames]))
        with self._torch.inference_mode():
            images_ND = _embedding(self._model.get_image_features(pixel_values=pixels.to(self._device)))
            kinds_NK = self._likenesses(images_ND, self._kinds_KD)
            foods_NF = self._likenesses(images_ND, self._foods_FD)
        food_N = kinds_NK[:, : len(FOOD_PROMPTS)].sum(axis=1)
        return [self._seen(food, foods_F) for food, foods_F in zip(food_N, foods_NF, strict=True)]

    def _seen(self, food: float, foods_F: NDArray[np.float64]) -> Seen:
        names = list(self._foods.values())
        best = np.argsort(-foods_F, kind="stable")[:MAX_TOP]
        return Seen(float(food), tuple((names[i], float(food * foods_F[i])) for i in best))

    def _likenesses(self, images_ND: Any, texts_TD: Any) -> NDArray[np.float64]:
        logits_NT = (self._scale * images_ND @ texts_TD.T).double()
        likenesses: NDArray[np.float64] = logits_NT.softmax(dim=1).cpu().numpy()
        return likenesses

    def _embedded_texts(self, tokenizer: Any, texts: Sequence[str]) -> Any:
        longest = int(self._model.config.text_config.max_position_embeddings)
        parts = []
        for first in range(0, len(texts), _TEXTS):
            batch = list(texts[first : first + _TEXTS])
            tokens = tokenizer(batch, padding=True, truncation=True, max_length=longest, return_tensors="pt")
            with self._torch.inference_mode():
                parts.append(_embedding(self._model.get_text_features(**tokens.to(self._device))))
        return self._torch.cat(parts)


class _ClipPixels:
    """CLIP's own preparation: the shorter side bicubic to the model's side, a centre crop, its mean and deviation."""

    def __init__(self, side: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self.side = side
        self._mean, self._std = np.asarray(mean, np.float32), np.asarray(std, np.float32)

    @property
    def settings(self) -> dict[str, Any]:
        shown = {"mean": self._mean, "std": self._std}
        return {"side": self.side, **{name: [round(float(v), 8) for v in values] for name, values in shown.items()}}

    def prepared(self, frame: Frame) -> NDArray[np.float32]:
        """Returns float32 (3, side, side)."""
        from PIL import Image

        height, width = frame.shape[:2]
        short = min(height, width)
        size = (max(self.side, self.side * width // short), max(self.side, self.side * height // short))
        resized = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC))
        cropped = fit(resized, self.side, self.side, "crop", self.side / min(resized.shape[:2]))
        return np.ascontiguousarray(((cropped / np.float32(255) - self._mean) / self._std).transpose(2, 0, 1))


def _foods(options: DetectorOptions) -> dict[str, str]:
    """Returns the foods to look for: the classes given, else the food words; by what they are said in the prompt."""
    if options.food_classes is not None:
        listed = read_food_classes(options.food_classes)
        names = [said or name for name, said in listed if said != "-"]
    elif options.classes is not None:
        names = list(class_names(options.classes) if isinstance(options.classes, Path) else options.classes)
    else:
        names = list(food_words(options.food_words))
    foods = {" ".join(name.split()).casefold(): " ".join(name.split()) for name in names if name.strip()}
    if not 2 <= len(foods) <= _MAX_NAMES:
        raise UserError(
            f"CLIP looks for 2 to {_MAX_NAMES} foods, not {len(foods)}; give a list of them with --classes."
        )
    return foods


def _non_food(options: DetectorOptions) -> tuple[str, ...]:
    if options.non_food is None:
        return NON_FOOD_PROMPTS
    given = options.non_food
    lines = read_lines(given, "sentences of what is no food") if isinstance(given, Path) else given
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found:
        raise UserError(f"{given} holds no sentences; write what is no food, one sentence a line.")
    return found


def _load(model: str, is_folder: bool, device: str | None) -> tuple[Any, Any, Any, _ClipPixels, str]:
    """Returns torch, the model, its tokenizer, its preparation of pixels, and where it runs."""
    try:
        import huggingface_hub
        import PIL  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        raise UserError(
            f"CLIP needs the packages transformers and pillow; install them with: {install_command()}"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()  # of loading; that of a download of minutes is shown
    huggingface_hub.utils.logging.set_verbosity_error()
    huggingface_hub.utils.enable_progress_bars()
    where = _device(torch, device)
    tried = [{"local_files_only": True}] if is_folder else [{"local_files_only": True}, {}]
    for n, how in enumerate(tried, 1):
        try:
            config = transformers.AutoConfig.from_pretrained(model, **how)
            if config.model_type != "clip":
                raise UserError(f'{model} is a model of the kind "{config.model_type}", not CLIP; choose another.')
            loaded = transformers.CLIPModel.from_pretrained(model, **how)
            tokenizer = transformers.AutoTokenizer.from_pretrained(model, **how)
            return torch, loaded.eval().to(where), tokenizer, _pixels_of(transformers, model, loaded.config, how), where
        except UserError:
            raise
        except Exception as error:  # what a hub, a disk or a damaged file brings share no type
            if n == len(tried):
                raise UserError(_not_loaded(model, is_folder, error)) from error
    raise AssertionError("not reached")


def _not_loaded(model: str, is_folder: bool, error: Exception) -> str:
    if is_folder:
        return f"{model} does not load as a CLIP model ({one_line(error)[:160]}); download it again, or give another folder."
    return (
        f'The CLIP model "{model}" is not on this machine and cannot be downloaded (no network, or no model of this name); '
        f"where there is a network run: hf download {model} --local-dir FOLDER, then use --with clip:FOLDER."
    )


def _device(torch: Any, device: str | None) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device is None or device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(device):
        raise UserError(
            f"torch has no {device} here; choose --device {', '.join(n for n in there if there[n])} or auto."
        )
    return device


def _pixels_of(transformers: Any, model: str, config: Any, how: dict[str, bool]) -> _ClipPixels:
    """Returns the preparation that the model's folder describes; its side must be the model's own."""
    told = transformers.image_processing_utils.BaseImageProcessor.get_image_processor_dict(model, **how)[0]
    side = int(config.vision_config.image_size)
    mean = told.get("image_mean") or (0.48145466, 0.4578275, 0.40821073)
    std = told.get("image_std") or (0.26862954, 0.26130258, 0.27577711)
    if len(mean) != 3 or len(std) != 3 or not all(std):
        raise ValueError("its preprocessor_config.json gives no mean and deviation of three channels")
    return _ClipPixels(side, mean, std)


def _embedding(features: Any) -> Any:
    """Returns unit vectors; newer versions wrap the features in the output of the whole tower."""
    vectors = getattr(features, "pooler_output", features)
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _version(model: Any, folder: Path | None) -> str:
    """Returns the revision of a named model, or a hash of the weights in a folder."""
    commit = getattr(model.config, "_commit_hash", None)
    if folder is None:
        return str(commit or "unknown")[:16]
    weights = sorted(path for kind in ("*.safetensors", "*.bin") for path in folder.glob(kind))
    return content_hash(weights[0]) if weights else "unknown"


os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
