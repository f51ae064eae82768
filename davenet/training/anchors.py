"""A start for models from nothing: each branch first learns codes of the weak labels, then frames meet sounds (Section 6).

Two untrained branches tell one another almost nothing, and a triplet loss rests for thousands of steps where all similarities
are equal (measured on the generated kitchen: no gain over chance in 900 steps; with six epochs of codes, at once). A code
is a fixed random direction for each label; the run's own loss draws the places of a frame, and the sound, to it.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from davenet.model.similarity import pool_audio


def label_codes(labels: Sequence[str], embedding: int) -> Tensor:
    """Returns float32 (B, D) of length one: the same for a label wherever and whenever it is asked for."""
    codes = {}
    for label in set(labels):
        seed = int.from_bytes(hashlib.blake2b(label.encode(), digest_size=7).digest(), "little")
        code = torch.randn(embedding, generator=torch.Generator().manual_seed(seed))
        codes[label] = code / code.norm()
    return torch.stack([codes[label] for label in labels])


def similarities_with_codes(
    image_BDHW: Tensor, audio_BDT: Tensor, n_audio_steps_B: Tensor, codes_BD: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns two (B, B): each frame's best place with each pair's code, and each code with each pair's sound."""
    with_frames_BB = torch.einsum("bdhw,cd->bchw", image_BDHW, codes_BD).amax(dim=(2, 3))
    return with_frames_BB, codes_BD @ pool_audio(audio_BDT, n_audio_steps_B).T
