"""Codes of weak labels, the start of models from nothing; and galleries that hold each segment once."""

import torch

from davenet.evaluation.gallery import distinct
from davenet.pairs import Pair, WeakLabel
from davenet.training.anchors import label_codes, similarities_with_codes
from davenet.training.dataset import Segmenting


def _pair(uid: str, time_s: float, word_at: float, name: str = "onion") -> Pair:
    return Pair(uid, "v", time_s, 2.0, "food", (WeakLabel(name, 0.9, 1, name, word_at, word_at + 0.5, 0.8),), 0.9)


def test_a_labels_code_is_the_same_wherever_it_is_asked_for_and_of_length_one() -> None:
    first, second = label_codes(["onion", "egg", "onion"], 64), label_codes(["egg"], 64)
    assert torch.equal(first[0], first[2]) and torch.equal(first[1], second[0])
    assert torch.allclose(first.norm(dim=1), torch.ones(3))
    assert abs(float(first[0] @ first[1])) < 0.5


def test_similarities_with_codes_equal_a_plain_loop() -> None:
    torch.manual_seed(0)
    image, audio, codes = torch.randn(3, 8, 4, 5), torch.randn(3, 8, 6), torch.randn(3, 8)
    steps = torch.tensor([6, 4, 1])
    frames, sounds = similarities_with_codes(image, audio, steps, codes)
    for i in range(3):
        for j in range(3):
            best = max(float(image[i, :, y, x] @ codes[j]) for y in range(4) for x in range(5))
            mean = float(audio[j, :, : steps[j]].mean(dim=1) @ codes[i])
            assert abs(float(frames[i, j]) - best) < 1e-5
            assert abs(float(sounds[i, j]) - mean) < 1e-5


def test_a_gallery_holds_a_spoken_word_once_with_its_nearest_frame() -> None:
    pairs = [_pair("far", 3.0, 9.8), _pair("near", 10.0, 9.8), _pair("other", 20.0, 19.0)]
    assert [pair.uid for pair in distinct(pairs, Segmenting(1.2, "word"))] == ["near", "other"]
    assert distinct(pairs, Segmenting(2.0, "frame")) == pairs
