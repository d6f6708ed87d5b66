"""Against statsmodels' power of Student's test, tables, and simulated tests."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import tt_ind_solve_power

from rlhp_ray.statistics.seeds_needed import MOST_SEEDS, seeds_needed


def seeds(mean: float, deviation: float) -> list[float]:
    """Three values of that mean and standard deviation."""
    return [mean - deviation, mean, mean + deviation]


@pytest.mark.parametrize("effect", [0.2, 0.5, 0.8, 1.3, 4.0])
def test_of_equal_variances_statsmodels_gives_the_same(effect):
    expected = tt_ind_solve_power(effect_size=effect, alpha=0.05, power=0.8, ratio=1.0)
    assert seeds_needed(seeds(0.0, 10.0), seeds(10 * effect, 10.0)) == np.ceil(expected)


@pytest.mark.parametrize(("effect", "needed"), [(0.2, 393), (0.5, 64), (0.8, 26)])
def test_the_tables_say_the_same(effect, needed):
    # small, medium and large effects of Cohen 1992, Psychological Bulletin 112, table 2, which is rounded
    assert seeds_needed(seeds(0.0, 1.0), seeds(effect, 1.0)) == pytest.approx(needed, abs=1)


def test_of_unequal_variances_welchs_test_finds_it_that_often():
    x, y = seeds(0.0, 1.0), seeds(4.0, 4.0)
    needed, rng = seeds_needed(x, y), np.random.default_rng(0)
    found = {}
    for n in (needed - 1, needed):
        test = stats.ttest_ind(rng.normal(0, 1, (8000, n)), rng.normal(4, 4, (8000, n)), axis=1, equal_var=False)
        found[n] = np.mean(test.pvalue < 0.05)
    assert found[needed - 1] < 0.8 + 0.015 and found[needed] > 0.8 - 0.015  # three standard errors of 8,000 tests


def test_settings_that_agree_need_more_than_there_can_be():
    assert seeds_needed([1.0, 2.0], [1.0, 2.0]) is None
    assert seeds_needed(seeds(0.0, 1.0), seeds(0.01, 1.0)) is None
    assert seeds_needed(seeds(0.0, 1.0), seeds(0.126, 1.0)) == pytest.approx(MOST_SEEDS, abs=15)


def test_settings_far_apart_need_two():
    assert seeds_needed(seeds(0.0, 1.0), seeds(1e5, 1.0)) == 2
    assert seeds_needed(seeds(0.0, 1e-9), seeds(1e5, 1e-9)) == 2
    assert seeds_needed([1.0, 1.0], [2.0, 2.0]) == 2


def test_what_cannot_be_planned_is_refused():
    with pytest.raises(ValueError, match="1 values; expected at least 2"):
        seeds_needed([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"alpha=0.05, power=80; expected 0 < alpha < power < 1"):
        seeds_needed([1.0, 2.0], [1.0, 2.0], power=80)
