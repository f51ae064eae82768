"""False impostors: pairs of one label, and of one video a moment apart, are not pushed away from each other."""

import torch

from davenet.pairs import Pair, WeakLabel
from davenet.training.impostors import impostors, label_of
from davenet.training.losses import (
    adaptive_mean_margin_loss,
    blended_triplet_loss,
    info_nce_loss,
    margin_softmax_loss,
    mil_nce_loss,
    semi_hard_triplet_loss,
)


def _pair(name: str, video: str = "v", time_s: float = 0.0) -> Pair:
    labels = (WeakLabel(name, 0.9, 1, name, time_s, time_s + 0.5, 0.8),) if name else ()
    return Pair(f"{video}{time_s}", video, time_s, 2.0, "food" if name else "non-food", labels)


def test_a_pair_without_a_label_has_the_empty_one() -> None:
    assert label_of(_pair("")) == ""
    assert label_of(_pair("onion")) == "onion"


def test_every_other_pair_is_an_impostor_unless_masks_are_on() -> None:
    pairs = [_pair("onion"), _pair("onion"), _pair("egg")]
    assert impostors(pairs, same_label=False, same_video_s=0).tolist() == (~torch.eye(3, dtype=torch.bool)).tolist()


def test_pairs_of_one_label_are_no_impostors_and_pairs_without_one_are() -> None:
    found = impostors([_pair(name) for name in ("onion", "egg", "onion", "", "")], same_label=True, same_video_s=0)
    assert found[0].tolist() == [False, True, False, True, True]
    assert found[3].tolist() == [True, True, True, False, True]


def test_neighbours_in_one_video_are_no_impostors_within_the_set_seconds() -> None:
    pairs = [_pair("", "a", 10.0), _pair("", "a", 12.0), _pair("", "a", 16.0), _pair("", "b", 11.0)]
    found = impostors(pairs, same_label=False, same_video_s=5.0)
    assert found[0].tolist() == [False, False, True, True]
    assert found[1].tolist() == [False, False, False, True]
    assert found[2].tolist() == [True, False, False, True]


def test_a_false_impostor_has_no_part_in_any_loss() -> None:
    torch.manual_seed(0)
    pairs = [_pair(name) for name in ("onion", "egg", "onion", "fig")]
    allowed = impostors(pairs, same_label=True, same_video_s=0)
    losses = {
        "blend": lambda s: blended_triplet_loss(
            s, margin=1.0, generator=torch.Generator().manual_seed(1), impostor_BB=allowed
        ),
        "semi-hard": lambda s: semi_hard_triplet_loss(s, margin=1.0, impostor_BB=allowed),
        "margin": lambda s: margin_softmax_loss(s, margin=0.3, impostor_BB=allowed),
        "info": lambda s: info_nce_loss(s, impostor_BB=allowed),
        "adaptive": lambda s: adaptive_mean_margin_loss(s, share=0.5, impostor_BB=allowed),
        "mil": lambda s: mil_nce_loss(s.unsqueeze(2), impostor_BB=allowed),
    }
    for name, loss in losses.items():
        similarity = torch.randn(4, 4).requires_grad_()
        value = loss(similarity)
        value.backward()
        assert similarity.grad is not None
        assert similarity.grad[0, 2] == similarity.grad[2, 0] == 0, name
        assert similarity.grad.abs().sum() > 0, name
        raised = similarity.detach().clone()
        raised[0, 2] = raised[2, 0] = 50.0
        torch.testing.assert_close(loss(raised), value.detach(), msg=name)


def test_a_pair_whose_every_impostor_is_false_adds_nothing() -> None:
    allowed = impostors([_pair("onion"), _pair("onion")], same_label=True, same_video_s=0)
    similarity = torch.randn(2, 2)
    assert blended_triplet_loss(similarity, margin=1.0, generator=torch.Generator(), impostor_BB=allowed) == 0
    assert margin_softmax_loss(similarity, margin=0.5, impostor_BB=allowed) == 0
    assert mil_nce_loss(similarity.unsqueeze(2), impostor_BB=allowed) == 0
