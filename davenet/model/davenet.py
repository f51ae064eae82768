"""DAVEnet (Section 2): an image branch and an audio branch whose maps meet in a dot product, of any of our kinds.

Shapes: B batch, D embedding, H W map height and width, T audio-map steps, M mel bands.
"""

import torch
from torch import Tensor, nn

from davenet.model.audio_branches import audio_branch
from davenet.model.config import ModelConfig
from davenet.model.image_branches import image_branch

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of red, green and blue, 0..1
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def normalised(image_BHW3: Tensor) -> Tensor:
    """Returns float32 (B, 3, H, W) of uint8 RGB pictures, ImageNet's mean taken off, in its deviations; same device."""
    image_B3HW = image_BHW3.permute(0, 3, 1, 2).to(torch.float32).contiguous()
    mean = image_B3HW.new_tensor(IMAGENET_MEAN).view(3, 1, 1) * 255
    deviation = image_B3HW.new_tensor(IMAGENET_DEVIATION).view(3, 1, 1) * 255
    return image_B3HW.sub_(mean).div_(deviation)


class DAVEnet(nn.Module):
    """Both branches; the similarity of their maps is in davenet.model.similarity."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.image_branch = image_branch(config)
        self.audio_branch = audio_branch(config)

    def image_map(self, image_B3HW: Tensor) -> Tensor:
        """Returns (B, D, H, W) of pictures normalised with ImageNet's mean and deviation."""
        image_BDHW: Tensor = self.image_branch(image_B3HW)
        return image_BDHW

    def audio_map(self, log_mel_BMT: Tensor, n_steps_B: Tensor | None = None) -> Tensor:
        """Returns (B, D, T) of log-mels (B, 40, steps) in relative dB; `n_steps_B` counts those before padding."""
        audio_BDT: Tensor = self.audio_branch(log_mel_BMT, n_steps_B)
        return audio_BDT

    def audio_steps(self, n_steps: int) -> int:
        """Returns the number of audio-map steps over `n_steps` columns of log-mel."""
        return self.config.audio_steps(n_steps)

    def audio_steps_B(self, n_steps_B: Tensor) -> Tensor:
        """Returns the audio-map steps of each segment of a batch, as `audio_steps` does of one."""
        for _ in range(self.config.n_pools):
            n_steps_B = (n_steps_B + 1) // 2
        return n_steps_B
