"""Training configurations: every choice of a run with its meaning and unit, and the presets by name. No torch.

The app's form is made from these fields' descriptions. The paper's experiments are Sections 5 and 6.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from davenet.errors import UserError
from davenet.model.config import MODEL_CONFIGS, ModelConfig

LossName = Literal["random", "semi-hard", "blend", "margin-softmax", "adaptive-margin", "info-nce", "mil-nce"]
ModelName = Literal["davenet", "resdavenet", "mobilenet", "light", "small"]
Similarity = Literal["sisa", "misa", "sima"]


class TrainConfig(BaseModel):
    """Everything that decides what a run learns: with the same pairs on the same machine it learns the same weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = Field("", description="What this configuration is for")
    model: ModelName = Field(
        "davenet",
        description="Architecture: the paper's DAVEnet (VGG16), ResDAVEnet (ResNet50), DAVEnet with MobileNetV2; "
        "for a few cores the light one (MobileNetV2 at 128 pixels, a small audio branch) or the small one",
    )
    image_init: Literal["random", "imagenet"] = Field(
        "random", description="First weights of the image branch, where the run starts from no checkpoint"
    )
    freeze_image: bool = Field(
        False,
        description="Whether the image branch stays as it is: its maps are then computed once and kept on the disk, "
        "and pictures are not augmented",
    )
    image_size: int | None = Field(
        None, ge=32, le=512, description="Side of the model's picture, pixels; empty: the architecture's own"
    )
    segment_s: float | None = Field(
        None, gt=0, le=30, description="Seconds of sound with a frame; empty: each pair's own (2 s, non-food 1 s)"
    )
    segment_at: Literal["frame", "word"] = Field(
        "frame", description="Centre of the sound: the frame's time, or the matched word where the pair has one"
    )
    similarity: Similarity = Field(
        "sisa",
        description="How a frame and a segment compare: sisa, the dot product of their means (the paper's); misa, the best "
        "place of the picture, averaged over time; sima, the best moment of the sound, averaged over the picture",
    )
    loss: LossName = Field(
        "blend",
        description="Triplet losses with random impostors, semi-hard ones, or a blend of both in equal parts (the paper's); "
        "softmax losses with a margin (0: InfoNCE), with an adaptive one, or over neighbouring windows (MIL-NCE)",
    )
    margin: float = Field(1.0, ge=0, le=100, description="By how much a true pair must win, in similarity")
    margin_first: float | None = Field(
        None, ge=0, le=100, description="Margin at the start, from which it grows to the margin above; empty: the same"
    )
    margin_share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Adaptive margin: its share of the lead that a true pair has over its mean impostor",
    )
    mil_windows: int = Field(
        1,
        ge=1,
        le=9,
        description="Windows of sound around a frame that MIL-NCE takes together; odd, 1 for other losses",
    )
    mil_spacing_s: float = Field(1.0, gt=0, le=10, description="Seconds between the centres of two such windows")
    scale: float = Field(1.0, gt=0, le=1000, description="What similarities are multiplied by in a softmax loss")
    learn_scale: bool = Field(False, description="Whether the scale is learnt too, up to 100")
    anchor_epochs: int = Field(
        0,
        ge=0,
        description="First epochs in which each branch learns codes of the weak labels, before frames meet sounds too; "
        "for models from nothing on few pairs; 0: no codes",
    )
    mask_same_label: bool = Field(
        False, description="Whether pairs of the same weak label are no impostors of each other"
    )
    mask_same_video_s: float = Field(
        0.0,
        ge=0,
        le=3600,
        description="Pairs of one video less than so many seconds apart are no impostors; 0: all are",
    )
    optimiser: Literal["sgd", "adamw"] = Field("sgd", description="Rule of the steps; the paper uses SGD")
    batch_size: int = Field(100, ge=2, le=4096, description="Pairs in a batch; each is an impostor for the others")
    pairs_a_video: int = Field(
        1,
        ge=1,
        le=256,
        description="Pairs of one video that go into a batch together; 1: pairs are drawn from all videos",
    )
    epochs: int = Field(100, ge=1, le=10_000, description="Passes over all pairs")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Size of the steps")
    momentum: float = Field(0.9, ge=0, lt=1, description="Share of the last step that goes on (SGD)")
    weight_decay: float = Field(5e-7, ge=0, le=1, description="Pull of all weights towards zero")
    decay: Literal["steps", "cosine"] = Field(
        "steps", description="How the learning rate falls: divided now and then, or smoothly to zero at the end"
    )
    decay_every_epochs: int = Field(40, ge=1, description="Epochs between two divisions of the learning rate")
    decay_factor: float = Field(0.1, gt=0, le=1, description="What the learning rate is multiplied by then")
    warm_up_steps: int = Field(0, ge=0, description="Steps over which the learning rate rises from zero")
    clip_norm: float = Field(0.0, ge=0, description="Largest length of a step's gradient; 0: no limit")
    crop_least_share: float = Field(
        0.08,
        gt=0,
        le=1,
        description="Least share of the picture's area that a random crop keeps; 1: the evaluation crop",
    )
    flip: bool = Field(True, description="Mirror every other picture left to right")
    sound_shift_s: float = Field(0.0, ge=0, le=5, description="Largest random shift of the sound's centre, seconds")
    colour_jitter: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Largest random change of a picture's brightness, and half of it of each colour, 0..1",
    )
    sound_masks: int = Field(
        0,
        ge=0,
        le=20,
        description="Most mel bands, and twice as many hundredths of a second, that are silenced at random",
    )
    pitch_shift: int = Field(0, ge=0, le=5, description="Largest random shift of the sound's pitch, mel bands")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Arithmetic of both branches; bfloat16 is quicker on new processors and GPUs. float32 is exact on GPUs "
        "too: TF32 is off",
    )
    channels_last: bool = Field(
        False, description="Whether pictures lie in memory pixel by pixel, quicker on most GPUs"
    )
    compile: bool = Field(False, description="Whether torch compiles the branches first, which takes a minute")
    micro_batch: int = Field(
        0,
        ge=0,
        le=4096,
        description="Pairs that go through the branches at once, where the memory does not hold a batch: the impostors stay "
        "those of the batch, but batch normalisation sees a micro-batch at a time; 0: the whole batch",
    )
    save_every_s: float = Field(
        60.0, gt=0, le=3600, description="Seconds between two checkpoints: what a kill may cost"
    )
    seed: int = Field(0, ge=0, description="Names the run's chances: order, crops, impostors and first weights")
    threads: int = Field(0, ge=0, le=1024, description="Processor threads; 0: all cores")
    evaluation_gallery: int = Field(
        1000, ge=2, le=100_000, description="Most validation pairs that Recall@10 is taken over after each epoch"
    )

    def built_model(self) -> ModelConfig:
        """Returns the configuration of the model to build."""
        config = MODEL_CONFIGS[self.model]
        if self.image_size is None:
            return config
        resize = round(self.image_size * config.resize / config.image_size)
        return config.model_copy(update={"image_size": self.image_size, "resize": resize})


_PAPER = TrainConfig(description="Section 5: uniform pairs of whole videos, from random weights")
_SMALL = TrainConfig(
    description="The small model from nothing on two cores in minutes",
    model="small",
    segment_s=1.2,
    segment_at="word",
    similarity="misa",
    anchor_epochs=4,
    mask_same_label=True,
    batch_size=32,
    epochs=16,
    learning_rate=0.03,
    weight_decay=1e-4,
    decay="cosine",
    warm_up_steps=20,
    clip_norm=2.0,
    crop_least_share=0.5,
    sound_shift_s=0.2,
    evaluation_gallery=500,
)

_BEST = _SMALL.model_copy(
    update={
        "description": "Ours, from nothing on weakly labelled pairs: what docs/guide/best.md shows to help",
        "anchor_epochs": 1,
        "crop_least_share": 0.3,
        "mask_same_video_s": 3.0,
        "precision": "bfloat16",
        "channels_last": True,
    }
)

PRESETS: dict[str, TrainConfig] = {
    "best": _BEST,
    "unsupervised": _PAPER,
    "weak-random": _PAPER.model_copy(
        update={"description": "Section 6, Table 3 row 1: food and non-food pairs, from random weights"}
    ),
    "weak-imagenet": _PAPER.model_copy(
        update={
            "description": "Section 6, Table 3 row 2: food and non-food pairs, the image branch starting from ImageNet",
            "image_init": "imagenet",
        }
    ),
    "weak-unsupervised": _PAPER.model_copy(
        update={
            "description": "Section 6, Table 3 row 3: food and non-food pairs, starting from an unsupervised checkpoint"
        }
    ),
    "small": _SMALL,
    "demo": _SMALL.model_copy(
        update={
            "description": "A minute's fine-tune of the small checkpoint on the pairs that people accepted",
            "anchor_epochs": 0,
            "epochs": 6,
            "learning_rate": 0.003,
            "warm_up_steps": 4,
        }
    ),
}


def preset(name: str, overrides: Mapping[str, object] | None = None) -> TrainConfig:
    """Returns a preset with some values replaced; raises UserError for an unknown preset, name or impossible value."""
    if name not in PRESETS:
        raise UserError(f"There is no preset called {name}; choose one of {', '.join(PRESETS)}.")
    try:
        return TrainConfig.model_validate({**PRESETS[name].model_dump(), **(overrides or {})})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"The training configuration's {place or 'values'}: {first['msg']}; correct it and start again."
        ) from error
