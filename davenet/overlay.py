"""Draws a matchmap over its frame: upsampling, colours, threshold and blending. The app and the renderer share it.

A map covers the model's crop of the frame only, and is never stretched beyond it. Zero is fully transparent.
"""

from functools import cache
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

ColourMap = Literal["inferno", "viridis", "magma", "turbo", "cividis"]
COLOUR_MAPS: tuple[str, ...] = get_args(ColourMap)
_CODES = {
    "inferno": cv2.COLORMAP_INFERNO,
    "viridis": cv2.COLORMAP_VIRIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "turbo": cv2.COLORMAP_TURBO,
    "cividis": cv2.COLORMAP_CIVIDIS,
}
LESS, MORE = (59, 130, 246), (239, 90, 60)  # the ends of the diverging colours: blue for less, vermilion for more

Crop = tuple[float, float, float, float]  # x0, y0, x1, y1 as fractions of the frame


def colour_rgba(
    matchmap_HW: NDArray[np.floating], size: tuple[int, int], *, colour_map: ColourMap, alpha: float, threshold: float
) -> NDArray[np.uint8]:
    """Returns RGBA uint8 (height, width, 4) of a map in 0..1 at `size` = (width, height), alpha not premultiplied.

    Opacity rises linearly from 0 at the threshold to `alpha` at 1; a value at or below the threshold is transparent.
    """
    value = upsampled(matchmap_HW, size)
    opacity = opacity_of(value, alpha=alpha, threshold=threshold)
    colours = _whole_pixels(colour_map).take((value * 255 + 0.5).astype(np.uint8))
    rgba = colours.view(np.uint8).reshape(*value.shape, 4)
    rgba[..., 3] = (opacity * 255 + 0.5).astype(np.uint8)
    return rgba


def blend(
    frame_rgb: NDArray[np.uint8],
    matchmap_HW: NDArray[np.floating],
    *,
    crop: Crop,
    colour_map: ColourMap,
    alpha: float,
    threshold: float,
) -> NDArray[np.uint8]:
    """Returns a copy of the frame, RGB uint8 (height, width, 3), with the map (0..1) blended over its crop."""
    height, width = frame_rgb.shape[:2]
    x0, y0, x1, y1 = crop_pixels(crop, width, height)
    rgba = colour_rgba(matchmap_HW, (x1 - x0, y1 - y0), colour_map=colour_map, alpha=alpha, threshold=threshold)
    drawn = frame_rgb.copy()
    region = drawn[y0:y1, x0:x1].astype(np.float32)
    opacity = rgba[..., 3:].astype(np.float32) / 255
    drawn[y0:y1, x0:x1] = (region + (rgba[..., :3].astype(np.float32) - region) * opacity + 0.5).astype(np.uint8)
    return drawn


def upsampled(matchmap_HW: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    """Returns the map at (width, height), interpolated smoothly between cell centres, kept in 0..1; NaN counts as 0."""
    clean = np.clip(np.nan_to_num(matchmap_HW.astype(np.float32), nan=0.0), 0, 1)
    interpolated = cv2.resize(clean, size, interpolation=cv2.INTER_CUBIC)
    kept: NDArray[np.float32] = np.clip(interpolated, 0, 1).astype(np.float32)
    return kept


def opacity_of(value: NDArray[np.float32], *, alpha: float, threshold: float) -> NDArray[np.float32]:
    """Returns the opacity 0..1 of values 0..1."""
    span = max(1 - threshold, 1e-6)
    opacity: NDArray[np.float32] = (np.clip((value - threshold) / span, 0, 1) * alpha).astype(np.float32)
    return opacity


def contour_opacity(value: NDArray[np.float32], level: float) -> NDArray[np.float32]:
    """Returns the opacity 0..1 of a smooth line, about two pixels wide, where `value` crosses the level."""
    across = cv2.Sobel(value, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(value, cv2.CV_32F, 0, 1, scale=1 / 8)
    slope = cv2.magnitude(across, down).ravel()
    height = np.abs(value - np.float32(level)).ravel()
    near = np.flatnonzero((height < 1.5 * slope) & (slope > 1e-4))  # few pixels: the rest needs no division
    line = np.zeros(value.size, np.float32)
    line[near] = np.minimum(1.5 - height[near] / slope[near], 1)
    return line.reshape(value.shape)


def diverging_rgba(difference_HW: NDArray[np.floating], size: tuple[int, int], *, alpha: float) -> NDArray[np.uint8]:
    """Returns RGBA uint8 of differences in -1..1: blue below 0, vermilion above, transparent at 0."""
    clean = np.clip(np.nan_to_num(difference_HW.astype(np.float32), nan=0.0), -1, 1)
    value = np.clip(cv2.resize(clean, size, interpolation=cv2.INTER_CUBIC), -1, 1)
    rgba = np.empty((*value.shape, 4), np.uint8)
    rgba[..., :3] = np.where((value < 0)[..., None], np.array(LESS, np.uint8), np.array(MORE, np.uint8))
    rgba[..., 3] = (np.minimum(1, np.abs(value) * 1.6) * alpha * 255 + 0.5).astype(np.uint8)
    return rgba


def crop_pixels(crop: Crop, width: int, height: int) -> tuple[int, int, int, int]:
    """Returns the crop in whole pixels of a frame, at least one pixel in each direction."""
    x0, y0 = min(round(crop[0] * width), width - 1), min(round(crop[1] * height), height - 1)
    return x0, y0, min(max(round(crop[2] * width), x0 + 1), width), min(max(round(crop[3] * height), y0 + 1), height)


@cache
def _whole_pixels(colour_map: ColourMap) -> NDArray[np.uint32]:
    """Returns the colour table as (256) whole RGBA pixels: one look-up for a pixel, not one for each of its colours."""
    return np.pad(colour_table(colour_map), ((0, 0), (0, 1))).view(np.uint32)[:, 0]


@cache
def colour_table(colour_map: ColourMap) -> NDArray[np.uint8]:
    """Returns RGB uint8 (256, 3), dark to bright."""
    ramp = np.arange(256, dtype=np.uint8).reshape(256, 1)
    return np.ascontiguousarray(cv2.applyColorMap(ramp, _CODES[colour_map])[:, 0, ::-1])
