"""Kappa and alpha against figures made by hand, of the literature, and of statsmodels."""

import numpy as np
import pytest
from statsmodels.stats import inter_rater

from rlhp_ray.statistics.rater_agreement import cohens_kappa, krippendorff_alpha

# Krippendorff 2011, section C: four observers, twelve units, five names; nothing where an observer said nothing.
A, B, C, D = "123321412...", "1233224125.3", ".3332342251.", "12332441251."


def units_of(*observers: str) -> list[list[str]]:
    return [[said for said in unit if said != "."] for unit in zip(*observers, strict=True)]


def test_kappa_by_hand():
    """20 and 15 agree, 5 and 10 do not: p_o = 35/50, p_e = (25 * 30 + 25 * 20) / 50^2 = 1/2, kappa = 0.4."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)


def test_kappa_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 3, 60)
    second = np.where(rng.random(60) < 0.6, first, rng.integers(0, 3, 60))
    table = np.zeros((3, 3))
    np.add.at(table, (first, second), 1)
    expected = inter_rater.cohens_kappa(table).kappa
    assert cohens_kappa(list(zip(first.tolist(), second.tolist(), strict=True))) == pytest.approx(expected)


def test_alpha_of_the_literature():
    assert krippendorff_alpha(units_of(A, B, C, D)) == pytest.approx(0.743, abs=5e-4)


def test_alpha_by_hand():
    """Three units of two: ab, aa, bb. D_o = 2/6; n_a = n_b = 3, D_e = 18/30; alpha = 1 - (1/3) / (3/5) = 4/9."""
    assert krippendorff_alpha(["ab", "aa", "bb"]) == pytest.approx(4 / 9)


def test_where_chance_agrees_too_nothing_is_said():
    assert cohens_kappa([]) is None
    assert cohens_kappa([("left", "left")] * 9) is None
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha(["a", "b"]) is None
    assert krippendorff_alpha(["aa", "aaa"]) is None


def test_full_agreement_is_one_and_full_disagreement_below_chance():
    assert cohens_kappa([("a", "a"), ("b", "b")]) == krippendorff_alpha(["aa", "bb"]) == 1
    assert cohens_kappa([("a", "b"), ("b", "a")]) == -1
    assert krippendorff_alpha(["ab", "ab"]) == pytest.approx(1 - 1 / (2 / 3))
