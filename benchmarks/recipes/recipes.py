"""The recipes that are compared: the paper's preset, `best`, each of its ingredients alone and removed, and what was tried.

All train the small model from nothing on the same mined pairs, in the same arithmetic, with the same number of pairs seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from davenet.training.presets import PRESETS

PAIRS_SEEN = 18_500
Group = Literal["whole", "removed", "alone", "instead"]

# what is no ingredient: the model, its arithmetic, and how often it is measured on the way
COMMON: dict[str, object] = {
    "model": "small", "image_size": 96, "precision": "bfloat16", "channels_last": True, "evaluation_gallery": 100,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """A preset with some values replaced, as the table calls it."""

    title: str
    preset: str
    group: Group
    config: dict[str, object] = field(default_factory=dict)
    pairs: Literal["mined", "uniform"] = "mined"


@dataclass(frozen=True, slots=True)
class Ingredient:
    """Something that `best` does otherwise than the paper: the names of the values that make it up."""

    title: str
    values: tuple[str, ...]


INGREDIENTS: Mapping[str, Ingredient] = {
    "misa": Ingredient("best place of the picture (MISA) instead of the mean", ("similarity",)),
    "codes": Ingredient("codes of the weak labels", ("anchor_epochs",)),
    "masks": Ingredient("masks of false impostors", ("mask_same_label", "mask_same_video_s")),
    "word": Ingredient(
        "1.2 s around the word, shifted, instead of 2 s around the frame", ("segment_s", "segment_at", "sound_shift_s")
    ),
    "steps": Ingredient(
        "batches of 32, rate 0.03, warm-up, cosine, clipped steps",
        ("batch_size", "learning_rate", "warm_up_steps", "decay", "clip_norm", "weight_decay"),
    ),
    "crop": Ingredient("crops of 30 % of the picture and more instead of 8 %", ("crop_least_share",)),
}

_SOFTMAX: dict[str, object] = {"loss": "margin-softmax", "learning_rate": 0.01}
_INSTEAD: Mapping[str, tuple[str, dict[str, object]]] = {
    "margin-softmax": ("masked margin softmax, margin 1 (rate 0.01)", _SOFTMAX),
    "margin-scheduled": ("the same, margin from 0.01 to 1", {**_SOFTMAX, "margin_first": 0.01}),
    "adaptive-margin": ("adaptive mean margin (rate 0.01)", {**_SOFTMAX, "loss": "adaptive-margin"}),
    "info-nce": ("InfoNCE with a learnt scale (rate 0.01)", {**_SOFTMAX, "loss": "info-nce", "learn_scale": True}),
    "adamw": ("AdamW, rate 0.005", {"optimiser": "adamw", "learning_rate": 0.005, "weight_decay": 0.01}),
    "sound-masks": ("SpecAugment and shifted pitch", {"sound_masks": 4, "pitch_shift": 2}),
    "colour": ("changed light and colours", {"colour_jitter": 0.2}),
    "window": ("3 s around the word", {"segment_s": 3.0}),
}


def _values(preset: str, names: tuple[str, ...]) -> dict[str, object]:
    whole = PRESETS[preset].model_dump()
    return {name: whole[name] for name in names}


RECIPES: dict[str, Recipe] = {
    "paper": Recipe("the paper's preset", "weak-random", "whole", COMMON),
    "best": Recipe("`best`", "best", "whole", COMMON),
    "paper-rate": Recipe("the paper's preset, rate 0.03", "weak-random", "whole", {**COMMON, "learning_rate": 0.03}),
    **{
        f"without-{name}": Recipe(
            f"without {one.title}", "best", "removed", {**COMMON, **_values("weak-random", one.values)}
        )
        for name, one in INGREDIENTS.items()
    },
    **{
        f"instead-{name}": Recipe(title, "best", "instead", {**COMMON, **config})
        for name, (title, config) in _INSTEAD.items()
    },
    **{
        f"alone-{name}": Recipe(one.title, "weak-random", "alone", {**COMMON, **_values("best", one.values)})
        for name, one in INGREDIENTS.items()
    },
}
