"""What a model is made of, as it travels inside its checkpoint; read without torch by the app and by the presets."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

N_MELS = 40
STEPS_A_SECOND = 100  # columns of a log-mel


class ModelConfig(BaseModel):
    """A two-branch model: its architecture, its widths and the picture geometry that it was built for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: Literal["davenet", "small"]
    embedding: int = Field(1024, ge=8, le=4096, description="D, channels of both maps")
    resize: int = Field(256, ge=32, le=1080, description="pixels, shorter side before the crop at evaluation")
    image_size: int = Field(224, ge=32, le=1080, description="pixels, side of the model's square crop")
    image_widths: tuple[int, ...] = Field((), description="channels of the small image branch, layer by layer")
    audio_widths: tuple[int, ...] = Field((), description="channels of the small audio branch, layer by layer")

    @property
    def n_pools(self) -> int:
        """How often the audio branch halves its steps."""
        return 4 if self.architecture == "davenet" else 3

    @property
    def map_size(self) -> int:
        """H = W of an image map at `image_size`."""
        if self.architecture == "davenet":
            return self.image_size // 16
        return (self.image_size + 7) // 8

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
    "davenet": ModelConfig(architecture="davenet"),
    "small": ModelConfig(
        architecture="small",
        embedding=128,
        resize=96,
        image_size=96,
        image_widths=(24, 48, 64, 96, 128),
        audio_widths=(64, 96, 128),
    ),
}
