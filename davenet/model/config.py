"""What a model is made of, as it travels inside its checkpoint; read without torch by the app and by the presets."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

N_MELS = 40
STEPS_A_SECOND = 100  # columns of a log-mel

ImageBranch = Literal["vgg16", "resnet50", "mobilenet_v2", "small"]
AudioBranch = Literal["davenet", "resdavenet", "small"]

_BRANCHES_OF_VERSION_1 = {"davenet": ("vgg16", "davenet"), "small": ("small", "small")}
_RESDAVENET_WIDTHS = (128, 128, 256, 512)  # and D; ResDAVEnet-VQ's checkpoints have 128, 256, 256, 512
_IMAGE_STRIDES = {"vgg16": 16, "resnet50": 32, "mobilenet_v2": 16, "small": 8}  # pixels between two places of a map


class ModelConfig(BaseModel):
    """A two-branch model: its branches, their widths and the picture geometry that it was built for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image_branch: ImageBranch = "vgg16"
    audio_branch: AudioBranch = "davenet"
    embedding: int = Field(1024, ge=8, le=4096, description="D, channels of both maps")
    resize: int = Field(256, ge=32, le=1080, description="pixels, shorter side before the crop at evaluation")
    image_size: int = Field(224, ge=32, le=1080, description="pixels, side of the model's square crop")
    image_widths: tuple[int, ...] = Field((), description="channels of the small image branch, layer by layer")
    audio_widths: tuple[int, ...] = Field(
        (), description="channels of the small or ResDAVEnet's audio branch, layer by layer, before D"
    )

    @model_validator(mode="before")
    @classmethod
    def _branches_by_name(cls, values: Any) -> Any:
        """Reads the configurations of version 1, which named both branches in one field; gives ResDAVEnet its widths."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        if values.get("architecture") in _BRANCHES_OF_VERSION_1:
            image_branch, audio_branch = _BRANCHES_OF_VERSION_1[values.pop("architecture")]
            values = {"image_branch": image_branch, "audio_branch": audio_branch} | values
        if values.get("audio_branch") == "resdavenet" and not values.get("audio_widths"):
            values["audio_widths"] = _RESDAVENET_WIDTHS
        return values

    @property
    def architecture(self) -> str:
        """Both branches, as a sentence names them: two models of one architecture may differ in their widths."""
        return f"{self.image_branch} + {self.audio_branch}"

    @property
    def n_pools(self) -> int:
        """How often the audio branch halves its steps."""
        return 3 if self.audio_branch == "small" else 4

    @property
    def map_size(self) -> int:
        """H = W of an image map at `image_size`."""
        stride = _IMAGE_STRIDES[self.image_branch]
        if self.image_branch == "vgg16":  # its max-pools leave out an odd last row
            return self.image_size // stride
        return (self.image_size + stride - 1) // stride

    @property
    def audio_step_s(self) -> float:
        """Seconds between two steps of an audio map."""
        return float(2**self.n_pools) / STEPS_A_SECOND

    def audio_steps(self, n_steps: int) -> int:
        """T, the audio map's steps over `n_steps` columns of log-mel: 200 -> 13 and 1000 -> 63 for DAVEnet."""
        for _ in range(self.n_pools):
            n_steps = (n_steps + 1) // 2
        return n_steps

    def crop_of(self, width: int, height: int) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the evaluation crop as fractions of a frame of this size: a centre square in pixels."""
        side = min(width, height) * min(1.0, self.image_size / self.resize)
        x0, y0 = (width - side) / 2 / width, (height - side) / 2 / height
        return x0, y0, 1 - x0, 1 - y0


MODEL_CONFIGS: dict[str, ModelConfig] = {
    "davenet": ModelConfig(image_branch="vgg16", audio_branch="davenet"),
    "resdavenet": ModelConfig(image_branch="resnet50", audio_branch="resdavenet"),
    "mobilenet": ModelConfig(image_branch="mobilenet_v2", audio_branch="davenet"),
    "light": ModelConfig(
        image_branch="mobilenet_v2",
        audio_branch="small",
        embedding=128,
        resize=146,
        image_size=128,
        audio_widths=(64, 96, 128),
    ),
    "small": ModelConfig(
        image_branch="small",
        audio_branch="small",
        embedding=128,
        resize=96,
        image_size=96,
        image_widths=(24, 48, 64, 96, 128),
        audio_widths=(64, 96, 128),
    ),
}
