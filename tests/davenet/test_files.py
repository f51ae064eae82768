"""Whole files or none."""

import errno
from pathlib import Path

import pytest

from davenet.errors import UserError
from davenet.files import atomic_path, content_hash, write_text_atomically


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "clip"
    write_text_atomically(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("cut off")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_a_full_disk_is_told_in_one_sentence_that_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / "clip"
    with pytest.raises(UserError, match=r"disk is full: .*clip could not be written"), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_the_hash_follows_the_content_not_the_name(tmp_path: Path) -> None:
    first, second, third = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    first.write_bytes(b"x" * 5_000_000)
    second.write_bytes(b"x" * 5_000_000)
    third.write_bytes(b"x" * 4_999_999 + b"y")
    assert content_hash(first) == content_hash(second) != content_hash(third)


def test_the_hash_of_an_empty_file_is_a_hash(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert len(content_hash(tmp_path / "empty")) == 16
