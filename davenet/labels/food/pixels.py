"""From a frame to the pixels that a model takes: fitted to its input's size, in its order of channels, scaled.

A value v of 0..255 becomes (v × scale − mean) / std for each channel, in the model's order.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from davenet.labels.food.detector import Frame

Channels = float | tuple[float, float, float]


class Pixels(BaseModel):
    """How frames become a model's input; the defaults bring RGB to −1..1.

    `fit`: the centre of the frame in the input's shape ("crop", of which `crop_share` of its shorter side is kept), the
    whole frame "squeeze"d to that shape, or the whole frame with black bars ("letterbox"). The crop is what matchmaps
    show too; of 78 frames of real cooking videos a real labeller sees food in 38 cropped, 27 letterboxed, 9 squeezed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fit: Literal["crop", "squeeze", "letterbox"] = "crop"
    crop_share: float = Field(1.0, gt=0, le=1)
    order: Literal["RGB", "BGR"] = "RGB"
    scale: float = Field(1 / 255, gt=0)
    mean: Channels = 0.5
    std: Channels = 0.5

    @field_validator("std")
    @classmethod
    def _is_no_zero(cls, std: Channels) -> Channels:
        if not np.all(np.asarray(std)):
            raise ValueError("std may not be 0")
        return std

    def prepared(self, frame: Frame, height: int, width: int, dtype: type[np.generic]) -> NDArray[np.generic]:
        """Returns (height, width, 3) of `dtype` for an RGB frame of any size; whole numbers are not scaled."""
        fitted = fit(frame, height, width, self.fit, self.crop_share)
        if self.order == "BGR":
            fitted = fitted[:, :, ::-1]
        if dtype is np.uint8:
            return fitted
        mean, std = (np.asarray(value, np.float32) for value in (self.mean, self.std))
        scaled = (fitted.astype(np.float32) * np.float32(self.scale) - mean) / std
        return np.asarray(scaled, dtype)


def fit(frame: Frame, height: int, width: int, how: str, crop_share: float = 1.0) -> Frame:
    """Returns uint8 (height, width, 3): the frame squeezed, its centre cropped, or the whole of it between black bars."""
    if how == "crop":
        share = crop_share * min(frame.shape[0] / height, frame.shape[1] / width)
        frame = _centre(frame, max(1, round(height * share)), max(1, round(width * share)))
    if how != "letterbox":
        return _resized(frame, height, width)
    share = min(height / frame.shape[0], width / frame.shape[1])
    inner = _resized(frame, max(1, round(frame.shape[0] * share)), max(1, round(frame.shape[1] * share)))
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    whole[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return whole


def _centre(frame: Frame, height: int, width: int) -> Frame:
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    return frame[top : top + height, left : left + width]


def _resized(frame: Frame, height: int, width: int) -> Frame:
    if frame.shape[:2] == (height, width):
        return frame
    is_smaller = frame.shape[0] > height or frame.shape[1] > width
    how = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=how), np.uint8)
