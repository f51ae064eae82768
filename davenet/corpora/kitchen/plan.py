"""What happens in a generated video: its shots, and what stands where and when in each. `scene` draws it."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from davenet.corpora.kitchen.foods import FOODS

COOKS = ("cook-man", "cook-woman")
# Each first row is what the drawings have; the others replace it.
_SKINS = (
    ("#e8b48c", "#c98d63", "#a8714a"), ("#f3cfb0", "#dba986", "#bd8763"), ("#c68a5c", "#a56c43", "#84522f"),
    ("#8f5f40", "#744a30", "#583620"),
)  # fmt: skip
_HAIRS = (("#4a2c1a",), ("#231812",), ("#8a4a22",), ("#b98d4a",), ("#55555c",))
_SHIRTS = (
    ("#4f7cac", "#3b6390", "#6f9ac6"), ("#b0483f", "#8d3730", "#cf6a5f"), ("#568f5c", "#427248", "#76ae7b"),
    ("#7d5b95", "#634677", "#9c7ab3"), ("#cf9636", "#a87726", "#e3b25c"),
)  # fmt: skip

ShotKind = Literal["wide", "close", "talk"]
_FADE_S = 0.6  # a thing slides in or out
_WIDE_HEIGHTS, _CLOSE_HEIGHTS = (0.24, 0.36), (0.34, 0.5)  # of a food, as shares of the frame's height


@dataclass(frozen=True, slots=True)
class Thing:
    """A drawing that stands in a shot: its centre and height as shares of the frame's height, and how it moves."""

    name: str
    is_food: bool
    x: float  # from the frame's middle, in frame heights
    y: float  # from its top
    height: float
    start: float
    end: float
    enters_from: tuple[float, float] | None  # where it slides in from, an offset in frame heights; None: by the cut
    leaves_to: tuple[float, float] | None
    angle: float = 0.0  # degrees
    sway: float = 0.0  # amplitude in frame heights
    swing: float = 0.0  # degrees
    rate: float = 0.3  # of the movement, in 1/s
    phase: float = 0.0
    flipped: bool = False
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def place(self, t: float) -> tuple[float, float, float]:
        """Returns x, y and angle at a time within the shot's life of the thing."""
        wave = math.sin(2 * math.pi * self.rate * t + self.phase)
        x, y = self.x + self.sway * wave, self.y + 0.4 * self.sway * math.cos(2 * math.pi * self.rate * t + self.phase)
        for offset, since in ((self.enters_from, t - self.start), (self.leaves_to, self.end - t)):
            if offset is not None and since < _FADE_S:
                away = (1 - max(since, 0.0) / _FADE_S) ** 2
                x, y = x + offset[0] * away, y + offset[1] * away
        return x, y, self.angle + self.swing * wave


@dataclass(frozen=True, slots=True)
class Shot:
    kind: ShotKind
    start: float
    end: float
    things: tuple[Thing, ...]
    background_seed: int
    zoom: tuple[float, float]  # at its start and its end
    pan: tuple[float, float]  # in frame heights, over the whole shot


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    duration_s: float
    shots: tuple[Shot, ...]
    cook: tuple[tuple[str, str], ...] = field(default=())  # colours replaced in the cook's drawing

    def shot_at(self, t: float) -> Shot:
        return next((shot for shot in reversed(self.shots) if shot.start <= t), self.shots[0])


def make_plan(seed: int, duration_s: float) -> Plan:
    """Returns a plan whose every choice comes from the seed."""
    random = np.random.default_rng([seed, 1])
    ingredients = list(random.choice(FOODS, size=int(random.integers(6, 9)), replace=False))
    kitchen = int(random.integers(1 << 30))
    shots: list[Shot] = []
    start = 0.0
    cook = str(random.choice(COOKS))
    kinds = _kinds(random, duration_s)
    for number, kind in enumerate(kinds):
        length = {"talk": random.uniform(6.5, 9), "wide": random.uniform(9, 16), "close": random.uniform(8, 14)}[kind]
        end = duration_s if number == len(kinds) - 1 else min(start + length, duration_s)
        if end - start < 3 and shots:
            break
        zoom = random.uniform(1.0, 1.08, 2)
        pan = random.uniform(-0.04, 0.04, 2)
        things = _things(random, kind, start, end, ingredients, cook)
        shots.append(Shot(kind, start, end, things, kitchen, (zoom[0], zoom[1]), (pan[0], pan[1])))
        start = end
        if start >= duration_s:
            break
    final = shots[-1]
    shots[-1] = Shot(final.kind, final.start, duration_s, _lasting(final, duration_s), kitchen, final.zoom, final.pan)
    return Plan(seed, duration_s, tuple(shots), _cook_colours(random))


def _lasting(shot: Shot, end: float) -> tuple[Thing, ...]:
    return tuple(replace(thing, end=end) if thing.end >= shot.end - 0.01 else thing for thing in shot.things)


def _kinds(random: np.random.Generator, duration_s: float) -> list[ShotKind]:
    """Wide and close in turn with a talk to the camera now and then, the first within the first three shots."""
    kinds: list[ShotKind] = []
    talk_at = int(random.integers(1, 3))
    for number in range(math.ceil(duration_s / 6) + 1):
        if number == talk_at:
            kinds.append("talk")
            talk_at += int(random.integers(3, 6))
        else:
            kinds.append("close" if (kinds and kinds[-1] == "wide") or random.random() < 0.3 else "wide")
    return kinds


def _things(
    random: np.random.Generator, kind: ShotKind, start: float, end: float, ingredients: list[str], cook: str
) -> tuple[Thing, ...]:
    cook_size = {"talk": 1.05, "wide": 0.62, "close": 0.0}[kind]
    things: list[Thing] = []
    if cook_size:
        y = 0.5 if kind == "talk" else 0.32
        x = random.uniform(-0.25, 0.25) if kind == "talk" else random.choice([-0.52, 0.5]) + random.uniform(-0.06, 0.06)
        things.append(_still(random, cook, x, y, cook_size, start, end, sway=0.012, swing=1.2))
    if kind == "talk":
        return tuple(things)
    things += _clutter(random, kind, start, end)
    foods = _foods(random, kind, start, end, ingredients)
    things += foods
    if random.random() < 0.75:
        mover = str(random.choice(["hand-knife", "hand-hold", "spoon"]))
        anchor = foods[int(random.integers(len(foods)))]
        things.append(
            Thing(
                mover,
                False,
                anchor.x + random.uniform(0.16, 0.3),
                anchor.y - random.uniform(0.0, 0.1),
                random.uniform(0.3, 0.42),
                start,
                end,
                None,
                None,
                random.uniform(-35, -10),
                0.035,
                9.0,
                random.uniform(0.8, 1.6),
                random.uniform(0, 6.3),
                flipped=False,
            )
        )
    return tuple(things)


def _foods(
    random: np.random.Generator, kind: ShotKind, start: float, end: float, ingredients: list[str]
) -> list[Thing]:
    count = int(random.integers(3, 6)) if kind == "wide" else int(random.integers(2, 5))
    chosen = list(random.choice(ingredients, size=min(count, len(ingredients)), replace=False))
    low, high = _WIDE_HEIGHTS if kind == "wide" else _CLOSE_HEIGHTS
    width = 1.25 if kind == "wide" else 1.15
    slots = (np.arange(len(chosen)) + 0.5) / len(chosen) - 0.5
    random.shuffle(slots)
    foods = []
    for name, slot in zip(chosen, slots, strict=True):
        comes_later, goes_early = random.random() < 0.35, random.random() < 0.3
        length = end - start
        came = start + (random.uniform(0.15, 0.45) * length if comes_later else 0)
        gone = end - (random.uniform(0.1, 0.3) * length if goes_early else 0)
        foods.append(
            Thing(
                str(name),
                True,
                slot * width + random.uniform(-0.06, 0.06),
                random.uniform(0.66, 0.8),
                random.uniform(low, high),
                came,
                gone,
                (random.choice([-0.9, 0.9]), 0.15) if comes_later else None,
                (random.choice([-1.0, 1.0]), 0.2) if goes_early else None,
                random.uniform(-32, 32),
                random.uniform(0.002, 0.02),
                random.uniform(0, 5),
                random.uniform(0.1, 0.5),
                random.uniform(0, 6.3),
                bool(random.random() < 0.5),
                tuple(random.uniform(0.88, 1.08, 3)),
            )
        )
    return sorted(foods, key=lambda food: food.y)


def _clutter(random: np.random.Generator, kind: ShotKind, start: float, end: float) -> list[Thing]:
    """The board or plate under the foods and what else stands about."""
    things = [
        _still(random, str(random.choice(["board", "board", "plate"])), random.uniform(-0.15, 0.15), 0.8,
               random.uniform(0.75, 0.95) if kind == "wide" else random.uniform(1.1, 1.3), start, end)
    ]  # fmt: skip
    backs = list(
        random.choice(
            ["pot", "kettle", "bottle", "bowl", "pan", "plant", "utensils"],
            size=int(random.integers(2, 5)),
            replace=False,
        )
    )
    for name, x in zip(backs, random.permutation([-0.72, -0.3, 0.28, 0.7]), strict=False):
        size = random.uniform(0.3, 0.42) * (1.3 if kind == "close" else 1.0)
        things.insert(
            0, _still(random, str(name), x + random.uniform(-0.06, 0.06), random.uniform(0.5, 0.56), size, start, end)
        )
    return things


def _still(
    random: np.random.Generator, name: str, x: float, y: float, height: float, start: float, end: float,
    *, sway: float = 0.0, swing: float = 0.0,
) -> Thing:  # fmt: skip
    return Thing(name, False, x, y, height, start, end, None, None, 0.0, sway, swing, random.uniform(0.15, 0.4),
                 random.uniform(0, 6.3), bool(random.random() < 0.5))  # fmt: skip


def _cook_colours(random: np.random.Generator) -> tuple[tuple[str, str], ...]:
    """Returns (colour in the drawing, colour instead) for skin, hair and shirt."""
    changed: list[tuple[str, str]] = []
    for choices in (_SKINS, _HAIRS, _SHIRTS):
        chosen = choices[int(random.integers(len(choices)))]
        changed += [pair for pair in zip(choices[0], chosen, strict=True) if pair[0] != pair[1]]
    return tuple(changed)
