"""The project's own SVG drawings as sprites: rasterised once at several sizes, with colours exchanged and tinted.

A sprite's pixels are RGBA uint8 (H, W, 4) with the colours already multiplied by alpha, so that scaling keeps edges clean.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError

DRAWINGS = Path(__file__).parents[3] / "resources" / "drawings"
FOODS = (
    "apple",
    "avocado",
    "banana",
    "bread",
    "broccoli",
    "carrot",
    "cheese",
    "chicken",
    "cucumber",
    "garlic",
    "lemon",
    "mushroom",
    "onion",
    "pepper",
    "pineapple",
    "potato",
    "pumpkin",
    "sausage",
    "shrimp",
    "strawberry",
    "tomato",
    "watermelon",
)
N_MOUTHS = 3  # closed, speaking, wide open
# the colours that people's drawings are made in, by what they paint
PAINTS = {
    "skin": "#e8b48c",
    "skin_dark": "#c98d63",
    "hair": "#4a2c1a",
    "shirt": "#4f7cac",
    "shirt_dark": "#3b6390",
    "shirt_light": "#6f9ac6",
    "apron": "#f3efe6",
    "apron_dark": "#d9d2c2",
}
_OPENINGS = {"pan": (136.0, 62.0, 122.0, 37.0), "bowl": (130.0, 39.0, 114.0, 24.0)}  # ellipses in the SVG's units
_SMALLEST_LEVEL = 24  # pixels of height below which no smaller copy is kept

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sprite:
    """One drawing at falling sizes; `levels[0]` is the largest, each next one half of it."""

    levels: tuple[Pixels, ...]

    @property
    def aspect(self) -> float:
        height, width = self.levels[0].shape[:2]
        return float(width / height)

    def level_for(self, height_px: float) -> Pixels:
        """Returns the smallest copy that need not be enlarged to `height_px`, else the largest."""
        chosen = self.levels[0]
        for level in self.levels[1:]:
            if level.shape[0] < height_px:
                break
            chosen = level
        return chosen

    def tinted(self, red: float, green: float, blue: float) -> "Sprite":
        """Returns the sprite with its colour channels multiplied; 1 leaves a channel as it is."""
        gains = np.array([red, green, blue], np.float32)
        return Sprite(tuple(_tint(level, gains) for level in self.levels))


def sprite(name: str, height_px: int, paints: Mapping[str, str] | None = None, *, hidden: tuple[str, ...] = ()) -> Sprite:
    """Returns the drawing `name` with its largest copy `height_px` high.

    `paints` exchanges colours named in PAINTS; groups whose id is in `hidden` are left out.
    Raises UserError when the drawing is not there or resvg-py is not installed.
    """
    return _sprite(name, height_px, tuple(sorted((paints or {}).items())), hidden)


def front_of(name: str, height_px: int) -> Sprite:
    """Returns the part of the pan or bowl that hides the lower edge of what lies in it."""
    center_x, center_y, radius_x, radius_y = _OPENINGS[name]
    whole = sprite(name, height_px)
    _, _, width, height = _view_box(_svg(name))
    levels = []
    for level in whole.levels:
        y, x = np.mgrid[0 : level.shape[0], 0 : level.shape[1]]
        across = np.clip(1 - ((x / level.shape[1] * width - center_x) / radius_x) ** 2, 0, 1)
        keep = y / level.shape[0] * height > center_y + radius_y * np.sqrt(across)
        levels.append(level * keep[..., None].astype(np.uint8))
    return Sprite(tuple(levels))


def shadow(height_px: int = 64) -> Sprite:
    """Returns a soft dark ellipse, four times as wide as high, to lie under things."""
    y, x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : height_px * 4j]
    alpha = np.clip(1 - np.hypot(x, y), 0, 1) ** 0.9 * 140
    pixels = np.zeros((*alpha.shape, 4), np.uint8)
    pixels[..., 3] = alpha.astype(np.uint8)
    return Sprite(_levels(pixels))


def steam(height_px: int = 120) -> Sprite:
    """Returns one soft white puff."""
    y, x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : height_px * 1j]
    alpha = np.clip(1 - np.hypot(x, y), 0, 1) ** 1.6 * 80
    return Sprite(_levels(np.repeat(alpha[..., None], 4, axis=2).astype(np.uint8)))


@functools.lru_cache(maxsize=256)
def _sprite(name: str, height_px: int, paints: tuple[tuple[str, str], ...], hidden: tuple[str, ...]) -> Sprite:
    svg = _svg(name)
    for group in hidden:
        svg = re.sub(rf'<g id="{group}">.*?</g>', "", svg, flags=re.DOTALL)
    for paint, colour in paints:
        svg = svg.replace(PAINTS[paint], colour)
    return Sprite(_levels(_rasterise(svg, height_px)))


def _svg(name: str) -> str:
    path = DRAWINGS / f"{name}.svg"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"The drawing {path} is missing; restore it from the project's repository.") from None


def _view_box(svg: str) -> tuple[float, float, float, float]:
    found = re.search(r'viewBox="(\S+) (\S+) (\S+) (\S+)"', svg)
    assert found is not None, "each drawing states its viewBox"
    left, top, width, height = (float(number) for number in found.groups())
    return left, top, width, height


def _rasterise(svg: str, height_px: int) -> Pixels:
    try:
        import resvg_py
    except ImportError:
        raise UserError('Drawings cannot be rasterised: run "pip install resvg-py" and try again.') from None
    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, height=height_px, skip_system_fonts=True))
    bgra = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert bgra is not None
    rgba = cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA)
    rgba[..., :3] = (rgba[..., :3].astype(np.uint16) * rgba[..., 3:] + 127) // 255
    return np.asarray(rgba, np.uint8)


def _levels(largest: Pixels) -> tuple[Pixels, ...]:
    levels = [largest]
    while levels[-1].shape[0] >= 2 * _SMALLEST_LEVEL:
        height, width = levels[-1].shape[:2]
        smaller = cv2.resize(levels[-1], (max(1, width // 2), height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, np.uint8))
    return tuple(levels)


def _tint(pixels: Pixels, gains: NDArray[np.float32]) -> Pixels:
    tinted = pixels.copy()
    colour = pixels[..., :3].astype(np.float32) * gains
    tinted[..., :3] = np.minimum(colour, pixels[..., 3:]).astype(np.uint8)  # premultiplied: never above alpha
    return tinted
