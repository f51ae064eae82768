"""A food detector simulated from the truth, with a real one's errors: misses, confusions, false alarms, shy scores.

It stands in for a recogniser that the project may not ship. Whatever it writes names it "simulated".
"""

import math
from collections.abc import Sequence

import numpy as np

from davenet.corpora.kitchen.foods import FOODS, LOOKALIKES
from davenet.corpora.kitchen.scene import SeenFood

NAME = "simulated"
VERSION = "1"
MISS, CONFUSION, FALSE_ALARM = 0.1, 0.08, 0.03  # chance for each food seen, each food seen, each frame without food

Answer = tuple[float, list[tuple[str, float]]]  # P(food), the top five classes


def detect(seen: Sequence[SeenFood], random: np.random.Generator) -> Answer:
    """Returns what the detector says of one frame."""
    scores = {food: float(random.beta(1.2, 22)) for food in FOODS}
    strength = 0.0
    for food in seen:
        clarity = food.visible * min(food.height / 0.3, 1.3)
        strength += clarity
        if random.random() < MISS:
            continue
        name = str(random.choice(LOOKALIKES[food.name])) if random.random() < CONFUSION else food.name
        score = 1 / (1 + math.exp(-(2.2 * clarity - 1.0 + random.normal(0, 0.7))))
        scores[name] = max(scores[name], score)
    if strength > 0.15:
        probability = 1 / (1 + math.exp(-(1.6 + 1.8 * strength + random.normal(0, 1.0))))
    elif random.random() < FALSE_ALARM:
        probability = float(random.uniform(0.5, 0.85))
        scores[str(random.choice(FOODS))] = float(random.uniform(0.4, 0.8))
    else:
        probability = float(random.beta(1.0, 40))
    top = sorted(scores.items(), key=lambda item: -item[1])[:5]
    return round(probability, 4), [(name, round(score, 4)) for name, score in top]
