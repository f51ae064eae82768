"""A small picture of lines, circles, boxes and text, as SVG or as PNG: what plots in the core are drawn with, no Qt.

The PNG has twice the pixels; its letters are OpenCV's, which has plain ones only.
"""

import math
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import ClassVar, Literal

from davenet.errors import UserError
from davenet.files import write_bytes_atomically

Anchor = Literal["start", "middle", "end"]
_PNG_SCALE = 2
_LETTER_HEIGHT = 21.0  # of OpenCV's plain font at scale 1, in pixels, its capitals
_CAPITALS = 0.72  # of a font's size
_SHIFT = 4  # OpenCV's coordinates in sixteenths of a pixel


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: Literal["line", "circle", "box", "text"]
    numbers: tuple[float, ...]
    colour: str
    width: float = 1.0
    text: str = ""
    anchor: Anchor = "start"
    weight: str = "normal"


@dataclass(slots=True)
class Drawing:
    """A picture of `width` × `height` pixels, white; y grows downwards. `title` is what a screen reader says."""

    width: int
    height: int
    title: str
    _shapes: list[_Shape] = field(default_factory=list)

    INK: ClassVar[str] = "#1d2730"
    FAINT_INK: ClassVar[str] = "#5f6b76"
    GRID: ClassVar[str] = "#d5dbe1"
    OURS: ClassVar[str] = "#0b6e99"
    OTHER: ClassVar[str] = "#c2571a"

    def line(self, x1: float, y1: float, x2: float, y2: float, *, colour: str = INK, width: float = 1.0) -> None:
        self._shapes.append(_Shape("line", (x1, y1, x2, y2), colour, width))

    def circle(self, x: float, y: float, radius: float, *, colour: str = INK) -> None:
        self._shapes.append(_Shape("circle", (x, y, radius), colour))

    def box(self, x: float, y: float, width: float, height: float, *, colour: str = INK) -> None:
        self._shapes.append(_Shape("box", (x, y, width, height), colour))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 13,
        colour: str = INK,
        anchor: Anchor = "start",
        weight: Literal["normal", "bold"] = "normal",
    ) -> None:
        """Writes a line of text with its foot at y."""
        self._shapes.append(_Shape("text", (x, y, size), colour, text=text, anchor=anchor, weight=weight))

    def svg(self) -> str:
        size = f'width="{self.width}" height="{self.height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {self.width} {self.height}" '
                'font-family="sans-serif">',
                f"<title>{escape(self.title)}</title>",
                f'<rect {size} fill="#ffffff"/>',
                *(_element(shape) for shape in self._shapes),
                "</svg>\n",
            ]
        )

    def png(self) -> bytes:
        import cv2
        import numpy as np

        picture = np.full((self.height * _PNG_SCALE, self.width * _PNG_SCALE, 3), 255, np.uint8)
        for shape in self._shapes:
            _paint(picture, shape)
        return bytes(cv2.imencode(".png", picture)[1])

    def save(self, path: Path) -> None:
        """Writes the picture atomically; raises UserError where the name ends in neither .svg nor .png."""
        kind = path.suffix.lower()
        if kind not in (".svg", ".png"):
            raise UserError(f"{path} cannot be written; a picture's name ends in .svg or .png.")
        write_bytes_atomically(path, self.svg().encode() if kind == ".svg" else self.png())


def _element(shape: _Shape) -> str:
    n = [f"{number:.1f}" for number in shape.numbers]
    match shape.kind:
        case "line":
            ends = f'x1="{n[0]}" y1="{n[1]}" x2="{n[2]}" y2="{n[3]}"'
            return f'<line {ends} stroke="{shape.colour}" stroke-width="{shape.width:g}"/>'
        case "circle":
            return f'<circle cx="{n[0]}" cy="{n[1]}" r="{n[2]}" fill="{shape.colour}"/>'
        case "box":
            return f'<rect x="{n[0]}" y="{n[1]}" width="{n[2]}" height="{n[3]}" fill="{shape.colour}"/>'
        case "text":
            look = f'font-size="{shape.numbers[2]:g}" fill="{shape.colour}" text-anchor="{shape.anchor}"'
            return f'<text x="{n[0]}" y="{n[1]}" {look} font-weight="{shape.weight}">{escape(shape.text)}</text>'


def _paint(picture: "object", shape: _Shape) -> None:
    import cv2

    def at(*numbers: float) -> list[int]:
        return [round(number * _PNG_SCALE * (1 << _SHIFT)) for number in numbers]

    colour = tuple(int(shape.colour[place : place + 2], 16) for place in (5, 3, 1))  # OpenCV's is blue, green, red
    n = shape.numbers
    match shape.kind:
        case "line":
            x1, y1, x2, y2 = at(*n)
            thickness = max(1, round(shape.width * _PNG_SCALE))
            cv2.line(picture, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA, _SHIFT)  # type: ignore[call-overload]
        case "circle":
            x, y, radius = at(*n)
            cv2.circle(picture, (x, y), radius, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)  # type: ignore[call-overload]
        case "box":
            x, y, right, bottom = at(n[0], n[1], n[0] + n[2], n[1] + n[3])
            cv2.rectangle(picture, (x, y), (right, bottom), colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)  # type: ignore[call-overload]
        case "text":
            scale = n[2] * _CAPITALS * _PNG_SCALE / _LETTER_HEIGHT
            plain = shape.text.replace("–", "-").replace("×", "x").encode("ascii", "replace").decode()
            thickness = 3 if shape.weight == "bold" else max(1, math.floor(scale * 1.9))
            (width, _), _ = cv2.getTextSize(plain, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * width
            foot = (round(n[0] * _PNG_SCALE - shift), round(n[1] * _PNG_SCALE))
            cv2.putText(picture, plain, foot, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)  # type: ignore[call-overload]
