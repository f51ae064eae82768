"""Agreement beyond chance, held against the worked examples that the measures were published with."""

import numpy as np
import pytest

from davenet.agreement import agreement, cohens_kappa, krippendorffs_alpha

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C: four observers, twelve units, missing data
_OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)
# The same paper, section B: two observers, twelve units, no missing data
_TWO = (
    ("a", "a", "b", "b", "d", "c", "c", "c", "e", "d", "d", "a"),
    ("b", "a", "b", "b", "b", "c", "c", "c", "e", "d", "d", "d"),
)


def _units(observers: tuple[tuple[object, ...], ...]) -> list[list[object]]:
    return [[value for value in unit if value is not None] for unit in zip(*observers, strict=True)]


def test_alpha_is_the_published_one_for_several_observers_with_missing_data() -> None:
    found = krippendorffs_alpha(_units(_OBSERVERS))
    assert found.value == pytest.approx(0.743, abs=0.0005)
    assert found.n_units == 11  # the twelfth unit has one observer alone


def test_alpha_is_the_published_one_for_two_observers() -> None:
    assert krippendorffs_alpha(_units(_TWO)).value == pytest.approx(0.692, abs=0.0005)


def test_alpha_is_that_of_the_coincidences_counted_one_by_one() -> None:
    rng = np.random.default_rng(3)
    units = [list(rng.integers(0, 4, rng.integers(1, 5))) for _ in range(40)]
    several = [unit for unit in units if len(unit) > 1]
    observed = sum(
        (one != other) / (len(unit) - 1)
        for unit in several
        for place, one in enumerate(unit)
        for other in unit[:place] + unit[place + 1 :]
    )
    values = [value for unit in several for value in unit]
    expected = sum(one != other for one in values for other in values) / (len(values) - 1)
    assert krippendorffs_alpha(units).value == pytest.approx(1 - observed / expected)


def test_kappa_is_the_one_of_a_table_worked_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: observed 0.7, by chance 0.5, kappa 0.4
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = cohens_kappa(first, second)
    assert found.value == pytest.approx(0.4)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high
    # the large-sample standard error of this kappa is 0.13 (Fleiss, Cohen and Everitt 1969)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(0.13, abs=0.015)


def test_full_agreement_is_one_and_opposition_is_below_zero() -> None:
    assert cohens_kappa("abab", "abab").value == 1
    assert cohens_kappa("abab", "baba").value == -1
    assert krippendorffs_alpha(["aa", "bb", "aa"]).value == 1


def test_what_nobody_could_disagree_on_has_no_agreement_beyond_chance() -> None:
    assert cohens_kappa("aaa", "aaa").value is None
    assert krippendorffs_alpha(["aa", "aa"]).value is None
    assert krippendorffs_alpha(["a", "b"]).value is None
    assert krippendorffs_alpha([]).n_units == 0


def test_intervals_are_the_same_for_the_same_seed() -> None:
    units = _units(_OBSERVERS)
    assert krippendorffs_alpha(units, seed=1) == krippendorffs_alpha(units, seed=1)
    assert krippendorffs_alpha(units, seed=1) != krippendorffs_alpha(units, seed=2)


def test_each_two_reviewers_are_compared_on_the_pairs_that_both_decided() -> None:
    decided = {
        "eve": {"p1": "accept", "p2": "reject", "p3": "accept"},
        "ann": {"p1": "accept", "p2": "reject", "p9": "reject"},
        "ben": {"p7": "accept"},
    }
    found = agreement(decided)
    assert found.reviewers == ("ann", "ben", "eve")
    assert {two: kappa.n_units for two, kappa in found.kappa.items()} == {("ann", "eve"): 2}
    assert found.kappa["ann", "eve"].value == 1
    assert found.alpha.n_units == 2
