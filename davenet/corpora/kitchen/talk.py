"""What the cook of a generated video says: sentences about foods loosely near what is seen, and about other things."""

from dataclasses import dataclass

import numpy as np

from davenet.corpora.kitchen.foods import FOODS
from davenet.corpora.kitchen.plan import Plan

LOOSENESS_S = 6.0  # a food is named at most this long before it is seen or after it was
_OUT_OF_VIEW_SHARE = 0.12  # of the foods named
_CHATTER_SHARE = 0.3  # of the sentences where food is in view

# {0} and {1} are foods. Short clauses: the pieces between foods are spoken in one breath.
FOOD_SENTENCES = (
    "now we take the {0}", "add the {0} and stir it slowly", "this {0} smells wonderful",
    "cut the {0} into small pieces", "I wash the {0} first, and then the {1}", "put the {0} next to the {1}",
    "a little salt on the {0}", "and here is the {0}", "you can use any {0} you like", "look at this {0}",
    "the {0} goes into the pan", "mix the {0} with the {1}", "I really love {0}", "leave the {0} for five minutes",
    "take one more {0}", "and now the {0}, nice and easy", "slice the {0} as thin as you can", "some {0} and some {1}",
    "do not forget the {0}", "that is a good {0}",
)  # fmt: skip
CHATTER = (
    "my grandmother taught me this when I was small", "it was raining all day yesterday", "you do not need to hurry",
    "I went to the market early this morning", "the window is open so it is a little cold", "thank you for watching",
    "we always did this on sunday", "turn the heat down a little", "give it some time", "that looks about right",
    "my brother never believed me", "I think you will like this one", "you can do this with your children",
    "and that is really all there is to it", "let me show you how it works", "I used to live near the sea",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as pieces in order; a piece that is a food is spoken alone, so that its time is known."""

    pieces: tuple[str, ...]
    foods: tuple[str, ...]  # those among the pieces
    pause_s: float  # of silence before it


def next_sentence(plan: Plan, random: np.random.Generator, t: float) -> Sentence:
    """Returns what is said at about time t of the plan."""
    near = foods_near(plan, t)
    here = foods_near(plan, t, within_s=0.0)
    pause = float(random.uniform(0.25, 1.3))
    if not near or random.random() < (_CHATTER_SHARE if here else 0.8):
        return Sentence((str(random.choice(CHATTER)),), (), pause)
    pattern = str(random.choice(FOOD_SENTENCES))
    foods: list[str] = []
    for _ in range(2 if "{1}" in pattern else 1):
        if random.random() < _OUT_OF_VIEW_SHARE:
            pool = [food for food in FOODS if food not in near and food not in foods]
        else:
            wanted = here if here and random.random() < 0.92 else near
            pool = [food for food in wanted if food not in foods] or [food for food in FOODS if food not in foods]
        foods.append(str(random.choice(pool)))
    return Sentence(_pieces(pattern, foods), tuple(foods), pause)


def foods_near(plan: Plan, t: float, *, within_s: float = LOOSENESS_S) -> list[str]:
    """Returns the foods that stand in a shot at some time within so many seconds of t."""
    found = {
        thing.name: None
        for shot in plan.shots
        for thing in shot.things
        if thing.is_food and thing.start - within_s <= t <= thing.end + within_s
    }
    return list(found)


def _pieces(pattern: str, foods: list[str]) -> tuple[str, ...]:
    parts = [pattern]
    for number, food in enumerate(foods):
        slot = "{" + str(number) + "}"
        parts = [bit for part in parts for bit in _split(part, slot, food)]
    return tuple(part for part in parts if part.strip(" ,"))


def _split(part: str, slot: str, food: str) -> list[str]:
    before, found, after = part.partition(slot)
    return [before.strip(), food, after.strip(" ,")] if found else [part]
