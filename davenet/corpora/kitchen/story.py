"""What happens in a video before anything is drawn or said: its shots, and which foods come and go in each.

Pure and quick; every choice comes from the video's seed. Places are in the picture's units (480 × 270, y down).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from davenet.corpora.kitchen.drawings import FOODS

WIDTH, HEIGHT = 480, 270  # pixels of a frame, and the units of places
TALK_SHOT_S = (6.8, 9.0)  # close-ups of the cook: stretches without food
FOOD_SHOT_S = (8.0, 15.0)
_TRAVEL_S = 0.7  # time a food takes to come or go

ShotKind = Literal["wide", "board", "pan", "talk"]
Way = Literal["cut", "left", "right", "above"]


@dataclass(frozen=True, slots=True)
class Item:
    """One food lying in one shot: its base's place, its height, and when and how it comes and goes."""

    food: str
    x: float
    base_y: float
    height: float
    angle: float  # degrees
    mirrored: bool
    tint: tuple[float, float, float]
    enter_s: float
    leave_s: float
    enter_way: Way
    leave_way: Way
    phase: float  # of its small movements

    def pose(self, time_s: float) -> tuple[float, float, float] | None:
        """Returns the base's x and y and the angle at a time, None while the food is not in the shot."""
        if not self.enter_s <= time_s < self.leave_s:
            return None
        x, y, angle = self.x, self.base_y, self.angle
        x += 2.0 * math.sin(0.9 * time_s + self.phase)
        angle += 2.5 * math.sin(1.3 * time_s + 2 * self.phase)
        for way, part in ((self.enter_way, time_s - self.enter_s), (self.leave_way, self.leave_s - time_s)):
            away = max(0.0, 1 - part / _TRAVEL_S) ** 2 if way != "cut" else 0.0
            if way == "above":
                y -= away * (self.base_y + self.height)
            else:
                edge = -self.height if way == "left" else WIDTH + self.height
                x += away * (edge - self.x)
                angle += away * (-90 if way == "left" else 90)
        return x, y, angle


@dataclass(frozen=True, slots=True)
class Shot:
    """One view between two cuts; `look` seeds everything that is drawn in it besides the foods."""

    kind: ShotKind
    start_s: float
    end_s: float
    items: tuple[Item, ...]
    look: int
    zoom: tuple[float, float]  # at the start and the end
    pan: tuple[float, float, float, float]  # x and y off the middle at the start, at the end
    helped: int | None  # the item that the hands work on


@dataclass(frozen=True, slots=True)
class Story:
    duration_s: float
    foods: tuple[str, ...]  # of the recipe, in the order of their first coming
    shots: tuple[Shot, ...]
    kitchen: int  # seeds colours and furniture, one a video
    cook: int


def write_story(rng: np.random.Generator, *, seconds_min: float, seconds_max: float) -> Story:
    """Returns a story; at least two of its shots, each 6.8 s or longer, show no food at all."""
    duration_s = round(float(rng.uniform(seconds_min, seconds_max)), 1)
    recipe = [FOODS[i] for i in rng.permutation(len(FOODS))[: int(rng.integers(6, 9))]]
    shots: list[Shot] = []
    next_food = 0
    for kind, start_s, end_s in _cuts(rng, duration_s):
        items: tuple[Item, ...] = ()
        if kind != "talk":
            n_items = min(int(rng.integers(3, 6)), 4 if kind == "pan" else 5)
            foods = [recipe[(next_food + i) % len(recipe)] for i in range(n_items)]
            next_food += n_items - 1  # one stays on from shot to shot
            items = _items(rng, kind, foods, start_s, end_s)
        shots.append(_shot(rng, kind, start_s, end_s, items))
    seen = dict.fromkeys(item.food for shot in shots for item in shot.items)
    return Story(duration_s, tuple(seen), tuple(shots), int(rng.integers(1 << 30)), int(rng.integers(1 << 30)))


def _cuts(rng: np.random.Generator, duration_s: float) -> list[tuple[ShotKind, float, float]]:
    """Returns kinds and times of the shots: two or three foods' shots, then the cook talks, and again."""
    kinds: list[ShotKind] = []
    lengths: list[float] = []
    since_talk = int(rng.integers(0, 2))
    while sum(lengths) < duration_s:
        if since_talk >= 2 and (kinds[-1] != "talk"):
            kinds.append("talk")
            lengths.append(float(rng.uniform(*TALK_SHOT_S)))
            since_talk = 0
        else:
            others: list[ShotKind] = ["wide", "board", "pan"]
            likely = [kind for kind in others if not kinds or kind != kinds[-1]]
            kinds.append(likely[int(rng.integers(len(likely)))])
            lengths.append(float(rng.uniform(*FOOD_SHOT_S)))
            since_talk += 1
    while kinds.count("talk") < 2:
        middle = max((i for i, kind in enumerate(kinds) if kind != "talk"), key=lambda i: lengths[i])
        kinds[middle] = "talk"
    food_s = sum(length for kind, length in zip(kinds, lengths, strict=True) if kind != "talk")
    talk_s = sum(lengths) - food_s
    scale = (duration_s - talk_s) / food_s
    ends = np.cumsum([length * (1.0 if kind == "talk" else scale) for kind, length in zip(kinds, lengths, strict=True)])
    ends[-1] = duration_s
    starts = [0.0, *ends[:-1].tolist()]
    return [(kind, round(a, 2), round(b, 2)) for kind, a, b in zip(kinds, starts, ends.tolist(), strict=True)]


def _items(rng: np.random.Generator, kind: ShotKind, foods: list[str], start_s: float, end_s: float) -> tuple[Item, ...]:
    length_s = end_s - start_s
    places = _places(rng, kind, len(foods))
    items = []
    for i, food in enumerate(foods):
        x, base_y, height = places[i]
        comes_late = i >= 2 and length_s > 5
        goes_early = i < 2 and i > 0 and length_s > 7 and rng.random() < 0.6
        ways: list[Way] = ["left", "right", "above"]
        enter_way: Way = ways[int(rng.integers(3))] if comes_late else "cut"
        leave_way: Way = ways[int(rng.integers(3))] if goes_early else "cut"
        tint = (float(rng.uniform(0.9, 1.06)), float(rng.uniform(0.9, 1.06)), float(rng.uniform(0.88, 1.06)))
        items.append(
            Item(
                food=food,
                x=x,
                base_y=base_y,
                height=height * _bulk(food),
                angle=float(rng.normal(0, 11)),
                mirrored=bool(rng.random() < 0.5),
                tint=tint,
                enter_s=start_s + (float(rng.uniform(0.1, 0.5)) * length_s if comes_late else 0.0),
                leave_s=end_s - (float(rng.uniform(0.1, 0.4)) * length_s if goes_early else 0.0),
                enter_way=enter_way,
                leave_way=leave_way,
                phase=float(rng.uniform(0, 2 * math.pi)),
            )
        )
    return tuple(items)


def _places(rng: np.random.Generator, kind: ShotKind, n: int) -> list[tuple[float, float, float]]:
    """Returns (x, base_y, height) for `n` foods, mostly within the centre square, not too much on one another."""
    base_ys, heights, half_width = {
        "wide": ((206.0, 236.0), (58.0, 80.0), 150.0),
        "board": ((176.0, 232.0), (82.0, 116.0), 150.0),
        "pan": ((166.0, 190.0), (66.0, 88.0), 84.0),
        "talk": ((0.0, 0.0), (0.0, 0.0), 0.0),
    }[kind]
    offset = float(rng.uniform(-0.25, 0.25))
    columns = (np.arange(n) + 0.5) / n * 2 - 1 + offset / n
    places = []
    for i in rng.permutation(n):
        x = WIDTH / 2 + float(columns[i]) * half_width + float(rng.normal(0, 6))
        if kind != "pan" and rng.random() < 0.08:
            x = float(rng.choice([48.0, WIDTH - 48.0]))  # now and then outside the centre square
        places.append((x, float(rng.uniform(*base_ys)), float(rng.uniform(*heights))))
    return places


def _bulk(food: str) -> float:
    """Returns a factor on the height: flat drawings are lower, so that all foods take a like area."""
    flat = {"cucumber": 0.72, "sausage": 0.8, "cheese": 0.9, "bread": 0.88, "potato": 0.86, "chicken": 0.9}
    tall = {"pineapple": 1.25, "avocado": 1.1, "broccoli": 1.05, "mushroom": 1.0}
    return flat.get(food, tall.get(food, 0.85 if food in ("lemon", "watermelon", "banana") else 1.0))


def _shot(rng: np.random.Generator, kind: ShotKind, start_s: float, end_s: float, items: tuple[Item, ...]) -> Shot:
    zooms = sorted((float(rng.uniform(1.0, 1.04)), float(rng.uniform(1.04, 1.16))), reverse=bool(rng.random() < 0.4))
    pan = [float(v) for v in rng.normal(0, (9, 3, 9, 3))]
    lasting = [i for i, item in enumerate(items) if item.enter_way == "cut" and item.leave_way == "cut"]
    helped = lasting[int(rng.integers(len(lasting)))] if lasting and rng.random() < 0.85 else None
    return Shot(
        kind=kind,
        start_s=start_s,
        end_s=end_s,
        items=items,
        look=int(rng.integers(1 << 30)),
        zoom=(zooms[0], zooms[1]),
        pan=(pan[0], pan[1], pan[2], pan[3]),
        helped=helped,
    )
