"""False impostors: pairs of a batch that may well be true with one another, and so must not be pushed apart.

Two seconds of one video a moment apart show and say much the same; two pairs of one weak label show and say the same food.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from davenet.pairs import Pair


def label_of(pair: Pair) -> str:
    """Returns the class of the pair's first weak label, '' for a pair without one."""
    return pair.labels[0].class_name if pair.labels else ""


def impostors(pairs: Sequence[Pair], *, same_label: bool, same_video_s: float) -> Tensor:
    """Returns bool (B, B): which pairs are impostors of one another, never of themselves.

    With `same_label` pairs of the same weak label are none (pairs without a label have nothing in common); pairs of one
    video whose frames lie less than `same_video_s` seconds apart are none.
    """
    impostor_BB = ~np.eye(len(pairs), dtype=bool)
    if same_label:
        of_B = _numbered([label_of(pair) for pair in pairs])
        has_one_B = np.array([bool(label_of(pair)) for pair in pairs])
        impostor_BB &= ~((of_B[:, None] == of_B[None, :]) & has_one_B[:, None])
    if same_video_s > 0:
        video_B = _numbered([pair.video_uid for pair in pairs])
        time_B = np.array([pair.time_s for pair in pairs])
        near_BB = np.abs(time_B[:, None] - time_B[None, :]) < same_video_s
        impostor_BB &= ~((video_B[:, None] == video_B[None, :]) & near_BB)
    return torch.from_numpy(impostor_BB)


def _numbered(names: Sequence[str]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], np.int64)
