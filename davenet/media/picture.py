"""From a decoded picture to the pixels to be seen: upright, square, of one field where it is interlaced."""

from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_MIN_INTERLACED_HEIGHT = 400  # lower pictures flagged as interlaced hold one field already
_COARSE_COLOURS = frozenset({"yuv420p", "yuvj420p", "nv12", "yuv420p10le", "p010le"})
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def rotation(frame: VideoFrame) -> int:
    """Returns the clockwise turn, 0, 90, 180 or 270 degrees, that makes a frame upright (the file's display matrix)."""
    return -round(frame.rotation / 90) * 90 % 360


def pixel_shape(stream: VideoStream) -> Fraction:
    """Returns width over height of one stored pixel: 1 but for anamorphic video."""
    shape = stream.sample_aspect_ratio
    if not shape or not Fraction(1, 4) <= shape <= 4:
        return Fraction(1)  # unset, or nonsense
    return Fraction(shape)


def upright_size(frame: VideoFrame, shape: Fraction) -> tuple[int, int]:
    """Returns (width, height) of a frame as it is to be shown."""
    width, height = max(1, round(frame.width * shape)), frame.height
    return (height, width) if rotation(frame) in (90, 270) else (width, height)


def fitted_size(width: int, height: int, shorter_side: int | None) -> tuple[int, int]:
    """Returns (width, height) scaled so that the shorter of both has `shorter_side` pixels."""
    if shorter_side is None:
        return width, height
    scale = shorter_side / min(width, height)
    return max(shorter_side, round(width * scale)), max(shorter_side, round(height * scale))


def to_pixels(
    frame: VideoFrame,
    shape: Fraction,
    shorter_side: int | None = None,
    *,
    order: str = "rgb24",
    scaler: "Scaler | None" = None,
) -> Pixels:
    """Returns a frame as uint8 (H, W, 3), upright, with the shorter side resized if asked; order "rgb24" or "bgr24".

    Who has many frames of one video keeps a `scaler` for them: making its tables costs more than their use.
    """
    turn = rotation(frame)
    width, height = fitted_size(*upright_size(frame, shape), shorter_side)
    stored = (height, width) if turn in (90, 270) else (width, height)
    one_field = frame.interlaced_frame and frame.height >= _MIN_INTERLACED_HEIGHT
    pixels: Any
    if (
        not one_field
        and stored != (frame.width, frame.height)
        and stored[0] <= frame.width
        and stored[1] <= frame.height
    ):
        pixels = (scaler or Scaler()).scaled(frame, *stored, order)
    else:
        pixels = frame.to_ndarray(format=order)
        if one_field:
            pixels = pixels[::2]  # the first field: both together would show a moving thing twice
        if (pixels.shape[1], pixels.shape[0]) != stored:
            shrinks = stored[0] < pixels.shape[1] and stored[1] <= pixels.shape[0]
            pixels = cv2.resize(pixels, stored, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    if turn:
        pixels = cv2.rotate(pixels, _TURNS[turn])
    return np.ascontiguousarray(pixels)


class Scaler:
    """Makes frames smaller, in their own colours where these are coarser than their light: a third of the cost."""

    def __init__(self) -> None:
        self._to_size, self._to_colours = VideoReformatter(), VideoReformatter()

    def scaled(self, frame: VideoFrame, width: int, height: int, order: str) -> Pixels:
        if frame.format.name in _COARSE_COLOURS:
            frame = self._to_size.reformat(frame, width, height, format="yuv420p", interpolation="AREA")
        colours = self._to_colours.reformat(frame, width, height, format=order, interpolation="AREA")
        return np.asarray(colours.to_ndarray(), np.uint8)
