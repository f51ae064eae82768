"""The orders of the review queue as people read them."""

from typing import get_args

from annotator.store.records import QueueOrder

ORDERS: dict[QueueOrder, str] = {
    "mined": "by video and time",
    "shuffled": "shuffled",
    "disagreement": "most disagreeing evidence first",
    "threshold": "nearest to the model's threshold first",
    "class": "by class",
    "confident": "surest first",
    "uncertain": "least sure first",
}
SHORT: dict[QueueOrder, str] = {  # in a narrow panel
    "mined": "by video and time",
    "shuffled": "shuffled",
    "disagreement": "disagreeing first",
    "threshold": "near threshold first",
    "class": "by class",
    "confident": "surest first",
    "uncertain": "least sure first",
}
TIPS: dict[QueueOrder, str] = {
    "mined": "As they were mined: video by video, each in the order of time",
    "shuffled": "In a drawn order that its seed brings back",
    "disagreement": "First the pairs on which detector, word and model differ most",
    "threshold": "First the pairs that the model itself can hardly tell",
    "class": "One class after another",
    "confident": "First what the detector is surest of",
    "uncertain": "First what the detector is least sure of",
}
assert set(ORDERS) == set(SHORT) == set(TIPS) == set(get_args(QueueOrder))
