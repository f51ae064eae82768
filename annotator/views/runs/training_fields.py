"""The fields of a training configuration, made from its own types: groups, labels and units, a preset's values as defaults.

A value that the configuration gains later has its field in the last group without a word here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from annotator.views.data.fields import Field, field_of
from davenet.training.presets import TrainConfig

OTHERS = "Other values"
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Model": ("model", "image_init", "freeze_image", "image_size"),
        "Frame and sound": ("segment_s", "segment_at", "similarity"),
        "Loss and impostors": (
            "loss",
            "margin",
            "margin_first",
            "margin_share",
            "scale",
            "learn_scale",
            "mil_windows",
            "mil_spacing_s",
            "anchor_epochs",
            "mask_same_label",
            "mask_same_video_s",
        ),
        "Steps": (
            "epochs",
            "batch_size",
            "learning_rate",
            "optimiser",
            "momentum",
            "weight_decay",
            "decay",
            "decay_every_epochs",
            "decay_factor",
            "warm_up_steps",
            "clip_norm",
            "pairs_a_video",
        ),
        "Augmentation": (
            "crop_least_share",
            "flip",
            "sound_shift_s",
            "colour_jitter",
            "sound_masks",
            "pitch_shift",
        ),
        "Machine": (
            "precision",
            "channels_last",
            "compile",
            "micro_batch",
            "threads",
            "save_every_s",
            "seed",
            "evaluation_gallery",
        ),
    }
)
_LABELS = {
    "image_init": "First image weights",
    "freeze_image": "Freeze the image branch",
    "image_size": "Picture side",
    "segment_s": "Sound with a frame",
    "segment_at": "Sound centred on",
    "margin_first": "Margin at the start",
    "margin_share": "Adaptive margin's share",
    "learn_scale": "Learn the scale",
    "mil_windows": "MIL-NCE windows",
    "mil_spacing_s": "MIL-NCE spacing",
    "anchor_epochs": "Anchor epochs first",
    "mask_same_label": "Same label is no impostor",
    "mask_same_video_s": "Near in one video is no impostor",
    "decay": "Rate falls",
    "decay_every_epochs": "Divide the rate every",
    "decay_factor": "Times this much",
    "warm_up_steps": "Warm up",
    "clip_norm": "Longest gradient",
    "pairs_a_video": "Pairs of a video in a batch",
    "crop_least_share": "Least crop",
    "flip": "Mirror pictures",
    "sound_shift_s": "Shift the sound",
    "channels_last": "Channels last",
    "compile": "Compile first",
    "save_every_s": "Save every",
    "threads": "Threads",
    "evaluation_gallery": "Largest gallery",
}
_UNITS = {
    "image_size": "px",
    "segment_s": "s",
    "mil_spacing_s": "s",
    "anchor_epochs": "epochs",
    "mask_same_video_s": "s",
    "epochs": "epochs",
    "batch_size": "pairs",
    "decay_every_epochs": "epochs",
    "warm_up_steps": "steps",
    "pairs_a_video": "pairs",
    "crop_least_share": "of the area",
    "sound_shift_s": "s",
    "pitch_shift": "bands",
    "sound_masks": "bands",
    "micro_batch": "pairs",
    "save_every_s": "s",
    "evaluation_gallery": "pairs",
}
_BLANKS = {"image_size": "the architecture's own", "segment_s": "each pair's own", "margin_first": "the same"}
_NO_FIELD = frozenset({"description"})


def training_fields(defaults: TrainConfig) -> tuple[Field, ...]:
    """Returns a field for each value of the configuration, group by group, with the values of `defaults` to begin with."""
    known = {name for names in GROUPS.values() for name in names}
    rest = tuple(name for name in TrainConfig.model_fields if name not in known | _NO_FIELD)
    return tuple(
        field_of(
            TrainConfig,
            name,
            _LABELS.get(name, name.replace("_", " ").capitalize()),
            default=getattr(defaults, name),
            section=group,
            unit=_UNITS.get(name, ""),
            blank=_BLANKS.get(name, ""),
        )
        for group, names in (*GROUPS.items(), (OTHERS, rest))
        for name in names
    )


def value_label(name: str) -> str:
    """Returns how a value of the configuration is called in the form, with its unit."""
    if name not in TrainConfig.model_fields:
        return name.capitalize()
    label, unit = _LABELS.get(name, name.replace("_", " ").capitalize()), _UNITS.get(name, "")
    return f"{label}, {unit}" if unit and unit not in label.casefold() else label
