"""One frame as two checkpoints see it, side by side with their names, and what the second has more. No torch.

The window saves such pictures, and the render job writes a video of them.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from davenet.look import Look, Map, Pixels, composed, difference, painted, within_frame
from davenet.overlay import Crop, crop_pixels

Seen = tuple[Map | None, Crop]  # a map in 0..1, None where there is none, and what of the frame it covers

_GROUND, _INK = (9, 11, 14), (232, 235, 240)
_LETTERS = str.maketrans({"·": "-", "“": '"', "”": '"', "’": "'", "…": "...", "−": "-", "–": "-"})


def beside(
    frame: Pixels, seen: Sequence[Seen], look: Look, *, differs: bool = False, names: Sequence[str] = ()
) -> Pixels:
    """Returns RGB pixels: the frame once for each checkpoint, `differs` adds the difference of both; each under its name."""
    pictures = [painted(frame, matchmap, look, crop) for matchmap, crop in seen]
    if differs and len(seen) == 2:
        pictures.append(_changed(frame, seen[0], seen[1], look))
    if len(pictures) == 1:
        return pictures[0]
    told = [*names, "difference"] if names else []
    named = [captioned(picture, name) for picture, name in zip(pictures, told, strict=False)]
    return np.concatenate(named or pictures, axis=1)


def captioned(picture: Pixels, text: str) -> Pixels:
    """Returns a copy of the picture with a small line in its upper left corner; one too long for it is cut."""
    scale = max(0.35, picture.shape[0] / 900)
    thickness = max(1, round(scale * 1.4))
    told = plain(text)
    while len(told) > 1 and cv2.getTextSize(told, _FONT, scale, thickness)[0][0] > picture.shape[1] - 40 * scale:
        told = told[:-1]
    (width, height), _ = cv2.getTextSize(told, _FONT, scale, thickness)
    margin, inside = round(12 * scale) + 2, round(10 * scale) + 2
    right, bottom = (
        min(picture.shape[1], margin + width + 2 * inside),
        min(picture.shape[0], margin + height + 2 * inside),
    )
    drawn = picture.copy()
    ground = drawn[margin:bottom, margin:right]
    ground[:] = ground * 0.25 + np.array(_GROUND) * 0.75
    cv2.putText(drawn, told, (margin + inside, margin + inside + height), _FONT, scale, _INK, thickness, cv2.LINE_AA)
    return drawn


def plain(text: str) -> str:
    """Returns the text in the letters that OpenCV draws."""
    return text.translate(_LETTERS).encode("ascii", "replace").decode()


_FONT = cv2.FONT_HERSHEY_SIMPLEX


def _changed(frame: Pixels, first: Seen, second: Seen, look: Look) -> Pixels:
    if first[0] is None or second[0] is None or not look.is_shown:
        return frame
    (before, crop), (after, _) = within_frame(first[0], first[1]), within_frame(second[0], second[1])
    x0, y0, x1, y1 = crop_pixels(crop, frame.shape[1], frame.shape[0])
    return composed(frame, difference(before, after, look, (x1 - x0, y1 - y0)), crop)
