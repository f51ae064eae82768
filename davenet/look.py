"""How a matchmap looks on a frame: its choices, and the pixels they make on the stage and in what is saved. No torch.

A map of the model's crop covers that square; one of the whole frame, letterboxed, covers a square that reaches beyond the
frame, of which `within_frame` keeps what lies inside.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.overlay import (
    COLOUR_MAPS,
    ColourMap,
    Crop,
    colour_rgba,
    contour_opacity,
    crop_pixels,
    diverging_rgba,
    opacity_of,
    upsampled,
)

WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)
_VEIL_PIXELS = 384  # of the frame's width, for what darkens
_DARKEST = 0.84
_COLOURED_PIXELS = 256  # of a map's longer side, before it is enlarged to the frame's pixels
_SQUARE = 112  # a square that reaches beyond the frame, before it is cut

Map = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Look:
    """`alpha` and `threshold` in 0..1; `contour` draws where the threshold is crossed; `heard_only` darkens everything
    but what is heard, instead of colouring it."""

    is_shown: bool = True
    colour_map: ColourMap = "inferno"
    alpha: float = 0.6
    threshold: float = 0.3
    contour: bool = False
    heard_only: bool = False


def next_colour_map(colour_map: ColourMap) -> ColourMap:
    names: Any = COLOUR_MAPS
    following: ColourMap = names[(names.index(colour_map) + 1) % len(names)]
    return following


def letterbox_crop(width: int, height: int) -> Crop:
    """Returns the square around a whole frame as fractions of it: below 0 and above 1 where it reaches beyond."""
    side = max(width, height)
    x, y = (side - width) / 2 / width, (side - height) / 2 / height
    return -x, -y, 1 + x, 1 + y


def within_frame(matchmap: Map, crop: Crop) -> tuple[Map, Crop]:
    """Returns the part of a map that lies inside the frame, and where it lies there."""
    x0, y0, x1, y1 = crop
    if x0 >= -1e-6 and y0 >= -1e-6 and x1 <= 1 + 1e-6 and y1 <= 1 + 1e-6:
        return matchmap, crop
    resized = cv2.resize(np.asarray(matchmap, np.float32), (_SQUARE, _SQUARE), interpolation=cv2.INTER_CUBIC)
    square = np.asarray(resized, np.float32)
    left, right = (round(_SQUARE * (max(0.0, min(1.0, x)) - x0) / (x1 - x0)) for x in (x0, x1))
    top, bottom = (round(_SQUARE * (max(0.0, min(1.0, y)) - y0) / (y1 - y0)) for y in (y0, y1))
    return square[top:bottom, left:right], (max(0.0, x0), max(0.0, y0), min(1.0, x1), min(1.0, y1))


def coloured(matchmap: Map, look: Look, size: tuple[int, int]) -> Pixels:
    """Returns RGBA (height, width, 4) of a map in 0..1, with its contour where that is chosen."""
    rgba = colour_rgba(matchmap, size, colour_map=look.colour_map, alpha=look.alpha, threshold=look.threshold)
    return _with_contour(rgba, matchmap, look, size) if look.contour else rgba


def veil(matchmap: Map, look: Look, crop: Crop, size: tuple[int, int]) -> Pixels:
    """Returns black of the frame's `size` whose opacity falls to 0 where the map is well over the threshold."""
    width, height = size
    rgba = np.zeros((height, width, 4), np.uint8)
    darkness = _DARKEST * min(1.0, 0.4 + look.alpha)
    rgba[..., 3] = round(255 * darkness)
    x0, y0, x1, y1 = crop_pixels(crop, width, height)
    inside = (x1 - x0, y1 - y0)
    clear = np.clip(opacity_of(upsampled(matchmap, inside), alpha=2.0, threshold=look.threshold), 0, 1)
    rgba[y0:y1, x0:x1, 3] = (255 * darkness * (1 - clear) + 0.5).astype(np.uint8)
    if look.contour:
        rgba[y0:y1, x0:x1] = _with_contour(rgba[y0:y1, x0:x1], matchmap, look, inside)
    return rgba


def overlay(
    matchmap: Map | None, look: Look, crop: Crop, frame_size: tuple[int, int], *, side: int = 192
) -> tuple[Pixels, Crop] | None:
    """Returns RGBA pixels and the part of the frame (w, h) that they cover, for a map in 0..1; None where nothing shows.

    `side` is how many pixels the crop gets: maps are smooth, the stage scales the rest of the way.
    """
    if matchmap is None or not look.is_shown:
        return None
    matchmap, crop = within_frame(matchmap, crop)
    if look.heard_only:
        width, height = frame_size
        return veil(matchmap, look, crop, (_VEIL_PIXELS, max(1, round(_VEIL_PIXELS * height / max(width, 1))))), WHOLE
    rows, columns = matchmap.shape
    longer = max(rows, columns)
    side = 2 * side if look.contour else side
    return coloured(matchmap, look, (max(1, side * columns // longer), max(1, side * rows // longer))), crop


def painted(frame: Pixels, matchmap: Map | None, look: Look, crop: Crop) -> Pixels:
    """Returns the frame, RGB (H, W, 3), as it is seen on the stage, at its own size: what is saved."""
    if matchmap is None or not look.is_shown:
        return frame
    matchmap, crop = within_frame(matchmap, crop)
    height, width = frame.shape[:2]
    if look.heard_only:
        small = _at_most(_VEIL_PIXELS * (2 if look.contour else 1), width, height)
        return composed(frame, veil(matchmap, look, crop, small), WHOLE)
    x0, y0, x1, y1 = crop_pixels(crop, width, height)
    size = (x1 - x0, y1 - y0)
    small = _at_most(_COLOURED_PIXELS * (2 if look.contour else 1), *size)
    return composed(frame, coloured(matchmap, look, small), crop)


def composed(frame: Pixels, rgba: Pixels, crop: Crop) -> Pixels:
    """Returns a copy of the frame with straight-alpha pixels of any size laid over its crop."""
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = crop_pixels(crop, width, height)
    drawn = frame.copy()
    region = drawn[y0:y1, x0:x1]
    opacity = cv2.merge([rgba[..., 3]] * 3)
    above = cv2.multiply(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), opacity, scale=1 / 255)
    below = cv2.multiply(region, _enlarged(255 - opacity, (x1 - x0, y1 - y0)), scale=1 / 255)
    cv2.add(_enlarged(above, (x1 - x0, y1 - y0)), below, dst=region)
    return drawn


def difference(before: Map, after: Map, look: Look, size: tuple[int, int]) -> Pixels:
    """Returns RGBA of what one map (0..1) has more than another: diverging colours, clear where both agree."""
    return diverging_rgba(np.asarray(after, np.float32) - _as_large(before, after), size, alpha=look.alpha)


def _at_most(longest: int, width: int, height: int) -> tuple[int, int]:
    """Returns the size with its longer side at most `longest`: what is smooth need not be worked out for each pixel."""
    share = min(1.0, longest / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def _enlarged(pixels: Any, size: tuple[int, int]) -> Pixels:
    if (pixels.shape[1], pixels.shape[0]) == size:
        return np.asarray(pixels, np.uint8)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _as_large(matchmap: Map, other: Map) -> Map:
    """Returns a map in the size of another's, where two models' maps differ in it."""
    if matchmap.shape == other.shape:
        return np.asarray(matchmap, np.float32)
    rows, columns = other.shape
    resized = cv2.resize(np.asarray(matchmap, np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def _with_contour(rgba: Pixels, matchmap: Map, look: Look, size: tuple[int, int]) -> Pixels:
    """Returns the pixels with a white line where the map crosses the threshold."""
    line = contour_opacity(upsampled(matchmap, size), max(look.threshold, 0.02))
    drawn = np.array(rgba)
    pixels, shares = drawn.reshape(-1, 4), line.ravel()
    on_line = np.flatnonzero(shares)
    share, colours = shares[on_line, None], pixels[on_line].astype(np.float32)
    colours[:, :3] += (255 - colours[:, :3]) * share
    colours[:, 3] = np.maximum(colours[:, 3], 235 * share[:, 0])
    pixels[on_line] = (colours + 0.5).astype(np.uint8)
    return drawn
