"""The still part of a kitchen: wall, tiles, window, shelf, stove and counter, drawn once a shot kind and kitchen."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.corpora.kitchen.foods import sprite

MARGIN = 48  # pixels drawn beyond the frame on each side, for the camera to move in

_WALLS = ((214, 200, 178), (178, 196, 204), (196, 206, 178), (216, 190, 176), (190, 186, 204), (222, 214, 200))
_COUNTERS = ((150, 108, 70), (112, 82, 60), (176, 168, 160), (92, 96, 104), (190, 150, 104), (66, 72, 78))
_CUPBOARDS = ((238, 234, 226), (120, 146, 140), (86, 104, 128), (164, 116, 82), (196, 192, 186))

Colour = tuple[int, int, int]


def draw_background(seed: int, kind: str, width: int, height: int) -> NDArray[np.uint8]:
    """Returns RGB uint8 (height + 2 margins, width + 2 margins, 3); a seed is one kitchen in each kind of shot."""
    random = np.random.default_rng([seed, 3])
    wall, counter, cupboard = (_pick(random, colours) for colours in (_WALLS, _COUNTERS, _CUPBOARDS))
    w, h = width + 2 * MARGIN, height + 2 * MARGIN
    canvas = np.empty((h, w, 3), np.uint8)
    _gradient(canvas, 0, h, wall, 1.06, 0.86)
    horizon = horizon_row(kind, height)
    _tiles(canvas, wall, horizon, int(random.integers(22, 40)))
    _furniture(canvas, random, cupboard, horizon, w)
    if kind == "close":
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 4)
    elif kind == "talk":
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 2.2)
    _counter(canvas, random, counter, horizon)
    return np.asarray(canvas, np.uint8)


def horizon_row(kind: str, height: int) -> int:
    """Returns the row of the counter's far edge in a background of a frame of this height, margins included."""
    return MARGIN + int(height * {"wide": 0.56, "close": 0.34, "talk": 0.86}[kind])


def _furniture(canvas: NDArray[np.uint8], random: np.random.Generator, cupboard: Colour, horizon: int, w: int) -> None:
    places = list(random.permutation(3))
    step = w // 3
    for place, draw in zip(places, (_window, _shelf, _cupboards), strict=True):
        draw(canvas, random, place * step + 12, step - 24, horizon, cupboard)
    if random.random() < 0.6:
        _stove(canvas, int(random.integers(0, w - 130)), horizon)
    else:
        _paste(canvas, "lamp", int(random.integers(80, w - 80)), 40, 110)


def _window(canvas: NDArray[np.uint8], random: np.random.Generator, x: int, w: int, horizon: int, trim: Colour) -> None:
    tall = min(max(horizon - 60, 70), 150)
    _paste(canvas, "window", x + w // 2, 20 + tall // 2, tall / 0.94)


def _shelf(canvas: NDArray[np.uint8], random: np.random.Generator, x: int, w: int, horizon: int, wood: Colour) -> None:
    for y in (66, 140):
        if y < horizon - 50:
            _paste(canvas, "shelf", x + w // 2 + int(random.integers(-12, 13)), y, w * 0.95)


def _paste(canvas: NDArray[np.uint8], name: str, x: int, y: int, side: float) -> None:
    """Draws a drawing centred at x, y, its square `side` pixels wide."""
    pixels = max(int(side), 8)
    drawing = cv2.resize(sprite(name), (pixels, pixels), interpolation=cv2.INTER_AREA)
    top, left = y - pixels // 2, x - pixels // 2
    y0, x0 = max(top, 0), max(left, 0)
    region = canvas[y0 : top + pixels, x0 : left + pixels]
    part = drawing[y0 - top : y0 - top + region.shape[0], x0 - left : x0 - left + region.shape[1]].astype(np.float32)
    opacity = part[..., 3:] / 255
    region[:] = (region + (part[..., :3] - region) * opacity).astype(np.uint8)


def _cupboards(
    canvas: NDArray[np.uint8], random: np.random.Generator, x: int, w: int, horizon: int, paint: Colour
) -> None:
    bottom = min(int(random.integers(110, 150)), max(horizon - 30, 70))
    for at in (x, x + w // 2):
        cv2.rectangle(canvas, (at + 2, 0), (at + w // 2 - 2, bottom), paint, -1)
        cv2.rectangle(canvas, (at + 10, 8), (at + w // 2 - 10, bottom - 10), _times(paint, 0.92), 2)
        cv2.circle(canvas, (at + w // 2 - 12 if at == x else at + 12, bottom - 20), 3, (90, 84, 76), -1, cv2.LINE_AA)
    cv2.rectangle(canvas, (x, bottom), (x + w, bottom + 5), _times(paint, 0.55), -1)


def _stove(canvas: NDArray[np.uint8], x: int, horizon: int) -> None:
    cv2.rectangle(canvas, (x, horizon - 14), (x + 124, horizon + 2), (52, 54, 60), -1)
    for knob in range(5):
        cv2.circle(canvas, (x + 16 + 23 * knob, horizon - 6), 4, (190, 190, 196), -1, cv2.LINE_AA)
    hood = canvas[0:30, x : x + 124]
    hood[:] = (150, 154, 160)
    cv2.rectangle(canvas, (x - 6, 28), (x + 130, 40), (120, 124, 130), -1)


def _tiles(canvas: NDArray[np.uint8], wall: Colour, horizon: int, side: int) -> None:
    grout = _times(wall, 0.9)
    for row, y in enumerate(range(horizon, horizon - 5 * side // 2, -side // 2)):
        cv2.line(canvas, (0, y), (canvas.shape[1], y), grout, 1)
        for x in range(-(row % 2) * side // 2, canvas.shape[1], side):
            cv2.line(canvas, (x, y - side // 2), (x, y), grout, 1)


def _counter(canvas: NDArray[np.uint8], random: np.random.Generator, colour: Colour, horizon: int) -> None:
    _gradient(canvas, horizon, canvas.shape[0], colour, 1.12, 0.72)
    cv2.rectangle(canvas, (0, horizon - 2), (canvas.shape[1], horizon + 4), _times(colour, 1.3), -1)
    for _ in range(46):
        y = int(random.integers(horizon + 8, canvas.shape[0]))
        x, length = int(random.integers(-40, canvas.shape[1])), int(random.integers(20, 130))
        shade = _times(
            colour, float(random.uniform(0.72, 1.02)) * (1.1 - 0.35 * (y - horizon) / (canvas.shape[0] - horizon))
        )
        cv2.line(canvas, (x, y), (x + length, y + int(random.integers(-2, 3))), shade, 1, cv2.LINE_AA)


def _gradient(canvas: NDArray[np.uint8], top: int, bottom: int, colour: Colour, first: float, last: float) -> None:
    ramp = np.linspace(first, last, max(bottom - top, 1), dtype=np.float32)[:, None, None]
    canvas[top:bottom] = np.clip(np.asarray(colour, np.float32) * ramp, 0, 255).astype(np.uint8)


def _times(colour: tuple[int, ...], factor: float) -> Colour:
    red, green, blue = (min(int(v * factor), 255) for v in colour)
    return red, green, blue


def _pick(random: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(random.integers(len(colours)))]
