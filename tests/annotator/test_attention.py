"""What a verdict took: seconds looked at a pair, idle ones left out, keys and replays; and where a reviewer was."""

from pathlib import Path

import pytest

from annotator.views.review.attention import IDLE_S, Attention
from annotator.views.review.blind import Blind, Sort
from annotator.views.review.places import FOLLOWING, keep_place, places_file, read_place


class Hands:
    """A clock that goes on only when told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.attention = Attention(lambda: self.now)
        self.attention.begin()

    def wait(self, seconds: float) -> "Hands":
        self.now += seconds
        return self


def test_short_pauses_count_in_full_and_long_ones_only_their_first_half_minute() -> None:
    hands = Hands()
    hands.wait(4).attention.touch()
    assert hands.wait(29).attention.seconds() == pytest.approx(33)
    assert hands.wait(600).attention.seconds() == pytest.approx(4 + IDLE_S)
    hands.attention.touch()
    assert hands.wait(2).attention.seconds() == pytest.approx(4 + IDLE_S + 2)


def test_playback_counts_however_long_nobody_touches_anything() -> None:
    hands = Hands()
    hands.attention.set_playing(True)
    assert hands.wait(120).attention.seconds() == pytest.approx(120)
    hands.attention.set_playing(False)
    assert hands.wait(120).attention.seconds() == pytest.approx(120 + IDLE_S)


def test_the_time_in_another_workspace_is_not_counted() -> None:
    hands = Hands()
    hands.wait(5).attention.leave()
    hands.wait(20).attention.touch()
    assert hands.attention.seconds() == pytest.approx(5)
    hands.attention.come_back()
    assert hands.wait(3).attention.seconds() == pytest.approx(8)


def test_each_pair_begins_anew_with_seconds_keys_and_replays() -> None:
    hands = Hands()
    for _ in range(3):
        hands.attention.play()
    hands.attention.press("replay")
    hands.wait(2).attention.press("accept")
    assert (hands.attention.replays, hands.attention.keys) == (2, ("replay", "accept"))
    hands.attention.begin()
    assert (hands.attention.replays, hands.attention.keys, hands.attention.seconds()) == (0, (), 0)


def test_asking_for_the_seconds_is_no_sign_of_life() -> None:
    hands = Hands()
    for _ in range(10):
        hands.wait(10).attention.seconds()
    assert hands.attention.seconds() == pytest.approx(IDLE_S)


def test_a_blind_pair_is_hidden_then_revealed_by_its_first_verdict() -> None:
    blind = Blind()
    blind.turn(True)
    blind.begin()
    assert blind.hides and blind.sort() == Sort(is_blind=True, is_revealed=False)
    assert blind.decide("accept") and not blind.hides and blind.first == "accept"
    assert blind.sort() == Sort(is_blind=False, is_revealed=True)
    assert not blind.decide("reject")  # nothing more is revealed
    blind.begin()
    assert blind.hides


def test_whoever_has_peeked_or_only_skips_decides_nothing_blind() -> None:
    blind = Blind()
    blind.turn(True)
    blind.begin()
    blind.peek(True)
    assert not blind.hides
    blind.peek(False)
    assert blind.hides and blind.n_peeks == 1
    assert blind.sort() == Sort(is_blind=False, is_revealed=False) and not blind.decide("accept")
    blind.begin()
    assert not blind.decide("skip") and blind.hides


def test_a_place_is_kept_for_each_reviewer_of_each_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "settings"))
    project, other = tmp_path / "soups", tmp_path / "salads"
    assert read_place(project, "ada") == []
    keep_place(project, "ada", [str(n) for n in range(20)])
    keep_place(project, "grace", ["g"])
    keep_place(other, "ada", ["o"])
    assert read_place(project, "ada") == [str(n) for n in range(FOLLOWING + 1)]
    assert (read_place(project, "grace"), read_place(other, "ada")) == (["g"], ["o"])
    places_file(project).write_text("[1", encoding="utf-8")
    assert read_place(project, "ada") == []
    keep_place(project, "ada", ["again"])
    assert read_place(project, "ada") == ["again"]
