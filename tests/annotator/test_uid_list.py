"""The queue's compact list of uids does what a plain list does, whatever comes and goes."""

from hypothesis import given
from hypothesis import strategies as st

from annotator.views.review.uid_list import UidList

NAMES = st.text("abc123", min_size=1, max_size=5)


@given(st.lists(NAMES, unique=True), st.lists(st.tuples(st.booleans(), st.integers(0, 20), NAMES), max_size=20))
def test_rows_stay_true_while_uids_come_and_go(uids: list[str], edits: list[tuple[bool, int, str]]) -> None:
    plain, compact = list(uids), UidList(uids)
    for comes, row, uid in edits:
        if comes and uid not in plain:
            row = min(row, len(plain))
            plain.insert(row, uid)
            compact.insert(row, uid)
        elif not comes:
            expected = plain.index(uid) if uid in plain else None
            assert compact.remove(uid) == expected
            if expected is not None:
                del plain[expected]
    assert compact[:] == plain and len(compact) == len(plain)
    assert [compact.row_of(uid) for uid in plain] == list(range(len(plain)))
    assert all((uid in compact) == (uid in plain) for uid in {*uids, *(uid for _, _, uid in edits), "zzzzzzzz"})


def test_a_copy_keeps_what_was_listed() -> None:
    compact = UidList(["a", "b", "c"])
    before = compact.copy()
    compact.remove("b")
    compact.insert(0, "longer than before")
    assert before[:] == ["a", "b", "c"] and before.row_of("longer than before") is None
    assert compact[:] == ["longer than before", "a", "c"]


def test_an_empty_list_finds_nothing_and_takes_the_first() -> None:
    compact = UidList()
    assert compact.row_of("a") is None and compact[:] == [] and "a" not in compact
    compact.insert(0, "a")
    assert compact.row_of("a") == 0 and compact[0] == "a"


@given(st.lists(NAMES, unique=True), st.sets(NAMES), st.lists(st.tuples(st.integers(0, 20), NAMES), max_size=8))
def test_many_edits_at_once_are_what_they_are_one_by_one(
    uids: list[str], leaving: set[str], entering: list[tuple[int, str]]
) -> None:
    rest = set(uids) - leaving
    coming = sorted({uid: row for row, uid in entering if uid not in rest}.items(), key=lambda item: item[1])
    rows = dict.fromkeys(row for _uid, row in coming)  # two never have the same row afterwards
    placed = [(row, uid) for row, (uid, _row) in zip(rows, coming, strict=False)]
    plain, compact = [uid for uid in uids if uid not in leaving], UidList(uids)
    for row, uid in placed:
        plain.insert(min(row, len(plain)), uid)
    compact.edit(leaving, placed)
    assert compact[:] == plain
    assert [compact.row_of(uid) for uid in plain] == list(range(len(plain)))
