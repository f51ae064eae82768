"""Draws a plan: each frame of a generated video, and for the truth which pixels belong to which food."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from davenet.corpora.kitchen.background import MARGIN, draw_background, horizon_row
from davenet.corpora.kitchen.foods import SPRITE_SIDE, sprite
from davenet.corpora.kitchen.plan import COOKS, Plan, Shot, Thing

WIDTH, HEIGHT = 480, 270
_NOISE = 1.6  # standard deviation in grey levels
LOUDNESS_RATE = 15  # in 1/s
_BLINK_EACH_S, _BLINK_S = 3.7, 0.16
_SEEN_ALPHA = 110  # of 255: where a drawing counts as covering a pixel


@dataclass(frozen=True, slots=True)
class SeenFood:
    """A food in a frame: its box in pixels (x0, y0, x1, y1) within the frame, and the share of it that can be seen."""

    name: str
    box: tuple[float, float, float, float]
    visible: float
    height: float  # of its box, as a share of the frame's


class Painter:
    """Draws the frames of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        random = np.random.default_rng([plan.seed, 2])
        self._noise = random.normal(0, _NOISE, (HEIGHT + 64, WIDTH + 64, 1)).astype(np.float32)
        self._loudness: NDArray[np.float32] = np.zeros(1, np.float32)
        self._stills: dict[float, tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}  # of each shot: picture, front mask

    def set_speech(self, loudness: NDArray[np.float32]) -> None:
        """Lets the cook's mouth follow the speech: its loudness 0..1, LOUDNESS_RATE times a second."""
        self._loudness = loudness

    def _drawing(self, thing: Thing, t: float) -> NDArray[np.uint8]:
        if thing.name not in COOKS:
            return sprite(thing.name, self._plan.cook if thing.name.startswith("hand") else ())
        loud = float(self._loudness[min(int(t * LOUDNESS_RATE), len(self._loudness) - 1)])
        mouth = 0 if loud < 0.08 else 1 if loud < 0.3 else 2
        blinks = (t + self._plan.seed) % _BLINK_EACH_S < _BLINK_S
        hidden = ["eyes-open" if blinks else "eyes-closed", *(f"mouth-{m}" for m in range(3) if m != mouth)]
        return sprite(thing.name, self._plan.cook, tuple(hidden))

    def frame(self, t: float) -> NDArray[np.uint8]:
        """Returns RGB uint8 (HEIGHT, WIDTH, 3)."""
        shot = self._plan.shot_at(t)
        zoom, dx, dy = _camera(shot, t)
        if shot.start not in self._stills:
            self._stills[shot.start] = self._draw_stills(shot)
        still, front = self._stills[shot.start]
        camera = _camera_matrix(zoom, dx, dy)
        picture = cv2.warpAffine(still, camera, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        for thing in _present(shot, t):
            placed = self._placed(thing, t, zoom, dx, dy) if _moves(thing) else None
            if placed is None:
                continue
            rgba, x0, y0 = placed
            if thing.name in COOKS:  # stands behind the counter and what is on it
                hidden = cv2.warpAffine(front, camera, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
                rgba = rgba.copy()
                rgba[hidden[y0 : y0 + rgba.shape[0], x0 : x0 + rgba.shape[1]] > 127, 3] = 0
            _blend(picture, rgba, x0, y0, thing.tint)
        return self._grained(picture, t)

    def _draw_stills(self, shot: Shot) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Returns what does not move in a shot, with its margins, and 255 where that is in front of the cook."""
        picture = draw_background(shot.background_seed, shot.kind, WIDTH, HEIGHT).astype(np.float32)
        front = np.zeros(picture.shape[:2], np.uint8)
        front[horizon_row(shot.kind, HEIGHT) :] = 255
        for thing in shot.things:
            placed = None if _moves(thing) else self._placed(thing, 0.0, 1.0, 0.0, 0.0, margin=MARGIN)
            if placed is not None:
                rgba, x0, y0 = placed
                _blend(picture, rgba, x0, y0, thing.tint)
                region = front[y0 : y0 + rgba.shape[0], x0 : x0 + rgba.shape[1]]
                region[rgba[..., 3] > _SEEN_ALPHA] = 255
        return np.clip(picture, 0, 255).astype(np.uint8), front

    def foods_seen(self, t: float) -> list[SeenFood]:
        """Returns the foods of which at least a tenth can be seen at a time, nearest to the camera last."""
        shot = self._plan.shot_at(t)
        zoom, dx, dy = _camera(shot, t)
        owner = np.full((HEIGHT, WIDTH), -1, np.int16)
        drawn: list[tuple[Thing, int, tuple[int, int, int, int]]] = []
        for number, thing in enumerate(_present(shot, t)):
            in_front = _moves(thing) and thing.name not in COOKS
            placed = self._placed(thing, t, zoom, dx, dy) if in_front else None
            if placed is None:
                continue
            rgba, x0, y0 = placed
            covered = rgba[..., 3] > _SEEN_ALPHA
            owner[y0 : y0 + rgba.shape[0], x0 : x0 + rgba.shape[1]][covered] = number
            if thing.is_food and covered.any():
                rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
                box = (x0 + columns[0], y0 + rows[0], x0 + columns[-1] + 1, y0 + rows[-1] + 1)
                drawn.append((thing, number, (int(box[0]), int(box[1]), int(box[2]), int(box[3]))))
        seen = []
        for thing, number, box in drawn:
            whole = _whole_area(thing.name) * (thing.height * HEIGHT * zoom / SPRITE_SIDE) ** 2
            visible = float(np.count_nonzero(owner == number) / max(whole, 1.0))
            if visible >= 0.1:
                clipped = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
                seen.append(SeenFood(thing.name, clipped, min(visible, 1.0), (box[3] - box[1]) / HEIGHT))
        return seen

    def _placed(
        self, thing: Thing, t: float, zoom: float, dx: float, dy: float, *, margin: int = 0
    ) -> tuple[NDArray[np.uint8], int, int] | None:
        """Returns the drawing's part within the frame, RGBA, and its upper left corner; None where there is none."""
        x, y, angle = thing.place(t)
        width, height = WIDTH + 2 * margin, HEIGHT + 2 * margin
        centre = (width / 2 + (x * HEIGHT + dx) * zoom, height / 2 + ((y - 0.5) * HEIGHT + dy) * zoom)
        scale = thing.height * HEIGHT * zoom / SPRITE_SIDE
        reach = SPRITE_SIDE * scale * 0.72
        x0, y0 = max(int(centre[0] - reach), 0), max(int(centre[1] - reach), 0)
        x1, y1 = min(int(centre[0] + reach) + 2, width), min(int(centre[1] + reach) + 2, height)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        drawing = self._drawing(thing, t)
        matrix = np.asarray(cv2.getRotationMatrix2D((SPRITE_SIDE / 2, SPRITE_SIDE / 2), angle, scale), np.float64)
        if thing.flipped:
            matrix[:, 2] += matrix[:, 0] * SPRITE_SIDE
            matrix[:, 0] *= -1
        matrix[0, 2] += centre[0] - SPRITE_SIDE / 2 - x0
        matrix[1, 2] += centre[1] - SPRITE_SIDE / 2 - y0
        rgba = cv2.warpAffine(
            drawing, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
        )
        return np.asarray(rgba, np.uint8), x0, y0

    def _grained(self, picture: NDArray[np.float32], t: float) -> NDArray[np.uint8]:
        top, left = (int(v) for v in np.random.default_rng([self._plan.seed, int(t * 1000)]).integers(0, 64, 2))
        exposure = 1 + 0.03 * np.sin(0.7 * t + self._plan.seed) + 0.012 * np.sin(5.1 * t)
        picture *= np.float32(exposure)
        picture += self._noise[top : top + HEIGHT, left : left + WIDTH]
        return np.clip(picture, 0, 255).astype(np.uint8)


def _moves(thing: Thing) -> bool:
    return thing.is_food or thing.sway > 0


def _camera_matrix(zoom: float, dx: float, dy: float) -> NDArray[np.float64]:
    """Returns the 2×3 matrix from a still with its margins to the frame."""
    return np.array(
        [
            [zoom, 0, WIDTH / 2 + dx * zoom - (MARGIN + WIDTH / 2) * zoom],
            [0, zoom, HEIGHT / 2 + dy * zoom - (MARGIN + HEIGHT / 2) * zoom],
        ]
    )


def _present(shot: Shot, t: float) -> list[Thing]:
    return [thing for thing in shot.things if thing.start <= t < thing.end or (t >= shot.end and thing.end >= shot.end)]


def _camera(shot: Shot, t: float) -> tuple[float, float, float]:
    """Returns the zoom and the shift in pixels."""
    part = (t - shot.start) / max(shot.end - shot.start, 1e-6)
    zoom = shot.zoom[0] + (shot.zoom[1] - shot.zoom[0]) * part
    shake = 0.6 * np.sin(1.9 * t), 0.5 * np.sin(1.3 * t + 1)
    return zoom, float(shot.pan[0] * part * HEIGHT + shake[0]), float(shot.pan[1] * part * HEIGHT * 0.4 + shake[1])


def _blend(
    picture: NDArray[np.float32], rgba: NDArray[np.uint8], x0: int, y0: int, tint: tuple[float, float, float]
) -> None:
    region = picture[y0 : y0 + rgba.shape[0], x0 : x0 + rgba.shape[1]]
    shadow_y, shadow_x = min(5, rgba.shape[0] - 1), min(4, rgba.shape[1] - 1)
    shade = rgba[:-shadow_y, :-shadow_x, 3:].astype(np.float32) * (0.22 / 255)
    region[shadow_y:, shadow_x:] *= 1 - shade
    opacity = rgba[..., 3:].astype(np.float32) / 255
    colour = rgba[..., :3].astype(np.float32) * np.asarray(tint, np.float32)
    region += (np.minimum(colour, 255) - region) * opacity


def _whole_area(name: str) -> float:
    """Returns how many pixels of the drawing at its own size are covered."""
    return float(np.count_nonzero(sprite(name)[..., 3] > _SEEN_ALPHA))
