"""The foods of the generated kitchen, their drawings (resources/drawings) and which look alike to a detector."""

import re
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError

DRAWINGS = Path(__file__).resolve().parents[3] / "resources" / "drawings"
SPRITE_SIDE = 224  # pixels of a drawing before it is placed

FOODS = (
    "apple", "avocado", "banana", "bread", "broccoli", "butter", "carrot", "cheese", "chicken", "corn",
    "cucumber", "egg", "garlic", "lemon", "mushroom", "onion", "orange", "pepper", "pineapple", "potato",
    "pumpkin", "sausage", "shrimp", "strawberry", "tomato", "watermelon",
)  # fmt: skip

# What a detector takes each food for when it is wrong: things of the same colour or shape.
LOOKALIKES = {
    "apple": ("tomato", "strawberry"),
    "avocado": ("cucumber", "pepper"),
    "banana": ("corn", "lemon"),
    "bread": ("potato", "butter"),
    "broccoli": ("pepper", "avocado"),
    "butter": ("cheese", "bread"),
    "carrot": ("pumpkin", "shrimp"),
    "cheese": ("butter", "bread"),
    "chicken": ("potato", "sausage"),
    "corn": ("banana", "pineapple"),
    "cucumber": ("pepper", "avocado"),
    "egg": ("garlic", "cheese"),
    "garlic": ("onion", "egg"),
    "lemon": ("banana", "orange"),
    "mushroom": ("potato", "garlic"),
    "onion": ("garlic", "potato"),
    "orange": ("pumpkin", "lemon"),
    "pepper": ("cucumber", "broccoli"),
    "pineapple": ("corn", "pumpkin"),
    "potato": ("mushroom", "bread"),
    "pumpkin": ("orange", "carrot"),
    "sausage": ("chicken", "shrimp"),
    "shrimp": ("carrot", "sausage"),
    "strawberry": ("tomato", "watermelon"),
    "tomato": ("apple", "strawberry"),
    "watermelon": ("strawberry", "tomato"),
}


@cache
def sprite(name: str, replaced: tuple[tuple[str, str], ...] = (), hidden: tuple[str, ...] = ()) -> NDArray[np.uint8]:
    """Returns a drawing as RGBA uint8 (SPRITE_SIDE, SPRITE_SIDE, 4), with colours replaced in its source
    and some of its named groups left out.

    Raises UserError where the drawing or the package that rasterises it is missing.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise UserError(
            "The generated kitchen needs the package resvg-py; install it with: pip install resvg-py"
        ) from error
    path = DRAWINGS / f"{name}.svg"
    if not path.is_file():
        raise UserError(f"{path} does not exist; get the project's resources again.")
    source = path.read_text(encoding="utf-8")
    for before, after in replaced:
        source = source.replace(before, after)
    for group in hidden:
        source = re.sub(rf'<g id="{group}">.*?</g>', "", source, flags=re.DOTALL)
    shape = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', source)
    if shape is None:
        raise UserError(f"{path} has no viewBox that begins at 0 0; get the project's resources again.")
    width, height = float(shape[1]), float(shape[2])
    scale = SPRITE_SIDE / max(width, height)
    drawn_width, drawn_height = round(width * scale), round(height * scale)
    png = bytes(resvg_py.svg_to_bytes(svg_string=source, width=drawn_width, height=drawn_height))
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    decoded = decoded[:drawn_height, :drawn_width]  # it may come out a pixel larger than asked for
    above, left = SPRITE_SIDE - decoded.shape[0], (SPRITE_SIDE - decoded.shape[1]) // 2
    decoded = cv2.copyMakeBorder(
        decoded, above, 0, left, SPRITE_SIDE - decoded.shape[1] - left, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)
    )
    rgba = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGRA2RGBA), np.uint8)
    return rgba if name.startswith("cook") else _centred(rgba)  # the cook ends at the drawing's lower edge


def _centred(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the drawing with the middle of what is drawn in the middle of its square."""
    drawn = rgba[..., 3] > 0
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    side = rgba.shape[0]
    shift = np.array([[1, 0, (side - 1 - columns[0] - columns[-1]) / 2], [0, 1, (side - 1 - rows[0] - rows[-1]) / 2]])
    return np.asarray(cv2.warpAffine(rgba, shift, (side, side)), np.uint8)
