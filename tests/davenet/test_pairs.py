"""Pairs keep their identity and their file tells a broken line."""

from pathlib import Path

import pytest

from davenet.errors import UserError
from davenet.pairs import Pair, WeakLabel, pair_uid, read_pairs, uniform_pairs, write_pairs

ONION = WeakLabel("onion", 0.93, 1, "onion", 40.1, 40.6, 0.87)


def test_pairs_survive_their_file_and_equal_pairs_have_an_equal_hash(tmp_path: Path) -> None:
    pairs = [Pair("a", "eggs-1", 42.0, 2.0, "food", (ONION,), 0.98), *uniform_pairs("eggs-1", [0.0, 1.0])]
    first = write_pairs(tmp_path / "one.jsonl", pairs)
    assert list(read_pairs(tmp_path / "one.jsonl")) == pairs
    assert write_pairs(tmp_path / "two.jsonl", pairs) == first
    assert write_pairs(tmp_path / "three.jsonl", pairs[:-1]) != first


def test_a_pairs_uid_depends_on_video_time_and_kind_alone() -> None:
    assert pair_uid("v", 1.0, "food") == pair_uid("v", 1.0000001, "food")
    assert (
        len(
            {
                pair_uid("v", 1.0, "food"),
                pair_uid("w", 1.0, "food"),
                pair_uid("v", 2.0, "food"),
                pair_uid("v", 1.0, "uniform"),
            }
        )
        == 4
    )


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, uniform_pairs("v", [0.0, 1.0]))
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match=r"pairs\.jsonl, line 2 is not a pair"):
        list(read_pairs(path))
