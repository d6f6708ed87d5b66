"""Wilson's interval against scipy's."""

import pytest
from scipy import stats

from rlhp_ray.statistics.wilson_interval import wilson_interval


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "number"), [(0, 1), (1, 1), (0, 7), (3, 7), (7, 7), (50, 100), (1, 1000)])
def test_it_is_that_of_scipy(successes, number, confidence):
    expected = stats.binomtest(successes, number).proportion_ci(confidence, method="wilson")
    assert wilson_interval(successes, number, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("arguments", [(1, 0), (-1, 3), (4, 3), (1, 3, 1.0), (1, 3, 0.0)])
def test_what_is_no_share_is_refused(arguments):
    with pytest.raises(ValueError, match="expected"):
        wilson_interval(*arguments)
