"""How a matchmap is laid over the frame: the choices of the controls, and the pixels that they make."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davenet.overlay import COLOUR_MAPS, ColourMap, Crop, blend, colour_rgba, crop_pixels, opacity_of, upsampled

_OVERLAY_PIXELS = 192  # of the crop's side: maps are smooth, the stage scales the rest of the way
_VEIL_PIXELS = 384  # of the frame's width, for what darkens
_DARKEST = 0.84
WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Look:
    """`alpha` and `threshold` in 0..1; `heard_only` darkens everything but what is heard, instead of colouring it."""

    is_shown: bool = True
    colour_map: ColourMap = "inferno"
    alpha: float = 0.6
    threshold: float = 0.3
    heard_only: bool = False


def next_colour_map(colour_map: ColourMap) -> ColourMap:
    names: Any = COLOUR_MAPS
    following: ColourMap = names[(names.index(colour_map) + 1) % len(names)]
    return following


def overlay(
    matchmap: NDArray[np.floating[Any]], look: Look, crop: Crop, frame_size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Crop] | None:
    """Returns RGBA uint8 pixels and the part of the frame (w, h) that they cover, for a map (H, W) in 0..1."""
    if not look.is_shown:
        return None
    if look.heard_only:
        width, height = frame_size
        size = (_VEIL_PIXELS, max(1, round(_VEIL_PIXELS * height / max(width, 1))))
        return _veil(matchmap, look, crop, size), WHOLE
    size = (_OVERLAY_PIXELS, _OVERLAY_PIXELS)
    return colour_rgba(matchmap, size, colour_map=look.colour_map, alpha=look.alpha, threshold=look.threshold), crop


def painted(
    frame: NDArray[np.uint8], matchmap: NDArray[np.floating[Any]] | None, look: Look, crop: Crop
) -> NDArray[np.uint8]:
    """Returns the frame as it is seen on the stage, at its own size: what is saved as a picture."""
    if matchmap is None or not look.is_shown:
        return frame
    if not look.heard_only:
        return blend(frame, matchmap, crop=crop, colour_map=look.colour_map, alpha=look.alpha, threshold=look.threshold)
    light = 1 - _veil(matchmap, look, crop, (frame.shape[1], frame.shape[0]))[..., 3:].astype(np.float32) / 255
    darkened: NDArray[np.uint8] = (frame * light + 0.5).astype(np.uint8)
    return darkened


def _veil(matchmap: NDArray[np.floating[Any]], look: Look, crop: Crop, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns black of the frame's `size` whose opacity falls to 0 where the map is well over the threshold."""
    width, height = size
    rgba = np.zeros((height, width, 4), np.uint8)
    darkness = _DARKEST * min(1.0, 0.4 + look.alpha)
    rgba[..., 3] = round(255 * darkness)
    x0, y0, x1, y1 = crop_pixels(crop, width, height)
    value = upsampled(matchmap, (x1 - x0, y1 - y0))
    clear = np.clip(opacity_of(value, alpha=2.0, threshold=look.threshold), 0, 1)
    rgba[y0:y1, x0:x1, 3] = (255 * darkness * (1 - clear) + 0.5).astype(np.uint8)
    return rgba
